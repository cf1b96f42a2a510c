// SPDX-License-Identifier: GPL-2.0-or-later
// Checkpoints in logs: a fresh machine that takes one is what the recorded one was there, and goes on as recorded; a
// log that is indexed afterwards has the same events, digests and end; damage is told and changes nothing.
#include "replay/checkpoint_log.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "log_files.h"
#include "replay/log_indexer.h"
#include "replay/recorder.h"
#include "replay/replayer.h"
#include "toy_machine.h"

namespace qr {
namespace {

constexpr uint64_t kStep = 150'000;
constexpr unsigned kSteps = 12;

struct Moment {
    StateDump state;
    std::vector<uint8_t> ram;
    bool operator==(const Moment&) const = default;
};
Moment moment_of(ToyMachine& m) {
    return {dump_state([&](StateVisitor& v) { m.root.state(v); }), {m.ram().data(), m.ram().data() + m.ram().size()}};
}

CheckpointSections number_section(uint64_t n) { return {{"disk", {static_cast<uint8_t>(n), 7}}}; }

class CheckpointLog : public testing::Test {
  protected:
    // with: checkpoints are taken. Gives what the machine was at them.
    std::map<Position, Moment> record(bool with, bool finish = true) {
        LogWriter::Options options;
        options.area_size = 16 << 10;
        options.chunk_interval = std::chrono::milliseconds(5);
        options.sync = false;
        auto log = std::move(*LogWriter::create(path, options));
        ToyMachine machine;
        LogHeader header;
        header.creator = "test";
        header.clock_rate = machine.clock.rate();
        for (const auto* port : machine.door.ports()) header.ports.push_back(port->schema());
        EXPECT_TRUE(log->begin(std::move(header), {}));
        Recorder::Options dense;
        dense.digest_interval_ns = 100'000;
        dense.digest_share = 0;
        Recorder recorder(machine.door, machine.clock, machine.root, machine.memory, *log, dense);
        uint64_t taken = 0;
        CheckpointMaker maker(machine.root, machine.memory,
                              [&](bool) -> Result<CheckpointSections> { return number_section(taken++); });
        std::map<Position, Moment> moments;
        for (unsigned i = 1; i <= kSteps; ++i) {
            machine.record(i * kStep, i, &recorder);
            if (!with) continue;
            log->drain();
            EXPECT_TRUE(log->checkpoint_room());
            log->checkpoint(machine.door.position(), machine.clock.now_ns(), *maker.make());
            moments[machine.door.position()] = moment_of(machine);
        }
        if (finish) {
            EXPECT_TRUE(recorder.finish("end of test"));
        } else {
            log->drain();
        }
        return moments;
    }

    // A fresh machine goes to each of them, in any order, and from there to the end.
    void expect_all(const LogReader& log, const std::map<Position, Moment>& moments) {
        const CheckpointReader reader(log);
        ASSERT_EQ(reader.count(), moments.size());
        std::vector<Position> order;
        for (const auto& [position, moment] : moments) order.push_back(position);
        std::shuffle(order.begin(), order.end(), random);
        ToyMachine machine;
        auto replayer = Replayer::create(log, machine.door, machine.clock, machine.root, machine.memory);
        ASSERT_TRUE(replayer);
        for (const Position& position : order) {
            EXPECT_EQ(*reader.before(position.icount + 1), position);
            size_t given = 0;
            const auto loaded = reader.load(position, machine.root, machine.memory, [&](auto sections) -> Result<void> {
                given = sections.size();
                for (size_t i = 0; i < given; ++i) EXPECT_EQ(sections[i], number_section(i));
                return {};
            });
            ASSERT_TRUE(loaded) << loaded.error().message;
            EXPECT_EQ(given, static_cast<size_t>(std::distance(moments.begin(), moments.find(position))) + 1);
            EXPECT_EQ(moment_of(machine), moments.at(position));
            (*replayer)->seek();
            ASSERT_TRUE(machine.replay(**replayer, static_cast<unsigned>(position.icount)))
                << ((*replayer)->divergence() ? describe(*(*replayer)->divergence()) : "stuck");
        }
    }

    TemporaryDirectory directory;
    std::string path = directory / "log.bin";
    std::mt19937 random{1};
};

TEST_F(CheckpointLog, TakesAFreshMachineToAnyOfThem) {
    const auto moments = record(true);
    auto log = LogReader::open(path);
    ASSERT_TRUE(log);
    expect_all(**log, moments);
}

TEST_F(CheckpointLog, SurvivesAKill) {
    const auto moments = record(true, false);
    auto log = LogReader::open(path);
    ASSERT_TRUE(log);
    expect_all(**log, moments);
}

TEST_F(CheckpointLog, CanBeAddedToALogAfterwards) {
    for (const bool finish : {true, false}) {
        record(false, finish);
        std::map<Position, Moment> moments;
        std::vector<PlainEvent> events;
        EndStatus end;
        {
            auto log = LogReader::open(path);
            ASSERT_TRUE(log);
            events = read_events(**log);
            end = (*log)->end();
            auto indexer = LogIndexer::create(**log, path);
            ASSERT_TRUE(indexer) << indexer.error().message;
            ToyMachine machine;
            auto replayer = Replayer::create(**log, machine.door, machine.clock, machine.root, machine.memory);
            ASSERT_TRUE(replayer);
            uint64_t taken = 0;
            CheckpointMaker maker(machine.root, machine.memory,
                                  [&](bool) -> Result<CheckpointSections> { return number_section(taken++); });
            for (unsigned i = 1; i < kSteps; ++i) {
                ASSERT_TRUE(machine.replay(**replayer, i, i * kStep + 77));
                ASSERT_TRUE((*indexer)->checkpoint(machine.door.position(), machine.clock.now_ns(), **maker.make()));
                moments[machine.door.position()] = moment_of(machine);
            }
            ASSERT_TRUE(machine.replay(**replayer, 99));
            EXPECT_EQ(read_events(**LogReader::open(path)), events) << "the old file stays until the new one is complete";
            ASSERT_TRUE((*indexer)->finish());
        }
        EXPECT_EQ(directory.entries(), 1u);
        auto log = LogReader::open(path);
        ASSERT_TRUE(log) << log.error().message;
        EXPECT_EQ((*log)->end().kind, EndKind::kFinished);
        EXPECT_EQ((*log)->end().position, end.position);
        EXPECT_EQ(read_events(**log), events);
        expect_all(**log, moments);
    }
}

TEST_F(CheckpointLog, RefusesDamageAndAnotherMachine) {
    const auto moments = record(true);
    const auto good = read_whole(path);
    std::vector<uint64_t> offsets;
    {
        auto log = LogReader::open(path);
        for (const ChunkType type : {kChunkCheckpoint, kChunkCheckpointPiece})
            for (auto chunk = (*log)->find_chunk(type, (*log)->first_chunk()); chunk;
                 chunk = (*log)->find_chunk(type, chunk->next()))
                offsets.push_back(chunk->offset + kChunkHeadSize + random() % chunk->head.stored_size);
    }
    unsigned refused = 0;
    for (const uint64_t offset : offsets) {
        auto bytes = good;
        bytes[offset] ^= 1 << random() % 8;
        auto log = LogReader::open(make_memory_source(bytes), "log");
        ASSERT_TRUE(log);
        const CheckpointReader reader(**log);
        if (reader.empty()) continue;
        const Position* const last = reader.before(UINT64_MAX);
        ToyMachine machine;
        const Moment before = moment_of(machine);
        const auto loaded =
            reader.load(*last, machine.root, machine.memory, [](auto) -> Result<void> { return {}; });
        if (loaded) {
            // Not a byte of this one, or of a page that it doesn't need.
            EXPECT_EQ(moment_of(machine), moments.at(*last));
            continue;
        }
        ++refused;
        EXPECT_NE(loaded.error().message.find("at offset"), std::string::npos) << loaded.error().message;
        EXPECT_EQ(moment_of(machine), before);
    }
    EXPECT_GT(refused, 5u);

    auto log = LogReader::open(path);
    const CheckpointReader reader(**log);
    ToyMachine other;
    auto more = std::move(*RamBlock::create("more", 4096, false));
    other.memory.register_block(*more);
    const auto loaded = reader.load(*reader.before(UINT64_MAX), other.root, other.memory,
                                    [](auto) -> Result<void> { return {}; });
    ASSERT_FALSE(loaded);
    EXPECT_NE(loaded.error().message.find("another machine"), std::string::npos);
}

}  // namespace
}  // namespace qr
