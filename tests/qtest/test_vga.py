#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""VGA: registers, the memory path in its modes, the Bochs display interface, retrace."""

import qtest
from pc import Pci, config

VGA = config(2)
LFB, MMIO = 0xE0000000, 0xE1000000


class TestVga(qtest.TestCase):
    args = ("-vga", "std")

    def setUp(self):
        super().setUp()
        pci = Pci(self.vm)
        pci.writel(VGA, 0x10, LFB)
        pci.writel(VGA, 0x18, MMIO)
        pci.writew(VGA, 4, 3)
        self.vm.outb(0x3C2, 0x67)

    def indexed(self, port, index, value):
        self.vm.outb(port, index)
        self.vm.outb(port + 1, value)

    def seq(self, index, value):
        self.indexed(0x3C4, index, value)

    def gr(self, index, value):
        self.indexed(0x3CE, index, value)

    def crtc(self, index, value):
        self.indexed(0x3D4, index, value)

    def planar(self):
        self.seq(2, 0x0F)
        self.seq(4, 0x06)
        for index, value in ((0, 0), (1, 0), (2, 0), (3, 0), (4, 0), (5, 0), (6, 5), (7, 15), (8, 255)):
            self.gr(index, value)

    def planes(self, address):
        result = []
        for plane in range(4):
            self.gr(4, plane)
            result.append(self.vm.readb(address))
        return result

    def dispi(self, index, value=None):
        self.vm.outw(0x1CE, index)
        if value is None:
            return self.vm.inw(0x1CF)
        self.vm.outw(0x1CF, value)
        return None

    def test_register_masks(self):
        for index, mask in enumerate((0x03, 0x3D, 0x0F, 0x3F, 0x0E)):
            self.seq(index, 0xFF)
            self.assertEqual(self.vm.inb(0x3C5), mask)
        for index, mask in enumerate((0x0F, 0x0F, 0x0F, 0x1F, 0x03, 0x7B, 0x0F, 0x0F, 0xFF)):
            self.gr(index, 0xFF)
            self.assertEqual(self.vm.inb(0x3CF), mask)
        self.vm.outb(0x3C2, 0xFF)
        self.assertEqual(self.vm.inb(0x3CC), 0xEF)

    def test_crtc(self):
        self.crtc(0x11, 0x00)
        self.crtc(0x00, 0x5F)
        self.crtc(0x07, 0x00)
        self.crtc(0x11, 0x80)
        self.crtc(0x00, 0x11)
        self.assertEqual(self.vm.inb(0x3D5), 0x5F)
        self.crtc(0x07, 0xFF)
        self.assertEqual(self.vm.inb(0x3D5), 0x10)
        self.assertEqual(self.vm.inb(0x3B5), 0xFF)

    def test_attribute_flip_flop(self):
        self.vm.inb(0x3DA)
        for value in (0x05, 0x2A, 0x10, 0x0C, 0x05):
            self.vm.outb(0x3C0, value)
        self.assertEqual(self.vm.inb(0x3C1), 0x2A)

    def test_dac(self):
        self.vm.outb(0x3C8, 5)
        for value in (0x3F, 0x12, 0x01, 1, 2, 3):
            self.vm.outb(0x3C9, value)
        self.assertEqual(self.vm.inb(0x3C8), 7)
        self.vm.outb(0x3C7, 5)
        self.assertEqual([self.vm.inb(0x3C9) for _ in range(6)], [0x3F, 0x12, 0x01, 1, 2, 3])

    def test_write_mode_0(self):
        self.planar()
        self.vm.writeb(0xA0001, 0xA5)
        self.assertEqual(self.planes(0xA0001), [0xA5] * 4)
        self.gr(0, 0x05)
        self.gr(1, 0x0D)
        self.vm.writeb(0xA0002, 0x33)
        self.assertEqual(self.planes(0xA0002), [0xFF, 0x33, 0xFF, 0x00])
        self.gr(1, 0)
        self.gr(8, 0x0F)
        self.vm.readb(0xA0002)
        self.vm.writeb(0xA0003, 0xA5)
        self.assertEqual(self.planes(0xA0003), [0xF5, 0x35, 0xF5, 0x05])
        self.gr(8, 0xFF)
        self.gr(3, 0x18 | 4)
        self.vm.readb(0xA0002)
        self.vm.writeb(0xA0004, 0x12)
        self.assertEqual(self.planes(0xA0004), [0xDE, 0x12, 0xDE, 0x21])

    def test_write_modes_1_2_3(self):
        self.planar()
        self.gr(5, 2)
        self.vm.writeb(0xA0000, 0x09)
        self.assertEqual(self.planes(0xA0000), [0xFF, 0x00, 0x00, 0xFF])
        self.gr(5, 1)
        self.vm.writeb(0xA0010, 0x77)
        self.assertEqual(self.planes(0xA0010), [0xFF, 0x00, 0x00, 0xFF])
        self.gr(5, 3)
        self.gr(8, 0x3C)
        self.gr(0, 0x04)
        self.vm.writeb(0xA0010, 0xF0)
        self.assertEqual(self.planes(0xA0010), [0xCF, 0x00, 0x30, 0xCF])

    def test_read_mode_1(self):
        self.planar()
        for plane, value in enumerate((0xF0, 0xCC, 0xAA, 0x00)):
            self.seq(2, 1 << plane)
            self.vm.writeb(0xA0000, value)
        self.gr(5, 8)
        self.gr(2, 7)
        for care, expected in ((7, 0x80), (1, 0xF0), (0, 0xFF)):
            self.gr(7, care)
            self.assertEqual(self.vm.readb(0xA0000), expected)

    def test_planes_in_the_frame_buffer(self):
        self.planar()
        for plane in range(4):
            self.seq(2, 1 << plane)
            self.vm.writeb(0xA0005, 0x10 + plane)
        self.assertEqual(self.vm.read(LFB + 20, 4), b"\x10\x11\x12\x13")

    def test_chain_4(self):
        self.planar()
        self.seq(4, 0x0E)
        self.gr(5, 0x40)
        self.vm.writel(0xA0004, 0x44332211)
        self.assertEqual(self.vm.readl(LFB + 4), 0x44332211)
        self.assertEqual(self.vm.readb(0xA0006), 0x33)
        self.seq(2, 0x01)
        self.vm.writel(0xA0004, 0)
        self.assertEqual(self.vm.readl(LFB + 4), 0x44332200)

    def test_text_memory(self):
        self.seq(2, 0x03)
        self.seq(4, 0x02)
        for index, value in ((5, 0x10), (6, 0x0E), (8, 0xFF), (3, 0), (1, 0)):
            self.gr(index, value)
        self.vm.write(0xB8000, b"H\x07i\x1f")
        self.assertEqual(self.vm.read(0xB8000, 4), b"H\x07i\x1f")
        self.assertEqual(self.vm.read(LFB, 2), b"H\x07")

    def test_dispi(self):
        self.assertEqual(self.dispi(0), 0xB0C5)
        self.dispi(0, 0xB0C2)
        self.assertEqual(self.dispi(0), 0xB0C2)
        self.assertEqual(self.dispi(10), 0x100)
        self.dispi(4, 2)
        self.assertEqual([self.dispi(i) for i in (1, 2, 3)], [16000, 12000, 32])
        self.dispi(4, 0)
        for index, value in ((1, 801), (2, 600), (3, 32), (4, 0x41)):
            self.dispi(index, value)
        self.assertEqual([self.dispi(i) for i in (1, 2, 3, 6, 7)], [800, 600, 32, 800, 0x147A])
        self.dispi(6, 1024)
        self.assertEqual([self.dispi(i) for i in (6, 7)], [1024, 0x1000])
        self.dispi(6, 100)
        self.assertEqual(self.dispi(6), 800)

    def test_dispi_bank_and_clear(self):
        self.vm.writel(LFB, 0x01020304)
        for index, value in ((1, 640), (2, 480), (3, 8), (4, 0xC1)):
            self.dispi(index, value)
        self.assertEqual(self.vm.readl(LFB), 0x01020304)
        self.assertEqual(self.vm.readl(0xA0000), 0x01020304)
        self.dispi(5, 3)
        self.vm.writel(0xA0010, 0x11223344)
        self.assertEqual(self.vm.readl(LFB + 0x30010), 0x11223344)
        self.dispi(4, 0)
        self.dispi(4, 0x41)
        self.assertEqual(self.vm.readl(LFB), 0)
        self.assertEqual(self.vm.readl(LFB + 0x30010), 0)

    def test_mmio(self):
        edid = self.vm.read(MMIO, 128)
        self.assertEqual(edid[:8], b"\0\xff\xff\xff\xff\xff\xff\0")
        self.assertEqual(sum(edid) & 0xFF, 0)
        self.assertEqual(self.vm.readw(MMIO + 0x500), 0xB0C5)
        self.vm.writew(MMIO + 0x502, 320)
        self.assertEqual(self.dispi(1), 320)
        self.vm.writeb(MMIO + 0x402, 0x63)
        self.assertEqual(self.vm.inb(0x3CC), 0x63)
        self.assertEqual(self.vm.readl(MMIO + 0x600), 8)
        self.assertEqual(self.vm.readl(MMIO + 0x604), 0x1E1E1E1E)

    def test_retrace_comes_and_goes(self):
        seen = set()
        for _ in range(1000):  # two lines of 525: shorter steps than those
            seen.add(self.vm.inb(0x3DA) & 8)
            self.vm.clock_step(37_000)
            if len(seen) == 2:
                break
        self.assertEqual(seen, {0, 8})


if __name__ == "__main__":
    qtest.main()
