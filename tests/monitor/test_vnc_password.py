#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""VNC's password, set and expired by both monitors, here and on Debian's QEMU; and that it is no input: a recording
has no trace of it, and in a replay it is set as ever.

quick: yes
"""
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import peer  # noqa: E402
from peer import machine  # noqa: E402
import rfb  # noqa: E402


@peer.on_both
class Password(peer.MonitorTest):
    def serve(self, password="on"):
        self.vnc = str(self.folder / "vnc")
        return self.launch("-vga", "std", "-vnc", f"unix:{self.vnc},password={password}", "-m", "16")

    def let_in(self, password, **options):
        with rfb.Client(self.vnc, password=password, **options) as client:
            client.refresh()

    def kept_out(self, password):
        with self.assertRaises(PermissionError):
            rfb.Client(self.vnc, password=password)

    def test_hmp(self):
        self.serve()
        hmp = self.hmp()
        self.assertIn("Auth: vnc", hmp.run("info vnc"))
        self.kept_out("secret")
        self.assertEqual(hmp.run("set_password vnc secret"), "")
        self.let_in("secret")
        self.kept_out("Secret")
        self.assertEqual(hmp.run("change vnc password other"), "")
        self.let_in("other")
        self.kept_out("secret")
        self.assertEqual(hmp.run("expire_password vnc now"), "")
        self.kept_out("other")
        self.assertEqual(hmp.run("set_password vnc third keep"), "")
        self.kept_out("third")  # a new one doesn't change when it expires
        self.assertEqual(hmp.run("expire_password vnc +1000"), "")
        self.let_in("third")
        self.assertEqual(hmp.run(f"expire_password vnc {int(time.time()) - 10}"), "")
        self.kept_out("third")
        self.assertEqual(hmp.run("expire_password vnc never -d default"), "")
        self.let_in("third")
        self.assertEqual(hmp.run("set_password vnc long-than-8 -d default keep"), "")
        self.let_in("long-tha")  # the protocol has eight characters

    def test_it_is_asked_for(self):
        self.serve()
        hmp = self.hmp()
        hmp.line.sendall(b"change vnc password\r")
        self.until(hmp, b"Password: ")
        hmp.line.sendall(b"opem\x7fn\r")
        said = self.until(hmp, b"(qemu) ")
        self.assertNotIn(b"ope", said)
        self.assertIn(b"****", said)
        self.let_in("open")
        hmp.line.sendall(b"\x1b[A")  # the password isn't in the history
        self.assertIn(b"change vnc password", self.until(hmp, b"password"))

    @staticmethod
    def until(hmp, text):
        data = b""
        while text not in data:
            data += hmp.line.recv(4096)
        return data

    def test_events(self):
        """Who comes, gets in and goes."""
        self.serve()
        qmp = self.qmp()
        qmp.execute("set_password", protocol="vnc", password="secret")
        self.kept_out("wrong")
        self.let_in("secret")
        seen = []
        while len(seen) < 5:
            seen.append(qmp.wait_event(("VNC_CONNECTED", "VNC_INITIALIZED", "VNC_DISCONNECTED")[(0, 2, 0, 1, 2)[len(seen)]]))
        for event in seen:
            server, client = event["data"]["server"], event["data"]["client"]
            self.assertEqual({key: server[key] for key in ("auth", "family", "service", "websocket")},
                             {"auth": "vnc", "family": "unix", "service": self.vnc, "websocket": False})
            self.assertEqual({key: client[key] for key in ("family", "host", "service", "websocket")},
                             {"family": "unix", "host": "", "service": "", "websocket": False})

    def test_qmp(self):
        self.serve()
        qmp = self.qmp()
        vnc = qmp.execute("query-vnc")
        self.assertEqual({k: vnc[k] for k in ("enabled", "auth", "family", "service", "clients")},
                         {"enabled": True, "auth": "vnc", "family": "unix", "service": self.vnc, "clients": []})
        self.assertEqual(qmp.execute("change-vnc-password", password="one"), {})
        self.let_in("one")
        self.assertEqual(qmp.execute("set_password", protocol="vnc", password="two", connected="keep"), {})
        with rfb.Client(self.vnc, password="two") as client:
            client.refresh()
            self.assertEqual(qmp.execute("expire_password", protocol="vnc", time="now"), {})
            self.kept_out("two")
            client.refresh()  # who is in stays
            self.assertEqual(len(qmp.execute("query-vnc")["clients"]), 1)
            self.assertEqual(len(qmp.execute("query-vnc-servers")[0]["clients"]), 1)
        self.assertEqual(qmp.execute("expire_password", protocol="vnc", time="never", display="default"), {})
        self.let_in("two")
        self.assertEqual(qmp.hmp("change vnc password"), "terminal does not support password prompting\n")
        for command, arguments, text in [
                ("set_password", {"protocol": "vnc", "password": "x", "connected": "fail"}, "Invalid parameter 'connected'"),
                ("set_password", {"protocol": "vnc", "password": "x", "connected": "disconnect"},
                 "Invalid parameter 'connected'"),
                ("set_password", {"protocol": "vnc", "password": "x", "connected": "often"},
                 "Parameter 'connected' does not accept value 'often'"),
                ("set_password", {"protocol": "rdp", "password": "x"}, "Parameter 'protocol' does not accept value 'rdp'"),
                ("set_password", {"protocol": "spice", "password": "x"}, "SPICE is not in use"),
                ("set_password", {"protocol": "vnc", "password": "x", "display": "other"}, "Could not set password"),
                ("expire_password", {"protocol": "vnc", "time": "now", "display": "other"},
                 "Could not set password expire time")]:
            with self.subTest(command, **arguments), self.assertRaises(peer.QmpError) as failed:
                qmp.execute(command, **arguments)
            self.assertIn(text, failed.exception.text)
            self.assertEqual(failed.exception.kind, "DeviceNotActive" if "spice" in arguments.values() else "GenericError")
        self.let_in("two")

    def test_refused_in_hmp(self):
        self.serve(password="off")
        hmp = self.hmp()
        self.assertIn("Auth: none", hmp.run("info vnc"))
        for line, text in [("set_password vnc x", "Error: Could not set password"),
                           ("change vnc password x", "Could not set password"),
                           ("change vnc it", "Expected 'password' after 'vnc'"),
                           ("set_password vnc x often", "invalid parameter value: often"),
                           ("set_password vnc x disconnect", "Invalid parameter 'connected'"),
                           ("set_password rdp x", "invalid parameter value: rdp"),
                           ("set_password spice x", "SPICE is not in use"),
                           ("set_password vnc", "set_password: string expected"),
                           ("expire_password vnc", "expire_password: string expected"),
                           ("expire_password rdp now", "invalid parameter value: rdp")]:
            self.assertIn(text, hmp.run(line), line)
        with rfb.Client(self.vnc) as client:
            client.refresh()

    def test_no_server(self):
        self.launch("-vga", "std", "-m", "16")
        hmp = self.hmp()
        self.assertEqual(hmp.run("info vnc"), "None\n")
        self.assertIn("Could not set password", hmp.run("set_password vnc x"))
        self.assertIn("Could not set password expire time", hmp.run("expire_password vnc now"))


class Recorded(peer.MonitorTest):
    def test_no_trace_and_in_replay_too(self):
        image = self.assemble("screen", "WORK", "ROUNDS=1500")
        base = ["-m", "2", "-bios", image, *machine.EXIT_DEVICE]
        vnc = str(self.folder / "vnc")
        totals = []
        for change in (False, True):
            log = self.log = self.folder / f"log{change}"
            process = self.launch(*base, "-vga", "std", "-vnc", f"unix:{vnc},password=on",
                                  *self.recording("shift=4,sleep=off"))
            if change:
                hmp, qmp = self.hmp(), self.qmp()
                for n in range(20):
                    hmp.run(f"set_password vnc x{n}")
                    qmp.execute("expire_password", protocol="vnc", time="never")
            self.assertEqual(process.wait(120), 3, process.errors.read_text())
            totals.append({k: v for k, v in machine.replay_dump(log)["totals"].items() if "byte" not in k})
        self.assertEqual(totals[0], totals[1])
        self.assertEqual(totals[0]["events"], 0)
        process = self.launch(*self.replaying(self.log), "-S", "-vnc", f"unix:{vnc},password=on")
        hmp = self.hmp()
        self.assertEqual(hmp.run("set_password vnc seen"), "")
        with rfb.Client(vnc, password="seen") as client:
            client.refresh()
        self.assertEqual(hmp.run("expire_password vnc soon").count("not 'soon'"), 1)
        hmp.run("cont")
        hmp.line.close()
        self.assertEqual(process.wait(120), 3, process.errors.read_text())
        self.assertRegex(process.errors.read_text(), machine.AS_RECORDED)


if __name__ == "__main__":
    machine.main()
