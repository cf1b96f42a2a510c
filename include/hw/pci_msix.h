// SPDX-License-Identifier: GPL-2.0-or-later
// MSI-X: a table of messages and of pending ones, in a memory BAR of a page. VM thread only. Source: PCI Local Bus
// Specification 3.0, 6.8.2.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "exec/io.h"
#include "sysemu/state.h"

namespace qr {

class PciMsixTable {
  public:
    static constexpr uint32_t kTableOffset = 0, kPendingOffset = 0x800;

    // vectors: 1 to 128. send: a message goes onto the bus.
    PciMsixTable(unsigned vectors, std::function<void(uint64_t address, uint32_t data)> send);

    IoRegion& region() { return region_; }  // 4 KiB
    unsigned vectors() const { return vectors_; }

    // The capability's enable and function mask bits.
    void set_control(bool enabled, bool masked);
    // Only while enabled; masked ones are kept pending.
    void raise(unsigned vector);

    void reset();
    void state(StateVisitor& v);

  private:
    bool masked(unsigned vector) const;
    void send(unsigned vector);
    void send_pending();
    uint64_t read(uint64_t offset, unsigned size) const;
    void write(uint64_t offset, unsigned size, uint64_t value);

    unsigned vectors_;
    std::function<void(uint64_t, uint32_t)> send_;
    IoRegion region_;
    std::vector<uint8_t> table_;  // 16 bytes each: address, data, control
    std::vector<uint8_t> pending_;
    bool enabled_ = false;
    bool all_masked_ = false;
};

}  // namespace qr
