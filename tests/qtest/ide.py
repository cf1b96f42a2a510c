# SPDX-License-Identifier: GPL-2.0-or-later
"""An ATA channel as a driver sees it, its bus master, and images for its drives."""

import os
import struct
import tempfile

from pc import Pci, config, wait

IDE = config(1, 1)
BUS_MASTER = 0xC000
TABLE = 0x10000

BSY, DRDY, DF, DRQ, ERR = 0x80, 0x40, 0x20, 0x08, 0x01


def image(case, size, pattern=None):
    """A temporary file of that size; pattern: its contents by sector number."""
    handle, path = tempfile.mkstemp(prefix="disk-")
    case.addCleanup(os.unlink, path)
    with os.fdopen(handle, "wb") as f:
        if pattern:
            for n in range(size // 512):
                f.write(pattern(n))
        f.truncate(size)
    return path


def sector(n):
    """What sector n of a test image holds."""
    return struct.pack("<I", n) * 64 + bytes((n * 7 + i) & 0xFF for i in range(256))


class Channel:
    def __init__(self, vm, number=0):
        self.vm = vm
        self.base = (0x1F0, 0x170)[number]
        self.control_port = (0x3F6, 0x376)[number]
        self.master_base = BUS_MASTER + 8 * number
        self.irq = 14 + number

    # Registers.
    def read(self, register):
        return self.vm.inb(self.base + register)

    def write(self, register, value):
        self.vm.outb(self.base + register, value)

    def alternate(self):
        return self.vm.inb(self.control_port)

    def control(self, value):
        self.vm.outb(self.control_port, value)

    def status(self):
        return self.read(7)

    # Commands.
    def settle(self):
        """Until the device is neither busy nor about to be."""
        if not wait(self.vm, lambda: not self.alternate() & BSY):
            raise TimeoutError(f"the device stays busy: {self.alternate():#x}")

    def command(self, opcode, lba=0, count=1, feature=0, unit=0):
        self.write(6, 0xE0 | unit << 4 | lba >> 24 & 15)
        for register, value in ((1, feature), (2, count & 0xFF), (3, lba), (4, lba >> 8), (5, lba >> 16)):
            self.write(register, value & 0xFF)
        self.write(7, opcode)

    def command48(self, opcode, lba, count):
        self.write(6, 0xE0)
        for shift in (24, 0):
            self.write(2, count >> (8 if shift else 0) & 0xFF)
            for n in range(3):
                self.write(3 + n, lba >> (shift + 8 * n) & 0xFF)
        self.write(7, opcode)

    def read_words(self, size):
        return b"".join(struct.pack("<H", self.vm.inw(self.base)) for _ in range(size // 2))

    def write_words(self, data):
        for (word,) in struct.iter_unpack("<H", data):
            self.vm.outw(self.base, word)

    # The bus master.
    def enable_dma(self):
        pci = Pci(self.vm)
        pci.writel(IDE, 0x20, BUS_MASTER)
        pci.writew(IDE, 4, 5)

    def table(self, *regions):
        data = b""
        for n, (address, size) in enumerate(regions):
            data += struct.pack("<II", address, size & 0xFFFF | (0x80000000 if n == len(regions) - 1 else 0))
        self.vm.write(TABLE, data)
        self.vm.outl(self.master_base + 4, TABLE)

    def master(self, value):
        self.vm.outb(self.master_base, value)

    def master_status(self):
        return self.vm.inb(self.master_base + 2)

    def finish_dma(self):
        """Waits for the transfer's end; the bus master's status then."""
        wait(self.vm, lambda: self.master_status() & 5 != 1)
        status = self.master_status() & 7
        self.master(0)
        self.vm.outb(self.master_base + 2, 6)
        return status

    # Packets, by PIO; unit: 0 or 1. Status is in self.status() afterwards.
    def packet(self, cdb, limit=0xFFFE, unit=0):
        self.write(6, 0xA0 | unit << 4)
        self.write(1, 0)
        self.write(4, limit & 0xFF)
        self.write(5, limit >> 8)
        self.write(7, 0xA0)
        wait(self.vm, lambda: self.alternate() & DRQ)
        self.write_words(bytes(cdb) + bytes(12 - len(cdb)))
        self.settle()
        data = b""
        while self.alternate() & DRQ:
            size = self.read(4) | self.read(5) << 8
            data += self.read_words(size)
            self.settle()
        return data

    def sense(self):
        """(key, code) of the last packet."""
        data = self.packet((3, 0, 0, 0, 18))
        return data[2] & 15, data[12]
