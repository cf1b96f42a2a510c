// SPDX-License-Identifier: GPL-2.0-or-later
//
// The interpreter's loop, for any guest. It decodes code once into blocks and calls one handler for each
// instruction. What it has to know of the guest it asks a trait class:
//
//   Cpu, Insn (exec(Cpu&, const Insn&), length), Fault (what handlers throw), Engine (its interface)
//   countdown(cpu), generation(cpu)   generation changes whenever a translation might have
//   pc(cpu)                           linear address of the next instruction
//   mode(cpu)                         everything that decoding and the right to fetch depend on; < 32
//   room(cpu)                         bytes from the next instruction on that the code limit allows
//   pending(cpu), service(cpu)        events between instructions; false: don't execute now
//   locate(cpu, linear)               where that page's code is; throws Fault. host is null for MMIO
//   decode(cpu, bytes, insn)          false: not an instruction that can be cached from these bytes alone
//   ends_block(insn), keeps_mode(insn)
//   fetch(cpu, insn)                  decodes the next instruction with exact checks; throws Fault
//   advance(cpu, insn)                steps the program counter over it
//   deliver(cpu, fault, length)       takes the step back and enters the exception's handler
//
// Counting: see sysemu/clock.h. The position at which anything happens depends on the guest alone, never on
// which blocks exist. Source: none (docs/cpu.rst). VM thread only.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "accel/interp/code_cache.h"
#include "exec/memory.h"
#include "sysemu/clock.h"

namespace qr {

template <class Guest>
class Interpreter final : public Guest::Engine {
    using Cpu = typename Guest::Cpu;
    using Insn = typename Guest::Insn;
    using Cache = CodeCache<Insn>;
    using Block = typename Cache::Block;
    using Page = typename Cache::Page;

  public:
    void run(Cpu& cpu) override {
        Countdown& countdown = Guest::countdown(cpu);
        while (countdown.remaining > 0) {
            const Insn* insn = nullptr;  // the one being executed; null while fetching
            try {
                if (Guest::pending(cpu)) {
                    if (!Guest::service(cpu)) return;
                    if (countdown.remaining <= 0) return;
                    run_one(cpu, insn);
                } else {
                    run_blocks(cpu, insn);
                }
            } catch (const typename Guest::Fault& fault) {
                if (!insn) --countdown.remaining;
                Guest::deliver(cpu, fault, insn ? insn->length : 0);
            }
        }
    }

    void invalidate(RamBlock& block, uint64_t page, uint64_t granules) override {
        cache_.invalidate({&block, page}, granules, [this](Block& b) {
            if (&b == current_) end_ = nullptr;
        });
    }
    void flush() override {
        flush_due_ = true;
        end_ = nullptr;
    }

  private:
    static constexpr unsigned kMaxInsns = 32;
    static constexpr unsigned kJumpBits = 14;
    static constexpr unsigned kModeBits = 5;
    static constexpr unsigned kEpochBits = 64 - 32 - kModeBits;

    // Blocks by linear address: the key holds the address, the mode, and the epoch of translations.
    struct Slot {
        uint64_t key = 0;
        Block* block = nullptr;
    };
    using JumpTable = std::array<Slot, size_t{1} << kJumpBits>;

    Slot& slot(uint32_t linear) {
        return (*jump_)[(linear ^ (linear >> kJumpBits)) & ((1u << kJumpBits) - 1)];
    }

    // What is common to all keys at this moment.
    uint64_t current_key(Cpu& cpu) {
        if (Guest::generation(cpu) != generation_) [[unlikely]]
            new_epoch(Guest::generation(cpu));
        return (epoch_ << kModeBits | Guest::mode(cpu)) << 32;
    }
    [[gnu::noinline]] void new_epoch(uint64_t generation) {
        generation_ = generation;
        // An epoch is never used twice while entries of the first time could be left.
        if (++epoch_ >> kEpochBits) {
            *jump_ = {};
            epoch_ = 1;
        }
    }

    // Executes exactly one instruction, or one iteration of a repeated one.
    [[gnu::noinline]] void run_one(Cpu& cpu, const Insn*& insn) {
        if (flush_due_) do_flush();
        Guest::fetch(cpu, scratch_);
        insn = &scratch_;
        current_ = nullptr;
        --Guest::countdown(cpu).remaining;
        Guest::advance(cpu, scratch_);
        scratch_.exec(cpu, scratch_);
    }

    // Executes until the countdown is used up or something is pending.
    void run_blocks(Cpu& cpu, const Insn*& insn) {
        Countdown& countdown = Guest::countdown(cpu);
        if (flush_due_) do_flush();
        uint64_t key = current_key(cpu);
        for (;;) {
            insn = nullptr;
            const uint32_t linear = Guest::pc(cpu);
            const Slot& s = slot(linear);
            Block* block = s.block;
            if (s.key != (key | linear) || !block->alive || block->bytes > Guest::room(cpu)) [[unlikely]] {
                block = look_up(cpu, key, linear);
                if (!block) {
                    run_one(cpu, insn);
                    if (Guest::pending(cpu) || countdown.remaining <= 0) return;
                    key = current_key(cpu);
                    continue;
                }
            }
            current_ = block;
            end_ = block->insns() + block->count;
            const uint64_t generation = generation_;
            insn = block->insns();
            for (;;) {
                --countdown.remaining;
                Guest::advance(cpu, *insn);
                insn->exec(cpu, *insn);
                ++insn;
                if (insn >= end_ || countdown.remaining <= 0 || generation != Guest::generation(cpu)) break;
            }
            if (countdown.remaining <= 0 || Guest::pending(cpu)) return;
            if (!block->keeps_mode || generation != Guest::generation(cpu) || !end_) {
                if (flush_due_) do_flush();
                key = current_key(cpu);
            }
        }
    }

    // Finds or makes the block at the next instruction. Null: that has to be executed by itself.
    [[gnu::noinline]] Block* look_up(Cpu& cpu, uint64_t key, uint32_t linear) {
        if (cache_.full()) do_flush();
        const auto where = Guest::locate(cpu, linear);
        if (!where.host) return nullptr;
        const unsigned offset = linear & kPageMask;
        const uint32_t mode = Guest::mode(cpu);
        Page& page = cache_.page({where.block, where.page});
        const auto same_second = [&](Block& b) {
            if (!b.second) return true;
            if (b.bytes > Guest::room(cpu)) return false;  // then its second page isn't looked at
            const auto second = Guest::locate(cpu, linear + (kPageSize - offset));
            return b.second->key == CodePageKey{second.block, second.page};
        };
        Block* block = cache_.find(page, offset, mode, same_second);
        if (!block) block = make_block(cpu, where, page, linear, mode);
        if (!block || block->bytes > Guest::room(cpu)) return nullptr;
        Slot& s = slot(linear);
        s.key = key | linear;
        s.block = block;
        return block;
    }

    template <class Where>
    Block* make_block(Cpu& cpu, const Where& where, Page& page, uint32_t linear, uint32_t mode) {
        const unsigned offset = linear & kPageMask;
        const std::span<const uint8_t> code(where.host + offset, kPageSize - offset);
        std::array<Insn, kMaxInsns> insns;
        unsigned count = 0, bytes = 0;
        bool keeps_mode = true;
        while (count < kMaxInsns && bytes < code.size()) {
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
        b->keeps_mode = keeps_mode;
        Guest::watch(cpu, *where.block, where.page, b->granules);
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
        b->keeps_mode = !Guest::ends_block(insn) || Guest::keeps_mode(insn);
        Guest::watch(cpu, *first.block, first.page, b->granules);
        Guest::watch(cpu, *next.block, next.page, b->second_granules);
        return b;
    }

    [[gnu::noinline]] void do_flush() {
        flush_due_ = false;
        current_ = nullptr;
        *jump_ = {};
        cache_.clear();
    }

    const Insn* end_ = nullptr;  // where the present block ends; null: look up again
    Block* current_ = nullptr;
    uint64_t generation_ = 0;
    uint64_t epoch_ = 0;
    bool flush_due_ = false;
    std::unique_ptr<JumpTable> jump_ = std::make_unique<JumpTable>();
    Cache cache_;
    Insn scratch_;
};

}  // namespace qr
