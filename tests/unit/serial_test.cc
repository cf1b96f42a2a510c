// SPDX-License-Identifier: GPL-2.0-or-later
// 16550A: pacing in both directions, FIFOs, interrupts, loopback, and state in the middle of it
// all.
#include "hw/char/serial.h"

#include <gtest/gtest.h>

#include "tests/unit/chip_fixture.h"

namespace qr {
namespace {

using test::Capture;
using test::StateMap;
using test::TestDoor;
using test::TestTime;
using test::Wires;

// 115200 8N1: a bit of 16 clocks of 1.8432 MHz.
constexpr int64_t kBit = 8681;
constexpr int64_t kChar = 86806;

struct Uart {
    explicit Uart(UartModel model = UartModel::k16550A)
        : chip("serial0", door.door, time.clock, irq.line(0), model) {
        chip.end().tx.connect(&out);
        chip.reset();
        write(3, 0x83);
        write(0, 1);
        write(1, 0);
        write(3, 0x03);
    }
    uint8_t read(unsigned reg) { return static_cast<uint8_t>(chip.region().read(reg, 1)); }
    void write(unsigned reg, uint8_t value) { chip.region().write(reg, 1, value); }
    void host(std::string text) {
        CharInput in;
        in.data.assign(text.begin(), text.end());
        door.enter(chip.end().rx, in);
    }

    TestTime time;
    TestDoor door;
    Wires irq;
    Capture out;
    Serial chip;
};

TEST(Serial, Reset) {
    Uart u;
    u.chip.reset();
    EXPECT_EQ(u.read(1), 0);
    EXPECT_EQ(u.read(2), 0x01);
    EXPECT_EQ(u.read(3), 0);
    EXPECT_EQ(u.read(4), 0);
    EXPECT_EQ(u.read(5), 0x60);
    EXPECT_EQ(u.read(6), 0xb0);
}

TEST(Serial, TransmitWithoutFifoHoldsOneCharacter) {
    Uart u;
    u.write(0, 'a');
    EXPECT_EQ(u.read(5), 0x00);  // THR full until the shift register starts
    u.time.run(kBit + 10);
    EXPECT_EQ(u.read(5), 0x20);
    EXPECT_EQ(u.out.text, "a");
    u.write(0, 'b');
    u.time.run(kChar - 100);
    EXPECT_EQ(u.read(5), 0x00);
    EXPECT_EQ(u.out.text, "a");
    u.time.run(200);
    EXPECT_EQ(u.read(5), 0x20);
    EXPECT_EQ(u.out.text, "ab");
    u.time.run(kChar);
    EXPECT_EQ(u.read(5), 0x60);
}

TEST(Serial, PollingGuestIsPacedAtTheBaudRate) {
    Uart u;
    const int64_t begin = u.time.now();
    for (int i = 0; i < 100; ++i) {
        while (!(u.read(5) & 0x20)) u.time.run(100);
        u.write(0, 'x');
    }
    while (!(u.read(5) & 0x40)) u.time.run(100);
    EXPECT_EQ(u.out.text.size(), 100u);
    EXPECT_NEAR(static_cast<double>(u.time.now() - begin), 100.0 * kChar, kChar / 2.0);
}

TEST(Serial, FifoTransmitsBurstWithoutGaps) {
    Uart u;
    u.write(2, 0x07);
    for (int i = 0; i < 17; ++i) u.write(0, static_cast<uint8_t>('a' + i));  // the 17th is lost
    const int64_t begin = u.time.now();
    while (!(u.read(5) & 0x40)) u.time.run(100);
    EXPECT_EQ(u.out.text, "abcdefghijklmnop");
    EXPECT_NEAR(static_cast<double>(u.time.now() - begin), 16.0 * kChar + kBit, 400.0);
}

TEST(Serial, FifoDelaysThreForASingleCharacter) {
    Uart u;
    u.write(2, 0x07);
    u.write(0, 'a');
    u.time.run(kBit + 100);
    EXPECT_EQ(u.out.text, "a");
    EXPECT_EQ(u.read(5) & 0x20, 0);
    u.time.run(kChar - kBit - 300);
    EXPECT_EQ(u.read(5) & 0x20, 0);
    u.time.run(400);
    EXPECT_EQ(u.read(5) & 0x60, 0x20);  // the stop bit is still to come
    u.time.run(kBit);
    EXPECT_EQ(u.read(5) & 0x60, 0x60);
}

TEST(Serial, CharacterTimeFollowsLineSettings) {
    Uart u;
    u.write(3, 0x83);
    u.write(0, 12);
    u.write(3, 0x1f);  // 9600 8E2: 12 bits
    u.write(0, 'a');
    u.write(0, 'b');
    u.time.run(12 * kBit + 100);
    u.write(0, 'c');
    u.time.run(12 * 12 * kBit - 20000);
    EXPECT_EQ(u.read(5) & 0x20, 0);
    u.time.run(40000);
    EXPECT_EQ(u.read(5) & 0x20, 0x20);
    EXPECT_EQ(u.out.text, "bc");  // "a" was overwritten before it left
}

TEST(Serial, ThreInterrupt) {
    Uart u;
    u.write(4, 0x08);
    u.write(1, 0x02);
    EXPECT_TRUE(u.irq.level(0));  // THR is empty already
    EXPECT_EQ(u.read(2), 0x02);
    EXPECT_FALSE(u.irq.level(0));
    EXPECT_EQ(u.read(2), 0x01);
    u.write(0, 'a');
    u.time.run(kBit + 10);
    EXPECT_TRUE(u.irq.level(0));
    u.write(0, 'b');
    EXPECT_FALSE(u.irq.level(0));
    u.time.run(2 * kChar);
    EXPECT_EQ(u.read(2), 0x02);
}

TEST(Serial, Out2GatesTheInterrupt) {
    Uart u;
    u.write(1, 0x02);
    EXPECT_EQ(u.chip.region().peek(2, 1), 0x02u);
    EXPECT_FALSE(u.irq.level(0));
    u.write(4, 0x08);
    EXPECT_TRUE(u.irq.level(0));
    u.write(4, 0x18);  // loopback holds the pin inactive
    EXPECT_FALSE(u.irq.level(0));
}

TEST(Serial, ReceivesAtTheBaudRate) {
    Uart u;
    u.write(4, 0x08);
    u.write(1, 0x01);
    u.host("hi");
    EXPECT_EQ(u.read(5) & 1, 0);
    u.time.run(kChar + 10);
    EXPECT_EQ(u.read(5) & 1, 1);
    EXPECT_TRUE(u.irq.level(0));
    EXPECT_EQ(u.read(2), 0x04);
    u.time.run(10 * kChar);
    EXPECT_EQ(u.read(0), 'h');  // the other end waited
    EXPECT_FALSE(u.irq.level(0));
    EXPECT_EQ(u.read(5) & 1, 0);
    u.time.run(kChar + 10);
    EXPECT_EQ(u.read(0), 'i');
}

TEST(Serial, FifoTriggerAndTimeout) {
    Uart u;
    u.write(4, 0x08);
    u.write(1, 0x01);
    u.write(2, 0x47);  // trigger at 4
    u.host("abcde");
    u.time.run(3 * kChar + 100);
    EXPECT_FALSE(u.irq.level(0));
    u.time.run(kChar);
    EXPECT_EQ(u.read(2), 0xc4);
    u.time.run(kChar);
    for (int i = 0; i < 2; ++i) u.read(0);
    EXPECT_FALSE(u.irq.level(0));
    u.time.run(4 * kChar - 1000);
    EXPECT_FALSE(u.irq.level(0));
    u.time.run(2000);
    EXPECT_TRUE(u.irq.level(0));
    EXPECT_EQ(u.read(2), 0xcc);
    EXPECT_EQ(u.read(0), 'c');
    EXPECT_EQ(u.read(2), 0xc1);
    u.time.run(5 * kChar);
    EXPECT_EQ(u.read(2), 0xcc);  // two are left
}

TEST(Serial, NothingIsLostHoweverLateTheGuest) {
    Uart u;
    u.write(2, 0x01);
    std::string sent;
    for (int i = 0; i < 4096; ++i) sent += static_cast<char>(i * 7);
    EXPECT_EQ(u.chip.end().rx.room(), 4096u);
    u.host(sent);
    EXPECT_EQ(u.chip.end().rx.room(), 0u);
    std::string got;
    while (got.size() < sent.size()) {
        u.time.run(got.size() % 3 ? kChar / 2 : 20 * kChar);
        while (u.read(5) & 1) got += static_cast<char>(u.read(0));
        EXPECT_EQ(u.read(5) & 0x1e, 0);
    }
    EXPECT_EQ(got, sent);
    EXPECT_EQ(u.chip.end().rx.room(), 4096u);
}

TEST(Serial, BreakShowsAtTheFrontOfTheFifo) {
    Uart u;
    u.write(4, 0x08);
    u.write(1, 0x05);
    u.write(2, 0x01);
    CharInput in;
    in.data = {'x'};
    in.line_break = true;
    u.door.enter(u.chip.end().rx, in);
    u.time.run(3 * kChar);
    EXPECT_EQ(u.read(5), 0xe1);  // an error in the FIFO, not at its front
    EXPECT_EQ(u.read(2), 0xc4);
    EXPECT_EQ(u.read(0), 'x');
    EXPECT_EQ(u.read(2), 0xc6);
    EXPECT_EQ(u.read(5), 0xf9);
    EXPECT_EQ(u.read(5), 0x61);
    EXPECT_EQ(u.read(0), 0);
}

TEST(Serial, LoopbackOverrun) {
    Uart u;
    u.write(4, 0x10);
    u.write(0, 'a');
    u.time.run(kBit + 10);
    u.write(0, 'b');
    u.time.run(3 * kChar);
    EXPECT_EQ(u.read(5), 0x63);  // overrun
    EXPECT_EQ(u.read(0), 'b');   // without FIFO the new one wins
    EXPECT_EQ(u.read(5), 0x60);
    EXPECT_EQ(u.out.text, "");
}

TEST(Serial, LoopbackModemLines) {
    Uart u;
    u.read(6);
    u.write(4, 0x10);
    EXPECT_EQ(u.read(6), 0x0b);  // CTS, DSR, DCD fell
    u.write(4, 0x1a);
    EXPECT_EQ(u.read(6), 0x99);
    EXPECT_EQ(u.read(6), 0x90);
    u.write(4, 0x14);
    EXPECT_EQ(u.read(6) & 0xf4, 0x40);  // RI rose: no delta
    u.write(4, 0x10);
    EXPECT_EQ(u.read(6), 0x04);  // its trailing edge is one
}

TEST(Serial, PriorityOfInterrupts) {
    Uart u;
    u.write(4, 0x08);
    u.write(1, 0x0f);
    u.chip.set_modem_inputs(0x80);
    CharInput in;
    in.line_break = true;
    u.door.enter(u.chip.end().rx, in);
    u.time.run(2 * kChar);
    EXPECT_EQ(u.read(2), 0x06);
    EXPECT_EQ(u.read(5) & 0x19, 0x19);
    EXPECT_EQ(u.read(2), 0x04);
    u.read(0);
    EXPECT_EQ(u.read(2), 0x02);
    EXPECT_EQ(u.read(2), 0x00);
    EXPECT_EQ(u.read(6), 0x83);
    EXPECT_EQ(u.read(2), 0x01);
    EXPECT_FALSE(u.irq.level(0));
}

TEST(Serial, OlderModels) {
    Uart u(UartModel::k16450);
    u.write(2, 0x01);
    EXPECT_EQ(u.read(2), 0x01);
    u.write(7, 0x5a);
    EXPECT_EQ(u.read(7), 0x5a);
    Uart old(UartModel::k8250);
    old.write(7, 0x5a);
    EXPECT_EQ(old.read(7), 0xff);
}

TEST(Serial, StateInTheMiddle) {
    Uart a, b;
    for (Uart* u : {&a, &b}) u->write(3, 3);
    a.write(2, 0x47);
    a.write(1, 0x0f);
    a.write(4, 0x08);
    for (const char c : std::string("hello")) a.write(0, static_cast<uint8_t>(c));
    a.host("0123456789");
    a.time.run(3 * kChar + 1234);
    const StateMap chip = StateMap::of(a.chip), clock = StateMap::of(a.time.clock);
    StateMap load_chip = chip, load_clock = clock;
    b.time.run_to(a.time.now());
    load_chip.load_into(b.chip);
    load_clock.load_into(b.time.clock);
    b.chip.after_load();
    EXPECT_EQ(chip.difference(StateMap::of(b.chip)), "");
    const std::string before = a.out.text;
    a.time.run(20 * kChar);
    b.time.run(20 * kChar);
    EXPECT_EQ(before + b.out.text, a.out.text);
    EXPECT_EQ(StateMap::of(a.chip).difference(StateMap::of(b.chip)), "");
    EXPECT_EQ(a.chip.end().rx.room(), b.chip.end().rx.room());
}

}  // namespace
}  // namespace qr
