// SPDX-License-Identifier: GPL-2.0-or-later
// VMware's pointer: packets, a queue with an end, who is told, and what a snapshot keeps. Its commands are compared
// with Debian's QEMU by tests/replay/test_vnc.py.
#include "hw/input/vmmouse.h"

#include <gtest/gtest.h>

#include "tests/unit/chip_fixture.h"

namespace qr {
namespace {

struct VmMouseTest : testing::Test {
    static constexpr uint32_t kEnable = 0x45414552, kAbsolute = 0x53424152, kRelative = 0x4c455252, kDisable = 0xf5;
    test::TestDoor door;
    int nudges = 0;
    std::vector<bool> told;
    VmMouse mouse{door.door, [this] { ++nudges; }};
    void SetUp() override {
        mouse.on_absolute([this](bool absolute) { told.push_back(absolute); });
    }
    uint32_t status() {
        VmRegisters r;
        EXPECT_TRUE(mouse.command(40, r));
        return r.eax;
    }
    void control(uint32_t request) {
        VmRegisters r{0, request, 0, 0};
        EXPECT_TRUE(mouse.command(41, r));
    }
    VmRegisters data(uint32_t count) {
        VmRegisters r{7, count, 8, 9};
        EXPECT_TRUE(mouse.command(39, r));
        return r;
    }
    void begin() {
        control(kEnable);
        EXPECT_EQ(data(1).eax, 0x3442554au);
        control(kAbsolute);
    }
    void point(uint16_t x, uint16_t y, int64_t dz = 0, uint32_t buttons = 0) {
        door.enter(mouse.port(), PointerInput{x, y, dz, buttons});
    }
};

TEST_F(VmMouseTest, Packets) {
    point(1, 2);
    EXPECT_EQ(nudges, 0);  // nobody wants them
    begin();
    EXPECT_TRUE(mouse.absolute());
    point(0x1234, 0xffff, -1, MouseInput::kLeft | MouseInput::kMiddle | MouseInput::kRight | MouseInput::kSide);
    EXPECT_EQ(nudges, 1);
    EXPECT_EQ(status(), 4u);
    const VmRegisters r = data(4);
    EXPECT_EQ(r.eax, 0x38u);
    EXPECT_EQ(r.ebx, 0x1234u);
    EXPECT_EQ(r.ecx, 0xffffu);
    EXPECT_EQ(r.edx, 0xffffffffu);
    EXPECT_EQ(status(), 0u);
}

TEST_F(VmMouseTest, ReadingTooMuchFails) {
    begin();
    point(1, 2);
    const VmRegisters r = data(5);
    EXPECT_EQ(r.eax, 7u);
    EXPECT_EQ(r.ebx, 5u);
    EXPECT_EQ(status(), 0xffff0004u);
    EXPECT_FALSE(mouse.absolute());
    point(1, 2);
    EXPECT_EQ(status(), 0xffff0004u);
    VmRegisters other;
    EXPECT_FALSE(mouse.command(42, other));
}

TEST_F(VmMouseTest, QueueHasAnEnd) {
    begin();
    for (int i = 0; i < 1000; ++i) point(1, 2);
    EXPECT_EQ(status(), 1024u);
    for (int i = 0; i < 10; ++i) control(kEnable);
    EXPECT_EQ(status(), 1024u);
    EXPECT_EQ(nudges, 256);
}

TEST_F(VmMouseTest, TellsWhoFeedsIt) {
    begin();
    control(kRelative);
    control(kAbsolute);
    control(kDisable);
    control(kEnable);
    mouse.reset();
    EXPECT_EQ(told, (std::vector<bool>{false, true, false, true, false, true, false}));
}

TEST_F(VmMouseTest, StateSurvives) {
    begin();
    point(5, 6, 7, MouseInput::kRight);
    test::StateMap saved = test::StateMap::of(mouse);
    test::TestDoor another;
    VmMouse other(another.door, [] {});
    saved.load_into(other);
    EXPECT_EQ(test::StateMap::of(other).difference(saved), "");
    EXPECT_TRUE(other.absolute());
}

}  // namespace
}  // namespace qr
