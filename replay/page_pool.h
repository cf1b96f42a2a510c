// SPDX-License-Identifier: GPL-2.0-or-later
// Copies of pages of 4 KiB, shared by whoever refers to them. VM thread only. Source: none.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "exec/memory.h"

namespace qr {

class PagePool {
  public:
    // 0: a page of zeroes, which takes no memory and isn't counted.
    using Id = uint32_t;

    // A copy that is referred to once.
    Id add(const uint8_t* page);
    // The same, in place of a reference that may have the same contents.
    Id replace(Id old, const uint8_t* page);
    void refer(Id id) {
        if (id) ++users_[id];
    }
    void drop(Id id);
    // Not of 0.
    const uint8_t* data(Id id) const { return slabs_[id / kSlabPages].get() + id % kSlabPages * kPageSize; }
    // Writes it to `to`, of one page.
    void copy_to(Id id, uint8_t* to) const;

    // Memory that is referred to.
    uint64_t bytes() const { return used_ * kPageSize; }

  private:
    static constexpr uint64_t kSlabPages = 1024;
    struct Unmap {
        void operator()(uint8_t* slab) const;
    };
    std::vector<std::unique_ptr<uint8_t, Unmap>> slabs_;
    std::vector<uint32_t> users_{0};
    std::vector<Id> free_;
    uint64_t used_ = 0;
};

}  // namespace qr
