// SPDX-License-Identifier: GPL-2.0-or-later
//
// Arithmetic with 128-bit significands, cut off rather than rounded (Knuth, TAOCP 2, 4.3.1).
#include "target/i386/softfloat/wide.h"

namespace qr::softfloat {

namespace {

// One 64-bit quotient digit of rest * 2^64 / b (rest < b, b's top bit set); rest becomes the
// remainder.
uint64_t quotient_digit(Uint128& rest, Uint128 b) {
    const auto b1 = static_cast<uint64_t>(b >> 64);
    const auto b0 = static_cast<uint64_t>(b);
    const Uint128 estimate = rest / b1;
    uint64_t q = estimate >> 64 ? ~uint64_t{0} : static_cast<uint64_t>(estimate);
    // rest * 2^64 - q * b, in 192 bits: at most two too many were taken.
    const Uint128 low = Uint128{q} * b0;
    __int128 upper = static_cast<__int128>(rest) - static_cast<__int128>(Uint128{q} * b1) -
                     static_cast<__int128>(low >> 64);
    uint64_t bottom = 0 - static_cast<uint64_t>(low);
    if (static_cast<uint64_t>(low) != 0) --upper;
    while (upper < 0) {
        --q;
        const uint64_t sum = bottom + b0;
        upper += static_cast<__int128>(Uint128{b1} + (sum < bottom ? 1 : 0));
        bottom = sum;
    }
    rest = static_cast<Uint128>(upper) << 64 | bottom;
    return q;
}

}  // namespace

Wide multiply(const Wide& a, const Wide& b) {
    const bool sign = a.sign != b.sign;
    if (a.significand == 0 || b.significand == 0) return {sign, 0, 0};
    return make_wide(sign, a.exponent + b.exponent + 1,
                     multiply_high(a.significand, b.significand));
}

Wide divide(const Wide& a, const Wide& b) {
    const bool sign = a.sign != b.sign;
    if (a.significand == 0) return {sign, 0, 0};
    const bool less = a.significand < b.significand;
    // The dividend's top 128 bits must be less than b; a bit shifted out of it is the quotient's
    // first.
    Uint128 rest = less ? a.significand : a.significand - b.significand;
    const uint64_t high = quotient_digit(rest, b.significand);
    const uint64_t low = quotient_digit(rest, b.significand);
    const Uint128 fraction = Uint128{high} << 64 | low;
    const int32_t exponent = a.exponent - b.exponent;
    if (less) return make_wide(sign, exponent - 1, fraction);
    return {sign, exponent, Uint128{1} << 127 | fraction >> 1};
}

Wide add(const Wide& a, const Wide& b) {
    if (a.significand == 0) return b;
    if (b.significand == 0) return a;
    const bool swap = compare_magnitude(a, b) < 0;
    const Wide& large = swap ? b : a;
    const Wide& small = swap ? a : b;
    const int distance = large.exponent - small.exponent;
    const Uint128 aligned = distance >= 128 ? 0 : small.significand >> distance;
    if (large.sign != small.sign)
        return make_wide(large.sign, large.exponent, large.significand - aligned);
    const Uint128 sum = large.significand + aligned;
    if (sum < aligned) return {large.sign, large.exponent + 1, Uint128{1} << 127 | sum >> 1};
    return {large.sign, large.exponent, sum};
}

int compare_magnitude(const Wide& a, const Wide& b) {
    if (a.significand == 0 || b.significand == 0)
        return (a.significand != 0) - (b.significand != 0);
    if (a.exponent != b.exponent) return a.exponent < b.exponent ? -1 : 1;
    if (a.significand != b.significand) return a.significand < b.significand ? -1 : 1;
    return 0;
}

}  // namespace qr::softfloat
