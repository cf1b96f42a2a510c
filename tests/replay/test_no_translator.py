#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A build without the translator, as on hosts that aren't x86-64: says so when it is configured and when it is asked
for one, interprets, and replays what the translator has recorded. In the long form, since it builds the emulator.
"""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import machine  # noqa: E402


class NoTranslator(machine.MachineTest):
    @machine.slow
    def test_build(self):
        build = self.folder / "build"
        configured = subprocess.run([machine.ROOT / "configure", f"--build={build}", "--disable-tcg",
                                     "--enable-debug"],
                                    capture_output=True, text=True, check=True)
        self.assertIn("Message: no translator (it is for x86-64 hosts): guests are interpreted", configured.stdout)
        subprocess.run(["ninja", "-C", build, "qemu-system-i386"], check=True, stdout=subprocess.DEVNULL)
        emulator = build / "qemu-system-i386"

        known = machine.run("-accel", "help", emulator=emulator).out.split()
        self.assertIn(b"interp", known)
        self.assertNotIn(b"tcg", known)
        self.refused(machine.run("-accel", "tcg", emulator=emulator),
                     "accelerator tcg needs an x86-64 host", "use -accel interp")

        options = ["-bios", self.assemble("flat"), "-display", "none", "-serial", "stdio", "-m", "16",
                   *machine.EXIT_DEVICE]
        lines = 3 * b"a line\n" + b"q"
        recorded = machine.run(*options, *self.recording("shift=3"), stdin=lines)
        self.assertEqual(recorded.status, 11, recorded)
        replayed = self.replay("-serial", "stdio", status=11, emulator=emulator)
        self.assertEqual(replayed.out, recorded.out)
        other = self.folder / "interpreted.bin"
        recorded = machine.run(*options, *self.recording("shift=3", other), stdin=lines, emulator=emulator)
        self.assertEqual(recorded.status, 11, recorded)
        self.assertEqual(self.replay("-serial", "stdio", log=other, status=11).out, recorded.out)


if __name__ == "__main__":
    machine.main()
