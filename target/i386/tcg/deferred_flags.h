// SPDX-License-Identifier: GPL-2.0-or-later
//
// Flags that nobody reads, but that have to be there if the block is left before they are overwritten. They aren't
// kept: the way out computes them again, from operands that are still in their registers.
#pragma once

#include <cstdint>

#include "target/i386/alu.h"
#include "target/i386/insn.h"

namespace qr::i386 {

struct DeferredFlags {
    enum Kind : uint8_t {
        kNone,
        kLogic,                // of the result, in a
        kTest, kCompare,       // a with b, or with the immediate
        kAdd, kSub,            // the result is in a, the other operand is b or the immediate
        kAddSaved, kSubSaved,  // the result is in a, the first operand in Native::saved
        kNeg,                  // the result is in a
        kShift,                // the operand is in Native::saved; by the immediate
    };
    Kind kind = kNone;
    uint8_t a = 0, b = 0;
    bool immediate = false;
    uint8_t size = 4;
    Shift shift = Shift::kShl;
    uint32_t imm = 0;
    bool saves() const { return kind >= kAddSaved && kind != kNeg; }
    uint16_t operands() const;  // registers that must stay as they are
};

// How an instruction's flags can be computed afterwards; kNone if they can't.
DeferredFlags deferred_flags(const Insn& insn);

}  // namespace qr::i386
