// SPDX-License-Identifier: GPL-2.0-or-later
//
// RCPPS and RSQRTPS. The SDM (volume 2, RCPPS, RSQRTPS) asks for a relative error of at most 1.5 *
// 2^-12 and processors differ in what they give; ours is the exact result rounded to a significand
// of 12 bits (halfway: up), so the error is at most 2^-12. MXCSR has no effect and no exception is
// raised: denormal operands are zeros, tiny results too, signalling NaNs are quietened.
#pragma once

#include <cstdint>

#include "target/i386/softfloat/softfloat.h"

namespace qr::i386 {

// Sign and biased exponent with a 12-bit significand in [2^11, 2^12]; too small an exponent gives
// zero.
inline softfloat::Float32 approximate(uint32_t sign, int exponent, uint32_t significand) {
    if (significand == 1u << 12) {
        significand >>= 1;
        ++exponent;
    }
    if (exponent <= 0) return {sign};
    return {sign | static_cast<uint32_t>(exponent) << 23 | (significand & 0x7ff) << 12};
}

inline softfloat::Float32 reciprocal(softfloat::Float32 v) {
    const uint32_t sign = v.bits & 0x80000000;
    const int exponent = (v.bits >> 23) & 0xff;
    const uint32_t fraction = v.bits & 0x7fffff;
    if (exponent == 0xff)
        return fraction ? softfloat::Float32{v.bits | 0x400000} : softfloat::Float32{sign};
    if (exponent == 0) return {sign | 0x7f800000};
    if (fraction == 0) return approximate(sign, 254 - exponent, 1 << 11);
    // v = m * 2^(exponent - 150), and 2^36 / m is in (2^12, 2^13): one bit more than is kept.
    const auto twice = static_cast<uint32_t>((uint64_t{1} << 36) / (fraction | 0x800000));
    return approximate(sign, 253 - exponent, (twice + 1) >> 1);
}

inline softfloat::Float32 reciprocal_sqrt(softfloat::Float32 v) {
    const uint32_t sign = v.bits & 0x80000000;
    const int exponent = (v.bits >> 23) & 0xff;
    const uint32_t fraction = v.bits & 0x7fffff;
    if (exponent == 0xff && fraction) return {v.bits | 0x400000};
    if (exponent == 0) return {sign | 0x7f800000};
    if (sign) return softfloat::kDefaultNan32;
    if (exponent == 0xff) return {0};
    // v = m / 2^24 * 2^(2k) with m in [2^24, 2^26); 2^13 / sqrt(m / 2^24) is in (2^12, 2^13].
    const bool odd = !(exponent & 1);
    const uint64_t m = uint64_t{fraction | 0x800000} << (odd ? 2 : 1);
    const int k = (exponent - 127 - (odd ? 1 : 0)) / 2;
    const uint64_t square = (uint64_t{1} << 50) / m;
    uint32_t twice = 0;
    for (uint32_t b = 1 << 13; b; b >>= 1)
        if (uint64_t{twice | b} * (twice | b) <= square) twice |= b;
    return approximate(0, 126 - k, (twice + 1) >> 1);
}

}  // namespace qr::i386
