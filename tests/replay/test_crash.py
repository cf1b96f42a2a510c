#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Recordings that end by kill -9 replay to their last event; logs that lost their tail replay to the last
whole chunk, or are refused in one line.
"""
import pathlib
import random
import shutil
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import machine  # noqa: E402

KILLS = machine.by_kind(2, 10, 50)
CUTS = machine.by_kind(3, 10, 100)
SEED = 20260101
LINE = b"a line\n"
ANSWER_SIZE = 70  # the echo, and the guest's summary


class Crash(machine.MachineTest):
    def setUp(self):
        super().setUp()
        self.random = random.Random(SEED)

    def begin(self):
        """A recording with a line of input every few milliseconds."""
        process = self.start("-bios", self.assemble("echo"), "-display", "none", "-serial", "stdio",
                             *self.recording("shift=auto,rrdigest=50"), stdin=-1, stdout=-1)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        return process

    def type_for(self, process, seconds):
        """Types lines for that long, each answered before the next; gives what the guest printed."""
        output, end = b"ready\n", time.monotonic() + seconds
        while time.monotonic() < end:
            process.stdin.write(LINE)
            process.stdin.flush()
            output += process.stdout.readline() + process.stdout.readline()
        return output

    def test_kill(self):
        for number in range(KILLS):
            wait = self.random.uniform(0, 1.2)
            with self.subTest(number=number, wait=wait):
                self.log.unlink(missing_ok=True)
                process = self.begin()
                printed = self.type_for(process, wait)
                process.send_signal(signal.SIGKILL)
                process.wait()
                recorded = machine.replay_dump(self.log)
                self.assertEqual(recorded["end"]["kind"], "cut")
                replayed = self.replay("-serial", "stdio", ends="the log has no end: it was cut after its last event")
                found = machine.AS_RECORDED.search(replayed.err)
                self.assertEqual(int(found[1]), recorded["end"]["icount"])
                self.assertEqual(int(found[2]), recorded["totals"]["events"])
                # All that we saw was printed before the last events but for a little that came after them.
                self.assertEqual(replayed.out[:len(printed)], printed[:len(replayed.out)])
                self.assertGreater(len(replayed.out), len(printed) - 3 * ANSWER_SIZE)

    def test_kill_at_once(self):
        """Before the recording has begun, what stood under its name stands there still."""
        self.log.write_bytes(b"precious")
        bios = self.assemble("echo")
        for number in range(KILLS):
            process = self.start("-bios", bios, "-display", "none", *self.recording())
            time.sleep(self.random.uniform(0, 0.1))
            process.kill()
            process.wait()
            if self.log.read_bytes() == b"precious":
                continue
            self.replay(ends="the log has no end|the recording ended there")
            self.log.write_bytes(b"precious")

    def test_cut(self):
        process = self.begin()
        self.type_for(process, 1.5)
        whole = self.folder / "whole.bin"
        shutil.copy(self.log, whole)
        self.assertEqual(self.stop(process, 5), 0)
        for source in (whole, self.log):
            last = machine.replay_dump(source)["chunks"]
            for number in range(CUTS):
                self.cut(source, last, self.random.randrange(source.stat().st_size))
            # Where it hurts: at the borders of chunks, and inside the heads.
            for chunk in last[-6:]:
                for at in (chunk["offset"], chunk["offset"] + 40, chunk["offset"] + 80):
                    self.cut(source, last, at)

    def cut(self, source, chunks, size):
        with self.subTest(source=source.name, size=size):
            part = self.folder / "part.bin"
            shutil.copy(source, part)
            with open(part, "r+b") as file:
                file.truncate(size)
            done = machine.run(*self.replaying(part))
            if done.status == 1:
                self.refused(done, "part.bin")
                events = [c for c in chunks if c["type"] == "EVNT"]
                self.assertLess(size, events[0]["offset"] + 80 + events[0]["stored"], "it had whole chunks")
                return
            self.assertEqual(done.status, 0, done)
            found = machine.AS_RECORDED.search(done.err)
            self.assertTrue(found, done)
            self.assertRegex(found[4], "the log has no end")
            reached = max((c["last"][0] for c in chunks
                           if c["type"] == "EVNT" and c["offset"] + 80 + c["stored"] <= size), default=0)
            self.assertGreaterEqual(int(found[1]), reached, done)


if __name__ == "__main__":
    machine.main()
