// SPDX-License-Identifier: GPL-2.0-or-later
// Virtual time and its timers: the only time that the core knows.
//
//     virtual_ns = base_ns + ((icount - base_icount) * rate >> 32)
//
// rate is nanoseconds per instruction as a 32.32 fixed-point number. Time rounds down, timer budgets
// round up, nothing runs backwards. Threads: VM thread only. Source: docs/time.rst.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "sysemu/state.h"

namespace qr {

constexpr int64_t kNsPerSecond = 1'000'000'000;
constexpr int64_t kNoDeadline = std::numeric_limits<int64_t>::max();

// How far the VM may run before it must look up. An engine counts `remaining` down by one for every
// instruction retired and every exception or interrupt entered, *before* the instruction's semantics
// run, so that icount() seen by a device during instruction n (counted from 1) is n.
struct Countdown {
    uint64_t target = 0;    // icount at which `remaining` reaches zero
    int64_t remaining = 0;  // never negative at a boundary

    uint64_t icount() const { return target - static_cast<uint64_t>(remaining); }

    // Leave after the instruction that is being executed; the rest of the budget is given back.
    void leave() {
        target -= static_cast<uint64_t>(remaining);
        remaining = 0;
    }
    // Grants a new budget at a boundary; the old one must be used up or given back.
    void grant(uint64_t instructions) {
        target = icount() + instructions;
        remaining = static_cast<int64_t>(instructions);
    }
};

class Timer;

class VirtualClock {
  public:
    explicit VirtualClock(Countdown& countdown) : countdown_(countdown) {}

    int64_t now_ns() const { return ns_at(countdown_.icount()); }
    uint64_t icount() const { return countdown_.icount(); }

    // Virtual time when icount has the given value (at or after base_icount).
    int64_t ns_at(uint64_t icount) const;
    // The smallest icount >= the present one at which now_ns() >= ns. UINT64_MAX if unreachable.
    uint64_t icount_at(int64_t ns) const;

    // What ns_at() computes with, for code that does so itself.
    struct Pace {
        int64_t base_ns = 0;
        uint64_t base_icount = 0;
        uint64_t rate = uint64_t{1} << 32;
    };
    const Pace& pace() const { return pace_; }
    uint64_t rate() const { return pace_.rate; }
    // Changes the pace from this position on, without a step in time.
    void set_rate(uint64_t rate);
    // Jumps ahead: time that passes while the CPU is halted. ns >= 0.
    void warp(int64_t ns);

    // Deadline of the earliest armed timer, or kNoDeadline.
    int64_t next_deadline() const;
    // Fires every timer whose deadline has come, by (deadline, order of arming).
    void run_expired();

    // Timers register here by name, so that their state can be walked. Timer names are unique.
    void state(StateVisitor& v);

  private:
    friend class Timer;
    void arm(Timer& timer, int64_t deadline_ns);
    void disarm(Timer& timer);
    void refresh_next();

    Countdown& countdown_;
    Pace pace_;
    uint64_t next_order_ = 0;
    int64_t next_deadline_ = kNoDeadline;
    std::vector<Timer*> timers_;  // in order of construction, which is the order of the board
};

// Calls back on the VM thread at a virtual time. Its deadline and arming order are state, kept and
// walked by the clock; a device does not list its timers in its own state().
class Timer {
  public:
    Timer(VirtualClock& clock, std::string name, std::function<void()> callback);
    ~Timer();
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

    // Absolute virtual time. Arming again replaces the deadline. A deadline in the past fires at the
    // next boundary. If this is sooner than what the CPU was granted, its slice ends early.
    void arm(int64_t deadline_ns) { clock_.arm(*this, deadline_ns); }
    void disarm() { clock_.disarm(*this); }
    bool armed() const { return deadline_ns_ != kNoDeadline; }
    int64_t deadline_ns() const { return deadline_ns_; }
    const std::string& name() const { return name_; }

    void state(StateVisitor& v);

  private:
    friend class VirtualClock;
    VirtualClock& clock_;
    std::string name_;
    std::function<void()> callback_;
    int64_t deadline_ns_ = kNoDeadline;
    uint64_t order_ = 0;
};

// a * b / c without overflow in between, rounded down; for converting ns to ticks and back.
constexpr uint64_t muldiv(uint64_t a, uint64_t b, uint64_t c) {
    return static_cast<uint64_t>(static_cast<unsigned __int128>(a) * b / c);
}
// The same, rounded up.
constexpr uint64_t muldiv_up(uint64_t a, uint64_t b, uint64_t c) {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(a) * b + c - 1) / c);
}

}  // namespace qr
