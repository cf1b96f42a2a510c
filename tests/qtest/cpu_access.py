# SPDX-License-Identifier: GPL-2.0-or-later
"""Accesses that must be the CPU's own, which the qtest protocol can't make: a program of them runs as firmware
(accesses.asm), and what it read comes back.

    program = Program()
    version = program.read(0xFEE00030)
    found = program.run(self)
    self.assertEqual(found[version], 0x50014)

A program has one form, without branches: each read is numbered, and found by that number.
"""

import os
import pathlib
import struct
import subprocess
import tempfile

import qtest

SOURCE = pathlib.Path(__file__).resolve().parent / "accesses.asm"
TABLE = 0x8000
TAKEN = 0x2000
TICKS = 3.579545e6  # of the timer that pause() counts, a second
END, READ, WRITE, EXCHANGE, PORT_WRITE, PORT_READ, PAUSE, OPEN, MSR_READ, MSR_WRITE, CONFIG_WRITE = range(11)


class Program:
    def __init__(self):
        self._words = []
        self._reads = 0
        # The power management function's timer, by which pause() counts, at 600h.
        self._add(CONFIG_WRITE, 0x80000B40, 0x601)
        self._add(CONFIG_WRITE, 0x80000B80, 1)

    def _add(self, *words, reads=0):
        self._words += words
        first = self._reads
        self._reads += reads
        return first

    def read(self, address):
        return self._add(READ, address, reads=1)

    def write(self, address, value):
        self._add(WRITE, address, value)

    def exchange(self, port, eax, ebx=0, ecx=0, edx=0):
        """IN EAX, DX with these registers; EAX, EBX, ECX, EDX afterwards are four numbers, of which this is the first."""
        return self._add(EXCHANGE, eax, ebx, ecx, edx & 0xFFFF0000 | port, reads=4)

    def inb(self, port):
        return self._add(PORT_READ, port, reads=1)

    def outb(self, port, value):
        self._add(PORT_WRITE, port, value)

    def pause(self, seconds):
        self._add(PAUSE, int(seconds * TICKS) + 1)

    def open(self):
        """Lets interrupts in for a moment."""
        self._add(OPEN)

    def read_msr(self, number):
        """The low half; the high one is the next."""
        return self._add(MSR_READ, number, reads=2)

    def write_msr(self, number, low, high=0):
        self._add(MSR_WRITE, number, low, high)

    def taken(self, most=4):
        """How many interrupts came until now, and the vectors of the first ones."""
        first = self.read(TAKEN)
        for n in range(most):
            self.read(TAKEN + 4 + 4 * n)
        return first

    def run(self, case, *args):
        """The list of what was read."""
        with tempfile.TemporaryDirectory(prefix="cpu-access-") as folder:
            rom, out = os.path.join(folder, "rom"), os.path.join(folder, "out")
            subprocess.run(["nasm", "-f", "bin", "-o", rom, SOURCE], check=True)
            table = struct.pack(f"<{len(self._words) + 1}I", *(w & 0xFFFFFFFF for w in (*self._words, END)))
            case.assertLess(len(table), 0x7FF0)
            with open(rom, "r+b") as file:
                file.seek(TABLE)
                file.write(table)
            done = subprocess.run([qtest.TestCase.binary, "-machine", "pc", "-nodefaults", "-display", "none", "-bios", rom,
                                   "-icount", "shift=6", "-chardev", f"file,id=found,path={out}",
                                   "-device", "isa-debugcon,iobase=0x402,chardev=found", "-device", "isa-debug-exit", *args],
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=qtest.TIMEOUT)
            case.assertEqual(done.returncode, 1, done.stderr)
            found = pathlib.Path(out).read_bytes()
        case.assertEqual(len(found), 4 * self._reads)
        return list(struct.unpack(f"<{self._reads}I", found))
