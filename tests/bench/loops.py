# SPDX-License-Identifier: GPL-2.0-or-later
"""Small loops without an operating system, each about one kind of instruction (tests/bench/guests)."""
import dataclasses
import re
import subprocess
import time

import measure
import session  # of tests/lib

GUESTS = measure.HERE / "guests"
FIXED_SHIFT = 0  # then the guest's time-stamp counter counts instructions


@dataclasses.dataclass(frozen=True)
class Loop:
    name: str
    source: str
    defines: tuple
    turns: int    # when measured: a second or two of the peer's time
    sum: int      # what a thousand turns compute
    line: str     # of the targets in report.py; None: none


LOOPS = (
    Loop("registers", "registers.S", (), 300_000_000, 0xb2c273aa, None),
    Loop("short blocks", "blocks.S", (), 60_000_000, 0x000003d8, None),
    Loop("loads and stores", "memory.S", (), 200_000_000, 0x3980f260, "memory"),
    # Most of its time is the host's, which can't forward a store to a wider load: native code takes 0.54 ns each here.
    Loop("overlapping stores", "overlap.S", (), 200_000_000, 0xc7e20518, None),
    Loop("push/pop", "push_pop.S", (), 150_000_000, 0x00084c05, "memory"),
    Loop("call/ret", "calls.S", (), 20_000_000, 0xbdef7bde, "memory"),
    Loop("indirect calls", "indirect.S", (), 30_000_000, 0x060e306f, "memory"),
    Loop("adc chains", "adc.S", (), 20_000_000, 0x61124632, "arithmetic"),
    Loop("x87", "x87.S", (), 5_000_000, 0xc0e71365, "arithmetic"),
    Loop("packed SSE integer", "sse_int.S", (), 25_000_000, 0x9d3bb173, "arithmetic"),
    Loop("packed SSE float", "sse_float.S", (), 10_000_000, 0xd786f62a, "arithmetic"),
    Loop("rep movs", "rep.S", ("MOVS",), 800_000, 0x13558288, "rep"),
    Loop("rep stos", "rep.S", ("STOS",), 800_000, 0x0007a314, "rep"),
    Loop("rep scas", "rep.S", ("SCAS",), 800_000, 0x07dfa000, "rep"),
    Loop("rep cmps", "rep.S", ("CMPS",), 800_000, 0x07dfa000, "rep"),
    Loop("self-modifying, same block", "smc.S", ("NEAR",), 200_000, 0x00075002, "system"),
    Loop("self-modifying, other page", "smc.S", ("FAR",), 300_000, 0x00075002, "system"),
    Loop("int/iret", "int.S", ("RING=0",), 6_000_000, 0x62dc40cd, "system"),
    Loop("int/iret from ring 3", "int.S", ("RING=3",), 4_000_000, 0x62dc40cd, "system"),
    Loop("page faults", "faults.S", (), 2_000_000, 0x8c7ccc9c, None),
    Loop("port I/O", "ports.S", (), 8_000_000, 0x00055b18, "system"),
    Loop("CR3 switches", "cr3.S", (), 400_000, 0x344bb4ac, "system"),
    Loop("TLB-missing loads", "tlb.S", (), 4_000_000, 0x5f258c00, None),
)


def build(loop, folder, turns):
    """The firmware image of a loop."""
    image = folder / f"{loop.name.replace('/', '-').replace(' ', '-')}-{turns}.bin"
    subprocess.run(["nasm", "-f", "bin", "-I", f"{GUESTS}/", f"-DCOUNT={turns}", *[f"-D{d}" for d in loop.defines],
                    "-o", image, GUESTS / loop.source], check=True)
    return image


def machine(image):
    return ["-bios", image, "-display", "none", "-monitor", "none", "-serial", "stdio", "-device",
            "isa-debug-exit,iobase=0xf4,iosize=4"]


def status(total):
    """The exit status that goes with a sum."""
    return (total & 0x3f | 0x40) << 1 | 1


def once(command):
    """(seconds, increase of the time-stamp counter, sum) of one run's measured part."""
    with session.Session(command) as guest:
        guest.expect("b", 120)
        begin = time.monotonic()
        guest.expect("e", 600)
        seconds = time.monotonic() - begin
        found = guest.expect(r"(\w{8}) (\w{8}) (\w{8}) \n", 60)
        ended = guest.finish(60)
    high, low, total = (int(word, 16) for word in found.groups())
    if ended != status(total):
        raise SystemExit(f"{' '.join(map(str, command))}: status {ended} with sum {total:#x}: {guest.errors.decode()}")
    return seconds, high << 32 | low, total


def verify(setup):
    """Both emulators compute what the table of loops says, before anything is measured."""
    for loop in LOOPS:
        image = build(loop, setup.folder, 1000)
        for form in ("ours", "plain"):
            total = once(setup.command(form, machine(image), FIXED_SHIFT))[2]
            setup.drop_log(form)
            if total != loop.sum:
                raise SystemExit(f"bench: {loop.name}: '{form}' computes {total:#010x}, not {loop.sum:#010x}")


def bench(setup, only=None):
    """Rows of all loops, or of those whose name has the text."""
    verify(setup)
    rows = []
    for loop in LOOPS:
        if only and only not in loop.name:
            continue
        image = build(loop, setup.folder, loop.turns)
        work = measure.Work(loop.name, loop.line)
        for _, form in measure.turns(setup, f"loop {loop.name}"):
            seconds, counter, total = once(setup.command(form, machine(image), FIXED_SHIFT))
            setup.drop_log(form)
            work.add(form, seconds, counter, counter >> FIXED_SHIFT if form == "ours fixed" else None, total)
        rows.append(work.row())
    return rows
