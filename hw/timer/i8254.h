// SPDX-License-Identifier: GPL-2.0-or-later
// Intel 8254 programmable interval timer (data sheet 231164-005), three counters at 1193182 Hz.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <utility>

#include "exec/io.h"
#include "hw/device.h"
#include "hw/irq.h"
#include "sysemu/clock.h"

namespace qr {

constexpr uint64_t kPitHz = 1193182;

// One counter, as a function of CLK ticks. Time only enters as advance(tick); between two changes
// of its programming it moves in closed form.
class I8254Counter {
  public:
    static constexpr uint64_t kNever = ~uint64_t{0};

    void reset(uint64_t tick, bool gate);
    void state(StateVisitor& v);

    // Moves to `tick`, which is not before the last one. All functions below are about that tick.
    void advance(uint64_t tick);
    // The next tick at which OUT changes; kNever.
    uint64_t next_change() const;
    bool out() const { return out_; }
    // Whether OUT went up since this was last asked.
    bool take_rise() { return std::exchange(rose_, false); }
    bool gate() const { return gate_; }
    uint8_t mode() const { return mode_; }
    uint32_t initial_count() const;  // 1-65536, as last written

    void set_gate(bool level);
    void control(uint8_t word);
    void latch_count();
    void latch_status();
    void write(uint8_t value);
    uint8_t read();
    uint8_t peek() const;

  private:
    uint32_t modulus() const { return bcd_ ? 10000 : 0x10000; }
    bool counting() const;
    bool periodic() const { return mode_ == 2 || mode_ == 3; }
    // Ticks from now to the next change of OUT or reload of the count; kNever.
    uint64_t ticks_to_event() const;
    void set_out(bool level) {
        rose_ |= level && !out_;
        out_ = level;
    }
    void run(uint64_t ticks);
    void event();
    void take_count();
    void load();
    void skip_periods(uint64_t until);
    void count_written();
    void trigger();
    uint16_t reading() const;
    uint8_t status() const;

    uint64_t tick_ = 0;
    uint8_t mode_ = 0;
    uint8_t access_ = 3;  // 1 LSB, 2 MSB, 3 LSB then MSB
    bool bcd_ = false;
    bool gate_ = true;
    bool out_ = true;
    bool rose_ = false;
    uint32_t count_ = 0;     // CE: 0 to modulus
    uint16_t register_ = 0;  // CR, as written
    bool written_ = false;   // CR was written since the control word
    bool loaded_ = false;    // CE was loaded since the control word
    bool stopped_ = false;   // mode 0, between the two bytes of a count
    bool null_count_ = false;
    bool odd_ = false;     // mode 3: the cycle under way belongs to an odd count
    uint32_t period_ = 0;  // modes 2 and 3: the count of the cycle under way
    // Modes 0, 1, 4, 5: where the sequence is.
    enum class Phase : uint8_t { kIdle, kRunning, kStrobe } phase_ = Phase::kIdle;
    uint64_t load_at_ = kNever;  // tick at which CR goes into CE
    bool write_msb_ = false;
    bool read_msb_ = false;
    uint8_t write_lsb_ = 0;
    uint8_t latched_bytes_ = 0;  // of the count that are still to be read
    uint16_t latch_ = 0;
    bool status_latched_ = false;
    uint8_t status_latch_ = 0;
};

class I8254 final : public Device, public IrqSink {
  public:
    // out0: OUT of counter 0, IRQ0.
    I8254(VirtualClock& clock, IrqLine out0);

    void reset() override;
    void state(StateVisitor& v) override;

    IoRegion& region() { return region_; }  // ports 40H-43H

    // Pin 0: while high, OUT0 does not drive its line (HPET legacy replacement).
    void set_irq(int pin, bool level) override;
    IrqLine inhibit_input() { return IrqLine(*this, 0); }

    void set_gate(unsigned channel, bool level);
    bool out(unsigned channel) const;

    struct Programming {
        uint8_t mode;
        bool gate;
        bool out;
        uint32_t count;  // 1-65536
    };
    Programming programming(unsigned channel) const;
    // Called when the guest programs a counter or moves its gate, after it took effect.
    void on_change(std::function<void(unsigned channel)> changed) { changed_ = std::move(changed); }

    // CLK ticks since time zero.
    uint64_t ticks() const;

  private:
    I8254Counter& at_now(unsigned channel) const;
    void write(uint64_t offset, uint8_t value);
    uint8_t read(uint64_t offset);
    uint8_t peek(uint64_t offset) const;
    void control(uint8_t word);
    void changed(unsigned channel);
    void update_out0();

    VirtualClock& clock_;
    IrqLine out0_;
    std::function<void(unsigned)> changed_;
    IoRegion region_;
    Timer timer_;
    // Brought up to now when looked at, which changes nothing that can be seen.
    mutable std::array<I8254Counter, 3> counters_;
    bool inhibited_ = false;
};

}  // namespace qr
