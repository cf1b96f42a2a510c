#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""8237A pair: registers. (Masks cannot be read back everywhere; transfers are tested with the devices that
make them.)"""

import qtest

# Channel: address, count and page ports.
CHANNELS = {
    0: (0x00, 0x01, 0x87), 1: (0x02, 0x03, 0x83), 2: (0x04, 0x05, 0x81), 3: (0x06, 0x07, 0x82),
    5: (0xC4, 0xC6, 0x8B), 6: (0xC8, 0xCA, 0x89), 7: (0xCC, 0xCE, 0x8A),
}


class TestDma(qtest.TestCase):
    def clear_flip_flop(self, channel):
        self.vm.outb(0x0C if channel < 4 else 0xD8, 0)

    def set_word(self, channel, port, value):
        self.clear_flip_flop(channel)
        self.vm.outb(port, value & 0xFF)
        self.vm.outb(port, value >> 8)

    def word(self, channel, port):
        self.clear_flip_flop(channel)
        low = self.vm.inb(port)
        return low | self.vm.inb(port) << 8

    def test_flip_flop(self):
        self.clear_flip_flop(1)
        self.vm.outb(0x03, 0x34)
        self.vm.outb(0x03, 0x12)
        self.clear_flip_flop(1)
        self.assertEqual([self.vm.inb(0x03) for _ in range(4)], [0x34, 0x12, 0x34, 0x12])
        self.vm.inb(0x03)
        self.clear_flip_flop(1)
        self.assertEqual(self.vm.inb(0x03), 0x34)

    def test_count_and_page(self):
        for channel, (_, count, page) in CHANNELS.items():
            self.set_word(channel, count, 0x1000 + channel * 0x111)
            self.vm.outb(page, 0x10 + channel)
        for channel, (_, count, page) in CHANNELS.items():
            self.assertEqual(self.word(channel, count), 0x1000 + channel * 0x111)
            self.assertEqual(self.vm.inb(page), 0x10 + channel)

    def test_address(self):
        for channel in (0, 1, 2, 3):
            address = CHANNELS[channel][0]
            self.set_word(channel, address, 0x2000 + channel * 0x111)
            self.assertEqual(self.word(channel, address), 0x2000 + channel * 0x111)

    def test_status_is_idle(self):
        for port in (0x08, 0xD0):
            self.assertEqual(self.vm.inb(port), 0)

    def test_refresh_page(self):
        self.vm.outb(0x8F, 0x77)
        self.assertEqual(self.vm.inb(0x8F), 0x77)


if __name__ == "__main__":
    qtest.main()
