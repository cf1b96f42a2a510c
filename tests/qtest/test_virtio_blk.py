#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""virtio-blk over PCI: what the function shows, requests of legacy and modern drivers, interrupts, MSI-X."""

import random
import struct

import ide
import qtest
from pc import Pci, config, wait

DEVFN = config(5)
IO, MSIX, MODERN = 0xC000, 0xE0000000, 0xE0010000
RING, HEADER, DATA, STATUS, TABLE = 0x100000, 0x110000, 0x120000, 0x110100, 0x110200
QUEUE = 256
AVAILABLE = RING + 16 * QUEUE
USED = (AVAILABLE + 4 + 2 * QUEUE + 2 + 4095) & ~4095
SECTORS = 2048
READ, WRITE, FLUSH, GET_ID = 0, 1, 4, 8


class TestVirtioBlk(qtest.TestCase):
    def setUp(self):
        path = ide.image(self, SECTORS * 512, ide.sector)
        self.vm = self.start(("-drive", "if=none,id=a,format=raw,cache=writeback,file=" + path,
                              "-device", "virtio-blk-pci,drive=a,addr=5"))
        self.pci = Pci(self.vm)
        for offset, value in ((0x10, IO), (0x14, MSIX), (0x20, MODERN), (0x24, 0), (4, 7)):
            self.pci.writel(DEVFN, offset, value)
        self.posted = 0

    def start_legacy(self, features=0):
        for status in (1, 3):
            self.vm.outb(IO + 18, status)
        self.vm.outl(IO + 4, features)
        self.vm.outw(IO + 14, 0)
        self.vm.outl(IO + 8, RING >> 12)
        self.vm.outb(IO + 18, 7)

    def start_modern(self, features):
        for status in (1, 3):
            self.vm.writeb(MODERN + 20, status)
        for half in (0, 1):
            self.vm.writel(MODERN + 8, half)
            self.vm.writel(MODERN + 12, features >> 32 * half & 0xFFFFFFFF)
        self.vm.writeb(MODERN + 20, 0x0B)
        self.assertEqual(self.vm.readb(MODERN + 20), 0x0B)
        self.vm.writew(MODERN + 22, 0)
        for offset, address in ((32, RING), (40, AVAILABLE), (48, USED)):
            self.vm.writel(MODERN + offset, address)
            self.vm.writel(MODERN + offset + 4, 0)
        self.vm.writew(MODERN + 28, 1)
        self.vm.writeb(MODERN + 20, 0x0F)

    def descriptors(self, table, *buffers):
        for n, (address, length, flags) in enumerate(buffers):
            more = 1 if n < len(buffers) - 1 else 0
            self.vm.write(table + 16 * n, struct.pack("<QIHH", address, length, flags | more, n + 1))

    def post(self, kind, sector, *data):
        """Header, buffers of (address, length, 2 if the device writes), status."""
        self.vm.write(HEADER, struct.pack("<IIQ", kind, 0, sector))
        self.vm.writeb(STATUS, 0xEE)
        return ((HEADER, 16, 0), *data, (STATUS, 1, 2))

    def make_available(self, head=0):
        self.vm.writew(AVAILABLE + 4 + 2 * (self.posted % QUEUE), head)
        self.posted += 1
        self.vm.writew(AVAILABLE + 2, self.posted)

    def finish(self):
        self.assertTrue(wait(self.vm, lambda: self.vm.readw(USED + 2) == self.posted), "not used")
        return self.vm.readb(STATUS)

    def request(self, kind, sector, *data):
        self.descriptors(RING, *self.post(kind, sector, *data))
        self.make_available()
        self.vm.outw(IO + 16, 0)
        return self.finish()

    def test_function(self):
        self.assertEqual(self.pci.readl(DEVFN, 0), 0x10011AF4)
        self.assertEqual(self.pci.readl(DEVFN, 8), 0x01000000)
        self.assertEqual(self.pci.readl(DEVFN, 0x2C), 0x00021AF4)
        self.assertEqual(self.pci.readb(DEVFN, 0x3D), 1)
        found = []
        at = self.pci.readb(DEVFN, 0x34)
        while at:
            found.append((at, self.pci.readb(DEVFN, at), self.pci.readb(DEVFN, at + 3)))
            at = self.pci.readb(DEVFN, at + 1)
        self.assertEqual(found, [(0x98, 0x11, 0), (0x84, 9, 5), (0x70, 9, 2), (0x60, 9, 4), (0x50, 9, 3),
                                 (0x40, 9, 1)])
        for bar, expected in ((0x10, 0xFFFFFF81), (0x14, 0xFFFFF000), (0x20, 0xFFFFC00C)):
            self.pci.writel(DEVFN, bar, 0xFFFFFFFF)
            self.assertEqual(self.pci.readl(DEVFN, bar), expected)

    def test_configuration(self):
        self.assertBits(self.vm.inl(IO), 0x30006E54, 0x30006E54)
        self.assertEqual(self.vm.inw(IO + 12), QUEUE)
        config_space = bytes(self.vm.inb(IO + 20 + i) for i in range(57))
        self.assertEqual(self.vm.read(MODERN + 0x2000, 56), config_space[:56])
        self.assertEqual(struct.unpack_from("<QII", config_space), (SECTORS, 0, 254))
        self.assertEqual(struct.unpack_from("<HBBI", config_space, 16), (SECTORS // 1008, 16, 63, 512))
        self.assertEqual(struct.unpack_from("<IIIII", config_space, 36), (0x3FFFFF, 1, 1, 0x3FFFFF, 1))

    def test_legacy(self):
        self.start_legacy()
        self.assertEqual(self.request(READ, 7, (DATA, 1536, 2)), 0)
        self.assertEqual(self.vm.read(DATA, 1536), b"".join(map(ide.sector, (7, 8, 9))))
        self.assertEqual(struct.unpack("<II", self.vm.read(USED + 4, 8)), (0, 1537))
        self.assertEqual(self.vm.inb(IO + 19), 1)
        self.assertEqual(self.vm.inb(IO + 19), 0)
        data = random.Random(4).randbytes(1024)
        self.vm.write(DATA, data)
        self.assertEqual(self.request(WRITE, 30, (DATA, 1024, 0)), 0)
        self.assertEqual(self.request(FLUSH, 0), 0)
        self.assertEqual(self.request(READ, 29, (DATA + 4096, 2048, 2)), 0)
        self.assertEqual(self.vm.read(DATA + 4096, 2048), ide.sector(29) + data + ide.sector(32))

    def test_errors(self):
        self.start_legacy()
        self.assertEqual(self.request(READ, SECTORS, (DATA, 512, 2)), 1)
        self.assertEqual(self.request(READ, SECTORS - 1, (DATA, 1024, 2)), 1)
        self.assertEqual(self.request(99, 0, (DATA, 512, 2)), 2)
        self.assertEqual(self.request(READ, 0, (DATA, 512, 2)), 0)

    def test_modern_indirect(self):
        self.start_modern(1 << 32 | 1 << 28 | 1 << 9)
        self.descriptors(TABLE, *self.post(READ, 3, (DATA, 512, 2), (DATA + 0x1000, 512, 2)))
        self.vm.write(RING + 16 * 5, struct.pack("<QIHH", TABLE, 64, 4, 0))
        self.make_available(5)
        self.vm.writew(MODERN + 0x3000, 0)
        self.assertEqual(self.finish(), 0)
        self.assertEqual(self.vm.read(DATA, 512) + self.vm.read(DATA + 0x1000, 512),
                         ide.sector(3) + ide.sector(4))
        self.assertEqual(self.vm.readb(MODERN + 0x1000), 1)
        self.vm.writeb(MODERN + 20, 0)
        self.assertEqual(self.vm.readb(MODERN + 20), 0)
        self.assertEqual(self.vm.readw(MODERN + 28), 0)

    def test_event_index(self):
        self.start_legacy(1 << 29)
        self.request(READ, 0, (DATA, 512, 2))
        self.vm.clock_step(1_000_000)
        self.vm.inb(IO + 19)
        self.vm.writew(AVAILABLE + 4 + 2 * QUEUE, 2)
        self.request(READ, 0, (DATA, 512, 2))
        self.vm.clock_step(1_000_000)
        self.assertEqual(self.vm.inb(IO + 19), 0)
        self.request(READ, 0, (DATA, 512, 2))
        self.vm.clock_step(1_000_000)
        self.assertEqual(self.vm.inb(IO + 19), 1)

    def test_msix(self):
        self.pci.writew(DEVFN, 0x9A, 0x8000)
        self.vm.write(MSIX + 16, struct.pack("<QII", 0x130000, 0x5A5A, 1))
        self.vm.outw(IO + 14, 0)
        self.vm.outw(IO + 22, 1)
        self.assertEqual(self.vm.inw(IO + 22), 1)
        self.vm.outw(IO + 20, 7)
        self.assertEqual(self.vm.inw(IO + 20), 0xFFFF)
        self.start_legacy()
        self.request(READ, 0, (DATA, 512, 2))
        self.vm.clock_step(1_000_000)
        self.assertEqual(self.vm.readl(MSIX + 0x800), 2)
        self.assertEqual(self.vm.readl(0x130000), 0)
        self.vm.writel(MSIX + 16 + 12, 0)
        self.assertEqual(self.vm.readl(MSIX + 0x800), 0)
        self.assertEqual(self.vm.readl(0x130000), 0x5A5A)


if __name__ == "__main__":
    qtest.main()
