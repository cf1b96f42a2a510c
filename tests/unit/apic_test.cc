// SPDX-License-Identifier: GPL-2.0-or-later
// Local APICs, I/O APIC and the bus between them.
#include "hw/intc/apic.h"

#include <gtest/gtest.h>

#include "hw/intc/apic_bus.h"
#include "hw/intc/i8259.h"
#include "hw/intc/ioapic.h"
#include "tests/unit/device_fixture.h"

namespace qr {
namespace {

struct Cpu : CpuInterruptPins {
    void set_intr(bool level) override { intr = level; }
    void raise_nmi() override { ++nmi; }
    void raise_smi() override { ++smi; }
    void raise_init() override { ++init; }
    void start_up(uint8_t v) override { sipi = v; }
    bool intr = false;
    int nmi = 0, smi = 0, init = 0, sipi = -1;
};

class ApicTest : public ::testing::Test {
  protected:
    ApicTest()
        : pics(intr_line()),
          apic({.tsc_deadline = true, .ns_at_tsc = [](uint64_t tsc) { return int64_t(tsc / 2); }},
               time.clock, bus, pics),
          second({.id = 1, .bootstrap = false}, time.clock, bus, pics),
          io(bus) {
        bus.add_local(apic);
        bus.add_local(second);
        bus.add_io(io);
        intr_to.apic = &apic;
        apic.connect(cpu);
        second.connect(cpu2);
        pics.reset();
        apic.reset();
        second.reset();
        io.reset();
        // PIC: vectors 8 and 70H.
        for (auto [reg, value] : {std::pair{0, 0x11}, {1, 8}, {1, 4}, {1, 1}})
            pics.master_region().write(static_cast<uint64_t>(reg), 1, static_cast<uint64_t>(value));
        for (auto [reg, value] : {std::pair{0, 0x11}, {1, 0x70}, {1, 2}, {1, 1}})
            pics.slave_region().write(static_cast<uint64_t>(reg), 1, static_cast<uint64_t>(value));
    }
    struct ToLint0 : IrqSink {
        void set_irq(int, bool level) override {
            if (apic) apic->set_irq(LocalApic::kLint0, level);
        }
        LocalApic* apic = nullptr;
    };
    IrqLine intr_line() { return IrqLine(intr_to, 0); }

    void enable() { w(0xF0, 0x1FF); }
    void w(uint64_t offset, uint32_t value) { apic.region().write(offset, 4, value); }
    uint32_t r(uint64_t offset) { return static_cast<uint32_t>(apic.region().read(offset, 4)); }
    void redirect(unsigned pin, uint64_t entry) {
        for (unsigned half = 0; half < 2; ++half) {
            io.region().write(0, 4, 0x11 + 2 * pin - half);
            io.region().write(0x10, 4, half ? entry & 0xFFFFFFFF : entry >> 32);
        }
    }
    uint32_t entry_low(unsigned pin) { return static_cast<uint32_t>(io.entry(pin)); }

    test::TestTime time;
    ToLint0 intr_to;
    I8259Pair pics;
    ApicSystemBus bus;
    Cpu cpu, cpu2;
    LocalApic apic, second;
    IoApic io;
};

TEST_F(ApicTest, ResetState) {
    EXPECT_EQ(apic.apic_base(), 0xFEE00900u);
    EXPECT_EQ(second.apic_base(), 0xFEE00800u);
    EXPECT_EQ(r(0x30), 0x50014u);
    EXPECT_EQ(r(0xF0), 0xFFu);
    EXPECT_EQ(r(0xE0), 0xFFFFFFFFu);
    for (uint64_t lvt = 0x320; lvt <= 0x370; lvt += 0x10) EXPECT_EQ(r(lvt), 0x10000u);
    w(0x350, 0x700);
    EXPECT_EQ(r(0x350), 0x10700u);  // masks stay while disabled
}

TEST_F(ApicTest, VirtualWire) {
    pics.set_irq(1, true);
    EXPECT_FALSE(cpu.intr);
    enable();
    w(0x350, 0x700);
    EXPECT_TRUE(cpu.intr);
    EXPECT_EQ(apic.acknowledge(), 9);
    EXPECT_FALSE(cpu.intr);
    w(0x360, 0x400);
    apic.set_irq(LocalApic::kLint1, true);
    EXPECT_EQ(cpu.nmi, 1);
}

TEST_F(ApicTest, GloballyDisabledIsAWire) {
    EXPECT_TRUE(apic.set_apic_base(0xFEE00000));
    EXPECT_FALSE(apic.apic_enabled());
    pics.set_irq(12, true);
    EXPECT_TRUE(cpu.intr);
    EXPECT_EQ(apic.acknowledge(), 0x74);
    EXPECT_FALSE(cpu.intr);
    apic.set_irq(LocalApic::kLint1, true);
    EXPECT_EQ(cpu.nmi, 1);
    EXPECT_FALSE(apic.set_apic_base(0xFEE00C00));  // x2APIC
    EXPECT_TRUE(apic.set_apic_base(0xFED00800));
    EXPECT_EQ(apic.base_address(), 0xFED00000u);
}

TEST_F(ApicTest, Priorities) {
    enable();
    bus.deliver({.vector = 0x41});
    bus.deliver({.vector = 0x55});
    EXPECT_TRUE(cpu.intr);
    EXPECT_EQ(apic.acknowledge(), 0x55);
    EXPECT_EQ(r(0xA0), 0x50u);
    EXPECT_FALSE(cpu.intr);
    bus.deliver({.vector = 0x5F});  // same class
    EXPECT_FALSE(cpu.intr);
    bus.deliver({.vector = 0x60});
    EXPECT_TRUE(cpu.intr);
    w(0x80, 0x6F);
    EXPECT_FALSE(cpu.intr);
    EXPECT_EQ(r(0xA0), 0x6Fu);
    EXPECT_EQ(apic.cr8(), 6);
    apic.set_cr8(0);
    EXPECT_EQ(apic.acknowledge(), 0x60);
    w(0xB0, 0);
    EXPECT_FALSE(cpu.intr);
    w(0xB0, 0);
    EXPECT_EQ(apic.acknowledge(), 0x5F);
    w(0xB0, 0);
    EXPECT_EQ(apic.acknowledge(), 0x41);
    w(0xB0, 0);
    EXPECT_EQ(apic.acknowledge(), 0xFF);  // spurious
    EXPECT_EQ(r(0x120), 0u);
}

TEST_F(ApicTest, LogicalDestinations) {
    enable();
    w(0xD0, 0x01000000);
    EXPECT_TRUE(apic.matches(0x03, true));
    EXPECT_FALSE(apic.matches(0x02, true));
    w(0xE0, 0x0FFFFFFF);
    w(0xD0, 0x32000000);
    EXPECT_TRUE(apic.matches(0x33, true));
    EXPECT_FALSE(apic.matches(0x31, true));
    EXPECT_FALSE(apic.matches(0x42, true));
    EXPECT_TRUE(apic.matches(0xFF, true));
    EXPECT_TRUE(apic.matches(0, false));
    EXPECT_FALSE(apic.matches(1, false));
}

TEST_F(ApicTest, LowestPriority) {
    enable();
    second.region().write(0xF0, 4, 0x1FF);
    w(0x80, 0x20);
    ApicMessage m{.destination = 0xFF, .delivery = ApicDelivery::kLowestPriority, .vector = 0x50};
    EXPECT_TRUE(bus.deliver(m));
    EXPECT_TRUE(cpu2.intr);
    EXPECT_FALSE(cpu.intr);
}

TEST_F(ApicTest, InterprocessorInterrupts) {
    enable();
    second.region().write(0xF0, 4, 0x1FF);
    w(0x310, 0x01000000);
    w(0x300, 0x00004500);  // INIT
    EXPECT_EQ(cpu2.init, 1);
    w(0x300, 0x00008500);  // level de-assert
    EXPECT_EQ(cpu2.init, 1);
    w(0x300, 0x0000069F);
    EXPECT_EQ(cpu2.sipi, 0x9F);
    w(0x300, 0x000C0400);  // NMI to all others
    EXPECT_EQ(cpu.nmi, 0);
    EXPECT_EQ(cpu2.nmi, 1);
    w(0x300, 0x000C0200);
    EXPECT_EQ(cpu2.smi, 1);
    w(0x300, 0x00040077);  // self
    EXPECT_EQ(apic.acknowledge(), 0x77);
    EXPECT_FALSE(cpu2.intr);
    second.region().write(0xF0, 4, 0x1FF);
    w(0x300, 0x00080088);  // all
    EXPECT_TRUE(cpu2.intr);
    EXPECT_EQ(apic.acknowledge(), 0x88);
}

TEST_F(ApicTest, Errors) {
    enable();
    w(0x370, 0xE0);
    w(0x300, 0x00040005);
    EXPECT_EQ(r(0x280), 0u);
    EXPECT_EQ(apic.acknowledge(), 0xE0);
    w(0x280, 0);
    EXPECT_EQ(r(0x280), 0x20u);
    w(0x280, 0);
    EXPECT_EQ(r(0x280), 0u);
    r(0x2A0);
    w(0x280, 0);
    EXPECT_EQ(r(0x280), 0x80u);
    bus.deliver({.vector = 3});
    w(0x280, 0);
    EXPECT_EQ(r(0x280), 0x40u);
}

// 10.4.7.2
TEST_F(ApicTest, DisabledBySoftware) {
    w(0x300, 0x00040070);
    for (uint64_t n = 0; n < 8; ++n) EXPECT_EQ(r(0x200 + 16 * n), 0u) << "requests are refused";
    enable();
    w(0x360, 0x400);
    EXPECT_EQ(r(0x360), 0x400u);
    w(0xF0, 0xFF);
    EXPECT_EQ(r(0x360), 0x10400u) << "masked";
    w(0x360, 0x400);
    EXPECT_EQ(r(0x360), 0x10400u) << "and stays so";
}

TEST_F(ApicTest, TimerOneShot) {
    enable();
    w(0x3E0, 0x3);  // by 16
    w(0x320, 0x40);
    w(0x380, 1000);
    EXPECT_EQ(r(0x390), 1000u);
    time.run(1600);
    EXPECT_EQ(r(0x390), 900u);
    w(0x3E0, 0xB);  // by 1: the count goes on
    time.run(899);
    EXPECT_FALSE(cpu.intr);
    EXPECT_EQ(r(0x390), 1u);
    time.run(1);
    EXPECT_EQ(apic.acknowledge(), 0x40);
    EXPECT_EQ(r(0x390), 0u);
    time.run(100000);
    w(0xB0, 0);
    EXPECT_FALSE(cpu.intr);
}

TEST_F(ApicTest, TimerPeriodic) {
    enable();
    w(0x3E0, 0);  // by 2
    w(0x320, 0x20040);
    w(0x380, 500);
    int count = 0;
    for (int i = 0; i < 10000; ++i) {
        time.run(100);
        if (!cpu.intr) continue;
        apic.acknowledge();
        w(0xB0, 0);
        ++count;
    }
    EXPECT_EQ(count, 1000);
    time.run(300);
    EXPECT_EQ(r(0x390), 350u);
    w(0x380, 0);
    EXPECT_EQ(time.clock.next_deadline(), kNoDeadline);
}

TEST_F(ApicTest, TimerTscDeadline) {
    enable();
    w(0x320, 0x40040);
    apic.set_tsc_deadline(10000);
    EXPECT_EQ(apic.tsc_deadline(), 10000u);
    time.run_to(4999);
    EXPECT_FALSE(cpu.intr);
    time.run_to(5000);
    EXPECT_TRUE(cpu.intr);
    EXPECT_EQ(apic.tsc_deadline(), 0u);
    w(0x380, 5);
    EXPECT_EQ(r(0x390), 0u);
}

TEST_F(ApicTest, ExpiryWithinAnInstructionIsNotLost) {
    enable();
    w(0x3E0, 0xB);
    w(0x320, 0x20040);
    w(0x380, 100);
    time.run(99);
    time.begin_instruction();
    w(0x380, 1000);
    EXPECT_TRUE(cpu.intr);
}

TEST_F(ApicTest, IoApicEdge) {
    enable();
    redirect(4, 0x10031);
    io.set_irq(4, true);  // lost: masked
    redirect(4, 0x31);
    EXPECT_FALSE(cpu.intr);
    io.set_irq(4, false);
    io.set_irq(4, true);
    EXPECT_EQ(apic.acknowledge(), 0x31);
    w(0xB0, 0);
    io.set_irq(4, true);
    EXPECT_FALSE(cpu.intr);
}

TEST_F(ApicTest, IoApicLevel) {
    enable();
    redirect(11, 0xA055);  // level, active low
    io.set_irq(11, true);
    EXPECT_EQ(entry_low(11), 0xE055u);
    EXPECT_EQ(r(0x180 + 0x20), 1u << 21);
    EXPECT_EQ(apic.acknowledge(), 0x55);
    EXPECT_FALSE(cpu.intr);
    w(0xB0, 0);
    EXPECT_TRUE(cpu.intr);  // still asserted
    apic.acknowledge();
    io.set_irq(11, false);
    w(0xB0, 0);
    EXPECT_FALSE(cpu.intr);
    EXPECT_EQ(entry_low(11), 0xA055u);
    // The EOI register does it too, and so does a visit to edge mode.
    io.set_irq(11, true);
    io.set_irq(11, false);
    io.region().write(0x40, 4, 0x55);
    EXPECT_EQ(entry_low(11), 0xA055u);
    io.set_irq(11, true);
    redirect(11, 0x12055);
    EXPECT_EQ(entry_low(11), 0x12055u);
}

TEST_F(ApicTest, IoApicKeepsALevelNobodyTook) {
    redirect(11, 0x8055);
    io.set_irq(11, true);
    EXPECT_EQ(entry_low(11), 0x8055u);
    enable();
    redirect(11, 0x8055);
    EXPECT_TRUE(cpu.intr);
}

TEST_F(ApicTest, IoApicExtIntAndNmi) {
    enable();
    pics.set_irq(1, true);
    redirect(0, 0x700);
    io.set_irq(0, true);
    EXPECT_TRUE(cpu.intr);
    EXPECT_EQ(apic.acknowledge(), 9);
    EXPECT_FALSE(cpu.intr);
    redirect(1, 0x400);
    io.set_irq(1, true);
    EXPECT_EQ(cpu.nmi, 1);
}

TEST_F(ApicTest, IoApicRegisters) {
    const auto reg = [&](uint32_t n) {
        io.region().write(0, 4, n);
        return io.region().read(0x10, 4);
    };
    EXPECT_EQ(reg(1), 0x170020u);
    EXPECT_EQ(reg(0x10), 0x10000u);
    reg(0);
    io.region().write(0x10, 4, 0xFFFFFFFF);
    EXPECT_EQ(reg(0), 0x0F000000u);
    reg(0x3E);
    io.region().write(0x10, 4, 0xFFFFFFFF);
    EXPECT_EQ(reg(0x3E), 0x1AFFFu);
    EXPECT_EQ(reg(0x40), 0u);
}

TEST_F(ApicTest, MessageSignalled) {
    enable();
    bus.msi_region().write(0, 4, 0x61);
    EXPECT_EQ(apic.acknowledge(), 0x61);
    w(0xB0, 0);
    w(0x00, 0x62);  // by the way of the CPU's page
    EXPECT_EQ(apic.acknowledge(), 0x62);
    EXPECT_TRUE(is_msi_address(0xFEE01004));
    const ApicMessage m = decode_msi(0xFEE1200C, 0xC134);
    EXPECT_EQ(m.destination, 0x12);
    EXPECT_TRUE(m.logical && m.level_triggered && m.assert_level);
    EXPECT_EQ(m.delivery, ApicDelivery::kLowestPriority);
}

TEST_F(ApicTest, Lint0FixedLevel) {
    enable();
    w(0x350, 0x8045);
    apic.set_irq(LocalApic::kLint0, true);
    EXPECT_EQ(r(0x350), 0xC045u);
    EXPECT_EQ(apic.acknowledge(), 0x45);
    w(0xB0, 0);
    EXPECT_TRUE(cpu.intr);
    apic.acknowledge();
    apic.set_irq(LocalApic::kLint0, false);
    w(0xB0, 0);
    EXPECT_FALSE(cpu.intr);
    EXPECT_EQ(r(0x350), 0x8045u);
}

TEST_F(ApicTest, InitKeepsIdAndBase) {
    enable();
    w(0x20, 0x05000000);
    apic.accept({.delivery = ApicDelivery::kInit});
    EXPECT_EQ(cpu.init, 1);
    EXPECT_EQ(r(0x20), 0x05000000u);
    EXPECT_EQ(r(0xF0), 0xFFu);
    EXPECT_EQ(apic.apic_base(), 0xFEE00900u);
}

TEST_F(ApicTest, StateRoundTrip) {
    enable();
    w(0x320, 0x20040);
    w(0x380, 5000);
    redirect(11, 0x8055);
    io.set_irq(11, true);
    time.run(12345);
    auto saved = test::StateMap::of(apic);
    auto saved_io = test::StateMap::of(io);
    test::TestTime other_time;
    LocalApic other({}, other_time.clock, bus, pics);
    IoApic other_io(bus);
    saved.load_into(other);
    saved_io.load_into(other_io);
    EXPECT_EQ(saved.difference(test::StateMap::of(other)), "");
    EXPECT_EQ(saved_io.difference(test::StateMap::of(other_io)), "");
    EXPECT_EQ(apic.acknowledge(), other.acknowledge());
}

}  // namespace
}  // namespace qr
