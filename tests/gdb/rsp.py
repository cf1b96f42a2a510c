# SPDX-License-Identifier: GPL-2.0-or-later
"""A client of GDB's remote serial protocol (GDB manual, appendix E), for what gdb itself never sends."""
import select
import socket
import time


def packet(data):
    """$data#checksum, escaped."""
    if isinstance(data, str):
        data = data.encode("latin-1")
    escaped = b"".join(bytes((0x7d, b ^ 0x20)) if b in b"$#}*" else bytes((b,)) for b in data)
    return b"$" + escaped + b"#%02x" % (sum(escaped) & 0xff)


def plain(data):
    """Without escapes and run-lengths."""
    out = bytearray()
    i = 0
    while i < len(data):
        if data[i] == 0x7d:
            out.append(data[i + 1] ^ 0x20)
            i += 2
        elif data[i] == ord("*"):
            out += out[-1:] * (data[i + 1] - 29)
            i += 2
        else:
            out.append(data[i])
            i += 1
    return bytes(out)


def connect(path, port, timeout):
    if not path:
        return socket.create_connection(("127.0.0.1", port), timeout)
    line = socket.socket(socket.AF_UNIX)
    try:
        line.connect(str(path))
    except OSError:
        line.close()
        raise
    return line


class Rsp:
    def __init__(self, path=None, port=None, timeout=20):
        end = time.monotonic() + timeout
        while True:
            try:
                self.socket = connect(path, port, timeout)
                break
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)
        self.data = b""
        self.acks = True
        self.timeout = timeout
        self.socket.setblocking(False)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        self.socket.close()

    def raw(self, data):
        self.socket.setblocking(True)
        self.socket.settimeout(self.timeout)
        self.socket.sendall(data)
        self.socket.setblocking(False)

    def fill(self, timeout):
        """False: nothing came. Raises EOFError at the end."""
        if not select.select([self.socket], [], [], max(0, timeout))[0]:
            return False
        try:
            data = self.socket.recv(65536)
        except ConnectionError:
            data = b""
        if not data:
            raise EOFError(f"the server has hung up; unread: {self.data!r}")
        self.data += data
        return True

    def byte(self, timeout):
        end = time.monotonic() + timeout
        while not self.data:
            if not self.fill(end - time.monotonic()):
                return None
        first, self.data = self.data[:1], self.data[1:]
        return first

    def receive(self, timeout=None):
        """The next packet's data, acknowledged; None: there was none in time."""
        timeout = self.timeout if timeout is None else timeout
        end = time.monotonic() + timeout
        while True:
            begin = self.data.find(b"$")
            stop = self.data.find(b"#", begin) if begin >= 0 else -1
            if stop >= 0 and len(self.data) >= stop + 3:
                body, sent = self.data[begin + 1:stop], int(self.data[stop + 1:stop + 3], 16)
                assert sum(body) & 0xff == sent, (body, sent)
                self.before, self.data = self.data[:begin], self.data[stop + 3:]
                if self.acks:
                    try:
                        self.raw(b"+")
                    except ConnectionError:
                        pass  # its last word
                return plain(body)
            if not self.fill(end - time.monotonic()):
                return None

    def send(self, data):
        self.raw(packet(data))

    def ask(self, data, timeout=None):
        self.send(data)
        answer = self.receive(timeout)
        assert answer is not None, f"no answer to {data!r}"
        return answer.decode("latin-1")

    def number(self, register):
        return int.from_bytes(bytes.fromhex(self.ask(f"p{register:x}")), "little")

    def begin_monitor(self, line):
        self.send("qRcmd," + line.encode().hex())

    def end_monitor(self, timeout=None):
        """What the line printed."""
        text = b""
        while (part := self.receive(timeout)) != b"OK":
            assert part is not None and part.startswith(b"O"), (part, text)
            text += bytes.fromhex(part[1:].decode())
        return text.decode()

    def monitor(self, line, timeout=None):
        self.begin_monitor(line)
        return self.end_monitor(timeout)

    def no_acks(self):
        assert self.ask("QStartNoAckMode") == "OK"
        self.acks = False
