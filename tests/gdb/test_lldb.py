#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's lldb on the server, as far as it speaks gdb's protocol (LLDB's docs/lldb-gdb-remote)."""
import os
import pty
import select
import shutil
import socket
import subprocess
import time
import unittest

import debug
import test_reverse
from debug import machine

LLDB = shutil.which("lldb")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@unittest.skipUnless(LLDB, "lldb isn't installed")
class LldbTest(test_reverse.ReverseTest):
    def listen(self, *arguments, defines=()):
        self.port = free_port()
        return self.launch("-S", *arguments, at=f"tcp:127.0.0.1:{self.port}", defines=defines)

    def lldb(self, *commands, elf=True, timeout=90):
        """What lldb says to these commands, of which the last may fail. Quitting without `detach` ends the machine."""
        debug.Rsp(port=self.port).close()
        first = ["settings set use-color false", *([f"target create {self.elf}"] if elf else []), f"gdb-remote 127.0.0.1:{self.port}"]
        done = subprocess.run([LLDB, "--no-lldbinit", "-b", *[word for line in (*first, *commands) for word in ("-o", line)]],
                              capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL)
        return done.stdout + done.stderr


class Live(LldbTest):
    def test_without_a_file(self):
        """The description says what it is, and has every register."""
        self.listen()
        text = self.lldb("target list", "register read --all", "si", "register read icount", "memory read -c 4 0xfffffff0",
                         "detach", elf=False)
        self.finds(text, r"arch=i386", r"eip = 0x0000fff0", r"eflags = 0x00000002", r"cs = 0x0000f000", r"st7 = ",
                   r"xmm7 = 0x0", r"fctrl = 0x00000040", r"mxcsr = 0x00001f80", r"cs_base = 0xffff0000", r"cr0 = 0x60000010",
                   r"efer = ", r"icount = 0x0000000000000000", r"stop reason = instruction step into",
                   r"icount = 0x0000000000000001", r"^0xfffffff0: ea 00 00 00")

    def test_breakpoints_and_steps(self):
        self.listen()
        text = self.lldb("breakpoint set -n work", "continue", "register read eip", "si", "register read eip", "si", "bt", "finish",
                         "breakpoint delete -f", "breakpoint set -H -n loop", "continue", "register read eip",
                         "breakpoint modify -c '*(int*)&counter == 100'", "continue", "expression *(int*)&counter",
                         "disassemble -p -c 2", "thread list", "detach")
        self.finds(text, r"stop reason = breakpoint 1.1", r"`work$", r"eip = 0x\w+ .*`work$", r"eip = .*`work \+ 1",
                   r"^  \* frame #0: .*`work \+ 3", r"^    frame #1: .*`loop \+", r"stop reason = step out", r"`after",
                   r"All breakpoints removed", r"stop reason = breakpoint 2.1", r"eip = .*`loop", r"breakpoint 2.1",
                   r"\(int\) \$0 = 100", r"-> .*incl", r"tid = 0x0001, .*stop reason = breakpoint 2.1")

    def test_watchpoints(self):
        self.listen()
        at = self.symbols()
        text = self.lldb("breakpoint set -n loop", "continue", "breakpoint delete -f",
                         f"watchpoint set expression -s 4 -- {at['counter']}", "continue", "continue", "watchpoint delete -f",
                         f"watchpoint set expression -w read -s 4 -- {at['source']}", "continue", "watchpoint delete -f",
                         f"watchpoint set expression -w read_write -s 4 -- {at['pair']}", "continue", "watchpoint delete -f",
                         "detach")
        self.finds(text, r"Watchpoint 1 hit:\nold value: 0\nnew value: 1$", r"stop reason = watchpoint 1", r"`loop \+ 6",
                   r"Watchpoint 1 hit:\nold value: 1\nnew value: 2$", r"Watchpoint 2 hit:", r"`after \+ 6",
                   r"Watchpoint 3 hit:", r"`work \+")

    def test_writes(self):
        self.listen()
        at = self.symbols()
        text = self.lldb("breakpoint set -n loop", "continue", "register write edx 0x1234", "register read edx",
                         f"memory write -s 4 {at['source']} 0x1267", f"memory read -s4 -fu -c1 {at['source']}",
                         "expression $ecx = 7", "breakpoint delete -f", "breakpoint set -n loop", "continue", "register read ebx ecx edx",
                         "detach")
        self.finds(text, r"edx = 0x00001234", r"4711$", r"ebx = 0x00001267", r"ecx = 0x00000007", r"edx = 0x00001235")
        self.assertIn("Failed to write register 'icount'", self.lldb("register write icount 5"))
        self.listen()
        self.assertIn("memory read failed for 0x40500000", self.lldb("memory read 0x40500000"))

    def test_comes_back(self):
        """Breakpoints of lldb's target are set again; the monitor is at hand; and kill ends it all."""
        process = self.listen()
        text = self.lldb("breakpoint set -n work", "continue", "detach", f"gdb-remote 127.0.0.1:{self.port}", "continue", "bt",
                         "process plugin packet monitor info status", "kill")
        self.finds(text, r"stop reason = breakpoint 1.1", r"stop reason = signal SIGINT", r"stop reason = breakpoint 1.1",
                   r"frame #0: .*`work", r"VM status: paused", r"exited with status = 0")
        self.assertEqual(process.wait(20), 0)

    def test_end_is_told(self):
        process = self.listen("-device", "isa-debug-exit,iobase=0xf4,iosize=4", defines=["COUNT=50"])
        self.finds(self.lldb("continue"), r"exited with status = 1")
        self.assertEqual(process.wait(20), 1)

    def test_interrupt(self):
        self.listen()
        end, terminal = pty.openpty()
        self.addCleanup(os.close, end)
        process = subprocess.Popen([LLDB, "--no-lldbinit", "--no-use-colors", str(self.elf)], stdin=terminal, stdout=terminal,
                                   stderr=terminal, start_new_session=True)
        os.close(terminal)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        for line, answer in (("breakpoint set -n loop", "Breakpoint 1"), (f"gdb-remote 127.0.0.1:{self.port}", "stop reason = signal SIGTRAP"),
                             ("continue", "stop reason = breakpoint 1.1"), ("breakpoint delete -f", "All breakpoints removed"),
                             ("continue", "resuming"), ("process interrupt", "stop reason = signal SIGINT"), ("detach", "detached")):
            os.write(end, line.encode() + b"\n")
            self.comes(end, answer)
        self.assertIn("running", self.hmp().run("info status"))

    def comes(self, end, answer):
        text, until = "", time.monotonic() + 30
        while answer not in text:
            self.assertTrue(select.select([end], [], [], max(0, until - time.monotonic()))[0], (answer, text))
            text += os.read(end, 65536).decode(errors="replace")


class Replayed(LldbTest):
    def replay_with_lldb(self):
        self.port = free_port()
        return self.start(*self.replaying(), "-display", "none", "-S", "-gdb", f"tcp:127.0.0.1:{self.port}")

    def test_refusals(self):
        self.record()
        self.replay_with_lldb()
        self.assertIn("Failed to write register 'eax'", self.lldb("register write eax 5"))
        self.replay_with_lldb()
        self.assertRegex(self.lldb(f"memory write {self.symbols()['counter']} 7"),
                         r"Memory write to \w+ failed: .*the machine is replaying a recording")

    def test_forward(self):
        """Looking, steps, conditions and a seek leave no trace."""
        self.record()
        process = self.replay_with_lldb()
        text = self.lldb("breakpoint set -n work -c '*(int*)&counter == 30'", "continue", "expression *(int*)&counter", "si", "si", "finish",
                         "process plugin packet monitor replay_seek 50000", "register read icount", "si", "register read icount",
                         "breakpoint delete -f", "continue", "detach")
        self.finds(text, r"stop reason = breakpoint 1.1", r"\(int\) \$0 = 30", r"`after", r"icount = 0x000000000000c350",
                   r"icount = 0x000000000000c351", r"stop reason = signal SIGTRAP")
        self.ends_as_recorded(process)


if __name__ == "__main__":
    machine.main()
