// SPDX-License-Identifier: GPL-2.0-or-later
// shift=auto's law (docs/time.rst), against the real clock: a guest that executes at a known speed.
#include "system/host_pace.h"

#include <algorithm>
#include <thread>

#include <gtest/gtest.h>

#include "sysemu/clock.h"

namespace qr {
namespace {

using std::chrono::milliseconds;

// 100 instructions a microsecond, in slices as the run loop makes them.
class PacedGuest {
  public:
    PacedGuest() {
        clock_.set_rate(uint64_t{8} << 32);
        pace_.resume(0);
    }

    int64_t lead_ns() const { return clock_.now_ns() - pace_.running_ns(); }

    void slice(uint64_t most) {
        const uint64_t until = std::min(clock_.icount() + most, clock_.icount_at(clock_.now_ns() + 10'000'000));
        const uint64_t n = std::max<uint64_t>(until - clock_.icount(), 1);
        const auto end = HostPace::Clock::now() + std::chrono::nanoseconds(10 * n);
        while (HostPace::Clock::now() < end) {}
        execute(n);
    }
    void execute(uint64_t n) {
        countdown_.grant(n);
        countdown_.remaining -= static_cast<int64_t>(n);
        countdown_.leave();
        if (const auto rate = pace_.correct(clock_.icount(), clock_.now_ns(), clock_.rate()))
            clock_.set_rate(*rate);
    }
    HostPace& pace() { return pace_; }

  private:
    Countdown countdown_;
    VirtualClock clock_{countdown_};
    HostPace pace_;
};

// The host gave the processor to something else while the speed was measured.
TEST(HostPaceTest, SpeedMeasuredWhilePreemptedDoesNotTakeTheGuestAhead) {
    PacedGuest guest;
    std::this_thread::sleep_for(milliseconds(60));
    guest.execute(10'000);
    int64_t most = 0;
    for (const auto end = HostPace::Clock::now() + milliseconds(100); HostPace::Clock::now() < end;) {
        guest.slice(100'000);
        most = std::max(most, guest.lead_ns());
    }
    EXPECT_LT(most, 50'000'000);
}

TEST(HostPaceTest, StopWhileIdleIsNotTheGuestsTime) {
    HostPace pace;
    pace.resume(0);
    const int64_t before = pace.running_ns();
    EXPECT_EQ(pace.idled(milliseconds(5400), milliseconds(400)), milliseconds(400));
    EXPECT_LT(pace.running_ns(), before - 4'000'000'000);
    EXPECT_EQ(pace.idled(milliseconds(600), milliseconds(400)), milliseconds(600));
}

}  // namespace
}  // namespace qr
