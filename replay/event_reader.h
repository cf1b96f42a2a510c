// SPDX-License-Identifier: GPL-2.0-or-later
// The events of a log, one after the other, a chunk in memory at a time.
// Source: docs/replay-format.rst, "EVNT".
#pragma once

#include <optional>
#include <vector>

#include "replay/log_reader.h"

namespace qr {

class EventReader {
  public:
    explicit EventReader(const LogReader& log) : log_(log) { seek({}); }

    // Goes to the first event at or after a position, forward or back.
    void seek(Position position);
    // The next event; null at the log's end, and when the log turns out to be damaged here (then
    // error()). Payloads are valid until pop() or seek().
    const EventSource::Event* peek();
    void pop() { event_.reset(); }
    const std::optional<Error>& error() const { return error_; }
    // How many events are before what peek() gives, which was called.
    uint64_t number() const { return event_ ? number_ - 1 : number_; }

  private:
    bool next_block();
    bool open_block(const EventsHead& head, std::span<const uint8_t> events);
    void fail(Error error);

    const LogReader& log_;
    uint64_t offset_ = 0;  // of what to read next
    size_t area_ = 0;      // of the journal, behind the chunks
    bool in_journal_ = false;
    bool anywhere_ = true;  // the next block may be any: nothing was read since the seek
    EventsHead wanted_;     // what the next block must begin with
    ChunkRef chunk_;
    std::vector<uint8_t> raw_;
    std::optional<EventDecoder> decoder_;
    std::optional<EventSource::Event> event_;
    std::optional<Position> last_;
    uint64_t number_ = 0;
    std::optional<Error> error_;
};

}  // namespace qr
