#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What can't work says so in one line, ends with status 1, and leaves nothing half done behind.

quick: yes
"""
import os
import pathlib
import random
import resource
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import machine  # noqa: E402
import session  # noqa: E402

PRECIOUS = b"an older recording"


class BadInput(machine.MachineTest):
    """Each of these is tried while recording over an existing file, which must survive."""

    def check(self, arguments, *texts):
        self.log.write_bytes(PRECIOUS)
        done = machine.run("-display", "none", *self.recording(), *arguments, timeout=20)
        self.refused(done, *texts)
        self.assertEqual(self.log.read_bytes(), PRECIOUS)
        self.assertEqual(sorted(p.name for p in self.folder.glob("log*")), ["log.bin"])

    def test_unknown_option(self):
        self.check(["-frobnicate"], "-frobnicate", "invalid option", "-help")

    def test_option_of_a_later_version(self):
        self.check(["-spice", "port=1"], "-spice", "not supported by this version")

    def test_missing_argument(self):
        self.check(["-m"], "-m", "requires an argument")

    def test_disk_image(self):
        self.check(["disk.img"], "Could not open 'disk.img'", "No such file")

    def test_missing_bios(self):
        self.check(["-bios", "no-such-bios.bin"], "no-such-bios.bin", "No such file or directory")

    def test_short_bios(self):
        bios = self.folder / "short.bin"
        bios.write_bytes(b"\x90" * 100)
        self.check(["-bios", bios], "short.bin", "100 bytes", "64 KiB")

    def test_empty_bios(self):
        bios = self.folder / "empty.bin"
        bios.touch()
        self.check(["-bios", bios], "empty.bin", "0 bytes")

    def test_bios_is_a_directory(self):
        self.check(["-bios", self.folder], str(self.folder))

    def test_missing_kernel(self):
        self.check(["-kernel", self.folder / "nowhere"], "-kernel", "nowhere", "No such file or directory")

    def test_not_a_kernel(self):
        for size in (0, 100, 1000, 100_000):
            kernel = self.folder / f"kernel-{size}"
            kernel.write_bytes(b"\x55" * size)
            with self.subTest(size=size):
                self.check(["-kernel", kernel], "kernel")

    def test_truncated_kernel(self):
        kernel = self.folder / "cut"
        kernel.write_bytes(pathlib.Path(session.LINUX).read_bytes()[:2000])
        self.check(["-kernel", kernel], "kernel")

    def test_missing_initrd(self):
        self.check(["-kernel", session.LINUX, "-initrd", self.folder / "nowhere"], "-initrd", "nowhere")

    def test_initrd_without_kernel(self):
        self.check(["-initrd", session.INITRD], "-initrd", "-kernel")

    def test_append_without_kernel(self):
        self.check(["-append", "quiet"], "-append", "-kernel")

    def test_memory(self):
        host = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
        self.check(["-m", str(host + 1024)], f"{host} MiB")
        self.check(["-m", "1T"], "1T")
        self.check(["-m", "some"], "some")
        self.check(["-m", "-1"], "-1")

    def test_cpu(self):
        self.check(["-cpu", "z80"], "z80")
        self.check(["-cpu", "qemu32,+warp"], "warp")

    def test_machine(self):
        self.check(["-machine", "q35"], "q35")
        self.check(["-machine", "pc,warp=on"], "warp")
        self.check(["-smp", "2"], "-smp", "one virtual CPU")

    def test_device(self):
        self.check(["-device", "warp-drive"], "warp-drive")
        self.check(["-device", "isa-debug-exit,warp=9"], "isa-debug-exit", "warp")
        self.check(["-device", "isa-debug-exit,iobase=0x12345"], "isa-debug-exit", "iobase")
        self.check(["-device", "isa-debugcon,chardev=nobody"], "nobody")

    def test_time(self):
        self.check(["-rtc", "base=yesterday"], "yesterday")
        self.check(["-uuid", "123"], "123")

    def test_character_devices(self):
        self.check(["-serial", "warp"], "warp")
        self.check(["-serial", f"file:{self.folder}/none/serial"], "serial", "No such file or directory")
        self.check(["-serial", f"unix:{self.folder}/nobody"], "nobody")
        self.check(["-serial", "unix:/" + "x" * 200 + ",server=on,wait=off"], "201 characters")
        self.check(["-serial", f"pipe:{self.folder}/none"], "none")
        self.check(["-serial", "tcp:localhost"], "port")
        self.check(["-serial", "chardev:nobody"], "nobody")
        self.check(["-chardev", "null"], "id")
        self.check(["-chardev", "null,id=a", "-chardev", "null,id=a"], "Duplicate", "'a'")

    def test_port_in_use(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen(1)
            port = taken.getsockname()[1]
            self.check(["-serial", f"tcp:127.0.0.1:{port},server=on,wait=off"], str(port), "Address already in use")

    def test_nobody_listens(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.check(["-serial", f"tcp:127.0.0.1:{port}"], str(port), "Connection refused")


class BadLog(machine.MachineTest):
    def test_no_log(self):
        self.refused(machine.run(*self.replaying()), "log.bin", "No such file or directory")

    def test_a_directory(self):
        self.refused(machine.run(*self.replaying(self.folder)), str(self.folder))
        self.refused(machine.run("-display", "none", *self.recording(log=self.folder)), str(self.folder))

    def test_missing_directory(self):
        log = self.folder / "none" / "log.bin"
        self.refused(machine.run("-display", "none", *self.recording(log=log)), str(log), "No such file or directory")

    def test_forbidden_directory(self):
        self.folder.chmod(0o555)
        self.refused(machine.run_as_anybody("-display", "none", *self.recording()), "log.bin", "Permission denied")

    def test_forbidden_directory_as_root(self):
        """/proc takes no files from anybody."""
        self.refused(machine.run("-display", "none", *self.recording(log="/proc/log.bin")), "/proc/log.bin")

    def test_special_files(self):
        fifo = self.folder / "fifo"
        os.mkfifo(fifo)
        self.refused(machine.run(*self.replaying("/dev/null"), timeout=10), "/dev/null")
        self.refused(machine.run(*self.replaying(fifo), timeout=10), "fifo")


class DiskFull(machine.MachineTest):
    """The disk is full before the log has begun, or while it grows by input that doesn't compress."""

    INPUT = random.Random(1).randbytes(4 << 20).replace(b"q", b"Q")
    BEGUN = 600_000  # bytes that a log has when the recording begins: 550,000 and a little

    def record(self, log, **options):
        return machine.run("-bios", self.assemble("echo"), "-display", "none", "-serial", "stdio",
                           *self.recording("shift=8", log), stdin=self.INPUT, timeout=120, **options)

    def check(self, done, log, begun):
        self.refused(done, str(log))
        self.assertEqual(log.exists(), begun, done)
        self.assertEqual(len(list(log.parent.glob("log*"))), 1 if begun else 0)
        if begun:
            # What was written is a log: it replays to where the disk was full.
            self.replay(log=log, ends="the log has no end: it could not be written further")

    def test_file_size_limit(self):
        for size, begun in ((1000, False), (100_000, False), (self.BEGUN, True)):
            with self.subTest(size=size):
                limits = (size, size)
                done = self.record(self.log, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limits))
                self.check(done, self.log, begun)

    @unittest.skipIf(os.geteuid(), "mounts a file system")
    def test_full_file_system(self):
        for size, begun in ((65536, False), (self.BEGUN, True)):
            with self.subTest(size=size), tempfile.TemporaryDirectory() as mount:
                mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", mount])
                if mounted.returncode:
                    self.skipTest("no file system may be mounted here")
                try:
                    log = pathlib.Path(mount) / "log.bin"
                    self.check(self.record(log), log, begun)
                finally:
                    subprocess.run(["umount", mount], check=True)


if __name__ == "__main__":
    machine.main()
