# SPDX-License-Identifier: GPL-2.0-or-later
"""Steps virtual time of an emulator that has the qtest socket but neither the qtest accelerator nor
clock_step, as Debian's QEMU packages.

The machine runs under -icount a firmware of our own that does nothing but wait until the time-stamp
counter (virtual nanoseconds, under -icount) reaches a target that we put in RAM, store the count, and
pause the machine through the pvpanic device. Nothing else runs between two commands of a test. The
emulator adds some time of its own whenever the machine is resumed, microseconds on an idle host and up to
a millisecond on a busy one, so a step can end late; never early. The time returned is always the true one.

RAM at 0x500-0x50f belongs to the firmware.
"""

import json
import os
import select

MAILBOX = 0x500
# The firmware itself is late by no more than this.
LATE_NS = 30_000
SETTLE_NS = 20_000

# ds = 0
#   wait: rdtsc; remaining = [500h] - edx:eax; while remaining is large, burn 200 instructions at a time
#   done: [508h] = edx:eax; out 505h, 1; jmp wait
_CODE = bytes.fromhex(
    "fa31c08ed8"          # 00 cli; xor ax,ax; mov ds,ax
    "0f31"                # 05 wait: rdtsc
    "668b1e0005"          # 07 mov ebx,[500h]
    "668b0e0405"          # 0c mov ecx,[504h]
    "6629c3"              # 11 sub ebx,eax
    "6619d1"              # 14 sbb ecx,edx
    "7219"                # 17 jc done (-> 32)
    "7509"                # 19 jnz burn (-> 24)
    "6681fb00400000"      # 1b cmp ebx,16384
    "76e1"                # 22 jbe wait
    "66b964000000"        # 24 burn: mov ecx,100
    "6649"                # 2a dec ecx
    "75fc"                # 2c jnz
    "ebd5"                # 2e jmp wait
    "9090"                # 30
    "66a30805"            # 32 done: mov [508h],eax
    "6689160c05"          # 36 mov [50ch],edx
    "ba0505b001ee"        # 3b mov dx,505h; mov al,1; out dx,al
    "ebc2"                # 41 jmp wait
)


def firmware():
    rom = bytearray(b"\xf4" * 0x10000)
    rom[0xE000:0xE000 + len(_CODE)] = _CODE
    rom[0xFFF0:0xFFF5] = bytes.fromhex("ea00e000f0")
    return bytes(rom)


class PeerClock:
    """Options to start the emulator with, and the stepping itself."""

    def __init__(self, directory):
        self._rom = os.path.join(directory, "wait.bin")
        with open(self._rom, "wb") as f:
            f.write(firmware())
        self.options = ["-S", "-icount", "shift=6", "-bios", self._rom,
                        "-device", "pvpanic", "-action", "panic=pause"]

    def attach(self, vm, qmp_socket):
        self._vm = vm
        self._qmp = qmp_socket
        self._buffer = b""
        self._stopped = False
        self._receive()
        self._execute("qmp_capabilities")
        self._now = 0
        self.step(20000)

    def _receive(self):
        while b"\n" not in self._buffer:
            # While the machine runs it tells us of interrupts, and waits for us to listen.
            ready = select.select([self._qmp, self._vm.socket], [], [], self._qmp.gettimeout())[0]
            if not ready:
                raise TimeoutError("the emulator doesn't come back")
            if self._vm.socket in ready:
                self._vm.receive_irqs()
            if self._qmp in ready:
                chunk = self._qmp.recv(65536)
                if not chunk:
                    raise ConnectionError("the emulator ended: " + self._vm.stderr())
                self._buffer += chunk
        line, self._buffer = self._buffer.split(b"\n", 1)
        return json.loads(line)

    def _execute(self, name):
        self._qmp.sendall(json.dumps({"execute": name}).encode() + b"\n")
        while True:
            answer = self._receive()
            if "error" in answer:
                raise RuntimeError(f"{name}: {answer['error']['desc']}")
            if "return" in answer:
                return
            self._stopped |= answer.get("event") == "STOP"

    def step(self, ns):
        return self.set(self._now + ns)

    def set(self, ns):
        now = self._run_to(ns)
        # A jump that went beyond the target leaves timers behind; go on until nothing jumps.
        for _ in range(20):
            if now - ns < LATE_NS:
                break
            ns = now + SETTLE_NS
            now = self._run_to(ns)
        self._now = now
        return now

    def _run_to(self, ns):
        self._vm.write(MAILBOX, ns.to_bytes(8, "little"))
        self._stopped = False
        self._execute("cont")
        while not self._stopped:
            self._stopped = self._receive().get("event") == "STOP"
        return int.from_bytes(self._vm.read(MAILBOX + 8, 8), "little")
