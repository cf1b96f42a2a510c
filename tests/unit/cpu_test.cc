// SPDX-License-Identifier: GPL-2.0-or-later
//
// The CPU and its interpreter as a whole: modes, faults at the edges of pages and segments, self-modifying
// code, single-stepping, and that nothing depends on how a run is cut into slices.
// Source: Intel SDM volumes 1 to 3A.

#include <gtest/gtest.h>

#include <random>

#include "tests/unit/cpu_fixture.h"

namespace qr::i386 {
namespace {

using test::CpuFixture;

TEST(Cpu, RealModeLoop) {
    CpuFixture m;
    // mov cx,5; l: add ax,cx; loop l; hlt
    m.put(0x1000, {0xb9, 0x05, 0x00, 0x01, 0xc8, 0xe2, 0xfc, 0xf4});
    m.real_mode(0x1000);
    EXPECT_EQ(m.run(100), 12u);
    EXPECT_EQ(m.cpu.reg<uint16_t>(kEax), 15);
    EXPECT_TRUE(m.cpu.halted());
}

TEST(Cpu, RealModeInterruptAndReturn) {
    CpuFixture m;
    m.poke<uint32_t>(0x21 * 4, 0x00002000);
    m.put(0x1000, {0xcd, 0x21, 0xf4});        // int 21h; hlt
    m.put(0x2000, {0xb0, 0x07, 0xf9, 0xcf});  // mov al,7; stc; iret
    m.real_mode(0x1000);
    EXPECT_EQ(m.run(100), 5u);
    EXPECT_EQ(m.cpu.reg<uint8_t>(kEax), 7);
    EXPECT_FALSE(m.cpu.cf());
    EXPECT_EQ(m.cpu.gpr[kEsp], 0x8000u);
    EXPECT_EQ(m.cpu.eip, 0x1003u);
}

TEST(Cpu, DivideErrorIsAFault) {
    CpuFixture m;
    m.poke<uint32_t>(0, 0x00002000);
    m.put(0x1000, {0xf6, 0xf3});  // div bl
    m.put(0x2000, {0xf4});
    m.real_mode(0x1000);
    EXPECT_EQ(m.run(100), 2u);  // the fault and HLT
    EXPECT_EQ(m.peek<uint16_t>(0x7ffa), 0x1000);
}

TEST(Cpu, FetchBeyondTheSegmentLimit) {
    CpuFixture m;
    m.poke<uint32_t>(13 * 4, 0x00002000);
    m.put(0xffff, {0xb8});  // mov ax,... whose operand would lie beyond 0xffff
    m.put(0x2000, {0xf4});
    m.real_mode(0xffff);
    EXPECT_EQ(m.run(100), 2u);
    EXPECT_EQ(m.peek<uint16_t>(0x7ffa), 0xffff);
}

class Paged : public testing::Test {
  protected:
    // Identity mapping of the first 4 MiB; page 0x5000 is missing. #PF and #UD go to HLTs.
    Paged() {
        m.flat32(0x1000);
        m.poke<uint32_t>(0x100000, 0x101003);
        for (uint32_t n = 0; n < 1024; ++n) m.poke<uint32_t>(0x101000 + 4 * n, (n << 12) | 3);
        set_entry(5, 0);
        gate(kPF, 0x3000);
        gate(kUD, 0x3800);
        m.put(0x3000, {0xf4});
        m.put(0x3800, {0xf4});
        m.cpu.idtr = {0x2000, 0x7ff};
        m.cpu.write_cr3(0x100000);
        m.cpu.write_cr0(m.cpu.cr0 | kCr0PG);
    }
    void set_entry(uint32_t page, uint32_t value) { m.poke<uint32_t>(0x101000 + 4 * page, value); }
    void gate(unsigned vector, uint32_t target) {
        m.poke<uint64_t>(0x2000 + 8 * vector, 0x00008e0000080000 | target);
    }
    CpuFixture m;
};

TEST_F(Paged, InstructionOnTwoPages) {
    set_entry(5, 0x10003);
    m.put(0x4ffe, {0xb8, 0x78});              // mov eax,0x12345678
    m.put(0x10000, {0x56, 0x34, 0x12, 0xf4});
    m.cpu.eip = 0x4ffe;
    EXPECT_EQ(m.run(2), 2u);
    EXPECT_EQ(m.cpu.gpr[kEax], 0x12345678u);
    // The same linear address again, with another second page.
    m.put(0x11000, {0xff, 0xff, 0xff, 0xf4});
    const uint32_t entry = 0x11003;
    m.memory.write(0x101014, 4, entry);
    m.cpu.activity = Activity::kActive;
    m.cpu.update_step_event();
    m.cpu.eip = 0x4ffe;
    m.run(1);
    EXPECT_EQ(m.cpu.gpr[kEax], 0xffffff78u);
}

TEST_F(Paged, FaultOnTheSecondPageOnlyIfReached) {
    m.put(0x4ffd, {0x90, 0xb8, 0x78});
    m.cpu.eip = 0x4ffd;
    EXPECT_EQ(m.run(100), 3u);  // nop, the fault, hlt
    EXPECT_EQ(m.cpu.cr2, 0x5000u);
    EXPECT_EQ(m.peek<uint32_t>(0x9000 - 12), 0x4ffeu);
    m.cpu.activity = Activity::kActive;
    m.cpu.update_step_event();
    m.put(0x4ffd, {0x90, 0xff, 0xff});  // FF /7: no such instruction, whatever follows
    m.cpu.eip = 0x4ffd;
    m.run(100);
    EXPECT_EQ(m.cpu.eip, 0x3801u);
}

TEST_F(Paged, StoreIntoTheNextInstruction) {
    // mov byte [0x1007+1],0x42; mov al,0; hlt
    m.put(0x1000, {0xc6, 0x05, 0x08, 0x10, 0x00, 0x00, 0x42, 0xb0, 0x00, 0xf4});
    for (int pass = 0; pass < 3; ++pass) {
        m.put(0x1008, {0x00});
        m.cpu.eip = 0x1000;
        m.cpu.activity = Activity::kActive;
        m.cpu.update_step_event();
        EXPECT_EQ(m.run(100), 3u);
        EXPECT_EQ(m.cpu.reg<uint8_t>(kEax), 0x42);
    }
}

TEST_F(Paged, ChangeOfTheCodePageMapping) {
    // mov dword [0x101018],0x10003 (page 6); next instruction is fetched from the new page at once.
    m.put(0x6000, {0xc7, 0x05, 0x18, 0x10, 0x10, 0x00, 0x03, 0x00, 0x01, 0x00, 0xb0, 0x01, 0xf4});
    m.put(0x1000a - 0, {0xb0, 0x02, 0xf4});
    m.cpu.eip = 0x6000;
    EXPECT_EQ(m.run(100), 3u);
    EXPECT_EQ(m.cpu.reg<uint8_t>(kEax), 2);
}

TEST(Cpu, SingleStepTrapsAfterEachInstruction) {
    CpuFixture m;
    m.poke<uint32_t>(1 * 4, 0x00002000);
    m.put(0x2000, {0x43, 0xcf});                    // inc bx; iret
    m.put(0x1000, {0x9d, 0x90, 0x90, 0x90, 0xf4});  // popf; nop; nop; nop; hlt
    m.real_mode(0x1000);
    m.poke<uint16_t>(0x8000, 0x0102);
    m.run(5);
    EXPECT_EQ(m.cpu.reg<uint16_t>(kEbx), 1);  // popf, nop, trap, inc, iret
    EXPECT_EQ(m.cpu.eip, 0x1002u);
    m.run(8);
    EXPECT_EQ(m.cpu.reg<uint16_t>(kEbx), 3);
}

// ---- slices ----------------------------------------------------------------------------------------

// Everything that a run leaves behind.
std::vector<uint64_t> fingerprint(CpuFixture& m) {
    m.cpu.settle_flags();
    std::vector<uint64_t> v(m.cpu.gpr.begin(), m.cpu.gpr.begin() + 8);
    v.insert(v.end(), {m.cpu.eip, m.cpu.eflags, m.cpu.cr2, m.countdown.icount()});
    uint64_t sum = 0;
    for (uint64_t at = 0; at < 0x40000; at += 8)
        sum = (sum ^ load_le<uint64_t>(m.ram->data() + at)) * 0x9e3779b97f4a7c15;
    v.push_back(sum);
    return v;
}

// Random instructions, of which many fault; handlers return behind a fault by starting elsewhere.
void random_program(CpuFixture& m, uint32_t seed) {
    std::mt19937 random(seed);
    std::vector<uint8_t> code(0x3000);
    static constexpr uint8_t kCommon[] = {0x01, 0x8b, 0x89, 0x40, 0x48, 0xf3, 0xa5, 0xaa, 0xa4, 0x74, 0xeb, 0xe2,
                                          0x50, 0x58, 0xc3, 0xc7, 0x83, 0x0f, 0xa6, 0xae, 0xb8, 0xc6};
    for (uint8_t& b : code)
        b = static_cast<uint8_t>(random() % 2 ? random() : kCommon[random() % std::size(kCommon)]);
    m.put(0x10000, code);
    for (unsigned vector = 0; vector < 256; ++vector) {
        const uint32_t target = 0x10000 + (vector * 37 + seed) % 0x2f00;
        m.poke<uint64_t>(0x2000 + 8 * vector, 0x00008f0000080000 | (target & 0xffff) |
                                                  uint64_t{target & 0xffff0000} << 32);
    }
    m.flat32(0x10000);
    m.cpu.idtr = {0x2000, 0x7ff};
    for (Gpr r : {kEax, kEbx, kEdx, kEbp}) m.cpu.gpr[r] = 0x10000 + random() % 0x3000;
    m.cpu.gpr[kEsi] = 0x11000;
    m.cpu.gpr[kEdi] = 0x12800;
    m.cpu.gpr[kEcx] = 300;
    m.cpu.gpr[kEsp] = 0x20000;
}

TEST(Slices, CuttingChangesNothing) {
    uint64_t executed = 0;
    for (uint32_t seed = 0; seed < 60; ++seed) {
        CpuFixture whole("max", 4 << 20), cut("max", 4 << 20), flushed("max", 4 << 20);
        random_program(whole, seed);
        random_program(cut, seed);
        random_program(flushed, seed);
        std::mt19937 random(seed);
        constexpr uint64_t kInsns = 3000;
        const uint64_t n = whole.run(kInsns);
        for (uint64_t done = 0; done < n;) {
            const uint64_t want = std::min<uint64_t>(n - done, 1 + random() % 9);
            const uint64_t got = cut.run(want);
            EXPECT_EQ(flushed.run(want), got);
            flushed.cpu.flush_caches();
            if (!got) break;
            done += got;
        }
        ASSERT_EQ(fingerprint(whole), fingerprint(cut)) << "seed " << seed;
        ASSERT_EQ(fingerprint(whole), fingerprint(flushed)) << "seed " << seed;
        executed += n;
    }
    EXPECT_GT(executed, 30'000u);
}

}  // namespace
}  // namespace qr::i386
