// SPDX-License-Identifier: GPL-2.0-or-later
//
// The CPU's registers by the names that debuggers have for them, as little-endian bytes. Reading has no effect;
// writing is what an instruction would do that loads the register, as far as that is allowed. VM thread only.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "target/i386/cpu.h"

namespace qr::i386 {

struct DebugRegister {
    std::string_view name;
    uint8_t size;   // bytes
    uint8_t index;  // for `read` and `write`
    void (*read)(const Cpu& cpu, unsigned index, uint8_t* to);
    // False: the register can't have this value, and keeps its own. null: it can't be written.
    bool (*write)(Cpu& cpu, unsigned index, const uint8_t* from);
};

constexpr size_t kLargestDebugRegister = 16;

std::span<const DebugRegister> debug_registers();
// null: there is none of this name.
const DebugRegister* find_debug_register(std::string_view name);

// False: see DebugRegister::write, or `value` isn't of its size.
bool write_debug_register(Cpu& cpu, std::string_view name, std::span<const uint8_t> value);

}  // namespace qr::i386
