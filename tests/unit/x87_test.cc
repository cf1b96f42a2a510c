// SPDX-License-Identifier: GPL-2.0-or-later
//
// x87 instructions where they meet the rest of the CPU: pending exceptions, #NM, the error pin,
// pointers, the formats of the environment, FXSAVE. What they compute is compared with the host
// elsewhere.
#include "target/i386/x87.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "target/i386/insn.h"
#include "tests/unit/cpu_fixture.h"

namespace qr::i386 {
namespace {

constexpr uint32_t kCode = 0x1000;
constexpr uint32_t kData = 0x4000;
constexpr int kNoFault = -1;

class X87Test : public testing::Test, public test::CpuFixture {
  protected:
    X87Test() {
        flat32(kCode);
        cpu.cr0 |= kCr0NE;
        cpu.cr4 |= kCr4OSFXSR;
        cpu.wiring.ferr = [this](bool level) { pin.push_back(level); };
        cpu.gpr[kEsi] = kData;
        run({0xdb, 0xe3});  // fninit
    }

    // Executes one instruction; returns the exception's vector.
    int run(std::initializer_list<uint8_t> bytes) {
        Insn insn{};
        const bool code32 = cpu.seg[kCs].db();
        EXPECT_EQ(decode(std::span(bytes.begin(), bytes.size()), code32, model, insn),
                  DecodeStatus::kOk);
        const uint32_t start = cpu.eip;
        cpu.eip += insn.length;
        try {
            insn.exec(cpu, insn);
        } catch (const Fault& f) {
            cpu.eip = start;
            return f.vector;
        }
        return kNoFault;
    }

    void set_control(uint16_t value) {
        poke<uint16_t>(kData + 0x800, value);
        cpu.gpr[kEdi] = kData + 0x800;
        EXPECT_EQ(run({0xd9, 0x2f}), kNoFault);  // fldcw [edi]
    }
    // Leaves ZE pending, unmasked.
    void divide_by_zero() {
        set_control(0x37b);
        run({0xd9, 0xe8});                       // fld1
        run({0xd9, 0xee});                       // fldz
        EXPECT_EQ(run({0xd8, 0xf1}), kNoFault);  // fdiv st0, st1: fine
        EXPECT_EQ(run({0xdc, 0xf9}), kNoFault);  // fdiv st1, st0: by zero
    }
    void real_mode_at(uint16_t cs, uint16_t ds) {
        cpu.cr0 &= ~kCr0PE;
        for (Segment& s : cpu.seg) {
            s = {.selector = ds, .attr = 0x93, .limit = 0xffff, .base = uint64_t{ds} << 4};
            s.derive();
        }
        cpu.seg[kCs].selector = cs;
        cpu.seg[kCs].base = uint64_t{cs} << 4;
        cpu.flush_tlb();
    }

    std::vector<bool> pin;
};

TEST_F(X87Test, PendingExceptionWaitsForTheNextWaitingInstruction) {
    divide_by_zero();
    EXPECT_EQ(cpu.fpu.status & 0x80ff, 0x8084);
    EXPECT_EQ(run({0xdf, 0xe0}), kNoFault);  // fnstsw ax
    EXPECT_EQ(cpu.gpr[kEax] & 0x80ff, 0x8084u);
    EXPECT_EQ(run({0xd9, 0x3e}), kNoFault);  // fnstcw
    EXPECT_EQ(run({0x9b}), kMF);
    EXPECT_EQ(run({0xd9, 0xe8}), kMF);       // fld1
    EXPECT_EQ(run({0xd9, 0x2f}), kMF);       // fldcw
    EXPECT_EQ(run({0xdb, 0xe2}), kNoFault);  // fnclex
    EXPECT_EQ(run({0x9b}), kNoFault);
    EXPECT_EQ(run({0xd9, 0xe8}), kNoFault);
    EXPECT_EQ(std::count(pin.begin(), pin.end(), true), 0);
}

TEST_F(X87Test, UnmaskingMakesAFlagPending) {
    run({0xd9, 0xe8});
    run({0xd9, 0xee});
    run({0xdc, 0xf9});
    EXPECT_EQ(cpu.fpu.status & 0x80ff, 0x0004);
    set_control(0x37b);
    EXPECT_EQ(cpu.fpu.status & 0x80ff, 0x8084);
    EXPECT_EQ(run({0x9b}), kMF);
}

TEST_F(X87Test, WithoutNumericErrorThePinIsUsed) {
    cpu.cr0 &= ~kCr0NE;
    divide_by_zero();
    EXPECT_EQ(pin, std::vector<bool>{true});
    EXPECT_EQ(run({0x9b}), kNoFault);
    run({0xdb, 0xe2});
    EXPECT_EQ(pin, (std::vector<bool>{true, false}));
}

TEST_F(X87Test, NotAvailable) {
    cpu.cr0 |= kCr0EM;
    EXPECT_EQ(run({0xdb, 0xe3}), kNM);  // fninit
    EXPECT_EQ(run({0xd9, 0xe8}), kNM);
    EXPECT_EQ(run({0x0f, 0xae, 0x06}), kNM);  // fxsave
    EXPECT_EQ(run({0x9b}), kNoFault);
    cpu.cr0 = (cpu.cr0 & ~kCr0EM & ~kCr0MP) | kCr0TS;
    EXPECT_EQ(run({0xdf, 0xe0}), kNM);
    EXPECT_EQ(run({0x9b}), kNoFault);
    cpu.cr0 |= kCr0MP;
    EXPECT_EQ(run({0x9b}), kNM);
}

TEST_F(X87Test, UnmaskedOverflowLeavesMemoryAndStack) {
    set_control(0x377);
    run({0xd9, 0xe8});
    cpu.fpu.regs[7].sign_exponent = 0x7000;
    poke<uint32_t>(kData, 0x12345678);
    EXPECT_EQ(run({0xd9, 0x1e}), kNoFault);  // fstp dword [esi]
    EXPECT_EQ(peek<uint32_t>(kData), 0x12345678u);
    EXPECT_EQ(cpu.fpu.top(), 7u);
    EXPECT_EQ(cpu.fpu.status & 0x80ff, 0x8088);
}

TEST_F(X87Test, MemoryFaultComesBeforeAnyChange) {
    cpu.seg[kDs].limit = 0x5000;
    cpu.seg[kDs].derive();
    cpu.gpr[kEsi] = 0x6000;
    const FpuState before = cpu.fpu;
    EXPECT_EQ(run({0xd9, 0x06}), kGP);  // fld dword
    EXPECT_EQ(run({0xdb, 0x2e}), kGP);  // fld tbyte
    EXPECT_EQ(run({0xd9, 0x1e}), kGP);  // fstp dword, of an empty register
    EXPECT_EQ(run({0xdd, 0x36}), kGP);  // fnsave
    EXPECT_EQ(cpu.fpu.status, before.status);
    EXPECT_EQ(cpu.fpu.empty, before.empty);
    EXPECT_EQ(cpu.fpu.fip, before.fip);
    EXPECT_EQ(cpu.fpu.control, before.control);
}

TEST_F(X87Test, PointersInProtectedMode) {
    const uint32_t at = cpu.eip;
    run({0xd9, 0x46, 0x10});                 // fld dword [esi+16]
    EXPECT_EQ(run({0xd9, 0x36}), kNoFault);  // fnstenv
    EXPECT_EQ(peek<uint32_t>(kData), 0xffff037fu);
    EXPECT_EQ(peek<uint32_t>(kData + 4), 0xffff3800u);
    EXPECT_EQ(peek<uint32_t>(kData + 8), 0xffff7fffu);
    EXPECT_EQ(peek<uint32_t>(kData + 12), at);
    EXPECT_EQ(peek<uint32_t>(kData + 16), 0x01460008u);
    EXPECT_EQ(peek<uint32_t>(kData + 20), kData + 16);
    EXPECT_EQ(peek<uint32_t>(kData + 24), 0xffff0010u);

    EXPECT_EQ(run({0x66, 0xd9, 0x36}), kNoFault);  // the 16-bit format
    static constexpr uint16_t kExpected[] = {0x37f, 0x3800, 0x7fff, kCode + 2, 8, kData + 16, 0x10};
    for (unsigned n = 0; n < 7; ++n) EXPECT_EQ(peek<uint16_t>(kData + 2 * n), kExpected[n]) << n;
}

TEST_F(X87Test, PointersInRealMode) {
    real_mode_at(0x2345, 0x1000);
    cpu.eip = 0x9876;
    cpu.gpr[kEsi] = 0xabc0;
    run({0xd9, 0x44, 0x10});  // fld dword [si+16]
    const uint32_t ip = 0x23450 + 0x9876;
    const uint32_t dp = 0x10000 + 0xabd0;
    EXPECT_EQ(run({0xd9, 0x34}), kNoFault);  // fnstenv [si]
    const uint32_t at = 0x10000 + 0xabc0;
    EXPECT_EQ(peek<uint16_t>(at + 6), ip & 0xffff);
    EXPECT_EQ(peek<uint16_t>(at + 8), (ip >> 16) << 12 | 0x144);
    EXPECT_EQ(peek<uint16_t>(at + 10), dp & 0xffff);
    EXPECT_EQ(peek<uint16_t>(at + 12), (dp >> 16) << 12);

    EXPECT_EQ(run({0x66, 0xd9, 0x34}), kNoFault);  // the 32-bit format
    EXPECT_EQ(peek<uint32_t>(at + 12) & 0xffff, ip & 0xffff);
    EXPECT_EQ(peek<uint32_t>(at + 16), (ip >> 16) << 12 | 0x144);
    EXPECT_EQ(peek<uint32_t>(at + 20) & 0xffff, dp & 0xffff);
    EXPECT_EQ(peek<uint32_t>(at + 24), (dp >> 16) << 12);

    // Loaded again, the same linear addresses come out.
    run({0xdb, 0xe3});
    EXPECT_EQ(run({0x66, 0xd9, 0x24}), kNoFault);  // fldenv
    poke<uint32_t>(at + 12, 0);
    EXPECT_EQ(run({0xd9, 0x34}), kNoFault);
    EXPECT_EQ(peek<uint16_t>(at + 6), ip & 0xffff);
    EXPECT_EQ(peek<uint16_t>(at + 8), (ip >> 16) << 12 | 0x144);
    EXPECT_EQ(peek<uint16_t>(at + 12), (dp >> 16) << 12);
}

TEST_F(X87Test, SaveAndRestoreInEveryFormat) {
    for (const bool real : {false, true}) {
        for (const bool small : {false, true}) {
            if (real) real_mode_at(0, 0);
            run({0xdb, 0xe3});
            for (const uint8_t constant : {0xeb, 0xe9, 0xee}) run({0xd9, constant});
            run({0xd9, 0xe1});  // fabs
            const FpuState before = cpu.fpu;
            // In 16-bit code the operand-size prefix means the other format; ModRM 34/24 is [si].
            const bool prefix = small != real;
            const uint8_t save = real ? 0x34 : 0x36;
            const uint8_t restore = real ? 0x24 : 0x26;
            EXPECT_EQ(prefix ? run({0x66, 0xdd, save}) : run({0xdd, save}), kNoFault);
            EXPECT_EQ(cpu.fpu.empty, 0xff);
            EXPECT_EQ(cpu.fpu.status, 0);
            cpu.fpu.regs = {};
            EXPECT_EQ(prefix ? run({0x66, 0xdd, restore}) : run({0xdd, restore}), kNoFault);
            for (unsigned n = 0; n < 8; ++n) EXPECT_EQ(cpu.fpu.regs[n], before.regs[n]);
            EXPECT_EQ(cpu.fpu.empty, before.empty);
            EXPECT_EQ(cpu.fpu.status, before.status);
            EXPECT_EQ(cpu.fpu.control, before.control);
            EXPECT_EQ(cpu.fpu.fip + 16u * cpu.fpu.fcs, before.fip + 16u * before.fcs);
        }
    }
}

TEST_F(X87Test, FxsaveRoundTrip) {
    for (const uint8_t constant : {0xeb, 0xe9, 0xee}) run({0xd9, constant});
    for (unsigned n = 0; n < 8; ++n) cpu.fpu.xmm[n].set<uint64_t>(n & 1, 0x1111111111111111 * n);
    cpu.fpu.mxcsr = 0x9fc0;
    const FpuState before = cpu.fpu;
    EXPECT_EQ(run({0x0f, 0xae, 0x06}), kNoFault);
    EXPECT_EQ(peek<uint16_t>(kData + 4), 0xe0);
    EXPECT_EQ(peek<uint32_t>(kData + 24), 0x9fc0u);
    EXPECT_EQ(peek<uint32_t>(kData + 28), 0xffffu);
    EXPECT_EQ(peek<uint16_t>(kData + 32 + 16 * 2 + 8), 0x4000);  // pi's exponent, in ST(2)
    cpu.fpu = {};
    EXPECT_EQ(run({0x0f, 0xae, 0x0e}), kNoFault);
    EXPECT_EQ(cpu.fpu.empty, before.empty);
    EXPECT_EQ(cpu.fpu.status, before.status);
    EXPECT_EQ(cpu.fpu.opcode, before.opcode);
    EXPECT_EQ(cpu.fpu.mxcsr, before.mxcsr);
    for (unsigned n = 0; n < 8; ++n) {
        EXPECT_EQ(cpu.fpu.regs[n], before.regs[n]);
        EXPECT_EQ(cpu.fpu.xmm[n].bytes, before.xmm[n].bytes);
    }

    poke<uint32_t>(kData + 24, 0x10000);
    EXPECT_EQ(run({0x0f, 0xae, 0x0e}), kGP);
    cpu.gpr[kEsi] = kData + 8;
    EXPECT_EQ(run({0x0f, 0xae, 0x06}), kGP);
}

TEST_F(X87Test, FxsaveWithoutSseState) {
    cpu.cr4 &= ~kCr4OSFXSR;
    poke<uint32_t>(kData + 24, 0x12345678);
    poke<uint32_t>(kData + 160, 0x12345678);
    EXPECT_EQ(run({0x0f, 0xae, 0x06}), kNoFault);
    EXPECT_EQ(peek<uint32_t>(kData + 24), 0x12345678u);
    EXPECT_EQ(peek<uint32_t>(kData + 160), 0x12345678u);
    EXPECT_EQ(run({0x0f, 0xae, 0x0e}), kNoFault);
    EXPECT_EQ(cpu.fpu.mxcsr, 0x1f80u);
}

}  // namespace
}  // namespace qr::i386
