// SPDX-License-Identifier: GPL-2.0-or-later
//
// The translator against the instruction table's handlers: random programs, in slices of translated code and an
// instruction at a time.
// Source: Intel SDM volume 2.

#include <fmt/format.h>

#include <cstdlib>

#include "accel/tcg/tcg.h"
#include "tests/unit/random_code.h"

namespace qr::i386 {
namespace {

using namespace test;

std::unique_ptr<Engine> translator() { return make_i386_translator({.cache_bytes = 1 << 20, .threshold = 0}); }

std::string bytes_at(CpuFixture& m, uint32_t address) {
    std::string text = fmt::format("{:08x}:", address);
    for (unsigned n = 0; n < 48; ++n) text += fmt::format(" {:02x}", m.peek<uint8_t>((address + n) & 0xfffff));
    return text;
}

bool same(CpuFixture& a, CpuFixture& b) {
    a.cpu.settle_flags();
    b.cpu.settle_flags();
    return a.cpu.eip == b.cpu.eip && a.cpu.eflags == b.cpu.eflags && a.cpu.gpr == b.cpu.gpr &&
           a.countdown.icount() == b.countdown.icount() &&
           std::memcmp(a.ram->data(), b.ram->data(), a.ram->size()) == 0;
}

// After `before` instructions an equal state; the smallest slice that leads to a difference, and its code.
void explain(uint32_t seed, uint64_t before, uint64_t most) {
    for (uint64_t n = 1; n <= most; ++n) {
        CpuFixture whole("max", 1 << 20, translator()), single("max", 1 << 20);
        set_up(whole, seed);
        set_up(single, seed);
        for (uint64_t i = 0; i < before; ++i) {
            whole.run(1);
            single.run(1);
        }
        const uint32_t from = whole.cpu.eip;
        const std::string code = bytes_at(whole, from), registers = whole.cpu.describe();
        whole.run(n);
        std::string trail;
        for (uint64_t i = 0; i < n; ++i) {
            if (i + 40 >= n) trail += bytes_at(single, single.cpu.eip).substr(0, 40) + "\n";
            single.run(1);
        }
        if (same(whole, single)) continue;
        ADD_FAILURE() << "seed " << seed << ": " << n << " instructions after " << before << ", at " << code << "\n"
                      << registers << "\nthe last ones:\n" << trail << "\ntranslated:\n" << whole.cpu.describe() << "\none by one:\n"
                      << single.cpu.describe();
        return;
    }
    ADD_FAILURE() << "seed " << seed << ": the difference after " << before << " depends on what ran before";
}

TEST(Translator, SameAsOneByOne) {
    if (!tcg_supported()) GTEST_SKIP() << "no translator here";
    const char* wanted = std::getenv("TRANSLATOR_SEEDS");
    const uint32_t seeds = wanted ? static_cast<uint32_t>(std::atoi(wanted)) : 300;
    uint64_t executed = 0;
    for (uint32_t seed = 0; seed < seeds; ++seed) {
        CpuFixture whole("max", 1 << 20, translator()), single("max", 1 << 20);
        set_up(whole, seed);
        set_up(single, seed);
        for (unsigned part = 0; part < 40; ++part) {
            const uint64_t before = whole.countdown.icount();
            const uint64_t n = whole.run(50 + part);
            for (uint64_t done = 0; done < n; ++done) single.run(1);
            executed += n;
            if (!same(whole, single)) return explain(seed, before, n);
        }
    }
    EXPECT_GT(executed, seeds * 700u);
}

}  // namespace
}  // namespace qr::i386
