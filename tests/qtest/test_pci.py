#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Configuration mechanism #1, the 440FX's memory map, the PIIX3's registers, reset control, port 92."""

import qtest
from pc import Pci, config

HOST, ISA, PM, VGA = config(0), config(1), config(1, 3), config(2)


class TestPci(qtest.TestCase):
    args = ("-vga", "std")

    def setUp(self):
        super().setUp()
        self.pci = Pci(self.vm)

    def test_who_is_there(self):
        for devfn, ids, class_code in ((HOST, 0x12378086, 0x0600), (ISA, 0x70008086, 0x0601),
                                       (PM, 0x71138086, 0x0680), (VGA, 0x11111234, 0x0300)):
            self.assertEqual(self.pci.readl(devfn, 0), ids)
            self.assertEqual(self.pci.readw(devfn, 0x0A), class_code)
        self.assertEqual(self.pci.readl(config(31), 0), 0xFFFFFFFF)
        self.assertEqual(self.pci.readb(HOST, 0x0E), 0x00)
        self.assertEqual(self.pci.readb(ISA, 0x0E), 0x80)
        self.assertEqual(self.pci.readl(PM, 0x2C), 0x11001AF4)

    def test_access_widths(self):
        self.assertEqual([self.pci.readb(HOST, i) for i in range(4)], [0x86, 0x80, 0x37, 0x12])
        self.assertEqual([self.pci.readw(HOST, i) for i in (0, 2)], [0x8086, 0x1237])
        self.vm.outl(0xCF8, 0x80000000)
        self.assertEqual(self.vm.inl(0xCF8), 0x80000000)
        self.vm.outl(0xCF8, 0x00000000)
        self.assertEqual(self.vm.inl(0xCFC), 0xFFFFFFFF)

    def test_bar_sizing(self):
        self.pci.writel(VGA, 0x10, 0xFFFFFFFF)
        self.assertEqual(self.pci.readl(VGA, 0x10), 0xFF000008)
        self.pci.writel(VGA, 0x18, 0xFFFFFFFF)
        self.assertEqual(self.pci.readl(VGA, 0x18), 0xFFFFF000)
        self.pci.writel(VGA, 0x1C, 0xFFFFFFFF)
        self.assertEqual(self.pci.readl(VGA, 0x1C), 0)
        self.pci.writel(VGA, 0x30, 0xFFFFFFFE)
        self.assertEqual(self.pci.readl(VGA, 0x30), 0xFFFF0000)

    def test_command_register_maps_memory(self):
        self.pci.writel(VGA, 0x10, 0xE0000000)
        self.vm.writel(0xE0000000, 0x12345678)
        self.assertNotEqual(self.vm.readl(0xE0000000), 0x12345678)
        self.pci.writew(VGA, 4, 2)
        self.vm.writel(0xE0000000, 0x12345678)
        self.assertEqual(self.vm.readl(0xE0000000), 0x12345678)
        self.pci.writel(VGA, 0x10, 0xE4000000)
        self.assertEqual(self.vm.readl(0xE4000000), 0x12345678)
        self.pci.writew(VGA, 4, 0)
        self.assertNotEqual(self.vm.readl(0xE4000000), 0x12345678)

    def test_pam(self):
        # An emulator without the qtest accelerator lets the test's own writes through to shadow RAM that
        # is read-only.
        protects = qtest.has_qtest_accelerator(self.binary)
        segments = [(0x59, 4, 0xF0000)]
        segments += [(0x5A + i // 2, i % 2 * 4, 0xC0000 + i * 0x4000) for i in range(12)]
        for register, shift, address in segments:
            address += 0x3FF0
            outside = self.vm.readl(address)
            self.pci.writeb(HOST, register, 3 << shift)
            self.vm.writel(address, 0x5A5A0000 | register)
            self.assertEqual(self.vm.readl(address), 0x5A5A0000 | register, hex(address))
            self.pci.writeb(HOST, register, 1 << shift)
            if protects:
                self.vm.writel(address, 0)
            self.assertEqual(self.vm.readl(address), 0x5A5A0000 | register, hex(address))
            self.pci.writeb(HOST, register, 0)
            if address >> 16 != 0xE:  # may be nobody's, behind a small BIOS
                self.assertEqual(self.vm.readl(address), outside, hex(address))

    def test_smram_open(self):
        # As firmware puts its SMI handler there, then hides it.
        self.pci.writeb(HOST, 0x72, 0x4A)
        self.vm.writel(0xA8000, 0xCAFEF00D)
        self.assertEqual(self.vm.readl(0xA8000), 0xCAFEF00D)
        self.pci.writeb(HOST, 0x72, 0x0A)
        self.assertNotEqual(self.vm.readl(0xA8000), 0xCAFEF00D)

    def test_piix3_defaults(self):
        self.assertEqual(self.pci.readl(ISA, 0x60), 0x80808080)
        for offset, value in ((0x4C, 0x4D), (0x4E, 0x03), (0x69, 0x02), (0x70, 0x80), (0x76, 0x0C),
                              (0x77, 0x0C), (0x78, 0x02), (0xA0, 0x08), (0xA8, 0x0F)):
            self.assertEqual(self.pci.readb(ISA, offset), value, hex(offset))
        self.pci.writel(ISA, 0x60, 0x0B0A0B0A)
        self.assertEqual(self.pci.readl(ISA, 0x60), 0x0B0A0B0A)

    def test_reset_control(self):
        self.vm.outb(0xCF9, 0x02)
        self.assertEqual(self.vm.inb(0xCF9), 0x02)
        self.vm.outl(0xCF8, 0x80000000)
        self.assertEqual(self.vm.inb(0xCF9), 0x02)

    def test_port92_a20(self):
        self.vm.outb(0x92, 0x02)
        self.assertEqual(self.vm.inb(0x92) & 2, 2)
        self.vm.outb(0x92, 0x00)
        self.assertEqual(self.vm.inb(0x92) & 2, 0)


if __name__ == "__main__":
    qtest.main()
