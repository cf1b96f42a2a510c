#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The parallel port with a printer behind it: IBM PC/AT Technical Reference, "Serial/Parallel adapter".

Left open: how long the printer is busy, and what reading the data port gives before anything was written. The third
port (3BCH) isn't here: QEMU has it and it doesn't answer."""

import os
import tempfile

import qtest
from pc import MS, Pic, wait

STROBE, AUTO_FEED, NOT_INIT, SELECT, IRQ_ENABLE = 1, 2, 4, 8, 16
NOT_ERROR, SELECTED, PAPER_OUT, NOT_ACK, NOT_BUSY = 0x08, 0x10, 0x20, 0x40, 0x80
PORTS = (0x378, 0x278)


class TestParallel(qtest.TestCase):
    def setUp(self):
        self.printed, args = [], []
        for n in range(len(PORTS)):
            handle, path = tempfile.mkstemp(prefix="printed-")
            os.close(handle)
            self.addCleanup(os.unlink, path)
            self.printed.append(path)
            args += ["-parallel", "file:" + path]
        self.vm = self.start(args)

    def paper(self, n=0):
        with open(self.printed[n], "rb") as file:
            return file.read()

    def send(self, byte, base=0x378, control=NOT_INIT | SELECT):
        self.vm.outb(base, byte)
        self.vm.outb(base + 2, control | STROBE)
        self.vm.outb(base + 2, control)
        self.vm.clock_step(MS)
        # Programs look whether the printer is ready before they go on.
        self.vm.inb(base + 1)

    def test_registers(self):
        for base in PORTS:
            with self.subTest(hex(base)):
                for value in (0x00, 0x55, 0xAA, 0xFF):
                    self.vm.outb(base, value)
                    self.assertEqual(self.vm.inb(base), value)
                for value in (NOT_INIT | SELECT, NOT_INIT, NOT_INIT | SELECT | AUTO_FEED, NOT_INIT | SELECT | IRQ_ENABLE):
                    self.vm.outb(base + 2, value)
                    self.assertBits(self.vm.inb(base + 2), 0xDF, 0xC0 | value & 0x1F, "control")
                    self.vm.inb(base + 1)

    def test_status(self):
        self.vm.outb(0x37A, NOT_INIT | SELECT)
        ready = NOT_ERROR | SELECTED | NOT_ACK | NOT_BUSY
        self.assertBits(self.vm.inb(0x379), ready | PAPER_OUT, ready)
        self.vm.outb(0x379, 0)
        self.assertBits(self.vm.inb(0x379), ready | PAPER_OUT, ready)

    def test_prints(self):
        for n, base in enumerate(PORTS):
            text = b"line %d\r\n\0\xff" % n
            for byte in text:
                self.send(byte, base)
            self.assertEqual(self.paper(n), text)

    def test_needs_a_strobe(self):
        for byte in b"abc":
            self.vm.outb(0x378, byte)
        self.assertEqual(self.paper(), b"")
        self.send(ord("d"))
        self.assertEqual(self.paper(), b"d")

    def test_a_printer_that_is_reset_prints_nothing(self):
        self.send(ord("x"), control=SELECT)
        self.assertEqual(self.paper(), b"")
        self.send(ord("y"))
        self.assertEqual(self.paper(), b"y")

    def test_interrupt_only_if_enabled(self):
        pic = Pic(self.vm)
        self.vm.outb(0x4D0, 0)
        self.send(ord("a"))
        self.assertFalse(pic.requested(7))
        # The printer's acknowledgement is a pulse of microseconds.
        control = NOT_INIT | SELECT | IRQ_ENABLE
        for register, value in ((0x37A, control), (0x378, ord("b")), (0x37A, control | STROBE), (0x37A, control)):
            self.vm.outb(register, value)
        self.assertTrue(wait(self.vm, lambda: pic.requested(7), MS // 10, 1000))
        self.assertEqual(self.paper(), b"ab")


if __name__ == "__main__":
    qtest.main()
