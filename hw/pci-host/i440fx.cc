// SPDX-License-Identifier: GPL-2.0-or-later
//
// Intel 82441FX host bridge. Data sheet 290549, chapters on register description and address map.
#include "hw/pci-host/i440fx.h"

#include <algorithm>

#include "util/bits.h"

namespace qr {

namespace {

constexpr unsigned kPam0 = 0x59;
constexpr unsigned kFdhc = 0x68;
constexpr unsigned kSmram = 0x72;
constexpr unsigned kTrc = 0x93;

constexpr uint8_t kSmramOpen = 1 << 6;
constexpr uint8_t kSmramLock = 1 << 4;
constexpr uint8_t kSmramEnable = 1 << 3;
constexpr uint8_t kTrcResetCpu = 1 << 2;

constexpr uint64_t k4GiB = uint64_t{1} << 32;
constexpr uint64_t kVgaStart = 0xa0000;
constexpr uint64_t kVgaEnd = 0xc0000;
constexpr uint64_t kMiB = 1 << 20;

constexpr int kDramPriority = 0;
constexpr int kShadowPriority = 1;

// PAM attributes of a segment.
constexpr int kReadDram = 1;
constexpr int kWriteDram = 2;

// Segment 0 is the BIOS area under PAM0[7:4]; 1 to 12 are 16 KiB each from 0xC0000 on.
uint64_t segment_start(unsigned segment) {
    return segment == 0 ? 0xf0000 : 0xc0000 + (segment - 1) * 0x4000;
}
uint64_t segment_size(unsigned segment) { return segment == 0 ? 0x10000 : 0x4000; }

struct Register {
    uint8_t offset;
    uint8_t size;
    uint32_t reset;
    uint32_t writable;
    uint32_t clear_by_one;
};

constexpr Register kRegisters[] = {
    {pci::kCommand, 2, 0x0006, 0x0140, 0},          // memory and master are fixed
    {pci::kStatus, 2, 0x0280, 0, 0xf900},           // medium DEVSEL, fast back-to-back
    {pci::kLatency, 1, 0x00, 0xf8, 0},              // MLT
    {0x50, 2, 0x0000, 0xffff, 0},                   // PMCCFG
    {0x52, 1, 0x00, 0xff, 0},                       // DETURBO
    {0x53, 1, 0x83, 0xff, 0},                       // DBC
    {0x54, 1, 0x00, 0xff, 0},                       // AXC
    {0x55, 2, 0x0000, 0xffff, 0},                   // DRT
    {0x57, 1, 0x01, 0xff, 0},                       // DRAMC
    {0x58, 1, 0x10, 0xff, 0},                       // DRAMT
    {0x59, 1, 0x00, 0x30, 0},                       // PAM0: its low half is reserved
    {0x5a, 4, 0x00, 0x33333333, 0},                 // PAM1-PAM4
    {0x5e, 2, 0x00, 0x3333, 0},                     // PAM5, PAM6
    {0x60, 4, 0x01010101, 0xffffffff, 0},           // DRB0-DRB3
    {0x64, 4, 0x01010101, 0xffffffff, 0},           // DRB4-DRB7
    {kFdhc, 1, 0x00, 0xc0, 0},                      // FDHC
    {0x70, 1, 0x20, 0xf8, 0},                       // MTT
    {0x71, 1, 0x10, 0xf8, 0},                       // CLT
    {kSmram, 1, 0x02, 0x78, 0},                     // SMRAM
    {0x90, 1, 0x00, 0xff, 0},                       // ERRCMD
    {0x91, 1, 0x00, 0x00, 0x13},                    // ERRSTS
    {kTrc, 1, 0x00, 0x0f, 0},                       // TRC
};

}  // namespace

I440fx::I440fx(PciBus& bus, AddressSpace& memory, AddressSpace& smm, const I440fxMemory& dram,
               MachineControl& control)
    : PciDevice("i440fx", bus, pci_devfn(0, 0),
                {.vendor = 0x8086, .device = 0x1237, .revision = 0x02, .class_code = 0x060000}),
      memory_(memory),
      smm_(smm),
      dram_(dram),
      control_(control),
      config_ports_(bus) {
    for (const Register& r : kRegisters)
        define(r.offset, r.size, r.reset, r.writable, r.clear_by_one);
    map_fixed();
    update_map();
}

I440fx::~I440fx() {
    for (Segment& segment : segments_) drop(segment.mapped);
    drop(smram_);
    drop(hole_);
    drop(fixed_);
}

void I440fx::drop(std::vector<Mapped>& mapped) {
    for (const Mapped& m : mapped) m.space->unmap(m.handle);
    mapped.clear();
}

// DRAM that no register moves.
void I440fx::map_fixed() {
    RamBlock& ram = *dram_.ram;
    const auto map = [&](uint64_t first, uint64_t end, uint64_t offset) {
        if (end > first)
            fixed_.push_back(
                {&memory_, memory_.map_ram(first, end - first, ram, offset, kDramPriority)});
    };
    map(0, 0x80000, 0);
    map(kMiB, std::min(dram_.low_size, 15 * kMiB), kMiB);
    map(16 * kMiB, dram_.low_size, 16 * kMiB);
    map(k4GiB, k4GiB + (ram.size() - dram_.low_size), dram_.low_size);
}

void I440fx::update_map() {
    memory_.begin();
    smm_.begin();
    for (unsigned i = 0; i < segments_.size(); ++i) update_segment(i);
    update_smram();
    update_hole();
    smm_.commit();
    memory_.commit();
}

// PAM: reads and writes of a segment go to DRAM or to PCI, each by a bit of its own.
void I440fx::update_segment(unsigned segment) {
    const unsigned pam = segment == 0 ? kPam0 : kPam0 + (segment + 1) / 2;
    const bool high_half = segment == 0 || segment % 2 == 0;
    const int attributes = static_cast<int>(bits(config(pam, 1), high_half ? 4 : 0, 2));
    Segment& shown = segments_[segment];
    if (shown.attributes == attributes) return;
    shown.attributes = attributes;
    drop(shown.mapped);

    const uint64_t start = segment_start(segment);
    RamBlock* rom = start < 0xe0000 ? dram_.option_rom : dram_.bios;
    const uint64_t rom_offset = start < 0xe0000 ? dram_.option_rom_offset + start - 0xc0000
                                                : dram_.bios_offset + start - 0xe0000;
    const bool read = attributes & kReadDram, write = attributes & kWriteDram;
    RamBlock* rom_target = rom && !rom->read_only() ? rom : nullptr;
    shown.mapped.push_back(
        {&memory_, memory_.map_split(start, segment_size(segment), read ? dram_.ram : rom,
                                     read ? start : rom_offset, write ? dram_.ram : rom_target,
                                     write ? start : rom_offset, kShadowPriority)});
}

// SMRAM: DRAM behind the VGA window, for a CPU in SMM, or for everybody while D_OPEN is set.
void I440fx::update_smram() {
    const uint8_t smram = static_cast<uint8_t>(config(kSmram, 1));
    const int shown = !(smram & kSmramEnable) ? 0 : smram & kSmramOpen ? 2 : 1;
    if (shown == smram_shown_) return;
    smram_shown_ = shown;
    drop(smram_);
    const auto map = [&](AddressSpace& space) {
        smram_.push_back({&space, space.map_ram(kVgaStart, kVgaEnd - kVgaStart, *dram_.ram,
                                                kVgaStart, kShadowPriority)});
    };
    if (shown >= 1) map(smm_);
    if (shown == 2) map(memory_);
}

// FDHC: one hole in DRAM, either 512-640 KiB or 15-16 MiB.
void I440fx::update_hole() {
    const int hole = static_cast<int>(bits(config(kFdhc, 1), 6, 2));
    if (hole == hole_shown_) return;
    hole_shown_ = hole;
    drop(hole_);
    const auto map = [&](uint64_t first, uint64_t end) {
        if (end > first)
            hole_.push_back(
                {&memory_, memory_.map_ram(first, end - first, *dram_.ram, first, kDramPriority)});
    };
    if (hole != 1) map(0x80000, kVgaStart);
    if (hole != 2) map(15 * kMiB, std::min(dram_.low_size, 16 * kMiB));
}

void I440fx::write_config_byte(unsigned offset, uint8_t value) {
    const uint8_t before = static_cast<uint8_t>(config(offset, 1));
    if (offset == kSmram) {
        // D_LCK closes D_OPEN and freezes the register until reset.
        if (before & kSmramLock) return;
        if (value & kSmramLock) value &= static_cast<uint8_t>(~kSmramOpen);
    }
    PciDevice::write_config_byte(offset, value);
    // TRC: a rising edge of RCPU resets, hard or soft; for a machine with one CPU and no caches
    // both are the same.
    if (offset == kTrc && value & ~before & kTrcResetCpu) control_.request_reset();
}

void I440fx::config_written(unsigned offset, unsigned size) {
    PciDevice::config_written(offset, size);
    if (offset + size > kPam0 && offset <= kSmram) update_map();
}

void I440fx::reset() {
    PciDevice::reset();
    config_ports_.reset();
    update_map();
}

void I440fx::state(StateVisitor& v) {
    PciDevice::state(v);
    config_ports_.state(v);
}

void I440fx::after_load() {
    PciDevice::after_load();
    update_map();
}

}  // namespace qr
