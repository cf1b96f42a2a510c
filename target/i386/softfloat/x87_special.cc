// SPDX-License-Identifier: GPL-2.0-or-later
//
// Soft float: FSCALE, FXTRACT, FPREM, FPREM1 and the load-constant instructions. SDM volume 2 for
// each, volume 1, 8.3.5 (remainder) and 8.3.4 (constants).
#include "target/i386/softfloat/parts.h"

namespace qr::softfloat {

namespace {

bool is_zero(const Operand& a) { return a.kind == FloatClass::kZero; }
bool is_infinite(const Operand& a) { return a.kind == FloatClass::kInfinity; }

}  // namespace

Float80 x87_scale(Float80 av, Float80 bv, FloatContext& c) {
    c.rounded_up = false;
    const Operand a(av);
    const Operand b(bv);
    if (needs_nan(a) || needs_nan(b)) return x87_nan(a, b, c);
    if (is_infinite(b)) {
        if (b.sign ? is_infinite(a) : is_zero(a)) return x87_invalid(c);
        if (denormal_stops(c, is_denormal(a))) return {};
        return b.sign ? zero80(a.sign) : infinity80(a.sign);
    }
    if (denormal_stops(c, is_denormal(a) || is_denormal(b))) return {};
    if (is_infinite(a) || is_zero(a)) return av;
    // Far beyond what can be undone by any exponent; the clamp only keeps the sum in range.
    constexpr int32_t kFar = 0x10000;
    int32_t by = kFar;
    if (b.exponent < 16) by = static_cast<int32_t>(to_integral(b, Rounding::kZero).value);
    if (b.sign) by = -by;
    return pack80(
        a.sign, round_result(a.sign, a.exponent + by, Uint128{a.significand} << 64, kTarget80, c));
}

Extracted x87_extract(Float80 v, FloatContext& c) {
    c.rounded_up = false;
    const Operand a(v);
    if (needs_nan(a)) {
        const Float80 nan = x87_nan(a, c);
        return {nan, nan};
    }
    if (is_infinite(a)) return {infinity80(false), v};
    if (is_zero(a)) {
        c.flags |= kZeroDivide;
        return {infinity80(true), v};
    }
    if (denormal_stops(c, is_denormal(a))) return {};
    return {load_int(a.exponent), pack80(a.sign, {false, 0, a.significand})};
}

Remainder x87_remainder(Float80 av, Float80 bv, Rounding quotient_rounding, FloatContext& c) {
    c.rounded_up = false;
    const Operand a(av);
    const Operand b(bv);
    if (needs_nan(a) || needs_nan(b)) return {x87_nan(a, b, c)};
    if (is_infinite(a) || is_zero(b)) return {x87_invalid(c)};
    if (denormal_stops(c, is_denormal(a) || is_denormal(b))) return {};
    if (is_zero(a)) return {av};

    const auto rounded = [&](bool sign, int32_t exponent, Uint128 r) {
        if (r == 0) return zero80(a.sign);
        return pack80(sign, round_unnormalised(sign, exponent, r, kTarget80, c));
    };
    const int32_t difference = is_infinite(b) ? -2 : a.exponent - b.exponent;
    if (difference >= 64) {
        // As far as one division goes; a multiple of 32 is left to do, so that the last step is
        // whole.
        const int32_t n = (difference & 31) | 32;
        const Uint128 r = (Uint128{a.significand} << n) % b.significand;
        return {rounded(a.sign, a.exponent - n + 64, r), true, 0};
    }
    const bool nearest = quotient_rounding == Rounding::kNearest;
    if (difference < -1 || (difference == -1 && !nearest))
        return {rounded(a.sign, a.exponent, Uint128{a.significand} << 64)};
    if (difference == -1) {
        // a is between a half (excluded or not) and a whole b, at a's scale 2b is a 65-bit value.
        if (a.significand <= b.significand)
            return {rounded(a.sign, a.exponent, Uint128{a.significand} << 64)};
        const Uint128 r = (Uint128{b.significand} << 1) - a.significand;
        return {rounded(!a.sign, a.exponent + 64, r), false, 1};
    }
    const Uint128 dividend = Uint128{a.significand} << difference;
    auto quotient = static_cast<uint8_t>(dividend / b.significand & 7);
    Uint128 r = dividend % b.significand;
    bool sign = a.sign;
    if (nearest && (2 * r > b.significand || (2 * r == b.significand && (quotient & 1)))) {
        r = b.significand - r;
        sign = !sign;
        quotient = (quotient + 1) & 7;
    }
    return {rounded(sign, b.exponent + 64, r), false, quotient};
}

Float80 x87_constant(Constant which, Rounding r) {
    // 128 bits of each significand (cut off) and the exponent.
    struct Value {
        uint64_t high;
        uint64_t low;
        int32_t exponent;
    };
    static constexpr Value kValues[] = {
        {0x8000000000000000, 0, 0},
        {0xd49a784bcd1b8afe, 0x492bf6ff4dafdb4c, 1},
        {0xb8aa3b295c17f0bb, 0xbe87fed0691d3e88, 0},
        {0xc90fdaa22168c234, 0xc4c6628b80dc1cd1, 1},
        {0x9a209a84fbcff798, 0x8f8959ac0b7c9178, -2},
        {0xb17217f7d1cf79ab, 0xc9e3b39803f2f6af, -1},
    };
    if (which == Constant::kZero) return {};
    const Value& v = kValues[static_cast<unsigned>(which)];
    FloatContext c;
    c.rounding = r;
    return pack80(false,
                  round_result(false, v.exponent, Uint128{v.high} << 64 | v.low, kTarget80, c));
}

}  // namespace qr::softfloat
