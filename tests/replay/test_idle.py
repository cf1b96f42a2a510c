#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""An hour of an idle guest passes in moments with sleep=off, and takes next to no log.

quick: yes
"""
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import machine  # noqa: E402

HOUR_MS = 3600_000
PATIENCE = 120  # seconds: that an hour takes moments must show even on a saturated host


class Idle(machine.MachineTest):
    def test_an_idle_hour(self):
        done = machine.run("-bios", self.assemble("idle"), "-display", "none", "-serial", "stdio",
                           *machine.EXIT_DEVICE, *self.recording("shift=7,sleep=off"), timeout=PATIENCE)
        self.assertEqual(done.status, 3, done)
        found = re.fullmatch(rb"ticks (\w+) seconds (\w+)\n", done.out)
        self.assertTrue(found, done)
        self.assertEqual(int(found[1], 16), 65543)
        self.assertAlmostEqual(int(found[2], 16), 3600, delta=1)
        dump = machine.replay_dump(self.log)
        self.assertAlmostEqual(dump["totals"]["virtual_ns"] / 1e6, HOUR_MS, delta=2000)
        self.assertEqual(dump["totals"]["events"], 0)
        self.assertLess(dump["totals"]["bytes_without_blobs"], 100_000)
        for _ in range(2):
            replayed = self.replay("-serial", "stdio", status=3, timeout=PATIENCE)
            self.assertEqual(replayed.out, done.out)


if __name__ == "__main__":
    machine.main()
