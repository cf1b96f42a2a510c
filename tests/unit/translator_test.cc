// SPDX-License-Identifier: GPL-2.0-or-later
//
// The translator against the instruction table's handlers: random programs, without paging and with pages that are
// absent or read-only, in slices of translated code and an instruction at a time.
// Source: Intel SDM volume 2; volume 3A, chapter 4.

#include "tests/unit/random_code.h"
#include "tests/unit/slices.h"

namespace qr::i386 {
namespace {

using namespace test;

struct Programs {
    static constexpr uint32_t kSeeds = 300, kLeast = 700;
    static void set_up(CpuFixture& m, uint32_t seed) { test::set_up(m, seed); }
    static uint64_t slice(unsigned part) { return 50 + part; }
    static std::string text(CpuFixture& m) { return m.cpu.describe(); }
    static std::string difference(CpuFixture& a, CpuFixture& b) {
        a.cpu.settle_flags();
        b.cpu.settle_flags();
        const Cpu &x = a.cpu, &y = b.cpu;
        if (x.eip != y.eip || x.eflags != y.eflags || x.gpr != y.gpr || x.cr2 != y.cr2) return "registers";
        return machine_difference(a, b);
    }
};
struct ProgramsWithPages : Programs {
    static constexpr uint32_t kLeast = 400;
    static void set_up(CpuFixture& m, uint32_t seed) {
        test::set_up(m, seed);
        set_up_pages(m, seed);
    }
};

TEST(Translator, SameAsOneByOne) { same_as_one_by_one<Programs>(); }
TEST(Translator, SameWithPageFaults) { same_as_one_by_one<ProgramsWithPages>(); }

}  // namespace
}  // namespace qr::i386
