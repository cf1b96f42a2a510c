#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A log is all that a replay needs; what is said beside it must agree with it where the guest can see it.

quick: yes
"""
import os
import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import machine  # noqa: E402
import session  # noqa: E402

SEABIOS = "/usr/share/seabios/bios-256k.bin"
VGABIOS = "/usr/share/seabios/vgabios-stdvga.bin"
LINES = b"one\ntwo\nq"


class SelfContained(machine.MachineTest):
    def setUp(self):
        super().setUp()
        self.bios = self.assemble("echo")
        self.machine = ["-bios", self.bios, "-m", "16", "-cpu", "qemu32", "-vga", "std", *machine.EXIT_DEVICE,
                        "-rtc", "base=2020-02-29T12:00:00", "-uuid", "550e8400-e29b-41d4-a716-446655440000"]
        self.outside = ["-display", "none", "-serial", "stdio", "-name", "guest", "-no-reboot", "-no-user-config"]
        done = machine.run(*self.machine, *self.outside, *self.recording("shift=5"), stdin=LINES)
        self.assertEqual(done.status, 11, done)
        self.output = done.out

    def test_without_the_files(self):
        self.bios.rename(self.folder / "elsewhere")
        replayed = self.replay("-serial", "stdio", status=11)
        self.assertEqual(replayed.out, self.output)

    def test_without_any_option(self):
        self.assertEqual(self.replay(status=11).out, b"")

    def test_the_whole_command_line_again(self):
        for icount in ("", "shift=5,", "shift=5,sleep=on,"):
            done = machine.run(*self.machine, *self.outside, "-icount", f"{icount}rr=replay,rrfile={self.log}")
            self.assertEqual(done.status, 11, done)
            self.assertEqual(done.out, self.output)
            self.assertRegex(done.err, machine.AS_RECORDED)

    def test_other_views(self):
        """Where the serial port goes is the outer world's affair."""
        target = self.folder / "out"
        self.replay("-serial", f"file:{target}", status=11)
        self.assertEqual(target.read_bytes(), self.output)
        self.replay("-chardev", f"file,id=x,path={target}", "-serial", "chardev:x", "-monitor", "none", status=11)
        self.assertEqual(target.read_bytes(), self.output)

    def test_contradictions(self):
        other = self.assemble("idle")
        for options, given, recorded in [
                (["-m", "17"], "17", "16M"),
                (["-m", "1G"], "1G", "16M"),
                (["-cpu", "486"], "486", "qemu32"),
                (["-cpu", "qemu32,-sse"], "qemu32,-sse", "qemu32"),
                (["-vga", "none"], "none", "std"),
                (["-machine", "pc,hpet=off"], "hpet=off", "hpet=on"),
                (["-no-hpet"], "hpet=off", "hpet=on"),
                (["-bios", other], str(other), "another file"),
                (["-kernel", other], str(other), "none"),
                (["-kernel", other, "-append", "quiet"], "quiet", ""),
                (["-rtc", "base=2021-02-28"], "2021-02-28", "1582977600"),
                (["-uuid", "00000000-0000-0000-0000-000000000001"], "0001", "550e8400"),
                (["-serial", "null", "-serial", "null"], "COM1 COM2", "COM1"),
                (["-serial", "none"], "no serial port", "COM1"),
                (["-parallel", "none"], "0 parallel", "1 parallel"),
                (["-nodefaults"], "no serial port", "COM1"),
                (["-boot", "menu=on"], "menu=on", "menu=off"),
                (["-device", "isa-debug-exit,iobase=0xf5,iosize=4"], "245", "244"),
                (["-device", "isa-debugcon,chardev=c", "-chardev", "null,id=c"], "isa-debugcon", "244"),
                (["-debugcon", "null"], "isa-debugcon", "isa-debug-exit"),
        ]:
            with self.subTest(options=options):
                self.refused(machine.run(*self.replaying(), *options), given, recorded, "recording")

    def test_contradicting_icount(self):
        for shift in ("0", "4", "auto"):
            done = machine.run("-icount", f"shift={shift},rr=replay,rrfile={self.log}")
            self.refused(done, f"shift={shift}", "shift=5")
        for setting in ("sleep=off", "sleep=off,shift=5"):
            done = machine.run("-icount", f"{setting},rr=replay,rrfile={self.log}")
            self.refused(done, "sleep=off", "sleep=on")

    def test_what_is_given_but_not_there(self):
        done = machine.run(*self.replaying(), "-bios", self.folder / "nowhere.bin")
        self.refused(done, "nowhere.bin", "the recording has its own copy")

    def test_replay_leaves_the_log_alone(self):
        before = self.log.read_bytes()
        os.chmod(self.log, 0o444)
        self.replay(status=11)
        self.assertEqual(self.log.read_bytes(), before)

    def test_behind_a_pipe_of_shells(self):
        """Ends of streams are no inputs: a replay doesn't care for what its stdin says."""
        done = machine.run(*self.replaying(), "-serial", "stdio", stdin=b"q" * 10000)
        self.assertEqual((done.status, done.out), (11, self.output), done)


class Linux(machine.MachineTest):
    """Kernel, initrd and option ROM, up to the kernel's first words."""

    @machine.not_quick
    def test_kernel_and_firmware_moved_away(self):
        for path, name in ((session.LINUX, "linux"), (session.INITRD, "initrd"), (SEABIOS, "bios-256k.bin"),
                           (VGABIOS, "vgabios-stdvga.bin")):
            shutil.copy(path, self.folder / name)
        process = self.start("-L", self.folder, "-bios", self.folder / "bios-256k.bin", "-display", "none",
                             "-kernel", self.folder / "linux", "-initrd", self.folder / "initrd", "-m", "256",
                             "-append", "console=ttyS0 earlyprintk=ttyS0", "-serial", "stdio", *self.recording(),
                             stdout=subprocess.PIPE, bufsize=0)
        output = b""
        while b"Linux version" not in output:
            data = process.stdout.read(4096)
            self.assertTrue(data, output + process.errors.read_bytes())
            output += data
        self.assertEqual(self.stop(process, 10), 0)
        output += process.stdout.read()
        for name in ("linux", "initrd", "bios-256k.bin", "vgabios-stdvga.bin"):
            (self.folder / name).unlink()
        self.assertEqual(self.replay("-serial", "stdio", timeout=300).out, output)
        blobs = {b["name"]: b["size"] for b in machine.replay_dump(self.log)["header"]["blobs"]}
        self.assertEqual(blobs["kernel"], os.path.getsize(session.LINUX))
        self.assertEqual(blobs["initrd"], os.path.getsize(session.INITRD))


if __name__ == "__main__":
    machine.main()
