#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest that computes while timer, keyboard controller and serial port interrupt it, talked to over every
kind of character device, and replayed: the same bytes, the same exit status.

quick: yes
"""
import os
import pathlib
import re
import socket
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import machine  # noqa: E402

SCRIPT = [b"hello\n", b"a longer line that fills the FIFO, twice over\n", b"\x00\xff\x80 any byte\n", b"q"]
QUIT = 2 * 5 + 1  # the guest's exit code as isa-debug-exit gives it
END = "the recording ended there"


class Talk:
    """Says SCRIPT to a guest through two functions: read(n), which gives b"" at the end, and write(data)."""

    def __init__(self, read, write, script=SCRIPT):
        self.output = b""
        self.done = threading.Event()
        self.read, self.write = read, write
        self.reader = threading.Thread(target=self.listen, daemon=True)
        self.reader.start()
        self.wait(b"ready\n", 1)
        for number, line in enumerate(script):
            write(line)
            if line.endswith(b"\n"):
                self.wait(b"tsc ", number + 1)
        self.wait(b"bye\n", 1)

    def listen(self):
        try:
            while data := self.read(4096):
                self.output += data
        except OSError:
            pass

    def wait(self, text, times):
        end = time.monotonic() + 60
        while self.output.count(text) < times:
            if time.monotonic() > end:
                raise AssertionError(f"{text!r} did not come; so far: {self.output!r}")
            time.sleep(0.01)


class Chardevs(machine.MachineTest):
    HALT = []

    def setUp(self):
        super().setUp()
        self.guest = ["-bios", self.assemble("echo", *self.HALT), "-display", "none", *machine.EXIT_DEVICE]

    def begin(self, *serial, **options):
        return self.start(*self.guest, *serial, *self.recording(), **options)

    def finish(self, process, output):
        """The guest has ended by itself; two replays give the same output and status."""
        self.assertEqual(process.wait(20), QUIT, process.errors.read_text())
        self.assertEqual(output.count(b"tsc "), len(SCRIPT), output)
        for line in SCRIPT[:-1]:
            self.assertIn(line, output)
        ticks = [int(t, 16) for t in re.findall(rb"ticks (\w+)", output)]
        self.assertGreater(ticks[-1], 0)
        for _ in range(2):
            replayed = self.replay("-serial", "stdio", status=QUIT, ends=END)
            self.assertEqual(replayed.out, output)

    def test_stdio(self):
        process = self.begin("-serial", "stdio", stdin=-1, stdout=-1, bufsize=0)
        talk = Talk(process.stdout.read, process.stdin.write)
        self.finish(process, talk.output)

    def test_multiplexed_stdio(self):
        process = self.begin("-serial", "mon:stdio", stdin=-1, stdout=-1, bufsize=0)
        talk = Talk(process.stdout.read, process.stdin.write)
        self.finish(process, talk.output)

    def test_unix_server(self):
        path = str(self.folder / "serial")
        process = self.begin("-serial", f"unix:{path},server=on,wait=on")
        with self.connect(process, socket.AF_UNIX, path) as line:
            talk = Talk(line.recv, line.sendall)
            self.finish(process, talk.output)

    def test_unix_client(self):
        path = str(self.folder / "serial")
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path)
            server.listen(1)
            process = self.begin("-serial", f"unix:{path}")
            server.settimeout(20)
            line, _ = server.accept()
        with line:
            line.settimeout(None)
            talk = Talk(line.recv, line.sendall)
            self.finish(process, talk.output)

    def test_tcp_server(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            address = probe.getsockname()
        process = self.begin("-chardev", f"socket,id=line,host=127.0.0.1,port={address[1]},server=on,wait=on",
                             "-serial", "chardev:line")
        with self.connect(process, socket.AF_INET, address) as line:
            talk = Talk(line.recv, line.sendall)
            self.finish(process, talk.output)

    def test_pty(self):
        process = self.begin("-serial", "pty")
        name = self.wait_for(process, r"redirected to (\S+)")[1]
        descriptor = os.open(name, os.O_RDWR | os.O_NOCTTY)
        self.addCleanup(os.close, descriptor)
        talk = Talk(lambda n: os.read(descriptor, n), lambda data: os.write(descriptor, data))
        self.finish(process, talk.output)

    def test_pipe(self):
        for end in ("in", "out"):
            os.mkfifo(self.folder / f"serial.{end}")
        output = os.open(self.folder / "serial.out", os.O_RDWR)
        self.addCleanup(os.close, output)
        process = self.begin("-serial", f"pipe:{self.folder}/serial")
        with open(self.folder / "serial.in", "wb", buffering=0) as pipe:
            talk = Talk(lambda n: os.read(output, n), pipe.write)
            self.finish(process, talk.output)

    def test_file(self):
        source = self.folder / "input"
        target = self.folder / "output"
        source.write_bytes(b"".join(SCRIPT))
        process = self.begin("-chardev", f"file,id=line,path={target},input-path={source}",
                             "-serial", "chardev:line")
        self.assertEqual(process.wait(60), QUIT, process.errors.read_text())
        self.finish(process, target.read_bytes())

    def connect(self, process, family, address):
        self.wait_for(process, "waiting for connection")
        line = socket.socket(family)
        line.connect(address)
        return line

    def wait_for(self, process, pattern):
        end = time.monotonic() + 20
        while time.monotonic() < end:
            if found := re.search(pattern, process.errors.read_text()):
                return found
            self.assertIsNone(process.poll(), process.errors.read_text())
            time.sleep(0.02)
        self.fail(f"{pattern!r} did not come: {process.errors.read_text()!r}")


@machine.not_quick
class ChardevsOfAHaltingGuest(Chardevs):
    """The same with a guest that waits in HLT: virtual time passes by warps."""
    HALT = ["HALT"]


if __name__ == "__main__":
    machine.main()
