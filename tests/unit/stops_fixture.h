// SPDX-License-Identifier: GPL-2.0-or-later
//
// CPUs with a debugger's stops, on each engine and with code caches of many kinds, beside one that executes an
// instruction at a time. Source: none.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "accel/tcg/tcg.h"
#include "replay/state_dump.h"
#include "target/i386/mmu.h"
#include "tests/unit/cpu_fixture.h"

namespace qr::i386::test {

using qr::test::CpuFixture;
using Hits = std::vector<DebugHit>;

struct EngineKind {
    const char* name;
    std::function<std::unique_ptr<Engine>()> make;
};
inline const std::vector<EngineKind>& engine_kinds() {
    static const std::vector<EngineKind> all = [] {
        std::vector<EngineKind> v = {{"interpreter", make_i386_interpreter}};
        if (!tcg_supported()) return v;
        const auto add = [&v](const char* name, uint64_t kib, unsigned threshold, unsigned insns) {
            v.push_back({name, [=] {
                             TcgOptions o;
                             o.cache_bytes = kib << 10;
                             o.threshold = threshold;
                             o.block_insns = insns;
                             return make_i386_translator(o);
                         }});
        };
        add("at once", 1024, 0, 64);
        add("at the first", 1024, 1, 64);
        add("at the third", 1024, 3, 64);
        add("as usual", 4096, 30, 64);
        add("short blocks", 1024, 1, 3);
        add("little memory", 256, 1, 64);
        return v;
    }();
    return all;
}

inline std::string text(const DebugHit& h) {
    if (h.kind == DebugHit::Kind::kBreakpoint) return fmt::format("{}: at {:x}", h.icount, h.address);
    return fmt::format("{}: {} {:x} of {:x}+{:x}{}{}", h.icount, h.written ? "write" : "read", h.address, h.watchpoint.address,
                       h.watchpoint.length, h.watchpoint.read ? " r" : "", h.watchpoint.write ? " w" : "");
}

// Runs n instructions; what it stopped for. `slice`: at most as many at a time.
inline Hits run_with_stops(CpuFixture& m, uint64_t n, uint64_t slice = ~uint64_t{0}) {
    Hits hits;
    const uint64_t until = m.countdown.icount() + n;
    while (m.countdown.icount() < until) {
        m.countdown.grant(std::min(slice, until - m.countdown.icount()));
        m.cpu.run();
        const auto hit = m.cpu.take_debug_hit();
        const bool stuck = m.cpu.halted();
        if (hit) {
            hits.push_back(*hit);
            EXPECT_EQ(m.countdown.remaining, 0) << text(*hit);
            EXPECT_EQ(m.countdown.icount(), hit->icount) << text(*hit);
        }
        if (m.countdown.remaining > 0) m.countdown.leave();
        if (stuck && !hit) break;
    }
    return hits;
}

// The same an instruction at a time. Breakpoints are told by looking at EIP where no event is due; watchpoints by the
// CPU, and whether what they say of memory is true.
inline Hits reference(CpuFixture& m, const DebugStops& stops, uint64_t n) {
    Hits hits;
    const uint64_t until = m.countdown.icount() + n;
    m.cpu.set_debug_stops({{}, stops.watchpoints});
    const auto watched = [&] {
        std::vector<std::vector<uint8_t>> all;
        for (const Watchpoint& w : stops.watchpoints) {
            auto& bytes = all.emplace_back();
            if (!w.write) continue;
            for (uint64_t at = w.address; at < w.address + std::min<uint64_t>(w.length, 256); ++at) {
                const auto physical = peek_translate(m.cpu, static_cast<uint32_t>(at));
                bytes.push_back(physical && *physical < m.ram->size() ? m.ram->data()[*physical] : 0);
            }
        }
        return all;
    };
    uint64_t told = ~uint64_t{0};
    while (m.countdown.icount() < until) {
        constexpr uint32_t kEntered = kEventIntr | kEventNmi | kEventSmi | kEventInit | kEventTrap;
        const bool shadow = m.cpu.events & kEventShadow;
        const bool held = (m.cpu.events & kEventStiShadow) && !(m.cpu.events & kEntered & ~kEventIntr);
        const bool enters = (m.cpu.events & kEntered) && !shadow && !held;
        const auto pc = static_cast<uint32_t>(m.cpu.program_counter());
        const uint64_t here = m.countdown.icount();
        if (!enters && !m.cpu.halted() && m.cpu.activity == Activity::kActive && told != here &&
            std::ranges::find(stops.breakpoints, pc) != stops.breakpoints.end()) {
            hits.push_back({.kind = DebugHit::Kind::kBreakpoint, .icount = here, .address = pc});
            told = here;
        }
        const auto before = watched();
        m.countdown.grant(1);
        m.cpu.run();
        if (m.countdown.remaining > 0) m.countdown.leave();
        const auto hit = m.cpu.take_debug_hit();
        if (hit) hits.push_back(*hit);
        if (before != watched()) {
            const bool seen = hit && (hit->written || stops.watchpoints.size() > 1);
            EXPECT_TRUE(seen) << fmt::format("not seen: a write by the instruction at {:x}", pc);
        }
        if (m.countdown.icount() == here) break;  // halted
    }
    return hits;
}

inline std::string difference(const Hits& expected, const Hits& seen) {
    for (size_t n = 0; n < std::max(expected.size(), seen.size()); ++n) {
        const std::string x = n < expected.size() ? text(expected[n]) : "none", y = n < seen.size() ? text(seen[n]) : "none";
        if (x != y) return fmt::format("hit {} of {}: {}, expected {}", n, expected.size(), y, x);
    }
    return {};
}

inline StateDump dump(CpuFixture& m) {
    return dump_state([&m](StateVisitor& v) { m.cpu.state(v); });
}
// What differs between two machines at the same count; empty if nothing does.
inline std::string difference(CpuFixture& a, CpuFixture& b) {
    if (a.countdown.icount() != b.countdown.icount())
        return fmt::format("counts {} {}", a.countdown.icount(), b.countdown.icount());
    if (!(dump(a) == dump(b))) return "state:\n" + a.cpu.describe() + b.cpu.describe();
    if (!std::memcmp(a.ram->data(), b.ram->data(), a.ram->size())) return {};
    for (uint64_t at = 0; at < a.ram->size(); ++at)
        if (a.ram->data()[at] != b.ram->data()[at]) return fmt::format("memory at {:x}", at);
    return {};
}

}  // namespace qr::i386::test
