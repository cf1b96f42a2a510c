#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What -boot and -rtc tell the firmware: fw_cfg's files and the clock's registers."""

import os
import struct
import tempfile

import qtest


def bmp(width, height):
    pixels = bytes(width * height * 3)
    return (b"BM" + struct.pack("<IHHI", 54 + len(pixels), 0, 0, 54) +
            struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, len(pixels), 0, 0, 0, 0) + pixels)


class Firmware(qtest.TestCase):
    def setUp(self):
        pass

    def items(self, *args, names=("bootorder", "etc/boot-menu-wait", "etc/boot-fail-wait", "bootsplash.jpg",
                                  "bootsplash.bmp")):
        """The files of these names, and the menu's flag."""
        vm = self.start(args)
        self.vm = vm

        def read(key, size):
            vm.outw(0x510, key)
            return bytes(vm.inb(0x511) for _ in range(size))

        count, = struct.unpack(">I", read(0x19, 4))
        directory = read(0x19, 4 + 64 * count)[4:]
        found = {}
        for at in range(0, len(directory), 64):
            size, key, _, name = struct.unpack(">IHH56s", directory[at:at + 64])
            name = name.rstrip(b"\0").decode()
            if name in names:
                found[name] = read(key, size)
        return found, read(0x0e, 2) == b"\1\0"


class TestBoot(Firmware):
    FOREVER = b"\xff\xff\xff\xff"

    def test_nothing_said(self):
        self.assertEqual(self.items(), ({"bootorder": b"", "etc/boot-fail-wait": self.FOREVER}, False))

    def test_menu_and_times(self):
        files, menu = self.items("-boot", "menu=on,splash-time=5000,reboot-timeout=3000")
        self.assertTrue(menu)
        self.assertEqual(files, {"bootorder": b"", "etc/boot-menu-wait": struct.pack("<H", 5000),
                                 "etc/boot-fail-wait": struct.pack("<I", 3000)})
        files, menu = self.items("-boot", "menu=off,splash-time=0,reboot-timeout=-1")
        self.assertFalse(menu)
        self.assertEqual(files, {"bootorder": b"", "etc/boot-menu-wait": b"\0\0", "etc/boot-fail-wait": self.FOREVER})
        files, _ = self.items("-boot", "splash-time=65535,reboot-timeout=65535")
        self.assertEqual(files["etc/boot-menu-wait"], b"\xff\xff")
        self.assertEqual(files["etc/boot-fail-wait"], b"\xff\xff\0\0")

    def test_strict(self):
        self.assertEqual(self.items("-boot", "strict=on")[0]["bootorder"], b"")
        with tempfile.NamedTemporaryFile() as image:
            image.truncate(1 << 20)
            disk = ("-drive", f"if=none,id=d,file={image.name},format=raw", "-device", "ide-hd,drive=d,bus=ide.0,bootindex=1")
            path = b"/pci@i0cf8/ide@1,1/drive@0/disk@0"
            self.assertEqual(self.items(*disk, "-boot", "strict=on")[0]["bootorder"], path + b"\nHALT\0")
            self.vm.close()
            self.assertEqual(self.items(*disk, "-boot", "strict=off")[0]["bootorder"], path + b"\0")

    def test_splash(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, data in (("bootsplash.bmp", bmp(8, 8)), ("bootsplash.jpg", b"\xff\xd8\xff\xe0" + b"jpeg" * 20)):
                path = os.path.join(folder, "picture")
                with open(path, "wb") as file:
                    file.write(data)
                files, _ = self.items("-boot", f"splash={path},splash-time=7")
                self.assertEqual(files[name], data)
                self.assertEqual(files["etc/boot-menu-wait"], b"\7\0")
                self.assertEqual(len(files), 4)

    def test_order_in_cmos(self):
        for order, low, high in (("c", 2, 0), ("dc", 0x23, 0), ("adc", 0x31, 0x20), ("n", 4, 0)):
            self.items("-boot", f"order={order}")
            read = {}
            for index in (0x3d, 0x38):
                self.vm.outb(0x70, index)
                read[index] = self.vm.inb(0x71)
            self.assertEqual((read[0x3d], read[0x38] & 0xF0), (low, high), order)


class TestRtc(Firmware):
    def clock(self, *args):
        self.items(*args)
        digits = []
        for index in (0x32, 9, 8, 7, 4, 2):
            self.vm.outb(0x70, index)
            digits.append(f"{self.vm.inb(0x71):02x}")
        return "".join(digits)

    def test_dates(self):
        for clock in ("host", "rt", "vm"):
            self.assertEqual(self.clock("-rtc", f"base=2006-06-17T16:01:21,clock={clock}"), "200606171601")
        self.assertEqual(self.clock("-rtc", "base=2006-06-17"), "200606170000")
        self.assertEqual(self.clock("-rtc", "base=1980-02-29T23:30:00,driftfix=slew"), "198002292330")
        self.assertEqual(self.clock("-rtc", "base=2037-12-31T01:02:03,driftfix=none"), "203712310102")


if __name__ == "__main__":
    qtest.main()
