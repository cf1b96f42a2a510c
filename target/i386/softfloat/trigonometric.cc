// SPDX-License-Identifier: GPL-2.0-or-later
//
// FSIN, FCOS, FSINCOS, FPTAN. Arguments are reduced exactly, by the 66-bit pi that SDM volume
// 1, 8.3.8 gives for the hardware; the functions of the reduced argument are right to about 2^-120.
#include "target/i386/softfloat/transcendental.h"

namespace qr::softfloat {

namespace {

constexpr int kPoint = 126;
constexpr unsigned kTerms = 17;
// pi/2 as SDM 1, 8.3.8 has it, in units of 2^-65.
constexpr Uint128 kHalfPi = Uint128{0x3} << 64 | 0x243f6a8885a308d3;

// 1 / (2k + first)!, first = 0 for the cosine, 1 for the sine.
struct Series {
    Uint128 c[kTerms] = {};
};
constexpr Series series(unsigned first) {
    Series s;
    Uint128 v = Uint128{1} << kPoint;
    for (unsigned k = 0; k < kTerms; ++k) {
        s.c[k] = v;
        v /= (2 * k + first + 1) * (2 * k + first + 2);
    }
    return s;
}

// Alternating sum in the square of the argument, a little less than its first term.
Wide evaluate(const Series& s, Uint128 square) {
    Uint128 p = s.c[kTerms - 1];
    for (int k = kTerms - 2; k >= 0; --k) p = s.c[k] - multiply_high(p, square);
    if (p == Uint128{1} << kPoint) --p;
    return make_wide(false, 127 - kPoint, p);
}

// a = quadrant * pi/2 + r with |r| <= pi/4.
struct Reduced {
    Wide r;
    unsigned quadrant = 0;
};

Reduced reduce(const Operand& a) {
    Reduced result;
    if (a.exponent < -1) {
        result.r = to_wide(a);
        result.r.sign = false;
    } else {
        const Uint128 v = Uint128{a.significand} << (a.exponent + 2);
        Uint128 quotient = v / kHalfPi;
        Uint128 rest = v % kHalfPi;
        bool sign = false;
        if (2 * rest > kHalfPi) {
            rest = kHalfPi - rest;
            ++quotient;
            sign = true;
        }
        result.r = make_wide(sign, 127 - 65, rest);
        result.quadrant = static_cast<unsigned>(quotient & 3);
    }
    if (a.sign) {
        result.r.sign = !result.r.sign;
        result.quadrant = (0 - result.quadrant) & 3;
    }
    return result;
}

Uint128 square_of(const Wide& r) { return to_fixed(multiply(r, r), 128); }

Wide sine_of(const Wide& r) {
    static constexpr Series kSine = series(1);
    return multiply(r, evaluate(kSine, square_of(r)));
}

Wide cosine_of(const Wide& r) {
    static constexpr Series kCosine = series(0);
    return evaluate(kCosine, square_of(r));
}

// Below this, r^2/3 can't be seen beside 1 in any precision that is delivered.
bool is_tiny(const Wide& r) { return r.exponent < -40; }

Wide tangent_of(const Wide& r) {
    // With the sticky bit, r stands for something a little larger.
    return is_tiny(r) ? r : divide(sine_of(r), cosine_of(r));
}

Float80 sine(const Reduced& a, FloatContext& c) {
    Wide r = a.quadrant & 1 ? cosine_of(a.r) : sine_of(a.r);
    if (a.quadrant & 2) r.sign = !r.sign;
    return round_irrational(r, c);
}

Float80 cosine(const Reduced& a, FloatContext& c) {
    Wide r = a.quadrant & 1 ? sine_of(a.r) : cosine_of(a.r);
    if (a.quadrant == 1 || a.quadrant == 2) r.sign = !r.sign;
    return round_irrational(r, c);
}

constexpr Float80 kOne{uint64_t{1} << 63, 0x3fff};

// The cases that need no computation, the same for all four; true if `result` has it all.
bool special(Float80 v, const Operand& a, Trigonometric& result, FloatContext& c) {
    c.rounded_up = false;
    if (needs_nan(a)) {
        result.sine = result.cosine = x87_nan(a, c);
        return true;
    }
    if (a.kind == FloatClass::kInfinity) {
        result.sine = result.cosine = x87_invalid(c);
        return true;
    }
    if (a.kind == FloatClass::kZero) {
        result.sine = v;
        result.cosine = kOne;
        return true;
    }
    if (a.exponent >= 63) {
        result.sine = result.cosine = v;
        result.out_of_range = true;
        return true;
    }
    return denormal_stops(c, is_denormal(a));
}

}  // namespace

Trigonometric x87_sin(Float80 v, FloatContext& c) {
    const Operand a(v);
    Trigonometric t;
    if (!special(v, a, t, c)) t.sine = sine(reduce(a), c);
    return t;
}

Trigonometric x87_cos(Float80 v, FloatContext& c) {
    const Operand a(v);
    Trigonometric t;
    if (!special(v, a, t, c)) t.cosine = cosine(reduce(a), c);
    return t;
}

Trigonometric x87_sincos(Float80 v, FloatContext& c) {
    const Operand a(v);
    Trigonometric t;
    if (special(v, a, t, c)) return t;
    const Reduced r = reduce(a);
    t.cosine = cosine(r, c);
    t.sine = sine(r, c);  // last: C1 tells of the sine
    return t;
}

Trigonometric x87_tan(Float80 v, FloatContext& c) {
    const Operand a(v);
    Trigonometric t;
    if (special(v, a, t, c)) return t;
    const Reduced r = reduce(a);
    // The reduced argument is never zero: 66 bits of pi against 64 of the operand.
    const Wide result =
        r.quadrant & 1 ? negate(divide(cosine_of(r.r), sine_of(r.r))) : tangent_of(r.r);
    t.sine = round_irrational(result, c);
    t.cosine = kOne;
    return t;
}

}  // namespace qr::softfloat
