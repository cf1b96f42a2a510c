// SPDX-License-Identifier: GPL-2.0-or-later
//
// All that the page tables map, for monitors. No side effects: entries are peeked at, accessed bits stay as they are.
// Source: Intel SDM 3A, 4.3 and 4.4. VM thread only.
#pragma once

#include <cstdint>
#include <functional>

#include "target/i386/cpu.h"

namespace qr::i386 {

struct MappedPage {
    uint32_t linear = 0;
    uint64_t physical = 0;
    uint64_t size = 0;    // bytes: 4 KiB, 2 MiB or 4 MiB
    uint64_t entry = 0;   // the leaf, as it is in memory
    bool user = false;    // by all levels together
    bool writable = false;
};

// In order of linear addresses. Nothing without paging.
void for_each_mapping(const Cpu& cpu, const std::function<void(const MappedPage&)>& tell);

}  // namespace qr::i386
