#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""8042 controller, PS/2 keyboard and mouse: commands, translation, keys and movement from the monitor."""

import time

import qtest
from pc import MS, Pic, wait

DATA, COMMAND = 0x60, 0x64


class TestI8042(qtest.TestCase):
    def setUp(self):
        self.vm = self.start(monitor=True)

    def status(self):
        return self.vm.inb(COMMAND)

    def command(self, value, *parameters):
        self.vm.outb(COMMAND, value)
        for parameter in parameters:
            self.vm.outb(DATA, parameter)

    def answer(self):
        self.assertTrue(wait(self.vm, lambda: self.status() & 1), "no answer")
        return self.vm.inb(DATA)

    def drain(self, ns=40 * MS):
        got = []
        while wait(self.vm, lambda: self.status() & 1, ns):
            got.append(self.vm.inb(DATA))
        return got

    def keyboard(self, *values):
        got = []
        for value in values:
            self.vm.outb(DATA, value)
            got += self.drain()
        return got

    def mouse(self, *values):
        got = []
        for value in values:
            self.command(0xD4, value)
            got += self.drain()
        return got

    # --- controller ---

    def test_self_tests(self):
        self.assertBits(self.status(), 0x11, 0x10, "status")
        self.command(0xAA)
        self.assertEqual(self.answer(), 0x55)
        self.assertBits(self.status(), 0x04, 0x04, "status")
        self.command(0xAB)
        self.assertEqual(self.answer(), 0x00)
        self.command(0xA9)
        self.assertEqual(self.answer(), 0x00)
        self.command(0xC0)
        self.assertEqual(self.answer(), 0x80)

    def test_command_byte(self):
        self.command(0x20)
        self.assertEqual(self.answer() & 0x73, 0x03)
        self.command(0x60, 0x41)
        self.command(0x20)
        self.assertEqual(self.answer(), 0x41)
        self.command(0xAD)
        self.command(0xA7)
        self.command(0x20)
        self.assertEqual(self.answer(), 0x71)
        self.command(0xAE)
        self.command(0xA8)
        self.command(0x20)
        self.assertEqual(self.answer(), 0x41)

    def test_output_port(self):
        self.command(0xD0)
        self.assertBits(self.answer(), 0xCF, 0xCF, "output port")
        self.command(0xDD)
        self.command(0xD0)
        self.assertBits(self.answer(), 0x03, 0x01, "output port")
        self.command(0xDF)
        self.command(0xD0)
        self.assertBits(self.answer(), 0x03, 0x03, "output port")
        self.command(0xD1, 0xCD)
        self.command(0xD0)
        self.assertBits(self.answer(), 0x03, 0x01, "output port")

    def test_interrupts(self):
        pic = Pic(self.vm)
        self.command(0x60, 0x03)
        self.command(0xD2, 0x12)
        self.assertTrue(wait(self.vm, lambda: pic.requested(1)))
        self.assertFalse(pic.requested(12))
        self.assertEqual(self.answer(), 0x12)
        self.command(0xD3, 0x34)
        self.assertTrue(wait(self.vm, lambda: pic.requested(12)))
        self.assertBits(self.status(), 0x21, 0x21, "status")
        self.assertEqual(self.answer(), 0x34)
        self.assertFalse(pic.requested(12))

    # --- keyboard ---

    def test_keyboard_commands(self):
        self.command(0x60, 0x00)
        self.assertEqual(self.keyboard(0xEE), [0xEE])
        self.assertEqual(self.keyboard(0xF2), [0xFA, 0xAB, 0x83])
        self.assertEqual(self.keyboard(0xED, 0x07), [0xFA, 0xFA])
        self.assertEqual(self.keyboard(0xF0, 0x00), [0xFA, 0xFA, 0x02])
        self.assertEqual(self.keyboard(0xF0, 0x01), [0xFA, 0xFA])
        self.assertEqual(self.keyboard(0xF0, 0x00), [0xFA, 0xFA, 0x01])
        self.assertEqual(self.keyboard(0xF3, 0x20), [0xFA, 0xFA])
        self.assertEqual(self.keyboard(0xF5), [0xFA])
        self.assertEqual(self.keyboard(0xF4), [0xFA])
        self.assertEqual(self.keyboard(0xEF), [0xFE])
        self.assertEqual(self.keyboard(0xFF), [0xFA, 0xAA])
        self.assertEqual(self.keyboard(0xF0, 0x00), [0xFA, 0xFA, 0x02])

    def needs_input(self):
        if not qtest.has_qtest_accelerator(self.binary):
            self.skipTest("this emulator takes no input while its clock stands still")

    # The monitor lets keys go and hands movements in at the host's time: whoever waits for bytes knows how many.
    def hear(self, count):
        got, end = [], time.monotonic() + 10
        while len(got) < count and time.monotonic() < end:
            got += self.drain(MS)
        return got + self.drain()

    def sendkey(self, keys, count):
        self.vm.hmp(f"sendkey {keys} 50")
        return self.hear(count)

    def test_keys(self):
        self.needs_input()
        self.command(0x60, 0x00)
        self.keyboard(0xF4)
        self.assertEqual(self.sendkey("a", 3), [0x1C, 0xF0, 0x1C])
        self.command(0x60, 0x40)
        self.assertEqual(self.sendkey("a", 2), [0x1E, 0x9E])
        self.assertEqual(self.sendkey("up", 4), [0xE0, 0x48, 0xE0, 0xC8])
        self.assertEqual(self.sendkey("f7", 2), [0x41, 0xC1])
        self.assertEqual(self.sendkey("shift-ret", 4), [0x2A, 0x1C, 0x9C, 0xAA])

    # --- mouse ---

    def test_mouse_commands(self):
        self.assertEqual(self.mouse(0xFF), [0xFA, 0xAA, 0x00])
        self.assertEqual(self.mouse(0xF2), [0xFA, 0x00])
        self.assertEqual(self.mouse(0xE9), [0xFA, 0x00, 0x02, 0x64])
        self.assertEqual(self.mouse(0xE7), [0xFA])
        self.assertEqual(self.mouse(0xE8, 0x03), [0xFA, 0xFA])
        self.assertEqual(self.mouse(0xF3, 200), [0xFA, 0xFA])
        self.assertEqual(self.mouse(0xE9), [0xFA, 0x10, 0x03, 200])
        self.assertEqual(self.mouse(0xEE, 0x12), [0xFA, 0x12])
        self.assertEqual(self.mouse(0xEC), [0xFA])
        self.assertEqual(self.mouse(0xF6), [0xFA])
        self.assertEqual(self.mouse(0xE9), [0xFA, 0x00, 0x02, 0x64])

    def test_mouse_knocks(self):
        self.mouse(0xF3, 200, 0xF3, 100, 0xF3, 80)
        self.assertEqual(self.mouse(0xF2), [0xFA, 0x03])
        self.mouse(0xF3, 200, 0xF3, 200, 0xF3, 80)
        self.assertEqual(self.mouse(0xF2), [0xFA, 0x04])

    def test_mouse_moves(self):
        self.needs_input()
        self.assertEqual(self.mouse(0xF4), [0xFA])
        self.vm.hmp("mouse_move 5 -3")
        self.assertEqual(self.hear(3), [0x08, 0x05, 0x03])
        self.vm.hmp("mouse_move -2 1")
        self.assertEqual(self.hear(3), [0x38, 0xFE, 0xFF])
        self.vm.hmp("mouse_button 1")
        self.assertEqual(self.hear(3), [0x09, 0x00, 0x00])
        self.vm.hmp("mouse_button 0")
        self.assertEqual(self.hear(3), [0x08, 0x00, 0x00])


if __name__ == "__main__":
    qtest.main()
