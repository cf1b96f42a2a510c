# SPDX-License-Identifier: GPL-2.0-or-later
"""Work inside Debian's installer system (tests/bench/guests/works.sh), timed on the host by what comes out of the
guest's serial port."""
import time

import boot
import initrd
import measure
import session  # of tests/lib

SHELL = "console=ttyS0 quiet rdinit=/bin/sh"
REPEATS = 2  # of each work within a run
WORKS = {"forks": ("fork+exec loop", "shell"), "loop": ("shell loop", "shell"), "sha256": ("sha256sum", "tools"),
         "md5": ("md5sum", "tools"), "gunzips": ("gunzip", "tools"), "xzs": ("xzcat", "tools"),
         "sorts": ("sort", "tools"), "awks": ("awk", "tools")}


def once(command):
    """(name, seconds, increase of the guest's counter, sum) of each work of one run."""
    taken = []
    with session.Session(command) as guest:
        guest.expect(r"# ", boot.PATIENCE)
        guest.send(f"sh /bench/works.sh {REPEATS}\n")
        for _ in range(REPEATS):
            for name in WORKS:
                before, begin = mark(guest, f"<begin {name}")
                after, end = mark(guest, f"<end {name}")
                total = guest.expect(rf"<sum {name} (\w{{32}})", boot.PATIENCE)[1]
                taken.append((name, end - begin, after - before, total))
        guest.expect("<done", boot.PATIENCE)
        session.power_off(guest, boot.PATIENCE)
    return taken


def mark(guest, what):
    """(guest's counter, host's seconds) at a line of the script."""
    found = guest.expect(rf"{what} ([0-9a-f]{{16}})\r?\n", boot.PATIENCE)
    return int(found[1], 16), time.monotonic()


def bench(setup):
    image = initrd.build(setup.folder, works=True)
    works = {name: measure.Work(*texts) for name, texts in WORKS.items()}
    for _, form in measure.turns(setup, "guest"):
        for name, seconds, counter, total in once(setup.command(form, boot.machine(image, SHELL), boot.FIXED_SHIFT)):
            works[name].add(form, seconds, counter, counter >> boot.FIXED_SHIFT if form == "ours fixed" else None,
                            total)
        setup.drop_log(form)
    return [work.row() for work in works.values()]
