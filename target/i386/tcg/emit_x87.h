// SPDX-License-Identifier: GPL-2.0-or-later
//
// x87 in translated code (docs/translator.rst). The guest's instructions are executed by the host's x87 itself, with the
// guest's registers, TOP, tags, status and control word in it ("live"). That holds only while the guest has all
// exceptions masked: nothing then ever has to be undone, and no instruction finds an exception pending. It begins at the
// first x87 instruction that finds it isn't so, and ends wherever C++ code is entered. FIP, FDP and FOP stay in memory.
//
// A handler executes what isn't emitted, and everything while an exception is unmasked.
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

// Code that blocks and thunks call. The guest's general registers are kept by the first, and stored already before the
// second.
const uint8_t* emit_x87_load(Xbyak::CodeGenerator& as, const Cpu& cpu);  // ZF: can't be. Changes rax, r10, r11
const uint8_t* emit_x87_save(Xbyak::CodeGenerator& as, const Cpu& cpu);  // keeps rax, rdi, rsi, r10, r12-r15

}  // namespace qr::i386
