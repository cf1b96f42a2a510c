// SPDX-License-Identifier: GPL-2.0-or-later
// 8042 with its keyboard and mouse: controller commands, translation, scan codes, typematic,
// packets.
#include "hw/input/i8042.h"

#include <gtest/gtest.h>

#include "hw/input/ps2_keyboard.h"
#include "hw/input/ps2_mouse.h"
#include "hw/input/scancodes.h"
#include "tests/unit/chip_fixture.h"

namespace qr {
namespace {

using test::StateMap;
using test::TestControl;
using test::TestDoor;
using test::TestTime;
using test::Wires;
using Bytes = std::vector<int>;

constexpr int kMouse = 0x100;  // marks a byte that came with AUX OBF

struct Controller {
    explicit Controller(bool typematic = true)
        : keyboard(door.door, time.clock, typematic),
          mouse(door.door, time.clock),
          chip(time.clock, control, keyboard, mouse, irq.line(1), irq.line(12), irq.line(20)) {
        keyboard.reset();
        mouse.reset();
        chip.reset();
    }
    uint8_t status() { return static_cast<uint8_t>(chip.command_region().read(0, 1)); }
    uint8_t data() { return static_cast<uint8_t>(chip.data_region().read(0, 1)); }
    void command(uint8_t value) { chip.command_region().write(0, 1, value); }
    void send(uint8_t value) { chip.data_region().write(0, 1, value); }
    void command(uint8_t value, uint8_t parameter) {
        command(value);
        send(parameter);
    }
    // Everything that arrives within a while.
    Bytes drain(int64_t ns = 30'000'000) {
        Bytes bytes;
        const int64_t end = time.now() + ns;
        while (time.now() < end) {
            while (status() & 1) {
                const int from = status() & 0x20 ? kMouse : 0;
                bytes.push_back(data() | from);
            }
            time.run(100'000);
        }
        return bytes;
    }
    Bytes keyboard_command(std::initializer_list<int> values) {
        Bytes all;
        for (const int value : values) {
            send(static_cast<uint8_t>(value));
            for (const int byte : drain()) all.push_back(byte);
        }
        return all;
    }
    Bytes mouse_command(std::initializer_list<int> values) {
        Bytes all;
        for (const int value : values) {
            command(0xd4, static_cast<uint8_t>(value));
            for (const int byte : drain()) all.push_back(byte & ~kMouse);
        }
        return all;
    }
    void key(Key k, bool down) {
        door.enter(keyboard.port(), KeyInput{static_cast<uint16_t>(k), down});
    }
    Bytes tap(Key k) {
        key(k, true);
        key(k, false);
        return drain();
    }
    void move(int64_t dx, int64_t dy, int64_t dz = 0, uint32_t buttons = 0) {
        door.enter(mouse.port(), MouseInput{dx, dy, dz, buttons});
    }

    TestTime time;
    TestDoor door;
    TestControl control;
    Wires irq;
    Ps2Keyboard keyboard;
    Ps2Mouse mouse;
    I8042 chip;
};

TEST(I8042, SelfTests) {
    Controller c;
    EXPECT_EQ(c.status() & 0x35, 0x10);
    c.command(0xaa);
    EXPECT_EQ(c.data(), 0x55);
    EXPECT_EQ(c.status() & 0x04, 0x04);
    c.command(0xab);
    EXPECT_EQ(c.data(), 0x00);
    c.command(0xa9);
    EXPECT_EQ(c.data(), 0x00);
    c.command(0xc0);
    EXPECT_EQ(c.data(), 0x80);
}

TEST(I8042, CommandByteAndRam) {
    Controller c;
    c.command(0x20);
    EXPECT_EQ(c.data(), 0x03);
    c.command(0x60, 0x65);
    c.command(0x20);
    EXPECT_EQ(c.data(), 0x65);
    EXPECT_EQ(c.status() & 0x0c, 0x0c);
    c.command(0x75, 0x12);
    c.command(0x35);
    EXPECT_EQ(c.data(), 0x12);
    c.command(0xad);
    c.command(0xa7);
    c.command(0x20);
    EXPECT_EQ(c.data(), 0x75);
    c.command(0xae);
    c.command(0xa8);
    c.command(0x20);
    EXPECT_EQ(c.data(), 0x45);
}

TEST(I8042, OutputPort) {
    Controller c;
    c.command(0xd0);
    EXPECT_EQ(c.data() & 0xcf, 0xcf);
    c.command(0xdf);
    EXPECT_TRUE(c.irq.level(20));
    c.command(0xdd);
    EXPECT_FALSE(c.irq.level(20));
    c.command(0xd1, 0xcf);
    EXPECT_TRUE(c.irq.level(20));
    EXPECT_EQ(c.control.resets, 0);
    c.command(0xfe);
    EXPECT_EQ(c.control.resets, 1);
    c.command(0xff);
    c.command(0xf1);
    EXPECT_EQ(c.control.resets, 1);
    c.command(0xd1, 0xce);
    EXPECT_EQ(c.control.resets, 2);
}

TEST(I8042, InterruptsFollowTheOutputBuffer) {
    Controller c;
    c.command(0xd2, 0x33);
    EXPECT_TRUE(c.irq.level(1));
    EXPECT_FALSE(c.irq.level(12));
    EXPECT_EQ(c.data(), 0x33);
    EXPECT_FALSE(c.irq.level(1));
    c.command(0xd3, 0x44);
    EXPECT_FALSE(c.irq.level(1));
    EXPECT_TRUE(c.irq.level(12));
    EXPECT_EQ(c.status() & 0x21, 0x21);
    c.command(0x60, 0x00);
    EXPECT_FALSE(c.irq.level(12));
    EXPECT_EQ(c.data(), 0x44);
}

TEST(I8042, DisabledKeyboardKeepsItsBytes) {
    Controller c;
    c.command(0xad);
    c.key(Key::kA, true);
    EXPECT_EQ(c.drain(), Bytes{});
    c.command(0xae);
    EXPECT_EQ(c.drain(), Bytes{0x1c});
}

TEST(I8042, BytesTakeTheirTime) {
    Controller c;
    c.tap(Key::kA);
    c.key(Key::kB, true);
    c.key(Key::kB, false);
    c.time.run(870'000);
    EXPECT_EQ(c.status() & 1, 0);
    c.time.run(20'000);
    EXPECT_EQ(c.status() & 1, 1);
    EXPECT_EQ(c.data(), 0x32);
    EXPECT_EQ(c.status() & 1, 0);
    c.time.run(890'000);
    EXPECT_EQ(c.data(), 0xf0);
}

TEST(I8042, Translation) {
    Controller c;
    EXPECT_EQ(c.tap(Key::kEsc), (Bytes{0x76, 0xf0, 0x76}));
    c.command(0x60, 0x43);
    EXPECT_EQ(c.tap(Key::kEsc), (Bytes{0x01, 0x81}));
    EXPECT_EQ(c.tap(Key::kF7), (Bytes{0x41, 0xc1}));
    EXPECT_EQ(c.tap(Key::kUp), (Bytes{0xe0, 0x48, 0xe0, 0xc8}));
    EXPECT_EQ(c.tap(Key::kPause), (Bytes{0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5}));
    EXPECT_EQ(c.tap(Key::kPrint), (Bytes{0xe0, 0x2a, 0xe0, 0x37, 0xe0, 0xb7, 0xe0, 0xaa}));
    EXPECT_EQ(c.keyboard_command({0xf2}), (Bytes{0xfa, 0xab, 0x41}));
}

// Every key gives the same through the translation as set 1 does by itself.
TEST(I8042, TranslationAgreesWithSet1) {
    for (unsigned n = 1; n < static_cast<unsigned>(Key::kCount); ++n) {
        const Key key = static_cast<Key>(n);
        if (!scan_code(key).set1) continue;
        Controller translated, native;
        translated.command(0x60, 0x43);
        native.keyboard_command({0xf0, 1});
        native.keyboard_command({0xf4});
        EXPECT_EQ(translated.tap(key), native.tap(key)) << key_name(key);
    }
}

TEST(Ps2Keyboard, Commands) {
    Controller c;
    EXPECT_EQ(c.keyboard_command({0xee}), Bytes{0xee});
    EXPECT_EQ(c.keyboard_command({0xf2}), (Bytes{0xfa, 0xab, 0x83}));
    EXPECT_EQ(c.keyboard_command({0xed, 7}), (Bytes{0xfa, 0xfa}));
    EXPECT_EQ(c.keyboard.leds(), 7);
    EXPECT_EQ(c.keyboard_command({0xf0, 0}), (Bytes{0xfa, 0xfa, 2}));
    EXPECT_EQ(c.keyboard_command({0xf0, 3}), (Bytes{0xfa, 0xfa}));
    EXPECT_EQ(c.keyboard_command({0xf0, 0}), (Bytes{0xfa, 0xfa, 3}));
    EXPECT_EQ(c.keyboard_command({0xf0, 4}), (Bytes{0xfa, 0xfe}));
    EXPECT_EQ(c.keyboard_command({0xf3, 0x20}), (Bytes{0xfa, 0xfa}));
    EXPECT_EQ(c.keyboard_command({0xef}), Bytes{0xfe});
    EXPECT_EQ(c.keyboard_command({0xfe}), Bytes{0xfe});
    EXPECT_EQ(c.keyboard_command({0xff}), (Bytes{0xfa, 0xaa}));
    EXPECT_EQ(c.keyboard.leds(), 0);
    EXPECT_EQ(c.keyboard_command({0xf0, 0}), (Bytes{0xfa, 0xfa, 2}));
}

TEST(Ps2Keyboard, DisableAndEnable) {
    Controller c;
    c.keyboard_command({0xf5});
    EXPECT_EQ(c.tap(Key::kA), Bytes{});
    c.keyboard_command({0xf4});
    EXPECT_EQ(c.tap(Key::kA), (Bytes{0x1c, 0xf0, 0x1c}));
}

TEST(Ps2Keyboard, ShiftedNavigationKeys) {
    Controller c;
    c.key(Key::kShift, true);
    EXPECT_EQ(c.drain(), Bytes{0x12});
    EXPECT_EQ(c.tap(Key::kHome),
              (Bytes{0xe0, 0xf0, 0x12, 0xe0, 0x6c, 0xe0, 0xf0, 0x6c, 0xe0, 0x12}));
    c.key(Key::kShift, false);
    c.drain();
    c.keyboard_command({0xed, 2});
    EXPECT_EQ(c.tap(Key::kHome),
              (Bytes{0xe0, 0x12, 0xe0, 0x6c, 0xe0, 0xf0, 0x6c, 0xe0, 0xf0, 0x12}));
}

TEST(Ps2Keyboard, TypematicInVirtualTime) {
    Controller c;
    c.key(Key::kA, true);
    EXPECT_EQ(c.drain(490'000'000), Bytes{0x1c});
    EXPECT_EQ(c.drain(20'000'000), Bytes{0x1c});
    EXPECT_EQ(c.drain(1'000'000'000).size(), 11u);  // 10.9 a second
    c.key(Key::kA, true);                           // the host repeats too: ignored
    c.key(Key::kB, true);
    EXPECT_EQ(c.drain(400'000'000), Bytes{0x32});
    c.key(Key::kB, false);
    EXPECT_EQ(c.drain(2'000'000'000), (Bytes{0xf0, 0x32}));
    c.keyboard_command({0xf3, 0x00});
    c.key(Key::kC, true);
    EXPECT_EQ(c.drain(1'240'000'000).size(), 31u);  // at once, after 250 ms, then 30 a second
}

TEST(Ps2Keyboard, RepeatsByTheHostWithoutTypematic) {
    Controller c(false);
    c.key(Key::kA, true);
    c.key(Key::kA, true);
    EXPECT_EQ(c.drain(2'000'000'000), (Bytes{0x1c, 0x1c}));
}

TEST(Ps2Keyboard, Set3KeyTypes) {
    Controller c;
    c.keyboard_command({0xf0, 3});
    EXPECT_EQ(c.tap(Key::kA), Bytes{0x1c});
    EXPECT_EQ(c.tap(Key::kShift), (Bytes{0x12, 0xf0, 0x12}));
    EXPECT_EQ(c.tap(Key::kF1), Bytes{0x07});
    EXPECT_EQ(c.keyboard_command({0xfc, 0x1c, 0x32}), (Bytes{0xfa, 0xfa, 0xfa}));
    c.keyboard_command({0xf4});
    EXPECT_EQ(c.tap(Key::kA), (Bytes{0x1c, 0xf0, 0x1c}));
    c.keyboard_command({0xfa});
    EXPECT_EQ(c.tap(Key::kF1), (Bytes{0x07, 0xf0, 0x07}));
    c.keyboard_command({0xf9});
    c.key(Key::kA, true);
    EXPECT_EQ(c.drain(2'000'000'000), Bytes{0x1c});
}

TEST(Ps2Keyboard, OverrunIsMarked) {
    Controller c;
    c.command(0xad);
    for (int i = 0; i < 12; ++i) {
        c.key(Key::kA, true);
        c.key(Key::kA, false);
    }
    c.command(0xae);
    const Bytes bytes = c.drain(100'000'000);
    ASSERT_EQ(bytes.size(), 17u);
    EXPECT_EQ(bytes[15], 0x1c);
    EXPECT_EQ(bytes[16], 0x00);
}

TEST(Ps2Mouse, Commands) {
    Controller c;
    EXPECT_EQ(c.mouse_command({0xf2}), (Bytes{0xfa, 0x00}));
    EXPECT_EQ(c.mouse_command({0xe9}), (Bytes{0xfa, 0x00, 0x02, 0x64}));
    EXPECT_EQ(c.mouse_command({0xe7}), Bytes{0xfa});
    EXPECT_EQ(c.mouse_command({0xe8, 3}), (Bytes{0xfa, 0xfa}));
    EXPECT_EQ(c.mouse_command({0xf3, 200}), (Bytes{0xfa, 0xfa}));
    EXPECT_EQ(c.mouse_command({0xf4}), Bytes{0xfa});
    EXPECT_EQ(c.mouse_command({0xe9}), (Bytes{0xfa, 0x30, 0x03, 200}));
    EXPECT_EQ(c.mouse_command({0xee}), Bytes{0xfa});
    EXPECT_EQ(c.mouse_command({0x12, 0xf4}), (Bytes{0x12, 0xf4}));
    EXPECT_EQ(c.mouse_command({0xec}), Bytes{0xfa});
    EXPECT_EQ(c.mouse_command({0xf6}), Bytes{0xfa});
    EXPECT_EQ(c.mouse_command({0xe9}), (Bytes{0xfa, 0x00, 0x02, 0x64}));
    EXPECT_EQ(c.mouse_command({0x55, 0x55}), (Bytes{0xfe, 0xfc}));
    EXPECT_EQ(c.mouse_command({0xff}), (Bytes{0xfa, 0xaa, 0x00}));
}

TEST(Ps2Mouse, Knocks) {
    Controller c;
    c.mouse_command({0xf3, 200, 0xf3, 100, 0xf3, 80});
    EXPECT_EQ(c.mouse_command({0xf2}), (Bytes{0xfa, 0x03}));
    c.mouse_command({0xf3, 200, 0xf3, 200, 0xf3, 80});
    EXPECT_EQ(c.mouse_command({0xf2}), (Bytes{0xfa, 0x04}));
    c.mouse_command({0xff});
    EXPECT_EQ(c.mouse_command({0xf2}), (Bytes{0xfa, 0x00}));
}

TEST(Ps2Mouse, StreamPackets) {
    Controller c;
    c.move(5, 5);  // not reporting: forgotten
    c.mouse_command({0xf4});
    c.move(3, -4, 0, MouseInput::kLeft);
    EXPECT_EQ(c.drain(), (Bytes{0x109, 0x103, 0x104}));
    c.move(-1, 2, 0, 0);
    EXPECT_EQ(c.drain(), (Bytes{0x138, 0x1ff, 0x1fe}));
    // Far movement goes on in the next packets; nothing is lost.
    c.move(600, 0);
    EXPECT_EQ(c.drain(60'000'000),
              (Bytes{0x108, 0x1ff, 0x100, 0x108, 0x1ff, 0x100, 0x108, 0x15a, 0x100}));
    // A click within one sample is two packets.
    c.move(0, 0, 0, MouseInput::kRight);
    c.move(0, 0, 0, 0);
    EXPECT_EQ(c.drain(60'000'000), (Bytes{0x10a, 0x100, 0x100, 0x108, 0x100, 0x100}));
}

TEST(Ps2Mouse, SampleRateLimitsPackets) {
    Controller c;
    c.mouse_command({0xf3, 20, 0xf4});
    Bytes bytes;
    for (int i = 0; i < 100; ++i) {
        c.move(1, 0);
        for (const int byte : c.drain(10'000'000)) bytes.push_back(byte);
    }
    EXPECT_NEAR(static_cast<double>(bytes.size()) / 3, 20, 1);
    for (const int byte : c.drain(100'000'000)) bytes.push_back(byte);
    int sum = 0;
    for (size_t i = 1; i < bytes.size(); i += 3) sum += bytes[i] & 0xff;
    EXPECT_EQ(sum, 100);
}

TEST(Ps2Mouse, WheelAndFiveButtons) {
    Controller c;
    c.mouse_command({0xf3, 200, 0xf3, 100, 0xf3, 80, 0xf4});
    c.move(0, 0, -1);
    EXPECT_EQ(c.drain(), (Bytes{0x108, 0x100, 0x100, 0x1ff}));
    c.mouse_command({0xf5, 0xf3, 200, 0xf3, 200, 0xf3, 80, 0xf4});
    c.move(0, 0, 1, MouseInput::kExtra);
    EXPECT_EQ(c.drain(), (Bytes{0x108, 0x100, 0x100, 0x121}));
}

TEST(Ps2Mouse, RemoteMode) {
    Controller c;
    c.mouse_command({0xf0, 0xf4});
    c.move(7, 0);
    EXPECT_EQ(c.drain(), Bytes{});
    EXPECT_EQ(c.mouse_command({0xeb}), (Bytes{0xfa, 0x08, 0x07, 0x00}));
    EXPECT_EQ(c.mouse_command({0xeb}), (Bytes{0xfa, 0x08, 0x00, 0x00}));
}

TEST(I8042, StateInTheMiddle) {
    Controller a, b;
    a.command(0x60, 0x47);
    a.mouse_command({0xf4});
    a.key(Key::kUp, true);
    a.move(100, 50, 0, 1);
    a.time.run(1'500'000);
    b.time.run_to(a.time.now());
    StateMap maps[] = {StateMap::of(a.chip), StateMap::of(a.keyboard), StateMap::of(a.mouse),
                       StateMap::of(a.time.clock)};
    maps[0].load_into(b.chip);
    maps[1].load_into(b.keyboard);
    maps[2].load_into(b.mouse);
    maps[3].load_into(b.time.clock);
    EXPECT_EQ(a.drain(700'000'000), b.drain(700'000'000));
    EXPECT_EQ(StateMap::of(a.keyboard).difference(StateMap::of(b.keyboard)), "");
    EXPECT_EQ(StateMap::of(a.mouse).difference(StateMap::of(b.mouse)), "");
    EXPECT_EQ(StateMap::of(a.chip).difference(StateMap::of(b.chip)), "");
}

TEST(Keycode, Names) {
    for (unsigned n = 1; n < static_cast<unsigned>(Key::kCount); ++n)
        EXPECT_EQ(key_by_name(key_name(static_cast<Key>(n))), static_cast<Key>(n));
    EXPECT_EQ(key_by_name("ret"), Key::kRet);
    EXPECT_EQ(key_name(Key::kF24), "f24");
    EXPECT_FALSE(key_by_name("nonsense"));
}

}  // namespace
}  // namespace qr
