// SPDX-License-Identifier: GPL-2.0-or-later
//
// x87 instructions on ST(0), or ST(0) and ST(1): square root, rounding, remainder, scaling, and the
// transcendental functions. Source: SDM volume 2, the instructions' own pages; volume 1, 8.3.
#include "target/i386/x87.h"

namespace qr::i386 {

using softfloat::Float80;
using softfloat::FloatContext;
using softfloat::kDefaultNan80;

namespace {

// ST(0) = f(ST(0)).
template <class F>
void unary(Cpu& cpu, const Insn& insn, F f) {
    X87 x(cpu, insn);
    x.note();
    if (x.empty(0)) {
        if (x.underflow()) x.set(0, kDefaultNan80);
        return;
    }
    FloatContext c = x.context();
    const Float80 r = f(x.st(0), c);
    x.commit(c);
    if (!c.pre_fault()) x.set(0, r);
}

// ST(1) = f(ST(0), ST(1)), pop.
template <class F>
void binary_pop(Cpu& cpu, const Insn& insn, F f) {
    X87 x(cpu, insn);
    x.note();
    if (x.empty(0) || x.empty(1)) {
        if (!x.underflow()) return;
        x.set(1, kDefaultNan80);
    } else {
        FloatContext c = x.context();
        const Float80 r = f(x.st(0), x.st(1), c);
        x.commit(c);
        if (c.pre_fault()) return;
        x.set(1, r);
    }
    x.pop();
}

void set_c2(X87& x, bool value) {
    uint16_t& status = x.state().status;
    status = static_cast<uint16_t>((status & ~kX87C2) | (value ? kX87C2 : 0));
}

// FSIN, FCOS: ST(0) = f(ST(0)); C2 if it is out of range.
template <class F>
void trigonometric(Cpu& cpu, const Insn& insn, F f) {
    X87 x(cpu, insn);
    x.note();
    set_c2(x, false);
    if (x.empty(0)) {
        if (x.underflow()) x.set(0, kDefaultNan80);
        return;
    }
    FloatContext c = x.context();
    bool out_of_range = false;
    const Float80 r = f(x.st(0), out_of_range, c);
    set_c2(x, out_of_range);
    x.commit(c);
    if (!c.pre_fault() && !out_of_range) x.set(0, r);
}

// FSINCOS, FPTAN: ST(0) is replaced by one result and the other is pushed.
template <class F>
void trigonometric_pair(Cpu& cpu, const Insn& insn, F f) {
    X87 x(cpu, insn);
    x.note();
    set_c2(x, false);
    if (x.empty(0) || !x.empty(7)) {
        if (x.empty(0) ? !x.underflow() : !x.overflow()) return;
        x.set(0, kDefaultNan80);
        x.push(kDefaultNan80);
        return;
    }
    FloatContext c = x.context();
    const softfloat::Trigonometric t = f(x.st(0), c);
    set_c2(x, t.out_of_range);
    x.commit(c);
    if (c.pre_fault() || t.out_of_range) return;
    x.set(0, t.sine);
    x.push(t.cosine);
}

// Q2, Q1, Q0 go to C0, C3, C1; C2 says that the reduction isn't finished. Without a quotient only
// C2 and C1 are cleared.
void remainder(Cpu& cpu, const Insn& insn, softfloat::Rounding quotient_rounding) {
    X87 x(cpu, insn);
    x.note();
    set_c2(x, false);
    if (x.empty(0) || x.empty(1)) {
        if (x.underflow()) x.set(0, kDefaultNan80);
        return;
    }
    FloatContext c = x.context();
    const softfloat::Remainder r = softfloat::x87_remainder(x.st(0), x.st(1), quotient_rounding, c);
    c.rounded_up = r.quotient & 1;
    x.commit(c);
    if (c.pre_fault()) return;
    if ((r.value.sign_exponent & 0x7fff) != 0x7fff)
        x.set_codes(static_cast<uint16_t>((r.partial ? kX87C2 : 0) | (r.quotient & 2 ? kX87C3 : 0) |
                                          (r.quotient & 4 ? kX87C0 : 0)));
    x.set(0, r.value);
}

}  // namespace

void x87_fsqrt_insn(Cpu& cpu, const Insn& insn) { unary(cpu, insn, softfloat::x87_sqrt); }
void x87_frndint_insn(Cpu& cpu, const Insn& insn) { unary(cpu, insn, softfloat::x87_round_to_int); }
void x87_f2xm1_insn(Cpu& cpu, const Insn& insn) { unary(cpu, insn, softfloat::x87_f2xm1); }

void x87_fscale_insn(Cpu& cpu, const Insn& insn) {
    X87 x(cpu, insn);
    x.note();
    if (x.empty(0) || x.empty(1)) {
        if (x.underflow()) x.set(0, kDefaultNan80);
        return;
    }
    FloatContext c = x.context();
    const Float80 r = softfloat::x87_scale(x.st(0), x.st(1), c);
    x.commit(c);
    if (!c.pre_fault()) x.set(0, r);
}

void x87_fxtract_insn(Cpu& cpu, const Insn& insn) {
    X87 x(cpu, insn);
    x.note();
    if (x.empty(0) || !x.empty(7)) {
        if (x.empty(0) ? !x.underflow() : !x.overflow()) return;
        x.set(0, kDefaultNan80);
        x.push(kDefaultNan80);
        return;
    }
    FloatContext c = x.context();
    const softfloat::Extracted r = softfloat::x87_extract(x.st(0), c);
    x.commit(c);
    if (c.pre_fault()) return;
    x.set(0, r.exponent);
    x.push(r.significand);
}

void x87_fprem_insn(Cpu& cpu, const Insn& insn) {
    remainder(cpu, insn, softfloat::Rounding::kZero);
}
void x87_fprem1_insn(Cpu& cpu, const Insn& insn) {
    remainder(cpu, insn, softfloat::Rounding::kNearest);
}

void x87_fyl2x_insn(Cpu& cpu, const Insn& insn) { binary_pop(cpu, insn, softfloat::x87_fyl2x); }
void x87_fyl2xp1_insn(Cpu& cpu, const Insn& insn) { binary_pop(cpu, insn, softfloat::x87_fyl2xp1); }
void x87_fpatan_insn(Cpu& cpu, const Insn& insn) {
    binary_pop(cpu, insn, [](Float80 st0, Float80 st1, FloatContext& c) {
        return softfloat::x87_fpatan(st1, st0, c);
    });
}

void x87_fsin_insn(Cpu& cpu, const Insn& insn) {
    trigonometric(cpu, insn, [](Float80 v, bool& out_of_range, FloatContext& c) {
        const softfloat::Trigonometric t = softfloat::x87_sin(v, c);
        out_of_range = t.out_of_range;
        return t.sine;
    });
}
void x87_fcos_insn(Cpu& cpu, const Insn& insn) {
    trigonometric(cpu, insn, [](Float80 v, bool& out_of_range, FloatContext& c) {
        const softfloat::Trigonometric t = softfloat::x87_cos(v, c);
        out_of_range = t.out_of_range;
        return t.cosine;
    });
}
void x87_fsincos_insn(Cpu& cpu, const Insn& insn) {
    trigonometric_pair(cpu, insn, softfloat::x87_sincos);
}
void x87_fptan_insn(Cpu& cpu, const Insn& insn) {
    trigonometric_pair(cpu, insn, softfloat::x87_tan);
}

}  // namespace qr::i386
