// SPDX-License-Identifier: GPL-2.0-or-later
// Overlays: random writes against a buffer, versions, the kept file after kill -9, commit.
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <random>

#include "block/overlay.h"
#include "tests/unit/file_size_limit.h"
#include "tests/unit/memory_image.h"

namespace qr {
namespace {

constexpr uint64_t kDisk = 40 * Overlay::kBlock + 3 * 512;

struct OverlayTest : testing::Test {
    void SetUp() override {
        directory = std::filesystem::temp_directory_path() / ("overlay-" + std::to_string(getpid()));
        std::filesystem::create_directories(directory);
        std::mt19937 random(1);
        base.resize(kDisk);
        for (auto& b : base) b = static_cast<uint8_t>(random());
        disk = base;
    }
    void TearDown() override { std::filesystem::remove_all(directory); }

    std::unique_ptr<Overlay> create(bool kept) {
        Overlay::Origin origin;
        origin.drive = "d0";
        origin.image = "/images/d0.qcow2";
        origin.format = "qcow2";
        origin.size = kDisk;
        auto overlay = Overlay::create(kept ? path() : "", origin);
        EXPECT_TRUE(overlay.ok());
        return std::move(*overlay);
    }
    std::string path() const { return directory / "x.overlay"; }

    void expect_disk(Overlay& overlay) {
        std::vector<uint8_t> got(kDisk);
        ASSERT_TRUE(overlay.read(0, got, [&](uint64_t at, std::span<uint8_t> to) {
            std::copy_n(base.begin() + static_cast<ptrdiff_t>(at), to.size(), to.begin());
            return IoStatus{};
        }).ok());
        const auto [at, other] = std::ranges::mismatch(got, disk);
        ASSERT_TRUE(at == got.end()) << "byte " << at - got.begin() << " is " << int{*at} << ", not " << int{*other};
    }

    void change(Overlay& overlay, std::mt19937& random) {
        const uint64_t sector = random() % (kDisk / 512);
        const uint64_t count = std::min<uint64_t>(1 + random() % (random() % 3 ? 20 : 500), kDisk / 512 - sector);
        const auto at = disk.begin() + static_cast<ptrdiff_t>(sector * 512);
        if (random() % 4 == 0) {
            ASSERT_TRUE(overlay.write_zeroes(sector * 512, count * 512).ok());
            std::fill_n(at, count * 512, 0);
        } else {
            std::vector<uint8_t> data(count * 512);
            for (auto& b : data) b = static_cast<uint8_t>(random());
            ASSERT_TRUE(overlay.write(sector * 512, data).ok());
            std::ranges::copy(data, at);
        }
    }

    std::filesystem::path directory;
    std::vector<uint8_t> base, disk;
};

TEST_F(OverlayTest, ReadsWhatWasWritten) {
    for (const bool kept : {false, true}) {
        disk = base;
        auto overlay = create(kept);
        std::mt19937 random(2);
        for (int i = 0; i < 400; ++i) change(*overlay, random);
        expect_disk(*overlay);
    }
}

TEST_F(OverlayTest, VersionsStayAsTheyWere) {
    for (const bool kept : {false, true}) {
        disk = base;
        auto overlay = create(kept);
        std::mt19937 random(3);
        std::map<uint64_t, std::vector<uint8_t>> then;
        for (uint64_t version = 0; version < 200; ++version) {
            if (version % 20 == 0) {
                overlay->pin(version);
                then[version] = disk;
            }
            for (int i = 0; i < 3; ++i) change(*overlay, random);
        }
        for (const uint64_t version : {100, 0, 180, 100, 40}) {
            overlay->revert(version);
            disk = then[version];
            expect_disk(*overlay);
            for (int i = 0; i < 20; ++i) change(*overlay, random);
            expect_disk(*overlay);
        }
        for (const auto& [version, content] : then) {
            overlay->revert(version);
            disk = content;
            expect_disk(*overlay);
            overlay->unpin(version);
        }
        expect_disk(*overlay);
        EXPECT_FALSE(overlay->pinned(0));
    }
}

TEST_F(OverlayTest, SpaceOfDroppedVersionsIsUsedAgain) {
    auto overlay = create(true);
    const std::vector<uint8_t> data(Overlay::kBlock, 7);
    for (uint64_t version = 0; version < 500; ++version) {
        overlay->pin(version);
        ASSERT_TRUE(overlay->write(version % 4 * Overlay::kBlock, data).ok());
        if (version >= 2) overlay->unpin(version - 2);
    }
    EXPECT_LT(std::filesystem::file_size(path()), 20 * Overlay::kBlock);
}

// What is in the file at any moment, without a close: kill -9.
TEST_F(OverlayTest, TheFileIsGoodAtAnyMoment) {
    auto overlay = create(true);
    std::mt19937 random(5);
    for (int round = 0; round < 10; ++round) {
        for (int i = 0; i < 30; ++i) change(*overlay, random);
        if (round % 3 == 1) overlay->pin(static_cast<uint64_t>(round));
        if (round == 5) {
            overlay->pin(100);
            const auto then = disk;
            for (int i = 0; i < 30; ++i) change(*overlay, random);
            overlay->revert(100);
            disk = then;
        }
        auto opened = Overlay::open(path());
        ASSERT_TRUE(opened.ok()) << opened.error().message;
        EXPECT_EQ((*opened)->origin().image, "/images/d0.qcow2");
        expect_disk(**opened);
        auto bytes = std::make_shared<MemoryBytes>();
        bytes->data = base;
        MemoryImage image(bytes);
        const auto written = commit_overlay(**opened, image);
        ASSERT_TRUE(written.ok());
        EXPECT_EQ(bytes->data, disk);
        EXPECT_LE(*written, (*opened)->written_bytes());
    }
}

// A host that has no room for a while: what was written is there all along, is told not to be in the file, and is put
// there by the next write or flush.
TEST_F(OverlayTest, NoRoomForAWhile) {
    const auto write = [&](Overlay& overlay, uint64_t sector, uint8_t value) {
        const std::vector<uint8_t> data(1024, value);
        std::ranges::copy(data, disk.begin() + static_cast<ptrdiff_t>(sector * 512));
        return overlay.write(sector * 512, data).ok();
    };
    // The directory itself has none, or only the blocks.
    for (const rlim_t room : {Overlay::kBlock, 2 * Overlay::kBlock}) {
        SCOPED_TRACE(room);
        disk = base;
        auto overlay = create(true);
        limit_file_size(room);
        EXPECT_FALSE(write(*overlay, 100, 1));
        EXPECT_FALSE(write(*overlay, 400, 2));
        EXPECT_FALSE(write(*overlay, 400, 3));
        EXPECT_FALSE(overlay->write_zeroes(20 * Overlay::kBlock, Overlay::kBlock).ok() && room == Overlay::kBlock);
        std::fill_n(disk.begin() + 20 * Overlay::kBlock, Overlay::kBlock, 0);
        // Several blocks in one go, of which the file takes some.
        limit_file_size(room + 3 * Overlay::kBlock);
        const std::vector<uint8_t> many(6 * Overlay::kBlock + 1024, 5);
        EXPECT_FALSE(overlay->write(27 * Overlay::kBlock + 512, many).ok());
        std::ranges::copy(many, disk.begin() + 27 * Overlay::kBlock + 512);
        EXPECT_FALSE(overlay->flush().ok());
        expect_disk(*overlay);
        limit_file_size(RLIM_INFINITY);
        EXPECT_TRUE(write(*overlay, 100, 4));
        {
            auto opened = Overlay::open(path());
            ASSERT_TRUE(opened.ok());
            std::vector<uint8_t> sector(512);
            const auto below = [](uint64_t, std::span<uint8_t>) { return IoStatus::fail(EIO, "nothing is here"); };
            EXPECT_TRUE((*opened)->read(100 * 512, sector, below).ok());
        }
        EXPECT_TRUE(overlay->flush().ok());
        expect_disk(*overlay);
        auto opened = Overlay::open(path());
        ASSERT_TRUE(opened.ok());
        expect_disk(**opened);
    }
}

TEST_F(OverlayTest, RoomThatIsNotUsedIsGivenBack) {
    auto overlay = create(true);
    overlay->make_room();
    if (!overlay->room()) GTEST_SKIP() << "this file system makes no room";
    for (uint64_t block = 0; block < 5; ++block)
        EXPECT_TRUE(overlay->write(block * Overlay::kBlock, std::vector<uint8_t>(Overlay::kBlock, 1)).ok());
    const auto taken = [&] {
        struct stat st {};
        EXPECT_EQ(stat(path().c_str(), &st), 0);
        return static_cast<uint64_t>(st.st_blocks) * 512;
    };
    EXPECT_GT(overlay->room(), 4u);
    EXPECT_GE(taken(), (overlay->room() + 5) * Overlay::kBlock);
    overlay.reset();
    EXPECT_LE(taken(), 8 * Overlay::kBlock);  // with the header and the directory
}

TEST_F(OverlayTest, DamagedFilesAreRefused) {
    EXPECT_TRUE(create(true)->flush().ok());
    EXPECT_TRUE(Overlay::open(path()).ok());
    const auto poke = [&](off_t at, uint8_t value) {
        const int fd = open(path().c_str(), O_RDWR);
        EXPECT_EQ(pwrite(fd, &value, 1, at), 1);
        close(fd);
    };
    for (const off_t at : {0, 8, 16, 24, 50, 100}) {
        EXPECT_TRUE(create(true)->flush().ok());
        poke(at, 0xE7);
        EXPECT_FALSE(Overlay::open(path()).ok()) << at;
    }
    std::filesystem::resize_file(path(), 60);
    EXPECT_FALSE(Overlay::open(path()).ok());
    EXPECT_FALSE(Overlay::open(path() + ".none").ok());
}

TEST_F(OverlayTest, ImageThatIsTooSmallIsNotCommittedTo) {
    auto overlay = create(false);
    auto bytes = std::make_shared<MemoryBytes>();
    bytes->data.resize(1000);
    MemoryImage image(bytes);
    EXPECT_FALSE(commit_overlay(*overlay, image).ok());
}

}  // namespace
}  // namespace qr
