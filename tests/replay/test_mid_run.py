#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Recordings that begin in the middle of a run: the monitor's `record` and `record_stop`, -loadvm with rr=record,
rrsnapshot= (guests: tests/replay/guests/disk.asm, which copies one half of its disk over the other and begins again,
and SeaBIOS alone).
"""
import hashlib
import pathlib
import random
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import machine  # noqa: E402
from qmp import Qmp, QmpError  # noqa: E402

SIZE = 2 << 20
LOCKSTEP = pathlib.Path(machine.EMULATOR).parent / "tests" / "lockstep"
TOOL = pathlib.Path(machine.EMULATOR).parent / "replay-disk"


class MidRun(machine.MachineTest):
    def launch(self, *arguments):
        self.path = self.folder / f"qmp{self.started}"
        process = self.start(*arguments, "-display", "none", "-qmp", f"unix:{self.path},server=on,wait=off")
        self.qmp = Qmp(self.path)
        self.addCleanup(self.qmp.close)
        return process

    def disk(self, *defines, kind="raw"):
        image = self.folder / "disk.img"
        content = bytearray(random.Random(7).randbytes(SIZE))
        content[:512] = self.assemble("disk", f"HALF={SIZE // 1024}", *defines).read_bytes()
        image.write_bytes(content)
        if kind == "raw":
            return image
        subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", kind, image, image.with_suffix(f".{kind}")], check=True)
        return image.with_suffix(f".{kind}")

    def guest(self, image, *more, interface="ide"):
        return ["-m", "16", *machine.EXIT_DEVICE, "-drive",
                f"file={image},if={interface},format={image.suffix[1:].replace('img', 'raw')}", *more]

    def icount(self):
        return self.qmp.execute("query-replay")["icount"]

    def until(self, icount):
        while self.icount() < icount:
            time.sleep(0.01)

    def quit(self, process):
        self.qmp.send('{"execute": "quit"}')
        self.assertEqual(process.wait(30), 0, process.errors.read_text())

    def digest(self, image):
        return hashlib.sha256(image.read_bytes()).hexdigest()

    def replays(self, ends=None):
        """On both engines; gives the last run."""
        for engine in ("interp", "tcg"):
            done = self.replay("-display", "none", "-accel", engine, ends=ends)
            self.assertGreater(int(machine.AS_RECORDED.search(done.err)[3]), 1)
        return done

    def test_of_a_guest_at_its_disk(self):
        for kind, interface, shift in (("raw", "ide", "shift=2"), ("qcow2", "virtio", "shift=auto")):
            with self.subTest(kind=kind, interface=interface):
                image = self.disk("FOREVER", kind=kind)
                process = self.launch(*self.guest(image, "-icount", shift, interface=interface))
                self.until(25_000_000)
                self.assertEqual(self.qmp.hmp(f"record {self.log}"), "")
                self.assertEqual(self.qmp.execute("query-replay")["mode"], "record")
                kept = self.digest(image)
                self.until(self.icount() + 20_000_000)
                self.quit(process)
                self.assertEqual(self.digest(image), kept, "the recording wrote the image")
                log = machine.replay_dump(self.log)
                start = log["header"]["start"]
                self.assertGreaterEqual(start["icount"], 25_000_000)
                done = self.replays(ends="the recording ended there")
                self.assertGreater(int(machine.AS_RECORDED.search(done.err)[1]), start["icount"] + 20_000_000)
                # What the guest wrote since goes into the image of then.
                overlay = next(self.folder.glob("log.bin.*.overlay"))
                copy = image.with_stem("copy")
                copy.write_bytes(image.read_bytes())
                subprocess.run([TOOL, "commit", overlay, copy], check=True, capture_output=True)
                subprocess.run([TOOL, "commit", overlay], check=True, capture_output=True)
                same = subprocess.run(["qemu-img", "compare", copy, image], capture_output=True, text=True)
                self.assertEqual(same.returncode, 0, same)
                self.assertNotEqual(self.digest(image), kept)
                overlay.unlink()
                self.sound = False  # the image is another one

    def test_resumed_and_in_lockstep(self):
        image = self.disk("FOREVER")
        process = self.launch(*self.guest(image))
        self.until(25_000_000)
        self.qmp.execute("x-record-start", filename=str(self.log))
        self.until(self.icount() + 5_000_000)
        self.qmp.hmp("savevm later")
        self.until(self.icount() + 5_000_000)
        self.quit(process)
        for command in (["lockstep", "--b", "tcg", "--every", "500000"], ["resume", "--points", "4"]):
            done = subprocess.run([LOCKSTEP / command[0], *command[1:], self.log], capture_output=True, text=True, timeout=300)
            self.assertEqual(done.returncode, 0, done)
        self.replay("-display", "none", "-loadvm", "later")

    def test_killed(self):
        image = self.disk("FOREVER")
        for wait in (0, 3_000_000):
            with self.subTest(wait=wait):
                process = self.launch(*self.guest(image))
                self.until(20_000_000)
                self.qmp.hmp(f"record {self.log}")
                kept = self.digest(image)
                if wait:
                    self.until(self.icount() + wait)
                process.send_signal(signal.SIGKILL)
                process.wait()
                self.assertEqual(self.digest(image), kept)
                self.replay("-display", "none", ends="the log has no end: it was cut")

    def test_stopped_and_begun_again(self):
        process = self.launch("-m", "16", "-nodefaults", "-serial", "null")
        with self.assertRaises(QmpError) as refused:
            self.qmp.execute("x-record-stop")
        self.assertIn("isn't being recorded", str(refused.exception))
        time.sleep(0.3)
        logs = [self.folder / "one.bin", self.log]
        for log in logs:
            self.assertEqual(self.qmp.hmp(f"record {log}"), "")
            self.qmp.wait_event("RESUME")
            self.assertIn("being recorded already", self.qmp.hmp(f"record {self.folder}/other.bin"))
            for key in ("esc", "a", "ret"):
                self.qmp.hmp(f"sendkey {key}")
                time.sleep(0.1)
            self.assertEqual(self.qmp.hmp("record_stop"), "")
            self.assertEqual(self.qmp.execute("query-replay")["mode"], "none")
            self.qmp.hmp("sendkey b")
        self.quit(process)
        self.assertFalse((self.folder / "other.bin").exists())
        for log in logs:
            done = self.replay("-display", "none", log=log, ends=r"the recording ended there \(the recording was stopped\)")
            self.assertGreaterEqual(int(machine.AS_RECORDED.search(done.err)[2]), 6)

    def test_of_a_disk_with_an_overlay(self):
        """-snapshot, and a second recording of the same machine: what was written before is in the snapshot."""
        image = self.disk("FOREVER")
        kept = self.digest(image)
        process = self.launch(*self.guest(image, "-snapshot"))
        self.until(25_000_000)
        logs = [self.folder / "one.bin", self.log]
        for log in logs:
            self.assertEqual(self.qmp.hmp(f"record {log}"), "")
            self.until(self.icount() + 10_000_000)
            self.assertEqual(self.qmp.hmp("record_stop"), "")
            self.until(self.icount() + 5_000_000)
        self.quit(process)
        self.assertEqual(self.digest(image), kept)
        for log in logs:
            for engine in ("interp", "tcg"):
                self.replay("-display", "none", "-accel", engine, log=log, ends="the recording was stopped")
            copy = self.folder / "copy.img"
            copy.write_bytes(image.read_bytes())
            subprocess.run([TOOL, "commit", next(self.folder.glob(f"{log.name}.*.overlay")), copy], check=True,
                           capture_output=True)
            self.assertNotEqual(self.digest(copy), kept)

    def test_what_cannot_be(self):
        image = self.disk("FOREVER")
        process = self.launch(*self.guest(image, "-snapshot"))
        self.assertIn("rror", self.qmp.hmp(f"record {self.folder}/no/such/folder"))
        self.quit(process)
        self.assertFalse(self.log.exists())
        process = self.launch(*self.guest(image))
        self.assertIn("rror", self.qmp.hmp(f"record {self.folder}/no/such/folder"))
        self.until(20_000_000)
        self.qmp.hmp(f"record {self.log}")
        self.qmp.hmp("record_stop")
        self.until(self.icount() + 5_000_000)
        self.assertIn("overlay of a recording", self.qmp.hmp("savevm a"))
        self.quit(process)
        self.replay("-display", "none", ends="the recording was stopped")

    def test_from_a_snapshot(self):
        image = self.disk("FOREVER", kind="qcow2")
        process = self.launch(*self.guest(image))
        self.until(20_000_000)
        self.assertEqual(self.qmp.hmp("savevm there"), "")
        self.quit(process)
        process = self.launch(*self.guest(image, "-loadvm", "there", *self.recording("shift=3")))
        kept = self.digest(image)
        self.until(self.icount() + 5_000_000)
        self.quit(process)
        self.assertEqual(self.digest(image), kept)
        self.replays()

    def test_rrsnapshot(self):
        image = self.disk(kind="qcow2")
        done = machine.run(*self.guest(image), "-display", "none", *self.recording("shift=2,rrsnapshot=begin"))
        self.assertEqual(done.status & 1, 1, done)
        replay = ["-icount", f"rr=replay,rrfile={self.log},rrsnapshot="]
        again = machine.run(*replay[:-1], replay[-1] + "begin", "-display", "none")
        self.assertEqual(again.status, done.status, again)
        self.assertRegex(again.err, machine.AS_RECORDED)
        self.refused(machine.run(*replay[:-1], replay[-1] + "other", "-display", "none"),
                     "Snapshot 'other' does not exist in the log")


if __name__ == "__main__":
    machine.main()
