// SPDX-License-Identifier: GPL-2.0-or-later
//
// The memory of two machines, byte by byte, where either was written since it was compared last. Takes the
// dirty bits of kDirtyCheckpoint, which a replay doesn't use. Source: none.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "exec/memory.h"

namespace qr::lockstep {

// One page that differs.
struct PageDifference {
    std::string block;
    uint64_t page = 0;
    uint64_t offset = 0;  // in the block, of the first byte that differs
    uint8_t a = 0, b = 0;
    unsigned bytes = 0;  // how many differ
};

class RamCompare {
  public:
    // The machines are of one configuration, and nothing has run yet.
    RamCompare(AddressSpace& a, AddressSpace& b);
    std::vector<PageDifference> update();

  private:
    struct Written {
        size_t block;
        uint64_t page;
    };
    void clear(AddressSpace& memory) const;

    AddressSpace& a_;
    AddressSpace& b_;
    std::vector<Written> written_;
};

}  // namespace qr::lockstep
