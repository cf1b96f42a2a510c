// SPDX-License-Identifier: GPL-2.0-or-later
//
// Soft float: unpacking, rounding with overflow and underflow responses, exact arithmetic on
// magnitudes. SDM volume 1, 4.2 (formats), 4.8.3.5 and table 4-7 (NaNs), 4.9.1 (exceptions), 8.2.2
// (unsupported encodings).
#include "target/i386/softfloat/parts.h"

namespace qr::softfloat {

namespace {

// Common to the two formats with a hidden integer bit: `fraction` is left-justified below bit 63.
void unpack_hidden(Operand& o, int32_t field, int32_t field_max, int32_t bias, uint64_t fraction) {
    constexpr uint64_t kTop = uint64_t{1} << 63;
    if (field == field_max) {
        o.significand = fraction | kTop;
        if (fraction == 0) {
            o.kind = FloatClass::kInfinity;
        } else {
            o.kind = bit(fraction, 62) ? FloatClass::kQuietNan : FloatClass::kSignallingNan;
        }
    } else if (field != 0) {
        o.kind = FloatClass::kNormal;
        o.exponent = field - bias;
        o.significand = fraction | kTop;
    } else if (fraction == 0) {
        o.kind = FloatClass::kZero;
    } else {
        const int n = std::countl_zero(fraction);
        o.kind = FloatClass::kDenormal;
        o.exponent = 1 - bias - n;
        o.significand = fraction << n;
    }
}

// Root and remainder by halves: the root of the upper half gives, by one division, the lower half
// of the whole root, at most one too large. `v` has one of its two top bits set.
uint32_t root32(uint32_t v, uint32_t& remainder) {
    uint32_t root = 0;
    for (int i = 15; i >= 0; --i) {
        const uint32_t trial = root | 1u << i;
        if (uint64_t{trial} * trial <= v) root = trial;
    }
    remainder = v - root * root;
    return root;
}

uint64_t root64(uint64_t v, uint64_t& remainder) {
    uint32_t high_rest = 0;
    const uint64_t high = root32(static_cast<uint32_t>(v >> 32), high_rest);
    const uint64_t dividend = uint64_t{high_rest} << 16 | ((v >> 16) & 0xffff);
    const uint64_t q = dividend / (2 * high);
    const uint64_t u = dividend % (2 * high);
    uint64_t root = (high << 16) + q;
    auto rest = static_cast<int64_t>((u << 16) | (v & 0xffff)) - static_cast<int64_t>(q * q);
    if (rest < 0) {
        rest += static_cast<int64_t>(2 * root - 1);
        --root;
    }
    remainder = static_cast<uint64_t>(rest);
    return root;
}

uint64_t root128(Uint128 v, Uint128& remainder) {
    uint64_t high_rest = 0;
    const uint64_t high = root64(static_cast<uint64_t>(v >> 64), high_rest);
    const auto low = static_cast<uint64_t>(v);
    const Uint128 dividend = Uint128{high_rest} << 32 | low >> 32;
    const Uint128 q = dividend / (2 * high);
    const auto u = static_cast<uint64_t>(dividend % (2 * high));
    Uint128 root = (Uint128{high} << 32) + q;
    __int128 rest =
        static_cast<__int128>(Uint128{u} << 32 | (low & 0xffffffff)) - static_cast<__int128>(q * q);
    if (rest < 0) {
        rest += static_cast<__int128>(2 * root - 1);
        --root;
    }
    remainder = static_cast<Uint128>(rest);
    return static_cast<uint64_t>(root);
}

}  // namespace

Operand::Operand(Float32 v) : sign(v.bits >> 31) {
    unpack_hidden(*this, (v.bits >> 23) & 0xff, 0xff, 127, uint64_t{v.bits & 0x7fffff} << 40);
}

Operand::Operand(Float64 v) : sign(v.bits >> 63) {
    unpack_hidden(*this, (v.bits >> 52) & 0x7ff, 0x7ff, 1023, (v.bits & 0xfffffffffffff) << 11);
}

Operand::Operand(Float80 v) : sign(v.sign()), significand(v.mantissa) {
    const int32_t field = v.sign_exponent & 0x7fff;
    if (field == 0) {
        if (v.mantissa == 0) return;
        // A pseudo-denormal (integer bit set) has the value that exponent field 1 would give it.
        const int n = std::countl_zero(v.mantissa);
        kind = FloatClass::kDenormal;
        exponent = -16382 - n;
        significand = v.mantissa << n;
    } else if (!bit(v.mantissa, 63)) {
        kind = FloatClass::kUnsupported;
    } else if (field != 0x7fff) {
        kind = FloatClass::kNormal;
        exponent = field - 16383;
    } else if (v.mantissa << 1 == 0) {
        kind = FloatClass::kInfinity;
    } else {
        kind = bit(v.mantissa, 62) ? FloatClass::kQuietNan : FloatClass::kSignallingNan;
    }
}

Operand Operand::integer(int64_t v) {
    Operand o;
    if (v == 0) return o;
    o.kind = FloatClass::kNormal;
    o.sign = v < 0;
    const uint64_t magnitude = v < 0 ? ~static_cast<uint64_t>(v) + 1 : static_cast<uint64_t>(v);
    const int n = std::countl_zero(magnitude);
    o.exponent = 63 - n;
    o.significand = magnitude << n;
    return o;
}

Rounded round_result(bool sign, int32_t exponent, Uint128 significand, const Target& t,
                     FloatContext& c) {
    const unsigned cut = 128 - t.precision;
    const Uint128 lsb = Uint128{1} << cut;
    bool inexact = false;
    bool up = false;
    const auto round = [&](Uint128 v) {
        const Uint128 rest = v & (lsb - 1);
        inexact = rest != 0;
        up = inexact && rounds_away(c.rounding, sign, (v & lsb) != 0, (rest & (lsb >> 1)) != 0,
                                    (rest & ((lsb >> 1) - 1)) != 0);
        return v - rest + (up ? lsb : 0);
    };

    Uint128 v = round(significand);
    int32_t e = exponent;
    if (v == 0) {  // carried out of bit 127
        v = Uint128{1} << 127;
        ++e;
    }

    if (e < t.emin) {  // tiny after rounding with an unbounded exponent
        if (!(c.masks & kUnderflow)) {
            c.flags |= kUnderflow | (inexact ? kInexact : 0);
            c.rounded_up = up;
            if (!t.biased || e + kBiasAdjust >= t.emin)
                return {false, e + kBiasAdjust, static_cast<uint64_t>(v >> 64)};
            // FSCALE, beyond what the bias can bring back: zero (SDM 1, 8.5.5).
            c.flags |= kInexact;
            c.rounded_up = false;
            return {};
        }
        if (c.ftz) {
            c.flags |= kUnderflow | kInexact;
            return {};
        }
        v = round(shift_right_sticky(significand, static_cast<unsigned>(t.emin - exponent)));
        if (inexact) c.flags |= kUnderflow | kInexact;
        c.rounded_up = up;
        return {false, t.emin, static_cast<uint64_t>(v >> 64)};
    }

    if (e > t.emax) {
        c.flags |= kOverflow;
        if (!(c.masks & kOverflow)) {
            if (inexact) c.flags |= kInexact;
            c.rounded_up = up;
            if (!t.biased || e - kBiasAdjust <= t.emax)
                return {false, e - kBiasAdjust, static_cast<uint64_t>(v >> 64)};
            // FSCALE again: infinity (8.5.4).
            c.flags |= kInexact;
            c.rounded_up = true;
            return {true, 0, 0};
        }
        c.flags |= kInexact;
        c.rounded_up = c.rounding == Rounding::kNearest ||
                       c.rounding == (sign ? Rounding::kDown : Rounding::kUp);
        if (c.rounded_up) return {true, 0, 0};
        return {false, t.emax, static_cast<uint64_t>((Uint128{0} - lsb) >> 64)};
    }

    if (inexact) c.flags |= kInexact;
    c.rounded_up = up;
    return {false, e, static_cast<uint64_t>(v >> 64)};
}

Rounded round_unnormalised(bool sign, int32_t exponent, Uint128 significand, const Target& t,
                           FloatContext& c) {
    if (significand == 0) return {};
    const int n = leading_zeros(significand);
    return round_result(sign, exponent - n, significand << n, t, c);
}

bool needs_nan(const Operand& a) { return a.is_nan() || a.kind == FloatClass::kUnsupported; }

Float80 x87_invalid(FloatContext& c) {
    c.flags |= kInvalid;
    return kDefaultNan80;
}

Float80 x87_nan(const Operand& a, FloatContext& c) {
    if (a.kind == FloatClass::kUnsupported) return x87_invalid(c);
    if (a.kind == FloatClass::kSignallingNan) c.flags |= kInvalid;
    return quiet80(a);
}

Float80 x87_nan(const Operand& a, const Operand& b, FloatContext& c) {
    if (a.kind == FloatClass::kUnsupported || b.kind == FloatClass::kUnsupported)
        return x87_invalid(c);
    const bool a_signals = a.kind == FloatClass::kSignallingNan;
    const bool b_signals = b.kind == FloatClass::kSignallingNan;
    if (a_signals || b_signals) c.flags |= kInvalid;
    if (!b.is_nan()) return quiet80(a);
    if (!a.is_nan()) return quiet80(b);
    if (a_signals != b_signals) return quiet80(a_signals ? b : a);
    if (a.significand != b.significand) return quiet80(a.significand > b.significand ? a : b);
    return quiet80(a.sign ? b : a);
}

Exact exact_add(const Operand& a, const Operand& b, bool negate_b, Rounding r) {
    const bool b_sign = b.sign != negate_b;
    // Significands stand one bit below the top, so that a carry fits.
    if (b.kind == FloatClass::kZero || a.kind == FloatClass::kZero) {
        if (a.kind == b.kind) return {a.sign == b_sign ? a.sign : r == Rounding::kDown, 0, 0};
        if (b.kind == FloatClass::kZero) return {a.sign, a.exponent, Uint128{a.significand} << 64};
        return {b_sign, b.exponent, Uint128{b.significand} << 64};
    }
    Uint128 av = Uint128{a.significand} << 63;
    Uint128 bv = Uint128{b.significand} << 63;
    int32_t exponent = a.exponent;
    if (a.exponent >= b.exponent) {
        bv = shift_right_sticky(bv, static_cast<unsigned>(a.exponent - b.exponent));
    } else {
        av = shift_right_sticky(av, static_cast<unsigned>(b.exponent - a.exponent));
        exponent = b.exponent;
    }
    Exact e;
    if (a.sign == b_sign) {
        e.sign = a.sign;
        e.significand = av + bv;
    } else if (av == bv) {
        return {r == Rounding::kDown, 0, 0};
    } else {
        e.sign = av > bv ? a.sign : b_sign;
        e.significand = av > bv ? av - bv : bv - av;
    }
    const int n = leading_zeros(e.significand);
    e.significand <<= n;
    e.exponent = exponent + 1 - n;
    return e;
}

Exact exact_mul(const Operand& a, const Operand& b) {
    Exact e;
    e.sign = a.sign != b.sign;
    if (a.kind == FloatClass::kZero || b.kind == FloatClass::kZero) return e;
    e.significand = Uint128{a.significand} * b.significand;
    e.exponent = a.exponent + b.exponent + 1;
    if (!(e.significand >> 127)) {
        e.significand <<= 1;
        --e.exponent;
    }
    return e;
}

Exact exact_div(const Operand& a, const Operand& b) {
    Exact e;
    e.sign = a.sign != b.sign;
    if (a.kind == FloatClass::kZero) return e;
    const bool less = a.significand < b.significand;
    const Uint128 dividend = Uint128{a.significand} << (less ? 64 : 63);
    const auto q = static_cast<uint64_t>(dividend / b.significand);
    // One more bit and a sticky bit are enough for every precision.
    const Uint128 twice = Uint128{static_cast<uint64_t>(dividend % b.significand)} << 1;
    const bool guard = twice >= b.significand;
    const bool rest = twice != (guard ? Uint128{b.significand} : 0);
    e.significand = Uint128{q} << 64 | Uint128{guard} << 63 | Uint128{rest};
    e.exponent = a.exponent - b.exponent - (less ? 1 : 0);
    return e;
}

Exact exact_sqrt(const Operand& a) {
    Exact e;
    e.sign = a.sign;
    if (a.kind == FloatClass::kZero) return e;
    const bool odd = a.exponent & 1;
    Uint128 rest = 0;
    const uint64_t root = root128(Uint128{a.significand} << (odd ? 64 : 63), rest);
    // (root + 1/2)^2 = root^2 + root + 1/4: never exactly half.
    e.significand = Uint128{root} << 64 | Uint128{rest > root} << 63 | Uint128{rest != 0};
    e.exponent = (a.exponent - (odd ? 1 : 0)) / 2;
    return e;
}

Integral to_integral(const Operand& a, Rounding r) {
    Integral i;
    if (a.kind == FloatClass::kZero) return i;
    if (a.exponent > 63) {
        i.fits = false;
        return i;
    }
    // Integer part above bit 64, fraction below.
    const Uint128 v = a.exponent < -1 ? Uint128{1} : Uint128{a.significand} << (a.exponent + 1);
    const auto fraction = static_cast<uint64_t>(v);
    i.value = static_cast<uint64_t>(v >> 64);
    i.inexact = fraction != 0;
    i.up = rounds_away(r, a.sign, i.value & 1, fraction >> 63, fraction << 1 != 0);
    if (i.up && ++i.value == 0) i.fits = false;
    return i;
}

}  // namespace qr::softfloat
