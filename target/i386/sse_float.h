// SPDX-License-Identifier: GPL-2.0-or-later
//
// What SSE float instructions share: one instruction's exceptions, and the handlers that run an
// operation over elements. Source: SDM volume 1, 10.2.3 (MXCSR), 11.5 (exceptions); volume 2, the
// instructions' own pages.
#pragma once

#include <cstdint>
#include <type_traits>

#include "target/i386/simd.h"
#include "target/i386/softfloat/softfloat.h"

namespace qr::i386 {

using softfloat::Float32;
using softfloat::Float64;
using softfloat::FloatContext;

// An element of T: Float32, Float64, or an integer.
template <class T>
T float_lane(const Xmm& v, unsigned i) {
    if constexpr (std::is_integral_v<T>)
        return v.get<T>(i);
    else
        return T{v.get<decltype(T::bits)>(i)};
}
template <class T>
void set_float_lane(Xmm& v, unsigned i, T value) {
    if constexpr (std::is_integral_v<T>)
        v.set<T>(i, value);
    else
        v.set(i, value.bits);
}

// The exceptions of one instruction. commit() before anything is written: it throws if one is
// unmasked.
class SseExceptions {
  public:
    explicit SseExceptions(Cpu& cpu) : cpu_(cpu) {
        const uint32_t mxcsr = cpu.fpu.mxcsr;
        context_.rounding = static_cast<softfloat::Rounding>((mxcsr >> 13) & 3);
        context_.masks = (mxcsr >> 7) & softfloat::kAllExceptions;
        context_.daz = bit(mxcsr, 6);
        context_.ftz = bit(mxcsr, 15);
    }
    // The result of f(FloatContext&), for one element.
    template <class F>
    auto element(F f) {
        context_.flags = 0;
        const auto result = f(context_);
        flags_ |= context_.flags;
        return result;
    }
    void commit() {
        if (flags_ == 0) return;
        // With an unmasked exception that is seen beforehand nothing was computed (11.5.1).
        if (flags_ & ~context_.masks & softfloat::kPreExceptions)
            flags_ &= softfloat::kPreExceptions;
        cpu_.fpu.mxcsr |= flags_;
        if (flags_ & ~context_.masks) [[unlikely]]
            fault(cpu_.cr4 & kCr4OSXMMEXCPT ? kXM : kUD);
    }

  private:
    Cpu& cpu_;
    FloatContext context_;
    uint8_t flags_ = 0;
};

// The source operand of a scalar or packed instruction on elements of T, kCount of them.
template <class T, unsigned kCount, bool kMem>
Xmm float_source(Cpu& cpu, const Insn& insn) {
    return simd_source<Xmm, kMem, kCount * sizeof(T)>(cpu, insn);
}

// Elements that an instruction works on.
template <class T, bool kScalar>
inline constexpr unsigned kFloats = kScalar ? 1 : 16 / sizeof(T);

// struct Op { template <class T> static T run(T a, T b, FloatContext& c); };
template <class Op, class T, bool kScalar, bool kMem>
void float_binary(Cpu& cpu, const Insn& insn) {
    constexpr unsigned kCount = kFloats<T, kScalar>;
    cpu.check_sse();
    const Xmm b = float_source<T, kCount, kMem>(cpu, insn);
    Xmm r = cpu.fpu.xmm[insn.reg];
    SseExceptions x(cpu);
    for (unsigned i = 0; i < kCount; ++i)
        set_float_lane<T>(r, i, x.element([&](FloatContext& c) {
            return Op::template run<T>(float_lane<T>(r, i), float_lane<T>(b, i), c);
        }));
    x.commit();
    cpu.fpu.xmm[insn.reg] = r;
}
// The same with an immediate: run(a, b, imm, c).
template <class Op, class T, bool kScalar, bool kMem>
void float_binary_imm(Cpu& cpu, const Insn& insn) {
    constexpr unsigned kCount = kFloats<T, kScalar>;
    cpu.check_sse();
    const Xmm b = float_source<T, kCount, kMem>(cpu, insn);
    Xmm r = cpu.fpu.xmm[insn.reg];
    SseExceptions x(cpu);
    for (unsigned i = 0; i < kCount; ++i)
        set_float_lane<T>(r, i, x.element([&](FloatContext& c) {
            return Op::template run<T>(float_lane<T>(r, i), float_lane<T>(b, i),
                                       static_cast<uint8_t>(insn.imm), c);
        }));
    x.commit();
    cpu.fpu.xmm[insn.reg] = r;
}
// Of one operand: struct Op { template <class T> static T run(T b, FloatContext& c); };
template <class Op, class T, bool kScalar, bool kMem>
void float_unary(Cpu& cpu, const Insn& insn) {
    constexpr unsigned kCount = kFloats<T, kScalar>;
    cpu.check_sse();
    const Xmm b = float_source<T, kCount, kMem>(cpu, insn);
    Xmm r = cpu.fpu.xmm[insn.reg];
    SseExceptions x(cpu);
    for (unsigned i = 0; i < kCount; ++i)
        set_float_lane<T>(r, i, x.element([&](FloatContext& c) {
            return Op::template run<T>(float_lane<T>(b, i), c);
        }));
    x.commit();
    cpu.fpu.xmm[insn.reg] = r;
}

// Rows: `packed<Op, Float32>()`, `scalar<Op, Float64>()` and so on.
template <class Op, class T>
constexpr Exec packed() {
    return by_form(float_binary<Op, T, false, false>, float_binary<Op, T, false, true>);
}
template <class Op, class T>
constexpr Exec scalar() {
    return by_form(float_binary<Op, T, true, false>, float_binary<Op, T, true, true>);
}
template <class Op, class T>
constexpr Exec packed_imm() {
    return by_form(float_binary_imm<Op, T, false, false>, float_binary_imm<Op, T, false, true>);
}
template <class Op, class T>
constexpr Exec scalar_imm() {
    return by_form(float_binary_imm<Op, T, true, false>, float_binary_imm<Op, T, true, true>);
}
template <class Op, class T>
constexpr Exec packed_unary() {
    return by_form(float_unary<Op, T, false, false>, float_unary<Op, T, false, true>);
}
template <class Op, class T>
constexpr Exec scalar_unary() {
    return by_form(float_unary<Op, T, true, false>, float_unary<Op, T, true, true>);
}

}  // namespace qr::i386
