// SPDX-License-Identifier: GPL-2.0-or-later
//
// Seeks, steps and searches through a recording; see time_travel.h. Source: docs/replay.rst, "Time travel".
#include "system/time_travel.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace qr {

namespace {
// Checkpoints that are passed: no closer than this, and so that they take about a sixtieth of the time (and as much again
// by what they make the CPU forget).
constexpr std::chrono::milliseconds kSpacing{100};
constexpr int kShare = 60;
// Those that go into the log when it is indexed.
constexpr std::chrono::milliseconds kIndexSpacing{400};
// On the way to somewhere each checkpoint is this many times closer to it than the one before, down to so few
// instructions.
constexpr uint64_t kCloser = 8;
constexpr uint64_t kClosest = 2000;
// So many of those are kept.
constexpr unsigned kNearMax = 500;
// A checkpoint in the log that saves fewer instructions than this isn't worth reading.
constexpr uint64_t kWorthLoading = 50'000'000;
// Of what a scan found, the latest that are remembered.
constexpr size_t kFoundMax = 1 << 16;
}  // namespace

void TimeTravel::replay_with(Replayer& replayer, uint64_t budget, const CheckpointReader* log) {
    replayer_ = &replayer;
    log_ = log;
    first_ = now();
    if (budget) checkpoints_ = std::make_unique<Checkpoints>(parts_.root, parts_.memory, parts_.disks, budget);
}

void TimeTravel::go_live() {
    set_trip(Trip::kNone);
    replayer_ = nullptr;
    checkpoints_.reset();
    log_ = nullptr;
    breaks_.clear();
    scan_ = {};
}

// ---- checkpoints ----

void TimeTravel::take(bool passing) {
    const auto begin = HostClock::now();
    if (!passing && ++near_taken_ > kNearMax) {
        checkpoints_->forget_near();
        near_taken_ = 1;
    }
    checkpoints_->take(parts_.door.position(), passing);
    passed_at_ = HostClock::now();
    if (passing) spent_ += cost_ = passed_at_ - begin;
    last_checkpoint_ = now();
}

void TimeTravel::passing() {
    if (index_ && HostClock::now() - indexed_at_ >= kIndexSpacing) {
        index_();
        indexed_at_ = HostClock::now();
    }
    if (!checkpoints_) return;
    if (!checkpoints_->count()) {
        began_ = HostClock::now();
        return take(true);
    }
    while (!near_.empty() && near_.front() < now()) near_.erase(near_.begin());
    if (!near_.empty() && near_.front() == now()) return take(false);
    if (const Position* before = checkpoints_->before(now()); before && before->icount > last_checkpoint_) {
        last_checkpoint_ = before->icount;
        passed_at_ = HostClock::now();
        return;
    }
    const auto time = HostClock::now();
    if (time - passed_at_ >= kSpacing && (spent_ + cost_) * kShare <= time - began_) take(true);
}

void TimeTravel::arrive_by_checkpoint() {
    replayer_->seek();
    last_checkpoint_ = now();
    passed_at_ = HostClock::now();
    parts_.loop.moved();
}

Result<void> TimeTravel::approach(uint64_t icount, bool back) {
    // The beginning is what everything can be reached from.
    if (checkpoints_ && !checkpoints_->count()) {
        began_ = HostClock::now();
        take(true);
    }
    const Position* const near = checkpoints_ ? checkpoints_->before(icount) : nullptr;
    const Position* const logged = log_ ? log_->before(icount) : nullptr;
    const uint64_t from = near && (back || near->icount > now()) ? near->icount : back ? 0 : now();
    if (logged && (logged->icount > from + kWorthLoading || (back && !near))) {
        if (const auto done = log_->load(*logged, parts_.root, parts_.memory, parts_.provide); !done) return done;
        arrive_by_checkpoint();
        // The next time it is at hand.
        if (checkpoints_) checkpoints_->take(parts_.door.position(), true);
        return {};
    }
    if (!near) return back ? Error{fmt::format("there is no way to instruction {}: no checkpoint is before it", icount)} : Result<void>{};
    if (!back && near->icount <= now()) return {};
    checkpoints_->restore(*near);
    arrive_by_checkpoint();
    return {};
}

// ---- to one position ----

Result<void> TimeTravel::backward() const {
    if (!replayer_) return Error{"there is no way back but in a replay (-icount rr=replay)"};
    if (!checkpoints_ && !(log_ && !log_->empty()))
        return Error{"there is no way back: this replay keeps no checkpoints (rrcheckpoints=512M, say, lets it)"};
    return {};
}

void TimeTravel::set_trip(Trip trip) {
    trip_ = trip;
    near_.clear();
    if (replayer_) replayer_->hurry(trip == Trip::kSeek || trip == Trip::kScan);
}

// why: what is told on arrival.
Result<void> TimeTravel::travel(uint64_t icount, const DebugStop& why) {
    if (icount < now()) {
        if (const auto possible = backward(); !possible) return possible;
    }
    set_trip(Trip::kSeek);
    arrival_ = why;
    if (const auto done = approach(icount, icount < now()); !done) return done;
    if (checkpoints_) {
        for (uint64_t rest = (icount - now()) / kCloser; rest >= kClosest; rest /= kCloser) near_.push_back(icount - rest);
    }
    return parts_.loop.go_to(icount);
}

Result<void> TimeTravel::seek(uint64_t icount) {
    if (!replayer_) return Error{"replay must be enabled to seek"};
    const uint64_t end = replayer_->end().position.icount;
    if (icount < first() || icount > end)
        return Error{fmt::format("{} is outside of the recording: expected {} to {}", icount, first(), end)};
    if (icount < now()) {
        if (const auto possible = backward(); !possible) return possible;
    }
    return travel(icount, {});
}

void TimeTravel::delete_break(std::optional<uint64_t> icount) {
    if (icount) breaks_.erase(*icount);
    else breaks_.clear();
}

// ---- for debuggers ----

void TimeTravel::tell(const DebugStop& why) {
    if (listener_) listener_(why);
}

void TimeTravel::set_debug_stops(DebugStops stops) {
    stops_ = std::move(stops);
    parts_.cpu.set_debug_stops(stops_);
}

Result<void> TimeTravel::debug_continue() {
    set_trip(Trip::kNone);
    parts_.cpu.pass_breakpoint();
    return parts_.loop.go();
}

Result<void> TimeTravel::debug_step_while(std::function<bool()> further) {
    set_trip(Trip::kStep);
    arrival_ = {DebugStop::Why::kStep, {}};
    further_ = std::move(further);
    step_ = now();
    parts_.cpu.pass_breakpoint();
    return parts_.loop.go_to(now() + 1);
}

Result<void> TimeTravel::reverse_step() {
    if (const auto possible = backward(); !possible) return possible;
    if (now() <= first()) {
        tell({DebugStop::Why::kReplayBegin, {}});
        return {};
    }
    return travel(now() - 1, {DebugStop::Why::kStep, {}});
}

// From one checkpoint to the next is a stretch. The last one is searched first; in the first one that has a stop, its
// last one counts.
Result<void> TimeTravel::reverse_continue() {
    if (const auto possible = backward(); !possible) return possible;
    if (now() <= first()) {
        tell({DebugStop::Why::kReplayBegin, {}});
        return {};
    }
    if (scan_.stops != stops_ || now() <= scan_.first || now() > scan_.end) {
        scan_ = {stops_, now(), now(), {}};
    } else {
        // This stretch is known.
        std::erase_if(scan_.found, [this](const Found& f) { return f.icount >= now(); });
        scan_.end = now();
    }
    return scan_on();
}

// What there is to do when the present stretch is searched.
Result<void> TimeTravel::scan_on() {
    std::optional<Found> found;
    if (!scan_.found.empty()) found = scan_.found.back();
    const auto next = breaks_.lower_bound(scan_.end);
    if (next != breaks_.begin() && *std::prev(next) >= scan_.first && (!found || *std::prev(next) > found->icount))
        found = Found{*std::prev(next), {}};
    if (found) return travel(found->icount, found->stop);
    if (scan_.first <= first() || (stops_.empty() && breaks_.empty())) return travel(first(), {DebugStop::Why::kReplayBegin, {}});
    const uint64_t end = scan_.first;
    set_trip(Trip::kScan);
    if (const auto done = approach(end - 1, true); !done) return done;
    scan_ = {stops_, now(), end, {}};
    return parts_.loop.go_to(end);
}

void TimeTravel::note(uint64_t icount, const DebugStop& stop) {
    if (icount >= scan_.end) return;
    if (!scan_.found.empty() && scan_.found.back().icount == icount) scan_.found.pop_back();
    // Whoever goes back further than what is remembered searches the rest again.
    if (scan_.found.size() == kFoundMax) {
        scan_.found.erase(scan_.found.begin(), scan_.found.begin() + kFoundMax / 2);
        scan_.first = scan_.found.front().icount;
    }
    scan_.found.push_back({icount, stop});
}

void TimeTravel::hit(const DebugHit& hit) {
    const bool watched = hit.kind == DebugHit::Kind::kWatchpoint;
    const DebugStop stop{watched ? DebugStop::Why::kWatchpoint : DebugStop::Why::kBreakpoint, hit};
    switch (trip_) {
        case Trip::kSeek: return;
        // Backward one comes to the instruction's end first, and stands before it when it is undone.
        case Trip::kScan: return note(watched ? hit.icount - 1 : hit.icount, stop);
        case Trip::kStep:
            if (hit.icount > now()) arrival_ = stop;
            else if (now() > step_) parts_.loop.halt(stop);
            return;
        case Trip::kNone: return parts_.loop.halt(stop);
    }
}

bool TimeTravel::steps_on() const {
    return trip_ == Trip::kStep && arrival_.why == DebugStop::Why::kStep && further_ && !breaks_.contains(now()) && further_();
}

void TimeTravel::arrived() {
    if (steps_on() && parts_.loop.go_to(now() + 1)) return;
    if (trip_ == Trip::kScan) {
        if (const auto gone = scan_on(); !gone) parts_.loop.halt({});
        return;
    }
    const DebugStop why = arrival_;
    parts_.loop.halt(why);
}

void TimeTravel::halted(const DebugStop& why) {
    set_trip(Trip::kNone);
    tell(why);
}

}  // namespace qr
