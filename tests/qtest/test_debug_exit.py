#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""isa-debug-exit and isa-debugcon."""

import os
import tempfile

import qtest


class TestDebugExit(qtest.TestCase):
    def setUp(self):
        pass

    def exit_status(self, args, port, value, size="b"):
        vm = self.start(args)
        try:
            getattr(vm, "out" + size)(port, value)
        except (qtest.QtestError, OSError):
            pass
        return vm.process.wait(10)

    def test_status(self):
        args = ("-device", "isa-debug-exit,iobase=0xf4,iosize=4")
        for value, status in ((0, 1), (1, 3), (0x10, 0x21)):
            self.assertEqual(self.exit_status(args, 0xF4, value, "l"), status)

    def test_defaults(self):
        self.assertEqual(self.exit_status(("-device", "isa-debug-exit"), 0x501, 2), 5)

    def test_debug_console(self):
        handle, path = tempfile.mkstemp(prefix="debugcon-")
        os.close(handle)
        self.addCleanup(os.unlink, path)
        vm = self.start(("-chardev", "file,id=d,path=" + path,
                         "-device", "isa-debugcon,iobase=0x402,chardev=d"))
        self.assertEqual(vm.inb(0x402), 0xE9)
        for byte in b"debug\n":
            vm.outb(0x402, byte)
        with open(path, "rb") as f:
            self.assertEqual(f.read(), b"debug\n")


if __name__ == "__main__":
    qtest.main()
