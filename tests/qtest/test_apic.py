#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The local APIC as the CPU sees it: reset values, which bits can be written, interrupts that it sends to itself,
priorities, the timer, IA32_APIC_BASE. SDM volume 3A, chapter 10.

Left open, since QEMU has it otherwise: reserved bits of the local vector table, error status after sending an illegal
vector, requests and unmasking while the APIC is disabled by software, another base address: tests/unit/apic_test.cc."""

import qtest
from cpu_access import Program

APIC = 0xFEE00000
ID, VERSION, TPR, PPR, EOI, LDR, DFR, SVR = 0x20, 0x30, 0x80, 0xA0, 0xB0, 0xD0, 0xE0, 0xF0
ISR, TMR, IRR, ESR, ICR, ICR_HIGH = 0x100, 0x180, 0x200, 0x280, 0x300, 0x310
TIMER, THERMAL, COUNTER, LINT0, LINT1, ERROR = range(0x320, 0x380, 0x10)
INITIAL, CURRENT, DIVIDE = 0x380, 0x390, 0x3E0
SELF, PERIODIC, MASKED = 0x40000, 0x20000, 0x10000
BASE_MSR = 0x1B


class ApicProgram(Program):
    """Register numbers instead of addresses."""

    def get(self, register):
        return self.read(APIC + register)

    def set(self, register, value):
        self.write(APIC + register, value)

    def enable(self, spurious=0xFF):
        self.set(SVR, 0x100 | spurious)

    def send(self, vector):
        self.set(ICR, SELF | vector)

    def vectors(self, which):
        """Eight words: 256 vectors."""
        return [self.get(which + 0x10 * n) for n in range(8)]


def bits(found, places):
    return {32 * n + i for n, place in enumerate(places) for i in range(32) if found[place] >> i & 1}


class TestApic(qtest.TestCase):
    def setUp(self):
        pass

    def test_reset_values(self):
        program = ApicProgram()
        expected = {ID: 0, VERSION: 0x50014, TPR: 0, PPR: 0, LDR: 0, DFR: 0xFFFFFFFF, SVR: 0xFF, ESR: 0, ICR: 0, ICR_HIGH: 0,
                    TIMER: MASKED, THERMAL: MASKED, COUNTER: MASKED, LINT1: MASKED, ERROR: MASKED, INITIAL: 0, CURRENT: 0,
                    DIVIDE: 0}
        places = {register: program.get(register) for register in expected}
        sets = [program.vectors(which) for which in (ISR, TMR, IRR)]
        found = program.run(self)
        self.assertEqual({register: hex(found[place]) for register, place in places.items()},
                         {register: hex(value) for register, value in expected.items()})
        for places in sets:
            self.assertEqual(bits(found, places), set())

    def test_what_can_be_written(self):
        # (register, bits that are kept, bits that must not be; the rest is open)
        table = ((TPR, 0xFF, 0), (VERSION, 0, 0xFFAAFFEB), (DFR, 0xFFFFFFFF, 0), (ICR_HIGH, 0xFF000000, 0),
                 (TIMER, 0x300FF, 0), (LINT0, 0x1A7FF, 0), (LINT1, 0x127FF, 0),
                 (ERROR, 0x100FF, 0), (INITIAL, 0xFFFFFFFF, 0), (DIVIDE, 0xB, 0xFFFFFFF4), (ISR, 0, 0xFFFFFFFF),
                 (TMR, 0, 0xFFFFFFFF), (IRR, 0, 0xFFFFFFFF))
        program = ApicProgram()
        program.enable()
        places = []
        for register, keeps, drops in table:
            program.set(register, 0xFFFFFFFF if register != TIMER else 0x3FFFF)
            places.append(program.get(register))
            program.set(register, 0 if register not in (TIMER, LINT0, LINT1, ERROR) else MASKED)
        found = program.run(self)
        for (register, keeps, drops), place in zip(table, places):
            self.assertBits(found[place], keeps | drops, keeps, f"register {register:x}")

    def test_self_interrupts(self):
        program = ApicProgram()
        program.enable()
        for vector in (0x31, 0x52, 0x58, 0xA0):
            program.send(vector)
        requested = program.vectors(IRR)
        program.open()
        # The highest is in service and keeps the others out.
        first = program.taken()
        serving, priority = program.vectors(ISR), program.get(PPR)
        program.open()
        still = program.taken()
        program.set(EOI, 0)
        program.open()
        then = program.taken()
        program.set(EOI, 0)
        program.open()
        program.set(EOI, 0)
        program.open()
        program.set(EOI, 0)
        last, idle, nothing = program.taken(), program.vectors(ISR), program.vectors(IRR)
        found = program.run(self)
        self.assertEqual(bits(found, requested), {0x31, 0x52, 0x58, 0xA0})
        self.assertEqual(found[first:first + 2], [1, 0xA0])
        self.assertEqual(bits(found, serving), {0xA0})
        self.assertEqual(found[priority] & 0xF0, 0xA0)
        self.assertEqual(found[still], 1)
        self.assertEqual(found[then:then + 3], [2, 0xA0, 0x58])
        self.assertEqual(found[last:last + 5], [4, 0xA0, 0x58, 0x52, 0x31])
        self.assertEqual(bits(found, idle) | bits(found, nothing), set())

    def test_task_priority(self):
        program = ApicProgram()
        program.enable()
        program.set(TPR, 0x50)
        program.send(0x5F)
        program.open()
        held, priority = program.taken(), program.get(PPR)
        program.send(0x60)
        program.open()
        higher = program.taken()
        program.set(EOI, 0)
        program.set(TPR, 0x4F)
        program.open()
        lower = program.taken()
        found = program.run(self)
        self.assertEqual(found[held], 0)
        self.assertEqual(found[priority], 0x50)
        self.assertEqual(found[higher:higher + 2], [1, 0x60])
        self.assertEqual(found[lower:lower + 3], [2, 0x60, 0x5F])

    def test_nested(self):
        program = ApicProgram()
        program.enable()
        program.send(0x40)
        program.open()
        program.send(0x90)
        program.open()
        both, taken = program.vectors(ISR), program.taken()
        program.set(EOI, 0)
        one = program.vectors(ISR)
        found = program.run(self)
        self.assertEqual(found[taken:taken + 3], [2, 0x40, 0x90])
        self.assertEqual(bits(found, both), {0x40, 0x90})
        self.assertEqual(bits(found, one), {0x40})

    def test_destinations(self):
        # (ICR's high half, its low half, does it arrive here): physical and logical, flat and cluster, shorthands.
        table = ((0, 0x61, True), (0x01000000, 0x62, False), (0xFF000000, 0x63, True), (0, 0x80000 | 0x64, True),
                 (0, 0xC0000 | 0x65, False), (0x04000000, 0x800 | 0x66, True), (0x0B000000, 0x800 | 0x67, False),
                 (0xFF000000, 0x800 | 0x68, True))
        program = ApicProgram()
        program.enable()
        program.set(LDR, 0x04000000)
        for high, low, _ in table:
            program.set(ICR_HIGH, high)
            program.set(ICR, low)
        flat = program.vectors(IRR)
        program.set(DFR, 0x0FFFFFFF)
        program.set(LDR, 0x24000000)
        for high, low in ((0x24000000, 0x871), (0x21000000, 0x872), (0x14000000, 0x873), (0x2C000000, 0x874)):
            program.set(ICR_HIGH, high)
            program.set(ICR, low)
        cluster = program.vectors(IRR)
        found = program.run(self)
        arrived = {low & 0xFF for _, low, arrives in table if arrives}
        self.assertEqual(bits(found, flat), arrived)
        self.assertEqual(bits(found, cluster), arrived | {0x71, 0x74})

    def test_disabled_by_software(self):
        program = ApicProgram()
        program.send(0x70)
        program.open()
        found_none = program.taken()
        found = program.run(self)
        self.assertEqual(found[found_none], 0)

    def test_timer_divides(self):
        # A tick is a nanosecond times the divisor. shift: of the divide configuration's value.
        for value, shift in ((0, 1), (1, 2), (2, 3), (3, 4), (8, 5), (9, 6), (10, 7), (11, 0)):
            with self.subTest(value):
                program = ApicProgram()
                program.enable()
                program.set(DIVIDE, value)
                program.set(TIMER, MASKED)
                program.set(INITIAL, 0xFFFFFFFF)
                program.pause(0.002)
                left = program.get(CURRENT)
                passed = (0xFFFFFFFF - program.run(self)[left]) << shift
                self.assertGreater(passed, 2_000_000)
                self.assertLess(passed, 2_400_000)

    def test_timer_once(self):
        program = ApicProgram()
        program.enable()
        program.set(DIVIDE, 11)
        program.set(TIMER, 0x41)
        program.set(INITIAL, 1_000_000)
        program.open()
        before = program.taken()
        program.pause(0.002)
        program.open()
        after, left = program.taken(), program.get(CURRENT)
        program.set(EOI, 0)
        program.pause(0.003)
        program.open()
        later = program.taken()
        # Masked: it counts and tells nobody; stopped by a count of zero.
        program.set(TIMER, MASKED | 0x41)
        program.set(INITIAL, 1_000_000)
        program.pause(0.002)
        masked = program.vectors(IRR)
        program.set(TIMER, 0x41)
        program.set(INITIAL, 1_000_000)
        program.set(INITIAL, 0)
        program.pause(0.002)
        stopped = program.vectors(IRR)
        found = program.run(self)
        self.assertEqual(found[before], 0)
        self.assertEqual(found[after:after + 2], [1, 0x41])
        self.assertEqual(found[left], 0)
        self.assertEqual(found[later], 1)
        self.assertEqual(bits(found, masked) | bits(found, stopped), set())

    def test_timer_again_and_again(self):
        program = ApicProgram()
        program.enable()
        program.set(DIVIDE, 11)
        program.set(TIMER, PERIODIC | 0x42)
        program.set(INITIAL, 4_000_000)
        for _ in range(5):
            program.pause(0.004)
            program.open()
            program.set(EOI, 0)
        taken, left = program.taken(), program.get(CURRENT)
        found = program.run(self)
        self.assertEqual(found[taken:taken + 4], [5, 0x42, 0x42, 0x42])
        self.assertGreater(found[left], 0)
        self.assertLessEqual(found[left], 4_000_000)

    def test_errors(self):
        program = ApicProgram()
        program.enable()
        program.set(ERROR, 0x33)
        program.set(ESR, 0xFFFFFFFF)
        program.set(ESR, 0)
        seen, told = program.get(ESR), program.vectors(IRR)
        found = program.run(self)
        self.assertEqual(found[seen], 0)
        self.assertEqual(bits(found, told), set())

    def test_base_register(self):
        program = ApicProgram()
        base = program.read_msr(BASE_MSR)
        program.write_msr(BASE_MSR, 0xFEE00900)
        still = program.get(VERSION)
        found = program.run(self)
        self.assertEqual(found[base:base + 2], [0xFEE00900, 0])
        self.assertEqual(found[still], 0x50014)

    def test_the_8259_passes(self):
        # LINT0 as the firmware sets it: the 8259A's vectors come through.
        program = ApicProgram()
        program.enable()
        program.set(LINT0, 0x700)
        for port, value in ((0x20, 0x11), (0x21, 0x48), (0x21, 4), (0x21, 1), (0x21, 0xFE), (0x43, 0x30), (0x40, 0), (0x40, 4)):
            program.outb(port, value)
        program.pause(0.002)
        program.open()
        taken, serving = program.taken(), program.vectors(ISR)
        program.outb(0x20, 0x0B)
        theirs = program.inb(0x20)
        found = program.run(self)
        self.assertEqual(found[taken:taken + 2], [1, 0x48])
        self.assertEqual(bits(found, serving), set())
        self.assertEqual(found[theirs], 1)


if __name__ == "__main__":
    qtest.main()
