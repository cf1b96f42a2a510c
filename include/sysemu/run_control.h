// SPDX-License-Identifier: GPL-2.0-or-later
//
// What monitors and debuggers ask of the run as a whole, and what they are told of it. Nothing here changes what the
// guest sees: while the machine is stopped, its time is, too. VM thread only, at a boundary. Source: none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "util/result.h"

namespace qr {

enum class RunState : uint8_t {
    kPrelaunch,  // -S, and nobody has let it go yet
    kRunning,
    kPaused,     // by the user, or at the end of a recording
    kDebug,      // a breakpoint was reached
    kShutdown,   // powered off, and -no-shutdown was given
    kSuspended,  // to RAM
    kIoError,    // by an error of the host's, as rerror= and werror= have it
};
// As QMP calls it: "prelaunch", "running" ...
std::string_view run_state_name(RunState state);

// By the names of QMP's events.
struct RunEvent {
    enum class Kind : uint8_t { kStop, kResume, kReset, kShutdown, kPowerdown, kSuspend, kWakeup };
    Kind kind;
    bool by_guest = false;        // kReset, kShutdown
    std::string_view reason{};    // the same: "guest-reset", "host-qmp-quit" ...
};
std::string_view run_event_name(RunEvent::Kind kind);

// How fast a replay goes: seconds of the recording for one of the host's; 0: as fast as it can ("max").
constexpr double kSlowestReplay = 0.01, kFastestReplay = 1000;
Result<double> parse_replay_speed(std::string_view text);
std::string replay_speed_text(double speed);

class RunControl {
  public:
    virtual ~RunControl() = default;

    virtual RunState run_state() const = 0;
    virtual void stop() = 0;
    // Fails after a shutdown (reset first) and at the end of a recording.
    virtual Result<void> resume() = 0;
    // The program ends. reason: as in RunEvent.
    virtual void quit_because(std::string_view reason) = 0;
    // Somebody who looked at the machine has gone. An end that was kept only for that is one now.
    virtual void left_alone() = 0;

    enum class LogMode : uint8_t { kNone, kRecord, kPlay };
    struct LogView {
        LogMode mode = LogMode::kNone;
        uint64_t icount = 0;
        uint64_t end = 0;  // kPlay: the icount at which the recording ends
        bool at_end = false;  // there is nothing further, and it is kept for looking at
        std::string divergence;  // why, if it isn't the recording's end: in words, several lines
        uint64_t events = 0, digests = 0;  // kPlay: so far
        std::vector<uint64_t> breakpoints;  // replay_break's, ascending
        size_t checkpoints = 0;             // that were taken, and their memory
        uint64_t checkpoint_bytes = 0, checkpoint_budget = 0;
        double speed = 0;  // kPlay: see parse_replay_speed()
    };
    virtual LogView log_view() const = 0;
    // Replay only: stops when this icount is reached, from either side. There may be any number.
    virtual Result<void> break_at(uint64_t icount) = 0;
    // Nothing: all of them.
    virtual Result<void> delete_break(std::optional<uint64_t> icount) = 0;
    // Goes there as fast as it can, forward or back, and stops.
    virtual Result<void> seek(uint64_t icount) = 0;
    // It isn't there yet.
    virtual bool seeking() const = 0;

    // Replay only: from here on.
    virtual Result<void> set_replay_speed(double speed) = 0;

    // Replay only: from here on the machine is a live one, and takes input. It runs or stands still as before.
    virtual Result<void> go_live() = 0;

    // A monitor kept the VM thread busy for so long: that wasn't the guest's time.
    virtual void discount(int64_t host_ns) = 0;
};

}  // namespace qr
