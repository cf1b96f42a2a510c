// SPDX-License-Identifier: GPL-2.0-or-later
//
// Virtual time and its timers; see include/sysemu/clock.h and docs/time.rst.
#include "sysemu/clock.h"

#include <algorithm>
#include <cassert>

namespace qr {

namespace {
using Wide = unsigned __int128;
}

int64_t VirtualClock::ns_at(uint64_t icount) const {
    return pace_.base_ns + static_cast<int64_t>((Wide(icount - pace_.base_icount) * pace_.rate) >> 32);
}

uint64_t VirtualClock::icount_at(int64_t ns) const {
    const uint64_t now = countdown_.icount();
    if (ns <= ns_at(now)) return now;
    if (!pace_.rate) return UINT64_MAX;
    // Smallest n with (n * rate) >> 32 >= ns - base_ns, that is n * rate >= (ns - base_ns) << 32.
    const Wide need = Wide(static_cast<uint64_t>(ns - pace_.base_ns)) << 32;
    const Wide n = (need + pace_.rate - 1) / pace_.rate + pace_.base_icount;
    return n > UINT64_MAX ? UINT64_MAX : static_cast<uint64_t>(n);
}

void VirtualClock::set_rate(uint64_t rate) {
    // The fraction of a nanosecond that has passed is dropped: time rounds down.
    pace_.base_ns = now_ns();
    pace_.base_icount = countdown_.icount();
    pace_.rate = rate;
    countdown_.leave();
}

void VirtualClock::warp(int64_t ns) {
    assert(ns >= 0);
    pace_.base_ns += ns;
    countdown_.leave();
}

int64_t VirtualClock::next_deadline() const { return next_deadline_; }

void VirtualClock::run_expired() {
    while (next_deadline_ != kNoDeadline && next_deadline_ <= now_ns()) {
        Timer* first = nullptr;
        for (Timer* t : timers_)
            if (t->armed() && (!first || t->deadline_ns_ < first->deadline_ns_ ||
                               (t->deadline_ns_ == first->deadline_ns_ && t->order_ < first->order_)))
                first = t;
        disarm(*first);
        first->callback_();
    }
}

void VirtualClock::arm(Timer& timer, int64_t deadline_ns) {
    timer.deadline_ns_ = deadline_ns;
    timer.order_ = next_order_++;
    refresh_next();
    // The slice that was granted may reach past the new deadline.
    if (deadline_ns == next_deadline_ && countdown_.remaining > 0 &&
        deadline_ns <= ns_at(countdown_.target))
        countdown_.leave();
}

void VirtualClock::disarm(Timer& timer) {
    if (!timer.armed()) return;
    const bool was_next = timer.deadline_ns_ == next_deadline_;
    timer.deadline_ns_ = kNoDeadline;
    timer.order_ = 0;
    if (was_next) refresh_next();
}

void VirtualClock::refresh_next() {
    next_deadline_ = kNoDeadline;
    for (const Timer* t : timers_) next_deadline_ = std::min(next_deadline_, t->deadline_ns_);
}

void VirtualClock::state(StateVisitor& v) {
    v("base_ns", pace_.base_ns);
    v("base_icount", pace_.base_icount);
    v("rate", pace_.rate);
    v("next_order", next_order_);
    for (Timer* t : timers_) v(t->name(), *t);
    if (v.loading()) refresh_next();
}

Timer::Timer(VirtualClock& clock, std::string name, std::function<void()> callback)
    : clock_(clock), name_(std::move(name)), callback_(std::move(callback)) {
    clock_.timers_.push_back(this);
}

Timer::~Timer() {
    std::erase(clock_.timers_, this);
    clock_.refresh_next();
}

void Timer::state(StateVisitor& v) {
    v("deadline_ns", deadline_ns_);
    v("order", order_);
}

}  // namespace qr
