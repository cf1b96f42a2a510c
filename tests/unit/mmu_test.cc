// SPDX-License-Identifier: GPL-2.0-or-later
//
// Paging, segment checks and the TLB's promise to be a perfect cache.
// Source: Intel SDM 3A chapters 4 and 5.3; docs/architecture.rst.
#include "target/i386/mmu.h"

#include <gtest/gtest.h>

#include "exec/ioport.h"

namespace qr::i386 {
namespace {

enum : uint32_t { kP = 1, kW = 2, kU = 4, kA = 0x20, kD = 0x40, kPs = 0x80 };
constexpr uint32_t kDirectory = 0x1000, kTable = 0x2000, kDirectoryPointers = 0x3000;

class MmuTest : public ::testing::Test {
  protected:
    MmuTest() {
        memory.map_ram(0, ram->size(), *ram, 0, 0);
        cpu.reset();
        for (Segment& s : cpu.seg) {
            s.attr = 0xc093;
            s.limit = 0xffffffff;
            s.base = 0;
            s.derive();
        }
        cpu.cr0 |= kCr0PE;
        countdown.grant(1000);
    }

    void put(uint64_t at, uint32_t value) { store_le(ram->data() + at, value); }
    void put64(uint64_t at, uint64_t value) { store_le(ram->data() + at, value); }
    uint32_t get(uint64_t at) { return load_le<uint32_t>(ram->data() + at); }

    // 32-bit paging, page n of the first 4 MiB at pte(n).
    void page_32() {
        put(kDirectory, kTable | kP | kW | kU);
        cpu.write_cr3(kDirectory);
        cpu.write_cr0(cpu.cr0 | kCr0PG | kCr0WP);
    }
    static uint32_t pte(uint32_t n) { return kTable + n * 4; }
    void page_pae() {
        put64(kDirectoryPointers, kDirectory | kP);
        put64(kDirectory, kTable | kP | kW | kU);
        cpu.write_cr4(kCr4PAE);
        cpu.write_cr3(kDirectoryPointers);
        cpu.write_cr0(cpu.cr0 | kCr0PG | kCr0WP);
    }

    template <class F>
    Fault fault_of(F f) {
        try {
            f();
        } catch (const Fault& fault) {
            return fault;
        }
        return Fault{0xfe};
    }
    void expect_pf(uint32_t error, uint32_t address, const Fault& f) {
        EXPECT_EQ(f.vector, kPF);
        EXPECT_EQ(f.error, error);
        EXPECT_EQ(f.address, address);
    }

    Countdown countdown;
    VirtualClock clock{countdown};
    AddressSpace memory;
    IoPortSpace ports;
    std::unique_ptr<RamBlock> ram = std::move(*RamBlock::create("ram", 16 << 20, false));
    CpuModel model = *parse_cpu_model("max");
    Cpu cpu{{memory, memory, ports, clock, countdown, nullptr, {}, {}}, model};
};

TEST_F(MmuTest, TranslatesAndSetsAccessedAndDirty) {
    put(pte(5), 0x9000 | kP | kW);
    put(0x9010, 0x12345678);
    page_32();
    EXPECT_EQ(cpu.read<uint32_t>(kDs, 0x5010), 0x12345678u);
    EXPECT_EQ(get(kDirectory), kTable | kP | kW | kU | kA);
    EXPECT_EQ(get(pte(5)), 0x9000 | kP | kW | kA);
    cpu.write<uint16_t>(kDs, 0x5010, 0xabcd);
    EXPECT_EQ(get(pte(5)), 0x9000 | kP | kW | kA | kD);
    EXPECT_EQ(get(0x9010), 0x1234abcdu);
}

TEST_F(MmuTest, ErrorCodes) {
    put(pte(1), 0x9000 | kP);           // supervisor, read-only
    put(pte(2), 0xa000 | kP | kU);      // user, read-only
    put(pte(3), 0xb000 | kP | kW);      // supervisor
    page_32();
    expect_pf(0, 0x4004, fault_of([&] { cpu.read<uint8_t>(kDs, 0x4004); }));
    expect_pf(2, 0x4004, fault_of([&] { cpu.write<uint8_t>(kDs, 0x4004, 1); }));
    expect_pf(0, 0x40'0000, fault_of([&] { cpu.read<uint8_t>(kDs, 0x40'0000); }));
    expect_pf(3, 0x1000, fault_of([&] { cpu.write<uint8_t>(kDs, 0x1000, 1); }));
    cpu.cpl = 3;
    expect_pf(5, 0x3000, fault_of([&] { cpu.read<uint8_t>(kDs, 0x3000); }));
    expect_pf(7, 0x2000, fault_of([&] { cpu.read_modify<uint8_t>(kDs, 0x2000); }));
    expect_pf(6, 0x4000, fault_of([&] { cpu.probe(kDs, 0x3fff - 0xfff + 0x1000, 1, true); }));
    EXPECT_EQ(cpu.read_system<uint8_t>(0x3000), 0);
    cpu.cpl = 0;
    cpu.write_cr0(cpu.cr0 & ~uint32_t{kCr0WP});
    cpu.write<uint8_t>(kDs, 0x1000, 0x77);
    EXPECT_EQ(get(0x9000) & 0xff, 0x77u);
    // A fault sets no bits.
    EXPECT_EQ(get(pte(2)) & (kA | kD), 0u);
}

TEST_F(MmuTest, LargePagesAndPse36) {
    put(kDirectory + 4, 0x400000 | kPs | kP | kW);
    page_32();
    put(0x400000 + 0x123450, 77);
    cpu.write_cr4(kCr4PSE);
    EXPECT_EQ(cpu.read<uint32_t>(kDs, 0x523450), 77u);
    put(kDirectory + 8, 0x1e000 | kPs | kP);  // 0xf'0000'0000
    EXPECT_EQ(peek_translate(cpu, 0x800123), 0xf'0000'0123u);
    put(kDirectory + 12, 0x20000 | kPs | kP);
    expect_pf(9, 0xc00000, fault_of([&] { cpu.read<uint8_t>(kDs, 0xc00000); }));
}

TEST_F(MmuTest, PaeNoExecuteAndReservedBits) {
    put64(kTable + 8, 0x9000 | kP | kW | uint64_t{1} << 63);
    put64(kTable + 16, 0xa000 | kP | uint64_t{1} << 40);
    put64(kDirectory + 8, 0x200000 | kPs | kP | kW);
    page_pae();
    expect_pf(9, 0x1000, fault_of([&] { cpu.read<uint8_t>(kDs, 0x1000); }));  // NXE is off: reserved
    cpu.write_msr(0xc0000080, 1 << 11);
    EXPECT_EQ(cpu.read<uint8_t>(kDs, 0x1000), 0);
    expect_pf(0x11, 0x1000, fault_of([&] { fetch_page(cpu, 0x1000); }));
    expect_pf(0x10, 0x3000, fault_of([&] { fetch_page(cpu, 0x3000); }));
    expect_pf(9, 0x2000, fault_of([&] { cpu.read<uint8_t>(kDs, 0x2000); }));
    EXPECT_EQ(fetch_page(cpu, 0x212345).physical, 0x212000u);
    cpu.write<uint8_t>(kDs, 0x212345, 9);
    EXPECT_EQ(ram->data()[0x212345], 9);
    // PDPTEs are registers: a change of memory counts at the next load.
    put64(kDirectoryPointers, 0);
    EXPECT_EQ(cpu.read<uint8_t>(kDs, 0x1000), 0);
    cpu.write_cr3(kDirectoryPointers);
    expect_pf(0, 0x1000, fault_of([&] { cpu.read<uint8_t>(kDs, 0x1000); }));
    put64(kDirectoryPointers, kDirectory | kP | kW);
    EXPECT_EQ(fault_of([&] { cpu.write_cr3(kDirectoryPointers); }).vector, kGP);
}

TEST_F(MmuTest, StoresIntoTablesAreSeenAtOnce) {
    put(pte(2), kTable | kP | kW);  // the table maps itself
    put(pte(5), 0x9000 | kP | kW);
    put(0x9000, 1);
    put(0xa000, 2);
    page_32();
    cpu.write<uint32_t>(kDs, 0x5ff0, 0);
    EXPECT_EQ(cpu.read<uint32_t>(kDs, 0x5000), 1u);
    cpu.write<uint32_t>(kDs, 0x2000 + 5 * 4, 0xa000 | kP | kW);
    EXPECT_EQ(cpu.read<uint32_t>(kDs, 0x5000), 2u);
    const uint32_t entry = 0x9000 | kP;
    memory.dma_write(pte(5), {reinterpret_cast<const uint8_t*>(&entry), 4});
    EXPECT_EQ(cpu.read<uint32_t>(kDs, 0x5000), 1u);
    expect_pf(3, 0x5000, fault_of([&] { cpu.write<uint32_t>(kDs, 0x5000, 0); }));
    // Making an absent entry present forgets nothing.
    const uint64_t generation = cpu.tlb.generation();
    cpu.write<uint32_t>(kDs, 0x2000 + 6 * 4, 0xa000 | kP | kW);
    EXPECT_EQ(cpu.tlb.generation(), generation);
    EXPECT_EQ(cpu.read<uint32_t>(kDs, 0x6000), 2u);
    EXPECT_EQ(cpu.tlb.generation(), generation);
}

TEST_F(MmuTest, AccessedBitsOfOthersAreSetAgain) {
    put(pte(2), kTable | kP | kW);
    put(pte(5), 0x9000 | kP | kW);
    page_32();
    cpu.write<uint8_t>(kDs, 0x5000, 1);
    // Software clears A and D without INVLPG: the next access sets them again.
    cpu.write<uint32_t>(kDs, 0x2000 + 5 * 4, 0x9000 | kP | kW);
    cpu.read<uint8_t>(kDs, 0x5000);
    EXPECT_EQ(get(pte(5)), 0x9000 | kP | kW | kA);
    cpu.write<uint8_t>(kDs, 0x5000, 1);
    EXPECT_EQ(get(pte(5)), 0x9000 | kP | kW | kA | kD);
}

TEST_F(MmuTest, PageCrossingStoresAreAllOrNothing) {
    put(pte(5), 0x9000 | kP | kW);
    put(pte(6), 0xb000 | kP);
    page_32();
    expect_pf(3, 0x6000, fault_of([&] { cpu.write<uint32_t>(kDs, 0x5ffe, 0x11223344); }));
    EXPECT_EQ(get(0x9ffc), 0u);
    put(pte(6), 0xb000 | kP | kW);
    cpu.flush_tlb();
    cpu.write<uint32_t>(kDs, 0x5ffe, 0x11223344);
    EXPECT_EQ(get(0x9ffc), 0x33440000u);
    EXPECT_EQ(get(0xb000), 0x1122u);
    EXPECT_EQ(cpu.read<uint32_t>(kDs, 0x5ffe), 0x11223344u);
    auto m = cpu.read_modify<uint64_t>(kDs, 0x5ffc);
    m.store(m.value + 1);
    EXPECT_EQ(get(0x9ffc), 0x33440001u);
    EXPECT_EQ(get(0xb000), 0x1122u);
}

TEST_F(MmuTest, FlushesChangeNothing) {
    for (uint32_t n = 0; n < 64; ++n) put(pte(n), (0x100000 + n * 0x1000) | kP | kW);
    page_32();
    uint32_t seed = 1;
    std::vector<uint8_t> mirror(64 << 12);
    for (unsigned i = 0; i < 20000; ++i) {
        seed = seed * 1664525 + 1013904223;
        const uint32_t at = (seed >> 8) % (mirror.size() - 8);
        if (seed & 0x80) {
            cpu.write<uint32_t>(kDs, at, seed);
            store_le(mirror.data() + at, seed);
        } else {
            ASSERT_EQ(cpu.read<uint32_t>(kDs, at), load_le<uint32_t>(mirror.data() + at));
        }
        if (i % 97 == 0) cpu.flush_tlb();
        if (i % 89 == 0) memory.clear_dirty_all(kDirtyDigest);
        if (i % 31 == 0) memory.watch_code(*ram, 0x100 + i % 64, uint64_t{1} << (i % 64));
    }
    EXPECT_EQ(std::memcmp(mirror.data(), ram->data() + 0x100000, mirror.size()), 0);
}

TEST_F(MmuTest, PeekHasNoSideEffects) {
    put(pte(5), 0x9000 | kP);
    page_32();
    put(0x9ffc, 0x04030201);
    uint8_t bytes[8];
    EXPECT_FALSE(peek_linear(cpu, 0x5ffc, bytes));
    EXPECT_EQ(load_le<uint64_t>(bytes), 0xffffffff04030201u);
    EXPECT_EQ(get(pte(5)), 0x9000 | kP);
    EXPECT_EQ(peek_translate(cpu, 0x7000), std::nullopt);
}

TEST_F(MmuTest, DataWatchpointsTrapAfterwards) {
    cpu.read<uint32_t>(kDs, 0x7000);
    cpu.write_dr(0, 0x7004);
    cpu.write_dr(7, 0x000d0001);  // write, 4 bytes
    cpu.write<uint32_t>(kDs, 0x7000, 1);
    cpu.read<uint32_t>(kDs, 0x7004);
    EXPECT_FALSE(cpu.events & kEventTrap);
    cpu.write<uint8_t>(kDs, 0x7007, 1);
    EXPECT_TRUE(cpu.events & kEventTrap);
    EXPECT_EQ(cpu.pending_dr6, 1u);
    EXPECT_EQ(countdown.remaining, 0);
    cpu.write_dr(7, 0);
    cpu.events = 0;
    cpu.write<uint8_t>(kDs, 0x7007, 1);
    EXPECT_EQ(cpu.events, 0u);
}

TEST_F(MmuTest, AlignmentIsCheckedForUsersOnly) {
    cpu.write_cr0(cpu.cr0 | kCr0AM);
    cpu.write_eflags(kACFlag, kACFlag);
    EXPECT_EQ(cpu.read<uint32_t>(kDs, 0x7001), 0u);
    cpu.cpl = 3;
    const Fault f = fault_of([&] { cpu.read<uint32_t>(kDs, 0x7001); });
    EXPECT_EQ(f.vector, kAC);
    EXPECT_TRUE(f.has_error);
    EXPECT_EQ(cpu.read<uint32_t>(kDs, 0x7004), 0u);
    EXPECT_EQ(cpu.read_system<uint32_t>(0x7001), 0u);
    cpu.write_eflags(0, kACFlag);
    EXPECT_EQ(cpu.read<uint32_t>(kDs, 0x7001), 0u);
}

TEST_F(MmuTest, SegmentLimits) {
    Segment& s = cpu.seg[kDs];
    s.limit = 0xfff;
    s.derive();
    EXPECT_EQ(cpu.read<uint32_t>(kDs, 0xffc), 0u);
    EXPECT_EQ(fault_of([&] { cpu.read<uint32_t>(kDs, 0xffd); }).vector, kGP);
    EXPECT_EQ(fault_of([&] { cpu.read<uint8_t>(kDs, 0xffffffff); }).vector, kGP);
    s.attr = 0xc097;  // expand down
    s.derive();
    EXPECT_EQ(fault_of([&] { cpu.read<uint8_t>(kDs, 0xfff); }).vector, kGP);
    EXPECT_EQ(cpu.read<uint8_t>(kDs, 0x1000), 0);
    s.attr = 0;
    s.derive();
    EXPECT_EQ(fault_of([&] { cpu.read<uint8_t>(kDs, 0); }).vector, kGP);
    s.attr = 0xc091;  // read-only
    s.derive();
    EXPECT_EQ(cpu.read<uint8_t>(kDs, 0), 0);
    EXPECT_EQ(fault_of([&] { cpu.write<uint8_t>(kDs, 0, 0); }).vector, kGP);
    cpu.seg[kSs].attr = 0;
    cpu.seg[kSs].derive();
    EXPECT_EQ(fault_of([&] { cpu.push<uint32_t>(0); }).vector, kSS);
}

TEST(CpuModelTest, ParsesQemusSpellings) {
    EXPECT_TRUE(parse_cpu_model("qemu32")->has(Feature::kSse3));
    EXPECT_FALSE(parse_cpu_model("qemu32,-pni")->has(Feature::kSse3));
    EXPECT_TRUE(parse_cpu_model("pentium3,+sse2,-apic")->has(Feature::kSse2));
    EXPECT_FALSE(parse_cpu_model("max,sse3=off")->has(Feature::kSse3));
    EXPECT_TRUE(parse_cpu_model("max,-nx,nx=on")->has(Feature::kBase));
    EXPECT_FALSE(parse_cpu_model("max,-nx,nx=on")->has(Feature::kNx));
    EXPECT_EQ(parse_cpu_model("486,family=6,model=6,stepping=3")->signature, 0x663u);
    EXPECT_FALSE(parse_cpu_model("athlon").ok());
    EXPECT_FALSE(parse_cpu_model("max,+avx").ok());
    EXPECT_FALSE(parse_cpu_model("max,nx=perhaps").ok());
}

}  // namespace
}  // namespace qr::i386
