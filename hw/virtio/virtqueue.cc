// SPDX-License-Identifier: GPL-2.0-or-later
//
// Split virtqueues. Source: Virtio 1.1 (OASIS), 2.6.5 (descriptors), 2.6.5.3 (indirect), 2.6.6 to 2.6.8 (rings),
// 2.6.7.2 and 2.6.9 (notification suppression).
#include "hw/virtio/virtqueue.h"

#include <algorithm>
#include <array>
#include <bit>

#include "util/bits.h"

namespace qr {

namespace {

constexpr uint16_t kNext = 1, kWrite = 2, kIndirect = 4;  // of descriptors
constexpr uint16_t kNoInterrupt = 1;                      // of the available ring

constexpr uint64_t kDescriptorSize = 16, kUsedSize = 8, kRingHeader = 4;
constexpr uint64_t kLegacyAlign = 4096;

uint16_t read16(DmaBus& memory, uint64_t address) {
    std::array<uint8_t, 2> bytes;
    memory.dma_read(address, bytes);
    return load_le<uint16_t>(bytes.data());
}

void write16(DmaBus& memory, uint64_t address, uint16_t value) {
    std::array<uint8_t, 2> bytes;
    store_le(bytes.data(), value);
    memory.dma_write(address, bytes);
}

template <class Span, class Move>
void walk(const std::vector<VirtioSegment>& segments, uint64_t from, Span data, Move move) {
    for (const VirtioSegment& s : segments) {
        if (data.empty()) return;
        if (from >= s.length) {
            from -= s.length;
            continue;
        }
        const size_t n = std::min<uint64_t>(s.length - from, data.size());
        move(s.address + from, data.first(n));
        data = data.subspan(n);
        from = 0;
    }
}

}  // namespace

uint64_t total_length(const std::vector<VirtioSegment>& segments) {
    uint64_t total = 0;
    for (const VirtioSegment& s : segments) total += s.length;
    return total;
}

void gather(DmaBus& memory, const std::vector<VirtioSegment>& segments, uint64_t from, std::span<uint8_t> data) {
    walk(segments, from, data, [&](uint64_t address, std::span<uint8_t> part) { memory.dma_read(address, part); });
}

void scatter(DmaBus& memory, const std::vector<VirtioSegment>& segments, uint64_t from,
             std::span<const uint8_t> data) {
    walk(segments, from, data,
         [&](uint64_t address, std::span<const uint8_t> part) { memory.dma_write(address, part); });
}

bool Virtqueue::set_size(uint16_t size) {
    if (!std::has_single_bit(size) || size > most_) return false;
    size_ = size;
    return true;
}

void Virtqueue::set_page(uint32_t page) {
    descriptors = uint64_t{page} << 12;
    available = descriptors + kDescriptorSize * size_;
    const uint64_t end = available + kRingHeader + 2 * size_ + 2;
    used = (end + kLegacyAlign - 1) & ~(kLegacyAlign - 1);
    enabled_ = page != 0;
    next_available_ = next_used_ = told_used_ = 0;
}

Virtqueue::Descriptor Virtqueue::read_descriptor(DmaBus& memory, uint64_t table, uint32_t index) {
    std::array<uint8_t, kDescriptorSize> b;
    memory.dma_read(table + kDescriptorSize * index, b);
    return {load_le<uint64_t>(&b[0]), load_le<uint32_t>(&b[8]), load_le<uint16_t>(&b[12]),
            load_le<uint16_t>(&b[14])};
}

Virtqueue::Pop Virtqueue::pop(DmaBus& memory, VirtioChain& chain) {
    if (!enabled_) return Pop::kEmpty;
    const uint16_t index = read16(memory, available + 2);
    const auto waiting = static_cast<uint16_t>(index - next_available_);
    if (waiting > size_) return Pop::kBroken;
    // The driver needn't tell us before it gets here.
    if (event_index_) write16(memory, used + kRingHeader + kUsedSize * size_, index);
    if (!waiting) return Pop::kEmpty;
    chain.head = read16(memory, available + kRingHeader + 2 * (next_available_ & (size_ - 1)));
    ++next_available_;
    chain.readable.clear();
    chain.writable.clear();

    uint64_t table = descriptors;
    uint32_t entries = size_, at = chain.head;
    bool indirect = false;
    for (uint32_t steps = 0;; ++steps) {
        if (at >= entries || steps >= entries) return Pop::kBroken;  // out of the table, or a loop
        const Descriptor d = read_descriptor(memory, table, at);
        if (d.flags & kIndirect) {
            // A table of its own takes the place of the rest; no more than 64K entries, none of them a table.
            if (indirect || d.flags & kNext || !d.length || d.length % kDescriptorSize ||
                d.length / kDescriptorSize > 0x10000)
                return Pop::kBroken;
            indirect = true;
            table = d.address;
            entries = d.length / kDescriptorSize;
            at = 0;
            steps = 0xffffffff;
            continue;
        }
        if (d.flags & kWrite)
            chain.writable.push_back({d.address, d.length});
        else if (chain.writable.empty())
            chain.readable.push_back({d.address, d.length});
        else
            return Pop::kBroken;  // device-readable ones come first
        if (!(d.flags & kNext)) return Pop::kChain;
        at = d.next;
    }
}

void Virtqueue::push(DmaBus& memory, uint16_t head, uint32_t written) {
    std::array<uint8_t, kUsedSize> element;
    store_le<uint32_t>(&element[0], head);
    store_le<uint32_t>(&element[4], written);
    memory.dma_write(used + kRingHeader + kUsedSize * (next_used_ & (size_ - 1)), element);
    ++next_used_;
    write16(memory, used + 2, next_used_);
}

bool Virtqueue::wants_interrupt(DmaBus& memory) {
    const uint16_t before = told_used_;
    told_used_ = next_used_;
    if (before == next_used_) return false;
    if (!event_index_) return !(read16(memory, available) & kNoInterrupt);
    // Did next_used_ - 1 pass used_event?
    const uint16_t event = read16(memory, available + kRingHeader + 2 * size_);
    return static_cast<uint16_t>(next_used_ - event - 1) < static_cast<uint16_t>(next_used_ - before);
}

void Virtqueue::reset() {
    size_ = most_;
    descriptors = available = used = 0;
    vector = 0xffff;
    enabled_ = event_index_ = false;
    next_available_ = next_used_ = told_used_ = 0;
}

void Virtqueue::state(StateVisitor& v) {
    v("size", size_);
    v("enabled", enabled_);
    v("event_index", event_index_);
    v("descriptors", descriptors);
    v("available", available);
    v("used", used);
    v("vector", vector);
    v("next_available", next_available_);
    v("next_used", next_used_);
    v("told_used", told_used_);
    if (v.loading() && (!std::has_single_bit(size_) || size_ > most_)) {
        v.fail("a virtqueue's size is out of range");
        size_ = most_;
    }
}

}  // namespace qr
