#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's installer kernel and initrd, which nobody here wrote: a shell session over serial, recorded and
replayed, also on a host that is saturated by other work. In the long form twenty replays, a recording made
on a saturated host, and the installer's own dialogue.
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import machine  # noqa: E402
import session  # noqa: E402

BOOT = 900  # seconds until something appears: patience for a busy host
REPLAY = 1200
COMMANDS = ["uname -a", "mount -t proc proc /proc", "cat /proc/interrupts", "dd if=/dev/urandom bs=16 count=1 | sha1sum",
            "ls -l /", "date", "echo $((6 * 7))"]
DOWN = "\x1b[B"


class Boot(machine.MachineTest):
    def command(self, append):
        return [machine.EMULATOR, "-m", "512", "-nographic", "-no-reboot", "-kernel", session.LINUX,
                "-initrd", session.INITRD, "-append", append, *self.recording()]

    def shell(self):
        """Records a session at a shell; gives the serial output."""
        with session.Session(self.command("console=ttyS0 rdinit=/bin/sh")) as run:
            session.shell_session(run, COMMANDS, BOOT)
            self.assertEqual(session.power_off(run, BOOT), 0, run.errors)
            self.assertIn(b"sha1sum", run.output)
            self.assertRegex(run.output, rb"\n42\r\n")
            return run.output

    def check(self, output, status=0):
        replayed = self.replay(status=status, timeout=REPLAY, ends="the recording ended there")
        self.assertEqual(replayed.out, output)

    def test_shell(self):
        output = self.shell()
        self.check(output)
        with machine.Saturated():
            self.check(output)

    @machine.slow
    def test_shell_twenty_times(self):
        output = self.shell()
        with machine.Saturated():
            for number in range(20):
                with self.subTest(number=number):
                    self.check(output)

    @machine.slow
    def test_shell_recorded_on_a_saturated_host(self):
        with machine.Saturated():
            output = self.shell()
        self.check(output)

    @machine.slow
    def test_installer(self):
        """The installer's first dialogue, a key, and the power switched off from its second screen's shell."""
        with session.Session(self.command("console=ttyS0")) as run:
            run.expect("Choose the language|Select a language", BOOT)
            run.pump(2)
            run.send(DOWN)
            run.pump(2)
            # Ctrl-A goes through doubled; to the installer's own screen(1) it is the command key.
            run.send("\x01\x01" + "2")
            run.expect("~ #", BOOT)
            self.assertEqual(session.power_off(run, BOOT), 0, run.errors)
            output = run.output
        self.check(output)


if __name__ == "__main__":
    machine.main()
