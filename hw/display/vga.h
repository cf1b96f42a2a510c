// SPDX-License-Identifier: GPL-2.0-or-later
// The standard VGA of a virtual PC ("-vga std"): PCI 1234:1111 with the Bochs display interface,
// video memory in BAR 0, registers in BAR 2 and at the legacy ports, a BIOS in the ROM BAR. VM
// thread only. Source: QEMU's docs/specs/standard-vga; vga_regs.h, vga_memory.h and vga_vbe.h name
// the rest.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "hw/display/vga_memory.h"
#include "hw/pci.h"

namespace qr {

class Vga final : public PciDevice {
  public:
    static constexpr uint64_t kDefaultVramSize = 16 << 20;

    // rom: the VGA BIOS, or null; outlives the device. vram_size: a power of two, 1 MiB to 256 MiB.
    // Errors: another size, or memory that the host has not.
    static Result<std::unique_ptr<Vga>> create(PciBus& bus, unsigned devfn, AddressSpace& memory,
                                               IoPortSpace& ports, VirtualClock& clock,
                                               RamBlock* rom,
                                               uint64_t vram_size = kDefaultVramSize);
    ~Vga() override;

    const VgaRegs& regs() const { return regs_; }
    const VgaVbe& vbe() const { return vbe_; }
    RamBlock& vram() { return *vram_; }
    const RamBlock& vram() const { return *vram_; }
    bool big_endian() const { return big_endian_; }

    bool in_text_mode() const;
    // The lines of a text screen in UTF-8, without trailing spaces. Empty in a graphics mode.
    std::vector<std::string> text_screen() const;

    void reset() override;
    void state(StateVisitor& v) override;
    void after_load() override;

  private:
    Vga(PciBus& bus, unsigned devfn, AddressSpace& memory, IoPortSpace& ports, VirtualClock& clock,
        std::unique_ptr<RamBlock> vram, RamBlock* rom);

    uint64_t read_vbe(uint64_t offset) const;
    void write_vbe(uint64_t offset, uint16_t value);
    uint64_t read_mmio(uint64_t offset, unsigned size, bool peek);
    uint8_t read_mmio_byte(uint64_t offset, bool peek);
    void write_mmio(uint64_t offset, unsigned size, uint64_t value);
    void vbe_changed(bool clear);

    AddressSpace& memory_;
    IoPortSpace& ports_;
    std::unique_ptr<RamBlock> vram_;
    VgaRegs regs_;
    VgaVbe vbe_;
    std::unique_ptr<VgaMemory> window_;
    IoRegion legacy_region_;
    IoRegion vbe_region_;
    IoRegion mmio_region_;
    std::vector<IoPortSpace::Handle> legacy_handles_;
    IoPortSpace::Handle vbe_handle_;
    std::array<uint8_t, 128> edid_;
    bool big_endian_ = false;
};

}  // namespace qr
