#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests that never end (tests/replay/guests/hostile.asm): SIGTERM is answered at once, and what was
recorded until then replays to its end.
"""
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import machine  # noqa: E402

GUESTS = ["FAULT_LOOP", "RECURSIVE_FAULT", "TRIPLE_FAULT", "DOUBLE_FAULT", "RESET", "HALT", "SINGLE_STEP",
          "SELF_MODIFYING", "REP_MMIO", "REP_PORT", "PAGE_FAULT_LOOP", "TIMER_STORM", "SERIAL_FLOOD"]
ANSWER = 2.0  # seconds until SIGTERM has worked
RUN = machine.by_kind(0.5, 0.7, 3)
# The fastest virtual time and the slowest, with the CPU asleep or not when it halts.
CLOCKS = machine.by_kind(["shift=auto"], ["shift=auto", "shift=10,sleep=off"],
                         ["shift=auto", "shift=10,sleep=off", "shift=0", "shift=0,align=on", "shift=auto,sleep=off"])


class Hostile(machine.MachineTest):
    def check(self, guest, icount):
        # HALT with sleep=off and no timer armed waits for input, as HALT with sleep=on does.
        arguments = ["-bios", self.assemble("hostile", guest), "-display", "none", "-m", "8"]
        process = self.start(*arguments, *self.recording(icount))
        time.sleep(RUN)
        self.assertIsNone(process.poll(), "it ended by itself: " + process.errors.read_text())
        status = self.stop(process, ANSWER)
        self.assertEqual(status, 0, process.errors.read_text())
        self.replay(ends="the recording ended there .the user asked to quit")

    def test_no_reboot_ends_a_reset_loop(self):
        for guest in ("TRIPLE_FAULT", "RESET"):
            with self.subTest(guest):
                done = machine.run("-bios", self.assemble("hostile", guest), "-display", "none", "-no-reboot",
                                   *self.recording())
                self.assertEqual(done.status, 0, done)
                replayed = self.replay(ends="the guest rebooted, and -no-reboot was given")
                self.assertNotEqual(machine.AS_RECORDED.search(replayed.err)[1], "0")


def add(guest, number, icount):
    name = f"test_{guest.lower()}_{number}"
    setattr(Hostile, name, lambda self: self.check(guest, icount))
    getattr(Hostile, name).__doc__ = f"{guest} with -icount {icount}"


for guest in GUESTS:
    for number, icount in enumerate(CLOCKS):
        add(guest, number, icount)

if __name__ == "__main__":
    machine.main()
