// SPDX-License-Identifier: GPL-2.0-or-later
//
// The run loop; see docs/time.rst for the order of things at a boundary.
#include "system/run_loop.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>

namespace qr {

namespace {
// Other threads can't reach the countdown: this bounds how long they wait.
constexpr uint64_t kSliceInstructions = 100'000;
// shift=auto: how far virtual time may go between two looks at the host's clock.
constexpr int64_t kSliceNs = 10'000'000;
// How long the VM thread may sleep before the log wants to be written.
constexpr std::chrono::milliseconds kNap{500};
// align=on: a lead that isn't worth sleeping for, and a lag that is worth a warning.
constexpr int64_t kAlignSlackNs = 3'000'000;
constexpr int64_t kLagWarningNs = 1'000'000'000;
constexpr int kFailed = 1;
constexpr int kDiverged = 2;
}  // namespace

RunLoop::RunLoop(Parts parts, Settings settings)
    : parts_(std::move(parts)),
      settings_(settings),
      rate_(parts_.door, "clock.rate",
            [this](RateInput& in) { parts_.clock.set_rate(in.rate); }),
      warp_(parts_.door, "clock.warp",
            [this](WarpInput& in) { parts_.clock.warp(static_cast<int64_t>(in.ns)); }) {
    if (settings_.rtc != Rtc::kVirtual)
        rtc_.emplace(parts_.door, "rtc.adjust", [this](RtcInput& in) { parts_.adjust_rtc(in.seconds); });
    parts_.door.settle_by([this] { settle(); });
    replay_pace_ = ReplayPace(settings_.replay_speed);
    if (settings_.start_stopped) stopped_ = RunState::kPrelaunch;
}

void RunLoop::state(StateVisitor& v) { v("suspended", suspended_); }

void RunLoop::relocated() {
    moved();
    goal_.reset();
    if (travel_) travel_->interrupted();
    pace_set_ = HostPace::Clock::now();
    pace_.move(parts_.clock.now_ns(), parts_.clock.icount());
    if (replayer_) replayer_->seek();
}

void RunLoop::quit(std::string_view reason) {
    parts_.door.mailbox().post([this, reason] { quit_because(reason); });
}

void RunLoop::quit_because(std::string_view reason) {
    if (done_) return;
    quit_ = true;
    tell({RunEvent::Kind::kShutdown, false, reason});
    finish("the user asked to quit");
}

void RunLoop::left_alone() {
    if (held_ && !looked_at()) quit_because("host-ui");
}

void RunLoop::request(Request r) {
    requests_ |= r;
    parts_.countdown.leave();
}

int RunLoop::run() {
    pace_.begin(parts_.clock.now_ns());
    replay_pace_.restart(parts_.clock.now_ns(), HostPace::Clock::now());
    run_to(std::numeric_limits<uint64_t>::max());
    return conclude();
}

bool RunLoop::run_to(uint64_t icount) {
    limit_ = icount;
    while (parts_.clock.icount() < limit_ && catch_up()) {
        parts_.countdown.grant(budget());
        parts_.cpu.run();
        parts_.countdown.leave();
        if (!travel_) continue;
        if (const auto hit = parts_.cpu.take_debug_hit()) travel_->hit(*hit);
    }
    return !done_;
}

bool RunLoop::catch_up() {
    while (!done_ || hold()) {
        boundary();
        if (std::exchange(moved_, false) || done_) continue;
        if (stopped()) {
            if (!replayer_) parts_.door.mailbox().wait_until(HostPace::Clock::now() + kNap);
            else parts_.door.mailbox().wait();
            continue;
        }
        if (!replayer_ && parts_.retry_disks && parts_.retry_disks()) continue;
        if (replayer_ && wait_for_pace()) continue;
        if (suspended_ || parts_.cpu.halted()) {
            idle();
            continue;
        }
        if (!replayer_) keep_pace();
        if (!replayer_ && rtc_) keep_rtc();
        if (replayer_ && travel_) travel_->passing();
        return !done_;
    }
    return false;
}

// Everything that is due at this position by the machine's own doing. Runs before anything enters.
void RunLoop::settle() {
    parts_.clock.run_expired();
    while (requests_ || (suspended_ && parts_.wake_machine())) {
        if (!requests_) request_reset();
        serve_requests();
        parts_.clock.run_expired();
    }
}

void RunLoop::serve_requests() {
    const uint32_t wanted = requests_;
    requests_ = 0;
    if (wanted & kDiskStop && !replayer_) pause(RunState::kIoError, {});
    if (wanted & kExit) return finish("the guest asked the emulator to exit");
    const bool by_guest = !(wanted & kUserReset);
    const std::string_view reset = by_guest ? "guest-reset" : "host-qmp-system-reset";
    if (wanted & kShutdown) {
        tell({RunEvent::Kind::kShutdown, true, "guest-shutdown"});
        if (!settings_.no_shutdown) return finish("the guest powered off");
        // In replay the recording says what was done about it: at this very position.
        if (!replayer_) pause(RunState::kShutdown, {DebugStop::Why::kShutdown, {}});
        return;
    }
    if (wanted & (kReset | kUserReset)) {
        if (settings_.no_reboot) {
            tell({RunEvent::Kind::kShutdown, by_guest, reset});
            return finish("the guest rebooted, and -no-reboot was given");
        }
        if (suspended_) tell({RunEvent::Kind::kWakeup});
        suspended_ = false;
        parts_.reset_machine();
        tell({RunEvent::Kind::kReset, by_guest, reset});
        if (stopped_ == RunState::kShutdown) stopped_ = RunState::kPaused;
        else if (stopped_ == RunState::kIoError) stopped_ = RunState::kPrelaunch;  // nothing waits to be tried again
        return;
    }
    if (wanted & kSuspend) {
        suspended_ = true;
        tell({RunEvent::Kind::kSuspend});
    }
}

void RunLoop::reset_by_user() {
    requests_ |= kUserReset;
    parts_.countdown.leave();
}

void RunLoop::boundary() {
    progress_.store(parts_.clock.icount(), std::memory_order_relaxed);
    progress_ns_.store(parts_.clock.now_ns(), std::memory_order_relaxed);
    if (held_) {
        if (parts_.door.mailbox().waiting()) parts_.door.mailbox().run_pending();
        return;
    }
    parts_.door.set_icount(parts_.clock.icount());
    parts_.door.settle();
    if (replayer_)
        replay_boundary();
    else
        live_boundary();
}

void RunLoop::live_boundary() {
    Mailbox& mailbox = parts_.door.mailbox();
    while (!done_ && mailbox.waiting()) {
        mailbox.run_pending();
        parts_.door.settle();
    }
    if (!done_ && reach_goal()) return;
    if (!recorder_ || done_) return;
    recorder_->tick();
    if (recorder_->failed()) {
        fail(recorder_->error());
        recorder_ = nullptr;
    }
}

void RunLoop::replay_boundary() {
    do {
        parts_.door.settle();
        // Whoever wanted to be here is, also if it isn't what was recorded.
        if (!replayer_->check()) return reach_goal() ? void() : stop_replay({});
    } while (parts_.door.deliver_next());
    if (!parts_.door.mismatch().empty()) return stop_replay(parts_.door.mismatch());
    if (replayer_->error()) return stop_replay({});
    // Also where the guest powered off: one may have come to search, and go on elsewhere.
    if (reach_goal()) return;
    if (!done_ && replayer_->at_end()) return finish("the recording ends here");
    const uint64_t now = parts_.clock.icount();
    if (!done_ && !stopped() && !goal_ && travel_ && now != broke_at_ && travel_->breaks().contains(now)) {
        broke_at_ = now;
        pause(RunState::kDebug, {});
    }
    if (!done_ && parts_.door.mailbox().waiting()) parts_.door.mailbox().run_pending();
}

// Where somebody wanted to be.
bool RunLoop::reach_goal() {
    if (!goal_ || stopped() || parts_.clock.icount() < *goal_) return false;
    goal_.reset();
    travel_->arrived();
    return true;
}

uint64_t RunLoop::budget() {
    const uint64_t now = parts_.clock.icount();
    uint64_t until = std::min(now + kSliceInstructions, limit_);
    if (goal_) until = std::min(until, *goal_);
    if (const int64_t deadline = parts_.clock.next_deadline(); deadline != kNoDeadline)
        until = std::min(until, parts_.clock.icount_at(deadline));
    if (settings_.auto_shift && !replayer_)
        until = std::min(until, parts_.clock.icount_at(parts_.clock.now_ns() + kSliceNs));
    if (replayer_) {
        until = std::min({until, parts_.door.next_icount(), replayer_->next_stop()});
        if (travel_) {
            const auto& breaks = travel_->breaks();
            if (const auto next = breaks.upper_bound(now); next != breaks.end()) until = std::min(until, *next);
            until = std::min(until, travel_->next_stop());
        }
        if (replay_pace_.speed() > 0 && !seeking())
            until = std::min(until, parts_.clock.icount_at(parts_.clock.now_ns() + replay_pace_.slice_ns()));
    }
    return std::max(until, now + 1) - now;
}

// The CPU waits for an interrupt. With sleep=off virtual time jumps to the next timer; with sleep=on it
// passes as the host's does, and what has passed enters through the door.
void RunLoop::idle() {
    const int64_t deadline = parts_.clock.next_deadline();
    if (replayer_ && settings_.sleep) {
        // Only a recorded warp moves time, and none was due here.
        return stop_replay("the CPU is halted here, and the recording goes on without an event to wake it");
    }
    if (!replayer_ && settings_.sleep) return idle_live();
    if (deadline != kNoDeadline) {
        parts_.clock.warp(std::max<int64_t>(0, deadline - parts_.clock.now_ns()));
        parts_.door.bump();
        return;
    }
    if (replayer_) return stop_replay("the CPU is halted for good here, and the recording goes on");
    parts_.door.mailbox().wait_until(HostPace::Clock::now() + kNap);
}

int64_t RunLoop::idled_ns() const {
    if (replayer_ && !stopped() && !seeking()) return -replay_pace_.ahead_ns(parts_.clock.now_ns(), HostPace::Clock::now());
    return idle_since_ ? (HostPace::Clock::now() - *idle_since_) / std::chrono::nanoseconds(1) : 0;
}

void RunLoop::idle_live() {
    const int64_t deadline = parts_.clock.next_deadline();
    const int64_t left =
        deadline == kNoDeadline ? kNoDeadline : std::max<int64_t>(0, deadline - parts_.clock.now_ns());
    const auto begin = HostPace::Clock::now();
    const auto nap = begin + std::min<std::chrono::nanoseconds>(kNap, std::chrono::nanoseconds(left));
    idle_since_ = begin;
    do {
        parts_.door.mailbox().wait_until(nap);
    } while (parts_.door.mailbox().run_looks() && HostPace::Clock::now() < nap);
    idle_since_.reset();
    const auto passed = pace_.idled(HostPace::Clock::now() - begin, nap - begin);
    const int64_t ns = std::min<int64_t>(passed / std::chrono::nanoseconds(1), left);
    // Before the input that woke us: at its moment this much time had passed.
    PayloadWriter payload;
    WarpInput{static_cast<uint64_t>(ns)}.fields(payload);
    parts_.door.enter(warp_, payload.take());
}

void RunLoop::keep_pace() {
    const int64_t now = parts_.clock.now_ns();
    if (settings_.auto_shift) {
        if (const auto rate = pace_.correct(parts_.clock.icount(), now, parts_.clock.rate())) {
            PayloadWriter payload;
            RateInput{*rate}.fields(payload);
            parts_.door.enter(rate_, payload.take());
        }
    }
    if (!settings_.align) return;
    const int64_t ahead = now - pace_.running_ns();
    if (ahead > kAlignSlackNs) {
        parts_.door.mailbox().wait_until(pace_.when(now));
    } else if (-ahead > kLagWarningNs && HostPace::Clock::now() >= next_lag_warning_) {
        next_lag_warning_ = HostPace::Clock::now() + std::chrono::seconds(2);
        parts_.notice(fmt::format("Warning: The guest is now late by {:.1f} seconds",
                                  static_cast<double>(-ahead) / 1e9));
    }
}

// In whole seconds: the RTC shows no others, and a lag that virtual time makes good itself is none of this.
void RunLoop::keep_rtc() {
    const auto missed = settings_.rtc == Rtc::kHost ? pace_.skipped() + pace_.calendar_drift() : pace_.skipped();
    const auto due = std::chrono::duration_cast<std::chrono::seconds>(missed - rtc_told_);
    if (due.count() == 0) return;
    rtc_told_ += due;
    PayloadWriter payload;
    RtcInput{due.count()}.fields(payload);
    parts_.door.enter(*rtc_, payload.take());
}

// A replay that somebody watches: true if it had to wait, and may have been told something meanwhile.
bool RunLoop::wait_for_pace() {
    if (seeking()) return false;
    const auto now = HostPace::Clock::now();
    const auto due = replay_pace_.wait(parts_.clock.now_ns(), now);
    if (due) parts_.door.mailbox().wait_until(std::min(*due, now + kNap));
    return due.has_value();
}

// ---- for monitors ----

RunState RunLoop::run_state() const {
    if (stopped_) return *stopped_;
    return suspended_ ? RunState::kSuspended : RunState::kRunning;
}

void RunLoop::pause(RunState state, const DebugStop& why) {
    if (stopped()) return;
    stopped_ = state;
    goal_.reset();
    tell({RunEvent::Kind::kStop});
    if (travel_) travel_->halted(why);
}

void RunLoop::halt(const DebugStop& why) {
    pause(why.why == DebugStop::Why::kPaused ? RunState::kPaused : RunState::kDebug, why);
}

Result<void> RunLoop::go_to(uint64_t icount) {
    if (held_) return nothing_further();
    goal_ = icount;
    moved_ = true;  // it may be here
    return resume();
}

void RunLoop::moved() {
    held_ = done_ = stopped_early_ = false;
    moved_ = true;
    requests_ = 0;
    broke_at_ = UINT64_MAX;
    end_reason_.clear();
    if (stopped_ == RunState::kShutdown) stopped_ = RunState::kPaused;
    replay_pace_.restart(parts_.clock.now_ns(), HostPace::Clock::now());
}

Result<void> RunLoop::resume() {
    if (!stopped()) return {};
    if (held_) return nothing_further();
    if (stopped_ == RunState::kShutdown) return Error{"Resetting the Virtual Machine is required"};
    pace_set_ = HostPace::Clock::now();
    pace_.resume(parts_.clock.now_ns());
    replay_pace_.restart(parts_.clock.now_ns(), pace_set_);
    stopped_.reset();
    tell({RunEvent::Kind::kResume});
    return {};
}

RunControl::LogView RunLoop::log_view() const {
    LogView view;
    view.icount = parts_.clock.icount();
    if (recorder_) view.mode = LogMode::kRecord;
    if (!replayer_) return view;
    view.mode = LogMode::kPlay;
    view.end = replayer_->end().position.icount;
    view.at_end = held_;
    if (held_ && stopped_early_) view.divergence = divergence_;
    view.events = replayer_->events();
    view.digests = replayer_->digests();
    view.speed = replay_pace_.speed();
    if (!travel_) return view;
    view.breakpoints.assign(travel_->breaks().begin(), travel_->breaks().end());
    if (const Checkpoints* checkpoints = travel_->checkpoints()) {
        view.checkpoints = checkpoints->count();
        view.checkpoint_bytes = checkpoints->bytes();
        view.checkpoint_budget = checkpoints->budget();
    }
    return view;
}

Result<void> RunLoop::break_at(uint64_t icount) {
    if (!replayer_) return Error{"setting the breakpoint is allowed only in play mode"};
    if (icount > replayer_->end().position.icount) {
        return Error{fmt::format("cannot set breakpoint behind the end of the recording: {} is after {}", icount,
                                 replayer_->end().position.icount)};
    }
    travel_->break_at(icount);
    return {};
}

Result<void> RunLoop::delete_break(std::optional<uint64_t> icount) {
    if (!replayer_) return Error{"replay breakpoints are allowed only in play mode"};
    if (icount && !travel_->breaks().contains(*icount))
        return Error{fmt::format("there is no replay breakpoint at instruction {}", *icount)};
    travel_->delete_break(icount);
    return {};
}

Result<void> RunLoop::seek(uint64_t icount) {
    if (!replayer_) return Error{"replay must be enabled to seek"};
    // At the end it is where it is to be.
    if (held_ && icount == parts_.clock.icount()) return {};
    return travel_->seek(icount);
}

void RunLoop::discount(int64_t host_ns) {
    if (idle_since_) return;
    // What was before the pace was set anew isn't in it.
    const HostPace::Clock::duration since = HostPace::Clock::now() - pace_set_;
    pace_.discount(std::min<HostPace::Clock::duration>(std::chrono::nanoseconds(host_ns), since));
}

Result<void> RunLoop::set_replay_speed(double speed) {
    if (!replayer_) return Error{"the speed can be set only in play mode"};
    replay_pace_.set_speed(speed, parts_.clock.now_ns(), HostPace::Clock::now());
    return {};
}

Result<void> RunLoop::go_live() {
    if (!replayer_) return Error{"the machine is live already: only a replay (-icount rr=replay) can become so"};
    parts_.door.detach();
    replayer_ = nullptr;
    goal_.reset();
    held_ = done_ = stopped_early_ = false;
    exit_status_ = 0;
    end_reason_.clear();
    if (travel_) travel_->go_live();
    if (parts_.become_live) parts_.become_live();
    pace_.begin(parts_.clock.now_ns());
    pace_.move(parts_.clock.now_ns(), parts_.clock.icount());
    rtc_told_ = {};
    return {};
}

bool RunLoop::looked_at() const {
    return (parts_.watched && parts_.watched()) || (travel_ && travel_->listening());
}

// A replay is over, and somebody looks at it: the machine stays as it is. If it is over too soon, a debugger has to be
// there: only who can go back has much to look at.
bool RunLoop::hold() {
    const bool debugged = travel_ && travel_->listening();
    if (!replayer_ || quit_ || held_) return false;
    if (stopped_early_ || !replayer_->at_end()) {
        if (!debugged) return false;
        if (!stopped_early_) stop_replay(end_reason_ + ", and the recording goes on");
        if (!replayer_->divergence()) return false;
    } else {
        if (!looked_at()) return false;
        if (replayer_->end().kind == EndKind::kDamaged) return false;
        if (!std::exchange(told_end_, true)) parts_.notice(summary());
    }
    held_ = true;
    done_ = false;
    goal_.reset();
    if (!stopped()) pause(RunState::kPaused, {DebugStop::Why::kReplayEnd, {}});
    return true;
}

// Only says so: what else belongs to this position still enters first.
void RunLoop::finish(const std::string& reason) {
    if (done_) return;
    done_ = true;
    end_reason_ = reason;
}

int RunLoop::conclude() {
    if (recorder_) {
        if (const auto finished = recorder_->finish(end_reason_); !finished) fail(finished.error());
    }
    if (!replayer_ || stopped_early_ || held_) return exit_status_;
    if (!quit_ && !replayer_->at_end())
        stop_replay(end_reason_ + ", and the recording goes on");
    else if (replayer_->end().kind == EndKind::kDamaged)
        fail(Error{fmt::format("log '{}': {}", replayer_->log_name(), replayer_->end().reason)});
    else
        parts_.notice(summary());
    return exit_status_;
}

// mismatch: what is wrong apart from what the replayer itself found.
void RunLoop::stop_replay(const std::string& mismatch) {
    if (replayer_->error()) return fail(*replayer_->error());
    if (!mismatch.empty()) replayer_->diverge(mismatch);
    done_ = stopped_early_ = true;
    exit_status_ = kDiverged;
    // Whoever goes back comes here again, and knows less of what was before.
    const Position here = replayer_->divergence()->position;
    if (std::exchange(diverged_at_, here) == here) return;
    divergence_ = describe(*replayer_->divergence(), fmt::format("{:08x}", parts_.cpu.program_counter()));
    parts_.notice(divergence_);
}

Error RunLoop::nothing_further() const {
    return Error{fmt::format("the {} here: there is nothing to go on with", stopped_early_ ? "replay diverged" : "recording ends")};
}

void RunLoop::fail(const Error& error) {
    done_ = stopped_early_ = true;
    exit_status_ = kFailed;
    parts_.notice(error.message);
}

std::string RunLoop::summary() const {
    const EndStatus& end = replayer_->end();
    std::string text = fmt::format("replay: {} instructions, {} events, {} digests: all as recorded",
                                   parts_.clock.icount(), replayer_->events(), replayer_->digests());
    if (quit_) return text + "; stopped by the user before the end";
    const std::string why = end.reason.empty() ? "" : " (" + end.reason + ")";
    switch (end.kind) {
        case EndKind::kFinished: return text + "; the recording ended there" + why;
        case EndKind::kCut: return text + "; the log has no end: it was cut after its last event" + why;
        case EndKind::kStopped: return text + "; the log has no end: it could not be written further" + why;
        default: return text + "; the log has no end: it was cut after its last whole chunk" + why;
    }
}

}  // namespace qr
