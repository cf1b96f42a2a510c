// SPDX-License-Identifier: GPL-2.0-or-later
// Interrupt wires. A device drives an IrqLine; whoever receives it (a PIC, an I/O APIC, the board's
// fan-out) implements IrqSink. Levels are kept, as state, by the receiver. VM thread only.
#pragma once

namespace qr {

class IrqSink {
  public:
    virtual ~IrqSink() = default;
    // The wire `pin` now has this level. Called also when the level did not change.
    virtual void set_irq(int pin, bool level) = 0;
};

class IrqLine {
  public:
    IrqLine() = default;
    IrqLine(IrqSink& sink, int pin) : sink_(&sink), pin_(pin) {}

    // A line that leads nowhere may be driven too.
    void set(bool level) const {
        if (sink_) sink_->set_irq(pin_, level);
    }
    void raise() const { set(true); }
    void lower() const { set(false); }
    void pulse() const {
        set(true);
        set(false);
    }

  private:
    IrqSink* sink_ = nullptr;
    int pin_ = 0;
};

}  // namespace qr
