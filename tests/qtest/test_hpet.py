#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""HPET."""

import qtest

BASE = 0xFED00000
CAPABILITIES, CONFIG, STATUS, COUNTER = 0x000, 0x010, 0x020, 0x0F0
ENABLE, PERIODIC, SET, BITS32, LEVEL = 4, 8, 0x40, 0x100, 2
ROUTE2 = 2 << 9


def timer(n):
    return 0x100 + 0x20 * n, 0x108 + 0x20 * n


class TestHpet(qtest.TestCase):
    def setUp(self):
        super().setUp()
        self.vm.irq_intercept_in("ioapic")

    def r(self, offset):
        return self.vm.readq(BASE + offset)

    def w(self, offset, value):
        self.vm.writeq(BASE + offset, value)

    def step_to(self, count):
        """Until the main counter is at least `count`, and not much more."""
        while (left := count - self.r(COUNTER)) > 0:
            self.vm.clock_step(left * 10 + 2000)

    def test_capabilities(self):
        self.assertEqual(self.r(CAPABILITIES), 0x009896808086A201)
        self.assertEqual(self.vm.readl(BASE + 4), 10_000_000)
        for n in range(3):
            config, comparator = timer(n)
            self.assertEqual(self.r(config), 0x0000000400000030)
            self.assertEqual(self.r(comparator), 0xFFFFFFFFFFFFFFFF)
        self.assertEqual(self.r(CONFIG), 0)
        self.assertEqual(self.r(STATUS), 0)

    def test_counter(self):
        self.vm.clock_step(100_000)
        self.assertEqual(self.r(COUNTER), 0)
        self.w(CONFIG, 1)
        start = self.vm.clock_step(1000)
        first = self.r(COUNTER)
        elapsed = self.vm.clock_step(50_000_000) - start
        self.assertAlmostEqual(self.r(COUNTER) - first, elapsed / 10, delta=20)
        self.w(CONFIG, 0)
        stopped = self.r(COUNTER)
        self.vm.clock_step(1_000_000)
        self.assertEqual(self.r(COUNTER), stopped)
        self.w(COUNTER, 0x123456789A)
        self.assertEqual(self.r(COUNTER), 0x123456789A)
        self.assertEqual(self.vm.readl(BASE + COUNTER), 0x3456789A)
        self.assertEqual(self.vm.readl(BASE + COUNTER + 4), 0x12)

    def test_one_shot(self):
        config, comparator = timer(0)
        self.w(config, ROUTE2 | ENABLE)
        self.w(comparator, 10_000_000)
        self.w(CONFIG, 1)
        self.step_to(9_000_000)
        self.assertEqual(self.vm.irq_events(2), [])
        self.step_to(10_000_100)
        self.assertEqual(self.vm.irq_events(2).count(True), 1)
        self.vm.clock_step(100_000_000)
        self.assertEqual(self.vm.irq_events(2).count(True), 0)

    def test_halves(self):
        config, comparator = timer(1)
        self.vm.writel(BASE + comparator, 0x11223344)
        self.vm.writel(BASE + comparator + 4, 0x55667788)
        self.assertEqual(self.r(comparator), 0x5566778811223344)
        self.assertEqual(self.vm.readl(BASE + comparator + 4), 0x55667788)
        self.vm.writel(BASE + config, ROUTE2)
        self.assertEqual(self.vm.readl(BASE + config), ROUTE2 | 0x30)

    def test_periodic(self):
        config, comparator = timer(0)
        self.w(CONFIG, 1)
        self.vm.clock_step(10_000)
        start = self.r(COUNTER) + 200_000
        self.w(config, ROUTE2 | ENABLE | PERIODIC | SET | BITS32)
        self.w(comparator, start)
        self.w(comparator, 100_000)
        self.assertEqual(self.r(config) & SET, 0)
        self.step_to(start + 1_050_000)
        now, due = self.r(COUNTER), self.r(comparator)
        self.assertEqual((due - start) % 100_000, 0)
        self.assertLess(due - now, 100_001)
        self.assertGreater(due - now, 0)
        # The peer's clock may make one interrupt two.
        self.assertGreaterEqual(self.vm.irq_events(2).count(True), (now - start) // 100_000)

    def test_level(self):
        config, comparator = timer(1)
        self.w(config, ROUTE2 | ENABLE | LEVEL)
        self.w(comparator, 100_000)
        self.w(CONFIG, 1)
        self.step_to(100_100)
        self.assertEqual(self.vm.irq_events(2), [True])
        self.assertEqual(self.r(STATUS), 2)
        self.w(STATUS, 2)
        self.assertEqual(self.vm.irq_events(2), [False])
        self.assertEqual(self.r(STATUS), 0)

    def test_legacy_replacement(self):
        # The 8254 at 1 kHz, until the HPET takes its line.
        self.vm.outb(0x43, 0x34)
        self.vm.outb(0x40, 0xA9)
        self.vm.outb(0x40, 0x04)
        start = self.vm.clock_step(1000)
        ms = (self.vm.clock_step(10_000_000) - start) / 1_000_000
        rises = self.vm.irq_events(0).count(True) + self.vm.irq_events(2).count(True)
        self.assertAlmostEqual(rises, ms, delta=2)
        self.w(CONFIG, 3)
        self.vm.irqs.clear()
        self.vm.clock_step(20_000_000)
        self.assertEqual(self.vm.irq_events(0).count(True) + self.vm.irq_events(2).count(True), 0)
        for n in (0, 1):
            config, comparator = timer(n)
            self.w(config, ENABLE)
            self.w(comparator, self.r(COUNTER) + 50_000 * (n + 1))
        self.vm.clock_step(2_000_000)
        self.assertEqual(self.vm.irq_events(0).count(True) + self.vm.irq_events(2).count(True), 1)
        self.assertEqual(self.vm.irq_events(8).count(True), 1)
        self.w(CONFIG, 1)
        self.vm.irqs.clear()
        self.vm.clock_step(20_000_000)
        self.assertGreaterEqual(self.vm.irq_events(0).count(True) + self.vm.irq_events(2).count(True), 15)


if __name__ == "__main__":
    qtest.main()
