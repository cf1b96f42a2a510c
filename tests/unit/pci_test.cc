// SPDX-License-Identifier: GPL-2.0-or-later
// PCI configuration space, BARs, interrupts and MSI; the 82441FX's memory map; the PIIX3's
// steering.
#include "hw/pci.h"

#include <gtest/gtest.h>

#include "hw/isa/piix3.h"
#include "hw/isa/port92.h"
#include "hw/pci-host/i440fx.h"
#include "tests/unit/chip_fixture.h"
#include "util/bits.h"

namespace qr {
namespace {

using test::StateMap;
using test::TestBus;
using test::TestControl;
using test::TestTime;
using test::Wires;

IoOps constant(uint64_t value) {
    IoOps ops;
    ops.read = [value](uint64_t, unsigned size) { return value & ones(size); };
    return ops;
}

// A device with one of everything.
class Sample final : public PciDevice {
  public:
    Sample(PciBus& bus, unsigned devfn, RamBlock& rom)
        : PciDevice("sample", bus, devfn,
                    {.vendor = 0x1111, .device = 0x2222, .revision = 3, .class_code = 0x020000}),
          io("sample-io", 32, constant(0x11111111)),
          memory("sample-memory", 0x1000, constant(0x22222222)),
          wide("sample-wide", 0x4000, constant(0x33333333)) {
        add_bar(0, PciBarKind::kIo, io);
        add_bar(1, PciBarKind::kMemory, memory);
        add_bar(2, PciBarKind::kMemory64Prefetch, wide);
        add_rom(rom);
        use_interrupt_pin(1);
        add_power_management(0x40);
        add_msi(0x50, 4, true, true);
        define(0x80, 2, 0x1234, 0x00ff, 0x8000);
    }
    ~Sample() override { remove_bars(); }
    void interrupt(bool level) { set_intx(level); }
    void message(unsigned vector) { send_msi(vector); }
    void write_memory(uint64_t address, uint8_t value) { dma_write(address, {&value, 1}); }
    void error() { set_config(0x80, 2, 0x9234); }

    IoRegion io, memory, wide;
};

struct MsiLog final : PciMsiSink {
    void send_msi(uint64_t address, uint32_t data) override {
        messages.emplace_back(address, data);
    }
    std::vector<std::pair<uint64_t, uint32_t>> messages;
};

struct PciTest : testing::Test {
    static constexpr unsigned kDevfn = pci_devfn(3, 0);
    TestBus bus;
    std::unique_ptr<RamBlock> rom = std::move(*RamBlock::create("sample.rom", 0x8000, true));
    Sample device{bus.pci, kDevfn, *rom};
    void SetUp() override { device.reset(); }
};

TEST_F(PciTest, ConfigurationAccess) {
    EXPECT_EQ(bus.read(kDevfn, 0, 4), 0x22221111u);
    EXPECT_EQ(bus.read(kDevfn, 2, 2), 0x2222u);
    EXPECT_EQ(bus.read(kDevfn, 1, 1), 0x11u);
    EXPECT_EQ(bus.read(kDevfn, 8, 4), 0x02000003u);
    EXPECT_EQ(bus.read(kDevfn, 0x2c, 4), 0x11001af4u);
    EXPECT_EQ(bus.read(pci_devfn(4, 0), 0, 4), 0xffffffffu);
    EXPECT_EQ(bus.read(kDevfn + 1, 0, 2), 0xffffu);
    bus.ports.port_write(0xcf8, 4, 0x80010000 | kDevfn << 8);  // bus 1
    EXPECT_EQ(bus.ports.port_read(0xcfc, 4), 0xffffffffu);
    bus.ports.port_write(0xcf8, 4, kDevfn << 8);  // not enabled
    EXPECT_EQ(bus.ports.port_read(0xcfc, 4), 0xffffffffu);
    bus.ports.port_write(0xcf8, 2, 0x1234);  // not the address register
    EXPECT_EQ(bus.ports.port_read(0xcf8, 4), kDevfn << 8);
}

TEST_F(PciTest, WriteMasks) {
    bus.write(kDevfn, 0, 4, 0);
    EXPECT_EQ(bus.read(kDevfn, 0, 4), 0x22221111u);
    bus.write(kDevfn, 0x80, 2, 0xabcd);
    EXPECT_EQ(bus.read(kDevfn, 0x80, 2), 0x12cdu);
    device.error();
    bus.write(kDevfn, 0x81, 1, 0x00);
    EXPECT_EQ(bus.read(kDevfn, 0x81, 1), 0x92u);
    bus.write(kDevfn, 0x81, 1, 0x80);
    EXPECT_EQ(bus.read(kDevfn, 0x81, 1), 0x12u);
    device.reset();
    EXPECT_EQ(bus.read(kDevfn, 0x80, 2), 0x1234u);
}

TEST_F(PciTest, BarSizing) {
    for (unsigned offset = 0x10; offset < 0x28; offset += 4)
        bus.write(kDevfn, offset, 4, 0xffffffff);
    EXPECT_EQ(bus.read(kDevfn, 0x10, 4), 0xffffffe1u);
    EXPECT_EQ(bus.read(kDevfn, 0x14, 4), 0xfffff000u);
    EXPECT_EQ(bus.read(kDevfn, 0x18, 4), 0xffffc00cu);
    EXPECT_EQ(bus.read(kDevfn, 0x1c, 4), 0xffffffffu);
    EXPECT_EQ(bus.read(kDevfn, 0x20, 4), 0u);
    bus.write(kDevfn, 0x30, 4, 0xfffffffe);
    EXPECT_EQ(bus.read(kDevfn, 0x30, 4), 0xffff8000u);
}

TEST_F(PciTest, CommandRegisterMapsBars) {
    bus.write(kDevfn, 0x10, 4, 0xc000);
    bus.write(kDevfn, 0x14, 4, 0xfe000000);
    EXPECT_EQ(bus.ports.port_read(0xc000, 4), 0xffffffffu);
    EXPECT_EQ(bus.memory.read(0xfe000000, 4), 0xffffffffu);
    bus.write(kDevfn, 4, 2, 1);
    EXPECT_EQ(bus.ports.port_read(0xc01c, 4), 0x11111111u);
    EXPECT_EQ(bus.memory.read(0xfe000000, 4), 0xffffffffu);
    bus.write(kDevfn, 4, 2, 2);
    EXPECT_EQ(bus.ports.port_read(0xc000, 4), 0xffffffffu);
    EXPECT_EQ(bus.memory.read(0xfe000000, 4), 0x22222222u);
    bus.write(kDevfn, 0x14, 4, 0xfd000000);
    EXPECT_EQ(bus.memory.read(0xfe000000, 4), 0xffffffffu);
    EXPECT_EQ(bus.memory.read(0xfd000000, 4), 0x22222222u);
    bus.write(kDevfn, 0x14, 4, 0xffffffff);  // sizing with decoding on
    EXPECT_EQ(bus.memory.read(0xfffff000, 4), 0xffffffffu);
    bus.write(kDevfn, 0x18, 4, 0x80000000);
    bus.write(kDevfn, 0x1c, 4, 0x00000004);
    EXPECT_EQ(bus.memory.read(0x480000000, 4), 0x33333333u);
    device.reset();
    EXPECT_EQ(bus.memory.read(0x480000000, 4), 0xffffffffu);
}

TEST_F(PciTest, RomBar) {
    rom->data()[5] = 0x77;
    bus.write(kDevfn, 4, 2, 2);
    bus.write(kDevfn, 0x30, 4, 0xfd100000);
    EXPECT_EQ(bus.memory.read(0xfd100005, 1), 0xffu);
    bus.write(kDevfn, 0x30, 4, 0xfd100001);
    EXPECT_EQ(bus.memory.read(0xfd100005, 1), 0x77u);
    bus.memory.write(0xfd100005, 1, 0);
    EXPECT_EQ(bus.memory.read(0xfd100005, 1), 0x77u);
}

TEST_F(PciTest, InterruptPinsShareARouterInput) {
    auto rom2 = std::move(*RamBlock::create("sample2.rom", 0x1000, true));
    Sample other(bus.pci, pci_devfn(7, 0), *rom2);
    other.reset();
    device.interrupt(true);
    EXPECT_TRUE(bus.pirq.level(2));  // INTA of slot 3
    EXPECT_EQ(bus.read(kDevfn, 6, 2) & 0x08, 0x08u);
    other.interrupt(true);
    device.interrupt(false);
    EXPECT_TRUE(bus.pirq.level(2));
    bus.write(pci_devfn(7, 0), 4, 2, 0x0400);
    EXPECT_FALSE(bus.pirq.level(2));
    EXPECT_EQ(bus.read(pci_devfn(7, 0), 6, 2) & 0x08, 0x08u);
    bus.write(pci_devfn(7, 0), 4, 2, 0);
    EXPECT_TRUE(bus.pirq.level(2));
    other.reset();
    EXPECT_FALSE(bus.pirq.level(2));
}

TEST_F(PciTest, Capabilities) {
    EXPECT_EQ(bus.read(kDevfn, 6, 2) & 0x10, 0x10u);
    EXPECT_EQ(bus.read(kDevfn, 0x34, 1), 0x40u);
    EXPECT_EQ(bus.read(kDevfn, 0x40, 2), 0x5001u);
    EXPECT_EQ(bus.read(kDevfn, 0x50, 2), 0x0005u);
    EXPECT_EQ(bus.read(kDevfn, 0x52, 2), 0x0184u);
}

TEST_F(PciTest, Msi) {
    MsiLog log;
    bus.pci.connect_msi(log);
    bus.write(kDevfn, 4, 2, 4);
    bus.write(kDevfn, 0x54, 4, 0xfee01003);
    bus.write(kDevfn, 0x58, 4, 0);
    bus.write(kDevfn, 0x5c, 2, 0x4043);
    device.message(0);
    EXPECT_TRUE(log.messages.empty());
    bus.write(kDevfn, 0x52, 2, 0x0011);  // on, two vectors
    device.message(1);
    ASSERT_EQ(log.messages.size(), 1u);
    EXPECT_EQ(log.messages[0].first, 0xfee01000u);
    EXPECT_EQ(log.messages[0].second, 0x4043u);
    device.interrupt(true);
    EXPECT_FALSE(bus.pirq.level(2));  // no pin while MSI is on
    bus.write(kDevfn, 0x60, 4, 1);
    device.message(0);
    EXPECT_EQ(log.messages.size(), 1u);
    EXPECT_EQ(bus.read(kDevfn, 0x64, 4), 1u);
    bus.write(kDevfn, 0x60, 4, 0);
    ASSERT_EQ(log.messages.size(), 2u);
    EXPECT_EQ(log.messages[1].second, 0x4042u);
    EXPECT_EQ(bus.read(kDevfn, 0x64, 4), 0u);
}

TEST_F(PciTest, BusMastering) {
    device.write_memory(0x100, 7);
    EXPECT_EQ(bus.dma.memory[0x100], 0);
    bus.write(kDevfn, 4, 2, 4);
    device.write_memory(0x100, 7);
    EXPECT_EQ(bus.dma.memory[0x100], 7);
}

TEST_F(PciTest, StateRestoresMappings) {
    bus.write(kDevfn, 0x14, 4, 0xfe000000);
    bus.write(kDevfn, 4, 2, 2);
    device.interrupt(true);
    StateMap saved = StateMap::of(device);
    device.reset();
    EXPECT_EQ(bus.memory.read(0xfe000000, 4), 0xffffffffu);
    saved.load_into(device);
    device.after_load();
    EXPECT_EQ(bus.memory.read(0xfe000000, 4), 0x22222222u);
    EXPECT_EQ(saved.difference(StateMap::of(device)), "");
}

TEST_F(PciTest, Describe) {
    bus.write(kDevfn, 0x10, 4, 0xc000);
    bus.write(kDevfn, 4, 2, 1);
    bus.write(kDevfn, 0x3c, 1, 11);
    EXPECT_EQ(bus.pci.describe(),
              "  Bus  0, device   3, function 0:\n"
              "    Ethernet controller: PCI device 1111:2222\n"
              "      PCI subsystem 1af4:1100\n"
              "      IRQ 11, pin A\n"
              "      BAR0: I/O at 0xc000 [0xc01f].\n"
              "      BAR1: 32 bit memory at 0xffffffffffffffff [0x00000ffe].\n"
              "      BAR2: 64 bit prefetchable memory at 0xffffffffffffffff [0x00003ffe].\n"
              "      BAR6: 32 bit memory at 0xffffffffffffffff [0x00007ffe].\n"
              "      id \"\"\n");
}

// ---- 82441FX ----

struct HostBridgeTest : testing::Test {
    TestBus bus;
    AddressSpace smm{&bus.memory};
    TestControl control;
    std::unique_ptr<RamBlock> ram = std::move(*RamBlock::create("ram", 32 << 20, false));
    std::unique_ptr<RamBlock> rom = std::move(*RamBlock::create("rom", 0x20000, true));
    std::unique_ptr<RamBlock> bios = std::move(*RamBlock::create("bios", 0x40000, true));
    I440fx bridge{bus.pci, bus.memory, smm,
                  {ram.get(), 24 << 20, rom.get(), 0, bios.get(), 0x20000}, control};
    void SetUp() override {
        bridge.reset();
        bios->data()[0x3fff0] = 0xea;
        rom->data()[0x4000] = 0x55;
        ram->data()[0xffff0] = 0x01;
        ram->data()[0xc4000] = 0x02;
    }
    uint64_t byte(uint64_t address) { return bus.memory.read(address, 1); }
};

TEST_F(HostBridgeTest, Header) {
    EXPECT_EQ(bus.read(0, 0, 4), 0x12378086u);
    EXPECT_EQ(bus.read(0, 8, 4), 0x06000002u);
    EXPECT_EQ(bus.read(0, 4, 4), 0x02800006u);
    EXPECT_EQ(bus.read(0, 0xe, 1), 0u);
}

TEST_F(HostBridgeTest, Dram) {
    bus.memory.write(0, 1, 0x10);
    bus.memory.write((24 << 20) - 1, 1, 0x11);
    EXPECT_EQ(ram->data()[0], 0x10);
    EXPECT_EQ(ram->data()[(24 << 20) - 1], 0x11);
    EXPECT_EQ(byte(24 << 20), 0xffu);
    bus.memory.write(uint64_t{1} << 32, 1, 0x12);
    EXPECT_EQ(ram->data()[24 << 20], 0x12);
    EXPECT_EQ(byte(0xa0000), 0xffu);
}

TEST_F(HostBridgeTest, Shadow) {
    EXPECT_EQ(byte(0xffff0), 0xeau);
    EXPECT_EQ(byte(0xc4000), 0x55u);
    bus.write(0, 0x59, 1, 0x20);  // F0000: read ROM, write DRAM
    bus.memory.write(0xffff0, 1, 0x33);
    EXPECT_EQ(byte(0xffff0), 0xeau);
    EXPECT_EQ(ram->data()[0xffff0], 0x33);
    bus.write(0, 0x59, 1, 0x10);  // read DRAM, write nowhere
    EXPECT_EQ(byte(0xffff0), 0x33u);
    bus.memory.write(0xffff0, 1, 0x44);
    EXPECT_EQ(byte(0xffff0), 0x33u);
    bus.write(0, 0x59, 1, 0x30);
    bus.memory.write(0xffff0, 1, 0x44);
    EXPECT_EQ(byte(0xffff0), 0x44u);
    bus.write(0, 0x5a, 1, 0x30);  // C4000-C7FFF only
    EXPECT_EQ(byte(0xc4000), 0x02u);
    bus.memory.write(0xc0000, 1, 0x66);
    EXPECT_EQ(byte(0xc0000), 0x00u);
    bus.write(0, 0x5f, 1, 0x03);  // E8000-EBFFF
    bus.memory.write(0xe8000, 1, 0x77);
    bus.memory.write(0xec000, 1, 0x77);
    EXPECT_EQ(ram->data()[0xe8000], 0x77);
    EXPECT_EQ(ram->data()[0xec000], 0x00);
    bridge.reset();
    EXPECT_EQ(byte(0xffff0), 0xeau);
}

TEST_F(HostBridgeTest, Smram) {
    ram->data()[0xa0000] = 0x5a;
    EXPECT_EQ(smm.read(0xa0000, 1), 0xffu);
    bus.write(0, 0x72, 1, 0x0a);
    EXPECT_EQ(byte(0xa0000), 0xffu);
    EXPECT_EQ(smm.read(0xa0000, 1), 0x5au);
    bus.write(0, 0x72, 1, 0x4a);
    EXPECT_EQ(byte(0xa0000), 0x5au);
    bus.write(0, 0x72, 1, 0x5a);  // lock closes
    EXPECT_EQ(bus.read(0, 0x72, 1), 0x1au);
    EXPECT_EQ(byte(0xa0000), 0xffu);
    bus.write(0, 0x72, 1, 0x4a);
    EXPECT_EQ(bus.read(0, 0x72, 1), 0x1au);
    bridge.reset();
    EXPECT_EQ(bus.read(0, 0x72, 1), 0x02u);
    EXPECT_EQ(smm.read(0xa0000, 1), 0xffu);
}

TEST_F(HostBridgeTest, FixedHole) {
    bus.memory.write(0xf00000, 1, 1);
    EXPECT_EQ(byte(0xf00000), 1u);
    bus.write(0, 0x68, 1, 0x80);
    EXPECT_EQ(byte(0xf00000), 0xffu);
    bus.write(0, 0x68, 1, 0x40);
    EXPECT_EQ(byte(0xf00000), 1u);
    EXPECT_EQ(byte(0x80000), 0xffu);
    bus.write(0, 0x68, 1, 0x00);
    EXPECT_EQ(byte(0x80000), 0u);
}

TEST_F(HostBridgeTest, StateRestoresTheMap) {
    bus.write(0, 0x59, 1, 0x30);
    bus.write(0, 0x72, 1, 0x4a);
    StateMap saved = StateMap::of(bridge);
    bridge.reset();
    saved.load_into(bridge);
    bridge.after_load();
    EXPECT_EQ(byte(0xffff0), 0x01u);
    EXPECT_EQ(byte(0xa0000), 0u);
}

TEST_F(HostBridgeTest, TurboReset) {
    bus.write(0, 0x93, 1, 0x02);
    EXPECT_EQ(control.resets, 0);
    bus.write(0, 0x93, 1, 0x06);
    EXPECT_EQ(control.resets, 1);
}

// ---- PIIX3 ----

struct Apm final : ApmSink {
    void apm_command(uint8_t value) override { commands.push_back(value); }
    std::vector<uint8_t> commands;
};

struct Piix3Test : testing::Test {
    static constexpr unsigned kDevfn = pci_devfn(1, 0);
    TestTime time;
    TestBus bus;
    TestControl control;
    Wires isa, smi;
    Piix3 chip{bus.pci, kDevfn, time.clock, control, lines(), smi.line(0)};
    std::array<IrqLine, 16> lines() {
        std::array<IrqLine, 16> all;
        for (int i = 0; i < 16; ++i) all[static_cast<size_t>(i)] = isa.line(i);
        return all;
    }
    void SetUp() override {
        chip.reset();
        bus.config.connect_reset_control(chip.reset_control_region());
    }
};

TEST_F(Piix3Test, Header) {
    EXPECT_EQ(bus.read(kDevfn, 0, 4), 0x70008086u);
    EXPECT_EQ(bus.read(kDevfn, 8, 4), 0x06010000u);
    EXPECT_EQ(bus.read(kDevfn, 0xe, 1), 0x00u);  // alone in its slot
    struct Other final : PciDevice {
        explicit Other(PciBus& bus) : PciDevice("other", bus, pci_devfn(1, 3), {}) {}
    } other(bus.pci);
    EXPECT_EQ(bus.read(kDevfn, 0xe, 1), 0x80u);
}

TEST_F(Piix3Test, Steering) {
    chip.pirq().set_irq(0, true);
    for (int i = 0; i < 16; ++i) EXPECT_FALSE(isa.level(i));
    bus.write(kDevfn, 0x60, 1, 0x0b);
    EXPECT_TRUE(isa.level(11));
    bus.write(kDevfn, 0x61, 1, 0x0b);
    chip.pirq().set_irq(1, true);
    chip.pirq().set_irq(0, false);
    EXPECT_TRUE(isa.level(11));
    bus.write(kDevfn, 0x61, 1, 0x0a);
    EXPECT_FALSE(isa.level(11));
    EXPECT_TRUE(isa.level(10));
    const IrqLine device = chip.isa_irq(10);
    device.raise();
    chip.pirq().set_irq(1, false);
    EXPECT_TRUE(isa.level(10));
    device.lower();
    EXPECT_FALSE(isa.level(10));
}

TEST_F(Piix3Test, ResetControl) {
    bus.ports.port_write(0xcf9, 1, 0x02);
    EXPECT_EQ(bus.ports.port_read(0xcf9, 1), 0x02u);
    EXPECT_EQ(control.resets, 0);
    bus.ports.port_write(0xcf9, 1, 0x06);
    EXPECT_EQ(control.resets, 1);
    bus.ports.port_write(0xcf9, 1, 0x06);  // no edge
    EXPECT_EQ(control.resets, 1);
}

TEST_F(Piix3Test, Apm) {
    Apm apm;
    chip.connect_apm(apm);
    bus.ports.map(0xb2, chip.apm_region());
    bus.ports.port_write(0xb2, 1, 0xf1);
    bus.ports.port_write(0xb3, 1, 0x55);
    EXPECT_EQ(bus.ports.port_read(0xb2, 2), 0x55f1u);
    EXPECT_EQ(apm.commands, std::vector<uint8_t>{0xf1});
    EXPECT_EQ(smi.rises(0), 0);
    bus.write(kDevfn, 0xa2, 2, 0x80);
    bus.write(kDevfn, 0xa0, 1, 0x09);
    bus.ports.port_write(0xb2, 1, 0x01);
    EXPECT_EQ(smi.rises(0), 1);
    EXPECT_EQ(bus.read(kDevfn, 0xaa, 2), 0x80u);
    bus.write(kDevfn, 0xaa, 2, 0x7f);
    EXPECT_EQ(bus.read(kDevfn, 0xaa, 2), 0u);
}

TEST_F(Piix3Test, FastOffTimer) {
    bus.write(kDevfn, 0xa2, 2, 0x20);
    bus.write(kDevfn, 0xa4, 4, 0x80000001);
    bus.write(kDevfn, 0xa8, 1, 9);
    bus.write(kDevfn, 0xa0, 1, 0x19);  // milliseconds, gate open
    time.run(9'900'000);
    EXPECT_EQ(smi.rises(0), 0);
    const IrqLine timer = chip.isa_irq(0);
    timer.raise();  // activity
    time.run(9'900'000);
    EXPECT_EQ(smi.rises(0), 0);
    time.run(200'000);
    EXPECT_EQ(smi.rises(0), 1);
}

TEST(Port92, A20AndReset) {
    AddressSpace memory;
    auto ram = std::move(*RamBlock::create("ram", 2 << 20, false));
    memory.map_ram(0, 2 << 20, *ram, 0, 0);
    TestControl control;
    A20Gate gate(memory);
    gate.reset();
    Port92 port(IrqLine(gate, 0), control);
    port.region().write(0, 1, 0x00);
    memory.write(0x100000, 1, 0x42);
    EXPECT_EQ(ram->data()[0], 0x42);
    port.region().write(0, 1, 0x02);
    EXPECT_EQ(memory.read(0x100000, 1), 0u);
    EXPECT_EQ(port.region().read(0, 1), 0x02u);
    port.region().write(0, 1, 0x03);
    EXPECT_EQ(control.resets, 1);
}

}  // namespace
}  // namespace qr
