// SPDX-License-Identifier: GPL-2.0-or-later
// A log with checkpoints out of one without; see replay/log_indexer.h. Source: docs/replay-format.rst.
#include "replay/log_indexer.h"

#include <fmt/format.h>

#include "replay/varint.h"

namespace qr {

namespace {
constexpr uint64_t kFirstChunk = 8192;
}  // namespace

Result<std::unique_ptr<LogIndexer>> LogIndexer::create(const LogReader& log, const std::string& path) {
    if (log.end().kind == EndKind::kDamaged)
        return Error{fmt::format("log '{}': it is damaged, and isn't written anew: {}", log.name(), log.end().reason)};
    if (log.trimmed()) return Error{fmt::format("log '{}' is one of the last stretch (rrring=): it has checkpoints", log.name())};
    std::unique_ptr<LogIndexer> indexer(new LogIndexer(log));
    if (auto done = indexer->file_.create(path); !done) return done.error();
    if (auto done = indexer->copy(); !done) return done.error();
    return indexer;
}

Result<void> LogIndexer::append(ChunkType type, Position first, Position last, uint64_t virtual_ns,
                                std::span<const uint8_t> raw, bool compress) {
    ChunkHead head;
    head.type = type;
    head.first = first;
    head.last = last;
    head.virtual_ns = virtual_ns;
    if (optional_chunk(type)) head.flags |= kChunkOptional;
    // Checkpoints lie behind everything else, and are found by walking.
    if (type == kChunkEvents || type == kChunkDigest || type == kChunkSnapshot)
        index_.push_back({type, file_.end(), first});
    return file_.append(head, raw, compress);
}

Result<void> LogIndexer::copy() {
    FileHead head = log_.file_head();
    head.journal_offset = kFirstChunk - kStopPageSize;
    head.area_size = head.area_count = 0;
    head.first_chunk = kFirstChunk;
    if (auto done = file_.write_at(0, head.encode()); !done) return done;
    file_.set_end(kFirstChunk);
    for (auto chunk = log_.chunk_at(log_.first_chunk()); chunk; chunk = log_.chunk_at(chunk->next())) {
        const ChunkHead& h = chunk->head;
        if (h.type == kChunkIndex || h.type == kChunkEnd || h.type == kChunkCheckpoint || h.type == kChunkCheckpointPiece)
            continue;
        if (!known_chunk(h.type)) continue;  // optional ones of a newer build
        const auto raw = log_.read(*chunk);
        if (!raw) return raw.error();
        if (h.type == kChunkEvents) {
            std::span<const uint8_t> bytes;
            const auto events = decode_events_head(*raw, bytes);
            if (!events) return log_.error_at(*chunk, "is too short");
            EventDecoder decoder(bytes, *events, log_.header().ports.size());
            EventSource::Event event;
            events_ = events->first_event;
            while (decoder.next(event)) ++events_;
        }
        if (auto done = append(h.type, h.first, h.last, h.virtual_ns, *raw, h.flags & kChunkCompressed); !done) return done;
    }
    // What a killed recording left in its journal becomes chunks.
    for (const JournalArea& area : log_.journal()) {
        std::vector<uint8_t> raw;
        put_varint(raw, area.head.segment);
        put_varint(raw, area.head.base_icount);
        put_varint(raw, area.head.first_event);
        raw.insert(raw.end(), area.events.begin(), area.events.end());
        events_ = area.head.first_event + area.count;
        const Position last = std::max(Position{area.reached, 0}, Position{area.last.icount, area.last.ordinal + 1});
        if (auto done = append(kChunkEvents, {area.head.base_icount, 0}, last, 0, raw, true); !done) return done;
    }
    copied_ = file_.end();
    return {};
}

Result<void> LogIndexer::checkpoint(Position position, int64_t virtual_ns, const CheckpointData& data) {
    return write_checkpoint(data, [&](ChunkType type, std::span<const uint8_t> raw, bool compress) {
        return append(type, position, position, static_cast<uint64_t>(virtual_ns), raw, compress);
    });
}

Result<void> LogIndexer::finish() {
    const EndStatus& end = log_.end();
    std::vector<uint8_t> raw = encode_index(index_);
    const uint64_t index_offset = file_.end();
    if (auto done = append(kChunkIndex, {}, end.position, end.virtual_ns, raw, true); !done) return done;
    raw.clear();
    put_varint(raw, events_);
    put_varint(raw, index_offset);
    put_bytes(raw, as_bytes(end.reason));
    if (auto done = append(kChunkEnd, end.position, end.position, end.virtual_ns, raw, false); !done) return done;
    if (auto done = file_.sync(); !done) return done;
    return file_.publish();
}

}  // namespace qr
