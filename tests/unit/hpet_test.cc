// SPDX-License-Identifier: GPL-2.0-or-later
// HPET: comparators, modes, routing.
#include "hw/timer/hpet.h"

#include <gtest/gtest.h>

#include <optional>

#include "tests/unit/device_fixture.h"

namespace qr {
namespace {

struct MessageLog : ApicBus {
    bool deliver(const ApicMessage& m, const ApicAgent*) override {
        last = m;
        return true;
    }
    void broadcast_eoi(uint8_t) override {}
    std::optional<ApicMessage> last;
};

class HpetTest : public ::testing::Test {
  protected:
    explicit HpetTest(Hpet::Config config = {})
        : hpet(config, time.clock, wires, wires.line(100), &messages) {
        hpet.reset();
    }
    void w(uint64_t offset, uint64_t value, unsigned size = 8) {
        hpet.region().write(offset, size, value);
    }
    uint64_t r(uint64_t offset, unsigned size = 8) { return hpet.region().read(offset, size); }

    test::TestTime time;
    test::Wires wires;
    MessageLog messages;
    Hpet hpet;
};

TEST_F(HpetTest, Capabilities) {
    EXPECT_EQ(r(0), 0x009896808086A201u);
    EXPECT_EQ(r(4, 4), 0x00989680u);
    EXPECT_EQ(r(0x100), 0x400000030u);
    EXPECT_EQ(r(0x108), ~uint64_t{0});
    EXPECT_EQ(r(0x160), 0u);
    w(0x100, 0x1F << 9);
    EXPECT_EQ(r(0x100), 0x400000030u);
}

TEST_F(HpetTest, CounterRunsStopsAndIsWritten) {
    w(0x10, 1);
    time.run(1005);
    EXPECT_EQ(r(0xF0), 100u);
    EXPECT_EQ(r(0xF0, 4), 100u);
    w(0x10, 0);
    time.run(1000);
    EXPECT_EQ(r(0xF0), 100u);
    w(0xF0, 0xFFFFFFFFFFFFFFF0);
    EXPECT_EQ(r(0xF4, 4), 0xFFFFFFFFu);
    w(0x10, 1);
    time.run(200);
    EXPECT_EQ(r(0xF0), 4u);
}

TEST_F(HpetTest, OneShotEdge) {
    w(0x100, 2 << 9 | 4);
    w(0x108, 1000);
    w(0x10, 1);
    time.run(9999);
    EXPECT_EQ(wires.rises(2), 0);
    time.run(1);
    EXPECT_EQ(wires.rises(2), 1);
    EXPECT_EQ(r(0x20), 0u);
    time.run(1'000'000);
    EXPECT_EQ(wires.rises(2), 1);
    w(0x108, 100);  // past: not before the counter wraps around
    time.run(1'000'000);
    EXPECT_EQ(wires.rises(2), 1);
    w(0x108, r(0xF0));  // now
    time.run(1);
    EXPECT_EQ(wires.rises(2), 2);
}

TEST_F(HpetTest, OneShot32BitRepeatsAtEachWrap) {
    w(0x100, 2 << 9 | 4 | 0x100);
    w(0x108, 1000);
    w(0x10, 1);
    time.run(100 * kNsPerSecond);
    EXPECT_EQ(wires.rises(2), 3);  // every 42.9 s
}

TEST_F(HpetTest, PeriodicWithAccumulator) {
    w(0x10, 1);
    w(0x100, 2 << 9 | 4 | 8 | 0x40);
    w(0x108, 500);   // comparator
    w(0x108, 1000);  // period
    time.run(5000);
    EXPECT_EQ(wires.rises(2), 1);
    EXPECT_EQ(r(0x108), 1500u);
    time.run(1'000'000);
    EXPECT_EQ(wires.rises(2), 101);
    EXPECT_EQ(r(0x100) & 0x40, 0u);
}

TEST_F(HpetTest, Level) {
    w(0x10, 1);
    w(0x120, 2 << 9 | 4 | 2);
    w(0x128, 10);
    time.run(100);
    EXPECT_TRUE(wires.level(2));
    EXPECT_EQ(r(0x20), 2u);
    w(0x20, 1);
    EXPECT_TRUE(wires.level(2));
    w(0x20, 2);
    EXPECT_FALSE(wires.level(2));
    EXPECT_EQ(r(0x20), 0u);
}

TEST_F(HpetTest, LegacyReplacement) {
    hpet.rtc_input().raise();
    EXPECT_TRUE(wires.level(8));
    w(0x10, 3);
    EXPECT_TRUE(wires.level(100));  // the 8254 is off its line
    EXPECT_FALSE(wires.level(8));
    w(0x100, 4);
    w(0x108, 10 + r(0xF0));
    w(0x120, 4);
    w(0x128, 20 + r(0xF0));
    time.run(300);
    EXPECT_EQ(wires.rises(0), 1);
    EXPECT_EQ(wires.rises(8), 2);
    w(0x10, 1);
    EXPECT_FALSE(wires.level(100));
    EXPECT_FALSE(wires.level(0));
    EXPECT_TRUE(wires.level(8));  // the RTC's own
    hpet.rtc_input().lower();
    EXPECT_FALSE(wires.level(8));
}

TEST_F(HpetTest, MatchWithinAnInstructionIsNotLost) {
    w(0x10, 1);
    w(0x100, 2 << 9 | 4);
    w(0x108, 100);
    time.run(999);
    time.begin_instruction();
    w(0x108, 5000);
    EXPECT_EQ(wires.rises(2), 1);
    time.run(50'000);
    EXPECT_EQ(wires.rises(2), 2);
}

class HpetMsiTest : public HpetTest {
  protected:
    HpetMsiTest() : HpetTest({.routes = 4, .msi = true}) {}
};

TEST_F(HpetMsiTest, Delivers) {
    EXPECT_EQ(r(0x140) & 0x8000, 0x8000u);
    w(0x150, uint64_t{0xFEE01000} << 32 | 0x35);
    w(0x140, 0x4004);
    w(0x148, 10);
    w(0x10, 1);
    time.run(100);
    ASSERT_TRUE(messages.last);
    EXPECT_EQ(messages.last->vector, 0x35);
    EXPECT_EQ(messages.last->destination, 1);
    EXPECT_EQ(wires.rises(2), 0);
}

TEST_F(HpetTest, StateRoundTrip) {
    w(0x10, 1);
    w(0x100, 2 << 9 | 4 | 8 | 0x40);
    w(0x108, 777);
    time.run(123456);
    auto saved = test::StateMap::of(hpet);
    auto clock_saved = test::StateMap::of(time.clock);
    test::TestTime other_time;
    test::Wires other_wires;
    Hpet other({}, other_time.clock, other_wires, {});
    other_time.run_to(time.now());
    clock_saved.load_into(other_time.clock);
    saved.load_into(other);
    time.run(1'000'000);
    other_time.run(1'000'000);
    EXPECT_EQ(test::StateMap::of(hpet).difference(test::StateMap::of(other)), "");
    EXPECT_EQ(test::StateMap::of(time.clock).difference(test::StateMap::of(other_time.clock)), "");
}

}  // namespace
}  // namespace qr
