# SPDX-License-Identifier: GPL-2.0-or-later
"""An installed Debian on a disk (scripts/make-debian-image): its image, what there is to type, and checks of the image
from outside. Standard library only.

DEBIAN_IMAGE: the image, if not debian/disk.qcow2 in the build directory.
"""
import json
import os
import pathlib
import subprocess

import machine

IMAGE = pathlib.Path(os.environ.get("DEBIAN_IMAGE") or
                     pathlib.Path(machine.EMULATOR).resolve().parent / "debian" / "disk.qcow2")
KERNEL, INITRD = IMAGE.parent / "vmlinuz", IMAGE.parent / "initrd.img"
PARTITION = 2048 * 512  # where the file system begins
PASSWORD = "replay"
PROMPT = "ready> "
# The prompt in two pieces, so that its own echo isn't taken for it; and no escapes for pasting.
PLAIN = "PS1='rea''dy> '; bind 'set enable-bracketed-paste off'\n"


def make():
    """Makes the image unless there is one, which takes about two minutes and Debian's archive."""
    subprocess.run([machine.ROOT / "scripts" / "make-debian-image", IMAGE], check=True)


def menu(run, patience, entry=0):
    """GRUB's menu, by its keyboard."""
    run.expect("will be executed automatically", patience)
    run.send("\x1b[B" * entry + "\r")


def login(run, patience):
    run.expect("debian login: ", patience)
    run.send("root\n")
    run.expect("Password: ", patience)
    run.send(PASSWORD + "\n")
    run.expect("# ", patience)
    plain(run, patience)


def plain(run, patience):
    """The shell from here on answers each line by PROMPT."""
    run.send(PLAIN)
    run.expect(PROMPT, patience)


def type_lines(run, text, patience):
    """Types lines (no prompt is awaited between them) and gives what came up to the next prompt."""
    run.send(text + "; echo done $?\n")
    begin = run.seen
    status = run.expect(r"done (\d+)\r?\n", patience)[1]
    end = run.seen
    run.expect(PROMPT, patience)
    if status != b"0":
        raise AssertionError(f"{text}: status {status}:\n{run.output[begin:end].decode(errors='replace')}")
    return run.output[begin:end].decode(errors="replace")


def tool(*command):
    """Output of a program that must succeed; those for file systems are in /sbin."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ, PATH=path))
    if done.returncode:
        raise AssertionError(f"{' '.join(map(str, command))}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def examine(image, *files):
    """Checks a qcow2 image and the file system on it, and gives the contents of files there."""
    tool("qemu-img", "check", "-f", "qcow2", image)
    raw = image.with_suffix(".raw")
    tool("qemu-img", "convert", "-f", "qcow2", "-O", "raw", image, raw)
    try:
        system = f"{raw}?offset={PARTITION}"
        # -n: looks only. A file system that wasn't left cleanly, or has anything to mend, isn't status 0.
        tool("e2fsck", "-f", "-n", system)
        if "clean" != field(tool("dumpe2fs", "-h", system), "Filesystem state"):
            raise AssertionError(f"{image}: the file system wasn't unmounted")
        return [tool("debugfs", "-R", f"cat {file}", system) for file in files]
    finally:
        raw.unlink()


def field(text, name):
    """VALUE of a line "NAME: VALUE"."""
    return next(line.partition(":")[2].strip() for line in text.splitlines() if line.startswith(name + ":"))


def place_of(image, path):
    """(offset on the disk, offset in the qcow2 image) of the beginning of a file on it."""
    raw = image.parent / "place.raw"
    tool("qemu-img", "convert", "-f", "qcow2", "-O", "raw", image, raw)
    try:
        blocks = tool("debugfs", "-R", f"blocks {path}", f"{raw}?offset={PARTITION}")
    finally:
        raw.unlink()
    at = PARTITION + int(blocks.split()[0]) * 4096
    for part in json.loads(tool("qemu-img", "map", "--output=json", "-f", "qcow2", image)):
        if part["start"] <= at < part["start"] + part["length"]:
            return at, part["offset"] + at - part["start"]
    raise AssertionError(f"{path} isn't in {image}")
