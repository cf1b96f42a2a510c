// SPDX-License-Identifier: GPL-2.0-or-later
// The ACPI tables of the `pc` board, and the script by which SeaBIOS puts them into guest memory.
// Source: ACPI specification 1.0b and 6.4 (5.2 tables, 6 device configuration), IA-PC HPET
// specification 1.0a (3.2.4), Intel 82371AB (PIIX4) data sheet (power management registers).
// Pure functions of what the board has; nothing here is state.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "hw/i386/aml.h"
#include "hw/nvram/fw_cfg.h"

namespace qr {

// An inclusive range of addresses; empty if last < first.
struct AddressRange {
    uint64_t first = 1;
    uint64_t last = 0;
    bool empty() const { return last < first; }
};

// What exists.
struct AcpiMachine {
    unsigned cpus = 1;
    bool hpet = true;
    bool keyboard = true;  // the 8042 with its keyboard and mouse
    bool floppy = false;
    std::array<bool, 4> serial{};  // COM1-COM4 at their usual ports
    unsigned parallel = 0;         // LPT1 to LPT3: how many, at 0x378, 0x278, 0x3bc
    bool s3 = false;               // suspend to RAM: the PM device and the board can do it
    bool s4 = false;               // suspend to disk
    uint16_t pm_base = 0x600;      // where SeaBIOS maps the PIIX4's power management registers
    uint16_t gpe0_base = 0;        // general purpose events, 4 bytes; 0: none
    AddressRange hole32;           // where PCI memory BARs may lie below 4 GiB
    AddressRange hole64;           // and above it; empty: nowhere
};

// The definition block of the DSDT without its table header.
aml::Code build_dsdt(const AcpiMachine& machine);

// The three files by which SeaBIOS gets its tables. Pointers inside `tables` are offsets, checksums
// zero, until the commands of `loader` have been carried out.
struct AcpiFiles {
    std::vector<uint8_t> rsdp;    // etc/acpi/rsdp
    std::vector<uint8_t> tables;  // etc/acpi/tables
    std::vector<uint8_t> loader;  // etc/table-loader
};
AcpiFiles build_acpi(const AcpiMachine& machine);

void add_acpi(FwCfg& fw_cfg, const AcpiMachine& machine);

}  // namespace qr
