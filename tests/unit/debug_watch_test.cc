// SPDX-License-Identifier: GPL-2.0-or-later
//
// A debugger's watchpoints: every kind of access, on every engine, at which counts, and that the guest doesn't notice.
// Source: include/exec/debug_stops.h.

#include "tests/unit/stops_fixture.h"

namespace qr::i386 {
namespace {

using namespace test;

constexpr uint64_t kRam = 1 << 19;
constexpr uint32_t kCode = 0x10000, kIdt = 0x2000;
// What the registers hold before each: ESI's is at a page's end.
constexpr uint32_t kSource = 0x20ffe, kDestination = 0x22000, kStack = 0x24000;

struct Touched {
    uint32_t address, size;
    bool write;
};
struct Access {
    const char* name;
    std::vector<uint8_t> code;
    std::vector<Touched> touches;  // in this order
    uint32_t ecx = 3;
    bool more = false;  // further bytes are touched behind those
};
using List = std::vector<Touched>;

List add(List a, const List& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}
List elements(uint32_t n, uint32_t size, bool read, bool write, int direction = 1) {
    List l;
    for (uint32_t i = 0; i < n; ++i) {
        const auto by = static_cast<uint32_t>(direction * static_cast<int>(i * size));
        if (read) l.push_back({kSource + by, size, false});
        if (write) l.push_back({kDestination + by, size, true});
    }
    return l;
}
List pushes(uint32_t n) {
    List l;
    for (uint32_t i = 1; i <= n; ++i) l.push_back({kStack - 4 * i, 4, true});
    return l;
}
List pops(uint32_t n) {
    List l;
    for (uint32_t i = 0; i < n; ++i) l.push_back({kStack + 4 * i, 4, false});
    return l;
}

const std::vector<Access>& accesses() {
    static const List read4 = {{kSource, 4, false}}, write4 = {{kSource, 4, true}}, both4 = {{kSource, 4, false}, {kSource, 4, true}};
    static const List gate = {{kIdt + 8 * 0x30, 8, false}, {0x808, 8, false}};
    static const std::vector<Access> all = {
        {"mov eax, [esi]", {0x8b, 0x06}, read4},
        {"mov [esi], eax", {0x89, 0x06}, write4},
        {"mov al, [esi+2]", {0x8a, 0x46, 0x02}, {{kSource + 2, 1, false}}},
        {"mov [edi], ax", {0x66, 0x89, 0x07}, {{kDestination, 2, true}}},
        {"mov eax, [abs]", {0xa1, 0x00, 0x20, 0x02, 0x00}, {{kDestination, 4, false}}},
        {"mov [abs], al", {0xa2, 0x03, 0x20, 0x02, 0x00}, {{kDestination + 3, 1, true}}},
        {"mov [abs], eax in the page of the code", {0xa3, 0x00, 0x08, 0x01, 0x00}, {{kCode + 0x800, 4, true}}},
        {"inc [abs] in the page of the code", {0xff, 0x05, 0x00, 0x08, 0x01, 0x00}, {{kCode + 0x800, 4, false}, {kCode + 0x800, 4, true}}},
        {"mov [edi], 5", {0xc7, 0x07, 5, 0, 0, 0}, {{kDestination, 4, true}}},
        {"movzx eax, word [esi]", {0x0f, 0xb7, 0x06}, {{kSource, 2, false}}},
        {"cmovz eax, [edi]", {0x0f, 0x44, 0x07}, {{kDestination, 4, false}}},
        {"add [esi], eax", {0x01, 0x06}, both4},
        {"add eax, [esi]", {0x03, 0x06}, read4},
        {"cmp [esi], eax", {0x39, 0x06}, read4},
        {"inc byte [edi]", {0xfe, 0x07}, {{kDestination, 1, false}, {kDestination, 1, true}}},
        {"shl dword [esi], 3", {0xc1, 0x26, 3}, both4},
        {"not dword [esi]", {0xf7, 0x16}, both4},
        {"setz [edi]", {0x0f, 0x94, 0x07}, {{kDestination, 1, true}}},
        {"xchg [esi], eax", {0x87, 0x06}, both4},
        {"lock xadd [esi], eax", {0xf0, 0x0f, 0xc1, 0x06}, both4},
        {"cmpxchg [edi], ebx", {0x0f, 0xb1, 0x1f}, {{kDestination, 4, false}, {kDestination, 4, true}}},
        {"cmpxchg8b [edi]", {0x0f, 0xc7, 0x0f}, {{kDestination, 8, false}, {kDestination, 8, true}}},
        {"bts [edi], ecx", {0x0f, 0xab, 0x0f}, {{kDestination + 4, 4, false}, {kDestination + 4, 4, true}}, 35},
        {"xlat", {0xbb, 0, 0x20, 2, 0, 0xd7}, {{kDestination + 0x10, 1, false}}},
        {"push eax", {0x50}, pushes(1)},
        {"push 5", {0x6a, 5}, pushes(1)},
        {"push [esi]", {0xff, 0x36}, add(read4, pushes(1))},
        {"three pushes", {0x50, 0x53, 0x52}, pushes(3)},
        {"pop ebx", {0x5b}, pops(1)},
        {"pop [edi]", {0x8f, 0x07}, add(pops(1), {{kDestination, 4, true}})},
        {"pushf", {0x9c}, pushes(1)},
        {"pusha", {0x60}, pushes(8)},
        {"popa", {0x61}, pops(8)},
        {"call", {0xe8, 0, 0, 0, 0}, pushes(1)},
        {"call [edi]", {0xc7, 0x07, 0x21, 0, 1, 0, 0xff, 0x17}, add({{kDestination, 4, true}, {kDestination, 4, false}}, pushes(1))},
        {"enter 16, 0", {0xc8, 0x10, 0, 0}, pushes(1)},
        {"leave", {0x89, 0xe5, 0xc9}, pops(1)},
        {"movsd", {0xa5}, elements(1, 4, true, true)},
        {"lodsb", {0xac}, elements(1, 1, true, false)},
        {"stosw", {0x66, 0xab}, {{kDestination, 2, true}}},
        {"scasd", {0xaf}, {{kDestination, 4, false}}},
        {"cmpsd", {0xa7}, {{kSource, 4, false}, {kDestination, 4, false}}},
        {"rep movsb", {0xf3, 0xa4}, elements(3, 1, true, true)},
        {"rep movsb, long", {0xf3, 0xa4}, elements(300, 1, true, true), 300},
        {"rep movsd", {0xf3, 0xa5}, elements(40, 4, true, true), 40},
        {"rep movsd downwards", {0xfd, 0xf3, 0xa5, 0xfc}, elements(100, 4, true, true, -1), 100},
        {"rep stosd", {0xf3, 0xab}, elements(20, 4, false, true), 20},
        {"rep stosd, long", {0xf3, 0xab}, elements(200, 4, false, true), 200},
        {"rep stosb, none", {0xf3, 0xaa}, {}, 0},
        {"rep lodsd", {0xf3, 0xad}, elements(30, 4, true, false), 30},
        {"repne scasb", {0xf2, 0xae}, {{kDestination, 1, false}}, 30},
        {"repe cmpsb", {0xf3, 0xa6}, {{kSource, 1, false}, {kDestination, 1, false}}, 30},
        {"movups xmm0, [esi]", {0x0f, 0x10, 0x06}, {{kSource, 8, false}, {kSource + 8, 8, false}}},
        {"movaps [edi], xmm0", {0x0f, 0x29, 0x07}, {{kDestination, 16, true}}},
        {"addps xmm0, [edi]", {0x0f, 0x58, 0x07}, {{kDestination, 16, false}}},
        {"movss [esi], xmm0", {0xf3, 0x0f, 0x11, 0x06}, write4},
        {"movdqu [edi], xmm0", {0xf3, 0x0f, 0x7f, 0x07}, {{kDestination, 16, true}}},
        {"movq mm0, [esi]; emms", {0x0f, 0x6f, 0x06, 0x0f, 0x77}, {{kSource, 8, false}}},
        {"fld qword [esi]; fstp st0", {0xdd, 0x06, 0xdd, 0xd8}, {{kSource, 8, false}}},
        {"fld1; fstp tbyte [edi]", {0xd9, 0xe8, 0xdb, 0x3f}, {{kDestination, 10, true}}},
        {"fld1; fist dword [edi]", {0xd9, 0xe8, 0xdb, 0x1f}, {{kDestination, 4, true}}},
        {"fnstcw [edi]", {0xd9, 0x3f}, {{kDestination, 2, true}}},
        {"fxsave [edi]", {0x0f, 0xae, 0x07}, {{kDestination, 2, true}}, 3, true},
        {"fxrstor [edi]", {0x0f, 0xae, 0x07, 0x0f, 0xae, 0x0f}, {{kDestination, 2, true}, {kDestination, 2, false}}, 3, true},
        {"sgdt [edi]", {0x0f, 0x01, 0x07}, {{kDestination, 2, true}, {kDestination + 2, 4, true}}},
        {"mov ds, eax", {0x8e, 0xd8}, {{0x810, 8, false}}},
        {"verr ax", {0x0f, 0x00, 0xe0}, {{0x810, 8, false}}},
        {"int 0x30", {0xcd, 0x30}, add(gate, pushes(3))},
        {"div by zero", {0xf7, 0xf1}, add({{kIdt, 8, false}, {0x808, 8, false}}, pushes(3)), 0},
        {"clflush [edi]", {0x0f, 0xae, 0x3f}, {}},
        {"lea eax, [edi]", {0x8d, 0x07}, {}},
    };
    return all;
}

// The access again and again, with registers set anew each time.
void set_up(CpuFixture& m, const Access& a) {
    std::vector<uint8_t> code;
    const auto mov = [&code](unsigned reg, uint32_t value) {
        code.push_back(static_cast<uint8_t>(0xb8 | reg));
        for (unsigned i = 0; i < 4; ++i) code.push_back(static_cast<uint8_t>(value >> (8 * i)));
    };
    mov(kEsi, kSource);
    mov(kEdi, kDestination);
    mov(kEcx, a.ecx);
    mov(kEsp, kStack);
    mov(kEax, 0x10);
    code.insert(code.end(), a.code.begin(), a.code.end());
    const auto next = static_cast<uint32_t>(code.size()) + 5;
    code.push_back(0xe9);
    for (unsigned i = 0; i < 4; ++i) code.push_back(static_cast<uint8_t>((0u - next) >> (8 * i)));
    m.put(kCode, code);
    m.flat32(kCode);
    for (uint32_t at = 0x1f000; at < 0x25000; ++at) m.poke<uint8_t>(at, static_cast<uint8_t>(at * 7 + (at >> 8)));
    m.poke<uint8_t>(kDestination, 0x10);
    for (const uint32_t vector : {0x00, 0x30})
        m.poke<uint64_t>(kIdt + 8 * vector, 0x00018e0000080000);  // the program's start
    m.cpu.idtr = {kIdt, 0x7ff};
    m.cpu.cr4 |= kCr4OSFXSR;
    m.cpu.fpu.control = 0x37f;
}

// The first watched byte of the accesses in turn.
std::optional<Touched> first_touch(const Access& a, const Watchpoint& w) {
    for (const Touched& t : a.touches) {
        if (!(t.write ? w.write : w.read)) continue;
        if (t.address < w.address + w.length && w.address < t.address + t.size)
            return Touched{std::max(t.address, static_cast<uint32_t>(w.address)), 1, t.write};
    }
    return std::nullopt;
}

// Hits of an instruction at a time, which all engines have to have; 0 or more. Not thorough: on two engines.
size_t check(const Access& a, const std::vector<Watchpoint>& watchpoints, uint64_t n, bool thorough = true) {
    const DebugStops stops{{}, watchpoints};
    CpuFixture one("max", kRam);
    set_up(one, a);
    const Hits expected = reference(one, stops, n);
    if (watchpoints.size() == 1) {
        const auto first = first_touch(a, watchpoints[0]);
        EXPECT_EQ(first.has_value(), !expected.empty()) << a.name;
        if (first && !expected.empty()) {
            EXPECT_EQ(expected[0].address, first->address) << a.name;
            EXPECT_EQ(expected[0].watchpoint, watchpoints[0]) << a.name;
            EXPECT_GE(expected[0].written, first->write) << a.name;
        }
    }
    unsigned kinds = 0;
    for (const EngineKind& kind : engine_kinds()) {
        if (!thorough && ++kinds > 2) break;
        CpuFixture m("max", kRam, kind.make());
        set_up(m, a);
        m.cpu.set_debug_stops(stops);
        const Hits seen = run_with_stops(m, n, 1009);
        EXPECT_EQ(difference(expected, seen), "") << a.name << ", " << kind.name << ", " << watchpoints[0].address << '+' << watchpoints[0].length;
        EXPECT_EQ(difference(one, m), "") << a.name << ", " << kind.name;
        if (!thorough) continue;
        CpuFixture without("max", kRam, kind.make());
        set_up(without, a);
        without.run(n);
        EXPECT_EQ(difference(without, m), "") << a.name << ", " << kind.name;
    }
    return expected.size();
}

class DebugWatch : public testing::TestWithParam<size_t> {};

// Around each byte that is touched first or last in an access, and next to it.
TEST_P(DebugWatch, Access) {
    const Access& a = accesses()[GetParam()];
    size_t hits = 0;
    unsigned looked = 0;
    for (const Touched& t : a.touches) {
        if (++looked > 4) break;
        for (const auto& [address, length] : {std::pair{t.address, 1u}, {t.address + t.size - 1, 1u}, {t.address + t.size, 3u},
                                              {t.address - 2, 2u}, {t.address - 9, 40u}}) {
            if (a.more && address + length > t.address + t.size) continue;
            for (const unsigned how : {1, 2, 3}) {
                const Watchpoint w{address, length, (how & 1) != 0, (how & 2) != 0};
                hits += check(a, {w}, 700, looked == 1);
            }
        }
    }
    EXPECT_EQ(hits > 0, !a.touches.empty()) << a.name;
}
INSTANTIATE_TEST_SUITE_P(All, DebugWatch, testing::Range<size_t>(0, accesses().size()), [](const auto& info) {
    std::string name;
    for (const char* c = accesses()[info.param].name; *c; ++c) name += std::isalnum(static_cast<unsigned char>(*c)) ? *c : '_';
    return name;
});

const Access& access(std::string_view name) {
    for (const Access& a : accesses())
        if (a.name == name) return a;
    throw std::out_of_range("no such access");
}

// Watchpoints of any length take neither memory nor time per byte; what the program doesn't touch doesn't matter.
TEST(DebugWatchLarge, Ranges) {
    const Access& a = access("rep movsd");
    EXPECT_GT(check(a, {{0x20000, 0x10000, true, true}}, 2000), 500u);
    EXPECT_GT(check(a, {{0, 0x80000000, false, true}}, 2000), 500u);
    EXPECT_GT(check(a, {{0, uint64_t{1} << 32, true, false}}, 2000), 500u);
    EXPECT_GT(check(a, {{0x21000, uint64_t{1} << 40, true, false}}, 2000), 500u);
    EXPECT_EQ(check(a, {{0x80000000, 0x80000000, true, true}}, 2000), 0u);
    EXPECT_EQ(check(a, {{uint64_t{1} << 32, 0x80000000, true, true}}, 2000), 0u);
    EXPECT_EQ(check(a, {{0x20000, 0x10000, false, false}}, 2000), 0u);
}

TEST(DebugWatchLarge, Several) {
    for (const char* name : {"rep movsd", "push [esi]", "int 0x30", "add [esi], eax", "movsd"}) {
        const Access& a = access(name);
        check(a, {{kDestination, 4, true, true}, {kSource, 2, true, false}, {kSource, 4, false, true}}, 1000);
        check(a, {{kSource + 3, 1, true, true}, {kSource, 4, true, true}, {kStack - 4, 4, true, true}}, 1000);
        check(a, {{kStack - 12, 1, true, true}, {0x2000, 0x1000, true, false}, {0x20000, 0x1000, false, true}}, 1000);
        std::vector<Watchpoint> many;
        for (uint32_t n = 0; n < 500; ++n) many.push_back({0x1f000 + n * 48, 1 + n % 40, n % 3 != 0, n % 2 != 0});
        check(a, many, 1000);
    }
}

// Set and removed while translated code has the page in its caches.
TEST(DebugWatchLarge, SetAndRemovedWhileHot) {
    for (const char* name : {"add [esi], eax", "rep movsd", "push eax", "movaps [edi], xmm0", "call"}) {
        const Access& a = access(name);
        const std::vector<std::vector<Watchpoint>> stages = {
            {}, {{kDestination + 2, 1, true, true}}, {}, {{kSource, 3, false, true}, {kStack - 8, 8, false, true}}, {{kSource, 3, false, true}}, {}};
        CpuFixture one("max", kRam);
        set_up(one, a);
        std::vector<Hits> expected;
        for (const auto& w : stages) expected.push_back(reference(one, {{}, w}, 1500));
        for (const EngineKind& kind : engine_kinds()) {
            CpuFixture m("max", kRam, kind.make());
            set_up(m, a);
            for (size_t n = 0; n < stages.size(); ++n) {
                m.cpu.set_debug_stops({{}, stages[n]});
                EXPECT_EQ(difference(expected[n], run_with_stops(m, 1500)), "") << name << ", " << kind.name << ", stage " << n;
            }
            EXPECT_EQ(difference(one, m), "") << name << ", " << kind.name;
        }
    }
}

// Both at once: after the access, and then before the next instruction at the same count.
TEST(DebugWatchLarge, WithBreakpoints) {
    for (const EngineKind& kind : engine_kinds()) {
        CpuFixture m("max", kRam, kind.make());
        set_up(m, access("mov [esi], eax"));
        const Watchpoint w{kSource + 1, 1, false, true};
        m.cpu.set_debug_stops({{kCode + 25, kCode + 27}, {w}});
        const Hits seen = run_with_stops(m, 14);
        const Hits expected = {{.icount = 5, .address = kCode + 25},
                               {DebugHit::Kind::kWatchpoint, 6, kSource + 1, w, true},
                               {.icount = 6, .address = kCode + 27},
                               {.icount = 12, .address = kCode + 25},
                               {DebugHit::Kind::kWatchpoint, 13, kSource + 1, w, true},
                               {.icount = 13, .address = kCode + 27}};
        EXPECT_EQ(difference(expected, seen), "") << kind.name;
    }
}

// An access that is refused doesn't count; the exception's own accesses do, at its count.
TEST(DebugWatchLarge, RefusedAccess) {
    const Access a{"mov [0x300000], eax", {0xa3, 0, 0, 0x30, 0}, {}};
    const auto page = [](CpuFixture& m) {
        m.poke<uint32_t>(0x40000, 0x41000 | 3);
        for (uint32_t n = 0; n < 0x100; ++n) m.poke<uint32_t>(0x41000 + n * 4, n << 12 | 3);
        m.poke<uint64_t>(kIdt + 8 * kPF, 0x00018e0000080000);
        m.cpu.cr3 = 0x40000;
        m.cpu.cr0 |= kCr0PG;
        m.cpu.flush_tlb();
    };
    for (const EngineKind& kind : engine_kinds()) {
        CpuFixture m("max", kRam, kind.make());
        set_up(m, a);
        page(m);
        const Watchpoint refused{0x300000, 4, true, true}, frame{kStack - 16, 4, false, true};
        m.cpu.set_debug_stops({{}, {refused, {0x41000, 0x1000, true, true}}});  // nor page walks
        EXPECT_EQ(difference({}, run_with_stops(m, 300)), "") << kind.name;
        m.cpu.set_debug_stops({{}, {refused, frame}});
        const Hits hits = run_with_stops(m, 12);
        EXPECT_EQ(difference({{DebugHit::Kind::kWatchpoint, 306, kStack - 16, frame, true},
                              {DebugHit::Kind::kWatchpoint, 312, kStack - 16, frame, true}}, hits), "") << kind.name;
    }
}

}  // namespace
}  // namespace qr::i386
