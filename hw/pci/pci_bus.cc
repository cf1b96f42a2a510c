// SPDX-License-Identifier: GPL-2.0-or-later
//
// PCI bus 0 and configuration mechanism #1.
// Source: PCI Local Bus Specification 3.0, 3.2.2.3.2 (mechanism #1), appendix D (class codes).
#include <cassert>

#include <fmt/format.h>

#include "hw/pci.h"
#include "util/bits.h"

namespace qr {

// ---- the bus ----

void PciBus::attach(PciDevice& device) {
    assert(device.devfn() < 256 && !devices_.contains(device.devfn()));
    devices_[device.devfn()] = &device;
}

void PciBus::detach(PciDevice& device) { devices_.erase(device.devfn()); }

void PciBus::connect_interrupts(IrqSink& router, InterruptMap map) {
    router_ = &router;
    interrupt_map_ = std::move(map);
}

PciDevice* PciBus::device(unsigned devfn) const {
    const auto at = devices_.find(devfn);
    return at == devices_.end() ? nullptr : at->second;
}

unsigned PciBus::free_slot() const {
    unsigned slot = 0;
    for (const auto& [devfn, device] : devices_) {
        if (devfn >> 3 > slot) break;
        slot = (devfn >> 3) + 1;
    }
    return slot;
}

bool PciBus::multifunction(unsigned slot) const {
    const auto next = devices_.upper_bound(pci_devfn(slot, 0));
    return next != devices_.end() && next->first >> 3 == slot;
}

// Several pins share a router input; it is high while any of them is.
void PciBus::interrupt_changed(const PciDevice& device) {
    if (!router_ || !device.interrupt_pin()) return;
    const unsigned input = interrupt_map_(device.slot(), device.interrupt_pin() - 1u);
    bool level = false;
    for (const auto& [devfn, other] : devices_)
        if (other->interrupt_pin_level() &&
            interrupt_map_(other->slot(), other->interrupt_pin() - 1u) == input)
            level = true;
    router_->set_irq(static_cast<int>(input), level);
}

uint32_t PciBus::config_read(unsigned devfn, unsigned offset, unsigned size) const {
    const PciDevice* target = device(devfn);
    return target ? target->config_read(offset, size) : static_cast<uint32_t>(ones(size));
}

void PciBus::config_write(unsigned devfn, unsigned offset, unsigned size, uint32_t value) {
    if (PciDevice* target = device(devfn)) target->config_write(offset, size, value);
}

// ---- info pci ----

namespace {

struct ClassName {
    uint16_t code;  // base class and sub-class
    const char* name;
};

constexpr ClassName kClassNames[] = {
    {0x0100, "SCSI controller"},   {0x0101, "IDE controller"},    {0x0102, "Floppy controller"},
    {0x0106, "SATA controller"},   {0x0108, "NVMe controller"},   {0x0200, "Ethernet controller"},
    {0x0300, "VGA controller"},    {0x0380, "Display controller"}, {0x0400, "Video controller"},
    {0x0401, "Audio controller"},  {0x0403, "Audio controller"},  {0x0500, "RAM controller"},
    {0x0600, "Host bridge"},       {0x0601, "ISA bridge"},        {0x0604, "PCI bridge"},
    {0x0680, "Bridge"},            {0x0700, "Serial port"},       {0x0c03, "USB controller"},
    {0x0c05, "SMBus"},             {0x0780, "Communication controller"},
};

std::string class_name(uint16_t code) {
    for (const ClassName& entry : kClassNames)
        if (entry.code == code) return entry.name;
    return fmt::format("Class {:04d}", code);
}

std::string describe_bar(unsigned index, const PciDevice::BarView& bar) {
    const char* kind = "I/O";
    switch (bar.kind) {
        case PciBarKind::kIo: break;
        case PciBarKind::kMemory: kind = "32 bit memory"; break;
        case PciBarKind::kMemoryPrefetch: kind = "32 bit prefetchable memory"; break;
        case PciBarKind::kMemory64: kind = "64 bit memory"; break;
        case PciBarKind::kMemory64Prefetch: kind = "64 bit prefetchable memory"; break;
    }
    // An unmapped BAR is shown as starting at the last address there is, as people are used to.
    const uint64_t first = bar.address.value_or(~uint64_t{0});
    const uint64_t last = first + bar.size - 1;
    if (bar.kind == PciBarKind::kIo)
        return fmt::format("      BAR{}: {} at 0x{:04x} [0x{:04x}].\n", index, kind, first, last);
    return fmt::format("      BAR{}: {} at 0x{:08x} [0x{:08x}].\n", index, kind, first, last);
}

}  // namespace

std::string PciBus::describe() const {
    std::string text;
    for (const auto& [devfn, device] : devices_) {
        const uint32_t class_code = device->config_read(pci::kRevision, 4) >> 16;
        text += fmt::format("  Bus {:2}, device {:3}, function {}:\n", 0, device->slot(),
                            device->function());
        text += fmt::format("    {}: PCI device {:04x}:{:04x}\n",
                            class_name(static_cast<uint16_t>(class_code)),
                            device->config_read(pci::kVendorId, 2),
                            device->config_read(pci::kDeviceId, 2));
        text += fmt::format("      PCI subsystem {:04x}:{:04x}\n",
                            device->config_read(pci::kSubsystemVendor, 2),
                            device->config_read(pci::kSubsystem, 2));
        if (device->interrupt_pin())
            text += fmt::format("      IRQ {}, pin {}\n",
                                device->config_read(pci::kInterruptLine, 1),
                                static_cast<char>('A' + device->interrupt_pin() - 1));
        for (unsigned i = 0; i < 7; ++i)
            if (const auto bar = device->bar_view(i)) text += describe_bar(i, *bar);
        text += fmt::format("      id \"{}\"\n", device->id());
    }
    return text;
}

// ---- mechanism #1 ----

PciConfigPorts::PciConfigPorts(PciBus& bus)
    : bus_(bus),
      address_region_("pci-conf-idx", 4,
                      {.read = [this](uint64_t o, unsigned n) { return read_address(o, n, false); },
                       .write = [this](uint64_t o, unsigned n,
                                       uint64_t v) { write_address(o, n, v); },
                       .peek = [this](uint64_t o,
                                      unsigned n) { return read_address(o, n, true); }}),
      data_region_("pci-conf-data", 4,
                   {.read = [this](uint64_t o, unsigned n) { return read_data(o, n); },
                    .write = [this](uint64_t o, unsigned n, uint64_t v) { write_data(o, n, v); },
                    .peek = [this](uint64_t o, unsigned n) { return read_data(o, n); }}) {}

uint64_t PciConfigPorts::read_address(uint64_t offset, unsigned size, bool peek) const {
    if (size == 4) return address_;
    if (reset_control_ && offset == 1 && size == 1)
        return peek ? reset_control_->peek(0, 1) : reset_control_->read(0, 1);
    return ones(size);
}

void PciConfigPorts::write_address(uint64_t offset, unsigned size, uint64_t value) {
    if (size == 4)
        address_ = static_cast<uint32_t>(value) & 0x80fffffc;
    else if (reset_control_ && offset == 1 && size == 1)
        reset_control_->write(0, 1, value);
}

// Bit 31 enables; there are no buses but 0.
bool PciConfigPorts::selects_bus0() const { return bit(address_, 31) && !bits(address_, 16, 8); }

uint64_t PciConfigPorts::read_data(uint64_t offset, unsigned size) const {
    if (!selects_bus0()) return ones(size);
    return bus_.config_read(static_cast<unsigned>(bits(address_, 8, 8)),
                            static_cast<unsigned>((address_ & 0xfc) + offset), size);
}

void PciConfigPorts::write_data(uint64_t offset, unsigned size, uint64_t value) {
    if (!selects_bus0()) return;
    bus_.config_write(static_cast<unsigned>(bits(address_, 8, 8)),
                      static_cast<unsigned>((address_ & 0xfc) + offset), size,
                      static_cast<uint32_t>(value));
}

}  // namespace qr
