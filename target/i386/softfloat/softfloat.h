// SPDX-License-Identifier: GPL-2.0-or-later
//
// x86 floating point in portable integers: the interpreter's arithmetic for x87 and SSE, the same
// bits on every host. Follows SDM volume 1, chapters 4.8 (formats, NaNs, rounding), 4.9 and 8.5
// (exceptions), 8.3 (x87 instructions) and 11.5 (SSE exceptions).
//
// Use: fill a FloatContext from the control word or MXCSR, set flags to 0, call one operation, then
// look at flags, fault() and pre_fault(). An operation only ever adds to flags, and it stops at an
// unmasked exception that is detected before the computation (IE, ZE, DE), as the hardware does;
// what it returns is then of no use.
//
//   SSE: if fault() is non-zero the destination isn't written. For packed operands run every
//   element
//        with its own flags and OR them; if any element has pre_fault(), then OE, UE and PE of all
//        elements aren't reported (11.5.1: no computation took place).
//   x87: if pre_fault() is non-zero nothing is stored, popped or pushed. With unmasked OE or UE a
//   result
//        for a register is stored, with its exponent biased (8.5.4, 8.5.5); store_f32 and store_f64
//        results aren't stored then: look at fault() & (kOverflow | kUnderflow).
#pragma once

#include <array>
#include <cstdint>

namespace qr::softfloat {

// Values as in RC of the x87 control word and MXCSR.
enum class Rounding : uint8_t { kNearest = 0, kDown = 1, kUp = 2, kZero = 3 };

// Bits as in the x87 status word and MXCSR.
enum Exception : uint8_t {
    kInvalid = 0x01,
    kDenormal = 0x02,
    kZeroDivide = 0x04,
    kOverflow = 0x08,
    kUnderflow = 0x10,
    kInexact = 0x20,
    kAllExceptions = 0x3f,
    kPreExceptions = kInvalid | kDenormal | kZeroDivide,
};

struct FloatContext {
    Rounding rounding = Rounding::kNearest;
    uint8_t precision = 64;  // 24, 53 or 64: bits of x87 add, sub, mul, div and sqrt results
    uint8_t masks = kAllExceptions;  // 1 = masked, as in both control registers
    bool daz = false;                // SSE: denormal operands are zeros (no DE)
    bool ftz = false;  // SSE: tiny results are zeros (with UE and PE) while UE is masked

    uint8_t flags = 0;  // accrued exceptions
    bool rounded_up =
        false;  // of the latest operation: magnitude was increased by rounding (x87's C1)

    uint8_t fault() const { return flags & ~masks & kAllExceptions; }
    uint8_t pre_fault() const { return flags & ~masks & kPreExceptions; }
};

struct Float32 {
    uint32_t bits = 0;
    bool operator==(const Float32&) const = default;
};

struct Float64 {
    uint64_t bits = 0;
    bool operator==(const Float64&) const = default;
};

// Double extended: explicit integer bit in bit 63 of the mantissa.
struct Float80 {
    uint64_t mantissa = 0;
    uint16_t sign_exponent = 0;
    bool sign() const { return sign_exponent >> 15; }
    bool operator==(const Float80&) const = default;
};

inline constexpr Float32 kDefaultNan32{0xffc00000};
inline constexpr Float64 kDefaultNan64{0xfff8000000000000};
inline constexpr Float80 kDefaultNan80{0xc000000000000000, 0xffff};  // real indefinite

enum class Relation : uint8_t { kLess, kEqual, kGreater, kUnordered };

// ---- SSE: Float32 and Float64
// ------------------------------------------------------------------------- The first argument is
// the destination operand, the second the source: a NaN result is the first operand's NaN if it is
// one (quietened), else the second's (SDM 1, table 4-7).

Float32 add(Float32 a, Float32 b, FloatContext& c);
Float64 add(Float64 a, Float64 b, FloatContext& c);
Float32 sub(Float32 a, Float32 b, FloatContext& c);
Float64 sub(Float64 a, Float64 b, FloatContext& c);
Float32 mul(Float32 a, Float32 b, FloatContext& c);
Float64 mul(Float64 a, Float64 b, FloatContext& c);
Float32 div(Float32 a, Float32 b, FloatContext& c);
Float64 div(Float64 a, Float64 b, FloatContext& c);
Float32 sqrt(Float32 a, FloatContext& c);
Float64 sqrt(Float64 a, FloatContext& c);

// MINxx, MAXxx: the second operand if either is a NaN (IE, quiet ones too) or both are zeros.
Float32 min(Float32 a, Float32 b, FloatContext& c);
Float64 min(Float64 a, Float64 b, FloatContext& c);
Float32 max(Float32 a, Float32 b, FloatContext& c);
Float64 max(Float64 a, Float64 b, FloatContext& c);

// Quiet: IE for signalling NaNs only (UCOMISx; CMPxx EQ, UNORD, NEQ, ORD). Signalling: IE for every
// NaN (COMISx; CMPxx LT, LE, NLT, NLE).
Relation compare_quiet(Float32 a, Float32 b, FloatContext& c);
Relation compare_quiet(Float64 a, Float64 b, FloatContext& c);
Relation compare_signalling(Float32 a, Float32 b, FloatContext& c);
Relation compare_signalling(Float64 a, Float64 b, FloatContext& c);

// CVTSS2SD, CVTSD2SS.
Float64 to_f64(Float32 a, FloatContext& c);
Float32 to_f32(Float64 a, FloatContext& c);

// CVTxx2SI and friends. Out of range or NaN: IE and the integer indefinite (0x80...0). For the
// truncating forms (CVTTxx) pass Rounding::kZero; otherwise pass c.rounding.
int32_t to_int32(Float32 a, Rounding r, FloatContext& c);
int32_t to_int32(Float64 a, Rounding r, FloatContext& c);
int64_t to_int64(Float32 a, Rounding r, FloatContext& c);
int64_t to_int64(Float64 a, Rounding r, FloatContext& c);

// CVTSI2Sx, CVTPI2Px, CVTDQ2Px.
Float32 f32_from_int(int64_t v, FloatContext& c);
Float64 f64_from_int(int64_t v, FloatContext& c);

// ROUNDxx (SSE4.1): PE is left out if `suppress_inexact`.
Float32 round_to_int(Float32 a, Rounding r, bool suppress_inexact, FloatContext& c);
Float64 round_to_int(Float64 a, Rounding r, bool suppress_inexact, FloatContext& c);

// ---- x87
// ----------------------------------------------------------------------------------------------

enum class FloatClass : uint8_t {
    kZero,
    kDenormal,  // pseudo-denormals too
    kNormal,
    kInfinity,
    kQuietNan,
    kSignallingNan,
    kUnsupported,  // pseudo-NaN, pseudo-infinity, unnormal
};

// An operand taken apart: value = significand * 2^(exponent - 63), significand's bit 63 set (except
// zero). NaNs keep their mantissa, as an f80 would have it. An x87 operation takes memory operands
// in this form so that a signalling NaN or a denormal of the shorter format is still seen as one.
struct Operand {
    FloatClass kind = FloatClass::kZero;
    bool sign = false;
    int32_t exponent = 0;
    uint64_t significand = 0;

    Operand() = default;
    Operand(Float32 v);  // NOLINT: conversion is what it is for
    Operand(Float64 v);  // NOLINT
    Operand(Float80 v);  // NOLINT
    static Operand integer(int64_t v);

    bool is_nan() const {
        return kind == FloatClass::kQuietNan || kind == FloatClass::kSignallingNan;
    }
    bool is_finite_nonzero() const {
        return kind == FloatClass::kNormal || kind == FloatClass::kDenormal;
    }
};

// Results follow the context's precision control. Two NaNs: the one with the larger significand
// (SDM 1, 4.8.3.5 and table 4-7).
Float80 x87_add(const Operand& a, const Operand& b, FloatContext& c);
Float80 x87_sub(const Operand& a, const Operand& b, FloatContext& c);
Float80 x87_mul(const Operand& a, const Operand& b, FloatContext& c);
Float80 x87_div(const Operand& a, const Operand& b, FloatContext& c);
Float80 x87_sqrt(Float80 a, FloatContext& c);

// FCOM, FTST, FICOM, FCOMI signal every NaN; FUCOM and FUCOMI only signalling ones.
Relation x87_compare(const Operand& a, const Operand& b, bool quiet, FloatContext& c);

FloatClass classify(Float80 a);

// FLD m32fp, FLD m64fp: exact; IE and DE as for an operation, but a denormal is loaded even with DE
// unmasked (the exception is then reported after the load).
Float80 load_f32(Float32 a, FloatContext& c);
Float80 load_f64(Float64 a, FloatContext& c);
// FILD.
Float80 load_int(int64_t v);
// FST and FSTP to memory.
Float32 store_f32(Float80 a, FloatContext& c);
Float64 store_f64(Float80 a, FloatContext& c);
// FIST, FISTP (pass c.rounding), FISTTP (pass Rounding::kZero).
int16_t store_int16(Float80 a, Rounding r, FloatContext& c);
int32_t store_int32(Float80 a, Rounding r, FloatContext& c);
int64_t store_int64(Float80 a, Rounding r, FloatContext& c);

// FBLD, FBSTP: 18 BCD digits, least significant first, sign in bit 7 of byte 9.
using PackedBcd = std::array<uint8_t, 10>;
Float80 load_bcd(const PackedBcd& v);
PackedBcd store_bcd(Float80 a, FloatContext& c);

// FRNDINT.
Float80 x87_round_to_int(Float80 a, FloatContext& c);

// FSCALE: a * 2^trunc(b).
Float80 x87_scale(Float80 a, Float80 b, FloatContext& c);

// FXTRACT.
struct Extracted {
    Float80 exponent;
    Float80 significand;
};
Extracted x87_extract(Float80 a, FloatContext& c);

// FPREM (kZero) and FPREM1 (kNearest) of a by b. If `partial`, C2 is set and the caller's program
// repeats.
struct Remainder {
    Float80 value;
    bool partial = false;
    uint8_t quotient = 0;  // low three bits: Q2 Q1 Q0; 0 if partial
};
Remainder x87_remainder(Float80 a, Float80 b, Rounding quotient_rounding, FloatContext& c);

// Load constants, rounded as the context says (FLDPI etc. don't raise PE and ignore precision
// control).
enum class Constant : uint8_t { kOne, kLog2Ten, kLog2E, kPi, kLog10Two, kLnTwo, kZero };
Float80 x87_constant(Constant which, Rounding r);

// Transcendental functions: see transcendental.cc for how they are computed. Precision control has
// no effect on them, rounding control has.
Float80 x87_f2xm1(Float80 a, FloatContext& c);               // 2^a - 1, |a| <= 1
Float80 x87_fyl2x(Float80 x, Float80 y, FloatContext& c);    // y * log2(x)
Float80 x87_fyl2xp1(Float80 x, Float80 y, FloatContext& c);  // y * log2(x + 1)
Float80 x87_fpatan(Float80 y, Float80 x, FloatContext& c);   // atan(y / x), with quadrant

// If `out_of_range` (|a| >= 2^63) C2 is set and the stack stays as it was.
struct Trigonometric {
    Float80 sine;    // FSIN, FSINCOS; FPTAN: the tangent
    Float80 cosine;  // FCOS, FSINCOS; FPTAN: 1.0, or the NaN once more
    bool out_of_range = false;
};
Trigonometric x87_sin(Float80 a, FloatContext& c);
Trigonometric x87_cos(Float80 a, FloatContext& c);
Trigonometric x87_sincos(Float80 a, FloatContext& c);
Trigonometric x87_tan(Float80 a, FloatContext& c);

}  // namespace qr::softfloat
