#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""-d, -D and -perfmap: what the translator does can be looked at, and looking changes nothing.

quick: yes
"""
import pathlib
import re
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import machine  # noqa: E402

ALL = "in_asm,op,out_asm,jit"
MACHINE = ["-display", "none", "-m", "16", "-serial", "null"]


class JitLog(machine.MachineTest):
    def setUp(self):
        super().setUp()
        if "tcg" not in machine.run("-accel", "help").out.decode().split():
            self.skipTest("no translator on this host")

    def watch(self, *arguments, until):
        """Lets the firmware run until the file is of some size, ends the run, and gives its process."""
        process = self.start(*MACHINE, *arguments)
        deadline = time.monotonic() + 60
        path = until(process)
        while not path.exists() or path.stat().st_size < 5000:
            self.assertIsNone(process.poll(), process.errors.read_text())
            self.assertLess(time.monotonic(), deadline, "no code was translated")
            time.sleep(0.05)
        self.assertEqual(self.stop(process, 30), 0)
        return process

    def test_dump(self):
        log = self.folder / "log"
        self.watch("-d", ALL, "-D", log, until=lambda process: log)
        text = log.read_text()
        # One instruction, in all three forms.
        for form in (r"^IN: [0-9a-f]{8} \S+\+[0-9a-f]+ flat32 cpl0\n[0-9a-f]{8}  (?:[0-9a-f]{2} )+ +\S",
                     r"^OP: .*\n[0-9a-f]{8}  (?:[0-9a-f]{2} )+ .* (emitted|handler) +live [oszapc-]{6}$",
                     r"^OUT: .*: \d+ instructions, \d+ bytes; host \d+ \+ \d+ instructions",
                     r"^    [0-9a-f]{12}  49 83 ed [0-9a-f]{2} +sub r13, 0x"):
            self.assertRegex(text, re.compile(form, re.M))
        self.assertNotIn("(not an instruction)", text)
        blocks = text.count("\nOUT: ")
        counted = re.search(r"^blocks +(\d+) translated", text, re.M)
        self.assertTrue(counted, text[-3000:])
        self.assertEqual(int(counted[1]), blocks)
        self.assertRegex(text, r"executed +[1-9]\d* instructions")
        self.assertRegex(text, r"time in translation +\d")

    def test_file_of_the_process(self):
        process = self.watch("-d", "in_asm", "-D", self.folder / "log-%d",
                             until=lambda process: self.folder / f"log-{process.pid}")
        self.assertNotIn("OUT:", (self.folder / f"log-{process.pid}").read_text())

    def test_perf_map(self):
        def path(process):
            name = pathlib.Path(f"/tmp/perf-{process.pid}.map")
            self.addCleanup(name.unlink, missing_ok=True)
            return name
        process = self.watch("-perfmap", until=path)
        end, guest = 0, 0
        for line in sorted(path(process).read_text().splitlines()):
            address, size, name = line.split(" ", 2)
            self.assertGreaterEqual(int(address, 16), end, line)
            end = int(address, 16) + int(size, 16)
            guest += bool(re.fullmatch(r"guest [0-9a-f]{8} \S+\+[0-9a-f]+ flat32 cpl[03]( fpu)?( rare)?", name))
        self.assertGreater(guest, 50)

    def test_looking_changes_nothing(self):
        first, log = self.folder / "first", self.folder / "text"
        self.watch(*self.recording("shift=3"), "-d", "in_asm", "-D", first, until=lambda process: first)
        replay = self.start(*self.replaying(), "-d", ALL, "-D", log, "-perfmap")
        self.addCleanup(pathlib.Path(f"/tmp/perf-{replay.pid}.map").unlink)
        self.assertEqual(replay.wait(120), 0, replay.errors.read_text())
        self.assertRegex(replay.errors.read_text(), machine.AS_RECORDED)
        self.assertIn("OUT:", log.read_text())

    def test_on_stderr(self):
        process = self.start(*MACHINE, "-d", "jit")
        time.sleep(1)
        self.assertEqual(self.stop(process, 30), 0)
        self.assertIn("code memory", process.errors.read_text())

    def test_help(self):
        done = machine.run("-d", "help")
        self.assertEqual((done.status, done.err), (0, ""), done)
        for item in ALL.split(","):
            self.assertRegex(done.out.decode(), rf"(?m)^{item} ")

    def test_refused(self):
        for arguments, texts in ((["-d", "foo"], ["-d foo", "unknown log item 'foo'", "-d help"]),
                                 (["-d", "in_asm,"], ["unknown log item ''"]),
                                 (["-d", "in_asm,exec"], ["'exec'", "isn't supported"]),
                                 (["-d", "in_asm", "-accel", "interp"], ["-d", "-accel tcg"]),
                                 (["-perfmap", "-accel", "interp"], ["-perfmap", "-accel tcg"]),
                                 (["-d", "op", "-D", self.folder / "no" / "log"], ["-D", "No such file"])):
            with self.subTest(arguments=arguments):
                self.refused(machine.run(*MACHINE, *arguments, timeout=20), *texts)


if __name__ == "__main__":
    machine.main()
