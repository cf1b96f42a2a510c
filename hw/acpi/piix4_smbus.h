// SPDX-License-Identifier: GPL-2.0-or-later
// The SMBus host and slave registers of the Intel 82371AB (PIIX4), as a part of its function 3.
// Data sheet 290562, "SMBus I/O space registers". Transactions take the time of a 100 kHz bus. The
// slave interface is registers only: there is no other master. VM thread only.
#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include "exec/io.h"
#include "hw/smbus.h"
#include "sysemu/clock.h"

namespace qr {

class Piix4Smbus {
  public:
    // changed: interrupt_pending() may have changed.
    Piix4Smbus(VirtualClock& clock, std::function<void()> changed);

    IoRegion& region() { return region_; }  // 16 ports
    void attach(unsigned address, SmbusSlave& slave) { slaves_[address & 0x7f] = &slave; }

    // An ended transaction wants to be noticed and INTEREN is set.
    bool interrupt_pending() const;

    void reset();
    void state(StateVisitor& v);

  private:
    uint8_t read(uint64_t offset, bool peek);
    void write(uint64_t offset, uint8_t value);
    void start();
    void finish();
    uint8_t run(SmbusSlave* slave);

    VirtualClock& clock_;
    std::function<void()> changed_;
    std::array<SmbusSlave*, 128> slaves_{};
    Timer busy_;
    IoRegion region_;

    uint8_t status_ = 0;
    uint8_t slave_status_ = 0;
    uint8_t control_ = 0;
    uint8_t command_ = 0;
    uint8_t address_ = 0;
    std::array<uint8_t, 2> data_{};
    std::array<uint8_t, 32> block_{};
    uint8_t block_index_ = 0;
    uint8_t slave_control_ = 0;
    std::array<uint8_t, 2> slave_event_{};
};

}  // namespace qr
