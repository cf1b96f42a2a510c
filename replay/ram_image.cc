// SPDX-License-Identifier: GPL-2.0-or-later
#include "replay/ram_image.h"

namespace qr {

RamImage::Leaf::Leaf(const Leaf& other) : pool(other.pool), pages(other.pages) {
    for (const PagePool::Id id : pages) pool->refer(id);
}

RamImage::Leaf::~Leaf() {
    for (const PagePool::Id id : pages) pool->drop(id);
}

RamImage::RamImage(PagePool& pool, const std::vector<uint64_t>& pages) : pool_(&pool) {
    for (const uint64_t n : pages) blocks_.emplace_back((n + kLeafPages - 1) / kLeafPages);
}

void RamImage::set_page(size_t block, uint64_t page, const uint8_t* contents) {
    auto& leaf = blocks_[block][page / kLeafPages];
    if (!leaf)
        leaf = std::make_shared<Leaf>(*pool_);
    else if (leaf.use_count() > 1)
        leaf = std::make_shared<Leaf>(*leaf);
    PagePool::Id& at = leaf->pages[page % kLeafPages];
    at = pool_->replace(at, contents);
}

void RamImage::for_each_difference(const RamImage& other,
                                   const std::function<void(size_t block, uint64_t page)>& visit) const {
    for (size_t b = 0; b < blocks_.size(); ++b)
        for (size_t l = 0; l < blocks_[b].size(); ++l) {
            const Leaf* const one = blocks_[b][l].get();
            const Leaf* const two = other.blocks_[b][l].get();
            if (one == two) continue;
            for (uint64_t p = 0; p < kLeafPages; ++p)
                if ((one ? one->pages[p] : 0) != (two ? two->pages[p] : 0)) visit(b, l * kLeafPages + p);
        }
}

}  // namespace qr
