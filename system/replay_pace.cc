// SPDX-License-Identifier: GPL-2.0-or-later
#include "system/replay_pace.h"

#include <algorithm>
#include <limits>

namespace qr {

namespace {
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
// A lead that isn't worth sleeping for, of the host's time.
constexpr milliseconds kSlack{2};
// More of a lag than this was somebody else's doing.
constexpr milliseconds kMostLag{500};
// A picture's time, on the host.
constexpr double kSliceNs = 10e6;
// Two centuries, as no sum here overflows.
constexpr double kMostNs = static_cast<double>(std::numeric_limits<int64_t>::max()) / 2;
}  // namespace

void ReplayPace::set_speed(double speed, int64_t virtual_ns, Clock::time_point now) {
    speed_ = speed;
    restart(virtual_ns, now);
}

void ReplayPace::restart(int64_t virtual_ns, Clock::time_point now) {
    from_ns_ = virtual_ns;
    origin_ = now;
}

ReplayPace::Clock::time_point ReplayPace::when(int64_t virtual_ns) const {
    const double host_ns = std::min(static_cast<double>(virtual_ns - from_ns_) / speed_, kMostNs);
    return origin_ + nanoseconds(static_cast<int64_t>(host_ns));
}

std::optional<ReplayPace::Clock::time_point> ReplayPace::wait(int64_t virtual_ns, Clock::time_point now) {
    if (speed_ <= 0) return std::nullopt;
    const Clock::time_point due = when(virtual_ns);
    if (now - due > kMostLag) origin_ += now - due - kMostLag;
    if (due - now <= kSlack) return std::nullopt;
    return due;
}

int64_t ReplayPace::ahead_ns(int64_t virtual_ns, Clock::time_point now) const {
    if (speed_ <= 0) return 0;
    const auto early = static_cast<double>((when(virtual_ns) - now) / nanoseconds(1));
    return static_cast<int64_t>(std::clamp(early * speed_, 0.0, kMostNs));
}

int64_t ReplayPace::slice_ns() const { return std::max<int64_t>(1, static_cast<int64_t>(kSliceNs * speed_)); }

}  // namespace qr
