// SPDX-License-Identifier: GPL-2.0-or-later
// What the firmware of the `pc` board asks for besides tables and kernels: sizes, counts, the
// memory map, boot order and menu. Source: docs/specs/fw_cfg.rst and SeaBIOS's Runtime_config page;
// contents as QEMU 7.2 was seen to give them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hw/nvram/fw_cfg.h"

namespace qr {

// As BIOS interrupt 0x15, function 0xe820 has them.
enum class MemoryKind : uint32_t { kRam = 1, kReserved = 2, kAcpi = 3, kNvs = 4 };

struct MemoryRange {
    uint64_t address;
    uint64_t length;
    MemoryKind kind;
};

struct PcFirmwareConfig {
    uint64_t ram_size = 0;
    std::vector<MemoryRange> memory;  // RAM, and what else SeaBIOS cannot know
    unsigned cpus = 1;
    unsigned max_cpus = 1;
    std::optional<std::array<uint8_t, 16>> uuid;  // in the order in which it's written
    bool hpet = true;
    bool s3 = false;
    bool s4 = false;
    // -nographic: SeaBIOS then also talks on the first serial port.
    bool nographic = false;

    // -boot menu=, splash-time= (ms), reboot-timeout= (ms), strict=
    bool boot_menu = false;
    std::optional<uint16_t> splash_time;
    std::optional<uint32_t> reboot_timeout;
    bool strict_boot = false;
    // Open Firmware paths of what has a boot index, first choice first.
    std::vector<std::string> boot_order;
    // "<path> <cylinders> <heads> <sectors>" of disks whose geometry the user gave.
    std::vector<std::string> disk_geometry;
};

void add_pc_items(FwCfg& fw_cfg, const PcFirmwareConfig& config);

}  // namespace qr
