// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/device_tree.h"

#include <algorithm>

#include <fmt/format.h>

namespace qr {

namespace {

enum class Bus : uint8_t { kSystem, kIsa, kPci };

struct Known {
    std::string_view name;  // of the device here, or how it begins
    std::string_view type;
    Bus bus;
};

constexpr Known kKnown[] = {
    {"i8237", "i8257", Bus::kIsa},          {"i8259", "isa-i8259", Bus::kIsa},
    {"ioapic", "ioapic", Bus::kSystem},     {"apic", "apic", Bus::kSystem},
    {"port61", "isa-pcspk", Bus::kIsa},     {"i8254", "isa-pit", Bus::kIsa},
    {"port92", "port92", Bus::kIsa},        {"mc146818", "mc146818rtc", Bus::kIsa},
    {"ps2kbd", "ps2-kbd", Bus::kSystem},    {"a20", "a20-gate", Bus::kIsa},
    {"ps2mouse", "ps2-mouse", Bus::kSystem},
    {"i8042", "i8042", Bus::kIsa},          {"fw_cfg", "fw_cfg_io", Bus::kSystem},
    {"hpet", "hpet", Bus::kSystem},         {"serial", "isa-serial", Bus::kIsa},
    {"parallel", "isa-parallel", Bus::kIsa}, {"debugcon", "isa-debugcon", Bus::kIsa},
    {"debug_exit", "isa-debug-exit", Bus::kIsa}, {"isa-debug-exit", "isa-debug-exit", Bus::kIsa},
    {"i440fx", "i440FX", Bus::kPci},        {"piix3", "PIIX3", Bus::kPci},
    {"piix4_pm", "PIIX4_PM", Bus::kPci},    {"vga", "VGA", Bus::kPci},
};

Known known(const Device& device) {
    const bool pci = dynamic_cast<const PciDevice*>(&device);
    for (const Known& k : kKnown)
        if (device.name().starts_with(k.name) && pci == (k.bus == Bus::kPci)) return k;
    return {device.name(), device.name(), pci ? Bus::kPci : Bus::kSystem};
}

void show(const Device& device, const Known& what, unsigned indent, std::string& text) {
    const std::string pad(indent, ' ');
    const auto* pci = dynamic_cast<const PciDevice*>(&device);
    text += fmt::format("{}dev: {}, id \"{}\"\n", pad, what.type, pci ? pci->id() : "");
    text += fmt::format("{}  name = \"{}\"\n", pad, device.name());
    if (!pci) return;
    text += fmt::format("{}  addr = {:02x}.{}\n", pad, pci->slot(), pci->function());
    text += fmt::format("{}  class {:06x}, addr 00:{:02x}.{}, pci id {:04x}:{:04x} (sub {:04x}:{:04x})\n", pad,
                        pci->config_read(pci::kRevision, 4) >> 8, pci->slot(), pci->function(),
                        pci->config_read(pci::kVendorId, 2), pci->config_read(pci::kDeviceId, 2),
                        pci->config_read(pci::kSubsystemVendor, 2), pci->config_read(pci::kSubsystem, 2));
    for (unsigned i = 0; i < 7; ++i) {
        const auto bar = pci->bar_view(i);
        if (!bar) continue;
        const uint64_t first = bar->address.value_or(~uint64_t{0});
        text += fmt::format("{}  bar {}: {} at 0x{:x} [0x{:x}]\n", pad, i, bar->kind == PciBarKind::kIo ? "i/o" : "mem",
                            first, first + bar->size - 1);
    }
}

}  // namespace

// ISA hangs off the PCI bus's south bridge, that off the system.
std::string device_tree(const PcBoard& board) {
    std::string text = "bus: main-system-bus\n  type System\n";
    const auto each = [&](Bus bus, unsigned indent) {
        for (const Device* device : board.devices())
            if (const Known what = known(*device); what.bus == bus) show(*device, what, indent, text);
    };
    each(Bus::kSystem, 2);
    text += "  dev: i440FX-pcihost, id \"\"\n    bus: pci.0\n      type PCI\n";
    for (const Device* device : board.devices()) {
        const Known what = known(*device);
        if (what.bus != Bus::kPci) continue;
        show(*device, what, 6, text);
        if (what.type != "PIIX3") continue;
        text += "        bus: isa.0\n          type ISA\n";
        each(Bus::kIsa, 10);
    }
    return text;
}

}  // namespace qr
