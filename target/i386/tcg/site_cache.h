// SPDX-License-Identifier: GPL-2.0-or-later
//
// One-entry caches in front of the TLB, one for each place in translated code that checks a memory access. A place
// mostly comes back to the page that it was at, and its cache's address is known when the code is emitted: the host's
// address needn't wait for a look-up by the guest's (docs/translator.rst).
//
// They are copies of TLB entries, so that they have to be forgotten whenever the TLB takes something back
// (Tlb::revocations()). A place that goes back and forth between pages is better off with the TLB itself: it is found
// by how soon one miss follows another.
//
// VM thread only. Source: none.
#pragma once

#include <xbyak/xbyak.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "target/i386/cpu.h"

namespace qr::i386 {

struct SiteCache {
    static constexpr uint64_t kNone = uint64_t{1} << 63;
    uint64_t page = kNone;  // linear address of the page; no address is near kNone
    uint64_t host = 0;      // of the page
};

class SiteCaches {
  public:
    // memory: of the code memory's data, `size` bytes; data_shift: of ExecMemory.
    SiteCaches(uint8_t* memory, size_t size, ptrdiff_t data_shift);

    // None is used any more. From here on `cpu` is the one whose code has them.
    void clear(Cpu& cpu);
    bool room(size_t count) const { return used_ + count <= size_ / sizeof(SiteCache); }
    SiteCache& add();
    // Where code that is being written has to take the code memory's data to be.
    const void* seen_by_code(const void* data) const { return static_cast<const uint8_t*>(data) + data_shift_; }
    uint32_t number(const SiteCache& c) const { return static_cast<uint32_t>(&c - first()); }

    static constexpr uint32_t kNoCache = 0xffffffff;

    // What they know is no longer true.
    void forget();
    // Whether its misses came in quick succession.
    bool scattered(uint32_t number) const { return misses_[number].count >= kMostQuickMisses; }
    size_t used_bytes() const { return used_ * sizeof(SiteCache); }

    // Code that blocks call after a miss. eax: linear address of the first byte, r10d: of the last one, r11d: the
    // cache's number, or kNoCache. ZF: the TLB has the page by now, r11 + rax is the host's address, and the cache has been
    // filled if the access is within one page; else nothing is known. Changes r10, r11.
    const uint8_t* emit_fill(Xbyak::CodeGenerator& as, const Cpu& cpu, bool user, bool write) const;

  private:
    // How the latest misses of a cache followed each other.
    struct Misses {
        uint32_t last = 0;   // low part of the countdown at the latest one
        uint32_t count = 0;  // of misses in a row that were less than kQuick instructions after the one before
    };
    static constexpr uint32_t kQuick = 64;
    static constexpr uint32_t kMostQuickMisses = 256;

    SiteCache* first() const { return reinterpret_cast<SiteCache*>(memory_); }

    uint8_t* memory_;
    size_t size_;
    ptrdiff_t data_shift_;
    size_t used_ = 0;
    std::vector<Misses> misses_;
    std::unique_ptr<SiteCache*[]> filled_;  // those that know something; Cpu::Native has the list's end
    Cpu* cpu_ = nullptr;
};

}  // namespace qr::i386
