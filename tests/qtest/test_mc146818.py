#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""MC146818 real-time clock and CMOS RAM."""

import qtest

MS = 1_000_000
SECOND = 1000 * MS


class TestRtc(qtest.TestCase):
    args = ("-rtc", "base=2024-02-28T23:59:50,clock=vm")

    def setUp(self):
        super().setUp()
        self.vm.irq_intercept_in("ioapic")

    def get(self, index):
        self.vm.outb(0x70, index)
        return self.vm.inb(0x71)

    def set(self, index, value):
        self.vm.outb(0x70, index)
        self.vm.outb(0x71, value)

    def clock(self):
        return "".join(f"{self.get(i):02x}" for i in (0x32, 9, 8, 7, 4, 2, 0))

    def align(self):
        """To a few milliseconds behind the beginning of a second; returns the time of the last look."""
        second = self.get(0)
        while True:
            now = self.vm.clock_step(2 * MS)
            if self.get(0) != second:
                self.get(0x0C)
                self.vm.irqs.clear()
                return now

    def test_registers_at_start(self):
        self.assertEqual(self.get(0x0A) & 0x7F, 0x26)
        self.assertEqual(self.get(0x0B), 0x02)
        self.assertEqual(self.get(0x0D), 0x80)
        self.assertEqual(self.clock(), "20240228235950")
        self.assertEqual(self.get(6), 4)
        self.assertEqual(self.get(0x37), 0x20)

    def test_calendar(self):
        self.vm.clock_step(10 * SECOND)
        self.assertEqual(self.clock(), "20240229000000")
        self.assertEqual(self.get(6), 5)

    def test_end_of_year(self):
        self.set(0x0B, 0x82)
        for index, value in ((0x32, 0x19), (9, 0x99), (8, 0x12), (7, 0x31), (4, 0x23), (2, 0x59), (0, 0x58)):
            self.set(index, value)
        self.set(0x0B, 0x02)
        self.vm.clock_step(2500 * MS)
        self.assertIn(self.clock(), ("20000101000000", "20000101000001"))

    def test_update_in_progress(self):
        self.align()
        self.assertBits(self.get(0x0A), 0x80, 0)
        self.vm.clock_step(500 * MS)
        self.assertBits(self.get(0x0A), 0x80, 0)
        # Look closely at the end of the second: UIP must come at least 244 us before the change. A peer's
        # clock can run on further than that between two looks: then the next second is watched.
        for _ in range(10):
            second = self.get(0)
            self.vm.clock_step(490 * MS)
            warned = False
            while self.get(0) == second:
                warned = bool(self.get(0x0A) & 0x80)
                self.vm.clock_step(20_000)
            self.assertBits(self.get(0x0A), 0x80, 0)
            if warned or self.vm.steps_exactly:
                return self.assertTrue(warned, "no warning before the update")
            self.vm.clock_step(500 * MS)
        self.skipTest("this host is too busy to step the peer's clock finely")

    def test_set_freezes(self):
        self.align()
        self.set(0x0B, 0x82)
        before = self.clock()
        self.vm.clock_step(3 * SECOND)
        self.assertEqual(self.clock(), before)
        self.assertBits(self.get(0x0A), 0x80, 0)
        self.set(0x0B, 0x02)
        self.vm.clock_step(1100 * MS)
        self.assertNotEqual(self.clock(), before)

    def test_set_clears_uie(self):
        self.set(0x0B, 0x92)
        self.assertBits(self.get(0x0B), 0x90, 0x80)

    def test_binary_mode(self):
        self.align()
        self.set(0x0B, 0x86)
        for index, value in ((0x32, 20), (9, 24), (8, 5), (7, 17), (6, 6), (4, 13), (2, 59), (0, 57)):
            self.set(index, value)
        self.set(0x0B, 0x06)
        self.vm.clock_step(3200 * MS)
        self.assertEqual([self.get(i) for i in (9, 8, 7, 4, 2)], [24, 5, 17, 14, 0])

    def test_twelve_hours(self):
        self.align()
        self.set(0x0B, 0x80)
        self.set(0, 0x57)
        self.set(2, 0x59)
        self.set(4, 0x11)
        self.set(0x0B, 0x00)
        self.vm.clock_step(3200 * MS)
        self.assertEqual(self.get(4), 0x92)  # noon is 12 PM
        self.assertEqual(self.get(2), 0)

    def test_update_ended_interrupt(self):
        self.align()
        self.set(0x0B, 0x12)
        for _ in range(3):
            self.vm.clock_step(SECOND)
            self.assertEqual(self.vm.irq_events(8), [True])
            self.assertBits(self.get(0x0C), 0x90, 0x90)
            self.assertEqual(self.vm.irq_events(8), [False])

    def test_alarm(self):
        self.align()
        self.set(0x0B, 0x82)
        self.set(0, 0x00)
        self.set(1, 0x05)
        self.set(3, 0xC0)
        self.set(5, 0xFF)
        self.set(0x0B, 0x22)
        self.vm.clock_step(3 * SECOND)
        self.assertEqual(self.vm.irq_events(8), [])
        self.vm.clock_step(3 * SECOND)
        self.assertEqual(self.vm.irq_events(8), [True])
        self.assertBits(self.get(0x0C), 0xA0, 0xA0)
        self.assertEqual(self.vm.irq_events(8), [False])

    def test_periodic_interrupt(self):
        self.set(0x0A, 0x2F)  # 2 Hz
        self.set(0x0B, 0x42)
        self.vm.clock_step(600 * MS)
        self.get(0x0C)
        self.vm.irqs.clear()
        for _ in range(4):
            self.vm.clock_step(500 * MS)
            self.assertEqual(self.vm.irq_events(8), [True])
            self.assertBits(self.get(0x0C), 0xC0, 0xC0)
            self.vm.irqs.clear()
        self.set(0x0B, 0x02)
        self.vm.clock_step(SECOND)
        self.assertEqual(self.vm.irq_events(8), [])

    def test_flags_are_cleared_by_reading(self):
        self.vm.clock_step(1100 * MS)
        self.assertBits(self.get(0x0C), 0x10, 0x10)
        self.assertBits(self.get(0x0C), 0x10, 0)

    def test_divider_reset(self):
        self.set(0x0A, 0x76)
        before = self.clock()
        self.vm.clock_step(3 * SECOND)
        self.assertEqual(self.clock(), before)
        self.set(0x0A, 0x26)
        # The first update comes half a second after the release.
        self.vm.clock_step(400 * MS)
        self.assertEqual(self.clock(), before)
        self.vm.clock_step(200 * MS)
        self.assertNotEqual(self.clock(), before)

    def test_ram(self):
        for index in range(0x40, 0x80):
            self.set(index, index ^ 0x5A)
        for index in range(0x40, 0x80):
            self.assertEqual(self.get(index), index ^ 0x5A)
        # Bit 7 of the index port is the NMI mask.
        self.vm.outb(0x70, 0xC5)
        self.assertEqual(self.vm.inb(0x71), 0x45 ^ 0x5A)


if __name__ == "__main__":
    qtest.main()
