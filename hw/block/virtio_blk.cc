// SPDX-License-Identifier: GPL-2.0-or-later
//
// Virtio block requests. Source: Virtio 1.1 (OASIS), 5.2.3 (features), 5.2.4 (configuration), 5.2.5.2 (write cache),
// 5.2.6 (requests), 2.6.4 (message framing).
#include "hw/block/virtio_blk.h"

#include <algorithm>
#include <array>

#include "block/request_time.h"
#include "util/bits.h"

namespace qr {

namespace {

constexpr uint16_t kQueueSize = 256;
constexpr uint32_t kSegments = 254;
constexpr uint32_t kSector = 512;
constexpr uint32_t kMostErase = 0x3fffff;  // sectors of a discard
// One request, and all that are under way: what a guest may make the host keep.
constexpr uint64_t kMostBytes = uint64_t{32} << 20;
constexpr uint64_t kMostInFlight = uint64_t{64} << 20;

// Features.
constexpr unsigned kSegMax = 2, kGeometry = 4, kReadOnly = 5, kBlockSize = 6, kFlushFeature = 9, kTopology = 10,
                   kConfigWce = 11, kDiscardFeature = 13, kWriteZeroesFeature = 14;

// Request types and what becomes of them.
constexpr uint32_t kIn = 0, kOut = 1, kFlush = 4, kGetId = 8, kDiscard = 11, kWriteZeroes = 13;
constexpr uint8_t kOk = 0, kIoErr = 1, kUnsupported = 2;

constexpr size_t kHeader = 16, kIdSize = 20, kEraseSegment = 16;
constexpr uint32_t kUnmap = 1;  // flag of WRITE ZEROES

constexpr unsigned kConfigWriteBack = 32;

}  // namespace

VirtioBlk::VirtioBlk(std::string name, VirtualClock& clock, Drive& drive, std::string serial)
    : clock_(clock),
      drive_(drive),
      serial_(std::move(serial)),
      timer_(clock, std::move(name), [this] { requests_due(); }) {
    add_queue(kQueueSize);
    drive_.on_medium_change([this] { transport().notify_config(); });
    drive_.on_retry([this] {
        for (Request& r : requests_)
            if (r.due_ns == kNoDeadline) r.due_ns = clock_.now_ns();
        std::ranges::stable_sort(requests_, {}, &Request::due_ns);
        arm();
    });
}

uint64_t VirtioBlk::features() const {
    uint64_t bits = 0;
    for (const unsigned feature : {kSegMax, kGeometry, kBlockSize, kFlushFeature, kTopology, kConfigWce,
                                   kDiscardFeature, kWriteZeroesFeature})
        bits |= uint64_t{1} << feature;
    if (drive_.read_only()) bits |= uint64_t{1} << kReadOnly;
    return bits;
}

// ---- configuration ----

uint8_t VirtioBlk::read_config(unsigned offset) const {
    std::array<uint8_t, 60> c{};
    const uint64_t sectors = drive_.size() / kSector;
    store_le<uint64_t>(&c[0], sectors);
    store_le<uint32_t>(&c[12], kSegments);
    store_le(&c[16], static_cast<uint16_t>(std::clamp<uint64_t>(sectors / (16 * 63), 2, 16383)));
    c[18] = 16;
    c[19] = 63;
    store_le<uint32_t>(&c[20], kSector);
    store_le<uint16_t>(&c[26], 1);  // smallest I/O, in blocks
    c[kConfigWriteBack] = write_back_;
    store_le<uint16_t>(&c[34], 1);  // queues
    store_le<uint32_t>(&c[36], kMostErase);
    store_le<uint32_t>(&c[40], 1);  // segments of a discard
    store_le<uint32_t>(&c[44], 1);  // its alignment, in sectors
    store_le<uint32_t>(&c[48], kMostErase);
    store_le<uint32_t>(&c[52], 1);
    c[56] = 1;  // write zeroes may unmap
    return c[offset];
}

void VirtioBlk::write_config(unsigned offset, uint8_t value) {
    if (offset == kConfigWriteBack) write_back_ = value & 1;
}

// A driver that knows of no flush gets a disk that needs none.
bool VirtioBlk::write_cache() const { return has(kConfigWce) ? write_back_ : has(kFlushFeature); }

bool VirtioBlk::in_range(uint64_t sector, uint64_t bytes) const {
    const uint64_t sectors = drive_.size() / kSector;
    return bytes % kSector == 0 && sector <= sectors && bytes / kSector <= sectors - sector;
}

// ---- taking requests ----

void VirtioBlk::queue_notified(unsigned) { take_requests(); }

void VirtioBlk::take_requests() {
    VirtioChain chain;
    while (in_flight_ < kMostInFlight && requests_.size() < kQueueSize) {
        switch (queue().pop(transport().memory(), chain)) {
            case Virtqueue::Pop::kEmpty: return;
            case Virtqueue::Pop::kBroken: return transport().broken();
            case Virtqueue::Pop::kChain: start(chain); break;
        }
    }
}

void VirtioBlk::start(const VirtioChain& chain) {
    // No place for a header or a status: there is no telling what it should have been.
    if (total_length(chain.readable) < kHeader || !total_length(chain.writable)) return transport().broken();
    std::array<uint8_t, kHeader> header;
    gather(transport().memory(), chain.readable, 0, header);
    const auto type = load_le<uint32_t>(&header[0]);
    const auto sector = load_le<uint64_t>(&header[8]);
    switch (type) {
        case kIn: return start_read(chain, sector);
        case kOut: return start_write(chain, sector);
        case kFlush: return begin(Kind::kFlush, chain, drive_.flush(), 0, kFlushNs);
        case kGetId: {
            std::array<uint8_t, kIdSize> id{};
            std::copy_n(serial_.begin(), std::min(serial_.size(), kIdSize), id.begin());
            const uint64_t room = total_length(chain.writable) - 1;
            const auto size = static_cast<uint32_t>(std::min<uint64_t>(room, kIdSize));
            scatter(transport().memory(), chain.writable, 0, std::span(id).first(size));
            finish(chain.head, chain.writable, size, kOk);
            return transport().notify(0);
        }
        case kDiscard:
        case kWriteZeroes: return start_erase(chain, type == kDiscard);
        default: return answer(chain, kUnsupported);
    }
}

void VirtioBlk::start_read(const VirtioChain& chain, uint64_t sector) {
    const uint64_t bytes = total_length(chain.writable) - 1;
    if (!in_range(sector, bytes) || bytes > kMostBytes) return answer(chain, kIoErr);
    begin(Kind::kRead, chain, drive_.read(sector * kSector, static_cast<uint32_t>(bytes)), bytes,
          transfer_time_ns(bytes));
}

void VirtioBlk::start_write(const VirtioChain& chain, uint64_t sector) {
    const uint64_t bytes = total_length(chain.readable) - kHeader;
    if (!in_range(sector, bytes) || bytes > kMostBytes || drive_.read_only()) return answer(chain, kIoErr);
    std::vector<uint8_t> data(bytes);
    gather(transport().memory(), chain.readable, kHeader, data);
    begin(Kind::kWrite, chain, drive_.write(sector * kSector, data), bytes, transfer_time_ns(bytes));
}

// One range a request, as the configuration has it.
void VirtioBlk::start_erase(const VirtioChain& chain, bool discard) {
    std::array<uint8_t, kEraseSegment> segment{};
    if (total_length(chain.readable) != kHeader + kEraseSegment) return answer(chain, kUnsupported);
    gather(transport().memory(), chain.readable, kHeader, segment);
    const auto sector = load_le<uint64_t>(&segment[0]);
    const uint64_t bytes = uint64_t{load_le<uint32_t>(&segment[8])} * kSector;
    const auto flags = load_le<uint32_t>(&segment[12]);
    if (flags & ~(discard ? 0 : kUnmap) || drive_.read_only()) return answer(chain, kUnsupported);
    if (!in_range(sector, bytes) || bytes / kSector > kMostErase) return answer(chain, kIoErr);
    const Drive::Ticket ticket = discard ? drive_.discard(sector * kSector, bytes)
                                         : drive_.write_zeroes(sector * kSector, bytes, flags & kUnmap);
    begin(Kind::kErase, chain, ticket, 0, kRequestNs);
}

void VirtioBlk::begin(Kind kind, const VirtioChain& chain, Drive::Ticket ticket, uint64_t bytes, int64_t ns) {
    Request r{kind, chain.head, ticket, clock_.now_ns() + ns, bytes, chain.writable};
    in_flight_ += bytes;
    const auto later = std::ranges::upper_bound(requests_, r.due_ns, {}, &Request::due_ns);
    requests_.insert(later, std::move(r));
    arm();
}

void VirtioBlk::arm() {
    if (requests_.empty() || requests_.front().due_ns == kNoDeadline)
        timer_.disarm();
    else
        timer_.arm(requests_.front().due_ns);
}

// ---- ending them ----

void VirtioBlk::answer(const VirtioChain& chain, uint8_t status) {
    finish(chain.head, chain.writable, 0, status);
    transport().notify(0);
}

// The status is the last writable byte. `data`: how many bytes were written before it.
void VirtioBlk::finish(uint16_t head, const std::vector<VirtioSegment>& writable, uint32_t data, uint8_t status) {
    scatter(transport().memory(), writable, total_length(writable) - 1, {&status, 1});
    queue().push(transport().memory(), head, data + 1);
}

void VirtioBlk::requests_due() {
    bool told = false;
    while (!requests_.empty() && requests_.front().due_ns <= clock_.now_ns()) {
        Request r = std::move(requests_.front());
        requests_.erase(requests_.begin());
        in_flight_ -= r.bytes;
        std::vector<uint8_t> data;
        const bool reads = r.kind == Kind::kRead;
        const DriveStatus status = drive_.finish(r.ticket, reads ? &data : nullptr);
        if (status == DriveStatus::kStopped) {
            in_flight_ += r.bytes;
            r.due_ns = kNoDeadline;
            requests_.push_back(std::move(r));
            continue;
        }
        const bool good = status == DriveStatus::kOk;
        if (good && r.kind == Kind::kWrite && !write_cache()) {
            begin(Kind::kFlush, {r.head, {}, std::move(r.writable)}, drive_.flush(), 0, kFlushNs);
            continue;
        }
        if (good && reads) scatter(transport().memory(), r.writable, 0, data);
        const auto written = static_cast<uint32_t>(good && reads ? r.bytes : 0);
        finish(r.head, r.writable, written, good ? kOk : kIoErr);
        told = true;
    }
    if (told) transport().notify(0);
    take_requests();
    arm();
}

// ---- life ----

void VirtioBlk::reset() {
    for (const Request& r : requests_) drive_.cancel(r.ticket);
    requests_.clear();
    in_flight_ = 0;
    write_back_ = true;
    timer_.disarm();
}

void VirtioBlk::Request::state(StateVisitor& v) {
    v("kind", kind);
    v("head", head);
    v("ticket", ticket);
    v("due_ns", due_ns);
    v("bytes", bytes);
    v("writable", writable, 0x10000);
}

void VirtioBlk::state(StateVisitor& v) {
    v("write_back", write_back_);
    v("requests", requests_, kQueueSize);
    if (!v.loading()) return;
    in_flight_ = 0;
    for (const Request& r : requests_) {
        in_flight_ += r.bytes;
        if (r.writable.empty() || r.kind > Kind::kErase) v.fail("a request has no place for its status");
    }
}

}  // namespace qr
