# SPDX-License-Identifier: GPL-2.0-or-later
"""What the record and replay tests share: the emulator under test, guests assembled on the spot, and runs
that have a time limit and an exact expectation. Standard library only.

QEMU_REPLAY: the emulator. CHECK: quick, normal or slow. RECORDINGS: a folder for copies of the recordings that
the tests made, if somebody wants to do more with them.
"""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

# No windows on the desktop of whoever runs the tests.
for name in ("DISPLAY", "WAYLAND_DISPLAY"):
    os.environ.pop(name, None)

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
GUESTS = ROOT / "tests" / "replay" / "guests"
EMULATOR = os.environ.get("QEMU_REPLAY", str(ROOT / "build" / "qemu-system-i386"))
RECORDINGS = os.environ.get("RECORDINGS")
LOG_MAGIC = b"\x89QRLOG\r\n"
KIND = os.environ.get("CHECK", "normal")
EXIT_DEVICE = ["-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
# What a replay that came to the recording's end says, and the end that it says it had.
AS_RECORDED = re.compile(r"replay: (\d+) instructions, (\d+) events, (\d+) digests: all as recorded; (.*)")


def slow(test):
    return unittest.skipUnless(KIND == "slow", "part of the long form")(test)


def not_quick(test):
    return unittest.skipIf(KIND == "quick", "not part of the quick form")(test)


def by_kind(quick, normal, slow):
    return {"quick": quick, "normal": normal, "slow": slow}[KIND]


def has_address_sanitizer():
    return b"__asan_init" in pathlib.Path(EMULATOR).read_bytes()


class Saturated:
    """Other work on every processor, for as long as the context lasts."""

    def __enter__(self):
        self.process = subprocess.Popen(["stress-ng", "--cpu", str(os.cpu_count()), "--quiet"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __exit__(self, *exception):
        self.process.terminate()
        self.process.wait()


class Run:
    """A finished run: status, out (bytes), err (text)."""

    def __init__(self, command, status, out, err):
        self.command, self.status, self.out, self.err = command, status, out, err

    def __str__(self):
        shown = self.out[-1500:].decode(errors="replace")
        return f"{' '.join(self.command)}\nstatus {self.status}\nstderr: {self.err[-3000:]}\nstdout: {shown}"


def run(*arguments, stdin=b"", timeout=60, emulator=None, **options):
    """Runs the emulator to its end. A run that doesn't end is an error of the test."""
    command = [emulator or EMULATOR, *map(str, arguments)]
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=timeout, **options)
    return Run(command, done.returncode, done.stdout, done.stderr.decode(errors="replace"))


def run_as_anybody(*arguments, **options):
    """The same for a user whom files' modes bind: root without the capability to override them."""
    if os.geteuid():
        return run(*arguments, **options)
    without = ["--bounding-set=-dac_override", "--inh-caps=-dac_override"]
    return run(*without, "--", EMULATOR, *arguments, emulator="/usr/bin/setpriv", **options)


def replay_dump(log):
    """The log as scripts/replay-dump --json tells it."""
    done = subprocess.run(["/usr/bin/python3", ROOT / "scripts" / "replay-dump", "--json", log],
                          capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise AssertionError(f"replay-dump {log}: status {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


class MachineTest(unittest.TestCase):
    """Gives each test a directory of its own, guests, and the two halves of every replay test."""

    maxDiff = 2000
    sound = True  # what is in self.log at the end of a test is a recording that can be replayed
    short = True  # ... and short enough to be replayed with every engine afterwards

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="qemu-replay-test-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.log = self.folder / "log.bin"
        self.addCleanup(self.keep_recording)
        self.started = 0

    def keep_recording(self):
        if RECORDINGS and self.sound and self.short and self.log.exists():
            with open(self.log, "rb") as log:
                if log.read(len(LOG_MAGIC)) != LOG_MAGIC:
                    return
            kept = pathlib.Path(RECORDINGS) / f"{pathlib.Path(sys.argv[0]).stem}.{self.id()}.rr"
            shutil.copy(self.log, kept)
            log = replay_dump(self.log)
            images = {drive["file"] for drive in log["header"]["machine"]["drives"]}
            images |= {event["fields"].get("file", "") for event in log["events"] if event["port"].endswith(".medium")}
            for image in images - {""}:
                folder = pathlib.Path(f"{kept}.images")
                folder.mkdir(exist_ok=True)
                shutil.copy(image, folder)

    def assemble(self, name, *defines):
        """The firmware image of tests/replay/guests/NAME.asm."""
        image = self.folder / "-".join([name, *defines, "bios.bin"])
        subprocess.run(["nasm", "-f", "bin", "-I", f"{GUESTS}/", *[f"-D{d}" for d in defines], "-o", image,
                        GUESTS / f"{name}.asm"], check=True)
        return image

    def recording(self, icount="shift=auto", log=None):
        return ["-icount", f"{icount},rr=record,rrfile={log or self.log}"]

    def replaying(self, log=None):
        return ["-icount", f"rr=replay,rrfile={log or self.log}"]

    def start(self, *arguments, **options):
        """A run in the background, ended with the test if not before; its stderr goes to a file."""
        self.started += 1
        errors = self.folder / f"stderr-{self.started}"
        with open(errors, "wb") as file:
            process = subprocess.Popen([EMULATOR, *map(str, arguments)], stderr=file,
                                       **{"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, **options})
        process.errors = errors
        self.addCleanup(self.reap, process)
        return process

    @staticmethod
    def reap(process):
        if process.poll() is None:
            process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream:
                stream.close()

    def stop(self, process, within):
        """SIGTERM, and the exit status."""
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(within)
        except subprocess.TimeoutExpired:
            self.fail(f"SIGTERM wasn't answered in {within} s; stderr: {process.errors.read_text()}")

    def replay(self, *arguments, log=None, status=0, ends=None, timeout=120, **options):
        """Replays a log to its end, which must be as recorded, and gives the run."""
        done = run(*self.replaying(log), *arguments, timeout=timeout, **options)
        self.assertEqual(done.status, status, done)
        self.assertRegex(done.err, AS_RECORDED, done)
        if ends:
            self.assertRegex(AS_RECORDED.search(done.err)[4], ends, done)
        return done

    def refused(self, done, *texts):
        """The run ended with status 1 and one line, which has these texts."""
        self.assertEqual(done.status, 1, done)
        self.assertEqual(len(done.err.splitlines()), 1, done)
        for text in texts:
            self.assertIn(text, done.err, done)


def main():
    unittest.main(argv=sys.argv[:1] + sys.argv[1:], verbosity=2)
