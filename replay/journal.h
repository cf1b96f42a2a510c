// SPDX-License-Identifier: GPL-2.0-or-later
// The journal: events that are in no chunk yet, kept in a shared mapping of the log file, so that
// what the machine was told survives the emulator's death at any instruction.
//
// The file has one stop page and two areas of fixed size. One area takes events while the other
// waits to become an EVENTS chunk. An area's records carry checksums seeded with the number of the
// segment, so that what an earlier segment left behind is never taken for an event. Threads:
// append(), reached() and start() belong to the VM thread, stop() to the log's worker; an area's
// bytes are read by the worker when it was handed over. Source: docs/replay-format.rst, "The
// journal".
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "replay/log_format.h"
#include "util/result.h"

namespace qr {

// One area, read back and checked.
struct JournalArea {
    EventsHead head;
    std::vector<uint8_t> events;  // as in an EVENTS chunk
    uint64_t count = 0;
    Position last;         // of the last event
    uint64_t reached = 0;  // every event before this icount is here (0: not known)
    bool whole = false;    // no record is damaged or missing

    // Nothing: the area holds no segment.
    static std::optional<JournalArea> decode(std::span<const uint8_t> bytes);
};

// What a writer that gave up left in the stop page; nothing when it says nothing (or is damaged).
std::optional<std::string> decode_stop_page(std::span<const uint8_t> bytes);

class Journal {
  public:
    Journal() = default;
    ~Journal();
    Journal(const Journal&) = delete;
    Journal& operator=(const Journal&) = delete;

    // Reserves the disk space and maps it. offset: a multiple of the page size.
    Result<void> map(int fd, uint64_t offset, uint32_t area_size, uint32_t area_count);
    void unmap();

    // Makes an area the one that events go to.
    void start(unsigned area, EventsHead head);
    // False: there is no room.
    bool append(Position position, uint32_t port, std::span<const uint8_t> payload);
    // The machine got to this icount: no event before it is missing.
    void reached(uint64_t icount);
    // Bytes used by records in the area that was started last.
    size_t used() const { return used_; }

    std::span<const uint8_t> area(unsigned index) const;
    // Leaves a message for readers: why no END will follow.
    void stop(std::string_view why);

  private:
    uint8_t* area_start(unsigned index) const {
        return memory_ + kStopPageSize + size_t{index} * area_size_;
    }

    uint8_t* memory_ = nullptr;
    size_t length_ = 0;
    uint32_t area_size_ = 0;
    uint8_t* current_ = nullptr;
    size_t used_ = 0;
    uint64_t segment_ = 0;
    uint64_t last_icount_ = 0;
};

// Writes everything of an event but its payload; `to` has room for four varints.
size_t encode_event_head(uint8_t* to, uint64_t icount_delta, uint32_t ordinal, uint32_t port,
                         uint64_t payload_size);

}  // namespace qr
