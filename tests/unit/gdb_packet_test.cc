// SPDX-License-Identifier: GPL-2.0-or-later
#include "gdbstub/packet.h"

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace qr {
namespace {

using Event = PacketReader::Event;

// What comes of these bytes, and the data of the packets among it.
struct Feed {
    std::vector<Event> events;
    std::vector<std::string> packets;
    explicit Feed(std::string_view bytes) {
        PacketReader reader;
        for (const char c : bytes) {
            const Event event = reader.feed(static_cast<uint8_t>(c));
            if (event != Event::kNothing) events.push_back(event);
            if (event == Event::kPacket) packets.push_back(reader.data());
        }
    }
};

TEST(GdbPacket, Plain) {
    const Feed feed("+$qC#b4+$?#3f");
    EXPECT_THAT(feed.packets, testing::ElementsAre("qC", "?"));
    EXPECT_EQ(Feed("$#00").packets, std::vector<std::string>{""});
}

TEST(GdbPacket, ChecksumOfEitherCase) {
    // 'J' is 4A
    EXPECT_THAT(Feed("$J#4a").packets, testing::ElementsAre("J"));
    EXPECT_THAT(Feed("$J#4A").packets, testing::ElementsAre("J"));
}

TEST(GdbPacket, WrongChecksum) {
    EXPECT_THAT(Feed("$qC#b5").events, testing::ElementsAre(Event::kBroken));
    EXPECT_THAT(Feed("$qC#zz").events, testing::ElementsAre(Event::kBroken));
    EXPECT_THAT(Feed("$qC#b").events, testing::IsEmpty());
    EXPECT_THAT(Feed("$qC#zz$qC#b4").events, testing::ElementsAre(Event::kBroken, Event::kPacket));
    PacketReader reader;
    reader.ignore_checksums();
    for (const char c : std::string_view("$qC#0")) EXPECT_EQ(reader.feed(static_cast<uint8_t>(c)), Event::kNothing);
    EXPECT_EQ(reader.feed('0'), Event::kPacket);
}

TEST(GdbPacket, CutPacketIsForgotten) {
    EXPECT_THAT(Feed("$m0,100$qC#b4").packets, testing::ElementsAre("qC"));
    EXPECT_THAT(Feed("$m0,100#$qC#b4").packets, testing::ElementsAre("qC"));
    EXPECT_THAT(Feed("$m0}$qC#b4").packets, testing::ElementsAre("qC"));
}

TEST(GdbPacket, BetweenPackets) {
    EXPECT_THAT(Feed("\x03").events, testing::ElementsAre(Event::kInterrupt));
    EXPECT_THAT(Feed("+\x03$qC#b4-").events,
                testing::ElementsAre(Event::kInterrupt, Event::kPacket, Event::kAgain));
    EXPECT_THAT(Feed("GET / HTTP/1.0\r\n\r\n").events, testing::IsEmpty());
    // Within a packet it is data.
    const std::string data = "X0,1:\x03";
    EXPECT_THAT(Feed(packet_of(data)).packets, testing::ElementsAre(data));
}

TEST(GdbPacket, Escapes) {
    std::string all;
    for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
    const std::string packet = packet_of(all);
    EXPECT_EQ(packet.find('*', 1), packet.npos);
    EXPECT_EQ(packet.rfind('$'), 0u);
    EXPECT_EQ(packet.find('#'), packet.size() - 3);
    EXPECT_THAT(Feed(packet).packets, testing::ElementsAre(all));
}

TEST(GdbPacket, Length) {
    const std::string most(kPacketSize, 'a');
    EXPECT_THAT(Feed(packet_of(most)).packets, testing::ElementsAre(most));
    EXPECT_THAT(Feed(packet_of(most + 'a') + "$qC#b4").events, testing::ElementsAre(Event::kTooLong, Event::kPacket));
    // However long it gets, no more than a packet is kept.
    PacketReader reader;
    reader.feed('$');
    for (size_t i = 0; i < 10'000'000; ++i) reader.feed('x');
    EXPECT_EQ(reader.data().size(), kPacketSize);
}

TEST(GdbPacket, Noise) {
    std::mt19937 random(1);
    constexpr std::string_view kLikely = "$#}*+-\x03qgmMX0,:af";
    PacketReader reader;
    for (int i = 0; i < 1'000'000; ++i) {
        const bool likely = random() % 4;
        const auto byte = static_cast<uint8_t>(likely ? kLikely[random() % kLikely.size()] : static_cast<char>(random()));
        reader.feed(byte);
        ASSERT_LE(reader.data().size(), kPacketSize);
    }
    // And then somebody speaks properly.
    Event last = Event::kNothing;
    for (const char c : std::string_view("$qC#b4")) last = reader.feed(static_cast<uint8_t>(c));
    EXPECT_EQ(last, Event::kPacket);
    EXPECT_EQ(reader.data(), "qC");
}

TEST(GdbHex, Numbers) {
    std::string_view text = "7C00,10";
    EXPECT_EQ(take_hex(text), 0x7c00u);
    EXPECT_TRUE(take(text, ","));
    EXPECT_EQ(take_hex(text), 0x10u);
    EXPECT_FALSE(take_hex(text));
    text = "ffffffffffffffff";
    EXPECT_EQ(take_hex(text), ~uint64_t{0});
    text = "10000000000000000";
    EXPECT_FALSE(take_hex(text));
    text = "00000000000000000000001";
    EXPECT_EQ(take_hex(text), 1u);
    text = "-1";
    EXPECT_FALSE(take_hex(text));
}

TEST(GdbHex, Bytes) {
    const std::vector<uint8_t> bytes{0, 0x7f, 0xff};
    EXPECT_EQ(to_hex(bytes), "007fff");
    EXPECT_EQ(from_hex("007fFF"), bytes);
    EXPECT_FALSE(from_hex("0"));
    EXPECT_FALSE(from_hex("0g"));
    EXPECT_EQ(from_hex(""), std::vector<uint8_t>{});
}

}  // namespace
}  // namespace qr
