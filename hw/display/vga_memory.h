// SPDX-License-Identifier: GPL-2.0-or-later
// How the CPU sees video memory through the window at 0xA0000: planes, latches, write and read
// modes. IBM PS/2 Hardware Interface Technical Reference, "Graphics controller", "Video memory
// organization".
//
// Video memory is kept as groups of four bytes, one of each plane at the same address. In chain-4
// mode the CPU's address A is byte A of that, so that linear modes can be mapped directly; on the
// original a group is addressed by A with its low bits cleared, which only software notices that
// turns chain-4 off and looks at what it wrote before. In odd/even (text) mode character n is at
// even address 2n of plane 0, its attribute at the same address of plane 1, as on the original.
#pragma once

#include <array>

#include "exec/io.h"
#include "exec/memory.h"
#include "hw/display/vga_regs.h"
#include "hw/display/vga_vbe.h"

namespace qr {

class VgaMemory {
  public:
    VgaMemory(AddressSpace& memory, RamBlock& vram, const VgaRegs& regs, const VgaVbe& vbe,
              int priority);
    ~VgaMemory();

    // Follows the registers: maps memory directly where an access is plain.
    void update_mapping();

    void reset();
    void state(StateVisitor& v) { v("latches", latches_); }

  private:
    struct Window {
        uint32_t offset;  // from 0xA0000
        uint32_t size;
        bool contains(uint64_t at) const { return at >= offset && at - offset < size; }
    };
    Window window() const;
    bool direct() const;
    bool linear_vbe() const { return vbe_.enabled() && !vbe_.planar(); }

    uint8_t read(uint64_t offset, bool peek);
    void write(uint64_t offset, uint8_t value);
    uint64_t group_of(uint32_t address) const;
    uint32_t combine(uint8_t value, uint8_t& mask) const;
    uint32_t load(uint64_t group) const;

    AddressSpace& memory_;
    RamBlock& vram_;
    const VgaRegs& regs_;
    const VgaVbe& vbe_;
    int priority_;
    IoRegion region_;
    AddressSpace::Handle region_handle_;
    struct Direct {
        bool on = false;
        uint64_t address = 0;
        uint64_t size = 0;
        uint64_t offset = 0;
        bool operator==(const Direct&) const = default;
    };
    Direct direct_;
    AddressSpace::Handle direct_handle_ = 0;

    uint32_t latches_ = 0;  // plane n in byte n
};

}  // namespace qr
