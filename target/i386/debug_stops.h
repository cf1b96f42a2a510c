// SPDX-License-Identifier: GPL-2.0-or-later
//
// A debugger's breakpoints and watchpoints at this CPU, as its engine and its memory accesses ask for them. The
// guest's own debug registers are debug.cc's. Never state. VM thread only. Source: none (docs/cpu.rst).
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "exec/debug_stops.h"
#include "sysemu/clock.h"

namespace qr::i386 {

class Engine;
class Tlb;

class CpuStops {
  public:
    // What is wanted from the next begin() on.
    void set(DebugStops stops);
    // Before each run. Tells engine and TLB if there is something new.
    void begin(Engine& engine, Tlb& tlb);

    std::optional<DebugHit> take_hit() { return std::exchange(hit_, std::nullopt); }
    // A breakpoint there and then counts as told.
    void pass(uint64_t icount, uint32_t linear) { told_ = Told{icount, linear}; }
    // The state is another one.
    void forget_hits() {
        hit_.reset();
        told_.reset();
    }

    bool breaking() const { return !breakpoints_.empty(); }
    // Whether there is a breakpoint.
    bool breakpoint_at(uint32_t linear) const;
    // Before the instruction there: whether to leave. The countdown knows by then.
    bool stops_at(uint32_t linear, Countdown& countdown);

    bool watching() const { return !pages_.empty(); }
    // Whether any byte of the page is watched, or watched for reading: such pages never match in the TLB, or for writing.
    bool watches_page(uint32_t linear) const { return among(pages_, linear); }
    bool watches_reads(uint32_t linear) const { return among(read_pages_, linear); }
    // The page's granules with watched bytes.
    uint64_t watched_granules(uint32_t linear) const;
    // The access has been made.
    void accessed(uint32_t linear, unsigned size, bool write, Countdown& countdown);

  private:
    struct Told {
        uint64_t icount;
        uint32_t linear;
        bool operator==(const Told&) const = default;
    };
    struct Pages {
        uint32_t first, last;  // addresses of pages
    };
    void apply_breakpoints(Engine& engine);
    void apply_watchpoints(Tlb& tlb);
    static void merge(std::vector<Pages>& pages);
    static bool among(const std::vector<Pages>& pages, uint32_t linear);

    DebugStops wanted_, applied_;
    bool due_ = false;  // they aren't the same
    std::vector<uint32_t> breakpoints_;   // sorted
    std::vector<Watchpoint> watchpoints_;  // those that begin within 32 bits
    // With watchpoints; with those for reading. Sorted, neither overlapping nor adjacent.
    std::vector<Pages> pages_, read_pages_;
    std::optional<DebugHit> hit_;
    std::optional<Told> told_;
};

}  // namespace qr::i386
