// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the translator makes of an MMX or SSE row: the host's instruction and its operands. Most are the guest's own
// instruction; MMX registers are handled as the low halves of XMM registers, by the SSE2 form of the same opcode.
// Source: Intel SDM volume 2, the instructions' own pages.
#pragma once

#include <cstdint>

#include "target/i386/insn.h"
#include "target/i386/tcg/flag_use.h"

namespace qr::i386 {

struct SimdForm {
    enum Kind : uint8_t {
        kNone,
        kNothing,     // hints and fences
        kToXmm,       // xmm[reg] = op(xmm[reg], E)
        kFromXmm,     // E = xmm[reg]
        kShift,       // xmm[rm] by the immediate
        kToGpr,       // reg = op(E)
        kCompare,     // EFLAGS of xmm[reg] and E
        kHorizontal,  // neighbours in xmm[reg], then in E
        kToMmx,       // mm[reg] = op(mm[reg], E)
        kFromMmx,     // E = mm[reg]
        kMmxShift,    // mm[rm] by the immediate
        kMmxToGpr,    // reg = op(mm[rm])
        kXmmFromMmx,  // xmm[reg] = op(E)
        kMmxFromXmm,  // mm[reg] = op(E)
        kEmms,
        kStoreGpr,    // MOVNTI
    };
    Kind kind = kNone;
    uint8_t prefix = 0;      // of the host's instruction: 66, F3, F2 or none
    uint8_t opcode = 0;      // after 0F
    uint8_t digit = 0;       // ModRM.reg of shifts
    uint8_t bytes = 0;       // of E in memory
    uint8_t imm_mask = 0;    // what of the immediate counts; 0: there is none
    uint8_t fixed_imm = 0;   // the host's instruction has this one, the guest's has none
    bool keeps = false;      // the destination's old value counts
    bool aligned = false;    // E in memory has to be
    bool general = false;    // E is a general register, if not memory
    bool stores = false;     // to E
    bool floats = false;     // depends on MXCSR and sets its flags
    bool mmx = false;        // x87 exceptions that are pending come first; the x87 becomes an MMX unit

    bool memory(const Insn& i) const { return i.has_mem && bytes; }
    // It may go to its handler even if memory can be accessed.
    bool may_refuse(const Insn& i) const { return floats || mmx_state(i) || (aligned && memory(i)); }
    // CVTPI2PD from memory has nothing to do with MMX.
    bool mmx_state(const Insn& i) const { return mmx && !(kind == kXmmFromMmx && floats && !keeps && i.has_mem); }
};

const SimdForm& simd_form(const Insn& insn);

// Whether the translator has code for it, in a block whose mode has kFpuMode.
bool simd_emitted(const Insn& insn);
FlagUse simd_flag_use(const Insn& insn, const SimdForm& form);
// General registers that it writes, as a mask.
uint16_t simd_registers_written(const Insn& insn, const SimdForm& form);

}  // namespace qr::i386
