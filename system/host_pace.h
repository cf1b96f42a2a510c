// SPDX-License-Identifier: GPL-2.0-or-later
//
// The host's clock, as the VM thread looks at it between two slices: how long the machine has been running,
// and how fast virtual time should go to keep up (shift=auto). Nothing here reaches the core but through the
// ports that the run loop submits to. docs/time.rst explains the control law.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace qr {

class HostPace {
  public:
    using Clock = std::chrono::steady_clock;

    // The machine starts; what skipped() and calendar_drift() give counts from here.
    void begin(int64_t virtual_ns);
    // The machine starts, or goes on after a stop: the time since the last look isn't counted.
    void resume(int64_t virtual_ns);
    // The machine was taken elsewhere in its own time: it goes on from there. skipped() stays as it was.
    void move(int64_t virtual_ns, uint64_t icount);
    // So much of the host's time since the last look wasn't the machine's.
    void discount(Clock::duration duration) {
        origin_ += duration;
        idle_ += duration;
    }
    // Host time since begin() that wasn't the machine's: stops, and what a lag was cut by.
    Clock::duration skipped() const { return origin_ - first_origin_; }
    // How far the host's calendar has moved apart from its monotonic clock: it was set, or the host slept.
    Clock::duration calendar_drift() const;
    // Host nanoseconds for which the machine was meant to run, from virtual time 0 on.
    int64_t running_ns() const { return (Clock::now() - origin_) / std::chrono::nanoseconds(1); }
    // Host moment at which the running time is `ns`.
    Clock::time_point when(int64_t ns) const { return origin_ + std::chrono::nanoseconds(ns); }
    // Host time passed without the guest executing: not to be taken for slowness. Returns what of it is the
    // guest's time too: if it took seconds more than planned, the emulator itself was stopped.
    Clock::duration idled(Clock::duration duration, Clock::duration planned);

    // shift=auto: the rate (ns per instruction, 32.32) that should hold from here on, or nothing if the
    // present one is good. Looks at the clock only every few milliseconds.
    std::optional<uint64_t> correct(uint64_t icount, int64_t virtual_ns, uint64_t rate);

  private:
    Clock::time_point origin_ = Clock::now();
    Clock::time_point last_look_ = origin_;
    Clock::time_point first_origin_ = origin_;
    std::chrono::system_clock::duration calendar_ahead_{};  // of the monotonic clock, at begin()
    Clock::duration idle_{};
    uint64_t last_icount_ = 0;
};

}  // namespace qr
