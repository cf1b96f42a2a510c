#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""CDs and floppies that Debian ships and nobody here made: GRUB's rescue disks up to a command at their prompt,
and memtest86+. Driven over VNC, recorded, and seen again in replays by both engines, pixel by pixel.
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import desk  # noqa: E402
import machine  # noqa: E402

RESCUE = "/usr/lib/grub-rescue/grub-rescue-"
MEMTEST = "/usr/lib/memtest86+/memtest86+ia32.iso"
PATIENCE = 300  # seconds until something appears on a busy host
TCG, INTERP = ["-accel", "tcg"], ["-accel", "interp"]


class BootMedia(machine.MachineTest):
    def record(self, *arguments):
        run = desk.Desk(self, *arguments, "-m", "64", *self.recording())
        run.sit_down()
        return run

    def command(self, run, text, answer):
        run.vnc.type(text + "\n")
        run.read(answer, PATIENCE)
        run.read(r"^grub>\s*\Z", PATIENCE)

    def grub(self, drive, *arguments):
        """To GRUB's prompt, two commands, and the power off."""
        run = self.record(*arguments)
        run.read("GNU GRUB +version 2", PATIENCE)
        run.read("Change the colors", PATIENCE)
        run.take("menu")
        run.vnc.type("c")
        run.read("^grub> *$", PATIENCE)
        run.take("prompt")
        self.command(run, "ls", rf"\({drive}\)")
        self.command(run, "ls /boot/grub", r"i386-pc/")
        run.take("commands")
        run.vnc.type("halt\n")
        run.ends(PATIENCE)
        desk.check(self, run, TCG, INTERP)
        with machine.Saturated():
            desk.check(self, run, TCG)

    def test_grub_from_cd(self):
        self.grub("cd", "-cdrom", f"{RESCUE}cdrom.iso")

    def test_grub_from_floppy(self):
        self.grub("fd0", "-fda", f"{RESCUE}floppy.img")

    def test_memtest(self):
        """Its CD emulates a floppy."""
        run = self.record("-cdrom", MEMTEST)
        run.read("Memtest86. v6", PATIENCE)
        run.take("title")
        run.vnc.press("ret")
        run.read("Status: Testing", PATIENCE)
        run.take("testing")
        run.quit()
        desk.check(self, run, TCG, INTERP)

    @machine.slow
    def test_memtest_pass(self):
        self.short = False
        run = self.record("-cdrom", MEMTEST)
        run.read("Status: Testing", PATIENCE)
        run.take("testing")
        run.read(r"Pass: +[1-9]", 1800)
        run.take("passed")
        run.read(r"Errors: 0\b", 1)
        run.quit()
        desk.check(self, run, TCG, timeout=1800)
        with machine.Saturated():
            desk.check(self, run, TCG, timeout=3600)


if __name__ == "__main__":
    machine.main()
