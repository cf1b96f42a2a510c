# SPDX-License-Identifier: GPL-2.0-or-later
"""The boot of Debian's i386 installer kernel and initrd to a first process of ours, and its replay."""
import statistics
import subprocess
import sys
import time

import initrd
import measure
import session  # of tests/lib

BOOT = "console=ttyS0 quiet rdinit=/bench/init.sh"
FIXED_SHIFT = 1
IDLE = 20  # seconds of the idle recording
PATIENCE = 1200


def machine(image, append):
    return ["-m", "512", "-nographic", "-no-reboot", "-kernel", session.LINUX, "-initrd", image, "-append", append]


def clock(guest):
    """(host's seconds, guest's nanoseconds) when the guest's clock program ran."""
    found = guest.expect(r"([0-9a-f]{16})\r?\n", PATIENCE)
    return time.monotonic(), int(found[1], 16)


def follow(guest, idle=False):
    """Seconds of the boot from the firmware's hand-over to the first process, of the idle wait, and of all from the
    first output to the power-off; the guest's nanoseconds by its clock up to its first process, and the host's
    seconds."""
    guest.expect(r"(?s).", 300)
    first = time.monotonic()
    guest.expect(r"Booting from ROM", 300)
    begin = time.monotonic()
    guest.expect(r"<ready", PATIENCE)
    took = {"boot": time.monotonic() - begin}
    at, guest_ns = clock(guest)
    took.update(guest_ns=guest_ns, host=at - first)
    if idle:
        took["idle"] = clock(guest)[0] - at
    guest.finish(PATIENCE)
    took["all"] = time.monotonic() - first
    return took


def bench_boot(setup):
    """Rows for the boot in all forms, and notes about the logs."""
    image = initrd.build(setup.folder)
    work = measure.Work("boot to the first process", "boot")
    sizes = {}
    for _, form in measure.turns(setup, "boot"):
        with session.Session(setup.command(form, machine(image, BOOT), FIXED_SHIFT)) as guest:
            took = follow(guest)
        work.add(form, took["boot"])
        if form in ("ours", "peer"):
            # From power-on, which the guest's counter counts from.
            work.clocks[form].append(took["guest_ns"] / 1e9 / took["host"])
            sizes.setdefault(form, []).append((measure.log_size(setup.log(form)), took["all"]))
        if form == "ours":
            work.instructions.append(instructions(setup.log(form)))
        setup.drop_log(form)
    notes = [("log of the boot, apart from kernel, initrd and firmware",
              *(" ".join(size_text(sizes[form])) for form in ("ours", "peer")), "")]
    return [work.row()], notes


def instructions(log):
    import json
    done = subprocess.run(["/usr/bin/python3", measure.ROOT / "scripts" / "replay-dump", "--json", log], check=True,
                          capture_output=True)
    return json.loads(done.stdout)["end"]["icount"]


def size_text(pairs):
    size, seconds = (statistics.median(values) for values in zip(*pairs))
    return f"{size / 1024:.0f} KB,", f"{size / 1024 / seconds:.1f} KB a second"


def replay_command(setup, form, recorded):
    """The command line of a recording's replay; the peer needs the whole machine again."""
    if form == "ours":
        return [*setup.ours, "-icount", f"rr=replay,rrfile={setup.log(form)}"]
    return [word.replace("rr=record", "rr=replay") for word in recorded]


def bench_replay(setup):
    """A boot and an idle wait, recorded once by each emulator and replayed in turn."""
    image = initrd.build(setup.folder)
    work = measure.Work("replay of the boot", "replay")
    recorded, replayed = {}, {"ours": [], "peer": []}
    machine_options = machine(image, f"{BOOT} bench_idle={IDLE}")
    commands = {form: setup.command(form, machine_options, FIXED_SHIFT) for form in replayed}
    for form in replayed:
        print(f"replay: record, {form}", file=sys.stderr, flush=True)
        with session.Session(commands[form]) as guest:
            recorded[form] = follow(guest, idle=True)
    for number in range(setup.runs):
        for form in list(replayed)[::-1 if number % 2 else 1]:
            print(f"replay: run {number + 1}, {form}", file=sys.stderr, flush=True)
            try:
                with session.Session(replay_command(setup, form, commands[form])) as guest:
                    replayed[form].append(follow(guest, idle=True))
            except session.Timeout as error:
                if form == "ours":
                    raise
                print(f"replay: the peer's replay: {error}", file=sys.stderr)
                continue
            work.add(form, replayed[form][-1]["boot"])
    middle = lambda form, key: statistics.median(took[key] for took in replayed[form]) if replayed[form] else None
    notes = []
    for key, name in (("boot", "replay of the boot by its recording"), ("idle", f"replay of {IDLE} idle seconds")):
        texts = []
        for form in replayed:
            seconds = middle(form, key)
            before = recorded[form][key]
            texts.append("did not get there" if seconds is None else
                         f"{seconds:.2f} s, recorded in {before:.2f} s ({seconds / before:.2f})")
        notes.append((name, *texts, ""))
    for form in replayed:
        setup.drop_log(form)
    return [work.row()], notes
