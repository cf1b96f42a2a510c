// SPDX-License-Identifier: GPL-2.0-or-later
//
// Soft float: x87 arithmetic and conversions. SDM volume 1, 8.1.5 (precision and rounding
// control), 8.5 (exceptions and their responses); volume 2 for each instruction's special cases.
#include "target/i386/softfloat/parts.h"

namespace qr::softfloat {

namespace {

Float80 finish(const Exact& e, FloatContext& c) {
    if (e.significand == 0) return zero80(e.sign);
    return pack80(e.sign, round_result(e.sign, e.exponent, e.significand, x87_target(c), c));
}

bool is_zero(const Operand& a) { return a.kind == FloatClass::kZero; }
bool is_infinite(const Operand& a) { return a.kind == FloatClass::kInfinity; }

Float80 add_operands(const Operand& a, const Operand& b, bool subtract, FloatContext& c) {
    c.rounded_up = false;
    if (needs_nan(a) || needs_nan(b)) return x87_nan(a, b, c);
    const bool b_sign = b.sign != subtract;
    if (is_infinite(a) && is_infinite(b) && a.sign != b_sign) return x87_invalid(c);
    if (denormal_stops(c, is_denormal(a) || is_denormal(b))) return {};
    if (is_infinite(a)) return infinity80(a.sign);
    if (is_infinite(b)) return infinity80(b_sign);
    return finish(exact_add(a, b, subtract, c.rounding), c);
}

Float80 load(const Operand& a, FloatContext& c) {
    c.rounded_up = false;
    if (a.is_nan()) return x87_nan(a, c);
    if (is_denormal(a)) c.flags |= kDenormal;
    if (is_infinite(a)) return infinity80(a.sign);
    if (is_zero(a)) return zero80(a.sign);
    return pack80(a.sign, {false, a.exponent, a.significand});
}

// Round to a memory format. With unmasked OE or UE nothing is stored and nothing else is reported.
Rounded round_for_store(const Operand& a, const Target& t, FloatContext& c) {
    const uint8_t before = c.flags;
    const Rounded r = round_result(a.sign, a.exponent, Uint128{a.significand} << 64, t, c);
    const uint8_t failed = c.flags & ~c.masks & (kOverflow | kUnderflow);
    if (failed) {
        c.flags = before | failed;
        c.rounded_up = false;
    }
    return r;
}

template <class I>
I store_int(Float80 v, Rounding r, FloatContext& c) {
    c.rounded_up = false;
    constexpr uint64_t kLimit = uint64_t{1} << (8 * sizeof(I) - 1);
    const Operand a(v);
    const bool number = !needs_nan(a) && !is_infinite(a);
    const Integral i = number ? to_integral(a, r) : Integral{};
    if (!number || !i.fits || i.value > (a.sign ? kLimit : kLimit - 1)) {
        c.flags |= kInvalid;
        return static_cast<I>(kLimit);
    }
    if (i.inexact) c.flags |= kInexact;
    c.rounded_up = i.up;
    return static_cast<I>(a.sign ? ~i.value + 1 : i.value);
}

}  // namespace

Float80 x87_add(const Operand& a, const Operand& b, FloatContext& c) {
    return add_operands(a, b, false, c);
}

Float80 x87_sub(const Operand& a, const Operand& b, FloatContext& c) {
    return add_operands(a, b, true, c);
}

Float80 x87_mul(const Operand& a, const Operand& b, FloatContext& c) {
    c.rounded_up = false;
    if (needs_nan(a) || needs_nan(b)) return x87_nan(a, b, c);
    const bool infinite = is_infinite(a) || is_infinite(b);
    if (infinite && (is_zero(a) || is_zero(b))) return x87_invalid(c);
    if (denormal_stops(c, is_denormal(a) || is_denormal(b))) return {};
    if (infinite) return infinity80(a.sign != b.sign);
    return finish(exact_mul(a, b), c);
}

Float80 x87_div(const Operand& a, const Operand& b, FloatContext& c) {
    c.rounded_up = false;
    if (needs_nan(a) || needs_nan(b)) return x87_nan(a, b, c);
    const bool sign = a.sign != b.sign;
    if ((is_zero(a) && is_zero(b)) || (is_infinite(a) && is_infinite(b))) return x87_invalid(c);
    if (is_zero(b) && !is_infinite(a)) {
        c.flags |= kZeroDivide;
        return infinity80(sign);
    }
    if (denormal_stops(c, is_denormal(a) || is_denormal(b))) return {};
    if (is_infinite(a)) return infinity80(sign);
    if (is_infinite(b)) return zero80(sign);
    return finish(exact_div(a, b), c);
}

Float80 x87_sqrt(Float80 v, FloatContext& c) {
    c.rounded_up = false;
    const Operand a(v);
    if (needs_nan(a)) return x87_nan(a, c);
    if (a.sign && !is_zero(a)) return x87_invalid(c);
    if (denormal_stops(c, is_denormal(a))) return {};
    if (is_infinite(a)) return v;
    return finish(exact_sqrt(a), c);
}

FloatClass classify(Float80 a) { return Operand(a).kind; }

Float80 load_f32(Float32 a, FloatContext& c) { return load(Operand(a), c); }
Float80 load_f64(Float64 a, FloatContext& c) { return load(Operand(a), c); }

Float80 load_int(int64_t v) {
    const Operand a = Operand::integer(v);
    if (is_zero(a)) return zero80(false);
    return pack80(a.sign, {false, a.exponent, a.significand});
}

Float32 store_f32(Float80 v, FloatContext& c) {
    c.rounded_up = false;
    const Operand a(v);
    if (needs_nan(a)) return quiet32(Operand(x87_nan(a, c)));
    if (is_zero(a)) return zero32(a.sign);
    if (is_infinite(a)) return pack32(a.sign, {true, 0, 0});
    return pack32(a.sign, round_for_store(a, kTarget32, c));
}

Float64 store_f64(Float80 v, FloatContext& c) {
    c.rounded_up = false;
    const Operand a(v);
    if (needs_nan(a)) return quiet64(Operand(x87_nan(a, c)));
    if (is_zero(a)) return zero64(a.sign);
    if (is_infinite(a)) return pack64(a.sign, {true, 0, 0});
    return pack64(a.sign, round_for_store(a, kTarget64, c));
}

int16_t store_int16(Float80 a, Rounding r, FloatContext& c) { return store_int<int16_t>(a, r, c); }
int32_t store_int32(Float80 a, Rounding r, FloatContext& c) { return store_int<int32_t>(a, r, c); }
int64_t store_int64(Float80 a, Rounding r, FloatContext& c) { return store_int<int64_t>(a, r, c); }

Float80 load_bcd(const PackedBcd& v) {
    uint64_t magnitude = 0;
    for (int i = 8; i >= 0; --i) {
        const uint8_t byte = v[static_cast<unsigned>(i)];
        magnitude = magnitude * 100 + (byte >> 4) * 10u + (byte & 15);
    }
    const bool sign = v[9] >> 7;
    if (magnitude == 0) return zero80(sign);
    const int n = std::countl_zero(magnitude);
    return pack80(sign, {false, 63 - n, magnitude << n});
}

PackedBcd store_bcd(Float80 v, FloatContext& c) {
    c.rounded_up = false;
    const Operand a(v);
    const bool number = !needs_nan(a) && !is_infinite(a);
    Integral i = number ? to_integral(a, c.rounding) : Integral{};
    if (!number || !i.fits || i.value > 999'999'999'999'999'999) {
        c.flags |= kInvalid;
        return {0, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0xff};  // packed BCD indefinite
    }
    if (i.inexact) c.flags |= kInexact;
    c.rounded_up = i.up;
    PackedBcd result{};
    for (unsigned n = 0; n < 9; ++n, i.value /= 100)
        result[n] = static_cast<uint8_t>(i.value % 10 | (i.value / 10 % 10) << 4);
    result[9] = a.sign ? 0x80 : 0;
    return result;
}

Float80 x87_round_to_int(Float80 v, FloatContext& c) {
    c.rounded_up = false;
    const Operand a(v);
    if (needs_nan(a)) return x87_nan(a, c);
    if (is_zero(a) || is_infinite(a)) return v;
    if (denormal_stops(c, is_denormal(a))) return {};
    if (a.exponent >= 63) return v;
    const Integral i = to_integral(a, c.rounding);
    if (i.inexact) c.flags |= kInexact;
    c.rounded_up = i.up;
    if (i.value == 0) return zero80(a.sign);
    const int n = std::countl_zero(i.value);
    return pack80(a.sign, {false, 63 - n, i.value << n});
}

}  // namespace qr::softfloat
