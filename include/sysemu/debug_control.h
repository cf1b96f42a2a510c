// SPDX-License-Identifier: GPL-2.0-or-later
//
// How a debugger runs the machine: forward, and in a replay backward. Nothing here changes what the guest sees.
// VM thread only, at a boundary (from the mailbox). Source: docs/gdb.rst.
#pragma once

#include <cstdint>
#include <functional>

#include "exec/debug_stops.h"
#include "util/result.h"

namespace qr {

// The machine stands still, and why.
struct DebugStop {
    enum class Why : uint8_t {
        kPaused,       // somebody asked for it: stop, a replay breakpoint, a seek that arrived
        kStep,         // the step is done
        kBreakpoint,
        kWatchpoint,   // hit says which. Forward: after the access; backward: before the instruction that did it
        kReplayBegin,  // there is nothing before this
        kReplayEnd,    // there is nothing after this
        kShutdown,     // the guest powered off, and the machine was kept
    };
    Why why = Why::kPaused;
    DebugHit hit{};  // kBreakpoint, kWatchpoint
};

class DebugControl {
  public:
    virtual ~DebugControl() = default;

    // Replaces those of before. They count in both directions, from the next of the following calls on.
    virtual void set_debug_stops(DebugStops stops) = 0;

    // Each lets the machine go; when it stands still again, the listener is told. An error: it doesn't move.
    // A breakpoint at the present instruction doesn't count for it.
    virtual Result<void> debug_continue() = 0;
    // One instruction, one iteration of a repeated one, or one entry of an exception or interrupt.
    virtual Result<void> debug_step() = 0;
    // At least one such step, and on while `further` says so, up to the first stop.
    virtual Result<void> debug_step_while(std::function<bool()> further) = 0;
    // Replay only.
    virtual Result<void> reverse_continue() = 0;
    virtual Result<void> reverse_step() = 0;

    // Whenever the machine stops for whatever reason while there is a listener; null: there is none any more.
    // While there is one, a replay that has come to its end is kept for looking at.
    virtual void on_debug_stop(std::function<void(const DebugStop&)> listener) = 0;
};

}  // namespace qr
