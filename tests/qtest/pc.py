# SPDX-License-Identifier: GPL-2.0-or-later
"""What register-level tests of a PC need again and again: PCI configuration cycles, the interrupt
controllers' request registers, and waiting in virtual time."""

MS = 1_000_000


def config(slot, function=0):
    return slot << 3 | function


class Pci:
    """Configuration mechanism #1 on bus 0."""

    def __init__(self, vm):
        self.vm = vm

    def _select(self, devfn, offset):
        self.vm.outl(0xCF8, 0x80000000 | devfn << 8 | offset & 0xFC)
        return 0xCFC + (offset & 3)

    def readb(self, devfn, offset):
        return self.vm.inb(self._select(devfn, offset))

    def readw(self, devfn, offset):
        return self.vm.inw(self._select(devfn, offset))

    def readl(self, devfn, offset):
        return self.vm.inl(self._select(devfn, offset))

    def writeb(self, devfn, offset, value):
        self.vm.outb(self._select(devfn, offset), value)

    def writew(self, devfn, offset, value):
        self.vm.outw(self._select(devfn, offset), value)

    def writel(self, devfn, offset, value):
        self.vm.outl(self._select(devfn, offset), value)


class Pic:
    """Both 8259As, initialized with everything masked; the request registers show the wires. All inputs
    that may be are level-triggered (not 0, 1, 2, 8 and 13), so that they show falling wires too."""

    def __init__(self, vm):
        self.vm = vm
        for base, vector, cascade in ((0x20, 0x08, 0x04), (0xA0, 0x70, 0x02)):
            vm.outb(base, 0x11)
            vm.outb(base + 1, vector)
            vm.outb(base + 1, cascade)
            vm.outb(base + 1, 0x01)
            vm.outb(base + 1, 0xFF)
        vm.outb(0x4D0, 0xF8)
        vm.outb(0x4D1, 0xDE)

    def requested(self, irq):
        base = 0xA0 if irq >= 8 else 0x20
        self.vm.outb(base, 0x0A)
        return bool(self.vm.inb(base) >> (irq & 7) & 1)


def wait(vm, ready, ns=500 * MS, step=MS // 2):
    """Steps virtual time until ready() or for ns. Returns the last answer."""
    for _ in range(max(1, ns // step)):
        if ready():
            return True
        vm.clock_step(step)
    return ready()
