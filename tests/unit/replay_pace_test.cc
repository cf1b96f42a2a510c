// SPDX-License-Identifier: GPL-2.0-or-later
// A replay's pace, by a clock that the test moves.
#include "system/replay_pace.h"

#include <gtest/gtest.h>

#include "sysemu/run_control.h"

namespace qr {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
constexpr int64_t kSecond = 1'000'000'000;
const ReplayPace::Clock::time_point kStart{seconds(1000)};

TEST(ReplayPace, AsFastAsItGoesNeverWaits) {
    ReplayPace pace;
    pace.restart(0, kStart);
    EXPECT_FALSE(pace.wait(1000 * kSecond, kStart));
    EXPECT_EQ(pace.ahead_ns(1000 * kSecond, kStart), 0);
}

TEST(ReplayPace, WaitsForTheRecordingsTime) {
    for (const double speed : {0.25, 1.0, 4.0}) {
        ReplayPace pace(speed);
        pace.restart(5 * kSecond, kStart);
        EXPECT_FALSE(pace.wait(5 * kSecond, kStart));
        const auto due = pace.wait(9 * kSecond, kStart + milliseconds(100));
        EXPECT_EQ(due.value_or(kStart), kStart + milliseconds(static_cast<int>(4000 / speed)));
        EXPECT_EQ(pace.ahead_ns(9 * kSecond, *due), 0);
        EXPECT_EQ(pace.ahead_ns(9 * kSecond, *due - milliseconds(100)), static_cast<int64_t>(0.1e9 * speed));
        EXPECT_FALSE(pace.wait(9 * kSecond, *due));
    }
}

TEST(ReplayPace, MakesGoodNoMoreThanAMoment) {
    ReplayPace pace(1);
    pace.restart(0, kStart);
    // Three seconds late: half a second of them is made good.
    EXPECT_FALSE(pace.wait(1 * kSecond, kStart + seconds(4)));
    EXPECT_FALSE(pace.wait(1 * kSecond + kSecond / 2, kStart + seconds(4)));
    EXPECT_EQ(pace.wait(2 * kSecond, kStart + seconds(4)), kStart + seconds(4) + milliseconds(500));
}

TEST(ReplayPace, AnotherSpeedHoldsFromHereOn) {
    ReplayPace pace(1);
    pace.restart(0, kStart);
    pace.set_speed(10, 2 * kSecond, kStart + seconds(1));
    EXPECT_EQ(pace.wait(12 * kSecond, kStart + seconds(1)), kStart + seconds(2));
    EXPECT_EQ(pace.slice_ns(), 100'000'000);
    pace.set_speed(0, 12 * kSecond, kStart + seconds(2));
    EXPECT_FALSE(pace.wait(1000 * kSecond, kStart + seconds(2)));
}

TEST(ReplayPace, HugeTimesDontOverflow) {
    ReplayPace pace(kSlowestReplay);
    pace.restart(0, kStart);
    const auto due = pace.wait(std::numeric_limits<int64_t>::max() / 2, kStart);
    ASSERT_TRUE(due);
    EXPECT_GT(*due, kStart + std::chrono::hours(24));
}

TEST(ReplayPace, SpeedsAreRead) {
    for (const auto& [text, speed] : {std::pair{"max", 0.0}, {"1", 1.0}, {"0.5", 0.5}, {"1000", 1000.0}, {"16", 16.0}}) {
        const auto parsed = parse_replay_speed(text);
        ASSERT_TRUE(parsed) << text;
        EXPECT_EQ(*parsed, speed);
        EXPECT_EQ(replay_speed_text(*parsed), text);
    }
    for (const char* text : {"", "0", "-1", "fast", "1x", "1e3", "nan", "inf", "1001", "0.001", "MAX", " 1", "+1"}) {
        const auto parsed = parse_replay_speed(text);
        ASSERT_FALSE(parsed) << text;
        EXPECT_NE(parsed.error().message.find(std::string("'") + text + "'"), std::string::npos);
    }
}

}  // namespace
}  // namespace qr
