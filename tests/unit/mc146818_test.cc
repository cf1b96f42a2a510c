// SPDX-License-Identifier: GPL-2.0-or-later
// MC146818: calendar, update cycle, interrupts, divider.
#include "hw/rtc/mc146818.h"

#include <gtest/gtest.h>

#include "tests/unit/device_fixture.h"

namespace qr {
namespace {

constexpr int64_t kMs = 1'000'000;
constexpr int64_t kJan2024 = 1704067200;  // 2024-01-01 00:00:00, a Monday

class RtcTest : public ::testing::Test {
  protected:
    RtcTest() : rtc(time.clock, kJan2024, wires.line(8), wires.line(1)) { rtc.reset(); }
    uint8_t in(uint8_t index) {
        rtc.region().write(0, 1, index);
        return static_cast<uint8_t>(rtc.region().read(1, 1));
    }
    void out(uint8_t index, uint8_t value) {
        rtc.region().write(0, 1, index);
        rtc.region().write(1, 1, value);
    }
    // Year to second, as digits.
    std::string clock() {
        static const char* digits = "0123456789ABCDEF";
        std::string text;
        for (uint8_t index : {0x32, 9, 8, 7, 4, 2, 0}) {
            const uint8_t value = in(index);
            text += digits[value >> 4];
            text += digits[value & 15];
        }
        return text;
    }

    test::TestTime time;
    test::Wires wires;
    Mc146818 rtc;
};

TEST_F(RtcTest, StartsWhereItWasTold) {
    EXPECT_EQ(clock(), "20240101000000");
    EXPECT_EQ(in(6), 2);
    EXPECT_EQ(in(0x37), 0x20);
    EXPECT_EQ(in(0x0A), 0x26);
    EXPECT_EQ(in(0x0B), 0x02);
    EXPECT_EQ(in(0x0D), 0x80);
    EXPECT_EQ(rtc.time(), kJan2024);
}

TEST_F(RtcTest, DatesOfAllKinds) {
    for (int64_t t : {int64_t{0}, int64_t{951782399}, int64_t{951782400}, int64_t{4107542399},
                      int64_t{-2208988800}, int64_t{1709164800}, int64_t{253402300799}}) {
        rtc.set_time(t);
        EXPECT_EQ(rtc.time(), t);
    }
    rtc.set_time(951782400);  // 2000-02-29
    EXPECT_EQ(clock(), "20000229000000");
}

TEST_F(RtcTest, CarriesThroughTheCalendar) {
    rtc.set_time(kJan2024 - 1);
    EXPECT_EQ(clock(), "20231231235959");
    time.run(kNsPerSecond);
    EXPECT_EQ(clock(), "20240101000000");
    EXPECT_EQ(in(6), 2);
    rtc.set_time(946684799);
    time.run(kNsPerSecond);
    EXPECT_EQ(clock(), "20000101000000");
    // A leap day.
    rtc.set_time(kJan2024 + 59 * 86400 + 86399);
    EXPECT_EQ(clock(), "20240229235959");
    time.run(kNsPerSecond);
    EXPECT_EQ(clock(), "20240301000000");
}

TEST_F(RtcTest, UpdateInProgress) {
    time.run_to(997 * kMs);
    EXPECT_EQ(in(0x0A) & 0x80, 0);
    time.run_to(998 * kMs);
    EXPECT_EQ(in(0x0A) & 0x80, 0x80);
    EXPECT_EQ(in(0), 0);
    EXPECT_EQ(in(0x0C) & 0x10, 0);
    time.run_to(1000 * kMs);
    EXPECT_EQ(in(0x0A) & 0x80, 0);
    EXPECT_EQ(in(0), 1);
    EXPECT_EQ(in(0x0C) & 0x10, 0x10);
    EXPECT_EQ(in(0x0C) & 0x10, 0);
}

TEST_F(RtcTest, SetFreezesTheClock) {
    out(0x0B, 0x92);
    EXPECT_EQ(in(0x0B), 0x82);  // UIE is cleared
    time.run_to(2500 * kMs);
    EXPECT_EQ(clock(), "20240101000000");
    out(0, 0x30);
    out(0x0B, 0x02);
    // The chain went on meanwhile: the next update is at a whole second.
    time.run_to(3000 * kMs);
    EXPECT_EQ(in(0), 0x31);
}

TEST_F(RtcTest, DividerReset) {
    time.run_to(300 * kMs);
    out(0x0A, 0x76);
    time.run_to(5000 * kMs);
    EXPECT_EQ(in(0), 0);
    EXPECT_EQ(in(0x0A) & 0x80, 0);
    out(0x0A, 0x26);
    time.run_to(5499 * kMs);
    EXPECT_EQ(in(0), 0);
    time.run_to(5500 * kMs);
    EXPECT_EQ(in(0), 1);
    time.run_to(6500 * kMs);
    EXPECT_EQ(in(0), 2);
}

TEST_F(RtcTest, BinaryAndTwelveHours) {
    out(0x0B, 0x06);
    out(4, 13);
    out(0, 59);
    out(2, 59);
    time.run(kNsPerSecond);
    EXPECT_EQ(in(4), 14);
    out(0x0B, 0x00);
    out(4, 0x91);  // 11 PM
    out(0, 0x59);
    out(2, 0x59);
    time.run(kNsPerSecond);
    EXPECT_EQ(in(4), 0x12);  // 12 AM
    EXPECT_EQ(in(7), 0x02);
    out(4, 0x12);
    out(2, 0x59);
    out(0, 0x59);
    time.run(kNsPerSecond);
    EXPECT_EQ(in(4), 0x01);
}

TEST_F(RtcTest, Alarm) {
    out(1, 0x05);
    out(3, 0xFF);
    out(5, 0xC0);
    out(0x0B, 0x22);
    time.run_to(4999 * kMs);
    EXPECT_FALSE(wires.level(8));
    time.run_to(5000 * kMs);
    EXPECT_TRUE(wires.level(8));
    EXPECT_EQ(in(0x0C) & 0xB0, 0xB0);  // PF is set too, without a say
    EXPECT_FALSE(wires.level(8));
    time.run_to(70 * kNsPerSecond);
    EXPECT_TRUE(wires.level(8));  // again in the next minute
}

TEST_F(RtcTest, UpdateEndedInterrupt) {
    out(0x0B, 0x12);
    for (int i = 1; i <= 3; ++i) {
        time.run(kNsPerSecond);
        EXPECT_EQ(wires.rises(8), i);
        EXPECT_EQ(in(0x0C) & 0xB0, 0x90);
    }
}

TEST_F(RtcTest, PeriodicInterrupt) {
    out(0x0A, 0x2C);  // 16 Hz
    in(0x0C);
    out(0x0B, 0x42);
    int count = 0;
    for (int i = 0; i < 2000; ++i) {
        time.run(kMs);
        if (wires.level(8)) {
            ++count;
            EXPECT_EQ(in(0x0C) & 0xC0, 0xC0);
        }
    }
    EXPECT_EQ(count, 32);
    // The rates of table 5.
    for (auto [rs, hz] : {std::pair{1, 256}, {2, 128}, {3, 8192}, {6, 1024}, {15, 2}}) {
        out(0x0A, static_cast<uint8_t>(0x20 | rs));
        in(0x0C);
        const int before = wires.rises(8);
        const int64_t end = time.now() + kNsPerSecond;
        while (time.now() < end) {
            time.run(10'000);
            if (wires.level(8)) in(0x0C);
        }
        EXPECT_NEAR(wires.rises(8) - before, hz, 1);
    }
}

TEST_F(RtcTest, PeriodicFlagWithoutInterrupt) {
    out(0x0A, 0x2F);
    in(0x0C);
    EXPECT_EQ(in(0x0C), 0);
    time.run(kNsPerSecond / 2);
    EXPECT_EQ(rtc.region().peek(1, 1), 0x40u);
    EXPECT_EQ(in(0x0C), 0x40);
    EXPECT_EQ(in(0x0C), 0);
    time.run(kNsPerSecond / 2);
    EXPECT_FALSE(wires.level(8));
    out(0x0B, 0x42);  // the flag was waiting
    EXPECT_TRUE(wires.level(8));
}

TEST_F(RtcTest, DaylightSaving) {
    out(0x0B, 0x03);
    rtc.set_time(1714269599);  // 2024-04-28 01:59:59, the last Sunday of April
    time.run(kNsPerSecond);
    EXPECT_EQ(clock(), "20240428030000");
    rtc.set_time(1729994399);  // 2024-10-27 01:59:59
    time.run(kNsPerSecond);
    EXPECT_EQ(clock(), "20241027010000");
    time.run(3600 * kNsPerSecond);
    EXPECT_EQ(clock(), "20241027020000");
}

TEST_F(RtcTest, RamAndNmiMask) {
    rtc.preset(0x10, 0x44);
    out(0x7F, 0xAB);
    EXPECT_EQ(in(0x10), 0x44);
    EXPECT_EQ(in(0x7F), 0xAB);
    EXPECT_EQ(rtc.region().read(0, 1), 0xFFu);
    rtc.region().write(0, 1, 0x8F);
    EXPECT_TRUE(wires.level(1));
    rtc.region().write(0, 1, 0x0F);
    EXPECT_FALSE(wires.level(1));
}

TEST_F(RtcTest, UpdateWithinAnInstructionIsNotLost) {
    time.run_to(kNsPerSecond - 1);
    rtc.region().write(0, 1, 0x0B);
    time.begin_instruction();
    rtc.region().write(1, 1, 0x02);
    EXPECT_EQ(in(0), 1);
    time.run_to(2 * kNsPerSecond);
    EXPECT_EQ(in(0), 2);
}

// driftfix=slew: 1024 Hz, and software that answers every tenth tick.
TEST_F(RtcTest, LostTicksAreMadeUpForIfAskedTo) {
    for (const bool slew : {false, true}) {
        Mc146818 slow(time.clock, kJan2024, wires.line(8), wires.line(1), slew);
        slow.reset();
        const auto write = [&](uint8_t index, uint8_t value) {
            slow.region().write(0, 1, index);
            slow.region().write(1, 1, value);
        };
        const auto answer = [&] {
            slow.region().write(0, 1, 0x0C);
            return slow.region().read(1, 1);
        };
        write(0x0A, 0x26);
        write(0x0B, 0x42);
        answer();
        unsigned answered = 0;
        for (int i = 0; i < 10; ++i) {
            time.run(10 * kMs);
            for (int n = 0; n < 20 && wires.level(8); ++n) answered += (answer() & 0xC0) == 0xC0;
            EXPECT_FALSE(wires.level(8));
        }
        // 100 ms have 102.4 ticks.
        EXPECT_NEAR(answered, slew ? 102 : 10, 1) << slew;
        // Another rate, or none: what was lost before is forgotten.
        time.run(10 * kMs);
        write(0x0B, 0x02);
        answer();
        write(0x0B, 0x42);
        time.run(1 * kMs);
        answer();
        EXPECT_FALSE(wires.level(8));
    }
}

TEST_F(RtcTest, PutForwardInTheMiddleOfASecond) {
    time.run(1300 * kMs);
    rtc.advance(59);
    EXPECT_EQ(clock(), "20240101000100");
    time.run(700 * kMs);
    EXPECT_EQ(clock(), "20240101000101");
    rtc.advance(-2);
    EXPECT_EQ(clock(), "20240101000059");
    out(0x0B, 0x82);  // software sets it
    rtc.advance(100);
    EXPECT_EQ(clock(), "20240101000059");
    out(7, 0x77);  // no date
    out(0x0B, 0x02);
    rtc.advance(100);
    EXPECT_EQ(in(7), 0x77);
}

TEST_F(RtcTest, StateIsCanonicalAndRestores) {
    out(0x0A, 0x26);
    time.run(123 * kMs);
    auto saved = test::StateMap::of(rtc);
    auto clock_saved = test::StateMap::of(time.clock);
    test::TestTime other_time;
    test::Wires other_wires;
    Mc146818 other(other_time.clock, 0, other_wires.line(8), other_wires.line(1));
    other_time.run_to(time.now());
    clock_saved.load_into(other_time.clock);
    saved.load_into(other);
    for (int i = 0; i < 100; ++i) {
        other_time.run(30 * kMs);
        test::StateMap::of(other);
    }
    time.run(3000 * kMs);
    EXPECT_EQ(test::StateMap::of(rtc).difference(test::StateMap::of(other)), "");
    EXPECT_EQ(test::StateMap::of(time.clock).difference(test::StateMap::of(other_time.clock)), "");
}

}  // namespace
}  // namespace qr
