// SPDX-License-Identifier: GPL-2.0-or-later
//
// String instructions without a REP prefix, upwards; the row's handler does the others. See emitter.h.
// Source: Intel SDM volume 2, the instructions' own pages.
#include "target/i386/tcg/emitter.h"

namespace qr::i386 {

using namespace Xbyak::util;
constexpr auto kNear = Xbyak::CodeGenerator::T_NEAR;

// ES needn't be flat.
Xbyak::Address Emitter::destination(unsigned size, Use use) {
    const Segment& s = cpu_.seg[kEs];
    as_.lea(r10, ptr[rdi + size]);
    as_.cmp(r10, field(use == Use::kWrite ? &s.write_end : &s.read_end, 8));
    as_.ja(access_->start, kNear);
    as_.mov(eax, edi);
    as_.add(eax, field(&s.base));
    check_access(size, use);
    return size == 1 ? byte[r11 + rax] : size == 2 ? word[r11 + rax] : dword[r11 + rax];
}

bool Emitter::string(const Insn& i, const Shape& s) {
    if (s.kind < Shape::kMovs || s.kind > Shape::kScas) return false;
    const unsigned size = size_of(s, i);
    const Xbyak::Reg value = size == 1 ? Xbyak::Reg(r10b) : size == 2 ? Xbyak::Reg(r10w) : Xbyak::Reg(r10d);
    access_ = &cold(i);
    as_.test(field(&cpu_.eflags), kDFlag);
    as_.jnz(access_->start, kNear);
    lose_flags();
    if (s.kind == Shape::kMovs || s.kind == Shape::kLods) {
        as_.mov(eax, esi);
        check_access(size, Use::kRead);
        if (s.kind == Shape::kLods) {
            const auto from = host(size);
            as_.mov(reg(kEax, size), from);
        } else {
            const auto from = host(size);
            as_.mov(value, from);
            as_.mov(field(&cpu_.native.scratch), r10d);
        }
    }
    switch (s.kind) {
        case Shape::kMovs: {
            const auto to = destination(size, Use::kWrite);
            as_.mov(r10d, field(&cpu_.native.scratch));
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
