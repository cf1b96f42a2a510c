// SPDX-License-Identifier: GPL-2.0-or-later
// Streaming through a log's events, and checking that none is missing; see replay/event_reader.h.
// Source: docs/replay-format.rst, "EVNT".
#include "replay/event_reader.h"

#include <fmt/format.h>

namespace qr {

void EventReader::seek(Position position) {
    offset_ = log_.offset_before(kChunkEvents, position);
    area_ = 0;
    in_journal_ = false;
    anywhere_ = true;
    wanted_ = {};
    decoder_.reset();
    event_.reset();
    last_.reset();
    error_.reset();
    // Heads say what a chunk reaches to; only the right one is read. The last one is, in any case: it tells how many
    // events there are.
    const bool more = !log_.journal().empty();
    for (auto chunk = log_.find_chunk(kChunkEvents, offset_); chunk;) {
        const auto next = log_.find_chunk(kChunkEvents, chunk->next());
        offset_ = chunk->offset;
        if (chunk->head.last > position || (!next && !more)) break;
        offset_ = chunk->next();
        chunk = next;
    }
    while (peek() && event_->position < position) pop();
}

const EventSource::Event* EventReader::peek() {
    while (!event_ && !error_) {
        EventSource::Event event;
        if (decoder_ && decoder_->next(event)) {
            if (last_ && event.position <= *last_) {
                fail(log_.error_at(chunk_, fmt::format("has an event at instruction {} that is not "
                                                       "after the one before it",
                                                       event.position.icount)));
                break;
            }
            last_ = event.position;
            ++number_;
            event_ = event;
        } else if (decoder_ && !decoder_->ok()) {
            fail(log_.error_at(chunk_, "has something in it that is no event"));
        } else if (!next_block()) {
            return nullptr;
        }
    }
    return event_ ? &*event_ : nullptr;
}

bool EventReader::next_block() {
    if (!in_journal_) {
        if (const auto chunk = log_.find_chunk(kChunkEvents, offset_)) {
            chunk_ = *chunk;
            offset_ = chunk->next();
            auto raw = log_.read(*chunk);
            if (!raw) {
                fail(raw.error());
                return false;
            }
            raw_ = std::move(*raw);
            std::span<const uint8_t> events;
            const auto head = decode_events_head(raw_, events);
            if (!head) {
                fail(log_.error_at(*chunk, "is too short"));
                return false;
            }
            return open_block(*head, events);
        }
        in_journal_ = true;
    }
    if (area_ == log_.journal().size()) return false;
    const JournalArea& area = log_.journal()[area_++];
    return open_block(area.head, area.events);
}

bool EventReader::open_block(const EventsHead& head, std::span<const uint8_t> events) {
    if (!anywhere_ && head.segment != wanted_.segment) {
        fail(log_.error_at(chunk_, fmt::format("has segment {} where segment {} should be",
                                               head.segment, wanted_.segment)));
        return false;
    }
    if (!anywhere_ && head.first_event != number_) {
        fail(log_.error_at(chunk_, fmt::format("begins with event {} where event {} should be",
                                               head.first_event, number_)));
        return false;
    }
    anywhere_ = false;
    wanted_.segment = head.segment + 1;
    number_ = head.first_event;
    decoder_.emplace(events, head, log_.header().ports.size());
    return true;
}

void EventReader::fail(Error error) {
    error_ = std::move(error);
    decoder_.reset();
}

}  // namespace qr
