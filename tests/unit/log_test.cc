// SPDX-License-Identifier: GPL-2.0-or-later
// Writing logs and reading them back: events, blobs, snapshots, digests, big events, big offsets,
// and when the file gets its name.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <chrono>
#include <csignal>
#include <random>

#include "log_files.h"
#include "replay/digest.h"
#include "replay/log_reader.h"
#include "replay/log_writer.h"

namespace qr {
namespace {

LogHeader plain_header() {
    LogHeader h;
    h.creator = "test 1.0";
    h.clock_rate = uint64_t{1} << 35;
    h.machine = R"({"memory": 512, "devices": ["i8254", "serial"]})";
    h.ports = {{"serial0.rx", {{"data", FieldType::kBytes}, {"break", FieldType::kBool}}},
               {"keyboard", {{"code", FieldType::kU32}}}};
    return h;
}

LogWriter::Options options(uint32_t area = 16 << 10, int interval_ms = 1000) {
    LogWriter::Options o;
    o.area_size = area;
    o.chunk_interval = std::chrono::milliseconds(interval_ms);
    o.sync = false;
    return o;
}

std::unique_ptr<LogWriter> start(const std::string& path, LogWriter::Options o = options(),
                                 std::span<const LogBlob> blobs = {}) {
    auto writer = LogWriter::create(path, o);
    EXPECT_TRUE(writer) << (writer ? "" : writer.error().message);
    const auto begun = (*writer)->begin(plain_header(), blobs);
    EXPECT_TRUE(begun) << (begun ? "" : begun.error().message);
    return std::move(*writer);
}

std::vector<PlainEvent> make_events(size_t n, unsigned seed, size_t longest = 40) {
    std::mt19937 random(seed);
    std::vector<PlainEvent> events;
    Position at;
    for (size_t i = 0; i < n; ++i) {
        if (random() % 4) {
            at.icount += random() % (random() % 8 ? 1000 : 1'000'000'000) + 1;
            at.ordinal = random() % 3;
        } else {
            at.ordinal += 1 + random() % 2;
        }
        std::vector<uint8_t> payload(random() % (longest + 1));
        for (auto& b : payload) b = static_cast<uint8_t>(random() % 7);
        events.push_back({at, static_cast<uint32_t>(random() % 2), std::move(payload)});
    }
    return events;
}

Position after(const std::vector<PlainEvent>& events) {
    return {events.back().position.icount + 100, 0};
}

TEST(LogTest, RoundTrip) {
    TemporaryDirectory directory;
    const std::string path = directory / "x.bin";
    const auto events = make_events(20'000, 1);
    auto writer = start(path);
    for (size_t i = 0; i < events.size(); ++i) {
        const PlainEvent& e = events[i];
        writer->event(e.position, e.port, e.payload);
        if (i % 100 == 0) writer->tick({e.position.icount, e.position.ordinal + 1}, 5);
    }
    ASSERT_TRUE(writer->finish(after(events), 1234, "shutdown"));
    auto log = LogReader::open(path);
    ASSERT_TRUE(log) << log.error().message;
    const LogHeader& h = (*log)->header();
    EXPECT_EQ(h.creator, "test 1.0");
    EXPECT_EQ(h.clock_rate, uint64_t{1} << 35);
    EXPECT_EQ(h.behaviour, kBehaviour.version);
    EXPECT_EQ(h.machine, R"({"devices":["i8254","serial"],"memory":512})");
    ASSERT_EQ(h.ports.size(), 2u);
    EXPECT_EQ(h.ports[0].fields[1].name, "break");
    EXPECT_EQ(h.ports[0].fields[1].type, FieldType::kBool);
    EXPECT_EQ((*log)->end().kind, EndKind::kFinished);
    EXPECT_EQ((*log)->end().reason, "shutdown");
    EXPECT_EQ((*log)->end().position, after(events));
    EXPECT_EQ((*log)->end().virtual_ns, 1234u);
    std::string error;
    EXPECT_EQ(read_events(**log, &error), events);
    EXPECT_EQ(error, "");
    // The journal's room on the disk was given back.
    struct stat status;
    ASSERT_EQ(stat(path.c_str(), &status), 0);
    EXPECT_LT(status.st_blocks * 512, status.st_size);
}

TEST(LogTest, SeeksForwardAndBack) {
    TemporaryDirectory directory;
    const std::string path = directory / "x.bin";
    const auto events = make_events(5000, 2);
    for (const bool finish : {true, false}) {
        {
            auto writer = start(path, options(4096));
            for (const PlainEvent& e : events) writer->event(e.position, e.port, e.payload);
            if (finish) {
                ASSERT_TRUE(writer->finish(after(events), 0, ""));
            }
        }
        auto log = LogReader::open(path);
        ASSERT_TRUE(log);
        EventReader reader(**log);
        std::mt19937 random(3);
        for (int i = 0; i < 300; ++i) {
            const size_t want = random() % events.size();
            const Position to = events[want].position;
            reader.seek(to);
            ASSERT_TRUE(reader.peek());
            EXPECT_EQ(reader.peek()->position, to);
            EXPECT_EQ(reader.number(), want);
            reader.pop();
            if (want + 1 < events.size()) {
                ASSERT_TRUE(reader.peek());
                EXPECT_EQ(reader.peek()->position, events[want + 1].position);
            }
        }
        reader.seek(after(events));
        EXPECT_FALSE(reader.peek());
        reader.seek({});
        ASSERT_TRUE(reader.peek());
        EXPECT_EQ(reader.peek()->position, events[0].position);
    }
}

TEST(LogTest, KeepsFilesItWasStartedWith) {
    TemporaryDirectory directory;
    const std::string path = directory / "x.bin";
    std::vector<uint8_t> kernel((20 << 20) + 12345), empty, bios(128 << 10, 0);
    std::mt19937 random(4);
    for (auto& b : kernel) b = static_cast<uint8_t>(random());
    const LogBlob blobs[] = {{"kernel", kernel}, {"empty", empty}, {"firmware/bios.bin", bios}};
    auto writer = start(path, options(), blobs);
    ASSERT_TRUE(writer->finish({1, 0}, 0, ""));
    auto log = LogReader::open(path);
    ASSERT_TRUE(log);
    ASSERT_EQ((*log)->header().blobs.size(), 3u);
    for (const LogBlob& b : blobs) {
        const auto read = (*log)->blob(b.name);
        ASSERT_TRUE(read) << read.error().message;
        EXPECT_TRUE(std::equal(read->begin(), read->end(), b.bytes.begin(), b.bytes.end()));
    }
    const auto missing = (*log)->blob("initrd");
    ASSERT_FALSE(missing);
    EXPECT_NE(missing.error().message.find("'initrd'"), std::string::npos);
    EXPECT_FALSE((*log)->blob("kernel", 1000)) << "more than the caller takes";
}

TEST(LogTest, KeepsSnapshots) {
    TemporaryDirectory directory;
    const std::string path = directory / "x.bin";
    std::vector<uint8_t> big((9 << 20) + 1, 0x5A), small = {1, 2, 3};
    auto writer = start(path);
    writer->snapshot({10, 0}, 1, big);
    writer->snapshot({20, 1}, 2, small);
    ASSERT_TRUE(writer->finish({30, 0}, 0, ""));
    auto log = LogReader::open(path);
    ASSERT_TRUE(log);
    const auto found = (*log)->snapshots();
    ASSERT_TRUE(found);
    ASSERT_EQ(found->size(), 2u);
    EXPECT_EQ((*found)[1].position, (Position{20, 1}));
    EXPECT_EQ(*(*log)->snapshot((*found)[0], 1 << 30), big);
    EXPECT_EQ(*(*log)->snapshot((*found)[1], 1 << 30), small);
    EXPECT_FALSE((*log)->snapshot((*found)[0], 1000));
}

TEST(LogTest, TakesEventsLargerThanTheJournal) {
    TemporaryDirectory directory;
    const std::string path = directory / "x.bin";
    auto events = make_events(50, 5, 10'000);
    events[0].payload.assign(3 << 20, 9);
    events[20].payload.assign(100'000, 1);
    events[21].payload.assign(100'000, 2);
    events.back().payload.assign(kMaxPayload, 3);
    {
        auto writer = start(path, options(4096));
        for (const PlainEvent& e : events) writer->event(e.position, e.port, e.payload);
    }
    auto log = LogReader::open(path);
    ASSERT_TRUE(log);
    EXPECT_EQ((*log)->end().kind, EndKind::kCut);
    EXPECT_TRUE(read_events(**log) == events);

    auto writer = start(path, options(4096));
    writer->event({1, 0}, 0, {});
    writer->event({2, 0}, 0, std::vector<uint8_t>(kMaxPayload + 1));
    EXPECT_TRUE(writer->failed());
    const auto done = writer->finish({3, 0}, 0, "");
    ASSERT_FALSE(done);
    EXPECT_NE(done.error().message.find("16777217 bytes"), std::string::npos);
}

// Chunks are written also when nothing happens, so that a power cut costs about a second.
TEST(LogTest, WritesChunksWithoutEvents) {
    TemporaryDirectory directory;
    const std::string path = directory / "x.bin";
    {
        auto writer = start(path, options(4096, 1));
        for (uint64_t i = 0; i < 10; ++i) {
            writer->tick({i * 1000, 0}, static_cast<int64_t>(i));
            std::this_thread::sleep_for(std::chrono::milliseconds(3));
        }
    }
    auto log = LogReader::open(path);
    ASSERT_TRUE(log);
    size_t chunks = 0;
    for (auto c = (*log)->find_chunk(kChunkEvents, (*log)->first_chunk()); c;
         c = (*log)->find_chunk(kChunkEvents, c->next()))
        ++chunks;
    EXPECT_GT(chunks, 5u);
    EXPECT_EQ((*log)->end().kind, EndKind::kCut);
    EXPECT_EQ((*log)->end().position, (Position{9000, 0})) << "as far as tick() was told";
}

TEST(LogTest, WorksBeyondFourGigabytes) {
    TemporaryDirectory directory;
    const std::string path = directory / "x.bin";
    const auto events = make_events(3000, 6);
    LogWriter::Options o = options(4096);
    o.first_chunk = (uint64_t{5} << 30) + 4096;  // a hole in front
    auto writer = start(path, o);
    for (const PlainEvent& e : events) writer->event(e.position, e.port, e.payload);
    ASSERT_TRUE(writer->finish(after(events), 0, "end"));
    auto log = LogReader::open(path);
    ASSERT_TRUE(log) << log.error().message;
    EXPECT_EQ((*log)->end().kind, EndKind::kFinished);
    EXPECT_EQ(read_events(**log), events);
}

TEST(LogTest, SkipsUnknownOptionalChunksOnly) {
    TemporaryDirectory directory;
    const std::string path = directory / "x.bin";
    {
        auto writer = start(path);
        writer->event({5, 0}, 0, {});
        writer->tick({6, 0}, 0);
    }
    auto bytes = read_whole(path);
    for (const bool optional : {true, false}) {
        ChunkHead head;
        head.type = chunk_type("WHAT");
        head.flags = optional ? kChunkOptional : 0;
        // Its number follows that of the last chunk in the file: HEAD and one EVNT.
        auto log = LogReader::open(make_memory_source(bytes), "x");
        ASSERT_TRUE(log);
        for (auto c = (*log)->chunk_at((*log)->first_chunk()); c; c = (*log)->chunk_at(c->next()))
            head.number = c->head.number + 1;
        head.stored_size = head.raw_size = 3;
        const auto encoded = head.encode();
        auto more = bytes;
        more.insert(more.end(), encoded.begin(), encoded.end());
        more.insert(more.end(), {1, 2, 3});
        log = LogReader::open(make_memory_source(more), "x");
        EXPECT_EQ(log.ok(), optional);
        if (!log) {
            EXPECT_NE(log.error().message.find("WHAT chunk at offset"), std::string::npos);
        }
    }
}

TEST(LogTest, ReplacesAnExistingFileOnlyWhenItBegins) {
    TemporaryDirectory directory;
    const std::string path = directory / "x.bin";
    const std::vector<uint8_t> old = {'o', 'l', 'd'};
    write_whole(path, old);
    {
        auto writer = LogWriter::create(path, options());
        ASSERT_TRUE(writer);
        EXPECT_EQ(read_whole(path), old);
        EXPECT_EQ(directory.entries(), 2u);
    }
    EXPECT_EQ(read_whole(path), old);
    EXPECT_EQ(directory.entries(), 1u) << "the temporary file is gone";
    {
        auto writer = LogWriter::create(path, options());
        ASSERT_TRUE(writer);
        LogHeader header = plain_header();
        header.machine = "not JSON";
        EXPECT_FALSE((*writer)->begin(header, {}));
    }
    EXPECT_EQ(read_whole(path), old);
    start(path);
    EXPECT_NE(read_whole(path), old);
    EXPECT_EQ(directory.entries(), 1u);
    // Through a link: the link stays.
    const std::string link = directory / "link.bin";
    ASSERT_EQ(symlink(path.c_str(), link.c_str()), 0);
    start(link);
    EXPECT_TRUE(std::filesystem::is_symlink(link));
    EXPECT_TRUE(LogReader::open(link));
}

TEST(LogTest, TellsWhereItCannotRecord) {
    TemporaryDirectory directory;
    auto writer = LogWriter::create(directory / "missing/x.bin", options());
    ASSERT_FALSE(writer);
    EXPECT_NE(writer.error().message.find("No such file or directory"), std::string::npos);
    writer = LogWriter::create("/dev/null", options());
    ASSERT_FALSE(writer);
    EXPECT_NE(writer.error().message.find("not a regular file"), std::string::npos);
    auto log = LogReader::open(directory / "missing.bin");
    ASSERT_FALSE(log);
    EXPECT_NE(log.error().message.find("missing.bin': No such file"), std::string::npos);
    EXPECT_FALSE(LogReader::open("/dev/zero"));
    write_whole(directory / "text", {'h', 'e', 'l', 'l', 'o', ' ', 'w', 'o', 'r', 'l', 'd'});
    log = LogReader::open(directory / "text");
    ASSERT_FALSE(log);
    EXPECT_NE(log.error().message.find("is not a log"), std::string::npos);
}

TEST(LogTest, IndexStaysSmall) {
    TemporaryDirectory directory;
    const std::string path = directory / "x.bin";
    auto writer = start(path, options(4096));
    for (uint64_t i = 0; i < 20'000; ++i)
        writer->digest({i, 0}, 0, [] { return std::vector<uint8_t>(1); });
    ASSERT_TRUE(writer->finish({20'000, 0}, 0, ""));
    auto log = LogReader::open(path);
    ASSERT_TRUE(log);
    const auto index = (*log)->find_chunk(kChunkIndex, (*log)->first_chunk());
    ASSERT_TRUE(index);
    EXPECT_LT(index->head.raw_size, 16u * 1024 * 12);
    for (const uint64_t at : {uint64_t{5}, uint64_t{10'001}, uint64_t{19'999}}) {
        const auto chunk = (*log)->chunk_at((*log)->offset_before(kChunkDigest, {at, 0}));
        ASSERT_TRUE(chunk);
        EXPECT_LE(chunk->head.first.icount, at);
        EXPECT_GE(chunk->head.first.icount + 4, at);
    }
}

TEST(DigestTest, RoundTripAndSeek) {
    TemporaryDirectory directory;
    const std::string path = directory / "x.bin";
    auto writer = start(path);
    DigestEncoder encoder;
    std::vector<Digest> digests;
    std::mt19937 random(7);
    Digest d;
    d.state.shape.resize(5000);
    d.state.values.resize(20'000);
    for (auto& b : d.state.shape) b = static_cast<uint8_t>(random());
    for (auto& b : d.state.values) b = static_cast<uint8_t>(random());
    for (uint64_t i = 0; i < 200; ++i) {
        d.position = {i * 10, static_cast<uint32_t>(i % 3)};
        d.virtual_ns = static_cast<int64_t>(i);
        for (int n = 0; n < 10; ++n) d.state.values[random() % d.state.values.size()] ^= 1;
        if (i % 7 == 0) d.state.shape.push_back(static_cast<uint8_t>(i));
        d.ram = {{"pc.ram", 1000, random(), 0, {{1, 2}, {5, 9}, {999, 65535}}},
                 {"vga", 16, i, 0, {}}};
        digests.push_back(d);
        writer->digest(d.position, d.virtual_ns, [&encoder, d] { return encoder.encode(d); });
    }
    ASSERT_TRUE(writer->finish({5000, 0}, 0, ""));
    auto log = LogReader::open(path);
    ASSERT_TRUE(log);
    DigestReader reader(**log);
    const auto same = [](const Digest& a, const Digest& b) {
        return a.position == b.position && a.virtual_ns == b.virtual_ns && a.state == b.state &&
               a.ram == b.ram;
    };
    for (const Digest& expected : digests) {
        ASSERT_EQ(reader.next_position(), expected.position);
        const auto read = reader.read();
        ASSERT_TRUE(read) << read.error().message;
        EXPECT_TRUE(same(*read, expected));
    }
    EXPECT_FALSE(reader.next_position());
    EXPECT_FALSE(reader.read());
    for (const size_t i :
         {size_t{150}, size_t{3}, size_t{64}, size_t{0}, size_t{199}, size_t{128}}) {
        reader.seek(digests[i].position);
        ASSERT_EQ(reader.next_position(), digests[i].position);
        const auto read = reader.read();
        ASSERT_TRUE(read) << read.error().message;
        EXPECT_TRUE(same(*read, digests[i]));
    }
    // A change of ten bytes costs about as much.
    uint64_t bytes = 0, n = 0;
    for (auto c = (*log)->find_chunk(kChunkDigest, (*log)->first_chunk()); c;
         c = (*log)->find_chunk(kChunkDigest, c->next()))
        if (++n > 1 && n <= 64) bytes += c->head.stored_size;
    EXPECT_LT(bytes / 63, 250u);
}

}  // namespace
}  // namespace qr
