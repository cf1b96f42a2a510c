// SPDX-License-Identifier: GPL-2.0-or-later
//
// F2XM1, FYL2X, FYL2XP1 and FPATAN (SDM volume 1, 8.3.7 and 8.3.10; volume 2 for the special
// cases). FSIN, FCOS, FSINCOS and FPTAN are in trigonometric.cc.
//
// Every function is computed with 128-bit significands to about 2^-120 and then rounded once, so
// results are correctly rounded but for about one operand in 2^50, in every rounding mode, and the
// same on every host. Results that aren't exact are irrational (but for the exact cases handled one
// by one), so a sticky bit is always added.
#include "target/i386/softfloat/transcendental.h"

namespace qr::softfloat {

namespace {

constexpr Wide kLn2 = wide_constant(-1, 0xb17217f7d1cf79ab, 0xc9e3b39803f2f6af);
constexpr Wide kLog2E = wide_constant(0, 0xb8aa3b295c17f0bb, 0xbe87fed0691d3e88);
constexpr Wide kPi = wide_constant(1, 0xc90fdaa22168c234, 0xc4c6628b80dc1cd1);
constexpr Wide kHalfPi = wide_constant(0, 0xc90fdaa22168c234, 0xc4c6628b80dc1cd1);
constexpr Wide kQuarterPi = wide_constant(-1, 0xc90fdaa22168c234, 0xc4c6628b80dc1cd1);
constexpr Wide kThreeQuarterPi = wide_constant(1, 0x96cbe3f9990e91a7, 0x9394c9e8a0a5159c);
constexpr Wide kOne = wide_constant(0, uint64_t{1} << 63, 0);
constexpr Wide kTwo = wide_constant(1, uint64_t{1} << 63, 0);

constexpr Wide kAtanSixteenths[16] = {
    wide_constant(-5, 0xffaaddb967ef4e36, 0xcb2792dc0e2e0d51),
    wide_constant(-4, 0xfeadd4d5617b6e32, 0xc897989f3e888ef7),
    wide_constant(-3, 0xbdcbda5e72d81134, 0x7b0b4f881c9c7487),
    wide_constant(-3, 0xfadbafc96406eb15, 0x6dc79ef5f7a217e5),
    wide_constant(-2, 0x9b13b9b83f5e5e69, 0xc5abb498d27af328),
    wide_constant(-2, 0xb7b0ca0f26f78473, 0x8aa32122dcfe4483),
    wide_constant(-2, 0xd327761e611fe5b6, 0x427c95e9001e7136),
    wide_constant(-2, 0xed63382b0dda7b45, 0x6fe445ecbc3a8d03),
    wide_constant(-1, 0x832bf4a6d9867e2a, 0x4b6a09cb61a515c0),
    wide_constant(-1, 0x8f005d5ef7f59f9b, 0x5c835e1665c43747),
    wide_constant(-1, 0x9a2f80e671bdda20, 0x4226f8e2204ff3bc),
    wide_constant(-1, 0xa4bc7d1934f70924, 0x19a87f2a457dac9e),
    wide_constant(-1, 0xaeac4c38b4d8c080, 0x14725e2f3e52070a),
    wide_constant(-1, 0xb8053e2bc2319e73, 0xcb2da55210a4443d),
    wide_constant(-1, 0xc0ce85b8ac526640, 0x89dd62c46e92fa24),
    wide_constant(-1, 0xc90fdaa22168c234, 0xc4c6628b80dc1cd1),
};

// Polynomial coefficients as fixed-point numbers with 126 fraction bits.
constexpr int kPoint = 126;

template <unsigned N>
struct Coefficients {
    Uint128 c[N] = {};
};

// 1 / (k + 1)!
template <unsigned N>
constexpr Coefficients<N> factorials() {
    Coefficients<N> r;
    Uint128 v = Uint128{1} << kPoint;
    for (unsigned k = 0; k < N; ++k) r.c[k] = v /= k + 1;
    return r;
}

// 1 / (2k + 1)
template <unsigned N>
constexpr Coefficients<N> odd_reciprocals() {
    Coefficients<N> r;
    for (unsigned k = 0; k < N; ++k) r.c[k] = (Uint128{1} << kPoint) / (2 * k + 1);
    return r;
}

bool is_zero(const Operand& a) { return a.kind == FloatClass::kZero; }
bool is_infinite(const Operand& a) { return a.kind == FloatClass::kInfinity; }

// 2^a - 1 for 0 < a <= 1: with t = a * ln 2 / 16, e^t - 1 = t * (1 + t/2! + t^2/3! ...), then four
// times e^2t - 1 = (e^t - 1)(e^t + 1).
Wide exp2_minus_1(const Wide& a) {
    static constexpr auto kTerms = factorials<20>();
    Wide t = multiply(a, kLn2);
    t.exponent -= 4;
    const Uint128 x = to_fixed(t, 128);
    Uint128 p = kTerms.c[19];
    for (int k = 18; k >= 0; --k) p = kTerms.c[k] + multiply_high(p, x);
    Wide e = multiply(t, make_wide(false, 127 - kPoint, p));
    for (int i = 0; i < 4; ++i) e = multiply(e, add(e, kTwo));
    return e;
}

// log2((1 + s) / (1 - s)) = 2 log2(e) * s * (1 + s^2/3 + s^4/5 ...), |s| < 0.172.
Wide log2_of_ratio(const Wide& s) {
    static constexpr auto kTerms = odd_reciprocals<26>();
    const Uint128 x = to_fixed(multiply(s, s), 128);
    Uint128 p = kTerms.c[25];
    for (int k = 24; k >= 0; --k) p = kTerms.c[k] + multiply_high(p, x);
    Wide r = multiply(multiply(s, make_wide(false, 127 - kPoint, p)), kLog2E);
    ++r.exponent;
    return r;
}

// x > 0. The significand is brought between sqrt(1/2) and sqrt(2); with no exponent left x - 1 is
// exact, so the result is right for x near 1 too.
Wide log2(const Wide& x) {
    constexpr auto kSqrt2 = Uint128{0xb504f333f9de6484} << 64;
    Wide m = x;
    m.exponent = x.significand > kSqrt2 ? -1 : 0;
    const Wide fraction = log2_of_ratio(divide(subtract(m, kOne), add(m, kOne)));
    return add(wide_integer(x.exponent - m.exponent), fraction);
}

// log2(1 + x), x > -1, not near -1 or beyond 1.
Wide log2_of_1_plus(const Wide& x) { return log2_of_ratio(divide(x, add(x, kTwo))); }

// y * log2(x), x > 0.
Float80 y_log2(const Wide& y, const Wide& x, bool exact, FloatContext& c) {
    if (!exact || x.significand != Uint128{1} << 127)
        return round_irrational(multiply(y, log2(x)), c);
    // A power of two: the product is rational. Hardware reports it as inexact all the same.
    const Wide r = multiply(y, wide_integer(x.exponent));
    c.flags |= kInexact;
    if (r.significand == 0) return zero80(y.sign);
    if (r.exponent < kTarget80.emin) c.flags |= kUnderflow;
    return pack80(r.sign, round_result(r.sign, r.exponent, r.significand, kTarget80, c));
}

// atan(y / x), 0 < y <= x. With c = i/16 near y/x: atan(c) + atan((y - c x) / (x + c y)).
Wide atan_ratio(const Wide& y, const Wide& x) {
    static constexpr auto kTerms = odd_reciprocals<14>();
    const int distance = x.exponent - y.exponent;
    unsigned i = 0;
    if (distance < 6) {
        const auto numerator = static_cast<uint64_t>(y.significand >> 96) << 5 >> distance;
        i = static_cast<unsigned>((numerator / static_cast<uint64_t>(x.significand >> 96) + 1) / 2);
    }
    Wide z;
    if (i == 0) {
        z = divide(y, x);
    } else {
        Wide c = wide_integer(static_cast<int32_t>(i));
        c.exponent -= 4;
        z = divide(subtract(y, multiply(c, x)), add(x, multiply(c, y)));
    }
    const Uint128 square = to_fixed(multiply(z, z), 128);
    Uint128 p = kTerms.c[13];
    for (int k = 12; k >= 0; --k) p = kTerms.c[k] - multiply_high(p, square);
    // atan z < z even where that can't be seen in p.
    if (p == Uint128{1} << kPoint) --p;
    z = multiply(z, make_wide(false, 127 - kPoint, p));
    return i == 0 ? z : add(kAtanSixteenths[i - 1], z);
}

}  // namespace

Float80 round_irrational(const Wide& a, FloatContext& c) {
    return pack80(a.sign, round_result(a.sign, a.exponent, a.significand | 1, kTarget80, c));
}

Float80 x87_f2xm1(Float80 v, FloatContext& c) {
    c.rounded_up = false;
    const Operand a(v);
    if (needs_nan(a)) return x87_nan(a, c);
    if (denormal_stops(c, is_denormal(a))) return {};
    if (is_zero(a)) return v;
    if (is_infinite(a)) return a.sign ? Float80{uint64_t{1} << 63, 0xbfff} : v;
    if (a.exponent >= 0) {
        // +1 and -1 are exact; beyond them the SDM leaves the result undefined: the operand stays,
        // as it does on hardware.
        c.flags |= kInexact;
        if (a.exponent > 0 || a.significand != uint64_t{1} << 63) return v;
        return a.sign ? Float80{uint64_t{1} << 63, 0xbffe} : v;
    }
    Wide x = to_wide(a);
    x.sign = false;
    Wide r = exp2_minus_1(x);
    if (a.sign) r = negate(divide(r, add(r, kOne)));
    return round_irrational(r, c);
}

Float80 x87_fyl2x(Float80 xv, Float80 yv, FloatContext& c) {
    c.rounded_up = false;
    const Operand x(xv);
    const Operand y(yv);
    if (needs_nan(x) || needs_nan(y)) return x87_nan(x, y, c);
    if (x.sign && !is_zero(x)) return x87_invalid(c);
    const bool one =
        x.kind == FloatClass::kNormal && x.exponent == 0 && x.significand == uint64_t{1} << 63;
    // 0 * infinity in its forms.
    if (is_zero(y) && (is_zero(x) || is_infinite(x))) return x87_invalid(c);
    if (is_infinite(y) && one) return x87_invalid(c);
    if (is_zero(x) && !is_infinite(y)) {
        c.flags |= kZeroDivide;
        return infinity80(!y.sign);
    }
    if (denormal_stops(c, is_denormal(x) || is_denormal(y))) return {};
    const bool negative_log = !is_infinite(x) && (is_zero(x) || x.exponent < 0);
    const bool sign = y.sign != negative_log;
    if (is_infinite(x) || is_infinite(y)) return infinity80(sign);
    if (one || is_zero(y)) return zero80(sign);
    return y_log2(to_wide(y), to_wide(x), true, c);
}

Float80 x87_fyl2xp1(Float80 xv, Float80 yv, FloatContext& c) {
    c.rounded_up = false;
    const Operand x(xv);
    const Operand y(yv);
    if (needs_nan(x) || needs_nan(y)) return x87_nan(x, y, c);
    const bool sign = x.sign != y.sign;
    if (x.sign && is_infinite(x)) return x87_invalid(c);
    if ((is_zero(x) && is_infinite(y)) || (is_infinite(x) && is_zero(y))) return x87_invalid(c);
    if (denormal_stops(c, is_denormal(x) || is_denormal(y))) return {};
    if (is_infinite(x) || is_infinite(y)) return infinity80(sign);
    if (is_zero(x) || is_zero(y)) return zero80(sign);
    if (x.sign &&
        x.exponent >= 0) {  // no logarithm; undefined by the SDM, hardware leaves the operand
        c.flags |= kInexact;
        return xv;
    }
    const Wide wide_x = to_wide(x);
    if (x.exponent >= -2) return y_log2(to_wide(y), add(wide_x, kOne), x.exponent < 64, c);
    return round_irrational(multiply(to_wide(y), log2_of_1_plus(wide_x)), c);
}

Float80 x87_fpatan(Float80 yv, Float80 xv, FloatContext& c) {
    c.rounded_up = false;
    const Operand y(yv);
    const Operand x(xv);
    if (needs_nan(x) || needs_nan(y)) return x87_nan(x, y, c);
    if (denormal_stops(c, is_denormal(x) || is_denormal(y))) return {};
    const auto angle = [&](Wide r) {
        r.sign = y.sign;
        return round_irrational(r, c);
    };
    if (is_infinite(y)) {
        if (is_infinite(x)) return angle(x.sign ? kThreeQuarterPi : kQuarterPi);
        return angle(kHalfPi);
    }
    if (is_zero(y) || is_infinite(x)) return x.sign ? angle(kPi) : zero80(y.sign);
    if (is_zero(x)) return angle(kHalfPi);

    Wide wy = to_wide(y);
    Wide wx = to_wide(x);
    wy.sign = false;
    wx.sign = false;
    if (compare_magnitude(wy, wx) <= 0) {
        const Wide r = atan_ratio(wy, wx);
        return angle(x.sign ? subtract(kPi, r) : r);
    }
    const Wide r = atan_ratio(wx, wy);
    return angle(x.sign ? add(kHalfPi, r) : subtract(kHalfPi, r));
}

}  // namespace qr::softfloat
