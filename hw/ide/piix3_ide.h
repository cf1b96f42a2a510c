// SPDX-License-Identifier: GPL-2.0-or-later
//
// Intel 82371SB (PIIX3), function 1: the IDE controller with two channels at their legacy addresses and a bus
// master for each. Data sheet 290550, 3.2 (configuration), 3.7 (bus master registers). IDETIM and SIDETIM are
// kept; transfers take no bus time. The channels' decode enables (IDETIM bit 15) are kept and, as in QEMU,
// move nothing: firmware that leaves them off still finds its disks. VM thread only.
#pragma once

#include <array>

#include "exec/ioport.h"
#include "hw/ide/bus_master.h"
#include "hw/ide/ide_channel.h"
#include "hw/pci.h"

namespace qr {

class Piix3Ide final : public PciDevice {
  public:
    // irqs: of the primary and the secondary channel, IRQ 14 and 15.
    Piix3Ide(PciBus& bus, unsigned devfn, const std::array<IrqLine, 2>& irqs);
    ~Piix3Ide() override;

    ide::Channel& channel(unsigned n) { return channels_[n]; }

    void reset() override;
    void state(StateVisitor& v) override;

  private:
    // The function's own view of memory: only as a bus master.
    struct Memory final : DmaBus {
        explicit Memory(Piix3Ide& chip) : chip_(chip) {}
        void dma_read(uint64_t address, std::span<uint8_t> to) override { chip_.dma_read(address, to); }
        void dma_write(uint64_t address, std::span<const uint8_t> from) override {
            chip_.dma_write(address, from);
        }
        Piix3Ide& chip_;
    };

    uint64_t read_bus_master(uint64_t offset, unsigned size) const;
    void write_bus_master(uint64_t offset, unsigned size, uint64_t value);

    Memory memory_;
    std::array<ide::Channel, 2> channels_;
    std::array<ide::BusMaster, 2> masters_;
    IoRegion region_;
};

}  // namespace qr
