// SPDX-License-Identifier: GPL-2.0-or-later
// Logs that were cut at any byte or had bits turned: what is read is a correct beginning of what
// was written, or a clear error; nothing is made up, and the end that the reader gives hides no
// missing event.
#include <gtest/gtest.h>

#include <random>

#include "log_files.h"
#include "replay/digest.h"
#include "replay/log_writer.h"
#include "replay/varint.h"
#include "util/bits.h"

namespace qr {
namespace {

struct Sample {
    std::vector<uint8_t> bytes;
    std::vector<PlainEvent> events;
};

// A small log with everything in it. finish: with END; else as after kill -9.
Sample make_sample(bool finish, unsigned seed = 1) {
    TemporaryDirectory directory;
    const std::string path = directory / "x.bin";
    LogWriter::Options options;
    options.area_size = 4096;
    options.chunk_interval = std::chrono::hours(1);
    options.sync = false;
    auto writer = LogWriter::create(path, options);
    EXPECT_TRUE(writer);
    LogHeader header;
    header.creator = "test";
    header.ports = {{"serial0.rx", {{"data", FieldType::kBytes}}}, {"b", {{"n", FieldType::kU64}}}};
    const std::vector<uint8_t> kernel(3000, 0x55);
    const LogBlob blobs[] = {{"kernel", kernel}};
    EXPECT_TRUE((*writer)->begin(header, blobs));
    Sample s;
    std::mt19937 random(seed);
    DigestEncoder encoder;
    Position at;
    for (int i = 0; i < 400; ++i) {
        at = random() % 3 ? Position{at.icount + random() % 5000 + 1, 0}
                          : Position{at.icount, at.ordinal + 1};
        std::vector<uint8_t> data(random() % 30);
        for (auto& b : data) b = static_cast<uint8_t>(random());
        std::vector<uint8_t> payload;
        put_bytes(payload, data);
        (*writer)->event(at, 0, payload);
        s.events.push_back({at, 0, payload});
        (*writer)->tick({at.icount, at.ordinal + 1}, i);
        if (i % 100 == 50) {
            Digest d;
            d.position = {at.icount, at.ordinal + 1};
            d.state.shape = {2, 1, 'x'};
            d.state.values = {static_cast<uint8_t>(i)};
            d.ram = {{"ram", 4, 5, 0, {{1, 2}}}};
            (*writer)->digest(d.position, i, [&encoder, d] { return encoder.encode(d); });
        }
    }
    (*writer)->snapshot({at.icount, at.ordinal + 1}, 0, {1, 2, 3});
    (*writer)->drain();
    if (finish) {
        EXPECT_TRUE((*writer)->finish({at.icount + 1, 0}, 0, "end"));
    } else {
        // A process that is killed does not get to close its files.
        s.bytes = read_whole(path);
        return s;
    }
    s.bytes = read_whole(path);
    return s;
}

// Reads all that can be read.
void check(const Sample& s, std::vector<uint8_t> bytes, const std::string& what) {
    SCOPED_TRACE(what);
    auto log = LogReader::open(make_memory_source(std::move(bytes)), "x");
    if (!log) {
        ASSERT_FALSE(log.error().message.empty());
        return;
    }
    std::string error;
    const auto events = read_events(**log, &error);
    ASSERT_LE(events.size(), s.events.size());
    ASSERT_TRUE(std::equal(events.begin(), events.end(), s.events.begin()));
    if (events.size() < s.events.size() && error.empty()) {
        ASSERT_LE((*log)->end().position, s.events[events.size()].position)
            << "the end hides an event; " << end_kind_name((*log)->end().kind);
    }
    if ((*log)->end().kind == EndKind::kFinished && error.empty()) {
        ASSERT_EQ(events.size(), s.events.size());
    }
    if ((*log)->end().kind == EndKind::kDamaged) {
        ASSERT_NE((*log)->end().reason.find("offset"), std::string::npos);
    }
    DigestReader digests(**log);
    while (digests.next_position())
        if (!digests.read()) break;
    digests.seek({100'000, 0});
    EventReader reader(**log);
    reader.seek({200'000, 0});
    static_cast<void>((*log)->blob("kernel", 10'000));
    if (const auto snapshots = (*log)->snapshots())
        for (const auto& ref : *snapshots) static_cast<void>((*log)->snapshot(ref, 1000));
}

class LogDamage : public testing::TestWithParam<bool> {};

TEST_P(LogDamage, CutAtEveryByte) {
    const Sample s = make_sample(GetParam());
    // In front of the chunks a cut leaves no log at all: every 64th byte will do.
    const size_t chunks = load_le<uint64_t>(&s.bytes[32]);
    for (size_t n = 0; n <= s.bytes.size(); n += n > 64 && n + 64 < chunks ? 64 : 1) {
        check(s, {s.bytes.begin(), s.bytes.begin() + static_cast<ptrdiff_t>(n)},
              "cut to " + std::to_string(n));
        if (HasFatalFailure()) return;
    }
}

// A power cut: the file has its length, but the last pages never came.
TEST_P(LogDamage, ZerosAtTheEnd) {
    const Sample s = make_sample(GetParam());
    for (size_t n = 0; n <= s.bytes.size(); n += 13) {
        auto bytes = s.bytes;
        std::fill(bytes.begin() + static_cast<ptrdiff_t>(n), bytes.end(), uint8_t{0});
        check(s, std::move(bytes), "zeros from " + std::to_string(n));
        if (HasFatalFailure()) return;
    }
}

TEST_P(LogDamage, TurnedBits) {
    const Sample s = make_sample(GetParam());
    std::mt19937 random(5);
    for (int i = 0; i < 1500; ++i) {
        auto bytes = s.bytes;
        const size_t at = random() % bytes.size();
        const unsigned bit = random() % 8;
        bytes[at] ^= static_cast<uint8_t>(1 << bit);
        check(s, std::move(bytes), "bit " + std::to_string(bit) + " of " + std::to_string(at));
        if (HasFatalFailure()) return;
    }
    // Every bit of the first page's head, and of the beginning of the chunks.
    const size_t chunks = load_le<uint64_t>(&s.bytes[32]);
    for (const auto& [from, to] : {std::pair<size_t, size_t>{0, 64}, {chunks, chunks + 300}})
        for (size_t bit = from * 8; bit < to * 8; ++bit) {
            auto bytes = s.bytes;
            bytes[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
            check(s, std::move(bytes), "bit " + std::to_string(bit));
            if (HasFatalFailure()) return;
        }
}

TEST_P(LogDamage, SwappedAndRandomRuns) {
    const Sample s = make_sample(GetParam());
    std::mt19937 random(6);
    for (int i = 0; i < 2000; ++i) {
        auto bytes = s.bytes;
        const size_t from = random() % bytes.size(), to = random() % bytes.size();
        const size_t n =
            std::min({size_t{1} + random() % 5000, bytes.size() - from, bytes.size() - to});
        if (i % 2)
            std::copy_n(s.bytes.begin() + static_cast<ptrdiff_t>(from), n,
                        bytes.begin() + static_cast<ptrdiff_t>(to));
        else
            for (size_t j = 0; j < n; ++j) bytes[from + j] = static_cast<uint8_t>(random());
        check(s, std::move(bytes), "run " + std::to_string(i));
        if (HasFatalFailure()) return;
    }
}

// What a log before left in the journal's areas is never taken for events of this one.
TEST_P(LogDamage, StaleJournal) {
    const Sample s = make_sample(GetParam());
    const Sample other = make_sample(false, 99);
    const auto journal = [](const Sample& sample) {
        return std::pair<size_t, size_t>{load_le<uint64_t>(&sample.bytes[16]),
                                         load_le<uint64_t>(&sample.bytes[32])};
    };
    // Areas of this log at every earlier moment, and of another log, in every combination of pages.
    const auto [from, to] = journal(s);
    for (size_t page = from; page < to; page += 4096) {
        auto bytes = s.bytes;
        std::copy_n(other.bytes.begin() + static_cast<ptrdiff_t>(page), 4096,
                    bytes.begin() + static_cast<ptrdiff_t>(page));
        auto log = LogReader::open(make_memory_source(bytes), "x");
        ASSERT_TRUE(log);
        const auto events = read_events(**log);
        EXPECT_LE(events.size(), s.events.size());
    }
}

INSTANTIATE_TEST_SUITE_P(Log, LogDamage, testing::Bool(),
                         [](const auto& info) { return info.param ? "Finished" : "Killed"; });

// A damaged chunk in the middle is said to be damaged, by its offset, and what is before it can be
// had.
TEST(LogDamageTest, NamesTheOffset) {
    const Sample s = make_sample(true);
    auto log = LogReader::open(make_memory_source(s.bytes), "x");
    ASSERT_TRUE(log);
    auto chunk = (*log)->find_chunk(kChunkEvents, (*log)->first_chunk());
    ASSERT_TRUE(chunk);
    chunk = (*log)->find_chunk(kChunkEvents, chunk->next());
    ASSERT_TRUE(chunk);
    auto bytes = s.bytes;
    bytes[chunk->offset + kChunkHeadSize + 5] ^= 1;  // its contents
    log = LogReader::open(make_memory_source(bytes), "x");
    ASSERT_TRUE(log);
    std::string error;
    const auto events = read_events(**log, &error);
    EXPECT_NE(error.find("EVNT chunk at offset " + std::to_string(chunk->offset)),
              std::string::npos)
        << error;
    EXPECT_GT(events.size(), 10u);
    bytes = s.bytes;
    bytes[chunk->offset + 20] ^= 1;  // its head
    log = LogReader::open(make_memory_source(bytes), "x");
    ASSERT_TRUE(log);
    EXPECT_EQ((*log)->end().kind, EndKind::kDamaged);
    EXPECT_NE((*log)->end().reason.find("offset " + std::to_string(chunk->offset)),
              std::string::npos);
    EXPECT_EQ(read_events(**log).size(), events.size());
}

// Sizes are never believed: a head with a right checksum may still claim anything.
TEST(LogDamageTest, HugeSizes) {
    const Sample s = make_sample(true);
    const size_t at = load_le<uint64_t>(&s.bytes[32]);
    const auto original = ChunkHead::decode(std::span(s.bytes).subspan(at));
    ASSERT_TRUE(original);
    for (const uint64_t size : {uint64_t{1} << 31, uint64_t{1} << 40, UINT64_MAX, UINT64_MAX - 79,
                                uint64_t{INT64_MAX}, uint64_t{33} << 20}) {
        for (const bool stored : {true, false}) {
            ChunkHead head = *original;
            (stored ? head.stored_size : head.raw_size) = size;
            auto bytes = s.bytes;
            const auto encoded = head.encode();
            std::copy(encoded.begin(), encoded.end(), bytes.begin() + static_cast<ptrdiff_t>(at));
            const auto log = LogReader::open(make_memory_source(bytes), "x");
            ASSERT_FALSE(log);
            EXPECT_FALSE(log.error().message.empty());
        }
    }
}

TEST(LogDamageTest, NewerFormatIsRefusedByVersion) {
    Sample s = make_sample(true);
    s.bytes[8] = 2;
    const auto log = LogReader::open(make_memory_source(s.bytes), "x.bin");
    ASSERT_FALSE(log);
    EXPECT_NE(log.error().message.find("format version 2.0; this build reads versions 1.x"),
              std::string::npos);
}

TEST(LogHeaderTest, RefusesWhatIsNoHeader) {
    LogHeader good;
    good.creator = "x";
    good.ports = {{"a", {{"f", FieldType::kU8}}}};
    const auto text = good.to_json();
    ASSERT_TRUE(text);
    ASSERT_TRUE(LogHeader::from_json(*text));
    const auto replaced = [&](const std::string& what, const std::string& with) {
        std::string t = *text;
        const size_t at = t.find(what);
        EXPECT_NE(at, std::string::npos) << what;
        return t.replace(at, what.size(), with);
    };
    EXPECT_FALSE(LogHeader::from_json(replaced("\"u8\"", "\"u9\"")));
    EXPECT_FALSE(LogHeader::from_json(replaced("\"number\":0", "\"number\":1")));
    EXPECT_FALSE(LogHeader::from_json(replaced("\"ports\"", "\"parts\"")));
    EXPECT_FALSE(LogHeader::from_json(replaced("\"rate\":0", "\"rate\":-1")));
    EXPECT_FALSE(LogHeader::from_json(replaced("\"machine\":{}", "\"machine\":[]")));
    EXPECT_FALSE(LogHeader::from_json("[]"));
    EXPECT_FALSE(LogHeader::from_json(""));
    EXPECT_FALSE(LogHeader::from_json(std::string(1'000'000, '[')));
    EXPECT_FALSE(LogHeader::from_json(replaced(
        "\"machine\":{}", "\"machine\":" + [] {
            std::string deep;
            for (int i = 0; i < 100'000; ++i) deep += "{\"a\":";
            return deep;
        }())));
    for (size_t n = 0; n < text->size(); ++n)
        EXPECT_FALSE(LogHeader::from_json(text->substr(0, n)));
    std::mt19937 random(1);
    for (int i = 0; i < 3000; ++i) {
        std::string t = *text;
        t[random() % t.size()] ^= static_cast<char>(1 << random() % 8);
        static_cast<void>(LogHeader::from_json(t));
    }
}

}  // namespace
}  // namespace qr
