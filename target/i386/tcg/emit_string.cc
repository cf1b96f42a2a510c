// SPDX-License-Identifier: GPL-2.0-or-later
//
// String instructions upwards: without a REP prefix, and short ones with it; the row's handler does the others. See
// emitter.h.
// Source: Intel SDM volume 2, the instructions' own pages.
#include "target/i386/tcg/emitter.h"

namespace qr::i386 {

using namespace Xbyak::util;
constexpr auto kNear = Xbyak::CodeGenerator::T_NEAR;

Xbyak::Address Emitter::destination(unsigned size, Use use) {
    if (block_->mode & kFlatEsMode) {
        as_.mov(eax, edi);
    } else {
        const Segment& s = cpu_.seg[kEs];
        as_.lea(rax, ptr[rdi + size]);
        as_.cmp(rax, field(use == Use::kWrite ? &s.write_end : &s.read_end, 8));
        as_.ja(access_->start, kNear);
        as_.mov(eax, edi);
        as_.add(eax, field(&s.base));
    }
    check_access(size, use);
    return size == 1 ? byte[r11 + rax] : size == 2 ? word[r11 + rax] : dword[r11 + rax];
}

// Up to kShort bytes, if a page has as many from each operand's address on, and the budget all iterations.
void Emitter::repeated(const Insn& i, const Shape& s) {
    constexpr unsigned kShort = 128;
    const unsigned size = size_of(s, i);
    const bool moves = s.kind == Shape::kMovs;
    as_.lea(eax, ptr[rcx - 1]);
    as_.cmp(eax, kShort / size);
    as_.jae(access_->start, kNear);
    as_.cmp(r13, rax);
    as_.jl(access_->start, kNear);
    if (moves) {
        as_.mov(eax, esi);
        check_access(kShort, Use::kRead);
        as_.add(r11, rax);
        as_.mov(field(&cpu_.native.source, 8), r11);
    }
    destination(kShort, Use::kWrite);
    as_.add(r11, rax);
    as_.mov(r10, rdi);
    as_.mov(rdi, r11);
    if (moves) {
        as_.mov(rax, rsi);
        as_.mov(rsi, field(&cpu_.native.source, 8));
    } else {
        as_.mov(eax, r8d);
    }
    as_.mov(r11d, ecx);
    as_.rep();
    if (moves)
        size == 1 ? as_.movsb() : size == 2 ? as_.movsw() : as_.movsd();
    else
        size == 1 ? as_.stosb() : size == 2 ? as_.stosw() : as_.stosd();
    if (moves) as_.lea(esi, ptr[rax + r11 * size]);
    as_.lea(edi, ptr[r10 + r11 * size]);
    as_.sub(r13, r11);
    as_.inc(r13);
    branch_to(block_->offset + i.end);
}

bool Emitter::string(const Insn& i, const Shape& s) {
    if (s.kind < Shape::kMovs || s.kind > Shape::kScas) return false;
    const unsigned size = size_of(s, i);
    const Xbyak::Reg value = size == 1 ? Xbyak::Reg(r10b) : size == 2 ? Xbyak::Reg(r10w) : Xbyak::Reg(r10d);
    access_ = &cold(i);
    as_.test(field(&cpu_.eflags), kDFlag);
    as_.jnz(access_->start, kNear);
    lose_flags();
    if (i.rep) {
        repeated(i, s);
        return true;
    }
    if (s.kind == Shape::kMovs || s.kind == Shape::kLods) {
        as_.mov(eax, esi);
        check_access(size, Use::kRead);
        if (s.kind == Shape::kLods) {
            const auto from = host(size);
            as_.mov(reg(kEax, size), from);
        } else {
            const auto from = host(size);
            size == 4 ? as_.mov(r10d, from) : as_.movzx(r10d, from);
            if (scattered()) as_.mov(field(&cpu_.native.scratch), r10d);
        }
    }
    switch (s.kind) {
        case Shape::kMovs: {
            const auto to = destination(size, Use::kWrite);
            if (scattered())
                as_.mov(r10d, field(&cpu_.native.scratch));
            else
                access_misses_.back().keeps_r10 = true;
            as_.mov(to, value);
            break;
        }
        case Shape::kStos: as_.mov(destination(size, Use::kWrite), reg(kEax, size)); break;
        case Shape::kScas:
            as_.cmp(reg(kEax, size), destination(size, Use::kRead));
            flags_written();
            break;
        default: break;
    }
    if (s.kind == Shape::kMovs || s.kind == Shape::kLods) as_.lea(esi, ptr[rsi + size]);
    if (s.kind != Shape::kLods) as_.lea(edi, ptr[rdi + size]);
    return true;
}

}  // namespace qr::i386
