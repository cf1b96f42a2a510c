// SPDX-License-Identifier: GPL-2.0-or-later
//
// VGA memory path. Source: IBM PS/2 Hardware Interface Technical Reference, "Video subsystem":
// sequencer (map mask, memory mode), graphics controller (set/reset to bit mask), "Video memory
// read/write operations".
#include "hw/display/vga_memory.h"

#include <algorithm>

#include "util/bits.h"

namespace qr {

namespace {

constexpr uint64_t kBase = 0xa0000;
constexpr uint64_t kSpan = 0x20000;

// Sequencer
constexpr unsigned kMapMask = 2, kMemoryMode = 4;
constexpr uint8_t kSequential = 1 << 2;  // not odd/even
constexpr uint8_t kChain4 = 1 << 3;

// Graphics controller
constexpr unsigned kSetReset = 0, kEnableSetReset = 1, kColorCompare = 2, kRotate = 3, kReadMap = 4,
                   kMode = 5, kMiscellaneous = 6, kDontCare = 7, kBitMask = 8;
constexpr uint8_t kReadCompare = 1 << 3;
constexpr uint8_t kReadOddEven = 1 << 4;

constexpr uint8_t kRamEnable = 1 << 1;  // miscellaneous output

// Each of the low four bits becomes a byte of zeros or ones.
constexpr uint32_t spread(uint8_t planes) {
    uint32_t mask = 0;
    for (unsigned plane = 0; plane < 4; ++plane)
        if (planes >> plane & 1) mask |= 0xffu << 8 * plane;
    return mask;
}

constexpr auto kSpread = [] {
    std::array<uint32_t, 16> table{};
    for (unsigned i = 0; i < 16; ++i) table[i] = spread(static_cast<uint8_t>(i));
    return table;
}();

constexpr uint32_t replicate(uint8_t byte) { return byte * 0x01010101u; }

}  // namespace

VgaMemory::VgaMemory(AddressSpace& memory, RamBlock& vram, const VgaRegs& regs, const VgaVbe& vbe,
                     int priority)
    : memory_(memory),
      vram_(vram),
      regs_(regs),
      vbe_(vbe),
      priority_(priority),
      region_("vga-lowmem", kSpan,
              {.read = [this](uint64_t o, unsigned) { return read(o, false); },
               .write = [this](uint64_t o, unsigned,
                               uint64_t v) { write(o, static_cast<uint8_t>(v)); },
               .peek = [this](uint64_t o, unsigned) { return read(o, true); },
               .max_size = 1}),
      region_handle_(memory.map_io(kBase, region_, priority)) {
    memory_.register_block(vram_);
}

VgaMemory::~VgaMemory() {
    if (direct_.on) memory_.unmap(direct_handle_);
    memory_.unmap(region_handle_);
}

// ---- mapping ----

// GR06 bits 3:2
VgaMemory::Window VgaMemory::window() const {
    switch (bits(regs_.graphics(kMiscellaneous), 2, 2)) {
        case 0: return {0x00000, 0x20000};
        case 1: return {0x00000, 0x10000};
        case 2: return {0x10000, 0x08000};
        default: return {0x18000, 0x08000};
    }
}

// A byte written goes to memory as it is, a byte read comes from there, and nobody needs the
// latches.
bool VgaMemory::direct() const {
    if (linear_vbe()) return true;
    return regs_.misc() & kRamEnable && regs_.seq(kMemoryMode) & kChain4 &&
           regs_.seq(kMapMask) == 0x0f && !(regs_.graphics(kMode) & 0x0b) &&
           !regs_.graphics(kRotate) && !regs_.graphics(kEnableSetReset) &&
           regs_.graphics(kBitMask) == 0xff;
}

void VgaMemory::update_mapping() {
    Direct wanted;
    if (direct()) {
        const Window w = window();
        wanted = {true, kBase + w.offset, w.size, vbe_.enabled() ? vbe_.bank_offset() : 0};
        wanted.size = std::min(wanted.size, vram_.size() - wanted.offset);
    }
    if (wanted == direct_) return;
    memory_.begin();
    if (direct_.on) memory_.unmap(direct_handle_);
    if (wanted.on)
        direct_handle_ =
            memory_.map_ram(wanted.address, wanted.size, vram_, wanted.offset, priority_);
    memory_.commit();
    direct_ = wanted;
}

// ---- access ----

// The group of four planes that an address in the window selects, as an offset into video memory.
uint64_t VgaMemory::group_of(uint32_t address) const {
    uint64_t group;
    if (regs_.seq(kMemoryMode) & kChain4)
        group = address & ~3u;
    else if (!(regs_.seq(kMemoryMode) & kSequential))
        group = uint64_t{address & ~1u} * 4;
    else
        group = uint64_t{address} * 4;
    if (vbe_.enabled()) group += vbe_.bank_offset() * 4;
    return group & (vram_.size() - 4);
}

uint32_t VgaMemory::load(uint64_t group) const { return load_le<uint32_t>(vram_.data() + group); }

uint8_t VgaMemory::read(uint64_t offset, bool peek) {
    const Window w = window();
    if (!w.contains(offset) || !(regs_.misc() & kRamEnable)) return 0xff;
    const uint32_t address = static_cast<uint32_t>(offset) - w.offset;
    const uint32_t planes = load(group_of(address));
    if (!peek) latches_ = planes;

    if (regs_.graphics(kMode) & kReadCompare) {
        // A bit is set where the colour of all planes that matter is the one asked for.
        const uint32_t differs = (planes ^ kSpread[regs_.graphics(kColorCompare)]) &
                                 kSpread[regs_.graphics(kDontCare)];
        const uint32_t any = differs | differs >> 8 | differs >> 16 | differs >> 24;
        return static_cast<uint8_t>(~any);
    }
    unsigned plane = regs_.graphics(kReadMap);
    if (regs_.seq(kMemoryMode) & kChain4)
        plane = address & 3;
    else if (regs_.graphics(kMode) & kReadOddEven)
        plane = (plane & 2) | (address & 1);
    return static_cast<uint8_t>(planes >> 8 * plane);
}

// What the four planes get, before map mask: write modes 0 to 3. Narrows the bit mask in mode 3.
uint32_t VgaMemory::combine(uint8_t value, uint8_t& mask) const {
    const unsigned mode = regs_.graphics(kMode) & 3;
    const unsigned count = regs_.graphics(kRotate) & 7;
    const uint8_t rotated = static_cast<uint8_t>(value >> count | value << (8 - count));
    uint32_t data;
    switch (mode) {
        case 0: {
            const uint32_t by_plane = kSpread[regs_.graphics(kEnableSetReset)];
            data = (replicate(rotated) & ~by_plane) |
                   (kSpread[regs_.graphics(kSetReset)] & by_plane);
            break;
        }
        case 2: data = kSpread[value & 0x0f]; break;
        case 3:
            mask &= rotated;
            data = kSpread[regs_.graphics(kSetReset)];
            break;
        default: return latches_;
    }
    switch (bits(regs_.graphics(kRotate), 3, 2)) {
        case 1: return data & latches_;
        case 2: return data | latches_;
        case 3: return data ^ latches_;
        default: return data;
    }
}

void VgaMemory::write(uint64_t offset, uint8_t value) {
    const Window w = window();
    if (!w.contains(offset) || !(regs_.misc() & kRamEnable)) return;
    const uint32_t address = static_cast<uint32_t>(offset) - w.offset;

    uint8_t planes = regs_.seq(kMapMask);
    if (regs_.seq(kMemoryMode) & kChain4)
        planes &= static_cast<uint8_t>(1 << (address & 3));
    else if (!(regs_.seq(kMemoryMode) & kSequential))
        planes &= address & 1 ? 0x0a : 0x05;
    if (!planes) return;

    uint8_t mask = regs_.graphics(kBitMask);
    uint32_t data = combine(value, mask);
    if ((regs_.graphics(kMode) & 3) != 1)
        data = (data & replicate(mask)) | (latches_ & ~replicate(mask));

    const uint64_t group = group_of(address);
    const uint32_t enabled = kSpread[planes];
    memory_.device_writes(vram_, group, 4);
    store_le<uint32_t>(vram_.data() + group, (load(group) & ~enabled) | (data & enabled));
}

void VgaMemory::reset() {
    latches_ = 0;
    update_mapping();
}

}  // namespace qr
