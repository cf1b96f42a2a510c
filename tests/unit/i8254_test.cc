// SPDX-License-Identifier: GPL-2.0-or-later
// 8254: waveforms of the data sheet's figures, reads and latches, and closed form against tick by
// tick.
#include "hw/timer/i8254.h"

#include <gtest/gtest.h>

#include <random>

#include "hw/misc/port61.h"
#include "tests/unit/device_fixture.h"

namespace qr {
namespace {

constexpr uint8_t lsb_only(unsigned mode) { return static_cast<uint8_t>(0x10 | mode << 1); }

// OUT on each of the ticks 0, 1, ... n-1, as H and L.
std::string wave(I8254Counter& c, uint64_t from, unsigned n) {
    std::string text;
    for (unsigned i = 0; i < n; ++i) {
        c.advance(from + i);
        text += c.out() ? 'H' : 'L';
    }
    return text;
}

I8254Counter counter(uint8_t control, uint8_t count, bool gate = true) {
    I8254Counter c;
    c.reset(0, gate);
    c.control(control);
    c.write(count);
    return c;
}

TEST(PitWave, Mode0) {
    auto c = counter(lsb_only(0), 4);
    EXPECT_EQ(wave(c, 0, 8), "LLLLLHHH");  // N+1 after the write
    EXPECT_EQ(c.read(), 0xFE);             // it goes on counting past zero
}

TEST(PitWave, Mode0GateAndNewCount) {
    auto c = counter(lsb_only(0), 3);
    c.advance(2);
    EXPECT_EQ(c.read(), 2);
    c.set_gate(false);
    c.advance(10);
    EXPECT_EQ(c.read(), 2);
    c.set_gate(true);
    EXPECT_EQ(wave(c, 10, 4), "LLHH");
    c.write(2);
    EXPECT_EQ(wave(c, 13, 5), "LLLHH");
}

TEST(PitWave, Mode0FirstByteStops) {
    I8254Counter c;
    c.reset(0, true);
    c.control(0x30);
    c.write(100);
    c.write(0);
    c.advance(11);
    c.write(50);  // LSB: the count stands at 90
    c.advance(40);
    c.latch_count();
    EXPECT_EQ(c.read(), 90);
    EXPECT_EQ(c.read(), 0);
    c.write(0);
    c.advance(41);
    c.latch_count();
    EXPECT_EQ(c.read(), 50);
}

TEST(PitWave, Mode1) {
    auto c = counter(lsb_only(1), 3, false);
    EXPECT_EQ(wave(c, 0, 4), "HHHH");
    c.set_gate(true);  // at tick 3
    EXPECT_EQ(wave(c, 4, 5), "LLLHH");
    c.set_gate(false);
    c.set_gate(true);  // at tick 8
    EXPECT_EQ(wave(c, 9, 2), "LL");
    c.set_gate(false);
    c.set_gate(true);  // at tick 10: retriggered
    EXPECT_EQ(wave(c, 11, 5), "LLLHH");
}

TEST(PitWave, Mode2) {
    auto c = counter(lsb_only(2), 3);
    EXPECT_EQ(wave(c, 0, 11), "HHHLHHLHHLH");
    // Gate off raises OUT at once; the trigger reloads.
    c.advance(12);
    EXPECT_FALSE(c.out());
    c.set_gate(false);
    EXPECT_TRUE(c.out());
    c.advance(30);
    c.set_gate(true);
    EXPECT_EQ(wave(c, 31, 6), "HHLHHL");
}

TEST(PitWave, Mode2NewCountAtTheEndOfTheCycle) {
    auto c = counter(lsb_only(2), 4);
    c.advance(2);
    c.write(5);
    c.latch_status();
    EXPECT_EQ(c.read() & 0x40, 0x40);  // null count: not loaded yet
    EXPECT_EQ(wave(c, 3, 9), "HLHHHHLHH");
    c.latch_status();
    EXPECT_EQ(c.read() & 0x40, 0);
}

TEST(PitWave, Mode3) {
    auto even = counter(lsb_only(3), 4);
    EXPECT_EQ(wave(even, 0, 10), "HHHLLHHLLH");
    auto odd = counter(lsb_only(3), 5);
    EXPECT_EQ(wave(odd, 0, 12), "HHHHLLHHHLLH");
    // The count goes by two.
    auto c = counter(lsb_only(3), 8);
    std::vector<int> counts;
    for (uint64_t t = 1; t <= 9; ++t) {
        c.advance(t);
        counts.push_back(c.read());
    }
    EXPECT_EQ(counts, (std::vector<int>{8, 6, 4, 2, 8, 6, 4, 2, 8}));
}

TEST(PitWave, Mode3NewCountAtTheHalfCycle) {
    auto c = counter(lsb_only(3), 8);
    c.advance(2);
    c.write(4);
    EXPECT_EQ(wave(c, 3, 8), "HHLLHHLL");
}

TEST(PitWave, Mode4) {
    auto c = counter(lsb_only(4), 3);
    EXPECT_EQ(wave(c, 0, 7), "HHHHLHH");
    EXPECT_EQ(wave(c, 7, 300), std::string(300, 'H'));  // one strobe only
    c.write(2);
    EXPECT_EQ(wave(c, 307, 4), "HHLH");
}

TEST(PitWave, Mode5) {
    auto c = counter(lsb_only(5), 3, false);
    c.advance(5);
    c.set_gate(true);
    EXPECT_EQ(wave(c, 6, 6), "HHHLHH");
}

TEST(PitRead, Bcd) {
    I8254Counter c;
    c.reset(0, true);
    c.control(0x35);  // both bytes, mode 2, BCD
    c.write(0x00);
    c.write(0x10);
    EXPECT_EQ(c.initial_count(), 1000u);
    c.advance(2);
    EXPECT_EQ(c.read(), 0x99);
    EXPECT_EQ(c.read(), 0x09);
    c.control(0x31);
    c.write(0);
    c.write(0);
    EXPECT_EQ(c.initial_count(), 10000u);
    c.advance(4);
    EXPECT_EQ(c.read(), 0x99);
    EXPECT_EQ(c.read(), 0x99);
}

TEST(PitRead, LatchesStandUntilRead) {
    I8254Counter c;
    c.reset(0, true);
    c.control(0x34);
    c.write(0x00);
    c.write(0x10);
    c.advance(1);
    c.latch_count();
    c.latch_status();
    c.advance(100);
    c.latch_count();  // ignored
    EXPECT_EQ(c.peek(), 0xB4);
    EXPECT_EQ(c.read(), 0xB4);  // status first
    EXPECT_EQ(c.read(), 0x00);
    EXPECT_EQ(c.read(), 0x10);
    EXPECT_EQ(c.read(), 0x9D);  // live: 1000H - 99
    EXPECT_EQ(c.read(), 0x0F);
}

TEST(PitRead, MsbOnly) {
    I8254Counter c;
    c.reset(0, true);
    c.control(0x24);
    c.write(0x12);
    EXPECT_EQ(c.initial_count(), 0x1200u);
    c.advance(2);
    EXPECT_EQ(c.read(), 0x11);
    EXPECT_EQ(c.read(), 0x11);
}

// Random programming: one counter jumps, its twin goes tick by tick.
TEST(PitClosedForm, EqualsTickByTick) {
    std::mt19937 random(1);
    const auto pick = [&](uint32_t n) { return static_cast<uint32_t>(random() % n); };
    for (int run = 0; run < 300; ++run) {
        I8254Counter jump, step;
        jump.reset(0, true);
        step.reset(0, true);
        uint64_t tick = 0;
        for (int i = 0; i < 40; ++i) {
            const uint32_t what = pick(10);
            const uint8_t value = static_cast<uint8_t>(pick(4) ? pick(20) : random());
            const uint8_t control =
                static_cast<uint8_t>((pick(3) + 1) << 4 | pick(8) << 1 | (pick(4) == 0));
            for (I8254Counter* c : {&jump, &step}) {
                if (what < 2)
                    c->control(control);
                else if (what < 6)
                    c->write(value);
                else if (what < 8)
                    c->set_gate(value & 1);
                else if (what < 9)
                    c->latch_count();
                else
                    c->read();
            }
            const uint64_t until = tick + (pick(3) ? pick(30) : pick(5000));
            const uint64_t change = jump.next_change();
            const bool out = jump.out();
            while (tick < until) {
                step.advance(++tick);
                if (tick < change) {
                    ASSERT_EQ(step.out(), out) << "run " << run;
                }
            }
            jump.advance(until);
            ASSERT_EQ(test::StateMap::of(jump).difference(test::StateMap::of(step)), "")
                << "run " << run << " operation " << i << " tick " << tick;
        }
    }
}

class PitTest : public ::testing::Test {
  protected:
    PitTest() : pit(time.clock, wires.line(0)) { pit.reset(); }
    void out(unsigned port, uint8_t value) { pit.region().write(port - 0x40, 1, value); }
    uint8_t in(unsigned port) { return static_cast<uint8_t>(pit.region().read(port - 0x40, 1)); }
    void program(unsigned mode, uint16_t count) {
        out(0x43, static_cast<uint8_t>(0x30 | mode << 1));
        out(0x40, static_cast<uint8_t>(count));
        out(0x40, static_cast<uint8_t>(count >> 8));
    }

    test::TestTime time;
    test::Wires wires;
    I8254 pit;
};

TEST_F(PitTest, InterruptsWithoutDrift) {
    program(2, 1193);
    const int before = wires.rises(0);
    time.run(10 * kNsPerSecond);
    EXPECT_EQ(wires.rises(0) - before, static_cast<int>(10 * kPitHz / 1193));
}

TEST_F(PitTest, SquareWave) {
    program(3, 0);
    const int before = wires.rises(0);
    time.run(kNsPerSecond);
    EXPECT_EQ(wires.rises(0) - before, 18);
}

TEST_F(PitTest, OneShotEdge) {
    program(4, 1000);
    EXPECT_TRUE(wires.level(0));
    const int before = wires.rises(0);
    time.run(1000 * 838);
    EXPECT_EQ(wires.rises(0), before);
    time.run(3 * 839);
    EXPECT_EQ(wires.rises(0), before + 1);
}

TEST_F(PitTest, InhibitedByHpet) {
    program(2, 1193);
    pit.inhibit_input().raise();
    EXPECT_FALSE(wires.level(0));
    const int before = wires.rises(0);
    time.run(kNsPerSecond);
    EXPECT_EQ(wires.rises(0), before);
    EXPECT_EQ(time.clock.next_deadline(), kNoDeadline);
    pit.inhibit_input().lower();
    time.run(10'000'000);
    EXPECT_GE(wires.rises(0), before + 9);
}

TEST(PitSlow, PulseShorterThanAnInstruction) {
    test::TestTime time(4096);
    test::Wires wires;
    I8254 pit(time.clock, wires.line(0));
    pit.reset();
    pit.region().write(3, 1, 0x34);
    pit.region().write(0, 1, 0xA9);
    pit.region().write(0, 1, 0x04);
    const int before = wires.rises(0);
    time.run(kNsPerSecond);
    EXPECT_NEAR(wires.rises(0) - before, 1000, 1);
}

TEST_F(PitTest, ReadBackOfSeveral) {
    out(0x43, 0x36);
    out(0x43, 0x74);
    out(0x43, 0xB6);
    out(0x43, 0xE6);  // status of counters 0 and 1
    EXPECT_EQ(in(0x40), 0xF6);
    EXPECT_EQ(in(0x41), 0xF4);
    EXPECT_EQ(in(0x43), 0xFF);
}

TEST_F(PitTest, StateIsCanonicalAndRestores) {
    program(3, 5000);
    time.run(1'234'567);
    auto saved = test::StateMap::of(pit);
    auto clock_saved = test::StateMap::of(time.clock);
    // Looking more often changes nothing.
    test::TestTime other_time;
    test::Wires other_wires;
    I8254 other(other_time.clock, other_wires.line(0));
    other_time.run_to(time.now());
    clock_saved.load_into(other_time.clock);
    saved.load_into(other);
    for (int i = 0; i < 1000; ++i) {
        other_time.run(10'000);
        test::StateMap::of(other);
    }
    time.run(10'000'000);
    EXPECT_EQ(test::StateMap::of(pit).difference(test::StateMap::of(other)), "");
    EXPECT_EQ(test::StateMap::of(time.clock).difference(test::StateMap::of(other_time.clock)), "");
}

struct Listener : SpeakerSink {
    void speaker_changed(const SpeakerSignal& s) override {
        signal = s;
        ++changes;
    }
    SpeakerSignal signal;
    int changes = 0;
};

TEST_F(PitTest, Port61) {
    test::Wires nmi;
    Port61 port(time.clock, pit, nmi.line(0));
    port.reset();
    Listener speaker;
    port.connect_speaker(speaker);
    const auto read = [&] { return port.region().read(0, 1); };
    out(0x43, 0xB6);
    out(0x42, 0xA9);
    out(0x42, 0x04);
    EXPECT_EQ(read() & 0x2F, 0x20);
    port.region().write(0, 1, 3);
    EXPECT_EQ(speaker.signal.count, 0x4A9u);
    EXPECT_TRUE(speaker.signal.gate && speaker.signal.data_enable);
    time.run(600'000);
    EXPECT_EQ(read() & 0x2F, 0x03);  // in the low half
    time.run(500'000);
    EXPECT_EQ(read() & 0x2F, 0x23);
    int toggles = 0;
    uint64_t last = read() & 0x10;
    for (int i = 0; i < 10000; ++i) {
        time.run(100);
        toggles += last != (read() & 0x10);
        last = read() & 0x10;
    }
    EXPECT_NEAR(toggles, 66, 1);  // 15.085 us
}

TEST_F(PitTest, Port61Nmi) {
    test::Wires nmi;
    Port61 port(time.clock, pit, nmi.line(0));
    port.reset();
    IrqLine(port, Port61::kNmiMask).raise();
    IrqLine(port, Port61::kSerr).pulse();
    EXPECT_EQ(port.region().read(0, 1) & 0xC0, 0x80u);
    EXPECT_FALSE(nmi.level(0));
    IrqLine(port, Port61::kNmiMask).lower();
    EXPECT_TRUE(nmi.level(0));
    port.region().write(0, 1, 0x04);
    EXPECT_FALSE(nmi.level(0));
    port.region().write(0, 1, 0x00);
    EXPECT_FALSE(nmi.level(0));
    IrqLine(port, Port61::kIochk).raise();
    EXPECT_TRUE(nmi.level(0));
    port.region().write(0, 1, 0x08);
    EXPECT_EQ(port.region().read(0, 1) & 0xC0, 0u);
}

}  // namespace
}  // namespace qr
