#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Lockstep: two engines on one recording come out the same, and one that does a single thing wrong is found,
to the instruction and to the field.

quick: yes
"""
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import machine  # noqa: E402

LOCKSTEP = pathlib.Path(machine.EMULATOR).parent / "tests" / "lockstep" / "lockstep"
LINES = 20 * b"a line\n" + b"q"
EVERY = 1000


class Lockstep(machine.MachineTest):
    def record(self, *guest, name="echo"):
        """The instructions of a recording of the guest."""
        self.bios = self.assemble(name, *guest)
        done = machine.run("-bios", self.bios, "-display", "none", "-serial", "stdio", "-m", "16",
                           *machine.EXIT_DEVICE, *self.recording("shift=3"), stdin=LINES)
        self.assertEqual(done.status, 11, done)
        return machine.replay_dump(self.log)["end"]["icount"]

    def lockstep(self, *options, status, log=None):
        if "--b" not in options:
            options = ["--b", "interp", *options]
        done = subprocess.run([LOCKSTEP, *map(str, options), log or self.log], capture_output=True, text=True,
                              timeout=300)
        self.assertEqual(done.returncode, status, done)
        return done.stdout

    def middle(self, length):
        """An instruction in the middle, and not near a place where the machines are compared."""
        return length // 2 // EVERY * EVERY + EVERY // 2

    def find(self, fault, *options):
        return self.lockstep("--b", f"interp:fault={fault}", "--every", EVERY, *options, status=1)

    def names_instruction(self, output, number):
        """The report names this instruction, with bytes that are in the guest's image there."""
        self.assertIn(f"first difference: instruction {number}\n", output)
        shown = re.search(rf"^ +{number}  ([0-9a-f]{{8}})  ((?:[0-9a-f]{{2}} )+) +(\S.*)$", output, re.M)
        self.assertTrue(shown, output)
        code = bytes.fromhex(shown[2].replace(" ", ""))
        at = int(shown[1], 16) - 0xF0000
        self.assertEqual(self.bios.read_bytes()[at:at + len(code)], code)
        self.assertNotIn("(not an instruction)", shown[3])

    def differs(self, output):
        """The lines of what differs, whole."""
        return [line.strip() for line in re.search(r"^differs:\n((?:  .*\n)+)", output, re.M)[1].splitlines()]


class Same(Lockstep):
    def test_same(self):
        for guest in ([], ["HALT"]):
            with self.subTest(guest=guest):
                length = self.record(*guest)
                for options in (["--every", EVERY], ["--every", 777777], ["--every", 3, "--until", 30000]):
                    output = self.lockstep(*options, status=0)
                    compared = re.fullmatch(r"equal: (\d+) instructions, compared (\d+) times\n", output)
                    self.assertTrue(compared, output)
                    reached = min(length, options[3] if len(options) > 2 else length)
                    self.assertEqual(int(compared[1]), reached)
                    self.assertIn(int(compared[2]) - reached // options[1], (0, 1))

    def test_single_steps(self):
        length = self.record()
        self.assertIn("equal: 100000 ", self.lockstep("--single-step", "--until", min(length, 100000), status=0))


class Translated(Lockstep):
    def setUp(self):
        super().setUp()
        self.record(name="flat")
        done = subprocess.run([LOCKSTEP, "--b", "tcg", "--until", "1", self.log], capture_output=True, text=True)
        if "this host has no translator" in done.stderr:
            self.skipTest("this host has no translator")


class Translator(Translated):
    """Also where the translator has hardly room for its code, and where it doesn't wait to see what is hot."""

    def test_same(self):
        for engine in ("tcg", "tcg:cache=1", "tcg:threshold=0", "tcg:cache=1,threshold=0", "tcg:threshold=0,insns=1"):
            for every in (EVERY, 99991):
                with self.subTest(engine=engine, every=every):
                    self.lockstep("--b", engine, "--every", every, status=0)

    def test_single_steps(self):
        for engine in ("tcg", "tcg:threshold=0"):
            with self.subTest(engine=engine):
                self.lockstep("--b", engine, "--single-step", "--every", 100, "--until", 200000, status=0)

    def test_planted_fault(self):
        at = 300 * EVERY + EVERY // 2
        output = self.lockstep("--b", f"tcg:threshold=0,fault=edi@{at}", "--every", EVERY, status=1)
        self.names_instruction(output, at)
        self.assertEqual([line.split(":")[0] for line in self.differs(output)], ["cpu0.edi"])


class PlantedEmitterFault(Translated):
    """The translator emits one thing wrong: the search ends at the first instruction that it is wrong for."""

    def find_emitted(self, row, *engine):
        return self.lockstep("--b", ",".join(["tcg", *engine, f"miscompile={row}"]).replace(",", ":", 1), "--every", EVERY,
                             status=1)

    def found(self, output, row):
        """The number of the instruction, of that row, that the report names; its address; what differs after it."""
        number = int(re.search(r"^first difference: instruction (\d+)$", output, re.M)[1])
        self.names_instruction(output, number)
        address, name = re.search(rf"^ +{number}  ([0-9a-f]{{8}})  (?:[0-9a-f]{{2}} )+ +(\w+)", output, re.M).groups()
        self.assertEqual(name, row, output)
        self.assertEqual(len(re.findall(r"^EAX=", output, re.M)), 3, output)  # before; after, A; after, B
        return number, address, self.differs(output)

    def test_registers_and_flags(self):
        for row, fields in (("sub", {"cpu0.edx"}), ("sbb", {"cpu0.eax", "cpu0.eflags"}), ("and", {"cpu0.ebx"}),
                            ("or", {"cpu0.eax", "cpu0.eflags"})):
            with self.subTest(row=row):
                differs = self.found(self.find_emitted(row, "threshold=0"), row)[2]
                self.assertEqual({line.split(":")[0] for line in differs}, fields)

    def test_memory(self):
        for row in ("adc", "xor"):
            with self.subTest(row=row):
                differs = self.found(self.find_emitted(row), row)[2]
                self.assertRegex(differs.pop(), r"^memory 'pc\.ram' page 0x4 offset 0x400\d: ")
                self.assertLessEqual({line.split(":")[0] for line in differs}, {"cpu0.eflags"})

    def test_one_address(self):
        """Only one of many instructions is emitted wrong, and only when it has been executed often."""
        anywhere = self.found(self.find_emitted("and", "threshold=0"), "and")
        _, address, _ = self.found(self.find_emitted("xor"), "xor")
        number, again, _ = self.found(self.find_emitted(f"xor@{address}", "threshold=200"), "xor")
        self.assertEqual(again, address)
        self.assertGreater(number, anywhere[0])

    def test_in_its_block_only(self):
        """ADC in place of ADD is wrong only if the instruction before it has left the host's carry set."""
        output = self.find_emitted("add", "threshold=0")
        first, last = map(int, re.search(r"^first difference: in instructions (\d+) to (\d+), which B runs as one",
                                         output, re.M).groups())
        self.assertLessEqual(last - first, 32)
        self.assertRegex(output, r"(?m)^ +\d+  000f[0-9a-f]{4}  01 f0 +add eax, esi$")
        self.assertTrue(self.differs(output))


class PlantedFault(Lockstep):
    def test_register(self):
        length = self.record()
        for at in (self.middle(length), self.middle(length) - EVERY // 2, 3 * EVERY + 1):
            with self.subTest(at=at):
                output = self.find(f"edi@{at}")
                self.names_instruction(output, at)
                differs = self.differs(output)
                self.assertEqual(len(differs), 1, output)
                a, b = re.fullmatch(r"cpu0\.edi: A 0x([0-9a-f]+), B 0x([0-9a-f]+)", differs[0]).groups()
                self.assertEqual(int(a, 16) ^ int(b, 16), 1)
                before, after_a, after_b = re.findall(r"EDI=([0-9a-f]{8})", output)
                self.assertEqual([int(after_a, 16), int(after_b, 16)], [int(a, 16), int(b, 16)])

    def test_register_that_spreads(self):
        """Long before the machines are compared the stack is in another place, and the guest is lost."""
        at = self.middle(self.record())
        output = self.find(f"esp@{at}")
        self.names_instruction(output, at)
        self.assertEqual([line.split(":")[0] for line in self.differs(output)], ["cpu0.esp"])

    def test_memory(self):
        at = self.middle(self.record())
        output = self.find(f"ram:8123@{at}")
        self.names_instruction(output, at)
        self.assertEqual(self.differs(output),
                         ["memory 'pc.ram' page 0x8 offset 0x8123: A 0x00, B 0x01 (1 byte of the page)"])

    def test_single_steps(self):
        self.record()
        at = 50 * EVERY + 77
        output = self.find(f"ebp@{at}", "--single-step", "--until", 60 * EVERY)
        self.names_instruction(output, at)
        self.assertEqual([line.split(":")[0] for line in self.differs(output)], ["cpu0.ebp"])

    def test_block(self):
        """B goes wrong only when it runs ten instructions without a stop, as a translator would."""
        at = self.middle(self.record())
        output = self.find(f"edi@{at},block={at - 3}-{at + 6}")
        self.assertIn(f"first difference: in instructions {at - 3} to {at + 6}, which B runs as one", output)
        for number in range(at - 3, at + 7):
            self.assertRegex(output, rf"(?m)^ +{number}  000f")
        self.assertEqual([line.split(":")[0] for line in self.differs(output)], ["cpu0.edi"])

    def test_both_are_wrong(self):
        at = self.middle(self.record())
        fault = f"interp:fault=esp@{at}"
        output = self.lockstep("--a", fault, "--b", fault, status=1)
        self.assertIn("A and B agree, and both differ from the recording:\n", output)


class Resumed(Lockstep):
    def resume(self, *options, status, log=None):
        done = subprocess.run([LOCKSTEP.parent / "resume", *map(str, options), log or self.log], capture_output=True,
                              text=True, timeout=300)
        self.assertEqual(done.returncode, status, done)
        return done.stdout

    def test_same(self):
        for guest in ([], ["HALT"]):
            with self.subTest(guest=guest):
                length = self.record(*guest)
                for save in ("interp", "tcg"):
                    output = self.resume("--save", save, "--points", 8, status=0)
                    self.assertEqual(output, f"equal: {length} instructions, resumed at 8 points\n")

    def test_one_that_goes_astray_is_found(self):
        at = self.middle(self.record())
        output = self.resume("--save", "interp", "--load", f"interp:fault=ram:8123@{at}", "--points", 5, status=1)
        self.assertRegex(output, r"^saved by interp at instruction \d+.*, loaded by interp:fault=ram")
        self.assertRegex(output, r"memory 'pc\.ram' (from offset 0x8123 on|differs in page 0x8 )")

    def test_bad_use(self):
        self.record()
        for options in (["--save", "interpret"], ["--load", "what"], ["--points", "x"], ["--points"], ["--what"], [self.log]):
            with self.subTest(options=options):
                self.resume(*options, status=2)
        self.resume(status=2, log=self.folder / "no such file")


class BadUse(Lockstep):
    def test_bad_use(self):
        self.record()
        for options in (["--b", "interpret"], ["--b", "interp:size=3"], ["--b", "interp:fault=eax"],
                        ["--b", "interp:fault=eax@5,block=6-7"], ["--b", "tcg:miscompile=mov"], ["--b", "tcg:insns=65"], ["--every", "0"], ["--every", "x"], ["--until"],
                        ["--what"], [self.log]):
            with self.subTest(options=options):
                self.lockstep(*options, status=2)
        self.lockstep(status=2, log=self.folder / "no such file")
        self.lockstep(status=2, log=self.bios)


if __name__ == "__main__":
    machine.main()
