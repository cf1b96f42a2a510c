# SPDX-License-Identifier: GPL-2.0-or-later
"""A PC on a desk: somebody looks at its screen, types and moves the mouse over VNC; and the same recording seen
again, stopped at given instructions. Standard library only.

SCREENS: a folder for the pictures, as PNG, if somebody wants to look at them.
"""
import os
import pathlib
import re
import sys
import time

import rfb
from machine import AS_RECORDED
from qmp import Qmp

SCREENS = os.environ.get("SCREENS")
COLUMNS, ROWS, TEXT_MEMORY = 80, 25, 0xb8000
# What GRUB and memtest86+ draw with, of code page 437.
LINES = str.maketrans({chr(code): char for code, char in
                       ((0xb3, "|"), (0xba, "|"), (0xc4, "-"), (0xcd, "-"), (0xd5, "+"), (0xd9, "+"), (0, " "))})


def keep(test, name, png):
    if SCREENS:
        folder = pathlib.Path(SCREENS) / f"{pathlib.Path(sys.argv[0]).stem}.{test.id().rpartition('.')[2]}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.png").write_bytes(png.read_bytes())


def spread(icounts, count):
    """These icounts, and others at even distances up to the last of them, until there are `count`."""
    wanted, last = set(icounts), max(icounts)
    for number in range(1, count):
        if len(wanted) < count:
            wanted.add(last * number // count)
    return sorted(wanted)


def difference(one, other):
    """None, or in words what differs between two pictures."""
    if one == other:
        return None
    if one[:2] != other[:2]:
        return f"{one[0]}x{one[1]}, not {other[0]}x{other[1]}"
    width = one[0]
    wrong = [i // 3 for i in range(0, len(one[2]), 3) if one[2][i:i + 3] != other[2][i:i + 3]]
    columns = [at % width for at in wrong]
    return (f"{len(wrong)} pixels of {one[0]}x{one[1]} differ, all within {min(columns)}, {wrong[0] // width} "
            f"to {max(columns)}, {wrong[-1] // width}")


class Desk:
    """A run with a QMP monitor and a VNC server. seen: the pictures that take() made, by icount."""

    def __init__(self, test, *arguments):
        self.test, self.seen, self.names = test, {}, {}
        self.sockets = test.folder / f"desk{test.started}"
        self.process = test.start(*arguments, "-display", "none", "-vnc", f"unix:{self.sockets}.vnc",
                                  "-qmp", f"unix:{self.sockets}.qmp,server=on,wait=off")
        self.qmp = Qmp(f"{self.sockets}.qmp", timeout=60)
        test.addCleanup(self.qmp.close)
        self.vnc = None

    def sit_down(self):
        """Connects to VNC, where keys and the mouse are."""
        self.vnc = rfb.Client(f"{self.sockets}.vnc", timeout=60,
                              encodings=(rfb.RAW, rfb.DESKTOP_SIZE, rfb.POINTER_CHANGE))
        self.test.addCleanup(self.vnc.close)
        return self.vnc

    def icount(self):
        return self.qmp.execute("query-replay")["icount"]

    def dump(self, name=None):
        """The picture (width, height, pixels)."""
        ppm = self.test.folder / "dump.ppm"
        self.qmp.execute("screendump", filename=str(ppm))
        if name and SCREENS:
            png = self.test.folder / "dump.png"
            self.qmp.execute("screendump", filename=str(png), format="png")
            keep(self.test, name, png)
        return rfb.read_ppm(ppm)

    def take(self, name):
        """The picture of a moment in which nothing moves; remembered for the replays."""
        self.qmp.execute("stop")
        icount = self.icount()
        picture = self.seen[icount] = self.dump(name)
        self.names[icount] = name
        self.qmp.execute("cont")
        return picture

    def text(self):
        """A text screen's lines."""
        shown = self.qmp.hmp(f"xp/{COLUMNS * ROWS * 2}xb {TEXT_MEMORY:#x}")
        cells = [int(value, 16) for value in re.findall(r"\b0x([0-9a-f]{2})\b", shown)][0::2]
        rows = [bytes(cells[at:at + COLUMNS]).decode("latin-1") for at in range(0, len(cells), COLUMNS)]
        return "\n".join(row.translate(LINES).rstrip() for row in rows)

    def wait(self, what, condition, timeout):
        """Until the condition holds; its value. Tells what was on the screen if it doesn't."""
        end = time.monotonic() + timeout
        while not (value := condition()):
            if self.process.poll() is not None:
                self.test.fail(f"ended while waiting for {what}: {self.process.errors.read_text()}")
            if time.monotonic() > end:
                self.dump("timeout")
                self.test.fail(f"no {what} in {timeout} s; the text memory:\n{self.text()}")
            time.sleep(0.1)
        return value

    def read(self, pattern, timeout):
        """Waits for a text."""
        return self.wait(f"'{pattern}'", lambda: re.search(pattern, self.text(), re.M), timeout)

    def still(self, instructions, timeout):
        """Waits until the picture hasn't changed for so many instructions; the picture."""
        picture, since = self.dump(), self.icount()

        def same():
            nonlocal picture, since
            now = self.dump()
            if now != picture:
                picture, since = now, self.icount()
            return self.icount() - since > instructions
        self.wait("picture that stands still", same, timeout)
        return picture

    def quit(self, timeout=60):
        self.qmp.send('{"execute": "quit"}')
        self.test.assertEqual(self.process.wait(timeout), 0, self.process.errors.read_text())

    def ends(self, timeout):
        """Waits for the machine to end by itself."""
        self.test.assertEqual(self.process.wait(timeout), 0, self.process.errors.read_text())


def replayed(test, icounts, *arguments, kept=None, timeout=600):
    """Replays test.log and stops at each of these icounts; the pictures there, by icount. The replay then goes on
    to the recording's end. kept: the beginning of the names in the folder of pictures."""
    desk = Desk(test, "-S", *test.replaying(), *arguments)
    pictures = {}
    for icount in sorted(icounts):
        desk.qmp.execute("replay-seek", icount=icount)
        desk.qmp.wait_event("STOP", timeout)
        test.assertEqual(desk.icount(), icount)
        pictures[icount] = desk.dump(kept and f"{kept}-{icount:014}")
    # While the CPU is halted nothing is counted: the last picture can be of the end itself.
    if "the recording ends here" not in desk.qmp.hmp("info replay"):
        desk.qmp.execute("cont")
        desk.qmp.wait_event("STOP", timeout)
    test.assertRegex(desk.process.errors.read_text(), AS_RECORDED)
    desk.quit()
    return pictures


def check(test, desk, *ways, count=10, timeout=600):
    """Replays what was recorded in each of these ways ([...] are arguments) and compares what the screen showed: at
    the moments that were taken with what it showed then, at others in every way with the first. The first
    way's pictures are kept."""
    icounts = spread(desk.seen, count)
    expected = dict(desk.seen)
    for number, way in enumerate(ways):
        pictures = replayed(test, icounts, *way, kept=None if number else "replay", timeout=timeout)
        for icount, picture in pictures.items():
            wrong = difference(picture, expected.setdefault(icount, picture))
            where = desk.names.get(icount, "a moment between")
            test.assertIsNone(wrong, f"{' '.join(way)} at {icount} ({where}): {wrong}")
    test.assertGreater(len({picture[2] for picture in expected.values()}), 2)
