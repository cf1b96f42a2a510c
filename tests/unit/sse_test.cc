// SPDX-License-Identifier: GPL-2.0-or-later
//
// MMX and SSE instructions: results, flags and exceptions against the host's own, and what they do
// at the edges: alignment, page crossing, CR0 and CR4, the x87's state. Source: SDM volume 1,
// chapters 9 to 12; volume 2, 2.4.

#include "target/i386/insn.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <string>
#include <vector>

#include "target/i386/encoding.h"
#include "target/i386/simd.h"
#include "target/i386/sse_approx.h"
#include "tests/unit/cpu_fixture.h"
#include "tests/unit/softfloat_host.h"
#include "tests/unit/sse_host.h"

namespace qr::i386 {
namespace {

constexpr uint32_t kCode = 0x1000;
constexpr uint32_t kData = 0x4000;
constexpr int kNoFault = -1;

class SseTest : public testing::Test, public test::CpuFixture {
  protected:
    explicit SseTest(const char* model_name = "max") : CpuFixture(model_name) {
        flat32(kCode);
        cpu.cr0 |= kCr0NE;
        cpu.cr4 |= kCr4OSFXSR | kCr4OSXMMEXCPT;
        cpu.gpr[kEsi] = kData;
    }

    int run(std::span<const uint8_t> bytes) {
        Insn insn{};
        if (decode(bytes, true, model, insn) != DecodeStatus::kOk) return kUD;
        return execute(insn);
    }
    int run(std::initializer_list<uint8_t> bytes) {
        return run(std::span(bytes.begin(), bytes.size()));
    }
    int execute(const Insn& insn) {
        try {
            insn.exec(cpu, insn);
        } catch (const Fault& f) {
            return f.vector;
        }
        return kNoFault;
    }
    void set_xmm(unsigned n, uint64_t low, uint64_t high) {
        cpu.fpu.xmm[n].set<uint64_t>(0, low);
        cpu.fpu.xmm[n].set<uint64_t>(1, high);
    }
    uint64_t low(unsigned n) const { return cpu.fpu.xmm[n].get<uint64_t>(0); }
    uint64_t high(unsigned n) const { return cpu.fpu.xmm[n].get<uint64_t>(1); }
};

// ---- against the host ---------------------------------------------------------------------------

#ifdef QR_HOST_SIMD

class SseHostTest : public SseTest {
  protected:
    using State = test::SimdState;

    // The bytes of a row with register operands 0 and 1, and an immediate; empty if it has no such
    // form.
    static std::vector<uint8_t> register_form(const Row& row, uint8_t imm) {
        Encoding e;
        std::string why;
        EXPECT_TRUE(parse_encoding(row, e, why)) << why;
        if (e.mem_only) return {};
        std::vector<uint8_t> bytes;
        if (e.prefix == Mandatory::k66) bytes.push_back(0x66);
        if (e.prefix == Mandatory::kF3) bytes.push_back(0xf3);
        if (e.prefix == Mandatory::kF2) bytes.push_back(0xf2);
        bytes.push_back(0x0f);
        bytes.push_back(e.opcode);
        if (e.modrm)
            bytes.push_back(static_cast<uint8_t>(e.digit >= 0 ? 0xc1 | e.digit << 3 : 0xc1));
        if (e.imm[0] != Imm::kNone) bytes.push_back(imm);
        return bytes;
    }

    std::array<uint64_t, 2> value() {
        std::array<uint64_t, 2> v;
        switch (operands.below(4)) {
            case 0:
                for (uint64_t& q : v) q = operands.f64().bits;
                break;
            case 1:
                for (uint64_t& q : v) q = operands.fraction();
                break;
            default:
                for (uint64_t& q : v) q = operands.f32().bits | uint64_t{operands.f32().bits} << 32;
        }
        return v;
    }
    State random_state(bool unmasked) {
        State s;
        for (auto& x : s.xmm) x = value();
        for (auto& m : s.mm) m = value()[0];
        // Often two operands that have to do with each other; small counts for shifts.
        if (operands.below(4) == 0) s.xmm[1] = s.xmm[0];
        if (operands.below(8) == 0) s.xmm[1][0] = operands.below(70);
        if (operands.below(4) == 0) s.mm[1] = operands.below(2) ? s.mm[0] : operands.below(70);
        s.eax = static_cast<uint32_t>(operands.bits());
        s.ecx = static_cast<uint32_t>(operands.fraction());
        s.mxcsr = static_cast<uint32_t>(operands.bits() & 0xe040) | 0x1f80;
        if (unmasked) s.mxcsr &= static_cast<uint32_t>(operands.bits() | ~0x1f80u);
        return s;
    }
    void load(const State& s) {
        for (unsigned n = 0; n < 8; ++n) {
            set_xmm(n, s.xmm[n][0], s.xmm[n][1]);
            cpu.fpu.set_mmx(n, s.mm[n]);
        }
        cpu.fpu.mxcsr = s.mxcsr;
        cpu.gpr[kEax] = s.eax;
        cpu.gpr[kEcx] = s.ecx;
        cpu.set_arith_flags(0);
    }
    State take(int vector) {
        State s;
        for (unsigned n = 0; n < 8; ++n) {
            s.xmm[n] = {low(n), high(n)};
            s.mm[n] = cpu.fpu.mmx(n);
        }
        s.mxcsr = cpu.fpu.mxcsr;
        s.eax = cpu.reg<uint32_t>(kEax);
        s.ecx = cpu.reg<uint32_t>(kEcx);
        s.eflags = cpu.get_eflags() & kArithFlags;
        s.faulted = vector == kXM;
        return s;
    }
    static std::string difference(const State& ours, const State& host, bool flags) {
        char text[160];
        for (unsigned n = 0; n < 8; ++n) {
            std::snprintf(text, sizeof text, "xmm%u %016lx%016lx, host %016lx%016lx", n,
                          ours.xmm[n][1], ours.xmm[n][0], host.xmm[n][1], host.xmm[n][0]);
            if (ours.xmm[n] != host.xmm[n]) return text;
            std::snprintf(text, sizeof text, "mm%u %016lx, host %016lx", n, ours.mm[n], host.mm[n]);
            if (ours.mm[n] != host.mm[n]) return text;
        }
        std::snprintf(text, sizeof text, "mxcsr %x eax %x ecx %x fault %d, host %x %x %x %d",
                      ours.mxcsr, ours.eax, ours.ecx, ours.faulted, host.mxcsr, host.eax, host.ecx,
                      host.faulted);
        if (ours.mxcsr != host.mxcsr || ours.eax != host.eax || ours.ecx != host.ecx ||
            ours.faulted != host.faulted)
            return text;
        std::snprintf(text, sizeof text, "flags %x, host %x", ours.eflags,
                      host.eflags & kArithFlags);
        if (flags && ours.eflags != (host.eflags & kArithFlags)) return text;
        return {};
    }

    void compare(std::span<const Row> rows, unsigned rounds, bool unmasked) {
        if (!host.usable()) GTEST_SKIP() << "no executable memory on this host";
        for (const Row& row : rows) {
            if (row.attr & kNotInUserTest || row.name == "maskmovq" || row.name == "maskmovdqu")
                continue;
            if (unmasked && !(row.attr & kSse)) continue;
            for (unsigned n = 0; n < rounds; ++n) {
                const auto bytes = register_form(row, static_cast<uint8_t>(operands.bits()));
                if (bytes.empty() || row.encoding.starts_with("0F")) break;
                const State start = random_state(unmasked);
                State want = start;
                host.set(bytes);
                host.run(want);
                load(start);
                const State got = take(run(bytes));
                const std::string what = difference(got, want, !row.flags.empty() && !want.faulted);
                if (what.empty()) continue;
                char from[200];
                std::snprintf(from, sizeof from,
                              "; from xmm0 %016lx%016lx xmm1 %016lx%016lx mxcsr %x imm %x",
                              start.xmm[0][1], start.xmm[0][0], start.xmm[1][1], start.xmm[1][0],
                              start.mxcsr, bytes.back());
                ADD_FAILURE() << row.name << " '" << row.encoding << "': " << what << from;
                break;
            }
        }
    }

    softfloat::test::Operands operands{11};
    test::SseHost host;
};

TEST_F(SseHostTest, Mmx) { compare(mmx_rows(), 1000, false); }
TEST_F(SseHostTest, Integers) { compare(sse_int_rows(), 1000, false); }
TEST_F(SseHostTest, Floats) { compare(sse_rows(), 2500, false); }
TEST_F(SseHostTest, UnmaskedExceptions) { compare(sse_rows(), 2000, true); }

// The memory form of a row does what its register form does.
TEST_F(SseHostTest, MemoryFormsAgree) {
    for (const auto rows : {mmx_rows(), sse_rows(), sse_int_rows()}) {
        for (const Row& row : rows) {
            const auto bytes = register_form(row, 0x6c);
            if (bytes.empty() || !(row.attr & (kMmx | kSse))) continue;
            Insn by_reg{}, by_mem{};
            ASSERT_EQ(decode(bytes, true, model, by_reg), DecodeStatus::kOk) << row.encoding;
            auto memory_bytes = bytes;
            for (size_t at = 2; at < bytes.size(); ++at)
                if (at + 1 + (row.operands.find("Ib") != row.operands.npos) == bytes.size())
                    memory_bytes[at] = static_cast<uint8_t>((bytes[at] & 0x38) | 6);  // [esi]
            if (decode(memory_bytes, true, model, by_mem) != DecodeStatus::kOk ||
                by_mem.row != by_reg.row)
                continue;
            const State start = random_state(false);
            const char form = row.operands[0];
            const bool store = form == 'W' || form == 'Q' || form == 'E';
            load(start);
            ASSERT_EQ(execute(by_reg), kNoFault);
            const State want = take(kNoFault);
            load(start);
            const bool mmx = row.operands.find('Q') != row.operands.npos;
            const bool general = row.operands.find('E') != row.operands.npos;
            poke<uint64_t>(kData, mmx ? start.mm[1] : general ? start.ecx : start.xmm[1][0]);
            poke<uint64_t>(kData + 8, start.xmm[1][1]);
            ASSERT_EQ(execute(by_mem), kNoFault) << row.name;
            State got = take(kNoFault);
            if (store) {
                const char size = row.operands[1];
                const auto low_half = peek<uint64_t>(kData);
                if (general) {
                    EXPECT_EQ(static_cast<uint32_t>(low_half), want.ecx) << row.name;
                } else if (size == 'd' && row.operands[2] == ':') {
                    EXPECT_EQ(static_cast<uint32_t>(low_half),
                              static_cast<uint32_t>(want.xmm[1][0]))
                        << row.name;
                } else {
                    EXPECT_EQ(low_half, mmx ? want.mm[1] : want.xmm[1][0]) << row.name;
                }
                if (size == 'd' && row.operands[2] == 'q') {
                    EXPECT_EQ(peek<uint64_t>(kData + 8), want.xmm[1][1]) << row.name;
                }
                continue;
            }
            EXPECT_EQ(difference(got, want, false), "") << row.name << " '" << row.encoding << "'";
        }
    }
}

#endif

// ---- gates --------------------------------------------------------------------------------------

TEST_F(SseTest, ControlRegistersGate) {
    EXPECT_EQ(run({0x0f, 0x58, 0xc1}), kNoFault);  // addps
    EXPECT_EQ(run({0x0f, 0xfc, 0xc1}), kNoFault);  // paddb mm
    cpu.cr4 &= ~kCr4OSFXSR;
    EXPECT_EQ(run({0x0f, 0x58, 0xc1}), kUD);
    EXPECT_EQ(run({0x0f, 0xfc, 0xc1}), kNoFault);
    EXPECT_EQ(run({0x0f, 0xae, 0x16}), kUD);        // ldmxcsr
    EXPECT_EQ(run({0xf3, 0x0f, 0xd6, 0xc1}), kUD);  // movq2dq
    EXPECT_EQ(run({0x0f, 0xae, 0xf0}), kNoFault);   // mfence
    EXPECT_EQ(run({0x0f, 0xc3, 0x06}), kNoFault);   // movnti
    cpu.cr4 |= kCr4OSFXSR;
    cpu.cr0 |= kCr0TS;
    EXPECT_EQ(run({0x0f, 0x58, 0xc1}), kNM);
    EXPECT_EQ(run({0x0f, 0xfc, 0xc1}), kNM);
    EXPECT_EQ(run({0x0f, 0x77}), kNM);             // emms
    EXPECT_EQ(run({0x0f, 0x18, 0x0e}), kNoFault);  // prefetcht0
    EXPECT_EQ(run({0x0f, 0xc3, 0x06}), kNoFault);
    cpu.cr0 |= kCr0EM;
    EXPECT_EQ(run({0x0f, 0x58, 0xc1}), kUD);
    EXPECT_EQ(run({0x0f, 0xfc, 0xc1}), kUD);
    EXPECT_EQ(run({0x0f, 0xae, 0xe8}), kNoFault);  // lfence
}

TEST_F(SseTest, PendingX87ExceptionComesFirst) {
    cpu.fpu.status |= 0x8084;
    cpu.fpu.control &= ~4;
    EXPECT_EQ(run({0x0f, 0xfc, 0xc1}), kMF);             // paddb mm
    EXPECT_EQ(run({0x0f, 0x2a, 0x06}), kMF);             // cvtpi2ps xmm0, [esi]
    EXPECT_EQ(run({0x66, 0x0f, 0x2a, 0xc1}), kMF);       // cvtpi2pd xmm0, mm1
    EXPECT_EQ(run({0xf2, 0x0f, 0xd6, 0xc1}), kMF);       // movdq2q
    EXPECT_EQ(run({0x0f, 0x58, 0xc1}), kNoFault);        // addps
    EXPECT_EQ(run({0x66, 0x0f, 0x2a, 0x06}), kNoFault);  // cvtpi2pd xmm0, [esi]
}

class Pentium3Test : public SseTest {
  protected:
    Pentium3Test() : SseTest("pentium3") {}
};

TEST_F(Pentium3Test, HasNoSse2) {
    EXPECT_EQ(run({0x0f, 0x58, 0xc1}), kNoFault);
    EXPECT_EQ(run({0x0f, 0xe0, 0xc1}), kNoFault);   // pavgb mm
    EXPECT_EQ(run({0x66, 0x0f, 0x58, 0xc1}), kUD);  // addpd
    EXPECT_EQ(run({0x0f, 0xd4, 0xc1}), kUD);        // paddq mm
    EXPECT_EQ(run({0x66, 0x0f, 0x6f, 0xc1}), kUD);  // movdqa
    EXPECT_EQ(run({0x0f, 0x18, 0x06}), kNoFault);   // prefetchnta
    poke<uint32_t>(kData, 0x1fc0);
    EXPECT_EQ(run({0x0f, 0xae, 0x16}), kGP);  // DAZ is reserved
    poke<uint32_t>(kData, 0x1f80);
    EXPECT_EQ(run({0x0f, 0xae, 0x16}), kNoFault);
}

TEST_F(SseTest, Mxcsr) {
    poke<uint32_t>(kData, 0x10000);
    EXPECT_EQ(run({0x0f, 0xae, 0x16}), kGP);
    EXPECT_EQ(cpu.fpu.mxcsr, 0x1f80u);
    poke<uint32_t>(kData, 0xffff);
    EXPECT_EQ(run({0x0f, 0xae, 0x16}), kNoFault);
    cpu.gpr[kEsi] = kData + 16;
    EXPECT_EQ(run({0x0f, 0xae, 0x1e}), kNoFault);  // stmxcsr
    EXPECT_EQ(peek<uint32_t>(kData + 16), 0xffffu);
}

// ---- exceptions ---------------------------------------------------------------------------------

TEST_F(SseTest, UnmaskedExceptionKeepsTheDestination) {
    set_xmm(0, 0x3f800000'3f800000, 0x3f800000'3f800000);
    set_xmm(1, 0x3f800000'00000000, 0x00800000'3f800000);
    cpu.fpu.mxcsr = 0x1f80 & ~0x200u;         // ZE unmasked
    EXPECT_EQ(run({0x0f, 0x5e, 0xc1}), kXM);  // divps
    EXPECT_EQ(cpu.fpu.mxcsr, 0x1d84u);
    EXPECT_EQ(low(0), 0x3f800000'3f800000u);
    cpu.cr4 &= ~kCr4OSXMMEXCPT;
    EXPECT_EQ(run({0x0f, 0x5e, 0xc1}), kUD);
    cpu.fpu.mxcsr = 0x1f80;
    EXPECT_EQ(run({0x0f, 0x5e, 0xc1}), kNoFault);
    EXPECT_EQ(low(0), 0x3f800000'7f800000u);
}

TEST_F(SseTest, ComparisonFaultsKeepFlags) {
    set_xmm(0, 0x7fc00000, 0);
    cpu.fpu.mxcsr = 0x1f00;  // IE unmasked
    cpu.set_arith_flags(kSF | kOFlag);
    EXPECT_EQ(run({0x0f, 0x2f, 0xc1}), kXM);  // comiss
    EXPECT_EQ(cpu.get_eflags() & kArithFlags, uint32_t{kSF | kOFlag});
    EXPECT_EQ(run({0x0f, 0x2e, 0xc1}), kNoFault);  // ucomiss: quiet
    EXPECT_EQ(cpu.get_eflags() & kArithFlags, uint32_t{kZF | kPF_ | kCF});
}

// ---- memory -------------------------------------------------------------------------------------

TEST_F(SseTest, Alignment) {
    cpu.gpr[kEsi] = kData + 8;
    EXPECT_EQ(run({0x0f, 0x28, 0x06}), kGP);        // movaps load
    EXPECT_EQ(run({0x0f, 0x29, 0x06}), kGP);        // movaps store
    EXPECT_EQ(run({0x0f, 0x58, 0x06}), kGP);        // addps
    EXPECT_EQ(run({0x66, 0x0f, 0xfc, 0x06}), kGP);  // paddb
    EXPECT_EQ(run({0x0f, 0x2b, 0x06}), kGP);        // movntps
    EXPECT_EQ(run({0x66, 0x0f, 0x2d, 0x06}), kGP);  // cvtpd2pi
    cpu.gpr[kEsi] = kData + 1;
    EXPECT_EQ(run({0x0f, 0x10, 0x06}), kNoFault);        // movups
    EXPECT_EQ(run({0xf3, 0x0f, 0x7f, 0x06}), kNoFault);  // movdqu
    EXPECT_EQ(run({0xf2, 0x0f, 0xf0, 0x06}), kNoFault);  // lddqu
    EXPECT_EQ(run({0xf2, 0x0f, 0x12, 0x06}), kNoFault);  // movddup
    EXPECT_EQ(run({0xf3, 0x0f, 0x58, 0x06}), kNoFault);  // addss
    EXPECT_EQ(run({0x0f, 0x60, 0x06}), kNoFault);        // punpcklbw mm
}

TEST_F(SseTest, SegmentLimit) {
    cpu.seg[kDs].limit = kData + 15;
    cpu.seg[kDs].derive();
    EXPECT_EQ(run({0x0f, 0x10, 0x06}), kNoFault);
    EXPECT_EQ(run({0x0f, 0x10, 0x46, 0x01}), kGP);
    EXPECT_EQ(run({0x0f, 0x60, 0x46, 0x0c}), kNoFault);  // punpcklbw mm0, [esi + 12]: four bytes
    EXPECT_EQ(run({0x0f, 0x60, 0x46, 0x0d}), kGP);
    cpu.seg[kSs].limit = kData + 15;
    cpu.seg[kSs].derive();
    EXPECT_EQ(run({0x36, 0x0f, 0x11, 0x46, 0x01}), kSS);
}

// A store that crosses into a page that isn't there changes nothing before it.
TEST_F(SseTest, StoreAcrossPages) {
    constexpr uint32_t kDirectory = 0x10000, kTable = 0x11000;
    poke<uint32_t>(kDirectory, kTable | 7);
    for (uint32_t page = 0; page < 64; ++page) poke<uint32_t>(kTable + page * 4, page << 12 | 7);
    poke<uint32_t>(kTable + 0x21 * 4, 0);
    cpu.write_cr3(kDirectory);
    cpu.write_cr0(cpu.cr0 | kCr0PG);
    set_xmm(0, 0x1111111111111111, 0x2222222222222222);
    for (uint32_t at : {0x20ff1u, 0x20ff8u, 0x20fffu}) {
        cpu.gpr[kEsi] = at;
        EXPECT_EQ(run({0x0f, 0x11, 0x06}), kPF);  // movups
        EXPECT_EQ(run({0x0f, 0x10, 0x06}), kPF);
        EXPECT_EQ(peek<uint64_t>(0x20ff0), 0u);
        EXPECT_EQ(peek<uint64_t>(0x20ff8), 0u);
    }
    poke<uint32_t>(kTable + 0x21 * 4, 0x30007);
    for (uint32_t at : {0x20ff1u, 0x20ff8u, 0x20fffu}) {
        cpu.gpr[kEsi] = at;
        EXPECT_EQ(run({0x0f, 0x11, 0x06}), kNoFault);
        EXPECT_EQ(run({0x0f, 0x10, 0x0e}), kNoFault);
        EXPECT_EQ(low(1), low(0));
        EXPECT_EQ(high(1), high(0));
    }
    EXPECT_EQ(peek<uint64_t>(0x30000), 0x2211111111111111u);
}

TEST_F(SseTest, MaskedStore) {
    cpu.gpr[kEdi] = kData + 3;
    set_xmm(0, 0x0706050403020100, 0x0f0e0d0c0b0a0908);
    set_xmm(1, 0x0000000080000000, 0x8000000000000080);
    EXPECT_EQ(run({0x66, 0x0f, 0xf7, 0xc1}), kNoFault);
    EXPECT_EQ(peek<uint64_t>(kData + 3), 0x0000000003000000u);
    EXPECT_EQ(peek<uint64_t>(kData + 11), 0x0f00000000000008u);
    cpu.fpu.set_mmx(2, 0x1716151413121110);
    cpu.fpu.set_mmx(3, 0x80ffffff'7f7f7f7f);
    cpu.gpr[kEdi] = kData + 0x100;
    EXPECT_EQ(run({0x0f, 0xf7, 0xd3}), kNoFault);
    EXPECT_EQ(peek<uint64_t>(kData + 0x100), 0x1716151400000000u);
    // Nothing selected: nothing touched.
    cpu.seg[kDs].limit = 0x100;
    cpu.seg[kDs].derive();
    EXPECT_EQ(run({0x0f, 0xf7, 0xd3}), kGP);
    cpu.fpu.set_mmx(3, 0);
    EXPECT_EQ(run({0x0f, 0xf7, 0xd3}), kNoFault);
}

// ---- MMX and the x87 ----------------------------------------------------------------------------

TEST_F(SseTest, MmxStateTransitions) {
    const auto enters = [&](std::initializer_list<uint8_t> bytes) {
        cpu.fpu.set_top(5);
        cpu.fpu.empty = 0xff;
        EXPECT_EQ(run(bytes), kNoFault);
        EXPECT_EQ(cpu.fpu.top() == 0, cpu.fpu.empty == 0);
        return cpu.fpu.empty == 0;
    };
    EXPECT_TRUE(enters({0x0f, 0x6f, 0xc1}));        // movq mm0, mm1
    EXPECT_TRUE(enters({0x0f, 0x7e, 0xc1}));        // movd ecx, mm0
    EXPECT_TRUE(enters({0x0f, 0xe7, 0x06}));        // movntq
    EXPECT_TRUE(enters({0x0f, 0xd7, 0xc1}));        // pmovmskb
    EXPECT_TRUE(enters({0x0f, 0x2a, 0x06}));        // cvtpi2ps xmm0, [esi]
    EXPECT_TRUE(enters({0x0f, 0x2d, 0xc1}));        // cvtps2pi
    EXPECT_TRUE(enters({0x66, 0x0f, 0x2a, 0xc1}));  // cvtpi2pd xmm0, mm1
    EXPECT_FALSE(enters({0x66, 0x0f, 0x2a, 0x06}));
    EXPECT_TRUE(enters({0xf3, 0x0f, 0xd6, 0xc1}));  // movq2dq
    EXPECT_FALSE(enters({0x66, 0x0f, 0x6e, 0xc1}));
    EXPECT_FALSE(enters({0x0f, 0x58, 0xc1}));
    // A write makes the exponent ones, reading leaves it.
    cpu.fpu.regs[0] = {5, 0x3fff};
    cpu.fpu.regs[1] = {7, 0x3fff};
    EXPECT_EQ(run({0x0f, 0xfc, 0xc1}), kNoFault);
    EXPECT_EQ(cpu.fpu.regs[0].sign_exponent, 0xffff);
    EXPECT_EQ(cpu.fpu.regs[0].mantissa, 12u);
    EXPECT_EQ(cpu.fpu.regs[1].sign_exponent, 0x3fff);
    EXPECT_EQ(run({0x0f, 0x77}), kNoFault);
    EXPECT_EQ(cpu.fpu.empty, 0xff);
}

// ---- approximations -----------------------------------------------------------------------------

TEST(SseApproximations, WithinTheSdmsError) {
    softfloat::test::Operands operands(3);
    constexpr double kMost = 1.5 / 4096;
    for (unsigned n = 0; n < 200'000; ++n) {
        const uint32_t bits =
            static_cast<uint32_t>(operands.bits() % (0x7e000000 - 0x00800000)) + 0x00800000;
        const double x = std::bit_cast<float>(bits);
        const double r = std::bit_cast<float>(reciprocal({bits}).bits);
        const double s = std::bit_cast<float>(reciprocal_sqrt({bits}).bits);
        ASSERT_LE(std::abs(r * x - 1), kMost) << x;
        ASSERT_LE(std::abs(s * std::sqrt(x) - 1), kMost) << x;
        ASSERT_EQ(reciprocal({bits | 0x80000000}).bits, reciprocal({bits}).bits | 0x80000000);
    }
}

TEST(SseApproximations, SpecialValues) {
    EXPECT_EQ(reciprocal({0x3f800000}).bits, 0x3f800000u);
    EXPECT_EQ(reciprocal({0x80000000}).bits, 0xff800000u);
    EXPECT_EQ(reciprocal({0x00000001}).bits, 0x7f800000u);
    EXPECT_EQ(reciprocal({0xff800000}).bits, 0x80000000u);
    EXPECT_EQ(reciprocal({0x7f7fffff}).bits, 0u);
    EXPECT_EQ(reciprocal({0x7f800001}).bits, 0x7fc00001u);
    EXPECT_EQ(reciprocal_sqrt({0x3f800000}).bits, 0x3f800000u);
    EXPECT_EQ(reciprocal_sqrt({0x40800000}).bits, 0x3f000000u);
    EXPECT_EQ(reciprocal_sqrt({0x80000000}).bits, 0xff800000u);
    EXPECT_EQ(reciprocal_sqrt({0x80000001}).bits, 0xff800000u);
    EXPECT_EQ(reciprocal_sqrt({0xbf800000}).bits, 0xffc00000u);
    EXPECT_EQ(reciprocal_sqrt({0x7f800000}).bits, 0u);
    EXPECT_EQ(reciprocal_sqrt({0xff800001}).bits, 0xffc00001u);
}

}  // namespace
}  // namespace qr::i386
