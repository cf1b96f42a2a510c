#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""An installed Debian on a disk: from GRUB to logins on the serial port and on the screen, a compiler, archives, and a
clean end. Recorded and replayed; what the guest wrote is committed into a copy, and the file system is in order there.
The same live, and the image that was written boots in Debian's QEMU. The normal form boots to a shell, if there is an
image already (scripts/make-debian-image).
"""
import hashlib
import pathlib
import random
import re
import shutil
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import debian  # noqa: E402
import machine  # noqa: E402
import session  # noqa: E402
from qmp import Qmp  # noqa: E402

PATIENCE = 900  # seconds until something appears: a busy host
REPLAY = 1800
PEER = "/usr/bin/qemu-system-i386"
TOOL = pathlib.Path(machine.EMULATOR).parent / "replay-disk"
BLOCK = 65536

# The algorithm of POSIX's cksum(1), which the guest's own cksum has to agree with.
PROGRAM = r"""cat >crc.c <<'END'
#include <stdint.h>
#include <stdio.h>
static uint32_t crc(uint32_t sum, int byte) {
    sum ^= (uint32_t)byte << 24;
    for (int i = 0; i < 8; i++) sum = sum & 0x80000000u ? sum << 1 ^ 0x04c11db7u : sum << 1;
    return sum;
}
int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        if (!file) return perror(argv[i]), 1;
        uint32_t sum = 0;
        unsigned long size = 0;
        for (int c; (c = getc(file)) != EOF; size++) sum = crc(sum, c);
        for (unsigned long n = size; n; n >>= 8) sum = crc(sum, n & 255);
        printf("%u %lu %s\n", (unsigned)~sum, size, argv[i]);
        fclose(file);
    }
}
END
echo typed"""
# What is packed, and how its files are listed in one order.
TREE = "/usr/lib/i386-linux-gnu/perl-base"
FILES = "find . -type f | LC_ALL=C sort"


def checksum(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Installed(machine.MachineTest):
    SCREENS = ["-display", "none", "-serial", "stdio"]

    @classmethod
    def setUpClass(cls):
        if machine.KIND == "slow":
            debian.make()
        elif not debian.IMAGE.exists():
            raise unittest.SkipTest(f"there is no {debian.IMAGE}; scripts/make-debian-image makes it")

    def command(self, image, *more, emulator=machine.EMULATOR):
        self.qmp_path = self.folder / "qmp"
        return [emulator, "-m", "512", "-net", "none", "-drive", f"file={image},format=qcow2", *self.SCREENS,
                "-qmp", f"unix:{self.qmp_path},server=on,wait=off", *map(str, more)]

    def screendump(self, qmp, name):
        """A picture that somebody may look at: in the folder RECORDINGS, if there is one."""
        path = pathlib.Path(machine.RECORDINGS or self.folder) / f"{self.id()}.{name}.png"
        qmp.execute("screendump", filename=str(path), format="png")
        return path.read_bytes()

    def type_on_the_screen(self, qmp, text):
        names = {"\n": "ret", "/": "slash", " ": "spc", "-": "minus"}
        for char in text:
            name = names.get(char, char.lower())
            keys = ["shift", name] if char.isupper() else [name]
            qmp.execute("send-key", keys=[{"type": "qcode", "data": key} for key in keys], hold_time=20)
            time.sleep(0.06)

    def log_in_on_the_screen(self, run):
        """After the serial port's login: the other one by keyboard, seen by what it writes to the serial port."""
        debian.type_lines(run, "until pgrep -t tty1 agetty; do sleep 1; done; sleep 2", PATIENCE)
        with Qmp(self.qmp_path) as qmp:
            before = self.screendump(qmp, "login")
            self.type_on_the_screen(qmp, "root\n")
            time.sleep(2)  # login drops what comes before its question
            self.type_on_the_screen(qmp, f"{debian.PASSWORD}\n")
            debian.type_lines(run, "until pgrep -t tty1 bash; do sleep 1; done; sleep 1", PATIENCE)
            self.type_on_the_screen(qmp, "tty\nuname -a\n")
            debian.type_lines(run, "sleep 1", PATIENCE)
            after = self.screendump(qmp, "in")
        self.assertNotEqual(before, after)
        self.assertIn("-bash", debian.type_lines(run, "ps -o args= -t tty1", PATIENCE))

    def work(self, run):
        """Compiles a program, packs and unpacks a tree, compares all its files; gives the checksum."""
        debian.type_lines(run, PROGRAM, PATIENCE)
        debian.type_lines(run, "gcc -O2 -Wall -o crc crc.c", PATIENCE)
        debian.type_lines(run, f"tar -C {TREE} -c . | xz -1 >tree.tar.xz && mkdir tree && tar -C tree -xf tree.tar.xz",
                          PATIENCE)
        debian.type_lines(run, f"(cd {TREE}; {FILES} | xargs cksum) >sums && "
                               f"(cd tree; {FILES} | xargs ../crc) | cmp - sums", PATIENCE)
        shown = debian.type_lines(run, "wc -l <sums && sha256sum sums | tee result", PATIENCE)
        count, total = re.search(r"(\d+)\s+([0-9a-f]{64})", shown).groups()
        self.assertGreater(int(count), 100)
        return total

    def use(self, run):
        """The session: from GRUB to the power-off. Gives the checksum."""
        debian.menu(run, PATIENCE)
        debian.login(run, PATIENCE)
        self.log_in_on_the_screen(run)
        total = self.work(run)
        run.send("poweroff\n")
        self.assertEqual(run.finish(PATIENCE), 0, run.errors)
        self.assertIn(b"reboot: Power down", run.output)
        return total

    def committed(self, total):
        """The recording's writes in a copy of the image, which is in order and has the result."""
        copy = self.folder / "committed.qcow2"
        shutil.copy(debian.IMAGE, copy)
        debian.tool(str(TOOL), "commit", f"{self.log}.ide0-hd0.overlay", copy)
        self.assertIn(total, debian.examine(copy, "/root/result")[0])
        copy.unlink()

    def a_changed_byte_is_named(self):
        """The kernel on the disk has one more bit: GRUB isn't given it."""
        copy = self.folder / "changed.qcow2"
        shutil.copy(debian.IMAGE, copy)
        on_disk, in_file = debian.place_of(copy, "/boot/vmlinuz-" + self.kernel_release())
        with open(copy, "r+b") as file:
            file.seek(in_file + 1000)
            byte = file.read(1)[0]
            file.seek(in_file + 1000)
            file.write(bytes([byte ^ 1]))
        done = machine.run(*self.replaying(), "-drive", f"file={copy},format=qcow2", timeout=REPLAY)
        self.assertEqual(done.status, 2, done)
        self.assertIn(str(copy), done.err)
        self.assertIn(f"block {(on_disk + 1000) // BLOCK} ", done.err)
        copy.unlink()

    @staticmethod
    def kernel_release():
        return re.search(rb"(6\.\d+\.\d+-\d+-686) \(", debian.KERNEL.read_bytes())[1].decode()

    def test_shell(self):
        """GRUB's second entry; a tree is copied, and the power goes off at once."""
        before = checksum(debian.IMAGE)
        with session.Session(self.command(debian.IMAGE, *self.recording())) as run:
            debian.menu(run, PATIENCE, entry=1)
            run.expect("# ", PATIENCE)
            debian.plain(run, PATIENCE)
            debian.type_lines(run, "mount -t proc proc /proc; cd /root; mkdir tree", PATIENCE)
            debian.type_lines(run, f"tar -C {TREE} -c . | tar -C tree -x && sync", PATIENCE)
            shown = debian.type_lines(run, f"(cd tree; {FILES} | xargs sha256sum) | sha256sum | tee result", PATIENCE)
            run.send("mount -o remount,ro / && echo o >/proc/sysrq-trigger\n")
            self.assertEqual(run.finish(PATIENCE), 0, run.errors)
        self.assertEqual(checksum(debian.IMAGE), before)
        replayed = self.replay(*self.SCREENS, timeout=REPLAY)
        self.assertEqual(replayed.out, run.output)
        self.committed(re.search(r"[0-9a-f]{64}", shown)[0])
        self.a_changed_byte_is_named()

    @machine.slow
    def test_forks(self):
        """Ten points of a recording go on as live machines: the shell answers, the file system is in order, and what was
        recorded of that replays."""
        self.sound = False
        with session.Session(self.command(debian.IMAGE, *self.recording())) as run:
            debian.menu(run, PATIENCE, entry=1)
            run.expect("# ", PATIENCE)
            debian.plain(run, PATIENCE)
            with Qmp(self.qmp_path) as qmp:
                first = qmp.execute("query-replay")["icount"]
            debian.type_lines(run, "mount -t proc proc /proc; cd /root", PATIENCE)
            for number in range(5):
                debian.type_lines(run, f"mkdir tree{number} && tar -C {TREE} -c . | tar -C tree{number} -x && sync", PATIENCE)
            with Qmp(self.qmp_path) as qmp:
                last = qmp.execute("query-replay")["icount"]
            run.process.kill()
        dice = random.Random(12)
        for number in range(10):
            fork = self.folder / f"fork{number}.bin"
            at = dice.randrange(first, last)
            command = [machine.EMULATOR, *self.replaying(), "-S", *self.SCREENS, "-qmp",
                       f"unix:{self.qmp_path},server=on,wait=off"]
            with self.subTest(at=at), session.Session(command) as run:
                with Qmp(self.qmp_path, timeout=PATIENCE) as qmp:
                    qmp.execute("replay-seek", icount=at)
                    qmp.wait_event("STOP", timeout=PATIENCE)
                    qmp.execute("replay-live", filename=str(fork))
                    qmp.execute("cont")
                    run.pump(1)
                    run.send("\x03\n")
                    run.pump(1)
                    run.seen = len(run.output)
                    debian.plain(run, PATIENCE)
                    total = debian.type_lines(run, f"cd /root; echo {number} fork | sha256sum | tee result", PATIENCE)
                    run.send("sync; mount -o remount,ro / && echo o >/proc/sysrq-trigger\n")
                    self.assertEqual(run.finish(PATIENCE), 0, run.errors)
                copy = self.folder / "committed.qcow2"
                shutil.copy(debian.IMAGE, copy)
                debian.tool(str(TOOL), "commit", f"{fork}.ide0-hd0.overlay", copy)
                result = re.search(r"[0-9a-f]{64}", total)[0]
                self.assertIn(result, debian.examine(copy, "/root/result")[0])
                copy.unlink()
                self.replay(*self.SCREENS, log=fork, timeout=REPLAY)

    @machine.slow
    def test_recorded(self):
        self.sound = False  # hours in all engines; both replay it here
        before = checksum(debian.IMAGE)
        with session.Session(self.command(debian.IMAGE, *self.recording())) as run:
            total = self.use(run)
        self.assertEqual(checksum(debian.IMAGE), before)
        for engine in ("tcg", "interp"):
            with self.subTest(engine):
                replayed = self.replay(*self.SCREENS, "-accel", engine, timeout=4 * REPLAY)
                self.assertEqual(replayed.out, run.output)
        self.committed(total)

    @machine.slow
    def test_live(self):
        """Writes the image, which then boots in Debian's QEMU."""
        image = self.folder / "disk.qcow2"
        shutil.copy(debian.IMAGE, image)
        with session.Session(self.command(image)) as run:
            total = self.use(run)
        self.assertIn(total, debian.examine(image, "/root/result")[0])
        with session.Session(self.command(image, emulator=PEER)) as run:
            debian.menu(run, PATIENCE)
            debian.login(run, PATIENCE)
            self.assertIn(total, debian.type_lines(run, "cat result", PATIENCE))
            debian.type_lines(run, "cd tree && ../crc $(find . -type f | LC_ALL=C sort) | cmp - ../sums", PATIENCE)
            run.send("poweroff\n")
            self.assertEqual(run.finish(PATIENCE), 0, run.errors)
        debian.examine(image)


if __name__ == "__main__":
    machine.main()
