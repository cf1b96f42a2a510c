// SPDX-License-Identifier: GPL-2.0-or-later
// What the `pc` board tells its firmware of its disks, and what it refuses to build.
#include "hw/i386/pc_disks.h"

#include <gtest/gtest.h>

#include "hw/i386/pc.h"
#include "tests/unit/chip_fixture.h"
#include "tests/unit/memory_drive.h"

namespace qr::test {
namespace {

struct Board {
    explicit Board(std::vector<PcDisk> disks, PcBoot boot = {}) {
        PcConfig config;
        config.cpu = *i386::parse_cpu_model("qemu32");
        config.ram_size = 4 << 20;
        config.bios.resize(0x10000);
        config.disks = std::move(disks);
        config.boot = std::move(boot);
        auto built = PcBoard::create(std::move(config), door.door, time.clock, time.countdown, control);
        if (!built) {
            error = built.error().message;
            return;
        }
        board = std::move(*built);
        board->reset();
    }
    uint8_t cmos(uint8_t index) {
        board->ports().port_write(0x70, 1, index);
        return static_cast<uint8_t>(board->ports().port_read(0x71, 1));
    }
    std::string fw_cfg(uint16_t key, size_t size) {
        std::string bytes;
        board->ports().port_write(0x510, 2, key);
        for (size_t i = 0; i < size; ++i) bytes.push_back(static_cast<char>(board->ports().port_read(0x511, 1)));
        return bytes;
    }
    std::string file(const std::string& name) {
        const std::string count = fw_cfg(0x19, 4);
        const size_t files = static_cast<uint8_t>(count[3]);
        const std::string list = fw_cfg(0x19, 4 + 64 * files);
        for (size_t at = 4; at < list.size(); at += 64) {
            if (name != list.c_str() + at + 8) continue;
            const auto byte = [&](size_t n) { return static_cast<uint8_t>(list[at + n]); };
            return fw_cfg(static_cast<uint16_t>(byte(4) << 8 | byte(5)), static_cast<size_t>(byte(2) << 8 | byte(3)));
        }
        return "no file";
    }

    TestTime time;
    TestDoor door;
    TestControl control;
    std::unique_ptr<PcBoard> board;
    std::string error;
};

PcDisk disk(PcDisk::Kind kind, Drive& drive, unsigned bus = 0, unsigned unit = 0) {
    PcDisk d;
    d.kind = kind;
    d.drive = &drive;
    d.bus = bus;
    d.unit = unit;
    return d;
}

using enum PcDisk::Kind;

struct PcDisksTest : testing::Test {
    MemoryDrive big{uint64_t{64} << 20}, disc{1 << 20}, floppy{1'474'560}, small{1 << 20};
};

TEST_F(PcDisksTest, CmosOfAnEmptyBoard) {
    Board b({});
    EXPECT_EQ(b.cmos(0x10), 0);
    EXPECT_EQ(b.cmos(0x12), 0);
    EXPECT_EQ(b.cmos(0x14), 0x06);
    EXPECT_EQ(b.cmos(0x38), 0x30);
    EXPECT_EQ(b.cmos(0x3d), 0x12);
    EXPECT_EQ(b.file("bootorder"), "");
}

TEST_F(PcDisksTest, CmosOfDisks) {
    Board b({disk(kIdeDisk, big), disk(kIdeCdrom, disc, 1), disk(kFloppy, floppy), disk(kFloppy, small, 0, 1)});
    EXPECT_EQ(b.cmos(0x10), 0x44);
    EXPECT_EQ(b.cmos(0x14), 0x47);
    EXPECT_EQ(b.cmos(0x12), 0xf0);
    EXPECT_EQ(b.cmos(0x19), 0x2f);
    const uint8_t parameters[] = {0x82, 0, 0x10, 0xff, 0xff, 0xc8, 0x82, 0, 0x3f};
    for (uint8_t i = 0; i < std::size(parameters); ++i) EXPECT_EQ(b.cmos(static_cast<uint8_t>(0x1b + i)), parameters[i]);
    EXPECT_EQ(b.cmos(0x39), 0);
}

TEST_F(PcDisksTest, BootOrderByIndex) {
    std::vector<PcDisk> disks = {disk(kIdeDisk, big), disk(kIdeCdrom, disc, 1, 1), disk(kVirtioBlk, small),
                                 disk(kFloppy, floppy, 0, 1)};
    disks[0].boot_index = 2;
    disks[0].geometry = {100, 8, 32};
    disks[1].boot_index = 1;
    disks[2].boot_index = 3;
    disks[2].slot = 5;
    disks[3].boot_index = 4;
    PcBoot boot;
    boot.strict = true;
    Board b(disks, boot);
    const std::string end(1, '\0');
    EXPECT_EQ(b.file("bootorder"), "/pci@i0cf8/ide@1,1/drive@1/disk@1\n"
                                   "/pci@i0cf8/ide@1,1/drive@0/disk@0\n"
                                   "/pci@i0cf8/scsi@5/disk@0,0\n"
                                   "/pci@i0cf8/isa@1/fdc@03f0/floppy@1\n"
                                   "HALT" + end);
    EXPECT_EQ(b.file("bios-geometry"), "/pci@i0cf8/ide@1,1/drive@0/disk@0 100 8 32" + end);
    EXPECT_EQ(b.cmos(0x1b), 100);
}

TEST_F(PcDisksTest, OrderHoldsOnceUntilTheFirstReset) {
    PcBoot boot;
    boot.order = "c";
    boot.once = "dn";
    Board b({}, boot);
    EXPECT_EQ(b.cmos(0x3d), 0x43);
    b.board->reset();
    EXPECT_EQ(b.cmos(0x3d), 0x02);
    b.board->ports().port_write(0x70, 1, 0x3d);
    b.board->ports().port_write(0x71, 1, 0x31);
    b.board->reset();
    EXPECT_EQ(b.cmos(0x3d), 0x31);
}

TEST_F(PcDisksTest, RefusesWhatHasNoPlace) {
    EXPECT_NE(Board({disk(kIdeDisk, big), disk(kIdeCdrom, disc)}).error.find("in use"), std::string::npos);
    EXPECT_NE(Board({disk(kIdeDisk, big, 2)}).error.find("there is no unit"), std::string::npos);
    EXPECT_NE(Board({disk(kFloppy, floppy, 0, 2)}).error.find("expected 0 or 1"), std::string::npos);
    PcDisk taken = disk(kVirtioBlk, small);
    taken.slot = 1;
    EXPECT_NE(Board({taken}).error.find("in use"), std::string::npos);
    PcDisk odd = disk(kFloppy, floppy);
    odd.floppy_type = "145";
    EXPECT_NE(Board({odd}).error.find("drive-type=145"), std::string::npos);
    MemoryDrive none(0);
    EXPECT_NE(Board({disk(kIdeDisk, none)}).error.find("at least one sector"), std::string::npos);
}

}  // namespace
}  // namespace qr::test
