#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/replay-dump, which knows the log's format from its documentation only, on the emulator's logs.

quick: yes
"""
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import machine  # noqa: E402

LINES = b"first\n" + 50 * b"one more\n" + b"q"


class Dump(machine.MachineTest):
    def setUp(self):
        super().setUp()
        self.bios = self.assemble("echo", "HALT")
        done = machine.run("-bios", self.bios, "-display", "none", "-serial", "stdio", "-m", "16",
                           *machine.EXIT_DEVICE, *self.recording("shift=auto,rrdigest=5"), stdin=LINES)
        self.assertEqual(done.status, 11, done)

    def dump(self, *options):
        done = subprocess.run(["/usr/bin/python3", machine.ROOT / "scripts" / "replay-dump", *options, self.log],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr, "")
        return done.stdout

    def test_json(self):
        dump = machine.replay_dump(self.log)
        self.assertIsNone(dump["error"])
        self.assertEqual(dump["end"]["kind"], "finished")
        self.assertEqual(dump["end"]["reason"], "the guest asked the emulator to exit")
        typed = b"".join(bytes.fromhex(e["fields"]["data"]) for e in dump["events"] if e["port"] == "serial0.rx")
        self.assertEqual(typed, LINES)
        self.assertGreater(dump["totals"]["ports"]["clock.warp"]["events"], 0)
        places = [(e["icount"], e["ordinal"]) for e in dump["events"]]
        self.assertEqual(places, sorted(set(places)))
        replayed = machine.AS_RECORDED.search(self.replay(status=11).err)
        self.assertEqual([int(n) for n in replayed.groups()[:3]],
                         [dump["end"]["icount"], dump["totals"]["events"], len(dump["digests"])])
        recorded = dump["header"]["machine"]
        self.assertEqual(recorded["ram_size"], 16 << 20)
        self.assertEqual(recorded["devices"][0]["driver"], "isa-debug-exit")

    def test_text(self):
        text = self.dump()
        self.assertRegex(text, r"port \d+ +serial0\.rx\(data: bytes, break: bool\)")
        self.assertRegex(text, r"clock\.warp ns=\d+")
        self.assertRegex(text, r'serial0\.rx data="[^"]*first\\x0a')
        self.assertRegex(text, r"end +finished at instruction \d+ .*: the guest asked the emulator to exit")

    def test_other_views(self):
        self.assertRegex(self.dump("--chunks"), r"HEAD(.|\n)*BLOB(.|\n)*EVNT(.|\n)*END")
        digests = re.findall(r"^digest ", self.dump("--digests"), re.M)
        self.assertGreater(len(digests), 1)
        self.assertIn("door.serial0.tx.length", self.dump("--fields"))
        self.assertIn('"ram_size": 16777216', self.dump("--machine"))

    def test_extract(self):
        target = self.folder / "extracted"
        self.dump("--extract", "bios", target)
        self.assertEqual(target.read_bytes(), self.bios.read_bytes())


if __name__ == "__main__":
    machine.main()
