// SPDX-License-Identifier: GPL-2.0-or-later
// PIIX4 power management: timer, SCI, sleep states, APM handshake, SMBus.
#include "hw/acpi/piix4_pm.h"

#include <gtest/gtest.h>

#include "tests/unit/chip_fixture.h"

namespace qr {
namespace {

using test::StateMap;
using test::TestBus;
using test::TestControl;
using test::TestTime;
using test::Wires;

// Half a period of the timer's highest bit: 2^23 / 3.579545 MHz.
constexpr int64_t kHalf = 2'343'484'400;

struct PmTest : testing::Test {
    static constexpr unsigned kDevfn = pci_devfn(1, 3);
    TestTime time;
    TestBus bus;
    TestControl control;
    Wires irq;
    Piix4Pm pm{bus.pci, kDevfn, bus.ports, time.clock, control, irq.line(9), irq.line(0), {}};
    void SetUp() override {
        pm.reset();
        bus.write(kDevfn, 0x40, 4, 0x601);
        bus.write(kDevfn, 0x80, 1, 1);
        bus.write(kDevfn, 0x90, 4, 0x701);
        bus.ports.map(0xafe0, pm.gpe0_region());
    }
    uint32_t in(unsigned reg, unsigned size) {
        return bus.ports.port_read(static_cast<uint16_t>(0x600 + reg), size);
    }
    void out(unsigned reg, unsigned size, uint32_t value) {
        bus.ports.port_write(static_cast<uint16_t>(0x600 + reg), size, value);
    }
};

TEST_F(PmTest, HeaderAndBase) {
    EXPECT_EQ(bus.read(kDevfn, 0, 4), 0x71138086u);
    EXPECT_EQ(bus.read(kDevfn, 8, 4), 0x06800003u);
    EXPECT_EQ(bus.read(kDevfn, 0x40, 4), 0x601u);
    bus.write(kDevfn, 0x80, 1, 0);
    EXPECT_EQ(in(4, 2), 0xffffu);
    bus.write(kDevfn, 0x40, 4, 0xe400);
    bus.write(kDevfn, 0x80, 1, 1);
    EXPECT_EQ(bus.ports.port_read(0xe404, 2), 0u);
    EXPECT_EQ(in(4, 2), 0xffffu);
}

TEST_F(PmTest, TimerRuns) {
    const uint32_t first = in(8, 4);
    time.run(1'000'000'000);
    EXPECT_NEAR(in(8, 4) - first, 3'579'545.0, 1.0);
    time.run(4 * kHalf);
    EXPECT_LT(in(8, 4), 1u << 24);
}

TEST_F(PmTest, OverflowStatusAndSci) {
    out(0, 2, 0xffff);
    time.run(kHalf - 1000);
    EXPECT_EQ(in(0, 2) & 1, 0u);
    time.run(2000);
    EXPECT_EQ(in(0, 2) & 1, 1u);
    EXPECT_FALSE(irq.level(9));
    out(0, 2, 1);
    EXPECT_EQ(in(0, 2) & 1, 0u);
    out(2, 2, 1);
    bus.ports.port_write(0x604, 2, 1);
    time.run(kHalf - 2000);
    EXPECT_FALSE(irq.level(9));
    time.run(4000);
    EXPECT_TRUE(irq.level(9));
    out(0, 2, 1);
    EXPECT_FALSE(irq.level(9));
}

TEST_F(PmTest, PowerButton) {
    pm.press_power_button();
    EXPECT_EQ(in(0, 2) & 0x100, 0x100u);
    EXPECT_FALSE(irq.level(9));
    pm.apm_command(0xf1);
    EXPECT_EQ(in(4, 2), 1u);
    out(2, 2, 0x100);
    EXPECT_TRUE(irq.level(9));
    out(0, 2, 0x100);
    EXPECT_FALSE(irq.level(9));
    pm.apm_command(0xf0);
    EXPECT_EQ(in(4, 2), 0u);
}

TEST_F(PmTest, SleepStates) {
    out(4, 2, 0x0000);
    EXPECT_EQ(control.shutdowns, 0);
    out(4, 2, 0x2001);
    EXPECT_EQ(control.shutdowns, 1);
    EXPECT_EQ(in(4, 2), 0x0001u);  // SUS_EN reads as 0
    out(4, 2, 0x2400);
    EXPECT_EQ(control.suspends, 1);
    out(4, 2, 0x2800);
    EXPECT_EQ(control.shutdowns, 2);
    out(4, 2, 0x3400);
    EXPECT_EQ(control.shutdowns, 2);
    out(5, 1, 0x20);  // by its high byte alone
    EXPECT_EQ(control.shutdowns, 3);
    pm.reset();
    pm.wake(Piix4Pm::Wake::kPowerButton);
    bus.write(kDevfn, 0x40, 4, 0x601);
    bus.write(kDevfn, 0x80, 1, 1);
    EXPECT_EQ(in(0, 2) & 0x8100, 0x8100u);
}

TEST_F(PmTest, ApmSmi) {
    pm.apm_command(0x00);
    EXPECT_EQ(irq.rises(0), 0);
    bus.write(kDevfn, 0x58, 4, 1u << 25);
    out(0x28, 4, 1);
    pm.apm_command(0x00);
    EXPECT_EQ(irq.rises(0), 1);
    EXPECT_EQ(in(0x18, 2) & 0x20, 0x20u);
    out(0x18, 2, 0x20);
    EXPECT_EQ(in(0x18, 2) & 0x20, 0u);
}

TEST_F(PmTest, GlobalRelease) {
    out(0x28, 4, 1);
    out(4, 2, 4);
    EXPECT_EQ(irq.rises(0), 0);
    out(0x20, 2, 2);
    out(4, 2, 4);
    EXPECT_EQ(irq.rises(0), 1);
    EXPECT_EQ(in(4, 2) & 4, 0u);
    out(2, 2, 0x20);
    out(4, 2, 1);
    out(0x28, 4, 3);  // BIOS_RLS
    EXPECT_EQ(in(0, 2) & 0x20, 0x20u);
    EXPECT_TRUE(irq.level(9));
}

TEST_F(PmTest, Gpe0) {
    pm.raise_gpe0(1);
    EXPECT_EQ(bus.ports.port_read(0xafe0, 2), 2u);
    EXPECT_FALSE(irq.level(9));
    bus.ports.port_write(0xafe2, 2, 2);
    EXPECT_TRUE(irq.level(9));
    bus.ports.port_write(0xafe0, 2, 2);
    EXPECT_FALSE(irq.level(9));
}

struct Eeprom final : SmbusSlave {
    bool start(bool) override { return true; }
    bool send(uint8_t value) override {
        if (!addressed)
            index = value;
        else
            bytes[index++] = value;
        addressed = true;
        return true;
    }
    uint8_t receive() override { return bytes[index++]; }
    void stop() override { addressed = false; }
    std::array<uint8_t, 256> bytes{};
    uint8_t index = 0;
    bool addressed = false;
};

TEST_F(PmTest, SmbusEmpty) {
    const auto port = [](unsigned n) { return static_cast<uint16_t>(0x700 + n); };
    bus.ports.port_write(port(4), 1, 0x50 << 1 | 1);
    bus.ports.port_write(port(2), 1, 0x48);
    EXPECT_EQ(bus.ports.port_read(port(0), 1), 1u);
    time.run(1'000'000);
    EXPECT_EQ(bus.ports.port_read(port(0), 1), 4u);
    bus.ports.port_write(port(0), 1, 0x1e);
    EXPECT_EQ(bus.ports.port_read(port(0), 1), 0u);
}

TEST_F(PmTest, SmbusTransactions) {
    Eeprom eeprom;
    for (unsigned i = 0; i < 256; ++i) eeprom.bytes[i] = static_cast<uint8_t>(i ^ 0x5a);
    pm.smbus().attach(0x50, eeprom);
    const auto write = [&](unsigned n, uint8_t value) {
        bus.ports.port_write(static_cast<uint16_t>(0x700 + n), 1, value);
    };
    const auto read = [&](unsigned n) {
        return bus.ports.port_read(static_cast<uint16_t>(0x700 + n), 1);
    };
    const auto run = [&](uint8_t control) {
        write(0, 0x1e);
        write(2, control | 0x40);
        time.run(5'000'000);
        return read(0);
    };
    write(4, 0x50 << 1 | 1);
    write(3, 0x10);
    EXPECT_EQ(run(2 << 2), 2u);
    EXPECT_EQ(read(5), 0x4au);
    EXPECT_EQ(run(3 << 2), 2u);
    EXPECT_EQ(read(6), 0x4bu);
    write(4, 0x50 << 1);
    write(5, 0x99);
    EXPECT_EQ(run(2 << 2), 2u);
    EXPECT_EQ(eeprom.bytes[0x10], 0x99);
    eeprom.bytes[0x20] = 3;
    write(4, 0x50 << 1 | 1);
    write(3, 0x20);
    EXPECT_EQ(run(5 << 2), 2u);
    EXPECT_EQ(read(5), 3u);
    read(2);
    EXPECT_EQ(read(7), 0x7bu);
    EXPECT_EQ(read(7), 0x78u);
    EXPECT_FALSE(irq.level(9));
    bus.write(kDevfn, 0xd2, 1, 0x09);
    EXPECT_EQ(run(5 << 2 | 1), 2u);
    EXPECT_TRUE(irq.level(9));
    write(0, 0x1e);
    EXPECT_FALSE(irq.level(9));
}

TEST_F(PmTest, StateIsExactWhenShown) {
    out(0, 2, 0xffff);
    time.run(kHalf + 1000);
    StateMap saved = StateMap::of(pm);
    pm.reset();
    saved.load_into(pm);
    pm.after_load();
    EXPECT_EQ(in(0, 2) & 1, 1u);
    EXPECT_EQ(saved.difference(StateMap::of(pm)), "");
}

}  // namespace
}  // namespace qr
