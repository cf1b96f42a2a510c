#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""I/O APIC: registers, and remote IRR of level-triggered inputs."""

import qtest

BASE = 0xFEC00000
SVR = 0xFEE000F0
MASKED, LEVEL, REMOTE_IRR = 1 << 16, 1 << 15, 1 << 14


class TestIoApic(qtest.TestCase):
    def get(self, index):
        self.vm.writel(BASE, index)
        return self.vm.readl(BASE + 0x10)

    def set(self, index, value):
        self.vm.writel(BASE, index)
        self.vm.writel(BASE + 0x10, value)

    def entry(self, pin):
        return self.get(0x10 + 2 * pin)

    def drive(self, pin, level):
        self.vm.set_irq_in("ioapic", "unnamed-gpio-in", pin, level)

    def enable_local_apic(self):
        # Where no CPU is the one that writes, this goes nowhere, and isn't needed.
        self.vm.writel(SVR, 0x1FF)

    def test_identity(self):
        self.assertEqual(self.get(0), 0)
        self.assertEqual(self.get(1), 0x00170020)
        self.set(0, 0xFFFFFFFF)
        self.assertEqual(self.get(0), 0x0F000000)
        self.set(1, 0)
        self.assertEqual(self.get(1), 0x00170020)

    def test_select_reads_back(self):
        self.vm.writel(BASE, 0x21)
        self.assertEqual(self.vm.readl(BASE), 0x21)

    def test_entries(self):
        for pin in range(24):
            self.assertEqual(self.entry(pin), MASKED)
            self.assertEqual(self.get(0x11 + 2 * pin), 0)
        for pin in range(24):
            self.set(0x10 + 2 * pin, MASKED | 0x30 + pin)
            self.set(0x11 + 2 * pin, pin << 24)
        for pin in range(24):
            self.assertEqual(self.entry(pin), MASKED | 0x30 + pin)
            self.assertEqual(self.get(0x11 + 2 * pin), pin << 24)

    def test_read_only_bits(self):
        self.set(0x10 + 2 * 5, MASKED | LEVEL | REMOTE_IRR | 1 << 12 | 0x55)
        self.assertBits(self.entry(5), REMOTE_IRR | 1 << 12, 0)

    def test_remote_irr_and_eoi_register(self):
        self.enable_local_apic()
        self.set(0x10 + 2 * 10, LEVEL | 0x55)
        self.assertEqual(self.entry(10), LEVEL | 0x55)
        self.drive(10, True)
        self.assertEqual(self.entry(10), LEVEL | REMOTE_IRR | 0x55)
        self.drive(10, False)
        self.assertEqual(self.entry(10), LEVEL | REMOTE_IRR | 0x55)
        self.vm.writel(BASE + 0x40, 0x54)
        self.assertEqual(self.entry(10), LEVEL | REMOTE_IRR | 0x55)
        self.vm.writel(BASE + 0x40, 0x55)
        self.assertEqual(self.entry(10), LEVEL | 0x55)

    def test_masked_level_waits(self):
        self.enable_local_apic()
        self.set(0x10 + 2 * 11, MASKED | LEVEL | 0x56)
        self.drive(11, True)
        self.assertBits(self.entry(11), REMOTE_IRR, 0)
        self.set(0x10 + 2 * 11, LEVEL | 0x56)
        self.assertBits(self.entry(11), REMOTE_IRR, REMOTE_IRR)

    def test_edge_mode_clears_remote_irr(self):
        self.enable_local_apic()
        self.set(0x10 + 2 * 10, LEVEL | 0x55)
        self.drive(10, True)
        self.drive(10, False)
        self.assertBits(self.entry(10), REMOTE_IRR, REMOTE_IRR)
        self.set(0x10 + 2 * 10, MASKED | 0x55)
        self.set(0x10 + 2 * 10, MASKED | LEVEL | 0x55)
        self.assertEqual(self.entry(10), MASKED | LEVEL | 0x55)

    def test_edge_has_no_remote_irr(self):
        self.enable_local_apic()
        self.set(0x10 + 2 * 4, 0x57)
        self.drive(4, True)
        self.assertEqual(self.entry(4), 0x57)


if __name__ == "__main__":
    qtest.main()
