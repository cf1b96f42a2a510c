// SPDX-License-Identifier: GPL-2.0-or-later
//
// The interpreter's loop, for any guest. It decodes code once into blocks and calls one handler for each
// instruction. What it has to know of the guest it asks a trait class:
//
//   Cpu, Insn (exec(Cpu&, const Insn&), length), Fault (what handlers throw), Engine (its interface)
//   Chaining                          a ChainState, and what else the guest's chains want
//   countdown(cpu), generation(cpu)   generation changes whenever a translation of code's addresses might have
//   world(mode)                       0 or 1; generation(cpu, world): the same for what is executed in such modes
//   pc(cpu)                           linear address of the next instruction
//   mode(cpu)                         everything that decoding and the right to fetch depend on; < 32
//   room(cpu)                         bytes from the next instruction on that the code limit allows
//   pending(cpu), service(cpu)        events between instructions; false: don't execute now. Looks at breakpoints, too
//   stops_at(cpu, linear)             a debugger's breakpoint there: don't execute now
//   locate(cpu, linear)               where that page's code is; throws Fault. host is null for MMIO
//   locate(cpu, linear, where, fault) the same; false: `fault` is what it would throw
//   decode(cpu, bytes, insn)          false: not an instruction that can be cached from these bytes alone
//   ends_block(insn), keeps_mode(insn)
//   rewind(cpu, insn)                 steps it back from behind a chained instruction to the start of its block
//   chain(mode, insns, end)           makes the instructions of a block lead to each other; false: can't
//   fetch(cpu, insn)                  decodes the next instruction with exact checks; throws Fault
//   advance(cpu, insn)                steps the program counter over it
//   deliver(cpu, fault, length)       takes the step back and enters the exception's handler
//
// A chained block is counted as a whole before it runs, and its instructions call each other without coming
// back here; whatever looks at the count or the program counter in between gets them exact first (the guest's
// chains see to that). Blocks that aren't chained, and the last few instructions of a budget, are stepped
// through one by one.
//
// With a translator (Native) the blocks that are executed often are run as host code:
//
//   kPresent                          false: there is none
//   longest_block()                   in instructions
//   threshold(), adopt(cpu, block)    a new chained block; c.threshold executions make it hot
//   hot(block)                        run it natively
//   prepare(cpu, block)               translates it if it isn't yet; false: there is no room
//   may_continue(block)               its last instruction may be followed by others in the same block (a trace)
//   worth(next), eager()              whether what follows is executed often enough for that; whether it need not
//                                     have been executed at all
//   run(cpu, chaining, block)         as the chain of a block, and further blocks; deals with faults itself, and with
//                                     events if it wants to
//   rest()                            where in a block the last run() got stuck: {block, insn}, not the first one; null
//   forget_link()                     what comes next isn't where the last run() left for
//   killed(block), clear()            forget it; forget everything
//
// Counting: see sysemu/clock.h. The position at which anything happens depends on the guest alone, never on
// which blocks exist. Source: none (docs/cpu.rst). VM thread only.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "accel/interp/code_cache.h"
#include "exec/memory.h"
#include "sysemu/clock.h"

namespace qr {

struct NoNative {
    static constexpr bool kPresent = false;
};

template <class Guest, class Native = NoNative>
class Interpreter final : public Guest::Engine {
    using Cpu = typename Guest::Cpu;
    using Insn = typename Guest::Insn;
    using Cache = CodeCache<Insn>;
    using Block = typename Cache::Block;
    using Page = typename Cache::Page;

  public:
    template <class... Options>
    explicit Interpreter(const Options&... options) : native_(options...) {
        if constexpr (Native::kPresent) {
            chain_.threshold = native_.threshold();
            longest_ = std::min(kMaxInsns, native_.longest_block());
        }
    }

    void run(Cpu& cpu) override {
        Countdown& countdown = Guest::countdown(cpu);
        while (countdown.remaining > 0) {
            chain_.insn = nullptr;
            try {
                if (Guest::pending(cpu)) {
                    if (!std::exchange(chain_.serviced, false)) {
                        if (!Guest::service(cpu)) return;
                        if (countdown.remaining <= 0) return;
                    }
                    if (Guest::pending(cpu)) {
                        run_one(cpu);
                        continue;
                    }
                }
                run_blocks(cpu);
            } catch (const typename Guest::Fault& fault) {
                const Insn* insn = chain_.insn;  // null if the fault came while fetching
                if (!insn) --countdown.remaining;
                Guest::deliver(cpu, fault, insn ? insn->length : 0);
            }
        }
    }

    void invalidate(RamBlock& block, uint64_t page, uint64_t granules) override {
        cache_.invalidate(block, page, granules, [this](Block& b) {
            if constexpr (Native::kPresent) native_.killed(b);
        });
        chain_.stop = true;
    }
    void flush() override {
        flush_due_ = true;
        chain_.stop = true;
    }

    // Addresses aren't told apart where a page may be executed at several of them: see at_cut().
    void set_breakpoints(std::span<const uint32_t> addresses) override {
        breakpoints_.assign(addresses.begin(), addresses.end());
        const PageOffsets before = cuts_;
        cuts_.reset();
        for (const uint32_t a : breakpoints_) cuts_.set(a & kPageMask);
        if (const PageOffsets added = cuts_ & ~before; added.any()) {
            cache_.cut(added, [this](Block& b) {
                if constexpr (Native::kPresent) native_.killed(b);
            });
        }
        chain_.generation = 0;  // what was found before is looked up again
        generations_ = {};
    }

    const Native& native() const { return native_; }

  private:
    static constexpr unsigned kMaxInsns = 64;
    static constexpr unsigned kLongestInsn = 15;
    static constexpr unsigned kEpochBits = 64 - Guest::Chaining::kPlaceBits;

    // Sets the key that blocks must have from here on.
    void renew_key(Cpu& cpu) {
        if (flush_due_) do_flush();
        chain_.stop = false;
        chain_.changed = false;
        if (Guest::generation(cpu) != chain_.generation) [[unlikely]] {
            chain_.generation = Guest::generation(cpu);
            // No epoch is used twice while blocks have the stamp of the first time.
            if ((epoch_ + generations_.size()) >> kEpochBits) {
                do_flush();
                epoch_ = 0;
                generations_ = {};
            }
            for (unsigned world = 0; world < generations_.size(); ++world) {
                if (std::exchange(generations_[world], Guest::generation(cpu, world)) != generations_[world])
                    chain_.epochs[world] = ++epoch_;
            }
        }
        const uint32_t mode = Guest::mode(cpu);
        chain_.change_mode(mode, Guest::world(mode));
    }

    // Executes exactly one instruction, or one iteration of a repeated one.
    [[gnu::noinline]] void run_one(Cpu& cpu) {
        if (flush_due_) do_flush();
        Guest::fetch(cpu, scratch_);
        chain_.insn = &scratch_;
        --Guest::countdown(cpu).remaining;
        Guest::advance(cpu, scratch_);
        scratch_.exec(cpu, scratch_);
    }

    // Executes until the countdown is used up or something is pending.
    void run_blocks(Cpu& cpu) {
        Countdown& countdown = Guest::countdown(cpu);
        chain_.link = nullptr;
        if constexpr (Native::kPresent) native_.forget_link();
        renew_key(cpu);
        for (;;) {
            chain_.insn = nullptr;
            const uint32_t linear = Guest::pc(cpu);
            Block* block = (*chain_.jump)[chain_.jump_index(linear)];
            if (!block || (block->stamp != (chain_.key | linear) && !Cache::renew(*block, chain_, linear)) ||
                (!block->chained && block->bytes > Guest::room(cpu))) [[unlikely]] {
                block = look_up(cpu, linear);
                if (!block || block->stamp != (chain_.key | linear)) {
                    chain_.link = nullptr;
                    if constexpr (Native::kPresent) native_.forget_link();
                    if (block)
                        step_through(cpu, countdown, *block, block->insns());
                    else if (!std::exchange(nothing_to_run_, false))
                        run_one(cpu);
                    if (Guest::pending(cpu) || countdown.remaining <= 0) return;
                    renew_key(cpu);
                    continue;
                }
            }
            if (chain_.link) {
                if (block->chained) *chain_.link = block;
                chain_.link = nullptr;
            }
            if (run_native(cpu, block)) {
            } else if (block->chained && countdown.remaining >= block->count) {
                countdown.remaining -= block->count;
                const Insn* insn = block->insns();
                do {
                    insn = insn->chain(cpu, insn, chain_);
                } while (insn);
            } else {
                step_through(cpu, countdown, *block, block->insns());
            }
            if (countdown.remaining <= 0 || Guest::pending(cpu)) return;
            if (chain_.changed || chain_.stop || Guest::generation(cpu) != chain_.generation)
                renew_key(cpu);
        }
    }

    // True if the block was executed as host code. It may be replaced by a longer one.
    bool run_native(Cpu& cpu, Block*& block) {
        if constexpr (Native::kPresent) {
            if (block->chained && native_.hot(*block) && !block->translated && !block->trace)
                block = make_trace(cpu, *block);
            if (!block->chained || !native_.hot(*block) || Guest::countdown(cpu).remaining < block->count) {
                native_.forget_link();
                return false;
            }
            if (!native_.prepare(cpu, *block)) {
                // Executed as a chain this once: no block can go before it has run.
                flush_due_ = chain_.stop = true;
                return false;
            }
            native_.run(cpu, chain_, *block);
            if (const auto rest = native_.rest(); rest.insn) run_rest(cpu, *rest.block, rest.insn);
            return true;
        }
        return false;
    }

    // From an instruction within a chained block on, to its end.
    void run_rest(Cpu& cpu, Block& block, const Insn* insn) {
        Countdown& countdown = Guest::countdown(cpu);
        const int64_t left = insn->left + 1;
        if (countdown.remaining < left) return step_through(cpu, countdown, block, insn);
        countdown.remaining -= left;
        Guest::rewind(cpu, insn[-1]);
        do {
            insn = insn->chain(cpu, insn, chain_);
        } while (insn);
    }

    void step_through(Cpu& cpu, Countdown& countdown, Block& block, const Insn* insn) {
        const Insn* const end = block.insns() + block.count;
        if (!block.keeps_mode) chain_.changed = true;
        uint32_t next;
        do {
            chain_.insn = insn;
            --countdown.remaining;
            Guest::advance(cpu, *insn);
            next = Guest::pc(cpu);
            insn->exec(cpu, *insn);
            ++insn;
        } while (insn != end && countdown.remaining > 0 && !chain_.stop && !Guest::pending(cpu) &&
                 Guest::generation(cpu) == chain_.generation && (!block.trace || Guest::pc(cpu) == next));
    }

    // On linear pages with breakpoints blocks are others than elsewhere (CodePageKey::stops). They end where a breakpoint
    // is, on whichever page, so that their memory may be such a page in several places. A block that begins there is
    // looked up each time, as it never gets a stamp: nothing leads to it past stops_at().
    bool stop_page(uint32_t linear) const {
        const auto b = std::ranges::lower_bound(breakpoints_, linear & ~static_cast<uint32_t>(kPageMask));
        return b != breakpoints_.end() && (*b ^ linear) <= kPageMask;
    }
    bool at_cut(const Page& page, unsigned offset) const { return page.key.stops && cuts_[offset]; }

    // Finds or makes the block at the next instruction. Null: that has to be executed by itself, or nothing_to_run_. A
    // block without a stamp is stepped through.
    [[gnu::noinline]] Block* look_up(Cpu& cpu, uint32_t linear) {
        const bool stops = !breakpoints_.empty() && stop_page(linear);
        if (stops && Guest::stops_at(cpu, linear)) {
            nothing_to_run_ = true;
            return nullptr;
        }
        if (cache_.full()) do_flush();
        if (!Guest::room(cpu)) return nullptr;  // the limit's fault comes before one of the page
        typename Guest::Where where;
        typename Guest::Fault fault;
        if (!Guest::locate(cpu, linear, where, fault)) {
            nothing_to_run_ = true;
            --Guest::countdown(cpu).remaining;
            Guest::deliver(cpu, fault, 0);
            return nullptr;
        }
        if (!where.host) return nullptr;
        const unsigned offset = linear & kPageMask;
        const uint32_t mode = Guest::mode(cpu);
        Page& page = cache_.page({where.block, where.page, stops});
        page.seen = chain_.key | (linear - offset);
        const auto same_second = [&](Block& b) {
            if (!b.second) return true;
            if (b.bytes > Guest::room(cpu)) return false;  // then its second page isn't looked at
            const auto second = Guest::locate(cpu, linear + (kPageSize - offset));
            return b.second->key == CodePageKey{second.block, second.page};
        };
        Block* block = cache_.find(page, offset, mode, same_second);
        if (!block) block = make_block(cpu, where, page, linear, mode);
        if (!block || !block->alive || block->bytes > Guest::room(cpu)) return nullptr;
        if (at_cut(page, offset)) return block;
        block->stamp = chain_.key | linear;
        (*chain_.jump)[chain_.jump_index(linear)] = block;
        return block;
    }

    template <class Where>
    Block* make_block(Cpu& cpu, const Where& where, Page& page, uint32_t linear, uint32_t mode) {
        const unsigned offset = linear & kPageMask;
        const std::span<const uint8_t> code(where.host + offset, kPageSize - offset);
        std::array<Insn, kMaxInsns> insns;
        unsigned count = 0, bytes = 0;
        bool keeps_mode = true;
        while (count < longest_ && bytes < code.size() && !(count && at_cut(page, offset + bytes))) {
            if (!Guest::decode(cpu, code.subspan(bytes), insns[count])) break;
            const Insn& insn = insns[count++];
            bytes += insn.length;
            if (Guest::ends_block(insn)) {
                keeps_mode = Guest::keeps_mode(insn);
                break;
            }
        }
        if (!count) return make_crossing(cpu, where, page, linear, mode);
        Block* b = cache_.add(page, offset, mode, {insns.data(), count}, bytes);
        finish(cpu, *b, keeps_mode);
        Guest::watch(cpu, *where.block, where.page, b->granules);
        return b;
    }
    void finish(Cpu& cpu, Block& b, bool keeps_mode) {
        b.keeps_mode = keeps_mode;
        b.chained = Guest::chain(b.mode, std::span(b.insns(), b.count), b.tail().end);
        if constexpr (Native::kPresent) {
            if (b.chained) native_.adopt(cpu, b);
        }
    }

    // The block and those behind it, as far as the guest mostly goes straight on, as one, which takes its place.
    [[gnu::noinline]] Block* make_trace(Cpu& cpu, Block& block) {
        std::array<Insn, kMaxInsns> insns;
        unsigned count = block.count, bytes = block.bytes;
        std::copy_n(block.insns(), count, insns.begin());
        Block* last = &block;
        while (count < longest_ && !last->second && native_.may_continue(*last)) {
            const unsigned offset = block.offset + bytes;
            if (offset + kLongestInsn > kPageSize || at_cut(*block.page, offset)) break;
            Block* next = cache_.find(*block.page, offset, block.mode, [](Block& b) { return !b.second; });
            if (!next && native_.eager()) {
                const uint32_t linear = Guest::pc(cpu);
                next = make_block(cpu, Guest::locate(cpu, linear), *block.page, linear + bytes, block.mode);
            }
            if (!next || next->second || !native_.worth(*next)) break;
            last = next;
            for (unsigned n = 0; n < next->count && count < longest_; ++n) {
                insns[count++] = next->insns()[n];
                bytes += next->insns()[n].length;
            }
        }
        if (count == block.count) return &block;
        Block* b = cache_.add(*block.page, block.offset, block.mode, {insns.data(), count}, bytes);
        b->trace = true;
        finish(cpu, *b, block.offset + bytes < last->offset + last->bytes || last->keeps_mode);
        b->heat = block.heat;
        b->stamp = block.stamp;
        (*chain_.jump)[chain_.jump_index(static_cast<uint32_t>(b->stamp))] = b;
        block.stamp = 0;
        return b;
    }

    // An instruction whose end is in the next page.
    template <class Where>
    Block* make_crossing(Cpu& cpu, const Where& where, Page& page, uint32_t linear, uint32_t mode) {
        const unsigned offset = linear & kPageMask;
        const unsigned here = static_cast<unsigned>(kPageSize) - offset;
        Insn insn;
        Guest::fetch(cpu, insn);  // throws if there is no such instruction
        if (insn.length <= here) return nullptr;
        const Where first = where;  // `where` may be a cache entry that the next line replaces
        const auto next = Guest::locate(cpu, linear + here);
        if (!next.host) return nullptr;
        Page& second = cache_.page({next.block, next.page});
        Block* b = cache_.add(page, offset, mode, {&insn, 1}, here, &second, insn.length - here);
        finish(cpu, *b, !Guest::ends_block(insn) || Guest::keeps_mode(insn));
        Guest::watch(cpu, *first.block, first.page, b->granules);
        Guest::watch(cpu, *next.block, next.page, b->second_granules);
        return b;
    }

    [[gnu::noinline]] void do_flush() {
        flush_due_ = false;
        chain_.link = nullptr;
        *chain_.jump = {};
        if constexpr (Native::kPresent) native_.clear();
        cache_.clear();
    }

    typename Guest::Chaining chain_;
    uint64_t epoch_ = 0;
    std::array<uint64_t, 2> generations_{};  // for which chain_.epochs are
    unsigned longest_ = kMaxInsns;
    bool flush_due_ = false;
    bool nothing_to_run_ = false;  // an exception is entered already, or there is a breakpoint
    std::vector<uint32_t> breakpoints_;  // sorted
    PageOffsets cuts_;                   // theirs
    Cache cache_;
    [[no_unique_address]] Native native_;
    Insn scratch_;
};

}  // namespace qr
