// SPDX-License-Identifier: GPL-2.0-or-later
//
// x87 in translated code (docs/translator.rst). The guest's instructions are executed by the host's x87 itself, with the
// guest's registers, TOP, tags, status and control word in it ("live"). It begins at the first x87 instruction that finds
// it isn't so, and ends wherever C++ code is entered. FIP, FDP and FOP stay in memory.
//
// No exception is pending while the x87 is live. With all of them masked none can be. Else each instruction is followed
// by a look at the status word (by FNSTSW, which doesn't wait): the host has done what the guest's processor would
// have done, and if an exception is now pending, the state goes back to memory, so that the handler of the next
// instruction finds it there. Blocks are translated without these looks until they are executed with an exception
// unmasked (CodeBlock::x87_checked).
//
// A handler executes what isn't emitted, and everything while an exception is unmasked and CR0.NE clear.
// Source: Intel SDM volume 1, 8.1 and 8.5; volume 2, FXSAVE.
#pragma once

#include <xbyak/xbyak.h>

#include <cstdint>

#include "target/i386/cpu.h"
#include "target/i386/insn.h"

namespace qr::i386 {

// How an instruction is executed.
struct X87Form {
    enum Kind : uint8_t {
        kNone,  // by its row's handler
        kWait,
        kRegisters,
        kCompareFlags,     // writes EFLAGS
        kConditionalMove,  // reads EFLAGS
        kStatusToAx,
        kMemory,
        kLoadControl,
        kStoreControl,
    };
    Kind kind = kNone;
    uint8_t opcode = 0;  // as documented, where the guest's is an alias
    uint8_t modrm = 0;   // the whole byte, or /digit << 3 with a memory operand
    uint8_t size = 0;    // of the memory operand
    bool write = false;  // to it
    bool control = false;  // a control instruction: leaves the pointers alone
};
X87Form x87_form(const Insn& insn);

inline bool is_x87(const Insn& insn) { return row_attr(insn.row) & kFpu; }

// Whether the host's x87 does what the handlers do where the manuals leave a choice.
bool host_x87_suits();

inline bool x87_masked(const FpuState& f) {
    return (f.control & softfloat::kAllExceptions) == softfloat::kAllExceptions;
}

// Code that is called. load makes the x87 live; ZF: it can't be, or is already. Changes rax, r10, r11.
struct X87Thunks {
    const uint8_t* load_masked = nullptr;  // only if all exceptions are masked
    const uint8_t* load = nullptr;
    const uint8_t* save = nullptr;    // it no longer is. Changes rcx, rdx, r8
    const uint8_t* retire = nullptr;  // the same; keeps all registers
};
X87Thunks emit_x87_thunks(Xbyak::CodeGenerator& as, const Cpu& cpu);

}  // namespace qr::i386
