// SPDX-License-Identifier: GPL-2.0-or-later
//
// Machine code as text, for people: dumps, reports, golden files. By Zydis, which has nothing to do with our own
// decoder, so that an instruction that is decoded wrong shows. Source: Zydis' API.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

namespace qr {

enum class CodeWidth : uint8_t { k16, k32, k64 };

struct Disassembly {
    std::string text;     // Intel syntax; empty if it isn't an instruction
    unsigned length = 0;  // bytes; 0 if it isn't an instruction
};

// A name for the target of a branch or of an address relative to RIP; empty: the number is shown.
using AddressName = std::function<std::string(uint64_t address)>;

// The first instruction of `bytes`, which lies at `address`.
Disassembly disassemble(std::span<const uint8_t> bytes, CodeWidth width, uint64_t address,
                        const AddressName& name = {});

// "66 89 c3"
std::string hex_bytes(std::span<const uint8_t> bytes);

}  // namespace qr
