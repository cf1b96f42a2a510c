#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""-trace and -d trace:: what is told of accesses to devices is the same in a recording and in its replays, whatever
engine runs them, and makes no difference to them.

quick: yes
"""
import pathlib
import re
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "monitor"))
import peer  # noqa: E402
from peer import machine  # noqa: E402

LINE = re.compile(r"(\d+)@(\d+)\.(\d{6}):(\w+) (.*)")


class Trace(machine.MachineTest):
    def record(self, *arguments, name="work"):
        """A guest that paints, with nothing from outside."""
        done = machine.run("-m", "2", "-bios", self.assemble("screen", "WORK", "ROUNDS=10"), *machine.EXIT_DEVICE,
                           "-display", "none", "-rtc", "base=2024-05-06", *arguments,
                           *self.recording("shift=4,sleep=off,rrdigest=10", log=self.folder / name))
        self.assertEqual(done.status, 3, done)
        self.log = self.folder / name
        return done

    def lines(self, text):
        found = [LINE.fullmatch(line) for line in text.splitlines()]
        self.assertTrue(all(found), text[:500])
        return [line.groups() for line in found]

    def test_a_replay_tells_the_same(self):
        first = self.folder / "first"
        self.record(name="plain")
        plain = machine.replay_dump(self.log)["totals"]
        self.record("-trace", f"enable=*,file={first}", name="traced")
        self.assertEqual(machine.replay_dump(self.log)["totals"], plain)
        said = first.read_text()
        names = {event for *_, event, _ in self.lines(said)}
        self.assertLessEqual({"cpu_in", "cpu_out", "memory_region_ops_read", "memory_region_ops_write", "vbe_write",
                              "vga_write", "serial_write", "isa_debug_exit_write"}, names)
        counts = [int(icount) for icount, *_ in self.lines(said)]
        self.assertEqual(counts, sorted(counts))
        for engine in ("tcg", "interp"):
            again = self.folder / engine
            self.replay("-accel", engine, "-trace", f"*,file={again}", status=3)
            self.assertEqual(again.read_text(), said)
            self.replay("-accel", engine, "-trace", "port92*", status=3)

    def test_what_a_line_says(self):
        out = self.folder / "out"
        self.record("-d", "trace:cpu_out,trace:isa_*", "-D", out)
        lines = self.lines(out.read_text())
        self.assertEqual([(event, text) for *_, event, text in lines[-2:]],
                         [("cpu_out", "addr 0xf4(b) value 1"), ("isa_debug_exit_write", "addr 0xf4 val 0x1 size 1")])
        self.assertEqual({event for *_, event, _ in lines}, {"cpu_out", "isa_debug_exit_write"})
        self.assertEqual(int(lines[-1][0]) * 16 // 1000, int(lines[-1][1]) * 1_000_000 + int(lines[-1][2]))
        done = self.record("-trace", "isa_debug_exit_write")
        self.assertEqual(len(self.lines(done.err)), 1)

    def test_lists_of_events(self):
        events, out = self.folder / "events", self.folder / "out-%d"
        events.write_text("# a comment\ncpu_*\n\n-cpu_in\nvbe_write  \n")
        self.record("-trace", f"events={events},file={out}")
        found, = self.folder.glob("out-[0-9]*")
        self.assertEqual({event for *_, event, _ in self.lines(found.read_text())}, {"cpu_out", "vbe_write"})
        done = self.record("-trace", "enable=nothing_such", "-trace", "enable=-cpu_in")
        self.assertIn("warning: trace event 'nothing_such' does not exist", done.err)
        self.assertEqual(len(done.err.splitlines()), 1)

    def test_every_region_of_a_pc_has_events(self):
        out = self.folder / "out"
        process = self.start("-display", "none", "-m", "32", "-serial", "null", "-serial", "null", "-parallel", "null",
                             "-debugcon", "null", "-trace", f"memory_region_ops_*,file={out}", "-trace", "x86_gsi_interrupt", *machine.EXIT_DEVICE,
                             "-icount", "shift=2,sleep=off")
        end = time.monotonic() + 60
        while not all(word in (text := out.read_text() if out.exists() else "") for word in ("'ide-command1'", " level:1")):
            self.assertLess(time.monotonic(), end)
            time.sleep(0.2)
        self.assertEqual(self.stop(process, 60), 0)
        self.assertRegex(text, r"x86_gsi_interrupt GSI interrupt #\d+ level:1\n")
        known = machine.run("-trace", "help").out.decode().split()
        for name in set(re.findall(r"name '(.*)'", text)):
            event = re.sub(r"\W", "_", name) + "_read"
            short = re.sub(r"\W", "_", name.rstrip("0123456789")) + "_read"
            self.assertTrue(event in known or short in known, f"{name}: add it to system/trace_log.cc")

    def test_help_and_refusals(self):
        listed = machine.run("-trace", "help")
        self.assertEqual(listed.status, 0)
        self.assertIn(b"\nrtc_read\n", listed.out)
        self.assertEqual(machine.run("-d", "trace:help").out, listed.out)
        self.assertIn(b"trace:PATTERN", machine.run("-d", "help").out)
        for option, text in [("file=/nonexistent/x,enable=cpu_in", "could not open the log file"),
                             ("events=/nonexistent/x", "could not open the list of events"),
                             ("color=on", "Invalid parameter 'color'")]:
            self.refused(machine.run("-display", "none", "-trace", option), "-trace", text)


@peer.on_both
class Monitors(peer.MonitorTest):
    def test_switched_by_monitors(self):
        self.launch("-S")
        hmp, qmp = self.hmp(), self.qmp()
        self.assertEqual(hmp.run("info trace-events cpu_in"), "cpu_in : state 0\n")
        self.assertEqual(hmp.run("trace-event cpu_in on"), "")
        self.assertEqual(hmp.run("info trace-events cpu_i*"), "cpu_in : state 1\n")
        self.assertEqual(qmp.execute("trace-event-get-state", name="cpu_in"),
                         [{"name": "cpu_in", "vcpu": False, "state": "enabled"}])
        self.assertEqual(qmp.execute("trace-event-set-state", name="cpu_*", enable=False), {})
        self.assertEqual({e["state"] for e in qmp.execute("trace-event-get-state", name="cpu_*")}, {"disabled"})
        self.assertIn('unknown event "foo"', hmp.run("trace-event foo on"))
        self.assertIn('unknown event "foo"', hmp.run("info trace-events foo"))
        self.assertIn("memory_region_ops_write : state 0", hmp.run("info trace-events"))
        for command, more in (("trace-event-get-state", {}), ("trace-event-set-state", {"enable": True})):
            with self.assertRaises(peer.QmpError) as failed:
                qmp.execute(command, name="foo", **more)
            self.assertEqual(failed.exception.text, 'unknown event "foo"')


if __name__ == "__main__":
    machine.main()
