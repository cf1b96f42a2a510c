#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The PC speaker's timing: counter 2 of the 8254, its gate and its output, as port 61H shows them. Times are sampled
in steps of a fraction of the period, as emulators don't agree on the tick at which a count is loaded. Where Debian's QEMU
isn't the 8254 of the data sheet (231164: a closed gate stops the count, and holds modes 2 and 3 high; mode 1's output is high until it is
triggered; RESET clears port 61H) the tests are ours alone."""

import unittest

import qtest

HZ = 1193182
GATE, DATA, OUT2 = 1, 2, 0x20


class TestSpeaker(qtest.TestCase):
    def setUp(self):
        super().setUp()
        self.now = self.vm.clock_step(1000)
        self.vm.outb(0x61, 0)

    def needs_the_data_sheet(self):
        if not self.vm.steps_exactly:
            raise unittest.SkipTest("the peer does otherwise")

    def step(self, ns):
        self.now = self.vm.clock_step(ns)

    def program(self, mode, count):
        self.vm.outb(0x43, 0xB0 | mode << 1)
        self.vm.outb(0x42, count & 0xFF)
        self.vm.outb(0x42, count >> 8)

    def gate(self, on, data=False):
        self.vm.outb(0x61, (GATE if on else 0) | (DATA if data else 0))

    def out2(self):
        return bool(self.vm.inb(0x61) & OUT2)

    def latched(self):
        self.vm.outb(0x43, 0x80)
        low = self.vm.inb(0x42)
        return low | self.vm.inb(0x42) << 8

    def samples(self, ns, count):
        """(time, OUT2) at about every so many ns."""
        seen = []
        for _ in range(count):
            seen.append((self.now, self.out2()))
            self.step(ns)
        return seen

    def edges(self, samples):
        return [time for (_, before), (time, after) in zip(samples, samples[1:]) if before != after]

    def test_a_tone_has_its_period_and_is_half_high(self):
        for count in (65535, 40000, 23863, 20001):
            with self.subTest(count=count):
                self.gate(False)
                self.program(3, count)
                self.gate(True, data=True)
                period = count * 1_000_000_000 // HZ
                part = period // 32
                seen = self.samples(part, 32 * 6)
                edges = self.edges(seen)
                self.assertGreaterEqual(len(edges), 11)
                if self.vm.steps_exactly:
                    for first, second in zip(edges, edges[2:]):
                        self.assertAlmostEqual(second - first, period, delta=2 * part)
                self.assertAlmostEqual((edges[-1] - edges[0]) * 2 / (len(edges) - 1), period, delta=period / 12)
                high = sum(out for _, out in seen) / len(seen)
                self.assertAlmostEqual(high, 0.5, delta=0.08)

    def test_data_enable_is_only_a_switch(self):
        self.program(3, 40000)
        self.gate(True)
        seen = set()
        for n in range(64):
            self.gate(True, data=n % 2 == 0)
            seen.add(self.out2())
            self.step(2_000_000)
        self.assertEqual(seen, {False, True})
        self.assertEqual(self.vm.inb(0x61) & 0x0F, GATE)

    def test_a_closed_gate_holds_the_output_high(self):
        """Modes 2 and 3: OUT goes high at once, and the count begins anew when the gate opens."""
        self.needs_the_data_sheet()
        for mode in (2, 3):
            with self.subTest(mode=mode):
                self.gate(True)
                self.program(mode, 60000)  # 50.3 ms
                self.step(40_000_000)
                if mode == 3:
                    self.assertFalse(self.out2())
                self.gate(False)
                self.assertTrue(self.out2())
                self.step(100_000_000)
                self.assertTrue(self.out2())
                self.gate(True)
                self.step(20_000_000)
                self.assertTrue(self.out2())
                if mode == 3:
                    self.step(10_000_000)  # 30 of 25.1 ms
                    self.assertFalse(self.out2())

    def test_a_closed_gate_stops_the_count(self):
        self.needs_the_data_sheet()
        for mode in (0, 4):
            with self.subTest(mode=mode):
                self.gate(True)
                self.program(mode, 60000)
                self.step(10_000_000)
                self.gate(False)
                first = self.latched()
                self.step(20_000_000)
                self.assertAlmostEqual(self.latched(), first, delta=4)
                self.assertAlmostEqual(first, 60000 - 11932, delta=1200)

    def test_mode_0_goes_high_once(self):
        self.gate(True)
        self.program(0, 50000)  # 41.9 ms
        self.assertFalse(self.out2())
        edges = self.edges(self.samples(1_000_000, 150))
        self.assertEqual(len(edges), 1)
        self.assertTrue(self.out2())
        self.program(0, 50000)
        self.assertFalse(self.out2())

    def test_one_shot_by_the_gate(self):
        """Mode 1: low from the gate's rising edge, for the count."""
        self.needs_the_data_sheet()
        self.gate(False)
        self.program(1, 30000)  # 25.1 ms
        self.step(50_000_000)
        self.assertTrue(self.out2())
        for _ in range(2):
            self.gate(True)
            self.step(1_000_000)
            self.assertFalse(self.out2())
            self.gate(False)  # which changes nothing
            self.step(15_000_000)
            self.assertFalse(self.out2())
            self.step(15_000_000)
            self.assertTrue(self.out2())

    def test_reset_is_silent(self):
        self.needs_the_data_sheet()
        self.gate(True, data=True)
        self.program(3, 1000)
        self.assertEqual(self.vm.inb(0x61) & 3, 3)
        self.vm.outb(0xCF9, 0x02)
        self.vm.outb(0xCF9, 0x06)
        self.step(1_000_000)
        self.assertEqual(self.vm.inb(0x61) & 3, 0)


if __name__ == "__main__":
    qtest.main()
