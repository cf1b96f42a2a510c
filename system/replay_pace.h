// SPDX-License-Identifier: GPL-2.0-or-later
//
// How fast a replay goes, for who watches it: so many seconds of the recording's time for one of the host's. It only
// ever says that it is too early to go on: what happens, and where, is the recording's. docs/replay.rst.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace qr {

class ReplayPace {
  public:
    using Clock = std::chrono::steady_clock;

    // 0: as fast as it goes.
    explicit ReplayPace(double speed = 0) : speed_(speed) {}
    double speed() const { return speed_; }
    void set_speed(double speed, int64_t virtual_ns, Clock::time_point now);
    // From here on: after a stop, after a seek.
    void restart(int64_t virtual_ns, Clock::time_point now);

    // The host's moment at which the recording is to go on from this time of its own; nothing: now. A replay that is
    // late hurries, but doesn't make good more than a moment.
    std::optional<Clock::time_point> wait(int64_t virtual_ns, Clock::time_point now);
    // How far the machine is ahead of what should be seen now, in its own time; 0 if it isn't.
    int64_t ahead_ns(int64_t virtual_ns, Clock::time_point now) const;
    // So much of the recording's time is a slice that nobody notices.
    int64_t slice_ns() const;

  private:
    Clock::time_point when(int64_t virtual_ns) const;

    double speed_;
    int64_t from_ns_ = 0;
    Clock::time_point origin_{};  // when it was from_ns_
};

}  // namespace qr
