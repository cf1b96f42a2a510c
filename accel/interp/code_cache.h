// SPDX-License-Identifier: GPL-2.0-or-later
//
// Blocks of decoded instructions, found by where their code is in physical memory.
//
// A block is a run of instructions within one page, or a single instruction that runs into a second
// page. A store into any 64-byte granule that a block was decoded from kills it. Dead blocks keep their
// memory until clear(), so that a pointer to one stays good for asking whether it is alive.
// Source: none (docs/cpu.rst). VM thread only.
#pragma once

#include <algorithm>
#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <type_traits>
#include <unordered_map>
#include <vector>

#include "exec/memory.h"

namespace qr {

struct CodePageKey {
    RamBlock* block = nullptr;
    uint64_t page = 0;
    bool stops = false;  // as it is executed at linear pages with breakpoints (docs/cpu.rst)
    bool operator==(const CodePageKey&) const = default;
};

using PageOffsets = std::bitset<kPageSize>;

// The granules that bytes first .. last of a page lie in.
constexpr uint64_t granule_mask(unsigned first, unsigned last) {
    const unsigned low = first >> kGranuleShift;
    const unsigned count = (last >> kGranuleShift) - low + 1;
    return (count >= 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1) << low;
}

// The way of the interpreter through chained blocks; see interpreter.h.
template <class Block, class Insn>
struct ChainState {
    // The next block by address, as far as is known. Its stamp tells whether it is the right one.
    static constexpr unsigned kJumpBits = 16;
    using JumpTable = std::array<Block*, size_t{1} << kJumpBits>;
    static unsigned jump_index(uint32_t linear) { return linear & ((1u << kJumpBits) - 1); }

    // Of key: the mode, above the address; above it the epoch (see interpreter.h).
    static constexpr unsigned kModeBits = 6;
    static constexpr unsigned kModeShift = 32;
    static constexpr unsigned kPlaceBits = kModeShift + kModeBits;  // of a stamp: the address and the mode
    // world: of those in which addresses mean the same as long as its epoch lasts
    void change_mode(uint32_t mode, unsigned world) {
        key = epochs[world] << kPlaceBits | uint64_t{mode} << kModeShift;
    }

    uint64_t key = 0;            // a block is right here if its stamp is this and the address
    uint64_t generation = 0;     // of translations, for which `key` is good
    std::array<uint64_t, 2> epochs{};  // see change_mode()
    Block** link = nullptr;      // where to note the block that is executed next
    const Insn* insn = nullptr;  // the one being executed, if the state is exact
    uint32_t threshold = 0;      // executions after which a block is given back to be translated
    bool stop = false;           // code was overwritten or forgotten: find blocks anew
    bool changed = false;        // the mode may have changed
    bool serviced = false;       // events were looked at: an instruction comes next, whatever is pending
    std::unique_ptr<JumpTable> jump = std::make_unique<JumpTable>();
};

template <class Insn>
class CodeCache {
    static_assert(std::is_trivially_destructible_v<Insn>);

  public:
    struct Page;
    struct Tail;
    struct Block {
        // Where this block was last found to be what is to be executed: the interpreter's key of that place
        // and time. 0: nowhere, or it is dead.
        uint64_t stamp = 0;
        Block* next = nullptr;     // of those that start in the same bucket
        Page* page = nullptr;
        Page* second = nullptr;    // where its only instruction ends, if it crosses
        uint64_t granules = 0;     // of page
        uint64_t second_granules = 0;
        uint32_t mode = 0;
        uint16_t offset = 0;       // in page
        uint16_t bytes = 0;
        uint16_t count = 0;        // of instructions
        bool alive = true;
        bool keeps_mode = false;   // after it, the mode is what it was
        bool chained = false;      // its instructions lead to each other, and to further blocks
        // For engines that translate: where translated code jumps to for this block, how often the block was
        // executed until then, and whether it is translated.
        bool translated = false;
        bool trace = false;        // goes on behind conditional branches
        bool x87_checked = false;  // translated for a guest that has x87 exceptions unmasked
        bool unmerged = false;     // accesses that share a check weren't in one page too often
        uint16_t strays = 0;       // how often, in quick succession
        uint32_t stray_at = 0;     // low part of the count at the latest one
        uint64_t scattered = 0;    // by instruction: its accesses go from page to page
        uint32_t heat = 0;
        uint32_t translation = 0;  // the translator's number for it
        const void* entry = nullptr;
        decltype(Insn::chain) first_chain = nullptr;  // of the first instruction, while the engine has put its own
        Insn* insns() { return reinterpret_cast<Insn*>(this + 1); }
        Tail& tail() { return *reinterpret_cast<Tail*>(insns() + count); }
    };
    // What follows the last instruction: a pseudo-instruction that goes to the next block, and the blocks that
    // were executed after this one, to be taken again if their stamp is right.
    struct Tail {
        Insn end;
        Block* to[2];  // if the branch isn't taken; if it is
    };
    // Slices end anywhere, and begin anew there: in the long run most instructions of hot code start a block. So
    // buckets are small, and what was found last is found first.
    static constexpr unsigned kBucketShift = 4;
    static constexpr unsigned kBuckets = unsigned{kPageSize} >> kBucketShift;
    struct Page {
        CodePageKey key;
        uint64_t seen = 0;                        // where it was last found: the interpreter's key and the page's address
        unsigned longest = 0;                     // bytes of a block in it
        std::array<Block*, kBuckets> starting{};  // by where they start
        std::vector<Block*> crossing;             // blocks whose second page this is
    };

    Page& page(const CodePageKey& key) {
        Page*& recent = recent_[Hash()(key) % kRecent];
        if (recent && recent->key == key) return *recent;
        auto& slot = pages_[key];
        if (!slot) {
            slot = std::make_unique<Page>();
            slot->key = key;
            if (key.stops) stop_pages_.push_back(slot.get());
        }
        recent = slot.get();
        return *recent;
    }

    // What is known of a block's page may tell that it is right at the address, as it was in another epoch.
    template <class State>
    static bool renew(Block& b, const State& state, uint32_t linear) {
        const uint64_t here = state.key | linear;
        if ((b.stamp ^ here) << (64 - State::kPlaceBits) || b.second) return false;
        if (b.page->seen != (here & ~uint64_t{kPageMask})) return false;
        b.stamp = here;
        return true;
    }

    // Calls accept(block) for the blocks that start at the offset in this mode, until one is accepted.
    template <class Accept>
    Block* find(Page& page, unsigned offset, uint32_t mode, Accept accept) {
        Block*& head = page.starting[offset >> kBucketShift];
        for (Block** link = &head; Block* b = *link; link = &b->next) {
            if (b->offset != offset || b->mode != mode || !accept(*b)) continue;
            if (b != head) {
                *link = b->next;
                b->next = head;
                head = b;
            }
            return b;
        }
        return nullptr;
    }

    // `bytes`: of code in `page`; the rest of a crossing instruction is `second_bytes`.
    Block* add(Page& page, unsigned offset, uint32_t mode, std::span<const Insn> insns, unsigned bytes,
               Page* second = nullptr, unsigned second_bytes = 0) {
        static_assert(alignof(Insn) <= alignof(Block));
        Block* b = new (allocate(sizeof(Block) + insns.size_bytes() + sizeof(Tail))) Block;
        std::uninitialized_copy(insns.begin(), insns.end(), b->insns());
        b->page = &page;
        b->granules = granule_mask(offset, offset + bytes - 1);
        b->mode = mode;
        b->offset = static_cast<uint16_t>(offset);
        b->bytes = static_cast<uint16_t>(bytes + second_bytes);
        b->count = static_cast<uint16_t>(insns.size());
        new (&b->tail()) Tail{};
        Block*& head = page.starting[offset >> kBucketShift];
        b->next = head;
        head = b;
        page.longest = std::max(page.longest, bytes);
        if (second) {
            b->second = second;
            b->second_granules = granule_mask(0, second_bytes - 1);
            second->crossing.push_back(b);
        }
        return b;
    }

    // Kills the blocks that were decoded from these granules. Calls killed(block) for each.
    template <class Killed>
    void invalidate(RamBlock& block, uint64_t page, uint64_t granules, Killed killed) {
        if (const auto found = pages_.find({&block, page}); found != pages_.end())
            invalidate(*found->second, granules, killed);
        if (stop_pages_.empty()) return;
        if (const auto found = pages_.find({&block, page, true}); found != pages_.end())
            invalidate(*found->second, granules, killed);
    }

    // Kills the blocks of pages with breakpoints that have one of these offsets, at their start or further on.
    template <class Killed>
    void cut(const PageOffsets& offsets, Killed killed) {
        for (Page* p : stop_pages_) {
            for (Block*& head : p->starting) {
                kill_some(head, killed, [&](const Block& b) {
                    const unsigned end = std::min<unsigned>(b.offset + b.bytes, kPageSize);
                    for (unsigned at = b.offset; at < end; ++at)
                        if (offsets[at]) return true;
                    return false;
                });
            }
        }
    }

    bool full() const { return chunks_.size() >= kMaxChunks; }
    // Frees everything. No pointer to a block may be kept.
    void clear() {
        stop_pages_.clear();
        pages_.clear();
        recent_.fill(nullptr);
        chunks_.clear();
        used_ = kChunkSize;
    }

  private:
    template <class Killed>
    void invalidate(Page& p, uint64_t granules, Killed killed) {
        // A block that starts further up can't reach down here; one that starts below may, if it is long enough.
        const unsigned begin = static_cast<unsigned>(std::countr_zero(granules)) << kGranuleShift;
        const unsigned end = (64 - static_cast<unsigned>(std::countl_zero(granules))) << kGranuleShift;
        const unsigned first = begin - std::min(begin, p.longest);
        for (unsigned bucket = first >> kBucketShift; bucket < end >> kBucketShift; ++bucket) {
            kill_some(p.starting[bucket], killed, [=](const Block& b) { return (b.granules & granules) != 0; });
        }
        std::erase_if(p.crossing, [&](Block* b) {
            if (b->alive && !(b->second_granules & granules)) return false;
            if (b->alive) {
                unlink(b);
                kill(*b);
                killed(*b);
            }
            return true;
        });
    }
    // Those of a bucket for which it is due.
    template <class Killed, class Due>
    static void kill_some(Block*& head, Killed killed, Due due) {
        for (Block** link = &head; Block* b = *link;) {
            if (!due(*b)) {
                link = &b->next;
                continue;
            }
            *link = b->next;
            kill(*b);
            killed(*b);
        }
    }

    static constexpr size_t kChunkSize = 1 << 20;
    static constexpr size_t kMaxChunks = 96;
    static constexpr size_t kRecent = 256;  // pages that are found without pages_
    // Blocks begin at lines of the host's cache: what finding one looks at is in its first line.
    struct alignas(64) Line {
        std::byte bytes[64];
    };

    struct Hash {
        size_t operator()(const CodePageKey& k) const {
            return (reinterpret_cast<uintptr_t>(k.block) >> 4) ^ ((k.page * 2 + k.stops) * 0x9e3779b97f4a7c15u);
        }
    };

    static void kill(Block& b) {
        b.alive = false;
        b.stamp = 0;
    }
    void unlink(Block* b) {
        Block** link = &b->page->starting[b->offset >> kBucketShift];
        while (*link != b) link = &(*link)->next;
        *link = b->next;
    }
    void* allocate(size_t size) {
        size = (size + sizeof(Line) - 1) & ~(sizeof(Line) - 1);
        if (used_ + size > kChunkSize) {
            chunks_.push_back(std::make_unique<Line[]>(kChunkSize / sizeof(Line)));
            used_ = 0;
        }
        void* p = reinterpret_cast<std::byte*>(chunks_.back().get()) + used_;
        used_ += size;
        return p;
    }

    // Never iterated: the order of its elements can't matter.
    std::unordered_map<CodePageKey, std::unique_ptr<Page>, Hash> pages_;
    std::array<Page*, kRecent> recent_{};
    std::vector<Page*> stop_pages_;  // those with CodePageKey::stops
    std::vector<std::unique_ptr<Line[]>> chunks_;
    size_t used_ = kChunkSize;
};

}  // namespace qr
