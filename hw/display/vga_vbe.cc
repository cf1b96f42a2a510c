// SPDX-License-Identifier: GPL-2.0-or-later
//
// Bochs display interface. Source: Bochs VBE extension documentation.
#include "hw/display/vga_vbe.h"

#include <algorithm>

namespace qr {

namespace {

constexpr uint16_t kOldestId = 0xb0c0;
constexpr uint16_t kNewestId = 0xb0c5;
constexpr uint16_t kEnabled = 0x01;
constexpr uint16_t kGetCapabilities = 0x02;
constexpr uint16_t kNoClear = 0x80;
constexpr unsigned kMaxWidth = 16000;
constexpr unsigned kMaxHeight = 12000;
constexpr uint16_t kMaxBpp = 32;

}  // namespace

VgaVbe::VgaVbe(uint64_t vram_size, std::function<void(bool)> on_change)
    : vram_size_(vram_size), on_change_(std::move(on_change)) {
    reset();
}

unsigned VgaVbe::line_bytes(unsigned width) const {
    const unsigned bpp = regs_[kBpp];
    if (bpp == 4) return width / 2;
    return width * ((bpp + 7) / 8);
}

uint64_t VgaVbe::start() const {
    const uint64_t lines = uint64_t{regs_[kYoffset]} * pitch();
    return lines + line_bytes(regs_[kXoffset]);
}

uint16_t VgaVbe::read(unsigned index) const {
    if (index >= kCount) return 0;
    if (regs_[kEnable] & kGetCapabilities) {
        if (index == kXres) return kMaxWidth;
        if (index == kYres) return kMaxHeight;
        if (index == kBpp) return kMaxBpp;
    }
    return regs_[index];
}

void VgaVbe::set_virtual_width(unsigned width) {
    width = std::clamp<unsigned>(width & ~7u, regs_[kXres], 0xffff);
    regs_[kVirtWidth] = static_cast<uint16_t>(width);
    const uint64_t height = vram_size_ / std::max(1u, line_bytes(width));
    regs_[kVirtHeight] = static_cast<uint16_t>(std::min<uint64_t>(height, 0xffff));
}

// Makes the registers describe a mode that exists and fits into memory.
void VgaVbe::fit() {
    switch (regs_[kBpp]) {
        case 4: case 8: case 15: case 16: case 24: case 32: break;
        default: regs_[kBpp] = 8;
    }
    regs_[kXres] = static_cast<uint16_t>(std::clamp<unsigned>(regs_[kXres] & ~7u, 8, kMaxWidth));
    const uint64_t lines = vram_size_ / line_bytes(regs_[kXres]);
    regs_[kYres] = static_cast<uint16_t>(
        std::clamp<uint64_t>(regs_[kYres], 1, std::min<uint64_t>(kMaxHeight, lines)));
}

void VgaVbe::write_enable(uint16_t value) {
    const bool begins = value & kEnabled && !enabled();
    if (begins) {
        fit();
        set_virtual_width(regs_[kXres]);
        regs_[kXoffset] = regs_[kYoffset] = 0;
    }
    regs_[kEnable] = value;
    on_change_(begins && !(value & kNoClear));
}

void VgaVbe::write(unsigned index, uint16_t value) {
    switch (index) {
        case kId:
            if (value >= kOldestId && value <= kNewestId) regs_[kId] = value;
            return;
        case kXres:
        case kYres:
        case kBpp:
            regs_[index] = value;
            if (!enabled()) return;
            fit();
            set_virtual_width(regs_[kVirtWidth]);
            return on_change_(false);
        case kEnable: return write_enable(value);
        case kBank:
            regs_[kBank] = static_cast<uint16_t>(value & ((vram_size_ >> 16) - 1));
            return on_change_(false);
        case kVirtWidth:
            set_virtual_width(value);
            return on_change_(false);
        case kXoffset:
        case kYoffset: regs_[index] = value; return;
        default: return;  // VIRT_HEIGHT and the memory size are computed
    }
}

void VgaVbe::reset() {
    regs_ = {};
    regs_[kId] = kNewestId;
    regs_[kMemory] = static_cast<uint16_t>(vram_size_ >> 16);
    index_ = 0;
}

void VgaVbe::state(StateVisitor& v) {
    v("regs", regs_);
    v("index", index_);
    if (!v.loading()) return;
    const bool fits = !enabled() || uint64_t{height()} * line_bytes(width()) <= vram_size_;
    if (bank_offset() < vram_size_ && fits) return;
    v.fail("vga: VBE mode or bank out of range");
    reset();
}

}  // namespace qr
