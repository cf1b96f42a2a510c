// SPDX-License-Identifier: GPL-2.0-or-later
// The Bochs display interface ("VBE dispi"), which gives a VGA linear graphics modes of any size.
// Source: Bochs VBE extension documentation; QEMU's docs/specs/standard-vga for the MMIO form.
#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include "sysemu/state.h"

namespace qr {

class VgaVbe {
  public:
    // on_change: after a mode was set or left, or the bank moved. Its argument: a mode begins, and
    // its memory is to be cleared.
    VgaVbe(uint64_t vram_size, std::function<void(bool clear)> on_change);

    // Register numbers 0 to 10; others read 0.
    uint16_t read(unsigned index) const;
    void write(unsigned index, uint16_t value);

    bool enabled() const { return regs_[kEnable] & 1; }
    bool wide_dac() const { return regs_[kEnable] & 0x20; }
    unsigned width() const { return regs_[kXres]; }
    unsigned height() const { return regs_[kYres]; }
    unsigned bits_per_pixel() const { return regs_[kBpp]; }
    bool planar() const { return regs_[kBpp] == 4; }
    // Bytes from one line to the next (of one plane, in a planar mode), and the offset of what is
    // shown.
    unsigned pitch() const { return line_bytes(regs_[kVirtWidth]); }
    uint64_t start() const;
    uint64_t bank_offset() const { return uint64_t{regs_[kBank]} << 16; }

    uint16_t index() const { return index_; }
    void set_index(uint16_t index) { index_ = index; }

    void reset();
    void state(StateVisitor& v);

  private:
    enum Register : unsigned {
        kId, kXres, kYres, kBpp, kEnable, kBank, kVirtWidth, kVirtHeight, kXoffset, kYoffset,
        kMemory, kCount
    };
    unsigned line_bytes(unsigned width) const;
    void fit();
    void set_virtual_width(unsigned width);
    void write_enable(uint16_t value);

    uint64_t vram_size_;
    std::function<void(bool)> on_change_;
    std::array<uint16_t, kCount> regs_{};
    uint16_t index_ = 0;
};

}  // namespace qr
