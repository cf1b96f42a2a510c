// SPDX-License-Identifier: GPL-2.0-or-later
//
// The VGA as a PCI device: ports, MMIO and how its parts hang together.
// Source: QEMU's docs/specs/standard-vga.
#include "hw/display/vga.h"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "hw/display/vga_edid.h"
#include "util/bits.h"

namespace qr {

namespace {

// BAR 2.
constexpr uint64_t kMmioSize = 0x1000;
constexpr uint64_t kEdidEnd = 0x400;
constexpr uint64_t kPorts = 0x400, kPortsEnd = 0x420;
constexpr uint64_t kDispi = 0x500, kDispiEnd = 0x516;
constexpr uint64_t kExtended = 0x600, kExtendedSize = 8;
constexpr uint64_t kEndianness = 0x604;
constexpr uint32_t kLittle = 0x1e1e1e1e, kBig = 0xbebebebe;

constexpr uint16_t kFirstPort = 0x3b0;
// What of the region is decoded: 3BCH is the third parallel port's.
struct Ports {
    uint16_t first;
    unsigned count;
};
constexpr Ports kLegacyPorts[] = {{0x3b4, 2}, {0x3ba, 1}, {0x3c0, 16}, {0x3d4, 2}, {0x3da, 1}};
constexpr uint16_t kVbePort = 0x1ce;
constexpr int kWindowPriority = 0;
constexpr uint64_t kMiB = 1 << 20;

}  // namespace

Result<std::unique_ptr<Vga>> Vga::create(PciBus& bus, unsigned devfn, AddressSpace& memory,
                                         IoPortSpace& ports, VirtualClock& clock, RamBlock* rom,
                                         uint64_t vram_size) {
    if (!std::has_single_bit(vram_size) || vram_size < kMiB || vram_size > 256 * kMiB)
        return Error{fmt::format(
            "VGA memory of {} bytes: expected a power of two from 1 MiB to 256 MiB", vram_size)};
    auto vram = RamBlock::create("vga.vram", vram_size, false);
    if (!vram) return vram.error();
    return std::unique_ptr<Vga>(new Vga(bus, devfn, memory, ports, clock, std::move(*vram), rom));
}

Vga::Vga(PciBus& bus, unsigned devfn, AddressSpace& memory, IoPortSpace& ports, VirtualClock& clock,
         std::unique_ptr<RamBlock> vram, RamBlock* rom)
    : PciDevice("vga", bus, devfn,
                {.vendor = 0x1234, .device = 0x1111, .revision = 0x02, .class_code = 0x030000}),
      memory_(memory),
      ports_(ports),
      vram_(std::move(vram)),
      regs_(clock,
            [this] {
                if (window_) window_->update_mapping();
            }),
      vbe_(vram_->size(), [this](bool clear) { vbe_changed(clear); }),
      window_(std::make_unique<VgaMemory>(memory, *vram_, regs_, vbe_, kWindowPriority)),
      legacy_region_("vga", 0x30,
                     {.read = [this](uint64_t o, unsigned) {
                          return regs_.read(static_cast<uint16_t>(kFirstPort + o));
                      },
                      .write = [this](uint64_t o, unsigned, uint64_t v) {
                          regs_.write(static_cast<uint16_t>(kFirstPort + o),
                                      static_cast<uint8_t>(v));
                      },
                      .peek = [this](uint64_t o, unsigned) {
                          return regs_.peek(static_cast<uint16_t>(kFirstPort + o));
                      },
                      .max_size = 1}),
      vbe_region_("vbe", 3,
                  {.read = [this](uint64_t o, unsigned) { return read_vbe(o); },
                   .write = [this](uint64_t o, unsigned,
                                   uint64_t v) { write_vbe(o, static_cast<uint16_t>(v)); },
                   .peek = [this](uint64_t o, unsigned) { return read_vbe(o); },
                   .min_size = 2,
                   .max_size = 2}),
      mmio_region_("vga.mmio", kMmioSize,
                   {.read = [this](uint64_t o, unsigned n) { return read_mmio(o, n, false); },
                    .write = [this](uint64_t o, unsigned n, uint64_t v) { write_mmio(o, n, v); },
                    .peek = [this](uint64_t o, unsigned n) { return read_mmio(o, n, true); }}),
      vbe_handle_(ports.map(kVbePort, vbe_region_)),
      edid_(vga_edid()) {
    for (const Ports& run : kLegacyPorts)
        legacy_handles_.push_back(ports.map_part(run.first, legacy_region_, run.first - kFirstPort, run.count));
    add_bar(0, PciBarKind::kMemoryPrefetch, *vram_);
    add_bar(2, PciBarKind::kMemory, mmio_region_);
    if (rom) add_rom(*rom);
}

Vga::~Vga() {
    ports_.unmap(vbe_handle_);
    for (const IoPortSpace::Handle handle : legacy_handles_) ports_.unmap(handle);
    remove_bars();
}

// ---- the display interface ----

// Words at 0x1CE (index) and 0x1CF (data).
uint64_t Vga::read_vbe(uint64_t offset) const {
    return offset == 0 ? vbe_.index() : vbe_.read(vbe_.index());
}

void Vga::write_vbe(uint64_t offset, uint16_t value) {
    if (offset == 0)
        vbe_.set_index(value);
    else
        vbe_.write(vbe_.index(), value);
}

void Vga::vbe_changed(bool clear) {
    if (!window_) return;
    if (clear) {
        const uint64_t size =
            std::min(uint64_t{vbe_.pitch()} * vbe_.height(), vram_->size());
        for (uint64_t at = 0; at < size; at += kPageSize)
            memory_.device_writes(*vram_, at, std::min(kPageSize, size - at));
        std::fill_n(vram_->data(), size, uint8_t{0});
    }
    regs_.set_wide_dac(vbe_.enabled() && vbe_.wide_dac());
    if (vbe_.enabled())
        regs_.show_graphics(vbe_.width(), vbe_.height(), vbe_.pitch(), !vbe_.planar());
    window_->update_mapping();
}

// ---- BAR 2 ----

uint8_t Vga::read_mmio_byte(uint64_t offset, bool peek) {
    if (offset < kEdidEnd) return offset < edid_.size() ? edid_[offset] : 0;
    if (offset >= kPorts && offset < kPortsEnd) {
        const uint16_t port = static_cast<uint16_t>(0x3c0 + offset - kPorts);
        return peek ? regs_.peek(port) : regs_.read(port);
    }
    if (offset >= kDispi && offset < kDispiEnd) {
        const uint16_t value = vbe_.read(static_cast<unsigned>((offset - kDispi) / 2));
        return static_cast<uint8_t>(value >> 8 * (offset & 1));
    }
    if (offset >= kExtended && offset < kExtended + kExtendedSize) {
        const uint32_t value = offset < kEndianness ? kExtendedSize : big_endian_ ? kBig : kLittle;
        return static_cast<uint8_t>(value >> 8 * (offset & 3));
    }
    return 0xff;
}

uint64_t Vga::read_mmio(uint64_t offset, unsigned size, bool peek) {
    uint64_t value = 0;
    for (unsigned i = 0; i < size; ++i)
        value |= uint64_t{read_mmio_byte(offset + i, peek)} << 8 * i;
    return value;
}

void Vga::write_mmio(uint64_t offset, unsigned size, uint64_t value) {
    if (offset >= kPorts && offset < kPortsEnd) {
        for (unsigned i = 0; i < size; ++i)
            regs_.write(static_cast<uint16_t>(0x3c0 + offset - kPorts + i),
                        static_cast<uint8_t>(value >> 8 * i));
    } else if (offset >= kDispi && offset < kDispiEnd && size >= 2) {
        for (unsigned i = 0; i < size; i += 2)
            vbe_.write(static_cast<unsigned>((offset - kDispi + i) / 2),
                       static_cast<uint16_t>(value >> 8 * i));
    } else if (offset == kEndianness && size == 4) {
        if (value == kBig || value == kLittle) big_endian_ = value == kBig;
    }
}

// ---- life ----

void Vga::reset() {
    PciDevice::reset();
    vbe_.reset();
    regs_.reset();
    window_->reset();
    big_endian_ = false;
}

void Vga::state(StateVisitor& v) {
    PciDevice::state(v);
    regs_.state(v);
    v("vbe", vbe_);
    window_->state(v);
    v("big_endian", big_endian_);
}

void Vga::after_load() {
    PciDevice::after_load();
    window_->update_mapping();
}

}  // namespace qr
