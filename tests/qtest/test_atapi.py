#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""ATAPI CD-ROM drive: signature, PACKET by PIO and DMA, what MMC says of drive and disc, tray and lock."""

import struct

import ide
import qtest
from ide import DRDY, DRQ, ERR

BLOCKS = 700


def block(n):
    return b"".join(ide.sector(4 * n + i) for i in range(4))


class TestAtapi(qtest.TestCase):
    def setUp(self):
        path = ide.image(self, BLOCKS * 2048, ide.sector)
        self.vm = self.start(("-drive", "if=ide,index=2,media=cdrom,format=raw,file=" + path))
        self.cd = ide.Channel(self.vm, 1)

    def assertStatus(self, value):
        self.assertEqual(self.cd.status() & (DRDY | DRQ | ERR), value)

    def assertRefused(self, cdb, key, code):
        self.cd.packet(cdb)
        self.assertStatus(DRDY | ERR)
        self.assertEqual(self.cd.read(1) >> 4, key)
        self.assertEqual(self.cd.sense(), (key, code))

    def read10(self, lba, count):
        return struct.pack(">BBIBH", 0x28, 0, lba, 0, count)

    def test_signature(self):
        self.assertEqual([self.cd.read(n) for n in (2, 3, 4, 5)], [1, 1, 0x14, 0xEB])
        self.cd.command(0xEC)
        self.assertStatus(DRDY | ERR)
        self.assertEqual((self.cd.read(4), self.cd.read(5)), (0x14, 0xEB))
        self.cd.write(7, 0x08)
        self.cd.settle()
        self.assertEqual(self.cd.status(), 0)

    def test_identify(self):
        self.cd.write(7, 0xA1)
        self.cd.settle()
        words = struct.unpack("<256H", self.cd.read_words(512))
        self.assertEqual(words[0], 0x85C0)
        self.assertEqual(words[49], 0x0300)
        self.assertEqual(words[88], 0x203F)
        self.assertEqual(b"".join(struct.pack(">H", w) for w in words[27:47]).rstrip(), b"QEMU DVD-ROM")

    def test_phases(self):
        self.cd.write(6, 0xA0)
        self.cd.write(1, 0)
        self.cd.write(4, 0)
        self.cd.write(5, 8)
        self.cd.write(7, 0xA0)
        self.cd.settle()
        self.assertStatus(DRDY | DRQ)
        self.assertEqual(self.cd.read(2) & 3, 1)
        self.cd.write_words(self.read10(3, 2) + bytes(3))
        for n in range(2):
            self.cd.settle()
            self.assertStatus(DRDY | DRQ)
            self.assertEqual(self.cd.read(2) & 3, 2)
            self.assertEqual(self.cd.read(4) | self.cd.read(5) << 8, 2048)
            self.assertEqual(self.cd.read_words(2048), block(3 + n))
        self.cd.settle()
        self.assertStatus(DRDY)
        self.assertEqual(self.cd.read(2) & 3, 3)

    def test_read(self):
        expected = block(5) + block(6) + block(7)
        for limit in (0xFFFE, 0x1000, 2048, 1024):
            self.assertEqual(self.cd.packet(self.read10(5, 3), limit), expected)
        self.assertEqual(self.cd.packet(struct.pack(">BBII", 0xA8, 0, 5, 3)), expected)
        self.assertEqual(self.cd.packet(self.read10(5, 0)), b"")
        self.assertStatus(DRDY)
        self.assertRefused(self.read10(BLOCKS, 1), 5, 0x21)

    def test_read_dma(self):
        self.cd.enable_dma()
        self.cd.table((0x20000, 8192))
        self.cd.write(6, 0xA0)
        self.cd.write(1, 1)
        self.cd.write(7, 0xA0)
        self.cd.settle()
        self.cd.write_words(self.read10(9, 4) + bytes(3))
        self.cd.master(9)
        self.assertEqual(self.cd.finish_dma(), 4)
        self.assertStatus(DRDY)
        self.assertEqual(self.vm.read(0x20000, 8192), b"".join(map(block, range(9, 13))))

    def test_read_cd(self):
        self.assertEqual(self.cd.packet((0xBE, 0, 0, 0, 0, 20, 0, 0, 2, 0x10)), block(20) + block(21))
        raw = self.cd.packet((0xBE, 0, 0, 0, 0, 20, 0, 0, 1, 0xF8))
        self.assertEqual(len(raw), 2352)
        self.assertEqual(raw[:12], b"\0" + b"\xff" * 10 + b"\0")
        self.assertEqual(raw[15], 1)
        self.assertEqual(raw[16:2064], block(20))

    def test_capacity_and_contents(self):
        self.assertEqual(self.cd.packet((0x25,)), struct.pack(">II", BLOCKS - 1, 2048))
        toc = self.cd.packet((0x43, 0, 0, 0, 0, 0, 0, 0, 64))
        self.assertEqual((toc[:4], toc[5:12]), (bytes((0, 18, 1, 1)), bytes((0x14, 1, 0, 0, 0, 0, 0))))
        self.assertEqual((toc[14], toc[16:]), (0xAA, struct.pack(">I", BLOCKS)))
        frames = BLOCKS + 150
        toc = self.cd.packet((0x43, 2, 0, 0, 0, 0, 0xAA, 0, 64))
        self.assertEqual(toc[-3:], bytes((frames // 75 // 60, frames // 75 % 60, frames % 75)))

    def test_inquiry(self):
        data = self.cd.packet((0x12, 0, 0, 0, 36))
        self.assertEqual((data[0], data[1], data[8:16], data[16:28]), (5, 0x80, b"QEMU    ", b"QEMU DVD-ROM"))

    def test_mode_sense(self):
        data = self.cd.packet((0x5A, 0, 0x2A, 0, 0, 0, 0, 0, 64))
        self.assertEqual((len(data), data[8], data[9]), (30, 0x2A, 20))
        self.assertEqual(data[14] & 2, 0)
        self.cd.packet((0x1E, 0, 0, 0, 1))
        self.assertEqual(self.cd.packet((0x5A, 0, 0x2A, 0, 0, 0, 0, 0, 64))[14] & 2, 2)
        self.assertRefused((0x5A, 0, 0x08, 0, 0, 0, 0, 0, 64), 5, 0x24)

    def test_configuration(self):
        data = self.cd.packet((0x46, 0, 0, 0, 0, 0, 0, 1, 0))
        self.assertEqual(data[6:8], b"\0\x08")
        self.assertEqual(data[8:20], bytes((0, 0, 3, 8, 0, 0x10, 0, 0, 0, 8, 1, 0)))

    def test_events_tray_and_lock(self):
        event = (0x4A, 1, 0, 0, 0x10, 0, 0, 0, 8)
        self.assertEqual(self.cd.packet(event)[4:6], b"\0\x02")
        self.cd.packet((0x1E, 0, 0, 0, 1))
        self.cd.packet((0x1B, 0, 0, 0, 2))
        self.assertStatus(DRDY | ERR)
        self.assertEqual(self.cd.sense()[1], 0x53)
        self.cd.packet((0x1E, 0, 0, 0, 0))
        self.cd.packet((0x1B, 0, 0, 0, 2))
        self.assertStatus(DRDY)
        self.assertEqual(self.cd.packet(event)[5], 1)
        self.assertRefused((0x00,), 2, 0x3A)
        self.cd.packet((0x1B, 0, 0, 0, 3))
        self.assertStatus(DRDY)
        self.assertEqual(self.cd.packet(event)[5], 2)

    def test_unknown(self):
        self.assertRefused((0xF7,), 5, 0x20)
        self.assertRefused((0x4A, 0, 0, 0, 0x10, 0, 0, 0, 8), 5, 0x24)


class TestEmptyDrive(qtest.TestCase):
    args = ("-drive", "if=ide,index=2,media=cdrom")

    def test_no_medium(self):
        cd = ide.Channel(self.vm, 1)
        for cdb in ((0x00,), (0x25,), (0x28, 0, 0, 0, 0, 0, 0, 0, 1)):
            cd.packet(cdb)
            self.assertEqual(cd.status() & (DRDY | DRQ | ERR), DRDY | ERR)
            self.assertEqual(cd.sense(), (2, 0x3A))
        self.assertEqual(cd.packet((0x4A, 1, 0, 0, 0x10, 0, 0, 0, 8))[5], 0)


if __name__ == "__main__":
    qtest.main()
