// SPDX-License-Identifier: GPL-2.0-or-later
//
// Integer arithmetic, shifts, bits. Where the manual leaves a flag undefined, the value is the one of alu.h.
// See emitter.h. Source: Intel SDM volume 2, the instructions' own pages.
#include "target/i386/tcg/emitter.h"

namespace qr::i386 {

using namespace Xbyak::util;
using Xbyak::CodeGenerator;
using Xbyak::Operand;
constexpr auto kNear = CodeGenerator::T_NEAR;

void Emitter::alu(Alu op, const Operand& to, const Operand& from) {
    switch (op) {
        case Alu::kAdd: return as_.add(to, from);
        case Alu::kOr: return as_.or_(to, from);
        case Alu::kAdc: return as_.adc(to, from);
        case Alu::kSbb: return as_.sbb(to, from);
        case Alu::kAnd: return as_.and_(to, from);
        case Alu::kSub: return as_.sub(to, from);
        case Alu::kXor: return as_.xor_(to, from);
        case Alu::kCmp: return as_.cmp(to, from);
    }
}

void Emitter::alu_immediate(Alu op, const Operand& to, uint32_t value, unsigned size) {
    // As the assembler wants to see it: sign-extended from the operand's size.
    const uint32_t v = size == 1 ? static_cast<uint32_t>(static_cast<int8_t>(value))
                       : size == 2 ? static_cast<uint32_t>(static_cast<int16_t>(value))
                                   : value;
    switch (op) {
        case Alu::kAdd: return as_.add(to, v);
        case Alu::kOr: return as_.or_(to, v);
        case Alu::kAdc: return as_.adc(to, v);
        case Alu::kSbb: return as_.sbb(to, v);
        case Alu::kAnd: return as_.and_(to, v);
        case Alu::kSub: return as_.sub(to, v);
        case Alu::kXor: return as_.xor_(to, v);
        case Alu::kCmp: return as_.cmp(to, v);
    }
}

namespace {
bool reads_carry(Alu op) { return op == Alu::kAdc || op == Alu::kSbb; }
}  // namespace

// E = E op G, G = G op E.
void Emitter::alu_two(const Insn& i, const Shape& s) {
    const auto op = static_cast<Alu>(s.number);
    const unsigned size = size_of(s, i);
    const bool to_e = s.kind == Shape::kAluEG;
    if (i.has_mem) {
        const Use use = to_e && op != Alu::kCmp ? Use::kWrite : Use::kRead;
        if (size == 1 && i.reg >= 4) {  // to E only
            const auto m = memory_in_r11(i, size, use);
            byte_source(i.reg);
            if (reads_carry(op)) load_flags(kCF);
            alu(op, m, r10b);
        } else {
            const auto m = reads_carry(op) ? memory_with_flags(i, size, use, kCF) : memory(i, size, use);
            if (to_e) {
                alu(op, m, reg(i.reg, size));
            } else {
                if (size == 4) save_operand(r32(i.reg));
                alu(op, reg(i.reg, size), m);
            }
        }
        return flags_written();
    }
    const unsigned to = to_e ? i.rm : i.reg, from = to_e ? i.reg : i.rm;
    if (size > 1 || (to < 4 && from < 4)) {
        if (reads_carry(op)) want_flags(kCF);
        alu(op, reg(to, size), reg(from, size));
        return flags_written();
    }
    // High bytes: in r10b, the other one in al.
    if (from >= 4)
        as_.mov(eax, r32(from & 3)), as_.shr(eax, 8);
    else
        as_.mov(eax, r32(from));
    as_.mov(r10d, r32(to & 3));
    if (to >= 4) as_.shr(r10d, 8);
    lose_flags();
    if (reads_carry(op)) {
        load_flags(kCF);
        alu(op, r10b, al);
    } else {
        alu(op, r10b, al);
    }
    flags_written();
    if (op == Alu::kCmp) return;
    if (to >= 4)
        insert_high_byte(to);
    else
        as_.mov(reg(to, 1), r10b);
}

void Emitter::alu_imm(const Insn& i, const Shape& s) {
    const auto op = static_cast<Alu>(s.number);
    const unsigned size = size_of(s, i);
    if (s.kind == Shape::kAluEI && i.has_mem) {
        const Use use = op != Alu::kCmp ? Use::kWrite : Use::kRead;
        const auto m = reads_carry(op) ? memory_with_flags(i, size, use, kCF) : memory(i, size, use);
        alu_immediate(op, m, i.imm, size);
        return flags_written();
    }
    const unsigned to = s.kind == Shape::kAluAI ? unsigned{kEax} : i.rm;
    if (size == 1 && to >= 4) {
        byte_source(to);
        if (reads_carry(op)) load_flags(kCF);
        alu_immediate(op, r10b, i.imm, 1);
        flags_written();
        if (op != Alu::kCmp) insert_high_byte(to);
        return;
    }
    if (reads_carry(op)) want_flags(kCF);
    alu_immediate(op, reg(to, size), i.imm, size);
    flags_written();
}

void Emitter::test(const Insn& i, const Shape& s) {
    const unsigned size = size_of(s, i);
    const auto value = [&](uint32_t v) { return size == 1 ? v & 0xff : size == 2 ? v & 0xffff : v; };
    if (s.kind == Shape::kTestEG) {
        if (i.has_mem) {
            const auto m = memory(i, size, Use::kRead);
            as_.test(m, size == 1 ? byte_source(i.reg) : reg(i.reg, size));
        } else if (size == 1 && (i.rm >= 4 || i.reg >= 4)) {
            as_.mov(eax, r32(i.reg & 3));
            if (i.reg >= 4) as_.shr(eax, 8);
            as_.mov(r10d, r32(i.rm & 3));
            if (i.rm >= 4) as_.shr(r10d, 8);
            as_.test(r10b, al);
        } else {
            as_.test(reg(i.rm, size), reg(i.reg, size));
        }
    } else if (s.kind == Shape::kTestEI && i.has_mem) {
        as_.test(memory(i, size, Use::kRead), value(i.imm));
    } else {
        const unsigned n = s.kind == Shape::kTestAI ? unsigned{kEax} : i.rm;
        as_.test(size == 1 ? byte_source(n) : reg(n, size), value(i.imm));
    }
    flags_written();
}

// INC and DEC keep CF.
void Emitter::step(const Insn& i, const Shape& s, bool down) {
    const unsigned size = size_of(s, i);
    const bool carry = needed(kCF);
    const auto go = [&](const Operand& o) {
        down ? as_.dec(o) : as_.inc(o);
        if (needed(kArithFlags)) store_flags();
        host_flags_ = carry;
    };
    if (i.has_mem) {
        go(carry ? memory_with_flags(i, size, Use::kWrite, kCF) : memory(i, size, Use::kWrite));
    } else if (size == 1 && i.rm >= 4) {
        byte_source(i.rm);
        if (carry) load_flags(kCF);
        go(r10b);
        insert_high_byte(i.rm);
    } else {
        if (carry) want_flags(kCF);
        go(reg(i.rm, size));
    }
}

// AF is set; OF as if the last step of the shift had been the only one.
void Emitter::shift_flags(Shift op, Reg32 r, unsigned size) {
    as_.lahf();
    if (op == Shift::kShr) {
        as_.bt(r, static_cast<uint8_t>(size * 8 - 2));
        as_.setc(al);
    } else if (op == Shift::kSar) {
        as_.mov(al, 0);
    } else {  // CF ^ SF
        as_.mov(r10d, eax);
        as_.shr(r10d, 15);
        as_.mov(al, 0);
        as_.xor_(al, ah);
        as_.and_(al, 1);
        as_.and_(r10d, 1);
        as_.xor_(eax, r10d);
    }
    as_.or_(eax, kAF << 8);
    as_.mov(field(&cpu_.native.flags), eax);
}

bool Emitter::shift(const Insn& i, const Shape& s) {
    const auto op = static_cast<Shift>(s.number);
    const Reg32 r = r32(i.rm);
    const bool by_cl = s.kind == Shape::kShiftECl;
    const unsigned count = s.kind == Shape::kShiftE1 ? 1 : i.imm & 31;
    if (!by_cl && count == 0) return true;
    if (op == Shift::kRcl || op == Shift::kRcr) {  // by one
        want_flags();
        op == Shift::kRcl ? as_.rcl(r, 1) : as_.rcr(r, 1);
        flags_written();
        return true;
    }
    Label done;
    const bool flags = needed(by_cl || op >= Shift::kShl ? kArithFlags : kCF | kOFlag);
    if (by_cl && flags) {
        as_.test(cl, 31);
        as_.jz(done, kNear);
    }
    save_operand(r);
    if (by_cl)
        shift_by(op, r, cl);
    else
        shift_by(op, reg(i.rm, i.op_size), static_cast<int>(count));
    if (now_->deferred.kind != DeferredFlags::kNone) {
        lose_flags();
    } else if (flags && op >= Shift::kShl) {
        shift_flags(op, r, i.op_size);
    } else if (flags) {
        // CF: the bit that went around; OF: it and the one beside it.
        as_.mov(r10d, r);
        as_.mov(r11d, r);
        as_.mov(eax, field(&cpu_.native.flags));
        as_.and_(eax, 0xfe00);
        as_.shr(r10d, 31);
        if (op == Shift::kRol) {
            as_.and_(r11d, 1);
            as_.xor_(r10d, r11d);  // OF
            as_.shl(r11d, 8);      // CF
            as_.or_(eax, r10d);
            as_.or_(eax, r11d);
        } else {
            as_.shr(r11d, 30);
            as_.and_(r11d, 1);
            as_.xor_(r11d, r10d);
            as_.shl(r10d, 8);
            as_.or_(eax, r10d);
            as_.or_(eax, r11d);
        }
        as_.mov(field(&cpu_.native.flags), eax);
    }
    as_.L(done);
    lose_flags();
    return true;
}

void Emitter::multiply(const Insn& i, const Shape& s) {
    const auto source = [&](auto use) {
        if (i.has_mem)
            use(memory(i, 4, Use::kRead));
        else
            use(r32(i.rm));
    };
    switch (s.kind) {
        case Shape::kImulGE: source([&](const auto& e) { as_.imul(r32(i.reg), e); }); break;
        case Shape::kImulGEI:
            source([&](const auto& e) { as_.imul(r32(i.reg), e, static_cast<int>(i.imm)); });
            break;
        default:
            if (i.has_mem)
                as_.mov(r10d, memory(i, 4, Use::kRead));
            else
                as_.mov(r10d, r32(i.rm));
            as_.mov(eax, r8d);
            s.kind == Shape::kMulE ? as_.mul(r10d) : as_.imul(r10d);
            as_.mov(r8d, eax);
            break;
    }
    if (needed(kCF | kOFlag)) as_.setc(al);
    store_carry(kCF | kOFlag, true);
}

// The quotient fits if the divisor is above the dividend's high half; of signed ones only the common case, that the
// dividend is a sign-extended EAX, is done here.
void Emitter::divide(const Insn& i, const Shape& s) {
    if (i.has_mem) {
        as_.mov(r10d, memory(i, 4, Use::kRead));
        if (!access_) access_ = &cold(i);
    } else {
        access_ = &cold(i);
        as_.mov(r10d, r32(i.rm));
    }
    if (s.kind == Shape::kDivE) {
        as_.cmp(edx, r10d);
        as_.jae(access_->start, kNear);
        as_.mov(eax, r8d);
        as_.div(r10d);
    } else {
        as_.lea(r11d, ptr[r10 + 1]);  // 0 and -1 go the other way
        as_.cmp(r11d, 1);
        as_.jbe(access_->start, kNear);
        as_.mov(eax, r8d);
        as_.mov(r11d, r8d);
        as_.sar(r11d, 31);
        as_.cmp(r11d, edx);
        as_.jne(access_->start, kNear);
        as_.idiv(r10d);
    }
    as_.mov(r8d, eax);
    lose_flags();
}

void Emitter::bit_test(const Insn& i, const Shape& s) {
    const auto go = [&](const Operand& e, const auto& by) {
        switch (s.number) {
            case 0: return as_.bt(e, by);
            case 1: return as_.bts(e, by);
            case 2: return as_.btr(e, by);
            default: return as_.btc(e, by);
        }
    };
    const auto bit = static_cast<uint8_t>(i.imm & 31);
    if (s.kind == Shape::kBtEG)
        go(r32(i.rm), r32(i.reg));
    else if (i.has_mem)
        go(memory(i, 4, s.number ? Use::kWrite : Use::kRead), bit);
    else
        go(r32(i.rm), bit);
    as_.setc(al);
    store_carry(kCF, false);
}

// With nothing to find the destination stays; only ZF changes.
void Emitter::bit_scan(const Insn& i, const Shape& s) {
    if (i.has_mem) {
        as_.mov(r10d, memory(i, 4, Use::kRead));
    } else {
        as_.mov(r10d, r32(i.rm));
    }
    Label none;
    as_.test(r10d, r10d);
    as_.setz(al);
    as_.jz(none);
    s.kind == Shape::kBsf ? as_.bsf(r32(i.reg), r10d) : as_.bsr(r32(i.reg), r10d);
    as_.L(none);
    lose_flags();
    if (!needed(kZF)) return;
    as_.movzx(eax, al);
    as_.mov(r10d, field(&cpu_.native.flags));
    as_.and_(r10d, ~(kZF << 8));
    as_.shl(eax, 6 + 8);
    as_.or_(r10d, eax);
    as_.mov(field(&cpu_.native.flags), r10d);
}

bool Emitter::arithmetic(const Insn& i, const Shape& s) {
    const unsigned size = size_of(s, i);
    switch (s.kind) {
        case Shape::kAluEG:
        case Shape::kAluGE: alu_two(i, s); return true;
        case Shape::kAluEI:
        case Shape::kAluAI: alu_imm(i, s); return true;
        case Shape::kTestEG:
        case Shape::kTestEI:
        case Shape::kTestAI: test(i, s); return true;
        case Shape::kIncR:
        case Shape::kIncE: step(i, s, false); return true;
        case Shape::kDecR:
        case Shape::kDecE: step(i, s, true); return true;
        case Shape::kShiftEI:
        case Shape::kShiftE1:
        case Shape::kShiftECl: return shift(i, s);
        case Shape::kShldI:
        case Shape::kShrdI:
            if (needed(kArithFlags) && (i.imm & 31)) return false;
            if (i.imm & 31) {
                const auto count = static_cast<uint8_t>(i.imm & 31);
                s.kind == Shape::kShldI ? as_.shld(r32(i.rm), r32(i.reg), count)
                                        : as_.shrd(r32(i.rm), r32(i.reg), count);
                lose_flags();
            }
            return true;
        case Shape::kMulE:
        case Shape::kImulE:
        case Shape::kImulGE:
        case Shape::kImulGEI: multiply(i, s); return true;
        case Shape::kDivE:
        case Shape::kIdivE: divide(i, s); return true;
        case Shape::kRdtsc: read_counter(i); return true;
        case Shape::kBtEG:
        case Shape::kBtEI: bit_test(i, s); return true;
        case Shape::kBsf:
        case Shape::kBsr: bit_scan(i, s); return true;
        case Shape::kNotE:
            if (i.has_mem)
                as_.not_(memory(i, size, Use::kWrite));
            else
                as_.not_(reg(i.rm, size));
            return true;
        case Shape::kNegE:
            if (i.has_mem)
                as_.neg(memory(i, size, Use::kWrite));
            else
                as_.neg(reg(i.rm, size));
            flags_written();
            return true;
        case Shape::kXaddEG:
            if (i.has_mem) {
                as_.xadd(memory(i, size, Use::kWrite), reg(i.reg, size));
            } else {
                as_.xadd(reg(i.rm, size), reg(i.reg, size));
            }
            flags_written();
            return true;
        case Shape::kCmpxchgEG:
            if (i.has_mem) {
                const auto m = memory_in_r11(i, size, Use::kWrite);
                as_.mov(eax, r8d);
                as_.cmpxchg(m, reg(i.reg, size));
            } else {
                as_.mov(eax, r8d);
                as_.cmpxchg(reg(i.rm, size), reg(i.reg, size));
            }
            // EAX as an operand has been written already.
            if (i.has_mem || i.rm != kEax) as_.mov(r8d, eax);
            flags_written();
            return true;
        case Shape::kSahf:
            as_.mov(eax, field(&cpu_.native.flags));
            as_.mov(r10d, r8d);
            as_.and_(eax, 0xff);
            as_.and_(r10d, (kArithFlags & 0xff) << 8);
            as_.or_(eax, r10d);
            as_.mov(field(&cpu_.native.flags), eax);
            lose_flags();
            return true;
        case Shape::kClc:
            as_.and_(field(&cpu_.native.flags), ~(kCF << 8));
            lose_flags();
            return true;
        case Shape::kStc:
            as_.or_(field(&cpu_.native.flags), kCF << 8);
            lose_flags();
            return true;
        case Shape::kCmc:
            as_.xor_(field(&cpu_.native.flags), kCF << 8);
            lose_flags();
            return true;
        case Shape::kCld:
            as_.and_(field(&cpu_.eflags), ~static_cast<uint32_t>(kDFlag));
            lose_flags();
            return true;
        default: return false;
    }
}

}  // namespace qr::i386
