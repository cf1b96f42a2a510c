# SPDX-License-Identifier: GPL-2.0-or-later
"""A client for the qtest protocol, and the frame of every test in this folder.

A machine is started with its CPUs idle; the test is the CPU. The protocol is QEMU's (docs/devel/qtest):
one command a line on a socket, one answer a line that begins with OK, FAIL or ERR; lines that begin
with IRQ may come at any time once interrupts are intercepted. Virtual time stands still but for
clock_step and clock_set. An emulator without the qtest accelerator (Debian's QEMU) is stepped by
peer_clock.py instead; its steps may end a little late, so tests use the time that clock_step returns.

    class TestPit(qtest.TestCase):
        def test_latch(self):
            self.vm.outb(0x43, 0x00)

    if __name__ == "__main__":
        qtest.main()

Run: /usr/bin/python3 tests/qtest/test_NAME.py [--qemu BINARY] [unittest's options]. The binary defaults to
$QEMU, then build/qemu-system-i386, then Debian's qemu-system-i386. Standard library only.
"""

import argparse
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

from peer_clock import PeerClock

TIMEOUT = 60.0


class QtestError(Exception):
    """The server refused a command, or ended before it answered."""


_has_accelerator = {}


def has_qtest_accelerator(binary):
    if binary not in _has_accelerator:
        listing = subprocess.run([binary, "-accel", "help"], stdin=subprocess.DEVNULL,
                                 capture_output=True, text=True, timeout=TIMEOUT)
        _has_accelerator[binary] = "qtest" in listing.stdout.split()
    return _has_accelerator[binary]


def has_monitor(binary):
    text = subprocess.run([binary, "-help"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=TIMEOUT).stdout
    return re.search(r"^ *-mon ", text, re.M) is not None


class Machine:
    """A running emulator. args: command line after the defaults."""

    def __init__(self, binary, args=(), defaults=("-machine", "pc", "-nodefaults"),
                 monitor=False):
        self.irqs = {}
        self._buffer = b""
        self._dir = tempfile.mkdtemp(prefix="qtest-")
        self._listeners = []
        monitor = monitor and has_monitor(binary)
        self.socket = self._monitor = self._peer_clock = None
        command = [binary, *defaults, "-display", "none", "-qtest", self._listen("qtest"),
                   "-qtest-log", "none"]
        if has_qtest_accelerator(binary):
            command += ["-accel", "qtest"]
        else:
            self._peer_clock = PeerClock(self._dir)
            command += [*self._peer_clock.options, "-qmp", self._listen("qmp")]
        if monitor:
            command += ["-chardev", "socket,id=hmp," + self._listen("hmp").replace("unix:", "path="),
                        "-mon", "chardev=hmp,mode=readline"]
        command += args
        self._stderr = open(os.path.join(self._dir, "stderr"), "w+b")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=self._stderr)
        try:
            connections = {name: self._accept(listener, command)
                           for name, listener in self._listeners}
            self.socket = connections["qtest"]
            if monitor:
                self._monitor = connections["hmp"]
                self._until_prompt()
            if self._peer_clock:
                self._peer_clock.attach(self, connections["qmp"])
        except BaseException:
            self.close()
            raise
        finally:
            for _, listener in self._listeners:
                listener.close()

    def _listen(self, name):
        path = os.path.join(self._dir, name + ".sock")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(1)
        listener.settimeout(0.2)
        self._listeners.append((name, listener))
        return "unix:" + path

    def _accept(self, listener, command):
        limit = time.monotonic() + TIMEOUT
        while time.monotonic() < limit:
            try:
                connection = listener.accept()[0]
                connection.settimeout(TIMEOUT)
                return connection
            except socket.timeout:
                if self.process.poll() is not None:
                    break
        raise QtestError(f"{' '.join(command)}\nended before it connected: {self.stderr()}")

    def stderr(self):
        self._stderr.flush()
        self._stderr.seek(0)
        return self._stderr.read().decode(errors="replace").strip()

    def close(self):
        for connection in (self.socket, self._monitor):
            if connection:
                connection.close()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._stderr.close()
        shutil.rmtree(self._dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    # --- the protocol ---

    def _receive(self):
        chunk = self.socket.recv(65536)
        if not chunk:
            raise QtestError(f"the emulator ended: {self.stderr()}")
        self._buffer += chunk

    def receive_irqs(self):
        """Takes in what there is on the socket, while no command is under way."""
        self._receive()
        while b"\n" in self._buffer:
            self._irq(self._line().split())

    def _line(self):
        while b"\n" not in self._buffer:
            self._receive()
        line, self._buffer = self._buffer.split(b"\n", 1)
        return line.decode().rstrip("\r")

    def command(self, *words):
        """Sends one command; returns the words of its answer after OK."""
        self.socket.sendall((" ".join(str(w) for w in words) + "\n").encode())
        while True:
            answer = self._line().split()
            if not answer:
                continue
            if answer[0] == "IRQ":
                self._irq(answer)
            elif answer[0] == "OK":
                return answer[1:]
            else:
                raise QtestError(f"{' '.join(str(w) for w in words)}: {' '.join(answer)}")

    def _irq(self, words):
        self.irqs.setdefault(int(words[2]), []).append(words[1] == "raise")

    def _number(self, *words):
        return int(self.command(*words)[0], 0)

    # Ports.
    def inb(self, port):
        return self._number("inb", hex(port))

    def inw(self, port):
        return self._number("inw", hex(port))

    def inl(self, port):
        return self._number("inl", hex(port))

    def outb(self, port, value):
        self.command("outb", hex(port), hex(value))

    def outw(self, port, value):
        self.command("outw", hex(port), hex(value))

    def outl(self, port, value):
        self.command("outl", hex(port), hex(value))

    # Physical memory, one access of the given width.
    def readb(self, address):
        return self._number("readb", hex(address))

    def readw(self, address):
        return self._number("readw", hex(address))

    def readl(self, address):
        return self._number("readl", hex(address))

    def readq(self, address):
        return self._number("readq", hex(address))

    def writeb(self, address, value):
        self.command("writeb", hex(address), hex(value))

    def writew(self, address, value):
        self.command("writew", hex(address), hex(value))

    def writel(self, address, value):
        self.command("writel", hex(address), hex(value))

    def writeq(self, address, value):
        self.command("writeq", hex(address), hex(value))

    # Physical memory, as a block.
    def read(self, address, size):
        if size == 0:
            return b""
        return bytes.fromhex(self.command("read", hex(address), hex(size))[0][2:])

    def write(self, address, data):
        if data:
            self.command("write", hex(address), hex(len(data)), "0x" + bytes(data).hex())

    def memset(self, address, size, value):
        if size:
            self.command("memset", hex(address), hex(size), hex(value))

    @property
    def steps_exactly(self):
        """Virtual time stands still between two steps, and a step is as long as it was asked to be."""
        return self._peer_clock is None

    # Virtual time, in nanoseconds.
    def clock_step(self, ns=None):
        """Steps by ns, or to the next timer's deadline (not on a peer without the accelerator).
        Returns the new time."""
        if self._peer_clock:
            return self._peer_clock.step(ns)
        return self._number("clock_step") if ns is None else self._number("clock_step", ns)

    def clock_set(self, ns):
        if self._peer_clock:
            return self._peer_clock.set(ns)
        return self._number("clock_set", ns)

    # Interrupt wires.
    def irq_intercept_in(self, path):
        """From now on the input pins of this device tell us their changes: see irq_events."""
        self.command("irq_intercept_in", path)

    def irq_intercept_out(self, path):
        self.command("irq_intercept_out", path)

    def set_irq_in(self, path, name, pin, level):
        self.command("set_irq_in", path, name, pin, int(level))

    def irq_events(self, pin):
        """The changes of this pin that were told so far (True: raised); forgets them."""
        return self.irqs.pop(pin, [])

    # --- HMP, for a machine that was started with monitor=True ---

    def _until_prompt(self):
        text = b""
        while not text.endswith(b"(qemu) "):
            chunk = self._monitor.recv(65536)
            if not chunk:
                raise QtestError(f"the emulator ended: {self.stderr()}")
            text += chunk
        return text.decode(errors="replace")

    def hmp(self, line):
        if not self._monitor:
            raise unittest.SkipTest("this emulator has no monitor")
        self._monitor.sendall(line.encode() + b"\n")
        text = self._until_prompt()
        return text[text.index("\n") + 1:text.rindex("\n") + 1].replace("\r", "")


class TestCase(unittest.TestCase):
    """Starts a fresh machine, self.vm, for every test. Subclasses may set `args`."""

    args = ()
    binary = None

    def setUp(self):
        self.vm = self.start(self.args)

    def start(self, args=(), **kw):
        vm = Machine(TestCase.binary, args, **kw)
        self.addCleanup(vm.close)
        return vm

    def assertBits(self, value, mask, expected, what=""):
        """value & mask == expected, told in hexadecimal."""
        if value & mask != expected:
            self.fail(f"{what or 'value'} is {value:#x}: {value & mask:#x} under mask {mask:#x}, "
                      f"expected {expected:#x}")


def find_binary(given=None):
    if given:
        return given
    if os.environ.get("QEMU"):
        return os.environ["QEMU"]
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    ours = os.path.join(root, "build", "qemu-system-i386")
    if os.path.exists(ours):
        return ours
    found = shutil.which("qemu-system-i386")
    if not found:
        sys.exit("no emulator: give --qemu BINARY, or set QEMU")
    return found


def main():
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--qemu", metavar="BINARY")
    options, rest = parser.parse_known_args()
    TestCase.binary = find_binary(options.qemu)
    unittest.main(module="__main__", argv=[sys.argv[0], *rest])


def le32(data, offset=0):
    return struct.unpack_from("<I", data, offset)[0]
