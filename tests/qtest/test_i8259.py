#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""8259A pair. The poll command stands in for the CPU's acknowledge; IRQ0 comes from the 8254, IRQ8 from
the RTC, IRQ1 and IRQ12 from the 8042."""

import qtest

MASTER, SLAVE = 0x20, 0xA0


class TestPic(qtest.TestCase):
    args = ("-rtc", "base=2024-01-01T00:00:00,clock=vm")

    def setUp(self):
        super().setUp()
        self.initialize()

    def initialize(self, icw4=1):
        for port, base, icw3 in ((MASTER, 0x08, 0x04), (SLAVE, 0x70, 0x02)):
            self.vm.outb(port, 0x11)
            self.vm.outb(port + 1, base)
            self.vm.outb(port + 1, icw3)
            self.vm.outb(port + 1, icw4)

    def irr(self, port):
        self.vm.outb(port, 0x0A)
        return self.vm.inb(port)

    def isr(self, port):
        self.vm.outb(port, 0x0B)
        return self.vm.inb(port)

    def poll(self, port):
        self.vm.outb(port, 0x0C)
        return self.vm.inb(port)

    def raise_irq0(self):
        """Mode 0: OUT goes low, and up at the terminal count, where it stays."""
        self.vm.outb(0x43, 0x30)
        self.vm.outb(0x40, 0x10)
        self.vm.outb(0x40, 0x00)
        self.vm.clock_step(100_000)

    def enable_keyboard(self):
        self.vm.outb(0x64, 0x60)
        self.vm.outb(0x60, 0x43)

    def raise_irq1(self):
        self.vm.outb(0x64, 0xD2)
        self.vm.outb(0x60, 0x55)

    def lower_irq1(self):
        self.vm.inb(0x60)

    def raise_irq8(self):
        """Update-ended interrupt."""
        self.vm.outb(0x70, 0x0B)
        self.vm.outb(0x71, 0x12)
        self.vm.clock_step(1_010_000_000)

    def read_rtc_flags(self):
        self.vm.outb(0x70, 0x0C)
        return self.vm.inb(0x71)

    def test_masks_read_back(self):
        for port in (MASTER, SLAVE):
            self.assertEqual(self.vm.inb(port + 1), 0)
            self.vm.outb(port + 1, 0xA5)
            self.assertEqual(self.vm.inb(port + 1), 0xA5)

    def test_icw1_clears_the_mask(self):
        self.vm.outb(MASTER + 1, 0xFF)
        self.initialize()
        self.assertEqual(self.vm.inb(MASTER + 1), 0)

    def test_elcr(self):
        self.vm.outb(0x4D0, 0xFF)
        self.vm.outb(0x4D1, 0xFF)
        self.assertEqual(self.vm.inb(0x4D0), 0xF8)
        self.assertEqual(self.vm.inb(0x4D1), 0xDE)

    def test_request_and_poll(self):
        self.assertBits(self.poll(MASTER), 0x80, 0)
        self.raise_irq0()
        self.assertBits(self.irr(MASTER), 0x01, 0x01)
        self.assertEqual(self.isr(MASTER), 0)
        self.assertEqual(self.poll(MASTER), 0x80)
        self.assertBits(self.irr(MASTER), 0x01, 0)
        self.assertEqual(self.isr(MASTER), 0x01)
        self.vm.outb(MASTER, 0x20)
        self.assertEqual(self.isr(MASTER), 0)

    def test_poll_lasts_for_one_read(self):
        self.raise_irq0()
        self.assertEqual(self.poll(MASTER), 0x80)
        self.vm.outb(MASTER, 0x0B)
        self.assertEqual(self.vm.inb(MASTER), 0x01)
        self.assertEqual(self.vm.inb(MASTER), 0x01)

    def test_masked_request_waits(self):
        self.vm.outb(MASTER + 1, 0x01)
        self.raise_irq0()
        self.assertBits(self.irr(MASTER), 0x01, 0x01)
        self.assertBits(self.poll(MASTER), 0x80, 0)
        self.vm.outb(MASTER + 1, 0x00)
        self.assertEqual(self.poll(MASTER), 0x80)

    def test_slave_requests_through_ir2(self):
        self.raise_irq8()
        self.assertBits(self.irr(SLAVE), 0x01, 0x01)
        self.assertBits(self.irr(MASTER), 0x04, 0x04)
        self.vm.outb(MASTER + 1, 0x01)
        self.assertEqual(self.poll(MASTER), 0x82)
        self.assertEqual(self.poll(SLAVE), 0x80)
        self.assertEqual(self.isr(MASTER), 0x04)
        self.assertEqual(self.isr(SLAVE), 0x01)
        self.assertBits(self.read_rtc_flags(), 0x90, 0x90)
        self.vm.outb(SLAVE, 0x20)
        self.vm.outb(MASTER, 0x20)
        self.assertEqual(self.isr(SLAVE), 0)
        self.assertEqual(self.isr(MASTER), 0)

    def test_mask_on_slave_takes_ir2_down(self):
        self.vm.outb(SLAVE + 1, 0x01)
        self.raise_irq8()
        self.assertBits(self.irr(MASTER), 0x04, 0)
        self.vm.outb(SLAVE + 1, 0x00)
        self.assertBits(self.irr(MASTER), 0x04, 0x04)

    def test_fully_nested(self):
        self.enable_keyboard()
        self.vm.outb(MASTER + 1, 0x01)
        self.raise_irq1()
        self.assertEqual(self.poll(MASTER), 0x81)
        self.raise_irq8()
        self.vm.outb(MASTER + 1, 0x01)
        self.assertBits(self.poll(MASTER), 0x80, 0)  # IR2 is below IR1
        self.raise_irq0()
        self.vm.outb(MASTER + 1, 0x00)
        self.assertEqual(self.poll(MASTER), 0x80)
        self.assertEqual(self.isr(MASTER), 0x03)
        self.vm.outb(MASTER, 0x20)
        self.assertEqual(self.isr(MASTER), 0x02)
        self.vm.outb(MASTER, 0x61)
        self.assertEqual(self.isr(MASTER), 0x00)
        self.assertEqual(self.poll(MASTER), 0x82)

    def test_rotation(self):
        self.enable_keyboard()
        self.raise_irq1()
        self.raise_irq0()
        self.vm.outb(MASTER, 0xC0)  # set priority: IR0 lowest
        self.assertEqual(self.poll(MASTER), 0x81)
        self.vm.outb(MASTER, 0xA0)  # rotate on non-specific EOI: IR1 lowest
        self.assertEqual(self.isr(MASTER), 0)
        self.lower_irq1()
        self.raise_irq1()
        self.assertEqual(self.poll(MASTER), 0x80)
        self.vm.outb(MASTER, 0xE0 | 7)  # rotate on specific EOI: back to IR7 lowest
        self.assertEqual(self.isr(MASTER), 0x01)
        self.vm.outb(MASTER, 0x60)
        self.assertEqual(self.isr(MASTER), 0x00)
        self.assertEqual(self.poll(MASTER), 0x81)

    def test_special_mask_mode(self):
        self.enable_keyboard()
        self.raise_irq0()
        self.assertEqual(self.poll(MASTER), 0x80)
        self.raise_irq1()
        self.assertBits(self.poll(MASTER), 0x80, 0)
        self.vm.outb(MASTER + 1, 0x01)
        self.vm.outb(MASTER, 0x68)
        self.assertEqual(self.poll(MASTER), 0x81)
        self.assertEqual(self.isr(MASTER), 0x03)
        self.vm.outb(MASTER, 0x48)

    def test_automatic_eoi(self):
        self.initialize(icw4=0x03)
        self.raise_irq0()
        self.assertEqual(self.poll(MASTER), 0x80)
        self.assertEqual(self.isr(MASTER), 0)

    def test_level_triggered_input(self):
        # IRQ12 of the 8042, set to level: it asks again until the data is read.
        self.vm.outb(0x4D1, 0x10)
        self.vm.outb(SLAVE + 1, 0xEF)
        self.enable_keyboard()
        self.vm.outb(0x64, 0xD3)
        self.vm.outb(0x60, 0x55)
        for _ in range(2):
            self.assertEqual(self.poll(SLAVE), 0x84)
            self.vm.outb(SLAVE, 0x20)
        self.assertBits(self.irr(SLAVE), 0x10, 0x10)
        self.vm.inb(0x60)
        self.assertBits(self.irr(SLAVE), 0x10, 0)
        self.assertBits(self.poll(SLAVE), 0x80, 0)


if __name__ == "__main__":
    qtest.main()
