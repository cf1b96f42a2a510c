// SPDX-License-Identifier: GPL-2.0-or-later
//
// A channel's bus master. Source: SFF-8038i 1.0, 1.2 (descriptors), 2.0 to 2.4 (registers), 3.1 (operation).
#include "hw/ide/bus_master.h"

#include <algorithm>
#include <array>

#include "util/bits.h"

namespace qr::ide {

namespace {

enum : unsigned { kCommand = 0, kStatus = 2, kTable = 4 };

constexpr uint8_t kStart = 0x01;
constexpr uint8_t kToMemory = 0x08;  // kept; the device's command decides

constexpr uint8_t kActive = 0x01;
constexpr uint8_t kError = 0x02;
constexpr uint8_t kInterrupt = 0x04;
constexpr uint8_t kDmaCapable = 0x60;  // of device 0 and 1, for software

// A table may not cross 64 KiB.
constexpr uint32_t kTableLimit = 0xffff;

}  // namespace

uint8_t BusMaster::read(unsigned offset) const {
    switch (offset) {
        case kCommand: return command_;
        case kStatus: return status_;
        case kTable:
        case kTable + 1:
        case kTable + 2:
        case kTable + 3: return static_cast<uint8_t>(table_ >> 8 * (offset - kTable));
        default: return 0xff;
    }
}

void BusMaster::write(unsigned offset, uint8_t value) {
    switch (offset) {
        case kCommand: {
            const bool starts = value & ~command_ & kStart;
            const bool stops = command_ & ~value & kStart;
            command_ = value & (kStart | kToMemory);
            if (stops) end_table();
            if (!starts) return;
            status_ |= kActive;
            next_ = table_;
            left_ = 0;
            last_ = used_up_ = false;
            channel_.dma_ready();
            return;
        }
        case kStatus:
            status_ = static_cast<uint8_t>((status_ & ~kDmaCapable) | (value & kDmaCapable));
            status_ &= static_cast<uint8_t>(~(value & (kError | kInterrupt)));
            return;
        case kTable:
        case kTable + 1:
        case kTable + 2:
        case kTable + 3: {
            const unsigned shift = 8 * (offset - kTable);
            table_ = (table_ & ~(0xffu << shift)) | uint32_t{value} << shift;
            table_ &= ~3u;
            return;
        }
        default: return;
    }
}

// A descriptor: address and count of a region (even; a count of zero is 64 KiB), bit 31 ends the table.
void BusMaster::fetch() {
    std::array<uint8_t, 8> bytes;
    bus_.dma_read(next_, bytes);
    next_ = (next_ & ~kTableLimit) | ((next_ + 8) & kTableLimit);
    address_ = load_le<uint32_t>(bytes.data()) & ~1u;
    const uint32_t control = load_le<uint32_t>(bytes.data() + 4);
    left_ = control & 0xfffe;
    if (!left_) left_ = 0x10000;
    last_ = control >> 31;
}

template <class Move>
size_t BusMaster::walk(size_t size, Move move) {
    size_t done = 0;
    if (used_up_) end_table();
    while (done < size && status_ & kActive) {
        if (!left_) fetch();
        const size_t n = std::min<size_t>(left_, size - done);
        move(address_, done, n);
        done += n;
        address_ += static_cast<uint32_t>(n);
        left_ -= static_cast<uint32_t>(n);
        // The table's end: if that wasn't all, the device waits for another one, without interrupt.
        if (!left_ && last_) end_table();
    }
    return done;
}

void BusMaster::end_table() {
    status_ &= static_cast<uint8_t>(~kActive);
    used_up_ = false;
}

size_t BusMaster::to_memory(std::span<const uint8_t> data) {
    return walk(data.size(),
                [&](uint32_t to, size_t from, size_t n) { bus_.dma_write(to, data.subspan(from, n)); });
}

// The device takes its data at once, but works on them for a while. A driver that polls takes neither active nor
// interrupt for an error, so the last region counts as transferred when the device is done with it.
size_t BusMaster::from_memory(std::span<uint8_t> data) {
    const size_t done =
        walk(data.size(), [&](uint32_t from, size_t to, size_t n) { bus_.dma_read(from, data.subspan(to, n)); });
    if (done == data.size() && !left_ && last_ && !(status_ & kActive)) {
        status_ |= kActive;
        used_up_ = true;
    }
    return done;
}

void BusMaster::device_done() {
    if (used_up_) end_table();
}

// All that the device sent is in memory by then.
void BusMaster::interrupt_rose() { status_ |= kInterrupt; }

void BusMaster::reset() {
    command_ = status_ = 0;
    table_ = next_ = address_ = left_ = 0;
    last_ = used_up_ = false;
}

void BusMaster::state(StateVisitor& v) {
    v("command", command_);
    v("status", status_);
    v("table", table_);
    v("next", next_);
    v("address", address_);
    v("left", left_);
    v("last", last_);
    v("used_up", used_up_);
}

}  // namespace qr::ide
