// SPDX-License-Identifier: GPL-2.0-or-later
//
// The code that all translated blocks share: the way in, the way out, and the call of a row's handler.
#pragma once

#include <cstdint>

#include "target/i386/tcg/emitter.h"

namespace qr::i386 {

// gpr: &Cpu::gpr. Returns the number of a Link that was left by, 0, or kStray and a Site's.
using EnterCode = uint32_t (*)(uint64_t* gpr, const void* code);
// Where to go on after a row's handler: behind the instruction; at Cpu::eip, with Cpu::native as it has to be in
// translated code; nowhere, the CPU's state is exact.
enum class GoOn : uint8_t { kBehind, kAtEip, kOut };
using ExactCall = uint64_t (*)(Cpu& cpu, Site& site);  // a GoOn

struct ThunkSet : Thunks {
    const uint8_t* enter = nullptr;  // an EnterCode, in the writable view
};
ThunkSet emit_thunks(Xbyak::CodeGenerator& as, Cpu& cpu, const SiteCaches& caches, ExactCall exact, ExactCall light);

}  // namespace qr::i386
