// SPDX-License-Identifier: GPL-2.0-or-later
// 8259A and the AT's pair: priorities, modes, cascade. Expectations are the data sheet's.
#include "hw/intc/i8259.h"

#include <gtest/gtest.h>

#include "tests/unit/device_fixture.h"

namespace qr {
namespace {

class PicTest : public ::testing::Test {
  protected:
    PicTest() : pics(wires.line(0)) {
        pics.reset();
        initialize();
    }
    void initialize(uint8_t icw4_master = 1, uint8_t icw4_slave = 1, uint8_t icw1 = 0x11) {
        out(0x20, icw1);
        out(0x21, 0x08);
        if (!(icw1 & 2)) out(0x21, 0x04);
        out(0x21, icw4_master);
        out(0xA0, icw1);
        out(0xA1, 0x70);
        if (!(icw1 & 2)) out(0xA1, 0x02);
        out(0xA1, icw4_slave);
    }
    void out(unsigned port, uint8_t value) { region(port).write(port & 1, 1, value); }
    uint8_t in(unsigned port) { return static_cast<uint8_t>(region(port).read(port & 1, 1)); }
    IoRegion& region(unsigned port) {
        return port >= 0x4D0  ? pics.elcr_region()
               : port >= 0xA0 ? pics.slave_region()
                              : pics.master_region();
    }
    uint8_t isr(unsigned port) {
        out(port, 0x0B);
        return in(port);
    }
    uint8_t irr(unsigned port) {
        out(port, 0x0A);
        return in(port);
    }
    bool intr() { return wires.level(0); }

    test::Wires wires;
    I8259Pair pics;
};

TEST_F(PicTest, VectorsOfBothChips) {
    pics.set_irq(3, true);
    EXPECT_TRUE(intr());
    EXPECT_EQ(irr(0x20), 0x08);
    EXPECT_EQ(pics.acknowledge(), 0x0B);
    EXPECT_FALSE(intr());
    EXPECT_EQ(isr(0x20), 0x08);
    out(0x20, 0x20);
    pics.set_irq(12, true);
    EXPECT_EQ(pics.acknowledge(), 0x74);
    EXPECT_EQ(isr(0x20), 0x04);
    EXPECT_EQ(isr(0xA0), 0x10);
}

TEST_F(PicTest, FullyNested) {
    pics.set_irq(4, true);
    EXPECT_EQ(pics.acknowledge(), 0x0C);
    pics.set_irq(5, true);
    EXPECT_FALSE(intr());
    pics.set_irq(1, true);
    EXPECT_TRUE(intr());
    EXPECT_EQ(pics.acknowledge(), 0x09);
    out(0x20, 0x20);
    EXPECT_EQ(isr(0x20), 0x10);
    EXPECT_FALSE(intr());
    out(0x20, 0x20);
    EXPECT_TRUE(intr());
    EXPECT_EQ(pics.acknowledge(), 0x0D);
}

TEST_F(PicTest, EdgeIsTakenBackWhenTheLineFalls) {
    pics.set_irq(6, true);
    pics.set_irq(6, false);
    EXPECT_FALSE(intr());
    EXPECT_EQ(pics.acknowledge(), 0x0F);  // default IR7
    EXPECT_EQ(isr(0x20), 0);
}

TEST_F(PicTest, AHighLineIsOneEdge) {
    pics.set_irq(6, true);
    EXPECT_EQ(pics.acknowledge(), 0x0E);
    out(0x20, 0x20);
    pics.set_irq(6, true);
    EXPECT_FALSE(intr());
    pics.set_irq(6, false);
    pics.set_irq(6, true);
    EXPECT_TRUE(intr());
}

TEST_F(PicTest, LevelRepeatsUntilTheLineFalls) {
    out(0x4D0, 0xFF);
    out(0x4D1, 0xFF);
    EXPECT_EQ(in(0x4D0), 0xF8);
    EXPECT_EQ(in(0x4D1), 0xDE);
    pics.set_irq(10, true);
    for (int i = 0; i < 3; ++i) {
        EXPECT_TRUE(intr());
        EXPECT_EQ(pics.acknowledge(), 0x72);
        EXPECT_FALSE(intr());
        out(0xA0, 0x20);
        out(0x20, 0x20);
    }
    pics.set_irq(10, false);
    EXPECT_FALSE(intr());
}

TEST_F(PicTest, LtimMakesEverythingLevel) {
    initialize(1, 1, 0x19);
    pics.set_irq(1, true);
    EXPECT_EQ(pics.acknowledge(), 0x09);
    out(0x20, 0x20);
    EXPECT_TRUE(intr());
}

TEST_F(PicTest, Icw1NeedsANewEdge) {
    pics.set_irq(3, true);
    initialize();
    EXPECT_FALSE(intr());
    pics.set_irq(3, false);
    pics.set_irq(3, true);
    EXPECT_TRUE(intr());
}

TEST_F(PicTest, AutomaticEoiAndRotation) {
    initialize(0x03);
    pics.set_irq(4, true);
    EXPECT_EQ(pics.acknowledge(), 0x0C);
    EXPECT_EQ(isr(0x20), 0);
    out(0x20, 0x80);  // rotate in automatic EOI mode
    pics.set_irq(3, true);
    EXPECT_EQ(pics.acknowledge(), 0x0B);
    for (int pin : {1, 3, 4, 5}) pics.set_irq(pin, false);
    for (int pin : {1, 4}) pics.set_irq(pin, true);
    EXPECT_EQ(pics.acknowledge(), 0x0C);  // 3 is now the lowest, 4 the highest
    EXPECT_EQ(pics.acknowledge(), 0x09);
}

TEST_F(PicTest, RotationBySpecificCommands) {
    out(0x20, 0xC0 | 5);  // set priority: 5 lowest, 6 highest
    for (int pin : {0, 6, 7}) pics.set_irq(pin, true);
    EXPECT_EQ(pics.acknowledge(), 0x0E);
    out(0x20, 0xE0 | 6);  // rotate on specific EOI
    EXPECT_EQ(pics.acknowledge(), 0x0F);
    out(0x20, 0xA0);  // rotate on non-specific EOI: 7 lowest
    EXPECT_EQ(pics.acknowledge(), 0x08);
    EXPECT_EQ(pics.master().isr(), 0x01);
    out(0x20, 0x60);
    EXPECT_EQ(pics.master().isr(), 0);
}

TEST_F(PicTest, SpecialMaskModeOpensLowerLevels) {
    pics.set_irq(3, true);
    EXPECT_EQ(pics.acknowledge(), 0x0B);
    pics.set_irq(6, true);
    EXPECT_FALSE(intr());
    out(0x21, 0x08);
    out(0x20, 0x68);
    EXPECT_TRUE(intr());
    EXPECT_EQ(pics.acknowledge(), 0x0E);
    // A non-specific EOI doesn't clear the masked level.
    out(0x20, 0x20);
    EXPECT_EQ(isr(0x20), 0x08);
    out(0x20, 0x20);
    EXPECT_EQ(isr(0x20), 0x08);
    out(0x20, 0x63);
    EXPECT_EQ(isr(0x20), 0);
    out(0x20, 0x48);
    EXPECT_FALSE(intr());
}

TEST_F(PicTest, SpecialFullyNestedLetsTheSlaveNest) {
    initialize(0x11);
    pics.set_irq(12, true);
    EXPECT_EQ(pics.acknowledge(), 0x74);
    pics.set_irq(9, true);
    EXPECT_TRUE(intr());
    EXPECT_EQ(pics.acknowledge(), 0x71);
    pics.set_irq(3, true);
    EXPECT_FALSE(intr());  // below the slave's level
    initialize(0x01);
    for (int pin : {3, 9, 12}) pics.set_irq(pin, false);
    pics.set_irq(12, true);
    EXPECT_EQ(pics.acknowledge(), 0x74);
    pics.set_irq(9, true);
    EXPECT_FALSE(intr());  // without it, not before the EOI
    out(0x20, 0x20);
    EXPECT_TRUE(intr());
}

TEST_F(PicTest, PollAcknowledges) {
    out(0x20, 0x0C);
    EXPECT_EQ(in(0x20), 0);
    pics.set_irq(5, true);
    out(0x20, 0x0C);
    EXPECT_EQ(pics.master_region().peek(0, 1), 0x85);
    EXPECT_EQ(in(0x20), 0x85);
    EXPECT_FALSE(intr());
    EXPECT_EQ(isr(0x20), 0x20);
    // The poll bit lasts for one read; port 21H serves as well.
    out(0x20, 0x20);
    pics.set_irq(14, true);
    out(0xA0, 0x0C);
    EXPECT_EQ(in(0xA1), 0x86);
    EXPECT_EQ(in(0xA1), 0x00);
    EXPECT_EQ(isr(0xA0), 0x40);
}

TEST_F(PicTest, SpuriousInterruptOfTheSlave) {
    out(0x4D1, 0x02);
    pics.set_irq(9, true);
    // The slave's request vanishes between the master's choice and the slave's answer only if it is
    // masked at the slave; then the whole request goes.
    out(0xA1, 0xFF);
    EXPECT_FALSE(intr());
    EXPECT_EQ(pics.acknowledge(), 0x0F);
}

TEST_F(PicTest, AfterTheSlavesAcknowledgeTheNextRequestMakesAnEdge) {
    out(0xA0, 0x68);  // special mask mode: what is in service does not block
    pics.set_irq(8, true);
    pics.set_irq(9, true);
    EXPECT_EQ(pics.acknowledge(), 0x70);
    out(0xA1, 0x01);
    out(0x20, 0x20);
    EXPECT_TRUE(intr());
    EXPECT_EQ(pics.acknowledge(), 0x71);
}

TEST_F(PicTest, Mcs80Vectors) {
    out(0x20, 0x10 | 0x04 | 0xA0);  // interval 4, A7-A5 = 101, no ICW4
    out(0x21, 0x12);
    out(0x21, 0x04);
    pics.set_irq(3, true);
    EXPECT_EQ(pics.acknowledge(), 0xA0 | 3 << 2);
    out(0x20, 0x20);
    out(0x20, 0x10 | 0xE0);
    out(0x21, 0x12);
    out(0x21, 0x04);
    pics.set_irq(3, false);
    pics.set_irq(3, true);
    EXPECT_EQ(pics.acknowledge(), 0xC0 | 3 << 3);
}

TEST_F(PicTest, MaskAndReadBack) {
    out(0x21, 0xFB);
    EXPECT_EQ(in(0x21), 0xFB);
    pics.set_irq(1, true);
    EXPECT_FALSE(intr());
    EXPECT_EQ(irr(0x20), 0x02);
    out(0x21, 0xF9);
    EXPECT_TRUE(intr());
    EXPECT_EQ(pics.describe().substr(0, 30), "pic1: irr=00 imr=00 isr=00 hpr");
}

TEST_F(PicTest, StateRoundTrip) {
    pics.set_irq(12, true);
    pics.acknowledge();
    pics.set_irq(1, true);
    out(0x20, 0xC3);
    auto saved = test::StateMap::of(pics);
    test::Wires other_wires;
    I8259Pair other(other_wires.line(0));
    saved.load_into(other);
    EXPECT_EQ(saved.difference(test::StateMap::of(other)), "");
    EXPECT_EQ(other.acknowledge(), pics.acknowledge());
    EXPECT_EQ(test::StateMap::of(pics).difference(test::StateMap::of(other)), "");
}

}  // namespace
}  // namespace qr
