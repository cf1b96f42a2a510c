// SPDX-License-Identifier: GPL-2.0-or-later
// How a log ended: by END, by a kill (the journal has the rest), by a power cut or truncation
// (whole chunks are left), by a write error that the writer noted, or in damage. Part of LogReader.
// Source: docs/replay-format.rst, "The end of a log".
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "replay/log_reader.h"
#include "replay/varint.h"

namespace qr {

// What one pass over the chunks' heads found.
struct LogReader::Walk {
    std::optional<ChunkRef> last_events;
    std::optional<ChunkRef> last;
    std::optional<ChunkRef> end;
    uint64_t stop = 0;   // offset behind the last whole chunk
    std::string damage;  // what is there, if that is no simple cut
};

Result<LogReader::Walk> LogReader::walk(uint64_t limit) const {
    Walk w;
    w.stop = file_head_.first_chunk;
    for (uint64_t number = 0;; ++number) {
        if (w.stop >= limit || limit - w.stop < kChunkHeadSize) return w;
        const auto chunk = chunk_at(w.stop);
        if (!chunk) {
            // Where a power cut took the bytes, a file system may leave zeros.
            std::array<uint8_t, kChunkHeadSize> bytes{};
            const bool read = source_->read(w.stop, bytes);
            if (!read || std::ranges::any_of(bytes, [](uint8_t b) { return b != 0; }))
                w.damage = fmt::format("the chunk head at offset {} is damaged", w.stop);
            return w;
        }
        const ChunkHead& h = chunk->head;
        // In place of all that was there: it has the number of the last one.
        if (h.type == kChunkSkip && h.number >= number) number = h.number;
        if (h.number != number) {
            w.damage =
                fmt::format("chunk {} at offset {} should be chunk {}", h.number, w.stop, number);
            return w;
        }
        if (chunk->next() > limit) return w;
        if (!known_chunk(h.type) && !(h.flags & kChunkOptional))
            return error_at(*chunk,
                            "is of a type that this build does not know; a newer one wrote it");
        const Position before = w.last ? w.last->head.last : Position{};
        if (h.type == kChunkEvents && (h.last < h.first || h.last < before)) {
            w.damage = fmt::format("the positions of the chunk at offset {} go backwards", w.stop);
            return w;
        }
        if (h.type == kChunkEvents) w.last_events = chunk;
        w.last = chunk;
        w.stop = chunk->next();
        if (h.type == kChunkEnd) {
            w.end = chunk;
            return w;
        }
    }
}

bool LogReader::take_end(const Walk& walked) {
    if (!walked.end) return false;
    const auto raw = read(*walked.end);
    if (!raw) return false;
    ByteReader reader(*raw);
    reader.varint();  // number of events
    index_offset_ = reader.varint();
    end_.reason = std::string(reader.text());
    if (!reader.ok()) return false;
    end_.kind = EndKind::kFinished;
    end_.position = walked.end->head.last;
    end_.virtual_ns = walked.end->head.virtual_ns;
    return true;
}

bool LogReader::last_events_good(const Walk& walked, EventsHead& next) const {
    if (!walked.last_events) return true;
    const auto raw = read(*walked.last_events);
    if (!raw) return false;
    std::span<const uint8_t> events;
    const auto head = decode_events_head(*raw, events);
    if (!head || head->base_icount > walked.last_events->head.last.icount) return false;
    next = {head->segment + 1, walked.last_events->head.last.icount, head->first_event};
    EventDecoder decoder(events, *head, header_.ports.size());
    EventSource::Event event;
    while (decoder.next(event)) ++next.first_event;
    return decoder.ok();
}

// True if the journal was there to the last: a segment in it is the one that comes next, or the one
// that the last chunk was made of (a kill between the two).
bool LogReader::take_journal(const EventsHead& next) {
    const FileHead& f = file_head_;
    bool intact = false;
    std::vector<uint8_t> bytes(f.area_size);
    EventsHead wanted = next;
    // Areas are few: look for the segment that follows, then for the one after it.
    for (bool found = true; found;) {
        found = false;
        for (uint32_t i = 0; i < f.area_count && !found; ++i) {
            if (!source_->read(f.journal_offset + kStopPageSize + uint64_t{i} * f.area_size, bytes))
                continue;
            auto area = JournalArea::decode(bytes);
            intact = intact || (area && area->head.segment + 1 == next.segment);
            if (!area || area->head.segment != wanted.segment ||
                area->head.first_event != wanted.first_event ||
                area->head.base_icount < wanted.base_icount)
                continue;
            found = true;
            wanted.segment += 1;
            wanted.first_event += area->count;
            wanted.base_icount = std::max(area->reached, area->last.icount);
            journal_.push_back(std::move(*area));
        }
        if (found && !journal_.back().whole) return false;
    }
    return intact || !journal_.empty();
}

Result<void> LogReader::find_end() {
    uint64_t limit = source_->size();
    EventsHead next;
    Walk walked;
    // A chunk that a power cut spoilt is dropped; more than a few of them are damage of another
    // kind.
    for (int tries = 0;; ++tries) {
        auto result = walk(limit);
        if (!result) return result.error();
        walked = std::move(*result);
        if (take_end(walked)) {
            chunks_end_ = walked.stop;
            return {};
        }
        next = {};
        if (walked.damage.empty() && tries < 8 && !last_events_good(walked, next)) {
            limit = walked.last_events->offset;
            continue;
        }
        break;
    }
    chunks_end_ = walked.stop;
    if (walked.last_events) {
        end_.position = walked.last_events->head.last;
        end_.virtual_ns = walked.last_events->head.virtual_ns;
    }
    if (!walked.damage.empty()) {
        end_.kind = EndKind::kDamaged;
        end_.reason = walked.damage;
        return {};
    }
    end_.kind = EndKind::kTruncated;
    end_.reason = fmt::format("the file ends behind a whole chunk, at offset {}", walked.stop);
    const bool intact = take_journal(next);
    if (!journal_.empty()) {
        const JournalArea& area = journal_.back();
        Position reached{area.reached, 0};
        if (area.count)
            reached = std::max(reached, Position{area.last.icount, area.last.ordinal + 1});
        if (reached > end_.position) {
            end_.position = reached;
            end_.virtual_ns = 0;
        }
        if (!intact) end_.reason = "the journal is damaged or incomplete";
    }
    if (!intact) return {};
    std::vector<uint8_t> page(kStopPageSize);
    std::optional<std::string> stopped;
    if (source_->read(file_head_.journal_offset, page)) stopped = decode_stop_page(page);
    end_.kind = stopped ? EndKind::kStopped : EndKind::kCut;
    end_.reason = stopped ? *stopped : "the recording was killed";
    return {};
}

}  // namespace qr
