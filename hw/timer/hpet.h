// SPDX-License-Identifier: GPL-2.0-or-later
// IA-PC HPET (specification 1.0a), one block of three timers at 100 MHz.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "exec/io.h"
#include "hw/apic_bus.h"
#include "hw/device.h"
#include "hw/irq.h"
#include "sysemu/clock.h"

namespace qr {

class Hpet final : public Device, public IrqSink {
  public:
    static constexpr unsigned kTimers = 3;
    static constexpr int64_t kTickNs = 10;

    struct Config {
        uint32_t routes = 1 << 2;  // I/O APIC inputs that each timer may use
        bool msi = false;          // FSB interrupt delivery
    };

    // interrupts: the board's interrupt inputs by number: ISA 0-15 and I/O APIC 0-23 (IRQ0 is I/O
    // APIC input 2). pit_inhibit: high while legacy replacement keeps the 8254 from its line. msi:
    // needed if config.msi.
    Hpet(Config config, VirtualClock& clock, IrqSink& interrupts, IrqLine pit_inhibit,
         ApicBus* msi = nullptr);

    void reset() override;
    void state(StateVisitor& v) override;

    // The RTC's interrupt, which goes on to IRQ8 unless timer 1 takes its place.
    void set_irq(int pin, bool level) override;
    IrqLine rtc_input() { return IrqLine(*this, 0); }

    IoRegion& region() { return region_; }  // FED00000H, 1 KiB

  private:
    struct Comparator {
        uint64_t config = 0;  // writable bits
        uint64_t comparator = ~uint64_t{0};
        uint64_t period = 0;  // what was last written: the periodic mode's step
        uint64_t fsb = 0;
        bool high = false;  // the interrupt line is driven
        void state(StateVisitor& v);
    };

    uint64_t counter() const;
    uint64_t counter_at(int64_t ns) const;
    bool enabled() const { return config_ & 1; }
    bool legacy() const { return config_ & 2; }
    bool is_32bit(unsigned n) const { return timers_[n].config & (1 << 8); }
    bool is_periodic(unsigned n) const { return timers_[n].config & (1 << 3); }
    int input_of(unsigned n) const;

    uint64_t read64(uint64_t offset) const;
    uint64_t read(uint64_t offset, unsigned size) const;
    void write(uint64_t offset, unsigned size, uint64_t value);
    void write_general(uint64_t value);
    void write_status(uint64_t value);
    void write_counter(uint64_t value);
    void write_timer_config(unsigned n, uint64_t value);
    void write_comparator(unsigned n, uint64_t value, uint64_t lanes);

    void schedule(unsigned n, bool served = false);
    void schedule_all();
    void expired(unsigned n);
    void raise(unsigned n);
    void drive(unsigned n, bool level);
    void release_all();
    void drive_again();

    const Config hardware_;
    VirtualClock& clock_;
    IrqSink& interrupts_;
    IrqLine pit_inhibit_;
    ApicBus* msi_;
    IoRegion region_;
    std::array<std::unique_ptr<Timer>, kTimers> clocks_;

    uint64_t config_ = 0;
    uint64_t status_ = 0;
    uint64_t count_ = 0;    // the main counter at since_ns_, or where it stopped
    int64_t since_ns_ = 0;  // 0 while stopped
    std::array<Comparator, kTimers> timers_;
    bool rtc_ = false;
};

}  // namespace qr
