#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""-icount: every sensible combination records and replays; every other one is refused, in the words of
Debian's QEMU where that refuses it too.

quick: yes
"""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import machine  # noqa: E402

PEER = "/usr/bin/qemu-system-i386"
ACCEPTED = [f"shift={shift}{sleep}" for shift in ("0", "3", "7", "10", "auto") for sleep in ("", ",sleep=off")]
ACCEPTED += ["auto", "7", "shift=auto,align=on", "shift=3,align=on", "shift=7,sleep=on,align=off", "shift=0,rrdigest=1",
             "shift=auto,rrsnapshot=start"]
# What is said, and whether the peer says it too (ours may go on after it).
REFUSED = [
    ("shift=11", "icount: Invalid shift value", True),
    ("shift=-1", "icount: Invalid shift value", True),
    ("shift=3.5", "icount: Invalid shift value", True),
    ("shift=abc", "icount: Invalid shift value", True),
    ("shift=", "icount: Invalid shift value", True),
    ("shift=3,shift=11", "icount: Invalid shift value", True),
    ("align=on", "Please specify shift option when using align", True),
    ("align=on,sleep=off", "Please specify shift option when using align", True),
    ("shift=3,align=on,sleep=off", "align=on and sleep=off are incompatible", True),
    ("sleep=maybe", "Parameter 'sleep' expects 'on' or 'off'", True),
    ("align=2", "Parameter 'align' expects 'on' or 'off'", True),
    ("shift=3,foo=bar", "Invalid parameter 'foo'", True),
    ("shift=3,rr=foo,rrfile=LOG", "Invalid icount rr option: foo", True),
    ("rr=record", "File name not specified for replay", True),
    ("shift=3,rr=record", "File name not specified for replay", True),
    ("shift=3,rr=replay", "File name not specified for replay", True),
    ("shift=3,rr=record,rrfile=", "File name not specified for replay", False),
    ("rr=record,rrfile=LOG", "Please enable icount to use record/replay", True),
    ("shift=3,rrfile=LOG", "rrfile is of use only with rr=record or rr=replay", False),
    ("shift=3,rr=record,rrfile=LOG,rrdigest=0", "rrdigest expects a number of virtual milliseconds", False),
    *[(f"rr=replay,rrfile=LOG,rrspeed={speed}", f"rrspeed: expected a speed from 0.01 to 1000, 1 being the recording's own, "
       f"or max, not '{speed}'", False) for speed in ("fast", "0", "-1", "1x", "2000", "")],
    ("shift=3,rr=record,rrfile=LOG,rrspeed=1", "rrspeed is of use only with rr=replay", False),
    ("shift=3,rr=record,rrfile=LOG,rrspeed=max", "rrspeed is of use only with rr=replay", False),
    ("shift=auto,rrspeed=1", "rrspeed is of use only with rr=replay", False),
    ("shift=3,rr=record,rrfile=LOG,rrdigest=often", "rrdigest expects a number of virtual milliseconds", False),
]
LINES = 40 * b"a line\n" + b"q"


class Accepted(machine.MachineTest):
    def check(self, icount, guest):
        bios = self.assemble("echo", *guest)
        done = machine.run("-bios", bios, "-display", "none", "-serial", "stdio", *machine.EXIT_DEVICE,
                           *self.recording(icount), stdin=LINES)
        self.assertEqual(done.status, 11, done)
        self.assertIn(b"bye\n", done.out, done)
        for _ in range(2):
            replayed = self.replay("-serial", "stdio", status=11, ends="the recording ended there")
            self.assertEqual(replayed.out, done.out)

    def test_accepted_and_replayed(self):
        for icount in machine.by_kind(ACCEPTED[::3], ACCEPTED, ACCEPTED):
            for guest in ([], ["HALT"]):
                with self.subTest(icount=icount, guest=guest):
                    self.check(icount, guest)


class Refused(machine.MachineTest):
    def test_refused(self):
        for text, message, _ in REFUSED:
            with self.subTest(icount=text):
                icount = text.replace("LOG", str(self.log))
                done = machine.run("-display", "none", "-icount", icount, timeout=10)
                self.refused(done, f"-icount {icount}: {message}")
                self.assertFalse(self.log.exists())

    @machine.not_quick
    def test_the_peer_says_the_same(self):
        for text, message, peer in REFUSED:
            if not peer:
                continue
            with self.subTest(icount=text):
                icount = text.replace("LOG", str(self.log))
                done = subprocess.run([PEER, "-display", "none", "-S", "-icount", icount], timeout=20,
                                      capture_output=True, text=True)
                self.assertEqual(done.returncode, 1, done)
                self.assertIn(message, done.stderr)


if __name__ == "__main__":
    machine.main()
