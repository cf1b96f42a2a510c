# SPDX-License-Identifier: GPL-2.0-or-later
"""A VNC client (RFC 6143) for tests: raw pixels, keys by symbol and by scan code, the pointer, VNC's password,
and the same over a WebSocket (RFC 6455). Standard library only.
"""
import base64
import os
import socket
import struct
import subprocess
import time
import zlib

RAW, DESKTOP_SIZE, POINTER_CHANGE, EXTENDED_KEY = 0, -223, -257, -258
SYMBOLS = {"ret": 0xff0d, "esc": 0xff1b, "backspace": 0xff08, "tab": 0xff09, "shift": 0xffe1, "ctrl": 0xffe3,
           "alt": 0xffe9, "up": 0xff52, "down": 0xff54, "left": 0xff51, "right": 0xff53, "delete": 0xffff,
           "f1": 0xffbe, "f2": 0xffbf, "caps_lock": 0xffe5}


class WebSocket:
    """A socket's recv and sendall through binary frames."""

    def __init__(self, plain, path="/"):
        self.plain, self.buffer = plain, b""
        key = base64.b64encode(os.urandom(16)).decode()
        plain.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      f"Sec-WebSocket-Key: {key}\r\nOrigin: http://localhost\r\nSec-WebSocket-Protocol: binary\r\n"
                      f"Sec-WebSocket-Version: 13\r\n\r\n".encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            got = plain.recv(1)
            if not got:
                raise ConnectionError(f"no WebSocket: {answer!r}")
            answer += got
        if b" 101 " not in answer.split(b"\r\n")[0]:
            raise ConnectionError(f"no WebSocket: {answer!r}")

    def exactly(self, size):
        data = b""
        while len(data) < size:
            got = self.plain.recv(size - len(data))
            if not got:
                raise ConnectionError("the server closed the WebSocket")
            data += got
        return data

    def recv(self, size):
        while not self.buffer:
            first, length = self.exactly(2)
            if length == 126:
                length, = struct.unpack(">H", self.exactly(2))
            elif length == 127:
                length, = struct.unpack(">Q", self.exactly(8))
            data = self.exactly(length)
            if first & 15 == 8:
                return b""
            if first & 15 in (0, 2):
                self.buffer = data
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def sendall(self, data):
        head = struct.pack(">BB", 0x82, 0x80 | len(data)) if len(data) < 126 \
            else struct.pack(">BBH", 0x82, 0x80 | 126, len(data))
        mask = os.urandom(4)
        self.plain.sendall(head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data)))

    def settimeout(self, seconds):
        self.plain.settimeout(seconds)

    def close(self):
        self.plain.close()


def reversed_bits(byte):
    return int(f"{byte:08b}"[::-1], 2)


def des(key, block):
    """DES of one block with OpenSSL's program: Python has none. VNC takes the key's bits from the other end."""
    key = bytes(reversed_bits(b) for b in key.encode()[:8].ljust(8, b"\0"))
    done = subprocess.run(["openssl", "enc", "-des-ecb", "-nopad", "-K", key.hex(), "-provider", "legacy",
                           "-provider", "default"], input=block, capture_output=True, check=True)
    return done.stdout


class Client:
    """address: (host, port) or a Unix socket's path. size and pixels (0x00RRGGBB rows) follow the server."""

    def __init__(self, address, shared=True, password=None, web=False, encodings=(RAW, DESKTOP_SIZE),
                 timeout=20, connect_within=20):
        self.socket = self.connect(address, connect_within)
        self.socket.settimeout(timeout)
        if web:
            self.socket = WebSocket(self.socket)
        self.pseudo = []  # (encoding, x, y) of rectangles without pixels
        try:
            self.handshake(shared, password)
        except OSError:
            self.close()
            raise
        self.write(struct.pack(">BxxxBBBBHHHBBBxxx", 0, 32, 24, 0, 1, 255, 255, 255, 16, 8, 0))
        self.set_encodings(encodings)

    @staticmethod
    def connect(address, within):
        end = time.monotonic() + within
        while True:
            family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
            plain = socket.socket(family, socket.SOCK_STREAM)
            try:
                plain.connect(address)
                return plain
            except OSError:
                plain.close()
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        self.socket.close()

    def read(self, size):
        data = b""
        while len(data) < size:
            got = self.socket.recv(size - len(data))
            if not got:
                raise ConnectionError("the server closed the connection")
            data += got
        return data

    def write(self, data):
        self.socket.sendall(data)

    def handshake(self, shared, password):
        version = self.read(12)
        if not version.startswith(b"RFB 003."):
            raise ConnectionError(f"not RFB: {version!r}")
        self.write(b"RFB 003.008\n")
        types = self.read(self.read(1)[0])
        wanted = 1 if password is None else 2
        if wanted not in types:
            raise ConnectionError(f"security types {list(types)}: expected {wanted}")
        self.write(bytes([wanted]))
        if password is not None:
            challenge = self.read(16)
            self.write(des(password, challenge))
        if struct.unpack(">I", self.read(4))[0]:
            reason = self.read(struct.unpack(">I", self.read(4))[0])
            raise PermissionError(reason.decode())
        self.write(bytes([shared]))
        width, height = struct.unpack(">HH", self.read(4))
        self.read(16)
        self.name = self.read(struct.unpack(">I", self.read(4))[0]).decode()
        self.resize(width, height)

    def resize(self, width, height):
        self.size = (width, height)
        self.rows = [bytearray(4 * width) for _ in range(height)]

    def set_encodings(self, encodings):
        self.write(struct.pack(f">BxH{len(encodings)}i", 2, len(encodings), *encodings))

    # --- pictures ---

    def request(self, incremental=True):
        self.write(struct.pack(">BBHHHH", 3, incremental, 0, 0, *self.size))

    def message(self):
        """Takes one message of the server. True if it was an update of the picture."""
        kind = self.read(1)[0]
        if kind == 0:
            count, = struct.unpack(">xH", self.read(3))
            for _ in range(count):
                self.rectangle()
            return True
        if kind == 1:
            _, count = struct.unpack(">xHH", self.read(5))
            self.read(6 * count)
        elif kind == 3:
            size, = struct.unpack(">xxxI", self.read(7))
            self.read(size)
        elif kind != 2:
            raise ConnectionError(f"unknown message {kind}")
        return False

    def rectangle(self):
        x, y, width, height, encoding = struct.unpack(">HHHHi", self.read(12))
        if encoding == DESKTOP_SIZE:
            self.resize(width, height)
        elif encoding in (POINTER_CHANGE, EXTENDED_KEY):
            self.pseudo.append((encoding, x, y))
        elif encoding == RAW:
            for row in range(y, y + height):
                self.rows[row][4 * x:4 * (x + width)] = self.read(4 * width)
        else:
            raise ConnectionError(f"unknown encoding {encoding}")

    def refresh(self, incremental=False):
        """Asks for the picture and waits until it has come, whatever comes before."""
        while True:
            size = self.size
            self.request(incremental)
            seen = len(self.pseudo)
            while not self.message() or len(self.pseudo) > seen:
                seen = len(self.pseudo)
            if self.size == size:
                return self.pixels()
            incremental = False

    def pixels(self):
        """Width, height and bytes R, G, B, as a PPM has them."""
        data = bytearray(3 * self.size[0] * self.size[1])
        picture = b"".join(self.rows)
        data[0::3], data[1::3], data[2::3] = picture[2::4], picture[1::4], picture[0::4]
        return (*self.size, bytes(data))

    # --- input ---

    def key(self, symbol, down):
        self.write(struct.pack(">BBxxI", 4, down, symbol))

    def code(self, scan_code, down, symbol=0):
        """QEMU's extended key event."""
        self.write(struct.pack(">BBHII", 255, 0, down, symbol, scan_code))

    def press(self, *names):
        """A key, with others held: "a", "ret", "ctrl" ..."""
        symbols = [SYMBOLS.get(name) or ord(name) for name in names]
        for symbol in symbols:
            self.key(symbol, True)
        for symbol in reversed(symbols):
            self.key(symbol, False)

    def type(self, text):
        for char in text:
            self.press("ret" if char == "\n" else char)

    def pointer(self, x, y, buttons=0):
        self.write(struct.pack(">BBHH", 5, buttons, x, y))

    def move(self, dx, dy, buttons=0):
        """A mouse's movement, for a client that asked for POINTER_CHANGE."""
        self.pointer(0x7fff + dx, 0x7fff + dy, buttons)

    def click(self, x, y, button=1):
        self.pointer(x, y)
        self.pointer(x, y, button)
        self.pointer(x, y)


def read_ppm(path):
    """Width, height and pixels of a binary PPM."""
    with open(path, "rb") as file:
        magic, size, most, pixels = file.read().split(b"\n", 3)
    if magic != b"P6" or most != b"255":
        raise ValueError(f"{path}: not a PPM of the kind that is written here")
    width, height = map(int, size.split())
    return width, height, pixels


def read_png(path):
    """Width, height and pixels of a PNG of 8-bit RGB."""
    with open(path, "rb") as file:
        data = file.read()[8:]
    packed = b""
    while data:
        size, kind = struct.unpack(">I4s", data[:8])
        if kind == b"IHDR":
            width, height = struct.unpack(">II", data[8:16])
        elif kind == b"IDAT":
            packed += data[8:8 + size]
        data = data[12 + size:]
    raw, before, rows = zlib.decompress(packed), bytearray(3 * width), []
    for y in range(height):
        start = y * (3 * width + 1)
        how, line = raw[start], bytearray(raw[start + 1:start + 1 + 3 * width])
        for x in range(len(line)):
            left, corner = (line[x - 3], before[x - 3]) if x >= 3 else (0, 0)
            up = before[x]
            guess = min((left, up, corner), key=lambda v: abs(left + up - corner - v))
            line[x] = (line[x] + (0, left, up, (left + up) // 2, guess)[how]) & 255
        rows.append(bytes(line))
        before = line
    return width, height, b"".join(rows)
