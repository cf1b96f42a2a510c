# SPDX-License-Identifier: GPL-2.0-or-later
"""What all benchmarks share: the two emulators, the forms in which they run, and statistics."""
import dataclasses
import math
import os
import pathlib
import statistics
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "lib"))

QEMU = "/usr/bin/qemu-system-i386"
# The forms of a run: ours and the peer's recording at shift=auto, the peer without -icount, and both recording at a
# fixed shift.
FORMS = ("ours", "peer", "plain", "ours fixed", "peer fixed")


@dataclasses.dataclass
class Setup:
    ours: list            # our program, and options that go before all others
    folder: pathlib.Path  # for images and logs; emptied at the end
    runs: int             # how often each form of a work runs; medians are reported
    rounds: int           # of the cost of recording

    def log(self, form):
        return self.folder / f"{form.replace(' ', '-')}.bin"

    def command(self, form, machine, fixed_shift=None):
        """The command line of a form. The peer's rr needs a machine without network; so all do without it."""
        program = self.ours if form.startswith("ours") else [QEMU]
        command = [*program, "-net", "none", *map(str, machine)]
        if form in ("plain", "ours live"):
            return command
        shift = fixed_shift if form.endswith("fixed") else "auto"
        return [*command, "-icount", f"shift={shift},rr=record,rrfile={self.log(form)}"]

    def drop_log(self, form):
        self.log(form).unlink(missing_ok=True)


def turns(setup, what, forms=FORMS):
    """(number, form) of every run: each form once before any comes again, in an order that rotates, as hosts drift."""
    for number in range(setup.runs):
        at = number % len(forms)
        for form in forms[at:] + forms[:at]:
            print(f"{what}: run {number + 1}, {form}", file=sys.stderr, flush=True)
            yield number, form


class Work:
    """Measurements of one kind of guest work."""

    def __init__(self, name, line, forms=FORMS):
        self.name, self.line = name, line
        self.seconds = {form: [] for form in forms}
        self.clocks = {form: [] for form in forms}  # guest time by host time
        self.instructions = []
        self.result = None

    def add(self, form, seconds, guest_ns=None, instructions=None, result=None):
        """A run in which the guest came to another result than in those before ends the benchmark."""
        if self.result is None:
            self.result = result
        if result != self.result:
            raise SystemExit(f"bench: {self.name}: '{form}' came to {result}, an earlier run to {self.result}")
        self.seconds[form].append(seconds)
        if guest_ns is not None and form in ("ours", "peer"):
            self.clocks[form].append(guest_ns / 1e9 / seconds)
        if instructions is not None and form.startswith("ours"):
            self.instructions.append(instructions)

    def row(self):
        middle = lambda values: statistics.median(values) if values else None
        return {"name": self.name, "line": self.line, "instructions": middle(self.instructions),
                "seconds": {form: middle(values) for form, values in self.seconds.items()},
                "clocks": {form: middle(values) for form, values in self.clocks.items()}}


def threads(pid):
    """(its folder, named by its number; its name) of each of a process's threads."""
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        yield task, (task / "stat").read_text().rsplit(")", 1)[0].split("(", 1)[1]


def thread_seconds(pid, name):
    """CPU seconds of a process's thread by its name; of the main thread if there is none."""
    best = None
    for task, named in threads(pid):
        if named == name or (best is None and task.name == str(pid)):
            best = int((task / "schedstat").read_text().split()[0]) / 1e9
    return best or 0.0


class CpuMeter(threading.Thread):
    """Samples the VM thread's CPU time until the process ends."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.seconds = pid, 0.0
        self.start()

    def run(self):
        while True:
            try:
                self.seconds = max(self.seconds, thread_seconds(self.pid, "vm"))
            except (OSError, ValueError, IndexError):
                return
            time.sleep(0.01)


def run(command):
    """(wall seconds, CPU seconds of the VM thread, exit status)"""
    begin = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    meter = CpuMeter(process.pid)
    errors = process.communicate()[1]
    if process.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(map(str, command))}: status {process.returncode}: {errors.decode()}")
    return time.monotonic() - begin, meter.seconds, process.returncode


def median_and_bounds(values):
    """The median, and the ends of its 95 % confidence interval by order statistics (no shape is assumed)."""
    ordered, n = sorted(values), len(values)
    outside = 0
    while 2 * sum(math.comb(n, k) for k in range(outside + 1)) / 2 ** n <= 0.05:
        outside += 1
    outside = max(outside - 1, 0)
    return statistics.median(ordered), ordered[outside], ordered[n - 1 - outside]


def log_size(log):
    """Bytes of a log of either emulator, apart from the files that ours carries along."""
    import json
    with open(log, "rb") as file:
        if b"QRLOG" not in file.read(8):
            return os.path.getsize(log)
    done = subprocess.run(["/usr/bin/python3", ROOT / "scripts" / "replay-dump", "--json", log], check=True,
                          capture_output=True)
    return json.loads(done.stdout)["totals"]["bytes_without_blobs"]
