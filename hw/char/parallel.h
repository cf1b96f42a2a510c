// SPDX-License-Identifier: GPL-2.0-or-later
// The PC's parallel printer port (standard parallel port) with an ideal printer on it. IBM PC/AT
// Technical Reference, "Serial/Parallel adapter"; IEEE 1284-1994, compatibility mode. Neither
// bidirectional nor EPP nor ECP: the data port reads back what was written. VM thread only.
#pragma once

#include "chardev/char.h"
#include "exec/io.h"
#include "hw/device.h"
#include "hw/irq.h"
#include "sysemu/clock.h"

namespace qr {

class Parallel final : public Device {
  public:
    // irq: ISA IRQ 7 for LPT1.
    Parallel(std::string name, Door& door, VirtualClock& clock, IrqLine irq);

    IoRegion& region() { return region_; }  // 3 ports
    CharEnd& end() { return end_; }

    void reset() override;
    void state(StateVisitor& v) override;

  private:
    // The handshake of one byte as the printer drives it.
    enum class Printer : uint8_t { kReady, kBusy, kAcknowledging };

    uint8_t read(uint64_t offset) const;
    void write(uint64_t offset, uint8_t value);
    uint8_t status() const;
    void write_control(uint8_t value);
    void printer_event();

    VirtualClock& clock_;
    IrqLine irq_;
    Timer timer_;
    CharEnd end_;
    IoRegion region_;

    uint8_t data_ = 0;
    uint8_t control_ = 0;
    Printer printer_ = Printer::kReady;
};

}  // namespace qr
