# SPDX-License-Identifier: GPL-2.0-or-later
"""What recording costs, and what replaying costs against recording, in the VM thread's CPU time."""
import itertools
import re
import subprocess
import sys

import measure
import session  # of tests/lib


def bench_recording(emulator, folder, rounds, rows):
    """VM thread CPU time of a kernel boot without initrd (it panics and reboots): plain, recorded and replayed,
    in turn and in changing order. Each round's ratio is of neighbours in time: hosts drift."""
    common = [*emulator, "-m", "128", "-display", "none", "-no-reboot", "-kernel", session.LINUX,
              "-append", "quiet panic=-1"]
    log = f"{folder}/round.bin"
    forms = {"plain": [*common, "-icount", "shift=1,sleep=off"],
             "record": [*common, "-icount", f"shift=1,sleep=off,rr=record,rrfile={log}"],
             "replay": [*emulator, "-icount", f"rr=replay,rrfile={log}"]}
    measure.run(forms["record"])
    orders = list(itertools.permutations(forms))
    taken = []
    for n in range(rounds):
        taken.append({form: measure.run(forms[form])[1] for form in orders[n % len(orders)]})
        print("round", n + 1, *(f"{form} {taken[-1][form]:.2f} s" for form in forms), file=sys.stderr, flush=True)
    for name, over, under in (("cost of recording", "record", "plain"), ("replay over recording", "replay", "record")):
        middle, low, high = measure.median_and_bounds([t[over] / t[under] - 1 for t in taken])
        rows.append((f"{name}, VM thread's CPU time, {rounds} rounds",
                     f"median {middle:+.2%}, 95 % between {low:+.2%} and {high:+.2%}", "", ""))


def bench_counts(emulator, folder, rows):
    """Instructions of the host, all threads, by callgrind: hosts whose speed drifts don't matter here. The guest is a
    kernel's boot that ends early, in a panic for lack of memory."""
    counts = []
    for rr in ("", f",rr=record,rrfile={folder}/counted.bin"):
        done = subprocess.run(["valgrind", "--tool=callgrind", "--smc-check=all", "--callgrind-out-file=/dev/null",
                               *emulator, "-m", "128", "-display", "none", "-no-reboot", "-kernel", session.LINUX,
                               "-append", "quiet panic=-1 mem=4M", "-icount", f"shift=1,sleep=off{rr}"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        counts.append(int(re.search(r"Collected : (\d+)", done.stderr)[1]))
    rows.append(("cost of recording, host instructions of all threads",
                 f"{counts[1] / counts[0] - 1:+.2%} ({counts[0] / 1e9:.2f} to {counts[1] / 1e9:.2f} thousand million)",
                 "", ""))
