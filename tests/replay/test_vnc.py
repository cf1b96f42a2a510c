#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The screen over VNC: what comes is what the machine shows, what is typed and clicked arrives and is recorded,
clients of every sort harm nobody, and the guest can't tell whether anybody watches.

quick: yes
"""
import os
import pathlib
import random
import re
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import machine  # noqa: E402
import rfb  # noqa: E402

SCREENS = pathlib.Path(machine.EMULATOR).resolve().parent / "tests" / "lockstep" / "replay-screens"
PEER = "/usr/bin/qemu-system-i386"
SIZE, SMALL = (320, 100), (200, 64)
PATIENCE = 120


def widen(value, bits):
    return value << (8 - bits) | value >> (2 * bits - 8)


def rgb(word):
    return bytes((widen(word >> 11, 5), widen(word >> 5 & 63, 6), widen(word & 31, 5)))


def picture(count=0, size=SIZE):
    """What the guest shows after so many bytes from keyboard and mouse."""
    words = [(0x1234 + n) & 0xffff for n in range(size[0] * size[1])]
    words[0] += count
    return (*size, b"".join(map(rgb, words)))


class Vnc(machine.MachineTest):
    def setUp(self):
        super().setUp()
        self.path = str(self.folder / "vnc")
        self.serial = self.folder / "serial"

    def boot(self, *arguments, vnc=None, defines=(), icount="shift=auto"):
        """The guest with a recording, once it shows its picture."""
        process = self.start("-m", "2", "-bios", self.assemble("screen", *defines), "-serial", f"file:{self.serial}",
                             *machine.EXIT_DEVICE, "-vnc", vnc or f"unix:{self.path}", *arguments,
                             *self.recording(icount))
        self.said(r"ready")
        return process

    def said(self, pattern, within=PATIENCE):
        end = time.monotonic() + within
        while True:
            text = self.serial.read_text() if self.serial.exists() else ""
            if found := re.search(pattern, text):
                return found
            self.assertLess(time.monotonic(), end, f"no {pattern} in {text!r}")
            time.sleep(0.02)

    def bytes_said(self):
        return re.findall(r"^([km])000000(..)$", self.serial.read_text(), re.M)

    def settle(self):
        """Waits until nothing more comes from keyboard and mouse; how many bytes it was."""
        last, since = None, time.monotonic()
        while time.monotonic() - since < 0.5:
            now = len(self.bytes_said())
            if now != last:
                last, since = now, time.monotonic()
            time.sleep(0.02)
        return last

    def client(self, **options):
        client = rfb.Client(self.path, **options)
        self.addCleanup(client.close)
        return client

    def quit(self, process):
        with rfb.Client(self.path) as client:
            client.type("q")
            self.assertEqual(process.wait(PATIENCE), 3, process.errors.read_text())
        self.said("bye")

    def test_picture_keys_and_pointer(self):
        process = self.boot()
        client = self.client()
        self.assertEqual(client.size, SIZE)
        first = self.settle()  # the mouse's acknowledgement
        self.assertEqual(client.refresh(), picture(first))
        client.type("aB")
        client.press("ret")
        client.code(0x9c, True)  # the keypad's Enter
        client.code(0x9c, False)
        count = self.settle()
        keys = [byte for source, byte in self.bytes_said() if source == "k"]
        self.assertEqual(keys, "1e 9e 2a 30 aa b0 1c 9c e0 1c e0 9c".split())
        self.assertEqual(client.refresh(incremental=True), picture(count))
        client.pointer(100, 50)
        client.pointer(110, 45)
        client.pointer(110, 45, 1)
        client.pointer(110, 45)
        self.settle()
        packets = [byte for source, byte in self.bytes_said() if source == "m"][1:]
        self.assertEqual(packets, "08 0a 05 09 00 00 08 00 00".split())
        before = self.settle()
        self.assertEqual(client.refresh(incremental=True), picture(before))
        self.quit(process)
        shown = before + 1

        # The replay says the same, whoever looks on; a picture taken out of it is what clients saw.
        said = self.serial.read_bytes()
        self.serial.unlink()
        self.replay("-serial", f"file:{self.serial}", "-vnc", f"unix:{self.path}", status=3)
        self.assertEqual(self.serial.read_bytes(), said)
        last = machine.replay_dump(self.log)["totals"]["icount"]
        for engine in ("tcg", "interp"):
            subprocess.run([SCREENS, self.log, self.folder, engine, str(last - 1)], check=True, timeout=PATIENCE,
                           stdout=subprocess.DEVNULL)
            self.assertEqual(rfb.read_png(self.folder / f"{last - 1}.png"), picture(shown))

    def test_another_size_in_mid_session(self):
        """The picture changes its size while clients of every sort are there: in the middle of a drag, of an update,
        and one that doesn't know of such changes."""
        process = self.boot()
        clients = [self.client(web=web) for web in (False, True, False)]
        plain = self.client(encodings=(rfb.RAW,))
        count = self.settle()
        for client in (*clients, plain):
            self.assertEqual(client.refresh(), picture(count))
        clients[0].pointer(300, 90)
        clients[0].pointer(300, 90, 1)
        self.settle()
        for sizes in range(2):
            size = (SMALL, SIZE)[sizes]
            broken = rfb.Client(self.path)
            for _ in range(5):
                broken.request(incremental=False)
            clients[2].press("r")
            broken.socket.recv(5000)
            broken.close()  # with a picture half sent
            before = len(self.bytes_said())
            self.settle()
            for client in clients:
                self.assertEqual(client.refresh(incremental=True), picture(1, size), "the key's release is the byte")
                self.assertEqual(client.size, size)
            clients[1].type("x")
            clients[2].pointer(size[0] - 1, size[1] - 1)
            clients[2].pointer(size[0] - 4, size[1] - 1)
            count = self.settle() - before + 1
            for client in clients:
                self.assertEqual(client.refresh(incremental=True)[:2], size)
            self.assertEqual(clients[0].refresh()[2][3:], picture(0, size)[2][3:])
        clients[0].pointer(300, 90)
        self.settle()
        buttons = [int(byte, 16) & 7 for source, byte in self.bytes_said() if source == "m"][1::3]
        self.assertEqual((max(buttons), buttons[-1]), (1, 0))
        # Who can't follow was left alone, and does no harm.
        plain.socket.close()
        self.quit(process)
        said = self.serial.read_bytes()
        for engine in ("tcg", "interp"):
            self.serial.unlink()
            self.replay("-serial", f"file:{self.serial}", "-accel", engine, status=3)
            self.assertEqual(self.serial.read_bytes(), said)

    def test_positions(self):
        process = self.boot(defines=["ABSOLUTE"])
        client = self.client(encodings=(rfb.RAW, rfb.DESKTOP_SIZE, rfb.POINTER_CHANGE))
        client.refresh()
        self.assertEqual(client.pseudo, [(rfb.POINTER_CHANGE, 1, 0)])
        client.pointer(0, 0)
        client.pointer(319, 99, 1)
        client.pointer(160, 50, 4)
        client.pointer(160, 50, 16)
        client.pointer(160, 50)
        self.settle()
        packets = re.findall(r"^p(.*)$", self.serial.read_text(), re.M)
        middle = (160 * 0xffff // 319, 50 * 0xffff // 99)
        wanted = [(0, 0, 0, 0), (0x20, 0xffff, 0xffff, 0), (0x10, *middle, 0), (0, *middle, 1), (0, *middle, 0)]
        self.assertEqual(packets, ["".join(f"{word:08x}" for word in packet) for packet in wanted])
        # The mouse interrupted with packets that say nothing.
        mouse = [byte for source, byte in self.bytes_said() if source == "m"][1:]
        self.assertGreaterEqual(len(mouse), 3)
        self.assertEqual(mouse, ["08", "00", "00"] * (len(mouse) // 3))
        self.quit(process)
        self.replay(status=3)

    def test_vmport(self):
        image = self.assemble("vmport")
        said = set()
        for emulator, arguments in [(None, []), (None, ["-accel", "interp"]), (PEER, [])]:
            if emulator and not os.path.exists(emulator):
                continue
            done = machine.run("-bios", image, "-m", "64", "-display", "none", "-serial", "stdio",
                               *machine.EXIT_DEVICE, *arguments, emulator=emulator)
            self.assertEqual(done.status, 3, done)
            said.add(re.sub(rb"vmmouse:.*\n", b"", done.out))  # the peer's own words
        self.assertEqual(len(said), 1, said)
        done = machine.run("-bios", image, "-display", "none", "-serial", "stdio", "-machine", "pc,vmport=off",
                           *machine.EXIT_DEVICE)
        self.assertEqual(done.out.split(b"\n")[4], b"ffffffff 11111111 0000000a aaaa5658 ")

    def test_what_is_held_is_let_go(self):
        process = self.boot()
        self.settle()
        with rfb.Client(self.path) as client:
            client.key(ord("a"), True)
            client.type("hello")
        self.said("k0000009e")  # after the client has left
        self.settle()
        keys = [byte for source, byte in self.bytes_said() if source == "k"]
        self.assertEqual(keys, "1e 23 a3 12 92 26 a6 26 a6 18 98 9e".split())
        self.quit(process)

    def test_replay_shows_and_takes_nothing(self):
        process = self.boot(defines=["WORK", "ROUNDS=1500"], icount="shift=4,sleep=off")
        self.assertEqual(process.wait(PATIENCE), 3)
        replay = self.start(*self.replaying(), "-vnc", f"unix:{self.path}")
        client = self.client()
        seen = set()
        try:
            while len(seen) < 3:
                client.type("q")
                client.click(3, 3)
                seen.add(client.refresh(incremental=True))
        except ConnectionError:
            self.fail(f"the replay ended before three pictures were seen: {replay.errors.read_text()}")
        self.assertEqual(replay.wait(PATIENCE), 3)
        self.assertRegex(replay.errors.read_text(), machine.AS_RECORDED)

    def test_hostile_clients(self):
        process = self.boot()
        self.settle()
        good = self.client()
        dice = random.Random(5)
        stuck = []
        for _ in range(40):
            plain = socket.socket(socket.AF_UNIX)
            plain.connect(self.path)
            plain.sendall(dice.choice([b"", b"GET / HTTP/1.1\r\n\r\n", b"RFB 003.008\n\1\1", b"\0" * 500,
                                       dice.randbytes(200), b"RFB 003.008\n\1\1" + dice.randbytes(300),
                                       b"RFB 003.008\n\1\1" + b"\2\0\xff\xff", b"RFB 999.999\n"]))
            if dice.random() < 0.5:
                plain.close()
            else:
                stuck.append(plain)
        # Half an update request, an update that is never read, and a connection that breaks within one.
        half = rfb.Client(self.path)
        half.write(b"\3\0\0")
        deaf = rfb.Client(self.path)
        for _ in range(20):
            deaf.request(incremental=False)
        for _ in range(10):
            broken = rfb.Client(self.path)
            broken.request(incremental=False)
            broken.socket.recv(100)
            broken.close()
        count = len(self.bytes_said())
        begin = time.monotonic()
        self.assertEqual(good.refresh(), picture(count))
        self.assertLess(time.monotonic() - begin, 5)
        good.type("a")
        self.said("k0000001e")
        for client in (half, deaf, *stuck):
            client.close()
        self.quit(process)
        self.replay(status=3)

    def test_ten_clients(self):
        process = self.boot()
        count = self.settle()
        clients = [self.client(web=n % 2 == 1) for n in range(10)]
        for client in clients:
            self.assertEqual(client.refresh(), picture(count))
        clients[0].type("x")
        count = self.settle()
        for client in clients:
            self.assertEqual(client.refresh(incremental=True), picture(count))
        self.quit(process)

    def test_the_guest_does_not_notice(self):
        def record(watch):
            self.log = self.folder / f"log-{watch}"
            self.serial.unlink(missing_ok=True)
            process = self.boot("-rtc", "base=2024-05-06", defines=["WORK", "ROUNDS=1500"],
                                icount="shift=4,sleep=off,rrdigest=50")
            seen, stop = [], threading.Event()

            def look():
                try:
                    with rfb.Client(self.path) as client:
                        while not stop.is_set():
                            seen.append(client.refresh(incremental=True)[:2])
                except OSError:
                    pass  # the guest has ended

            threads = [threading.Thread(target=look) for _ in range(watch)]
            for thread in threads:
                thread.start()
            self.assertEqual(process.wait(PATIENCE), 3)
            stop.set()
            for thread in threads:
                thread.join()
            dump = machine.replay_dump(self.log)
            digests = subprocess.run(["/usr/bin/python3", machine.ROOT / "scripts" / "replay-dump", "--digests", self.log],
                                     capture_output=True, text=True, check=True, timeout=PATIENCE).stdout
            return dump["totals"], [line for line in digests.splitlines() if line.startswith("digest")], seen

        alone, digests, _ = record(0)
        watched, digests_watched, seen = record(10)
        self.assertGreater(len({line.split(" state ")[1] for line in digests}), 10)
        self.assertEqual(digests, digests_watched)
        self.assertGreater(len(seen), 10)
        for totals in (alone, watched):
            for key in [k for k in totals if "byte" in k]:
                del totals[key]
        self.assertEqual(alone, watched)
        self.assertEqual(alone["events"], 0)

    def test_idle_recording_has_no_trace_of_looks(self):
        """A machine that sleeps: somebody who watches adds nothing to what is recorded."""
        def events(watch):
            log = self.folder / f"idle-{watch}"
            path = str(self.folder / f"vnc-{watch}")
            process = self.start("-m", "2", "-bios", self.assemble("echo", "HALT"), *machine.EXIT_DEVICE, "-vnc",
                                 f"unix:{path}", *self.recording("shift=4,sleep=on", log=log))
            if watch:
                with rfb.Client(path) as client:
                    client.refresh()  # of a black screen: nothing comes after that
                    end = time.monotonic() + 2
                    while time.monotonic() < end:
                        client.request(incremental=True)
                        time.sleep(0.02)
            else:
                time.sleep(2)
            self.assertEqual(self.stop(process, PATIENCE), 0)
            totals = machine.replay_dump(log)["totals"]
            return totals["events"] / totals["virtual_ns"]

        # The guest's own timer makes an event a millisecond; the looks would be 60 a second on top of it.
        self.assertLess(events(True), events(False) * 1.02)

    def test_password_sharing_and_ports(self):
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        taken = listener.getsockname()[1]
        if taken < 5900 or taken > 65000:
            listener.close()
            self.skipTest("no port to be taken")
        process = self.boot(vnc=f"127.0.0.1:{taken - 5900},to={taken - 5900 + 50},password=on")
        found = re.search(r"VNC server running on 127.0.0.1:(\d+)", process.errors.read_text())
        port = int(found[1])
        self.assertGreater(port, taken)
        # Nobody has set a password: nobody gets in.
        with self.assertRaises(PermissionError):
            rfb.Client(("127.0.0.1", port), password="secret")
        with self.assertRaises(ConnectionError):
            rfb.Client(("127.0.0.1", port))
        self.stop(process, PATIENCE)
        listener.close()

    def test_exclusive(self):
        process = self.boot()
        first = self.client()
        first.refresh()
        second = self.client(shared=False)
        second.refresh()
        with self.assertRaises(OSError):
            while True:
                first.refresh()
        self.quit(process)
        process = self.boot(vnc=f"unix:{self.path},share=force-shared")
        first = self.client()
        with self.assertRaises(OSError):
            self.client(shared=False).refresh()
        first.refresh()
        self.quit(process)

    def test_window(self):
        """SDL's driver without a desktop: that it opens, shows and closes; and that there must be a desktop."""
        if "sdl" not in machine.run("-display", "help").out.decode().split():
            self.skipTest("a build without SDL")
        image = self.assemble("screen", "WORK")
        for arguments in (self.recording("shift=4,sleep=off"), self.replaying()):
            done = machine.run("-m", "2", "-bios", image, *machine.EXIT_DEVICE, "-display", "sdl", *arguments,
                               env=dict(os.environ, SDL_VIDEODRIVER="dummy"), timeout=PATIENCE)
            self.assertEqual(done.status, 3, done)
        nowhere = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
        self.refused(machine.run("-bios", image, "-display", "sdl", env=dict(nowhere, SDL_VIDEODRIVER="x11")),
                     "-display sdl: could not initialize SDL")

    def test_refused(self):
        image = self.assemble("screen")
        for option, text in [("nonsense", "'nonsense': expected none, HOST:DISPLAY or unix:PATH"),
                             (":x", "expected the number of a display"), (":0,to=x", "to=x"),
                             (":70000", "expected the number of a display"),
                             (":1,share=maybe", "share=maybe: expected allow-exclusive"),
                             (":1,sasl=on", "'sasl' isn't supported"), ("unix:/nonexistent/x", "could not listen"),
                             ("unix:/tmp/x,websocket=on", "websocket needs a TCP address"),
                             ("192.0.2.1:1", "could not listen on 192.0.2.1:5901")]:
            self.refused(machine.run("-bios", image, "-vnc", option), f"-vnc", text)
        self.refused(machine.run("-bios", image, "-display", "curses"), "does not accept value 'curses'")
        self.refused(machine.run("-bios", image, "-k", "xx", "-vnc", f"unix:{self.path}"), "-k: could not read keymap")
        self.refused(machine.run("-bios", image, "-vga", "none", "-vnc", f"unix:{self.path}"), "no display adapter")
        self.assertFalse(os.path.exists(self.path))


if __name__ == "__main__":
    machine.main()
