// SPDX-License-Identifier: GPL-2.0-or-later
// -kernel, -initrd, -append: lays a Linux kernel out in memory as its boot protocol wants it, for
// the firmware to load and start through an option ROM. Source: "The Linux/x86 Boot Protocol"
// (Documentation/x86/boot.rst of the kernel), protocol versions before 2.00 up to 2.15.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hw/nvram/fw_cfg.h"
#include "util/result.h"

namespace qr {

// A part of the kernel and the physical address that it belongs at.
struct LinuxPart {
    uint32_t address = 0;
    std::vector<uint8_t> bytes;
};

struct LinuxImage {
    LinuxPart setup;    // real-mode code with its header filled in; entered at segment + 0x20
    LinuxPart cmdline;  // with its NUL
    LinuxPart kernel;   // protected-mode code
    LinuxPart initrd;   // no bytes: none
};

// The option ROM's name in the firmware's boot order; comes first when a kernel was given.
constexpr std::string_view kLinuxBootOrderEntry = "/rom@genroms/linuxboot.bin";

// ram_size_below_4g: bytes of RAM from address 0 on. Errors: not a Linux kernel for BIOS machines
// (multiboot, ELF ... are named), parts that don't fit, an unknown vga= mode, a command line that's
// too long.
Result<LinuxImage> load_linux(std::span<const uint8_t> kernel, std::span<const uint8_t> initrd,
                              std::string_view append, uint64_t ram_size_below_4g);

// Adds the parts under their legacy keys, and the option ROM that loads them.
void add_linux(FwCfg& fw_cfg, LinuxImage image);

// The option ROM (hw/i386/optionrom/linuxboot.S).
std::span<const uint8_t> linuxboot_rom();

}  // namespace qr
