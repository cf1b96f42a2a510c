#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The firmware configuration device: selector, data, directory, DMA. QEMU's docs/specs/fw_cfg."""

import struct

import qtest

SELECT, DATA, DMA_HIGH, DMA_LOW = 0x510, 0x511, 0x514, 0x518
SIGNATURE, ID, RAM_SIZE, NO_GRAPHIC, CPUS, BOOT_MENU, MAX_CPUS, DIRECTORY, FIRST_FILE = 0, 1, 3, 4, 5, 14, 15, 0x19, 0x20
E820 = "etc/e820"
ERROR, READ, SKIP, CHOOSE, WRITE = 1, 2, 4, 8, 16
COMMAND, BUFFER = 0x10000, 0x20000


def swap(value):
    return int.from_bytes(value.to_bytes(4, "little"), "big")


class TestFwCfg(qtest.TestCase):
    args = ("-m", "48")

    def get(self, key, size):
        self.vm.outw(SELECT, key)
        return bytes(self.vm.inb(DATA) for _ in range(size))

    def dma(self, control, length=0, address=BUFFER, at=COMMAND):
        """The control word that comes back."""
        self.vm.write(at, struct.pack(">IIQ", control, length, address))
        self.vm.outl(DMA_LOW, swap(at))
        return struct.unpack(">I", self.vm.read(at, 4))[0]

    def directory(self):
        count = struct.unpack(">I", self.get(DIRECTORY, 4))[0]
        self.assertEqual(self.dma(CHOOSE | READ | DIRECTORY << 16, 4 + 64 * count), 0)
        data = self.vm.read(BUFFER + 4, 64 * count)
        files = {}
        for size, key, reserved, name in struct.iter_unpack(">IHH56s", data):
            self.assertEqual(reserved, 0)
            files[name.rstrip(b"\0").decode()] = (key, size)
        self.assertEqual(len(files), count)
        return files

    def test_who_is_there(self):
        self.assertEqual(self.get(SIGNATURE, 4), b"QEMU")
        self.assertEqual(self.get(ID, 4), struct.pack("<I", 3))
        dma = struct.pack("<II", self.vm.inl(DMA_HIGH), self.vm.inl(DMA_LOW))
        self.assertEqual(dma, b"QEMU CFG")

    def test_numbers(self):
        for key, value, size in ((RAM_SIZE, 48 << 20, 8), (NO_GRAPHIC, 0, 2), (CPUS, 1, 2), (BOOT_MENU, 0, 2),
                                 (MAX_CPUS, 1, 2)):
            self.assertEqual(self.get(key, size), value.to_bytes(size, "little"), f"key {key:#x}")

    def test_reading_on(self):
        # After the end come zeros, and selecting begins again; the bit that once asked for writing means nothing.
        self.assertEqual(self.get(SIGNATURE, 8), b"QEMU" + bytes(4))
        for key in (SIGNATURE, 0x4000 | SIGNATURE):
            self.assertEqual(self.get(key, 2), b"QE")
        self.assertEqual(bytes(self.vm.inb(DATA) for _ in range(3)), b"MU\0")
        for key in (0x06, 0x3FFF, 0xBFFF):
            self.assertEqual(self.get(key, 4), bytes(4), f"key {key:#x}")

    def test_writing_data_does_nothing(self):
        self.vm.outw(SELECT, SIGNATURE)
        self.vm.outb(DATA, 0x58)
        self.assertEqual(self.get(SIGNATURE, 4), b"QEMU")

    def test_directory(self):
        files = self.directory()
        keys = [key for key, _ in files.values()]
        self.assertEqual(sorted(keys), list(range(FIRST_FILE, FIRST_FILE + len(files))))
        self.assertEqual(list(files), sorted(files))
        for name in ("bootorder", E820, "etc/acpi/tables", "etc/acpi/rsdp", "etc/table-loader", "etc/smbios/smbios-anchor",
                     "etc/smbios/smbios-tables", "etc/system-states"):
            self.assertIn(name, files)
        key, size = files[E820]
        entries = list(struct.iter_unpack("<QQI", self.get(key, size)))
        self.assertIn((0, 48 << 20, 1), entries)
        anchor = self.get(*files["etc/smbios/smbios-anchor"])
        self.assertIn(anchor[:4], (b"_SM_", b"_SM3"))
        self.assertEqual(self.get(*files["etc/acpi/rsdp"])[:8], b"RSD PTR ")

    def test_dma_reads(self):
        self.vm.memset(BUFFER, 16, 0xEE)
        self.assertEqual(self.dma(CHOOSE | READ | SIGNATURE << 16, 2), 0)
        self.assertEqual(self.vm.read(BUFFER, 4), b"QE\xEE\xEE")
        # Where it stopped; by ports and by DMA alike.
        self.assertEqual(self.vm.inb(DATA), ord("M"))
        self.assertEqual(self.dma(READ, 6), 0)
        self.assertEqual(self.vm.read(BUFFER, 8), b"U\0\0\0\0\0\xEE\xEE")

    def test_dma_skips(self):
        self.assertEqual(self.dma(CHOOSE | SKIP | SIGNATURE << 16, 3), 0)
        self.assertEqual(self.vm.inb(DATA), ord("U"))
        self.assertEqual(self.dma(CHOOSE | ID << 16), 0)
        self.assertEqual(self.vm.inb(DATA), 3)
        self.assertEqual(self.dma(CHOOSE | SKIP | SIGNATURE << 16, 100), 0)
        self.assertEqual(self.vm.inb(DATA), 0)

    def test_dma_of_nothing(self):
        self.vm.memset(BUFFER, 8, 0xEE)
        self.assertEqual(self.dma(CHOOSE | READ | 0x3FFF << 16, 4), 0)
        self.assertEqual(self.vm.read(BUFFER, 8), b"\0\0\0\0\xEE\xEE\xEE\xEE")
        self.assertEqual(self.dma(CHOOSE | READ | SIGNATURE << 16, 0), 0)
        self.assertEqual(self.vm.inb(DATA), ord("Q"))

    def test_dma_writes_only_where_it_may(self):
        self.vm.write(BUFFER, b"XXXX")
        self.assertBits(self.dma(CHOOSE | WRITE | SIGNATURE << 16, 4), ERROR, ERROR)
        self.assertEqual(self.get(SIGNATURE, 4), b"QEMU")
        key, size = self.directory()["etc/e820"]
        before = self.get(key, size)
        self.assertBits(self.dma(CHOOSE | WRITE | key << 16, 4), ERROR, ERROR)
        self.assertEqual(self.get(key, size), before)

    def test_dma_command_above_4_gib_isnt_there(self):
        self.vm.write(COMMAND, struct.pack(">IIQ", CHOOSE | READ | SIGNATURE << 16, 4, BUFFER))
        self.vm.memset(BUFFER, 4, 0xEE)
        self.vm.outl(DMA_HIGH, swap(1))
        self.vm.outl(DMA_LOW, swap(COMMAND))
        self.assertEqual(self.vm.read(BUFFER, 4), b"\xEE" * 4)
        # The high half holds for one command.
        self.assertEqual(self.dma(CHOOSE | READ | SIGNATURE << 16, 4), 0)
        self.assertEqual(self.vm.read(BUFFER, 4), b"QEMU")


if __name__ == "__main__":
    qtest.main()
