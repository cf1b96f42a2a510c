#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The remote protocol as no well-behaved client speaks it."""
import random
import socket
import time

import debug
from debug import machine
from rsp import packet


@debug.on_both
class Same(debug.GdbTest):
    def test_answers(self):
        self.launch("-S")
        client = self.rsp()
        for question, answer in (
                ("qSupported:multiprocess+", None), ("?", "T05thread:p01.01;"), ("qC", "QCp01.01"), ("qAttached", "1"),
                ("vMustReplyEmpty", ""), ("Hg0", "OK"), ("Hc-1", "OK"), ("Hgp1.1", "OK"), ("Hgp1.2", "E22"), ("Hg2", "E22"),
                ("qfThreadInfo", "mp01.01"), ("qsThreadInfo", "l"), ("vCont?", None), ("T1", "OK"), ("T2", "E22"),
                ("qOffsets", ""), ("mfffffff0,1", "ea"), ("m7c00,4", "00000000"), ("m", "E22"), ("m0,100000", "E22"),
                ("qqemu.PhyMemMode", "0"), ("Qqemu.PhyMemMode:1", "OK"), ("qqemu.PhyMemMode", "1"), ("Qqemu.PhyMemMode:0", "OK"),
                ("Z0,7c00,1", "OK"), ("z0,7c00,1", "OK"), ("Z2,8000,4", "OK"), ("Z2,8001,4", "OK"), ("Z2,0,80000000", "OK"),
                ("Z2,8000,0", "E22"), ("z2,8000,4", "OK"), ("Z5,0,1", ""), ("Z0", "E22"), ("M7c00,1:fa", "OK"),
                ("m7c00,1", "fa"), ("M7c00,2:fa", "E22"), ("qqemu.sstepbits", None), ("Qqemu.sstep=0x1", "OK"), ("QFoo", "")):
            got = client.ask(question)
            if answer is not None:
                self.assertEqual(got, answer, question)

    def test_acknowledgements(self):
        self.launch("-S")
        client = self.rsp()
        client.raw(packet("qC"))
        self.assertEqual(client.byte(5), b"+")
        client.acks = False
        first = client.receive()
        client.acks = True
        client.raw(b"-")  # once more, please
        self.assertEqual(client.receive(), first)
        client.raw(b"$qC#00")
        self.assertEqual(client.byte(5), b"-")
        self.assertEqual(client.ask("qAttached"), "1")
        # In pieces.
        for byte in packet("qfThreadInfo"):
            client.raw(bytes((byte,)))
            time.sleep(0.01)
        self.assertTrue(client.receive().startswith(b"m"))

    def test_stop_and_end_are_told(self):
        self.launch("-S")
        client, hmp = self.rsp(), self.hmp()
        client.ask("?")
        client.send("c")
        self.assertIsNone(client.receive(0.3))
        hmp.run("stop")
        self.assertEqual(client.receive(), b"T02thread:01;")
        client.send("c")
        hmp.run("system_reset")
        self.assertIsNone(client.receive(0.3))
        hmp.line.sendall(b"quit\r")
        self.assertEqual(client.receive(), b"W00")

    def test_interrupt(self):
        self.launch()
        client = self.rsp()
        self.assertEqual(client.ask("?"), "T02thread:01;")
        for _ in range(20):
            client.send("c")
            client.raw(b"\x03")
            self.assertRegex(client.receive(), b"T0[25]thread:01;" if self.peer else b"T02thread:01;")

    def test_many_connections(self):
        self.launch("-S")
        for n in range(50):
            with debug.Rsp(path=self.gdb_path) as client:
                self.assertTrue(client.ask("g"), n)


class Ours(debug.GdbTest):
    def alive(self):
        with debug.Rsp(path=self.gdb_path) as client:
            self.assertEqual(client.ask("qsThreadInfo"), "l")

    def test_too_long(self):
        self.launch("-S")
        client = self.rsp()
        size = int(client.ask("qSupported").split(";")[0].split("=")[1], 16)
        self.assertEqual(client.ask("X7c00,%x:" % (size - 20) + "a" * (size - 20)), "OK")
        for n in (size + 1, 1_000_000, 20_000_000):
            client.send("m" + "0" * (n - 1))
            self.assertEqual(client.receive(), b"E22", n)
        self.assertEqual(client.ask("qsThreadInfo"), "l")

    def test_no_acknowledgements(self):
        self.launch("-S")
        client = self.rsp()
        client.no_acks()
        self.assertEqual(client.ask("qC"), "QC01")
        client.raw(b"$qC#00")
        self.assertEqual(client.receive(), b"QC01")
        self.assertEqual(client.before, b"")
        client.close()
        client = self.rsp()
        self.assertEqual(client.ask("qC"), "QC01")
        self.assertEqual(client.before, b"+")

    def test_garbage(self):
        process = self.launch("-S")
        chance = random.Random(1)
        for n in range(60):
            with debug.Rsp(path=self.gdb_path) as client:
                data = bytes(chance.choice(b"$#}*+-\x03\x00\xffqgmHT?zZ0123456789abcdef,;:.") for _ in range(chance.randrange(3000)))
                client.raw(data)
                if n % 3 == 0:
                    time.sleep(0.01)
        self.alive()
        self.assertIsNone(process.poll())

    def test_noise_in_packets(self):
        """Well-formed, and what is in them is not."""
        process = self.launch()
        chance = random.Random(2)
        begins = ["?", "g", "G", "m", "M", "X", "p", "P", "z", "Z", "H", "T", "vCont;", "c", "s", "C", "S", "D", "bs", "bc",
                  "qSupported:", "qXfer:features:read:", "Qqemu.", "qqemu.", "qRcmd,", "q", "v", "!", "R"]
        with debug.Rsp(path=self.gdb_path) as client:
            client.no_acks()
            for _ in range(3000):
                body = chance.choice(begins) + "".join(chance.choice("0123456789abcdef,;:.=-") for _ in range(chance.randrange(12)))
                client.send(body)
                while client.receive(0) is not None:
                    pass
        self.alive()
        self.assertIsNone(process.poll())

    def test_nobody_reads(self):
        """The server holds back instead of keeping all that it would say."""
        process = self.launch("-S")
        self.alive()
        line = socket.socket(socket.AF_UNIX)
        line.connect(str(self.gdb_path))
        line.settimeout(0.5)
        sent = 0
        try:
            while sent < 50_000_000:
                sent += line.send(packet("m0,2000") * 1000)
        except socket.timeout:
            pass
        self.assertLess(sent, 5_000_000)
        with open(f"/proc/{process.pid}/status") as status:
            peak = next(int(s.split()[1]) for s in status if s.startswith("VmHWM"))
        self.assertLess(peak, 400_000)
        line.close()
        self.alive()

    def test_cut(self):
        self.launch()
        for begin in (b"$", b"$m0,1", b"$m0,1#", b"$m0,1#0", b"$c#63", b"$X0,10:}", b"+", b"\x03"):
            with debug.Rsp(path=self.gdb_path) as client:
                client.raw(begin)
        self.alive()


if __name__ == "__main__":
    machine.main()
