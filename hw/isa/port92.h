// SPDX-License-Identifier: GPL-2.0-or-later
// System control port A (0x92): fast A20 and fast reset; and the A20 gate that it shares with the
// 8042. Source: IBM PS/2 Hardware Interface Technical Reference, "System Control Port A". VM thread
// only.
#pragma once

#include <cstdint>

#include "exec/io.h"
#include "exec/memory.h"
#include "hw/device.h"
#include "hw/irq.h"
#include "hw/machine_control.h"

namespace qr {

// Several masters drive the gate: whoever wrote last decides, which is what software written for
// either of them expects. Pins are only to tell masters apart.
class A20Gate final : public Device, public IrqSink {
  public:
    explicit A20Gate(AddressSpace& memory) : Device("a20"), memory_(memory) {}

    void set_irq(int pin, bool level) override;
    bool enabled() const { return enabled_; }

    void reset() override { set_irq(0, true); }
    void state(StateVisitor& v) override { v("enabled", enabled_); }
    void after_load() override { memory_.set_a20(enabled_); }

  private:
    AddressSpace& memory_;
    bool enabled_ = true;
};

class Port92 final : public Device {
  public:
    Port92(IrqLine a20, MachineControl& control);

    IoRegion& region() { return region_; }  // 1 port at 0x92

    void reset() override { value_ = 0; }
    void state(StateVisitor& v) override { v("value", value_); }

  private:
    void write(uint8_t value);

    IrqLine a20_;
    MachineControl& control_;
    uint8_t value_ = 0;
    IoRegion region_;
};

}  // namespace qr
