// SPDX-License-Identifier: GPL-2.0-or-later
// The SMBIOS 2.8 tables of the `pc` board. Source: DMTF DSP0134 (System Management BIOS Reference
// Specification) 2.8.0. Pure functions of what the board has.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hw/nvram/fw_cfg.h"

namespace qr {

struct SmbiosMachine {
    unsigned cpus = 1;
    uint64_t ram_below_4g = 0;  // bytes, from address 0
    uint64_t ram_above_4g = 0;  // bytes, from 4 GiB
    uint32_t cpuid_eax = 0;     // CPUID leaf 1: signature and features
    uint32_t cpuid_edx = 0;
    // As in -uuid, in the order in which it's written. None: all zeros, "not set".
    std::optional<std::array<uint8_t, 16>> uuid;
    std::string manufacturer = "qemu-replay";
    std::string product = "Standard PC (i440FX + PIIX, 1996)";
    std::string version = "pc";
};

struct SmbiosFiles {
    std::vector<uint8_t> anchor;  // etc/smbios/smbios-anchor; SeaBIOS fills in the address
    std::vector<uint8_t> tables;  // etc/smbios/smbios-tables; SeaBIOS adds type 0, about itself
};
SmbiosFiles build_smbios(const SmbiosMachine& machine);

void add_smbios(FwCfg& fw_cfg, const SmbiosMachine& machine);

}  // namespace qr
