#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""16550A at COM1: reset state, divisor latch, FIFOs, loopback, modem lines, interrupts, output."""

import os
import tempfile

import qtest
from pc import Pic, wait

COM1 = 0x3F8
RBR = THR = DLL = 0
IER = DLM = 1
IIR = FCR = 2
LCR, MCR, LSR, MSR, SCR = 3, 4, 5, 6, 7


class TestSerial(qtest.TestCase):
    def setUp(self):
        handle, self.output = tempfile.mkstemp(prefix="serial-")
        os.close(handle)
        self.addCleanup(os.unlink, self.output)
        self.vm = self.start(("-serial", "file:" + self.output))

    def read(self, register):
        return self.vm.inb(COM1 + register)

    def write(self, register, value):
        self.vm.outb(COM1 + register, value)

    def setup_line(self, divisor=1, lcr=0x03):
        self.write(LCR, 0x80 | lcr)
        self.write(DLL, divisor & 0xFF)
        self.write(DLM, divisor >> 8)
        self.write(LCR, lcr)

    def drain(self):
        self.assertTrue(wait(self.vm, lambda: self.read(LSR) & 0x40 == 0x40))

    def test_reset(self):
        self.assertEqual(self.read(IER), 0)
        self.assertEqual(self.read(IIR), 0x01)
        self.assertEqual(self.read(LCR), 0)
        self.assertEqual(self.read(LSR), 0x60)
        self.assertBits(self.read(MSR), 0xB0, 0xB0, "MSR")

    def test_divisor_latch_and_masks(self):
        self.write(LCR, 0x83)
        self.write(DLL, 0x34)
        self.write(DLM, 0x12)
        self.assertEqual((self.read(DLL), self.read(DLM)), (0x34, 0x12))
        self.write(LCR, 0x03)
        self.write(IER, 0xFF)
        self.assertEqual(self.read(IER), 0x0F)
        self.write(MCR, 0xFF)
        self.assertEqual(self.read(MCR), 0x1F)
        for value in (0x00, 0xA5, 0xFF):
            self.write(SCR, value)
            self.assertEqual(self.read(SCR), value)
            self.write(LCR, value & 0x7F)
            self.assertEqual(self.read(LCR), value & 0x7F)

    def test_fifo_identification(self):
        self.assertEqual(self.read(IIR) & 0xC0, 0)
        self.write(FCR, 0x01)
        self.assertEqual(self.read(IIR) & 0xC0, 0xC0)
        self.write(FCR, 0x00)
        self.assertEqual(self.read(IIR) & 0xC0, 0)

    def test_output(self):
        self.setup_line()
        text = b"Hello, serial line\r\n"
        for byte in text:
            self.assertTrue(wait(self.vm, lambda: self.read(LSR) & 0x20))
            self.write(THR, byte)
        self.drain()
        with open(self.output, "rb") as f:
            self.assertEqual(f.read(), text)

    def test_thre_interrupt(self):
        pic = Pic(self.vm)
        self.setup_line()
        self.write(MCR, 0x08)
        self.assertFalse(pic.requested(4))
        self.write(IER, 0x02)
        self.assertTrue(pic.requested(4))
        self.assertEqual(self.read(IIR), 0x02)
        self.assertFalse(pic.requested(4))
        self.assertEqual(self.read(IIR), 0x01)
        self.write(THR, ord("x"))
        self.assertTrue(wait(self.vm, lambda: pic.requested(4)))
        self.assertEqual(self.read(IIR), 0x02)

    def test_loopback_data(self):
        self.setup_line()
        self.write(MCR, 0x10)
        for value in (0x00, 0x55, 0xFF):
            self.write(THR, value)
            self.assertTrue(wait(self.vm, lambda: self.read(LSR) & 1))
            self.assertEqual(self.read(RBR), value)
        self.assertEqual(self.read(LSR) & 0x1F, 0)

    def test_loopback_fifo(self):
        self.setup_line()
        self.write(MCR, 0x10)
        self.write(FCR, 0x07)
        data = list(range(0x40, 0x50))
        for value in data:
            self.write(THR, value)
        self.drain()
        self.assertEqual([self.read(RBR) for _ in data], data)
        self.assertEqual(self.read(LSR) & 1, 0)

    def test_loopback_modem_lines(self):
        self.write(MCR, 0x10)
        self.read(MSR)
        for mcr, lines in ((0x11, 0x20), (0x12, 0x10), (0x14, 0x40), (0x18, 0x80), (0x1A, 0x90)):
            self.write(MCR, mcr)
            self.assertBits(self.read(MSR), 0xF0, lines, f"MSR under MCR {mcr:#x}")

    def test_divisor_latch_hides_data(self):
        self.setup_line()
        self.write(MCR, 0x10)
        self.write(THR, 0x77)
        self.assertTrue(wait(self.vm, lambda: self.read(LSR) & 1))
        self.write(LCR, 0x83)
        self.assertEqual(self.read(DLL), 1)
        self.write(LCR, 0x03)
        self.assertEqual(self.read(RBR), 0x77)


if __name__ == "__main__":
    qtest.main()
