#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Disks in recordings (guest: tests/replay/guests/disk.asm): the image stays as it was, the replay does the same, a
changed image is named with its block, and what the guest wrote can be committed.
"""
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import machine  # noqa: E402

SIZE = 2 << 20
HALF = SIZE // 512 // 2
TOOL = pathlib.Path(machine.EMULATOR).parent / "replay-disk"
BLOCK = 65536


class Disks(machine.MachineTest):
    def disk(self, *defines, name="disk.img"):
        """A raw image with the guest in its boot sector, random from there on."""
        image = self.folder / name
        sector = self.assemble("disk", f"HALF={HALF}", *defines)
        content = bytearray(random.Random(7).randbytes(SIZE))
        content[:512] = sector.read_bytes()
        image.write_bytes(content)
        return image

    def qcow2(self, raw, *options):
        image = raw.with_suffix(".qcow2")
        subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", *options, raw, image], check=True)
        return image

    def arguments(self, image, *more):
        kind = "qcow2" if str(image).endswith("qcow2") else "raw"
        return ["-display", "none", *machine.EXIT_DEVICE, "-drive", f"file={image},format={kind}", "-m", "16", *more]

    def run_live(self, image, *more):
        done = machine.run(*self.arguments(image, "-icount", "shift=2", *more))
        self.assertEqual(done.status & 1, 1, done)
        self.assertNotEqual(done.status, 255, done)
        return done.status

    def record(self, image, *more):
        before = image.read_bytes()
        done = machine.run(*self.arguments(image, *more), *self.recording("shift=2"))
        self.assertEqual(done.status & 1, 1, done)
        self.assertNotEqual(done.status, 255, done)
        self.assertEqual(image.read_bytes(), before, "the recording wrote the image")
        return done.status

    def overlay(self):
        return pathlib.Path(f"{self.log}.ide0-hd0.overlay")

    def tool(self, *arguments, status=0):
        done = subprocess.run([TOOL, *arguments], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, status, done)
        return done

    def test_recorded_and_replayed(self):
        raw = self.disk()
        for image in (raw, self.qcow2(raw), self.qcow2(raw, "-c")):
            with self.subTest(image.name):
                status = self.record(image)
                blocks = [e for e in machine.replay_dump(self.log)["events"] if e["port"] == "drive.ide0-hd0.blocks"]
                self.assertGreater(len(blocks), 4)
                for engine in ("tcg", "interp"):
                    before = image.read_bytes()
                    self.replay("-accel", engine, status=status)
                    self.assertEqual(image.read_bytes(), before)

    def test_virtio(self):
        image = self.disk()
        before = image.read_bytes()
        for device in (["-drive", f"file={image},format=raw,if=virtio,id=d"],
                       ["-blockdev", f"driver=file,filename={image},node-name=d", "-device", "virtio-blk-pci,drive=d"]):
            with self.subTest(device):
                done = machine.run("-display", "none", *machine.EXIT_DEVICE, *device, *self.recording("shift=2"))
                self.assertEqual(done.status & 1, 1, done)
                self.assertNotEqual(done.status, 255, done)
                self.assertEqual(image.read_bytes(), before)
                self.replay(status=done.status)

    def test_a_floppy_is_read(self):
        # The guest wants extensions that a floppy hasn't: it ends with an error, after it was loaded.
        image = self.disk(name="floppy.img")
        with open(image, "r+b") as file:
            file.truncate(1440 * 1024)
        done = machine.run("-display", "none", *machine.EXIT_DEVICE, "-drive", f"file={image},format=raw,if=floppy",
                           "-boot", "a", *self.recording("shift=2"))
        self.assertEqual(done.status, 255, done)
        self.replay(status=255)

    def test_a_changed_byte_is_named(self):
        image = self.disk()
        self.record(image)
        for offset in (BLOCK * 3 + 77, BLOCK * 9 + BLOCK - 1):
            with self.subTest(offset):
                good = image.read_bytes()
                bad = bytearray(good)
                bad[offset] ^= 1
                image.write_bytes(bad)
                done = machine.run(*self.replaying())
                image.write_bytes(good)
                self.assertEqual(done.status, 2, done)
                self.assertIn(str(image), done.err)
                self.assertIn(f"block {offset // BLOCK} ", done.err)

    def test_second_half_does_not_matter(self):
        # It is written before it is read.
        image = self.disk()
        status = self.record(image)
        content = bytearray(image.read_bytes())
        content[SIZE // 2 + 1000] ^= 1
        image.write_bytes(content)
        self.replay(status=status)

    def test_images_that_are_missing_or_others(self):
        image = self.disk()
        status = self.record(image)
        moved = self.folder / "moved.img"
        image.rename(moved)
        self.sound = False
        self.refused(machine.run(*self.replaying()), str(image), "No such file")
        self.replay("-drive", f"file={moved},format=raw", status=status)
        with open(moved, "r+b") as file:
            file.truncate(SIZE - 512)
        self.refused(machine.run(*self.replaying(), "-drive", f"file={moved},format=raw"), "moved.img", str(SIZE - 512),
                     str(SIZE))
        self.refused(machine.run(*self.replaying(), "-hdb", moved), "no drive there")
        self.refused(machine.run(*self.replaying(), "-drive", f"file={moved},format=raw,serial=x"), "serial")

    def test_commit(self):
        raw = self.disk()
        for name in ("raw", "qcow2"):
            with self.subTest(name):
                image = raw if name == "raw" else self.qcow2(raw)
                written = self.folder / f"written.{name}"
                shutil.copy(image, written)
                status = self.run_live(written)
                self.assertEqual(self.record(image), status)
                copy = self.folder / f"copy.{name}"
                shutil.copy(image, copy)
                self.tool("commit", self.overlay(), copy)
                subprocess.run(["qemu-img", "compare", "-f", name, "-F", name, copy, written], check=True,
                               stdout=subprocess.DEVNULL)
                # The recording still replays, with the image that it began with.
                self.replay(status=status)
                self.sound = False  # the image is about to be written
                image.touch()
                self.assertIn("--force", self.tool("commit", self.overlay(), status=1).stderr)
                self.tool("commit", "--force", self.overlay())
                subprocess.run(["qemu-img", "compare", "-f", name, "-F", name, image, written], check=True,
                               stdout=subprocess.DEVNULL)

    def test_snapshot_leaves_the_image(self):
        image = self.disk()
        before = image.read_bytes()
        status = self.run_live(image, "-snapshot")
        self.assertEqual(image.read_bytes(), before)
        self.assertEqual(self.run_live(image), status)
        self.assertNotEqual(image.read_bytes(), before)
        qcow2 = self.qcow2(image)
        self.run_live(qcow2)
        subprocess.run(["qemu-img", "check", qcow2], check=True, stdout=subprocess.DEVNULL)

    def test_snapshot_is_recorded_without_an_overlay(self):
        image = self.disk()
        status = self.record(image, "-snapshot")
        self.assertFalse(self.overlay().exists())
        self.replay(status=status)

    def test_killed(self):
        image = self.disk("FOREVER")
        before = image.read_bytes()
        process = self.start(*self.arguments(image), *self.recording("shift=2"))
        deadline = time.monotonic() + 60
        while not (self.overlay().exists() and self.overlay().stat().st_size > 8 * BLOCK) and time.monotonic() < deadline:
            time.sleep(0.1)
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.assertEqual(image.read_bytes(), before)
        self.replay(ends="cut")
        self.assertIn("written: ", self.tool("info", self.overlay()).stdout)
        self.sound = False
        self.tool("commit", self.overlay())
        self.assertNotEqual(image.read_bytes(), before)

    def test_a_new_recording_replaces_the_overlay(self):
        image = self.disk()
        self.record(image)
        self.assertTrue(self.overlay().exists())
        stranger = pathlib.Path(f"{self.log}.ide0-hd0.notes")
        stranger.write_text("keep")
        done = machine.run("-display", "none", "-bios", self.assemble("exit", "CODE=5"), *machine.EXIT_DEVICE, "-drive",
                           f"file={image},format=raw", *self.recording("shift=2"))
        self.assertNotEqual(done.status, 255, done)
        self.assertFalse(self.overlay().exists())
        self.assertTrue(stranger.exists())

    def test_hostile_images(self):
        image = self.qcow2(self.disk())
        good = image.read_bytes()
        for offset, value in ((0, b"\0"), (4, b"\0\0\0\x09"), (20, b"\0\0\0\x3f"), (36, b"\xff\xff\xff\xff"),
                              (40, b"\0\0\0\0\0\x01\0\0"), (48, b"\xff" * 8), (72, b"\0" * 7 + b"\x04")):
            with self.subTest(offset):
                bad = good[:offset] + value + good[offset + len(value):]
                image.write_bytes(bad)
                done = machine.run(*self.arguments(image))
                self.refused(done, str(image))
                self.assertEqual(image.read_bytes(), bad)
        image.write_bytes(good[:100_000])
        self.refused(machine.run(*self.arguments(image)), str(image))
        os.remove(image)
        self.refused(machine.run(*self.arguments(image)), str(image), "No such file")

    def test_blkreplay_as_qemu_documents_it(self):
        image = self.disk()
        done = machine.run("-display", "none", *machine.EXIT_DEVICE, "-drive",
                           f"file={image},format=raw,if=none,id=img-direct", "-drive",
                           "driver=blkreplay,if=none,image=img-direct,id=img-blkreplay", "-device",
                           "ide-hd,drive=img-blkreplay", *self.recording("shift=2"))
        self.assertNotEqual(done.status, 255, done)
        self.replay(status=done.status)


if __name__ == "__main__":
    machine.main()
