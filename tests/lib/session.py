# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs an emulator with its serial port on pipes, and talks to the guest as a person at a terminal would.

Used by tests, scripts/demo and scripts/bench. Standard library only.
"""
import os
import re
import selectors
import subprocess
import time

INSTALLER = "/usr/lib/debian-installer/images/12/i386/text/debian-installer/i386"
LINUX = f"{INSTALLER}/linux"
INITRD = f"{INSTALLER}/initrd.gz"


class Timeout(Exception):
    pass


class Session:
    """One run of an emulator. output: every byte that came out of the serial port so far."""

    def __init__(self, command, echo=False, env=None):
        self.output = b""
        self.seen = 0  # where the next expect() begins
        self.echo = echo
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, env=env)
        os.set_blocking(self.process.stdout.fileno(), False)
        os.set_blocking(self.process.stderr.fileno(), False)
        self.errors = b""
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.process.stdout, selectors.EVENT_READ, "output")
        self.selector.register(self.process.stderr, selectors.EVENT_READ, "errors")

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()

    def pump(self, timeout):
        """Reads what is there, waiting at most `timeout` seconds. False once both streams have ended."""
        for key, _ in self.selector.select(timeout):
            data = key.fileobj.read()
            if not data:
                self.selector.unregister(key.fileobj)
            elif key.data == "output":
                self.output += data
                if self.echo:
                    os.write(1, data)
            else:
                self.errors += data
        return bool(self.selector.get_map())

    def expect(self, pattern, timeout):
        """Waits until the regular expression appears in output that no expect() has passed yet."""
        compiled = re.compile(pattern.encode() if isinstance(pattern, str) else pattern)
        end = time.monotonic() + timeout
        while True:
            found = compiled.search(self.output, self.seen)
            if found:
                self.seen = found.end()
                return found
            left = end - time.monotonic()
            if left <= 0 or not self.pump(min(left, 1)):
                if compiled.search(self.output, self.seen):
                    continue
                tail = self.output[-2000:].decode(errors="replace")
                raise Timeout(f"'{pattern}' did not appear in {timeout} s; stderr: "
                              f"{self.errors.decode(errors='replace')}; the last output:\n{tail}")

    def send(self, text):
        self.process.stdin.write(text.encode() if isinstance(text, str) else text)
        self.process.stdin.flush()

    def finish(self, timeout):
        """Waits for the emulator to end. Returns its exit status."""
        end = time.monotonic() + timeout
        while self.pump(min(1, max(0, end - time.monotonic()))):
            if time.monotonic() >= end:
                tail = self.output[-2000:].decode(errors="replace")
                raise Timeout(f"still running after {timeout} s; the last output:\n{tail}")
        return self.process.wait()


def shell_session(session, commands, timeout=600):
    """Debian's installer started with rdinit=/bin/sh: types commands, each answered by the prompt."""
    session.expect(r"# $|# \x1b\[6n$|~ # ", timeout)
    for command in commands:
        session.send(command + "\n")
        session.expect(re.escape(command.encode()[:20]), timeout)
        session.expect(r"# ", timeout)


def power_off(session, timeout=120):
    session.send("poweroff -f\n")
    return session.finish(timeout)
