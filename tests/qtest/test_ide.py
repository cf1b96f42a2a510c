#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""PIIX3 IDE and ATA disks: the PCI function, task file, PIO, bus master DMA, resets, interrupts."""

import random
import struct

import ide
import qtest
from ide import BSY, DRDY, DRQ, ERR
from pc import Pci, Pic

SECTORS = 4096


class TestIde(qtest.TestCase):
    def setUp(self):
        self.path = ide.image(self, SECTORS * 512, ide.sector)
        self.vm = self.start(("-drive", "if=ide,index=0,format=raw,cache=writeback,file=" + self.path))
        self.disk = ide.Channel(self.vm)

    def assertStatus(self, value):
        self.assertEqual(self.disk.status() & (BSY | DRDY | DRQ | ERR), value)

    def read_sectors(self, opcode, lba, count):
        self.disk.command(opcode, lba, count)
        data = b""
        for _ in range(count):
            self.disk.settle()
            self.assertStatus(DRDY | DRQ)
            data += self.disk.read_words(512)
        return data

    def test_pci_function(self):
        pci = Pci(self.vm)
        self.assertEqual(pci.readl(ide.IDE, 0), 0x70108086)
        self.assertEqual(pci.readl(ide.IDE, 8), 0x01018000)
        self.assertEqual(pci.readl(ide.IDE, 0x2C), 0x11001AF4)
        self.assertEqual(pci.readw(ide.IDE, 6), 0x0280)
        pci.writel(ide.IDE, 0x20, 0xFFFFFFFF)
        self.assertEqual(pci.readl(ide.IDE, 0x20), 0xFFFFFFF1)
        pci.writel(ide.IDE, 0x40, 0xA307E344)
        self.assertEqual(pci.readl(ide.IDE, 0x40), 0xA307E344)

    def test_signature(self):
        self.assertEqual([self.disk.read(n) for n in range(2, 8)], [1, 1, 0, 0, 0xA0, 0x50])
        self.disk.control(4)
        self.disk.control(0)
        self.disk.settle()
        self.assertEqual([self.disk.read(n) for n in range(1, 7)], [1, 1, 1, 0, 0, 0xA0])
        self.assertStatus(DRDY)

    def test_absent_slave(self):
        self.disk.write(6, 0xB0)
        self.assertEqual(self.disk.status(), 0)
        self.assertEqual(self.disk.read(6), 0xB0)
        self.disk.write(7, 0xEC)
        self.assertEqual(self.disk.status(), 0)
        self.disk.write(6, 0xA0)
        self.assertStatus(DRDY)

    def test_empty_channel(self):
        empty = ide.Channel(self.vm, 1)
        self.assertEqual(empty.status(), 0)
        empty.write(2, 0x55)
        self.assertNotEqual(empty.read(2), 0x55)

    def test_identify(self):
        self.disk.command(0xEC)
        self.disk.settle()
        words = struct.unpack("<256H", self.disk.read_words(512))
        self.assertEqual(words[0], 0x0040)
        self.assertEqual(words[1], SECTORS // 1008)
        self.assertEqual((words[3], words[6]), (16, 63))
        self.assertEqual(words[47], 0x8010)
        self.assertEqual(words[49] & 0x0300, 0x0300)
        self.assertEqual(words[60] | words[61] << 16, SECTORS)
        self.assertEqual(words[100] | words[101] << 16, SECTORS)
        self.assertEqual(words[88], 0x203F)
        self.assertEqual(words[83] & 0x7400, 0x7400)
        model = b"".join(struct.pack(">H", w) for w in words[27:47])
        self.assertEqual(model.rstrip(), b"QEMU HARDDISK")
        serial = b"".join(struct.pack(">H", w) for w in words[10:20])
        self.assertEqual(serial.rstrip(), b"QM00001")

    def test_read_pio(self):
        self.assertEqual(self.read_sectors(0x20, 17, 3), b"".join(map(ide.sector, (17, 18, 19))))
        self.assertStatus(DRDY)

    def test_read_multiple(self):
        self.disk.command(0xC6, 0, 8)
        self.assertStatus(DRDY)
        self.disk.command(0xC4, 40, 12)
        data = b""
        for size in (8, 4):
            self.disk.settle()
            self.assertStatus(DRDY | DRQ)
            data += self.disk.read_words(size * 512)
        self.assertEqual(data, b"".join(map(ide.sector, range(40, 52))))
        self.assertStatus(DRDY)
        self.disk.command(0xC6, 0, 3)
        self.assertStatus(DRDY | ERR)

    def test_write_pio(self):
        data = random.Random(1).randbytes(1024)
        self.disk.command(0x30, 100, 2)
        for n in range(2):
            self.disk.settle()
            self.assertStatus(DRDY | DRQ)
            self.disk.write_words(data[n * 512:n * 512 + 512])
        self.disk.settle()
        self.assertStatus(DRDY)
        self.disk.command(0xE7)
        self.disk.settle()
        self.assertStatus(DRDY)
        self.assertEqual(self.read_sectors(0x20, 99, 4),
                         ide.sector(99) + data + ide.sector(102))

    def test_cylinders(self):
        for register, value in ((6, 0xA3), (2, 1), (3, 9), (4, 1), (5, 0), (7, 0x20)):
            self.disk.write(register, value)
        self.disk.settle()
        self.assertEqual(self.disk.read_words(512), ide.sector((16 + 3) * 63 + 8))
        self.disk.write(6, 0xA0 | 7)
        self.disk.write(2, 17)
        self.disk.write(7, 0x91)
        self.disk.settle()
        self.assertStatus(DRDY)

    def test_out_of_range(self):
        for opcode, lba, count in ((0x20, SECTORS, 1), (0xC4, SECTORS, 1)):
            self.disk.command(opcode, lba, count)
            self.disk.settle()
            self.assertStatus(DRDY | ERR)
            self.assertEqual(self.disk.read(1) & 4, 4)
        self.disk.command48(0x24, 1 << 40, 1)
        self.disk.settle()
        self.assertStatus(DRDY | ERR)

    def test_48_bits(self):
        self.disk.command48(0x24, SECTORS - 1, 1)
        self.disk.settle()
        self.assertEqual(self.disk.read_words(512), ide.sector(SECTORS - 1))
        self.disk.write(3, 0x12)
        self.disk.write(3, 0x34)
        self.assertEqual(self.disk.read(3), 0x34)
        self.disk.control(0x80)
        self.assertEqual(self.disk.read(3), 0x12)
        self.disk.control(0)
        self.disk.command48(0x27, 0, 1)
        self.disk.settle()
        self.assertEqual(self.disk.read(3) | self.disk.read(4) << 8, SECTORS - 1)

    def test_read_native_max(self):
        self.disk.command(0xF8)
        self.disk.settle()
        self.assertEqual(self.disk.read(3) | self.disk.read(4) << 8 | self.disk.read(5) << 16, SECTORS - 1)

    def test_unknown_commands(self):
        for opcode in (0x22, 0x50, 0xA0, 0xA1, 0xF1, 0x92, 0x08):
            self.disk.command(opcode)
            self.disk.settle()
            self.assertStatus(DRDY | ERR)
            self.assertEqual(self.disk.read(1), 4, hex(opcode))

    def test_interrupt(self):
        pic = Pic(self.vm)
        self.assertFalse(pic.requested(14))
        self.disk.command(0xEC)
        self.disk.settle()
        self.assertTrue(pic.requested(14))
        self.disk.alternate()
        self.assertTrue(pic.requested(14))
        self.disk.status()
        self.assertFalse(pic.requested(14))
        self.disk.read_words(512)
        self.disk.control(2)
        self.disk.command(0xEC)
        self.disk.settle()
        self.assertFalse(pic.requested(14))

    def test_diagnostic(self):
        self.disk.write(6, 0xA0)
        self.disk.write(7, 0x90)
        self.disk.settle()
        self.assertEqual(self.disk.read(1), 1)
        self.assertStatus(DRDY)

    def test_smart(self):
        self.disk.command(0xB0, 0xC24F00, 1, 0xD0)
        self.disk.settle()
        self.assertEqual(sum(self.disk.read_words(512)) & 0xFF, 0)
        self.disk.command(0xB0, 0xC24F00, 1, 0xDA)
        self.disk.settle()
        self.assertStatus(DRDY)
        self.assertEqual((self.disk.read(4), self.disk.read(5)), (0x4F, 0xC2))
        self.disk.command(0xB0, 0, 1, 0xD0)
        self.disk.settle()
        self.assertStatus(DRDY | ERR)

    # --- DMA ---

    def test_dma_read(self):
        self.disk.enable_dma()
        self.disk.table((0x20000, 1024), (0x30000, 3072))
        self.disk.command(0xC8, 200, 8)
        self.disk.master(9)
        self.assertEqual(self.disk.finish_dma(), 4)
        self.assertStatus(DRDY)
        self.assertEqual(self.vm.read(0x20000, 1024) + self.vm.read(0x30000, 3072),
                         b"".join(map(ide.sector, range(200, 208))))

    def test_dma_write(self):
        data = random.Random(2).randbytes(4096)
        self.vm.write(0x20000, data)
        self.disk.enable_dma()
        self.disk.table((0x20000, 4096))
        self.disk.command(0xCA, 300, 8)
        self.disk.master(1)
        self.assertEqual(self.disk.finish_dma(), 4)
        self.assertStatus(DRDY)
        self.disk.table((0x28000, 4096))
        self.disk.command48(0x25, 300, 8)
        self.disk.master(9)
        self.assertEqual(self.disk.finish_dma(), 4)
        self.assertEqual(self.vm.read(0x28000, 4096), data)

    def test_dma_table_too_long(self):
        self.disk.enable_dma()
        self.disk.table((0x20000, 4096))
        self.disk.command(0xC8, 5, 1)
        self.disk.master(9)
        self.disk.settle()
        self.vm.clock_step(10_000_000)
        self.assertEqual(self.disk.finish_dma(), 5)
        self.assertEqual(self.vm.read(0x20000, 512), ide.sector(5))

    def test_dma_table_too_short(self):
        self.disk.enable_dma()
        self.disk.table((0x20000, 512))
        self.disk.command(0xC8, 5, 2)
        self.disk.master(9)
        self.vm.clock_step(10_000_000)
        self.assertEqual(self.disk.finish_dma(), 0)
        self.assertEqual(self.disk.alternate() & ERR, 0)

    def test_dma_of_64_kib(self):
        self.disk.enable_dma()
        self.disk.table((0x20000, 0), (0x30000, 0))
        self.disk.command(0xC8, 0, 0)
        self.disk.master(9)
        self.assertEqual(self.disk.finish_dma(), 4)
        self.assertEqual(self.vm.read(0x20000, 131072), b"".join(map(ide.sector, range(256))))

    def test_bus_master_registers(self):
        self.disk.enable_dma()
        self.vm.outl(ide.BUS_MASTER + 4, 0x12345677)
        self.assertEqual(self.vm.inl(ide.BUS_MASTER + 4), 0x12345674)
        self.vm.outb(ide.BUS_MASTER + 2, 0x60)
        self.assertEqual(self.vm.inb(ide.BUS_MASTER + 2), 0x60)
        self.vm.outb(ide.BUS_MASTER, 8)
        self.assertEqual(self.vm.inb(ide.BUS_MASTER), 8)


if __name__ == "__main__":
    qtest.main()
