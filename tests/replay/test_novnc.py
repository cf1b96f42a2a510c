#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""noVNC in a real browser: it shows what the machine shows, what is typed and clicked there arrives, a window that is
closed in the middle harms nobody; and then the recording replays, also with the browser looking on.
"""
import base64
import os
import pathlib
import re
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import browser  # noqa: E402
import machine  # noqa: E402
import rfb  # noqa: E402
from qmp import Qmp  # noqa: E402
from test_vnc import SIZE, SMALL, picture  # noqa: E402

NOVNC = "/usr/share/novnc"
PATIENCE = 60
SHIFT = "\ue008"
# The canvas's pixels, as R, G, B; nothing while the page has none.
PIXELS = """
    const canvas = document.querySelector('canvas');
    if (!canvas || !canvas.width) return null;
    const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    let text = '';
    for (let i = 0; i < data.length; i += 4) text += String.fromCharCode(data[i], data[i + 1], data[i + 2]);
    return [canvas.width, canvas.height, btoa(text)];"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class NoVnc(machine.MachineTest):
    def setUp(self):
        super().setUp()
        if not os.path.isdir(NOVNC) or not browser.DRIVER or not browser.CHROMIUM:
            self.skipTest("no noVNC, or no Chromium")
        self.serial, self.qmp_path = self.folder / "serial", self.folder / "qmp"
        files = browser.Files(NOVNC)
        self.addCleanup(files.close)
        self.files = files.url
        self.browser = browser.Browser()
        self.addCleanup(lambda: self.browser.close())

    def run_machine(self, *arguments, vnc=""):
        """With its serial port in a file, QMP, and a WebSocket port, which becomes self.port."""
        self.port = free_port()
        return self.start("-m", "2", *machine.EXIT_DEVICE, "-serial", f"file:{self.serial}", "-qmp",
                          f"unix:{self.qmp_path},server=on,wait=off", "-vnc",
                          f"127.0.0.1:50,to=500,websocket={self.port}{vnc}", *arguments)

    def boot(self, *defines, icount="shift=auto", vnc=""):
        process = self.run_machine("-bios", self.assemble("screen", *defines), *self.recording(icount), vnc=vnc)
        self.said("ready")
        return process

    def said(self, pattern):
        end = time.monotonic() + PATIENCE
        while True:
            text = self.serial.read_text() if self.serial.exists() else ""
            if found := re.search(pattern, text):
                return found
            self.assertLess(time.monotonic(), end, f"no {pattern} in {text!r}")
            time.sleep(0.02)

    def bytes_said(self, source):
        return re.findall(rf"^{source}000000(..)$", self.serial.read_text(), re.M)

    def look(self, page="vnc_lite.html", more=""):
        self.browser.open(f"{self.files}{page}?host=127.0.0.1&port={self.port}&path=&autoconnect=true&resize=off{more}")

    def shown(self, pixels):
        """Waits until the browser shows this."""
        end, seen = time.monotonic() + PATIENCE, None
        while time.monotonic() < end:
            if got := self.browser.run(PIXELS):
                seen = (got[0], got[1], base64.b64decode(got[2]))
                if seen == pixels:
                    return
            time.sleep(0.05)
        self.fail(f"the browser shows {seen and seen[:2]}, {seen and seen[2][:12].hex()}; expected {pixels[:2]}, "
                  f"{pixels[2][:12].hex()}")

    def count(self):
        """The bytes from keyboard and mouse, once no more come."""
        last, since = None, time.monotonic()
        while time.monotonic() - since < 0.5:
            now = len(self.bytes_said("k")) + len(self.bytes_said("m"))
            if now != last:
                last, since = now, time.monotonic()
            time.sleep(0.02)
        return last

    def canvas(self, x, y):
        """A place of the picture as one of the window."""
        box = self.browser.run("const b = document.querySelector('canvas').getBoundingClientRect(); return [b.x, b.y];")
        return round(box[0]) + x, round(box[1]) + y

    def test_a_session(self):
        process = self.boot()
        self.look()
        self.shown(picture(self.count()))
        with Qmp(self.qmp_path) as qmp:
            path = self.folder / "dump.ppm"
            qmp.execute("screendump", filename=str(path))
            self.shown(rfb.read_ppm(path))

            # Moves, and clicks with both buttons.
            self.browser.move(*self.canvas(100, 50))
            self.count()
            before = len(self.bytes_said("m"))
            self.browser.click(*self.canvas(112, 45))
            self.count()
            self.browser.click(*self.canvas(112, 45), button=2)
            self.count()
            packets = [bytes.fromhex("".join(self.bytes_said("m")[i:i + 3]))
                       for i in range(before, len(self.bytes_said("m")), 3)]
            buttons = [p[0] & 7 for p in packets]
            self.assertEqual([b for i, b in enumerate(buttons) if i == 0 or b != buttons[i - 1]], [0, 1, 0, 2, 0])
            self.assertEqual((sum(p[1] - (p[0] << 4 & 0x100) for p in packets),
                              sum(p[2] - (p[0] << 3 & 0x100) for p in packets)), (12, 5))

            # Types; the click has given the canvas the keyboard.
            self.browser.press("a")
            self.browser.press(SHIFT, "B")
            self.count()
            self.assertEqual(self.bytes_said("k"), "1e 9e 2a 30 b0 aa".split())
            self.shown(picture(self.count()))

            # Another size, and back.
            self.browser.press("r")
            self.shown(picture(1, SMALL))
            self.browser.press("r")
            self.shown(picture(1))
            self.assertEqual(len(qmp.execute("query-vnc")["clients"]), 1)

            # Leaves in the middle of updates, with a key down.
            self.browser.actions("key", {"type": "keyDown", "value": "x"})
            self.browser.open("about:blank")
            self.said("k000000ad")
            end = time.monotonic() + PATIENCE
            while qmp.execute("query-vnc")["clients"]:
                self.assertLess(time.monotonic(), end)

            # Comes back with the whole application, leaves by its button, comes back once more.
            self.look("vnc.html")
            base = len(self.bytes_said("k"))
            self.browser.wait_for("return document.querySelector('canvas') !== null")
            self.count()
            path.unlink()
            qmp.execute("screendump", filename=str(path))
            self.shown(rfb.read_ppm(path))
            self.browser.run("document.getElementById('noVNC_disconnect_button').click()")
            while qmp.execute("query-vnc")["clients"]:
                self.assertLess(time.monotonic(), end)
            self.look()
            self.shown(rfb.read_ppm(path))
            self.assertEqual(len(self.bytes_said("k")), base)

        # The window is closed while the machine goes on; the next one ends it.
        self.browser.close()
        self.browser = browser.Browser()
        self.look()
        self.shown(rfb.read_ppm(path))
        self.browser.click(*self.canvas(5, 5))
        self.count()
        self.browser.press("q")
        self.assertEqual(process.wait(PATIENCE), 3, process.errors.read_text())
        said = self.serial.read_bytes()
        for engine in ("tcg", "interp"):
            self.serial.unlink()
            self.replay("-serial", f"file:{self.serial}", "-accel", engine, status=3)
            self.assertEqual(self.serial.read_bytes(), said)

        # The end of it in the browser: the replay is stopped before the last key.
        self.serial.unlink()
        process = self.run_machine(*self.replaying(), "-S")
        with Qmp(self.qmp_path) as qmp:
            self.look()
            self.browser.wait_for("return document.querySelector('canvas') !== null")
            self.browser.press("q")
            last = max(event["icount"] for event in machine.replay_dump(self.log)["events"] if event["port"] == "keyboard")
            qmp.execute("replay-seek", icount=last - 1)
            qmp.wait_event("STOP", timeout=PATIENCE)
            path.unlink()
            qmp.execute("screendump", filename=str(path))
            self.shown(rfb.read_ppm(path))
            self.assertEqual(rfb.read_ppm(path)[:2], SIZE)
            qmp.execute("cont")
        self.assertEqual(process.wait(PATIENCE), 3, process.errors.read_text())
        self.assertEqual(self.serial.read_bytes(), said)
        self.assertRegex(process.errors.read_text(), machine.AS_RECORDED)

    def test_losses_are_for_who_asks(self):
        """noVNC asks for JPEG, always: it gets it with lossy=on, and without doesn't (above)."""
        process = self.boot(vnc=",lossy=on")
        self.look()
        wanted = picture(self.count())[2]
        got = self.browser.wait_for(PIXELS.replace("return [", "return data[3] && data[0] && ["))
        seen = base64.b64decode(got[2])
        self.assertEqual(len(seen), len(wanted))
        self.assertNotEqual(seen, wanted)
        self.assertLess(sum(abs(a - b) for a, b in zip(seen, wanted)) / len(wanted), 8)
        self.assertEqual(self.stop(process, PATIENCE), 0)

    def test_password(self):
        process = self.boot(vnc=",password=on")
        with Qmp(self.qmp_path) as qmp:
            self.look(more="&password=guess")
            self.browser.wait_for("return document.getElementById('status').textContent != 'Loading' && "
                                  "!document.querySelector('canvas')")
            qmp.execute("change-vnc-password", password="guess")
            self.look(more="&password=guess")
            self.shown(picture(self.count()))
            qmp.execute("expire_password", protocol="vnc", time="now")
            self.look(more="&password=guess")
            self.browser.wait_for("return document.getElementById('status').textContent != 'Loading' && "
                                  "!document.querySelector('canvas')")
        self.assertEqual(self.stop(process, PATIENCE), 0)
        self.replay()


if __name__ == "__main__":
    machine.main()
