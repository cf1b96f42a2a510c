// SPDX-License-Identifier: GPL-2.0-or-later
//
// A split virtqueue as the device sees it: chains of descriptors taken from the available ring, used ones given
// back, interrupts as the driver wants them. Virtio 1.1 (OASIS), 2.6; legacy layout: 2.6.2. Packed rings aren't
// modelled. VM thread only.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "exec/ioport.h"
#include "sysemu/state.h"

namespace qr {

// Memory of the guest.
struct VirtioSegment {
    uint64_t address = 0;
    uint32_t length = 0;

    template <class V>
    void state(V& v) {
        v("address", address);
        v("length", length);
    }
};

// What the driver made available as one request.
struct VirtioChain {
    uint16_t head = 0;
    std::vector<VirtioSegment> readable;  // by the device
    std::vector<VirtioSegment> writable;
};

// Total length of segments; far below overflow, as there are no more than 64K of 4 GiB.
uint64_t total_length(const std::vector<VirtioSegment>& segments);
// Bytes `from`..`from`+data.size() of what the segments are, as far as they reach.
void gather(DmaBus& memory, const std::vector<VirtioSegment>& segments, uint64_t from, std::span<uint8_t> data);
void scatter(DmaBus& memory, const std::vector<VirtioSegment>& segments, uint64_t from,
             std::span<const uint8_t> data);

class Virtqueue {
  public:
    enum class Pop : uint8_t { kChain, kEmpty, kBroken };

    explicit Virtqueue(uint16_t most) : most_(most), size_(most) {}

    // What the transport's registers show and set.
    uint16_t most() const { return most_; }
    uint16_t size() const { return size_; }
    bool set_size(uint16_t size);  // a power of two up to most()
    bool enabled() const { return enabled_; }
    void enable(bool on) { enabled_ = on; }
    uint64_t descriptors = 0, available = 0, used = 0;
    uint16_t vector = 0xffff;
    // Legacy: all three parts in a row, the last one on a page's start. 0 disables.
    void set_page(uint32_t page);
    uint32_t page() const { return static_cast<uint32_t>(descriptors >> 12); }

    // Negotiated.
    void set_event_index(bool on) { event_index_ = on; }

    Pop pop(DmaBus& memory, VirtioChain& chain);
    void push(DmaBus& memory, uint16_t head, uint32_t written);
    // After pushes: whether the driver wants an interrupt for them.
    bool wants_interrupt(DmaBus& memory);

    void reset();
    void state(StateVisitor& v);

  private:
    struct Descriptor {
        uint64_t address;
        uint32_t length;
        uint16_t flags;
        uint16_t next;
    };
    static Descriptor read_descriptor(DmaBus& memory, uint64_t table, uint32_t index);

    uint16_t most_;
    uint16_t size_;
    bool enabled_ = false;
    bool event_index_ = false;
    uint16_t next_available_ = 0;  // index of the driver's next chain
    uint16_t next_used_ = 0;
    uint16_t told_used_ = 0;       // next_used_ when an interrupt was last considered
};

}  // namespace qr
