// SPDX-License-Identifier: GPL-2.0-or-later
//
// Transcendental functions of the soft float: against values computed with 400 bits (and the same
// 66-bit pi) and rounded to nearest, and against the host's x87, which is allowed to be one unit in
// the last place off; flags, C2 and special cases must agree.
#include "tests/unit/softfloat_host.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace qr::softfloat::test {
namespace {

enum class Function {
    kF2xm1,
    kFyl2x,
    kFyl2xp1,
    kFpatan,
    kSine,
    kCosine,
    kSineOfBoth,
    kTangent,
    kCount
};

struct Answer {
    Float80 value;
    bool out_of_range = false;
};

// b: the second operand, ST1.
Answer ours(Function f, Float80 a, Float80 b, FloatContext& c) {
    Trigonometric t;
    switch (f) {
        case Function::kF2xm1: return {x87_f2xm1(a, c)};
        case Function::kFyl2x: return {x87_fyl2x(a, b, c)};
        case Function::kFyl2xp1: return {x87_fyl2xp1(a, b, c)};
        case Function::kFpatan: return {x87_fpatan(b, a, c)};
        case Function::kSine: t = x87_sin(a, c); break;
        case Function::kCosine: t = x87_cos(a, c); return {t.cosine, t.out_of_range};
        case Function::kSineOfBoth: t = x87_sincos(a, c); break;
        default: t = x87_tan(a, c); break;
    }
    return {t.sine, t.out_of_range};
}

std::string text(Float80 v) {
    char s[40];
    std::snprintf(s, sizeof s, "%04x:%016llx", v.sign_exponent,
                  static_cast<unsigned long long>(v.mantissa));
    return s;
}

struct Known {
    Function function;
    Float80 a, b, result;
};

constexpr Known kKnown[] = {
    {Function::kF2xm1,
     {0xc000000000000000, 0x3ffe},
     {0x0000000000000000, 0x0000},
     {0xae89f995ad3ad5e8, 0x3ffe}},
    {Function::kF2xm1,
     {0xd5f0cfac03e0a813, 0x3ff8},
     {0x0000000000000000, 0x0000},
     {0x94f72b1994f1c362, 0x3ff8}},
    {Function::kF2xm1,
     {0xf07eb3ee2257989f, 0x3ffe},
     {0x0000000000000000, 0x0000},
     {0xeaf34a606a66729e, 0x3ffe}},
    {Function::kF2xm1,
     {0xed9e88a807564931, 0x3ffe},
     {0x0000000000000000, 0x0000},
     {0xe724803020f3d67e, 0x3ffe}},
    {Function::kF2xm1,
     {0xe679e8595815a3d5, 0x3fe3},
     {0x0000000000000000, 0x0000},
     {0x9fc101898928cc45, 0x3fe3}},
    {Function::kF2xm1,
     {0x89da2d1c01da0135, 0x3fea},
     {0x0000000000000000, 0x0000},
     {0xbf1a94bba33eca00, 0x3fe9}},
    {Function::kF2xm1,
     {0xeef45e5ca4d5e415, 0x3fed},
     {0x0000000000000000, 0x0000},
     {0xa5a18f39bdb02d7f, 0x3fed}},
    {Function::kF2xm1,
     {0xb031b1d505222fb2, 0x3feb},
     {0x0000000000000000, 0x0000},
     {0xf441cc716d24f318, 0x3fea}},
    {Function::kFyl2x,
     {0x96b5bb6d51ed2f15, 0x4011},
     {0xaf40cb0af69b31ce, 0xbff7},
     {0xc7bd9c7e72215c2d, 0xbffb}},
    {Function::kFyl2x,
     {0xd6cac9da2ff9134d, 0x3fff},
     {0xc00059ec4f5d410c, 0x3ffb},
     {0x8f62d937a8ec4316, 0x3ffb}},
    {Function::kFyl2x,
     {0xfa9203e68795ad0f, 0x3fed},
     {0xc8c161e4e288b164, 0x3ffd},
     {0xd5b0cfe713853468, 0xc001}},
    {Function::kFyl2x,
     {0xf5d6a06809196da4, 0x4005},
     {0xac55564076f7f138, 0x3fff},
     {0x95886d88ea284ae3, 0x4002}},
    {Function::kFyl2x,
     {0xcb59ca96dba4a636, 0x3fef},
     {0xa4ff52a5f69f28d8, 0x4007},
     {0x9e1c4a086f4fa762, 0xc00b}},
    {Function::kFyl2x,
     {0x86d0c90269eb8cb4, 0x400d},
     {0xc0686fdd2bfc7ffd, 0xbffa},
     {0xa941ca18d25567d4, 0xbffe}},
    {Function::kFyl2x,
     {0xf5db3cdad2d0d097, 0x3ff3},
     {0x9ea6838d2bda7712, 0x3ffa},
     {0xdb4d1399aaee381f, 0xbffd}},
    {Function::kFyl2x,
     {0xfcc2b9957b99a126, 0x3fef},
     {0x8704c971db65d2a4, 0xbff7},
     {0xfd785a7176c9b202, 0x3ffa}},
    {Function::kFyl2xp1,
     {0x96daed8291157d5f, 0xbfdc},
     {0xfe77879530eabfed, 0xbfff},
     {0xd855ad6defa18173, 0x3fdd}},
    {Function::kFyl2xp1,
     {0x9bfcb0e63ebdc77a, 0xbfd8},
     {0xafab76980d95a701, 0xc004},
     {0x9a6d0a12ac32a40e, 0x3fde}},
    {Function::kFyl2xp1,
     {0xb02ed7eccadf4619, 0x3ff8},
     {0xf2ece2e3f8040688, 0x4002},
     {0xefe8b93892910306, 0x3ffc}},
    {Function::kFyl2xp1,
     {0xec065526068508d5, 0xbfde},
     {0xb1c00df9c638c9ca, 0xbffe},
     {0xec6e07c5e77c672c, 0x3fde}},
    {Function::kFyl2xp1,
     {0xe9fdd9242e302620, 0xbffb},
     {0xdb8a4b83876cfe7c, 0xc007},
     {0x99b5611088e65d19, 0x4005}},
    {Function::kFyl2xp1,
     {0xdfab1911d7f65919, 0xbff1},
     {0xb2c5169a9975c976, 0xc002},
     {0xe1597935af8c71ea, 0x3ff5}},
    {Function::kFyl2xp1,
     {0xb8b5fa51f3608d48, 0x3ff8},
     {0xb355ab7da4989173, 0x3ffb},
     {0xb9a1f9ca9013db35, 0x3ff5}},
    {Function::kFyl2xp1,
     {0x9bda7a04e3b05135, 0x3fe8},
     {0xd87706d5d9fb4ff5, 0xbffe},
     {0xbe1fea5a47fabbba, 0xbfe8}},
    {Function::kFpatan,
     {0xf9497dd0db4d584b, 0x3ff9},
     {0xee911293c63244e3, 0xc006},
     {0xc90bac9e42ae050b, 0xbfff}},
    {Function::kFpatan,
     {0xf785fd3ce656abc1, 0xbff8},
     {0x9e0d3aa3e417d4f1, 0xbffe},
     {0xcc31886de1404aa3, 0xbfff}},
    {Function::kFpatan,
     {0xbe31fd1461326cc0, 0xc004},
     {0x8bdbb43c1e331eed, 0xbff9},
     {0xc909f8a81ff4d5e1, 0xc000}},
    {Function::kFpatan,
     {0xe2dea243adad7a9d, 0x4002},
     {0xc5ad7990201be10c, 0x4003},
     {0x86610815f3711dd4, 0x3fff}},
    {Function::kFpatan,
     {0xd2a53e15a55566e7, 0x3ffc},
     {0xe08949a01b6f390f, 0x3fff},
     {0xba1eb8780d8c09ae, 0x3fff}},
    {Function::kFpatan,
     {0x88c7c344b4997e64, 0xbffc},
     {0x8dda042f1f85807e, 0x4005},
     {0xc94d90dfce395259, 0x3fff}},
    {Function::kFpatan,
     {0xb3a09b96f1ee5c7b, 0x4001},
     {0x8cc8097a5bf5fef1, 0x4003},
     {0xa189c099ecd37b58, 0x3fff}},
    {Function::kFpatan,
     {0xcdcf78f29787d391, 0xbffb},
     {0xa29f55b726ce1d8d, 0xbffa},
     {0xb0fb45cddc4755c8, 0xc000}},
    {Function::kSine,
     {0xa652dac4b4fa32c5, 0x402e},
     {0x0000000000000000, 0x0000},
     {0xb3f0a3b5f03b45d5, 0x3ffe}},
    {Function::kSine,
     {0xb8dc464bf25ceedf, 0x4029},
     {0x0000000000000000, 0x0000},
     {0xffc1265cbd1f70fb, 0xbffe}},
    {Function::kSine,
     {0xef6ce587540e90f6, 0x4000},
     {0x0000000000000000, 0x0000},
     {0x906d82d01dd2ddce, 0xbffe}},
    {Function::kSine,
     {0xe4b8bf011bef6da3, 0xbfff},
     {0x0000000000000000, 0x0000},
     {0xfa0bd2b4241d8cba, 0xbffe}},
    {Function::kSine,
     {0xa0d93110b83dbc6d, 0xbfdb},
     {0x0000000000000000, 0x0000},
     {0xa0d93110b83dbc6d, 0xbfdb}},
    {Function::kSine,
     {0xc077b04a675bfaed, 0xc021},
     {0x0000000000000000, 0x0000},
     {0xec2e1266da177e8e, 0xbffc}},
    {Function::kSine,
     {0xf458962106d365e2, 0xc016},
     {0x0000000000000000, 0x0000},
     {0xd2af3d138c1982b3, 0x3ffe}},
    {Function::kSine,
     {0xc7d2dbfb3ffe373d, 0x4015},
     {0x0000000000000000, 0x0000},
     {0xff0dadac9d6780ab, 0x3ffe}},
    {Function::kCosine,
     {0xd3c07cb630692fd7, 0xbfdd},
     {0x0000000000000000, 0x0000},
     {0x8000000000000000, 0x3fff}},
    {Function::kCosine,
     {0xc0f50dd61d5b40ed, 0xc00b},
     {0x0000000000000000, 0x0000},
     {0xabd5914dd3385f4e, 0xbffc}},
    {Function::kCosine,
     {0xe914449a44fb2a05, 0x4003},
     {0x0000000000000000, 0x0000},
     {0xa6ea3187f8e5386b, 0xbffe}},
    {Function::kCosine,
     {0xf2cd6eee7769297d, 0x4010},
     {0x0000000000000000, 0x0000},
     {0x9518c463bc28cde5, 0xbffe}},
    {Function::kCosine,
     {0xcaf38ab824a1b145, 0x4029},
     {0x0000000000000000, 0x0000},
     {0xec5842376a8cbce0, 0x3ffe}},
    {Function::kCosine,
     {0xe734a35dd354d888, 0x3fdc},
     {0x0000000000000000, 0x0000},
     {0x8000000000000000, 0x3fff}},
    {Function::kCosine,
     {0xa55be1041c66db05, 0x403a},
     {0x0000000000000000, 0x0000},
     {0xb6e0e5f283dee4d2, 0xbffd}},
    {Function::kCosine,
     {0x9b69d34d84c910f3, 0x4024},
     {0x0000000000000000, 0x0000},
     {0x8acd767beaef6da2, 0x3ffe}},
    {Function::kTangent,
     {0xf959d6435e268528, 0x400c},
     {0x0000000000000000, 0x0000},
     {0x8c5d4b0db5e2929d, 0xbfff}},
    {Function::kTangent,
     {0x8531223e78db5e9f, 0x4028},
     {0x0000000000000000, 0x0000},
     {0xb887b70b37b4de4e, 0x3ffe}},
    {Function::kTangent,
     {0xd9a77e32cf5b3ebe, 0xc038},
     {0x0000000000000000, 0x0000},
     {0xe886cf145084d723, 0x3fff}},
    {Function::kTangent,
     {0xea5a16d5cea098dc, 0xc004},
     {0x0000000000000000, 0x0000},
     {0xfcea6d4cb8d487c2, 0x3fff}},
    {Function::kTangent,
     {0xc6bce5f9faaf30f1, 0x4005},
     {0x0000000000000000, 0x0000},
     {0x93bf28388aec0086, 0xc000}},
    {Function::kTangent,
     {0xb6fbec4c07831298, 0xbfdc},
     {0x0000000000000000, 0x0000},
     {0xb6fbec4c07831298, 0xbfdc}},
    {Function::kTangent,
     {0xc2b495e077ad3957, 0x4011},
     {0x0000000000000000, 0x0000},
     {0xb36cd64fbe2e0f58, 0x3ffe}},
    {Function::kTangent,
     {0xfac91c4f48751db6, 0x4010},
     {0x0000000000000000, 0x0000},
     {0xb6d1b1f121580c6d, 0x4000}},
};

TEST(Transcendental, KnownValues) {
    for (const Known& k : kKnown) {
        FloatContext c;
        const Answer r = ours(k.function, k.a, k.b, c);
        EXPECT_EQ(text(r.value), text(k.result))
            << static_cast<int>(k.function) << ' ' << text(k.a) << ' ' << text(k.b);
        EXPECT_EQ(c.flags, kInexact);
    }
}

TEST(Transcendental, DirectedRoundingsEncloseTheResult) {
    for (const Known& k : kKnown) {
        Float80 r[4];
        bool up[4];
        for (unsigned i = 0; i < 4; ++i) {
            FloatContext c;
            c.rounding = static_cast<Rounding>(i);
            r[i] = ours(k.function, k.a, k.b, c).value;
            up[i] = c.rounded_up;
        }
        const Float80 low = r[1].sign() ? r[2] : r[1];
        const Float80 high = r[1].sign() ? r[1] : r[2];
        EXPECT_EQ(low, r[3]);
        EXPECT_EQ(high.mantissa, (low.mantissa + 1) | uint64_t{1} << 63);
        EXPECT_EQ(r[0], up[0] ? high : low);
        EXPECT_FALSE(up[3]);
    }
}

TEST(Transcendental, ArgumentsOutOfRange) {
    for (const auto function :
         {Function::kSine, Function::kCosine, Function::kSineOfBoth, Function::kTangent}) {
        FloatContext c;
        const Float80 largest{~uint64_t{0}, 0x3fff + 62};
        EXPECT_FALSE(ours(function, largest, {}, c).out_of_range);
        EXPECT_EQ(c.flags, kInexact);
        c.flags = 0;
        const Float80 two_to_63{uint64_t{1} << 63, 0x3fff + 63};
        EXPECT_TRUE(ours(function, two_to_63, {}, c).out_of_range);
        EXPECT_EQ(c.flags, 0);
    }
}

#ifdef QR_HOST_FPU

constexpr const char* kNames[] = {"f2xm1", "fyl2x", "fyl2xp1", "fpatan",
                                  "fsin",  "fcos",  "fsincos", "fptan"};

HostX87 hosts(Function f, Float80 a, Float80 b, uint16_t cw) {
    switch (f) {
        case Function::kF2xm1: return host_f2xm1(a, b, cw);
        case Function::kFyl2x: return host_fyl2x(a, b, cw);
        case Function::kFyl2xp1: return host_fyl2xp1(a, b, cw);
        case Function::kFpatan: return host_fpatan(a, b, cw);
        case Function::kSine: return host_fsin(a, b, cw);
        case Function::kCosine: return host_fcos(a, b, cw);
        case Function::kSineOfBoth: return host_fsincos(a, b, cw);
        default: return host_fptan(a, b, cw);
    }
}

bool within_an_ulp(Float80 a, Float80 b) {
    if (a.sign() != b.sign()) return false;
    // As one integer that grows with the magnitude; the integer bit doesn't count.
    const auto ordinal = [](Float80 v) {
        return static_cast<__int128>(v.sign_exponent & 0x7fff) << 63 |
               static_cast<__int128>(v.mantissa << 1 >> 1);
    };
    const __int128 d = ordinal(a) - ordinal(b);
    return d >= -1 && d <= 1;
}

// Only where the SDM leaves results undefined do vendors differ.
bool defined(Function f, Float80 a) {
    const unsigned e = a.sign_exponent & 0x7fff;
    if (f == Function::kF2xm1) return e < 0x3fff || e == 0x7fff;
    if (f == Function::kFyl2xp1) return e < 0x3ffd || e == 0x7fff;
    return true;
}

TEST(Transcendental, AgainstTheHost) {
    Operands random(77);
    const char* stress = std::getenv("QR_STRESS");
    const int n = 400000 * (stress ? std::atoi(stress) : 1);
    int reports = 0;
    for (int i = 0; i < n && reports < 5; ++i) {
        const auto f = static_cast<Function>(i % static_cast<int>(Function::kCount));
        const bool small = f == Function::kF2xm1 || f == Function::kFyl2xp1;
        const Float80 a = random.below(2) ? random.f80()
                          : small         ? random.near(-10, 16)
                                          : random.near(0, 24);
        const Float80 b = random.below(2) ? random.f80() : random.near(0, 30);
        if (!defined(f, a)) continue;
        uint16_t cw = static_cast<uint16_t>(0x37f | random.below(4) << 10);
        if (random.below(8) == 0) cw &= static_cast<uint16_t>(~0x3f | random.below(64));
        FloatContext c = x87_context(cw);
        const Answer r = ours(f, a, b, c);
        const HostX87 h = hosts(f, a, b, cw);
        const bool pushes = f == Function::kSineOfBoth || f == Function::kTangent;
        const bool two = pushes && !r.out_of_range && !c.pre_fault();
        const Float80 host = two ? h.st1 : h.st0;
        const Float80 value = c.pre_fault() ? a : r.value;
        const bool host_out =
            (static_cast<int>(f) >= static_cast<int>(Function::kSine)) && (h.sw >> 10 & 1);
        if (within_an_ulp(host, value) && (h.sw & 0x3f) == c.flags && host_out == r.out_of_range)
            continue;
        ++reports;
        ADD_FAILURE() << kNames[i % static_cast<int>(Function::kCount)] << ' ' << text(a) << ' '
                      << text(b) << " cw " << std::hex << cw << ": host " << text(host) << " sw "
                      << h.sw << ", ours " << text(value) << " flags " << int{c.flags};
    }
}

#endif

}  // namespace
}  // namespace qr::softfloat::test
