#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Floppy controller: reset, seeks, the change line, sectors by DMA, what isn't there, drive types in CMOS."""

import random

import ide
import qtest
from pc import Pic, wait

DOR, MSR, FIFO, DIR = 0x3F2, 0x3F4, 0x3F5, 0x3F7
K144 = 1_474_560


class TestFdc(qtest.TestCase):
    size = K144

    def setUp(self):
        path = ide.image(self, self.size, ide.sector)
        self.vm = self.start(("-drive", "if=floppy,index=0,format=raw,file=" + path))

    def put(self, *values):
        for value in values:
            self.assertTrue(wait(self.vm, lambda: self.vm.inb(MSR) & 0xC0 == 0x80), "not ready for a command")
            self.vm.outb(FIFO, value)

    def result(self):
        """Bytes of the result phase, if there is one."""
        data = []
        while wait(self.vm, lambda: self.vm.inb(MSR) & 0xD0 in (0xD0, 0x80)) and self.vm.inb(MSR) & 0x40:
            data.append(self.vm.inb(FIFO))
        return data

    def command(self, *values):
        self.put(*values)
        return self.result()

    def seek(self, *values):
        self.put(*values)
        wait(self.vm, lambda: not self.vm.inb(MSR) & 0x0F)
        self.vm.clock_step(5_000_000)
        return self.command(0x08)

    def reset(self):
        self.vm.outb(DOR, 0)
        self.vm.outb(DOR, 0x1C)
        self.vm.clock_step(1_000_000)
        self.vm.outb(DIR, 0)
        answers = [self.command(0x08) for _ in range(4)]
        self.assertEqual([a[0] for a in answers], [0xC0, 0xC1, 0xC2, 0xC3])

    def dma(self, mode, address, size):
        for port, value in ((0xD6, 0xC0), (0xD4, 0), (0x0A, 6), (0x0C, 0), (0x0B, mode), (0x04, address),
                            (0x04, address >> 8), (0x81, address >> 16), (0x05, size - 1),
                            (0x05, size - 1 >> 8), (0x0A, 2)):
            self.vm.outb(port, value & 0xFF)

    def assertMoved(self, *values):
        """A transfer command ends normally; head and seek bits of ST0 are as they are."""
        result = self.command(*values)
        self.assertEqual([result[0] & 0xC0, *result[1:3]], [0, 0, 0])

    def test_reset_interrupts(self):
        pic = Pic(self.vm)
        self.vm.outb(DOR, 0)
        self.assertFalse(pic.requested(6))
        self.vm.outb(DOR, 0x0C)
        self.assertTrue(wait(self.vm, lambda: pic.requested(6)))
        self.assertEqual(self.vm.inb(MSR), 0x80)
        self.command(0x08)
        self.assertFalse(pic.requested(6))

    def test_version_and_invalid(self):
        self.reset()
        self.assertEqual(self.command(0x10), [0x90])
        self.assertEqual(self.command(0x1F), [0x80])

    def test_seek(self):
        self.reset()
        self.assertEqual(self.seek(0x0F, 0, 40), [0x20, 40])
        self.assertEqual(self.command(0x04, 0)[0] & 0x13, 0)
        self.assertEqual(self.seek(0x07, 0), [0x20, 0])
        self.assertEqual(self.command(0x04, 0)[0] & 0x13, 0x10)

    def test_change_line(self):
        self.reset()
        self.assertEqual(self.vm.inb(DIR) & 0x80, 0x80)
        self.seek(0x0F, 0, 1)
        self.assertEqual(self.vm.inb(DIR) & 0x80, 0)

    def test_read_dma(self):
        self.reset()
        self.seek(0x07, 0)
        self.dma(0x46, 0x20000, 1024)
        self.assertMoved(0xE6, 0, 0, 0, 3, 2, 18, 27, 0xFF)
        self.assertEqual(self.vm.read(0x20000, 1024), ide.sector(2) + ide.sector(3))

    def test_read_across_heads(self):
        self.reset()
        self.seek(0x0F, 0, 5)
        self.dma(0x46, 0x20000, 2048)
        self.assertMoved(0xE6, 0, 5, 0, 17, 2, 18, 27, 0xFF)
        first = 5 * 36 + 16
        self.assertEqual(self.vm.read(0x20000, 2048), b"".join(map(ide.sector, range(first, first + 4))))

    def test_write_dma(self):
        self.reset()
        self.seek(0x0F, 0, 79)
        data = random.Random(3).randbytes(1024)
        self.vm.write(0x20000, data)
        self.dma(0x4A, 0x20000, 1024)
        self.assertMoved(0xC5, 4, 79, 1, 17, 2, 18, 27, 0xFF)
        self.dma(0x46, 0x24000, 1536)
        self.assertMoved(0xE6, 4, 79, 1, 16, 2, 18, 27, 0xFF)
        self.assertEqual(self.vm.read(0x24000, 1536), ide.sector(79 * 36 + 33) + data)

    def test_read_id(self):
        self.reset()
        self.seek(0x0F, 0, 8)
        result = self.command(0x4A, 0)
        self.assertEqual((result[0] & 0xC0, result[1], result[2], result[3], result[6]), (0, 0, 0, 8, 2))
        # Another data rate finds no address mark.
        self.vm.outb(DIR, 2)
        result = self.command(0x4A, 0)
        self.assertEqual((result[0] & 0xC0, result[1]), (0x40, 0x01))

    def test_configuration_is_locked(self):
        self.reset()
        self.put(0x13, 0, 0x57, 0x20)
        self.assertEqual(self.command(0x94), [0x10])
        self.assertEqual(self.command(0x0E)[8:], [0x57, 0x20])
        self.assertEqual(self.command(0x14), [0x00])

    def test_cmos(self):
        def cmos(index):
            self.vm.outb(0x70, index)
            return self.vm.inb(0x71)
        self.assertEqual(cmos(0x10), 0x40)
        self.assertEqual(cmos(0x14) & 0xC1, 0x01)


class TestExtendedDensity(TestFdc):
    """The controller's own tests hold for any drive; here only what differs is run."""

    size = 2_949_120
    test_reset_interrupts = test_version_and_invalid = test_seek = test_change_line = None
    test_read_across_heads = test_write_dma = test_configuration_is_locked = test_read_id = None

    def test_read_dma(self):
        self.reset()
        self.seek(0x07, 0)
        self.vm.outb(DIR, 3)
        self.dma(0x46, 0x20000, 512)
        self.assertMoved(0xE6, 0, 0, 0, 36, 2, 36, 27, 0xFF)
        self.assertEqual(self.vm.read(0x20000, 512), ide.sector(35))

    def test_cmos(self):
        self.vm.outb(0x70, 0x10)
        self.assertEqual(self.vm.inb(0x71), 0x50)


if __name__ == "__main__":
    qtest.main()
