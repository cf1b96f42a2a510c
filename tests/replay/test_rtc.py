#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""-rtc and -boot: what they take and refuse; whose time the clock keeps, as the guest reads it after a stop; and that
all of it is recorded.

quick: yes
"""
import datetime
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import machine  # noqa: E402
from qmp import Qmp  # noqa: E402

PATIENCE = 120
BASE = datetime.datetime(2020, 2, 29, 12)


class Rtc(machine.MachineTest):
    def boot(self, rtc, icount="shift=auto"):
        self.path = self.folder / f"qmp{self.started}"
        return self.start("-m", "2", "-bios", self.assemble("screen"), *machine.EXIT_DEVICE, "-display", "none", "-qmp",
                          f"unix:{self.path},server=on,wait=off", "-rtc", f"base={BASE.isoformat()}{rtc}",
                          *self.recording(icount))

    def seconds(self, qmp):
        """What the clock shows, as seconds after BASE."""
        def register(index):
            qmp.hmp(f"o /b 0x70 {index}")
            return int(qmp.hmp("i /b 0x71").split("=")[1], 16)

        while True:
            digits = [f"{register(index):02x}" for index in (0x32, 9, 8, 7, 4, 2, 0)]
            if digits[-1] == f"{register(0):02x}":
                break
        return (datetime.datetime.strptime("".join(digits), "%Y%m%d%H%M%S") - BASE).total_seconds()

    def adjusted(self):
        dump = machine.replay_dump(self.log)
        return sum(e["fields"]["seconds"] for e in dump["events"] if e["port"] == "rtc.adjust")

    def test_a_stop_passes_for_who_keeps_the_hosts_time(self):
        kinds = [("", True), (",clock=vm", False), (",clock=host", True), (",clock=rt", True)]
        for rtc, follows in machine.by_kind(kinds[:2], kinds, kinds):
            with self.subTest(rtc=rtc):
                process = self.boot(rtc)
                with Qmp(self.path) as qmp:
                    before = self.seconds(qmp)
                    qmp.execute("stop")
                    time.sleep(3)
                    qmp.execute("cont")
                    time.sleep(0.2)
                    passed = self.seconds(qmp) - before
                    if follows:
                        self.assertGreaterEqual(passed, 2)
                    else:
                        self.assertLess(passed, 2.5)
                self.assertEqual(self.stop(process, PATIENCE), 0)
                self.assertEqual(self.adjusted() >= 2, follows)
                self.replay()
                self.replay("-accel", "interp", "-rtc", f"base={BASE.isoformat()}{rtc}")

    @machine.not_quick
    def test_a_stopped_process_too(self):
        process = self.boot(",clock=rt")
        with Qmp(self.path) as qmp:
            before = self.seconds(qmp)
            process.send_signal(signal.SIGSTOP)
            time.sleep(4.2)
            process.send_signal(signal.SIGCONT)
            time.sleep(0.3)
            self.assertGreaterEqual(self.seconds(qmp) - before, 3)
        self.assertEqual(self.stop(process, PATIENCE), 0)
        self.assertGreaterEqual(self.adjusted(), 2)
        self.replay()

    def test_driftfix(self):
        process = self.boot(",driftfix=slew", "shift=4,sleep=off")
        time.sleep(0.3)
        self.assertEqual(self.stop(process, PATIENCE), 0)
        self.replay()
        self.replay("-rtc", f"base={BASE.isoformat()},driftfix=slew")
        self.refused(machine.run(*self.replaying(), "-rtc", f"base={BASE.isoformat()},driftfix=none"),
                     "driftfix=none", "made with 'driftfix=slew'")
        self.refused(machine.run(*self.replaying(), "-rtc", f"base={BASE.isoformat()},clock=host"), "clock=host",
                     "made with 'clock=vm'")

    def test_refused(self):
        for option, text in [("base=foo", "invalid datetime format"), ("base=", "invalid datetime format"),
                             ("base=2006-13-40", "invalid datetime format"),
                             ("clock=sun", "invalid option value 'sun': expected clock=host, rt or vm"),
                             ("clock=", "invalid option value ''"),
                             ("driftfix=fast", "invalid option value 'fast': expected driftfix=none or slew"),
                             ("foo=bar", "Invalid parameter 'foo'")]:
            self.refused(machine.run("-display", "none", "-rtc", option), "-rtc", text)
        for icount in ("shift=3", "shift=auto,sleep=off"):
            self.refused(machine.run("-display", "none", "-rtc", "clock=host", "-icount", icount), "-rtc clock=host",
                         "expected clock=vm")


class Boot(machine.MachineTest):
    def test_recorded(self):
        picture = self.folder / "picture.jpg"
        picture.write_bytes(b"\xff\xd8\xff\xe0" + b"x" * 100)
        boot = f"menu=on,splash={picture},splash-time=50,reboot-timeout=70,strict=on"
        process = self.start("-m", "16", "-display", "none", "-boot", boot, *self.recording("shift=4,sleep=off"))
        time.sleep(1)
        self.assertEqual(self.stop(process, PATIENCE), 0)
        self.replay("-boot", boot)
        picture.unlink()
        self.replay()
        for other, text in [("menu=on,splash-time=51,reboot-timeout=70,strict=on", "splash-time=51"),
                            ("menu=on,splash-time=50,strict=on", "reboot-timeout=none"),
                            ("menu=on,splash-time=50,reboot-timeout=70", "strict=off")]:
            self.refused(machine.run(*self.replaying(), "-boot", other), f"-boot {text}: contradicts the recording")

    def test_refused(self):
        text = self.folder / "text"
        text.write_text("no picture " * 10)
        empty = self.folder / "empty"
        empty.touch()
        for option, message in [("strict=maybe", "expects 'on' or 'off'"), ("menu=2", "expects 'on' or 'off'"),
                                ("splash-time=70000", "splash-time is invalid, it should be a value between 0 and 65535"),
                                ("splash-time=-1", "splash-time is invalid"), ("splash-time=x", "splash-time is invalid"),
                                ("reboot-timeout=-2", "reboot-timeout is invalid, it should be a value between -1 and"),
                                ("reboot-timeout=65536", "reboot-timeout is invalid"),
                                (f"splash={text}", "splash file format not recognized"),
                                (f"splash={empty}", "the file is empty"),
                                ("splash=/nonexistent/x", "could not open it"), ("fast=on", "Invalid parameter 'fast'"),
                                ("order=cc", "Boot device 'c' was given twice"), ("order=z", "Invalid boot device 'z'")]:
            self.refused(machine.run("-display", "none", "-boot", option), "-boot", message)


if __name__ == "__main__":
    machine.main()
