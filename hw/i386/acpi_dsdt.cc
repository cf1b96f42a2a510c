// SPDX-License-Identifier: GPL-2.0-or-later
// The DSDT of the `pc` board: the i440FX's windows, interrupt routing through the PIIX3, the
// devices of the ISA bus, sleep states. Source: ACPI specification 6.4 (6.1 identification, 6.2
// resources, 7.4 sleep states, 5.2.11), Intel 82371SB (PIIX3) data sheet, 2.2.6 (PIRQRC[A:D]).
#include <algorithm>
#include <iterator>
#include <string>

#include "hw/i386/acpi_build.h"

namespace qr {

namespace {

using aml::Code;
using aml::Codes;

// Device status (6.3.7): present, enabled, shown, working.
constexpr uint8_t kStaPresent = 0x0f;
constexpr uint8_t kStaHidden = 0x0b;
constexpr uint8_t kStaDisabled = 0x09;

constexpr uint8_t kRouteDisabled = 0x80;  // PIRQRC bit 7
constexpr uint8_t kRouteIrqMask = 0x0f;
constexpr unsigned kInterruptAt = 5;  // the number in an extended interrupt descriptor (6.4.3.6)
constexpr unsigned kSciIrq = 9;
constexpr unsigned kPciSlots = 32;
constexpr unsigned kIsaBridgeSlot = 1;

Code plug_and_play(std::string_view device, std::string_view id, const Codes& resources,
                   int unique_id = -1) {
    Codes terms{aml::name("_HID", aml::eisa_id(id))};
    if (unique_id >= 0) terms.push_back(aml::name("_UID", aml::integer(unique_id)));
    terms.push_back(aml::name("_STA", aml::integer(kStaPresent)));
    terms.push_back(aml::name("_CRS", aml::resource_template(resources)));
    return aml::device(device, terms);
}

// 7.4.2: values for SLP_TYP in PM1a_CNT and PM1b_CNT. The PIIX4's encoding: 0 is soft off, 1 is
// suspend to RAM; 2 is what QEMU's firmware interface calls S4.
Code sleep_state(std::string_view state, unsigned sleep_type) {
    return aml::name(state, aml::package({aml::integer(sleep_type), aml::integer(sleep_type),
                                          aml::integer(0), aml::integer(0)}));
}

Code processors(unsigned count) {
    static constexpr char kHex[] = "0123456789ABCDEF";
    Codes terms;
    for (unsigned i = 0; i < count; ++i) {
        const std::string name{'C', 'P', kHex[(i >> 4) & 15], kHex[i & 15]};
        terms.push_back(aml::processor(name, static_cast<uint8_t>(i), 0, 0));
    }
    return aml::scope("\\_PR", terms);
}

// One of the PIIX3's four steerable PCI interrupts (6.2.13). `route` is its PIRQRC register.
Code link_device(std::string_view device, unsigned unique_id, std::string_view route) {
    return aml::device(
        device,
        {aml::name("_HID", aml::eisa_id("PNP0C0F")),
         aml::name("_UID", aml::integer(unique_id)),
         aml::name("_PRS", aml::resource_template({aml::interrupt({5, 10, 11})})),
         aml::method("_STA", 0, aml::Serialize::kNo,
                     {aml::ret(aml::call("RSTA", {aml::path(route)}))}),
         aml::method("_DIS", 0, aml::Serialize::kNo,
                     {aml::bit_or(aml::path(route), aml::integer(kRouteDisabled),
                                  aml::path(route))}),
         aml::method("_CRS", 0, aml::Serialize::kNo,
                     {aml::ret(aml::call("RCRS", {aml::path(route)}))}),
         aml::method("_SRS", 1, aml::Serialize::kNo,
                     {aml::create_dword_field(aml::arg(0), kInterruptAt, "IRQN"),
                      aml::store(aml::path("IRQN"), aml::path(route))})});
}

// The PM function's SCI comes out on IRQ 9 and cannot be moved.
Code sci_link() {
    const Code fixed = aml::resource_template({aml::interrupt({kSciIrq})});
    return aml::device("LNKS",
                       {aml::name("_HID", aml::eisa_id("PNP0C0F")),
                        aml::name("_UID", aml::integer(4)),
                        aml::name("_STA", aml::integer(kStaHidden)),
                        aml::name("_PRS", fixed),
                        aml::name("_CRS", fixed),
                        aml::method("_DIS", 0, aml::Serialize::kNo, {}),
                        aml::method("_SRS", 1, aml::Serialize::kNo, {})});
}

Codes interrupt_links() {
    return {
        // What the register of a link says, as _STA and as _CRS.
        aml::method("RSTA", 1, aml::Serialize::kNo,
                    {aml::if_then(aml::bit_and(aml::arg(0), aml::integer(kRouteDisabled)),
                                  {aml::ret(aml::integer(kStaDisabled))}),
                     aml::ret(aml::integer(kStaHidden))}),
        aml::name("RBUF", aml::resource_template({aml::interrupt({0})})),
        aml::create_dword_field(aml::path("RBUF"), kInterruptAt, "RIRQ"),
        aml::method("RCRS", 1, aml::Serialize::kYes,
                    {aml::bit_and(aml::arg(0), aml::integer(kRouteIrqMask), aml::path("RIRQ")),
                     aml::if_then(aml::bit_and(aml::arg(0), aml::integer(kRouteDisabled)),
                                  {aml::store(aml::integer(0), aml::path("RIRQ"))}),
                     aml::ret(aml::path("RBUF"))}),
        link_device("LNKA", 0, "\\_SB.PCI0.ISA.PIRA"),
        link_device("LNKB", 1, "\\_SB.PCI0.ISA.PIRB"),
        link_device("LNKC", 2, "\\_SB.PCI0.ISA.PIRC"),
        link_device("LNKD", 3, "\\_SB.PCI0.ISA.PIRD"),
        sci_link(),
    };
}

// 6.2.13: INTA-INTD of slot n are wired to PIRQ (n - 1 + pin) mod 4. INTA of the PIIX3's own slot
// is the PM function's, which is the SCI.
Code routing_table() {
    static constexpr std::string_view kLinks[] = {"LNKA", "LNKB", "LNKC", "LNKD"};
    Codes entries;
    for (unsigned slot = 1; slot < kPciSlots; ++slot) {
        for (unsigned pin = 0; pin < 4; ++pin) {
            const bool sci = slot == kIsaBridgeSlot && pin == 0;
            entries.push_back(aml::package(
                {aml::integer(slot << 16 | 0xffff), aml::integer(pin),
                 aml::path(sci ? "LNKS" : kLinks[(slot - 1 + pin) & 3]), aml::integer(0)}));
        }
    }
    return aml::name("_PRT", aml::package(entries));
}

Code host_bridge_windows(const AcpiMachine& machine) {
    Codes windows{
        aml::bus_numbers(0x00, 0xff),
        aml::io(0x0cf8, 0x0cf8, 0x01, 0x08),
        aml::io_window(0x0000, 0x0cf7),
        aml::io_window(0x0d00, 0xffff),
        aml::memory_window32(0x000a0000, 0x000bffff, aml::Cacheable::kYes),
    };
    if (!machine.hole32.empty()) {
        windows.push_back(aml::memory_window32(static_cast<uint32_t>(machine.hole32.first),
                                               static_cast<uint32_t>(machine.hole32.last),
                                               aml::Cacheable::kNo));
    }
    if (!machine.hole64.empty()) {
        windows.push_back(aml::memory_window64(machine.hole64.first, machine.hole64.last,
                                               aml::Cacheable::kYes));
    }
    return aml::name("_CRS", aml::resource_template(windows));
}

Code isa_bridge(const AcpiMachine& machine) {
    Codes terms{
        aml::name("_ADR", aml::integer(kIsaBridgeSlot << 16)),
        aml::op_region("PIRQ", aml::RegionSpace::kPciConfig, 0x60, 4),
        aml::byte_field("PIRQ", {{"PIRA", 8}, {"PIRB", 8}, {"PIRC", 8}, {"PIRD", 8}}),
        plug_and_play("RTC", "PNP0B00", {aml::io(0x70, 0x70, 1, 8), aml::irq_no_flags(8)}),
    };
    if (machine.keyboard) {
        terms.push_back(plug_and_play(
            "KBD", "PNP0303",
            {aml::io(0x60, 0x60, 1, 1), aml::io(0x64, 0x64, 1, 1), aml::irq_no_flags(1)}));
        terms.push_back(plug_and_play("MOU", "PNP0F13", {aml::irq_no_flags(12)}));
    }
    struct Com {
        std::string_view name;
        uint16_t port;
        unsigned irq;
    };
    static constexpr Com kComs[] = {
        {"COM1", 0x3f8, 4}, {"COM2", 0x2f8, 3}, {"COM3", 0x3e8, 4}, {"COM4", 0x2e8, 3}};
    for (size_t i = 0; i < machine.serial.size(); ++i) {
        if (!machine.serial[i]) continue;
        const Com& com = kComs[i];
        terms.push_back(plug_and_play(
            com.name, "PNP0501",
            {aml::io(com.port, com.port, 1, 8), aml::irq_no_flags(com.irq)},
            static_cast<int>(i + 1)));
    }
    struct Lpt {
        std::string_view name;
        uint16_t port;
        uint8_t ports;
    };
    static constexpr Lpt kLpts[] = {{"LPT1", 0x378, 8}, {"LPT2", 0x278, 8}, {"LPT3", 0x3bc, 4}};
    for (size_t i = 0; i < std::min<size_t>(machine.parallel, std::size(kLpts)); ++i) {
        const Lpt& lpt = kLpts[i];
        terms.push_back(plug_and_play(
            lpt.name, "PNP0400",
            {aml::io(lpt.port, lpt.port, 1, lpt.ports), aml::irq_no_flags(7)},
            static_cast<int>(i + 1)));
    }
    if (machine.floppy) {
        terms.push_back(plug_and_play("FDC0", "PNP0700",
                                      {aml::io(0x3f2, 0x3f2, 0, 4), aml::io(0x3f7, 0x3f7, 0, 1),
                                       aml::irq_no_flags(6), aml::dma(2)}));
    }
    return aml::device("ISA", terms);
}

// The firmware configuration device (fw_cfg.rst, "ACPI Interface").
Code fw_cfg_device() {
    return aml::device("FWCF",
                       {aml::name("_HID", aml::string("QEMU0002")),
                        aml::name("_STA", aml::integer(kStaHidden)),
                        aml::name("_CRS", aml::resource_template({aml::io(0x510, 0x510, 1, 12)}))});
}

Code host_bridge(const AcpiMachine& machine) {
    return aml::device("PCI0",
                       {aml::name("_HID", aml::eisa_id("PNP0A03")),
                        aml::name("_UID", aml::integer(0)),
                        host_bridge_windows(machine),
                        routing_table(),
                        isa_bridge(machine),
                        fw_cfg_device()});
}

}  // namespace

Code build_dsdt(const AcpiMachine& machine) {
    Codes system_bus = interrupt_links();
    system_bus.push_back(host_bridge(machine));
    if (machine.hpet) {
        system_bus.push_back(
            plug_and_play("HPET", "PNP0103", {aml::memory32_fixed(0xfed00000, 0x400, false)}, 0));
    }

    Codes root;
    if (machine.s3) root.push_back(sleep_state("\\_S3", 1));
    if (machine.s4) root.push_back(sleep_state("\\_S4", 2));
    root.push_back(sleep_state("\\_S5", 0));
    root.push_back(processors(machine.cpus));
    root.push_back(aml::scope("\\_SB", system_bus));
    return aml::sequence(root);
}

}  // namespace qr
