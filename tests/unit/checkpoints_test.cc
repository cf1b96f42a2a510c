// SPDX-License-Identifier: GPL-2.0-or-later
// Checkpoints: any of them brings the machine back, whatever was done since, and the budget holds.
#include "replay/checkpoints.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "toy_machine.h"

namespace qr {
namespace {

struct Moment {
    StateDump state;
    std::vector<uint8_t> ram;
    bool operator==(const Moment&) const = default;
};
Moment moment_of(ToyMachine& m) {
    return {dump_state([&](StateVisitor& v) { m.root.state(v); }), {m.ram().data(), m.ram().data() + m.ram().size()}};
}

class CheckpointsTest : public testing::Test {
  protected:
    Checkpoints::Disks disks() {
        return {[this] { return std::vector<uint64_t>{disk_version}; },
                [this](size_t, uint64_t version) { released.push_back(version); }};
    }
    // Writes to some pages, as a device does.
    void scribble(unsigned pages) {
        for (unsigned i = 0; i < pages; ++i) {
            const uint64_t page = random() % (ToyMachine::kRamSize / kPageSize);
            machine.memory.device_writes(machine.ram(), page * kPageSize, kPageSize);
            std::fill_n(machine.ram().data() + page * kPageSize, kPageSize, static_cast<uint8_t>(random() % 3));
        }
    }
    ToyMachine machine;
    std::mt19937 random{1};
    uint64_t disk_version = 0;
    std::vector<uint64_t> released;
};

TEST_F(CheckpointsTest, GoesToAnyOfThemInAnyOrder) {
    Checkpoints checkpoints(machine.root, machine.memory, disks(), uint64_t{1} << 30);
    std::map<uint64_t, Moment> moments;
    for (uint64_t icount = 0; icount < 20'000; icount += 1000) {
        scribble(random() % 60);
        checkpoints.take({icount, 0}, true);
        moments[icount] = moment_of(machine);
    }
    for (int i = 0; i < 200; ++i) {
        const uint64_t icount = random() % 20 * 1000;
        scribble(random() % 60);
        checkpoints.restore({icount, 0});
        ASSERT_EQ(moment_of(machine), moments[icount]) << "at " << icount;
        if (random() % 4) continue;
        // One more, off the line on which the others were taken.
        scribble(random() % 60);
        const uint64_t other = icount + 1 + random() % 998;
        if (checkpoints.has(other)) continue;
        checkpoints.take({other, 0}, false);
        moments[other] = moment_of(machine);
        checkpoints.restore({icount, 0});
        checkpoints.restore({other, 0});
        ASSERT_EQ(moment_of(machine), moments[other]);
    }
    checkpoints.forget_near();
    EXPECT_EQ(checkpoints.count(), 20u);
    EXPECT_EQ(checkpoints.before(1999)->icount, 1000u);
    EXPECT_EQ(checkpoints.before(2000)->icount, 2000u);
}

TEST_F(CheckpointsTest, KeepsToTheBudget) {
    constexpr uint64_t kBudget = 400 * kPageSize;
    Checkpoints checkpoints(machine.root, machine.memory, disks(), kBudget);
    std::map<uint64_t, Moment> moments;
    for (uint64_t icount = 0; icount < 100'000; icount += 1000) {
        ++disk_version;
        scribble(40);
        checkpoints.take({icount, 0}, true);
        moments[icount] = moment_of(machine);
        ASSERT_LE(checkpoints.bytes(), kBudget + ToyMachine::kRamSize);
    }
    EXPECT_GE(checkpoints.count(), 3u);
    EXPECT_EQ(checkpoints.count() + released.size(), 100u) << "whoever goes releases the disk's version";
    EXPECT_TRUE(checkpoints.has(0));
    EXPECT_TRUE(checkpoints.has(99'000));
    // They are spread over the run.
    uint64_t longest = 0, last = 0;
    for (const auto& [icount, moment] : moments) {
        if (!checkpoints.has(icount)) continue;
        longest = std::max(longest, icount - last);
        last = icount;
        checkpoints.restore({icount, 0});
        EXPECT_EQ(moment_of(machine), moment);
    }
    EXPECT_LE(longest, 4 * 100'000 / checkpoints.count());
}

TEST_F(CheckpointsTest, SharedDiskVersionsAreReleasedOnce) {
    {
        Checkpoints checkpoints(machine.root, machine.memory, disks(), uint64_t{1} << 30);
        disk_version = 7;
        checkpoints.take({0, 0}, true);
        checkpoints.take({10, 0}, false);
        checkpoints.take({10, 0}, false);
        checkpoints.forget_near();
        EXPECT_TRUE(released.empty());
    }
    EXPECT_EQ(released, std::vector<uint64_t>{7});
}

}  // namespace
}  // namespace qr
