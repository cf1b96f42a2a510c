// SPDX-License-Identifier: GPL-2.0-or-later
//
// The interpreter's fast forms of instructions against the instruction table's handlers: the same programs run
// at full length, where blocks are chained, and an instruction at a time, where they can't be.
// Source: Intel SDM volume 2.

#include <gtest/gtest.h>

#include "tests/unit/random_code.h"

namespace qr::i386 {
namespace {

using namespace test;

void run(bool pages, uint64_t least) {
    uint64_t executed = 0;
    for (uint32_t seed = 0; seed < 400; ++seed) {
        CpuFixture whole("max", 1 << 20), single("max", 1 << 20);
        set_up(whole, seed);
        set_up(single, seed);
        if (pages) {
            set_up_pages(whole, seed);
            set_up_pages(single, seed);
        }
        // Now and then at the same place, so that the first difference isn't far away.
        for (unsigned part = 0; part < 40; ++part) {
            const uint64_t n = whole.run(50 + part);
            for (uint64_t done = 0; done < n; ++done) single.run(1);
            executed += n;
            compare(whole, single, seed);
            if (testing::Test::HasFatalFailure()) return;
        }
    }
    EXPECT_GT(executed, least);
}

TEST(Chain, SameAsOneByOne) { run(false, 300'000); }
TEST(Chain, SameWithPageFaults) { run(true, 150'000); }

}  // namespace
}  // namespace qr::i386
