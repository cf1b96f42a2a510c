# SPDX-License-Identifier: GPL-2.0-or-later
"""Time travel: steps back, seeks, searches backward and starts at the end of a recorded boot and shell session, by gdb's
protocol and QMP; the peer's step back some seconds into its own replay of the same session; what checkpoints cost.
"""
import random
import re
import statistics
import subprocess
import sys
import time

import measure
import qmp as peer  # of tests/lib
import session

sys.path.insert(0, str(measure.ROOT / "tests" / "gdb"))
import rsp  # noqa: E402

COMMANDS = ["uname -a", "mount -t proc proc /proc", "cat /proc/interrupts", "ls -lR / | md5sum",
            "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done", "for i in 1 2 3 4 5 6 7 8 9; do ls -l /bin >/dev/null; done",
            "gunzip -c /lib/modules/*/modules.dep | wc", "date"]
POINTS = 50
STEPS = 5  # back, from each point
SCANS = 5
PEER_RUNS = 15    # seconds that the peer's replay runs before its step back
PEER_WAITS = 180  # seconds for that step
INTERVAL = 5      # seconds between a recording's checkpoints


def machine(setup):
    return ["-m", "512", "-nographic", "-no-reboot", "-kernel", session.LINUX, "-initrd", session.INITRD,
            "-append", "console=ttyS0 quiet rdinit=/bin/sh"]


def record(command):
    with session.Session(command) as guest:
        session.shell_session(guest, COMMANDS, 900)
        session.power_off(guest, 300)


class Replay:
    """Ours, at the beginning, with a QMP client and gdb's protocol."""

    def __init__(self, setup, *options):
        self.sockets = [setup.folder / name for name in ("qmp", "gdb")]
        for path in self.sockets:
            path.unlink(missing_ok=True)
        self.begin = time.monotonic()
        self.process = subprocess.Popen(
            [*setup.ours, "-icount", ",".join([f"rr=replay,rrfile={setup.log('ours')}", *options]), "-display", "none",
             "-serial", "null", "-monitor", "none", "-qmp", f"unix:{self.sockets[0]},server=on,wait=off",
             *(["-S"] if not options else [])], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.qmp = peer.Qmp(self.sockets[0], timeout=300)
        self.end = int(re.search(r"^of (\d+)", self.qmp.hmp("info replay"), re.M)[1])

    def attach(self):
        self.qmp.hmp(f"gdbserver unix:{self.sockets[1]},server=on,wait=off")
        self.gdb = rsp.Rsp(self.sockets[1], timeout=300)
        self.gdb.no_acks()

    def seek(self, icount):
        # A step by gdb's protocol has a STOP of its own, which may not have been read yet.
        self.qmp.execute("query-status")
        self.qmp.events.clear()
        begin = time.monotonic()
        self.qmp.execute("replay-seek", icount=icount)
        self.qmp.wait_event("STOP", timeout=300)
        return time.monotonic() - begin

    def timed(self, packet):
        begin = time.monotonic()
        answer = self.gdb.ask(packet, 300)
        assert answer.startswith("T05"), answer
        return time.monotonic() - begin, answer

    def resident(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return int(re.search(r"VmHWM:\s+(\d+)", status.read())[1]) / 1024

    def close(self):
        self.process.kill()
        self.process.communicate()


def middle_and_worst(seconds):
    return f"median {statistics.median(seconds) * 1000:.1f} ms, worst {max(seconds) * 1000:.1f} ms"


def bench_ours(setup, notes):
    dice = random.Random(11)
    replay = Replay(setup)
    replay.attach()
    forward = replay.seek(replay.end)
    notes.append(("instructions of the session", f"{replay.end / 1e6:.0f} million, replayed in {forward:.2f} s", "", ""))
    at_end = [replay.timed("bs")[0] for _ in range(20)]
    seeks, steps = [], []
    for _ in range(POINTS):
        seeks.append(replay.seek(dice.randrange(replay.end)))
        steps += [replay.timed("bs")[0] for _ in range(STEPS)]
    notes.append(("step back at the end", middle_and_worst(at_end), "", ""))
    notes.append((f"step back at {POINTS} random points", middle_and_worst(steps), "", ""))
    notes.append((f"seek to {POINTS} random points", middle_and_worst(seeks), "", ""))
    # A watchpoint that is never hit: all of the past is searched.
    rates = []
    for _ in range(SCANS):
        replay.seek(replay.end)
        assert replay.gdb.ask("Z2,fffffff0,4") == "OK"
        took, answer = replay.timed("bc")
        assert "replaylog:begin" in answer, answer
        assert replay.gdb.ask("z2,fffffff0,4") == "OK"
        rates.append(replay.end / took)
    view = replay.qmp.hmp("info replay")
    notes.append(("search backward through all of it", f"{replay.end / statistics.median(rates):.2f} s", "", ""))
    notes.append(("memory for checkpoints, peak of the process",
                  re.search(r"checkpoints, (.*)", view)[1] + f", {replay.resident():.0f} MiB", "", ""))
    replay.close()


def bench_start(setup, notes):
    """From the command to the machine that stands at the end, the log having checkpoints."""
    subprocess.run([measure.ROOT / "scripts" / "replay-index", setup.log("ours")], check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, env={"QEMU_REPLAY": setup.ours[0], "PATH": "/usr/bin:/bin"})
    seconds = []
    for _ in range(5):
        replay = Replay(setup, "rrstart=end")
        while replay.qmp.execute("query-status")["running"]:
            time.sleep(0.002)
        seconds.append(time.monotonic() - replay.begin)
        replay.close()
    notes.append(("start at the end, from checkpoints in the log", f"{statistics.median(seconds):.2f} s", "", ""))


def bench_peer(setup, notes):
    disk, gdb = setup.folder / "snapshots.qcow2", setup.folder / "peer-gdb"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "8G"], check=True)
    drive = ["-drive", f"file={disk},if=none,id=snapshots,format=qcow2"]
    options = f"shift=auto,rrfile={setup.log('peer')},rrsnapshot=begin,rr="
    command = [measure.QEMU, "-net", "none", *machine(setup), *drive, "-icount"]
    record([*command, options + "record"])
    process = subprocess.Popen([*command, options + "replay", "-S", "-gdb", f"unix:{gdb},server=on,wait=off"],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        line = rsp.Rsp(gdb, timeout=60)
        line.send("c")
        time.sleep(PEER_RUNS)
        line.raw(b"\x03")
        line.receive(60)
        begin = time.monotonic()
        line.send("bs")
        answer = line.receive(PEER_WAITS)
        text = f"{time.monotonic() - begin:.1f} s" if answer and answer.startswith(b"T") else \
            f"none within {PEER_WAITS} s" if answer is None else f"refused: {answer.decode()}"
    finally:
        process.kill()
        process.wait()
    notes.append((f"the peer's step back, {PEER_RUNS} s into its replay", "", text, ""))


def bench_cost(setup, notes):
    """CPU time of the VM thread: replays that take checkpoints and don't, recordings that do and don't; in turn."""
    ours, log = setup.ours, setup.log("cost")
    boot = [*ours, "-m", "512", "-display", "none", "-no-reboot", "-kernel", session.LINUX, "-initrd", session.INITRD,
            "-append", "quiet panic=-1 rdinit=/bin/false", "-icount"]
    text = f"shift=1,sleep=off,rr=record,rrfile={log}"
    replay = [*ours, "-display", "none", "-icount"]
    pairs = {"replay that takes checkpoints": ([*replay, f"rr=replay,rrfile={log},rrcheckpoints=off"],
                                               [*replay, f"rr=replay,rrfile={log},rrcheckpoints=1G"]),
             f"recording with checkpoints in the log, {INTERVAL} s apart": ([*boot, text],
                                                                          [*boot, f"{text},rrcheckpoints={INTERVAL}"])}
    measure.run([*boot, text])
    for name, (without, taking) in pairs.items():
        ratios = []
        for number in range(setup.rounds):
            took = {}
            for key in (("without", "taking") if number % 2 else ("taking", "without")):
                took[key] = measure.run(without if key == "without" else taking)[1]
            ratios.append(took["taking"] / took["without"] - 1)
            print(f"travel: {name}: round {number + 1}: {ratios[-1]:+.1%}", file=sys.stderr, flush=True)
        middle, low, high = measure.median_and_bounds(ratios)
        notes.append((f"cost: {name}, VM thread's CPU time, {setup.rounds} rounds",
                      f"median {middle:+.2%}, 95 % between {low:+.2%} and {high:+.2%}", "", ""))
    setup.drop_log("cost")


def bench(setup):
    notes = []
    record(setup.command("ours", machine(setup)))
    bench_ours(setup, notes)
    bench_start(setup, notes)
    setup.drop_log("ours")
    bench_peer(setup, notes)
    bench_cost(setup, notes)
    return notes
