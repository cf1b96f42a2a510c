// SPDX-License-Identifier: GPL-2.0-or-later
//
// Soft float against the host's own x87 and SSE: random and edge operands, every rounding mode,
// precision and exception mask; results, exception flags and C1 must be the same bits. QR_STRESS=n
// runs n times the usual number of cases.
#include "tests/unit/softfloat_host.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace qr::softfloat::test {
namespace {

#ifdef QR_HOST_FPU

unsigned cases(unsigned n) {
    const char* stress = std::getenv("QR_STRESS");
    return stress ? n * static_cast<unsigned>(std::atoi(stress)) : n;
}

std::string text(Float80 v) {
    char s[40];
    std::snprintf(s, sizeof s, "%04x:%016llx", v.sign_exponent,
                  static_cast<unsigned long long>(v.mantissa));
    return s;
}
std::string text(uint64_t v) {
    char s[40];
    std::snprintf(s, sizeof s, "%llx", static_cast<unsigned long long>(v));
    return s;
}
std::string text(Float32 v) { return text(uint64_t{v.bits}); }
std::string text(Float64 v) { return text(v.bits); }
std::string text(int64_t v) { return text(static_cast<uint64_t>(v)); }
std::string text(int32_t v) { return text(uint64_t{static_cast<uint32_t>(v)}); }
std::string text(int16_t v) { return text(uint64_t{static_cast<uint16_t>(v)}); }
std::string text(const PackedBcd& v) {
    std::string s;
    for (uint8_t b : v) s += text(uint64_t{b}) + ' ';
    return s;
}

// Gives up on a test after this many differences: one message is enough, a million isn't.
constexpr int kMaxReports = 5;

class SoftFloat : public testing::Test {
  protected:
    uint16_t control_word(bool unmask = true) {
        static constexpr uint16_t kPrecision[] = {0x000, 0x200, 0x300, 0x300};
        uint16_t cw =
            static_cast<uint16_t>(0x40 | kPrecision[random.below(4)] | random.below(4) << 10);
        cw |= unmask && random.below(4) == 0 ? random.below(64) : 0x3f;
        return cw;
    }
    // Unmasked exceptions would trap at once, so SSE is compared with masked ones; see SseUnmasked.
    uint32_t control_status() {
        return 0x1f80 | random.below(4) << 13 | (random.below(4) == 0 ? 0x40 : 0) |
               (random.below(4) == 0 ? 0x8000 : 0);
    }

    void report(const std::string& what) {
        ADD_FAILURE() << what;
        ++reports;
    }
    bool enough() const { return reports >= kMaxReports; }

    // `wrote`: whether the instruction replaces ST0.
    void check(const char* name, const std::string& operands, uint16_t cw, Float80 before,
               Float80 host, uint16_t sw, Float80 ours, const FloatContext& c) {
        const bool loads = std::string_view(name) == "fld" && !(c.pre_fault() & kInvalid);
        const Float80 expected = c.pre_fault() && !loads ? before : ours;
        const bool c1 = !c.pre_fault() && c.rounded_up;
        if (host == expected && (sw & 0x3f) == c.flags && bool(sw & 0x200) == c1) return;
        report(std::string(name) + ' ' + operands + " cw " + text(uint64_t{cw}) + ": host " +
               text(host) + " flags " + text(uint64_t{sw & 0x3fu}) + " C1 " +
               (sw & 0x200 ? '1' : '0') + ", ours " + text(expected) + " flags " +
               text(uint64_t{c.flags}) + " C1 " + (c1 ? '1' : '0'));
    }

    template <class Host, class Ours>
    void binary(const char* name, Host host, Ours ours, unsigned n) {
        for (unsigned i = 0; i < cases(n) && !enough(); ++i) {
            const Float80 a = random.f80();
            const Float80 b = random.below(4) ? random.f80() : close_to(a);
            const uint16_t cw = control_word();
            const HostX87 h = host(a, b, cw);
            FloatContext c = x87_context(cw);
            const Float80 r = ours(a, b, c);
            check(name, text(a) + ' ' + text(b), cw, a, h.st0, h.sw, r, c);
        }
    }

    template <class M, class Make, class Host, class Ours>
    void memory(const char* name, Make make, Host host, Ours ours, unsigned n) {
        for (unsigned i = 0; i < cases(n) && !enough(); ++i) {
            const Float80 a = random.f80();
            const M m = make();
            const uint16_t cw = control_word();
            const HostX87 h = host(a, m, cw);
            FloatContext c = x87_context(cw);
            const Float80 r = ours(a, m, c);
            check(name, text(a) + ' ' + text(m), cw, a, h.st0, h.sw, r, c);
        }
    }

    template <class M, class Host, class Ours>
    void store(const char* name, Host host, Ours ours, unsigned n) {
        for (unsigned i = 0; i < cases(n) && !enough(); ++i) {
            const Float80 a = random.below(2) ? random.f80() : random.near(20, 100);
            const uint16_t cw = control_word();
            M h{};
            const uint16_t sw = host(a, h, cw);
            FloatContext c = x87_context(cw);
            M r = ours(a, c);
            if (c.pre_fault() || (c.fault() & (kOverflow | kUnderflow))) r = M{};
            const bool c1 = !c.pre_fault() && c.rounded_up;
            if (h == r && (sw & 0x3f) == c.flags && bool(sw & 0x200) == c1) continue;
            report(std::string(name) + ' ' + text(a) + " cw " + text(uint64_t{cw}) + ": host " +
                   text(h) + " flags " + text(uint64_t{sw & 0x3fu}) + " C1 " +
                   (sw & 0x200 ? '1' : '0') + ", ours " + text(r) + " flags " +
                   text(uint64_t{c.flags}) + " C1 " + (c1 ? '1' : '0'));
        }
    }

    // For cancellation, ties and equal significands.
    Float80 close_to(Float80 a) {
        Float80 b = a;
        switch (random.below(4)) {
            case 0: b.mantissa += random.below(5) - 2u; break;
            case 1:
                b.sign_exponent = static_cast<uint16_t>(b.sign_exponent + random.below(3) - 1);
                break;
            case 2: b.mantissa ^= uint64_t{1} << random.below(64); break;
            default: break;
        }
        b.sign_exponent ^= static_cast<uint16_t>(random.below(2) << 15);
        return b;
    }

    Operands random{20240517};
    int reports = 0;
};

TEST_F(SoftFloat, X87Arithmetic) {
    binary(
        "fadd", host_fadd, [](auto a, auto b, auto& c) { return x87_add(a, b, c); }, 100000);
    reports = 0;
    binary(
        "fsub", host_fsub, [](auto a, auto b, auto& c) { return x87_sub(a, b, c); }, 100000);
    reports = 0;
    binary(
        "fmul", host_fmul, [](auto a, auto b, auto& c) { return x87_mul(a, b, c); }, 100000);
    reports = 0;
    binary(
        "fdiv", host_fdiv, [](auto a, auto b, auto& c) { return x87_div(a, b, c); }, 100000);
    reports = 0;
    binary(
        "fsqrt", host_fsqrt, [](auto a, auto, auto& c) { return x87_sqrt(a, c); }, 100000);
    reports = 0;
    binary(
        "frndint", host_frndint, [](auto a, auto, auto& c) { return x87_round_to_int(a, c); },
        100000);
}

TEST_F(SoftFloat, X87Scale) {
    binary(
        "fscale", host_fscale, [](auto a, auto b, auto& c) { return x87_scale(a, b, c); }, 100000);
    reports = 0;
    for (unsigned i = 0; i < cases(100000) && !enough(); ++i) {
        const Float80 a = random.f80();
        const Float80 b = random.near(12, 8);
        const uint16_t cw = control_word();
        const HostX87 h = host_fscale(a, b, cw);
        FloatContext c = x87_context(cw);
        const Float80 r = x87_scale(a, b, c);
        check("fscale", text(a) + ' ' + text(b), cw, a, h.st0, h.sw, r, c);
    }
}

TEST_F(SoftFloat, X87Extract) {
    for (unsigned i = 0; i < cases(50000) && !enough(); ++i) {
        const Float80 a = random.f80();
        const uint16_t cw = control_word();
        const HostX87 h = host_fxtract(a, {}, cw);
        FloatContext c = x87_context(cw);
        const Extracted r = x87_extract(a, c);
        check("fxtract", text(a), cw, a, h.st0, h.sw, r.significand, c);
        if (!c.pre_fault() && h.st1 != r.exponent)
            report("fxtract " + text(a) + ": host " + text(h.st1) + ", ours " + text(r.exponent));
    }
}

TEST_F(SoftFloat, X87Remainder) {
    for (unsigned i = 0; i < cases(200000) && !enough(); ++i) {
        const bool nearest = random.below(2);
        const Float80 a = random.f80();
        Float80 b = random.below(4) ? random.f80() : close_to(a);
        if (random.below(3) == 0 && (a.sign_exponent & 0x7fff) > 200)
            b.sign_exponent = static_cast<uint16_t>(a.sign_exponent - random.below(150));
        const uint16_t cw = control_word();
        const HostX87 h = nearest ? host_fprem1(a, b, cw) : host_fprem(a, b, cw);
        FloatContext c = x87_context(cw);
        const Remainder r = x87_remainder(a, b, nearest ? Rounding::kNearest : Rounding::kZero, c);
        // C1 is quotient bit 0 here, C3 bit 1, C0 bit 2.
        const unsigned q = (h.sw >> 9 & 1) | (h.sw >> 14 & 1) << 1 | (h.sw >> 8 & 1) << 2;
        const bool partial = h.sw >> 10 & 1;
        if (!c.pre_fault() && (q != r.quotient || partial != r.partial))
            report((nearest ? "fprem1 " : "fprem ") + text(a) + ' ' + text(b) + ": host q " +
                   text(uint64_t{q}) + (partial ? " partial" : "") + ", ours " +
                   text(uint64_t{r.quotient}) + (r.partial ? " partial" : ""));
        c.rounded_up = q & 1;
        check(nearest ? "fprem1" : "fprem", text(a) + ' ' + text(b), cw, a, h.st0, h.sw, r.value,
              c);
    }
}

TEST_F(SoftFloat, X87Compare) {
    for (unsigned i = 0; i < cases(100000) && !enough(); ++i) {
        const bool quiet = random.below(2);
        const Float80 a = random.f80();
        const Float80 b = random.below(3) ? random.f80() : close_to(a);
        const uint16_t cw = control_word();
        const HostX87 h = quiet ? host_fucom(a, b, cw) : host_fcom(a, b, cw);
        FloatContext c = x87_context(cw);
        const Relation r = x87_compare(a, b, quiet, c);
        static constexpr uint16_t kCodes[] = {0x100, 0x4000, 0, 0x4500};
        const unsigned codes = c.pre_fault() ? h.sw & 0x4500u : kCodes[static_cast<unsigned>(r)];
        if ((h.sw & 0x3f) == c.flags && (h.sw & 0x4700) == codes) continue;
        report((quiet ? "fucom " : "fcom ") + text(a) + ' ' + text(b) + " cw " +
               text(uint64_t{cw}) + ": host " + text(uint64_t{h.sw}) + ", ours " +
               text(uint64_t{codes}) + " flags " + text(uint64_t{c.flags}));
    }
}

TEST_F(SoftFloat, X87MemoryOperands) {
    const auto f32 = [this] { return random.f32(); };
    const auto f64 = [this] { return random.f64(); };
    const auto int32 = [this] {
        return static_cast<int32_t>(random.bits() >> random.below(64)) * (random.below(2) ? 1 : -1);
    };
    const auto int64 = [this] { return static_cast<int64_t>(random.bits() >> random.below(64)); };
    memory<Float32>(
        "fadd", f32, host_fadds, [](auto a, auto m, auto& c) { return x87_add(a, m, c); }, 50000);
    memory<Float64>(
        "fsubr", f64, host_fsubrl, [](auto a, auto m, auto& c) { return x87_sub(m, a, c); }, 50000);
    memory<Float32>(
        "fdiv", f32, host_fdivs, [](auto a, auto m, auto& c) { return x87_div(a, m, c); }, 50000);
    memory<Float64>(
        "fmul", f64, host_fmull, [](auto a, auto m, auto& c) { return x87_mul(a, m, c); }, 50000);
    memory<int32_t>(
        "fidiv", int32, host_fidivl,
        [](auto a, auto m, auto& c) { return x87_div(a, Operand::integer(m), c); }, 50000);
    memory<Float32>(
        "fld", f32, host_flds, [](auto, auto m, auto& c) { return load_f32(m, c); }, 50000);
    memory<Float64>(
        "fld", f64, host_fldl, [](auto, auto m, auto& c) { return load_f64(m, c); }, 50000);
    memory<int64_t>(
        "fild", int64, host_fildq, [](auto, auto m, auto&) { return load_int(m); }, 50000);
    memory<PackedBcd>(
        "fbld",
        [this] {
            PackedBcd v{};
            for (unsigned i = 0; i < 9; ++i)
                v[i] = static_cast<uint8_t>(random.below(10) * 16 + random.below(10));
            v[9] = static_cast<uint8_t>(random.below(2) << 7);
            return v;
        },
        host_fbld, [](auto, auto m, auto&) { return load_bcd(m); }, 50000);
}

TEST_F(SoftFloat, X87Stores) {
    store<Float32>(
        "fst m32", host_fsts, [](auto a, auto& c) { return store_f32(a, c); }, 100000);
    store<Float64>(
        "fst m64", host_fstl, [](auto a, auto& c) { return store_f64(a, c); }, 100000);
    store<int16_t>(
        "fist m16", host_fists, [](auto a, auto& c) { return store_int16(a, c.rounding, c); },
        50000);
    store<int32_t>(
        "fist m32", host_fistl, [](auto a, auto& c) { return store_int32(a, c.rounding, c); },
        50000);
    store<int64_t>(
        "fistp m64", host_fistpq, [](auto a, auto& c) { return store_int64(a, c.rounding, c); },
        50000);
    store<int16_t>(
        "fisttp m16", host_fisttps,
        [](auto a, auto& c) { return store_int16(a, Rounding::kZero, c); }, 50000);
    store<int32_t>(
        "fisttp m32", host_fisttpl,
        [](auto a, auto& c) { return store_int32(a, Rounding::kZero, c); }, 50000);
    store<int64_t>(
        "fisttp m64", host_fisttpq,
        [](auto a, auto& c) { return store_int64(a, Rounding::kZero, c); }, 50000);
    store<PackedBcd>(
        "fbstp", host_fbstp, [](auto a, auto& c) { return store_bcd(a, c); }, 50000);
}

TEST_F(SoftFloat, X87Constants) {
    for (unsigned rc = 0; rc < 4; ++rc) {
        const auto cw = static_cast<uint16_t>(0x37f | rc << 10);
        const auto r = static_cast<Rounding>(rc);
        EXPECT_EQ(host_fldpi({}, {}, cw).st0, x87_constant(Constant::kPi, r)) << rc;
        EXPECT_EQ(host_fldl2t({}, {}, cw).st0, x87_constant(Constant::kLog2Ten, r)) << rc;
        EXPECT_EQ(host_fldl2e({}, {}, cw).st0, x87_constant(Constant::kLog2E, r)) << rc;
        EXPECT_EQ(host_fldlg2({}, {}, cw).st0, x87_constant(Constant::kLog10Two, r)) << rc;
        EXPECT_EQ(host_fldln2({}, {}, cw).st0, x87_constant(Constant::kLnTwo, r)) << rc;
    }
}

// SSE operations on each of the two formats.
template <class V>
class SseOperations : public SoftFloat {
  protected:
    V operand() {
        if constexpr (sizeof(V) == 4) {
            return random.f32();
        } else {
            return random.f64();
        }
    }

    template <class Host, class Ours>
    void run(const char* name, Host host, Ours ours, unsigned n) {
        for (unsigned i = 0; i < cases(n) && !enough(); ++i) {
            const V a = operand();
            V b = random.below(4) ? operand() : a;
            if (random.below(4) == 0) b.bits ^= decltype(b.bits){1} << random.below(8 * sizeof(V));
            const uint32_t control = control_status();
            uint32_t mxcsr = control;
            const auto h = host(a, b, mxcsr);
            FloatContext c = sse_context(control);
            const auto r = ours(a, b, c);
            if (h == r && (mxcsr & 0x3f) == c.flags) continue;
            report(std::string(name) + ' ' + text(a) + ' ' + text(b) + " mxcsr " +
                   text(uint64_t{control}) + ": host " + text(h) + " flags " +
                   text(uint64_t{mxcsr & 0x3f}) + ", ours " + text(r) + " flags " +
                   text(uint64_t{c.flags}));
        }
        reports = 0;
    }
};
using Formats = testing::Types<Float32, Float64>;
TYPED_TEST_SUITE(SseOperations, Formats);

#define QR_HOST(name) [](auto a, auto b, auto& m) { return host_##name(a, b, m); }

TYPED_TEST(SseOperations, Arithmetic) {
    this->run(
        "add", QR_HOST(add), [](auto a, auto b, auto& c) { return add(a, b, c); }, 100000);
    this->run(
        "sub", QR_HOST(sub), [](auto a, auto b, auto& c) { return sub(a, b, c); }, 100000);
    this->run(
        "mul", QR_HOST(mul), [](auto a, auto b, auto& c) { return mul(a, b, c); }, 100000);
    this->run(
        "div", QR_HOST(div), [](auto a, auto b, auto& c) { return div(a, b, c); }, 100000);
    this->run(
        "sqrt", QR_HOST(sqrt), [](auto, auto b, auto& c) { return sqrt(b, c); }, 100000);
    this->run(
        "min", QR_HOST(min), [](auto a, auto b, auto& c) { return min(a, b, c); }, 50000);
    this->run(
        "max", QR_HOST(max), [](auto a, auto b, auto& c) { return max(a, b, c); }, 50000);
}

TYPED_TEST(SseOperations, Compare) {
    static constexpr uint64_t kFlags[] = {0x01, 0x40, 0x00, 0x45};
    this->run(
        "comi", [](auto a, auto b, auto& m) { return uint64_t{host_comi(a, b, m)}; },
        [](auto a, auto b, auto& c) {
            return kFlags[static_cast<unsigned>(compare_signalling(a, b, c))];
        },
        50000);
    this->run(
        "ucomi", [](auto a, auto b, auto& m) { return uint64_t{host_ucomi(a, b, m)}; },
        [](auto a, auto b, auto& c) {
            return kFlags[static_cast<unsigned>(compare_quiet(a, b, c))];
        },
        50000);
}

using SseSingle = SseOperations<Float32>;
using SseDouble = SseOperations<Float64>;

TEST_F(SseSingle, Convert) {
    run(
        "cvtss2sd", [](auto a, auto, auto& m) { return host_cvtss2sd(a, m); },
        [](auto a, auto, auto& c) { return to_f64(a, c); }, 50000);
    run(
        "cvtss2si", [](auto a, auto, auto& m) { return host_cvtss2si(a, m); },
        [](auto a, auto, auto& c) { return to_int32(a, c.rounding, c); }, 50000);
    run(
        "cvttss2si", [](auto a, auto, auto& m) { return host_cvttss2si(a, m); },
        [](auto a, auto, auto& c) { return to_int32(a, Rounding::kZero, c); }, 50000);
    run(
        "cvtss2siq", [](auto a, auto, auto& m) { return host_cvtss2siq(a, m); },
        [](auto a, auto, auto& c) { return to_int64(a, c.rounding, c); }, 50000);
}

TEST_F(SseDouble, Convert) {
    run(
        "cvtsd2ss", [](auto a, auto, auto& m) { return host_cvtsd2ss(a, m); },
        [](auto a, auto, auto& c) { return to_f32(a, c); }, 100000);
    run(
        "cvtsd2si", [](auto a, auto, auto& m) { return host_cvtsd2si(a, m); },
        [](auto a, auto, auto& c) { return to_int32(a, c.rounding, c); }, 50000);
    run(
        "cvttsd2siq", [](auto a, auto, auto& m) { return host_cvttsd2siq(a, m); },
        [](auto a, auto, auto& c) { return to_int64(a, Rounding::kZero, c); }, 50000);
    run(
        "cvtsi2ss",
        [](auto a, auto, auto& m) { return host_cvtsi2ss(static_cast<int64_t>(a.bits), m); },
        [](auto a, auto, auto& c) { return f32_from_int(static_cast<int64_t>(a.bits), c); }, 50000);
    run(
        "cvtsi2sd",
        [](auto a, auto, auto& m) { return host_cvtsi2sd(static_cast<int64_t>(a.bits), m); },
        [](auto a, auto, auto& c) { return f64_from_int(static_cast<int64_t>(a.bits), c); }, 50000);
}

#endif

}  // namespace
}  // namespace qr::softfloat::test
