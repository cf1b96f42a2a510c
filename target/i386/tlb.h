// SPDX-License-Identifier: GPL-2.0-or-later
//
// The software TLB: what linear pages translate to, and direct host pointers where an access needs
// nothing but the memory itself. Never state: it is a perfect cache, flushing it changes nothing.
// Entries of global pages are told apart because they outlive a change of CR3, if the new page directory says the same.
//
// A tag is the linear page's address, and matches only if the last byte of the access has the same page,
// so that one comparison also rejects accesses that cross a page. Filled by mmu.cc. VM thread only.
#pragma once

#include <array>
#include <bit>
#include <bitset>
#include <cstdint>
#include <memory>
#include <span>

#include "exec/memory.h"

namespace qr::i386 {

// Where instructions of a linear page are fetched from.
struct FetchPage {
    uint32_t tag = 1;
    const uint8_t* host = nullptr;  // the page's first byte; null: MMIO, fetch by bytes (fetch_byte())
    RamBlock* block = nullptr;      // null with host
    uint64_t block_page = 0;
    uint64_t physical = 0;  // of the page's first byte
};

class Tlb {
  public:
    static constexpr unsigned kEntryBits = 10;
    static constexpr unsigned kEntries = 1u << kEntryBits;
    static constexpr unsigned kFetchEntries = 256;
    static constexpr uint32_t kInvalid = 1;  // no page's address
    static constexpr uint32_t kPageBits = 0xfffff000;

    struct Entry {
        uint32_t read_tag = kInvalid;
        uint32_t write_tag = kInvalid;  // implies that reads are allowed, from the same place
        uintptr_t addend = 0;           // host address - linear address
    };
    // What page tables say of a page.
    struct Mapped {
        uint64_t physical = 0;
        bool writable = false;  // allowed, and the dirty bit is set already
        bool global = false;
    };
    // The translation behind an entry, also of pages that aren't accessed directly.
    struct Translation {
        uint32_t tag = kInvalid;
        bool writable = false;
        uint64_t physical = 0;  // of the page
    };
    // A page that may be written to, but isn't quiet, or a debugger watches it: stores go straight to those granules that
    // nobody watches.
    struct WatchedPage {
        uint32_t tag = kInvalid;
        uintptr_t addend = 0;
        const RamBlock::Page* page = nullptr;
        uint64_t granules = 0;  // a debugger's
    };
    static constexpr unsigned kWatchedPages = 16;
    struct Table {
        std::array<WatchedPage, kWatchedPages> watched;
        std::array<Entry, kEntries> entries;
        std::array<Translation, kEntries> translations;
        std::array<FetchPage, kFetchEntries> fetch;
    };

    Tlb();
    Tlb(const Tlb&) = delete;
    Tlb& operator=(const Tlb&) = delete;

    static unsigned index(uint32_t linear) { return (linear >> kPageShift) & (kEntries - 1); }
    static uint32_t last_page(uint32_t linear, unsigned size) { return (linear + size - 1) & kPageBits; }

    // The entry that an access at this CPL has to match.
    const Entry& entry(unsigned cpl, uint32_t linear) const { return by_cpl_[cpl][index(linear)]; }

    // The entries themselves, for translated code.
    const Entry* entries(bool user) const { return tables_[user].entries.data(); }
    const WatchedPage* watched_pages(bool user) const { return tables_[user].watched.data(); }

    const FetchPage& fetch(bool user, uint32_t linear) const {
        return tables_[user].fetch[(linear >> kPageShift) & (kFetchEntries - 1)];
    }
    const Translation& translation(bool user, uint32_t linear) const {
        return tables_[user].translations[index(linear)];
    }

    void fill_translation(bool user, uint32_t linear, const Mapped& mapped);
    // host: of the page's first byte.
    void fill_read(bool user, uint32_t linear, uint8_t* host);
    void fill_write(bool user, uint32_t linear, uint8_t* host);  // both reads and writes
    void fill_watched(bool user, uint32_t linear, uint8_t* host, const RamBlock::Page& page, uint64_t granules);
    const FetchPage& fill_fetch(bool user, uint32_t linear, const FetchPage& page, bool global);

    void flush();
    // All but what is known of global pages.
    void flush_local();
    // What is known of the linear pages first .. last.
    void flush_pages(uint32_t first, uint32_t last);
    // By bits 31:22: where global pages are known since the last flush().
    static constexpr unsigned kRegionShift = 22;
    using Regions = std::bitset<1u << (32 - kRegionShift)>;
    const Regions& global_regions() const { return global_regions_; }
    // Forgets direct write pointers to the page at `host`.
    void protect(const uint8_t* host);
    // Forgets all direct pointers to the linear pages first .. last.
    void withdraw(uint32_t first, uint32_t last);
    // Counts flushes of code: what an engine derived from translations is valid while this stands still.
    uint64_t generation() const { return generation_; }
    // The same of what was derived for user or supervisor mode.
    uint64_t generation(bool user) const { return generations_[user]; }

    // Linear pages, each together with others that have the same low bits. Quickly emptied.
    struct Pages {
        static constexpr unsigned kBits = 12, kWordBits = 6;
        std::array<uint64_t, 1u << (kBits - kWordBits)> words{};
        uint64_t used = 0;  // words that have any
        static unsigned low_bits(uint32_t linear) { return (linear >> kPageShift) & ((1u << kBits) - 1); }
        void add(uint32_t linear) {
            const unsigned n = low_bits(linear);
            words[n >> kWordBits] |= uint64_t{1} << (n & 63);
            used |= uint64_t{1} << (n >> kWordBits);
        }
        bool has(uint32_t linear) const { return words[low_bits(linear) >> kWordBits] >> (low_bits(linear) & 63) & 1; }
        // Of those from first to last.
        bool has_any(uint32_t first, uint32_t last) const;
        void clear() {
            for (; used; used &= used - 1) words[static_cast<unsigned>(std::countr_zero(used))] = 0;
        }
    };

    // Counts flushes and withdrawn pointers: a copy of an entry is good while this stands still. Who makes a copy says of
    // which page in copied(), and forgets it with all copies.
    uint64_t revocations() const { return revocations_; }
    Pages& copied() { return copied_; }
    const Pages& copied() const { return copied_; }

    // While alignment is checked, CPL 3 accesses match nothing and take the slow way.
    void set_alignment_checked(bool on);
    bool alignment_checked() const { return by_cpl_[3] == unmatched_->data(); }

  private:
    // The indexes that were filled since the last flush, each once.
    template <unsigned kSize>
    class Filled {
      public:
        void add(unsigned index) {
            if (known_.test(index)) return;
            known_.set(index);
            list_[count_++] = static_cast<uint16_t>(index);
        }
        std::span<const uint16_t> list() const { return {list_.data(), count_}; }
        void clear() {
            for (const uint16_t index : list()) known_.reset(index);
            count_ = 0;
        }

      private:
        std::bitset<kSize> known_;
        std::array<uint16_t, kSize> list_{};
        unsigned count_ = 0;
    };
    using FilledEntries = Filled<2 * kEntries>;  // of the user's table, kEntries more
    void forget(FilledEntries& which);
    void flush_code(bool user);
    static bool inside(uint32_t tag, uint32_t first, uint32_t last) {
        return tag != kInvalid && first <= tag && tag <= last;
    }

    const Entry* by_cpl_[4];
    uint64_t generation_ = 1;
    std::array<uint64_t, 2> generations_{1, 1};  // supervisor, user
    uint64_t revocations_ = 0;
    bool any_watched_ = false;
    FilledEntries local_, global_;
    Regions global_regions_;
    // Supervisor, user. The pages of all fetches since the last flush_code(), and the entries that are left of them.
    std::array<Pages, 2> code_;
    std::array<Filled<kFetchEntries>, 2> fetched_;
    Pages copied_;
    bool local_system_code_ = false;
    std::array<Table, 2> tables_;  // supervisor, user
    std::unique_ptr<std::array<Entry, kEntries>> unmatched_;
};

}  // namespace qr::i386
