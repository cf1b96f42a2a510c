#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Time travel: a position shows the same machine, however one came there; the rest of the replay is as recorded after
any journey; a replay that goes live is a working machine. Guests: SeaBIOS without a disk, flat.asm (code that changes
itself, interrupts, serial input), disk.asm (writes to its disk).
"""
import hashlib
import pathlib
import random
import re
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import machine  # noqa: E402
import qmp as peer  # noqa: E402

INDEX = machine.ROOT / "scripts" / "replay-index"
POINTS = machine.by_kind(10, 25, 100)


class Traveller:
    """A replay with a QMP client that goes to places and describes them."""

    def __init__(self, test, *arguments, icount="", stopped=True):
        test.started += 1
        self.socket = test.folder / f"qmp{test.started}"
        self.memory = test.folder / f"memory{test.started}"
        self.process = test.start("-icount", f"rr=replay,rrfile={test.log}{icount}", *(["-S"] if stopped else []),
                                  "-qmp", f"unix:{self.socket},server=on,wait=off", "-display", "none", *arguments)
        self.qmp = peer.Qmp(self.socket, timeout=120)
        self.end = int(re.search(r"^of (\d+)", self.qmp.hmp("info replay"), re.M)[1])

    def seek(self, icount):
        self.qmp.events.clear()
        self.qmp.execute("replay-seek", icount=icount)
        self.qmp.wait_event("STOP", timeout=120)
        return self.describe(icount)

    def describe(self, icount):
        if self.qmp.execute("query-replay")["icount"] != icount:
            raise AssertionError(f"not at {icount}: {self.qmp.hmp('info replay')}")
        self.qmp.execute("pmemsave", val=0, size=1 << 20, filename=str(self.memory))
        text = self.qmp.hmp("info registers") + self.qmp.hmp("info pic") + self.qmp.hmp("info block")
        return text + hashlib.sha1(self.memory.read_bytes()).hexdigest()

    def finish(self, test, status=0):
        """To the end, which must be as recorded."""
        self.qmp.events.clear()
        self.qmp.execute("cont")
        self.qmp.wait_event("STOP", timeout=120)
        test.assertIn("the recording ends here", self.qmp.hmp("info replay"))
        self.quit()
        errors = self.process.errors.read_text()
        test.assertEqual(self.process.wait(60), status, errors)
        test.assertRegex(errors, machine.AS_RECORDED)

    def quit(self):
        self.qmp.send('{"execute": "quit"}')
        self.qmp.wait_event("SHUTDOWN")
        self.process.wait(60)
        self.qmp.close()


class TimeTravel(machine.MachineTest):
    def record_bios(self):
        process = self.start("-m", "16", "-display", "none", "-qmp", f"unix:{self.folder}/q,server=on,wait=off",
                             *self.recording("shift=3,rrdigest=20"))
        qmp = peer.Qmp(self.folder / "q")
        dice = random.Random(1)
        for _ in range(20):
            qmp.hmp(dice.choice(["sendkey esc", "sendkey a", "mouse_move 3 4", "nmi", "system_reset", "o/b 0x61 3"]))
            time.sleep(0.04)
        qmp.send('{"execute": "quit"}')
        qmp.wait_event("SHUTDOWN")
        self.assertEqual(process.wait(20), 0)
        qmp.close()
        return 0

    def record_flat(self):
        done = machine.run("-bios", self.assemble("flat"), "-m", "16", "-display", "none", "-serial", "stdio",
                           *machine.EXIT_DEVICE, *self.recording("shift=3,rrdigest=5"),
                           stdin=b"one\ntwo\nand a longer line\n" + b"x" * 300 + b"\nq")
        self.assertEqual(done.status, 11, done)
        return 11

    def record_disk(self):
        image = self.folder / "disk.img"
        size = 1 << 20
        content = bytearray(random.Random(7).randbytes(size))
        content[:512] = self.assemble("disk", f"HALF={size // 1024}").read_bytes()
        image.write_bytes(content)
        done = machine.run("-display", "none", *machine.EXIT_DEVICE, "-drive", f"file={image},format=raw", "-m", "16",
                           *self.recording("shift=2,rrdigest=20"))
        self.assertEqual(done.status & 1, 1, done)
        return done.status

    RECORDINGS = ("bios", "flat", "disk")

    def points(self, end):
        dice = random.Random(5)
        points = {0, 1, end - 1, *(dice.randrange(end) for _ in range(POINTS))}
        points |= {p + dice.randrange(1, 3000) for p in list(points)[:POINTS // 4] if p + 3000 < end}
        return sorted(points)

    def travel(self, name):
        status = getattr(self, f"record_{name}")()
        forward = Traveller(self, icount=",rrcheckpoints=off")
        points = self.points(forward.end)
        expected = {}
        for point in points:
            expected[point] = forward.seek(point)
        with self.assertRaisesRegex(peer.QmpError, "keeps no checkpoints"):
            forward.seek(5)
        forward.finish(self, status)
        return status, points, expected

    def check(self, status, points, expected, *arguments, icount=""):
        dice = random.Random(6)
        back = Traveller(self, *arguments, icount=icount)
        for _ in range(2):
            order = points[:]
            dice.shuffle(order)
            for point in order:
                self.assertEqual(back.seek(point), expected[point], f"at {point}")
                # A few steps back and to the place again.
                near = max(0, point - dice.randrange(5))
                back.seek(near)
                self.assertEqual(back.seek(point), expected[point], f"at {point} again")
        back.finish(self, status)

    def test_everywhere(self):
        for name in self.RECORDINGS:
            status, points, expected = self.travel(name)
            for engine in ("tcg", "interp"):
                with self.subTest(name, engine=engine):
                    self.check(status, points, expected, "-accel", engine)
            with self.subTest(name, memory="little"):
                self.check(status, points, expected, icount=",rrcheckpoints=4M")

    @machine.not_quick
    def test_on_a_saturated_host(self):
        status, points, expected = self.travel("disk")
        with machine.Saturated():
            self.check(status, points, expected)

    def test_checkpoints_in_the_log(self):
        for name in self.RECORDINGS:
            with self.subTest(name):
                status, points, expected = self.travel(name)
                done = subprocess.run([INDEX, self.log], capture_output=True, text=True, timeout=120,
                                      env={"QEMU_REPLAY": machine.EMULATOR, "PATH": "/usr/bin:/bin"})
                self.assertIn("checkpoints were added", done.stderr, done)
                self.check(status, points, expected)
                for point in (points[-1], points[len(points) // 2]):
                    there = Traveller(self, icount=f",rrstart={point}", stopped=False)
                    while there.qmp.execute("query-status")["running"]:
                        time.sleep(0.01)
                    self.assertEqual(there.describe(point), expected[point])
                    self.assertEqual(there.seek(points[3]), expected[points[3]])
                    there.finish(self, status)
                self.replay(status=status)

    def test_checkpoints_while_recording(self):
        """Also of a recording that was killed."""
        image = self.folder / "disk.img"
        size = 4 << 20
        content = bytearray(random.Random(7).randbytes(size))
        content[:512] = self.assemble("disk", f"HALF={size // 1024}", "FOREVER").read_bytes()
        image.write_bytes(content)
        process = self.start("-display", "none", "-drive", f"file={image},format=raw", "-m", "16",
                             "-icount", f"shift=auto,rr=record,rrfile={self.log},rrcheckpoints=1")
        time.sleep(5.5)
        process.kill()
        process.wait()
        kinds = subprocess.run(["/usr/bin/python3", machine.ROOT / "scripts/replay-dump", "--summary", self.log],
                               capture_output=True, text=True, timeout=60, check=True).stdout
        self.assertGreaterEqual(int(re.search(r"^\s+CKPT\s+(\d+)", kinds, re.M)[1]), 2, kinds)
        forward = Traveller(self, icount=",rrcheckpoints=off")
        points = [point for point in self.points(forward.end) if point > forward.end // 2][-12:-1]
        # With checkpoints in the log there is a way back all the same.
        shown = {point: forward.seek(point) for point in reversed(points)}
        for point in points:
            self.assertEqual(forward.seek(point), shown[point], f"at {point}")
        forward.finish(self)
        self.replay("-display", "none")

    def summary(self, log):
        return subprocess.run(["/usr/bin/python3", machine.ROOT / "scripts/replay-dump", "--summary", log],
                              capture_output=True, text=True, timeout=60).stdout

    def until_its_beginning_is_gone(self, log):
        """However long the host takes for some checkpoints."""
        end = time.monotonic() + 120
        while not re.search(r"(?m)^\s+SKIP\s+1 ", self.summary(log)):
            self.assertLess(time.monotonic(), end)
            time.sleep(0.5)

    def test_the_last_stretch(self):
        """rrring=: the log has the last seconds, and replays from there, also after a kill."""
        image = self.folder / "disk.img"
        size = 1 << 20
        content = bytearray(random.Random(7).randbytes(size))
        content[:512] = self.assemble("disk", f"HALF={size // 1024}", "FOREVER").read_bytes()
        image.write_bytes(content)
        for kill in (False, True):
            with self.subTest(kill=kill):
                process = self.start("-display", "none", "-drive", f"file={image},format=raw", "-m", "16",
                                     "-icount", f"shift=auto,rr=record,rrfile={self.log},rrring=1")
                self.until_its_beginning_is_gone(self.log)
                if kill:
                    process.kill()
                    process.wait()
                else:
                    self.assertEqual(self.stop(process, 20), 0)
                log = machine.replay_dump(self.log)
                chunks = self.summary(self.log)
                self.assertRegex(chunks, r"(?m)^\s+SKIP\s+1 ")
                self.assertLessEqual(int(re.search(r"(?m)^\s+CKPT\s+(\d+)", chunks)[1]), 3)
                there = Traveller(self)
                first = int(re.search(r"instruction count = (\d+)", there.qmp.hmp("info replay"))[1])
                self.assertGreater(first, 0)
                self.assertEqual(there.end, log["end"]["icount"])
                with self.assertRaisesRegex(peer.QmpError, f"expected {first} to"):
                    there.seek(first - 1)
                middle = (first + there.end) // 2
                shown = there.seek(middle)
                there.seek(first)
                self.assertEqual(there.seek(middle), shown)
                there.finish(self)
                for engine in ("tcg", "interp"):
                    done = self.replay("-display", "none", "-accel", engine)
                    self.assertGreater(int(machine.AS_RECORDED.search(done.err)[3]), 0)
                self.refused(machine.run(*self.replaying(), "-display", "none", "-icount",
                                         f"rr=replay,rrfile={self.log},rrindex=on"), "it has checkpoints")
        self.assertEqual(image.read_bytes(), content)

    def test_one_stretch_after_the_other(self):
        """rrring= holds for each recording of a run: with the ring's own checkpoints, over those of the one before."""
        image = self.folder / "disk.img"
        size = 1 << 20
        content = bytearray(random.Random(8).randbytes(size))
        content[:512] = self.assemble("disk", f"HALF={size // 1024}", "FOREVER").read_bytes()
        image.write_bytes(content)
        logs = [self.log, self.folder / "second.rr", self.folder / "third.rr"]
        socket = self.folder / "recorder"
        process = self.start("-display", "none", "-drive", f"file={image},format=raw", "-m", "16", "-qmp",
                             f"unix:{socket},server=on,wait=off", "-icount", f"shift=auto,rr=record,rrfile={self.log},rrring=1")
        recorder = peer.Qmp(socket)
        for n, log in enumerate(logs):
            if n:
                self.assertEqual(recorder.hmp(f"record {log}"), "")
            self.assertIn("being recorded already", recorder.hmp(f"record {self.folder}/other.rr"))
            self.until_its_beginning_is_gone(log)
            if n < 2:
                self.assertEqual(recorder.hmp("record_stop"), "")
        recorder.close()
        process.kill()
        process.wait()
        ends = []
        for self.log in logs:
            with self.subTest(log=self.log.name):
                chunks = self.summary(self.log)
                self.assertRegex(chunks, r"(?m)^\s+SKIP\s+1 ")
                self.assertLessEqual(int(re.search(r"(?m)^\s+CKPT\s+(\d+)", chunks)[1]), 3)
                there = Traveller(self)
                first = int(re.search(r"instruction count = (\d+)", there.qmp.hmp("info replay"))[1])
                self.assertGreater(first, max(ends, default=0))
                ends.append(there.end)
                middle = (first + there.end) // 2
                shown = there.seek(middle)
                there.seek(first)
                self.assertEqual(there.seek(middle), shown)
                there.finish(self)
                for engine in ("tcg", "interp"):
                    self.replay("-display", "none", "-accel", engine)
        self.assertEqual(image.read_bytes(), content)

    def test_live(self):
        """The guest answers, wherever the replay became live; image and log stay."""
        process = self.start("-bios", self.assemble("flat"), "-m", "16", "-display", "none", "-serial", "stdio",
                             *machine.EXIT_DEVICE, *self.recording("shift=3,rrdigest=5"), stdin=subprocess.PIPE)
        process.stdin.write(b"one\ntwo\n")
        process.stdin.flush()
        time.sleep(1)
        self.assertEqual(self.stop(process, 20), 0)
        log = self.log.read_bytes()
        dice = random.Random(9)
        for _ in range(machine.by_kind(3, 10, 10)):
            serial = self.folder / f"serial{self.started}"
            live = Traveller(self, "-serial", f"unix:{serial},server=on,wait=off")
            live.seek(dice.randrange(live.end * 9 // 10))
            self.assertEqual(live.qmp.hmp("replay_live"), "")
            self.assertEqual(live.qmp.hmp("info replay"), "Record/replay is not active\n")
            self.assertIn("live already", live.qmp.hmp("replay_live"))
            line = peer.connect(serial)
            live.qmp.execute("cont")
            line.sendall(b"\nhello\n")
            answer = b""
            while b"hello" not in answer:
                more = line.recv(1000)
                self.assertTrue(more, answer)
                answer += more
            line.sendall(b"q")
            self.assertEqual(live.process.wait(60), 11, live.process.errors.read_text())
            line.close()
            live.qmp.close()
        self.assertEqual(self.log.read_bytes(), log)

    def test_live_and_recorded(self):
        """A guest that writes its disk without end; from ten points on another recording, which replays."""
        image = self.folder / "disk.img"
        size = 1 << 20
        content = bytearray(random.Random(7).randbytes(size))
        content[:512] = self.assemble("disk", f"HALF={size // 1024}", "FOREVER").read_bytes()
        image.write_bytes(content)
        process = self.start("-display", "none", "-drive", f"file={image},format=raw", "-m", "16",
                             *self.recording("shift=2,rrdigest=20"))
        time.sleep(2)
        self.assertEqual(self.stop(process, 20), 0)
        dice = random.Random(10)
        for number in range(machine.by_kind(2, 10, 10)):
            log = self.folder / f"fork{number}.bin"
            live = Traveller(self)
            at = dice.randrange(live.end)
            live.seek(at)
            self.assertEqual(live.qmp.hmp(f"replay_live {log}"), "")
            self.assertIn(f"Recording execution '{log}'", live.qmp.hmp("info replay"))
            live.qmp.execute("cont")
            while live.qmp.execute("query-replay")["icount"] < at + 5_000_000:
                time.sleep(0.01)
            live.quit()
            self.assertEqual(live.process.returncode, 0, live.process.errors.read_text())
            for engine in ("tcg", "interp"):
                done = self.replay("-display", "none", "-accel", engine, log=log)
                self.assertGreater(int(machine.AS_RECORDED.search(done.err)[1]), at + 5_000_000)
        self.assertEqual(image.read_bytes(), content)
        self.replay("-display", "none")

    def test_bad_options(self):
        self.record_flat()
        for options, why in ((",rrcheckpoints=lots", "rrcheckpoints expects auto, off, or memory"),
                             (",rrstart=soon", "rrstart expects an instruction count, or end, not 'soon'"),
                             (",rrstart=end", "nobody could look"), (",rrstart=99999999999999", "outside of the recording")):
            watcher = ["-qmp", f"unix:{self.folder}/q,server=on,wait=off"] if "999" in options else []
            self.refused(machine.run("-icount", f"rr=replay,rrfile={self.log}{options}", "-display", "none", *watcher), why)
        for options, why in (("rrcheckpoints=5M", "rrcheckpoints expects a number of seconds"),
                             ("rrindex=on", "of use only with rr=replay"), ("rrstart=5", "of use only with rr=replay")):
            self.refused(machine.run("-icount", f"shift=1,rr=record,rrfile={self.folder}/no,{options}", "-display", "none"), why)
        # An index of a log that diverges, or can't be read, leaves it alone.
        broken = bytearray(self.log.read_bytes())
        broken[-60] ^= 1
        self.log.write_bytes(broken)
        self.sound = False
        machine.run("-icount", f"rr=replay,rrfile={self.log},rrindex=on", "-display", "none")
        self.assertEqual(self.log.read_bytes(), broken)


if __name__ == "__main__":
    machine.main()
