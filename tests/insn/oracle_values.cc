// SPDX-License-Identifier: GPL-2.0-or-later
//
// Operand values that are worth a try: the ends of ranges, what lies around them, special
// floating-point values, and plain random ones. Source: SDM volume 1, 4.2, 4.8 and 8.2.
#include "tests/insn/oracle_values.h"

namespace qr::oracle {

uint64_t integer_value(Random& rng, unsigned size) {
    const unsigned bits = size * 8;
    const uint64_t mask = bits == 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1;
    switch (rng.below(10)) {
        case 0: return 0;
        case 1: return rng.of({uint64_t{1}, uint64_t{2}, uint64_t{3}, uint64_t{7}, uint64_t{8}});
        case 2: return mask;
        case 3: return mask - rng.below(4);
        case 4: return ((mask >> 1) + 1 - rng.below(3)) & mask;        // around the sign's change
        case 5: return (uint64_t{1} << rng.below(bits)) & mask;        // one bit
        case 6: return ((uint64_t{1} << rng.below(bits)) - 1) & mask;  // low ones
        case 7: return rng.below(256) & mask;
        default: return rng.next() & mask;
    }
}

uint32_t float32_value(Random& rng) {
    const uint32_t sign = rng.percent(50) ? 0x80000000 : 0;
    const auto random = static_cast<uint32_t>(rng.next());
    switch (rng.below(12)) {
        case 0: return sign;
        case 1: return sign | 0x3f800000;
        case 2: return sign | 0x7f800000;                            // infinity
        case 3: return sign | 0x7fc00000 | (random & 0x3fffff);      // quiet NaN
        case 4: return sign | 0x7f800000 | (random & 0x3fffff) | 1;  // signalling NaN
        case 5: return sign | (random & 0x7fffff);                   // denormal
        case 6: return sign | 0x00800000 | (random & 7);             // smallest normal
        case 7: return sign | 0x7f7fffff;                            // greatest
        case 8:
            return sign | ((127 + rng.below(34)) << 23) |
                   (random & 0x7fffff);  // around integers' range
        case 9:
            return sign | ((126 + rng.below(26)) << 23) |
                   (random & 0x700000);  // halves and the like
        case 10: return sign | ((120 + rng.below(14)) << 23) | (random & 0x7fffff);
        default: return random;
    }
}

uint64_t float64_value(Random& rng) {
    const uint64_t sign = rng.percent(50) ? uint64_t{1} << 63 : 0;
    const uint64_t random = rng.next();
    const uint64_t fraction = random & 0xfffffffffffff;
    switch (rng.below(14)) {
        case 0: return sign;
        case 1: return sign | 0x3ff0000000000000;
        case 2: return sign | 0x7ff0000000000000;
        case 3: return sign | 0x7ff8000000000000 | (fraction >> 1);
        case 4: return sign | 0x7ff0000000000000 | (fraction >> 1) | 1;
        case 5: return sign | fraction;
        case 6: return sign | 0x0010000000000000 | (random & 7);
        case 7: return sign | 0x7fefffffffffffff;
        case 8: return sign | uint64_t{1023 + rng.below(66)} << 52 | fraction;
        case 9: return sign | uint64_t{1022 + rng.below(54)} << 52 | (fraction & 0xff00000000000);
        case 10:
            return sign | uint64_t{1023 - 150 + rng.below(30)} << 52 |
                   fraction;  // single's denormals
        case 11:
            return sign | uint64_t{1023 + 120 + rng.below(10)} << 52 |
                   fraction;  // single's overflow
        case 12: return sign | uint64_t{1016 + rng.below(14)} << 52 | fraction;
        default: return random;
    }
}

FxArea::St float80_value(Random& rng) {
    FxArea::St v{};
    const uint16_t sign = rng.percent(50) ? 0x8000 : 0;
    const uint64_t random = rng.next();
    const uint64_t top = uint64_t{1} << 63;
    const auto make = [&](uint32_t exponent, uint64_t mantissa) {
        v.sign_exponent = static_cast<uint16_t>(sign | exponent);
        v.mantissa = mantissa;
    };
    switch (rng.below(20)) {
        case 0: make(0, 0); break;
        case 1: make(0x3fff, top); break;
        case 2: make(0x7fff, top); break;
        case 3: make(0x7fff, 0xc000000000000000 | random); break;
        case 4: make(0x7fff, top | (random & 0x3fffffffffffffff) | 1); break;
        case 5: make(0, random & ~top); break;
        case 6: make(0, random | top); break;  // pseudo-denormal
        case 7: make(1, top | (random & 7)); break;
        case 8: make(0x7ffe, ~uint64_t{0}); break;
        case 9:
            make(rng.below(0x8000), random & ~top);
            break;  // unsupported: unnormals, pseudo-NaNs
        case 10: make(0x3fff + rng.below(70), random | top); break;  // around integers' range
        case 11:
            make(0x3ffe + rng.below(64), (random | top) & (~uint64_t{0} << rng.below(63)));
            break;
        case 12:
            make(0x3fff - 1023 - 60 + rng.below(70), random | top);
            break;  // double's denormals
        case 13: make(0x3fff + 1015 + rng.below(16), random | top); break;
        case 14: make(0x3fff - 150 + rng.below(30), random | top); break;
        case 15: make(0x3fff + 120 + rng.below(10), random | top); break;
        case 16:
        case 17:
        case 18: make(0x3ff8 + rng.below(14), random | top); break;
        default: make(rng.below(0x7fff), random | top); break;
    }
    return v;
}

void packed_value(Random& rng, uint8_t* to) {
    switch (rng.below(4)) {
        case 0:
            for (unsigned i = 0; i < 4; ++i) {
                const uint32_t v = float32_value(rng);
                std::memcpy(to + 4 * i, &v, 4);
            }
            break;
        case 1:
            for (unsigned i = 0; i < 2; ++i) {
                const uint64_t v = float64_value(rng);
                std::memcpy(to + 8 * i, &v, 8);
            }
            break;
        default: {
            const unsigned size = 1u << rng.below(4);
            for (unsigned i = 0; i < 16; i += size) {
                const uint64_t v = integer_value(rng, size);
                std::memcpy(to + i, &v, size);
            }
        }
    }
}

void bcd_value(Random& rng, uint8_t* to) {
    const unsigned digits = rng.below(19);
    for (unsigned i = 0; i < 9; ++i) {
        const auto digit = [&](unsigned n) { return n < digits ? rng.below(10) : 0; };
        to[i] = static_cast<uint8_t>(digit(2 * i) | digit(2 * i + 1) << 4);
    }
    to[9] = static_cast<uint8_t>(rng.percent(50) ? 0x80 : 0);
}

uint16_t x87_control(Random& rng) {
    unsigned control = 0x37f;
    if (rng.percent(50)) control = (control & ~0xc00u) | rng.below(4) << 10;
    if (rng.percent(30)) control = (control & ~0x300u) | rng.of({0u, 2u, 3u, 1u}) << 8;
    if (rng.percent(15)) control &= ~0x3fu | static_cast<unsigned>(rng.next());
    return static_cast<uint16_t>(control);
}

uint32_t mxcsr_value(Random& rng) {
    uint32_t v = 0x1f80;
    if (rng.percent(50)) v |= rng.below(4) << 13;
    if (rng.percent(20)) v |= 0x8000;
    if (rng.percent(20)) v |= 0x40;
    if (rng.percent(15)) v &= ~0x1f80u | static_cast<uint32_t>(rng.next());
    if (rng.percent(20)) v |= rng.below(64);
    return v;
}

uint16_t selector_value(Random& rng) {
    return rng.of({uint16_t{0}, uint16_t{1}, uint16_t{3}, kFlatCode, kFlatData, uint16_t{0x28},
                   uint16_t{0x29}, uint16_t{0x20}, ldt_selector(kWindow16), ldt_selector(kShort),
                   ldt_selector(kExpandDown), ldt_selector(kCode16), ldt_selector(kReadOnly),
                   ldt_selector(kCode32Short), ldt_selector(kLdtEntries + 3),
                   static_cast<uint16_t>(ldt_selector(kWindow16) & ~3)});
}

void fpu_state(Random& rng, FxArea& fx) {
    fx = {};
    fx.control = x87_control(rng);
    const unsigned top = rng.percent(30) ? 0 : rng.below(8);
    unsigned status = top << 11;
    if (rng.percent(20))
        status |= static_cast<unsigned>(rng.next()) & 0x477f;
    else if (rng.percent(30))
        status |= static_cast<unsigned>(rng.next()) & 0x4700;
    // Mostly no exception is pending: few instructions do anything else then than raise it.
    if (status & ~fx.control & 0x3f) {
        if (rng.percent(10))
            status |= 0x8080;
        else
            status &= ~0x3fu | fx.control;
    }
    fx.status = static_cast<uint16_t>(status);
    const unsigned depth = rng.percent(25) ? 8 : rng.below(9);
    for (unsigned i = 0; i < depth; ++i) fx.tags |= static_cast<uint8_t>(1u << ((top + i) & 7));
    if (rng.percent(10)) fx.tags = static_cast<uint8_t>(rng.next());
    for (auto& st : fx.st) st = float80_value(rng);
    if (rng.percent(20)) {  // what MMX leaves there
        for (auto& st : fx.st) {
            st.sign_exponent = 0xffff;
            st.mantissa = rng.next();
        }
    }
    for (auto& xmm : fx.xmm) packed_value(rng, xmm);
    fx.mxcsr = mxcsr_value(rng);
}

}  // namespace qr::oracle
