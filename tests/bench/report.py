# SPDX-License-Identifier: GPL-2.0-or-later
"""The tables of docs/benchmarks.rst, from the parts that were measured, each with its command and date."""
import math

OUT_OF_STEP = 0.05  # guest time this far from host time: marked
# line of a work -> its name in the first table, how many times the peer's speed when both record, and against the
# peer without -icount. "mean": the geometric mean of its works counts; otherwise each of them does.
TARGETS = {
    "boot": ("boot to the first process", 4, 2.5, "each"),
    "shell": ("fork+exec loop, shell loop", 3, 2.5, "each"),
    "tools": ("sha256, md5, gunzip, xz, sort, awk", 4, 3, "mean"),
    "memory": ("loads/stores, push/pop, call/ret, indirect calls", 4, 3, "each"),
    "arithmetic": ("adc chains, x87, packed SSE integer and float", 10, 8, "each"),
    "rep": ("REP strings", 20, 10, "each"),
    "system": ("self-modifying code, int/iret, port I/O, CR3 switches", 3, 2, "each"),
    "replay": ("replay of the boot, against the peer's replay", 8, None, "each"),
}


def ratio(row, over, under):
    above, below = row["seconds"].get(over), row["seconds"].get(under)
    return above / below if above and below else None


def times(value):
    return "" if value is None else f"{value:.2f}x"


def seconds(value):
    return "" if value is None else f"{value:.2f}"


def clock(value):
    """How far guest time is from host time; marked if it is too far for the run to count."""
    if value is None:
        return ""
    return f"{value - 1:+.1%}{' (!)' if abs(value - 1) > OUT_OF_STEP else ''}"


def table(heads, rows):
    """A simple table of reStructuredText. The first column of each row mustn't be empty."""
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
    rule = "  ".join("=" * width for width in widths)
    line = lambda row: "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
    return "\n".join([rule, line(heads), rule, *map(line, rows), rule])


def against(rows, over, wanted, how):
    """(text, reached) of one column of the first table."""
    ratios = [r for r in (ratio(row, over, "ours") for row in rows) if r]
    if wanted is None or not ratios:
        return "", None
    mean, least = math.exp(sum(map(math.log, ratios)) / len(ratios)), min(ratios)
    text = times(mean) + (f", least {times(least)}" if len(ratios) > 1 else "")
    return f"{text} (of {wanted:g}x)", (mean if how == "mean" else least) >= wanted


def targets(rows):
    lines = []
    for key, (name, record, plain, how) in TARGETS.items():
        mine = [row for row in rows if row["line"] == key]
        if not mine:
            continue
        texts = [against(mine, "peer", record, how), against(mine, "plain", plain, how)]
        reached = all(ok for _, ok in texts if ok is not None)
        late = any(abs(row["clocks"]["ours"] - 1) > OUT_OF_STEP for row in mine if row["clocks"].get("ours"))
        lines.append((name, texts[0][0], texts[1][0], ("yes" if reached else "no") + (" (!)" if late else "")))
    return table(("work", "recording, against the peer's recording", "against the peer without -icount", "reached"),
                 lines)


def works(rows):
    return table(
        ("work", "ours, s", "peer, s", "ratio", "plain peer, s", "ratio", "fixed: ours, s", "peer, s", "ratio"),
        [(row["name"], seconds(row["seconds"].get("ours")), seconds(row["seconds"].get("peer")),
          times(ratio(row, "peer", "ours")), seconds(row["seconds"].get("plain")), times(ratio(row, "plain", "ours")),
          seconds(row["seconds"].get("ours fixed")), seconds(row["seconds"].get("peer fixed")),
          times(ratio(row, "peer fixed", "ours fixed"))) for row in rows])


def disks(rows):
    """The cost of recording is the time of "ours" by that of "ours live", less one."""
    lines = []
    for row in rows:
        cost = ratio(row, "ours", "ours live")
        lines.append((row["name"], seconds(row["seconds"].get("ours")), seconds(row["seconds"].get("peer")),
                      times(ratio(row, "peer", "ours")), seconds(row["seconds"].get("plain")),
                      times(ratio(row, "plain", "ours")), seconds(row["seconds"].get("ours live")),
                      times(ratio(row, "plain", "ours live")), f"{cost - 1:+.0%}" if cost else ""))
    return table(("work", "ours, s", "peer, s", "ratio", "plain peer, s", "ratio", "ours live, s", "plain to live",
                  "cost of recording"), lines)


def counts(rows):
    lines = []
    for row in rows:
        count, took = row["instructions"], row["seconds"].get("ours")
        if not count:
            continue
        lines.append((row["name"], f"{count / 1e6:.0f}", f"{took * 1e9 / count:.3f}" if took else "",
                      clock(row["clocks"].get("ours")), clock(row["clocks"].get("peer"))))
    return table(("work", "million instructions", "ns each", "our guest's time", "the peer's guest's time"), lines)


EXPLANATION = """\
Both emulators run the same machine (``-net none``) and the same guest work in turn, in an order that rotates; times are
medians of host time, from a mark that the guest sends to the next. "ours" and "peer" record at ``shift=auto``
(``-icount shift=auto,rr=record``), the plain peer has no ``-icount``, "fixed" records at ``shift=0`` (loops) or
``shift=1`` (Linux). A ratio is the peer's time by ours. The guest says what it computed, and all forms must agree.

Instructions are ours: of the loops and of the work inside Linux from the run at a fixed shift, of the boot from the
log, up to the power-off; one iteration of a REP counts as one. A guest's time is the increase of its time-stamp
counter by the host's time over the same stretch (of the boot: since power-on), at ``shift=auto``. ``(!)`` marks a guest
whose time is more than 5 % away from the host's; such a run doesn't count.

The loops are ``tests/bench/guests/*.S``, the work inside Linux is ``tests/bench/guests/works.sh``. The boot is
Debian's i386 installer kernel and initrd with ``console=ttyS0 quiet`` from the firmware's hand-over to the first
process (``tests/bench/guests/init.sh``); Bochs boots the same kernel from a CD by GRUB to a shell, and is timed from
GRUB's hand-over. The cost of recording is the kernel's boot without an initrd at ``shift=1,sleep=off``.

Disks: an installed Debian (``scripts/make-debian-image``) boots from one disk and works on a second one, a raw image, by
``tests/bench/guests/disks.sh``; all with the default cache mode, the peer's recording with ``blkreplay``. "ours live" has
no ``-icount``: it writes the image itself, a recording writes an overlay. The peer records once for three minutes at most;
what it didn't come to has no number. The cost of recording on disks is that of all these works once, at
``shift=1,sleep=off``: a machine that records and one that doesn't take turns every 8 ms, with their VM threads on the same
CPU; one of them stands still while the other works. A round has two such runs, as it matters which machine begins.
"""


def document(parts, host, peer):
    """parts: name -> {"command", "date", "rows", "notes"}"""
    rows = [row for name, part in parts.items() if name != "disks" for row in part["rows"]]
    on_disks = parts["disks"]["rows"] if "disks" in parts else []
    notes = [note for part in parts.values() for note in part["notes"]]
    text = ["Benchmarks", "==========", "",
            "As ``scripts/bench`` measured them, good or bad, side by side with Debian's QEMU (the peer).", "",
            f"* host: {host}", f"* peer: {peer}"]
    text += [f"* {name}: ``{part['command']}``, {part['date']}" for name, part in parts.items()]
    text.append("")
    for title, lines in (("Targets", rows and targets(rows)), ("Times", rows and works(rows)),
                         ("Disks", on_disks and disks(on_disks)),
                         ("Instructions and clocks", any(row["instructions"] for row in rows) and counts(rows)),
                         ("Replay, recording and logs", notes and table(("work", "ours", "peer", "ratio"), notes))):
        if lines:
            text += [title, "-" * len(title), "", lines, ""]
    return "\n".join([*text, "How it is measured", "------------------", "", EXPLANATION])
