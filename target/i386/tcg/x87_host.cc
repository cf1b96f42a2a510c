// SPDX-License-Identifier: GPL-2.0-or-later
//
// Does the host's x87 do what the handlers do? The manuals leave condition codes undefined and say little of some corner
// cases, and vendors differ; what is the same in all of them is checked here too, as far as it is cheap. Some 5000
// instructions, once. Source: Intel SDM volume 1, 8.1, 8.3 and 8.5; AMD APM volume 5, 2.
#include <cpuid.h>

#include <iterator>

#include "target/i386/softfloat/parts.h"
#include "target/i386/tcg/emit_x87.h"
#include "target/i386/x87.h"

namespace qr::i386 {

namespace {

using softfloat::Float80;
using softfloat::FloatContext;
using softfloat::Operand;
using softfloat::Relation;

struct alignas(16) Tbyte {
    uint64_t mantissa = 0;
    uint64_t sign_exponent = 0;
};
Tbyte tbyte(Float80 v) { return {v.mantissa, v.sign_exponent}; }

struct Seen {
    Float80 st0;
    uint64_t memory = 0;
    uint16_t status = 0;
    uint32_t flags = 0;  // LAHF's AH, SETO's AL
};

constexpr uint16_t kTop6 = 6 << 11;
constexpr uint16_t kKept = kX87Codes;  // of what is set before: C0 to C3
constexpr uint16_t kStackFault = kX87StackFault | uint16_t{softfloat::kInvalid};

// Runs one instruction (or a few) with ST0 = a, ST1 = b, C0 to C3 set, OF, SF and AF set and ZF, PF and CF clear.
#define QR_X87_PROBE(function, instruction)                                                                       \
    Seen function(Float80 a, Float80 b, uint16_t control, uint64_t m = 0) {                                       \
        const Tbyte ta = tbyte(a), tb = tbyte(b);                                                                 \
        Tbyte out;                                                                                                \
        struct {                                                                                                  \
            uint32_t word[7];                                                                                     \
        } environment;                                                                                            \
        Seen s;                                                                                                   \
        uint32_t flags = 0x7f;                                                                                    \
        asm volatile("fninit\n\tfldt %[b]\n\tfldt %[a]\n\tfnstenv %[env]\n\tmovw %[cw], %[env]\n\t"               \
                     "orw $0x4700, 4+%[env]\n\tfldenv %[env]\n\taddb $1, %%al\n\t" instruction                    \
                     "\n\tlahf\n\tseto %%al\n\tfnstsw %[sw]\n\tfnclex\n\tfstpt %[out]\n\tfninit"                  \
                     : [out] "=m"(out), [env] "+m"(environment), [sw] "=m"(s.status), "+a"(flags), [m] "+m"(m)    \
                     : [a] "m"(ta), [b] "m"(tb), [cw] "r"(control)                                                \
                     : "cc", "memory", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)");      \
        s.st0 = {out.mantissa, static_cast<uint16_t>(out.sign_exponent)};                                         \
        s.memory = m;                                                                                             \
        s.flags = flags & 0xffff;                                                                                 \
        return s;                                                                                                 \
    }

#define QR_SIX_LOADS "fld1\n\tfld1\n\tfld1\n\tfld1\n\tfld1\n\tfld1\n\t"

QR_X87_PROBE(probe_fadd, "fadd %%st(1), %%st")
QR_X87_PROBE(probe_fsub, "fsub %%st(1), %%st")
QR_X87_PROBE(probe_fmul, "fmul %%st(1), %%st")
QR_X87_PROBE(probe_fdiv, "fdiv %%st(1), %%st")
QR_X87_PROBE(probe_fsqrt, "fsqrt")
QR_X87_PROBE(probe_frndint, "frndint")
QR_X87_PROBE(probe_fcom, "fcom %%st(1)")
QR_X87_PROBE(probe_fucom, "fucom %%st(1)")
QR_X87_PROBE(probe_fcomi, "fcomi %%st(1), %%st")
QR_X87_PROBE(probe_fucomi, "fucomi %%st(1), %%st")
QR_X87_PROBE(probe_ftst, "ftst")
QR_X87_PROBE(probe_fxam, "fxam")
QR_X87_PROBE(probe_fsts, "fsts %[m]")
QR_X87_PROBE(probe_fstl, "fstl %[m]")
QR_X87_PROBE(probe_fists, "fists %[m]")
QR_X87_PROBE(probe_fistl, "fistl %[m]")
QR_X87_PROBE(probe_flds, "flds %[m]")
QR_X87_PROBE(probe_fldl, "fldl %[m]")
QR_X87_PROBE(probe_fld1, "fld1")
QR_X87_PROBE(probe_fldl2t, "fldl2t")
QR_X87_PROBE(probe_fldl2e, "fldl2e")
QR_X87_PROBE(probe_fldpi, "fldpi")
QR_X87_PROBE(probe_fldlg2, "fldlg2")
QR_X87_PROBE(probe_fldln2, "fldln2")
QR_X87_PROBE(probe_fldz, "fldz")
QR_X87_PROBE(probe_fxch, "fxch")
QR_X87_PROBE(probe_fchs, "fchs")
QR_X87_PROBE(probe_fabs, "fabs")
QR_X87_PROBE(probe_fld, "fld %%st(1)")
QR_X87_PROBE(probe_fst, "fst %%st(3)")
QR_X87_PROBE(probe_fildl, "fildl %[m]")
QR_X87_PROBE(probe_ffree, "ffree %%st(3)")
QR_X87_PROBE(probe_fincstp, "fincstp")
QR_X87_PROBE(probe_fdecstp, "fdecstp")
QR_X87_PROBE(probe_fcmovne, "fcmovne %%st(1), %%st")
QR_X87_PROBE(probe_fcmove, "fcmove %%st(1), %%st")
QR_X87_PROBE(probe_fnop, "fnop")
QR_X87_PROBE(probe_fnclex, "fnclex")
QR_X87_PROBE(empty_fxam, "ffree %%st\n\tfxam")
QR_X87_PROBE(empty_fadd, "ffree %%st\n\tfadd %%st(1), %%st")
QR_X87_PROBE(empty_faddp, "ffree %%st\n\tfaddp %%st, %%st(1)")
QR_X87_PROBE(empty_fcom, "ffree %%st\n\tfcom %%st(1)")
QR_X87_PROBE(empty_fcomi, "fxam\n\tffree %%st(1)\n\tfcomi %%st(1), %%st")
QR_X87_PROBE(empty_fxch, "ffree %%st\n\tfxch\n\tfxch")
QR_X87_PROBE(empty_fst, "ffree %%st\n\tfst %%st(3)")
QR_X87_PROBE(empty_fld, "ffree %%st\n\tfld %%st")
QR_X87_PROBE(empty_fchs, "ffree %%st\n\tfchs")
QR_X87_PROBE(empty_fcmov, "ffree %%st(1)\n\tfcmove %%st(1), %%st")
QR_X87_PROBE(empty_fistl, "ffree %%st\n\tfistl %[m]")
QR_X87_PROBE(empty_fsts, "ffree %%st\n\tfsts %[m]")
QR_X87_PROBE(full_fld1, QR_SIX_LOADS "fld1")
QR_X87_PROBE(full_flds, QR_SIX_LOADS "flds %[m]")
QR_X87_PROBE(full_fldl, QR_SIX_LOADS "fldl %[m]")
QR_X87_PROBE(full_fildl, QR_SIX_LOADS "fildl %[m]")
QR_X87_PROBE(full_fld_empty, QR_SIX_LOADS "ffree %%st\n\tfld %%st")

FloatContext context(uint16_t control) {
    FloatContext c;
    c.rounding = static_cast<softfloat::Rounding>(control >> 10 & 3);
    const unsigned pc = control >> 8 & 3;
    c.precision = pc == 0 ? 24 : pc == 2 ? 53 : 64;
    c.masks = control & softfloat::kAllExceptions;
    return c;
}

class HostCheck {
  public:
    bool run() {
        static constexpr uint16_t kControls[] = {0x37f, 0x27f, 0x07f, 0xb7f, 0x77f, 0xf7f, 0x372, 0x340, 0x267};
        for (const uint16_t control : kControls) {
            control_ = control;
            const size_t step = control == 0x37f || control == 0x340 ? 1 : 5;
            for (size_t n = 0; n < std::size(kValues); ++n) {
                one(kValues[n]);
                for (size_t m = n % step; m < std::size(kValues); m += step) two(kValues[n], kValues[m]);
            }
            if (control_ & softfloat::kInvalid) constants();
        }
        control_ = 0x37f;
        loads();
        others();
        return same_;
    }

  private:
    void expect(bool same) { same_ &= same; }
    static uint16_t raised(const FloatContext& c) { return c.flags | (c.fault() ? kX87Summary | kX87Busy : 0); }
    static uint16_t code1(const FloatContext& c) { return c.rounded_up ? kX87C1 : 0; }

    void result(const Seen& s, Float80 value, const FloatContext& c) {
        expect(s.st0 == value && s.status == (kTop6 | kKept | raised(c) | code1(c)));
    }
    void relation(const Seen& s, Relation r, const FloatContext& c) {
        static constexpr uint16_t kCodes[] = {kX87C0, kX87C3, 0, kX87Codes};
        expect(s.status == (kTop6 | kCodes[static_cast<unsigned>(r)] | raised(c)));
    }
    void relation_flags(const Seen& s, Relation r, const FloatContext& c) {
        static constexpr uint32_t kFlags[] = {kCF, kZF, 0, kZF | kPF_ | kCF};
        expect(s.status == (kTop6 | kKept | kX87C1 | raised(c)) &&
               s.flags == (kFlags[static_cast<unsigned>(r)] | kFixed1) << 8);
    }

    template <class Compute>
    void arithmetic(Seen (*probe)(Float80, Float80, uint16_t, uint64_t), Float80 a, Float80 b, Compute compute) {
        FloatContext c = context(control_);
        const Float80 r = compute(c);
        result(probe(a, b, control_, 0), c.pre_fault() ? a : r, c);
    }
    void two(Float80 a, Float80 b) {
        const Operand oa(a), ob(b);
        arithmetic(probe_fadd, a, b, [&](FloatContext& c) { return softfloat::x87_add(oa, ob, c); });
        arithmetic(probe_fsub, a, b, [&](FloatContext& c) { return softfloat::x87_sub(oa, ob, c); });
        arithmetic(probe_fmul, a, b, [&](FloatContext& c) { return softfloat::x87_mul(oa, ob, c); });
        arithmetic(probe_fdiv, a, b, [&](FloatContext& c) { return softfloat::x87_div(oa, ob, c); });
        if (control_ != 0x37f && control_ != 0x340) return;
        FloatContext signalling = context(control_), quiet = signalling;
        const Relation r = softfloat::x87_compare(oa, ob, false, signalling);
        softfloat::x87_compare(oa, ob, true, quiet);
        relation(probe_fcom(a, b, control_), r, signalling);
        relation(probe_fucom(a, b, control_), r, quiet);
        relation_flags(probe_fcomi(a, b, control_), r, signalling);
        relation_flags(probe_fucomi(a, b, control_), r, quiet);
    }

    template <class Compute>
    void store(Seen (*probe)(Float80, Float80, uint16_t, uint64_t), Float80 a, unsigned size, Compute compute) {
        FloatContext c = context(control_);
        const uint64_t mask = size == 8 ? ~uint64_t{0} : (uint64_t{1} << 8 * size) - 1;
        const auto value = static_cast<uint64_t>(compute(c)) & mask;
        const bool stored = !(c.fault() & (softfloat::kInvalid | softfloat::kOverflow | softfloat::kUnderflow));
        const Seen s = probe(a, kOne, control_, kBefore);
        expect(s.st0 == a && s.memory == (stored ? (kBefore & ~mask) | value : kBefore) &&
               s.status == (kTop6 | kKept | raised(c) | code1(c)));
    }
    void one(Float80 a) {
        using softfloat::FloatClass;
        arithmetic(probe_fsqrt, a, kOne, [&](FloatContext& c) { return softfloat::x87_sqrt(a, c); });
        arithmetic(probe_frndint, a, kOne, [&](FloatContext& c) { return softfloat::x87_round_to_int(a, c); });
        store(probe_fsts, a, 4, [&](FloatContext& c) { return softfloat::store_f32(a, c).bits; });
        store(probe_fstl, a, 8, [&](FloatContext& c) { return softfloat::store_f64(a, c).bits; });
        store(probe_fists, a, 2, [&](FloatContext& c) { return softfloat::store_int16(a, c.rounding, c); });
        store(probe_fistl, a, 4, [&](FloatContext& c) { return softfloat::store_int32(a, c.rounding, c); });
        FloatContext c = context(control_);
        const Relation r = softfloat::x87_compare(Operand(a), Operand{}, false, c);
        relation(probe_ftst(a, kOne, control_), r, c);
        uint16_t codes = a.sign() ? kX87C1 : 0;
        switch (softfloat::classify(a)) {
            case FloatClass::kUnsupported: break;
            case FloatClass::kQuietNan:
            case FloatClass::kSignallingNan: codes |= kX87C0; break;
            case FloatClass::kNormal: codes |= kX87C2; break;
            case FloatClass::kInfinity: codes |= kX87C2 | kX87C0; break;
            case FloatClass::kZero: codes |= kX87C3; break;
            case FloatClass::kDenormal: codes |= kX87C3 | kX87C2; break;
        }
        expect(probe_fxam(a, kOne, control_).status == (kTop6 | codes));
    }

    void constants() {
        using softfloat::Constant;
        const auto check = [&](const Seen& s, Constant which) {
            expect(s.st0 == softfloat::x87_constant(which, context(control_).rounding) && s.status == (5 << 11 | kKept));
        };
        check(probe_fld1(kOne, kOne, control_), Constant::kOne);
        check(probe_fldl2t(kOne, kOne, control_), Constant::kLog2Ten);
        check(probe_fldl2e(kOne, kOne, control_), Constant::kLog2E);
        check(probe_fldpi(kOne, kOne, control_), Constant::kPi);
        check(probe_fldlg2(kOne, kOne, control_), Constant::kLog10Two);
        check(probe_fldln2(kOne, kOne, control_), Constant::kLnTwo);
        check(probe_fldz(kOne, kOne, control_), Constant::kZero);
    }

    void loads() {
        for (const uint32_t bits : {0u, 0x80000000u, 1u, 0x3f800001u, 0x7f800000u, 0xffc00001u, 0x7f800001u}) {
            FloatContext c;
            const Float80 v = softfloat::load_f32({bits}, c);
            const Seen s = probe_flds(kOne, kOne, control_, bits);
            expect(s.st0 == v && s.status == (5 << 11 | kKept | c.flags));
            expect(full_flds(kOne, kOne, control_, bits).status == (7 << 11 | kKept | kX87C1 | kStackFault));
        }
        for (const uint64_t bits : {uint64_t{0}, uint64_t{1}, 0x8000000000000005u, 0x3ff0000000000001u, 0x7ff0000000000000u,
                                    0xfff8000000000001u, 0x7ff0000000000001u}) {
            FloatContext c;
            const Float80 v = softfloat::load_f64({bits}, c);
            const Seen s = probe_fldl(kOne, kOne, control_, bits);
            expect(s.st0 == v && s.status == (5 << 11 | kKept | c.flags));
            expect(full_fldl(kOne, kOne, control_, bits).status == (7 << 11 | kKept | kX87C1 | kStackFault));
        }
        const Seen s = probe_fildl(kOne, kOne, control_, 0xfffffffe);
        expect(s.st0 == kMinusTwo && s.status == (5 << 11 | kKept));
    }

    void state(const Seen& s, Float80 st0, unsigned status) { expect(s.st0 == st0 && s.status == status); }
    void others() {
        const Float80 nan = softfloat::kDefaultNan80;
        const auto a = kOne, b = kMinusTwo;
        const uint16_t w = control_;
        state(probe_fxch(a, b, w), b, kTop6 | kKept);
        state(probe_fchs(a, b, w), {kOne.mantissa, 0xbfff}, kTop6 | kKept);
        state(probe_fabs(b, a, w), {kMinusTwo.mantissa, 0x4000}, kTop6 | kKept);
        state(probe_fld(a, b, w), b, 5 << 11 | kKept);
        state(probe_fst(a, b, w), a, kTop6 | kKept);
        state(probe_ffree(a, b, w), a, kTop6 | kKept);
        state(probe_fincstp(a, b, w), b, 7 << 11 | kKept);
        state(probe_fdecstp(a, b, w), nan, 5 << 11 | kKept);  // the store finds it empty
        state(probe_fcmovne(a, b, w), b, kTop6 | kKept | kX87C1);
        state(probe_fcmove(a, b, w), a, kTop6 | kKept | kX87C1);
        state(probe_fnop(a, b, w), a, kTop6 | kKept | kX87C1);
        state(probe_fnclex(a, b, w), a, kTop6 | kKept | kX87C1);

        const unsigned fault = kTop6 | kKept | kStackFault;
        state(empty_fxam(b, a, w), nan, kTop6 | kX87C3 | kX87C0 | kX87C1);
        state(empty_fadd(a, b, w), nan, fault);
        state(empty_faddp(a, b, w), nan, 7 << 11 | kKept | kStackFault);
        state(empty_fcom(a, b, w), nan, fault);
        const Seen compared = empty_fcomi(b, a, w);  // FXAM: C2 and C1 were set
        expect(compared.status == (kTop6 | kX87C2 | kStackFault) && compared.flags == (kZF | kPF_ | kCF | kFixed1) << 8);
        state(empty_fxch(a, b, w), nan, kTop6 | kKept | kStackFault);
        state(empty_fst(a, b, w), nan, fault);
        state(empty_fld(a, b, w), nan, 5 << 11 | kKept | kStackFault);
        state(empty_fchs(a, b, w), nan, fault);
        state(empty_fcmov(a, b, w), nan, fault);
        expect(empty_fistl(a, b, w).memory == 0x80000000);
        expect(empty_fsts(a, b, w).memory == softfloat::kDefaultNan32.bits);
        state(full_fld1(a, b, w), nan, 7 << 11 | kKept | kX87C1 | kStackFault);
        state(full_fildl(a, b, w), nan, 7 << 11 | kKept | kX87C1 | kStackFault);
        state(full_fld_empty(a, b, w), nan, 7 << 11 | kKept | kStackFault);
    }

    static constexpr uint64_t kBefore = 0x0123456789abcdef;
    static constexpr Float80 kOne{0x8000000000000000, 0x3fff}, kMinusTwo{0x8000000000000000, 0xc000};
    static constexpr Float80 kValues[] = {
        {0, 0},
        {0, 0x8000},
        kOne,
        {0xaaaaaaaaaaaaaaab, 0xbffe},  // -1/3, or nearly
        {0xffffffffffffffff, 0x403d},
        {0xffffffffffffffff, 0xfffe},  // largest
        {0x8000000000000000, 0x0001},  // smallest normal
        {0x8000000000000001, 0x8000},  // pseudo-denormal
        {0x0000000000000003, 0x0000},  // denormal
        {0x8000000000000000, 0x7fff},
        {0x8000000000000000, 0xffff},
        {0xc000000000000001, 0x7fff},  // NaNs: quiet, signalling
        {0xe000000000000001, 0xffff},
        {0xa000000000000001, 0x7fff},
        {0x4000000000000000, 0x4000},  // unnormal
        {0x0000000000000000, 0x7fff},  // pseudo-infinity
        {0x8000000000000000, 0x3f81},  // denormal as a float
        {0xc000000000000001, 0x3c01},  // and as a double
    };
    uint16_t control_ = 0x37f;
    bool same_ = true;
};

}  // namespace

bool host_x87_suits() {
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & 1)) return false;  // SSE3, for FISTTP
    return HostCheck().run();
}

}  // namespace qr::i386
