#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A damaged log, replayed by the emulator itself: never a crash, a hang, or memory taken because the file
said so. (tests/unit/log_damage_test.cc does more of this inside one process.)

The address sanitizer reserves terabytes of addresses: with an emulator that has it memory isn't limited by
RLIMIT_AS, but by the sanitizer's own limit on what is allocated at once.
"""
import os
import pathlib
import random
import resource
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import machine  # noqa: E402

FLIPS = machine.by_kind(20, 100, 1000)
CUTS = machine.by_kind(10, 50, 500)
MEMORY = 1 << 30  # bytes of address space: the guest has 2 MiB
SEED = 20260102


def limit_memory():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


if machine.has_address_sanitizer():
    print("test_damage: the emulator has the address sanitizer: no RLIMIT_AS, but max_allocation_size_mb", flush=True)
    LIMITED = {"env": dict(os.environ, ASAN_OPTIONS=f"max_allocation_size_mb={MEMORY >> 20}:"
                                                    f"{os.environ.get('ASAN_OPTIONS', '')}")}
else:
    LIMITED = {"preexec_fn": limit_memory}


class Damage(machine.MachineTest):
    sound = False

    def setUp(self):
        super().setUp()
        self.random = random.Random(SEED)
        done = machine.run("-bios", self.assemble("echo", "HALT"), "-display", "none", "-m", "2", "-vga", "none",
                           "-serial", "stdio", *machine.EXIT_DEVICE,
                           *self.recording("shift=4,rrdigest=2"), stdin=b"some\nlines\nof\ninput\nq")
        self.assertEqual(done.status, 11, done)
        self.whole = self.log.read_bytes()
        self.chunks = machine.replay_dump(self.log)["chunks"]
        self.part = self.folder / "part.bin"

    def attempt(self, data):
        self.part.write_bytes(data)
        done = machine.run(*self.replaying(self.part), timeout=60, **LIMITED)
        # 11: the guest's own status, when the damage is where nothing is read.
        self.assertIn(done.status, (0, 1, 2, 11), done)
        self.assertTrue(done.err, done)
        self.assertNotIn("terminate called", done.err)
        self.assertNotIn("Sanitizer", done.err)
        self.assertNotIn("runtime error", done.err)
        if done.status == 1:
            self.assertIn(f"'{self.part}'", done.err, done)
        return done

    def offsets(self):
        """Where bytes mean something: the file head, and the chunks."""
        first = self.chunks[0]["offset"]
        return [*range(64), *range(first, len(self.whole))]

    def test_bit_flips(self):
        places = self.offsets()
        for number in range(FLIPS):
            place = self.random.choice(places)
            bit = self.random.randrange(8)
            with self.subTest(place=place, bit=bit):
                data = bytearray(self.whole)
                data[place] ^= 1 << bit
                self.attempt(data)

    def test_every_head(self):
        """Every byte of the heads, one after the other in the long form, with values that mean trouble."""
        step = machine.by_kind(31, 13, 1)
        heads = [*range(64), *(c["offset"] + n for c in self.chunks for n in range(80))]
        for place in heads[::step]:
            for value in (0, 0xff):
                with self.subTest(place=place, value=value):
                    data = bytearray(self.whole)
                    data[place] = value
                    self.attempt(data)

    def test_truncation(self):
        places = self.offsets()
        stride = max(1, len(places) // CUTS)
        for place in places[::stride]:
            with self.subTest(place=place):
                done = self.attempt(self.whole[:place])
                self.assertIn(done.status, (0, 1, 11), done)

    def test_other_files(self):
        for data in (b"", b"\0" * 100000, b"QRLOG", self.whole[:64], self.random.randbytes(100000),
                     self.whole[:4096] + self.random.randbytes(100000)):
            with self.subTest(size=len(data)):
                self.assertEqual(self.attempt(data).status, 1)


if __name__ == "__main__":
    machine.main()
