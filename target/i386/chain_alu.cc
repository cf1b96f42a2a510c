// SPDX-License-Identifier: GPL-2.0-or-later
//
// Chained execution: fast forms of integer arithmetic, and of comparisons with the conditional jump after
// them. See chain.h; the operations themselves are in alu.h.
// Source: Intel SDM volume 2, the instructions' own pages.

#include "target/i386/chain.h"

namespace qr::i386 {
namespace {

// ---- two operands ----------------------------------------------------------------------------------

enum class Source : uint8_t { kRegister, kImmediate };

template <class T, Source kSource>
T source(const Cpu& cpu, const Insn* insn) {
    return kSource == Source::kImmediate ? static_cast<T>(insn->imm) : cpu.reg<T>(insn->reg);
}

// E = E op G, E = E op immediate.
template <Alu kOp, class T, Form kForm, Source kSource>
const Insn* alu_to_e(Cpu& cpu, const Insn* insn, Chaining& c) {
    const T b = source<T, kSource>(cpu, insn);
    if constexpr (kForm == Form::kRegister) {
        const T r = alu_binary<kOp, T>(cpu, cpu.reg<T>(insn->rm), b);
        if constexpr (kOp != Alu::kCmp) cpu.set_reg<T>(insn->rm, r);
    } else {
        uint8_t* p = operand<T, kForm, kOp != Alu::kCmp>(cpu, insn);
        if (!p) [[unlikely]]
            return chain_exact(cpu, insn, c);
        const T r = alu_binary<kOp, T>(cpu, load_le<T>(p), b);
        if constexpr (kOp != Alu::kCmp) store_le<T>(p, r);
    }
    ++insn;
    QR_CHAIN_GO(cpu, insn, c);
}
// G = G op E.
template <Alu kOp, class T, Form kForm>
const Insn* alu_to_g(Cpu& cpu, const Insn* insn, Chaining& c) {
    T b;
    if constexpr (kForm == Form::kRegister) {
        b = cpu.reg<T>(insn->rm);
    } else {
        const uint8_t* p = operand<T, kForm, false>(cpu, insn);
        if (!p) [[unlikely]]
            return chain_exact(cpu, insn, c);
        b = load_le<T>(p);
    }
    const T r = alu_binary<kOp, T>(cpu, cpu.reg<T>(insn->reg), b);
    if constexpr (kOp != Alu::kCmp) cpu.set_reg<T>(insn->reg, r);
    ++insn;
    QR_CHAIN_GO(cpu, insn, c);
}
template <Alu kOp, class T>
const Insn* alu_to_a(Cpu& cpu, const Insn* insn, Chaining& c) {
    const T r = alu_binary<kOp, T>(cpu, cpu.reg<T>(kEax), static_cast<T>(insn->imm));
    if constexpr (kOp != Alu::kCmp) cpu.set_reg<T>(kEax, r);
    ++insn;
    QR_CHAIN_GO(cpu, insn, c);
}
template <class T, Form kForm, Source kSource>
const Insn* test_e(Cpu& cpu, const Insn* insn, Chaining& c) {
    const T b = source<T, kSource>(cpu, insn);
    if constexpr (kForm == Form::kRegister) {
        set_flags_logic<T>(cpu, cpu.reg<T>(insn->rm) & b);
    } else {
        const uint8_t* p = operand<T, kForm, false>(cpu, insn);
        if (!p) [[unlikely]]
            return chain_exact(cpu, insn, c);
        set_flags_logic<T>(cpu, load_le<T>(p) & b);
    }
    ++insn;
    QR_CHAIN_GO(cpu, insn, c);
}
template <class T>
const Insn* test_a(Cpu& cpu, const Insn* insn, Chaining& c) {
    set_flags_logic<T>(cpu, cpu.reg<T>(kEax) & static_cast<T>(insn->imm));
    ++insn;
    QR_CHAIN_GO(cpu, insn, c);
}

// ---- one operand -----------------------------------------------------------------------------------

template <bool kDec>
const Insn* step_r(Cpu& cpu, const Insn* insn, Chaining& c) {
    const uint32_t a = cpu.reg<uint32_t>(insn->rm);
    cpu.set_reg<uint32_t>(insn->rm, kDec ? alu_dec<uint32_t>(cpu, a) : alu_inc<uint32_t>(cpu, a));
    ++insn;
    QR_CHAIN_GO(cpu, insn, c);
}
template <bool kDec>
const Insn* step_mem(Cpu& cpu, const Insn* insn, Chaining& c) {
    uint8_t* p = operand<uint32_t, Form::kAny, true>(cpu, insn);
    if (!p) [[unlikely]]
        return chain_exact(cpu, insn, c);
    const uint32_t a = load_le<uint32_t>(p);
    store_le<uint32_t>(p, kDec ? alu_dec<uint32_t>(cpu, a) : alu_inc<uint32_t>(cpu, a));
    ++insn;
    QR_CHAIN_GO(cpu, insn, c);
}
enum class Count : uint8_t { kImmediate, kOne, kCl };
template <Shift kOp, Count kCount>
const Insn* shift_r(Cpu& cpu, const Insn* insn, Chaining& c) {
    unsigned count = 1;
    if constexpr (kCount == Count::kImmediate) count = insn->imm & 31;
    if constexpr (kCount == Count::kCl) count = cpu.gpr[kEcx] & 31;
    cpu.set_reg<uint32_t>(insn->rm, alu_shift<kOp, uint32_t>(cpu, cpu.reg<uint32_t>(insn->rm), count));
    ++insn;
    QR_CHAIN_GO(cpu, insn, c);
}

// ---- comparison and jump ---------------------------------------------------------------------------

// The condition after a - b, or after a & b, straight from the values.
template <unsigned kCc>
bool holds_after_cmp(const Cpu& cpu, uint32_t a, uint32_t b) {
    const auto sa = static_cast<int32_t>(a), sb = static_cast<int32_t>(b);
    constexpr bool kNot = kCc & 1;
    switch (kCc >> 1) {
        case 1: return (a < b) != kNot;
        case 2: return (a == b) != kNot;
        case 3: return (a <= b) != kNot;
        case 4: return (static_cast<int32_t>(a - b) < 0) != kNot;
        case 6: return (sa < sb) != kNot;
        case 7: return (sa <= sb) != kNot;
        default: return condition<kCc>(cpu);
    }
}
template <unsigned kCc>
bool holds_after_test(const Cpu& cpu, uint32_t r) {
    const auto s = static_cast<int32_t>(r);
    constexpr bool kNot = kCc & 1;
    switch (kCc >> 1) {
        case 0:
        case 1: return kNot;
        case 2:
        case 3: return (r == 0) != kNot;
        case 4:
        case 6: return (s < 0) != kNot;
        case 7: return (s <= 0) != kNot;
        default: return condition<kCc>(cpu);
    }
}

// `jump`: the conditional jump, the block's last instruction.
[[gnu::always_inline]] inline const Insn* leave_by(Cpu& cpu, const Insn* jump, bool taken, Chaining& c) {
    CodeTail* tail = tail_after(jump);
    if (taken) {
        cpu.eip += jump->end + jump->imm;
        return go_linked(cpu, tail->to[1], c);
    }
    cpu.eip += jump->end;
    return go_linked(cpu, tail->to[0], c);
}

enum class Compared : uint8_t { kRmReg, kRegRm, kRmImmediate, kAccImmediate };
template <Compared kWhat>
uint32_t left_of(const Cpu& cpu, const Insn* insn) {
    if constexpr (kWhat == Compared::kRegRm) return cpu.reg<uint32_t>(insn->reg);
    if constexpr (kWhat == Compared::kAccImmediate) return cpu.reg<uint32_t>(kEax);
    return cpu.reg<uint32_t>(insn->rm);
}
template <Compared kWhat>
uint32_t right_of(const Cpu& cpu, const Insn* insn) {
    if constexpr (kWhat == Compared::kRmReg) return cpu.reg<uint32_t>(insn->reg);
    if constexpr (kWhat == Compared::kRegRm) return cpu.reg<uint32_t>(insn->rm);
    return insn->imm;
}
template <Compared kWhat>
struct CmpJump {
    template <unsigned kCc>
    static const Insn* run(Cpu& cpu, const Insn* insn, Chaining& c) {
        const uint32_t a = left_of<kWhat>(cpu, insn), b = right_of<kWhat>(cpu, insn);
        alu_sub<uint32_t>(cpu, a, b);
        return leave_by(cpu, insn + 1, holds_after_cmp<kCc>(cpu, a, b), c);
    }
};
template <Compared kWhat>
struct TestJump {
    template <unsigned kCc>
    static const Insn* run(Cpu& cpu, const Insn* insn, Chaining& c) {
        const uint32_t r = left_of<kWhat>(cpu, insn) & right_of<kWhat>(cpu, insn);
        set_flags_logic<uint32_t>(cpu, r);
        return leave_by(cpu, insn + 1, holds_after_test<kCc>(cpu, r), c);
    }
};
// TEST of bytes.
struct TestJump8 {
    template <unsigned kCc>
    static const Insn* run(Cpu& cpu, const Insn* insn, Chaining& c) {
        set_flags_logic<uint8_t>(cpu, cpu.reg<uint8_t>(insn->rm) & cpu.reg<uint8_t>(insn->reg));
        return leave_by(cpu, insn + 1, condition<kCc>(cpu), c);
    }
};
// CMP of a byte and an immediate.
template <bool kAccumulator>
struct CmpJump8 {
    template <unsigned kCc>
    static const Insn* run(Cpu& cpu, const Insn* insn, Chaining& c) {
        alu_sub<uint8_t>(cpu, cpu.reg<uint8_t>(kAccumulator ? unsigned{kEax} : insn->rm),
                         static_cast<uint8_t>(insn->imm));
        return leave_by(cpu, insn + 1, condition<kCc>(cpu), c);
    }
};
struct DecJump {
    template <unsigned kCc>
    static const Insn* run(Cpu& cpu, const Insn* insn, Chaining& c) {
        cpu.set_reg<uint32_t>(insn->rm, alu_dec<uint32_t>(cpu, cpu.reg<uint32_t>(insn->rm)));
        return leave_by(cpu, insn + 1, condition<kCc>(cpu), c);
    }
};
// CMP of memory with a register or an immediate.
template <Compared kWhat>
struct CmpMemJump {
    template <unsigned kCc>
    static const Insn* run(Cpu& cpu, const Insn* insn, Chaining& c) {
        const uint8_t* p = operand<uint32_t, Form::kAny, false>(cpu, insn);
        if (!p) [[unlikely]]
            return chain_exact(cpu, insn, c);
        const uint32_t m = load_le<uint32_t>(p);
        const uint32_t a = kWhat == Compared::kRegRm ? cpu.reg<uint32_t>(insn->reg) : m;
        const uint32_t b = kWhat == Compared::kRegRm     ? m
                           : kWhat == Compared::kRmReg ? cpu.reg<uint32_t>(insn->reg)
                                                       : insn->imm;
        alu_sub<uint32_t>(cpu, a, b);
        return leave_by(cpu, insn + 1, holds_after_cmp<kCc>(cpu, a, b), c);
    }
};

template <class Op, size_t... kCcs>
Chain by_condition(unsigned condition, std::index_sequence<kCcs...>) {
    constexpr Chain kAll[] = {Op::template run<kCcs>...};
    return kAll[condition];
}
template <class Op>
Chain by_condition(unsigned condition) {
    return by_condition<Op>(condition, std::make_index_sequence<16>{});
}

// ---- choosing --------------------------------------------------------------------------------------

template <Alu kOp, class T, Source kSource>
Chain pick_to_e(Form form) {
    if (form == Form::kRegister) return alu_to_e<kOp, T, Form::kRegister, kSource>;
    if constexpr (sizeof(T) == 4) {
        if (form == Form::kBase) return alu_to_e<kOp, T, Form::kBase, kSource>;
    }
    return alu_to_e<kOp, T, Form::kAny, kSource>;
}
template <Alu kOp, class T>
Chain pick_to_g(Form form) {
    if (form == Form::kRegister) return alu_to_g<kOp, T, Form::kRegister>;
    if constexpr (sizeof(T) == 4) {
        if (form == Form::kBase) return alu_to_g<kOp, T, Form::kBase>;
        if (form == Form::kIndex) return alu_to_g<kOp, T, Form::kIndex>;
    }
    return alu_to_g<kOp, T, Form::kAny>;
}
template <class T, Alu kOp>
Chain pick_binary(Shape::Kind kind, Form form) {
    switch (kind) {
        case Shape::kAluEG: return pick_to_e<kOp, T, Source::kRegister>(form);
        case Shape::kAluEI: return pick_to_e<kOp, T, Source::kImmediate>(form);
        case Shape::kAluGE: return pick_to_g<kOp, T>(form);
        default: return alu_to_a<kOp, T>;
    }
}
template <class T, size_t... kOps>
Chain pick_binary(const Shape& shape, Form form, std::index_sequence<kOps...>) {
    Chain chain = nullptr;
    ((kOps == shape.number ? void(chain = pick_binary<T, static_cast<Alu>(kOps)>(shape.kind, form)) : void()),
     ...);
    return chain;
}
template <class T>
Chain pick_test(Shape::Kind kind, Form form) {
    if (kind == Shape::kTestAI) return test_a<T>;
    if (kind == Shape::kTestEG)
        return form == Form::kRegister ? test_e<T, Form::kRegister, Source::kRegister>
                                       : test_e<T, Form::kAny, Source::kRegister>;
    return form == Form::kRegister ? test_e<T, Form::kRegister, Source::kImmediate>
                                   : test_e<T, Form::kAny, Source::kImmediate>;
}
template <Count kCount, size_t... kOps>
Chain pick_shift(unsigned number, std::index_sequence<kOps...>) {
    constexpr Chain kAll[] = {shift_r<static_cast<Shift>(kOps), kCount>...};
    return kAll[number];
}

}  // namespace

Chain pick_alu(const Shape& shape, const Insn& insn) {
    if (!shape.byte && insn.op_size != 4) return nullptr;
    const Form form = form_of(insn);
    constexpr auto kEight = std::make_index_sequence<8>{};
    switch (shape.kind) {
        case Shape::kAluEG:
        case Shape::kAluGE:
        case Shape::kAluEI:
        case Shape::kAluAI:
            return shape.byte ? pick_binary<uint8_t>(shape, form, kEight)
                              : pick_binary<uint32_t>(shape, form, kEight);
        case Shape::kTestEG:
        case Shape::kTestEI:
        case Shape::kTestAI:
            return shape.byte ? pick_test<uint8_t>(shape.kind, form) : pick_test<uint32_t>(shape.kind, form);
        case Shape::kIncR: return step_r<false>;
        case Shape::kDecR: return step_r<true>;
        case Shape::kIncE: return insn.has_mem ? step_mem<false> : step_r<false>;
        case Shape::kDecE: return insn.has_mem ? step_mem<true> : step_r<true>;
        default: break;
    }
    if (insn.has_mem) return nullptr;
    switch (shape.kind) {
        case Shape::kShiftEI: return pick_shift<Count::kImmediate>(shape.number, kEight);
        case Shape::kShiftE1: return pick_shift<Count::kOne>(shape.number, kEight);
        case Shape::kShiftECl: return pick_shift<Count::kCl>(shape.number, kEight);
        default: return nullptr;
    }
}

Chain pick_fused(const Shape& shape, const Insn& insn, unsigned cc) {
    if (!shape.byte && insn.op_size != 4) return nullptr;
    const bool cmp = static_cast<Alu>(shape.number) == Alu::kCmp;
    switch (shape.kind) {
        case Shape::kAluEG:
            if (!cmp || shape.byte) return nullptr;
            return insn.has_mem ? by_condition<CmpMemJump<Compared::kRmReg>>(cc)
                                : by_condition<CmpJump<Compared::kRmReg>>(cc);
        case Shape::kAluGE:
            if (!cmp || shape.byte) return nullptr;
            return insn.has_mem ? by_condition<CmpMemJump<Compared::kRegRm>>(cc)
                                : by_condition<CmpJump<Compared::kRegRm>>(cc);
        case Shape::kAluEI:
            if (!cmp) return nullptr;
            if (shape.byte) return insn.has_mem ? nullptr : by_condition<CmpJump8<false>>(cc);
            return insn.has_mem ? by_condition<CmpMemJump<Compared::kRmImmediate>>(cc)
                                : by_condition<CmpJump<Compared::kRmImmediate>>(cc);
        case Shape::kAluAI:
            if (!cmp) return nullptr;
            return shape.byte ? by_condition<CmpJump8<true>>(cc)
                              : by_condition<CmpJump<Compared::kAccImmediate>>(cc);
        case Shape::kTestEG:
            if (insn.has_mem) return nullptr;
            return shape.byte ? by_condition<TestJump8>(cc) : by_condition<TestJump<Compared::kRmReg>>(cc);
        case Shape::kTestEI:
            return insn.has_mem || shape.byte ? nullptr : by_condition<TestJump<Compared::kRmImmediate>>(cc);
        case Shape::kDecR: return by_condition<DecJump>(cc);
        case Shape::kDecE: return insn.has_mem ? nullptr : by_condition<DecJump>(cc);
        default: return nullptr;
    }
}

}  // namespace qr::i386
