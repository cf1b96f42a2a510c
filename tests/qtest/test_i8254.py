#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""8254 and port 61H. Expectations allow for a few ticks: when exactly a count is loaded is not something
that emulators agree on to the tick."""

import qtest

HZ = 1193182
SLACK = 4


class TestPit(qtest.TestCase):
    def setUp(self):
        super().setUp()
        self.now = self.vm.clock_step(1000)

    def step(self, ns):
        """Returns how many ticks went by, rounded."""
        before, self.now = self.now, self.vm.clock_step(ns)
        return (self.now - before) * HZ // 1_000_000_000

    def program(self, channel, mode, count, access=3, bcd=0):
        self.vm.outb(0x43, channel << 6 | access << 4 | mode << 1 | bcd)
        if access & 1:
            self.vm.outb(0x40 + channel, count & 0xFF)
        if access & 2:
            self.vm.outb(0x40 + channel, count >> 8)

    def latched(self, channel):
        self.vm.outb(0x43, channel << 6)
        low = self.vm.inb(0x40 + channel)
        return low | self.vm.inb(0x40 + channel) << 8

    def status(self, channel):
        self.vm.outb(0x43, 0xE0 | 2 << channel)
        return self.vm.inb(0x40 + channel)

    def assertTicks(self, first, second, expected, modulus):
        elapsed = (first - second) % modulus
        off = (elapsed - expected + modulus // 2) % modulus - modulus // 2
        self.assertLessEqual(abs(off), SLACK, f"{first:#x} to {second:#x}, expected {expected}")

    def test_mode2_counts_down_and_reloads(self):
        self.program(0, 2, 50000)
        self.step(10_000)
        for ns in (1_000_000, 30_000_000, 70_000_000, 123_456_789):
            first = self.latched(0)
            ticks = self.step(ns)
            self.assertTicks(first, self.latched(0), ticks, 50000)

    def test_mode3_counts_by_two(self):
        self.program(0, 3, 40000)
        self.step(10_000)
        first = self.latched(0)
        ticks = self.step(2_000_000)
        self.assertTicks(first, self.latched(0), 2 * ticks, 40000)

    def test_mode0_goes_past_zero(self):
        self.program(0, 0, 1000)
        self.step(100_000)
        first = self.latched(0)
        ticks = self.step(2_000_000)
        self.assertTicks(first, self.latched(0), ticks, 0x10000)

    def test_zero_is_the_longest_count(self):
        self.program(0, 2, 0)
        self.step(10_000)
        first = self.latched(0)
        ticks = self.step(50_000_000)
        self.assertTicks(first, self.latched(0), ticks, 0x10000)

    def test_bcd_is_told(self):
        self.program(0, 2, 0x5000, bcd=1)
        self.step(10_000)
        self.assertEqual(self.status(0) & 0x3F, 0x35)

    def test_latch_stands(self):
        self.program(0, 2, 60000)
        self.step(10_000)
        self.vm.outb(0x43, 0x00)
        self.step(20_000_000)
        self.vm.outb(0x43, 0x00)
        low = self.vm.inb(0x40)
        latched = low | self.vm.inb(0x40) << 8
        self.assertGreater(latched, 50000)
        low = self.vm.inb(0x40)
        self.assertLess(low | self.vm.inb(0x40) << 8, latched - 20000)

    def test_read_back_count_and_status(self):
        self.program(2, 3, 0x1234)
        self.vm.outb(0x43, 0xC8)
        self.assertEqual(self.vm.inb(0x42) & 0x3F, 0x36)
        low = self.vm.inb(0x42)
        self.assertLessEqual(low | self.vm.inb(0x42) << 8, 0x1234)
        self.program(1, 2, 18, access=1)
        self.assertEqual(self.status(1) & 0x3F, 0x14)
        self.program(1, 2, 0x1200, access=2)
        self.assertEqual(self.status(1) & 0x3F, 0x24)

    def test_access_one_byte(self):
        self.program(0, 2, 0x40, access=1)
        self.step(10_000)
        self.assertLessEqual(self.vm.inb(0x40), 0x40)
        self.program(0, 2, 0x4000, access=2)
        self.step(10_000)
        self.assertIn(self.vm.inb(0x40), range(0x30, 0x40))

    def test_mode0_out(self):
        self.program(0, 0, 50000)  # 41.9 ms
        self.assertBits(self.status(0), 0x80, 0)
        self.step(35_000_000)
        self.assertBits(self.status(0), 0x80, 0)
        self.step(10_000_000)
        self.assertBits(self.status(0), 0x80, 0x80)

    def test_irq0_rate(self):
        self.vm.irq_intercept_in("ioapic")
        self.program(0, 2, 11932)
        self.step(1_000_000)
        self.vm.irqs.clear()
        ticks = self.step(1_000_000_000)
        events = self.vm.irq_events(0) + self.vm.irq_events(2)
        self.assertAlmostEqual(events.count(True), ticks / 11932, delta=1)

    def test_irq0_one_shot(self):
        self.vm.irq_intercept_in("ioapic")
        self.program(0, 0, 50000)
        self.step(10_000_000)
        self.vm.irqs.clear()
        self.step(20_000_000)
        self.assertEqual(self.vm.irq_events(0) + self.vm.irq_events(2), [])
        self.step(20_000_000)
        self.assertEqual(self.vm.irq_events(0) + self.vm.irq_events(2), [True])
        self.step(200_000_000)
        self.assertEqual(self.vm.irq_events(0) + self.vm.irq_events(2), [])

    def test_speaker_gate_and_out2(self):
        self.vm.outb(0x61, 0x00)
        self.program(2, 3, 20000)
        self.assertBits(self.vm.inb(0x61), 0x23, 0x20)
        self.vm.outb(0x61, 0x01)
        self.assertBits(self.vm.inb(0x61), 0x23, 0x21)
        self.step(9_000_000)
        self.assertBits(self.vm.inb(0x61), 0x20, 0x00)
        self.step(8_000_000)
        self.assertBits(self.vm.inb(0x61), 0x20, 0x20)
        self.vm.outb(0x61, 0x03)
        self.assertBits(self.vm.inb(0x61), 0x03, 0x03)

    def test_calibration_as_operating_systems_do_it(self):
        """Counter 2 in mode 0, the gate opened, and a wait for OUT2."""
        self.vm.outb(0x61, 0x00)
        self.program(2, 0, 11932)
        self.vm.outb(0x61, 0x01)
        start = before = self.now
        while not self.vm.inb(0x61) & 0x20:
            before = self.now
            self.step(100_000)
        self.assertLess(before - start, 10_100_000)
        self.assertGreater(self.now - start, 9_990_000)

    def test_refresh_toggles(self):
        seen = set()
        for _ in range(40):
            seen.add(self.vm.inb(0x61) & 0x10)
            self.step(15_085)
        self.assertEqual(seen, {0x00, 0x10})


if __name__ == "__main__":
    qtest.main()
