// SPDX-License-Identifier: GPL-2.0-or-later
// Segments, chunks and the worker thread behind a log that is being written; see
// replay/log_writer.h. Source: docs/replay-format.rst.
#include "replay/log_writer.h"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <cassert>
#include <csignal>

#include "replay/varint.h"

namespace qr {

namespace {
constexpr uint64_t kJournalOffset = 4096;
constexpr unsigned kAreas = 2;
constexpr size_t kQueueLimit = 16;  // so that a disk that stalls holds a bounded amount of memory
constexpr size_t kIndexLimit = 16 * 1024;  // entries; thinned out beyond
}  // namespace

// ---- life ----

LogWriter::LogWriter(Options options)
    : options_(options),
      first_chunk_(std::max(options.first_chunk,
                            kJournalOffset + kStopPageSize + uint64_t{kAreas} * options.area_size)),
      file_(options.level) {
    // The worker takes no signals: SIGINT is for the main loop, and SIGXFSZ must not end the
    // process: the write fails with EFBIG, as on a full disk.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    worker_ = std::thread([this] { work(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

LogWriter::~LogWriter() { stop_worker(); }

Result<std::unique_ptr<LogWriter>> LogWriter::create(const std::string& path) {
    return create(path, Options{});
}

Result<std::unique_ptr<LogWriter>> LogWriter::create(const std::string& path, Options options) {
    std::unique_ptr<LogWriter> writer(new LogWriter(options));
    auto done = writer->call([&]() -> Result<void> {
        if (auto created = writer->file_.create(path); !created) return created;
        if (auto mapped =
                writer->journal_.map(writer->file_.fd(), kJournalOffset, options.area_size, kAreas);
            !mapped)
            return Error{fmt::format("cannot record to '{}': {} bytes for its journal: {}", path,
                                     kStopPageSize + uint64_t{kAreas} * options.area_size,
                                     mapped.error().message)};
        return {};
    });
    if (!done) return done.error();
    return writer;
}

Result<void> LogWriter::begin(LogHeader header, std::span<const LogBlob> blobs,
                              std::span<const uint8_t> snapshot) {
    assert(!recording_);
    header.blobs.clear();
    for (const LogBlob& blob : blobs)
        header.blobs.push_back({blob.name, blob.bytes.size(), hash128_hex(blob.bytes)});
    auto json = header.to_json();
    if (!json) return json.error();
    if (json->size() > kMaxHeader)
        return Error{fmt::format("the machine's description has {} bytes; a log takes up to {}",
                                 json->size(), kMaxHeader)};
    file_head_.behaviour = header.behaviour;
    file_head_.journal_offset = kJournalOffset;
    file_head_.area_size = options_.area_size;
    file_head_.area_count = kAreas;
    file_head_.first_chunk = first_chunk_;
    last_ns_ = header.clock_start_ns;
    const Position start = header.start.value_or(Position{});
    open_segment(start.icount);
    journal_.reached(start.icount);
    segment_start_ = start;
    if (!snapshot.empty()) ++snapshots_;
    if (auto done = call([&] { return write_start(*json, blobs, start, snapshot); }); !done)
        return done;
    // What came before is on the disk soon, but the machine need not wait for that.
    if (options_.sync) post([this] { return file_.sync(); });
    recording_ = true;
    next_cut_ = std::chrono::steady_clock::now() + options_.chunk_interval;
    return {};
}

Result<void> LogWriter::write_start(const std::string& json, std::span<const LogBlob> blobs,
                                    Position start, std::span<const uint8_t> snapshot) {
    file_.set_end(first_chunk_);
    const auto write = [&](ChunkType type, std::span<const uint8_t> raw) {
        return write_chunk(type, {}, {}, last_ns_, raw, true);
    };
    if (auto done = write(kChunkHeader, as_bytes(json)); !done) return done;
    for (const LogBlob& blob : blobs) {
        uint64_t at = 0;
        do {
            const uint64_t size = std::min<uint64_t>(blob.bytes.size() - at, kBlobPiece);
            std::vector<uint8_t> raw;
            put_bytes(raw, as_bytes(blob.name));
            put_varint(raw, at);
            const auto piece = blob.bytes.subspan(at, size);
            raw.insert(raw.end(), piece.begin(), piece.end());
            if (auto done = write(kChunkBlob, raw); !done) return done;
            at += size;
        } while (at < blob.bytes.size());
    }
    if (auto done = write_snapshot(0, start, last_ns_, snapshot); !done) return done;
    data_begin_ = file_.end();
    if (auto done = file_.write_at(0, file_head_.encode()); !done) return done;
    return file_.publish();
}

Result<void> LogWriter::finish(Position position, int64_t virtual_ns, const std::string& reason) {
    if (failed()) return error();
    if (!recording_) return {};
    journal_.reached(position.icount);
    seal(position, virtual_ns);
    recording_ = false;
    post([this, position, virtual_ns, reason] { return write_end(position, virtual_ns, reason); });
    stop_worker();
    if (failed()) return error();
    return {};
}

Result<void> LogWriter::write_end(Position position, int64_t virtual_ns,
                                  const std::string& reason) {
    std::vector<uint8_t> raw = encode_index(index_);
    const uint64_t index_offset = file_.end();
    if (auto done = write_chunk(kChunkIndex, {}, position, virtual_ns, raw, true); !done)
        return done;
    raw.clear();
    put_varint(raw, events_);
    put_varint(raw, index_offset);
    put_bytes(raw, as_bytes(reason));
    if (auto done = write_chunk(kChunkEnd, position, position, virtual_ns, raw, false); !done)
        return done;
    if (options_.sync)
        if (auto done = file_.sync(); !done) return done;
    // Nobody reads the journal of a log that has an END.
    journal_.unmap();
    file_.punch(kJournalOffset, kStopPageSize + uint64_t{kAreas} * options_.area_size);
    return {};
}

// ---- events ----

void LogWriter::event(Position position, uint32_t port, std::span<const uint8_t> payload) {
    if (!recording_ || failed()) return;
    if (!journal_.append(position, port, payload)) {
        seal(position, last_ns_);
        if (payload.size() + kAreaHeadSize + 128 > options_.area_size)
            return big_event(position, port, payload);
        open_segment(position.icount);
        if (failed()) return;
        const bool fits = journal_.append(position, port, payload);
        assert(fits);
        static_cast<void>(fits);
    }
    ++events_;
}

// One that no area has room for is a segment of its own, and is in the file before the machine goes
// on.
void LogWriter::big_event(Position position, uint32_t port, std::span<const uint8_t> payload) {
    if (payload.size() > kMaxPayload) {
        post([this, port, size = payload.size()]() -> Result<void> {
            return Error{
                fmt::format("the log '{}' cannot take an event of {} bytes for port {}; "
                            "the limit is {}",
                            file_.path(), size, port, kMaxPayload)};
        });
        return drain();
    }
    ++segment_.segment;
    segment_.base_icount = position.icount;
    segment_.first_event = events_++;
    segment_start_ = position;
    uint8_t head[4 * kMaxVarintBytes];
    const size_t head_size = encode_event_head(head, 0, position.ordinal, port, payload.size());
    std::vector<uint8_t> events(head, head + head_size);
    events.insert(events.end(), payload.begin(), payload.end());
    const Position after{position.icount, position.ordinal + 1};
    post([this, events = std::move(events), head = segment_, position, after, ns = last_ns_] {
        return write_events(head, events, position, after, ns);
    });
    drain();
    segment_start_ = after;
    open_segment(position.icount);
}

void LogWriter::tick(Position position, int64_t virtual_ns) {
    if (!recording_ || failed()) return;
    journal_.reached(position.icount);
    last_ns_ = virtual_ns;
    const auto now = std::chrono::steady_clock::now();
    if (now < next_cut_) return;
    next_cut_ = now + options_.chunk_interval;
    seal(position, virtual_ns);
    open_segment(position.icount);
    if (options_.sync) post([this] { return file_.sync(); });
}

void LogWriter::seal(Position position, int64_t virtual_ns) {
    {
        std::lock_guard lock(mutex_);
        area_taken_[area_] = true;
    }
    post([this, area = area_, first = segment_start_, position, virtual_ns]() -> Result<void> {
        const auto events = JournalArea::decode(journal_.area(area));
        assert(events && events->whole);
        auto done = write_events(events->head, events->events, first, position, virtual_ns);
        if (done) {
            std::lock_guard lock(mutex_);
            area_taken_[area] = false;
        }
        return done;
    });
    segment_start_ = position;
}

void LogWriter::open_segment(uint64_t base_icount) {
    unsigned next = 0;
    {
        std::unique_lock lock(mutex_);
        next = recording_ ? area_ ^ 1 : 0;
        from_worker_.wait(lock, [&] { return !area_taken_[next] || error_; });
        if (error_) return;
    }
    area_ = next;
    if (recording_) ++segment_.segment;
    segment_.base_icount = base_icount;
    segment_.first_event = events_;
    journal_.start(area_, segment_);
}

// ---- other chunks ----

void LogWriter::digest(Position position, int64_t virtual_ns, Make make) {
    if (!recording_ || failed()) return;
    last_ns_ = virtual_ns;
    post([this, position, virtual_ns, make = std::move(make)] {
        return write_chunk(kChunkDigest, position, position, virtual_ns, make(), false);
    });
}

void LogWriter::snapshot(Position position, int64_t virtual_ns, std::vector<uint8_t> bytes) {
    if (!recording_ || failed()) return;
    post([this, position, virtual_ns, bytes = std::move(bytes), id = snapshots_++] {
        return write_snapshot(id, position, virtual_ns, bytes);
    });
}

Result<void> LogWriter::write_snapshot(uint64_t id, Position position, int64_t virtual_ns,
                                       std::span<const uint8_t> bytes) {
    for (uint64_t at = 0; at < bytes.size(); at += kBlobPiece) {
        const auto piece = bytes.subspan(at, std::min<uint64_t>(bytes.size() - at, kBlobPiece));
        std::vector<uint8_t> raw;
        put_varint(raw, id);
        put_varint(raw, bytes.size());
        put_varint(raw, at);
        raw.insert(raw.end(), piece.begin(), piece.end());
        auto done = write_chunk(kChunkSnapshot, position, position, virtual_ns, raw, false);
        if (!done) return done;
    }
    return {};
}

void LogWriter::checkpoint(Position position, int64_t virtual_ns, std::shared_ptr<const CheckpointData> data) {
    if (!recording_ || failed()) return;
    checkpoint_busy_.store(true, std::memory_order_release);
    post([this, position, virtual_ns, data = std::move(data)] {
        const Beginning here{file_.end(), file_.chunks()};
        auto done = write_checkpoint(*data, [&](ChunkType type, std::span<const uint8_t> raw, bool compress) {
            return write_chunk(type, position, position, virtual_ns, raw, compress);
        });
        if (done && options_.ring && data->base == 0) {
            beginnings_.push_back(here);
            done = trim();
        }
        checkpoint_busy_.store(false, std::memory_order_release);
        return done;
    });
}

// Everything before the last but one beginning goes: one chunk, which says so, takes its place. At any moment the file has
// either all of it or that chunk.
Result<void> LogWriter::trim() {
    if (beginnings_.size() < 2) return {};
    while (beginnings_.size() > 2) beginnings_.pop_front();
    const Beginning& from = beginnings_.front();
    if (from.offset < data_begin_ + kChunkHeadSize) return {};
    ChunkHead head;
    head.type = kChunkSkip;
    head.flags = kChunkOptional;
    head.number = from.number - 1;
    head.stored_size = head.raw_size = from.offset - data_begin_ - kChunkHeadSize;
    if (auto done = file_.write_at(data_begin_, head.encode()); !done) return done;
    if (options_.sync)
        if (auto done = file_.sync(); !done) return done;
    file_.punch(data_begin_ + kChunkHeadSize, head.stored_size);
    std::erase_if(index_, [&](const IndexEntry& e) { return e.offset < from.offset; });
    return {};
}

Result<void> LogWriter::write_events(const EventsHead& head, std::span<const uint8_t> events,
                                     Position first, Position last, int64_t virtual_ns) {
    std::vector<uint8_t> raw;
    put_varint(raw, head.segment);
    put_varint(raw, head.base_icount);
    put_varint(raw, head.first_event);
    raw.insert(raw.end(), events.begin(), events.end());
    return write_chunk(kChunkEvents, first, last, virtual_ns, raw, true);
}

Result<void> LogWriter::write_chunk(ChunkType type, Position first, Position last,
                                    int64_t virtual_ns, std::span<const uint8_t> raw,
                                    bool compress) {
    ChunkHead head;
    head.type = type;
    head.first = first;
    head.last = last;
    head.virtual_ns = static_cast<uint64_t>(virtual_ns);
    if (optional_chunk(type)) head.flags |= kChunkOptional;
    remember(type, first);
    return file_.append(head, raw, compress);
}

void LogWriter::remember(ChunkType type, Position first) {
    if (type != kChunkEvents && type != kChunkDigest && type != kChunkSnapshot) return;
    if (index_.size() >= kIndexLimit) {
        // Long recordings get a coarser index; a reader walks from an entry to what it looks for.
        size_t n = 0;
        std::erase_if(index_,
                      [&](const IndexEntry& e) { return e.type != kChunkSnapshot && n++ % 2; });
    }
    index_.push_back({type, file_.end(), first});
}

// ---- the worker ----

void LogWriter::post(Work work) {
    {
        std::unique_lock lock(mutex_);
        from_worker_.wait(lock, [&] { return queue_.size() < kQueueLimit; });
        queue_.push_back(std::move(work));
    }
    to_worker_.notify_one();
}

Result<void> LogWriter::call(Work work) {
    post(std::move(work));
    drain();
    if (failed()) return error();
    return {};
}

void LogWriter::drain() {
    std::unique_lock lock(mutex_);
    from_worker_.wait(lock, [&] { return queue_.empty() && !busy_; });
}

void LogWriter::stop_worker() {
    if (!worker_.joinable()) return;
    {
        std::lock_guard lock(mutex_);
        quit_ = true;
    }
    to_worker_.notify_one();
    worker_.join();
}

void LogWriter::work() {
    std::unique_lock lock(mutex_);
    for (;;) {
        to_worker_.wait(lock, [&] { return quit_ || !queue_.empty(); });
        if (queue_.empty()) return;
        const Work job = std::move(queue_.front());
        queue_.pop_front();
        busy_ = true;
        if (!error_) {
            lock.unlock();
            const auto done = job();
            if (!done) fail(done.error());
            lock.lock();
        }
        busy_ = false;
        from_worker_.notify_all();
    }
}

void LogWriter::fail(const Error& error) {
    if (file_.published()) journal_.stop(error.message);
    std::lock_guard lock(mutex_);
    error_ = error;
    failed_.store(true, std::memory_order_release);
}

Error LogWriter::error() const {
    std::lock_guard lock(mutex_);
    return error_.value_or(Error{});
}

}  // namespace qr
