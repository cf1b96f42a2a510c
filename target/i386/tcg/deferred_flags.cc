// SPDX-License-Identifier: GPL-2.0-or-later
#include "target/i386/tcg/deferred_flags.h"

#include "target/i386/chain.h"

namespace qr::i386 {

uint16_t DeferredFlags::operands() const {
    const auto mask = [](unsigned reg) { return static_cast<uint16_t>(1u << reg); };
    switch (kind) {
        case kTest:
        case kCompare:
        case kAdd:
        case kSub: return immediate ? mask(a) : static_cast<uint16_t>(mask(a) | mask(b));
        case kLogic:
        case kAddSaved:
        case kSubSaved:
        case kNeg: return mask(a);
        default: return 0;
    }
}

DeferredFlags deferred_flags(const Insn& i) {
    const Shape& s = shape_of(i);
    DeferredFlags d;
    d.size = s.byte ? 1 : i.op_size;
    d.imm = i.imm;
    const auto low = [&](unsigned reg) { return d.size > 1 || reg < 4; };
    switch (s.kind) {
        case Shape::kAluEG:
        case Shape::kAluGE:
        case Shape::kAluEI:
        case Shape::kAluAI: {
            const auto op = static_cast<Alu>(s.number);
            const bool to_g = s.kind == Shape::kAluGE;
            d.immediate = s.kind == Shape::kAluEI || s.kind == Shape::kAluAI;
            d.a = s.kind == Shape::kAluAI ? uint8_t{kEax} : to_g ? i.reg : i.rm;
            d.b = to_g ? i.rm : i.reg;
            if (i.has_mem && !to_g) return {};
            if (!low(d.a)) return {};
            const bool logic = op == Alu::kAnd || op == Alu::kOr || op == Alu::kXor;
            const bool same = !d.immediate && !i.has_mem && d.a == d.b;
            if (logic || (same && op == Alu::kSub)) {
                d.kind = DeferredFlags::kLogic;
            } else if (op == Alu::kAdd || op == Alu::kSub) {
                if (i.has_mem)
                    d.kind = d.size != 4 ? DeferredFlags::kNone
                             : op == Alu::kAdd ? DeferredFlags::kAddSaved : DeferredFlags::kSubSaved;
                else if (!same && (d.immediate || low(d.b)))
                    d.kind = op == Alu::kAdd ? DeferredFlags::kAdd : DeferredFlags::kSub;
            } else if (op == Alu::kCmp && !i.has_mem && (d.immediate || low(d.b))) {
                d.kind = DeferredFlags::kCompare;
            }
            return d;
        }
        case Shape::kTestEG:
        case Shape::kTestEI:
        case Shape::kTestAI:
            d.immediate = s.kind != Shape::kTestEG;
            d.a = s.kind == Shape::kTestAI ? uint8_t{kEax} : i.rm;
            d.b = i.reg;
            if (!i.has_mem && low(d.a) && (d.immediate || low(d.b))) d.kind = DeferredFlags::kTest;
            return d;
        case Shape::kNegE:
            d.a = i.rm;
            if (!i.has_mem && low(d.a)) d.kind = DeferredFlags::kNeg;
            return d;
        case Shape::kShiftEI:
        case Shape::kShiftE1:
            d.shift = static_cast<Shift>(s.number);
            d.imm = s.kind == Shape::kShiftE1 ? 1 : i.imm & 31;
            d.a = i.rm;
            if (!i.has_mem && d.size != 1 && d.imm && d.imm < d.size * 8u && d.shift >= Shift::kShl) d.kind = DeferredFlags::kShift;
            return d;
        default: return {};
    }
}

}  // namespace qr::i386
