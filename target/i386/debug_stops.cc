// SPDX-License-Identifier: GPL-2.0-or-later
#include "target/i386/debug_stops.h"

#include <algorithm>

#include "target/i386/cpu.h"

namespace qr::i386 {

namespace {

constexpr uint64_t kLinearEnd = uint64_t{1} << 32;

// Of a watchpoint's bytes, as many as there are.
uint64_t length_of(const Watchpoint& w) { return std::min(w.length, kLinearEnd - w.address); }

// The first byte of [linear, linear + size), which may wrap around, that is in the watchpoint.
std::optional<uint32_t> first_touched(const Watchpoint& w, uint32_t linear, unsigned size) {
    const auto start = static_cast<uint32_t>(w.address);
    if (uint32_t{linear - start} < length_of(w)) return linear;
    if (uint32_t{start - linear} < size) return start;
    return std::nullopt;
}

}  // namespace

void CpuStops::set(DebugStops stops) {
    wanted_ = std::move(stops);
    due_ = wanted_ != applied_;
}

void CpuStops::begin(Engine& engine, Tlb& tlb) {
    hit_.reset();
    if (!std::exchange(due_, false)) [[likely]]
        return;
    const bool breakpoints = wanted_.breakpoints != applied_.breakpoints;
    const bool watchpoints = wanted_.watchpoints != applied_.watchpoints;
    applied_ = wanted_;
    if (breakpoints) apply_breakpoints(engine);
    if (watchpoints) apply_watchpoints(tlb);
}

void CpuStops::apply_breakpoints(Engine& engine) {
    breakpoints_.clear();
    for (const uint64_t address : applied_.breakpoints)
        if (address < kLinearEnd) breakpoints_.push_back(static_cast<uint32_t>(address));
    std::ranges::sort(breakpoints_);
    const auto doubles = std::ranges::unique(breakpoints_);
    breakpoints_.erase(doubles.begin(), doubles.end());
    engine.set_breakpoints(breakpoints_);
}

void CpuStops::apply_watchpoints(Tlb& tlb) {
    watchpoints_.clear();
    pages_.clear();
    for (const Watchpoint& w : applied_.watchpoints) {
        if (!w.length || w.address >= kLinearEnd || !(w.read || w.write)) continue;
        watchpoints_.push_back(w);
        const uint64_t last = w.address + length_of(w) - 1;
        pages_.push_back({static_cast<uint32_t>(w.address) & Tlb::kPageBits, static_cast<uint32_t>(last) & Tlb::kPageBits});
    }
    std::ranges::sort(pages_, {}, &Pages::first);
    size_t kept = 0;
    for (size_t n = 1; n < pages_.size(); ++n) {
        if (pages_[n].first <= uint64_t{pages_[kept].last} + kPageSize)
            pages_[kept].last = std::max(pages_[kept].last, pages_[n].last);
        else
            pages_[++kept] = pages_[n];
    }
    if (!pages_.empty()) pages_.resize(kept + 1);
    for (const Pages& p : pages_) tlb.withdraw(p.first, p.last);
}

bool CpuStops::breakpoint_at(uint32_t linear) const { return std::ranges::binary_search(breakpoints_, linear); }

bool CpuStops::stops_at(uint32_t linear, Countdown& countdown) {
    if (!breakpoint_at(linear)) return false;
    const Told here{countdown.icount(), linear};
    if (told_ == here) return false;
    told_ = here;
    hit_ = DebugHit{.kind = DebugHit::Kind::kBreakpoint, .icount = here.icount, .address = linear};
    countdown.leave();
    return true;
}

bool CpuStops::watches_page(uint32_t linear) const {
    const auto behind = std::ranges::upper_bound(pages_, linear, {}, &Pages::first);
    return behind != pages_.begin() && (linear & Tlb::kPageBits) <= std::prev(behind)->last;
}

void CpuStops::accessed(uint32_t linear, unsigned size, bool write, Countdown& countdown) {
    if (!watches_page(linear) && !watches_page(linear + size - 1)) return;
    for (const Watchpoint& w : watchpoints_) {
        if (!(write ? w.write : w.read)) continue;
        const std::optional<uint32_t> byte = first_touched(w, linear, size);
        if (!byte) continue;
        if (!hit_) {
            hit_ = DebugHit{.kind = DebugHit::Kind::kWatchpoint, .icount = countdown.icount(), .address = *byte, .watchpoint = w};
            countdown.leave();
        }
        if (write && hit_->watchpoint == w) hit_->written = true;
        return;
    }
}

}  // namespace qr::i386
