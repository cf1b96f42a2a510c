// SPDX-License-Identifier: GPL-2.0-or-later
//
// The memory of two machines; see ram_compare.h. Source: none.
#include "tests/lockstep/ram_compare.h"

#include <cstring>

namespace qr::lockstep {

namespace {

// From here on it is cheaper to make the CPU forget all of its direct pointers at once.
constexpr size_t kMany = 64;

PageDifference look_closer(const RamBlock& a, const RamBlock& b, uint64_t page) {
    PageDifference found{a.name(), page, 0, 0, 0, 0};
    for (uint64_t i = page * kPageSize; i < (page + 1) * kPageSize; ++i) {
        if (a.data()[i] == b.data()[i]) continue;
        if (!found.bytes++) {
            found.offset = i;
            found.a = a.data()[i];
            found.b = b.data()[i];
        }
    }
    return found;
}

}  // namespace

RamCompare::RamCompare(AddressSpace& a, AddressSpace& b) : a_(a), b_(b) {
    a.clear_dirty_all(kDirtyCheckpoint);
    b.clear_dirty_all(kDirtyCheckpoint);
}

std::vector<PageDifference> RamCompare::update() {
    std::vector<PageDifference> found;
    written_.clear();
    for (size_t n = 0; n < a_.blocks().size(); ++n) {
        const RamBlock& a = *a_.blocks()[n];
        const RamBlock& b = *b_.blocks()[n];
        for (uint64_t page = 0; page < a.page_count(); ++page) {
            if (!((a.dirty(page) | b.dirty(page)) & kDirtyCheckpoint)) continue;
            written_.push_back({n, page});
            const uint64_t at = page * kPageSize;
            if (std::memcmp(a.data() + at, b.data() + at, kPageSize)) found.push_back(look_closer(a, b, page));
        }
    }
    clear(a_);
    clear(b_);
    return found;
}

void RamCompare::clear(AddressSpace& memory) const {
    if (written_.size() > kMany) return memory.clear_dirty_all(kDirtyCheckpoint);
    for (const Written& w : written_) memory.clear_dirty(*memory.blocks()[w.block], w.page, kDirtyCheckpoint);
}

}  // namespace qr::lockstep
