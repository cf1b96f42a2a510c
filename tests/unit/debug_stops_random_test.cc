// SPDX-License-Identifier: GPL-2.0-or-later
//
// Random programs with random breakpoints and watchpoints, which come and go: every engine has the hits of a CPU that
// executes an instruction at a time, looking at EIP and memory, and ends in its state. STOPS_SEEDS and
// STOPS_FIRST_SEED in the environment choose more programs. Source: include/exec/debug_stops.h.

#include <cstdlib>
#include <random>

#include "tests/unit/random_code.h"
#include "tests/unit/stops_fixture.h"

namespace qr::i386 {
namespace {

using namespace test;

constexpr unsigned kStages = 8;

struct Stage {
    DebugStops stops;
    uint64_t instructions;
    bool nmi;
};

void prepare(CpuFixture& m, uint32_t seed, bool pages) {
    set_up(m, seed);
    if (pages) set_up_pages(m, seed);
}
void begin(CpuFixture& m, const Stage& s) {
    if (!s.nmi) return;
    m.cpu.nmi_blocked = false;
    m.cpu.raise_nmi();
}

std::vector<uint32_t> places(uint32_t seed, bool pages, uint64_t n) {
    CpuFixture scout("max", 1 << 20);
    prepare(scout, seed, pages);
    std::vector<uint32_t> all;
    for (uint64_t i = 0; i < n; ++i) {
        all.push_back(static_cast<uint32_t>(scout.cpu.program_counter()));
        scout.run(1);
    }
    return all;
}

std::vector<Stage> stages(std::mt19937& random, const std::vector<uint32_t>& seen) {
    const auto below = [&random](uint32_t n) { return static_cast<uint32_t>(random()) % n; };
    std::vector<Stage> all;
    for (unsigned n = 0; n < kStages; ++n) {
        Stage& s = all.emplace_back();
        if (n && below(3) == 0) s.stops = all[below(n)].stops;
        const uint32_t breakpoints = below(4), watchpoints = below(4);
        for (uint32_t b = 0; b < breakpoints; ++b)
            s.stops.breakpoints.push_back(below(4) ? seen[below(static_cast<uint32_t>(seen.size()))] : kCode + below(kCodeSize));
        for (uint32_t w = 0; w < watchpoints; ++w) {
            Watchpoint& p = s.stops.watchpoints.emplace_back();
            p.address = below(4) ? kData + below(0x3100) : below(0x30000);
            p.length = below(8) ? 1 + below(40) : 1 + below(0x10000);
            const uint32_t how = 1 + below(3);
            p.read = how & 1;
            p.write = how & 2;
        }
        s.instructions = 1 + below(400);
        s.nmi = below(3) == 0;
    }
    return all;
}

uint32_t environment(const char* name, uint32_t otherwise) {
    const char* given = std::getenv(name);
    return given ? static_cast<uint32_t>(std::atoi(given)) : otherwise;
}

void run(bool pages) {
    const uint32_t first = environment("STOPS_FIRST_SEED", 0), seeds = environment("STOPS_SEEDS", 60);
    size_t breakpoints = 0, watchpoints = 0;
    for (uint32_t seed = first; seed < first + seeds; ++seed) {
        std::mt19937 random(seed);
        const auto all = stages(random, places(seed, pages, 600));
        CpuFixture one("max", 1 << 20);
        prepare(one, seed, pages);
        std::vector<Hits> expected;
        for (const Stage& s : all) {
            begin(one, s);
            expected.push_back(reference(one, s.stops, s.instructions));
            for (const DebugHit& h : expected.back()) ++(h.kind == DebugHit::Kind::kBreakpoint ? breakpoints : watchpoints);
        }
        for (const EngineKind& kind : engine_kinds()) {
            CpuFixture m("max", 1 << 20, kind.make()), without("max", 1 << 20, kind.make());
            prepare(m, seed, pages);
            prepare(without, seed, pages);
            for (unsigned n = 0; n < kStages; ++n) {
                begin(m, all[n]);
                begin(without, all[n]);
                m.cpu.set_debug_stops(all[n].stops);
                const Hits seen = run_with_stops(m, all[n].instructions);
                ASSERT_EQ(difference(expected[n], seen), "") << "seed " << seed << ", " << kind.name << ", stage " << n;
                without.run(all[n].instructions);
            }
            ASSERT_EQ(difference(one, m), "") << "seed " << seed << ", " << kind.name;
            ASSERT_EQ(difference(without, m), "") << "seed " << seed << ", " << kind.name;
        }
    }
    EXPECT_GT(breakpoints, seeds * 5u);
    EXPECT_GT(watchpoints, seeds * 5u);
}

TEST(DebugStopsRandom, SameAsOneByOne) { run(false); }
TEST(DebugStopsRandom, SameWithPageFaults) { run(true); }

}  // namespace
}  // namespace qr::i386
