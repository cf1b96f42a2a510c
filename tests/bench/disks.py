# SPDX-License-Identifier: GPL-2.0-or-later
"""Disks: an installed Debian (scripts/make-debian-image) reads and writes a second disk (tests/bench/guests/disks.sh),
by IDE and by virtio, timed on the host by what comes out of the guest's serial port."""
import contextlib
import os
import random
import signal
import subprocess
import sys
import time

import measure
import debian  # of tests/lib
import session

PATIENCE = 1200
# The peer's rr takes minutes to come to a shell, if it does: it runs once, to this time, and what it doesn't come to has
# no number.
PEER_SECONDS = 180
REPEATS = 2  # of each work within a run
SLICE = 0.008  # seconds, in which one machine works and the other stands still
FORMS = ("ours", "peer", "plain", "ours live")
MEGABYTES = 256
# the script's name -> ours
WORKS = {"reads": "768 MB read, 1 MB each", "writes": "512 MB written, 1 MB each",
         "smallreads": "4000 reads of 4 KB", "smallwrites": "4000 writes of 4 KB", "unpack": "ext4: tar, sync",
         "copy": "ext4: cp, sync", "list": "ext4: read all", "remove": "ext4: rm, sync"}
KINDS = {"IDE": ("ide-hd,bus=ide.0,unit=1", "/dev/sdb"), "virtio": ("virtio-blk-pci", "/dev/vda")}


def disk(name, image, kind, device, form):
    """A drive with the default cache mode; the peer's rr wants one of blkreplay's between it and its device."""
    file = ["-drive", f"file={image},format={kind},if=none,id={name}"]
    if form != "peer":
        return [*file, "-device", f"{device},drive={name}"]
    return [*file, "-drive", f"driver=blkreplay,if=none,image={name},id={name}-rr", "-device",
            f"{device},drive={name}-rr"]


def images(folder):
    """The system's disk (an overlay), and one to read and write, both as they were before each run. The script is on it:
    typing is slow with the peer's rr."""
    system, second = folder / "system.qcow2", folder / "second.img"
    system.unlink(missing_ok=True)
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", debian.IMAGE, "-F", "qcow2", system], check=True)
    chance = random.Random(5)
    script = (measure.HERE / "guests" / "disks.sh").read_bytes()
    second.write_bytes(b"".join(chance.randbytes(1 << 20) for _ in range(MEGABYTES - 1)) + script.ljust(1 << 20, b"\n"))
    return system, second


def machine(folder, kind, form, repeats, gated=""):
    system, second = images(folder)
    model, device = KINDS[kind]
    line = "root=LABEL=debian rw console=ttyS0 quiet init=/bin/bash -- -c " \
        f'"dd if={device} bs=1M skip={MEGABYTES - 1} status=none | bash -s {device} {repeats} {gated}"'
    return ["-m", "512", "-display", "none", "-serial", "stdio", "-no-reboot", "-kernel", debian.KERNEL, "-initrd",
               debian.INITRD, "-append", line, *disk("system", system, "qcow2", "ide-hd,bus=ide.0,unit=0", form),
               *disk("second", second, "raw", model, form)]


def once(command, limit):
    """(name, seconds, sum) of each work of one run, up to a time limit."""
    end = time.monotonic() + limit
    left = lambda: max(end - time.monotonic(), 0)
    with session.Session(command) as guest:
        for _ in range(REPEATS):
            for name in WORKS:
                guest.expect(f"<begin {name}\r?\n", left())
                begin = time.monotonic()
                guest.expect(f"<end {name}\r?\n", left())
                took = time.monotonic() - begin
                yield name, took, guest.expect(rf"<sum {name} (\w{{32}})", left())[1]
        guest.expect("<done", left())
        guest.finish(left())


def bench(setup):
    debian.make()
    rows = []
    for kind in KINDS:
        works = {name: measure.Work(f"{kind}: {text}", "disk", FORMS) for name, text in WORKS.items()}
        for number, form in measure.turns(setup, f"disks, {kind}", FORMS):
            if form == "peer" and number > 0:
                continue
            command = setup.command(form, machine(setup.folder, kind, form, REPEATS))
            try:
                for name, seconds, total in once(command, PEER_SECONDS if form == "peer" else PATIENCE):
                    works[name].add(form, seconds, result=total)
            except session.Timeout:
                if form != "peer":
                    raise
            drop_recording(setup, form)
        rows += [work.row() for work in works.values()]
    return rows


def drop_recording(setup, form):
    setup.drop_log(form)
    for overlay in setup.folder.glob("*.overlay"):
        overlay.unlink()


class Gated:
    """A machine that runs by slices of time, and stands still in between. CPUs aren't all of a speed: its VM thread has
    one, and its other threads have the rest."""

    def __init__(self, command):
        self.guest = session.Session(command)
        self.pid = self.guest.process.pid
        self.until("<wait\r?\n", PATIENCE)
        first, *others = sorted(os.sched_getaffinity(self.pid))
        for thread, name in measure.threads(self.pid):
            os.sched_setaffinity(int(thread.name), {first} if name == "vm" else others or {first})

    def until(self, pattern, seconds):
        """(what matched, the seconds it took), after at most as many; None if nothing did in that time."""
        os.kill(self.pid, signal.SIGCONT)
        begin = time.monotonic()
        try:
            found = self.guest.expect(pattern, seconds)
        except session.Timeout:
            if self.guest.process.poll() is not None or seconds == PATIENCE:
                raise
            found = None
        took = time.monotonic() - begin
        os.kill(self.pid, signal.SIGSTOP)
        return found, took


def taken_by_work(machines, name):
    """Each machine's (CPU seconds, seconds) of a work. They take turns by slices, as hosts drift within a second."""
    taken, used = {}, {}
    for form, run in machines.items():
        run.guest.send("\n")
        run.until(f"<begin {name}\r?\n", PATIENCE)
        taken[form], used[form] = 0, measure.thread_seconds(run.pid, "vm")
    left = list(machines)
    while left:
        for form in list(left):
            found, seconds = machines[form].until(f"<end {name}\r?\n", SLICE)
            taken[form] += seconds
            if found:
                left.remove(form)
    return {form: (measure.thread_seconds(run.pid, "vm") - used[form], taken[form]) for form, run in machines.items()}


def cost_run(setup, kind, forms, order):
    """Each form's [CPU seconds, seconds] of all works together."""
    with contextlib.ExitStack() as stack:
        machines = {}
        for form in order:
            folder = setup.folder / form
            folder.mkdir(exist_ok=True)
            machines[form] = Gated([*setup.ours, "-net", "none", *map(str, machine(folder, kind, "ours", 1, "gated")),
                                    "-icount", forms[form]])
            stack.enter_context(machines[form].guest)
        total = {form: [0, 0] for form in forms}
        for name in WORKS:
            for form, taken in taken_by_work(machines, name).items():
                total[form] = [sum(pair) for pair in zip(total[form], taken)]
            sums = {run.until(rf"<sum {name} (\w{{32}})", PATIENCE)[0][1] for run in machines.values()}
            if len(sums) > 1:
                raise SystemExit(f"bench: {kind}, {name}: the machines came to different sums")
            if name != list(WORKS)[-1]:
                for run in machines.values():
                    run.until("<wait\r?\n", PATIENCE)
        return total


def bench_cost(setup, rows):
    """What recording costs all these works together, at a fixed shift and as fast as they go."""
    debian.make()
    clock = "shift=1,sleep=off"
    forms = {"live": clock, "record": f"{clock},rr=record,rrfile={setup.log('record')}"}
    for kind in KINDS:
        growths = {"VM thread's CPU time": [], "wall time": []}
        for number in range(setup.rounds):
            # Which one begins makes a difference, so a round has both orders.
            taken = {form: [0, 0] for form in forms}
            for order in (list(forms), list(forms)[::-1]):
                for form, seconds in cost_run(setup, kind, forms, order).items():
                    taken[form] = [sum(pair) for pair in zip(taken[form], seconds)]
                drop_recording(setup, "record")
            for growth, recorded, live in zip(growths.values(), taken["record"], taken["live"]):
                growth.append(recorded / live - 1)
            print(f"disks by {kind}: round {number + 1}:", *(f"{form} {cpu:.2f} s of CPU, {wall:.2f} s"
                                                            for form, (cpu, wall) in taken.items()), file=sys.stderr, flush=True)
        for name, values in growths.items():
            middle, low, high = measure.median_and_bounds(values)
            rows.append((f"cost of recording, disk by {kind}, {name}, {setup.rounds} rounds",
                         f"median {middle:+.2%}, 95 % between {low:+.2%} and {high:+.2%}", "", ""))
