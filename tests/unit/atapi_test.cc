// SPDX-License-Identifier: GPL-2.0-or-later
// ATAPI CD-ROM drive: PACKET by PIO and DMA, replies, sense data, media changes, raw sectors.
#include <gtest/gtest.h>

#include "tests/unit/ide_fixture.h"
#include "util/bits.h"

namespace qr::test {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr uint8_t kReady = 0x50, kReadyDrq = 0x58, kCheck = 0x41;

struct AtapiTest : testing::Test, IdeMachine {
    Bytes blocks(uint32_t lba, uint32_t count) const {
        const auto first = disc.medium.begin() + static_cast<ptrdiff_t>(lba * 2048);
        return {first, first + static_cast<ptrdiff_t>(count * 2048)};
    }
    static Bytes read10(uint32_t lba, uint16_t count) {
        return {0x28, 0, static_cast<uint8_t>(lba >> 24), static_cast<uint8_t>(lba >> 16), static_cast<uint8_t>(lba >> 8),
                static_cast<uint8_t>(lba), 0, static_cast<uint8_t>(count >> 8), static_cast<uint8_t>(count)};
    }
    Bytes part(const Bytes& bytes, size_t first, size_t count) {
        return {bytes.begin() + static_cast<ptrdiff_t>(first), bytes.begin() + static_cast<ptrdiff_t>(first + count)};
    }
};

TEST_F(AtapiTest, IdentifyAndSignature) {
    out(6, 0xb0);
    out(7, 0xec);
    EXPECT_EQ(in(7), kCheck);
    EXPECT_EQ(in(4), 0x14);
    out(7, 0xa1);
    EXPECT_EQ(in(7), kReadyDrq);
    const Bytes data = read_words(512);
    EXPECT_EQ(part(data, 0, 2), (Bytes{0xc0, 0x85}));
    EXPECT_EQ(in(7), kReady);
    out(7, 0x08);
    EXPECT_EQ(in(7), 0);
    EXPECT_EQ(in(5), 0xeb);
    EXPECT_EQ(in(6) & 0x10, 0x10);
}

TEST_F(AtapiTest, PhasesOfAPacket) {
    out(6, 0xb0);
    out(1, 0);
    out(4, 0x00);
    out(5, 0x08);
    out(7, 0xa0);
    EXPECT_EQ(in(7), kReadyDrq);
    EXPECT_EQ(in(2), 1);
    EXPECT_FALSE(irq());
    Bytes bytes = read10(7, 2);
    bytes.resize(12);
    write_words(bytes);
    EXPECT_EQ(alternate() & 0x88, 0x80);
    settle();
    for (uint32_t n = 0; n < 2; ++n) {
        EXPECT_TRUE(irq());
        EXPECT_EQ(in(7), kReadyDrq);
        EXPECT_EQ(in(2), 2);
        EXPECT_EQ(in(4) | in(5) << 8, 2048);
        EXPECT_EQ(read_words(2048), blocks(7 + n, 1));
        settle();
    }
    EXPECT_TRUE(irq());
    EXPECT_EQ(in(7), kReady);
    EXPECT_EQ(in(2), 3);
}

TEST_F(AtapiTest, ReadsWhateverTheLimit) {
    for (const unsigned limit : {0xffffu, 0xfffeu, 0x8000u, 2049u, 2048u, 512u, 30u})
        EXPECT_EQ(packet(read10(3, 40), limit), blocks(3, 40)) << limit;
    EXPECT_EQ(packet({0xa8, 0, 0, 0, 0, 9, 0, 0, 0, 2}), blocks(9, 2));
    EXPECT_EQ(packet(read10(3, 0)), Bytes());
    EXPECT_EQ(in(7), kReady);
    EXPECT_EQ(packet(read10(999, 2)), Bytes());
    EXPECT_EQ(in(7), kCheck);
    EXPECT_EQ(sense(), (Bytes{5, 0x21, 0}));
    EXPECT_EQ(sense(), (Bytes{0, 0, 0}));
}

TEST_F(AtapiTest, ReadsByDma) {
    table({{0x8000, 4096}});
    out(6, 0xb0);
    out(1, 1);
    out(7, 0xa0);
    Bytes bytes = read10(100, 2);
    bytes.resize(12);
    write_words(bytes);
    master(0x09);
    settle();
    EXPECT_TRUE(irq());
    EXPECT_EQ(master_status() & 5, 4);
    EXPECT_EQ(in(2), 3);
    EXPECT_EQ(in(7), kReady);
    const auto first = bus.dma.memory.begin() + 0x8000;
    EXPECT_EQ(Bytes(first, first + 4096), blocks(100, 2));
}

TEST_F(AtapiTest, CapacityAndTableOfContents) {
    EXPECT_EQ(packet({0x25}), (Bytes{0, 0, 3, 0xe7, 0, 0, 8, 0}));
    EXPECT_EQ(packet({0x43, 0, 0, 0, 0, 0, 0, 0, 64}),
              (Bytes{0, 18, 1, 1, 0, 0x14, 1, 0, 0, 0, 0, 0, 0, 0x14, 0xaa, 0, 0, 0, 3, 0xe8}));
    // 1000 frames are 13 seconds and 25.
    EXPECT_EQ(packet({0x43, 2, 0, 0, 0, 0, 0xaa, 0, 64}), (Bytes{0, 10, 1, 1, 0, 0x14, 0xaa, 0, 0, 0, 15, 25}));
    EXPECT_EQ(packet({0x43, 0, 1, 0, 0, 0, 0, 0, 64}).size(), 12u);
    EXPECT_EQ(packet({0x43, 0, 2, 0, 0, 0, 0, 0, 64}).size(), 48u);
    EXPECT_EQ(packet({0x43, 0, 0, 0, 0, 0, 0, 0, 4}), (Bytes{0, 18, 1, 1}));
    packet({0x43, 0, 0, 0, 0, 0, 2, 0, 64});
    EXPECT_EQ(sense(), (Bytes{5, 0x24, 0}));
}

TEST_F(AtapiTest, TellsOfItself) {
    const Bytes inquiry = packet({0x12, 0, 0, 0, 96});
    ASSERT_EQ(inquiry.size(), 36u);
    EXPECT_EQ(std::string(inquiry.begin() + 8, inquiry.begin() + 32), "QEMU    QEMU DVD-ROM    ");
    EXPECT_EQ(packet({0x46, 0, 0, 0, 0, 0, 0, 0, 8}), (Bytes{0, 0, 0, 60, 0, 0, 0, 8}));
    EXPECT_EQ(packet({0x46, 2, 0, 3, 0, 0, 0, 1, 0}), (Bytes{0, 0, 0, 12, 0, 0, 0, 8, 0, 3, 3, 4, 0x29, 0, 0, 0}));
    EXPECT_EQ(packet({0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 255}).size(), 30u);
    EXPECT_EQ(packet({0x5a, 0, 0x3f, 0, 0, 0, 0, 0, 255}).size(), 54u);
    packet({0x5a, 0, 0x05, 0, 0, 0, 0, 0, 255});
    EXPECT_EQ(sense(), (Bytes{5, 0x24, 0}));
    packet({0xf7});
    EXPECT_EQ(sense(), (Bytes{5, 0x20, 0}));
}

TEST_F(AtapiTest, MediumComesAndGoes) {
    const auto event = [this] { return packet({0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8}); };
    EXPECT_EQ(event(), (Bytes{0, 6, 4, 0x10, 0, 2, 0, 0}));
    disc.change(false);
    packet({0x00});
    EXPECT_EQ(in(7), kCheck);
    EXPECT_EQ(in(1), 0x20);
    EXPECT_EQ(sense(), (Bytes{2, 0x3a, 2}));
    EXPECT_EQ(event(), (Bytes{0, 6, 4, 0x10, 3, 1, 0, 0}));
    disc.change(true);
    packet({0x25});
    EXPECT_EQ(in(1), 0x60);
    EXPECT_EQ(sense(), (Bytes{6, 0x28, 0}));
    packet({0x00});
    EXPECT_EQ(in(7), kReady);
    EXPECT_EQ(event(), (Bytes{0, 6, 4, 0x10, 2, 2, 0, 0}));
    EXPECT_EQ(event(), (Bytes{0, 6, 4, 0x10, 0, 2, 0, 0}));
}

TEST_F(AtapiTest, TrayAndLock) {
    packet({0x1e, 0, 0, 0, 1});
    EXPECT_TRUE(disc.locked);
    packet({0x1b, 0, 0, 0, 2});
    EXPECT_EQ(sense(), (Bytes{5, 0x53, 2}));
    disc.ask_for_eject();
    EXPECT_EQ(packet({0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8}), (Bytes{0, 6, 4, 0x10, 1, 2, 0, 0}));
    packet({0x1e});
    packet({0x1b, 0, 0, 0, 2});
    EXPECT_EQ(in(7), kReady);
    EXPECT_TRUE(disc.tray_open);
    packet(read10(0, 1));
    EXPECT_EQ(sense(), (Bytes{2, 0x3a, 2}));
    packet({0x1b, 0, 0, 0, 3});
    EXPECT_FALSE(disc.tray_open);
    packet({0x00});
    EXPECT_EQ(sense(), (Bytes{6, 0x28, 0}));
    EXPECT_EQ(packet(read10(0, 1)), blocks(0, 1));
}

TEST_F(AtapiTest, MediumErrors) {
    disc.failing = DriveStatus::kIoError;
    packet(read10(5, 1));
    EXPECT_EQ(in(1), 0x30);
    EXPECT_EQ(sense(), (Bytes{3, 0x11, 0}));
}

// ECMA-130: the parity bytes of all P and Q code words leave no syndrome.
TEST_F(AtapiTest, RawSectors) {
    const Bytes raw = packet({0xbe, 0, 0, 0, 0, 16, 0, 0, 1, 0xf8});
    ASSERT_EQ(raw.size(), 2352u);
    EXPECT_EQ(raw[0], 0);
    EXPECT_EQ(raw[5], 0xff);
    EXPECT_EQ(part(raw, 12, 4), (Bytes{0x00, 0x02, 0x16, 0x01}));
    EXPECT_EQ(part(raw, 16, 2048), blocks(16, 1));
    uint32_t edc = 0;
    for (size_t i = 0; i < 2064; ++i) {
        edc ^= raw[i];
        for (int n = 0; n < 8; ++n) edc = edc >> 1 ^ (edc & 1 ? 0xd8018001 : 0);
    }
    EXPECT_EQ(edc, load_le<uint32_t>(&raw[2064]));
    const auto syndrome = [](const Bytes& word) {
        uint8_t sum = 0, weighted = 0;
        for (const uint8_t byte : word) {
            sum ^= byte;
            weighted = static_cast<uint8_t>(weighted << 1 ^ (weighted & 0x80 ? 0x1d : 0) ^ byte);
        }
        return sum | weighted << 8;
    };
    const Bytes code = part(raw, 12, 2340);
    for (size_t column = 0; column < 86; ++column) {
        Bytes word;
        for (size_t row = 0; row < 26; ++row) word.push_back(code[86 * row + column]);
        EXPECT_EQ(syndrome(word), 0) << column;
    }
    for (size_t n = 0; n < 26; ++n) {
        for (size_t half = 0; half < 2; ++half) {
            Bytes word;
            for (size_t m = 0; m < 43; ++m) word.push_back(code[2 * ((44 * m + 43 * n) % 1118) + half]);
            word.push_back(code[2 * (43 * 26 + n) + half]);
            word.push_back(code[2 * (44 * 26 + n) + half]);
            EXPECT_EQ(syndrome(word), 0) << n;
        }
    }
    EXPECT_EQ(packet({0xbe, 0, 0, 0, 0, 16, 0, 0, 2, 0x10}), blocks(16, 2));
    EXPECT_EQ(packet({0xbe, 0, 0, 0, 0, 16, 0, 0, 3, 0xb8}, 2048).size(), 3u * 2352);
    EXPECT_EQ(packet({0xb9, 0, 0, 0, 2, 16, 0, 2, 17, 0x10}), blocks(16, 1));
    packet({0xbe, 0, 0, 0, 0, 16, 0, 0, 1, 0x12});
    EXPECT_EQ(sense(), (Bytes{5, 0x24, 0}));
}

}  // namespace
}  // namespace qr::test
