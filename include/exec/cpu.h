// SPDX-License-Identifier: GPL-2.0-or-later
//
// A virtual CPU as engines, the run loop and tools see it, whatever its instruction set. VM thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "exec/debug_stops.h"
#include "sysemu/clock.h"
#include "sysemu/state.h"

namespace qr {

class CpuBase {
  public:
    virtual ~CpuBase() = default;

    // Runs until the countdown is used up, or given back (Countdown::leave), or the CPU halts.
    virtual void run() = 0;
    // Halted: nothing to do until an interrupt line changes. False as soon as an event can wake it.
    virtual bool halted() const = 0;
    virtual void reset() = 0;
    virtual void state(StateVisitor& v) = 0;
    virtual void after_load() = 0;
    // Forgets every cached translation and decoded instruction. Never changes what the guest sees.
    virtual void flush_caches() = 0;

    // A debugger's stops, in place of those before. run() leaves at a boundary when it comes to one, and gives back
    // the rest of the budget; take_debug_hit() says which, once. A breakpoint hit is told once per icount (until
    // after_load()), so that run() goes on from it.
    virtual void set_debug_stops(DebugStops stops) = 0;
    virtual std::optional<DebugHit> take_debug_hit() = 0;
    // A breakpoint at the present instruction counts as told.
    virtual void pass_breakpoint() = 0;

    // For reports and debuggers; no side effects.
    virtual uint64_t program_counter() const = 0;  // linear address of the next instruction
    virtual std::string describe() const = 0;      // registers, as `info registers` shows them
};

}  // namespace qr
