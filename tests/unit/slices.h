// SPDX-License-Identifier: GPL-2.0-or-later
//
// Random programs in slices of translated code and an instruction at a time: where the two differ, the search for the
// smallest slice that does, and what it says. TRANSLATOR_SEEDS and TRANSLATOR_FIRST_SEED in the environment choose more
// programs than a test runs by itself. Source: none.
//
// A Case is a kind of program:
//
//   kSeeds, kLeast                how many programs; instructions that each executes, on average
//   set_up(machine, seed)
//   difference(a, b)              what differs, in a few words; empty if nothing does
//   slice(part)                   instructions of a program's slices in turn
//   text(machine)                 its state, for people
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "accel/tcg/tcg.h"
#include "tests/unit/cpu_fixture.h"

namespace qr::i386::test {

using qr::test::CpuFixture;

constexpr unsigned kSlices = 40;

inline std::unique_ptr<Engine> translator() {
    TcgOptions options;
    options.cache_bytes = 1 << 20;
    options.threshold = 0;
    return make_i386_translator(options);
}

inline std::string bytes_at(CpuFixture& m, uint32_t address, unsigned count) {
    std::string text = fmt::format("{:08x}:", address);
    for (unsigned n = 0; n < count; ++n) text += fmt::format(" {:02x}", m.peek<uint8_t>((address + n) & 0xfffff));
    return text + "\n";
}

// The machines' memory and count; empty if they are the same.
inline std::string machine_difference(CpuFixture& a, CpuFixture& b) {
    if (a.countdown.icount() != b.countdown.icount())
        return fmt::format("counts {} {}", a.countdown.icount(), b.countdown.icount());
    if (std::memcmp(a.ram->data(), b.ram->data(), a.ram->size()) == 0) return {};
    std::string text;
    unsigned shown = 0;
    for (uint32_t at = 0; at < a.ram->size() && shown < 16; ++at) {
        const unsigned x = a.ram->data()[at], y = b.ram->data()[at];
        if (x == y) continue;
        text += fmt::format("memory at {:x}: {:02x} {:02x}\n", at, x, y);
        ++shown;
    }
    return text;
}

// After `before` instructions an equal state; the smallest slice that leads to a difference, and its code.
template <class Case>
void explain(uint32_t seed, uint64_t before, uint64_t most) {
    for (uint64_t n = 1; n <= most; ++n) {
        CpuFixture whole("max", 1 << 20, translator()), single("max", 1 << 20);
        Case::set_up(whole, seed);
        Case::set_up(single, seed);
        for (uint64_t i = 0; i < before; ++i) {
            whole.run(1);
            single.run(1);
        }
        const std::string begin = Case::text(whole) + bytes_at(whole, whole.cpu.eip, 48);
        whole.run(n);
        std::string trail;
        for (uint64_t i = 0; i < n; ++i) {
            if (i + 40 >= n) trail += bytes_at(single, single.cpu.eip, 12);
            single.run(1);
        }
        const std::string what = Case::difference(whole, single);
        if (what.empty()) continue;
        ADD_FAILURE() << "seed " << seed << ": " << n << " instructions after " << before << ": " << what << "\nbefore:\n"
                      << begin << "\nthe last ones:\n" << trail << "\ntranslated:\n" << Case::text(whole)
                      << "\none by one:\n" << Case::text(single);
        return;
    }
    ADD_FAILURE() << "seed " << seed << ": the difference after " << before << " depends on what ran before";
}

template <class Case>
void same_as_one_by_one() {
    if (!tcg_supported()) GTEST_SKIP() << "no translator here";
    const auto number = [](const char* name, uint32_t otherwise) {
        const char* given = std::getenv(name);
        return given ? static_cast<uint32_t>(std::atoi(given)) : otherwise;
    };
    const uint32_t first = number("TRANSLATOR_FIRST_SEED", 0), seeds = number("TRANSLATOR_SEEDS", Case::kSeeds);
    uint64_t executed = 0;
    for (uint32_t seed = first; seed < first + seeds; ++seed) {
        CpuFixture whole("max", 1 << 20, translator()), single("max", 1 << 20);
        Case::set_up(whole, seed);
        Case::set_up(single, seed);
        for (unsigned part = 0; part < kSlices; ++part) {
            const uint64_t before = whole.countdown.icount();
            const uint64_t n = whole.run(Case::slice(part));
            for (uint64_t done = 0; done < n; ++done) single.run(1);
            executed += n;
            if (!Case::difference(whole, single).empty()) return explain<Case>(seed, before, n);
        }
    }
    EXPECT_GT(executed, seeds * Case::kLeast);
}

}  // namespace qr::i386::test
