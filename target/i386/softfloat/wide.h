// SPDX-License-Identifier: GPL-2.0-or-later
//
// A float with a 128-bit significand, for the transcendental functions: operations cut off and are
// right to about 2^-126, exponents never overflow.
#pragma once

#include "target/i386/softfloat/parts.h"

namespace qr::softfloat {

// value = significand * 2^(exponent - 127), bit 127 set; significand 0 is zero.
struct Wide {
    bool sign = false;
    int32_t exponent = 0;
    Uint128 significand = 0;
};

constexpr Wide wide_constant(int32_t exponent, uint64_t high, uint64_t low) {
    return {false, exponent, Uint128{high} << 64 | low};
}

inline Wide to_wide(const Operand& a) {
    return {a.sign, a.exponent, a.kind == FloatClass::kZero ? 0 : Uint128{a.significand} << 64};
}

// Normalises value = v * 2^(exponent - 127).
inline Wide make_wide(bool sign, int32_t exponent, Uint128 v) {
    if (v == 0) return {sign, 0, 0};
    const int n = leading_zeros(v);
    return {sign, exponent - n, v << n};
}

inline Wide wide_integer(int32_t v) {
    const auto magnitude = static_cast<uint32_t>(v < 0 ? -v : v);
    return make_wide(v < 0, 127, magnitude);
}

inline Wide negate(Wide a) {
    a.sign = !a.sign;
    return a;
}

// Upper half of the 256-bit product.
constexpr Uint128 multiply_high(Uint128 a, Uint128 b) {
    const auto a1 = static_cast<uint64_t>(a >> 64);
    const auto a0 = static_cast<uint64_t>(a);
    const auto b1 = static_cast<uint64_t>(b >> 64);
    const auto b0 = static_cast<uint64_t>(b);
    const Uint128 high_low = Uint128{a1} * b0;
    const Uint128 low_high = Uint128{a0} * b1;
    const Uint128 middle = (Uint128{a0} * b0 >> 64) + static_cast<uint64_t>(high_low) +
                           static_cast<uint64_t>(low_high);
    return Uint128{a1} * b1 + (high_low >> 64) + (low_high >> 64) + (middle >> 64);
}

Wide multiply(const Wide& a, const Wide& b);
Wide divide(const Wide& a, const Wide& b);  // b not zero
Wide add(const Wide& a, const Wide& b);
inline Wide subtract(const Wide& a, const Wide& b) { return add(a, negate(b)); }
int compare_magnitude(const Wide& a, const Wide& b);

// |a| as a fixed-point number with `point` fraction bits; |a| < 2^(128 - point).
inline Uint128 to_fixed(const Wide& a, int point) {
    if (a.significand == 0) return 0;
    const int shift = 127 - a.exponent - point;
    return shift >= 128 ? 0 : a.significand >> shift;
}

}  // namespace qr::softfloat
