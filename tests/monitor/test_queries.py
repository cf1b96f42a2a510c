#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a PC without the devices in question answers to those who ask all the same, here and on Debian's QEMU.

quick: yes
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import peer  # noqa: E402
from peer import machine  # noqa: E402


@peer.on_both
class Queries(peer.MonitorTest):
    def test_qmp(self):
        self.launch("-S", "-m", "32")
        qmp = self.qmp()
        for command in ("query-acpi-ospm-status", "query-pr-managers", "query-tpm", "query-memory-devices", "query-iothreads"):
            self.assertEqual(qmp.execute(command), [], command)
        cpu, = qmp.execute("query-hotpluggable-cpus")
        self.assertEqual(cpu, {"props": {"core-id": 0, "thread-id": 0, "socket-id": 0}, "vcpus-count": 1,
                               "qom-path": "/machine/unattached/device[0]", "type": "qemu32-i386-cpu"})
        memory, = qmp.execute("query-memdev")
        self.assertEqual((memory["id"], memory["size"], memory["host-nodes"]), ("pc.ram", 32 << 20, []))

    def test_rtc_change(self):
        """Who sets the clock is told how far ahead of its base it is."""
        self.launch("-S", "-m", "32", "-rtc", "base=2020-01-02T03:04:05,clock=vm")
        qmp = self.qmp()

        def write(register, value):
            for port, byte in ((0x70, register), (0x71, value)):
                qmp.hmp(f"o/b {port:#x} {byte:#x}")
        for writes, offset in [([(0x04, 0x10)], 7 * 3600), ([(0x0B, 0x82), (0x02, 0x09), (0x07, 0x03), (0x0B, 0x02)], 86400 + 7 * 3600 + 300),
                               ([(0x01, 0x30), (0x0B, 0x12), (0x32, 0x20)], 86400 + 7 * 3600 + 300)]:
            for register, value in writes:
                write(register, value)
            data = qmp.wait_event("RTC_CHANGE")["data"]
            self.assertIn("qom-path", data)
            # The peer compares with the host's clock, whatever the machine's does.
            self.assertAlmostEqual(data["offset"], offset, delta=5 if self.peer else 0)
            self.assertEqual([e for e in qmp.events if e["event"] == "RTC_CHANGE"], [])

    def test_hmp(self):
        self.launch("-S", "-m", "32")
        hmp = self.hmp()
        for item, said in [("numa", "0 nodes\n"), ("iothreads", ""), ("memory-devices", "")]:
            self.assertEqual(hmp.run(f"info {item}"), said, item)
        self.assertIn("memory backend: pc.ram\n  size:  33554432\n", hmp.run("info memdev"))
        self.assertIn('type: "qemu32-i386-cpu"\n  vcpus_count: "1"\n', hmp.run("info hotpluggable-cpus"))
        # Without paging an address is one.
        self.assertEqual(hmp.run("gva2gpa 0x1234"), "gpa: 0x1234\n")
        self.assertEqual(hmp.run("gva2gpa 0xfffff000"), "gpa: 0xfffff000\n")


if __name__ == "__main__":
    machine.main()
