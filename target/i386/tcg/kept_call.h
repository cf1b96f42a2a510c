// SPDX-License-Identifier: GPL-2.0-or-later
//
// A call of a C++ function from the middle of an instruction's code, with every register as it was afterwards.
// Source: System V ABI, AMD64 supplement, 3.2.1.
#pragma once

#include <xbyak/xbyak.h>

#include <cstdint>

#include "target/i386/cpu.h"

namespace qr::i386 {

// linear: what is in eax. It must not use the x87. Its result's flags: ZF if it returned false.
using KeptFunction = uint64_t (*)(Cpu* cpu, uint32_t linear, uint64_t argument);

// Changes eax's upper half and the flags.
void emit_kept_call(Xbyak::CodeGenerator& as, const Cpu& cpu, KeptFunction function, uint64_t argument);

}  // namespace qr::i386
