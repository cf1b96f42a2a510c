#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Monitors and recordings: what changes the machine is in the log, what looks leaves no trace."""
import random
import time

import peer
from machine import AS_RECORDED

POWER_OFF = "o/h 0x604 0x2000"  # PM1 control: SLP_EN; where SeaBIOS puts it

# A person at SeaBIOS's boot menu, who does everything that the monitor offers.
CHANGES = ["sendkey esc", "sendkey ctrl-alt-f1 20", "sendkey 0x1e-b 10", "mouse_move 10 -5", "mouse_move 1 1 1", "mouse_button 5",
           "mouse_button 0", "nmi", "i/b 0x92", "i 0x70", "o/b 0x80 0x55", "system_powerdown", "system_reset",
           "sendkey a", "i/h 0x3f8", "o/b 0x61 3"]
LOOKS = ["info registers", "info mem", "info tlb", "info mtree", "info qtree", "info irq", "info pic", "info lapic",
         "info pci", "info jit", "info replay", "info status", "info cpus", "info roms", "info chardev",
         "x/16xw 0", "xp/64xb 0xfee00000", "xp/16xw 0xfed00000", "xp/32xb 0xa0000", "x/20i $pc", "xp/20i 0xffff0",
         "p $eax", "sum 0 0x10000", "xp/8xw 0xfec00000", "xp/4xw 0xfebf0000", "info ramblock", "x/4xg 0xfffffff0"]


class Recorded(peer.MonitorTest):
    def record(self, *arguments, icount="shift=auto"):
        self.process = self.launch(*self.recording(icount), *arguments)
        return self.qmp()

    def changes(self, qmp):
        for command in CHANGES:
            answer = qmp.hmp(command)
            self.assertNotIn("rror", answer, command)
            time.sleep(0.03)
        time.sleep(0.3)

    def quit(self, qmp, status=0):
        qmp.send('{"execute": "quit"}')
        qmp.wait_event("SHUTDOWN")
        self.assertEqual(self.process.wait(20), status, self.process.errors.read_text())

    def log_of_changes(self):
        qmp = self.record()
        self.changes(qmp)
        self.quit(qmp)

    def test_changes_are_in_the_log(self):
        self.log_of_changes()
        done = self.replay("-display", "none", ends="the recording ended there")
        self.assertGreater(int(AS_RECORDED.search(done.err)[2]), 20)
        ports = {port["name"]: port for port in peer.machine.replay_dump(self.log)["header"]["ports"]}
        for name in ("machine.reset", "machine.power_button", "machine.nmi", "machine.port_access"):
            self.assertIn(name, ports)

    def test_with_a_fixed_rate(self):
        qmp = self.record(icount="shift=3,sleep=off,rrdigest=100")
        self.changes(qmp)
        self.quit(qmp)
        self.replay("-display", "none", "-accel", "interp")

    def test_looking_leaves_no_trace(self):
        self.log_of_changes()
        dice = random.Random(3)
        process = self.launch("-S", *self.replaying())
        qmp = self.qmp()
        icounts = sorted(dice.randrange(1, 3_000_000) for _ in range(30))
        for icount in icounts:
            qmp.execute("replay-seek", icount=icount)
            qmp.wait_event("STOP")
            self.assertEqual(qmp.execute("query-replay")["icount"], icount)
            for _ in range(6):
                command = dice.choice(LOOKS)
                self.assertNotIn("rror", qmp.hmp(command), command)
            qmp.execute("memsave", val=0, size=5000, filename=str(self.folder / "memory"))
        qmp.execute("cont")
        # And while it runs.
        while qmp.execute("query-status")["running"]:
            qmp.hmp(dice.choice(LOOKS))
        self.assertIn("all as recorded", process.errors.read_text())
        self.assertIn("the recording ends here", qmp.hmp("info replay"))
        self.quit_replay(process, qmp)

    def quit_replay(self, process, qmp):
        qmp.send('{"execute": "quit"}')
        qmp.wait_event("SHUTDOWN")
        self.assertEqual(process.wait(20), 0, process.errors.read_text())
        self.assertEqual(process.errors.read_text().count("all as recorded"), 1)

    def test_replay_refuses_changes(self):
        self.log_of_changes()
        process = self.launch("-S", *self.replaying())
        qmp = self.qmp()
        for command in CHANGES:
            answer = qmp.hmp(command)
            self.assertRegex(answer, r"^Error: .*replaying.*\n$", command)
        for command in ("system_reset", "system_powerdown", "inject-nmi"):
            with self.assertRaisesRegex(peer.QmpError, "replaying"):
                qmp.execute(command)
        qmp.execute("cont")
        qmp.wait_event("STOP", timeout=60)
        self.quit_replay(process, qmp)

    def test_positions(self):
        """Stopping at a position, from anywhere, shows the same machine."""
        self.log_of_changes()
        shown = []
        for stops in ([700_000, 1_500_001], [1_500_001]):
            process = self.launch("-S", *self.replaying())
            qmp = self.qmp()
            qmp.execute("replay-break", icount=stops[0])
            qmp.execute("cont")
            qmp.wait_event("STOP")
            self.assertEqual(qmp.execute("query-status")["status"], "debug")
            for stop in stops[1:]:
                qmp.execute("replay-seek", icount=stop)
                qmp.wait_event("STOP")
            view = qmp.execute("query-replay")
            self.assertEqual((view["mode"], view["icount"], view["filename"]), ("play", 1_500_001, str(self.log)))
            shown.append(qmp.hmp("info registers") + qmp.hmp("xp/200xw 0") + qmp.hmp("info pic"))
            with self.assertRaisesRegex(peer.QmpError, "outside of the recording"):
                qmp.execute("replay-seek", icount=1 << 60)
            with self.assertRaisesRegex(peer.QmpError, "behind the end"):
                qmp.execute("replay-break", icount=1 << 60)
            # Back, and to the same place again, also by breakpoints that lay in the past when they were set.
            qmp.execute("replay-break", icount=1_400_000)
            for stop in (1_000, 1_499_999, 0, 900_000):
                qmp.execute("replay-seek", icount=stop)
                qmp.wait_event("STOP")
                self.assertEqual(qmp.execute("query-replay")["icount"], stop)
            for stop in (1_400_000, 1_500_001):
                qmp.execute("replay-break", icount=stop)
                qmp.execute("cont")
                qmp.wait_event("STOP")
                self.assertEqual(qmp.execute("query-replay")["icount"], stop)
            shown.append(qmp.hmp("info registers") + qmp.hmp("xp/200xw 0") + qmp.hmp("info pic"))
            # A breakpoint that is gone doesn't stop.
            qmp.execute("replay-break", icount=1_600_000)
            self.assertIn("stops at instruction count 1600000", qmp.hmp("info replay"))
            with self.assertRaisesRegex(peer.QmpError, "no replay breakpoint at instruction 7"):
                qmp.execute("replay-delete-break", icount=7)
            qmp.execute("replay-delete-break", icount=1_400_000)
            self.assertNotIn("stops at instruction count 1400000", qmp.hmp("info replay"))
            qmp.execute("replay-delete-break")
            qmp.execute("cont")
            qmp.wait_event("STOP", timeout=60)
            with self.assertRaisesRegex(peer.QmpError, "the recording ends here"):
                qmp.execute("cont")
            # The end isn't one that can't be left.
            qmp.execute("replay-seek", icount=1_500_001)
            qmp.wait_event("STOP")
            shown.append(qmp.hmp("info registers") + qmp.hmp("xp/200xw 0") + qmp.hmp("info pic"))
            qmp.execute("cont")
            qmp.wait_event("STOP", timeout=60)
            self.quit_replay(process, qmp)
        self.assertEqual(set(shown), {shown[0]})

    def test_looking_at_an_idle_machine(self):
        """A guest that halts: looking doesn't even show as a moment at which it was woken."""
        events = []
        for look in (False, True):
            self.log = self.folder / f"log{look}"
            qmp = self.record("-bios", self.assemble("idle"), "-device", "isa-debug-exit,iobase=0xf4,iosize=4")
            end = time.monotonic() + 1.5
            while time.monotonic() < end:
                if look:
                    qmp.hmp("info registers")
                else:
                    time.sleep(0.1)
            events.append(int(qmp.execute("query-replay")["icount"]))
            if self.process.poll() is None:
                self.quit(qmp)
            done = self.replay("-display", "none")
            events.append(int(AS_RECORDED.search(done.err)[2]))
        self.assertLess(events[3], events[1] * 2 + 50, events)

    def test_media(self):
        """What is put into a drive is in the log."""
        disks = []
        for n in range(2):
            disks.append(self.folder / f"disk{n}.iso")
            disks[n].write_bytes(bytes([n]) * 65536)
        qmp = self.record("-cdrom", disks[0])
        name = qmp.execute("query-block")[0]["device"]
        self.assertIn(f"{name}: {disks[0]} (raw, read-only)\n    Removable device: not locked, tray closed\n",
                      qmp.hmp("info block"))
        self.assertEqual(qmp.hmp(f"eject {name}"), "")
        for _ in range(100):  # the change is an input like any other: it enters when its turn comes
            if "not inserted" in qmp.hmp("info block"):
                break
        self.assertIn(f"{name}: [not inserted]\n    Removable device: not locked, tray open\n", qmp.hmp("info block"))
        self.assertEqual(qmp.hmp(f"change {name} {disks[1]} raw"), "")
        for _ in range(100):
            if "not inserted" not in qmp.hmp("info block"):
                break
        inserted = qmp.execute("query-block")[0]["inserted"]
        self.assertEqual((inserted["file"], inserted["drv"], inserted["ro"]), (str(disks[1]), "raw", True))
        self.assertEqual(qmp.hmp("eject foo"), "Error: Device 'foo' not found\n")
        self.assertIn("/nonexistent", qmp.hmp(f'change {name} "/nonexistent"'))
        with self.assertRaisesRegex(peer.QmpError, "Device 'foo' not found"):
            qmp.execute("eject", id="foo")
        qmp.execute("eject", id=name, force=True)
        self.quit(qmp)
        self.replay("-display", "none")

    def test_nobody_there(self):
        """Without anybody at the monitor a replay ends by itself."""
        self.log_of_changes()
        process = self.launch(*self.replaying())
        self.assertEqual(process.wait(60), 0)
        self.assertIn("all as recorded", process.errors.read_text())

    def test_stopped_time_does_not_count(self):
        qmp = self.record()

        def ticks():  # the BIOS counts 18.2 a second
            return int(qmp.hmp("xp/1xw 0x46c").split()[1], 16)
        for _ in range(100):
            if ticks() > 0 and ticks() % 100:
                break
            time.sleep(0.1)
        time.sleep(0.5)
        qmp.execute("stop")
        before, icount = ticks(), qmp.execute("query-replay")["icount"]
        time.sleep(2.5)
        self.assertEqual((ticks(), qmp.execute("query-replay")["icount"]), (before, icount))
        qmp.execute("cont")
        time.sleep(0.3)
        # 2.5 s would be 45.
        self.assertLess(ticks() - before, 30)
        self.quit(qmp)
        self.replay("-display", "none")

    def test_no_shutdown(self):
        """The machine goes on after a power-off, in the recording and in replay."""
        qmp = self.record("-no-shutdown")
        time.sleep(0.5)
        qmp.hmp(POWER_OFF)
        self.assertEqual(qmp.wait_event("SHUTDOWN")["data"], {"guest": True, "reason": "guest-shutdown"})
        qmp.wait_event("STOP")
        self.assertEqual(qmp.execute("query-status")["status"], "shutdown")
        with self.assertRaisesRegex(peer.QmpError, "Resetting the Virtual Machine is required"):
            qmp.execute("cont")
        qmp.execute("system_reset")
        self.assertEqual(qmp.execute("query-status")["status"], "paused")
        qmp.execute("cont")
        time.sleep(0.5)
        qmp.hmp("sendkey a 1")
        qmp.hmp(POWER_OFF)
        qmp.wait_event("SHUTDOWN")
        self.quit(qmp)
        self.replay("-display", "none")
        # The replay tells of both.
        process = self.launch("-S", *self.replaying())
        qmp = self.qmp()
        qmp.execute("cont")
        for _ in range(2):
            self.assertEqual(qmp.wait_event("SHUTDOWN", 60)["data"]["guest"], True)
        qmp.wait_event("STOP")
        self.quit_replay(process, qmp)

    def test_recorded_power_off(self):
        """With a monitor attached the replay of a power-off stays where it is."""
        qmp = self.record()
        time.sleep(0.3)
        qmp.hmp(POWER_OFF)
        self.assertEqual(self.process.wait(20), 0)
        process = self.launch("-S", *self.replaying())
        qmp = self.qmp()
        qmp.execute("cont")
        qmp.wait_event("SHUTDOWN", 60)
        qmp.wait_event("STOP")
        self.assertIn("EIP=", qmp.hmp("info registers"))
        self.quit_replay(process, qmp)

    def test_left_at_the_end(self):
        """It stays for whoever looks, and ends when the last one leaves."""
        qmp = self.record()
        time.sleep(0.3)
        qmp.hmp(POWER_OFF)
        self.assertEqual(self.process.wait(20), 0)
        self.hmp_path = self.folder / "hmp-of-the-replay"
        process = self.launch("-S", *self.replaying(), "-monitor", f"unix:{self.hmp_path},server=on,wait=off")
        hmp = self.hmp()
        with self.qmp() as qmp:
            qmp.execute("cont")
            qmp.wait_event("SHUTDOWN", 60)
            qmp.wait_event("STOP")
        self.assertIn("the recording ends here", hmp.run("info replay"))
        self.assertIsNone(process.poll())
        hmp.line.close()
        self.assertEqual(process.wait(60), 0, process.errors.read_text())
        self.assertRegex(process.errors.read_text(), AS_RECORDED)

    def test_no_reboot(self):
        qmp = self.record("-no-reboot")
        time.sleep(0.2)
        qmp.execute("system_reset")
        self.assertEqual(qmp.wait_event("SHUTDOWN")["data"], {"guest": False, "reason": "host-qmp-system-reset"})
        self.assertEqual(self.process.wait(20), 0)
        self.replay("-display", "none")

    def test_signal(self):
        qmp = self.record()
        time.sleep(0.2)
        self.process.terminate()
        self.assertEqual(qmp.wait_event("SHUTDOWN")["data"], {"guest": False, "reason": "host-signal"})
        self.assertEqual(self.process.wait(20), 0)
        self.replay("-display", "none")



if __name__ == "__main__":
    peer.machine.main()
