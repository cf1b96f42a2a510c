// SPDX-License-Identifier: GPL-2.0-or-later
// virtio-blk over PCI: legacy and modern drivers, split rings, indirect tables, event indexes, MSI-X, rings that no
// driver may make, state.
#include "hw/block/virtio_blk.h"

#include <gtest/gtest.h>

#include <random>

#include "hw/virtio/virtio_pci.h"
#include "tests/unit/chip_fixture.h"
#include "tests/unit/memory_drive.h"
#include "util/bits.h"

namespace qr::test {
namespace {

using Bytes = std::vector<uint8_t>;

struct Buffer {
    uint64_t address;
    uint32_t length;
    bool writable;
};

struct VirtioMachine {
    static constexpr unsigned kDevfn = pci_devfn(5, 0);
    static constexpr uint16_t kIo = 0xc000;
    static constexpr uint32_t kModern = 0xe0000000, kMsix = 0xe0100000;
    static constexpr uint32_t kRing = 0x1000, kHeader = 0x8000, kData = 0x9000, kStatus = 0x8100, kTable = 0x8200;
    static constexpr unsigned kQueue = 256;
    static constexpr uint64_t kSectors = 2048;

    VirtioMachine() {
        for (size_t i = 0; i < disk.medium.size(); ++i) disk.medium[i] = static_cast<uint8_t>(i * 3 + i / 512);
        auto device = std::make_unique<VirtioBlk>("blk.request", time.clock, disk, "serial-7");
        chip = std::make_unique<VirtioPci>("blk", bus.pci, kDevfn, std::move(device));
        chip->reset();
        bus.write(kDevfn, 0x10, 4, kIo);
        bus.write(kDevfn, 0x14, 4, kMsix);
        bus.write(kDevfn, 0x20, 4, kModern);
        bus.write(kDevfn, 0x04, 2, 7);
    }
    uint32_t in(unsigned reg, unsigned size) { return bus.ports.port_read(static_cast<uint16_t>(kIo + reg), size); }
    void out(unsigned reg, unsigned size, uint32_t v) { bus.ports.port_write(static_cast<uint16_t>(kIo + reg), size, v); }
    uint32_t modern(unsigned reg, unsigned size) { return static_cast<uint32_t>(bus.memory.read(kModern + reg, size)); }
    void modern(unsigned reg, unsigned size, uint32_t v) { bus.memory.write(kModern + reg, size, v); }
    uint8_t* ram(uint64_t at) { return &bus.dma.memory[at]; }
    Bytes ram(uint64_t at, size_t size) { return {ram(at), ram(at) + size}; }
    bool irq() { return bus.pirq.level(0) || bus.pirq.level(1) || bus.pirq.level(2) || bus.pirq.level(3); }

    uint64_t available() const { return kRing + 16 * kQueue; }
    uint64_t used() const { return (available() + 4 + 2 * kQueue + 2 + 4095) & ~uint64_t{4095}; }
    uint16_t used_index() { return load_le<uint16_t>(ram(used() + 2)); }

    void start_legacy(uint32_t features = 0) {
        out(18, 1, 1);
        out(18, 1, 3);
        out(4, 4, features);
        out(14, 2, 0);
        out(8, 4, kRing >> 12);
        out(18, 1, 7);
    }
    void start_modern(uint64_t features) {
        modern(0x14, 1, 1);
        modern(0x14, 1, 3);
        for (unsigned n = 0; n < 2; ++n) {
            modern(8, 4, n);
            modern(12, 4, static_cast<uint32_t>(features >> 32 * n));
        }
        modern(0x14, 1, 0x0b);
        modern(0x16, 2, 0);
        modern(0x20, 4, kRing);
        modern(0x28, 4, static_cast<uint32_t>(available()));
        modern(0x30, 4, static_cast<uint32_t>(used()));
        modern(0x1c, 2, 1);
        modern(0x14, 1, 0x0f);
    }
    void put_descriptor(uint64_t table, unsigned n, const Buffer& b, bool more, uint16_t flags = 0) {
        store_le<uint64_t>(ram(table + 16 * n), b.address);
        store_le<uint32_t>(ram(table + 16 * n + 8), b.length);
        store_le<uint16_t>(ram(table + 16 * n + 12), static_cast<uint16_t>((more ? 1 : 0) | (b.writable ? 2 : 0) | flags));
        store_le<uint16_t>(ram(table + 16 * n + 14), static_cast<uint16_t>(n + 1));
    }
    void make_available(uint16_t head) {
        store_le<uint16_t>(ram(available() + 4 + 2 * (posted % kQueue)), head);
        store_le<uint16_t>(ram(available() + 2), ++posted);
    }
    void header(uint32_t type, uint64_t sector) {
        store_le<uint32_t>(ram(kHeader), type);
        store_le<uint64_t>(ram(kHeader + 8), sector);
        *ram(kStatus) = 0xee;
    }
    // Header, data, status; started by a legacy notification.
    void request(uint32_t type, uint64_t sector, uint32_t bytes, bool to_guest) {
        header(type, sector);
        put_descriptor(kRing, 0, {kHeader, 16, false}, true);
        unsigned n = 1;
        if (bytes) put_descriptor(kRing, n++, {kData, bytes, to_guest}, true);
        put_descriptor(kRing, n, {kStatus, 1, true}, false);
        make_available(0);
        out(16, 2, 0);
    }
    uint8_t finish() {
        time.run(1'000'000);
        return *ram(kStatus);
    }
    Bytes sectors(uint64_t first, size_t count) const {
        const auto at = disk.medium.begin() + static_cast<ptrdiff_t>(first * 512);
        return {at, at + static_cast<ptrdiff_t>(count * 512)};
    }
    void state(StateVisitor& v) {
        v("chip", *chip);
        v("disk", static_cast<Drive&>(disk));
        v("clock", time.clock);
    }

    TestTime time;
    TestBus bus;
    MemoryDrive disk{kSectors * 512};
    std::unique_ptr<VirtioPci> chip;
    uint16_t posted = 0;
};

struct VirtioBlkTest : testing::Test, VirtioMachine {};

TEST_F(VirtioBlkTest, Identity) {
    EXPECT_EQ(bus.read(kDevfn, 0, 4), 0x10011af4u);
    EXPECT_EQ(bus.read(kDevfn, 8, 4), 0x01000000u);
    EXPECT_EQ(bus.read(kDevfn, 0x2c, 4), 0x00021af4u);
    EXPECT_EQ(bus.read(kDevfn, 0x34, 1), 0x98u);
    EXPECT_EQ(bus.read(kDevfn, 0x98, 4), 0x00018411u);
    EXPECT_EQ(bus.read(kDevfn, 0x40, 4), 0x01100009u);
    EXPECT_EQ(in(0, 4) & 0x30006e54, 0x30006e54u);
    EXPECT_EQ(in(12, 2), 256u);
    EXPECT_EQ(in(20, 4), kSectors);
    EXPECT_EQ(modern(0x2000, 4), kSectors);
    EXPECT_EQ(modern(0x12, 2), 1u);
}

TEST_F(VirtioBlkTest, LegacyReadsAndWrites) {
    start_legacy();
    EXPECT_EQ(in(8, 4), kRing >> 12);
    request(0, 10, 1024, true);
    EXPECT_FALSE(irq());
    EXPECT_EQ(finish(), 0);
    EXPECT_EQ(ram(kData, 1024), sectors(10, 2));
    EXPECT_EQ(used_index(), 1);
    EXPECT_EQ(load_le<uint32_t>(ram(used() + 8)), 1025u);
    EXPECT_TRUE(irq());
    EXPECT_EQ(in(19, 1), 1u);
    EXPECT_FALSE(irq());
    for (int i = 0; i < 1024; ++i) *ram(kData + i) = static_cast<uint8_t>(i ^ 0x33);
    request(1, 20, 1024, false);
    EXPECT_EQ(finish(), 0);
    EXPECT_EQ(sectors(20, 2), ram(kData, 1024));
    EXPECT_EQ(disk.flushes, 1u);  // the driver knows of no cache
    EXPECT_EQ(used_index(), 2);
    out(18, 1, 0);
    EXPECT_EQ(in(8, 4), 0u);
}

TEST_F(VirtioBlkTest, OtherRequests) {
    start_legacy(1 << 9 | 1 << 11 | 1 << 13 | 1 << 14);
    request(4, 0, 0, false);
    EXPECT_EQ(finish(), 0);
    EXPECT_EQ(disk.flushes, 1u);
    request(8, 0, 20, true);
    EXPECT_EQ(finish(), 0);
    EXPECT_EQ(std::string(reinterpret_cast<char*>(ram(kData))), "serial-7");
    request(99, 0, 0, false);
    EXPECT_EQ(finish(), 2);
    request(0, kSectors - 1, 1024, true);
    EXPECT_EQ(finish(), 1);
    request(0, ~uint64_t{0}, 512, true);
    EXPECT_EQ(finish(), 1);
    store_le<uint64_t>(ram(kData), 100);
    store_le<uint32_t>(ram(kData + 8), 8);
    store_le<uint32_t>(ram(kData + 12), 0);
    request(11, 0, 16, false);
    EXPECT_EQ(finish(), 0);
    ASSERT_EQ(disk.discarded.size(), 1u);
    EXPECT_EQ(disk.discarded[0].second, 4096u);
    request(13, 0, 16, false);
    EXPECT_EQ(finish(), 0);
    EXPECT_EQ(sectors(100, 8), Bytes(4096));
    disk.failing = DriveStatus::kIoError;
    request(0, 0, 512, true);
    EXPECT_EQ(finish(), 1);
    disk.failing = DriveStatus::kOk;
    // Written through, once the cache is switched off.
    disk.flushes = 0;
    out(20 + 32, 1, 0);
    request(1, 0, 512, false);
    EXPECT_EQ(finish(), 0);
    EXPECT_EQ(disk.flushes, 1u);
}

TEST_F(VirtioBlkTest, ModernWithIndirectTables) {
    start_modern(uint64_t{1} << 32 | 1 << 28 | 1 << 9);
    EXPECT_EQ(modern(0x14, 1), 0x0fu);
    header(0, 3);
    put_descriptor(kTable, 0, {kHeader, 16, false}, true);
    put_descriptor(kTable, 1, {kData, 300, true}, true);
    put_descriptor(kTable, 2, {kData + 4096, 724, true}, true);
    put_descriptor(kTable, 3, {kStatus, 1, true}, false);
    put_descriptor(kRing, 7, {kTable, 64, false}, false, 4);
    make_available(7);
    modern(0x3000, 2, 0);
    EXPECT_EQ(finish(), 0);
    Bytes data = ram(kData, 300);
    const Bytes rest = ram(kData + 4096, 724);
    data.insert(data.end(), rest.begin(), rest.end());
    EXPECT_EQ(data, sectors(3, 2));
    EXPECT_EQ(load_le<uint32_t>(ram(used() + 4)), 7u);
    EXPECT_EQ(modern(0x1000, 1), 1u);
    EXPECT_FALSE(irq());
    // By the window in configuration space.
    bus.write(kDevfn, 0x88, 1, 4);
    bus.write(kDevfn, 0x8c, 4, 0x2000);
    bus.write(kDevfn, 0x90, 4, 4);
    EXPECT_EQ(bus.read(kDevfn, 0x94, 4), kSectors);
    bus.write(kDevfn, 0x8c, 4, 0x14);
    bus.write(kDevfn, 0x90, 4, 1);
    bus.write(kDevfn, 0x94, 1, 0);
    EXPECT_EQ(modern(0x14, 1), 0u);
}

TEST_F(VirtioBlkTest, FeaturesMustBeOffered) {
    start_modern(1 << 9);
    EXPECT_EQ(modern(0x14, 1) & 8, 0u);
    modern(0x14, 1, 0);
    start_modern(uint64_t{1} << 32 | 1 << 12);
    EXPECT_EQ(modern(0x14, 1) & 8, 0u);
    disk.protect = true;
    EXPECT_TRUE(in(0, 4) & 1 << 5);
}

TEST_F(VirtioBlkTest, InterruptsAsTheDriverWantsThem) {
    start_legacy();
    store_le<uint16_t>(ram(available()), 1);
    request(0, 0, 512, true);
    EXPECT_EQ(finish(), 0);
    EXPECT_FALSE(irq());
    out(18, 1, 0);
    posted = 0;
    store_le<uint16_t>(ram(available()), 0);
    store_le<uint16_t>(ram(used() + 2), 0);
    start_legacy(1u << 29);
    store_le<uint16_t>(ram(available() + 4 + 2 * kQueue), 1);  // at the second one
    request(0, 0, 512, true);
    EXPECT_EQ(finish(), 0);
    EXPECT_FALSE(irq());
    EXPECT_EQ(load_le<uint16_t>(ram(used() + 4 + 8 * kQueue)), 1);
    request(0, 0, 512, true);
    EXPECT_EQ(finish(), 0);
    EXPECT_TRUE(irq());
}

TEST_F(VirtioBlkTest, MessageSignalledInterrupts) {
    bus.memory.write(kMsix + 16, 4, 0x6000);
    bus.memory.write(kMsix + 16 + 8, 4, 0xabcd);
    bus.memory.write(kMsix + 16 + 12, 4, 1);
    bus.write(kDevfn, 0x9a, 2, 0x8000);
    out(14, 2, 0);
    out(22, 2, 1);
    EXPECT_EQ(in(22, 2), 1u);
    out(20, 2, 9);
    EXPECT_EQ(in(20, 2), 0xffffu);
    start_legacy();
    request(0, 0, 512, true);
    EXPECT_EQ(finish(), 0);
    EXPECT_FALSE(irq());
    EXPECT_EQ(load_le<uint32_t>(ram(0x6000)), 0u);
    EXPECT_EQ(bus.memory.read(kMsix + 0x800, 4), 2u);
    bus.memory.write(kMsix + 16 + 12, 4, 0);
    EXPECT_EQ(load_le<uint32_t>(ram(0x6000)), 0xabcdu);
    EXPECT_EQ(bus.memory.read(kMsix + 0x800, 4), 0u);
    EXPECT_EQ(in(24, 4), kSectors);
}

TEST_F(VirtioBlkTest, BrokenRingsStopTheDevice) {
    const auto broken = [this] { return (in(18, 1) & 0x40) != 0; };
    const auto restart = [this] {
        out(18, 1, 0);
        std::fill(bus.dma.memory.begin(), bus.dma.memory.end(), uint8_t{0});
        posted = 0;
        start_legacy();
        EXPECT_FALSE((in(18, 1) & 0x40) != 0);
    };
    restart();
    put_descriptor(kRing, 0, {kHeader, 16, false}, true);
    store_le<uint16_t>(ram(kRing + 14), 0);  // a loop
    make_available(0);
    out(16, 2, 0);
    EXPECT_TRUE(broken());
    restart();
    make_available(999);
    out(16, 2, 0);
    EXPECT_TRUE(broken());
    restart();
    store_le<uint16_t>(ram(available() + 2), 5000);
    out(16, 2, 0);
    EXPECT_TRUE(broken());
    restart();
    put_descriptor(kRing, 0, {kStatus, 1, true}, true);
    put_descriptor(kRing, 1, {kHeader, 16, false}, false);
    make_available(0);
    out(16, 2, 0);
    EXPECT_TRUE(broken());
    restart();
    request(0, 0, 512, true);
    EXPECT_EQ(finish(), 0);
}

TEST_F(VirtioBlkTest, ResetEndsWhatIsUnderWay) {
    start_legacy();
    request(0, 0, 512, true);
    out(18, 1, 0);
    EXPECT_TRUE(disk.idle());
    EXPECT_EQ(finish(), 0xee);
    EXPECT_FALSE(irq());
}

TEST(VirtioBlkRandom, SurvivesAndGoesOnFromASnapshot) {
    const auto poke = [](VirtioMachine& m, std::mt19937& random) {
        const auto value = static_cast<uint32_t>(random());
        switch (random() % 9) {
            case 0: m.out(value % 64, 1u << value % 3, static_cast<uint32_t>(random())); break;
            case 1: m.in(value % 64, 1u << value % 3); break;
            case 2: m.modern(value % 64, 1u << value % 3, static_cast<uint32_t>(random())); break;
            case 3: m.time.run(value % 100'000); break;
            case 4: *m.ram(m.kRing + value % 64) = static_cast<uint8_t>(random()); break;
            case 5: m.start_legacy(value); break;
            case 6: m.bus.write(m.kDevfn, 0x88 + 4 * (value % 4), 4, static_cast<uint32_t>(random() % 0x4000)); break;
            default:
                m.posted = load_le<uint16_t>(m.ram(m.available() + 2));
                m.request(value % 2, random() % 2100, 512 * (value % 5), !(value % 2));
        }
    };
    for (unsigned seed = 0; seed < 100; ++seed) {
        VirtioMachine reference, loaded;
        std::mt19937 random(seed), elsewhere(seed + 1000);
        for (unsigned n = 0; n < 300; ++n) poke(reference, random);
        for (unsigned n = 0; n < 50; ++n) poke(loaded, elsewhere);
        StateMap saved = StateMap::of(reference);
        loaded.time.countdown = reference.time.countdown;
        saved.load_into(loaded);
        ASSERT_EQ(saved.failure(), "");
        loaded.chip->after_load();
        loaded.disk.medium = reference.disk.medium;
        loaded.bus.dma.memory = reference.bus.dma.memory;
        std::mt19937 same = random;
        for (unsigned n = 0; n < 100; ++n) {
            poke(reference, random);
            poke(loaded, same);
        }
        ASSERT_EQ(StateMap::of(reference).difference(StateMap::of(loaded)), "") << seed;
        ASSERT_EQ(reference.disk.medium, loaded.disk.medium) << seed;
        ASSERT_EQ(reference.bus.dma.memory, loaded.bus.dma.memory) << seed;
    }
}

}  // namespace
}  // namespace qr::test
