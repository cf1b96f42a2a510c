// SPDX-License-Identifier: GPL-2.0-or-later
//
// Large, zero-filled, page-aligned memory that costs nothing until it is touched.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

namespace qr {

// size: bytes. Null if the host has not that much.
uint8_t* allocate_pages(uint64_t size);
void free_pages(uint8_t* memory, uint64_t size);

// Of 4 KiB: the first byte is zero and every byte equals the next.
inline bool zero_page(const uint8_t* page) { return !page[0] && !std::memcmp(page, page + 1, 4095); }

// All of it is about to be written: cheaper at once than by a page fault for each.
void populate_pages(uint8_t* memory, uint64_t size);

// One entry per page of 4 KiB: false if it was never touched since it was allocated, so that it is all zero.
// (True if the host doesn't tell.) Reading such a page would cost a page fault.
std::vector<bool> touched_pages(const uint8_t* memory, uint64_t size);

}  // namespace qr
