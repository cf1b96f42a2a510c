// SPDX-License-Identifier: GPL-2.0-or-later
//
// RDTSC in translated code against its handler: paces, frequencies, offsets, and CR4.TSD.
// Source: Intel SDM volume 2B, RDTSC; volume 3A 2.5 (CR4.TSD), 17.17.

#include "tests/unit/slices.h"

namespace qr::i386 {
namespace {

using namespace test;

constexpr uint32_t kCode = 0x10000, kSums = 0x20000, kTsc = 0x10;

// A loop that mixes what RDTSC says, and the flags after it, into three numbers in memory.
void set_up(CpuFixture& m) {
    m.flat32(kCode);
    m.cpu.gpr[kEsi] = kSums;
    m.put(kCode, {
        0x0f, 0x31,              // l: rdtsc
        0x01, 0x06,              // add [esi], eax
        0x11, 0x56, 0x04,        // adc [esi+4], edx
        0x89, 0xc3,              // mov ebx, eax
        0x39, 0xcb,              // cmp ebx, ecx
        0x0f, 0x31,              // rdtsc
        0x9c,                    // pushfd
        0x5f,                    // pop edi
        0x29, 0xd8,              // sub eax, ebx
        0x01, 0x46, 0x08,        // add [esi+8], eax
        0x01, 0x7e, 0x0c,        // add [esi+12], edi
        0x41,                    // inc ecx
        0xeb, 0xe5,              // jmp l
    });
}

void expect_same(CpuFixture& whole, CpuFixture& single, uint64_t n) {
    whole.run(n);
    for (uint64_t done = 0; done < n; ++done) single.run(1);
    whole.cpu.settle_flags();
    single.cpu.settle_flags();
    EXPECT_EQ(whole.cpu.describe(), single.cpu.describe());
    EXPECT_EQ(machine_difference(whole, single), "");
}

TEST(TranslatorTsc, SameAsHandler) {
    if (!tcg_supported()) GTEST_SKIP() << "no translator here";
    for (const char* model : {"max", "max,tsc-frequency=1000001", "max,tsc-frequency=2400000000", "max,tsc-frequency=100000000000"}) {
        SCOPED_TRACE(model);
        CpuFixture whole(model, 1 << 20, translator()), single(model, 1 << 20);
        for (CpuFixture* m : {&whole, &single}) set_up(*m);
        const auto both = [&](auto&& change) {
            for (CpuFixture* m : {&whole, &single}) change(*m);
            expect_same(whole, single, 1003);
        };
        both([](CpuFixture&) {});
        both([](CpuFixture& m) { m.clock.set_rate((uint64_t{1} << 30) + 12345); });
        both([](CpuFixture& m) { m.clock.set_rate((uint64_t{7} << 40) + 99); });
        both([](CpuFixture& m) { m.clock.warp(int64_t{86'400} * kNsPerSecond); });
        both([](CpuFixture& m) { m.cpu.write_msr(kTsc, 0xffff'ffff'ffff'f000); });
        both([](CpuFixture& m) { m.clock.set_rate(0); });
        // By the highest frequency more than 64 bits of ticks.
        both([](CpuFixture& m) { m.clock.warp(int64_t{9'000} * 86'400 * kNsPerSecond); });
        both([](CpuFixture& m) { m.clock.set_rate(uint64_t{1} << 32); });
        EXPECT_GT(whole.peek<uint32_t>(kSums + 8), 0u);
    }
}

TEST(TranslatorTsc, FaultsByTsd) {
    if (!tcg_supported()) GTEST_SKIP() << "no translator here";
    constexpr uint32_t kIdt = 0x2000, kHandler = 0x3000, kStack = 0x8000, kTss = 0x4000;
    CpuFixture m("max", 1 << 20, translator());
    set_up(m);
    // Ring 3 over flat segments, and a #GP handler that counts and comes back behind RDTSC.
    m.poke<uint64_t>(0x818, 0x00cffb000000ffff);
    m.poke<uint64_t>(0x820, 0x00cff3000000ffff);
    m.cpu.gdtr.limit = 0x27;
    m.poke<uint32_t>(kTss + 4, kStack);
    m.poke<uint32_t>(kTss + 8, 0x10);
    m.cpu.tr.base = kTss;
    m.cpu.tr.limit = 0x67;
    m.cpu.tr.attr = 0x8b;
    m.cpu.tr.derive();
    m.cpu.idtr = {kIdt, 0xff};
    m.poke<uint64_t>(kIdt + 13 * 8, uint64_t{0x8e00} << 32 | 0x80000 | kHandler);
    m.put(kHandler, {
        0xff, 0x05, 0x00, 0x01, 0x02, 0x00,  // inc dword [0x20100]
        0x83, 0xc4, 0x04,                    // add esp, 4
        0x83, 0x04, 0x24, 0x02,              // add dword [esp], 2
        0xcf,                                // iret
    });
    m.put(kCode + 0x100, {
        0x6a, 0x23, 0x68, 0x00, 0x90, 0x00, 0x00,  // push 0x23; push 0x9000
        0x6a, 0x02, 0x6a, 0x1b,                    // push 2; push 0x1b
        0x68, 0x00, 0x00, 0x01, 0x00,              // push kCode
        0x66, 0xb8, 0x23, 0x00, 0x8e, 0xd8,        // mov ax, 0x23; mov ds, ax
        0xcf,                                      // iret
    });
    m.cpu.eip = kCode + 0x100;
    m.run(1000);
    EXPECT_EQ(m.cpu.cpl, 3);
    EXPECT_EQ(m.peek<uint32_t>(0x20100), 0u);
    const uint32_t mixed = m.peek<uint32_t>(kSums + 8);
    EXPECT_GT(mixed, 0u);
    m.cpu.cr4 |= kCr4TSD;
    m.run(1000);
    EXPECT_GT(m.peek<uint32_t>(0x20100), 50u);
}

}  // namespace
}  // namespace qr::i386
