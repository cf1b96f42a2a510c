// SPDX-License-Identifier: GPL-2.0-or-later
//
// Where a debugger wants the CPU to stop. Never state: the guest can't tell that there are any, and an engine may
// forget them at any time but while it runs. Addresses are linear ones. VM thread only. Source: none.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace qr {

struct Watchpoint {
    uint64_t address = 0;
    uint64_t length = 0;  // bytes, at least 1; address + length doesn't wrap
    bool read = false, write = false;
    bool operator==(const Watchpoint&) const = default;
};

struct DebugStops {
    std::vector<uint64_t> breakpoints;
    std::vector<Watchpoint> watchpoints;
    bool empty() const { return breakpoints.empty() && watchpoints.empty(); }
    bool operator==(const DebugStops&) const = default;
};

// Why the CPU left before its budget was used up.
struct DebugHit {
    enum class Kind : uint8_t { kBreakpoint, kWatchpoint };
    Kind kind = Kind::kBreakpoint;
    // kBreakpoint: before the instruction there. kWatchpoint: after the instruction that touched it (its own count).
    uint64_t icount = 0;
    uint64_t address = 0;  // kBreakpoint: of the instruction. kWatchpoint: of the first watched byte that was touched
    Watchpoint watchpoint{};
    bool written = false;  // kWatchpoint: by a write
};

}  // namespace qr
