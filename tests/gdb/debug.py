# SPDX-License-Identifier: GPL-2.0-or-later
"""What tests of the gdb server share: a guest with symbols, Debian's gdb, and the protocol itself.

The same script runs on ours and on Debian's QEMU where on_both says so.
"""
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "monitor"))

import peer  # noqa: E402
from peer import machine, on_both  # noqa: E402,F401
from rsp import Rsp  # noqa: E402


class GdbTest(peer.MonitorTest):
    short = False

    lines = False  # whether gdb is to know source lines

    def build(self, *defines):
        """The guest: self.bios for the emulator, self.elf for gdb."""
        name = "-".join(["guest", *defines])
        work = {kind: self.folder / f"{name}.{kind}" for kind in ("o", "elf", "bin", "bios")}
        for command in (
                ["nasm", "-f", "elf32", *(["-g", "-F", "dwarf"] if self.lines else []), *[f"-D{d}" for d in defines], "-o", work["o"], HERE / "guest.asm"],
                ["ld", "-m", "elf_i386", "-Ttext", "0x10000", "-Tdata", "0x11000", "-e", "start", "-o", work["elf"], work["o"]],
                ["objcopy", "-R", ".debug*", "-O", "binary", work["elf"], work["bin"]],
                ["nasm", "-f", "bin", f"-DPROGRAM=\"{work['bin']}\"", "-o", work["bios"], HERE / "bios.asm"]):
            subprocess.run(command, check=True, capture_output=True)
        self.bios, self.elf = work["bios"], work["elf"]

    def symbols(self):
        """The guest's: name to address."""
        text = subprocess.run(["nm", self.elf], capture_output=True, text=True, check=True).stdout
        return {name: int(address, 16) for address, _, name in (line.split() for line in text.splitlines())}

    def launch(self, *arguments, defines=(), at=None, **options):
        """Starts it; self.gdb_path is where gdb goes, unless `at` is -gdb's argument."""
        self.build(*defines)
        self.gdb_path = self.folder / f"gdb{self.started}"
        return super().launch("-gdb", at or f"unix:{self.gdb_path},server=on,wait=off", "-bios", self.bios, *arguments,
                              **options)

    def rsp(self, **options):
        client = Rsp(path=self.gdb_path, **options)
        self.addCleanup(client.close)
        return client

    def gdb_command(self, *commands, connect=True):
        first = [f"target remote {self.gdb_path}"] if connect else []
        settings = ["set pagination off", "set confirm off", "set style enabled off", "set width 0", "set tcp auto-retry on"]
        return ["gdb", "-nx", "-q", "-batch", str(self.elf),
                *[word for line in (*settings, *first, *commands) for word in ("-ex", line)]]

    def gdb(self, *commands, timeout=300, **options):
        """What gdb says to these commands; leaving, it detaches, and the machine runs on."""
        # A server that just begins.
        self.rsp().close()
        done = subprocess.run(self.gdb_command(*commands, **options), capture_output=True, text=True, timeout=timeout,
                              stdin=subprocess.DEVNULL)
        return done.stdout + done.stderr

    def finds(self, text, *patterns):
        """The patterns come in this order."""
        at = 0
        for pattern in patterns:
            found = re.compile(pattern, re.M).search(text, at)
            self.assertTrue(found, f"{pattern!r} isn't in what follows {text[:at][-60:]!r}:\n{text}")
            at = found.end()
