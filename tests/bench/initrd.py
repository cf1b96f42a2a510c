# SPDX-License-Identifier: GPL-2.0-or-later
"""The installer's initrd with a folder /bench of ours behind it: a cpio archive ("newc") appended to the file, as
the kernel's Documentation/driver-api/early-userspace/buffer-format.rst allows."""
import gzip
import lzma
import pathlib
import random
import subprocess

import measure
import session  # of tests/lib

LINES = 110_000


def member(name, mode, data=b""):
    path = name.encode() + b"\0"
    fields = [0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(path), 0]
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + path
    return head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4)


def archive(files):
    """A cpio archive of a folder "bench"; files: name -> contents."""
    members = [member("bench", 0o040755)]
    members += [member(f"bench/{name}", 0o100755, data) for name, data in files.items()]
    return b"".join([*members, member("TRAILER!!!", 0)])


def text():
    """Lines of a number and words, the same each time; about 5 MB."""
    chance = random.Random(1)
    letters = "etaoinshrdlu"
    words = ["".join(letters[int(chance.random() ** 2 * 12)] for _ in range(2 + int(chance.random() * 9)))
             for _ in range(3000)]
    lines = (f"{int(chance.random() * 1e9)} " + " ".join(words[int(chance.random() ** 2 * 3000)] for _ in range(6))
             for _ in range(LINES))
    return "".join(f"{line}\n" for line in lines).encode()


def clock(folder):
    program = folder / "clock"
    subprocess.run(["nasm", "-f", "bin", "-o", program, measure.HERE / "guests" / "clock.S"], check=True)
    return program.read_bytes()


def build(folder, works=False):
    """The initrd with /bench/clock and /bench/init.sh; works: also the script of all works and its data."""
    files = {"clock": clock(folder), "init.sh": (measure.HERE / "guests" / "init.sh").read_bytes()}
    if works:
        data = text()
        files["works.sh"] = (measure.HERE / "guests" / "works.sh").read_bytes()
        files["text.gz"] = gzip.compress(data, 6, mtime=0)
        files["text.xz"] = lzma.compress(data, check=lzma.CHECK_CRC32, preset=3)
    image = folder / ("works.gz" if works else "boot.gz")
    original = pathlib.Path(session.INITRD).read_bytes()
    image.write_bytes(original + b"\0" * (-len(original) % 4) + archive(files))
    return image
