// SPDX-License-Identifier: GPL-2.0-or-later
#include "system/host_pace.h"

#include <algorithm>

namespace qr {

namespace {
using std::chrono::milliseconds;
constexpr milliseconds kLookEvery{20};
// Longer than this between two looks, the emulator itself was stopped: that isn't the guest's time.
constexpr milliseconds kStopped{2000};
// A lag or lead is made good over this time, at most this many times faster or slower.
constexpr double kHorizonNs = 300e6;
constexpr double kFastest = 4.0;
constexpr double kSlowest = 0.1;
// Fewer instructions say nothing about the speed.
constexpr uint64_t kEnoughInstructions = 10'000;
constexpr double kLowestRate = 1.0 / 64, kHighestRate = 1024;
// Corrections smaller than this aren't worth a place in the log.
constexpr double kWorthwhile = 0.02;
// With more of a lead than this, a rate that turns out this much too high is lowered before the next look: it
// was measured while the host did something else, and would take the guest seconds ahead meanwhile.
constexpr double kMostLeadNs = 10e6;
constexpr double kFarTooHigh = 1.5;
}  // namespace

namespace {
std::chrono::system_clock::duration calendar_ahead() {
    return std::chrono::system_clock::now().time_since_epoch() - HostPace::Clock::now().time_since_epoch();
}
}  // namespace

void HostPace::begin(int64_t virtual_ns) {
    resume(virtual_ns);
    first_origin_ = origin_;
    calendar_ahead_ = calendar_ahead();
}

HostPace::Clock::duration HostPace::calendar_drift() const { return calendar_ahead() - calendar_ahead_; }

void HostPace::resume(int64_t virtual_ns) {
    last_look_ = Clock::now();
    origin_ = last_look_ - std::chrono::nanoseconds(virtual_ns);
    idle_ = {};
}

void HostPace::move(int64_t virtual_ns, uint64_t icount) {
    const Clock::duration before = skipped();
    resume(virtual_ns);
    first_origin_ = origin_ - before;
    last_icount_ = icount;
}

HostPace::Clock::duration HostPace::idled(Clock::duration duration, Clock::duration planned) {
    idle_ += duration;
    if (duration - planned <= kStopped) return duration;
    origin_ += duration - planned;
    return planned;
}

std::optional<uint64_t> HostPace::correct(uint64_t icount, int64_t virtual_ns, uint64_t rate) {
    const Clock::time_point now = Clock::now();
    if (icount - last_icount_ < kEnoughInstructions) return std::nullopt;
    const bool due = now - last_look_ >= kLookEvery;
    const auto late_ns =
        static_cast<double>((now - origin_) / std::chrono::nanoseconds(1) - virtual_ns);
    if (!due && late_ns > -kMostLeadNs) return std::nullopt;
    if (now - last_look_ - idle_ > kStopped) {
        origin_ += now - last_look_ - idle_;
        last_icount_ = icount;
        last_look_ = now;
        idle_ = {};
        return std::nullopt;
    }
    const double busy_ns = std::max<double>(
        static_cast<double>((now - last_look_ - idle_) / std::chrono::nanoseconds(1)), 1);
    const double measured = busy_ns / static_cast<double>(icount - last_icount_);
    const double haste = std::clamp(1 + late_ns / kHorizonNs, kSlowest, kFastest);
    const double wanted = std::clamp(measured * haste, kLowestRate, kHighestRate);
    const double present = static_cast<double>(rate) / 4294967296.0;
    if (!due && present < wanted * kFarTooHigh) return std::nullopt;
    last_icount_ = icount;
    last_look_ = now;
    idle_ = {};
    if (wanted > present * (1 - kWorthwhile) && wanted < present * (1 + kWorthwhile))
        return std::nullopt;
    // Eight significant bits are as good as all, and shorter in the log.
    auto fixed = static_cast<uint64_t>(wanted * 4294967296.0);
    const int drop = std::max(0, 64 - __builtin_clzll(fixed) - 8);
    return (fixed >> drop) << drop;
}

}  // namespace qr
