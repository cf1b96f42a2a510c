// SPDX-License-Identifier: GPL-2.0-or-later
// A recorder that is killed at any moment, and one whose disk is full: the log has every event that
// the machine was given, and never looks complete when it is not.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <random>
#include <thread>

#include "log_files.h"
#include "replay/log_writer.h"
#include "util/bits.h"

namespace qr {
namespace {

LogHeader header() {
    LogHeader h;
    h.creator = "test";
    h.ports = {{"a", {{"n", FieldType::kBytes}}}};
    return h;
}

// Event number i, the same in every process.
PlainEvent event(uint64_t i) {
    std::mt19937_64 random(i);
    std::vector<uint8_t> payload(random() % 60);
    for (auto& b : payload) b = static_cast<uint8_t>(random());
    // Two events at every icount.
    return {{i / 2 * 100, static_cast<uint32_t>(i % 2)}, 0, std::move(payload)};
}

struct Shared {
    std::atomic<bool> begun;
    std::atomic<uint64_t> begin_event;  // events before this number were recorded; it may be
    std::atomic<uint64_t> reached;      // tick() was told this
};

[[noreturn]] void record_for_ever(const std::string& path, Shared* shared) {
    LogWriter::Options options;
    options.area_size = 8192;
    options.chunk_interval = std::chrono::milliseconds(2);
    options.sync = false;
    auto writer = LogWriter::create(path, options);
    if (!writer || !(*writer)->begin(header(), {})) _exit(1);
    shared->begun = true;
    for (uint64_t i = 0;; ++i) {
        const PlainEvent e = event(i);
        (*writer)->event(e.position, e.port, e.payload);
        shared->begin_event = i + 1;
        if (i % 50 == 49) {
            const uint64_t icount = e.position.icount + 50;
            (*writer)->tick({icount, 0}, 0);
            shared->reached = icount;
        }
        if (i % 1000 == 999) std::this_thread::sleep_for(std::chrono::microseconds(300));
    }
}

TEST(LogCrashTest, KilledAtAnyMoment) {
    auto* shared = static_cast<Shared*>(
        mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    ASSERT_NE(static_cast<void*>(shared), MAP_FAILED);
    std::mt19937 random(1);
    size_t most = 0;
    for (int round = 0; round < 60; ++round) {
        TemporaryDirectory directory;
        const std::string path = directory / "x.bin";
        shared->begun = false;
        shared->begin_event = 0;
        shared->reached = 0;
        const pid_t child = fork();
        if (child == 0) record_for_ever(path, shared);
        while (!shared->begun) std::this_thread::sleep_for(std::chrono::microseconds(100));
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 60'000));
        kill(child, SIGKILL);
        int status = 0;
        waitpid(child, &status, 0);
        ASSERT_TRUE(WIFSIGNALED(status));
        auto log = LogReader::open(path);
        ASSERT_TRUE(log) << log.error().message;
        EXPECT_EQ((*log)->end().kind, EndKind::kCut) << (*log)->end().reason;
        std::string error;
        const auto events = read_events(**log, &error);
        EXPECT_EQ(error, "");
        const uint64_t sure = shared->begin_event;
        EXPECT_TRUE(events.size() == sure || events.size() == sure + 1)
            << events.size() << " of " << sure;
        for (size_t i = 0; i < events.size(); ++i) ASSERT_TRUE(events[i] == event(i)) << i;
        EXPECT_GE((*log)->end().position.icount, shared->reached);
        EXPECT_LE((*log)->end().position, event(events.size()).position);
        most = std::max(most, events.size());
    }
    EXPECT_GT(most, 3000u) << "some got far enough to fill the journal several times";
    munmap(shared, 4096);
}

// Runs in a child whose files are limited, or on a small disk. Exit status 0: as it should be.
int record_until_full(const std::string& path) {
    LogWriter::Options options;
    options.area_size = 64 << 10;
    auto writer = LogWriter::create(path, options);
    if (!writer) return 10;
    if (!(*writer)->begin(header(), {})) return 11;
    uint64_t i = 0;
    for (; i < 3'000'000 && !(*writer)->failed(); ++i) {
        const PlainEvent e = event(i);
        (*writer)->event(e.position, e.port, e.payload);
        if (i % 50 == 49) (*writer)->tick({e.position.icount + 50, 0}, 0);
    }
    if (!(*writer)->failed()) return 12;
    // The machine goes on; nothing more is recorded, and nothing bad happens.
    for (uint64_t more = i; more < i + 10'000; ++more) {
        const PlainEvent e = event(more);
        (*writer)->event(e.position, e.port, e.payload);
        (*writer)->tick({e.position.icount + 50, 0}, 0);
    }
    const auto done = (*writer)->finish({i * 1000, 0}, 0, "shutdown");
    if (done) return 13;
    const std::string& message = done.error().message;
    if (message.find(path) == std::string::npos) return 14;
    if (message.find("No space left") == std::string::npos &&
        message.find("File too large") == std::string::npos)
        return 15;
    return 0;
}

void check_full_log(const std::string& path) {
    auto log = LogReader::open(path);
    ASSERT_TRUE(log) << log.error().message;
    EXPECT_EQ((*log)->end().kind, EndKind::kStopped);
    EXPECT_NE((*log)->end().reason.find("writing the log '" + path + "' failed at offset"),
              std::string::npos)
        << (*log)->end().reason;
    std::string error;
    const auto events = read_events(**log, &error);
    EXPECT_EQ(error, "");
    EXPECT_GT(events.size(), 1000u);
    for (size_t i = 0; i < events.size(); ++i) ASSERT_TRUE(events[i] == event(i)) << i;
    EXPECT_LE((*log)->end().position, event(events.size()).position);
}

TEST(LogCrashTest, FileSizeLimit) {
    TemporaryDirectory directory;
    const std::string path = directory / "x.bin";
    const pid_t child = fork();
    if (child == 0) {
        // SIGXFSZ keeps its default action, which ends the process: the writer must not let it come
        // to that.
        const rlimit limit{400'000, 400'000};
        setrlimit(RLIMIT_FSIZE, &limit);
        _exit(record_until_full(path));
    }
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
    ASSERT_EQ(WEXITSTATUS(status), 0);
    check_full_log(path);
}

TEST(LogCrashTest, NoRoomForTheJournal) {
    TemporaryDirectory directory;
    const std::string path = directory / "x.bin";
    const pid_t child = fork();
    if (child == 0) {
        const rlimit limit{100'000, 100'000};
        setrlimit(RLIMIT_FSIZE, &limit);
        const auto writer = LogWriter::create(path);
        _exit(!writer && writer.error().message.find("journal: File too large") != std::string::npos
                  ? 0
                  : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
    EXPECT_EQ(directory.entries(), 0u);
}

TEST(LogCrashTest, FullDisk) {
    TemporaryDirectory directory;
    const std::string disk = directory / "disk";
    std::filesystem::create_directory(disk);
    if (mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=400k") != 0)
        GTEST_SKIP() << "mounting a small disk takes root";
    const std::string path = disk + "/x.bin";
    const pid_t child = fork();
    if (child == 0) _exit(record_until_full(path));
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
    check_full_log(path);
    umount(disk.c_str());
}

}  // namespace
}  // namespace qr
