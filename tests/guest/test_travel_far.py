#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A recorded boot of Debian's installer kernel and a shell session, under gdb's protocol: the last write of an address is
the one that a trace forward ends with; a breakpoint that was hit a thousand times is gone through backward in order; a
thousand random commands leave no trace, on a saturated host, too. The normal form has fewer of each.
"""
import pathlib
import random
import re
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "gdb"))
import machine  # noqa: E402
import qmp as peer  # noqa: E402
import rsp  # noqa: E402
import session  # noqa: E402

PATIENCE = 900
ICOUNT = 52  # the number of the register that counts instructions
EIP, ESP = 8, 4
COMMANDS = ["mount -t proc proc /proc", "ls -lR /lib | md5sum", "i=0; while [ $i -lt 300 ]; do i=$((i+1)); done",
            "cat /proc/interrupts"]
WINDOW = 5_000_000  # instructions that are traced forward


class Far(machine.MachineTest):
    short = False

    def setUp(self):
        super().setUp()
        command = [machine.EMULATOR, "-m", "256", "-nographic", "-no-reboot", "-kernel", session.LINUX, "-initrd",
                   session.INITRD, "-append", "console=ttyS0 quiet rdinit=/bin/sh", *self.recording()]
        with session.Session(command) as run:
            session.shell_session(run, COMMANDS, PATIENCE)
            self.assertEqual(session.power_off(run, PATIENCE), 0, run.errors)
        paths = [self.folder / "qmp", self.folder / "gdb"]
        self.process = self.start(*self.replaying(), "-display", "none", "-serial", "null", "-S", "-qmp",
                                  f"unix:{paths[0]},server=on,wait=off", "-gdb", f"unix:{paths[1]},server=on,wait=off")
        self.qmp = peer.Qmp(paths[0], timeout=PATIENCE)
        self.end = int(re.search(r"^of (\d+)", self.qmp.hmp("info replay"), re.M)[1])
        self.gdb = rsp.Rsp(paths[1], timeout=PATIENCE)
        self.gdb.no_acks()

    def register(self, number):
        return int.from_bytes(bytes.fromhex(self.gdb.ask(f"p{number:x}")), "little")

    def here(self):
        return self.register(ICOUNT)

    def seek(self, icount):
        self.qmp.execute("replay-seek", icount=icount)
        while self.qmp.execute("query-status")["running"]:
            time.sleep(0.001)
        self.assertEqual(self.here(), icount)

    def go(self, packet):
        answer = self.gdb.ask(packet)
        self.assertRegex(answer, "^T")
        return answer

    def finish(self):
        """To the end, as recorded."""
        self.gdb.ask("D")
        self.gdb.close()
        self.qmp.execute("cont")
        while self.qmp.execute("query-status")["running"]:
            pass
        self.qmp.send('{"execute": "quit"}')
        self.qmp.close()
        self.assertEqual(self.process.wait(PATIENCE), 0)
        self.assertRegex(self.process.errors.read_text(), machine.AS_RECORDED)

    def test_last_writes(self):
        dice = random.Random(21)
        traced = 0
        for _ in range(machine.by_kind(3, 10, 50)):
            at = dice.randrange(self.end // 10, self.end)
            self.seek(at)
            # Somewhere on the stack, or where the code that runs here keeps something.
            address = (self.register(ESP) + dice.randrange(-64, 512)) & 0xfffffffc
            watch = f"2,{address:x},4"
            self.assertEqual(self.gdb.ask("Z" + watch), "OK")
            self.go("bc")
            back = self.here()
            first = max(0, at - WINDOW)
            self.gdb.ask("z" + watch)
            self.seek(first)
            self.gdb.ask("Z" + watch)
            last, now, hits = None, first, 0
            while True:
                self.go("c")
                now = self.here()
                if now > at or now >= self.end:
                    break
                last = now - 1  # before the instruction that did it
                hits += 1
            self.gdb.ask("z" + watch)
            if last is None:
                self.assertLess(back, first)
            else:
                traced += 1
                self.assertEqual(back, last, f"{address:#x} before {at}, {hits} writes since {first}")
        self.assertGreater(traced, 0)
        self.finish()

    def test_a_breakpoint_backward(self):
        hits = machine.by_kind(50, 200, 1000)
        self.seek(self.end * 3 // 4)
        # A place that is come to often: the instruction after a few hundred thousand others.
        breakpoint = f"0,{self.register(EIP):x},1"
        self.assertEqual(self.gdb.ask("Z" + breakpoint), "OK")
        forward = []
        for _ in range(hits):
            if "replaylog" in self.go("c"):
                break
            forward.append(self.here())
        self.assertGreater(len(forward), hits // 10)
        back = [forward[-1]]
        for _ in forward[1:]:
            self.go("bc")
            back.append(self.here())
        self.assertEqual(back, forward[::-1])
        self.gdb.ask("z" + breakpoint)
        self.finish()

    def at_random(self, count):
        dice = random.Random(22)
        seen, stops = {}, []
        for _ in range(count):
            action = dice.choice(["s", "s", "bs", "bs", "bc", "c", "seek", "break", "watch", "clear", "read"])
            if action in ("bc", "c") and not stops:
                action = "bs"
            if action == "seek":
                self.seek(dice.randrange(self.end))
            elif action == "read":
                self.gdb.ask(f"m{dice.randrange(1 << 32):x},40")
            elif action == "break":
                stops.append(f"{dice.choice((0, 1))},{self.register(EIP):x},1")
                self.gdb.ask("Z" + stops[-1])
            elif action == "watch":
                stops.append(f"{dice.choice((2, 2, 4))},{self.register(ESP) - dice.randrange(64):x},4")
                self.gdb.ask("Z" + stops[-1])
            elif action == "clear":
                while stops:
                    self.gdb.ask("z" + stops.pop())
            else:
                self.go(action)
            state = self.gdb.ask("g")
            self.assertEqual(seen.setdefault(self.here(), state), state)
        while stops:
            self.gdb.ask("z" + stops.pop())
        self.finish()

    def test_at_random(self):
        self.at_random(machine.by_kind(50, 200, 1000))

    @machine.slow
    def test_at_random_on_a_saturated_host(self):
        with machine.Saturated():
            self.at_random(1000)


if __name__ == "__main__":
    machine.main()
