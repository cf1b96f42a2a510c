// SPDX-License-Identifier: GPL-2.0-or-later
//
// The VM thread: lets the CPU run in slices, and between two slices brings the machine up to date in the one
// order that docs/time.rst lays down: expired timers, what the guest asked of the board, then inputs.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "exec/cpu.h"
#include "hw/machine_control.h"
#include "replay/recorder.h"
#include "replay/replayer.h"
#include "sysemu/clock.h"
#include "sysemu/replay.h"
#include "sysemu/run_control.h"
#include "system/host_pace.h"
#include "system/replay_pace.h"
#include "system/time_travel.h"

namespace qr {

// shift=auto: virtual time goes at another pace from here on.
struct RateInput {
    uint64_t rate = 0;  // nanoseconds per instruction, 32.32
    template <class V>
    void fields(V& v) {
        v("rate", rate);
    }
};

// sleep=on: virtual time that passed while the CPU was halted.
struct WarpInput {
    uint64_t ns = 0;
    template <class V>
    void fields(V& v) {
        v("ns", ns);
    }
};

// The host's time went on while virtual time stood still (a stop), or was set: the RTC follows.
struct RtcInput {
    int64_t seconds = 0;
    template <class V>
    void fields(V& v) {
        v("seconds", seconds);
    }
};

class RunLoop final : public MachineControl, public RunControl, public Travelled {
  public:
    // Whose time the RTC keeps: the machine's, or the host's, by its monotonic clock or by its calendar.
    enum class Rtc : uint8_t { kVirtual, kRealTime, kHost };
    struct Settings {
        bool auto_shift = true;
        bool sleep = true;
        bool align = false;
        Rtc rtc = Rtc::kVirtual;
        bool no_reboot = false;
        bool no_shutdown = false;
        bool start_stopped = false;
        double replay_speed = 0;  // see parse_replay_speed()
    };
    struct Parts {
        CpuBase& cpu;
        Countdown& countdown;
        VirtualClock& clock;
        Door& door;
        std::function<void()> reset_machine;
        // Something can wake a machine suspended to RAM; true once it did.
        std::function<bool()> wake_machine;
        std::function<void(const std::string&)> notice;  // a line for the user
        // For monitors: what happened; and whether anybody wants to go on looking when a replay is over.
        std::function<void(const RunEvent&)> event{};
        std::function<bool()> watched{};
        std::function<void(int64_t seconds)> adjust_rtc{};  // needed unless it keeps virtual time
        // A machine that runs, and isn't replayed: what it stopped for by stop_for_disk() is tried again. True: there was
        // something.
        std::function<bool()> retry_disks{};
        std::function<void()> become_live{};  // a replay goes on as a live machine: drives and others have to know
    };

    RunLoop(Parts parts, Settings settings);

    // Before run(): who takes it where people want it to be.
    void travel_with(TimeTravel& travel) { travel_ = &travel; }
    // At most one of them. In the middle of a run: at a boundary; null: no longer.
    void record_with(Recorder* recorder) { recorder_ = recorder; }
    void replay_with(Replayer& replayer) { replayer_ = &replayer; }

    // VM thread, until the machine or the user ends it. Returns the exit status.
    int run();
    // The same in parts, for tools that drive the machine themselves. run_to() goes on until icount has this
    // value, and does nothing yet of what is due there; catch_up() does it, until the CPU can execute. False:
    // the run has ended, and conclude() says how.
    bool run_to(uint64_t icount);
    bool catch_up();
    int conclude();

    // Any thread: leave at the next boundary. reason: as in RunEvent, a literal.
    void quit(std::string_view reason);
    // Any thread: how far the run has come.
    struct Progress {
        uint64_t icount;
        int64_t virtual_ns;
    };
    Progress progress() const {
        return {progress_.load(std::memory_order_relaxed), progress_ns_.load(std::memory_order_relaxed)};
    }
    void tell(const RunEvent& event) const {
        if (parts_.event) parts_.event(event);
    }
    // From the door: the reset button.
    void reset_by_user();
    // A drive has an error that the machine is to stop for. A replay doesn't.
    void stop_for_disk() { request(kDiskStop); }

    // The guest has asked the board for something that isn't done yet: this is no place for a snapshot, which wouldn't
    // have it.
    bool requested() const { return requests_ != 0; }

    void state(StateVisitor& v);
    // A snapshot took the machine elsewhere: the host's pace and the log's cursor follow. What had stopped it for good
    // is undone.
    void relocated();
    // And since it was there, so much time has passed by the host's calendar: an RTC that keeps the host's follows.
    void calendar_passed(std::chrono::seconds passed) { rtc_told_ -= passed; }

    // VM thread (from a look): how long the CPU has been halted since virtual time was last brought up to date. In a
    // replay that waits for its pace, it is ahead: less than 0.
    int64_t idled_ns() const;
    // ---- RunControl ----
    RunState run_state() const override;
    void stop() override { pause(RunState::kPaused, {}); }
    Result<void> resume() override;
    void quit_because(std::string_view reason) override;
    void left_alone() override;
    LogView log_view() const override;
    Result<void> break_at(uint64_t icount) override;
    Result<void> delete_break(std::optional<uint64_t> icount) override;
    Result<void> seek(uint64_t icount) override;
    bool seeking() const override { return goal_.has_value(); }
    Result<void> set_replay_speed(double speed) override;
    Result<void> go_live() override;
    // While the CPU is halted the time passes for the guest, too.
    void discount(int64_t host_ns) override;

    // ---- Travelled ----
    Result<void> go_to(uint64_t icount) override;
    Result<void> go() override { return resume(); }
    void halt(const DebugStop& why) override;
    void moved() override;

    // ---- MachineControl ----
    void request_reset() override { request(kReset); }
    void request_shutdown() override { request(kShutdown); }
    void request_suspend() override { request(kSuspend); }
    void request_exit(int status) override {
        exit_status_ = status;
        request(kExit);
    }

  private:
    enum Request : uint32_t { kReset = 1, kShutdown = 2, kSuspend = 4, kExit = 8, kUserReset = 16, kDiskStop = 32 };
    void request(Request r);
    void settle();
    void serve_requests();
    void boundary();
    void replay_boundary();
    void live_boundary();
    uint64_t budget();
    void idle();
    void idle_live();
    void keep_pace();
    bool wait_for_pace();
    void keep_rtc();
    void pause(RunState state, const DebugStop& why);
    bool reach_goal();
    bool stopped() const { return stopped_.has_value(); }
    bool looked_at() const;
    bool hold();
    Error nothing_further() const;
    void finish(const std::string& reason);
    void stop_replay(const std::string& mismatch);
    void fail(const Error& error);
    std::string summary() const;

    Parts parts_;
    Settings settings_;
    InputPort<RateInput> rate_;
    InputPort<WarpInput> warp_;
    std::optional<InputPort<RtcInput>> rtc_;  // unless it keeps virtual time
    std::chrono::seconds rtc_told_{};         // what it has got of the host's time
    Recorder* recorder_ = nullptr;
    Replayer* replayer_ = nullptr;
    TimeTravel* travel_ = nullptr;
    HostPace pace_;
    ReplayPace replay_pace_;
    std::optional<HostPace::Clock::time_point> idle_since_;
    HostPace::Clock::time_point pace_set_{};  // when pace_ was last told where the machine is
    HostPace::Clock::time_point next_lag_warning_{};

    uint64_t limit_ = 0;     // of run_to()
    uint32_t requests_ = 0;  // always zero at a settled boundary
    bool suspended_ = false;
    std::optional<RunState> stopped_;  // why the machine stands still, if it does
    bool held_ = false;                // a replay is over, or diverged, and somebody looks at what is left
    bool told_end_ = false;            // and was told so
    std::optional<uint64_t> goal_;     // of go_to()
    bool moved_ = false;               // the machine is elsewhere: look again at what is due
    uint64_t broke_at_ = UINT64_MAX;   // the replay breakpoint that it goes on from
    std::atomic<uint64_t> progress_ = 0;
    std::atomic<int64_t> progress_ns_ = 0;
    bool done_ = false;
    bool quit_ = false;
    int exit_status_ = 0;
    bool stopped_early_ = false;  // by a failure or a divergence, and that was said
    std::optional<Position> diverged_at_;
    std::string divergence_;  // there, in words
    std::string end_reason_;
};

}  // namespace qr
