// SPDX-License-Identifier: GPL-2.0-or-later
//
// Inside the soft float: taking operands apart, rounding an exact 128-bit significand to a format
// with the x86 exception responses (SDM volume 1, 4.8 and 4.9), packing, NaN selection.
#pragma once

#include "target/i386/softfloat/softfloat.h"

#include "util/bits.h"

#include <bit>
#include <cstdint>

namespace qr::softfloat {

using Uint128 = unsigned __int128;

// What a result is rounded to. `biased` marks x87 register results, which have a response to
// unmasked overflow and underflow that delivers a value (8.5.4, 8.5.5).
struct Target {
    unsigned precision;
    int32_t emin;
    int32_t emax;
    bool biased;
};

inline constexpr Target kTarget32{24, -126, 127, false};
inline constexpr Target kTarget64{53, -1022, 1023, false};
inline constexpr Target kTarget80{64, -16382, 16383, true};
inline constexpr int32_t kBiasAdjust = 24576;

inline Target x87_target(const FloatContext& c) { return {c.precision, -16382, 16383, true}; }

// A rounded magnitude. Denormal: exponent is emin and bit 63 of the significand is clear.
struct Rounded {
    bool infinite = false;
    int32_t exponent = 0;
    uint64_t significand = 0;
};

inline int leading_zeros(Uint128 v) {
    const auto high = static_cast<uint64_t>(v >> 64);
    return high ? std::countl_zero(high) : 64 + std::countl_zero(static_cast<uint64_t>(v));
}

// Shift right; bits that fall out stay visible in bit 0.
inline Uint128 shift_right_sticky(Uint128 v, unsigned n) {
    if (n == 0) return v;
    if (n >= 128) return v != 0;
    return (v >> n) | ((v << (128 - n)) != 0);
}

// True if rounding the magnitude away from zero is right, given the kept value's low bit and what
// is cut off compared with half of it: `half` is that bit, `rest` whether anything follows it.
inline bool rounds_away(Rounding r, bool sign, bool odd, bool half, bool rest) {
    switch (r) {
        case Rounding::kNearest: return half && (rest || odd);
        case Rounding::kDown: return sign && (half || rest);
        case Rounding::kUp: return !sign && (half || rest);
        case Rounding::kZero: break;
    }
    return false;
}

// Round significand * 2^(exponent - 127), bit 127 set, bit 0 sticky. Sets OE, UE, PE, rounded_up.
Rounded round_result(bool sign, int32_t exponent, Uint128 significand, const Target& t,
                     FloatContext& c);
// The same for a significand that may be zero or not normalised.
Rounded round_unnormalised(bool sign, int32_t exponent, Uint128 significand, const Target& t,
                           FloatContext& c);

inline Float32 pack32(bool sign, const Rounded& r) {
    const uint32_t s = uint32_t{sign} << 31;
    if (r.infinite) return {s | 0x7f800000};
    const uint32_t e = r.significand >> 63 ? static_cast<uint32_t>(r.exponent + 127) << 23 : 0;
    return {s | e | (static_cast<uint32_t>(r.significand >> 40) & 0x7fffff)};
}
inline Float64 pack64(bool sign, const Rounded& r) {
    const uint64_t s = uint64_t{sign} << 63;
    if (r.infinite) return {s | 0x7ff0000000000000};
    const uint64_t e = r.significand >> 63 ? static_cast<uint64_t>(r.exponent + 1023) << 52 : 0;
    return {s | e | ((r.significand >> 11) & 0xfffffffffffff)};
}
inline Float80 pack80(bool sign, const Rounded& r) {
    const unsigned s = sign ? 0x8000 : 0;
    if (r.infinite) return {uint64_t{1} << 63, static_cast<uint16_t>(s | 0x7fff)};
    const int32_t e = r.significand >> 63 ? r.exponent + 16383 : 0;
    return {r.significand, static_cast<uint16_t>(s | static_cast<unsigned>(e))};
}

inline Float32 zero32(bool sign) { return {uint32_t{sign} << 31}; }
inline Float64 zero64(bool sign) { return {uint64_t{sign} << 63}; }
inline Float80 zero80(bool sign) { return {0, static_cast<uint16_t>(sign ? 0x8000 : 0)}; }
inline Float80 infinity80(bool sign) {
    return {uint64_t{1} << 63, static_cast<uint16_t>(sign ? 0xffff : 0x7fff)};
}

// An operand's NaN, quietened.
inline Float32 quiet32(const Operand& a) {
    return {uint32_t{a.sign} << 31 | 0x7fc00000 |
            (static_cast<uint32_t>(a.significand >> 40) & 0x7fffff)};
}
inline Float64 quiet64(const Operand& a) {
    return {uint64_t{a.sign} << 63 | 0x7ff8000000000000 |
            ((a.significand >> 11) & 0xfffffffffffff)};
}
inline Float80 quiet80(const Operand& a) {
    return {a.significand | 0xc000000000000000, static_cast<uint16_t>(a.sign ? 0xffff : 0x7fff)};
}

// Notes a denormal operand; true if the operation ends here because DE is unmasked.
inline bool denormal_stops(FloatContext& c, bool any) {
    if (!any) return false;
    c.flags |= kDenormal;
    return !(c.masks & kDenormal);
}
inline bool is_denormal(const Operand& a) { return a.kind == FloatClass::kDenormal; }

// x87: the result of an operation with a NaN or an unsupported operand, with IE as needed.
bool needs_nan(const Operand& a);
Float80 x87_nan(const Operand& a, FloatContext& c);
Float80 x87_nan(const Operand& a, const Operand& b, FloatContext& c);
Float80 x87_invalid(FloatContext& c);

// Exact arithmetic on finite operands, to a magnitude that round_result takes.
struct Exact {
    bool sign = false;
    int32_t exponent = 0;
    Uint128 significand = 0;  // 0: the result is exactly zero
};
Exact exact_add(const Operand& a, const Operand& b, bool negate_b, Rounding r);
Exact exact_mul(const Operand& a, const Operand& b);
Exact exact_div(const Operand& a, const Operand& b);  // b not zero
Exact exact_sqrt(const Operand& a);                   // a not negative

// |a| rounded to an integer of at most 64 bits. `fits` is false if it is larger.
struct Integral {
    uint64_t value = 0;
    bool fits = true;
    bool inexact = false;
    bool up = false;
};
Integral to_integral(const Operand& a, Rounding r);

}  // namespace qr::softfloat
