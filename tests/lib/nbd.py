# SPDX-License-Identifier: GPL-2.0-or-later
"""A server for network block devices that fails when it is told to: how tests give an emulator a host whose disks have
errors. The NBD protocol (https://github.com/NetworkBlockDevice/nbd, doc/proto.md): fixed newstyle, simple replies.
Standard library only.
"""
import errno
import socketserver
import struct
import threading

OPTION_MAGIC, OPTION_REPLY, REQUEST, REPLY = 0x49484156454F5054, 0x3E889045565A9, 0x25609513, 0x67446698
EXPORT_NAME, ABORT, INFO, GO = 1, 2, 6, 7
ACK, INFO_REPLY, UNSUPPORTED = 1, 3, 0x80000001
HAS_FLAGS, SEND_FLUSH, SEND_FUA, SEND_TRIM, SEND_ZEROES = 1, 4, 8, 32, 64
KINDS = {0: "read", 1: "write", 3: "flush", 4: "trim", 6: "zero"}
DISCONNECT = 2


class Handler(socketserver.StreamRequestHandler):
    def take(self, layout):
        data = self.rfile.read(struct.calcsize(layout))
        if len(data) < struct.calcsize(layout):
            raise EOFError
        return struct.unpack(layout, data)

    def handle(self):
        try:
            self.negotiate()
            while self.answer():
                pass
        except (EOFError, OSError):
            pass

    def negotiate(self):
        server = self.server
        flags = HAS_FLAGS | SEND_FLUSH | SEND_FUA | SEND_TRIM | SEND_ZEROES
        self.wfile.write(b"NBDMAGIC" + struct.pack(">QH", OPTION_MAGIC, 3))
        short = self.take(">I")[0] & 2
        while True:
            _, option, size = self.take(">QII")
            self.rfile.read(size)
            reply = lambda kind, data=b"": self.wfile.write(struct.pack(">QIII", OPTION_REPLY, option, kind, len(data)) + data)
            if option == EXPORT_NAME:
                self.wfile.write(struct.pack(">QH", len(server.data), flags) + bytes(0 if short else 124))
                return
            if option in (INFO, GO):
                reply(INFO_REPLY, struct.pack(">HQH", 0, len(server.data), flags))
                reply(ACK)
                if option == GO:
                    return
            elif option == ABORT:
                reply(ACK)
                raise EOFError
            else:
                reply(UNSUPPORTED)

    def answer(self):
        _, _, kind, cookie, offset, size = self.take(">IHHQQI")
        if kind == DISCONNECT:
            return False
        sent = self.rfile.read(size) if kind == 1 else bytes(size)
        error, data = self.server.serve(KINDS.get(kind), offset, size, sent)
        self.wfile.write(struct.pack(">IIQ", REPLY, error, cookie) + data)
        return True


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """data: the disk. errors: what a kind of request gets from now on, as {"read": errno.EIO}; kinds: read, write, flush,
    trim, zero. failed: the kinds that got an error."""
    daemon_threads = True

    def __init__(self, path, data):
        super().__init__(str(path), Handler)
        self.path, self.data = path, bytearray(data)
        self.errors, self.failed = {}, []
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def address(self):
        return f"nbd+unix:///?socket={self.path}"

    def close(self):
        self.shutdown()
        self.server_close()

    def serve(self, kind, offset, size, sent):
        with self.lock:
            if kind is None or offset + size > len(self.data):
                return errno.EINVAL, b""
            if kind in self.errors:
                self.failed.append(kind)
                return self.errors[kind], b""
            if kind == "read":
                return 0, bytes(self.data[offset:offset + size])
            if kind in ("write", "zero"):
                self.data[offset:offset + size] = sent
            return 0, b""
