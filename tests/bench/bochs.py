# SPDX-License-Identifier: GPL-2.0-or-later
"""The same boot in Bochs, from a CD by GRUB. Bochs and what makes the CD come with scripts/install-deps --bench."""
import os
import pathlib
import subprocess
import time

import userland
import session  # of tests/lib


def bench_bochs(folder, rows):
    tree = pathlib.Path(folder) / "iso" / "boot" / "grub"
    tree.mkdir(parents=True)
    (tree / "grub.cfg").write_text(
        "serial --unit=0\nterminal_output serial\n"
        f"linux /linux {userland.SHELL}\ninitrd /initrd.gz\necho GO-LINUX\nboot\n")
    for source, name in ((session.LINUX, "linux"), (session.INITRD, "initrd.gz")):
        (pathlib.Path(folder) / "iso" / name).write_bytes(pathlib.Path(source).read_bytes())
    image = f"{folder}/boot.iso"
    subprocess.run(["grub-mkrescue", "-o", image, f"{folder}/iso"], check=True, capture_output=True)
    serial = f"{folder}/bochs.txt"
    config = f"{folder}/bochsrc"
    pathlib.Path(config).write_text(
        "megs: 512\nromimage: file=/usr/share/bochs/BIOS-bochs-latest\n"
        "vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest\n"
        f"ata0-master: type=cdrom, path={image}, status=inserted\nboot: cdrom\n"
        f"com1: enabled=1, mode=file, dev={serial}\n"
        "display_library: rfb, options=\"timeout=0\"\nsound: driver=dummy\n"
        f"log: {folder}/bochs.log\nclock: sync=none\n")
    process = subprocess.Popen(["bochs", "-q", "-f", config], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, cwd=folder)
    process.stdin.write(b"c\n")
    process.stdin.flush()
    begin, end = None, time.monotonic() + 900
    while time.monotonic() < end and process.poll() is None:
        text = pathlib.Path(serial).read_bytes() if os.path.exists(serial) else b""
        if begin is None and b"GO-LINUX" in text:
            begin = time.monotonic()
        if begin is not None and b"# " in text.split(b"GO-LINUX", 1)[1]:
            rows.append(("boot to the first process, Bochs", f"{time.monotonic() - begin:.1f} s", "", ""))
            break
        time.sleep(0.1)
    else:
        rows.append(("boot to the first process, Bochs", "did not get there", "", ""))
    process.kill()
    process.wait()
