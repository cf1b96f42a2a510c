#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The benchmark's loops (tests/bench/guests) compute what they should, recorded and replayed: so the benchmark
measures work that is done. Timings play no part.

quick: yes
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "bench"))
import loops  # noqa: E402
import machine  # noqa: E402


class BenchLoops(machine.MachineTest):
    def test_sums(self):
        for loop in loops.LOOPS:
            with self.subTest(loop=loop.name):
                image = loops.build(loop, self.folder, 1000)
                status = loops.status(loop.sum)
                done = machine.run(*loops.machine(image), *self.recording())
                self.assertEqual(done.status, status, done)
                self.assertRegex(done.out.decode(), rf"^be\w{{8}} \w{{8}} {loop.sum:08X} \n$")
                replayed = self.replay("-serial", "stdio", status=status)
                self.assertEqual(replayed.out, done.out)


if __name__ == "__main__":
    machine.main()
