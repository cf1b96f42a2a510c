// SPDX-License-Identifier: GPL-2.0-or-later
#include "target/i386/debug_stops.h"

#include <algorithm>

#include "accel/interp/code_cache.h"
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
    read_pages_.clear();
    for (const Watchpoint& w : applied_.watchpoints) {
        if (!w.length || w.address >= kLinearEnd || !(w.read || w.write)) continue;
        watchpoints_.push_back(w);
        const uint64_t last = w.address + length_of(w) - 1;
        pages_.push_back({static_cast<uint32_t>(w.address) & Tlb::kPageBits, static_cast<uint32_t>(last) & Tlb::kPageBits});
        if (w.read) read_pages_.push_back(pages_.back());
    }
    merge(pages_);
    merge(read_pages_);
    for (const Pages& p : pages_) tlb.withdraw(p.first, p.last);
}

void CpuStops::merge(std::vector<Pages>& pages) {
    std::ranges::sort(pages, {}, &Pages::first);
    size_t kept = 0;
    for (size_t n = 1; n < pages.size(); ++n) {
        if (pages[n].first <= uint64_t{pages[kept].last} + kPageSize)
            pages[kept].last = std::max(pages[kept].last, pages[n].last);
        else
            pages[++kept] = pages[n];
    }
    if (!pages.empty()) pages.resize(kept + 1);
}

bool CpuStops::among(const std::vector<Pages>& pages, uint32_t linear) {
    const auto behind = std::ranges::upper_bound(pages, linear, {}, &Pages::first);
    return behind != pages.begin() && (linear & Tlb::kPageBits) <= std::prev(behind)->last;
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

uint64_t CpuStops::watched_granules(uint32_t linear) const {
    if (!watches_page(linear)) return 0;
    const uint64_t page = linear & Tlb::kPageBits;
    uint64_t granules = 0;
    for (const Watchpoint& w : watchpoints_) {
        const uint64_t first = std::max(w.address, page), end = std::min(w.address + length_of(w), page + kPageSize);
        if (first < end) granules |= granule_mask(static_cast<unsigned>(first - page), static_cast<unsigned>(end - 1 - page));
    }
    return granules;
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
