// SPDX-License-Identifier: GPL-2.0-or-later
//
// The instruction table's SSE float part: arithmetic, comparison and conversion of SSE, SSE2 and
// SSE3. Source: SDM volume 1, chapters 10 to 12; volume 2, the instructions' own pages.

#include "target/i386/sse_float.h"
#include "target/i386/sse_approx.h"
#include "target/i386/sse_convert.h"

namespace qr::i386 {
namespace {

using softfloat::Relation;

// The order of operands for which no exception is possible: neither NaNs nor denormals.
template <class T>
bool plain_relation(T a, T b, Relation& out) {
    using Bits = decltype(T::bits);
    using Signed = std::make_signed_t<Bits>;
    constexpr unsigned kFraction = sizeof(Bits) == 4 ? 23 : 52;
    constexpr Bits kSign = Bits{1} << (8 * sizeof(Bits) - 1);
    constexpr Bits kInfinity = (kSign - 1) >> kFraction << kFraction;
    constexpr Bits kLeastNormal = Bits{1} << kFraction;
    const Bits x = a.bits & ~kSign, y = b.bits & ~kSign;
    const auto plain = [](Bits v) { return (v >= kLeastNormal || v == 0) && v <= kInfinity; };
    if (!plain(x) || !plain(y)) return false;
    const Signed p = static_cast<Signed>(a.bits & kSign ? -x : x);
    const Signed q = static_cast<Signed>(b.bits & kSign ? -y : y);
    out = p < q ? Relation::kLess : p > q ? Relation::kGreater : Relation::kEqual;
    return true;
}
template <class T>
Relation relation(T a, T b, bool signalling, FloatContext& c) {
    Relation r;
    if (plain_relation(a, b, r)) [[likely]]
        return r;
    return signalling ? compare_signalling(a, b, c) : compare_quiet(a, b, c);
}

// ---- arithmetic ---------------------------------------------------------------------------------

struct Add {
    template <class T>
    static T run(T a, T b, FloatContext& c) {
        return softfloat::add(a, b, c);
    }
};
struct Sub {
    template <class T>
    static T run(T a, T b, FloatContext& c) {
        return softfloat::sub(a, b, c);
    }
};
struct Mul {
    template <class T>
    static T run(T a, T b, FloatContext& c) {
        return softfloat::mul(a, b, c);
    }
};
struct Div {
    template <class T>
    static T run(T a, T b, FloatContext& c) {
        return softfloat::div(a, b, c);
    }
};
struct Min {
    template <class T>
    static T run(T a, T b, FloatContext& c) {
        Relation r;
        if (plain_relation(a, b, r)) [[likely]]
            return r == Relation::kLess ? a : b;
        return softfloat::min(a, b, c);
    }
};
struct Max {
    template <class T>
    static T run(T a, T b, FloatContext& c) {
        Relation r;
        if (plain_relation(a, b, r)) [[likely]]
            return r == Relation::kGreater ? a : b;
        return softfloat::max(a, b, c);
    }
};
struct Sqrt {
    template <class T>
    static T run(T b, FloatContext& c) {
        return softfloat::sqrt(b, c);
    }
};
struct Rcp {
    template <class T>
    static T run(T b, FloatContext&) {
        return reciprocal(b);
    }
};
struct Rsqrt {
    template <class T>
    static T run(T b, FloatContext&) {
        return reciprocal_sqrt(b);
    }
};

// HADDPx, HSUBPx: neighbours of the destination, then those of the source.
template <class Op, class T, bool kMem>
void horizontal(Cpu& cpu, const Insn& insn) {
    constexpr unsigned kCount = kFloats<T, false>;
    cpu.check_sse();
    const Xmm b = float_source<T, kCount, kMem>(cpu, insn);
    const Xmm a = cpu.fpu.xmm[insn.reg];
    Xmm r;
    SseExceptions x(cpu);
    for (unsigned i = 0; i < kCount; ++i) {
        const Xmm& from = i < kCount / 2 ? a : b;
        const unsigned first = 2 * i % kCount;
        set_float_lane<T>(r, i, x.element([&](FloatContext& c) {
            return Op::template run<T>(float_lane<T>(from, first), float_lane<T>(from, first + 1),
                                       c);
        }));
    }
    x.commit();
    cpu.fpu.xmm[insn.reg] = r;
}
template <class Op, class T>
constexpr Exec neighbours() {
    return by_form(horizontal<Op, T, false>, horizontal<Op, T, true>);
}

// ADDSUBPx: even elements are subtracted, odd ones added.
template <class T, bool kMem>
void alternate(Cpu& cpu, const Insn& insn) {
    constexpr unsigned kCount = kFloats<T, false>;
    cpu.check_sse();
    const Xmm b = float_source<T, kCount, kMem>(cpu, insn);
    Xmm r = cpu.fpu.xmm[insn.reg];
    SseExceptions x(cpu);
    for (unsigned i = 0; i < kCount; ++i)
        set_float_lane<T>(r, i, x.element([&](FloatContext& c) {
            const T first = float_lane<T>(r, i), second = float_lane<T>(b, i);
            return i & 1 ? softfloat::add(first, second, c) : softfloat::sub(first, second, c);
        }));
    x.commit();
    cpu.fpu.xmm[insn.reg] = r;
}

// ---- comparison ---------------------------------------------------------------------------------

// CMPxx; bits 3-7 of the immediate don't count. Predicates: EQ LT LE UNORD, and their opposites.
struct Compare {
    template <class T>
    static T run(T a, T b, uint8_t imm, FloatContext& c) {
        const unsigned predicate = imm & 3;
        const bool signalling = predicate == 1 || predicate == 2;
        const Relation r = relation(a, b, signalling, c);
        bool holds = false;
        switch (predicate) {
            case 0: holds = r == Relation::kEqual; break;
            case 1: holds = r == Relation::kLess; break;
            case 2: holds = r == Relation::kLess || r == Relation::kEqual; break;
            default: holds = r == Relation::kUnordered; break;
        }
        using Bits = decltype(T::bits);
        return T{holds != bit(imm, 2) ? static_cast<Bits>(~Bits{0}) : Bits{0}};
    }
};

// COMISx, UCOMISx
template <class T, bool kQuiet, bool kMem>
void compare_to_flags(Cpu& cpu, const Insn& insn) {
    cpu.check_sse();
    const Xmm b = float_source<T, 1, kMem>(cpu, insn);
    SseExceptions x(cpu);
    const Relation r = x.element([&](FloatContext& c) {
        const T first = float_lane<T>(cpu.fpu.xmm[insn.reg], 0), second = float_lane<T>(b, 0);
        return relation(first, second, !kQuiet, c);
    });
    x.commit();
    uint32_t flags = 0;
    if (r == Relation::kUnordered) flags = kZF | kPF_ | kCF;
    if (r == Relation::kLess) flags = kCF;
    if (r == Relation::kEqual) flags = kZF;
    cpu.set_arith_flags(flags);
}
template <class T, bool kQuiet>
constexpr Exec flags() {
    return by_form(compare_to_flags<T, kQuiet, false>, compare_to_flags<T, kQuiet, true>);
}

constexpr uint32_t kAttr = kSse;
constexpr uint32_t kVague = kSse | kNotInUserTest;  // processors differ
constexpr uint32_t kBoth = kSse | kMmx;
constexpr Feature kSse1 = Feature::kSse;
constexpr Feature kSse2 = Feature::kSse2;
constexpr Feature kSse3 = Feature::kSse3;

constexpr Row kRows[] = {
    {"addps", "NP 0F 58 /r", "Vdq:rw Wdq:r", "", kAttr, kSse1, packed<Add, Float32>()},
    {"addpd", "66 0F 58 /r", "Vdq:rw Wdq:r", "", kAttr, kSse2, packed<Add, Float64>()},
    {"addss", "F3 0F 58 /r", "Vd:rw Wd:r", "", kAttr, kSse1, scalar<Add, Float32>()},
    {"addsd", "F2 0F 58 /r", "Vq:rw Wq:r", "", kAttr, kSse2, scalar<Add, Float64>()},
    {"mulps", "NP 0F 59 /r", "Vdq:rw Wdq:r", "", kAttr, kSse1, packed<Mul, Float32>()},
    {"mulpd", "66 0F 59 /r", "Vdq:rw Wdq:r", "", kAttr, kSse2, packed<Mul, Float64>()},
    {"mulss", "F3 0F 59 /r", "Vd:rw Wd:r", "", kAttr, kSse1, scalar<Mul, Float32>()},
    {"mulsd", "F2 0F 59 /r", "Vq:rw Wq:r", "", kAttr, kSse2, scalar<Mul, Float64>()},
    {"subps", "NP 0F 5C /r", "Vdq:rw Wdq:r", "", kAttr, kSse1, packed<Sub, Float32>()},
    {"subpd", "66 0F 5C /r", "Vdq:rw Wdq:r", "", kAttr, kSse2, packed<Sub, Float64>()},
    {"subss", "F3 0F 5C /r", "Vd:rw Wd:r", "", kAttr, kSse1, scalar<Sub, Float32>()},
    {"subsd", "F2 0F 5C /r", "Vq:rw Wq:r", "", kAttr, kSse2, scalar<Sub, Float64>()},
    {"minps", "NP 0F 5D /r", "Vdq:rw Wdq:r", "", kAttr, kSse1, packed<Min, Float32>()},
    {"minpd", "66 0F 5D /r", "Vdq:rw Wdq:r", "", kAttr, kSse2, packed<Min, Float64>()},
    {"minss", "F3 0F 5D /r", "Vd:rw Wd:r", "", kAttr, kSse1, scalar<Min, Float32>()},
    {"minsd", "F2 0F 5D /r", "Vq:rw Wq:r", "", kAttr, kSse2, scalar<Min, Float64>()},
    {"divps", "NP 0F 5E /r", "Vdq:rw Wdq:r", "", kAttr, kSse1, packed<Div, Float32>()},
    {"divpd", "66 0F 5E /r", "Vdq:rw Wdq:r", "", kAttr, kSse2, packed<Div, Float64>()},
    {"divss", "F3 0F 5E /r", "Vd:rw Wd:r", "", kAttr, kSse1, scalar<Div, Float32>()},
    {"divsd", "F2 0F 5E /r", "Vq:rw Wq:r", "", kAttr, kSse2, scalar<Div, Float64>()},
    {"maxps", "NP 0F 5F /r", "Vdq:rw Wdq:r", "", kAttr, kSse1, packed<Max, Float32>()},
    {"maxpd", "66 0F 5F /r", "Vdq:rw Wdq:r", "", kAttr, kSse2, packed<Max, Float64>()},
    {"maxss", "F3 0F 5F /r", "Vd:rw Wd:r", "", kAttr, kSse1, scalar<Max, Float32>()},
    {"maxsd", "F2 0F 5F /r", "Vq:rw Wq:r", "", kAttr, kSse2, scalar<Max, Float64>()},
    {"sqrtps", "NP 0F 51 /r", "Vdq:w Wdq:r", "", kAttr, kSse1, packed_unary<Sqrt, Float32>()},
    {"sqrtpd", "66 0F 51 /r", "Vdq:w Wdq:r", "", kAttr, kSse2, packed_unary<Sqrt, Float64>()},
    {"sqrtss", "F3 0F 51 /r", "Vd:w Wd:r", "", kAttr, kSse1, scalar_unary<Sqrt, Float32>()},
    {"sqrtsd", "F2 0F 51 /r", "Vq:w Wq:r", "", kAttr, kSse2, scalar_unary<Sqrt, Float64>()},
    {"rsqrtps", "NP 0F 52 /r", "Vdq:w Wdq:r", "", kVague, kSse1, packed_unary<Rsqrt, Float32>()},
    {"rsqrtss", "F3 0F 52 /r", "Vd:w Wd:r", "", kVague, kSse1, scalar_unary<Rsqrt, Float32>()},
    {"rcpps", "NP 0F 53 /r", "Vdq:w Wdq:r", "", kVague, kSse1, packed_unary<Rcp, Float32>()},
    {"rcpss", "F3 0F 53 /r", "Vd:w Wd:r", "", kVague, kSse1, scalar_unary<Rcp, Float32>()},
    {"haddpd", "66 0F 7C /r", "Vdq:rw Wdq:r", "", kAttr, kSse3, neighbours<Add, Float64>()},
    {"haddps", "F2 0F 7C /r", "Vdq:rw Wdq:r", "", kAttr, kSse3, neighbours<Add, Float32>()},
    {"hsubpd", "66 0F 7D /r", "Vdq:rw Wdq:r", "", kAttr, kSse3, neighbours<Sub, Float64>()},
    {"hsubps", "F2 0F 7D /r", "Vdq:rw Wdq:r", "", kAttr, kSse3, neighbours<Sub, Float32>()},
    {"addsubpd", "66 0F D0 /r", "Vdq:rw Wdq:r", "", kAttr, kSse3,
     by_form(alternate<Float64, false>, alternate<Float64, true>)},
    {"addsubps", "F2 0F D0 /r", "Vdq:rw Wdq:r", "", kAttr, kSse3,
     by_form(alternate<Float32, false>, alternate<Float32, true>)},
    // Comparison
    {"ucomiss", "NP 0F 2E /r", "Vd:r Wd:r", "w:oszapc", kAttr, kSse1, flags<Float32, true>()},
    {"ucomisd", "66 0F 2E /r", "Vq:r Wq:r", "w:oszapc", kAttr, kSse2, flags<Float64, true>()},
    {"comiss", "NP 0F 2F /r", "Vd:r Wd:r", "w:oszapc", kAttr, kSse1, flags<Float32, false>()},
    {"comisd", "66 0F 2F /r", "Vq:r Wq:r", "w:oszapc", kAttr, kSse2, flags<Float64, false>()},
    {"cmpps", "NP 0F C2 /r", "Vdq:rw Wdq:r Ib:r", "", kAttr, kSse1, packed_imm<Compare, Float32>()},
    {"cmppd", "66 0F C2 /r", "Vdq:rw Wdq:r Ib:r", "", kAttr, kSse2, packed_imm<Compare, Float64>()},
    {"cmpss", "F3 0F C2 /r", "Vd:rw Wd:r Ib:r", "", kAttr, kSse1, scalar_imm<Compare, Float32>()},
    {"cmpsd", "F2 0F C2 /r", "Vq:rw Wq:r Ib:r", "", kAttr, kSse2, scalar_imm<Compare, Float64>()},
    // Conversion
    {"cvtps2pd", "NP 0F 5A /r", "Vdq:w Wq:r", "", kAttr, kSse2, convert<Float64, Float32, 2>()},
    {"cvtpd2ps", "66 0F 5A /r", "Vdq:w Wdq:r", "", kAttr, kSse2, convert<Float32, Float64, 2>()},
    {"cvtss2sd", "F3 0F 5A /r", "Vq:w Wd:r", "", kAttr, kSse2, convert<Float64, Float32, 1>()},
    {"cvtsd2ss", "F2 0F 5A /r", "Vd:w Wq:r", "", kAttr, kSse2, convert<Float32, Float64, 1>()},
    {"cvtdq2ps", "NP 0F 5B /r", "Vdq:w Wdq:r", "", kAttr, kSse2, convert<Float32, int32_t, 4>()},
    {"cvtps2dq", "66 0F 5B /r", "Vdq:w Wdq:r", "", kAttr, kSse2, convert<int32_t, Float32, 4>()},
    {"cvttps2dq", "F3 0F 5B /r", "Vdq:w Wdq:r", "", kAttr, kSse2,
     convert<int32_t, Float32, 4, true>()},
    {"cvtdq2pd", "F3 0F E6 /r", "Vdq:w Wq:r", "", kAttr, kSse2, convert<Float64, int32_t, 2>()},
    {"cvtpd2dq", "F2 0F E6 /r", "Vdq:w Wdq:r", "", kAttr, kSse2, convert<int32_t, Float64, 2>()},
    {"cvttpd2dq", "66 0F E6 /r", "Vdq:w Wdq:r", "", kAttr, kSse2,
     convert<int32_t, Float64, 2, true>()},
    {"cvtsi2ss", "F3 0F 2A /r", "Vd:w Ed:r", "", kAttr, kSse1, from_gpr<Float32>()},
    {"cvtsi2sd", "F2 0F 2A /r", "Vq:w Ed:r", "", kAttr, kSse2, from_gpr<Float64>()},
    {"cvtss2si", "F3 0F 2D /r", "Gd:w Wd:r", "", kAttr, kSse1, to_gpr<Float32, false>()},
    {"cvttss2si", "F3 0F 2C /r", "Gd:w Wd:r", "", kAttr, kSse1, to_gpr<Float32, true>()},
    {"cvtsd2si", "F2 0F 2D /r", "Gd:w Wq:r", "", kAttr, kSse2, to_gpr<Float64, false>()},
    {"cvttsd2si", "F2 0F 2C /r", "Gd:w Wq:r", "", kAttr, kSse2, to_gpr<Float64, true>()},
    {"cvtpi2ps", "NP 0F 2A /r", "Vq:w Qq:r", "", kBoth, kSse1, from_mmx<Float32>()},
    {"cvtpi2pd", "66 0F 2A /r", "Vdq:w Qq:r", "", kBoth, kSse2, from_mmx<Float64>()},
    {"cvtps2pi", "NP 0F 2D /r", "Pq:w Wq:r", "", kBoth, kSse1, to_mmx<Float32, false>()},
    {"cvttps2pi", "NP 0F 2C /r", "Pq:w Wq:r", "", kBoth, kSse1, to_mmx<Float32, true>()},
    {"cvtpd2pi", "66 0F 2D /r", "Pq:w Wdq:r", "", kBoth, kSse2, to_mmx<Float64, false>()},
    {"cvttpd2pi", "66 0F 2C /r", "Pq:w Wdq:r", "", kBoth, kSse2, to_mmx<Float64, true>()},
};

}  // namespace

std::span<const Row> sse_rows() { return kRows; }

}  // namespace qr::i386
