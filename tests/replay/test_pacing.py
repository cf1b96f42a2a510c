#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A replay at a speed that one can watch: it is the same replay, digest by digest, only later.

quick: yes
"""
import pathlib
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import machine  # noqa: E402
import rfb  # noqa: E402
from qmp import Hmp, Qmp, QmpError  # noqa: E402

PATIENCE = 120


class Pacing(machine.MachineTest):
    def totals(self):
        dump = machine.replay_dump(self.log)
        return {**dump["totals"], "digests": len(dump["digests"])}

    def record_work(self, icount="shift=7,sleep=off,rrdigest=10"):
        """A guest that paints, for some seconds of its time: nothing comes from outside."""
        done = machine.run("-m", "2", "-bios", self.assemble("screen", "WORK", "ROUNDS=150"), *machine.EXIT_DEVICE,
                           "-display", "none", "-serial", "stdio", *self.recording(icount))
        self.assertEqual(done.status, 3, done)
        return self.totals(), done.out

    def record_idling(self):
        """A guest that waits, and is told a line now and then, by the host's clock."""
        process = self.start("-m", "2", "-bios", self.assemble("echo", "HALT"), *machine.EXIT_DEVICE, "-display", "none",
                             "-serial", "stdio", *self.recording("shift=auto,rrdigest=10"), stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE)
        for _ in range(5):
            process.stdin.write(b"hello\n")
            process.stdin.flush()
            time.sleep(0.3)
        process.stdin.write(b"q")
        process.stdin.close()
        self.assertEqual(process.wait(PATIENCE), 11)
        return self.totals(), process.stdout.read()

    def timed(self, speed, totals, **options):
        """A replay's output; it says itself that every digest is as recorded. It isn't over before its time."""
        begin = time.monotonic()
        done = machine.run("-icount", f"rr=replay,rrfile={self.log},rrspeed={speed}", "-display", "none", "-serial",
                           "stdio", timeout=PATIENCE, **options)
        took = time.monotonic() - begin
        found = machine.AS_RECORDED.search(done.err)
        self.assertTrue(found, done)
        self.assertEqual([int(found[n]) for n in (1, 2, 3)], [totals[k] for k in ("icount", "events", "digests")], done)
        if speed != "max":
            self.assertGreater(took, totals["virtual_ns"] / 1e9 / float(speed) - 0.1)
        return done.out

    def test_a_busy_guest(self):
        totals, said = self.record_work()
        self.assertGreater(totals["digests"], 50)
        for speed in ("max", "1", "4", "1000"):
            with self.subTest(speed=speed):
                self.assertEqual(self.timed(speed, totals), said)

    def test_an_idle_guest(self):
        totals, said = self.record_idling()
        self.assertGreater(totals["virtual_ns"], 1e9)
        for speed in ("max", "1", "2.5"):
            with self.subTest(speed=speed):
                self.assertEqual(self.timed(speed, totals), said)

    def test_stopped_meanwhile(self):
        """SIGSTOP: the replay doesn't rush afterwards, and is the same."""
        self.record_work()
        process = self.start("-icount", f"rr=replay,rrfile={self.log},rrspeed=2", "-display", "none")
        time.sleep(0.3)
        process.send_signal(signal.SIGSTOP)
        time.sleep(1)
        process.send_signal(signal.SIGCONT)
        self.assertEqual(process.wait(PATIENCE), 3)
        self.assertRegex(process.errors.read_text(), machine.AS_RECORDED)

    def test_monitors_and_a_viewer(self):
        totals, _ = self.record_work()
        paths = [self.folder / name for name in ("q", "m", "v")]
        process = self.start("-icount", f"rr=replay,rrfile={self.log},rrspeed=0.05", "-qmp",
                             f"unix:{paths[0]},server=on,wait=off", "-monitor", f"unix:{paths[1]},server=on,wait=off",
                             "-vnc", f"unix:{paths[2]}")
        with Qmp(paths[0]) as qmp, Hmp(paths[1]) as hmp, rfb.Client(str(paths[2])) as client:
            self.assertEqual(qmp.execute("query-replay")["speed"], "0.05")
            self.assertIn("at 0.05 times the recording's speed", hmp.run("info replay"))
            for _ in range(20):
                client.refresh(incremental=False)
            # Twenty looks don't drive it on: it has a minute to go.
            self.assertLess(qmp.execute("query-replay")["icount"], totals["icount"] / 2)
            self.assertEqual(hmp.run("replay_speed"), "0.05\n")
            self.assertEqual(hmp.run("replay_speed 0.01"), "")
            self.assertEqual(hmp.run("replay_speed"), "0.01\n")
            self.assertIn("not 'quick'", hmp.run("replay_speed quick"))
            with self.assertRaises(QmpError) as refused:
                qmp.execute("replay-set-speed", speed="0")
            self.assertIn("not '0'", refused.exception.text)
            # A seek goes there at once, whatever the pace.
            qmp.execute("replay-seek", icount=totals["icount"] * 3 // 4)
            qmp.wait_event("STOP", timeout=PATIENCE)
            self.assertEqual(qmp.execute("query-replay")["icount"], totals["icount"] * 3 // 4)
            self.assertEqual(qmp.execute("query-replay")["speed"], "0.01")
            qmp.execute("cont")
            self.assertLess(qmp.execute("query-replay")["icount"], totals["icount"])
            self.assertEqual(qmp.execute("replay-set-speed", speed="max"), {})
            qmp.wait_event("STOP", timeout=PATIENCE)
            self.assertEqual(qmp.execute("query-replay")["icount"], totals["icount"])
            qmp.execute("quit")
        self.assertEqual(process.wait(PATIENCE), 3, process.errors.read_text())
        self.assertRegex(process.errors.read_text(), machine.AS_RECORDED)

    def test_not_while_recording(self):
        path = self.folder / "q"
        process = self.start("-m", "2", "-bios", self.assemble("echo", "HALT"), "-display", "none", "-qmp",
                             f"unix:{path},server=on,wait=off", *self.recording())
        with Qmp(path) as qmp:
            with self.assertRaises(QmpError) as refused:
                qmp.execute("replay-set-speed", speed="1")
            self.assertIn("only in play mode", refused.exception.text)
            self.assertNotIn("speed", qmp.execute("query-replay"))
            self.assertEqual(qmp.hmp("replay_speed"), "not in play mode\n")
        self.assertEqual(self.stop(process, PATIENCE), 0)


if __name__ == "__main__":
    machine.main()
