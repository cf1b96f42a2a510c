// SPDX-License-Identifier: GPL-2.0-or-later
// scripts/replay-dump, a reader written from the specification alone, agrees with this one on logs
// that ended in every way, and has an answer to damaged ones.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <random>

#include "log_files.h"
#include "replay/recorder.h"
#include "toy_machine.h"

namespace qr {
namespace {

struct Dumped {
    int status = -1;
    std::string output;
};

Dumped dump(const std::string& arguments) {
    const auto script =
        std::filesystem::path(__FILE__).parent_path() / ".." / ".." / "scripts" / "replay-dump";
    Dumped run;
    FILE* pipe = popen(fmt::format("'{}' {} 2>&1", script.string(), arguments).c_str(), "r");
    if (!pipe) return run;
    char buffer[65536];
    while (const size_t n = fread(buffer, 1, sizeof buffer, pipe)) run.output.append(buffer, n);
    run.status = WEXITSTATUS(pclose(pipe));
    return run;
}

bool available() {
    return system("/usr/bin/python3 -c 'import zstandard, xxhash' 2>/dev/null") == 0;
}

// finish: with END; else the bytes that are there while it goes on.
std::vector<uint8_t> record(const std::string& path, bool finish) {
    LogWriter::Options options;
    options.area_size = 8192;
    options.chunk_interval = std::chrono::milliseconds(3);
    options.sync = false;
    auto log = LogWriter::create(path, options);
    EXPECT_TRUE(log);
    ToyMachine machine;
    LogHeader header;
    header.creator = "toy";
    header.clock_rate = machine.clock.rate();
    for (const auto* port : machine.door.ports()) header.ports.push_back(port->schema());
    const std::vector<uint8_t> kernel(10'000'000, 'k');
    const LogBlob blobs[] = {{"kernel", kernel}};
    EXPECT_TRUE((*log)->begin(header, blobs));
    Recorder::Options dense;
    dense.digest_interval_ns = 100'000;
    dense.digest_share = 0;
    Recorder recorder(machine.door, machine.clock, machine.root, machine.memory, **log, dense);
    machine.record(1'000'000, 1, &recorder);
    (*log)->drain();
    if (finish) {
        EXPECT_TRUE(recorder.finish("end of test"));
    }
    return read_whole(path);
}

// What the script should print of a log.
void compare(const std::string& path) {
    auto log = LogReader::open(path);
    ASSERT_TRUE(log) << log.error().message;
    std::string error;
    const auto events = read_events(**log, &error);
    EXPECT_EQ(error, "");
    const Dumped run = dump("'" + path + "'");
    EXPECT_EQ(run.status, (*log)->end().kind == EndKind::kDamaged ? 1 : 0) << run.output;
    size_t at = 0;
    for (size_t i = 0; i < events.size(); ++i) {
        const auto line =
            fmt::format("\n{:>8} {:>14}.{:<3} {} ", i, events[i].position.icount,
                        events[i].position.ordinal, (*log)->header().ports[events[i].port].name);
        at = run.output.find(line, at);
        ASSERT_NE(at, std::string::npos) << line << run.output.substr(0, 3000);
    }
    EXPECT_EQ(run.output.find("does not decode"), std::string::npos);
    EXPECT_NE(run.output.find(fmt::format("\ntotals      {} events", events.size())),
              std::string::npos)
        << run.output.substr(run.output.size() - std::min<size_t>(1000, run.output.size()));
    EXPECT_NE(run.output.find(fmt::format("\nend         {} at instruction {} (ordinal {}): {}",
                                          end_kind_name((*log)->end().kind),
                                          (*log)->end().position.icount,
                                          (*log)->end().position.ordinal, (*log)->end().reason)),
              std::string::npos)
        << run.output.substr(run.output.size() - std::min<size_t>(1000, run.output.size()));
    const Dumped digests = dump("--fields '" + path + "'");
    EXPECT_EQ(digests.status, run.status) << digests.output;
    EXPECT_NE(digests.output.find("cpu.x = 0x"), std::string::npos);
}

TEST(ReplayDumpTest, AgreesOnEveryKindOfEnd) {
    if (!available()) GTEST_SKIP() << "needs python3-zstandard and python3-xxhash";
    TemporaryDirectory directory;
    const std::string path = directory / "x.bin";
    const auto finished = record(path, true);
    compare(path);
    const Dumped extracted =
        dump("'" + path + "' --extract kernel '" + (directory / "kernel") + "'");
    EXPECT_EQ(extracted.status, 0) << extracted.output;
    EXPECT_EQ(read_whole(directory / "kernel"), std::vector<uint8_t>(10'000'000, 'k'));
    write_whole(path, {finished.begin(), finished.end() - 2000});
    compare(path);  // truncated
    auto damaged = finished;
    auto log = LogReader::open(make_memory_source(finished), "x");
    ASSERT_TRUE(log);
    const auto first = (*log)->find_chunk(kChunkEvents, (*log)->first_chunk());
    const auto second = (*log)->find_chunk(kChunkEvents, first->next());
    damaged[second->offset + 9] ^= 1;
    write_whole(path, damaged);
    compare(path);  // damaged
    write_whole(path, record(directory / "y.bin", false));
    compare(path);  // cut
}

TEST(ReplayDumpTest, HasAnAnswerToDamage) {
    if (!available()) GTEST_SKIP() << "needs python3-zstandard and python3-xxhash";
    TemporaryDirectory directory;
    const std::string path = directory / "x.bin";
    const auto good = record(path, false);
    std::mt19937 random(1);
    for (int i = 0; i < 40; ++i) {
        auto bytes = good;
        if (i % 3 == 0)
            bytes.resize(random() % bytes.size());
        else
            for (int n = 0; n < 3; ++n)
                bytes[i % 3 == 1 ? random() % 200 : random() % bytes.size()] ^=
                    static_cast<uint8_t>(1 << random() % 8);
        write_whole(path, bytes);
        const Dumped run = dump(fmt::format("--json '{}'", path));
        EXPECT_LE(run.status, 1);
        EXPECT_EQ(run.output.find("Traceback"), std::string::npos) << run.output;
        EXPECT_FALSE(run.output.empty());
    }
    const Dumped none = dump("/nonexistent");
    EXPECT_EQ(none.status, 1);
    EXPECT_EQ(none.output, "replay-dump: /nonexistent: No such file or directory\n");
}

}  // namespace
}  // namespace qr
