// SPDX-License-Identifier: GPL-2.0-or-later
//
// Soft float: operations on Float32 and Float64 as SSE does them. SDM volume 1, 4.8.4
// (NaNs), 10.2.3 (denormals-are-zeros, flush-to-zero), 11.5.2 (exception conditions); volume 2 for
// each instruction.
#include "target/i386/softfloat/parts.h"

namespace qr::softfloat {

namespace {

// What the operations need to know of each of the two formats.
struct Single {
    using Value = Float32;
    static constexpr const Target& kTarget = kTarget32;
    static constexpr Float32 kDefaultNan = kDefaultNan32;
    static Float32 pack(bool sign, const Rounded& r) { return pack32(sign, r); }
    static Float32 zero(bool sign) { return zero32(sign); }
    static Float32 quiet(const Operand& a) { return quiet32(a); }
};

struct Double {
    using Value = Float64;
    static constexpr const Target& kTarget = kTarget64;
    static constexpr Float64 kDefaultNan = kDefaultNan64;
    static Float64 pack(bool sign, const Rounded& r) { return pack64(sign, r); }
    static Float64 zero(bool sign) { return zero64(sign); }
    static Float64 quiet(const Operand& a) { return quiet64(a); }
};

template <class V>
Operand unpack(V v, const FloatContext& c) {
    Operand o(v);
    if (c.daz && o.kind == FloatClass::kDenormal) o.kind = FloatClass::kZero;
    return o;
}

template <class F>
typename F::Value finish(const Exact& e, FloatContext& c) {
    if (e.significand == 0) return F::zero(e.sign);
    return F::pack(e.sign, round_result(e.sign, e.exponent, e.significand, F::kTarget, c));
}

template <class F>
typename F::Value invalid(FloatContext& c) {
    c.flags |= kInvalid;
    return F::kDefaultNan;
}

template <class F>
typename F::Value infinity(bool sign) {
    return F::pack(sign, {true, 0, 0});
}

template <class F>
typename F::Value nan_result(const Operand& a, const Operand& b, FloatContext& c) {
    if (a.kind == FloatClass::kSignallingNan || b.kind == FloatClass::kSignallingNan)
        c.flags |= kInvalid;
    return F::quiet(a.is_nan() ? a : b);
}

template <class F, class V = typename F::Value>
V add_values(V av, V bv, bool subtract, FloatContext& c) {
    c.rounded_up = false;
    const Operand a = unpack(av, c);
    const Operand b = unpack(bv, c);
    if (a.is_nan() || b.is_nan()) return nan_result<F>(a, b, c);
    const bool a_infinite = a.kind == FloatClass::kInfinity;
    const bool b_infinite = b.kind == FloatClass::kInfinity;
    const bool b_sign = b.sign != subtract;
    if (a_infinite && b_infinite && a.sign != b_sign) return invalid<F>(c);
    if (denormal_stops(c, is_denormal(a) || is_denormal(b))) return av;
    if (a_infinite) return av;
    if (b_infinite) return infinity<F>(b_sign);
    return finish<F>(exact_add(a, b, subtract, c.rounding), c);
}

template <class F, class V = typename F::Value>
V mul_values(V av, V bv, FloatContext& c) {
    c.rounded_up = false;
    const Operand a = unpack(av, c);
    const Operand b = unpack(bv, c);
    if (a.is_nan() || b.is_nan()) return nan_result<F>(a, b, c);
    const bool infinite = a.kind == FloatClass::kInfinity || b.kind == FloatClass::kInfinity;
    if (infinite && (a.kind == FloatClass::kZero || b.kind == FloatClass::kZero))
        return invalid<F>(c);
    if (denormal_stops(c, is_denormal(a) || is_denormal(b))) return av;
    if (infinite) return infinity<F>(a.sign != b.sign);
    return finish<F>(exact_mul(a, b), c);
}

template <class F, class V = typename F::Value>
V div_values(V av, V bv, FloatContext& c) {
    c.rounded_up = false;
    const Operand a = unpack(av, c);
    const Operand b = unpack(bv, c);
    if (a.is_nan() || b.is_nan()) return nan_result<F>(a, b, c);
    const bool sign = a.sign != b.sign;
    if (a.kind == b.kind && (a.kind == FloatClass::kZero || a.kind == FloatClass::kInfinity))
        return invalid<F>(c);
    if (b.kind == FloatClass::kZero && a.kind != FloatClass::kInfinity) {
        c.flags |= kZeroDivide;
        return infinity<F>(sign);
    }
    if (denormal_stops(c, is_denormal(a) || is_denormal(b))) return av;
    if (a.kind == FloatClass::kInfinity) return infinity<F>(sign);
    if (b.kind == FloatClass::kInfinity) return F::zero(sign);
    return finish<F>(exact_div(a, b), c);
}

template <class F, class V = typename F::Value>
V sqrt_value(V av, FloatContext& c) {
    c.rounded_up = false;
    const Operand a = unpack(av, c);
    if (a.is_nan()) return nan_result<F>(a, a, c);
    if (a.sign && a.kind != FloatClass::kZero) return invalid<F>(c);
    if (denormal_stops(c, is_denormal(a))) return av;
    if (a.kind == FloatClass::kInfinity) return av;
    return finish<F>(exact_sqrt(a), c);
}

Relation relation(const Operand& a, const Operand& b) {
    const bool a_zero = a.kind == FloatClass::kZero;
    const bool b_zero = b.kind == FloatClass::kZero;
    if (a_zero && b_zero) return Relation::kEqual;
    if (a_zero) return b.sign ? Relation::kGreater : Relation::kLess;
    const Relation larger = a.sign ? Relation::kLess : Relation::kGreater;
    if (b_zero || a.sign != b.sign) return larger;
    const Relation smaller = a.sign ? Relation::kGreater : Relation::kLess;
    const bool a_infinite = a.kind == FloatClass::kInfinity;
    const bool b_infinite = b.kind == FloatClass::kInfinity;
    if (a_infinite || b_infinite) {
        if (a_infinite && b_infinite) return Relation::kEqual;
        return a_infinite ? larger : smaller;
    }
    if (a.exponent != b.exponent) return a.exponent > b.exponent ? larger : smaller;
    if (a.significand != b.significand) return a.significand > b.significand ? larger : smaller;
    return Relation::kEqual;
}

template <class V>
Relation compare_values(V av, V bv, bool quiet, FloatContext& c) {
    c.rounded_up = false;
    const Operand a = unpack(av, c);
    const Operand b = unpack(bv, c);
    if (a.is_nan() || b.is_nan()) {
        if (!quiet || a.kind == FloatClass::kSignallingNan || b.kind == FloatClass::kSignallingNan)
            c.flags |= kInvalid;
        return Relation::kUnordered;
    }
    denormal_stops(c, is_denormal(a) || is_denormal(b));
    return relation(a, b);
}

template <class F, class V = typename F::Value>
V extreme(V av, V bv, Relation wanted, FloatContext& c) {
    const Relation r = compare_values(av, bv, false, c);
    V result = r == wanted ? av : bv;
    if (c.daz && Operand(result).kind == FloatClass::kDenormal)
        result = F::zero(Operand(result).sign);
    return result;
}

template <class To, class V>
typename To::Value convert(V av, FloatContext& c) {
    c.rounded_up = false;
    const Operand a = unpack(av, c);
    if (a.is_nan()) return nan_result<To>(a, a, c);
    if (denormal_stops(c, is_denormal(a))) return To::zero(a.sign);
    if (a.kind == FloatClass::kInfinity) return infinity<To>(a.sign);
    if (a.kind == FloatClass::kZero) return To::zero(a.sign);
    return To::pack(a.sign,
                    round_result(a.sign, a.exponent, Uint128{a.significand} << 64, To::kTarget, c));
}

template <class I, class V>
I to_int(V av, Rounding r, FloatContext& c) {
    c.rounded_up = false;
    constexpr uint64_t kLimit = uint64_t{1} << (8 * sizeof(I) - 1);
    const Operand a = unpack(av, c);
    const bool number = !a.is_nan() && a.kind != FloatClass::kInfinity;
    const Integral i = number ? to_integral(a, r) : Integral{};
    if (!number || !i.fits || i.value > (a.sign ? kLimit : kLimit - 1)) {
        c.flags |= kInvalid;
        return static_cast<I>(kLimit);
    }
    if (i.inexact) c.flags |= kInexact;
    c.rounded_up = i.up;
    return static_cast<I>(a.sign ? ~i.value + 1 : i.value);
}

template <class F>
typename F::Value from_int(int64_t v, FloatContext& c) {
    c.rounded_up = false;
    const Operand a = Operand::integer(v);
    if (a.kind == FloatClass::kZero) return F::zero(false);
    return F::pack(a.sign,
                   round_result(a.sign, a.exponent, Uint128{a.significand} << 64, F::kTarget, c));
}

template <class F, class V = typename F::Value>
V round_value(V av, Rounding r, bool suppress_inexact, FloatContext& c) {
    c.rounded_up = false;
    const Operand a = unpack(av, c);
    if (a.is_nan()) return nan_result<F>(a, a, c);
    if (a.kind == FloatClass::kZero) return F::zero(a.sign);
    if (a.kind == FloatClass::kInfinity || a.exponent >= 63) return av;
    const Integral i = to_integral(a, r);
    if (i.inexact && !suppress_inexact) c.flags |= kInexact;
    c.rounded_up = i.up;
    if (i.value == 0) return F::zero(a.sign);
    const int n = std::countl_zero(i.value);
    return F::pack(a.sign, {false, 63 - n, i.value << n});
}

}  // namespace

Float32 add(Float32 a, Float32 b, FloatContext& c) { return add_values<Single>(a, b, false, c); }
Float64 add(Float64 a, Float64 b, FloatContext& c) { return add_values<Double>(a, b, false, c); }
Float32 sub(Float32 a, Float32 b, FloatContext& c) { return add_values<Single>(a, b, true, c); }
Float64 sub(Float64 a, Float64 b, FloatContext& c) { return add_values<Double>(a, b, true, c); }
Float32 mul(Float32 a, Float32 b, FloatContext& c) { return mul_values<Single>(a, b, c); }
Float64 mul(Float64 a, Float64 b, FloatContext& c) { return mul_values<Double>(a, b, c); }
Float32 div(Float32 a, Float32 b, FloatContext& c) { return div_values<Single>(a, b, c); }
Float64 div(Float64 a, Float64 b, FloatContext& c) { return div_values<Double>(a, b, c); }
Float32 sqrt(Float32 a, FloatContext& c) { return sqrt_value<Single>(a, c); }
Float64 sqrt(Float64 a, FloatContext& c) { return sqrt_value<Double>(a, c); }

Float32 min(Float32 a, Float32 b, FloatContext& c) {
    return extreme<Single>(a, b, Relation::kLess, c);
}
Float64 min(Float64 a, Float64 b, FloatContext& c) {
    return extreme<Double>(a, b, Relation::kLess, c);
}
Float32 max(Float32 a, Float32 b, FloatContext& c) {
    return extreme<Single>(a, b, Relation::kGreater, c);
}
Float64 max(Float64 a, Float64 b, FloatContext& c) {
    return extreme<Double>(a, b, Relation::kGreater, c);
}

Relation compare_quiet(Float32 a, Float32 b, FloatContext& c) {
    return compare_values(a, b, true, c);
}
Relation compare_quiet(Float64 a, Float64 b, FloatContext& c) {
    return compare_values(a, b, true, c);
}
Relation compare_signalling(Float32 a, Float32 b, FloatContext& c) {
    return compare_values(a, b, false, c);
}
Relation compare_signalling(Float64 a, Float64 b, FloatContext& c) {
    return compare_values(a, b, false, c);
}

Float64 to_f64(Float32 a, FloatContext& c) { return convert<Double>(a, c); }
Float32 to_f32(Float64 a, FloatContext& c) { return convert<Single>(a, c); }

int32_t to_int32(Float32 a, Rounding r, FloatContext& c) { return to_int<int32_t>(a, r, c); }
int32_t to_int32(Float64 a, Rounding r, FloatContext& c) { return to_int<int32_t>(a, r, c); }
int64_t to_int64(Float32 a, Rounding r, FloatContext& c) { return to_int<int64_t>(a, r, c); }
int64_t to_int64(Float64 a, Rounding r, FloatContext& c) { return to_int<int64_t>(a, r, c); }

Float32 f32_from_int(int64_t v, FloatContext& c) { return from_int<Single>(v, c); }
Float64 f64_from_int(int64_t v, FloatContext& c) { return from_int<Double>(v, c); }

Float32 round_to_int(Float32 a, Rounding r, bool suppress_inexact, FloatContext& c) {
    return round_value<Single>(a, r, suppress_inexact, c);
}
Float64 round_to_int(Float64 a, Rounding r, bool suppress_inexact, FloatContext& c) {
    return round_value<Double>(a, r, suppress_inexact, c);
}

// x87 compares have the same order on the same Operand form.
Relation x87_compare(const Operand& a, const Operand& b, bool quiet, FloatContext& c) {
    c.rounded_up = false;
    if (needs_nan(a) || needs_nan(b)) {
        if (!quiet || a.kind == FloatClass::kSignallingNan ||
            b.kind == FloatClass::kSignallingNan || a.kind == FloatClass::kUnsupported ||
            b.kind == FloatClass::kUnsupported)
            c.flags |= kInvalid;
        return Relation::kUnordered;
    }
    denormal_stops(c, is_denormal(a) || is_denormal(b));
    return relation(a, b);
}

}  // namespace qr::softfloat
