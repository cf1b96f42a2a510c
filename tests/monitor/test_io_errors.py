#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What rerror= and werror= do about a host's errors, here and on Debian's QEMU; and recordings in which the machine
stopped for one and went on (guest: tests/replay/guests/disk_error.asm).
"""
import errno
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
import unittest

import peer
import nbd
from peer import machine

DEVICES = {"ide": "ide-hd,drive=d,bus=ide.0,unit=1", "virtio": "virtio-blk-pci,drive=d"}
SIZE = 1 << 20
REASONS = {errno.EIO: "Input/output error", errno.ENOSPC: "No space left on device"}


class IoErrors(peer.MonitorTest):
    short = False

    def boot(self, works):
        image = self.folder / "boot.img"
        image.write_bytes(self.assemble("disk_error", f'WORKS="{works}"').read_bytes().ljust(SIZE, b"\0"))
        return image

    def begin(self, works, disk, device, *more, **options):
        """Runs the guest, up to its first instruction; disk: -drive's options for the one that it works on."""
        self.process = self.launch("-S", "-m", "16", *machine.EXIT_DEVICE, "-drive", f"file={self.boot(works)},format=raw,index=0",
                                   "-drive", f"format=raw,if=none,id=d,{disk}", "-device", device, "-serial",
                                   f"unix:{self.folder}/serial,server=on,wait=off", *more, **options)
        self.machine = self.qmp()
        self.line = peer.connect(self.folder / "serial")
        self.addCleanup(self.line.close)

    def serve(self, **errors):
        server = nbd.Server(self.folder / f"nbd{self.started}", bytes(SIZE))
        self.addCleanup(server.close)
        server.errors = errors
        return server

    def status(self):
        return self.machine.execute("query-status")["status"]

    def io_status(self):
        return {drive["device"]: drive.get("io-status") for drive in self.machine.execute("query-block")}["d"]

    def hear(self):
        self.line.settimeout(20)
        return self.line.recv(1).decode()

    def failed(self, operation, action, code, no_space):
        data = self.machine.wait_event("BLOCK_IO_ERROR")["data"]
        self.assertTrue(data.pop("node-name"))
        wanted = {"device": "d", "operation": operation, "action": action, "reason": REASONS[code]}
        if no_space is not None:
            wanted["nospace"] = no_space
        self.assertEqual(data, wanted)

    def stopped(self, operation, code):
        """It has stopped for an error of this kind."""
        no_space = code == errno.ENOSPC
        self.failed(operation, "stop", code, no_space)
        self.machine.wait_event("STOP")
        self.assertEqual(self.status(), "io-error")
        self.assertEqual(self.machine.hmp("info status"), "VM status: paused (io-error)\n")
        self.assertEqual(self.io_status(), "nospace" if no_space else "failed")
        self.assertIn(f"    I/O status:       {'nospace' if no_space else 'failed'}\n", self.machine.hmp("info block d"))

    def go(self):
        self.machine.execute("cont")
        self.machine.wait_event("RESUME")


@peer.on_both
class Actions(IoErrors):
    def test_stop(self):
        cases = [(",werror=stop", "", "w", errno.EIO), (",werror=stop", "", "w", errno.ENOSPC), ("", "", "w", errno.ENOSPC),
                 ("", ",werror=stop", "w", errno.EIO), (",rerror=stop", "", "r", errno.EIO),
                 (",rerror=stop,werror=report", ",werror=enospc,rerror=auto", "w", errno.ENOSPC)]
        for kind, device in DEVICES.items():
            for drive, of_device, work, code in cases:
                if self.peer and kind == "ide" and work == "r":
                    continue  # 7.2 loses a read by DMA that it tries again: the guest is told that it failed
                with self.subTest(kind=kind, drive=drive, device=of_device, code=code):
                    operation = "write" if work == "w" else "read"
                    server = self.serve(**{operation: code})
                    self.begin(f"{work}.", f"file={server.address}{drive}", device + of_device)
                    self.go()
                    self.stopped(operation, code)
                    self.go()
                    self.stopped(operation, code)
                    self.machine.execute("stop")
                    self.assertEqual(self.status(), "io-error")
                    server.errors = {}
                    self.go()
                    self.assertEqual(self.hear(), work)
                    self.assertEqual((self.status(), self.io_status()), ("running", "ok"))
                    if work == "w":
                        if self.peer:
                            self.machine.execute("stop")  # it tells the guest of a write before the server has it
                        self.assertEqual(server.data[100 * 512:100 * 512 + 4], bytes.fromhex("00800280"))
                    self.reap(self.process)

    def test_report_and_ignore(self):
        for kind, device in DEVICES.items():
            for options, work, code, action, no_space in [
                    ("", "w", errno.EIO, "report", False), (",werror=report", "w", errno.ENOSPC, "report", None),
                    (",werror=ignore", "w", errno.EIO, "ignore", None), (",werror=report", "r", errno.EIO, "report", None),
                    (",rerror=ignore", "r", errno.EIO, "ignore", False)]:
                with self.subTest(kind=kind, options=options, work=work, code=code):
                    operation = "write" if work == "w" else "read"
                    server = self.serve(**{operation: code})
                    self.begin(f"{work}.", f"file={server.address}{options}", device)
                    self.go()
                    self.failed(operation, action, code, no_space)
                    self.assertEqual(self.hear(), work if action == "ignore" else work.upper())
                    self.assertEqual((self.status(), self.io_status()), ("running", None if no_space is None else "ok"))
                    self.reap(self.process)

    def test_reset(self):
        """Who resets the machine instead gives the request up."""
        for kind, device in DEVICES.items():
            with self.subTest(kind):
                server = self.serve(write=errno.EIO)
                self.begin("w.", f"file={server.address},werror=stop", device)
                self.go()
                self.stopped("write", errno.EIO)
                self.machine.execute("system_reset")
                self.machine.wait_event("RESET")
                self.assertEqual(self.status(), "prelaunch")
                server.errors = {}
                failed = len(server.failed)
                self.go()
                self.assertEqual(self.hear(), "w")
                self.assertEqual((len(server.failed), self.io_status()), (failed, "ok"))
                self.reap(self.process)

    def test_wrong_actions(self):
        image = self.boot("w")
        for drive, device, said in [("if=ide,werror=foo", None, "'foo' invalid write error action"),
                                    ("if=ide,rerror=enospc", None, "'enospc' invalid read error action"),
                                    ("if=floppy,werror=stop", None, "werror is not supported by this bus type"),
                                    ("if=none,id=d,rerror=stop", "floppy", "fdc doesn't support drive option rerror"),
                                    ("if=none,id=d", "ide-hd,werror=foo", "Parameter 'werror' does not accept value 'foo'")]:
            with self.subTest(drive=drive, device=device):
                more = ["-device", f"{device},drive=d"] if device else []
                process = self.launch("-S", "-drive", f"file={image},format=raw,{drive}", *more)
                self.assertEqual(process.wait(20), 1)
                self.assertIn(said, process.errors.read_text())


class Recordings(IoErrors):
    """The machine stops, things happen to it, it goes on: the replay neither stops nor needs the errors."""

    def interlude(self):
        for command in ("sendkey a", "info registers", "o/b 0x80 0x55", "info block"):
            self.machine.hmp(command)
        time.sleep(0.2)

    def finish(self):
        self.assertEqual(self.process.wait(30), 1, self.process.errors.read_text())

    def replays(self):
        events = [event["port"] for event in machine.replay_dump(self.log)["events"]]
        self.assertEqual([port for port in events if port.startswith("drive.d") and not port.endswith(".blocks")],
                         ["drive.d.error", "drive.d.retry"] * 2)
        for engine in ("tcg", "interp"):
            self.replay("-accel", engine, status=1)
        self.travels()

    def travels(self):
        """There and back, over the place where it waited."""
        error = next(e for e in machine.replay_dump(self.log)["events"] if e["port"] == "drive.d.error")["icount"]
        self.qmp_path = self.folder / f"qmp{self.started}"
        process = self.start("-S", *self.replaying(), "-qmp", f"unix:{self.qmp_path},server=on,wait=off")
        qmp = self.qmp()
        for to in (error + 1, error, error - 1, error + 100, error):
            self.assertEqual(qmp.hmp(f"replay_seek {to}"), "")
            qmp.wait_event("STOP")
        qmp.execute("cont")
        qmp.wait_event("STOP", 60)
        self.assertIn("all as recorded", qmp.hmp("info replay"))
        self.reap(process)

    def test_reads(self):
        self.sound = False  # its images aren't files
        for kind, device in DEVICES.items():
            with self.subTest(kind):
                server = self.serve(read=errno.EIO)
                self.begin("rw", f"file={server.address},rerror=stop", device, *self.recording("shift=2"))
                self.go()
                self.stopped("read", errno.EIO)
                self.interlude()
                self.go()
                self.stopped("read", errno.EIO)
                server.errors = {}
                self.go()
                self.assertEqual((self.hear(), self.hear()), ("r", "w"))
                self.finish()
                self.replays()

    @unittest.skipUnless(os.geteuid() == 0, "only root can mount a file system that is full")
    def test_writes(self):
        full = pathlib.Path(tempfile.mkdtemp(prefix="qemu-replay-full-"))
        self.addCleanup(shutil.rmtree, full, ignore_errors=True)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", full], capture_output=True, text=True)
        if mounted.returncode:
            self.skipTest(f"no file system can be mounted: {mounted.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", full], check=True)
        image = self.folder / "disk.img"
        image.write_bytes(bytes(SIZE))
        for kind, device in DEVICES.items():
            with self.subTest(kind):
                # What the guest writes goes to a temporary overlay, which has no room at first.
                (full / "filler").write_bytes(bytes(4096))
                self.begin("wr", f"file={image},snapshot=on", device, *self.recording("shift=2"), env=dict(os.environ, TMPDIR=str(full)))
                self.go()
                self.stopped("write", errno.ENOSPC)
                self.interlude()
                self.go()
                self.stopped("write", errno.ENOSPC)
                (full / "filler").unlink()
                self.go()
                self.assertEqual((self.hear(), self.hear()), ("w", "r"))
                self.finish()
                self.replays()

    def test_reset_and_end_while_it_waits(self):
        self.sound = False
        for kind, device in DEVICES.items():
            with self.subTest(kind):
                server = self.serve(read=errno.EIO)
                self.begin("r", f"file={server.address},rerror=stop", device, *self.recording("shift=2"))
                self.go()
                self.stopped("read", errno.EIO)
                self.machine.execute("system_reset")
                self.go()
                self.stopped("read", errno.EIO)
                self.machine.send('{"execute": "quit"}')
                self.assertEqual(self.process.wait(20), 0)
                server.errors = {}
                self.replay()


if __name__ == "__main__":
    machine.main()
