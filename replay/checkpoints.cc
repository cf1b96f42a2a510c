// SPDX-License-Identifier: GPL-2.0-or-later
// Checkpoints in memory; see replay/checkpoints.h. Source: docs/replay.rst, "Time travel".
#include "replay/checkpoints.h"

#include <cassert>
#include <iterator>

#include "util/page_memory.h"

namespace qr {

namespace {

// Above this it is cheaper to make the CPU forget all direct pointers than those to single pages.
constexpr size_t kFewPages = 32;

std::vector<uint64_t> page_counts(AddressSpace& memory) {
    std::vector<uint64_t> counts;
    for (const RamBlock* block : memory.blocks()) counts.push_back(block->page_count());
    return counts;
}

struct PageOf {
    size_t block;
    uint64_t page;
};

std::vector<PageOf> dirty_pages(AddressSpace& memory) {
    std::vector<PageOf> pages;
    const auto blocks = memory.blocks();
    for (size_t b = 0; b < blocks.size(); ++b)
        for (uint64_t p = 0; p < blocks[b]->page_count(); ++p)
            if (blocks[b]->dirty(p) & kDirtyCheckpoint) pages.push_back({b, p});
    return pages;
}

void clean(AddressSpace& memory, const std::vector<PageOf>& pages) {
    if (pages.size() > kFewPages) return memory.clear_dirty_all(kDirtyCheckpoint);
    for (const auto& [b, p] : pages) memory.clear_dirty(*memory.blocks()[b], p, kDirtyCheckpoint);
}

}  // namespace

Checkpoints::Checkpoints(StateRoot& root, AddressSpace& memory, Disks disks, uint64_t budget)
    : root_(root), memory_(memory), disks_(std::move(disks)), budget_(budget), base_(pool_, page_counts(memory)) {}

Checkpoints::~Checkpoints() {
    while (!all_.empty()) drop(all_.begin());
}

// Brings the image up to date with memory.
void Checkpoints::note_pages(RamImage& image) {
    const auto blocks = memory_.blocks();
    if (first_) {
        first_ = false;
        for (size_t b = 0; b < blocks.size(); ++b) {
            const auto touched = touched_pages(blocks[b]->data(), blocks[b]->size());
            for (uint64_t p = 0; p < touched.size(); ++p)
                if (touched[p]) image.set_page(b, p, blocks[b]->data() + p * kPageSize);
        }
        return memory_.clear_dirty_all(kDirtyCheckpoint);
    }
    const auto pages = dirty_pages(memory_);
    for (const auto& [b, p] : pages) image.set_page(b, p, blocks[b]->data() + p * kPageSize);
    clean(memory_, pages);
}

void Checkpoints::take(Position position, bool passing) {
    if (const auto found = all_.find(position.icount); found != all_.end()) {
        found->second.passing |= passing;
        return;
    }
    scratch_.shape.clear();
    scratch_.values.clear();
    scratch_ = dump_whole_state([this](StateVisitor& v) { root_.state(v); });
    note_pages(base_);
    // Most have the same fields as their neighbour.
    std::shared_ptr<const std::vector<uint8_t>> shape;
    const auto next = all_.upper_bound(position.icount);
    if (next != all_.begin() && *std::prev(next)->second.shape == scratch_.shape)
        shape = std::prev(next)->second.shape;
    else
        shape = std::make_shared<const std::vector<uint8_t>>(std::move(scratch_.shape));
    std::vector<uint64_t> disks = disks_.versions();
    for (size_t d = 0; d < disks.size(); ++d) ++disk_users_[{d, disks[d]}];
    state_bytes_ += scratch_.values.size();
    all_.emplace(position.icount, Checkpoint{position, passing, std::move(shape), std::move(scratch_.values), base_,
                                             std::move(disks)});
    thin_out();
}

const Position* Checkpoints::before(uint64_t icount) const {
    const auto next = all_.upper_bound(icount);
    return next == all_.begin() ? nullptr : &std::prev(next)->second.position;
}

void Checkpoints::restore(Position position) {
    const Checkpoint& checkpoint = all_.at(position.icount);
    const StateDump dump{*checkpoint.shape, checkpoint.values};
    const auto loaded = load_state([this](StateVisitor& v) { root_.state(v); }, dump);
    assert(loaded);  // it is this machine's own
    static_cast<void>(loaded);

    const auto blocks = memory_.blocks();
    std::vector<PageOf> pages = dirty_pages(memory_);
    for (const auto& [b, p] : pages) {
        uint8_t* const at = blocks[b]->data() + p * kPageSize;
        memory_.device_writes(*blocks[b], p * kPageSize, kPageSize);
        pool_.copy_to(checkpoint.ram.page(b, p), at);
    }
    checkpoint.ram.for_each_difference(base_, [&](size_t b, uint64_t p) {
        if (blocks[b]->dirty(p) & kDirtyCheckpoint) return;  // done
        memory_.device_writes(*blocks[b], p * kPageSize, kPageSize);
        pool_.copy_to(checkpoint.ram.page(b, p), blocks[b]->data() + p * kPageSize);
        pages.push_back({b, p});
    });
    base_ = checkpoint.ram;
    clean(memory_, pages);
    root_.after_load();
}

void Checkpoints::forget_near() {
    for (auto at = all_.begin(); at != all_.end();) at = at->second.passing ? std::next(at) : drop(at);
}

uint64_t Checkpoints::bytes() const { return pool_.bytes() + state_bytes_; }

Checkpoints::Map::iterator Checkpoints::drop(Map::iterator which) {
    const Checkpoint& c = which->second;
    state_bytes_ -= c.values.size();
    for (size_t d = 0; d < c.disks.size(); ++d) {
        const auto user = disk_users_.find({d, c.disks[d]});
        if (--user->second) continue;
        disks_.release(d, c.disks[d]);
        disk_users_.erase(user);
    }
    return all_.erase(which);
}

// The one goes whose neighbours are closest to each other: so they stay spread over the run. The first one stays:
// everything can be reached from it. So does the last.
void Checkpoints::thin_out() {
    while (bytes() > budget_ && all_.size() > 2) {
        auto least = all_.end();
        uint64_t least_gap = UINT64_MAX;
        for (auto at = std::next(all_.begin()); std::next(at) != all_.end(); ++at) {
            const uint64_t gap = std::next(at)->first - std::prev(at)->first;
            if (gap >= least_gap) continue;
            least_gap = gap;
            least = at;
        }
        drop(least);
    }
}

}  // namespace qr
