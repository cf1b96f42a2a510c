#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""HMP: the same commands on ours and on Debian's QEMU. quick: yes"""
import re
import unittest

import peer


@peer.on_both
class Same(peer.MonitorTest):
    """What both print is written down here, so that neither can drift."""

    # A stopped machine at its reset vector: everything below follows from the manuals.
    EXACT = [
        ("info status", "VM status: paused (prelaunch)\n"),
        ("foo", "unknown command: 'foo'\n"),
        ("info foo", "unknown command: 'info foo'\n"),
        ("p 1+2*3", "0x7\n"),
        ("p 1|2^3&1", "0\n"),
        ("p (1+2)*3%5-~0", "0x5\n"),
        ("p -1", "0xffffffffffffffff\n"),
        ("p/d -1", "-1\n"),
        ("p/o 8", "010\n"),
        ("p/u -1", "18446744073709551615\n"),
        ("p/c 65", "'A'\n"),
        ("p/x 'a'+1", "0x62\n"),
        ("p $eip", "0xfff0\n"),
        ("p $pc", "0xfffffffffffffff0\n"),
        ("p $cs", "0xf000\n"),
        ("p $eflags", "0x2\n"),
        ("p $foo", 'unknown register\nTry "help p" for more information\n'),
        ("p 1/0", 'division by zero\nTry "help p" for more information\n'),
        ("p (1", '\')\' expected\nTry "help p" for more information\n'),
        ("p 1 2", 'print|p: extraneous characters at the end of line\nTry "help p" for more information\n'),
        ("p", 'unexpected end of expression\nTry "help p" for more information\n'),
        ("stop foo", 'stop|s: extraneous characters at the end of line\nTry "help stop" for more information\n'),
        ("info status foo",
         'status: extraneous characters at the end of line\nTry "help info status" for more information\n'),
        ("x/s 0", 'invalid char in format: \'s\'\nTry "help x" for more information\n'),
        ("x/4xb 0xffff0", "000ffff0: 0xea 0x5b 0xe0 0x00\n"),
        ("x/2xh 0xffff0", "000ffff0: 0x5bea 0x00e0\n"),
        ("x/3xw 0xffff0", "000ffff0: 0x00e05bea 0x2f3630f0 0x392f3332\n"),
        ("xp/1xg 0xffff0", "00000000000ffff0: 0x2f3630f000e05bea\n"),
        ("xp/10xb 0xffff0", "00000000000ffff0: 0xea 0x5b 0xe0 0x00 0xf0 0x30 0x36 0x2f\n"
                            "00000000000ffff8: 0x32 0x33\n"),
        ("x/4d 0xffff0", "000ffff0: 234  91 224   0\n"),
        ("x/4u 0xffff0", "000ffff0: 234  91 224   0\n"),
        ("x/2o 0xffff0", "000ffff0: 0352 0133\n"),
        ("x/4c 0xffff5", "000ffff5: '0' '6' '/' '2'\n"),
        ("x/2xb 0xffff0", "000ffff0: 0xea 0x5b\n"),
        ("x /2 0xffff0", "000ffff0: 0xea 0x5b\n"),
        ("info mem", "PG disabled\n"),
        ("info tlb", "PG disabled\n"),
        ("info uuid", "550e8400-e29b-41d4-a716-446655440000\n"),
        ("info name", "a guest\n"),
        ("info replay", "Record/replay is not active\n"),
        ("replay_break 100", "Error: setting the breakpoint is allowed only in play mode\n"),
        ("replay_seek 100", "Error: replay must be enabled to seek\n"),
        ("replay_delete_break", "Error: replay breakpoints are allowed only in play mode\n"),
        ("sendkey", 'sendkey: string expected\nTry "help sendkey" for more information\n'),
        ("sendkey a-foo", "invalid parameter: foo\n"),
        ("sendkey 0x1ff", None),
        ("mouse_set 77", "Mouse at index '77' not found\n"),
        ("mouse_button", 'unexpected end of expression\nTry "help mouse_button" for more information\n'),
        ("cpu 0", ""),
        ("cpu 1", "invalid CPU index\n"),
        ("memsave 0 10", 'memsave: string expected\nTry "help memsave" for more information\n'),
        ("memsave 0 10 /nonexistent/x",
         'invalid char \'n\' in expression\nTry "help memsave" for more information\n'),
        ('memsave 0 10 "/nonexistent/x"', "Error: Could not open '/nonexistent/x': No such file or directory\n"),
        ("system_wakeup", "Error: Unable to wake up: guest is not in suspended state\n"),
        ("trace-event foo on", 'unknown event "foo"\n'),
        ("trace-event foo", 'Expected \'on\' or \'off\'\nTry "help trace-event" for more information\n'),
        ("help foo", "unknown command: 'foo'\n"),
        ("help stop", "stop|s  -- stop emulation\n"),
        ("help info status", "info status  -- show the current VM status (running|paused)\n"),
        ("sum 0xffff0 16", None),
        ("i/b 0x92", "portb[0x0092] = 0x"),
        ("o/b 0x80 1", ""),
    ]

    def setUp(self):
        super().setUp()
        self.process = self.launch("-S", "-uuid", "550e8400-e29b-41d4-a716-446655440000", "-name", "a guest")

    def test_exact(self):
        hmp = self.hmp()
        for command, expected in self.EXACT:
            with self.subTest(command=command):
                got = hmp.run(command)
                if expected is None:
                    continue
                if expected.startswith("portb"):
                    self.assertTrue(got.startswith(expected), got)
                elif command.startswith("replay_"):
                    # QEMU's text, with or without its prefix.
                    self.assertEqual(got.removeprefix("Error: "), expected.removeprefix("Error: "))
                else:
                    self.assertEqual(got, expected)

    def test_registers(self):
        got = self.hmp().run("info registers")
        self.assertIn("EIP=0000fff0 EFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=0\n", got)
        # QEMU's code segment is executable from the start, the SDM's (3A, table 9-1) is data.
        self.assertRegex(got, "CS =f000 ffff0000 0000ffff 00009[3b]00\n")
        self.assertTrue(got.startswith("\nCPU#0\nEAX="), got)

    def test_run_states(self):
        hmp = self.hmp()
        hmp.run("cont")
        self.assertEqual(hmp.run("info status"), "VM status: running\n")
        hmp.run("s")
        self.assertEqual(hmp.run("info status"), "VM status: paused\n")
        before = hmp.run("info registers")
        self.assertEqual(hmp.run("info registers"), before)
        hmp.run("c")
        self.assertEqual(hmp.run("info status"), "VM status: running\n")
        hmp.run("system_reset")
        hmp.line.sendall(b"quit\r")
        self.assertEqual(self.process.wait(20), 0)

    def test_history(self):
        hmp = self.hmp()
        hmp.run("p 1")
        hmp.run("p 2")
        hmp.run("p 1")
        self.assertEqual(hmp.run("info history"), "0: 'p 2'\n1: 'p 1'\n2: 'info history'\n")
        # Up twice, to p 1.
        self.assertTrue(hmp.run("\x1b[A\x1b[A").endswith("0x1\n"))
        # Up three times, down once.
        self.assertTrue(hmp.run("\x1b[A\x1b[A\x1b[A\x1b[B").endswith("\n"))

    def test_editing(self):
        hmp = self.hmp()
        more = [] if self.peer else ["p 8\x02\x04" + "7", "p 8\x157\x01p ", "p 78\x02\x0b"]
        for keys in ["p 12\x7f\x7f7", "x 7\x01\x04p", "\x1b[C\x1b[Dp 7", "p 71\x1b[D\x1b[3~",
                     " 7\x1b[Hp\x1b[F", "p 5\x177", *more]:
            with self.subTest(keys=keys):
                self.assertEqual(hmp.run(keys).split("\n")[-2], "0x7")

    def test_completion(self):
        hmp = self.hmp()
        self.assertEqual(hmp.run("info statu\t"), "VM status: paused (prelaunch)\n")
        # The key's name is all that a chord lacks.
        self.assertEqual(hmp.run("sendkey ctrl-backsp\t"), "")
        # What several begin with is filled in, and they are listed.
        hmp.line.sendall(b"system_\t")
        shown = b""
        while shown.count(b"system_") < 5:
            shown += hmp.line.recv(4096)
        for name in (b"system_powerdown", b"system_reset", b"system_wakeup"):
            self.assertIn(name, shown)

    def test_memory_to_file(self):
        hmp = self.hmp()
        for command in ("memsave", "pmemsave"):
            path = self.folder / command
            self.assertEqual(hmp.run(f'{command} 0xffff0 5 "{path}"'), "")
            self.assertEqual(path.read_bytes(), b"\xea\x5b\xe0\x00\xf0")

    def test_reconnect(self):
        for _ in range(3):
            with peer.Hmp(self.hmp_path) as hmp:
                self.assertRegex(hmp.banner, rb"^QEMU .*monitor - type 'help' for more information\r\n$")
                self.assertEqual(hmp.run("p 7"), "0x7\n")

    def test_half_closed(self):
        """printf commands | nc: what was asked is answered, though nothing more will come."""
        if self.peer:
            self.skipTest("QEMU closes at once")
        line = self.hmp().line
        line.sendall(b"info registers\rp 7\r")
        line.shutdown(1)
        got = b""
        while more := line.recv(65536):
            got += more
        self.assertIn(b"EIP=0000fff0", got)
        self.assertIn(b"0x7\r\n", got)


class Ours(peer.MonitorTest):
    def setUp(self):
        super().setUp()
        self.process = self.launch("-S", "-vga", "std")

    def test_every_command_is_helped(self):
        hmp = self.hmp()
        rows = [line for line in hmp.run("help").splitlines() + hmp.run("info").splitlines() if line]
        self.assertGreater(len(rows), 50)
        for row in rows:
            self.assertRegex(row, r"^(info )?[a-z0-9?|_-]+ .*-- .+", row)

    def test_every_info(self):
        hmp = self.hmp()
        for row in hmp.run("info").splitlines():
            name = row.split()[1]
            got = hmp.run(f"info {name}")
            self.assertNotIn("unknown", got)
            self.assertNotIn("Error", got)

    def test_disassembly(self):
        got = self.hmp().run("x/2i 0xffff0")
        self.assertRegex(got, r"^0x000ffff0:  ea 5b e0 00 f0 +jmp far 0xf000:0xe05b\n0x000ffff5:  30 36")

    def test_trees(self):
        hmp = self.hmp()
        self.assertIn("  0000000000000000-000000000009ffff (prio 0, ram): pc.ram\n", hmp.run("info mtree"))
        self.assertIn("        bus: isa.0\n", hmp.run("info qtree"))
        self.assertIn("dev: PIIX4_PM", hmp.run("info qtree"))

    def test_screendump(self):
        hmp = self.hmp()
        hmp.run("cont")
        for command, magic in (("screendump {}", b"P6\n"), ("screendump {} -f png", b"\x89PNG")):
            path = self.folder / "picture"
            self.assertEqual(hmp.run(command.format(path)), "")
            self.assertTrue(path.read_bytes().startswith(magic), command)
        self.assertEqual(hmp.run("screendump /nonexistent/x"),
                         "Error: failed to open file '/nonexistent/x': No such file or directory\n")
        self.assertIn("'bmp'", hmp.run(f"screendump {path} -f bmp"))

    def test_log_items(self):
        hmp = self.hmp()
        log = self.folder / "log"
        hmp.run(f"logfile {log}")
        self.assertEqual(hmp.run("log in_asm"), "")
        hmp.run("cont")
        end = re.compile("IN: ")
        for _ in range(100):
            if end.search(log.read_text()):
                break
            hmp.run("info status")
        self.assertRegex(log.read_text(), "IN: ")
        self.assertRegex(hmp.run("log foo"), "unknown log item 'foo'")
        self.assertEqual(hmp.run("log none"), "")

    def test_translator(self):
        hmp = self.hmp()
        hmp.run("cont")
        got = hmp.run("info jit")
        for line in ("code memory", "blocks", "guest code", "host code", "branches", "executed"):
            self.assertIn(line, got)


if __name__ == "__main__":
    peer.machine.main()
