// SPDX-License-Identifier: GPL-2.0-or-later
//
// A debugger's breakpoints: where they hit, on every engine, at which counts, and that the guest doesn't notice.
// Source: include/exec/debug_stops.h.

#include <deque>

#include "tests/unit/stops_fixture.h"

namespace qr::i386 {
namespace {

using namespace test;

constexpr uint64_t kRam = 1 << 20;
constexpr uint32_t kCode = 0x10000;
using SetUp = std::function<void(CpuFixture&)>;

// A stage: other breakpoints, and how far to go with them.
struct Stage {
    std::vector<uint64_t> breakpoints;
    uint64_t instructions;
};

// Every engine, in slices of several sizes, against one instruction at a time; the count of all hits.
size_t check(const SetUp& set_up, const std::vector<Stage>& stages) {
    CpuFixture one("max", kRam);
    set_up(one);
    std::vector<Hits> expected;
    size_t all = 0;
    for (const Stage& s : stages) {
        expected.push_back(reference(one, {s.breakpoints, {}}, s.instructions));
        all += expected.back().size();
    }
    for (const EngineKind& kind : engine_kinds()) {
        for (const uint64_t slice : {~uint64_t{0}, uint64_t{977}, uint64_t{3}}) {
            CpuFixture m("max", kRam, kind.make());
            set_up(m);
            for (size_t n = 0; n < stages.size(); ++n) {
                m.cpu.set_debug_stops({stages[n].breakpoints, {}});
                const Hits seen = run_with_stops(m, stages[n].instructions, slice);
                EXPECT_EQ(difference(expected[n], seen), "") << kind.name << ", slice " << slice << ", stage " << n;
            }
            EXPECT_EQ(difference(one, m), "") << kind.name << ", slice " << slice;
        }
    }
    return all;
}

// Two loops in a loop, with a call: 0x10000 .. 0x1001e.
void put_loops(CpuFixture& m, uint32_t at = kCode) {
    m.put(at, {0xb9, 0x28, 0, 0, 0,        // 00 mov ecx, 40
               0x40,                       // 05 inc eax
               0x01, 0xc3,                 // 06 add ebx, eax
               0x31, 0xda,                 // 08 xor edx, ebx
               0x49,                       // 0a dec ecx
               0x75, 0xf8,                 // 0b jnz 05
               0xb9, 0x07, 0, 0, 0,        // 0d mov ecx, 7
               0xe8, 0x05, 0, 0, 0,        // 12 call 1c
               0x49,                       // 17 dec ecx
               0x75, 0xf8,                 // 18 jnz 12
               0xeb, 0xe4,                 // 1a jmp 00
               0x42,                       // 1c inc edx
               0xc3});                     // 1d ret
    m.flat32(at);
}

TEST(DebugStops, EachInstructionOfLoops) {
    for (const uint32_t offset : {0x00, 0x05, 0x06, 0x08, 0x0a, 0x0b, 0x0d, 0x12, 0x17, 0x18, 0x1a, 0x1c, 0x1d})
        EXPECT_GT(check([](CpuFixture& m) { put_loops(m); }, {{{kCode + offset}, 3000}}), 0u) << offset;
}

TEST(DebugStops, NeverInsideAnInstruction) {
    for (const uint32_t offset : {0x01, 0x04, 0x07, 0x09, 0x0c, 0x13, 0x19, 0x1e})
        EXPECT_EQ(check([](CpuFixture& m) { put_loops(m); }, {{{kCode + offset}, 2000}}), 0u) << offset;
}

TEST(DebugStops, SetAndRemovedWhileHot) {
    const std::vector<uint64_t> a = {kCode + 0x08}, b = {kCode + 0x1c, kCode + 0x05}, both = {a[0], b[0], b[1], a[0]};
    const auto hits = check([](CpuFixture& m) { put_loops(m); },
                            {{{}, 20000}, {a, 3000}, {{}, 5000}, {a, 1}, {{}, 1}, {a, 500}, {b, 3000}, {both, 3000},
                             {b, 3000}, {{}, 20000}, {b, 1}, {{}, 3001}, {both, 3000}, {a, 3000}});
    EXPECT_GT(hits, 1000u);
}

TEST(DebugStops, AboveLinearAddressesNone) {
    EXPECT_EQ(check([](CpuFixture& m) { put_loops(m); }, {{{uint64_t{1} << 32 | (kCode + 5)}, 2000}}), 0u);
}

// Each instruction of a loop over three pages' borders, one of which an instruction crosses.
TEST(DebugStops, OnPageBorders) {
    const auto set_up = [](CpuFixture& m) {
        m.put(kCode + 0xff8, {0x40, 0x43, 0xb9, 0xff, 0x00, 0x00, 0x00,  // 0xff8, 0xff9, 0xffa
                              0x83, 0xc2, 0x05, 0x49,                    // 0xfff add edx, 5; 0x1002
                              0xe9, 0xef, 0x0f, 0, 0});                  // 0x1003 to 0x1ff7
        m.put(kCode + 0x1ff7, {0x42, 0x40, 0x43, 0x4a, 0x90, 0x46,       // up to 0x1ffc
                               0xe9, 0xf6, 0xef, 0xff, 0xff});           // 0x1ffd to 0xff8
        m.flat32(kCode + 0xff8);
    };
    for (const uint32_t offset : {0xff8, 0xffa, 0xfff, 0x1002, 0x1003, 0x1ff7, 0x1ffc, 0x1ffd})
        EXPECT_GT(check(set_up, {{{}, 500}, {{kCode + offset}, 500}, {{}, 500}}), 30u) << offset;
    EXPECT_EQ(check(set_up, {{{kCode + 0x2000, kCode + 0xffc, kCode + 0x1000}, 500}}), 0u);
    EXPECT_GT(check(set_up, {{{kCode + 0x1ffd, kCode + 0xfff, kCode + 0x1002}, 500}}), 100u);
}

// A page of code at three linear addresses, called in turn.
TEST(DebugStops, SamePageAtSeveralAddresses) {
    constexpr uint32_t kDirectory = 0x40000, kTable = 0x41000, kA = 0x60000, kB = 0x61000, kC = 0x62000;
    const auto set_up = [](CpuFixture& m) {
        m.put(kCode, {0xb8, 0, 0, 6, 0, 0xff, 0xd0,   // mov eax, 0x60000; call eax
                      0xb8, 0, 0x10, 6, 0, 0xff, 0xd0,
                      0xb8, 0, 0x20, 6, 0, 0xff, 0xd0,
                      0xeb, 0xe9});
        m.put(0x20000, {0xb9, 5, 0, 0, 0,  // 00 mov ecx, 5
                        0x43,              // 05 inc ebx
                        0x01, 0xda,        // 06 add edx, ebx
                        0x49,              // 08 dec ecx
                        0x75, 0xfa,        // 09 jnz 05
                        0xeb, 0x03, 0x90, 0x90, 0x90,  // 0b jmp 10
                        0x47, 0xc3});      // 10 inc edi; ret
        m.poke<uint32_t>(kDirectory, kTable | 3);
        for (uint32_t page = 0; page < 0x100; ++page) m.poke<uint32_t>(kTable + page * 4, page << 12 | 3);
        for (const uint32_t linear : {kA, kB, kC}) m.poke<uint32_t>(kTable + (linear >> 12) * 4, 0x20000 | 3);
        m.flat32(kCode);
        m.cpu.cr3 = kDirectory;
        m.cpu.cr0 |= kCr0PG;
        m.cpu.flush_tlb();
    };
    EXPECT_GT(check(set_up, {{{}, 3000}, {{kB + 6}, 3000}, {{}, 1000}, {{kC + 6}, 1000}}), 0u);
    EXPECT_GT(check(set_up, {{{kA + 5, kB + 6}, 3000}, {{kA + 0x10, kB + 8, kC + 9}, 3000}, {{kC + 0x10}, 1000}}), 0u);
    EXPECT_GT(check(set_up, {{{}, 3000}, {{kA}, 1}, {{kA, kB, kB + 0xb}, 3000}}), 0u);
    EXPECT_EQ(check(set_up, {{{0x20005, kA + 7, kB + 1}, 3000}}), 0u);  // physical; inside
}

// Processes with their own tables: the breakpoint is at the linear address in each, and flushes are frequent.
TEST(DebugStops, TranslationsChange) {
    constexpr uint32_t kTables = 0x40000;
    const auto set_up = [](CpuFixture& m) {
        m.put(kCode, {0xb8, 0, 0, 4, 0, 0x0f, 0x22, 0xd8,         // mov eax, 0x40000; mov cr3, eax
                      0xbe, 0, 0, 6, 0, 0xff, 0xd6,               // mov esi, 0x60000; call esi
                      0xb8, 0, 0x20, 4, 0, 0x0f, 0x22, 0xd8, 0xff, 0xd6, 0xeb, 0xe4});
        m.put(0x20000, {0x43, 0x43, 0x47, 0xc3});
        m.put(0x21000, {0x42, 0x90, 0x90, 0x46, 0x4e, 0xc3});
        for (uint32_t space = 0; space < 2; ++space) {
            const uint32_t directory = kTables + space * 0x2000, table = directory + 0x1000;
            m.poke<uint32_t>(directory, table | 3);
            for (uint32_t page = 0; page < 0x100; ++page) m.poke<uint32_t>(table + page * 4, page << 12 | 3);
            m.poke<uint32_t>(table + 0x60 * 4, (0x20000 + space * 0x1000) | 3);
        }
        m.flat32(kCode);
        m.cpu.cr3 = kTables;
        m.cpu.cr0 |= kCr0PG;
        m.cpu.flush_tlb();
    };
    for (const uint32_t offset : {0, 1, 2, 3, 4, 5})
        EXPECT_GT(check(set_up, {{{}, 1000}, {{0x60000 + offset}, 500}, {{}, 300}, {{0x60000 + offset, kCode + 0xf}, 500}}), 0u);
}

// A repeated instruction comes back to its own address after each iteration.
TEST(DebugStops, Repeated) {
    const auto set_up = [](CpuFixture& m) {
        m.put(kCode, {0xbf, 0, 0, 2, 0, 0xb9, 0x46, 0, 0, 0,   // mov edi, 0x20000; mov ecx, 70
                      0xf3, 0xaa,                              // 0a rep stosb
                      0xbe, 0, 0, 2, 0, 0xb1, 0x20,            // 0c mov esi, 0x20000; 11 mov cl, 32
                      0xf3, 0xa5,                              // 13 rep movsd
                      0xf3, 0xa4,                              // 15 rep movsb, none
                      0x40, 0xeb, 0xe6});                      // 17 inc eax; jmp 00
        m.flat32(kCode);
    };
    EXPECT_GT(check(set_up, {{{}, 1000}, {{kCode + 0x0a}, 1000}}), 400u);
    EXPECT_GT(check(set_up, {{{}, 1000}, {{kCode + 0x13, kCode + 0x17}, 1000}}), 200u);
    EXPECT_GT(check(set_up, {{{}, 1000}, {{kCode + 0x15, kCode + 0x0c}, 1000}}), 10u);
}

TEST(DebugStops, RealMode) {
    const auto set_up = [](CpuFixture& m) {
        m.put(0x7000, {0xb9, 0x20, 0, 0x40, 0x01, 0xc3, 0xe2, 0xfb, 0xeb, 0xf6});  // mov cx; inc ax; add bx, ax; loop; jmp
        m.real_mode(0x7000);
        m.cpu.seg[kCs].base = 0x1000;
        m.cpu.eip = 0x6000;
    };
    EXPECT_GT(check(set_up, {{{}, 500}, {{0x7004}, 500}, {{0x7003, 0x7006}, 500}, {{0x6004}, 500}}), 300u);
}

// Entered by INT n, by a fault and by NMI; and the page of a breakpoint that can't be fetched.
TEST(DebugStops, Handlers) {
    constexpr uint32_t kIdt = 0x2000;
    const auto set_up = [](CpuFixture& m) {
        m.put(kCode, {0x40, 0xcd, 0x30, 0x43, 0x31, 0xc9, 0xf7, 0xf1, 0xeb, 0xf6});  // inc; int 0x30; inc; xor; div ecx; jmp
        m.put(kCode + 0x100, {0x42, 0xcf});                       // inc edx; iret
        m.put(kCode + 0x200, {0x83, 0x04, 0x24, 2, 0xcf});        // add [esp], 2; iret
        m.flat32(kCode);
        const auto gate = [&](uint32_t vector, uint32_t to) {
            m.poke<uint64_t>(kIdt + 8 * vector, 0x00008e0000080000 | (to & 0xffff) | uint64_t{to & 0xffff0000} << 32);
        };
        gate(0x30, kCode + 0x100);
        gate(kNMI, kCode + 0x100);
        gate(kDE, kCode + 0x200);
        m.cpu.idtr = {kIdt, 0x7ff};
    };
    for (const uint32_t at : {0x000, 0x001, 0x003, 0x006, 0x008, 0x100, 0x101, 0x200, 0x204})
        EXPECT_GT(check(set_up, {{{}, 1000}, {{kCode + at}, 1000}}), 80u) << at;
}

TEST(DebugStops, BeforeTheFetchFaults) {
    const auto set_up = [](CpuFixture& m) {
        m.put(kCode, {0xe9, 0xfb, 0xff, 0x2f, 0});  // to 0x310000, where nothing is
        m.put(0x11000, {0xeb, 0xfe});
        m.flat32(kCode);
        m.poke<uint32_t>(0x40000, 0x41000 | 3);
        for (uint32_t page = 0; page < 0x100; ++page) m.poke<uint32_t>(0x41000 + page * 4, page << 12 | 3);
        m.poke<uint64_t>(0x2000 + 8 * kPF, 0x00018e0000081000);
        m.cpu.idtr = {0x2000, 0x7ff};
        m.cpu.cr3 = 0x40000;
        m.cpu.cr0 |= kCr0PG;
        m.cpu.flush_tlb();
    };
    EXPECT_EQ(check(set_up, {{{0x310000, 0x11000}, 10}}), 9u);
}

// Writing IA32_APIC_BASE raises an interrupt.
class Requests final : public InterruptController {
  public:
    explicit Requests(Cpu& cpu) : cpu_(cpu) {}
    uint8_t acknowledge() override {
        cpu_.set_intr(false);
        return 0x31;
    }
    uint64_t apic_base() const override { return 0; }
    bool set_apic_base(uint64_t) override {
        cpu_.set_intr(true);
        return true;
    }
    bool apic_enabled() const override { return false; }
    uint8_t cr8() const override { return 0; }
    void set_cr8(uint8_t) override {}
    uint64_t tsc_deadline() const override { return 0; }
    void set_tsc_deadline(uint64_t) override {}
    void tsc_changed() override {}

  private:
    Cpu& cpu_;
};

// Traps, held interrupts and single steps come where they would without the breakpoint: nothing of the next instruction
// has begun when it hits.
TEST(DebugStops, EventsAreAsBefore) {
    std::deque<Requests> requests;
    const auto set_up = [&requests](CpuFixture& m) {
        m.put(kCode, {0x9c, 0x81, 0x0c, 0x24, 0, 1, 0, 0, 0x9d,  // 00 pushf; 01 or [esp], TF; 08 popf
                      0x40, 0x43,                                // 09 inc eax; inc ebx
                      0x16, 0x17, 0x42,                          // 0b push ss; 0c pop ss; 0d inc edx
                      0xfa, 0xfb, 0x90, 0x46,                    // 0e cli; sti; nop; inc esi
                      0x9c, 0x81, 0x24, 0x24, 0xff, 0xfe, 0xff, 0xff, 0x9d,  // 12 pushf; and [esp], ~TF; 1a popf
                      0xfb, 0x40, 0x43, 0xfa,                    // 1b sti; inc eax; inc ebx; cli
                      0xb9, 0x1b, 0, 0, 0, 0x0f, 0x30,           // 1f mov ecx, 0x1b; 24 wrmsr
                      0xeb, 0xd8});                              // 26 jmp 00
        m.put(kCode + 0x100, {0x47, 0xcf});                      // inc edi; iret
        m.flat32(kCode);
        for (const uint32_t vector : {1, 0x31})
            m.poke<uint64_t>(0x2000 + 8 * vector, 0x00018e0000080100);
        m.cpu.idtr = {0x2000, 0x7ff};
        m.cpu.wiring.interrupts = &requests.emplace_back(m.cpu);
        m.cpu.set_intr(true);
    };
    for (const uint32_t at : {0x00, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f, 0x24, 0x26, 0x100, 0x101})
        EXPECT_GT(check(set_up, {{{}, 10}, {{kCode + at}, 1500}}), 5u) << at;
}

// The code before, behind and at the breakpoint is written while it runs.
TEST(DebugStops, CodeIsOverwritten) {
    const auto set_up = [](CpuFixture& m) {
        m.put(kCode, {0xb9, 0x14, 0, 0, 0,                      // 00 mov ecx, 20
                      0x40, 0x43, 0x42,                         // 05 inc eax; inc ebx; inc edx
                      0x80, 0x35, 0x06, 0, 1, 0, 0x08,          // 08 xor byte [0x10006], 8: dec ebx, inc ebx in turn
                      0xe2, 0xf4,                               // 0f loop 05
                      0x80, 0x35, 0x07, 0, 1, 0, 0x08,          // 11 xor byte [0x10007], 8
                      0xeb, 0xe6});                             // 18 jmp 00
        m.flat32(kCode);
    };
    for (const uint32_t at : {0x05, 0x06, 0x07, 0x08, 0x0f})
        EXPECT_GT(check(set_up, {{{}, 1000}, {{kCode + at}, 1000}, {{}, 100}, {{kCode + at, kCode + 0x11}, 1000}}), 200u);
}

TEST(DebugStops, HaltedAndWoken) {
    const auto set_up = [](CpuFixture& m) {
        m.put(kCode, {0xf4, 0x40, 0xeb, 0xfc});
        m.put(kCode + 0x100, {0x47, 0xcf});
        m.flat32(kCode);
        m.poke<uint64_t>(0x2000 + 8 * kNMI, 0x00018e0000080100);
        m.cpu.idtr = {0x2000, 0x7ff};
    };
    for (const EngineKind& kind : engine_kinds()) {
        CpuFixture m("max", kRam, kind.make());
        set_up(m);
        m.cpu.set_debug_stops({{kCode, kCode + 1}, {}});
        EXPECT_EQ(difference({{.icount = 0, .address = kCode}}, run_with_stops(m, 10)), "") << kind.name;
        EXPECT_TRUE(m.cpu.halted());
        EXPECT_TRUE(run_with_stops(m, 10).empty());
        m.cpu.raise_nmi();
        EXPECT_EQ(difference({{.icount = 4, .address = kCode + 1}, {.icount = 6, .address = kCode}}, run_with_stops(m, 10)), "");
    }
}

TEST(DebugStops, ToldOnceUntilStateIsLoaded) {
    for (const EngineKind& kind : engine_kinds()) {
        CpuFixture m("max", kRam, kind.make());
        put_loops(m);
        const auto go = [&m](uint64_t n) {
            m.countdown.grant(n);
            m.cpu.run();
            if (m.countdown.remaining > 0) m.countdown.leave();
            return m.cpu.take_debug_hit();
        };
        m.cpu.set_debug_stops({{kCode + 0x06}, {}});
        auto hit = go(1000);
        ASSERT_TRUE(hit) << kind.name;
        EXPECT_EQ(hit->icount, 2u);
        EXPECT_EQ(m.cpu.program_counter(), kCode + 0x06);
        EXPECT_FALSE(m.cpu.take_debug_hit());
        const StateDump here = dump(m);
        hit = go(1000);
        ASSERT_TRUE(hit);
        EXPECT_EQ(hit->icount, 7u);
        ASSERT_TRUE(load_state([&m](StateVisitor& v) { m.cpu.state(v); }, here));
        m.countdown.target = 2;
        m.cpu.after_load();
        hit = go(1000);  // again
        ASSERT_TRUE(hit);
        EXPECT_EQ(hit->icount, 2u);
        m.cpu.after_load();
        m.cpu.pass_breakpoint();
        hit = go(1000);
        ASSERT_TRUE(hit);
        EXPECT_EQ(hit->icount, 7u);
        // Only the present one counts as told.
        m.cpu.pass_breakpoint();
        EXPECT_FALSE(go(1));
        hit = go(100);
        ASSERT_TRUE(hit);
        EXPECT_EQ(hit->icount, 12u);
        // Set where the machine is: that counts as soon as it goes on.
        m.cpu.set_debug_stops({{kCode + 0x08}, {}});
        EXPECT_FALSE(go(1));
        hit = go(1);
        ASSERT_TRUE(hit);
        EXPECT_EQ(hit->icount, 13u);
        EXPECT_EQ(hit->address, kCode + 0x08);
        // Told at this count, but at another address.
        m.cpu.set_debug_stops({{kCode + 0x08, kCode}, {}});
        m.cpu.eip = kCode;
        hit = go(1);
        ASSERT_TRUE(hit);
        EXPECT_EQ(hit->address, kCode);
    }
}

// Many, all over a program that goes through all of its pages.
TEST(DebugStops, Thousands) {
    const auto set_up = [](CpuFixture& m) {
        std::vector<uint8_t> code;
        while (code.size() < 0x4000) code.insert(code.end(), {0x40, 0x01, 0xc3, 0x90});
        code.insert(code.end(), {0xe9, 0xfb, 0xbf, 0xff, 0xff});
        m.put(kCode, code);
        m.flat32(kCode);
    };
    std::vector<uint64_t> some;
    for (uint32_t n = 0; n < 2000; ++n) some.push_back(kCode + (n * 7919 & 0x3fff));
    EXPECT_GT(check(set_up, {{{}, 30000}, {some, 30000}, {{}, 10000}}), 2000u);
}

}  // namespace
}  // namespace qr::i386
