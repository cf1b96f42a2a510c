// SPDX-License-Identifier: GPL-2.0-or-later
// Recorder and Replayer on a toy machine: every replay is identical however it is sliced, and
// whatever is made to differ is found and named.
#include <gtest/gtest.h>

#include "log_files.h"
#include "replay/recorder.h"
#include "replay/replayer.h"
#include "replay/snapshot.h"
#include "toy_machine.h"

namespace qr {
namespace {

constexpr uint64_t kLength = 3'000'000;

LogWriter::Options quick(int interval_ms = 5) {
    LogWriter::Options options;
    options.area_size = 16 << 10;
    options.chunk_interval = std::chrono::milliseconds(interval_ms);
    options.sync = false;
    return options;
}

LogHeader header_of(ToyMachine& machine) {
    LogHeader header;
    header.creator = "test";
    header.clock_rate = machine.clock.rate();
    for (const auto* port : machine.door.ports()) header.ports.push_back(port->schema());
    return header;
}

Recorder::Options dense() {
    Recorder::Options options;
    options.digest_interval_ns = 200'000;
    options.digest_share = 0;
    return options;
}

// Records; gives the final state.
StateDump record(const std::string& path, unsigned seed, bool sleep, bool finish = true) {
    auto log = LogWriter::create(path, quick());
    EXPECT_TRUE(log) << (log ? "" : log.error().message);
    ToyMachine machine(sleep);
    EXPECT_TRUE((*log)->begin(header_of(machine), {}));
    {
        Recorder recorder(machine.door, machine.clock, machine.root, machine.memory, **log,
                          dense());
        machine.record(kLength, seed, &recorder);
        if (finish) {
            EXPECT_TRUE(recorder.finish("end of test"));
        }
    }
    return dump_state([&](StateVisitor& v) { machine.root.state(v); });
}

class RecordReplay : public testing::TestWithParam<bool> {
  protected:
    TemporaryDirectory directory_;
    std::string path_ = directory_ / "log.bin";
};

TEST_P(RecordReplay, IsTheSameHoweverItIsSliced) {
    for (unsigned seed = 1; seed <= 3; ++seed) {
        const StateDump final = record(path_, seed, GetParam());
        auto log = LogReader::open(path_);
        ASSERT_TRUE(log) << log.error().message;
        EXPECT_EQ((*log)->end().kind, EndKind::kFinished);
        EXPECT_EQ((*log)->end().reason, "end of test");
        EXPECT_EQ((*log)->end().position.icount, kLength);
        for (unsigned slices = 10; slices < 13; ++slices) {
            ToyMachine machine(GetParam());
            auto replayer =
                Replayer::create(**log, machine.door, machine.clock, machine.root, machine.memory);
            ASSERT_TRUE(replayer) << replayer.error().message;
            ASSERT_TRUE(machine.replay(**replayer, slices))
                << ((*replayer)->divergence() ? describe(*(*replayer)->divergence()) : "stuck");
            EXPECT_GT((*replayer)->digests(), 10u);
            EXPECT_GT((*replayer)->events(), 100u);
            EXPECT_EQ(dump_state([&](StateVisitor& v) { machine.root.state(v); }), final);
        }
    }
}

TEST_P(RecordReplay, ReachesTheEndOfALogThatWasNotFinished) {
    const StateDump final = record(path_, 7, GetParam(), false);
    auto log = LogReader::open(path_);
    ASSERT_TRUE(log) << log.error().message;
    EXPECT_EQ((*log)->end().kind, EndKind::kCut);
    ToyMachine machine(GetParam());
    auto replayer =
        Replayer::create(**log, machine.door, machine.clock, machine.root, machine.memory);
    ASSERT_TRUE(replayer);
    ASSERT_TRUE(machine.replay(**replayer, 5))
        << ((*replayer)->divergence() ? describe(*(*replayer)->divergence()) : "stuck");
    EXPECT_GT(machine.clock.icount(), kLength - 20'000) << "it got to the last slice";
}

TEST_P(RecordReplay, NamesTheFieldThatDiffers) {
    record(path_, 3, GetParam());
    auto log = LogReader::open(path_);
    ASSERT_TRUE(log);
    ToyMachine machine(GetParam());
    auto replayer =
        Replayer::create(**log, machine.door, machine.clock, machine.root, machine.memory);
    ASSERT_TRUE(replayer);
    ASSERT_TRUE(machine.replay(**replayer, 5, kLength / 2));
    machine.out.write(uint8_t{'!'});
    EXPECT_FALSE(machine.replay(**replayer, 5));
    ASSERT_TRUE((*replayer)->divergence());
    const Divergence& d = *(*replayer)->divergence();
    ASSERT_FALSE(d.fields.empty());
    EXPECT_EQ(d.fields[0].path, "door.serial0.tx.length");
    EXPECT_TRUE(d.ram.empty());
    EXPECT_TRUE(d.last_good);
    EXPECT_NE(d.last_event.find(" at instruction "), std::string::npos);
    EXPECT_NE(describe(d, "EIP=0x1234").find("door.serial0.tx.length: recorded 0x"),
              std::string::npos);
}

TEST_P(RecordReplay, NamesThePageThatDiffers) {
    record(path_, 3, GetParam());
    auto log = LogReader::open(path_);
    ASSERT_TRUE(log);
    for (const uint64_t offset : {uint64_t{0x10'123}, ToyMachine::kRamSize - 1}) {
        ToyMachine machine(GetParam());
        auto replayer =
            Replayer::create(**log, machine.door, machine.clock, machine.root, machine.memory);
        ASSERT_TRUE(replayer);
        ASSERT_TRUE(machine.replay(**replayer, 5, kLength / 2));
        machine.ram().data()[offset] ^= 1;
        machine.ram().set_dirty(offset, 1);
        EXPECT_FALSE(machine.replay(**replayer, 5));
        ASSERT_TRUE((*replayer)->divergence());
        const Divergence& d = *(*replayer)->divergence();
        EXPECT_TRUE(d.fields.empty());
        ASSERT_EQ(d.ram.size(), 1u);
        EXPECT_EQ(d.ram[0].block, "ram");
        EXPECT_EQ(d.ram[0].first_page, offset / kPageSize) << describe(d);
        EXPECT_EQ(d.ram[0].pages, 1u);
        EXPECT_EQ(d.ram[0].runs, 1u);
    }
}

TEST_P(RecordReplay, GoesOnFromASnapshot) {
    const StateDump final = record(path_, 4, GetParam());
    auto log = LogReader::open(path_);
    ASSERT_TRUE(log);
    std::vector<uint8_t> snapshot;
    {
        ToyMachine machine(GetParam());
        auto replayer =
            Replayer::create(**log, machine.door, machine.clock, machine.root, machine.memory);
        ASSERT_TRUE(replayer);
        ASSERT_TRUE(machine.replay(**replayer, 5, 1'234'567));
        snapshot = save_snapshot(machine.root, machine.memory);
    }
    ToyMachine machine(GetParam());
    auto replayer =
        Replayer::create(**log, machine.door, machine.clock, machine.root, machine.memory);
    ASSERT_TRUE(replayer);
    for (int again = 0; again < 3; ++again) {
        const auto loaded = load_snapshot(snapshot, machine.root, machine.memory);
        ASSERT_TRUE(loaded) << loaded.error().message;
        (*replayer)->seek();
        ASSERT_TRUE(machine.replay(**replayer, 6 + static_cast<unsigned>(again)))
            << ((*replayer)->divergence() ? describe(*(*replayer)->divergence()) : "stuck");
        EXPECT_GT((*replayer)->digests(), 5u);
        EXPECT_EQ(dump_state([&](StateVisitor& v) { machine.root.state(v); }), final);
    }
}

TEST_P(RecordReplay, RefusesAMachineWithoutAPort) {
    auto writer = LogWriter::create(path_, quick());
    ASSERT_TRUE(writer);
    ToyMachine recorded(GetParam());
    LogHeader header = header_of(recorded);
    header.ports.push_back({"net0.rx", {{"frame", FieldType::kBytes}}});
    ASSERT_TRUE((*writer)->begin(header, {}));
    ASSERT_TRUE((*writer)->finish({}, 0, ""));
    auto log = LogReader::open(path_);
    ASSERT_TRUE(log);
    ToyMachine machine(GetParam());
    auto replayer =
        Replayer::create(**log, machine.door, machine.clock, machine.root, machine.memory);
    ASSERT_FALSE(replayer);
    EXPECT_NE(replayer.error().message.find("'net0.rx'"), std::string::npos);
}

TEST_P(RecordReplay, RefusesAnUnknownBehaviourByName) {
    auto writer = LogWriter::create(path_, quick());
    ASSERT_TRUE(writer);
    ToyMachine machine(GetParam());
    LogHeader header = header_of(machine);
    header.behaviour = 9999;
    header.behaviour_name = "of the future";
    ASSERT_TRUE((*writer)->begin(header, {}));
    ASSERT_TRUE((*writer)->finish({}, 0, ""));
    auto log = LogReader::open(path_);
    ASSERT_TRUE(log) << "a dump can still read it";
    auto replayer =
        Replayer::create(**log, machine.door, machine.clock, machine.root, machine.memory);
    ASSERT_FALSE(replayer);
    EXPECT_NE(replayer.error().message.find("9999 (\"of the future\")"), std::string::npos);
    EXPECT_NE(replayer.error().message.find(kBehaviour.name), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Clock, RecordReplay, testing::Bool(),
                         [](const auto& info) { return info.param ? "SleepOn" : "SleepOff"; });

}  // namespace
}  // namespace qr
