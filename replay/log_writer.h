// SPDX-License-Identifier: GPL-2.0-or-later
// Writes a log while the machine runs. Events go to the journal at once (a few stores into shared
// memory); a worker thread makes chunks of them, compresses and writes, so that the VM thread meets
// the disk only if that is slower than the guest for long.
//
// A write error ends the recording, not the machine: error() tells, everything after it is ignored,
// and the log stays valid up to the last event but has no END.
// Threads: all functions belong to the VM thread, error() and failed() to anybody.
// Source: docs/replay-format.rst.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "replay/checkpoint_log.h"
#include "replay/journal.h"
#include "replay/log_file.h"
#include "replay/log_header.h"
#include "sysemu/replay.h"
#include "util/result.h"

namespace qr {

struct LogBlob {
    std::string name;
    std::span<const uint8_t> bytes;
};

class LogWriter {
  public:
    struct Options {
        uint32_t area_size = 256 << 10;  // of each of the journal's two areas; a multiple of 4096
        std::chrono::milliseconds chunk_interval{1000};
        bool sync = true;          // to the disk after each interval, for power cuts
        int level = 3;             // zstd's
        uint64_t first_chunk = 0;  // where chunks begin; 0: right behind the journal
        // With each checkpoint that builds on none, what is before the last such one goes.
        bool ring = false;
    };

    // Opens a temporary file beside `path`. Without begin() nothing else happens, and it is
    // removed.
    static Result<std::unique_ptr<LogWriter>> create(const std::string& path, Options options);
    static Result<std::unique_ptr<LogWriter>> create(const std::string& path);
    // Without finish(): the log is one that was cut at the last tick().
    ~LogWriter();

    // The recording has begun: what had the name before is replaced. header.blobs is filled in
    // here. snapshot: with header.start, the machine that it begins with.
    Result<void> begin(LogHeader header, std::span<const LogBlob> blobs,
                       std::span<const uint8_t> snapshot = {});

    // Positions never go down from one call to the next.
    void event(Position position, uint32_t port, std::span<const uint8_t> payload);
    // At every boundary, also when nothing happens; makes chunks when it is time.
    void tick(Position position, int64_t virtual_ns);
    // Contents are made on the worker thread, in the order of the calls.
    using Make = std::function<std::vector<uint8_t>()>;
    void digest(Position position, int64_t virtual_ns, Make make);
    void snapshot(Position position, int64_t virtual_ns, std::vector<uint8_t> bytes);
    // A checkpoint of here. Only if there is room: the one before was written.
    bool checkpoint_room() const { return !checkpoint_busy_.load(std::memory_order_acquire); }
    void checkpoint(Position position, int64_t virtual_ns, std::shared_ptr<const CheckpointData> data);
    // Writes END. reason: for people, such as "shutdown" or "terminated by SIGTERM".
    Result<void> finish(Position position, int64_t virtual_ns, const std::string& reason);

    // Waits until everything handed over so far is in the file.
    void drain();
    bool failed() const { return failed_.load(std::memory_order_acquire); }
    // What went wrong, once failed().
    Error error() const;
    uint64_t events() const { return events_; }

  private:
    explicit LogWriter(Options options);
    using Work = std::function<Result<void>()>;
    void post(Work work);
    Result<void> call(Work work);
    void stop_worker();
    void work();
    void fail(const Error& error);

    // Hands the current segment to the worker; open_segment() must follow before the next event.
    void seal(Position position, int64_t virtual_ns);
    void open_segment(uint64_t base_icount);
    void big_event(Position position, uint32_t port, std::span<const uint8_t> payload);
    Result<void> write_chunk(ChunkType type, Position first, Position last, int64_t virtual_ns,
                             std::span<const uint8_t> raw, bool compress);
    Result<void> write_events(const EventsHead& head, std::span<const uint8_t> events,
                              Position first, Position last, int64_t virtual_ns);
    Result<void> write_start(const std::string& json, std::span<const LogBlob> blobs,
                             Position start, std::span<const uint8_t> snapshot);
    Result<void> write_snapshot(uint64_t id, Position position, int64_t virtual_ns,
                                std::span<const uint8_t> bytes);
    Result<void> write_end(Position position, int64_t virtual_ns, const std::string& reason);
    void remember(ChunkType type, Position first);
    Result<void> trim();

    const Options options_;
    const uint64_t first_chunk_;
    FileHead file_head_;

    // VM thread
    bool recording_ = false;
    uint64_t events_ = 0;
    EventsHead segment_;
    unsigned area_ = 0;
    Position segment_start_;
    int64_t last_ns_ = 0;
    uint64_t snapshots_ = 0;
    std::chrono::steady_clock::time_point next_cut_;

    // worker thread
    LogFile file_;
    Journal journal_;  // areas not handed over are the VM thread's
    std::vector<IndexEntry> index_;
    uint64_t data_begin_ = 0;  // behind what is always kept
    struct Beginning {
        uint64_t offset, number;
    };
    std::deque<Beginning> beginnings_;  // of the ring: checkpoints that build on none

    mutable std::mutex mutex_;
    std::condition_variable to_worker_, from_worker_;
    std::deque<Work> queue_;
    bool busy_ = false;  // the worker is in the middle of something
    bool quit_ = false;
    bool area_taken_[2] = {};
    std::optional<Error> error_;
    std::atomic<bool> failed_ = false;
    std::atomic<bool> checkpoint_busy_ = false;
    std::thread worker_;
};

}  // namespace qr
