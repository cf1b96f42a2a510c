// SPDX-License-Identifier: GPL-2.0-or-later
// What all of a machine's memory held at one moment, as references to page copies: two images share what is the same
// in both. VM thread only. Source: none.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "replay/page_pool.h"

namespace qr {

class RamImage {
  public:
    // All zeroes. pages: of each block.
    RamImage(PagePool& pool, const std::vector<uint64_t>& pages);

    PagePool::Id page(size_t block, uint64_t page) const {
        const auto& leaf = blocks_[block][page / kLeafPages];
        return leaf ? leaf->pages[page % kLeafPages] : 0;
    }
    void set_page(size_t block, uint64_t page, const uint8_t* contents);
    // Calls visit(block, page) for those in which the two may differ.
    void for_each_difference(const RamImage& other,
                             const std::function<void(size_t block, uint64_t page)>& visit) const;

  private:
    static constexpr uint64_t kLeafPages = 256;
    struct Leaf {
        PagePool* pool;
        std::array<PagePool::Id, kLeafPages> pages{};
        explicit Leaf(PagePool& p) : pool(&p) {}
        Leaf(const Leaf& other);
        ~Leaf();
    };

    PagePool* pool_;
    std::vector<std::vector<std::shared_ptr<Leaf>>> blocks_;  // null: zeroes
};

}  // namespace qr
