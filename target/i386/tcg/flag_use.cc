// SPDX-License-Identifier: GPL-2.0-or-later
#include "target/i386/tcg/flag_use.h"

#include "target/i386/alu.h"
#include "target/i386/chain.h"
#include "target/i386/cpu.h"
#include "target/i386/tcg/emit_x87.h"
#include "target/i386/tcg/simd_form.h"

namespace qr::i386 {

uint32_t condition_flags(unsigned cc) {
    static constexpr uint32_t kFlags[] = {kOFlag, kCF, kZF, kCF | kZF, kSF, kPF_, kSF | kOFlag, kZF | kSF | kOFlag};
    return kFlags[cc >> 1];
}

FlagUse flag_use(const Insn& insn, bool emitted) {
    FlagUse u;
    u.reads = kArithFlags;
    if (!emitted) return u;
    if (const SimdForm& f = simd_form(insn); f.kind != SimdForm::kNone) return simd_flag_use(insn, f);
    if (is_x87(insn)) {
        const X87Form::Kind kind = x87_form(insn).kind;
        u.reads = kind == X87Form::kConditionalMove ? kCF | kZF | kPF_ : 0u;
        if (kind == X87Form::kCompareFlags) u.writes = kArithFlags;
        return u;
    }
    const Shape& shape = shape_of(insn);
    u = {0, 0, insn.has_mem};
    switch (shape.kind) {
        case Shape::kAluEG:
        case Shape::kAluGE:
        case Shape::kAluEI:
        case Shape::kAluAI:
            u.writes = kArithFlags;
            if (shape.number == static_cast<unsigned>(Alu::kAdc) || shape.number == static_cast<unsigned>(Alu::kSbb))
                u.reads = kCF;
            break;
        case Shape::kTestEG:
        case Shape::kTestEI:
        case Shape::kTestAI:
        case Shape::kNegE:
        case Shape::kXaddEG:
        case Shape::kCmpxchgEG:
            u.writes = kArithFlags;
            break;
        case Shape::kIncR:
        case Shape::kDecR:
        case Shape::kIncE:
        case Shape::kDecE:
            u.writes = kArithFlags & ~kCF;
            break;
        case Shape::kShiftEI:
        case Shape::kShiftE1: {
            const auto op = static_cast<Shift>(shape.number);
            const unsigned count = shape.kind == Shape::kShiftE1 ? 1 : insn.imm & 31;
            if (count && op >= Shift::kShl) u.writes = kArithFlags;
            if (count && op < Shift::kShl) u.writes = kCF | kOFlag;
            if (op == Shift::kRcl || op == Shift::kRcr) u.reads = kCF;
            break;
        }
        case Shape::kShldI:
        case Shape::kShrdI:
            if (insn.imm & 31) u.writes = kArithFlags;
            break;
        case Shape::kShiftECl:
            u.may_write = true;  // by 0 it changes none
            if (shape.number == static_cast<unsigned>(Shift::kRcl) || shape.number == static_cast<unsigned>(Shift::kRcr))
                u.reads = kCF;
            break;
        case Shape::kMulE:
        case Shape::kImulE:
        case Shape::kImulGE:
        case Shape::kImulGEI:
            u.writes = kCF | kOFlag;
            break;
        case Shape::kBtEG:
        case Shape::kBtEI:
        case Shape::kClc:
        case Shape::kStc:
            u.writes = kCF;
            break;
        case Shape::kCmc: u.reads = u.writes = kCF; break;
        case Shape::kBsf:
        case Shape::kBsr: u.writes = kZF; break;
        case Shape::kSahf: u.writes = kArithFlags & ~kOFlag; break;
        case Shape::kSetcc:
        case Shape::kCmov:
        case Shape::kJcc: u.reads = condition_flags(shape.number); break;
        case Shape::kScas:
            u.writes = kArithFlags;
            u.observed = true;
            break;
        case Shape::kMovs:
        case Shape::kStos:
        case Shape::kLods:
        case Shape::kMovAO:
        case Shape::kMovOA:
        case Shape::kPushR:
        case Shape::kPushI:
        case Shape::kPushE:
        case Shape::kPopR:
        case Shape::kPopE:
        case Shape::kLeave:
        case Shape::kCall:
        case Shape::kCallE:
        case Shape::kRet:
        case Shape::kDivE:
        case Shape::kIdivE:
        case Shape::kRdtsc: u.observed = true; break;
        default: break;
    }
    if (shape.kind == Shape::kLea || shape.kind == Shape::kNop) u.observed = false;
    return u;
}

}  // namespace qr::i386
