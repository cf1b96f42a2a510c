// SPDX-License-Identifier: GPL-2.0-or-later
// Intel 8254. Source: data sheet 231164-005, "Operational description" and "Mode definitions".
//
//   40H-42H counters 0-2
//   43H     control word: 7:6 counter (3: read-back), 5:4 access (0: latch), 3:1 mode, 0 BCD
//
// A count written at tick t is loaded at t+1 (in modes 1 and 5 after the trigger), and decrements
// on each tick from then on. Counters 0 and 1 have their gates tied high; port 61H drives the
// third.
//
// Not modelled: writes and gate edges take effect on the tick in which they happen, not on CLK's
// phase; counts of 1 in modes 2 and 3, which are illegal, leave OUT high.
#include "hw/timer/i8254.h"

#include <algorithm>

#include "util/bits.h"

namespace qr {

namespace {

uint32_t from_bcd(uint32_t v) {
    return (v & 15) + (v >> 4 & 15) * 10 + (v >> 8 & 15) * 100 + (v >> 12 & 15) * 1000;
}

uint16_t to_bcd(uint32_t v) {
    return static_cast<uint16_t>(v % 10 | v / 10 % 10 << 4 | v / 100 % 10 << 8 |
                                 v / 1000 % 10 << 12);
}

}  // namespace

// ---- one counter --------------------------------------------------------------------------------

// The chip has no reset. What the board comes up with: mode 3, the longest count, counting.
void I8254Counter::reset(uint64_t tick, bool gate) {
    *this = I8254Counter{};
    tick_ = tick;
    gate_ = gate;
    mode_ = 3;
    written_ = true;
    load();
}

void I8254Counter::state(StateVisitor& v) {
    v("tick", tick_);
    v("mode", mode_);
    v("access", access_);
    v("bcd", bcd_);
    v("gate", gate_);
    v("out", out_);
    v("rose", rose_);
    v("count", count_);
    v("count_register", register_);
    v("written", written_);
    v("loaded", loaded_);
    v("stopped", stopped_);
    v("null_count", null_count_);
    v("odd", odd_);
    v("period", period_);
    v("phase", phase_);
    v("load_at", load_at_);
    v("write_msb", write_msb_);
    v("read_msb", read_msb_);
    v("write_lsb", write_lsb_);
    v("latched_bytes", latched_bytes_);
    v("latch", latch_);
    v("status_latched", status_latched_);
    v("status_latch", status_latch_);
    if (!v.loading()) return;
    if (mode_ > 5) v.fail("mode is out of range");
    if (count_ > 0x10000 || period_ > 0x10000) v.fail("count is out of range");
    if (access_ < 1 || access_ > 3) v.fail("access is out of range");
}

uint32_t I8254Counter::initial_count() const {
    const uint32_t n = (bcd_ ? from_bcd(register_) : register_) % modulus();
    return n ? n : modulus();
}

bool I8254Counter::counting() const {
    if (!loaded_) return false;
    switch (mode_) {
        case 0: return gate_ && !stopped_;
        case 1:
        case 5: return true;
        default: return gate_;
    }
}

uint64_t I8254Counter::ticks_to_event() const {
    if (!counting()) return kNever;
    switch (mode_) {
        case 2:
            if (period_ < 2) return kNever;
            return out_ ? count_ - 1 : 1;
        case 3:
            if (period_ < 2) return kNever;
            // The high half of an odd count takes one tick more (count_ is even then).
            return count_ / 2 + (odd_ && out_ ? 1 : 0);
        default:
            if (phase_ == Phase::kRunning) return count_;
            return phase_ == Phase::kStrobe ? 1 : kNever;
    }
}

uint64_t I8254Counter::next_change() const {
    const uint64_t ticks = ticks_to_event();
    const uint64_t change = ticks == kNever ? kNever : tick_ + ticks;
    // A load may come first and change what is to come; look again then. It can also raise OUT
    // itself.
    return std::min(change, load_at_);
}

// Ticks without an event among them.
void I8254Counter::run(uint64_t ticks) {
    tick_ += ticks;
    if (!counting()) return;
    if (mode_ == 3) {
        if (period_ >= 2) count_ -= static_cast<uint32_t>(2 * ticks);
    } else if (mode_ == 2) {
        if (period_ >= 2) count_ -= static_cast<uint32_t>(ticks);
    } else {
        // Past zero it wraps around and goes on.
        const uint32_t m = modulus();
        count_ = static_cast<uint32_t>((count_ + m - ticks % m) % m);
    }
}

void I8254Counter::event() {
    switch (mode_) {
        case 0:
        case 1:
            set_out(true);
            count_ = 0;
            phase_ = Phase::kIdle;
            break;
        case 2:
            if (out_) {
                set_out(false);
                count_ = 1;
            } else {
                load();
            }
            break;
        case 3: {
            const bool level = !out_;
            take_count();
            set_out(level);
            break;
        }
        default:
            if (phase_ == Phase::kRunning) {
                set_out(false);
                count_ = 0;
                phase_ = Phase::kStrobe;
            } else {
                set_out(true);
                count_ = modulus() - 1;
                phase_ = Phase::kIdle;
            }
            break;
    }
}

// CR goes into CE.
void I8254Counter::take_count() {
    load_at_ = kNever;
    const uint32_t n = initial_count();
    loaded_ = true;
    null_count_ = false;
    period_ = n;
    odd_ = n & 1;
    count_ = mode_ == 3 ? n & ~1u : n;
}

// The beginning of a counting sequence.
void I8254Counter::load() {
    take_count();
    switch (mode_) {
        case 0: phase_ = Phase::kRunning; break;
        case 1:
            set_out(false);
            phase_ = Phase::kRunning;
            break;
        case 4:
        case 5:
            set_out(true);
            phase_ = Phase::kRunning;
            break;
        default: set_out(true); break;
    }
}

// Whole cycles that change nothing.
void I8254Counter::skip_periods(uint64_t until) {
    if (!periodic() || !counting() || period_ < 2 || load_at_ != kNever) return;
    if (period_ != initial_count()) return;  // a new count waits for the end of this cycle
    const uint64_t cycles = (until - tick_) / period_;
    tick_ += cycles * period_;
    rose_ |= cycles != 0;
}

void I8254Counter::advance(uint64_t tick) {
    // A new count in a periodic mode is taken at the end of the cycle; whole cycles can be skipped
    // after.
    bool null_waits = null_count_;
    while (tick_ < tick) {
        if (!null_waits) skip_periods(tick);
        const uint64_t ticks = ticks_to_event();
        const uint64_t event_at = ticks == kNever ? kNever : tick_ + ticks;
        const uint64_t next = std::min(event_at, load_at_);
        if (next > tick) {
            run(tick - tick_);
            return;
        }
        run(next - tick_);
        if (load_at_ == next)
            load();
        else
            event();
        null_waits = null_count_;
    }
}

void I8254Counter::trigger() {
    // Before a count was written there is nothing to start.
    if (written_) load_at_ = tick_ + 1;
}

void I8254Counter::set_gate(bool level) {
    const bool rising = level && !gate_;
    gate_ = level;
    if (mode_ == 0 || mode_ == 4) return;
    if (rising)
        trigger();
    else if (!level && periodic())
        set_out(true);
}

void I8254Counter::control(uint8_t word) {
    access_ = static_cast<uint8_t>(bits(word, 4, 2));
    mode_ = static_cast<uint8_t>(bits(word, 1, 3));
    if (mode_ > 5) mode_ -= 4;  // the top bit is "don't care" in modes 2 and 3
    bcd_ = bit(word, 0);
    if (count_ > modulus()) count_ %= modulus();
    set_out(mode_ != 0);
    register_ = 0;
    written_ = loaded_ = stopped_ = false;
    null_count_ = true;
    phase_ = Phase::kIdle;
    load_at_ = kNever;
    write_msb_ = read_msb_ = false;
    latched_bytes_ = 0;
    status_latched_ = false;
}

void I8254Counter::count_written() {
    written_ = true;
    stopped_ = false;
    null_count_ = true;
    // Triggered modes wait for the gate, periodic ones that run for the end of their cycle.
    if (mode_ == 1 || mode_ == 5) return;
    if (periodic() && loaded_) return;
    load_at_ = tick_ + 1;
}

void I8254Counter::write(uint8_t value) {
    switch (access_) {
        case 1:
            register_ = value;
            count_written();
            break;
        case 2:
            register_ = static_cast<uint16_t>(value << 8);
            count_written();
            break;
        default:
            if (!write_msb_) {
                write_lsb_ = value;
                if (mode_ == 0) {  // the first byte stops the count
                    stopped_ = true;
                    load_at_ = kNever;
                }
            } else {
                register_ = static_cast<uint16_t>(value << 8 | write_lsb_);
                count_written();
            }
            write_msb_ = !write_msb_;
            break;
    }
    // "OUT is set low immediately" by writing a count in mode 0.
    if (mode_ == 0) {
        set_out(false);
        phase_ = Phase::kIdle;
    }
}

uint16_t I8254Counter::reading() const {
    return bcd_ ? to_bcd(count_ % 10000) : static_cast<uint16_t>(count_);
}

uint8_t I8254Counter::status() const {
    return static_cast<uint8_t>(out_ << 7 | null_count_ << 6 | access_ << 4 | mode_ << 1 | bcd_);
}

void I8254Counter::latch_count() {
    if (latched_bytes_) return;  // the first latch stands until it is read
    latch_ = reading();
    latched_bytes_ = access_ == 3 ? 2 : 1;
}

void I8254Counter::latch_status() {
    if (status_latched_) return;
    status_latched_ = true;
    status_latch_ = status();
}

uint8_t I8254Counter::peek() const {
    if (status_latched_) return status_latch_;
    const uint16_t value = latched_bytes_ ? latch_ : reading();
    const bool high = access_ == 2 || (access_ == 3 && read_msb_);
    return static_cast<uint8_t>(high ? value >> 8 : value);
}

uint8_t I8254Counter::read() {
    const uint8_t value = peek();
    if (status_latched_) {
        status_latched_ = false;
        return value;
    }
    if (latched_bytes_) --latched_bytes_;
    if (access_ == 3) read_msb_ = !read_msb_;
    return value;
}

// ---- the chip -----------------------------------------------------------------------------------

I8254::I8254(VirtualClock& clock, IrqLine out0)
    : Device("i8254"),
      clock_(clock),
      out0_(out0),
      region_("pit", 4,
              {.read = [this](uint64_t offset, unsigned) { return read(offset); },
               .write = [this](uint64_t offset, unsigned,
                               uint64_t value) { write(offset, static_cast<uint8_t>(value)); },
               .peek = [this](uint64_t offset, unsigned) { return peek(offset); },
               .min_size = 1,
               .max_size = 1}),
      timer_(clock, "i8254.irq0", [this] { update_out0(); }) {}

uint64_t I8254::ticks() const {
    return muldiv(static_cast<uint64_t>(clock_.now_ns()), kPitHz, kNsPerSecond);
}

I8254Counter& I8254::at_now(unsigned channel) const {
    counters_[channel].advance(ticks());
    return counters_[channel];
}

void I8254::reset() {
    for (unsigned i = 0; i < 3; ++i) counters_[i].reset(ticks(), i != 2);
    for (unsigned i = 0; i < 3; ++i) changed(i);
}

void I8254::state(StateVisitor& v) {
    if (!v.loading())
        for (unsigned i = 0; i < 3; ++i) at_now(i);
    v("channel", counters_);
    v("inhibited", inhibited_);
}

// Drives OUT0 as it is now, and comes back when it changes.
void I8254::update_out0() {
    if (inhibited_) {
        timer_.disarm();
        return;
    }
    I8254Counter& counter = at_now(0);
    // One instruction can be longer than OUT's pulse.
    if (counter.take_rise()) out0_.set(!counter.out());
    out0_.set(counter.out());
    const uint64_t tick = counter.next_change();
    if (tick == I8254Counter::kNever)
        timer_.disarm();
    else
        timer_.arm(static_cast<int64_t>(muldiv_up(tick, kNsPerSecond, kPitHz)));
}

void I8254::changed(unsigned channel) {
    if (channel == 0) update_out0();
    if (changed_) changed_(channel);
}

void I8254::set_irq(int pin, bool level) {
    if (pin != 0 || level == inhibited_) return;
    inhibited_ = level;
    at_now(0).take_rise();  // the board doesn't hear of what happens in between
    if (inhibited_) out0_.lower();
    update_out0();
}

void I8254::set_gate(unsigned channel, bool level) {
    I8254Counter& counter = at_now(channel);
    if (counter.gate() == level) return;
    counter.set_gate(level);
    changed(channel);
}

bool I8254::out(unsigned channel) const { return at_now(channel).out(); }

I8254::Programming I8254::programming(unsigned channel) const {
    const I8254Counter& c = at_now(channel);
    return {c.mode(), c.gate(), c.out(), c.initial_count()};
}

void I8254::control(uint8_t word) {
    const unsigned select = word >> 6;
    if (select == 3) {  // read-back: 5 no count, 4 no status, 3:1 counters
        for (unsigned i = 0; i < 3; ++i) {
            if (!bit(word, 1 + i)) continue;
            I8254Counter& counter = at_now(i);
            if (!bit(word, 5)) counter.latch_count();
            if (!bit(word, 4)) counter.latch_status();
        }
        return;
    }
    if (bits(word, 4, 2) == 0) {
        at_now(select).latch_count();
        return;
    }
    at_now(select).control(word);
    changed(select);
}

void I8254::write(uint64_t offset, uint8_t value) {
    if (offset == 3) {
        control(value);
        return;
    }
    at_now(static_cast<unsigned>(offset)).write(value);
    changed(static_cast<unsigned>(offset));
}

uint8_t I8254::read(uint64_t offset) {
    // The control word register cannot be read; the bus floats.
    return offset == 3 ? 0xFF : at_now(static_cast<unsigned>(offset)).read();
}

uint8_t I8254::peek(uint64_t offset) const {
    return offset == 3 ? 0xFF : at_now(static_cast<unsigned>(offset)).peek();
}

}  // namespace qr
