#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/kallsyms-to-elf, as binutils and gdb see what it makes. quick: yes"""
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
NARROW = """\
00000040 A fixed_place
c9000000 T _text
c9000000 T startup_32
c9000010 t helper
c9000010 t helper_alias
c9400100 T last_function
c9500000 b some_data
d09b8000 t mark_idle\t[visitors]
"""
WIDE = "".join("ffffffff" + line + "\n" for line in NARROW.splitlines())


def tool(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


class Kallsyms(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="qemu-replay-test-")
        self.addCleanup(folder.cleanup)
        self.elf = pathlib.Path(folder.name) / "kernel.elf"

    def make(self, text, *options):
        return subprocess.run([ROOT / "scripts" / "kallsyms-to-elf", *options, "-", self.elf], input=text,
                              capture_output=True, text=True, timeout=60)

    def test_symbols(self):
        for text, kind in ((NARROW, "ELF32"), (WIDE, "ELF64")):
            with self.subTest(kind):
                done = self.make(text)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn(kind, tool("readelf", "-hSW", self.elf))
                shown = [line.split() for line in tool("nm", "-n", self.elf).splitlines()]
                self.assertEqual(sorted(shown), sorted(line.split() for line in text.splitlines()[:-1]))
                code = tool("gdb", "-nx", "-batch", "-ex", "info symbol helper + 4", "-ex", "info symbol last_function",
                            self.elf).splitlines()
                self.assertRegex(code[0], r"^helper(_alias)? \+ 4 in section \.text$")
                self.assertEqual(code[1], "last_function in section .text")

    def test_modules(self):
        self.assertEqual(self.make(NARROW, "--modules").returncode, 0)
        self.assertIn("d09b8000 t mark_idle\n", tool("nm", self.elf))

    def test_frame_pointers(self):
        for text, pointer in ((NARROW, "ebp"), (WIDE, "rbp")):
            self.assertEqual(self.make(text, "--frame-pointers").returncode, 0)
            shown = tool("readelf", "--debug-dump=frames-interp", self.elf)
            self.assertRegex(shown, r"pc=(f{8})?c9000000\.\.(f{8})?c9401000")
            self.assertRegex(shown, rf"{pointer}\+(8|16) +c-(8|16) +c-[48]")

    def test_refused(self):
        for text, said in (("", "there are no symbols"), ("hello\n", "line 1 isn't one of /proc/kallsyms: 'hello'"),
                           (NARROW + WIDE, "line 9 isn't one"),
                           ("00000000 T _text\n00000000 t helper\n", "all addresses are 0")):
            done = self.make(text)
            self.assertEqual(done.returncode, 1, done)
            self.assertIn(said, done.stderr)
            self.assertEqual(len(done.stderr.splitlines()), 1)
            self.assertFalse(self.elf.exists())


if __name__ == "__main__":
    unittest.main(verbosity=2)
