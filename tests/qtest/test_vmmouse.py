#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The VMware port and the pointer behind it. OSDev Wiki, "VMware tools"; each answer is one to IN EAX, DX."""

import qtest
from cpu_access import Program

PORT, MAGIC = 0x5658, 0x564D5868
VERSION, RAM_SIZE, DATA, STATUS, COMMAND = 10, 20, 39, 40, 41
ENABLE, DISABLE, ABSOLUTE, RELATIVE = 0x45414552, 0xF5, 0x53424152, 0x4C455252


class TestVmMouse(qtest.TestCase):
    def setUp(self):
        self.program = Program()

    def ask(self, number, ebx=0, magic=MAGIC):
        return self.program.exchange(PORT, magic, ebx, number)

    def test_port(self):
        version, memory = self.ask(VERSION), self.ask(RAM_SIZE)
        strange, unknown = self.ask(VERSION, magic=0x12345678), self.ask(0x7F)
        found = self.program.run(self, "-m", "64")
        self.assertEqual(found[version:version + 2], [6, MAGIC])
        self.assertEqual(found[memory:memory + 2], [64 << 20, 0x1177])
        self.assertNotEqual(found[strange + 1], MAGIC)
        self.assertEqual(found[unknown], 0xFFFFFFFF)

    def test_pointer(self):
        table = ((STATUS, 0, 0xFFFF0000), (COMMAND, ENABLE, None), (STATUS, 0, 1), (DATA, 1, 0x3442554A), (STATUS, 0, 0),
                 (COMMAND, ABSOLUTE, None), (STATUS, 0, 0), (COMMAND, RELATIVE, None), (STATUS, 0, 0),
                 (COMMAND, ENABLE, None), (COMMAND, ENABLE, None), (STATUS, 0, 2), (DATA, 2, 0x3442554A), (STATUS, 0, 0),
                 (COMMAND, DISABLE, None), (STATUS, 0, 0xFFFF0000), (COMMAND, ENABLE, None), (DATA, 1, 0x3442554A),
                 (STATUS, 0, 0))
        places = [(number, argument, expected, self.ask(number, argument)) for number, argument, expected in table]
        found = self.program.run(self)
        for step, (number, argument, expected, place) in enumerate(places):
            if expected is not None:
                self.assertEqual(found[place], expected, f"step {step}: command {number}, {argument:#x}")

    def test_more_than_there_is(self):
        self.ask(COMMAND, ENABLE)
        self.ask(DATA, 4)
        failed = self.ask(STATUS)
        found = self.program.run(self)
        self.assertEqual(found[failed] & 0xFFFF0000, 0xFFFF0000)

    def test_left_out(self):
        version = self.ask(VERSION)
        found = self.program.run(self, "-machine", "pc,vmport=off")
        self.assertEqual(found[version], 0xFFFFFFFF)


if __name__ == "__main__":
    qtest.main()
