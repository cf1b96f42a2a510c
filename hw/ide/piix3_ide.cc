// SPDX-License-Identifier: GPL-2.0-or-later
//
// PIIX3's IDE function. Source: Intel 82371SB data sheet (290550), 3.2 and 3.7.
#include "hw/ide/piix3_ide.h"

namespace qr {

namespace {

constexpr unsigned kIdeTiming = 0x40;  // IDETIM of both channels, SIDETIM at 44H

}  // namespace

Piix3Ide::Piix3Ide(PciBus& bus, unsigned devfn, const std::array<IrqLine, 2>& irqs)
    : PciDevice("ide", bus, devfn,
                {.vendor = 0x8086, .device = 0x7010, .revision = 0x00, .class_code = 0x010180}),
      memory_(*this),
      channels_{{{0, irqs[0]}, {1, irqs[1]}}},
      masters_{{{memory_, channels_[0]}, {memory_, channels_[1]}}},
      region_("bus-master-ide", 16,
              {.read = [this](uint64_t o, unsigned n) { return read_bus_master(o, n); },
               .write = [this](uint64_t o, unsigned n, uint64_t v) { write_bus_master(o, n, v); },
               .peek = [this](uint64_t o, unsigned n) { return read_bus_master(o, n); }}) {
    for (unsigned i = 0; i < 2; ++i) channels_[i].connect(masters_[i]);
    define(pci::kStatus, 2, pci::kStatusFastBackToBack | pci::kStatusMediumDevsel, 0, 0xf900);
    add_bar(4, PciBarKind::kIo, region_);
    define(kIdeTiming, 4, 0, 0xffffffff);
    define(kIdeTiming + 4, 1, 0, 0xff);
}

Piix3Ide::~Piix3Ide() { remove_bars(); }

uint64_t Piix3Ide::read_bus_master(uint64_t offset, unsigned size) const {
    uint64_t value = 0;
    for (unsigned i = 0; i < size; ++i) {
        const unsigned at = static_cast<unsigned>(offset) + i;
        value |= uint64_t{masters_[at >> 3].read(at & 7)} << 8 * i;
    }
    return value;
}

void Piix3Ide::write_bus_master(uint64_t offset, unsigned size, uint64_t value) {
    for (unsigned i = 0; i < size; ++i) {
        const unsigned at = static_cast<unsigned>(offset) + i;
        masters_[at >> 3].write(at & 7, static_cast<uint8_t>(value >> 8 * i));
    }
}

void Piix3Ide::reset() {
    PciDevice::reset();
    for (ide::BusMaster& master : masters_) master.reset();
    for (ide::Channel& channel : channels_) channel.reset();
}

void Piix3Ide::state(StateVisitor& v) {
    PciDevice::state(v);
    v("channel", channels_);
    v("bus_master", masters_);
}

}  // namespace qr
