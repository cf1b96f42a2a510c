// SPDX-License-Identifier: GPL-2.0-or-later
// The journal's two areas in shared memory; see replay/journal.h and docs/replay-format.rst, "The
// journal".
//
// A process may be killed between any two instructions, and its stores stay: so the order of stores
// is the whole protocol, and the compiler must keep it (the atomic release stores below).
#include "replay/journal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>

#include <atomic>
#include <cassert>
#include <cerrno>
#include <cstring>

#include "replay/varint.h"
#include "util/bits.h"

namespace qr {

namespace {

constexpr uint32_t kAreaMagic = 0x4C4E4A51;  // "QJNL"
constexpr uint32_t kStopMagic = 0x504F5453;  // "STOP"
constexpr size_t kStopTextMax = 1024;

// Offsets in an area's head.
constexpr size_t kAtMagic = 0, kAtCheck = 4, kAtSegment = 8, kAtBase = 16, kAtFirstEvent = 24,
                 kAtCommitted = 32, kAtReached = 40, kAtReachedInverse = 48;

// A record: u32 length, u32 checksum, then the event, padded to 8 bytes.
constexpr size_t kRecordHead = 8;
constexpr size_t padded(size_t n) { return (n + 7) & ~size_t{7}; }

void publish64(uint8_t* at, uint64_t value) {
    reinterpret_cast<std::atomic<uint64_t>*>(at)->store(value, std::memory_order_release);
}

uint32_t head_check(const uint8_t* area) { return hash32({area + kAtSegment, 24}, kAreaMagic); }

uint64_t record_head(uint64_t length, uint32_t check) {
    return length | static_cast<uint64_t>(check) << 32;
}

}  // namespace

size_t encode_event_head(uint8_t* to, uint64_t icount_delta, uint32_t ordinal, uint32_t port,
                         uint64_t payload_size) {
    size_t n = encode_varint(to, icount_delta);
    n += encode_varint(to + n, ordinal);
    n += encode_varint(to + n, port);
    n += encode_varint(to + n, payload_size);
    return n;
}

Journal::~Journal() { unmap(); }

Result<void> Journal::map(int fd, uint64_t offset, uint32_t area_size, uint32_t area_count) {
    assert(area_size % 4096 == 0 && offset % 4096 == 0);
    length_ = kStopPageSize + size_t{area_size} * area_count;
    area_size_ = area_size;
    // A hole would turn a full disk into SIGBUS at the first store.
    const int failed = posix_fallocate(fd, static_cast<off_t>(offset), static_cast<off_t>(length_));
    if (failed) return Error{std::strerror(failed)};
    void* memory =
        mmap(nullptr, length_, PROT_READ | PROT_WRITE, MAP_SHARED, fd, static_cast<off_t>(offset));
    if (memory == MAP_FAILED) return Error{std::strerror(errno)};
    memory_ = static_cast<uint8_t*>(memory);
    return {};
}

void Journal::unmap() {
    if (memory_) munmap(memory_, length_);
    memory_ = current_ = nullptr;
}

void Journal::start(unsigned area, EventsHead head) {
    uint8_t* const a = area_start(area);
    store_le(a + kAtMagic, uint32_t{0});  // until all of the head is written, the area is empty
    std::atomic_signal_fence(std::memory_order_seq_cst);
    publish64(a + kAreaHeadSize, 0);
    store_le(a + kAtSegment, head.segment);
    store_le(a + kAtBase, head.base_icount);
    store_le(a + kAtFirstEvent, head.first_event);
    publish64(a + kAtCommitted, 0);
    publish64(a + kAtReached, head.base_icount);
    publish64(a + kAtReachedInverse, ~head.base_icount);
    publish64(a + kAtMagic, kAreaMagic | static_cast<uint64_t>(head_check(a)) << 32);
    current_ = a;
    used_ = 0;
    segment_ = head.segment;
    last_icount_ = head.base_icount;
}

bool Journal::append(Position position, uint32_t port, std::span<const uint8_t> payload) {
    uint8_t head[4 * kMaxVarintBytes];
    const size_t head_size = encode_event_head(head, position.icount - last_icount_,
                                               position.ordinal, port, payload.size());
    const size_t size = head_size + payload.size();
    const size_t next = used_ + kRecordHead + padded(size);
    if (kAreaHeadSize + next + kRecordHead > area_size_) return false;
    uint8_t* const record = current_ + kAreaHeadSize + used_;
    uint8_t* const body = record + kRecordHead;
    std::memcpy(body, head, head_size);
    if (!payload.empty()) std::memcpy(body + head_size, payload.data(), payload.size());
    publish64(body + padded(size), 0);  // the next record is not there
    publish64(record, record_head(size, hash32({body, size}, segment_)));
    used_ = next;
    publish64(current_ + kAtCommitted, used_);
    last_icount_ = position.icount;
    return true;
}

void Journal::reached(uint64_t icount) {
    publish64(current_ + kAtReached, icount);
    publish64(current_ + kAtReachedInverse, ~icount);
}

std::span<const uint8_t> Journal::area(unsigned index) const {
    return {area_start(index), area_size_};
}

void Journal::stop(std::string_view why) {
    why = why.substr(0, kStopTextMax);
    uint8_t* const page = memory_;
    std::memcpy(page + 16, why.data(), why.size());
    store_le(page + 8, static_cast<uint64_t>(why.size()));
    publish64(page,
              kStopMagic | static_cast<uint64_t>(hash32({page + 8, 8 + why.size()}, kStopMagic))
                               << 32);
}

std::optional<std::string> decode_stop_page(std::span<const uint8_t> page) {
    if (page.size() < kStopPageSize || load_le<uint32_t>(&page[0]) != kStopMagic) return {};
    const auto length = load_le<uint64_t>(&page[8]);
    if (length > kStopTextMax) return {};
    if (load_le<uint32_t>(&page[4]) != hash32(page.subspan(8, 8 + length), kStopMagic)) return {};
    return std::string(reinterpret_cast<const char*>(&page[16]), length);
}

std::optional<JournalArea> JournalArea::decode(std::span<const uint8_t> bytes) {
    if (bytes.size() < kAreaHeadSize + kRecordHead) return {};
    const uint8_t* const a = bytes.data();
    if (load_le<uint32_t>(a + kAtMagic) != kAreaMagic) return {};
    if (load_le<uint32_t>(a + kAtCheck) != head_check(a)) return {};
    JournalArea area;
    area.head = {load_le<uint64_t>(a + kAtSegment), load_le<uint64_t>(a + kAtBase),
                 load_le<uint64_t>(a + kAtFirstEvent)};
    uint64_t icount = area.head.base_icount;
    size_t at = kAreaHeadSize;
    for (;;) {
        if (at + kRecordHead > bytes.size()) break;
        const auto length = load_le<uint32_t>(&bytes[at]);
        const auto check = load_le<uint32_t>(&bytes[at + 4]);
        if (!length && !check) {
            // Pages reach the disk in any order: the head may know of records that did not.
            area.whole = at - kAreaHeadSize >= load_le<uint64_t>(a + kAtCommitted);
            break;
        }
        if (length > bytes.size() - at - kRecordHead) break;
        const auto body = bytes.subspan(at + kRecordHead, length);
        if (hash32(body, area.head.segment) != check) break;
        ByteReader reader(body);
        const uint64_t delta = reader.varint();
        const uint64_t ordinal = reader.varint_up_to(UINT32_MAX);
        reader.varint_up_to(UINT32_MAX);
        reader.bytes();
        if (!reader.ok() || !reader.at_end() || delta > UINT64_MAX - icount) break;
        icount += delta;
        area.last = {icount, static_cast<uint32_t>(ordinal)};
        area.events.insert(area.events.end(), body.begin(), body.end());
        ++area.count;
        at += kRecordHead + padded(length);
    }
    if (area.whole) {
        // Two stores: a kill between them leaves the older value in one. The smaller one is true.
        const auto value = load_le<uint64_t>(a + kAtReached);
        const auto inverse = load_le<uint64_t>(a + kAtReachedInverse);
        area.reached = std::min(value, ~inverse);
    }
    return area;
}

}  // namespace qr
