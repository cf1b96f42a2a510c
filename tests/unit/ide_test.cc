// SPDX-License-Identifier: GPL-2.0-or-later
// PIIX3 IDE with an ATA disk: task file, PIO, bus master DMA, errors, power, state.
#include <gtest/gtest.h>

#include <random>

#include "tests/unit/ide_fixture.h"

namespace qr::test {
namespace {

constexpr uint8_t kReady = 0x50, kReadyDrq = 0x58, kAborted = 0x41;

struct IdeTest : testing::Test, IdeMachine {
    static uint16_t word(const std::vector<uint8_t>& data, unsigned n) {
        return static_cast<uint16_t>(data[2 * n] | data[2 * n + 1] << 8);
    }
    std::vector<uint8_t> identify() {
        command(0xec);
        return read_words(512);
    }
    std::vector<uint8_t> dma_memory(uint32_t at, size_t size) const {
        const auto first = bus.dma.memory.begin() + at;
        return {first, first + static_cast<ptrdiff_t>(size)};
    }
    static std::vector<uint8_t> ramp(size_t n, uint8_t first) {
        std::vector<uint8_t> data(n);
        std::iota(data.begin(), data.end(), first);
        return data;
    }
};

TEST_F(IdeTest, SignatureAfterReset) {
    EXPECT_EQ(in(1), 1);
    EXPECT_EQ(in(2), 1);
    EXPECT_EQ(in(3), 1);
    EXPECT_EQ(in(4), 0);
    EXPECT_EQ(in(5), 0);
    EXPECT_EQ(in(6), 0xa0);
    EXPECT_EQ(in(7), kReady);
    out(6, 0x10);
    EXPECT_EQ(in(6), 0xb0);
    EXPECT_EQ(in(4), 0x14);
    EXPECT_EQ(in(5), 0xeb);
    EXPECT_EQ(in(7), 0);
}

TEST_F(IdeTest, IdentifyTellsSizeAndName) {
    const auto data = identify();
    EXPECT_EQ(word(data, 0), 0x40);
    EXPECT_EQ(word(data, 1), kSectors / 1008);
    EXPECT_EQ(word(data, 60) | word(data, 61) << 16, static_cast<int>(kSectors));
    EXPECT_EQ(word(data, 100) | word(data, 101) << 16, static_cast<int>(kSectors));
    EXPECT_EQ(word(data, 27), 'Q' << 8 | 'E');
    EXPECT_EQ(word(data, 10), 'S' << 8 | 'N');
    EXPECT_TRUE(irq());
    EXPECT_EQ(in(7), kReady);
    EXPECT_FALSE(irq());
    EXPECT_EQ(bus.ports.port_read(kCommandBlock, 2), 0xffffu);
}

TEST_F(IdeTest, ReadsSectorsByPio) {
    command(0x20, 10, 3);
    EXPECT_EQ(in(7) & 0x88, 0x80);
    EXPECT_FALSE(irq());
    settle();
    std::vector<uint8_t> data;
    for (unsigned n = 0; n < 3; ++n) {
        EXPECT_TRUE(irq()) << n;
        EXPECT_EQ(in(7), kReadyDrq);
        EXPECT_FALSE(irq());
        const auto part = read_words(512);
        data.insert(data.end(), part.begin(), part.end());
    }
    EXPECT_EQ(data, sectors(10, 3));
    EXPECT_FALSE(irq());
    EXPECT_EQ(in(7), kReady);
    EXPECT_EQ(in(3), 13);
    EXPECT_EQ(in(2), 0);
}

TEST_F(IdeTest, ReadsByDoublewordsAndInBlocks) {
    command(0xc6, 0, 4);
    EXPECT_EQ(in(7), kReady);
    command(0xc4, 100, 6);
    settle();
    std::vector<uint8_t> data;
    for (unsigned i = 0; i < 4 * 128; ++i) {
        const uint32_t value = bus.ports.port_read(kCommandBlock, 4);
        for (unsigned n = 0; n < 4; ++n) data.push_back(static_cast<uint8_t>(value >> 8 * n));
    }
    EXPECT_EQ(data, sectors(100, 4));
    EXPECT_TRUE(irq());
    EXPECT_EQ(in(7), kReadyDrq);
    EXPECT_EQ(read_words(1024), sectors(104, 2));
    EXPECT_EQ(in(7), kReady);
    command(0xc6, 0, 3);
    EXPECT_EQ(in(7), kAborted);
    command(0xc4, 100, 6);
    EXPECT_EQ(in(7), kAborted);
}

TEST_F(IdeTest, WritesByPioAndFlushes) {
    const auto data = ramp(1024, 3);
    command(0x30, 20, 2);
    EXPECT_EQ(in(7), kReadyDrq);
    EXPECT_FALSE(irq());
    write_words(std::span(data).first(512));
    EXPECT_TRUE(irq());
    EXPECT_EQ(in(7), kReadyDrq);
    write_words(std::span(data).last(512));
    EXPECT_EQ(in(7) & 0x88, 0x80);
    settle();
    EXPECT_TRUE(irq());
    EXPECT_EQ(in(7), kReady);
    EXPECT_EQ(sectors(20, 2), data);
    command(0xe7);
    settle();
    EXPECT_EQ(in(7), kReady);
    EXPECT_EQ(disk.flushes, 1u);
    EXPECT_TRUE(disk.idle());
}

TEST_F(IdeTest, WithoutWriteCacheEveryWriteIsFlushed) {
    command(0xef, 0, 0, 0x82);
    settle();
    EXPECT_EQ(word(identify(), 85) & 0x20, 0);
    command(0x30, 20, 1);
    write_words(ramp(512, 1));
    settle();
    EXPECT_EQ(in(7), kReady);
    EXPECT_EQ(disk.flushes, 2u);
}

TEST_F(IdeTest, TakesCylindersAndHeads) {
    out(6, 0xa0 | 2);
    out(2, 1);
    out(3, 5);
    out(4, 1);
    out(5, 0);
    out(7, 0x20);
    settle();
    EXPECT_EQ(read_words(512), sectors((1 * 16 + 2) * 63 + 4, 1));
    out(3, 0);
    out(7, 0x20);
    EXPECT_EQ(in(7), kAborted);
    // 8 heads of 17 sectors.
    out(6, 0xa0 | 7);
    out(2, 17);
    out(7, 0x91);
    EXPECT_EQ(in(7), kReady);
    EXPECT_EQ(word(identify(), 54), kSectors / (8 * 17));
    out(6, 0xa0 | 3);
    out(2, 1);
    out(3, 17);
    out(4, 2);
    out(5, 0);
    out(7, 0x20);
    settle();
    EXPECT_EQ(read_words(512), sectors((2 * 8 + 3) * 17 + 16, 1));
}

TEST_F(IdeTest, TakesAddressesOf48Bits) {
    command48(0x24, 39'999, 1);
    settle();
    EXPECT_EQ(read_words(512), sectors(39'999, 1));
    command48(0x24, uint64_t{1} << 32, 1);
    settle();
    EXPECT_EQ(in(7), kAborted);
    EXPECT_EQ(in(1), 0x04);
    EXPECT_EQ(in(4), 0);
    control(0x80);
    EXPECT_EQ(in(4), 1);
    EXPECT_EQ(in(2), 0);
    out(2, 5);
    EXPECT_EQ(in(2), 5);
    command48(0x27, 0, 1);
    EXPECT_EQ(in(3) | in(4) << 8, 39'999);
}

TEST_F(IdeTest, ReadsByDma) {
    table({{0x4000, 512}, {0x6000, 1536}});
    command(0xc8, 50, 4);
    master(0x09);
    EXPECT_EQ(master_status() & 5, 1);
    settle();
    EXPECT_TRUE(irq());
    EXPECT_EQ(master_status() & 5, 4);
    EXPECT_EQ(dma_memory(0x4000, 512), sectors(50, 1));
    EXPECT_EQ(dma_memory(0x6000, 1536), sectors(51, 3));
    EXPECT_EQ(in(7), kReady);
    bus.ports.port_write(kBusMaster + 2, 1, 4);
    EXPECT_EQ(master_status(), 0);
    EXPECT_EQ(in(3), 54);
}

TEST_F(IdeTest, WritesByDmaHoweverItIsStarted) {
    const auto data = ramp(2048, 9);
    std::copy(data.begin(), data.end(), bus.dma.memory.begin() + 0x4000);
    table({{0x4000, 2048}});
    master(0x01);
    command(0xca, 60, 4);
    settle();
    EXPECT_EQ(in(7), kReady);
    EXPECT_EQ(sectors(60, 4), data);
    // The other way round.
    master(0);
    command(0xca, 70, 4);
    settle();
    EXPECT_FALSE(irq());
    master(0x01);
    settle();
    EXPECT_TRUE(irq());
    EXPECT_EQ(sectors(70, 4), data);
}

TEST_F(IdeTest, ShortTableWaitsForAnotherOne) {
    table({{0x4000, 512}});
    command(0xc8, 50, 3);
    master(0x09);
    settle();
    EXPECT_EQ(master_status() & 5, 0);
    EXPECT_FALSE(irq());
    EXPECT_EQ(alternate() & 0x08, 0x08);
    master(0);
    table({{0x6000, 4096}});
    master(0x09);
    EXPECT_TRUE(irq());
    EXPECT_EQ(master_status() & 5, 5);
    EXPECT_EQ(dma_memory(0x6000, 1024), sectors(51, 2));
}

TEST_F(IdeTest, LongTransfersGoInPieces) {
    command48(0x42, 0, 5000);
    settle();
    EXPECT_EQ(in(7), kReady);
    EXPECT_EQ(disk.reads, 3u);
    // Regions of 64 KiB, one upon the other.
    std::vector<std::pair<uint32_t, uint32_t>> regions(40, {0, 0});
    table(regions);
    command48(0x25, 0, 40 * 128 - 1);
    bus.dma.memory.resize(0x20000);
    std::copy_n(bus.dma.memory.begin() + kTable, 8 * 40, bus.dma.memory.begin() + 0x10000);
    bus.ports.port_write(kBusMaster + 4, 4, 0x10000);
    disk.reads = 0;
    master(0x09);
    settle();
    EXPECT_EQ(master_status() & 5, 5);
    EXPECT_EQ(in(7), kReady);
    EXPECT_EQ(disk.reads, 2u);
    EXPECT_EQ(dma_memory(0, 512), sectors(39 * 128, 1));
}

TEST_F(IdeTest, WithoutBusMasteringMemoryIsNotTouched) {
    bus.write(kDevfn, 0x04, 2, 1);
    table({{0x4000, 512}});
    command(0xc8, 50, 1);
    master(0x09);
    settle();
    EXPECT_EQ(in(7), kReady);
    EXPECT_EQ(dma_memory(0x4000, 512), std::vector<uint8_t>(512));
}

TEST_F(IdeTest, RefusesWhatItHasnt) {
    for (const uint8_t opcode : {0x22, 0x50, 0xa1, 0xa0, 0xf1, 0xf9, 0xb1, 0x92, 0x08, 0x00, 0x87}) {
        command(opcode);
        EXPECT_EQ(in(7), kAborted) << std::hex << +opcode;
        EXPECT_EQ(in(1), 0x04);
    }
    command(0x20, kSectors - 1, 2);
    EXPECT_EQ(in(7), kAborted);
}

TEST_F(IdeTest, MediumErrors) {
    disk.failing = DriveStatus::kIoError;
    command(0x20, 77, 2);
    settle();
    EXPECT_EQ(in(7), kAborted);
    EXPECT_EQ(in(1), 0x40);
    EXPECT_EQ(in(3), 77);
    command(0x30, 78, 1);
    write_words(ramp(512, 0));
    settle();
    EXPECT_EQ(in(7), kAborted);
    EXPECT_EQ(in(1), 0x04);
    disk.failing = DriveStatus::kOk;
    disk.protect = true;
    command(0x30, 78, 1);
    EXPECT_EQ(in(7), kAborted);
}

TEST_F(IdeTest, InterruptsAreMaskedAndSelected) {
    control(0x02);
    command(0xec);
    EXPECT_FALSE(irq());
    control(0);
    EXPECT_TRUE(irq());
    out(6, 0xb0);
    EXPECT_FALSE(irq());
    out(6, 0xa0);
    EXPECT_TRUE(irq());
    alternate();
    EXPECT_TRUE(irq());
    EXPECT_TRUE(master_status() & 4);
    in(7);
    EXPECT_FALSE(irq());
}

TEST_F(IdeTest, SoftResetEndsEverything) {
    command(0x20, 10, 3);
    control(0x04);
    EXPECT_EQ(alternate(), 0x80);
    control(0);
    EXPECT_EQ(in(7), kReady);
    EXPECT_TRUE(disk.idle());
    settle();
    EXPECT_FALSE(irq());
    EXPECT_EQ(in(7), kReady);
}

TEST_F(IdeTest, DiagnosticSelectsDevice0) {
    out(6, 0xb0);
    out(7, 0x90);
    EXPECT_TRUE(irq());
    EXPECT_EQ(in(6), 0xa0);
    EXPECT_EQ(in(1), 1);
    EXPECT_EQ(in(7), kReady);
}

TEST_F(IdeTest, PowerModes) {
    const auto mode = [this] {
        command(0xe5);
        return in(2);
    };
    EXPECT_EQ(mode(), 0xff);
    command(0xe0);
    EXPECT_EQ(mode(), 0);
    command(0x40, 0, 1);
    settle();
    EXPECT_EQ(mode(), 0xff);
    command(0xe3, 0, 2);  // 10 seconds
    EXPECT_EQ(mode(), 0x80);
    time.run(11'000'000'000);
    EXPECT_EQ(mode(), 0);
    command(0xe6);
    command(0xec);
    EXPECT_EQ(in(7), kReady);  // asleep: not taken
    control(4);
    control(0);
    command(0xec);
    EXPECT_EQ(in(7), kReadyDrq);
}

TEST_F(IdeTest, TransferModes) {
    EXPECT_EQ(word(identify(), 88), 0x203f);
    command(0xef, 0, 0x22, 0x03);
    EXPECT_EQ(in(7), kReady);
    EXPECT_EQ(word(identify(), 63), 0x0407);
    EXPECT_EQ(word(identify(), 88), 0x003f);
    command(0xef, 0, 0x46, 0x03);
    EXPECT_EQ(in(7), kAborted);
}

TEST_F(IdeTest, Smart) {
    const auto smart = [this](uint8_t function, uint8_t count = 0, uint8_t low = 0) {
        command(0xb0, 0xc24f00u | low, count, function);
    };
    smart(0xd0);
    const auto data = read_words(512);
    EXPECT_EQ(std::accumulate(data.begin(), data.end(), 0) & 0xff, 0);
    smart(0xd4, 0, 1);
    EXPECT_EQ(in(7), kReady);
    smart(0xd5, 1, 6);
    const auto log = read_words(512);
    EXPECT_EQ(log[508], 1);
    EXPECT_EQ(log[2], 1);
    smart(0xda);
    EXPECT_EQ(in(7), kReady);
    EXPECT_EQ(in(4), 0x4f);
    smart(0xd9);
    smart(0xd0);
    EXPECT_EQ(in(7), kAborted);
    command(0xb0, 0, 0, 0xd8);
    EXPECT_EQ(in(7), kAborted);
}

TEST_F(IdeTest, TrimsRanges) {
    const uint64_t ranges[] = {uint64_t{8} << 48 | 100, uint64_t{1} << 48 | 5};
    std::memcpy(&bus.dma.memory[0x4000], ranges, sizeof ranges);
    table({{0x4000, 512}});
    out(1, 1);
    command48(0x06, 0, 1);
    master(0x01);
    settle();
    EXPECT_EQ(in(7), kReady);
    ASSERT_EQ(disk.discarded.size(), 2u);
    EXPECT_EQ(disk.discarded[0], std::pair(uint64_t{51200}, uint64_t{4096}));
    EXPECT_EQ(disk.discarded[1], std::pair(uint64_t{2560}, uint64_t{512}));
}

TEST(IdeSlots, AbsentDevice1IsAnsweredForByDevice0) {
    IdeMachine m(true, false);
    m.out(6, 0xb0);
    EXPECT_EQ(m.in(7), 0);
    EXPECT_EQ(m.in(6), 0xb0);
    m.out(2, 0x55);
    EXPECT_EQ(m.in(2), 0x55);
    m.out(7, 0xec);
    EXPECT_EQ(m.in(7), 0);
    EXPECT_FALSE(m.irq());
    IdeMachine none(false, false);
    EXPECT_EQ(none.in(7), 0);
    EXPECT_EQ(none.in(2), 0);
}

// ---- what must hold for any driver ----

void poke(IdeMachine& m, std::mt19937& random) {
    const uint8_t byte = static_cast<uint8_t>(random());
    static constexpr uint8_t kUsual[] = {0x20, 0x30, 0xc4, 0xc5, 0xc8, 0xca, 0x25, 0x35, 0xa0, 0xa0, 0xec, 0xa1, 0x06, 0xe7};
    switch (random() % 14) {
        case 0: m.control(byte & 0x86); break;
        case 1: m.out(6, byte); break;
        case 2:
        case 3: m.out(7, kUsual[byte % std::size(kUsual)]); break;
        case 4: m.out(7, byte); break;
        case 5: m.read_words(2 + byte * 4); break;
        case 6: {
            std::vector<uint8_t> data(12 + (byte & 3) * 512);
            for (uint8_t& b : data) b = static_cast<uint8_t>(random());
            m.write_words(data);
            break;
        }
        case 7: m.bus.ports.port_write(static_cast<uint16_t>(m.kBusMaster + byte % 8), 1, static_cast<uint32_t>(random())); break;
        case 8: m.master(static_cast<uint8_t>(byte & 1 ? 0x09 : 0x01)); break;
        case 9: m.time.run(byte * 1000); break;
        case 10: m.disc.change(byte & 1); break;
        case 11: m.bus.ports.port_write(static_cast<uint16_t>(m.kCommandBlock + byte % 8), byte & 16 ? 4 : 2, static_cast<uint32_t>(random())); break;
        case 12: m.in(byte % 8); break;
        default: m.out(2 + byte % 4, static_cast<uint8_t>(random() % 5)); break;
    }
}

TEST(IdeRandom, SurvivesAndGoesOnFromASnapshot) {
    for (unsigned seed = 0; seed < 60; ++seed) {
        IdeMachine reference, other;
        std::mt19937 random(seed), same(seed);
        for (unsigned n = 0; n < 400; ++n) {
            poke(reference, random);
            poke(other, same);
        }
        // Another machine, that was elsewhere before, has the same future.
        IdeMachine loaded;
        std::mt19937 elsewhere(seed + 1000);
        for (unsigned n = 0; n < 50; ++n) poke(loaded, elsewhere);
        StateMap saved = StateMap::of(reference);
        ASSERT_EQ(saved.difference(StateMap::of(other)), "") << seed;
        loaded.time.countdown = reference.time.countdown;
        saved.load_into(loaded);
        loaded.chip.after_load();
        loaded.bus.dma.memory = reference.bus.dma.memory;
        loaded.disk.medium = reference.disk.medium;
        loaded.disc.medium = reference.disc.medium;
        ASSERT_EQ(saved.difference(StateMap::of(loaded)), "") << seed;
        std::mt19937 both = random;
        for (unsigned n = 0; n < 100; ++n) {
            poke(reference, random);
            poke(loaded, both);
        }
        ASSERT_EQ(StateMap::of(reference).difference(StateMap::of(loaded)), "") << seed;
        ASSERT_EQ(reference.disk.medium, loaded.disk.medium) << seed;
        ASSERT_EQ(reference.bus.dma.memory, loaded.bus.dma.memory) << seed;
    }
}

}  // namespace
}  // namespace qr::test
