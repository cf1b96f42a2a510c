// SPDX-License-Identifier: GPL-2.0-or-later
#include "replay/page_pool.h"

#include <cstring>
#include <new>

#include "util/page_memory.h"

namespace qr {

void PagePool::Unmap::operator()(uint8_t* slab) const { free_pages(slab, kSlabPages * kPageSize); }

PagePool::Id PagePool::add(const uint8_t* page) {
    if (zero_page(page)) return 0;
    Id id;
    if (!free_.empty()) {
        id = free_.back();
        free_.pop_back();
    } else {
        id = static_cast<Id>(users_.size());
        if (id / kSlabPages == slabs_.size()) {
            slabs_.emplace_back(allocate_pages(kSlabPages * kPageSize));
            if (!slabs_.back()) throw std::bad_alloc();
            populate_pages(slabs_.back().get(), kSlabPages * kPageSize);
        }
        users_.push_back(0);
    }
    users_[id] = 1;
    ++used_;
    std::memcpy(slabs_[id / kSlabPages].get() + id % kSlabPages * kPageSize, page, kPageSize);
    return id;
}

PagePool::Id PagePool::replace(Id old, const uint8_t* page) {
    if (old && !std::memcmp(data(old), page, kPageSize)) return old;
    drop(old);
    return add(page);
}

void PagePool::drop(Id id) {
    if (!id || --users_[id]) return;
    --used_;
    free_.push_back(id);
}

void PagePool::copy_to(Id id, uint8_t* to) const {
    if (id)
        std::memcpy(to, data(id), kPageSize);
    else
        std::memset(to, 0, kPageSize);
}

}  // namespace qr
