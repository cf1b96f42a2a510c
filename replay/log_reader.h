// SPDX-License-Identifier: GPL-2.0-or-later
// Reads a log, whoever wrote it: opens, checks, walks its chunks, finds out how it ended. Nothing
// that the file says is believed: sizes are checked against the file and against fixed limits,
// contents against their hashes, and memory in use does not grow with the file. Source:
// docs/replay-format.rst.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "replay/journal.h"
#include "replay/log_format.h"
#include "replay/log_header.h"
#include "util/result.h"

namespace qr {

// Where a log's bytes come from.
class ByteSource {
  public:
    virtual ~ByteSource() = default;
    virtual uint64_t size() const = 0;
    // False: not all of them are there (or an I/O error).
    virtual bool read(uint64_t offset, std::span<uint8_t> to) const = 0;
};

std::unique_ptr<ByteSource> make_memory_source(std::vector<uint8_t> bytes);
Result<std::unique_ptr<ByteSource>> open_file_source(const std::string& path);

struct ChunkRef {
    uint64_t offset = 0;
    ChunkHead head;
    uint64_t next() const { return offset + kChunkHeadSize + head.stored_size; }
};

class LogReader {
  public:
    static Result<std::unique_ptr<LogReader>> open(const std::string& path);
    static Result<std::unique_ptr<LogReader>> open(std::unique_ptr<ByteSource> source,
                                                   std::string name);

    const std::string& name() const { return name_; }
    const FileHead& file_head() const { return file_head_; }
    const LogHeader& header() const { return header_; }
    const EndStatus& end() const { return end_; }
    // Is this build able to behave as the recording did?
    Result<void> check_behaviour() const;

    // Contents of a file that was kept in the log.
    Result<std::vector<uint8_t>> blob(std::string_view name, uint64_t limit = 1 << 30) const;

    // Chunks in file order: the first at or behind `offset`, an offset that came from here. Nothing
    // after the last one that counts.
    std::optional<ChunkRef> chunk_at(uint64_t offset) const;
    uint64_t first_chunk() const { return file_head_.first_chunk; }
    // The next chunk of a type, from `offset` on.
    std::optional<ChunkRef> find_chunk(ChunkType type, uint64_t offset) const;
    // An offset to walk from towards what is at `position`, not behind it.
    uint64_t offset_before(ChunkType type, Position position) const;
    // Checked and decompressed.
    Result<std::vector<uint8_t>> read(const ChunkRef& chunk) const;

    // What was before is gone (rrring=): a replay begins with the first checkpoint.
    bool trimmed() const { return find_chunk(kChunkSkip, first_chunk()).has_value(); }

    // Snapshots in the log, by position; and the bytes of one.
    struct SnapshotRef {
        uint64_t offset = 0;
        uint64_t id = 0;
        uint64_t size = 0;
        Position position;
        int64_t virtual_ns = 0;
        std::string name{};
    };
    Result<std::vector<SnapshotRef>> snapshots(size_t most = 1 << 16) const;
    Result<std::vector<uint8_t>> snapshot(const SnapshotRef& which, uint64_t limit) const;

    // Events that never became a chunk. Follow those of the chunks.
    const std::vector<JournalArea>& journal() const { return journal_; }

    // "log 'x.bin': EVNT chunk at offset 123: ..."
    Error error_at(const ChunkRef& chunk, std::string_view what) const;

  private:
    LogReader(std::unique_ptr<ByteSource> source, std::string name)
        : source_(std::move(source)), name_(std::move(name)) {}

    struct Walk;
    Result<void> open_all();
    Result<void> read_file_head();
    Result<Walk> walk(uint64_t limit) const;
    Result<void> find_end();
    bool take_end(const Walk& walked);
    // The last EVENTS chunk is the one that a power cut may have spoilt. False: it is.
    bool last_events_good(const Walk& walked, EventsHead& next) const;
    bool take_journal(const EventsHead& next);

    std::unique_ptr<ByteSource> source_;
    std::string name_;
    FileHead file_head_;
    LogHeader header_;
    EndStatus end_;
    uint64_t chunks_end_ = 0;
    uint64_t index_offset_ = 0;  // 0: none
    std::vector<JournalArea> journal_;
};

// Goes through the events of an EVENTS chunk's body, or of a journal area's.
class EventDecoder {
  public:
    EventDecoder(std::span<const uint8_t> events, const EventsHead& head, size_t ports)
        : bytes_(events), icount_(head.base_icount), ports_(ports) {}
    // False at the end, and when what follows is no event (then !ok()).
    bool next(EventSource::Event& event);
    bool ok() const { return ok_; }

  private:
    std::span<const uint8_t> bytes_;
    uint64_t icount_;
    size_t ports_;
    bool ok_ = true;
};

// Splits an EVENTS chunk's contents. Nothing: they are too short.
std::optional<EventsHead> decode_events_head(std::span<const uint8_t> raw,
                                             std::span<const uint8_t>& events);

}  // namespace qr
