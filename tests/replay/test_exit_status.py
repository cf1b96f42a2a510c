#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest may end with the exit statuses that the emulator itself has for failures and divergences: its replay
is checked to the end all the same, and says so.

quick: yes
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import machine  # noqa: E402


class ExitStatus(machine.MachineTest):
    def test_as_a_failure(self):
        for code in (0, 1):
            with self.subTest(code=code):
                image = self.assemble("exit", f"CODE={code}")
                done = machine.run("-bios", image, "-display", "none", *machine.EXIT_DEVICE, *self.recording())
                self.assertEqual(done.status, 2 * code + 1, done)
                self.replay(status=2 * code + 1, ends="the recording ended there")


if __name__ == "__main__":
    machine.main()
