// SPDX-License-Identifier: GPL-2.0-or-later
//
// Moves, sign and zero extension, exchange, and the stack. See emitter.h.
// Source: Intel SDM volume 2, the instructions' own pages.
#include "target/i386/tcg/emitter.h"

namespace qr::i386 {

using namespace Xbyak::util;
using Xbyak::CodeGenerator;

void Emitter::mov(const Insn& i, const Shape& s) {
    const unsigned size = size_of(s, i);
    switch (s.kind) {
        case Shape::kMovEG:
        case Shape::kMovGE:
            if (!i.has_mem) {
                const unsigned to = s.kind == Shape::kMovEG ? i.rm : i.reg, from = s.kind == Shape::kMovEG ? i.reg : i.rm;
                if (size == 1 && (to >= 4 || from >= 4)) {
                    const auto source = byte_source(from);
                    if (to < 4) {
                        as_.mov(reg(to, 1), source);
                    } else {
                        if (from < 4) as_.mov(r10d, r32(from));
                        insert_high_byte(to);
                    }
                } else {
                    as_.mov(reg(to, size), reg(from, size));
                }
            } else if (s.kind == Shape::kMovEG) {
                const auto to = memory(i, size, Use::kWrite);
                as_.mov(to, size == 1 ? byte_source(i.reg) : reg(i.reg, size));
            } else {
                const auto from = memory(i, size, Use::kRead);
                if (size == 1 && i.reg >= 4) {
                    as_.movzx(r10d, from);
                    insert_high_byte(i.reg);
                } else {
                    as_.mov(reg(i.reg, size), from);
                }
            }
            return;
        case Shape::kMovEI:
        case Shape::kMovRI:
            if (s.kind == Shape::kMovEI && i.has_mem) {
                as_.mov(memory(i, size, Use::kWrite), size == 4 ? i.imm : size == 2 ? i.imm & 0xffff : i.imm & 0xff);
            } else if (size == 1 && i.rm >= 4) {
                as_.mov(r10d, i.imm & 0xff);
                insert_high_byte(i.rm);
            } else {
                as_.mov(reg(i.rm, size), size == 4 ? i.imm : size == 2 ? i.imm & 0xffff : i.imm & 0xff);
            }
            return;
        case Shape::kMovAO: {
            const auto from = memory(i, size, Use::kRead);
            as_.mov(reg(kEax, size), from);
            return;
        }
        default: {
            const auto to = memory(i, size, Use::kWrite);
            as_.mov(to, reg(kEax, size));
            return;
        }
    }
}

void Emitter::extend(const Insn& i, const Shape& s) {
    const bool sign = s.kind == Shape::kMovsx;
    const Reg32 to = r32(i.reg);
    if (i.has_mem) {
        const auto from = memory(i, s.number, Use::kRead);
        sign ? as_.movsx(to, from) : as_.movzx(to, from);
    } else {
        const auto from = s.number == 1 ? byte_source(i.rm) : reg(i.rm, 2);
        sign ? as_.movsx(to, from) : as_.movzx(to, from);
    }
}

// Whether an access needs no more than its group's register.
bool Emitter::covered(const MemoryAccess& a) { return a.group != kNoGroup && !a.leads; }

void Emitter::push(const Insn& i, const Shape& s) {
    const bool from_memory = s.kind == Shape::kPushE && i.has_mem, keep = !covered(now_->stack);
    if (from_memory) {
        as_.mov(r10d, memory(i, 4, Use::kRead));
        if (keep) as_.mov(field(&cpu_.native.scratch), r10d);
    }
    const auto to = stack(-4, Use::kWrite);
    if (s.kind == Shape::kPushI) {
        as_.mov(to, i.imm);
    } else if (from_memory) {
        if (keep) as_.mov(r10d, field(&cpu_.native.scratch));
        as_.mov(to, r10d);
    } else {
        as_.mov(to, r32(s.kind == Shape::kPushR ? i.reg : i.rm));
    }
    move_esp(-4);
}

// The address isn't by ESP, which would be the one after the instruction.
void Emitter::pop_memory(const Insn& i) {
    const bool keep = !covered(now_->memory);
    as_.mov(r10d, stack(0, Use::kRead));
    if (keep) as_.mov(field(&cpu_.native.scratch), r10d);
    const auto to = memory(i, 4, Use::kWrite);
    if (keep) as_.mov(r10d, field(&cpu_.native.scratch));
    as_.mov(to, r10d);
    move_esp(4);
}

bool Emitter::moves(const Insn& i, const Shape& s) {
    const unsigned size = size_of(s, i);
    switch (s.kind) {
        case Shape::kNop: return true;
        case Shape::kMovEG:
        case Shape::kMovGE:
        case Shape::kMovEI:
        case Shape::kMovRI:
        case Shape::kMovAO:
        case Shape::kMovOA: mov(i, s); return true;
        case Shape::kMovzx:
        case Shape::kMovsx: extend(i, s); return true;
        case Shape::kLea:
            if (i.base == kNoRegister && i.index == kNoRegister) {
                as_.mov(r32(i.reg), i.disp);
            } else {
                Xbyak::RegExp e = i.base != kNoRegister ? Xbyak::RegExp(r32(i.base).cvt64()) : Xbyak::RegExp();
                if (i.index != kNoRegister) e = e + r32(i.index).cvt64() * (1 << i.scale);
                as_.lea(r32(i.reg), ptr[e + base_disp(i.base, static_cast<int32_t>(i.disp))]);
            }
            return true;
        case Shape::kCmov: {
            using Move = void (CodeGenerator::*)(const Xbyak::Reg&, const Xbyak::Operand&);
            static constexpr Move kMoves[] = {
                &CodeGenerator::cmovo, &CodeGenerator::cmovno, &CodeGenerator::cmovb, &CodeGenerator::cmovae,
                &CodeGenerator::cmove, &CodeGenerator::cmovne, &CodeGenerator::cmovbe, &CodeGenerator::cmova,
                &CodeGenerator::cmovs, &CodeGenerator::cmovns, &CodeGenerator::cmovp, &CodeGenerator::cmovnp,
                &CodeGenerator::cmovl, &CodeGenerator::cmovge, &CodeGenerator::cmovle, &CodeGenerator::cmovg};
            const Move move = kMoves[s.number];
            if (i.has_mem) {
                (as_.*move)(r32(i.reg), memory_with_flags(i, 4, Use::kRead, condition_flags(s.number)));
            } else {
                want_flags(condition_flags(s.number));
                (as_.*move)(r32(i.reg), r32(i.rm));
            }
            return true;
        }
        case Shape::kSetcc: {
            using Set = void (CodeGenerator::*)(const Xbyak::Operand&);
            static constexpr Set kSets[] = {
                &CodeGenerator::seto, &CodeGenerator::setno, &CodeGenerator::setb, &CodeGenerator::setae,
                &CodeGenerator::sete, &CodeGenerator::setne, &CodeGenerator::setbe, &CodeGenerator::seta,
                &CodeGenerator::sets, &CodeGenerator::setns, &CodeGenerator::setp, &CodeGenerator::setnp,
                &CodeGenerator::setl, &CodeGenerator::setge, &CodeGenerator::setle, &CodeGenerator::setg};
            const Set set = kSets[s.number];
            if (i.has_mem) {
                (as_.*set)(memory_with_flags(i, 1, Use::kWrite, condition_flags(s.number)));
            } else {
                want_flags(condition_flags(s.number));
                if (i.rm < 4) {
                    (as_.*set)(reg(i.rm, 1));
                } else {
                    (as_.*set)(r10b);
                    insert_high_byte(i.rm);
                }
            }
            return true;
        }
        case Shape::kXchgEG:
            if (i.has_mem) {
                const auto m = memory(i, size, Use::kWrite);
                const auto r = reg(i.reg, size);
                size == 1 ? as_.mov(r10b, m) : as_.mov(r10d, m);
                as_.mov(m, r);
                size == 1 ? as_.mov(r, r10b) : as_.mov(r, r10d);
            } else {
                as_.xchg(reg(i.rm, size), reg(i.reg, size));
            }
            return true;
        case Shape::kXchgAR: as_.xchg(r32(i.reg), r8d); return true;
        case Shape::kBswap: as_.bswap(r32(i.reg)); return true;
        case Shape::kCbw: as_.movsx(r8d, r8w); return true;
        case Shape::kCwd:
            as_.mov(edx, r8d);
            as_.sar(edx, 31);
            lose_flags();
            return true;
        case Shape::kPushR:
        case Shape::kPushI:
        case Shape::kPushE: push(i, s); return true;
        case Shape::kPopR:
            if (i.reg == kEsp) {  // what was popped wins
                as_.mov(r9d, stack(0, Use::kRead));
                return true;
            }
            as_.mov(r32(i.reg), stack(0, Use::kRead));
            move_esp(4);
            return true;
        case Shape::kPopE: pop_memory(i); return true;
        case Shape::kLeave:
            if (now_->stack.group != kNoGroup) {
                as_.mov(r10d, grouped(now_->stack));
            } else {
                as_.mov(eax, ebp);
                check_access(4, Use::kRead);
                as_.mov(r10d, host(4));
            }
            as_.lea(r9d, ptr[rbp + 4]);
            as_.mov(ebp, r10d);
            esp_ = 0;
            return true;
        default: return false;
    }
}

}  // namespace qr::i386
