// SPDX-License-Identifier: GPL-2.0-or-later
//
// x87 semantics as templates over operation and operand: arithmetic, comparison, and what works on
// ST(0) alone. Included by x87_table.cc. Source: SDM volume 2, the instructions' own pages;
// condition codes where the manual leaves them open are what the hardware was seen to do.
#pragma once

#include "target/i386/x87.h"

namespace qr::i386 {

// ---- memory operands
// ---------------------------------------------------------------------------------

struct MemF32 {
    static softfloat::Operand get(Cpu& cpu, const Insn& insn) {
        return softfloat::Float32{read_mem<uint32_t>(cpu, insn)};
    }
};
struct MemF64 {
    static softfloat::Operand get(Cpu& cpu, const Insn& insn) {
        return softfloat::Float64{read_mem<uint64_t>(cpu, insn)};
    }
};
template <class T>
struct MemInt {
    static softfloat::Operand get(Cpu& cpu, const Insn& insn) {
        return softfloat::Operand::integer(
            static_cast<T>(read_mem<std::make_unsigned_t<T>>(cpu, insn)));
    }
};

// ---- arithmetic
// --------------------------------------------------------------------------------------

// Values as in ModRM.reg of D8.
enum class X87Op : uint8_t { kAdd = 0, kMul = 1, kSub = 4, kSubr = 5, kDiv = 6, kDivr = 7 };

template <X87Op kOp>
softfloat::Float80 x87_arith(const softfloat::Operand& a, const softfloat::Operand& b,
                             softfloat::FloatContext& c) {
    if constexpr (kOp == X87Op::kAdd) return softfloat::x87_add(a, b, c);
    if constexpr (kOp == X87Op::kMul) return softfloat::x87_mul(a, b, c);
    if constexpr (kOp == X87Op::kSub) return softfloat::x87_sub(a, b, c);
    if constexpr (kOp == X87Op::kSubr) return softfloat::x87_sub(b, a, c);
    if constexpr (kOp == X87Op::kDiv) return softfloat::x87_div(a, b, c);
    if constexpr (kOp == X87Op::kDivr) return softfloat::x87_div(b, a, c);
}

// ST(dest) = f(ST(dest), other) in the frame that all two-operand instructions share.
template <X87Op kOp>
void x87_two(X87& x, unsigned dest, const softfloat::Operand& other, bool other_empty, bool pop) {
    if (x.empty(dest) || other_empty) {
        if (!x.underflow()) return;
        x.set(dest, softfloat::kDefaultNan80);
    } else {
        softfloat::FloatContext c = x.context();
        const softfloat::Float80 r = x87_arith<kOp>(x.st(dest), other, c);
        x.commit(c);
        if (c.pre_fault()) return;
        x.set(dest, r);
    }
    if (pop) x.pop();
}

template <X87Op kOp, class Mem>
void x87_st0_mem(Cpu& cpu, const Insn& insn) {
    X87 x(cpu, insn);
    const softfloat::Operand m = Mem::get(cpu, insn);
    x.note_memory();
    x87_two<kOp>(x, 0, m, false, false);
}

template <X87Op kOp>
void x87_st0_sti(Cpu& cpu, const Insn& insn) {
    X87 x(cpu, insn);
    x.note();
    const unsigned i = x.operand();
    x87_two<kOp>(x, 0, x.st(i), x.empty(i), false);
}

// ST(i) = ST(i) op ST(0). (In DC and DE the reverse forms have changed places.)
template <X87Op kOp, bool kPop>
void x87_sti_st0(Cpu& cpu, const Insn& insn) {
    X87 x(cpu, insn);
    x.note();
    x87_two<kOp>(x, x.operand(), x.st(0), x.empty(0), kPop);
}

// ---- comparison
// --------------------------------------------------------------------------------------

inline uint16_t x87_codes(softfloat::Relation r) {
    static constexpr uint16_t kCodes[] = {kX87C0, kX87C3, 0, kX87Codes};
    return kCodes[static_cast<unsigned>(r)];
}

// The condition codes are set even if the exception is unmasked; the pops then don't happen.
template <bool kQuiet, int kPops>
void x87_compare_with(X87& x, const softfloat::Operand& other, bool other_empty) {
    if (x.empty(0) || other_empty) {
        x.set_codes(kX87Codes);
        if (!x.underflow()) return;
    } else {
        softfloat::FloatContext c = x.context();
        x.set_codes(x87_codes(softfloat::x87_compare(x.st(0), other, kQuiet, c)));
        x.commit(c);
        if (c.pre_fault()) return;
    }
    for (int i = 0; i < kPops; ++i) x.pop();
}

template <class Mem, int kPops>
void x87_com_mem(Cpu& cpu, const Insn& insn) {
    X87 x(cpu, insn);
    const softfloat::Operand m = Mem::get(cpu, insn);
    x.note_memory();
    x87_compare_with<false, kPops>(x, m, false);
}

template <bool kQuiet, int kPops>
void x87_com_sti(Cpu& cpu, const Insn& insn) {
    X87 x(cpu, insn);
    x.note();
    const unsigned i = x.operand();
    x87_compare_with<kQuiet, kPops>(x, x.st(i), x.empty(i));
}

inline void x87_ftst(Cpu& cpu, const Insn& insn) {
    X87 x(cpu, insn);
    x.note();
    x87_compare_with<false, 0>(x, softfloat::Operand{}, false);
}

// FCOMI, FUCOMI: to ZF, PF, CF; OF, SF and AF are cleared. C1 stays but for a stack fault.
template <bool kQuiet, bool kPop>
void x87_comi(Cpu& cpu, const Insn& insn) {
    X87 x(cpu, insn);
    x.note();
    static constexpr uint32_t kFlags[] = {kCF, kZF, 0, kZF | kPF_ | kCF};
    const unsigned i = x.operand();
    if (x.empty(0) || x.empty(i)) {
        cpu.set_arith_flags(kZF | kPF_ | kCF);
        if (!x.underflow()) return;
    } else {
        softfloat::FloatContext c = x.context();
        c.rounded_up = false;
        const softfloat::Relation r = softfloat::x87_compare(x.st(0), x.st(i), kQuiet, c);
        c.rounded_up = x.state().status & kX87C1;
        cpu.set_arith_flags(kFlags[static_cast<unsigned>(r)]);
        x.commit(c);
        if (c.pre_fault()) return;
    }
    if (kPop) x.pop();
}

inline void x87_fxam(Cpu& cpu, const Insn& insn) {
    using softfloat::FloatClass;
    X87 x(cpu, insn);
    x.note();
    uint16_t codes = 0;
    if (x.empty(0)) {
        codes = kX87C3 | kX87C0;
    } else {
        switch (softfloat::classify(x.st(0))) {
            case FloatClass::kUnsupported: codes = 0; break;
            case FloatClass::kQuietNan:
            case FloatClass::kSignallingNan: codes = kX87C0; break;
            case FloatClass::kNormal: codes = kX87C2; break;
            case FloatClass::kInfinity: codes = kX87C2 | kX87C0; break;
            case FloatClass::kZero: codes = kX87C3; break;
            case FloatClass::kDenormal: codes = kX87C3 | kX87C2; break;
        }
    }
    x.clear_c1();
    x.set_codes(codes);
    if (x.st(0).sign()) x.state().status |= kX87C1;
}

// ---- sign
// --------------------------------------------------------------------------------------------

template <bool kAbs>
void x87_sign(Cpu& cpu, const Insn& insn) {
    X87 x(cpu, insn);
    x.note();
    if (x.empty(0)) {
        if (x.underflow()) x.set(0, softfloat::kDefaultNan80);
        return;
    }
    softfloat::Float80 v = x.st(0);
    if (kAbs)
        v.sign_exponent &= 0x7fff;
    else
        v.sign_exponent ^= 0x8000;
    x.set(0, v);
    x.clear_c1();
}

}  // namespace qr::i386
