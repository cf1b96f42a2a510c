// SPDX-License-Identifier: GPL-2.0-or-later
// Intel 82441FX (PMC), the host bridge of the 440FX chip set: where DRAM, shadow RAM, SMRAM and the
// PCI hole are. Data sheet 290549. VM thread only.
//
// Registers that only set electrical or timing parameters (PMCCFG, DRAMT, MTT ...) are kept and
// read back. The DRB registers are kept too, but the DRAM decode follows the memory that the board
// has put in, since no firmware for this machine sizes DRAM. SMRAM's D_CLS doesn't tell data from
// code accesses.
#pragma once

#include <array>
#include <vector>

#include "hw/machine_control.h"
#include "hw/pci.h"

namespace qr {

// What the board has put into the sockets.
struct I440fxMemory {
    RamBlock* ram = nullptr;
    // DRAM below 4 GiB in bytes, a multiple of 4 KiB and at least 1 MiB; the rest of `ram` begins
    // at 4 GiB.
    uint64_t low_size = 0;
    // What answers on PCI/ISA where a shadow segment is not DRAM: 128 KiB at 0xC0000 and 128 KiB at
    // 0xE0000. Null: nobody.
    RamBlock* option_rom = nullptr;
    uint64_t option_rom_offset = 0;
    RamBlock* bios = nullptr;
    uint64_t bios_offset = 0;
};

class I440fx final : public PciDevice {
  public:
    // smm: the address space that the CPU uses while it is in system management mode (above
    // `memory`).
    I440fx(PciBus& bus, AddressSpace& memory, AddressSpace& smm, const I440fxMemory& dram,
           MachineControl& control);
    ~I440fx() override;

    PciConfigPorts& config_ports() { return config_ports_; }
    // INTA-INTD of slot n lead to PIRQ (n - 1 + pin) mod 4 on PC boards.
    static unsigned interrupt_map(unsigned slot, unsigned pin) { return (slot + pin + 3) & 3; }

    void reset() override;
    void state(StateVisitor& v) override;
    void after_load() override;

  protected:
    void write_config_byte(unsigned offset, uint8_t value) override;
    void config_written(unsigned offset, unsigned size) override;

  private:
    struct Mapped {
        AddressSpace* space;
        AddressSpace::Handle handle;
    };
    void map_fixed();
    void update_map();
    void update_segment(unsigned segment);
    void update_smram();
    void update_hole();
    void drop(std::vector<Mapped>& mapped);

    AddressSpace& memory_;
    AddressSpace& smm_;
    I440fxMemory dram_;
    MachineControl& control_;
    PciConfigPorts config_ports_;
    std::vector<Mapped> fixed_;
    std::vector<Mapped> hole_;
    std::vector<Mapped> smram_;
    struct Segment {
        int attributes = -1;
        std::vector<Mapped> mapped;
    };
    std::array<Segment, 13> segments_;
    int smram_shown_ = -1;
    int hole_shown_ = -1;
};

}  // namespace qr
