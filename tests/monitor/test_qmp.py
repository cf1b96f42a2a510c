#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""QMP: the same dialogue with ours and with Debian's QEMU. quick: yes"""
import json
import pathlib
import random
import unittest

import peer

UUID = "550e8400-e29b-41d4-a716-446655440000"


@peer.on_both
class Same(peer.MonitorTest):
    def setUp(self):
        super().setUp()
        self.process = self.launch("-S", "-uuid", UUID, "-name", "a guest")

    def error(self, kind, text, answer):
        self.assertEqual(answer.get("error"), {"class": kind, "desc": text}, answer)

    def test_negotiation(self):
        qmp = self.qmp(negotiate=False)
        version = qmp.greeting["version"]["qemu"]
        self.assertEqual(sorted(version), ["major", "micro", "minor"])
        self.assertIsInstance(qmp.greeting["version"]["package"], str)
        self.assertIsInstance(qmp.greeting["capabilities"], list)
        self.error("CommandNotFound", "Expecting capabilities negotiation with 'qmp_capabilities'",
                   qmp.raw(execute="query-status"))
        self.assertEqual(qmp.raw(execute="qmp_capabilities"), {"return": {}})
        self.error("CommandNotFound", "Capabilities negotiation is already complete, command ignored",
                   qmp.raw(execute="qmp_capabilities"))

    def test_ids(self):
        qmp = self.qmp()
        for one in (7, "x", {"a": [1, 2]}, [True], 0, 1.5):
            self.assertEqual(qmp.raw(execute="query-name", id=one), {"return": {"name": "a guest"}, "id": one})
            self.assertEqual(qmp.raw(execute="foo", id=one)["id"], one)

    def test_errors(self):
        qmp = self.qmp()
        generic = "GenericError"
        self.error("CommandNotFound", "The command foo has not been found", qmp.raw(execute="foo"))
        self.error(generic, "Parameter 'x' is unexpected", qmp.raw(execute="stop", arguments={"x": 1}))
        self.error(generic, "Parameter 'command-line' is missing", qmp.raw(execute="human-monitor-command"))
        self.error(generic, "Invalid parameter type for 'command-line', expected: string",
                   qmp.raw(execute="human-monitor-command", arguments={"command-line": 3}))
        self.error(generic, "Invalid parameter type for 'val', expected: integer",
                   qmp.raw(execute="memsave", arguments={"val": "x", "size": 1, "filename": "y"}))
        self.error(generic, "QMP input member 'foo' is unexpected", qmp.raw(execute="stop", foo=1))
        self.error(generic, "QMP input member 'execute' must be a string", qmp.raw(execute=1))
        self.error(generic, "QMP input member 'arguments' must be an object", qmp.raw(execute="stop", arguments=[]))
        self.error(generic, "QMP input lacks member 'execute'", qmp.raw())
        for text in ("[1]", '"str"', "3 "):
            qmp.send(text + "\n")
            self.error(generic, "QMP input must be a JSON object", qmp.answer())
        qmp.send("garbage\n")
        self.error(generic, "JSON parse error, invalid keyword 'garbage'", qmp.answer())
        self.error(generic, "Could not open '/nonexistent/x': No such file or directory",
                   qmp.raw(execute="pmemsave", arguments={"val": 0, "size": 16, "filename": "/nonexistent/x"}))
        self.error(generic, "Unable to wake up: guest is not in suspended state", qmp.raw(execute="system_wakeup"))

    def test_spelling(self):
        """Any white space, several messages in one packet, single quotes."""
        qmp = self.qmp()
        qmp.send("{ 'execute' :\n\t'query-name' }{\"execute\":\"query-name\"}\r\n")
        for _ in range(2):
            self.assertEqual(qmp.answer(), {"return": {"name": "a guest"}})
        for byte in b"{'execute':'human-monitor-command','arguments':{'command-line':'p/x \\'a\\''}}":
            qmp.send(bytes([byte]))
        self.assertEqual(qmp.answer(), {"return": "0x61\r\n"})

    def test_queries(self):
        qmp = self.qmp()
        self.assertEqual(qmp.execute("query-status"),
                         {"status": "prelaunch", "singlestep": False, "running": False})
        self.assertFalse(qmp.execute("query-kvm")["enabled"])
        self.assertEqual(qmp.execute("query-name"), {"name": "a guest"})
        self.assertEqual(qmp.execute("query-uuid"), {"UUID": UUID})
        self.assertEqual(qmp.execute("query-replay"), {"mode": "none", "icount": 0})
        self.assertEqual(qmp.execute("query-target"), {"arch": "i386"})
        self.assertEqual(qmp.execute("query-mice"),
                         [{"index": 2, "name": "QEMU PS/2 Mouse", "current": True, "absolute": False}])
        self.assertEqual(qmp.execute("query-memory-size-summary"), {"base-memory": 128 << 20, "plugged-memory": 0})
        cpus = qmp.execute("query-cpus-fast")
        self.assertEqual(len(cpus), 1)
        self.assertEqual((cpus[0]["cpu-index"], cpus[0]["target"]), (0, "i386"))
        self.assertGreater(cpus[0]["thread-id"], 1)
        chardevs = {c["label"]: c["filename"] for c in qmp.execute("query-chardev")}
        self.assertIn(f"unix:{self.qmp_path},server=on", chardevs.values())
        self.assertEqual(qmp.execute("query-iothreads"), [])
        names = {c["name"] for c in qmp.execute("query-commands")}
        for name in ("query-commands", "stop", "cont", "quit", "human-monitor-command", "query-qmp-schema"):
            self.assertIn(name, names)
        devices = qmp.execute("query-pci")[0]["devices"]
        found = {(d["slot"], d["function"]): d["id"] for d in devices}
        self.assertEqual((found[0, 0]["vendor"], found[0, 0]["device"]), (0x8086, 0x1237))
        self.assertEqual((found[1, 3]["vendor"], found[1, 3]["device"]), (0x8086, 0x7113))

    def test_schema(self):
        qmp = self.qmp()
        schema = {entry["name"]: entry for entry in qmp.execute("query-qmp-schema")}
        for command in qmp.execute("query-commands"):
            entry = schema[command["name"]]
            self.assertEqual(entry["meta-type"], "command")
            self.assertEqual(schema[entry["arg-type"]]["meta-type"], "object")
            self.assertIn(entry["ret-type"], schema)
            for member in schema[entry["arg-type"]].get("members", []):
                self.assertIn(member["type"], schema)
        for event in ("STOP", "RESUME", "SHUTDOWN", "RESET", "POWERDOWN"):
            self.assertEqual(schema[event]["meta-type"], "event")

    def test_run(self):
        qmp = self.qmp()
        self.assertEqual(qmp.execute("stop"), {})
        self.assertEqual(qmp.events, [])
        qmp.execute("cont")
        event = qmp.wait_event("RESUME")
        self.assertEqual(sorted(event["timestamp"]), ["microseconds", "seconds"])
        self.assertEqual(qmp.execute("query-status"), {"status": "running", "singlestep": False, "running": True})
        qmp.execute("cont")
        qmp.execute("stop")
        qmp.wait_event("STOP")
        self.assertEqual(qmp.execute("query-status")["status"], "paused")
        self.assertEqual(qmp.hmp("info status"), "VM status: paused\n")
        qmp.execute("system_reset")
        self.assertEqual(qmp.wait_event("RESET")["data"], {"guest": False, "reason": "host-qmp-system-reset"})
        self.assertIn("EIP=0000fff0", qmp.hmp("info registers"))
        qmp.execute("cont")
        qmp.execute("system_powerdown")
        self.assertNotIn("data", qmp.wait_event("POWERDOWN"))
        qmp.execute("inject-nmi")
        qmp.send('{"execute": "quit"}')
        self.assertEqual(qmp.wait_event("SHUTDOWN")["data"], {"guest": False, "reason": "host-qmp-quit"})
        self.assertEqual(qmp.answer(), {"return": {}})
        self.assertEqual(self.process.wait(20), 0)

    def test_keys(self):
        qmp = self.qmp()
        a = {"type": "qcode", "data": "a"}
        self.assertEqual(qmp.execute("send-key", keys=[a, {"type": "number", "data": 30}], hold_time=1), {})
        generic = "GenericError"
        self.error(generic, "Parameter 'data' does not accept value 'foo'",
                   qmp.raw(execute="send-key", arguments={"keys": [{"type": "qcode", "data": "foo"}]}))
        self.error(generic, "Parameter 'type' does not accept value 'bar'",
                   qmp.raw(execute="send-key", arguments={"keys": [{"type": "bar", "data": "foo"}]}))
        events = [{"type": "key", "data": {"down": True, "key": a}}, {"type": "rel", "data": {"axis": "x", "value": 5}},
                  {"type": "btn", "data": {"down": True, "button": "left"}}]
        self.error(generic, "VM not running", qmp.raw(execute="input-send-event", arguments={"events": events}))
        qmp.execute("cont")
        self.assertEqual(qmp.execute("input-send-event", events=events), {})

    def test_second_client(self):
        with peer.Qmp(self.qmp_path), peer.connect(self.qmp_path, 0.3) as second:
            with self.assertRaises(TimeoutError):
                second.recv(1)
        self.assertEqual(self.qmp().execute("query-name"), {"name": "a guest"})


class Ours(peer.MonitorTest):
    def test_pretty(self):
        path = self.folder / "pretty"
        self.launch("-S", "-qmp-pretty", f"unix:{path},server=on,wait=off")
        qmp = peer.Qmp(path, negotiate=False)
        self.addCleanup(qmp.close)
        qmp.send('{"execute": "qmp_capabilities"}')
        qmp.answer()
        qmp.send('{"execute": "query-target"}')
        self.assertEqual([qmp.file.readline() for _ in range(5)],
                         [b"{\n", b'    "return": {\n', b'        "arch": "i386"\n', b"    }\n", b"}\r\n"])

    def test_vnc(self):
        path = self.folder / "vnc"
        self.launch("-S", "-vga", "std", "-vnc", f"unix:{path}")
        qmp = self.qmp()
        self.assertEqual(qmp.execute("query-vnc"), {"enabled": True, "host": "", "service": str(path),
                                                    "family": "unix", "auth": "none", "clients": []})
        self.assertIn(f"Server: :{path} (unix)", qmp.hmp("info vnc"))

    def test_positions(self):
        self.launch("-S")
        qmp = self.qmp()
        qmp.execute("cont")
        press = {"type": "btn", "data": {"button": "left", "down": True}}
        at = [{"type": "abs", "data": {"axis": axis, "value": 16384}} for axis in "xy"]
        self.assertEqual(qmp.execute("input-send-event", events=[*at, press]), {})
        at[0]["data"]["axis"] = "z"
        with self.assertRaisesRegex(peer.QmpError, "expects x or y"):
            qmp.execute("input-send-event", events=at)

    def test_form(self):
        """Scripts that look for a text find it."""
        self.launch("-S")
        qmp = self.qmp()
        qmp.send('{"execute": "stop", "id": 1}\n')
        self.assertEqual(qmp.file.readline(), b'{"return": {}, "id": 1}\r\n')

    def test_garbage(self):
        """Whatever comes, the next client is served, and nothing else notices."""
        process = self.launch("-S")
        dice = random.Random(1)
        alphabet = [bytes([n]) for n in range(256)] + [b'{"execute":', b'"', b"'", b"\\", b"{", b"[", b"}", b"]",
                                                       b'"arguments":{', b'"keys":[', b'"id":', b"\\u12", b"1e999",
                                                       b'{"execute":"query-status"}', b"-", b"null"]
        for path in (self.qmp_path, self.hmp_path):
            for length in (10, 100, 5000, 100_000):
                for _ in range(4):
                    line = peer.connect(path)
                    line.settimeout(5)
                    # "q" alone on a line would be the end of it.
                    data = b"".join(dice.choice(alphabet) for _ in range(length)).replace(b"q", b"Q")
                    # No more is expected of a client that reads nothing than that it does no harm.
                    line.setblocking(False)
                    try:
                        line.sendall(data)
                    except BlockingIOError:
                        pass
                    line.close()
        qmp = self.qmp()
        for text in ("[" * 100_000 + "\n", '"' + "x" * 3_000_000 + '"\n', "{" * 300 + "\n", "1" * 2_000_000 + "\n"):
            try:
                qmp.line.settimeout(20)
                qmp.send(text)
            except (BrokenPipeError, ConnectionResetError):
                self.fail("the connection was closed")
            self.assertIn("error", qmp.answer())
        qmp.close()
        qmp = self.qmp()
        self.assertEqual(qmp.execute("query-status")["status"], "prelaunch")
        self.assertTrue(self.hmp().run("p 7").endswith("0x7\n"))
        self.assertIsNone(process.poll())

    def test_who_does_not_read(self):
        """A client that asks without end and reads nothing stops being read itself."""
        process = self.launch("-S")
        qmp = self.qmp()
        qmp.line.settimeout(2)
        command = json.dumps({"execute": "query-qmp-schema"}).encode() * 100
        with self.assertRaises(TimeoutError):
            for _ in range(10_000):
                qmp.line.sendall(command)
        resident = int(pathlib.Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * 4096
        self.assertLess(resident, 300 << 20)
        self.assertTrue(self.hmp().run("p 7").endswith("0x7\n"))


if __name__ == "__main__":
    peer.machine.main()
