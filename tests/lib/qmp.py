# SPDX-License-Identifier: GPL-2.0-or-later
"""Clients of both monitors, for tests: they work with any emulator that speaks QMP and HMP on a socket.
Standard library only.
"""
import json
import re
import socket
import time

PROMPT = b"(qemu) "
# Cursor movements and erasures, which nobody who reads a file wants.
ESCAPES = re.compile(rb"\x1b\[[0-9;]*[A-Za-z]")


def connect(path, timeout=20):
    """A connection to a UNIX socket that may not be there yet."""
    end = time.monotonic() + timeout
    while True:
        line = socket.socket(socket.AF_UNIX)
        try:
            line.connect(str(path))
            line.settimeout(timeout)
            return line
        except OSError:
            line.close()
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


class QmpError(Exception):
    def __init__(self, answer):
        super().__init__(f"{answer['class']}: {answer['desc']}")
        self.kind, self.text = answer["class"], answer["desc"]


class Qmp:
    """events: what came so far and no wait_event() took."""

    def __init__(self, path, negotiate=True, timeout=20):
        self.line = connect(path, timeout)
        self.file = self.line.makefile("rb")
        self.events = []
        self.greeting = self.read()["QMP"]
        if negotiate:
            self.execute("qmp_capabilities")

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        self.file.close()
        self.line.close()

    def read(self):
        """One message. With -qmp-pretty it has several lines."""
        text = b""
        while True:
            line = self.file.readline()
            if not line:
                raise EOFError("the monitor has closed the connection")
            text += line
            try:
                return json.loads(text)
            except ValueError:
                continue

    def send(self, text):
        self.line.sendall(text if isinstance(text, bytes) else text.encode())

    def answer(self):
        """The next message that is no event."""
        while True:
            message = self.read()
            if "event" not in message:
                return message
            self.events.append(message)

    def raw(self, **message):
        self.send(json.dumps(message) + "\n")
        return self.answer()

    def execute(self, command, **arguments):
        message = {"execute": command}
        if arguments:
            message["arguments"] = {name.replace("_", "-"): value for name, value in arguments.items()}
        answer = self.raw(**message)
        if "error" in answer:
            raise QmpError(answer["error"])
        return answer["return"]

    def hmp(self, line):
        return self.execute("human-monitor-command", command_line=line).replace("\r\n", "\n")

    def wait_event(self, name, timeout=20):
        """The first event of this name that nobody waited for yet."""
        self.line.settimeout(timeout)
        while True:
            for event in self.events:
                if event["event"] == name:
                    self.events.remove(event)
                    return event
            message = self.read()
            if "event" not in message:
                raise AssertionError(f"an answer to nothing: {message}")
            self.events.append(message)


class Hmp:
    """The monitor for people, over a socket."""

    def __init__(self, path, timeout=20):
        self.line = connect(path, timeout)
        self.banner = self.until_prompt()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.line.close()

    def until_prompt(self):
        data = b""
        while not data.endswith(PROMPT):
            more = self.line.recv(65536)
            if not more:
                raise EOFError(f"the monitor has closed the connection after {data!r}")
            data += more
        return data[:-len(PROMPT)]

    def run(self, command):
        """What a command prints, without the echo."""
        self.line.sendall(command.encode() + b"\r")
        text = ESCAPES.sub(b"", self.until_prompt()).decode(errors="replace").replace("\r\n", "\n")
        return text.split("\n", 1)[1]
