#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""savevm, loadvm, delvm, info snapshots, -loadvm: as QEMU has them, live and in recordings (guest:
tests/replay/guests/disk.asm, which reads one half of its disk and writes the other).
"""
import pathlib
import random
import re
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import peer  # noqa: E402
from peer import machine  # noqa: E402

SIZE = 8 << 20
ROW = (r"(?m)^(\S+) +(\S+) +(\d\S* (?:[KMG]i)?B) (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) +(\d\d:\d\d:\d\d\.\d{3}) +(\d*)\s*$")


class Snapshots(peer.MonitorTest):
    def qcow2(self, name, size="1M"):
        image = self.folder / f"{name}.qcow2"
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", image, size], check=True)
        return image

    def drive(self, image, index=0):
        return ["-drive", f"file={image},if=ide,index={index},format={'qcow2' if image.suffix == '.qcow2' else 'raw'}"]

    def listed(self, image):
        done = subprocess.run(["qemu-img", "snapshot", "-l", image], capture_output=True, text=True, check=True)
        return [(row[1], row[2]) for row in re.findall(ROW, done.stdout)]

    def clean(self, *images):
        for image in images:
            done = subprocess.run(["qemu-img", "check", image], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done)

    def quit(self, process, qmp):
        qmp.send('{"execute": "quit"}')
        self.assertEqual(process.wait(20), 0, process.errors.read_text())

    def disk(self):
        """A guest that is at work on its disk."""
        raw = self.folder / "disk.img"
        content = bytearray(random.Random(7).randbytes(SIZE))
        content[:512] = self.assemble("disk", f"HALF={SIZE // 1024}").read_bytes()
        raw.write_bytes(content)
        image = raw.with_suffix(".qcow2")
        subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, image], check=True)
        return image

    def begin(self, image, *more):
        process = self.launch("-m", "16", "-icount", "shift=2", *machine.EXIT_DEVICE, *self.drive(image), *more)
        return process, self.qmp()

    def contents(self, image):
        out = self.folder / "contents.img"
        subprocess.run(["qemu-img", "convert", "-O", "raw", image, out], check=True)
        return out.read_bytes()

    def until(self, qmp, icount):
        """Until so many instructions were executed: 20 million, and the guest is at work on its disk."""
        while self.icount(qmp) < icount:
            time.sleep(0.01)

    def icount(self, qmp):
        return qmp.execute("query-replay")["icount"]

    def end_of(self, process):
        self.assertEqual(process.wait(120) & 1, 1, process.errors.read_text())
        return process.returncode


@peer.on_both
class AsQemuHasThem(Snapshots):
    def test_nowhere(self):
        process = self.launch()
        qmp = self.qmp()
        nowhere = "no block device can store vmstate for snapshot"
        self.assertEqual(qmp.hmp("info snapshots").strip(), nowhere)
        for command in ("savevm a", "loadvm a"):
            self.assertEqual(qmp.hmp(command).strip(), "Error: " + nowhere)
        self.quit(process, qmp)

    def test_raw(self):
        raw = self.folder / "raw.img"
        raw.write_bytes(bytes(1 << 20))
        image = self.qcow2("a")
        process = self.launch(*self.drive(image), *self.drive(raw, 1))
        qmp = self.qmp()
        for command in ("savevm a", "loadvm a", "delvm a"):
            self.assertEqual(qmp.hmp(command).strip(),
                             "Error: Device 'ide0-hd1' is writable but does not support snapshots")
        self.quit(process, qmp)

    def test_names(self):
        images = [self.qcow2("a"), self.qcow2("b")]
        process = self.launch(*self.drive(images[0]), *self.drive(images[1], 1))
        qmp = self.qmp()
        self.assertEqual(qmp.hmp("info snapshots").strip(), "There is no snapshot available.")
        for command in ("savevm first", "savevm", "savevm first"):
            self.assertEqual(qmp.hmp(command), "")
        self.assertRegex(qmp.hmp("info status"), "running")
        table = qmp.hmp("info snapshots").replace("\r", "")
        self.assertEqual(table.splitlines()[:2], [
            "List of snapshots present on all disks:",
            "ID        TAG               VM SIZE                DATE     VM CLOCK     ICOUNT"])
        rows = re.findall(ROW, table)
        self.assertEqual([row[0] for row in rows], ["--", "--"])
        names = sorted(row[1] for row in rows)
        self.assertEqual(names[0], "first")
        self.assertRegex(names[1], r"vm-\d{14}")
        self.assertEqual(qmp.hmp("loadvm first"), "")
        self.assertRegex(qmp.hmp("info status"), "running")
        self.assertEqual(qmp.hmp("loadvm nosuch").strip(),
                         "Error: Snapshot 'nosuch' does not exist in one or more devices")
        self.assertEqual(qmp.hmp("delvm nosuch"), "")
        self.assertEqual(qmp.hmp("delvm first"), "")
        self.assertEqual([row[1] for row in re.findall(ROW, qmp.hmp("info snapshots"))], names[1:])
        self.quit(process, qmp)
        self.assertEqual([row[0] for row in self.listed(images[0])], names[1:])
        self.assertNotEqual(self.listed(images[0])[0][1], "0 B")
        self.assertEqual(self.listed(images[1]), [(names[1], "0 B")])
        self.clean(*images)

    def test_events(self):
        process = self.launch(*self.drive(self.qcow2("a")))
        qmp = self.qmp()
        for command in ("savevm a", "loadvm a"):
            qmp.hmp(command)
            qmp.wait_event("STOP")
            qmp.wait_event("RESUME")
        qmp.hmp("stop")
        qmp.wait_event("STOP")
        self.assertEqual(qmp.hmp("loadvm a"), "")
        self.assertIn("paused", qmp.hmp("info status"))
        self.quit(process, qmp)

    def test_of_the_disk_alone(self):
        image, other = self.qcow2("a"), self.qcow2("b")
        subprocess.run(["qemu-img", "snapshot", "-c", "disk", image], check=True)
        subprocess.run(["qemu-img", "snapshot", "-c", "elsewhere", other], check=True)
        process = self.launch(*self.drive(image), *self.drive(other, 1))
        qmp = self.qmp()
        partial = qmp.hmp("info snapshots").replace("\r", "")
        self.assertIn("List of partial (non-loadable) snapshots on 'ide0-hd1':\n", partial)
        self.assertIn("does not exist in one or more devices", qmp.hmp("loadvm disk"))
        self.quit(process, qmp)
        process = self.launch(*self.drive(image))
        qmp = self.qmp()
        self.assertIn("This is a disk-only snapshot", qmp.hmp("loadvm disk"))
        self.quit(process, qmp)

    def test_temporary(self):
        image = self.qcow2("a")
        process = self.launch(*self.drive(image), "-snapshot")
        qmp = self.qmp()
        self.assertEqual(qmp.hmp("savevm a"), "")
        self.assertEqual([row[1] for row in re.findall(ROW, qmp.hmp("info snapshots"))], ["a"])
        self.assertEqual(qmp.hmp("loadvm a"), "")
        self.quit(process, qmp)
        self.assertEqual(self.listed(image), [])

    def test_option_of_one_that_is_not_there(self):
        process = self.launch(*self.drive(self.qcow2("a")), "-loadvm", "nosuch")
        self.assertEqual(process.wait(20), 1)
        self.assertIn("Snapshot 'nosuch' does not exist in one or more devices", process.errors.read_text())


class RoundTrips(Snapshots):
    """A guest that is at work on its disk: whatever was saved in the middle comes to the same end."""

    def test_goes_on_to_the_same_end(self):
        image = self.disk()
        process, qmp = self.begin(image)
        self.until(qmp, 20_000_000)
        self.assertEqual(qmp.hmp("savevm one"), "")
        self.until(qmp, self.icount(qmp) + 10_000_000)
        self.assertEqual(qmp.hmp("savevm two"), "")
        status = self.end_of(process)
        wanted = self.contents(image)
        self.clean(image)
        for engine in ("interp", "tcg"):
            for name in ("one", "two", "one"):
                with self.subTest(engine=engine, name=name):
                    process, qmp = self.begin(image, "-loadvm", name, "-accel", engine)
                    self.assertEqual(self.end_of(process), status)
                    self.assertEqual(self.contents(image), wanted)
        self.clean(image)

    def test_back_again_and_again(self):
        image = self.disk()
        process, qmp = self.begin(image)
        self.until(qmp, 20_000_000)
        qmp.hmp("stop")
        self.assertEqual(qmp.hmp("savevm one"), "")
        registers, at = qmp.hmp("info registers"), self.icount(qmp)
        for _ in range(4):
            qmp.hmp("cont")
            self.until(qmp, at + 3_000_000)
            qmp.hmp("stop")
            self.assertEqual(qmp.hmp("loadvm one"), "")
            self.assertEqual((qmp.hmp("info registers"), self.icount(qmp)), (registers, at))
        qmp.hmp("cont")
        status = self.end_of(process)
        wanted = self.contents(image)
        process, qmp = self.begin(image, "-loadvm", "one")
        self.assertEqual(self.end_of(process), status)
        self.assertEqual(self.contents(image), wanted)
        self.clean(image)

    def test_temporary_goes_back(self):
        image = self.disk()
        before = image.read_bytes()
        process, qmp = self.begin(image, "-snapshot")
        self.until(qmp, 20_000_000)
        qmp.hmp("stop")
        self.assertEqual(qmp.hmp("savevm one"), "")
        at = self.icount(qmp)
        qmp.hmp("cont")
        self.until(qmp, at + 5_000_000)
        self.assertEqual(qmp.hmp("loadvm one"), "")
        status = self.end_of(process)
        process, qmp = self.begin(image, "-snapshot")
        self.assertEqual(self.end_of(process), status)
        self.assertEqual(image.read_bytes(), before)

    def test_other_machines_and_damage(self):
        image = self.disk()
        process, qmp = self.begin(image)
        self.until(qmp, 20_000_000)
        self.assertEqual(qmp.hmp("savevm one"), "")
        self.quit(process, qmp)
        saved = image.read_bytes()
        for more, text in ((["-m", "32"], "-m 16M, and this one has 32M"), (["-cpu", "486"], "and this one has 486"),
                           (["-vga", "std"], "-vga none"), (["-serial", "null"], "serial ports"),
                           (["-device", "ide-cd,bus=ide.1"], "ide1-cd0")):
            with self.subTest(more=more):
                process = self.launch("-m", "16", "-icount", "shift=2", *machine.EXIT_DEVICE, *self.drive(image), *more,
                                      "-loadvm", "one")
                self.assertEqual(process.wait(20), 1)
                errors = process.errors.read_text()
                self.assertEqual(len(errors.splitlines()), 1, errors)
                self.assertIn("Could not load snapshot 'one': the snapshot is of another machine", errors)
                self.assertIn(text, errors)
                self.assertEqual(image.read_bytes(), saved, "the image was written")
        # A damaged one: the machine goes on as it was, and so does its disk.
        start = saved.index(b"\x89QRSNAP\n")
        for at in (start + 3, start + 9, start + 20_000):
            with self.subTest(at=at - start):
                damaged = bytearray(saved)
                damaged[at] ^= 0x40
                image.write_bytes(damaged)
                process, qmp = self.begin(image, "-S")
                before = qmp.hmp("info registers")
                answer = qmp.hmp("loadvm one")
                self.assertRegex(answer, r"^Error: Could not load snapshot 'one': .*\s*$")
                self.assertEqual(len(answer.strip().splitlines()), 1)
                self.assertEqual(qmp.hmp("info registers"), before)
                qmp.hmp("cont")
                self.until(qmp, 20_000_000)
                self.quit(process, qmp)
                self.clean(image)


class Recorded(Snapshots):
    def test_in_the_log(self):
        process = self.launch("-m", "16", *self.drive(self.qcow2("a")), *self.recording("shift=auto"))
        qmp = self.qmp()
        for name in ("one", "two"):
            time.sleep(0.5)
            qmp.hmp("sendkey esc")
            self.assertEqual(qmp.hmp(f"savevm {name}"), "")
        self.assertIn("a recording only goes on", qmp.hmp("loadvm one"))
        self.assertIn("a log keeps all", qmp.hmp("delvm one"))
        shown = [(row[1], row[5]) for row in re.findall(ROW, qmp.hmp("info snapshots"))]
        self.assertEqual([name for name, _ in shown], ["one", "two"])
        time.sleep(0.5)
        self.quit(process, qmp)
        for engine in ("interp", "tcg"):
            for name, icount in shown:
                with self.subTest(engine=engine, name=name):
                    done = self.replay("-display", "none", "-loadvm", name, "-accel", engine)
                    process = self.launch(*self.replaying(), "-S", "-accel", engine)
                    qmp = self.qmp()
                    self.assertEqual(qmp.hmp(f"loadvm {name}"), "")
                    self.assertEqual(qmp.execute("query-replay")["icount"], int(icount))
                    self.assertIn("replaying", qmp.hmp("savevm three"))
                    self.assertIn("does not exist in the log", qmp.hmp("loadvm three"))
                    qmp.hmp("cont")
                    qmp.wait_event("STOP", 60)  # the end
                    self.assertEqual(qmp.hmp(f"loadvm {name}"), "")
                    self.assertEqual(qmp.execute("query-replay")["icount"], int(icount))
                    self.quit(process, qmp)
        self.replay("-display", "none")

    def test_with_what_was_written(self):
        """The disk of then comes with it."""
        self.disk()
        raw = self.folder / "disk.img"
        process = self.launch("-m", "16", *machine.EXIT_DEVICE, *self.drive(raw), *self.recording("shift=2"))
        qmp = self.qmp()
        while qmp.execute("query-replay")["icount"] < 20_000_000:
            time.sleep(0.01)
        self.assertEqual(qmp.hmp("savevm one"), "")
        status = process.wait(120)
        self.assertEqual(status & 1, 1, process.errors.read_text())
        for engine in ("interp", "tcg"):
            done = self.replay("-display", "none", "-loadvm", "one", "-accel", engine, status=status)
        done = machine.run(*self.replaying(), "-display", "none", "-loadvm", "two")
        self.refused(done, "Snapshot 'two' does not exist in the log")


if __name__ == "__main__":
    unittest.main(verbosity=2)
