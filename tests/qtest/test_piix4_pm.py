#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""PIIX4 power management: base registers, timer, overflow and SCI, APM handshake, GPE0, SMBus."""

import qtest
from pc import MS, Pci, Pic, config, wait

PM = config(1, 3)
BASE, SMBUS, GPE0 = 0x600, 0x700, 0xAFE0
STS, EN, CNT, TMR = BASE, BASE + 2, BASE + 4, BASE + 8
HALF_PERIOD = 2_343_484_400  # ns until the timer's highest bit changes


class TestPiix4Pm(qtest.TestCase):
    def setUp(self):
        super().setUp()
        self.pci = Pci(self.vm)
        self.pci.writel(PM, 0x40, BASE | 1)
        self.pci.writeb(PM, 0x80, 1)
        self.pci.writel(PM, 0x90, SMBUS | 1)
        self.pci.writeb(PM, 0xD2, 0x09)

    def test_base(self):
        self.assertEqual(self.pci.readl(PM, 0x40), BASE | 1)
        self.assertEqual(self.vm.inw(CNT), 0)
        self.pci.writeb(PM, 0x80, 0)
        self.assertEqual(self.vm.inw(CNT), 0xFFFF)
        self.pci.writel(PM, 0x40, 0xE401)
        self.pci.writeb(PM, 0x80, 1)
        self.assertEqual(self.vm.inw(0xE404), 0)

    def test_timer_rate(self):
        first, then = self.vm.inl(TMR), self.vm.clock_step(1)
        now = self.vm.clock_step(500 * MS)
        ticks = (self.vm.inl(TMR) - first) & 0xFFFFFF
        expected = (now - then) * 3579545 / 1e9
        self.assertAlmostEqual(ticks, expected, delta=10000)
        self.assertLess(self.vm.inl(TMR), 1 << 24)

    def test_overflow(self):
        pic = Pic(self.vm)
        self.vm.outw(STS, 0xFFFF)
        self.vm.outb(0xB2, 0xF1)
        self.assertBits(self.vm.inw(CNT), 1, 1, "SCI_EN")
        self.vm.outw(STS, 1)
        self.vm.outw(EN, 1)
        self.assertFalse(pic.requested(9))
        self.vm.clock_step(HALF_PERIOD + MS)
        self.assertBits(self.vm.inw(STS), 1, 1, "TMROF_STS")
        self.assertTrue(pic.requested(9))
        self.vm.outw(STS, 1)
        self.assertBits(self.vm.inw(STS), 1, 0, "TMROF_STS")

    def test_apm_handshake(self):
        self.assertBits(self.vm.inw(CNT), 1, 0, "SCI_EN")
        self.vm.outb(0xB2, 0xF1)
        self.assertEqual(self.vm.inb(0xB2), 0xF1)
        self.assertBits(self.vm.inw(CNT), 1, 1, "SCI_EN")
        self.vm.outb(0xB2, 0xF0)
        self.assertBits(self.vm.inw(CNT), 1, 0, "SCI_EN")
        self.vm.outb(0xB3, 0x55)
        self.assertEqual(self.vm.inb(0xB3), 0x55)

    def test_enable_bits(self):
        self.vm.outw(EN, 0x0521)
        self.assertBits(self.vm.inw(EN), 0x0521, 0x0521, "PM1 enable")
        self.vm.outw(CNT, 0x1401)
        self.assertBits(self.vm.inw(CNT), 0x3C01, 0x1401, "PM1 control")

    def test_gpe0(self):
        self.assertEqual(self.vm.inl(GPE0), 0)
        self.vm.outw(GPE0 + 2, 0xFFFF)
        self.assertEqual(self.vm.inl(GPE0), 0xFFFF0000)

    def test_smbus_nobody_answers(self):
        self.vm.outb(SMBUS, 0x1E)
        self.vm.outb(SMBUS + 4, 0x30 << 1 | 1)
        self.vm.outb(SMBUS + 3, 0)
        self.vm.outb(SMBUS + 2, 0x48)
        self.assertTrue(wait(self.vm, lambda: not self.vm.inb(SMBUS) & 1))
        self.assertBits(self.vm.inb(SMBUS), 0x06, 0x04, "host status")
        self.vm.outb(SMBUS, 0x1E)
        self.assertBits(self.vm.inb(SMBUS), 0x1E, 0x00, "host status")

    def test_soft_off(self):
        self.vm.outw(CNT, 0x2001)
        self.assertEqual(self.vm.process.wait(10), 0)


if __name__ == "__main__":
    qtest.main()
