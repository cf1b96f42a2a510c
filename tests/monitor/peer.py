# SPDX-License-Identifier: GPL-2.0-or-later
"""What the monitor's tests share: the same script runs on ours and on Debian's QEMU."""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

import machine  # noqa: E402
from qmp import Hmp, Qmp, QmpError, connect  # noqa: E402,F401

PEER = "/usr/bin/qemu-system-i386"


class MonitorTest(machine.MachineTest):
    """A machine of SeaBIOS alone. emulator: which of the two."""

    emulator = machine.EMULATOR
    peer = False

    def launch(self, *arguments, **options):
        """Starts it; the monitors' sockets are self.qmp_path and self.hmp_path."""
        self.qmp_path = self.folder / f"qmp{self.started}"
        self.hmp_path = self.folder / f"hmp{self.started}"
        command = [*map(str, arguments), "-display", "none", "-nodefaults",
                   "-qmp", f"unix:{self.qmp_path},server=on,wait=off",
                   "-monitor", f"unix:{self.hmp_path},server=on,wait=off"]
        before = machine.EMULATOR
        machine.EMULATOR = self.emulator
        try:
            return self.start(*command, **options)
        finally:
            machine.EMULATOR = before

    def qmp(self, **options):
        client = Qmp(self.qmp_path, **options)
        self.addCleanup(client.close)
        return client

    def hmp(self):
        client = Hmp(self.hmp_path)
        self.addCleanup(client.line.close)
        return client


def on_both(case):
    """A decorator: the same tests once more, on Debian's QEMU, if it is there and the run isn't a quick one."""
    if not os.path.exists(PEER) or machine.KIND == "quick":
        return case
    name = case.__name__ + "OnPeer"
    module = sys.modules[case.__module__]
    setattr(module, name, type(name, (case,), {"emulator": PEER, "peer": True, "__module__": case.__module__}))
    return case
