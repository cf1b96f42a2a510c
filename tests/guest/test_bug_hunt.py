#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The bug hunt of docs/replay.rst, as it is written there: an installed Debian loads a driver with a bug and oopses in code
that has nothing to do with it; gdb goes back from there to the write that caused it, in the driver, with its line.
Needs tests/guest/hunt/make-disk to have been run; the long form does so.
"""
import pathlib
import re
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import debian  # noqa: E402
import machine  # noqa: E402
import session  # noqa: E402

HUNT = pathlib.Path(__file__).resolve().parent / "hunt"
FOLDER = debian.IMAGE.parent
DISK, MODULE = FOLDER / "hunt.img", FOLDER / "visitors.ko"
SYMBOLS = machine.ROOT / "scripts" / "kallsyms-to-elf"
INDEX = machine.ROOT / "scripts" / "replay-index"
TOOL = pathlib.Path(machine.EMULATOR).parent / "replay-disk"
PATIENCE = 900  # seconds: a busy host


def line_of(text):
    """The number of visitors.c's line that has this text."""
    lines = (HUNT / "visitors.c").read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


class BugHunt(machine.MachineTest):
    short = False

    @classmethod
    def setUpClass(cls):
        if machine.KIND == "slow":
            debian.make()
            subprocess.run([HUNT / "make-disk", FOLDER], check=True)
        for path, maker in ((debian.IMAGE, "scripts/make-debian-image"), (DISK, "tests/guest/hunt/make-disk")):
            if not path.exists():
                raise unittest.SkipTest(f"there is no {path}; {maker} makes it")

    def record(self):
        """Gives what the kernel said about its end."""
        drives = [part for file, kind in ((debian.IMAGE, "qcow2"), (DISK, "raw"))
                  for part in ("-drive", f"file={file},format={kind}")]
        with session.Session([machine.EMULATOR, "-m", "256", "-net", "none", *drives, "-display", "none",
                              "-serial", "stdio", *self.recording()]) as run:
            debian.menu(run, PATIENCE, entry=1)
            run.expect("# ", PATIENCE)
            debian.plain(run, PATIENCE)
            debian.type_lines(run, "mount /dev/sdb /mnt; insmod /mnt/visitors.ko", PATIENCE)
            debian.type_lines(run, "mount -t proc proc /proc; cp /proc/kallsyms /mnt", PATIENCE)
            debian.type_lines(run, "(cd /sys/module/visitors/sections; grep . .text .bss) >/mnt/sections; sync", PATIENCE)
            run.send("dmesg -n 8; /mnt/provoke; echo ended $?\n")
            begin = run.seen
            run.expect(r"ended 137", PATIENCE)
            said = run.output[begin:run.seen].decode(errors="replace")
            run.process.terminate()
            self.assertEqual(run.finish(PATIENCE), 0, run.errors)
        return said

    def symbols(self):
        """The kernel's as an ELF file, and gdb's command for the module."""
        copy = self.folder / "hunt.img"
        copy.write_bytes(DISK.read_bytes())
        debian.tool(TOOL, "commit", f"{self.log}.ide0-hd1.overlay", copy)
        kallsyms, elf = self.folder / "kallsyms", self.folder / "kernel.elf"
        kallsyms.write_text(debian.tool("debugfs", "-R", "cat /kallsyms", copy))
        debian.tool(SYMBOLS, "--frame-pointers", kallsyms, elf)
        sections = dict(re.findall(r"(\S+):(0x[0-9a-f]+)", debian.tool("debugfs", "-R", "cat /sections", copy)))
        return elf, f"add-symbol-file {MODULE} {sections['.text']} -s .bss {sections['.bss']}"

    def gdb(self, elf, commands):
        """A replay that begins at the recording's end, and gdb. Gives what it shows."""
        path = self.folder / "gdb"
        process = self.start(*self.replaying()[:1], f"rr=replay,rrfile={self.log},rrstart=end", "-display", "none",
                             "-gdb", f"unix:{path},server=on,wait=off")
        while not path.exists() and process.poll() is None:
            time.sleep(0.1)
        script = self.folder / "commands"
        script.write_text("\n".join(["set confirm off", "set pagination off", f"directory {HUNT}",
                                     f"target remote {path}", *commands]))
        done = subprocess.run(["gdb", "-nx", "-batch", "-x", script, elf], capture_output=True, text=True,
                              timeout=PATIENCE, stdin=subprocess.DEVNULL)
        self.stop(process, 60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_hunt(self):
        said = self.record()
        self.assertIn("BUG: kernel NULL pointer dereference, address: 00000001", said)
        self.assertRegex(said, r"EIP: strcmp\+.*(?s:.*)\n.* simple_xattr_get\+")
        self.assertNotIn("mark_idle", said)
        indexed = subprocess.run([INDEX, self.log], capture_output=True, text=True, timeout=PATIENCE,
                                 env={"QEMU_REPLAY": machine.EMULATOR, "PATH": "/usr/bin:/bin"})
        self.assertEqual(indexed.returncode, 0, indexed)

        elf, add_module = self.symbols()
        # Where strcmp is called from, out of the backtrace; the call is of five bytes.
        eip = re.search(r"EIP: (strcmp\+0x[0-9a-f]+)/", said)[1]
        caller = re.search(r" (simple_xattr_get\+0x[0-9a-f]+)/", said)[1]
        shown = self.gdb(elf, [
            add_module,
            f"break *({eip}) if $edi == 1", "reverse-continue", "bt", "delete",
            f"break *({caller}-5)", "reverse-continue", "delete",
            "watch -l *(int *)($esi + 8)", "reverse-continue",
            "echo the write\\n", "bt", "print (char *)&latest->idle == (char *)$esi + 8", "print latest",
            "reverse-continue", "echo the attribute\\n", "bt", "delete",
            "break visitors_release", "reverse-continue", "echo the end of the visit\\n",
            "bt", "print (void *)latest == file->private_data", "print *latest",
        ])
        crash, rest = shown.split("the write\n")
        write, rest = rest.split("the attribute\n")
        attribute, release = rest.split("the end of the visit\n")
        self.assertRegex(crash, r"#0 .* in strcmp \(\)\n#1 .* in simple_xattr_get \(\)\n(#.*\n)*#.* in vfs_getxattr \(\)")
        line = line_of("latest->idle = 1")
        self.assertRegex(crash, rf"Old value = 1\nNew value = -\d+\n.*mark_idle .*visitors\.c:{line}\n{line}\s+latest->idle")
        self.assertRegex(write, rf"#0 .*mark_idle .*visitors\.c:{line}\n#1 .* in call_timer_fn \(\)")
        self.assertIn("simple_xattr_set ()\n", attribute)
        self.assertRegex(release, r"#0 +visitors_release .*visitors\.c:\d+\n#1 .* in close_pdeo \(\)")
        self.assertIn(" = 1\n", release)
        self.assertRegex(release, r'number = 1, pid = \d+, idle = 0, reads = 1, comm = "provoke')


if __name__ == "__main__":
    machine.main()
