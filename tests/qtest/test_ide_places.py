#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Where -device puts a disk that was given no bus and no unit: seen by the guest, by each disk's size."""

import struct

import ide
import qtest
from ide import DRQ


class TestPlaces(qtest.TestCase):
    def setUp(self):
        self.images = {name: ide.image(self, (n + 1) * 1008 * 512) for n, name in enumerate("abcd")}

    def nodes(self, names):
        return [word for name in names
                for word in ("-drive", f"if=none,id={name},format=raw,file={self.images[name]}")]

    def arguments(self, options, names):
        """options: words; one that is a disk's name stands for its file."""
        return (*self.nodes(names), *(self.images.get(word, word) for word in options.split()))

    def disks(self, vm):
        """What is on the four places: a disk's name, "cd" or None."""
        found = []
        for number in (0, 1):
            channel = ide.Channel(vm, number)
            for unit in (0, 1):
                answering = [opcode for opcode in (0xEC, 0xA1) if self.answers(channel, unit, opcode)]
                if answering != [0xEC]:
                    found.append("cd" if answering else None)
                    continue
                words = struct.unpack("<256H", self.answers(channel, unit, 0xEC))
                found.append("abcd"[(words[60] | words[61] << 16) // 1008 - 1])
        return found

    def answers(self, channel, unit, opcode):
        """What an IDENTIFY command gives; empty if it is refused or nobody is there."""
        channel.command(opcode, unit=unit)
        channel.settle()
        return channel.read_words(512) if channel.alternate() & DRQ else b""

    def assertPlaces(self, options, *places, names=""):
        with self.subTest(options):
            with self.start(self.arguments(options, names)) as vm:
                self.assertEqual(self.disks(vm), list(places))

    def test_without_a_bus(self):
        for options, names, places in [
                ("-device ide-hd,drive=a", "a", [None, None, "a", None]),
                ("-device ide-hd,drive=b -device ide-hd,drive=a", "ab", [None, None, "b", "a"]),
                ("-device ide-cd", "", [None, None, "cd", None]),
                ("-device ide-cd -device ide-hd,drive=a", "a", [None, None, "cd", "a"]),
                ("-hda d -device ide-hd,drive=a", "a", ["d", None, "a", None]),
                ("-hdc d -device ide-hd,drive=a", "a", [None, None, "d", "a"]),
                ("-hdd d -device ide-hd,drive=a", "a", [None, None, "a", "d"]),
                ("-cdrom d -device ide-hd,drive=a", "a", [None, None, "cd", "a"]),
                ("-device ide-hd,drive=a,unit=1 -device ide-hd,drive=b", "ab", [None, None, "b", "a"]),
                ("-device ide-hd,drive=a,bus=ide.0 -device ide-hd,drive=b -device ide-hd,drive=c", "abc",
                 ["a", None, "b", "c"]),
                ("-device ide-hd,drive=a,bus=ide.0 -device ide-hd,drive=b,bus=ide.0", "ab", ["a", "b", None, None]),
        ]:
            self.assertPlaces(options, *places, names=names)

    def test_no_place(self):
        for options, names, said in [
                ("-device ide-hd,drive=a -device ide-hd,drive=b -device ide-hd,drive=c", "abc",
                 "-device ide-hd,drive=c: IDE unit 1 is in use"),
                ("-device ide-hd,drive=a,unit=0 -device ide-hd,drive=b,unit=0", "ab",
                 "-device ide-hd,drive=b,unit=0: IDE unit 0 is in use"),
                ("-device ide-hd,drive=a,unit=2", "a", "Can't create IDE unit 2, bus supports only 2 units"),
                ("-device ide-hd,drive=a,bus=ide.2", "a", "Bus 'ide.2' not found"),
        ]:
            with self.subTest(options), self.assertRaisesRegex(qtest.QtestError, said):
                self.start(self.arguments(options, names))


if __name__ == "__main__":
    qtest.main()
