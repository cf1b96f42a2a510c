# SPDX-License-Identifier: GPL-2.0-or-later
"""What recording costs, and what replaying costs against recording, in the VM thread's CPU time."""
import itertools
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
