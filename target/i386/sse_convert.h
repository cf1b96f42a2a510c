// SPDX-License-Identifier: GPL-2.0-or-later
//
// SSE conversions between float formats and integers, in XMM, MMX and general registers.
// Source: SDM volume 1, 10.4.3 (MMX), 11.4.1.6, 11.5.2; volume 2, the instructions' own pages.
#pragma once

#include "target/i386/sse_float.h"

namespace qr::i386 {

// One element. kTruncate: CVTTxx, whatever MXCSR's rounding is.
template <class To, class From, bool kTruncate>
To convert_lane(From v, FloatContext& c) {
    if constexpr (std::is_same_v<To, int32_t>)
        return softfloat::to_int32(v, kTruncate ? softfloat::Rounding::kZero : c.rounding, c);
    else if constexpr (std::is_same_v<To, Float32> && std::is_integral_v<From>)
        return softfloat::f32_from_int(v, c);
    else if constexpr (std::is_same_v<To, Float64> && std::is_integral_v<From>)
        return softfloat::f64_from_int(v, c);
    else if constexpr (std::is_same_v<To, Float32>)
        return softfloat::to_f32(v, c);
    else
        return softfloat::to_f64(v, c);
}

// kCount elements of b, converted, over the low elements of r.
template <class To, class From, unsigned kCount, bool kTruncate>
Xmm convert_lanes(Xmm r, const Xmm& b, SseExceptions& x) {
    for (unsigned i = 0; i < kCount; ++i)
        set_float_lane<To>(r, i, x.element([&](FloatContext& c) {
            return convert_lane<To, From, kTruncate>(float_lane<From>(b, i), c);
        }));
    return r;
}

// XMM from XMM or memory. Packed forms with fewer elements than fit clear the rest, scalar ones
// keep it.
template <class To, class From, unsigned kCount, bool kTruncate, bool kMem>
void convert_xmm(Cpu& cpu, const Insn& insn) {
    cpu.check_sse();
    const Xmm b = float_source<From, kCount, kMem>(cpu, insn);
    SseExceptions x(cpu);
    const Xmm old = kCount == 1 ? cpu.fpu.xmm[insn.reg] : Xmm{};
    const Xmm r = convert_lanes<To, From, kCount, kTruncate>(old, b, x);
    x.commit();
    cpu.fpu.xmm[insn.reg] = r;
}
template <class To, class From, unsigned kCount, bool kTruncate = false>
constexpr Exec convert() {
    return by_form(convert_xmm<To, From, kCount, kTruncate, false>,
                   convert_xmm<To, From, kCount, kTruncate, true>);
}

// CVTSI2SS, CVTSI2SD
template <class To, bool kMem>
void convert_from_gpr(Cpu& cpu, const Insn& insn) {
    cpu.check_sse();
    const auto v = static_cast<int32_t>(read_e<uint32_t, kMem>(cpu, insn));
    SseExceptions x(cpu);
    const To r = x.element([&](FloatContext& c) { return convert_lane<To, int32_t, false>(v, c); });
    x.commit();
    set_float_lane<To>(cpu.fpu.xmm[insn.reg], 0, r);
}
template <class To>
constexpr Exec from_gpr() {
    return by_form(convert_from_gpr<To, false>, convert_from_gpr<To, true>);
}
// CVTSS2SI, CVTSD2SI and their truncating forms
template <class From, bool kTruncate, bool kMem>
void convert_to_gpr(Cpu& cpu, const Insn& insn) {
    cpu.check_sse();
    const Xmm b = float_source<From, 1, kMem>(cpu, insn);
    SseExceptions x(cpu);
    const int32_t r = x.element([&](FloatContext& c) {
        return convert_lane<int32_t, From, kTruncate>(float_lane<From>(b, 0), c);
    });
    x.commit();
    write_g<uint32_t>(cpu, insn, static_cast<uint32_t>(r));
}
template <class From, bool kTruncate>
constexpr Exec to_gpr() {
    return by_form(convert_to_gpr<From, kTruncate, false>, convert_to_gpr<From, kTruncate, true>);
}

// CVTPI2PS, CVTPI2PD. The latter is no MMX instruction if its source is memory.
template <class To, bool kMem>
void convert_from_mmx(Cpu& cpu, const Insn& insn) {
    constexpr bool kMmxState = !kMem || std::is_same_v<To, Float32>;
    if constexpr (kMmxState)
        check_sse_and_mmx(cpu);
    else
        cpu.check_sse();
    const Mmx source = simd_source<Mmx, kMem>(cpu, insn);
    Xmm b{};
    b.set<uint64_t>(0, source.get<uint64_t>(0));
    SseExceptions x(cpu);
    const Xmm r = convert_lanes<To, int32_t, 2, false>(cpu.fpu.xmm[insn.reg], b, x);
    x.commit();
    if constexpr (kMmxState) cpu.fpu.enter_mmx();
    cpu.fpu.xmm[insn.reg] = r;
}
template <class To>
constexpr Exec from_mmx() {
    return by_form(convert_from_mmx<To, false>, convert_from_mmx<To, true>);
}
// CVTPS2PI, CVTPD2PI and their truncating forms
template <class From, bool kTruncate, bool kMem>
void convert_to_mmx(Cpu& cpu, const Insn& insn) {
    check_sse_and_mmx(cpu);
    const Xmm b = float_source<From, 2, kMem>(cpu, insn);
    SseExceptions x(cpu);
    const Xmm r = convert_lanes<int32_t, From, 2, kTruncate>({}, b, x);
    x.commit();
    cpu.fpu.enter_mmx();
    cpu.fpu.set_mmx(insn.reg, r.get<uint64_t>(0));
}
template <class From, bool kTruncate>
constexpr Exec to_mmx() {
    return by_form(convert_to_mmx<From, kTruncate, false>, convert_to_mmx<From, kTruncate, true>);
}

}  // namespace qr::i386
