// SPDX-License-Identifier: GPL-2.0-or-later
//
// Where a debugger wants the CPU to stop. Never state: the guest can't tell that there are any, and an engine may
// forget them at any time but while it runs. Addresses are linear ones. VM thread only. Source: none (docs/cpu.rst).
//
// A breakpoint hits when the instruction at its address is to be executed next: after interrupts and exceptions that
// are due there have been entered, before the instruction is fetched. Where no executed instruction begins none hits. A
// repeated string instruction comes back to its own address after each iteration, which counts one: the breakpoint
// hits before each of them, so that it depends on nothing but the machine's state at that count.
//
// A watchpoint hits after an instruction, or the entry of an interrupt or exception, that has accessed a watched byte.
// All accesses by linear address count: operands, stacks and frames, descriptors, TSSs; reads for modification count as
// both; those by an instruction that is refused later on, too, and the hit is then told behind the exception's entry.
// What doesn't count: accesses that are refused themselves, instruction fetches, page walks (PDPTEs included), the
// state save area of SMM (its addresses are physical ones), devices' DMA, and an access with no byte (REP with a
// count of zero, masked stores).
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
    // kBreakpoint: of the instruction. kWatchpoint: of the first watched byte that was touched: of the instruction's
    // first access that touched any, and among several watchpoints there that of the first one in the list
    uint64_t address = 0;
    Watchpoint watchpoint{};
    bool written = false;  // kWatchpoint: by a write, or by several accesses of which one was
};

}  // namespace qr
