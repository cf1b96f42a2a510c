// SPDX-License-Identifier: GPL-2.0-or-later
//
// Where interrupt lines fork: an ISA interrupt reaches both the 8259A pair and the I/O APIC, IRQ 0 as the I/O
// APIC's input 2 (MultiProcessor Specification 1.4, 3.6.2.2; the MADT says so too). No state of its own.
#pragma once

#include <array>
#include <functional>

#include "hw/intc/i8259.h"
#include "hw/intc/ioapic.h"
#include "hw/irq.h"
#include "hw/isa/piix3.h"

namespace qr {

// Inputs 0 to 15: ISA interrupts; 16 to 23: the I/O APIC's alone.
class InterruptRoutes final : public IrqSink {
  public:
    InterruptRoutes(I8259Pair& pic, IoApic& ioapic) : pic_(pic), ioapic_(ioapic) {}

    // Told of every change, before the controllers are.
    void watch(std::function<void(int pin, bool level)> watch) { watch_ = std::move(watch); }

    void set_irq(int pin, bool level) override {
        if (pin < 0 || pin > 23) return;
        tell(pin, level);
        if (pin < 16) pic_.set_irq(pin, level);
        ioapic_.set_irq(pin == 0 ? 2 : pin, level);
    }
    void set_tracer(IoTracer* tracer) { tracer_ = tracer; }
    const std::array<uint64_t, 24>& counts() const { return counts_; }

    // An input of the I/O APIC that isn't an ISA line.
    void set_ioapic_input(int pin, bool level) {
        if (pin < 0 || pin > 23) return;
        tell(pin, level);
        ioapic_.set_irq(pin, level);
    }

  private:
    void tell(int pin, bool level) {
        bool& last = levels_[static_cast<size_t>(pin)];
        if (watch_ && last != level) watch_(pin, level);
        if (tracer_ && last != level) tracer_->interrupt(pin, level);
        counts_[static_cast<size_t>(pin)] += level && !last;
        last = level;
    }

    I8259Pair& pic_;
    IoApic& ioapic_;
    std::function<void(int, bool)> watch_;
    IoTracer* tracer_ = nullptr;
    std::array<bool, 24> levels_{};  // for the watcher only
    std::array<uint64_t, 24> counts_{};  // of rising edges, for people only
};

// The HPET's outputs: ISA lines are shared with other sources through the PIIX3, the I/O APIC's inputs 2 and
// 16 to 23 are wired directly.
class HpetRoutes final : public IrqSink {
  public:
    HpetRoutes(Piix3& piix3, InterruptRoutes& routes) : routes_(routes) {
        for (unsigned i = 0; i < lines_.size(); ++i)
            if (i != 2) lines_[i] = piix3.isa_irq(i);
    }

    void set_irq(int pin, bool level) override {
        if (pin >= 0 && pin < 16 && pin != 2)
            lines_[static_cast<size_t>(pin)].set(level);
        else
            routes_.set_ioapic_input(pin, level);
    }

  private:
    InterruptRoutes& routes_;
    std::array<IrqLine, 16> lines_;
};

}  // namespace qr
