// SPDX-License-Identifier: GPL-2.0-or-later
//
// Chained execution: fast forms of moves and of the 32-bit stack. See chain.h.
// Source: Intel SDM volume 2, the instructions' own pages.

#include "target/i386/chain.h"

namespace qr::i386 {
namespace {

template <class T, Form kForm>
const Insn* mov_to_e(Cpu& cpu, const Insn* insn, Chaining& c) {
    if constexpr (kForm == Form::kRegister) {
        cpu.set_reg<T>(insn->rm, cpu.reg<T>(insn->reg));
    } else {
        uint8_t* p = operand<T, kForm, true>(cpu, insn);
        if (!p) [[unlikely]]
            return chain_exact(cpu, insn, c);
        store_le<T>(p, cpu.reg<T>(insn->reg));
    }
    ++insn;
    QR_CHAIN_GO(cpu, insn, c);
}
template <class T, Form kForm>
const Insn* mov_to_g(Cpu& cpu, const Insn* insn, Chaining& c) {
    if constexpr (kForm == Form::kRegister) {
        cpu.set_reg<T>(insn->reg, cpu.reg<T>(insn->rm));
    } else {
        const uint8_t* p = operand<T, kForm, false>(cpu, insn);
        if (!p) [[unlikely]]
            return chain_exact(cpu, insn, c);
        cpu.set_reg<T>(insn->reg, load_le<T>(p));
    }
    ++insn;
    QR_CHAIN_GO(cpu, insn, c);
}
template <class T, Form kForm>
const Insn* mov_immediate(Cpu& cpu, const Insn* insn, Chaining& c) {
    if constexpr (kForm == Form::kRegister) {
        cpu.set_reg<T>(insn->rm, static_cast<T>(insn->imm));
    } else {
        uint8_t* p = operand<T, kForm, true>(cpu, insn);
        if (!p) [[unlikely]]
            return chain_exact(cpu, insn, c);
        store_le<T>(p, static_cast<T>(insn->imm));
    }
    ++insn;
    QR_CHAIN_GO(cpu, insn, c);
}
// The accumulator and a plain address.
template <class T, bool kStore>
const Insn* mov_offset(Cpu& cpu, const Insn* insn, Chaining& c) {
    uint8_t* p = operand<T, Form::kAny, kStore>(cpu, insn);
    if (!p) [[unlikely]]
        return chain_exact(cpu, insn, c);
    if constexpr (kStore)
        store_le<T>(p, cpu.reg<T>(kEax));
    else
        cpu.set_reg<T>(kEax, load_le<T>(p));
    ++insn;
    QR_CHAIN_GO(cpu, insn, c);
}
// MOVZX, MOVSX.
template <class S, bool kSigned, Form kForm>
const Insn* mov_extend(Cpu& cpu, const Insn* insn, Chaining& c) {
    S v;
    if constexpr (kForm == Form::kRegister) {
        v = cpu.reg<S>(insn->rm);
    } else {
        const uint8_t* p = operand<S, kForm, false>(cpu, insn);
        if (!p) [[unlikely]]
            return chain_exact(cpu, insn, c);
        v = load_le<S>(p);
    }
    cpu.set_reg<uint32_t>(insn->reg, static_cast<uint32_t>(kSigned ? sign_extend<S>(v) : v));
    ++insn;
    QR_CHAIN_GO(cpu, insn, c);
}
template <Form kForm>
const Insn* lea(Cpu& cpu, const Insn* insn, Chaining& c) {
    cpu.set_reg<uint32_t>(insn->reg, flat_address<kForm>(cpu, insn));
    ++insn;
    QR_CHAIN_GO(cpu, insn, c);
}
template <unsigned kCc>
const Insn* cmov(Cpu& cpu, const Insn* insn, Chaining& c) {
    if (condition<kCc>(cpu)) cpu.set_reg<uint32_t>(insn->reg, cpu.reg<uint32_t>(insn->rm));
    ++insn;
    QR_CHAIN_GO(cpu, insn, c);
}
template <unsigned kCc>
const Insn* cmov_mem(Cpu& cpu, const Insn* insn, Chaining& c) {
    const uint8_t* p = operand<uint32_t, Form::kAny, false>(cpu, insn);
    if (!p) [[unlikely]]
        return chain_exact(cpu, insn, c);
    if (condition<kCc>(cpu)) cpu.set_reg<uint32_t>(insn->reg, load_le<uint32_t>(p));
    ++insn;
    QR_CHAIN_GO(cpu, insn, c);
}

// ---- the stack -------------------------------------------------------------------------------------

enum class Pushed : uint8_t { kRegister, kRm, kImmediate, kMemory };
template <Pushed kWhat>
const Insn* push(Cpu& cpu, const Insn* insn, Chaining& c) {
    const uint32_t sp = cpu.reg<uint32_t>(kEsp) - 4;
    uint32_t v = insn->imm;
    if constexpr (kWhat == Pushed::kRegister) v = cpu.reg<uint32_t>(insn->reg);
    if constexpr (kWhat == Pushed::kRm) v = cpu.reg<uint32_t>(insn->rm);
    if constexpr (kWhat == Pushed::kMemory) {
        const uint8_t* from = operand<uint32_t, Form::kAny, false>(cpu, insn);
        if (!from) [[unlikely]]
            return chain_exact(cpu, insn, c);
        v = load_le<uint32_t>(from);
    }
    uint8_t* p = flat_writable<uint32_t>(cpu, sp);
    if (!p) [[unlikely]]
        return chain_exact(cpu, insn, c);
    store_le<uint32_t>(p, v);
    cpu.set_reg<uint32_t>(kEsp, sp);
    ++insn;
    QR_CHAIN_GO(cpu, insn, c);
}
const Insn* pop(Cpu& cpu, const Insn* insn, Chaining& c) {
    const uint32_t sp = cpu.reg<uint32_t>(kEsp);
    const uint8_t* p = flat_readable<uint32_t>(cpu, sp);
    if (!p) [[unlikely]]
        return chain_exact(cpu, insn, c);
    cpu.set_reg<uint32_t>(kEsp, sp + 4);
    cpu.set_reg<uint32_t>(insn->reg, load_le<uint32_t>(p));
    ++insn;
    QR_CHAIN_GO(cpu, insn, c);
}
const Insn* leave(Cpu& cpu, const Insn* insn, Chaining& c) {
    const uint32_t sp = cpu.reg<uint32_t>(kEbp);
    const uint8_t* p = flat_readable<uint32_t>(cpu, sp);
    if (!p) [[unlikely]]
        return chain_exact(cpu, insn, c);
    cpu.set_reg<uint32_t>(kEsp, sp + 4);
    cpu.set_reg<uint32_t>(kEbp, load_le<uint32_t>(p));
    ++insn;
    QR_CHAIN_GO(cpu, insn, c);
}

// ---- choosing --------------------------------------------------------------------------------------

template <class T>
Chain pick_mov(Shape::Kind kind, Form form) {
    constexpr bool kCommon = sizeof(T) == 4;
    switch (kind) {
        case Shape::kMovEG:
            if (form == Form::kRegister) return mov_to_e<T, Form::kRegister>;
            if (form == Form::kBase) return mov_to_e<T, Form::kBase>;
            if (form == Form::kIndex) return mov_to_e<T, Form::kIndex>;
            return mov_to_e<T, Form::kAny>;
        case Shape::kMovGE:
            if (form == Form::kRegister) return mov_to_g<T, Form::kRegister>;
            if (form == Form::kBase) return mov_to_g<T, Form::kBase>;
            if (form == Form::kIndex) return mov_to_g<T, Form::kIndex>;
            return mov_to_g<T, Form::kAny>;
        case Shape::kMovEI:
            if (form == Form::kRegister) return mov_immediate<T, Form::kRegister>;
            if (kCommon && form == Form::kBase) return mov_immediate<T, Form::kBase>;
            return mov_immediate<T, Form::kAny>;
        case Shape::kMovRI: return mov_immediate<T, Form::kRegister>;
        case Shape::kMovAO: return mov_offset<T, false>;
        default: return mov_offset<T, true>;
    }
}
template <class S, bool kSigned>
Chain pick_extend(Form form) {
    if (form == Form::kRegister) return mov_extend<S, kSigned, Form::kRegister>;
    if (form == Form::kBase) return mov_extend<S, kSigned, Form::kBase>;
    if (form == Form::kIndex) return mov_extend<S, kSigned, Form::kIndex>;
    return mov_extend<S, kSigned, Form::kAny>;
}
template <size_t... kCcs>
Chain pick_cmov(unsigned cc, bool memory, std::index_sequence<kCcs...>) {
    constexpr Chain kRegisters[] = {cmov<kCcs>...};
    constexpr Chain kMemory[] = {cmov_mem<kCcs>...};
    return memory ? kMemory[cc] : kRegisters[cc];
}

}  // namespace

Chain pick_move(const Shape& shape, const Insn& insn) {
    const Form form = form_of(insn);
    switch (shape.kind) {
        case Shape::kMovEG:
        case Shape::kMovGE:
        case Shape::kMovEI:
        case Shape::kMovRI:
        case Shape::kMovAO:
        case Shape::kMovOA:
            if (shape.byte) return pick_mov<uint8_t>(shape.kind, form);
            return insn.op_size == 4 ? pick_mov<uint32_t>(shape.kind, form)
                                     : pick_mov<uint16_t>(shape.kind, form);
        default: break;
    }
    if (insn.op_size != 4) return nullptr;
    switch (shape.kind) {
        case Shape::kMovzx:
            return shape.number == 1 ? pick_extend<uint8_t, false>(form) : pick_extend<uint16_t, false>(form);
        case Shape::kMovsx:
            return shape.number == 1 ? pick_extend<uint8_t, true>(form) : pick_extend<uint16_t, true>(form);
        case Shape::kLea:
            if (insn.ea_mask != 0xffffffff) return nullptr;
            return insn.index == kNoRegister ? lea<Form::kBase> : lea<Form::kIndex>;
        case Shape::kCmov: return pick_cmov(shape.number, insn.has_mem, std::make_index_sequence<16>{});
        case Shape::kPushR: return push<Pushed::kRegister>;
        case Shape::kPushI: return push<Pushed::kImmediate>;
        case Shape::kPushE: return insn.has_mem ? push<Pushed::kMemory> : push<Pushed::kRm>;
        case Shape::kPopR: return pop;
        case Shape::kLeave: return leave;
        default: return nullptr;
    }
}

}  // namespace qr::i386
