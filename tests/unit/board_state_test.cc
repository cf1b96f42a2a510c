// SPDX-License-Identifier: GPL-2.0-or-later
// What must not change a run: where it is cut into slices, flushing the CPU's caches, and going on in
// another machine from a snapshot. For every kind of board.
#include <gtest/gtest.h>

#include "tests/unit/board_fixture.h"

namespace qr::test {
namespace {

// SeaBIOS is in its POST up to here: PCI set-up, SMM relocation, option ROMs, keyboard, boot attempts; with disks,
// it has booted.
uint64_t length_of(const BoardKind& kind) { return kind.disks ? 9'000'000 : 6'000'000; }

const BoardKind kKinds[] = {
    {"standard"},
    {"bare", false, false, 0, 0},
    {"no_vga", false, true, 1, 1},
    {"no_hpet", true, false, 1, 1},
    {"all_ports", true, true, 4, 3, true},
    {"no_apic", true, true, 1, 1, false, "qemu32,-apic"},
    {"disks", true, true, 1, 1, false, "qemu32", true},
    {"virtio", true, true, 1, 1, false, "qemu32", true, true},
};

class BoardState : public testing::TestWithParam<BoardKind> {
  protected:
    void SetUp() override {
        if (firmware(kSeaBios).empty()) GTEST_SKIP() << kSeaBios << " is missing";
        reference_.run(length_);
    }
    const uint64_t length_ = length_of(GetParam());
    LoneBoard reference_{GetParam()};
    std::mt19937 random_{1};
};

TEST_P(BoardState, DoesNotDependOnSlices) {
    for (const unsigned longest : {50u, 3000u}) {
        LoneBoard other(GetParam());
        other.run(length_, [&] { return 1 + random_() % longest; });
        ASSERT_EQ(difference(reference_, other), "") << "slices of up to " << longest;
    }
}

TEST_P(BoardState, DoesNotDependOnCaches) {
    LoneBoard other(GetParam());
    for (uint64_t at = 0; at < length_;) {
        at = std::min<uint64_t>(length_, at + 1 + random_() % 40'000);
        other.run(at);
        other.board->cpu().flush_caches();
    }
    EXPECT_EQ(difference(reference_, other), "");
}

TEST_P(BoardState, GoesOnInAnotherMachine) {
    for (int n = 0; n < 4; ++n) {
        const uint64_t at = 1 + random_() % length_;
        LoneBoard first(GetParam());
        first.run(at);
        const auto snapshot = first.save();
        const uint64_t here = first.clock.icount();
        LoneBoard other(GetParam());
        // It was somewhere else before.
        other.run(random_() % 200'000);
        const auto loaded = other.load(snapshot, here);
        ASSERT_TRUE(loaded) << loaded.error().message;
        ASSERT_EQ(difference(first, other), "") << "just loaded, at " << here;
        ASSERT_EQ(other.save(), snapshot) << "saved again at " << here;
        other.disk.medium = first.disk.medium;
        other.run(length_);
        ASSERT_EQ(difference(reference_, other), "") << "from " << here << " on";
    }
}

// The state tests mean something for disks only if one boots.
TEST_P(BoardState, ReadsItsDisk) {
    EXPECT_EQ(reference_.disk.writes > 10, GetParam().disks);
}

TEST_P(BoardState, HasNoFieldTwice) { EXPECT_TRUE(duplicate_paths(reference_.dump()).empty()); }

TEST_P(BoardState, TakesNoSnapshotOfAnotherBoard) {
    BoardKind kind = GetParam();
    kind.parallels = kind.parallels ? 0 : 1;
    LoneBoard other(kind);
    const StateDump before = other.dump();
    EXPECT_FALSE(other.load(reference_.save(), 0));
    EXPECT_EQ(other.dump(), before);
}

INSTANTIATE_TEST_SUITE_P(Kinds, BoardState, testing::ValuesIn(kKinds),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace qr::test
