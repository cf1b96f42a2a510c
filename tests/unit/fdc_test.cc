// SPDX-License-Identifier: GPL-2.0-or-later
// 82078: reset, commands, transfers by DMA and programmed I/O, errors, disk change, state.
#include "hw/block/fdc.h"

#include <gtest/gtest.h>

#include <random>

#include "hw/dma/i8237.h"
#include "tests/unit/device_fixture.h"
#include "tests/unit/flat_dma.h"
#include "tests/unit/memory_drive.h"

namespace qr::test {
namespace {

using Bytes = std::vector<uint8_t>;

struct FloppyMachine {
    static constexpr size_t k144 = 1'474'560;

    FloppyMachine() {
        for (size_t i = 0; i < disk.medium.size(); ++i) disk.medium[i] = static_cast<uint8_t>(i * 3 + i / 512);
        dma.reset();
        fdc.attach(0, disk, FloppyDriveType::k144);
        fdc.reset();
        out(0xd6, 0xc0);  // cascade
        out(0xd4, 0x00);
    }
    IoRegion& region(unsigned port) {
        if (port == 0x3f7) return fdc.input_region();
        if (port >= 0x3f2) return fdc.region();
        return port < 0x10 ? dma.low_region() : port < 0x90 ? dma.page_region() : dma.high_region();
    }
    static unsigned offset(unsigned port) {
        if (port == 0x3f7) return 0;
        return port >= 0x3f2 ? port - 0x3f2 : port < 0x10 ? port : port < 0x90 ? port - 0x80 : port - 0xc0;
    }
    void out(unsigned port, unsigned value) { region(port).write(offset(port), 1, value & 0xff); }
    uint8_t in(unsigned port) { return static_cast<uint8_t>(region(port).read(offset(port), 1)); }
    uint8_t status() { return in(0x3f4); }
    bool irq() { return wires.level(6); }
    void settle() { time.run(50'000'000); }

    void start() {
        out(0x3f2, 0x1c);
        out(0x3f7, 0);  // 500 kb/s
        for (int i = 0; i < 4; ++i) command({0x08});
    }
    void put(const Bytes& bytes) {
        for (const uint8_t byte : bytes) out(0x3f5, byte);
    }
    Bytes result() {
        Bytes bytes;
        while ((status() & 0xd0) == 0xd0) bytes.push_back(in(0x3f5));
        return bytes;
    }
    Bytes command(const Bytes& bytes) {
        put(bytes);
        settle();
        return result();
    }
    // Channel 2. mode: 0x46 to memory, 0x4a from it.
    void program(uint8_t mode, uint32_t address, size_t size) {
        out(0x0a, 0x06);
        out(0x0c, 0);
        out(0x0b, mode);
        out(0x04, address);
        out(0x04, address >> 8);
        out(0x81, address >> 16);
        out(0x05, static_cast<unsigned>(size - 1));
        out(0x05, static_cast<unsigned>((size - 1) >> 8));
        out(0x0a, 0x02);
    }
    Bytes sectors(unsigned lba, size_t count) const {
        const auto first = disk.medium.begin() + lba * 512;
        return {first, first + static_cast<ptrdiff_t>(count * 512)};
    }
    Bytes memory(size_t at, size_t size) const {
        const auto first = bus.memory.begin() + static_cast<ptrdiff_t>(at);
        return {first, first + static_cast<ptrdiff_t>(size)};
    }
    void state(StateVisitor& v) {
        v("fdc", fdc);
        v("dma", dma);
        v("disk", static_cast<Drive&>(disk));
        v("clock", time.clock);
    }

    TestTime time;
    Wires wires;
    FlatDma bus{0x40000};
    I8237Pair dma{bus};
    MemoryDrive disk{k144, "floppy0"};
    Fdc fdc{time.clock, dma, wires.line(6)};
};

struct FdcTest : testing::Test, FloppyMachine {};

TEST_F(FdcTest, ResetAndPolling) {
    EXPECT_EQ(status(), 0);
    out(0x3f2, 0x0c);
    EXPECT_EQ(status(), 0x80);
    EXPECT_TRUE(irq());
    for (uint8_t n = 0; n < 4; ++n) {
        EXPECT_EQ(command({0x08}), (Bytes{static_cast<uint8_t>(0xc0 | n), 0}));
        EXPECT_FALSE(irq());
    }
    EXPECT_EQ(command({0x08}), (Bytes{0x80}));
    out(0x3f4, 0x80);
    EXPECT_TRUE(irq());
    out(0x3f2, 0x04);
    EXPECT_FALSE(irq());
}

TEST_F(FdcTest, TellsOfItself) {
    start();
    EXPECT_EQ(command({0x10}), (Bytes{0x90}));
    EXPECT_EQ(command({0x18}), (Bytes{0x41}));
    EXPECT_EQ(command({0x1f}), (Bytes{0x80}));
    EXPECT_EQ(command({0x11}), (Bytes{0x80}));
    put({0x03, 0xaf, 0x02});
    put({0x13, 0x00, 0x57, 0x10});
    EXPECT_EQ(command({0x94}), (Bytes{0x10}));
    put({0x12, 0x84});
    EXPECT_EQ(command({0x0e}), (Bytes{0, 0, 0, 0, 0xaf, 2, 0, 0x84, 0x57, 0x10}));
    // Locked settings survive a software reset.
    out(0x3f4, 0x80);
    EXPECT_EQ(command({0x0e})[8], 0x57);
    EXPECT_EQ(command({0x14}), (Bytes{0}));
    out(0x3f4, 0x80);
    EXPECT_EQ(command({0x0e})[8], 0x20);
    const Bytes saved = command({0x2e});
    ASSERT_EQ(saved.size(), 16u);
    Bytes restore = {0x4e};
    restore.insert(restore.end(), saved.begin(), saved.end());
    restore[7] = 0xbf;
    put(restore);
    EXPECT_EQ(command({0x0e})[4], 0xbf);
}

TEST_F(FdcTest, SeeksAndChangeLine) {
    start();
    EXPECT_EQ(in(0x3f7), 0x80);
    put({0x0f, 0x00, 40});
    EXPECT_EQ(status(), 0x81);
    settle();
    EXPECT_TRUE(irq());
    EXPECT_EQ(command({0x08}), (Bytes{0x20, 40}));
    EXPECT_FALSE(irq());
    EXPECT_EQ(in(0x3f7), 0x00);
    EXPECT_EQ(command({0x04, 0x00}), (Bytes{0x28}));
    command({0x07, 0x00});
    EXPECT_EQ(command({0x08}), (Bytes{0x20, 0}));
    EXPECT_EQ(command({0x04, 0x04}), (Bytes{0x3c}));
    command({0xcf, 0x00, 5});
    EXPECT_EQ(command({0x08}), (Bytes{0x20, 5}));
    disk.change(true);
    EXPECT_EQ(in(0x3f7), 0x80);
    command({0x07, 0x01});
    EXPECT_EQ(command({0x08})[0], 0x71);
    out(0x3f2, 0x1d);
    EXPECT_EQ(in(0x3f7), 0x80);
}

TEST_F(FdcTest, ReadsByDma) {
    start();
    program(0x46, 0x10000, 1024);
    EXPECT_EQ(command({0xe6, 0x04, 0, 1, 17, 2, 18, 27, 0xff}), (Bytes{0x04, 0, 0, 1, 0, 1, 2}));
    EXPECT_EQ(memory(0x10000, 1024), sectors(18 + 16, 2));
    // Across the heads.
    program(0x46, 0x10000, 2048);
    EXPECT_EQ(command({0xe6, 0x00, 0, 0, 17, 2, 18, 27, 0xff}), (Bytes{0x04, 0, 0, 0, 1, 3, 2}));
    EXPECT_EQ(memory(0x10000, 2048), sectors(16, 4));
    // Without multi-track the end of the cylinder comes before terminal count.
    program(0x46, 0x10000, 2048);
    EXPECT_EQ(command({0x46, 0x00, 0, 0, 17, 2, 18, 27, 0xff}), (Bytes{0x40, 0x80, 0, 1, 0, 1, 2}));
    EXPECT_FALSE(irq());
}

TEST_F(FdcTest, WritesByDmaAndVerifies) {
    start();
    for (size_t i = 0; i < 1024; ++i) bus.memory[0x20000 + i] = static_cast<uint8_t>(i ^ 0x5a);
    program(0x4a, 0x20000, 1024);
    put({0xc5, 0x00, 0, 0, 3, 2, 18, 27, 0xff});
    EXPECT_EQ(status() & 0x90, 0x10);
    settle();
    EXPECT_TRUE(irq());
    EXPECT_EQ(result(), (Bytes{0x00, 0, 0, 0, 0, 5, 2}));
    EXPECT_EQ(sectors(2, 2), memory(0x20000, 1024));
    EXPECT_EQ(command({0xd6, 0x80, 0, 0, 1, 2, 18, 27, 2}), (Bytes{0, 0, 0, 0, 0, 3, 2}));
    disk.protect = true;
    EXPECT_EQ(command({0xc5, 0x00, 0, 0, 3, 2, 18, 27, 0xff})[1], 0x02);
    EXPECT_EQ(command({0x04, 0x00})[0] & 0x40, 0x40);
}

TEST_F(FdcTest, ProgrammedTransfers) {
    start();
    put({0x03, 0xaf, 0x03});
    put({0x46, 0x00, 0, 0, 2, 2, 3, 27, 0xff});
    Bytes data;
    for (int n = 0; n < 2; ++n) {
        settle();
        EXPECT_TRUE(irq());
        EXPECT_EQ(status(), 0xf0);
        while (status() == 0xf0) data.push_back(in(0x3f5));
    }
    EXPECT_EQ(data, sectors(1, 2));
    EXPECT_EQ(result(), (Bytes{0x40, 0x80, 0, 1, 0, 1, 2}));
    put({0x45, 0x00, 0, 0, 9, 2, 9, 27, 0xff});
    settle();
    EXPECT_EQ(status(), 0xb0);
    for (int i = 0; i < 512; ++i) out(0x3f5, i);
    settle();
    EXPECT_EQ(result()[1], 0x80);
    EXPECT_EQ(sectors(8, 1)[300], 300 & 0xff);
}

TEST_F(FdcTest, FormatsATrack) {
    start();
    for (uint8_t n = 0; n < 18; ++n) {
        const uint8_t field[] = {0, 1, static_cast<uint8_t>(n + 1), 2};
        std::copy(field, field + 4, bus.memory.begin() + 0x10000 + 4 * n);
    }
    program(0x4a, 0x10000, 72);
    const Bytes r = command({0x4d, 0x04, 2, 18, 0x54, 0xf6});
    EXPECT_EQ(r[0], 0x04);
    EXPECT_EQ(sectors(18, 18), Bytes(18 * 512, 0xf6));
    EXPECT_NE(sectors(17, 1), Bytes(512, 0xf6));
}

TEST_F(FdcTest, WhatIsntThereIsntFound) {
    start();
    EXPECT_EQ(command({0x4a, 0x00}), (Bytes{0, 0, 0, 0, 0, 1, 2}));
    EXPECT_EQ(command({0x46, 0x00, 0, 0, 19, 2, 19, 27, 0xff})[1], 0x04);
    EXPECT_EQ(command({0x46, 0x00, 7, 0, 1, 2, 18, 27, 0xff})[2], 0x10);
    EXPECT_EQ(command({0x46, 0x00, 0, 0, 1, 3, 18, 27, 0xff})[1], 0x04);
    out(0x3f7, 2);
    EXPECT_EQ(command({0x4a, 0x00})[1], 0x01);
    out(0x3f7, 0);
    disk.failing = DriveStatus::kIoError;
    program(0x46, 0x10000, 512);
    const Bytes r = command({0x46, 0x00, 0, 0, 1, 2, 18, 27, 0xff});
    EXPECT_EQ(Bytes(r.begin(), r.begin() + 3), (Bytes{0x40, 0x20, 0x20}));
    disk.change(false);
    EXPECT_EQ(command({0x4a, 0x00})[1], 0x01);
    EXPECT_EQ(command({0x4a, 0x01})[1], 0x01);
    // An implied seek finds another cylinder.
    disk.failing = DriveStatus::kOk;
    disk.change(true);
    put({0x13, 0x00, 0x57, 0x00});
    program(0x46, 0x10000, 512);
    EXPECT_EQ(command({0x46, 0x00, 7, 0, 1, 2, 18, 27, 0xff})[0], 0);
    EXPECT_EQ(memory(0x10000, 512), sectors(7 * 36, 1));
}

TEST_F(FdcTest, DmaThatComesLater) {
    start();
    out(0x0a, 0x06);
    put({0x46, 0x00, 0, 0, 1, 2, 18, 27, 0xff});
    settle();
    EXPECT_FALSE(irq());
    program(0x46, 0x10000, 512);
    EXPECT_TRUE(irq());
    EXPECT_EQ(memory(0x10000, 512), sectors(0, 1));
}

TEST(FloppyFormats, BySize) {
    EXPECT_EQ(floppy_drive_for(1'474'560), FloppyDriveType::k144);
    EXPECT_EQ(floppy_drive_for(737'280), FloppyDriveType::k144);
    EXPECT_EQ(floppy_drive_for(2'949'120), FloppyDriveType::k288);
    EXPECT_EQ(floppy_drive_for(163'840), FloppyDriveType::k120);
    EXPECT_EQ(floppy_drive_for(0), FloppyDriveType::k288);
    EXPECT_EQ(floppy_format(1'720'320, FloppyDriveType::k144).sectors, 21);
    EXPECT_EQ(floppy_format(737'280, FloppyDriveType::k288).sectors, 9);
    EXPECT_EQ(floppy_format(12'345, FloppyDriveType::k120).sectors, 15);
    EXPECT_FALSE(parse_floppy_drive("145", 0));
}

TEST(FdcRandom, SurvivesAndGoesOnFromASnapshot) {
    const auto poke = [](FloppyMachine& m, std::mt19937& random) {
        static constexpr uint8_t kUsual[] = {0xe6, 0xc5, 0x46, 0x4a, 0x4d, 0x0f, 0x07, 0x08, 0x03, 0x13, 0xd6, 0x42};
        const uint8_t byte = static_cast<uint8_t>(random());
        switch (random() % 12) {
            case 0: m.out(0x3f2, byte); break;
            case 1: m.out(0x3f2, 0x1c); break;
            case 2: m.out(0x3f4, byte & 0x83); break;
            case 3: m.out(0x3f7, byte & 3); break;
            case 4: m.time.run(byte * 2000); break;
            case 5: m.disk.change(byte & 3); break;
            case 6: m.program(byte & 1 ? 0x46 : 0x4a, 0x10000, 1 + byte * 16u); break;
            case 7: m.in(0x3f2 + byte % 4); break;
            case 8: m.result(); break;
            case 9: m.out(0x3f5, kUsual[byte % std::size(kUsual)]); break;
            default:
                for (int i = 0; i < (byte & 7); ++i) m.out(0x3f5, random() % 4);
                break;
        }
    };
    for (unsigned seed = 0; seed < 200; ++seed) {
        FloppyMachine reference, loaded;
        std::mt19937 random(seed), elsewhere(seed + 1000);
        for (unsigned n = 0; n < 300; ++n) poke(reference, random);
        for (unsigned n = 0; n < 50; ++n) poke(loaded, elsewhere);
        StateMap saved = StateMap::of(reference);
        loaded.time.countdown = reference.time.countdown;
        saved.load_into(loaded);
        ASSERT_EQ(saved.failure(), "");
        loaded.disk.medium = reference.disk.medium;
        loaded.bus.memory = reference.bus.memory;
        std::mt19937 same = random;
        for (unsigned n = 0; n < 100; ++n) {
            poke(reference, random);
            poke(loaded, same);
        }
        ASSERT_EQ(StateMap::of(reference).difference(StateMap::of(loaded)), "") << seed;
        ASSERT_EQ(reference.disk.medium, loaded.disk.medium) << seed;
    }
}

}  // namespace
}  // namespace qr::test
