// SPDX-License-Identifier: GPL-2.0-or-later
//
// Chained execution: the interpreter's fast way through code in flat 32-bit segments. Each instruction of a
// block ends by going to the next one, each block by going to the next block.
//
// While a chained block runs, the countdown has the whole block taken off already and Cpu::eip is the address
// of the block's first byte. That is enough for instructions that compute and for memory accesses which the
// TLB serves directly. Everything else goes through chain_exact(), which makes both exact, has the row's
// own handler execute the instruction from the start, and looks whether the block may go on. So the fast forms
// here know nothing of faults, devices, limits, watched memory or modes: they only recognize the
// plain case, before they change anything.
// Source: none (docs/cpu.rst).
#pragma once

#include "accel/interp/code_cache.h"
#include "target/i386/alu.h"
#include "target/i386/operands.h"

// With sibling calls (meson.build asks for them) each instruction jumps to the next; without, it returns it to the
// engine's loop.
#if defined(__GNUC__) && !defined(__clang__) && defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__)
#define QR_CHAIN_GO(cpu, insn, c) return (insn)->chain((cpu), (insn), (c))
#else
#define QR_CHAIN_GO(cpu, insn, c) return (static_cast<void>(c), (insn))
#endif

namespace qr::i386 {

using CodeBlock = CodeCache<Insn>::Block;
using CodePage = CodeCache<Insn>::Page;
using CodeTail = CodeCache<Insn>::Tail;

struct Chaining : ChainState<CodeBlock, Insn> {};

// Bit of InterpreterGuest::mode(): CS, DS and SS start at 0 and reach to 4 GiB, may be read (and but for CS
// written), CS and SS are 32-bit, and alignment isn't checked.
constexpr uint32_t kUserMode = 2;
constexpr uint32_t kFlatMode = 8;
inline bool is_flat(const Cpu& cpu) {
    constexpr uint64_t kAll = uint64_t{1} << 32;
    const Segment &cs = cpu.seg[kCs], &ss = cpu.seg[kSs], &ds = cpu.seg[kDs];
    return !(cs.base | ss.base | ds.base) && cs.limit == 0xffffffff && (cs.attr & ss.attr & 0x4000) &&
           ss.write_end == kAll && ds.write_end == kAll && !cpu.real_or_v86() &&
           !(cpu.cpl == 3 && cpu.tlb.alignment_checked());
}
// Another bit: x87, MMX and SSE instructions pass check_fpu()'s, check_mmx()'s and check_sse()'s look at CR0 and CR4.
constexpr uint32_t kFpuMode = 16;
inline bool fpu_ready(const Cpu& cpu) { return !(cpu.cr0 & (kCr0EM | kCr0TS)) && (cpu.cr4 & kCr4OSFXSR); }
// A third: ES starts at 0, reaches to 4 GiB and may be written.
constexpr uint32_t kFlatEsMode = 32;
inline bool es_is_flat(const Cpu& cpu) {
    return !cpu.seg[kEs].base && cpu.seg[kEs].write_end == uint64_t{1} << 32;
}

// Sets chain, left and end of a block's instructions.
void chain_block(std::span<Insn> insns, Insn& end);

// Makes the block go back to the engine's loop, uncounted, from its `c.threshold`th execution on.
void count_executions(CodeBlock& block);

// The instruction by its row's handler, with all state exact.
const Insn* chain_exact(Cpu& cpu, const Insn* insn, Chaining& c);

// What kind of row an instruction's is, as far as there are fast forms for it here or in the translator.
struct Shape {
    enum Kind : uint8_t {
        kNone,
        kDivE, kIdivE, kRdtsc, kPopE, kMovs, kStos, kLods, kScas,  // for the translator only; strings: without REP
        kNop,
        // The register form of these can't fault, and looks at registers and flags only.
        kPlain, kNotE, kNegE, kMulE, kImulE, kImulGE, kImulGEI, kXchgEG, kXchgAR, kBswap, kCbw, kCwd, kShldI, kShrdI,
        kBtEG, kBtEI, kBsf, kBsr, kSahf, kClc, kStc, kCmc, kCld, kXaddEG, kCmpxchgEG, kSetcc,
        kAluEG, kAluGE, kAluEI, kAluAI, kTestEG, kTestEI, kTestAI,
        kIncR, kDecR, kIncE, kDecE, kShiftEI, kShiftE1, kShiftECl,
        kMovEG, kMovGE, kMovEI, kMovRI, kMovAO, kMovOA, kMovzx, kMovsx, kLea, kCmov,
        kPushR, kPushI, kPushE, kPopR, kLeave,
        kJcc, kJmp, kJmpE, kCall, kCallE, kRet,
    };
    Kind kind = kNone;
    uint8_t number = 0;  // Alu, Shift, condition; MOVZX, MOVSX: size of the source; bit tests: 0 BT, BTS, BTR, BTC
    bool byte = false;
    bool plain() const { return kind >= kPlain && kind <= kSetcc; }
};
const Shape& shape_of(const Insn& insn);
Chain pick_alu(const Shape& shape, const Insn& insn);
Chain pick_move(const Shape& shape, const Insn& insn);
// inside: a conditional branch that others follow in its block.
Chain pick_branch(const Shape& shape, const Insn& insn, bool inside);
// A comparison and the conditional jump after it, as one.
Chain pick_fused(const Shape& shape, const Insn& insn, unsigned condition);

// How a memory operand is addressed.
enum class Form : uint8_t {
    kRegister,  // not memory
    kBase,      // flat segment, base and displacement
    kIndex,     // flat segment, scaled index too
    kAny,       // any segment and address size
};
inline Form form_of(const Insn& insn) {
    if (!insn.has_mem) return Form::kRegister;
    if ((insn.seg != kDs && insn.seg != kSs) || insn.ea_mask != 0xffffffff) return Form::kAny;
    return insn.index == kNoRegister ? Form::kBase : Form::kIndex;
}
template <Form kForm>
uint32_t flat_address(const Cpu& cpu, const Insn* insn) {
    uint32_t a = static_cast<uint32_t>(cpu.gpr[insn->base]) + insn->disp;
    if constexpr (kForm == Form::kIndex) a += static_cast<uint32_t>(cpu.gpr[insn->index]) << insn->scale;
    return a;
}

// Host address of a flat access; null: not directly.
template <class T>
[[gnu::always_inline]] inline uint8_t* flat_readable(const Cpu& cpu, uint32_t linear) {
    const Tlb::Entry& e = cpu.tlb.entry(cpu.cpl, linear);
    if (e.read_tag != Tlb::last_page(linear, sizeof(T))) [[unlikely]]
        return nullptr;
    return reinterpret_cast<uint8_t*>(e.addend + linear);
}
template <class T>
[[gnu::always_inline]] inline uint8_t* flat_writable(const Cpu& cpu, uint32_t linear) {
    const Tlb::Entry& e = cpu.tlb.entry(cpu.cpl, linear);
    if (e.write_tag != Tlb::last_page(linear, sizeof(T))) [[unlikely]]
        return nullptr;
    return reinterpret_cast<uint8_t*>(e.addend + linear);
}
// Host address of the memory operand; null: not directly.
template <class T, Form kForm, bool kWrite>
[[gnu::always_inline]] inline uint8_t* operand(const Cpu& cpu, const Insn* insn) {
    uint32_t linear;
    if constexpr (kForm == Form::kAny) {
        const uint32_t offset = ea(cpu, *insn);
        const Segment& s = cpu.seg[insn->seg];
        if (uint64_t{offset} + sizeof(T) > (kWrite ? s.write_end : s.read_end)) [[unlikely]]
            return nullptr;
        linear = static_cast<uint32_t>(s.base) + offset;
    } else {
        linear = flat_address<kForm>(cpu, insn);
    }
    return kWrite ? flat_writable<T>(cpu, linear) : flat_readable<T>(cpu, linear);
}

// To the block at EIP, which `link` may know.
[[gnu::always_inline]] inline const Insn* go_linked(Cpu& cpu, CodeBlock*& link, Chaining& c) {
    CodeBlock* to = link;
    if (to && to->stamp == (c.key | cpu.eip)) [[likely]] {
        int64_t& remaining = cpu.wiring.countdown.remaining;
        const int64_t left = remaining - to->count;
        if (left >= 0) [[likely]] {
            remaining = left;
            const Insn* first = to->insns();
            QR_CHAIN_GO(cpu, first, c);
        }
    }
    c.link = &link;
    return nullptr;
}
// The same for a branch whose target is computed.
[[gnu::always_inline]] inline const Insn* go_indirect(Cpu& cpu, Chaining& c) {
    CodeBlock* to = (*c.jump)[Chaining::jump_index(cpu.eip)];
    if (to && to->stamp == (c.key | cpu.eip)) [[likely]] {
        int64_t& remaining = cpu.wiring.countdown.remaining;
        const int64_t left = remaining - to->count;
        if (left >= 0) [[likely]] {
            remaining = left;
            const Insn* first = to->insns();
            QR_CHAIN_GO(cpu, first, c);
        }
    }
    return nullptr;
}
inline CodeTail* tail_after(const Insn* last) {
    return const_cast<CodeTail*>(reinterpret_cast<const CodeTail*>(last + 1));
}

}  // namespace qr::i386
