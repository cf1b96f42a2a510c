// SPDX-License-Identifier: GPL-2.0-or-later
//
// Chained execution: near branches, from block to block. In a flat code segment no target is beyond the limit.
// See chain.h. Source: Intel SDM volume 2, the instructions' own pages.

#include "target/i386/chain.h"

namespace qr::i386 {
namespace {

template <unsigned kCc>
const Insn* jcc(Cpu& cpu, const Insn* insn, Chaining& c) {
    CodeTail* tail = tail_after(insn);
    if (condition<kCc>(cpu)) {
        cpu.eip += insn->end + insn->imm;
        return go_linked(cpu, tail->to[1], c);
    }
    cpu.eip += insn->end;
    return go_linked(cpu, tail->to[0], c);
}
// In a trace, with more instructions behind it.
template <unsigned kCc>
const Insn* jcc_inside(Cpu& cpu, const Insn* insn, Chaining& c) {
    if (condition<kCc>(cpu)) {
        cpu.eip += insn->end + insn->imm;
        cpu.wiring.countdown.remaining += insn->left;
        return nullptr;
    }
    ++insn;
    QR_CHAIN_GO(cpu, insn, c);
}
const Insn* jmp(Cpu& cpu, const Insn* insn, Chaining& c) {
    cpu.eip += insn->end + insn->imm;
    return go_linked(cpu, tail_after(insn)->to[1], c);
}
const Insn* call(Cpu& cpu, const Insn* insn, Chaining& c) {
    const uint32_t sp = cpu.reg<uint32_t>(kEsp) - 4;
    uint8_t* p = flat_writable<uint32_t>(cpu, sp);
    if (!p) [[unlikely]]
        return chain_exact(cpu, insn, c);
    const uint32_t back = cpu.eip + insn->end;
    store_le<uint32_t>(p, back);
    cpu.set_reg<uint32_t>(kEsp, sp);
    cpu.eip = back + insn->imm;
    return go_linked(cpu, tail_after(insn)->to[1], c);
}
template <bool kMem, bool kCall>
const Insn* branch_e(Cpu& cpu, const Insn* insn, Chaining& c) {
    uint32_t target = cpu.reg<uint32_t>(insn->rm);
    if constexpr (kMem) {
        const uint8_t* from = operand<uint32_t, Form::kAny, false>(cpu, insn);
        if (!from) [[unlikely]]
            return chain_exact(cpu, insn, c);
        target = load_le<uint32_t>(from);
    }
    if constexpr (kCall) {
        const uint32_t sp = cpu.reg<uint32_t>(kEsp) - 4;
        uint8_t* p = flat_writable<uint32_t>(cpu, sp);
        if (!p) [[unlikely]]
            return chain_exact(cpu, insn, c);
        store_le<uint32_t>(p, cpu.eip + insn->end);
        cpu.set_reg<uint32_t>(kEsp, sp);
    }
    cpu.eip = target;
    return go_indirect(cpu, c);
}
const Insn* ret(Cpu& cpu, const Insn* insn, Chaining& c) {
    const uint32_t sp = cpu.reg<uint32_t>(kEsp);
    const uint8_t* p = flat_readable<uint32_t>(cpu, sp);
    if (!p) [[unlikely]]
        return chain_exact(cpu, insn, c);
    cpu.eip = load_le<uint32_t>(p);
    cpu.set_reg<uint32_t>(kEsp, sp + 4 + insn->imm);
    return go_indirect(cpu, c);
}

template <size_t... kCcs>
Chain pick_jcc(unsigned cc, bool inside, std::index_sequence<kCcs...>) {
    constexpr Chain kAtEnd[] = {jcc<kCcs>...}, kInside[] = {jcc_inside<kCcs>...};
    return inside ? kInside[cc] : kAtEnd[cc];
}

}  // namespace

Chain pick_branch(const Shape& shape, const Insn& insn, bool inside) {
    if (insn.op_size != 4) return nullptr;
    switch (shape.kind) {
        case Shape::kJcc: return pick_jcc(shape.number, inside, std::make_index_sequence<16>{});
        case Shape::kJmp: return jmp;
        case Shape::kJmpE: return insn.has_mem ? branch_e<true, false> : branch_e<false, false>;
        case Shape::kCall: return call;
        case Shape::kCallE: return insn.has_mem ? branch_e<true, true> : branch_e<false, true>;
        case Shape::kRet: return ret;
        default: return nullptr;
    }
}

}  // namespace qr::i386
