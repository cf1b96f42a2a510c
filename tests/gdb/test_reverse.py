#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""gdb and recordings: what it writes is recorded, and in a replay it goes backward without a trace."""
import contextlib
import random
import re
import struct

import xxhash
import zstandard

import debug
from debug import machine

EXIT = ["-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
ICOUNT = 52  # its number


class ReverseTest(debug.GdbTest):
    def record(self, *commands, defines=("TIMER", "COUNT=20000"), icount="shift=6,sleep=off"):
        """A recording, made with gdb attached and these commands, up to the guest's end; gdb's output."""
        process = self.launch("-S", *EXIT, *self.recording(icount=icount), defines=defines)
        text = self.gdb(*commands, "continue")
        self.assertEqual(process.wait(60), 1, text)
        self.assertIn("exited with code 01", text)
        return text

    def replay_with_gdb(self, *arguments):
        self.gdb_path = self.folder / f"gdb{self.started}"
        return self.start(*self.replaying(), "-display", "none", "-S", "-gdb", f"unix:{self.gdb_path},server=on,wait=off",
                          *arguments)

    def ends_as_recorded(self, process, timeout=60):
        self.assertEqual(process.wait(timeout), 1, process.errors.read_text())
        self.assertRegex(process.errors.read_text(), machine.AS_RECORDED)


def falsify(log, old, new):
    """The log's events have other bytes (docs/replay-format.rst, "Chunks")."""
    data, out = log.read_bytes(), bytearray()
    at = struct.unpack_from("<Q", data, 32)[0]
    out += data[:at]
    while at < len(data):
        head, stored = bytearray(data[at:at + 80]), data[at + 80:at + 80 + struct.unpack_from("<Q", data, at + 24)[0]]
        at += 80 + len(stored)
        if head[4:8] == b"EVNT":
            flags, raw = struct.unpack_from("<I", head, 8)[0], stored
            if flags & 2:
                raw = zstandard.ZstdDecompressor().decompress(stored, struct.unpack_from("<Q", head, 32)[0])
            stored = raw.replace(old, new)
            struct.pack_into("<I", head, 8, flags & ~2)
            struct.pack_into("<QQ", head, 24, len(stored), len(stored))
            struct.pack_into("<Q", head, 72, xxhash.xxh3_64_intdigest(stored))
            struct.pack_into("<I", head, 12, 0)
            struct.pack_into("<I", head, 12, xxhash.xxh3_64_intdigest(bytes(head)) & 0xffffffff)
        out += head + stored
    log.write_bytes(out)


class Diverged(ReverseTest):
    """What isn't as recorded is there for looking at while gdb is; the exit status stays that of a divergence."""

    def setUp(self):
        super().setUp()
        self.record("tbreak after if (int)counter == 1000", "continue", "set var *(int*)&source = 0x12345",
                    icount="shift=6,sleep=off,rrdigest=1")
        falsify(self.log, bytes.fromhex("45230100"), bytes.fromhex("46230100"))

    def ends_diverged(self, process):
        self.assertEqual(process.wait(60), 2, process.errors.read_text())
        self.assertEqual(process.errors.read_text().count("the replay diverged"), 1, process.errors.read_text())

    def test_without_gdb(self):
        done = machine.run(*self.replaying(), "-display", "none", timeout=60)
        self.assertEqual(done.status, 2, done)
        self.assertIn("the replay diverged", done.err)

    def test_look_and_go_back(self):
        process = self.replay_with_gdb()
        text = self.gdb("continue", "p/x $ebx", "p $icount", "monitor info replay", "monitor cont", "continue", "stepi", "break work",
                        "reverse-continue", "p (int)counter > 990", "stepi", "reverse-stepi", "delete",
                        "monitor replay_seek 1000", "maintenance flush register-cache", "p $icount", "continue", "p $icount",
                        "reverse-stepi", "stepi", "p $icount")
        # gdb's own words, and behind them what it was told to print.
        nothing = "^No more reverse-execution history"
        self.finds(text, nothing, r"^\$1 = 0x12346$", r"^\$2 = \d+$", nothing, nothing, r"^Breakpoint \d, ", r"^\$3 = 1$",
                   r"^Breakpoint \d, ", r"^\$4 = 1000$", nothing, r"^\$5 = \d+$", r"^\$6 = \d+$")
        diverged = "^the replay diverged from its recording at instruction"
        self.finds(text, diverged, "^  cpu0.ebx: recorded 0x12345, replayed 0x12346", "'pc.ram' differs", "; the replay diverged here$",
                   "the replay diverged here: there is nothing to go on with", diverged, diverged, diverged)
        where = re.search(r"at instruction (\d+)", text)[1]
        for n in (2, 5, 6):
            self.assertEqual(re.search(rf"^\${n} = (\d+)$", text, re.M)[1], where)
        self.ends_diverged(process)

    def test_ends(self):
        for last in ("D", "k", "", "monitor quit"):
            process = self.replay_with_gdb()
            with self.rsp() as client:
                client.send("c")
                self.assertTrue(bytes.fromhex(client.receive(60).decode()[1:]).startswith(b"the replay diverged"))
                self.assertEqual(client.receive(), b"T05replaylog:end;thread:01;")
                self.assertEqual(client.ask("?"), "T05replaylog:end;thread:01;")
                if last == "monitor quit":
                    client.monitor("quit")
                    self.assertEqual(client.receive(), b"W02")
                elif last:
                    client.send(last)
            self.ends_diverged(process)


class Recorded(ReverseTest):
    def test_writes(self):
        """Memory by either address, code, registers of all kinds, at several places."""
        text = self.record("tbreak after if (int)counter == 10", "continue", "set var *(int*)&source = 4711",
                           "set var $edx = 0x1000", "set var $xmm2.uint128 = 77", "set var $st0 = 2.5", "stepi", "p $ebx",
                           "tbreak work if (int)counter == 20", "continue",
                           "set var *(unsigned char*)((long)&work + 3) = 0x29",  # add becomes sub
                           "set var $eflags = $eflags ^ 0x41", "maintenance packet Qqemu.PhyMemMode:1",
                           "set var *(int*)0x30000 = 5", "maintenance packet Qqemu.PhyMemMode:0",
                           "tbreak loop if (int)counter == 30", "continue", "p *(int*)&pair", "set var *(int*)&counter = 1000",
                           "set var $es = 8", "set var $cr2 = 99")
        self.finds(text, r"^\$1 = 4711$")
        events = [e for e in machine.replay_dump(self.log)["events"] if e["port"].startswith("debug.")]
        ports = [e["port"] for e in events]
        self.assertGreaterEqual(ports.count("debug.memory"), 4)
        self.assertGreaterEqual(ports.count("debug.register"), 6)
        self.assertGreater(len({e["icount"] for e in events}), 2)
        for engine in ("tcg", "interp"):
            self.replay("-accel", engine, "-display", "none", status=1)

    def test_looking_leaves_no_trace(self):
        """But for where it stopped: a recording with a gdb that only looked has no inputs."""
        self.record("break after if (int)counter == 10", "continue", "info registers", "x/100xb 0x10000", "stepi 20",
                    "watch *(int*)&counter", "continue", "delete")
        self.assertFalse([e for e in machine.replay_dump(self.log)["events"] if e["port"].startswith("debug.")])
        self.replay("-display", "none", status=1)


class Replayed(ReverseTest):
    def test_steps_back(self):
        self.record()
        process = self.replay_with_gdb()
        text = self.gdb("break work if (int)counter == 500", "continue", "delete", """python
there = []
def state():
    return [int(gdb.parse_and_eval('$' + r)) & 0xffffffffffffffff for r in ('icount', 'eip', 'eax', 'edx', 'esp', 'eflags')]
for _ in range(60):
    there.append(state())
    gdb.execute('stepi', to_string=True)
back = []
for _ in range(60):
    gdb.execute('reverse-stepi', to_string=True)
    back.append(state())
print('same' if back == there[::-1] else 'differ: %s %s' % (there, back))
print('one by one' if all(b[0] - a[0] == 1 for a, b in zip(there, there[1:])) else there)
end""", "delete", "continue")
        self.finds(text, "^same$", "^one by one$", "No more reverse-execution history")
        self.ends_as_recorded(process)

    def test_interrupts_back(self):
        """Handlers are gone through backward as forward: each tick once, from inside and from afar."""
        self.record()
        process = self.replay_with_gdb()
        text = self.gdb("break timer", *["continue"] * 9, "p (int)ticks", "p $icount", "reverse-stepi", "p $eip < (long)&timer",
                        "stepi", "p $eip == (long)&timer", "p $icount", "delete", "watch *(int*)&ticks", "reverse-continue",
                        "p (int)ticks", "info registers eip", "delete", "tbreak timer", "reverse-continue", "p (int)ticks", "delete",
                        "tbreak done", "continue", "break timer", *["reverse-continue"] * 5, "continue",
                        "p (int)ticks", "delete", "continue")
        self.finds(text, r"^\$1 = 8$", r"^\$2 = (\d+)$", r"^\$3 = 1$", r"^\$4 = 1$", r"^\$5 = (\d+)$", r"^Old value = 8\nNew value = 7$",
                   r"^\$6 = 7$", r"eip .*<timer\+1>", r"^\$7 = 7$", r"^\$8 = (2[4-9]|3\d)$", "No more reverse-execution history")
        self.assertEqual(*re.findall(r"^\$[25] = (\d+)$", text, re.M))
        self.ends_as_recorded(process)

    def test_breakpoints_back(self):
        self.record()
        process = self.replay_with_gdb()
        text = self.gdb("break work if (int)counter == 300", "continue", "p (int)counter", "delete", "break work",
                        "reverse-continue", "p (int)counter", "reverse-continue", "p (int)counter", "continue", "p (int)counter",
                        "delete", "hbreak after if (int)counter == 17", "reverse-continue", "p (int)counter", "delete",
                        "reverse-continue", "p $icount", "p/x $cs_base", "continue")
        self.finds(text, r"^\$1 = 300", r"^\$2 = 299", r"^\$3 = 298", r"^\$4 = 299", r"^\$5 = 17",
                   r"No more reverse-execution history", r"^\$6 = 0$", r"^\$7 = 0xffff0000", r"No more reverse-execution history")
        self.ends_as_recorded(process)

    def test_last_writer(self):
        self.record()
        process = self.replay_with_gdb()
        text = self.gdb("break work if (int)counter == 400", "continue", "delete", "watch *(int*)&counter",
                        "reverse-continue", "p (int)counter", "info registers eip", "reverse-continue", "p (int)counter",
                        "delete", "watch *(int*)&pair", "reverse-continue", "x/i $pc", "delete", "rwatch *(int*)&source",
                        "reverse-continue", "info registers eip", "delete", "watch *(int*)0x30000", "reverse-continue",
                        "x/i $pc", "p $eflags & 1", "delete", "continue")
        self.finds(text, r"^Hardware watchpoint 2", r"^Old value = 400\nNew value = 399", r"^\$1 = 399", r"eip .*<loop>",
                   r"^Old value = 399\nNew value = 398", r"^\$2 = 398", r"mov +%edx,0x", r"eip .*<after>",
                   r"^Old value = 305419896\nNew value = 0", r"movl +\$0x12345678,0x30000")
        self.ends_as_recorded(process)

    def test_refusals(self):
        self.record()
        process = self.replay_with_gdb()
        text = self.gdb("break work", "continue", "set var $eax = 77", "set var *(int*)&counter = 9", "p (int)counter",
                        "monitor replay_live", "set var $edx = 0x4444", "p/x $edx", "set var *(int*)&counter = 19000",
                        "reverse-stepi", "delete", "continue")
        self.finds(text, r"^\$1 = 1$", r"^\$2 = 0x4444$", r"exited with code 01")
        self.finds(text, r"Could not write register \"eax\"; remote failure reply 'E.the machine is replaying.*replay_live")
        self.assertIn("Cannot access memory at address 0x11000", text)
        self.assertEqual(process.wait(60), 1)
        self.assertIn("gdb: memory wasn't written: the machine is replaying", process.errors.read_text())

    def test_live_has_no_way_back(self):
        self.launch("-S")
        text = self.gdb("break work", "continue", "reverse-stepi", "reverse-continue", "p (int)counter")
        self.finds(text, r"^\$1 = 1$")
        self.assertEqual(text.count("Target remote does not support this command."), 2)
        client = self.rsp()
        for packet in ("bs", "bc"):
            self.assertTrue(client.ask(packet).startswith("E.there is no way back"))

    def test_at_random(self):
        """A thousand commands; whenever it is at the same instruction, it looks the same; and then to the end."""
        self.record()
        process = self.replay_with_gdb()
        client = self.rsp()
        client.no_acks()
        symbols = self.symbols()
        chance = random.Random(5)
        seen, stops, visits = {}, [], 0

        def look():
            icount = client.number(ICOUNT)
            return icount, (client.ask("g"), client.ask(f"m{symbols['counter']:x},18"), client.ask("m8fe0,20"))

        commands = machine.by_kind(200, 1000, 3000)
        for n in range(commands):
            what = chance.choices(("s", "bs", "c", "bc", "Z", "z", "seek", "interrupt", "range"),
                                 (25, 30, 6, 6, 4, 5, 3, 3, 5))[0]
            if what == "Z":
                kind = chance.randrange(5)
                where = chance.choice([symbols[s] for s in ("loop", "work", "after", "timer")] if kind < 2 else
                                      [symbols[s] for s in ("counter", "copy", "source", "ticks", "pair")])
                stop = f"{kind},{where:x},{1 if kind < 2 else chance.choice((1, 2, 4))}"
                self.assertEqual(client.ask("Z" + stop), "OK")
                stops.append(stop)
            elif what == "z":
                if stops:
                    self.assertEqual(client.ask("z" + stops.pop(chance.randrange(len(stops)))), "OK")
            elif what == "seek":
                there = chance.randrange(100, 200000)
                self.assertEqual(client.monitor(f"replay_seek {there}"), "")
                icount, state = look()
                self.assertEqual(icount, there, n)
                self.assertEqual(seen.setdefault(icount, state), state, (n, what, icount))
            else:
                first, last = sorted(chance.sample([symbols[s] for s in ("loop", "work", "after", "timer")], 2))
                client.send({"interrupt": "c", "range": f"vCont;r{first:x},{last:x}"}.get(what, what))
                if what == "interrupt":
                    client.raw(b"\x03")
                reply = client.receive(60)
                self.assertIsNotNone(reply, (n, what, stops))
                self.assertRegex(reply, rb"^T0[25]", (n, what))
                icount, state = look()
                visits += icount in seen
                self.assertEqual(seen.setdefault(icount, state), state, (n, what, icount))
        self.assertGreater(visits, commands // 10)
        for stop in stops:
            client.ask("z" + stop)
        client.send("c")
        self.assertIn(b"replaylog:end", client.receive(60))
        self.assertGreater(int.from_bytes(bytes.fromhex(client.ask(f"m{symbols['ticks']:x},4")), "little"), 20)
        client.send("D")
        self.ends_as_recorded(process)


class Ranges(ReverseTest):
    """vCont;r START,END"""

    def setUp(self):
        super().setUp()
        self.record()
        self.process = self.replay_with_gdb()
        self.client = self.rsp()
        self.client.no_acks()
        self.at = self.symbols()

    def go(self, packet):
        """Where it stops, and why."""
        reply = self.client.ask(packet, 60)
        return self.client.number(ICOUNT), self.client.ask("g"), reply

    def test_as_by_steps(self):
        """It ends where single steps end, to the instruction, in all registers, with interrupts on the way."""
        client, at = self.client, self.at
        ranges = [(at["loop"], at["work"]), (at["work"], at["timer"]), (at["loop"], at["timer"]), (0, 1 << 31), (5, 5),
                  (at["loop"], at["loop"] + 1)]
        interrupted = 0
        client.ask(f"Z0,{at['timer']:x},1")
        ticks = [self.go("c")[0] for _ in range(3)]
        client.ask(f"z0,{at['timer']:x},1")
        for begin in (100, 9000, *[tick - back for tick in ticks for back in (1, 50)], 150000):
            for first, last in ranges:
                client.monitor(f"replay_seek {begin}")
                steps = 0
                while True:
                    there = self.go("s")
                    steps += 1
                    if not first <= client.number(8) < last or steps == 1500:
                        break
                client.monitor(f"replay_seek {begin}")
                if steps == 1500:
                    # Out of there by a breakpoint that counts instructions.
                    client.monitor(f"replay_break {begin + steps}")
                self.assertEqual(self.go(f"vCont;r{first:x},{last:x}"), there)
                client.monitor("replay_delete_break")
                interrupted += client.number(8) == at["timer"]
        self.assertGreater(interrupted, 1)
        client.send("D")
        self.ends_as_recorded(self.process)

    def test_stops_on_the_way(self):
        """Breakpoints and watchpoints stop it; the one where it begins doesn't."""
        client, at = self.client, self.at
        client.ask("qSupported:swbreak+")
        client.monitor("replay_seek 100000")
        everywhere = f"vCont;r{at['loop']:x},{at['timer'] + 0x1000:x}"
        client.ask(f"Z0,{at['work']:x},1")
        counts = []
        for _ in range(5):
            icount, _, reply = self.go(everywhere)
            self.assertEqual((reply, client.number(8)), ("T05swbreak:;thread:01;", at["work"]))
            counts.append(icount)
        self.assertEqual(counts, sorted(set(counts)))
        self.go("bc")
        self.assertEqual(client.number(ICOUNT), counts[-2])
        client.ask(f"z0,{at['work']:x},1")
        client.ask(f"Z2,{at['pair']:x},4")
        icount, _, reply = self.go(everywhere)
        self.assertEqual(reply, f"T05watch:{at['pair']:08x};thread:01;")
        client.monitor(f"replay_seek {counts[-2]}")
        self.assertEqual(self.go("c")[0], icount)
        # The recording's end ends it, too; and so does somebody who wants it to.
        client.ask(f"z2,{at['pair']:x},4")
        self.assertIn("replaylog:end", self.go("vCont;r0,ffffffff")[2])
        client.monitor("replay_seek 1000")
        client.send("vCont;r0,ffffffff")
        client.raw(b"\x03")
        self.assertEqual(client.receive(), b"T02thread:01;")
        client.send("D")
        self.ends_as_recorded(self.process)


class Sought(ReverseTest):
    """A line of the monitor is answered when the machine is where it takes it."""

    def test_gdb_sees_the_place(self):
        self.record()
        process = self.replay_with_gdb()
        places = [200000, 1000, 150001, 150000, 0, 7, 199999]
        text = self.gdb("break work", *[line for n in places for line in (
            f"monitor replay_seek {n}", "maintenance flush register-cache", "p $icount")],
            "p (int)counter", "reverse-continue", "p (int)counter", "monitor replay_seek 50000", "maintenance flush register-cache",
            "monitor replay_live", "p $icount", "delete", "continue")
        self.assertEqual([int(n) for n in re.findall(r"^\$\d+ = (\d+)$", text, re.M)][:len(places)], places)
        self.finds(text, r"^\$8 = (\d+)$", r"^Breakpoint 1, ", r"^\$9 = (\d+)$", r"^\$10 = 50000$", "exited with code 01")
        self.assertEqual(process.wait(60), 1)

    def test_refused(self):
        self.record()
        process = self.replay_with_gdb()
        with self.rsp() as client:
            self.assertIn("outside of the recording", client.monitor("replay_seek 100000000"))
            self.assertEqual(client.monitor("replay_seek 12345"), "")
            self.assertEqual(client.monitor("replay_seek 12345"), "")
            self.assertEqual(client.number(ICOUNT), 12345)
            client.send("D")
            self.ends_as_recorded(process)

    def test_interrupt(self):
        """Ctrl-C ends a seek where it is, forward and on the way from a checkpoint; others wait for it."""
        self.record(defines=("COUNT=3000000",))
        end = machine.replay_dump(self.log)["end"]["icount"]
        process = self.replay_with_gdb()
        with self.rsp() as client:
            client.no_acks()
            client.begin_monitor(f"replay_seek {end}")
            client.raw(b"\x03")
            self.assertEqual(client.end_monitor(), "")
            self.assertLess(client.number(ICOUNT), end)
            self.assertEqual(client.ask("?"), "T02thread:01;")
            client.begin_monitor(f"replay_seek {end - 1}")
            client.send(f"p{ICOUNT:x}")
            self.assertEqual(client.end_monitor(), "")
            self.assertEqual(int.from_bytes(bytes.fromhex(client.receive().decode()), "little"), end - 1)
            self.assertEqual(client.monitor("replay_seek 1000"), "")
            self.assertEqual(client.number(ICOUNT), 1000)
            client.send("D")
        self.ends_as_recorded(process)

    def test_somebody_else_keeps_it(self):
        """Stopped, or made live, by another: the answer comes all the same. One that leaves meanwhile is no harm."""
        self.record(defines=("COUNT=3000000",))
        end = machine.replay_dump(self.log)["end"]["icount"]
        self.hmp_path = self.folder / "hmp"
        process = self.replay_with_gdb("-monitor", f"unix:{self.hmp_path},server=on,wait=off", "-accel", "interp")
        hmp = self.hmp()
        for line in ("stop", "replay_seek 5000", "replay_live"):
            with self.rsp() as client:
                client.begin_monitor(f"replay_seek {end}")
            with self.rsp() as client:
                client.ask("?")
                client.begin_monitor(f"replay_seek {end - 1}")
                while "running" not in hmp.run("info status") and not client.fill(0):
                    pass
                hmp.line.sendall(line.encode() + b"\r")
                self.assertEqual(client.end_monitor(), "")
                if line == "replay_live":
                    with contextlib.suppress(OSError):
                        client.send("c")  # it may have been there already
                    self.assertEqual(client.receive(), b"W01")
                else:
                    hmp.until_prompt()
        self.assertEqual(process.wait(60), 1, process.errors.read_text())

    def test_quit(self):
        self.record()
        process = self.replay_with_gdb()
        with self.rsp() as client:
            client.begin_monitor("quit")
            self.assertEqual(client.end_monitor(), "")
            self.assertEqual(client.receive(), b"W00")
        self.assertEqual(process.wait(60), 0)


if __name__ == "__main__":
    machine.main()
