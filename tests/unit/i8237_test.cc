// SPDX-License-Identifier: GPL-2.0-or-later
// 8237A pair: registers, transfers in both directions and widths, terminal count.
#include "hw/dma/i8237.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "tests/unit/device_fixture.h"

namespace qr {
namespace {

struct Memory : DmaBus {
    void dma_read(uint64_t address, std::span<uint8_t> to) override {
        std::copy_n(bytes.begin() + static_cast<ptrdiff_t>(address), to.size(), to.begin());
    }
    void dma_write(uint64_t address, std::span<const uint8_t> from) override {
        std::copy(from.begin(), from.end(), bytes.begin() + static_cast<ptrdiff_t>(address));
    }
    std::vector<uint8_t> bytes = std::vector<uint8_t>(1 << 20);
};

struct Client : IsaDmaClient {
    void dma_ready(unsigned channel) override { order.push_back(channel); }
    std::vector<unsigned> order;
};

class DmaTest : public ::testing::Test {
  protected:
    DmaTest() : dma(memory) {
        dma.reset();
        for (unsigned n : {0u, 1u, 2u, 3u, 5u, 6u, 7u}) dma.register_channel(n, client);
    }
    void out(unsigned port, uint8_t value) { region(port).write(offset(port), 1, value); }
    uint8_t in(unsigned port) { return static_cast<uint8_t>(region(port).read(offset(port), 1)); }
    IoRegion& region(unsigned port) {
        return port < 0x10 ? dma.low_region() : port < 0x90 ? dma.page_region() : dma.high_region();
    }
    static unsigned offset(unsigned port) {
        return port < 0x10 ? port : port < 0x90 ? port - 0x80 : port - 0xC0;
    }
    // Channel 2, as a floppy driver does it.
    void program2(uint8_t mode, uint32_t address, uint16_t count) {
        out(0x0A, 0x06);
        out(0x0C, 0);
        out(0x0B, mode | 2);
        out(0x04, static_cast<uint8_t>(address));
        out(0x04, static_cast<uint8_t>(address >> 8));
        out(0x81, static_cast<uint8_t>(address >> 16));
        out(0x05, static_cast<uint8_t>(count));
        out(0x05, static_cast<uint8_t>(count >> 8));
        out(0x0A, 0x02);
    }
    std::vector<uint8_t> ramp(size_t n) {
        std::vector<uint8_t> data(n);
        std::iota(data.begin(), data.end(), uint8_t{1});
        return data;
    }

    Memory memory;
    Client client;
    I8237Pair dma;
};

TEST_F(DmaTest, RegistersAndFlipFlop) {
    out(0x0C, 0);
    out(0x02, 0x34);
    out(0x02, 0x12);
    EXPECT_EQ(in(0x02), 0x34);
    EXPECT_EQ(dma.low_region().peek(2, 1), 0x12u);
    EXPECT_EQ(in(0x02), 0x12);
    in(0x02);
    out(0x0C, 0);
    EXPECT_EQ(in(0x02), 0x34);
    out(0xD8, 0);
    out(0xC6, 0x78);
    out(0xC6, 0x56);
    EXPECT_EQ(in(0xC6), 0x78);
    EXPECT_EQ(in(0xC7), 0x56);
    EXPECT_EQ(in(0x0F), 0xFF);
    out(0x0E, 0);
    EXPECT_EQ(in(0x0F), 0xF0);
    out(0x0F, 0x05);
    EXPECT_EQ(in(0x0F), 0xF5);
    out(0x0A, 0x01);
    EXPECT_EQ(in(0x0F), 0xF5);
    out(0x0A, 0x00);
    EXPECT_EQ(in(0x0F), 0xF4);
    out(0x0D, 0);
    EXPECT_EQ(in(0x0F), 0xFF);
    for (unsigned port : {0x81, 0x82, 0x83, 0x87, 0x89, 0x8A, 0x8B, 0x8F}) {
        out(port, static_cast<uint8_t>(port));
        EXPECT_EQ(in(port), port);
    }
    out(0x80, 1);
    EXPECT_EQ(in(0x80), 0xFF);
}

TEST_F(DmaTest, ToMemoryWithTerminalCount) {
    program2(0x44, 0x12345, 511);
    auto data = ramp(300);
    EXPECT_FALSE(dma.ready(2));
    EXPECT_EQ(dma.transfer(2, data).bytes, 0u);
    dma.set_dreq(2, true);
    EXPECT_TRUE(dma.ready(2));
    auto result = dma.transfer(2, data);
    EXPECT_EQ(result.bytes, 300u);
    EXPECT_FALSE(result.terminal_count);
    result = dma.transfer(2, data);
    EXPECT_EQ(result.bytes, 212u);
    EXPECT_TRUE(result.terminal_count);
    EXPECT_TRUE(std::equal(data.begin(), data.end(), memory.bytes.begin() + 0x12345));
    EXPECT_EQ(memory.bytes[0x12345 + 511], data[211]);
    EXPECT_EQ(memory.bytes[0x12345 + 512], 0);
    EXPECT_FALSE(dma.ready(2));  // masked
    EXPECT_EQ(in(0x08), 0x44);
    EXPECT_EQ(in(0x08), 0x40);
    out(0x0C, 0);
    EXPECT_EQ(in(0x05), 0xFF);
    EXPECT_EQ(in(0x05), 0xFF);
    EXPECT_EQ(in(0x04), 0x45);
    EXPECT_EQ(in(0x04), 0x25);
}

TEST_F(DmaTest, ToDeviceAndAutoInitialize) {
    auto data = ramp(16);
    std::copy(data.begin(), data.end(), memory.bytes.begin() + 0x2000);
    program2(0x58, 0x2000, 15);
    dma.set_dreq(2, true);
    EXPECT_EQ(dma.direction(2), IsaDmaDirection::kToDevice);
    for (int i = 0; i < 3; ++i) {
        std::vector<uint8_t> got(32);
        auto result = dma.transfer(2, got);
        EXPECT_EQ(result.bytes, 16u);
        EXPECT_TRUE(result.terminal_count);
        got.resize(16);
        EXPECT_EQ(got, data);
        EXPECT_TRUE(dma.ready(2));
    }
}

TEST_F(DmaTest, WrapsWithinThePageAndGoesDown) {
    program2(0x44, 0x1FFFE, 3);
    dma.set_dreq(2, true);
    auto data = ramp(4);
    dma.transfer(2, data);
    EXPECT_EQ(memory.bytes[0x1FFFF], 2);
    EXPECT_EQ(memory.bytes[0x10000], 3);
    EXPECT_EQ(memory.bytes[0x20000], 0);
    program2(0x64, 0x30001, 3);
    dma.transfer(2, data);
    EXPECT_EQ(memory.bytes[0x30001], 1);
    EXPECT_EQ(memory.bytes[0x30000], 2);
    EXPECT_EQ(memory.bytes[0x3FFFF], 3);
}

TEST_F(DmaTest, VerifyMovesNothing) {
    program2(0x40, 0x2000, 3);
    dma.set_dreq(2, true);
    auto data = ramp(4);
    const auto result = dma.transfer(2, data);
    EXPECT_EQ(result.bytes, 4u);
    EXPECT_TRUE(result.terminal_count);
    EXPECT_EQ(memory.bytes[0x2000], 0);
}

TEST_F(DmaTest, SixteenBitChannel) {
    out(0xD8, 0);
    out(0xD6, 0x45);
    out(0xC4, 0x00);
    out(0xC4, 0x80);
    out(0xC6, 3);
    out(0xC6, 0);
    out(0x8B, 0x03);  // bit 0 is not used
    out(0xD4, 0x01);
    dma.set_dreq(5, true);
    auto data = ramp(20);
    const auto result = dma.transfer(5, data);
    EXPECT_EQ(result.bytes, 8u);
    EXPECT_TRUE(result.terminal_count);
    EXPECT_EQ(memory.bytes[0x30000], 1);
    EXPECT_EQ(memory.bytes[0x30007], 8);
}

TEST_F(DmaTest, DisabledAndCascade) {
    program2(0x44, 0x2000, 3);
    dma.set_dreq(2, true);
    EXPECT_TRUE(dma.ready(2));
    out(0x08, 0x04);
    EXPECT_FALSE(dma.ready(2));
    out(0x08, 0x00);
    EXPECT_TRUE(dma.ready(2));
    out(0x0B, 0xC2);
    EXPECT_FALSE(dma.ready(2));
}

TEST_F(DmaTest, ClientsHearInOrderOfPriority) {
    for (unsigned n : {7u, 5u, 3u, 1u}) dma.set_dreq(n, true);
    out(0xDC, 0);
    client.order.clear();
    out(0x0E, 0);
    EXPECT_EQ(client.order, (std::vector<unsigned>{1, 3, 5, 7}));
    out(0x03, 0xFF);
    // Rotating: the one served becomes the lowest.
    out(0x08, 0x10);
    std::vector<uint8_t> byte(1);
    dma.transfer(1, byte);
    client.order.clear();
    out(0x08, 0x10);
    EXPECT_EQ(client.order, (std::vector<unsigned>{3, 1, 5, 7}));
}

TEST_F(DmaTest, MemoryToMemory) {
    auto data = ramp(64);
    std::copy(data.begin(), data.end(), memory.bytes.begin() + 0x4000);
    out(0x0C, 0);
    for (uint8_t v : {0x00, 0x40}) out(0x00, v);
    for (uint8_t v : {63, 0}) out(0x01, static_cast<uint8_t>(v));
    for (uint8_t v : {0x00, 0x50}) out(0x02, v);
    for (uint8_t v : {63, 0}) out(0x03, static_cast<uint8_t>(v));
    out(0x0B, 0x88);
    out(0x0B, 0x85);
    out(0x08, 0x01);
    out(0x09, 0x04);
    EXPECT_TRUE(std::equal(data.begin(), data.end(), memory.bytes.begin() + 0x5000));
    EXPECT_EQ(in(0x0D), 64);
    EXPECT_EQ(in(0x08) & 0x02, 0x02);
    // Hold the source: fill.
    out(0x0C, 0);
    for (uint8_t v : {0x05, 0x40}) out(0x00, v);
    for (uint8_t v : {0x00, 0x60}) out(0x02, v);
    for (uint8_t v : {9, 0}) out(0x03, static_cast<uint8_t>(v));
    out(0x08, 0x03);
    out(0x09, 0x04);
    EXPECT_EQ(memory.bytes[0x6000], 6);
    EXPECT_EQ(memory.bytes[0x6009], 6);
    EXPECT_EQ(memory.bytes[0x600A], 0);
}

TEST_F(DmaTest, StateRoundTrip) {
    program2(0x44, 0x12345, 511);
    dma.set_dreq(2, true);
    auto data = ramp(100);
    dma.transfer(2, data);
    auto saved = test::StateMap::of(dma);
    I8237Pair other(memory);
    saved.load_into(other);
    EXPECT_EQ(saved.difference(test::StateMap::of(other)), "");
    EXPECT_EQ(other.transfer(2, data).bytes, 100u);
}

}  // namespace
}  // namespace qr
