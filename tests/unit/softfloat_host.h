// SPDX-License-Identifier: GPL-2.0-or-later
//
// The host's own x87 and SSE as an oracle for the soft float: one instruction, given operands and
// control word, gives the result and the exception flags. x86-64 Linux hosts only.
#pragma once

#include "target/i386/softfloat/softfloat.h"

#include <bit>
#include <cstdint>
#include <cstring>
#include <random>

namespace qr::softfloat::test {

// Deterministic operands with far more edges than uniform bits would have.
class Operands {
  public:
    explicit Operands(uint64_t seed) : random_(seed) {}

    uint64_t bits() { return random_(); }
    unsigned below(unsigned n) { return static_cast<unsigned>(random_() % n); }

    // Fractions: all zeros, all ones, few bits, runs, random.
    uint64_t fraction() {
        switch (below(8)) {
            case 0: return 0;
            case 1: return ~uint64_t{0};
            case 2: return uint64_t{1} << below(64);
            case 3: return ~uint64_t{0} << below(64);
            case 4: return ~uint64_t{0} >> below(64);
            case 5: return bits() & ~uint64_t{0} << below(64);
            case 6: return (uint64_t{1} << below(64)) + (uint64_t{1} << below(64));
            default: return bits();
        }
    }

    Float32 f32() { return {static_cast<uint32_t>(hidden(8, 23))}; }
    Float64 f64() { return {hidden(11, 52)}; }

    Float80 f80() {
        const unsigned sign = below(2) << 15;
        uint64_t m = fraction();
        unsigned e = 0;
        switch (below(16)) {
            case 0: e = 0; break;
            case 1: e = 0, m = 0; break;
            case 2: e = 0x7fff; break;
            case 3: e = 0x7fff, m = uint64_t{1} << 63; break;
            case 4: e = below(4), m |= uint64_t{1} << 63; break;
            case 5: e = 0x7ffe - below(3), m |= uint64_t{1} << 63; break;
            case 6: e = below(0x8000); break;  // mostly half of them unsupported
            case 7: e = 16383 - 127 + below(3) - 1 - below(30), m |= uint64_t{1} << 63; break;
            case 8: e = 16383 + 127 + below(3) - 1, m |= uint64_t{1} << 63; break;
            case 9: e = 16383 - 1023 + below(3) - 1 - below(60), m |= uint64_t{1} << 63; break;
            case 10: e = 16383 + 1023 + below(3) - 1, m |= uint64_t{1} << 63; break;
            case 11: e = below(0x8000), m |= uint64_t{1} << 63; break;
            case 12: e = 0x7fff, m |= uint64_t{1} << 63; break;
            default: e = 16383 - 70 + below(140), m |= uint64_t{1} << 63; break;
        }
        return {m, static_cast<uint16_t>(sign | e)};
    }

    // Finite, near 2^centre.
    Float80 near(int centre, unsigned spread) {
        const unsigned e = static_cast<unsigned>(16383 + centre) - spread / 2 + below(spread);
        return {fraction() | uint64_t{1} << 63, static_cast<uint16_t>(below(2) << 15 | e)};
    }

  private:
    uint64_t hidden(unsigned exponent_bits, unsigned fraction_bits) {
        const uint64_t top = (uint64_t{1} << exponent_bits) - 1;
        const uint64_t bias = top >> 1;
        const uint64_t sign = below(2);
        uint64_t f = fraction() >> below(2) * (64 - fraction_bits);
        f &= (uint64_t{1} << fraction_bits) - 1;
        uint64_t e = 0;
        switch (below(12)) {
            case 0: break;
            case 1: f = 0; break;
            case 2: e = top; break;
            case 3: e = top, f = 0; break;
            case 4: e = 1 + below(3); break;
            case 5: e = top - 1 - below(3); break;
            case 6: e = bits() & top; break;
            case 7: e = bias / 2 + below(4); break;
            default: e = bias - fraction_bits + below(2 * fraction_bits); break;
        }
        return ((sign << exponent_bits | e) << fraction_bits) | f;
    }

    std::mt19937_64 random_;
};

inline FloatContext x87_context(uint16_t cw) {
    FloatContext c;
    c.rounding = static_cast<Rounding>(cw >> 10 & 3);
    c.precision = (cw >> 8 & 3) == 3 ? 64 : (cw >> 8 & 3) == 2 ? 53 : 24;
    c.masks = cw & 0x3f;
    return c;
}

inline FloatContext sse_context(uint32_t mxcsr) {
    FloatContext c;
    c.rounding = static_cast<Rounding>(mxcsr >> 13 & 3);
    c.masks = mxcsr >> 7 & 0x3f;
    c.daz = mxcsr >> 6 & 1;
    c.ftz = mxcsr >> 15 & 1;
    return c;
}

#if defined(__x86_64__) && defined(__linux__)
#define QR_HOST_FPU 1

struct alignas(16) Tbyte {
    uint8_t bytes[16] = {};
    Tbyte() = default;
    explicit Tbyte(Float80 v) {
        std::memcpy(bytes, &v.mantissa, 8);
        std::memcpy(bytes + 8, &v.sign_exponent, 2);
    }
    Float80 value() const {
        Float80 v;
        std::memcpy(&v.mantissa, bytes, 8);
        std::memcpy(&v.sign_exponent, bytes + 8, 2);
        return v;
    }
};

struct HostX87 {
    Float80 st0;
    Float80 st1;
    uint16_t sw = 0;
};

// Loads b then a (so that a is ST0), runs the instruction under control word `cw`, saves ST0 and
// ST1.
#define QR_HOST_X87(function, instruction)                                               \
    inline HostX87 function(Float80 a, Float80 b, uint16_t cw) {                         \
        Tbyte ta(a), tb(b), out0, out1;                                                  \
        uint16_t sw = 0;                                                                 \
        uint16_t quiet = 0x37f;                                                          \
        asm volatile("fninit\n\tfldt %[b]\n\tfldt %[a]\n\tfldcw %[cw]\n\t" instruction   \
                     "\n\tfnstsw %[sw]\n\tfnclex\n\tfldcw %[quiet]\n\tfstpt %[out0]\n\t" \
                     "fstpt %[out1]\n\tfninit"                                           \
                     : [sw] "+m"(sw), [out0] "+m"(out0), [out1] "+m"(out1)               \
                     : [a] "m"(ta), [b] "m"(tb), [cw] "m"(cw), [quiet] "m"(quiet)        \
                     : "memory", "st", "st(1)", "st(2)", "st(3)");                       \
        return {out0.value(), out1.value(), sw};                                         \
    }

// The same with a memory operand instead of ST1.
#define QR_HOST_X87_MEMORY(function, type, instruction)                                  \
    inline HostX87 function(Float80 a, type m, uint16_t cw) {                            \
        Tbyte ta(a), out0;                                                               \
        uint16_t sw = 0;                                                                 \
        uint16_t quiet = 0x37f;                                                          \
        asm volatile("fninit\n\tfldt %[a]\n\tfldcw %[cw]\n\t" instruction                \
                     "\n\tfnstsw %[sw]\n\tfnclex\n\tfldcw %[quiet]\n\tfstpt %[out0]\n\t" \
                     "fninit"                                                            \
                     : [sw] "+m"(sw), [out0] "+m"(out0)                                  \
                     : [a] "m"(ta), [m] "m"(m), [cw] "m"(cw), [quiet] "m"(quiet)         \
                     : "memory", "st", "st(1)", "st(2)");                                \
        return {out0.value(), {}, sw};                                                   \
    }

// Stores of ST0 to memory.
#define QR_HOST_X87_STORE(function, type, instruction)                    \
    inline uint16_t function(Float80 a, type& m, uint16_t cw) {           \
        Tbyte ta(a);                                                      \
        uint16_t sw = 0;                                                  \
        asm volatile("fninit\n\tfldt %[a]\n\tfldcw %[cw]\n\t" instruction \
                     "\n\tfnstsw %[sw]\n\tfninit"                         \
                     : [sw] "+m"(sw), [m] "+m"(m)                         \
                     : [a] "m"(ta), [cw] "m"(cw)                          \
                     : "memory", "st", "st(1)", "st(2)");                 \
        return sw;                                                        \
    }

QR_HOST_X87(host_fadd, "fadd %%st(1), %%st")
QR_HOST_X87(host_fsub, "fsub %%st(1), %%st")
QR_HOST_X87(host_fmul, "fmul %%st(1), %%st")
QR_HOST_X87(host_fdiv, "fdiv %%st(1), %%st")
QR_HOST_X87(host_fsqrt, "fsqrt")
QR_HOST_X87(host_frndint, "frndint")
QR_HOST_X87(host_fscale, "fscale")
QR_HOST_X87(host_fxtract, "fxtract")
QR_HOST_X87(host_fprem, "fprem")
QR_HOST_X87(host_fprem1, "fprem1")
QR_HOST_X87(host_fcom, "fcom %%st(1)")
QR_HOST_X87(host_fucom, "fucom %%st(1)")
QR_HOST_X87(host_f2xm1, "f2xm1")
QR_HOST_X87(host_fyl2x, "fyl2x")
QR_HOST_X87(host_fyl2xp1, "fyl2xp1")
QR_HOST_X87(host_fpatan, "fpatan")
QR_HOST_X87(host_fsin, "fsin")
QR_HOST_X87(host_fcos, "fcos")
QR_HOST_X87(host_fsincos, "fsincos")
QR_HOST_X87(host_fptan, "fptan")
QR_HOST_X87(host_fldpi, "fldpi")
QR_HOST_X87(host_fldl2t, "fldl2t")
QR_HOST_X87(host_fldl2e, "fldl2e")
QR_HOST_X87(host_fldlg2, "fldlg2")
QR_HOST_X87(host_fldln2, "fldln2")
QR_HOST_X87_MEMORY(host_fadds, Float32, "fadds %[m]")
QR_HOST_X87_MEMORY(host_fsubrl, Float64, "fsubrl %[m]")
QR_HOST_X87_MEMORY(host_fdivs, Float32, "fdivs %[m]")
QR_HOST_X87_MEMORY(host_fmull, Float64, "fmull %[m]")
QR_HOST_X87_MEMORY(host_fcoms, Float32, "fcoms %[m]")
QR_HOST_X87_MEMORY(host_fidivl, int32_t, "fidivl %[m]")
QR_HOST_X87_MEMORY(host_flds, Float32, "flds %[m]")
QR_HOST_X87_MEMORY(host_fldl, Float64, "fldl %[m]")
QR_HOST_X87_MEMORY(host_fildq, int64_t, "fildll %[m]")
QR_HOST_X87_MEMORY(host_fbld, PackedBcd, "fbld %[m]")
QR_HOST_X87_STORE(host_fsts, Float32, "fsts %[m]")
QR_HOST_X87_STORE(host_fstl, Float64, "fstl %[m]")
QR_HOST_X87_STORE(host_fists, int16_t, "fists %[m]")
QR_HOST_X87_STORE(host_fistl, int32_t, "fistl %[m]")
QR_HOST_X87_STORE(host_fistpq, int64_t, "fistpll %[m]")
QR_HOST_X87_STORE(host_fisttps, int16_t, "fisttps %[m]")
QR_HOST_X87_STORE(host_fisttpl, int32_t, "fisttpl %[m]")
QR_HOST_X87_STORE(host_fisttpq, int64_t, "fisttpll %[m]")
QR_HOST_X87_STORE(host_fbstp, PackedBcd, "fbstp %[m]")

template <class V>
struct SseOfType;
template <>
struct SseOfType<Float32> {
    using Type = float;
};
template <>
struct SseOfType<Float64> {
    using Type = double;
};
template <class V>
using SseOf = typename SseOfType<V>::Type;

// One SSE instruction `dest op source`, with the exceptions that `mxcsr` leaves masked.
#define QR_HOST_SSE(function, value, instruction)                                                  \
    inline value function(value a, value b, uint32_t& mxcsr) {                                     \
        uint32_t quiet = 0x1f80;                                                                   \
        auto x = std::bit_cast<SseOf<value>>(a);                                                   \
        asm volatile("ldmxcsr %[mxcsr]\n\t" instruction "\n\tstmxcsr %[mxcsr]\n\tldmxcsr %[quiet]" \
                     : [a] "+x"(x), [mxcsr] "+m"(mxcsr)                                            \
                     : [b] "x"(std::bit_cast<SseOf<value>>(b)), [quiet] "m"(quiet)                 \
                     : "memory", "cc");                                                            \
        return std::bit_cast<value>(x);                                                            \
    }

#define QR_HOST_SSE_PAIR(name)                               \
    QR_HOST_SSE(host_##name, Float32, #name "ss %[b], %[a]") \
    QR_HOST_SSE(host_##name, Float64, #name "sd %[b], %[a]")
QR_HOST_SSE_PAIR(add)
QR_HOST_SSE_PAIR(sub)
QR_HOST_SSE_PAIR(mul)
QR_HOST_SSE_PAIR(div)
QR_HOST_SSE_PAIR(sqrt)
QR_HOST_SSE_PAIR(min)
QR_HOST_SSE_PAIR(max)

// Conversions and compares: source in an SSE register (or integer), result wherever it goes.
#define QR_HOST_CONVERT(function, from, from_type, from_in, to, to_type, to_in, instruction)       \
    inline to function(from a, uint32_t& mxcsr) {                                                  \
        uint32_t quiet = 0x1f80;                                                                   \
        to_type r{};                                                                               \
        const auto in = std::bit_cast<from_type>(a);                                               \
        asm volatile("ldmxcsr %[mxcsr]\n\t" instruction "\n\tstmxcsr %[mxcsr]\n\tldmxcsr %[quiet]" \
                     : [r] "+" to_in(r), [mxcsr] "+m"(mxcsr)                                       \
                     : [a] from_in(in), [quiet] "m"(quiet)                                         \
                     : "memory", "cc");                                                            \
        return std::bit_cast<to>(r);                                                               \
    }

QR_HOST_CONVERT(host_cvtss2sd, Float32, float, "x", Float64, double, "x", "cvtss2sd %[a], %[r]")
QR_HOST_CONVERT(host_cvtsd2ss, Float64, double, "x", Float32, float, "x", "cvtsd2ss %[a], %[r]")
QR_HOST_CONVERT(host_cvtss2si, Float32, float, "x", int32_t, int32_t, "r", "cvtss2si %[a], %k[r]")
QR_HOST_CONVERT(host_cvttss2si, Float32, float, "x", int32_t, int32_t, "r", "cvttss2si %[a], %k[r]")
QR_HOST_CONVERT(host_cvtsd2si, Float64, double, "x", int32_t, int32_t, "r", "cvtsd2si %[a], %k[r]")
QR_HOST_CONVERT(host_cvtss2siq, Float32, float, "x", int64_t, int64_t, "r", "cvtss2si %[a], %q[r]")
QR_HOST_CONVERT(host_cvttsd2siq, Float64, double, "x", int64_t, int64_t, "r",
                "cvttsd2si %[a], %q[r]")
QR_HOST_CONVERT(host_cvtsi2ss, int64_t, int64_t, "r", Float32, float, "x", "cvtsi2ssq %[a], %[r]")
QR_HOST_CONVERT(host_cvtsi2sd, int64_t, int64_t, "r", Float64, double, "x", "cvtsi2sdq %[a], %[r]")

// ZF, PF and CF as a byte of EFLAGS.
#define QR_HOST_COMPARE(function, value, instruction)                              \
    inline unsigned function(value a, value b, uint32_t& mxcsr) {                  \
        uint32_t quiet = 0x1f80;                                                   \
        uint32_t ax = 0;                                                           \
        asm volatile("ldmxcsr %[mxcsr]\n\t" instruction                            \
                     " %[b], %[a]\n\tlahf\n\tstmxcsr %[mxcsr]\n\tldmxcsr %[quiet]" \
                     : "=&a"(ax), [mxcsr] "+m"(mxcsr)                              \
                     : [a] "x"(std::bit_cast<SseOf<value>>(a)),                    \
                       [b] "x"(std::bit_cast<SseOf<value>>(b)), [quiet] "m"(quiet) \
                     : "memory", "cc");                                            \
        return ax >> 8 & 0x45;                                                     \
    }
QR_HOST_COMPARE(host_comi, Float32, "comiss")
QR_HOST_COMPARE(host_comi, Float64, "comisd")
QR_HOST_COMPARE(host_ucomi, Float32, "ucomiss")
QR_HOST_COMPARE(host_ucomi, Float64, "ucomisd")
#endif

}  // namespace qr::softfloat::test
