// SPDX-License-Identifier: GPL-2.0-or-later
// What tests of the board's chips need besides device_fixture.h: a door to bring input in, a
// listener for output, a machine to ask things of, and the address spaces with something on the PCI
// bus.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "exec/ioport.h"
#include "exec/memory.h"
#include "hw/machine_control.h"
#include "hw/pci.h"
#include "sysemu/replay.h"
#include "tests/unit/device_fixture.h"
#include "tests/unit/flat_dma.h"

namespace qr::test {

struct TestDoor {
    Mailbox mailbox;
    Door door{mailbox};

    template <class Payload>
    void enter(InputPort<Payload>& port, Payload payload) {
        PayloadWriter writer;
        payload.fields(writer);
        door.enter(port, writer.take());
    }
};

class Capture final : public OutputSink {
  public:
    void write(std::span<const uint8_t> data) override { text.append(data.begin(), data.end()); }
    std::string text;
};

struct TestControl final : MachineControl {
    void request_reset() override { ++resets; }
    void request_shutdown() override { ++shutdowns; }
    void request_suspend() override { ++suspends; }
    void request_exit(int status) override { exit_status = status; }
    int resets = 0;
    int shutdowns = 0;
    int suspends = 0;
    int exit_status = -1;
};

// Ports, memory and a bus between them; configuration cycles as the CPU makes them.
struct TestBus {
    IoPortSpace ports;
    AddressSpace memory;
    FlatDma dma{0x10000};
    PciBus pci{ports, memory, dma};
    PciConfigPorts config{pci};
    Wires pirq;

    TestBus() {
        ports.map(0xcf8, config.address_region());
        ports.map(0xcfc, config.data_region());
        pci.connect_interrupts(
            pirq, [](unsigned slot, unsigned pin) { return (slot + pin + 3) & 3; });
    }
    uint32_t read(unsigned devfn, unsigned offset, unsigned size) {
        select(devfn, offset);
        return ports.port_read(static_cast<uint16_t>(0xcfc + (offset & 3)), size);
    }
    void write(unsigned devfn, unsigned offset, unsigned size, uint32_t value) {
        select(devfn, offset);
        ports.port_write(static_cast<uint16_t>(0xcfc + (offset & 3)), size, value);
    }

  private:
    void select(unsigned devfn, unsigned offset) {
        ports.port_write(0xcf8, 4, 0x80000000 | devfn << 8 | (offset & 0xfc));
    }
};

}  // namespace qr::test
