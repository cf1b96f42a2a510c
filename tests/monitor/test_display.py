#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Screendumps: they are what VNC shows, and in every mode what Debian's QEMU shows, both programmed by the same
accesses.
"""
import os
import pathlib
import random
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import peer  # noqa: E402
from peer import machine  # noqa: E402
import rfb  # noqa: E402

CRTC_80 = [0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0, 0x4f, 0x20, 0, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x28, 0x1f,
           0x96, 0xb9, 0xa3, 0xff]
CRTC_320 = [0x2d, 0x27, 0x28, 0x90, 0x2b, 0x80, 0xbf, 0x1f, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x14, 0,
            0x96, 0xb9, 0xe3, 0xff]
CRTC_640 = [0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0, 0xc1, 0, 0, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x28, 0,
            0x96, 0xb9, 0xc2, 0xff]


def changed(values, **at):
    return [at.get(f"r{i:x}", v) for i, v in enumerate(values)]


# Miscellaneous output, sequencer, CRT controller, graphics controller, attribute controller from 10 on.
MODES = {
    "text": (0x67, [3, 0, 3, 0, 2], CRTC_80, [0, 0, 0, 0, 0, 0x10, 0xe, 0, 0xff], [0x04, 0, 0xf, 8, 0]),
    "text 8 dots": (0x63, [3, 1, 3, 0, 2], CRTC_80, [0, 0, 0, 0, 0, 0x10, 0xe, 0, 0xff], [0, 0, 0xf, 0, 0]),
    # QEMU has no 40 columns of 9 dots.
    "text 40": (0x67, [3, 9, 3, 0, 2], changed(CRTC_320, r9=0x4f, ra=0x20, r14=0x1f, r17=0xa3),
                [0, 0, 0, 0, 0, 0x10, 0xe, 0, 0xff], [0x04, 0, 0xf, 0, 0]),
    "640x480x16": (0xe3, [3, 1, 15, 0, 6], changed(CRTC_640, r6=0xb, r7=0x3e, r9=0x40, r10=0xea, r11=0x8c, r12=0xdf,
                                                   r15=0xe7, r16=4, r17=0xe3),
                   [0, 0, 0, 0, 0, 0, 5, 15, 0xff], [1, 0, 15, 0, 0]),
    "320x200x16": (0x63, [3, 9, 15, 0, 6], CRTC_320, [0, 0, 0, 0, 0, 0, 5, 15, 0xff], [1, 0, 15, 0, 0]),
    "320x200x4": (0x63, [3, 9, 3, 0, 2], changed(CRTC_320, r9=0xc1, r17=0xa2), [0, 0, 0, 0, 0, 0x30, 0xf, 0, 0xff],
                  [1, 0, 3, 0, 0]),
    "640x200x2": (0x63, [3, 1, 1, 0, 6], CRTC_640, [0, 0, 0, 0, 0, 0, 0xd, 0, 0xff], [1, 0, 1, 0, 0]),
    "320x200x256": (0x63, [3, 1, 15, 0, 14], changed(CRTC_640, r9=0x41, r14=0x40, r17=0xa3),
                    [0, 0, 0, 0, 0, 0x40, 5, 15, 0xff], [0x41, 0, 15, 0, 0]),
    "320x240x256": (0xe3, [3, 1, 15, 0, 6], changed(CRTC_640, r6=0xd, r7=0x3e, r9=0x41, r10=0xea, r11=0x8c, r12=0xdf,
                                                    r15=0xe7, r16=6, r17=0xe3),
                    [0, 0, 0, 0, 0, 0x40, 5, 15, 0xff], [0x41, 0, 15, 0, 0]),
}


class Card:
    """A machine that doesn't run, its VGA programmed over qtest and its picture taken by a monitor."""

    def __init__(self, test, emulator, name):
        self.folder, self.name = test.folder, name
        path = test.folder / f"qtest-{name}"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen()
        listener.settimeout(60)
        test.addCleanup(listener.close)
        test.emulator = emulator
        test.launch("-vga", "std", "-qtest", f"unix:{path}", "-qtest-log", "none", "-m", "16", "-S")
        self.qmp = test.qmp()
        plain, _ = listener.accept()
        test.addCleanup(plain.close)
        self.wire = plain.makefile("rw")
        test.addCleanup(self.wire.close)
        self.outl(0xcf8, 0x80001004)
        self.outw(0xcfc, 3)

    def command(self, text):
        self.wire.write(text + "\n")
        self.wire.flush()
        answer = self.wire.readline()
        if not answer.startswith("OK"):
            raise AssertionError(f"{self.name}: {text}: {answer}")

    def outb(self, port, value):
        self.command(f"outb {port:#x} {value:#x}")

    def outw(self, port, value):
        self.command(f"outw {port:#x} {value:#x}")

    def outl(self, port, value):
        self.command(f"outl {port:#x} {value:#x}")

    def fill(self, address, data):
        for at in range(0, len(data), 512):
            part = data[at:at + 512]
            self.command(f"write {address + at:#x} {len(part):#x} 0x{part.hex()}")

    def set_mode(self, misc, seq, crtc, graphics, control):
        self.outb(0x3c2, misc)
        for port, values in ((0x3c4, seq), (0x3d4, crtc), (0x3ce, graphics)):
            if port == 0x3d4:
                self.outw(port, 0x0011)
            for i, value in enumerate(values):
                self.outw(port, value << 8 | i)
        self.command("inb 0x3da")
        for i, value in enumerate(list(range(16)) + control):
            self.outb(0x3c0, i)
            self.outb(0x3c0, value)
        self.outb(0x3c0, 0x20)

    def palette(self, colors):
        self.outb(0x3c8, 0)
        for value in colors:
            self.outb(0x3c9, value)

    def dispi(self, index, value):
        self.outw(0x1ce, index)
        self.outw(0x1cf, value)

    def picture(self):
        path = self.folder / f"{self.name}.ppm"
        self.qmp.execute("screendump", filename=str(path))
        return rfb.read_ppm(path)


class Display(peer.MonitorTest):
    def cards(self):
        return [Card(self, machine.EMULATOR, "ours"), Card(self, peer.PEER, "theirs")]

    def same(self, cards, what):
        ours, theirs = (card.picture() for card in cards)
        self.assertEqual(ours[:2], theirs[:2], what)
        if ours[2] != theirs[2]:
            at = next(i for i in range(len(ours[2])) if ours[2][i] != theirs[2][i])
            wrong = sum(ours[2][i:i + 3] != theirs[2][i:i + 3] for i in range(0, len(ours[2]), 3))
            x, y = at // 3 % ours[0], at // 3 // ours[0]
            self.fail(f"{what}: {wrong} pixels differ, the first at {x}, {y}: {ours[2][at - at % 3:][:3].hex()}, "
                      f"not {theirs[2][at - at % 3:][:3].hex()}")

    @peer.machine.not_quick
    def test_every_mode_as_debians_qemu(self):
        if not os.path.exists(peer.PEER):
            self.skipTest("no peer")
        cards = self.cards()
        dice = random.Random(3)
        colors = [dice.randrange(64) for _ in range(768)]
        for card in cards:
            card.palette(colors)
        for name, mode in MODES.items():
            data = dice.randbytes(32768)
            if "text" in name:
                # QEMU takes B0 to BF for line graphics, too; IBM's reference has C0 to DF.
                data = bytes(b & 0x7f if i % 2 == 0 and 0xb0 <= b < 0xc0 else b for i, b in enumerate(data))
            planes = [dice.randbytes(8192) for _ in range(4)]
            start = dice.randrange(40) * 2
            for card in cards:
                card.set_mode(*mode)
                card.outw(0x3d4, 0x000c)
                card.outw(0x3d4, 0x000d)
                if "text" in name:
                    # The font first; then no blinking, whose moment is anybody's.
                    card.outw(0x3c4, 0x0402)
                    card.outw(0x3c4, 0x0604)
                    card.outw(0x3ce, 0x0005)
                    card.outw(0x3ce, 0x0406)
                    card.fill(0xa0000, planes[0])
                    card.set_mode(*mode)
                    card.fill(0xb8000, data[:4000])
                elif name.startswith("320x200x4") or name.startswith("640x200x2"):
                    card.fill(0xb8000, data[:16384])
                elif name == "320x200x256":
                    card.fill(0xa0000, data * 2)
                else:
                    for plane in range(4):
                        card.outw(0x3c4, 0x0002 | 0x100 << plane)
                        card.fill(0xa0000, planes[plane] * 5)
            self.same(cards, name)
            for card in cards:
                card.outw(0x3d4, start << 8 | 0x0d)
            self.same(cards, f"{name} from {start} on")

    @peer.machine.not_quick
    def test_vbe_as_debians_qemu(self):
        if not os.path.exists(peer.PEER):
            self.skipTest("no peer")
        cards = self.cards()
        dice = random.Random(4)
        colors = [dice.randrange(64) for _ in range(768)]
        for depth in (8, 16, 24, 32):
            data = dice.randbytes(65536)
            for card in cards:
                card.palette(colors)
                card.dispi(4, 0)
                card.dispi(1, 320)
                card.dispi(2, 200)
                card.dispi(3, depth)
                card.dispi(4, 0x41)
                card.outb(0x3c0, 0x20)
                card.fill(0xa0000, data)
            self.same(cards, f"{depth} bits")
            for card in cards:
                card.dispi(6, 400)
                card.dispi(8, 16)
                card.dispi(9, 7)
            self.same(cards, f"{depth} bits, panned")

    def test_screendump_is_what_vnc_shows(self):
        path = str(self.folder / "vnc")
        self.launch("-vga", "std", "-vnc", f"unix:{path}", "-m", "16")
        qmp = self.qmp()
        with rfb.Client(path) as client:
            end = time.monotonic() + 60
            while len(set(client.refresh()[2])) < 2:  # until the BIOS has written something
                self.assertLess(time.monotonic(), end)
                time.sleep(0.1)
            time.sleep(1)
            qmp.execute("stop")
            shown = client.refresh()
            ppm, png = self.folder / "a.ppm", self.folder / "a.png"
            qmp.execute("screendump", filename=str(ppm))
            self.assertEqual(rfb.read_ppm(ppm), shown)
            qmp.execute("screendump", filename=str(png), format="png")
            self.assertEqual(rfb.read_png(png), shown)
            hmp = self.hmp()
            self.assertEqual(hmp.run(f"screendump {self.folder}/b.ppm"), "")
            self.assertEqual((self.folder / "b.ppm").read_bytes(), ppm.read_bytes())
            self.assertEqual(hmp.run(f"screendump {self.folder}/b.png -f png"), "")
            self.assertEqual((self.folder / "b.png").read_bytes(), png.read_bytes())
            self.assertIn("failed to open file '/nonexistent/x'", hmp.run("screendump /nonexistent/x"))
            self.assertIn("gif", hmp.run(f"screendump {self.folder}/b.gif -f gif"))


if __name__ == "__main__":
    machine.main()
