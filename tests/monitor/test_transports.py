#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a monitor can be: the terminal, alone or shared with the serial port, sockets, telnet, -chardev."""
import os
import pty
import re
import select
import socket
import time

import peer
from machine import run

BANNER = rb"QEMU \S+ .*monitor - type 'help' for more information\r+\n\(qemu\) "


class Terminal:
    """The emulator on a pseudo-terminal."""

    def __init__(self, test, *arguments, emulator=None):
        self.output = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execv(emulator or peer.machine.EMULATOR, ["qemu", *map(str, arguments)])
        self.seen = 0
        self.status = None
        test.addCleanup(self.end)

    def type(self, text):
        os.write(self.fd, text if isinstance(text, bytes) else text.encode())

    def expect(self, pattern, timeout=20):
        end = time.monotonic() + timeout
        while True:
            found = re.search(pattern, self.output[self.seen:], re.S)
            if found:
                self.seen += found.end()
                return found
            if not select.select([self.fd], [], [], max(0, end - time.monotonic()))[0]:
                raise AssertionError(f"{pattern} didn't come; the output: {self.output!r}")
            try:
                self.output += os.read(self.fd, 65536)
            except OSError:
                raise AssertionError(f"{pattern} didn't come before the end; the output: {self.output!r}")

    def wait(self, timeout=20):
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            # A terminal that nobody reads from fills up.
            if select.select([self.fd], [], [], 0.05)[0]:
                try:
                    self.output += os.read(self.fd, 65536)
                except OSError:
                    pass
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
                return self.status
        raise AssertionError(f"still running; the output: {self.output!r}")

    def end(self):
        if self.status is None:
            os.kill(self.pid, 9)
            os.waitpid(self.pid, 0)
        os.close(self.fd)


@peer.on_both
class Same(peer.MonitorTest):
    def terminal(self, *arguments):
        return Terminal(self, *arguments, emulator=self.emulator)

    def free_port(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return probe.getsockname()[1]

    def wait_for_port(self, port):
        for _ in range(200):
            try:
                return socket.create_connection(("127.0.0.1", port), 20)
            except OSError:
                time.sleep(0.05)
        self.fail("nobody listens")

    def until(self, line, text):
        data = b""
        while not data.endswith(text):
            more = line.recv(4096)
            self.assertTrue(more, data)
            data += more
        return data

    def test_terminal(self):
        terminal = self.terminal("-display", "none", "-S", "-monitor", "stdio", "-serial", "null")
        terminal.expect(BANNER)
        terminal.type("info status\r")
        terminal.expect(rb"VM status: paused \(prelaunch\)\r+\n\(qemu\) ")
        terminal.type("quit\r")
        self.assertEqual(terminal.wait(), 0)

    def test_nographic(self):
        """Serial port and monitor on one terminal; Ctrl-A c goes back and forth."""
        terminal = self.terminal("-nographic", "-bios", self.assemble("echo"), "-S")
        time.sleep(0.5)
        terminal.type("\x01c")
        terminal.expect(BANNER)
        terminal.type("cont\r")
        # The guest goes on while the monitor prompts: its first line may be around the prompt.
        around = [b"ready"[:i] + rb"\(qemu\) " + b"ready"[i:] for i in range(1, 5)]
        terminal.expect(b"|".join([rb"\(qemu\) .*ready", rb"ready.*\(qemu\) ", *around]))
        terminal.type("\x01c")
        if not self.peer:  # this guest wants our UART
            terminal.type("hello\r")
            terminal.expect(rb"hello")
        # QEMU shows no second prompt before something is typed.
        terminal.type("\x01c")
        terminal.type("info status\r")
        terminal.expect(rb"VM status: running\r+\n\(qemu\) ")
        terminal.type("\x01h")
        for line in (rb"C-a h\s+print this help", rb"C-a x\s+exit emulator", rb"C-a s", rb"C-a t", rb"C-a b",
                     rb"C-a c", rb"C-a C-a"):
            terminal.expect(line)
        terminal.type("\x01x")
        self.assertEqual(terminal.wait(), 0)
        self.assertIn(b"QEMU: Terminated", terminal.output)

    def test_shared_chardev(self):
        terminal = self.terminal("-display", "none", "-nodefaults", "-S", "-chardev", "stdio,id=both,mux=on", "-serial", "chardev:both",
                            "-mon", "chardev=both,mode=readline")
        time.sleep(0.5)
        # Whoever has it first: the monitor is one step away, or here.
        terminal.type("\x01c")
        time.sleep(0.2)
        if b"(qemu)" not in terminal.output:
            try:
                terminal.expect(BANNER, 1)
            except AssertionError:
                terminal.type("\x01c")
                terminal.expect(BANNER)
        terminal.type("quit\r")
        self.assertEqual(terminal.wait(), 0)

    def test_tcp(self):
        port = self.free_port()
        self.launch("-S", "-qmp", f"tcp:127.0.0.1:{port},server=on,wait=off")
        with self.wait_for_port(port) as line:
            self.assertIn(b'"QMP"', self.until(line, b"\n"))
            line.sendall(b'{"execute":"qmp_capabilities"}')
            self.assertEqual(self.until(line, b"\n"), b'{"return": {}}\r\n')

    def test_telnet(self):
        port = self.free_port()
        self.launch("-S", "-monitor", f"telnet:127.0.0.1:{port},server=on,wait=off")
        with self.wait_for_port(port) as line:
            data = self.until(line, b"(qemu) ")
            for wish in (b"\xff\xfb\x01", b"\xff\xfb\x03"):  # WILL ECHO, WILL SUPPRESS-GO-AHEAD
                self.assertIn(wish, data)
            # Answers, as a client has them, are no input.
            line.sendall(b"\xff\xfd\x01\xff\xfd\x03" + b"p 7\r\0")
            self.assertIn(b"0x7\r\n", self.until(line, b"(qemu) "))

    def test_mon_control(self):
        path = self.folder / "socket"
        self.launch("-S", "-chardev", f"socket,id=line,path={path},server=on,wait=off", "-mon",
                    "chardev=line,mode=control,pretty=on")
        with peer.Qmp(path) as qmp:
            self.assertEqual(qmp.execute("query-status")["status"], "prelaunch")

    def test_refused(self):
        for arguments, texts in (
                (["-monitor", "stdio", "-serial", "stdio"], ["cannot use stdio by multiple character devices"]),
                (["-mon", "chardev=none,mode=readline"], ["none"]),
                (["-mon", "mode=readline"], ["chardev"]),
                (["-monitor", "foo:bar"], ["'foo", "is not a valid char driver"]),
                (["-qmp", "unix:/nonexistent/x,server=on,wait=off"], ["/nonexistent/x", "No such file"])):
            done = run("-display", "none", *arguments, emulator=self.emulator, timeout=20)
            self.assertEqual(done.status, 1, done)
            for text in texts:
                self.assertIn(text, done.err)


class Ours(peer.MonitorTest):
    def test_one_line(self):
        for arguments, texts in (
                (["-monitor", "vc"], ["-monitor vc", "expected stdio"]),
                (["-mon", "chardev=a,mode=foo", "-chardev", "null,id=a"], ["'foo'", "readline or control"]),
                (["-mon", "chardev=a,pretty=on", "-chardev", "null,id=a"], ["pretty"]),
                (["-chardev", "null,id=a", "-serial", "chardev:a", "-mon", "chardev=a"], ["in use", "mux=on"])):
            self.refused(run("-display", "none", *arguments, timeout=20), *texts)

    def test_stamps(self):
        """Ctrl-A t."""
        terminal = Terminal(self, "-nographic", "-bios", self.assemble("echo"), "-S")
        time.sleep(0.5)
        # From the next line on.
        terminal.type("\x01t\x01ccont\r\x01c")
        terminal.expect(b"ready")
        terminal.type("one\r")
        terminal.expect(rb"\[\d\d:\d\d:\d\d\.\d\d\d\] ")

    def test_progress(self):
        """A replay that takes long says on a terminal how far it is, and cleans the line up."""
        bios = self.folder / "loop.bin"
        image = bytearray(1 << 16)
        image[0xfff0:0xfff2] = b"\xeb\xfe"  # jmp $
        bios.write_bytes(image)
        process = self.start("-display", "none", "-nodefaults", "-bios", bios, *self.recording())
        time.sleep(2)
        self.assertEqual(self.stop(process, 20), 0)
        terminal = Terminal(self, *self.replaying(), "-accel", "interp", "-display", "none")
        terminal.expect(rb"\rreplay: \d+\.\d %, \d+\.\d M instructions, \d+\.\d times the recording's speed, \d+:\d\d left\x1b\[K", 60)
        self.assertEqual(terminal.wait(240), 0)
        self.assertRegex(terminal.output, rb"\r\x1b\[Kqemu: replay: \d+ instructions.*all as recorded")

    def test_replay_on_a_terminal(self):
        """Nobody looks at the monitor behind the serial port: the replay ends."""
        process = self.start("-nographic", *self.recording(), stdin=-1)
        time.sleep(0.5)
        self.assertEqual(self.stop(process, 20), 0)
        terminal = Terminal(self, *self.replaying(), "-nographic")
        self.assertEqual(terminal.wait(30), 0)
        # Somebody does.
        terminal = Terminal(self, *self.replaying(), "-nographic", "-S")
        time.sleep(0.5)
        terminal.type("\x01ccont\r")
        terminal.expect(rb"all as recorded")
        terminal.type("info status\r")
        terminal.expect(rb"VM status: paused")
        terminal.type("q\r")
        self.assertEqual(terminal.wait(), 0)


if __name__ == "__main__":
    peer.machine.main()
