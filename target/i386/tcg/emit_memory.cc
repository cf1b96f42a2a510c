// SPDX-License-Identifier: GPL-2.0-or-later
//
// Memory operands: address, TLB check, and where the host has the memory. See emitter.h and tlb.h.
#include "target/i386/tcg/emitter.h"

namespace qr::i386 {

using namespace Xbyak::util;
constexpr auto kNear = Xbyak::CodeGenerator::T_NEAR;

namespace {
// An entry is 16 bytes; its index is the page number's low bits.
constexpr unsigned kIndexShift = kPageShift - 4;
constexpr uint32_t kIndexMask = (Tlb::kEntries - 1) << 4;
static_assert(sizeof(Tlb::Entry) == 16);

Xbyak::Address sized(const Xbyak::RegExp& e, unsigned size) {
    switch (size) {
        case 1: return byte[e];
        case 2: return word[e];
        case 8: return qword[e];
        case 16: return xword[e];
        default: return dword[e];
    }
}
}  // namespace

void Emitter::linear_address(const Insn& i) {
    const auto disp = static_cast<int32_t>(i.disp);
    const bool base = i.base != kNoRegister, index = i.index != kNoRegister;
    if (!base && !index) {
        as_.mov(eax, i.disp);
    } else if (!index && disp == 0) {
        as_.mov(eax, r32(i.base));
    } else {
        Xbyak::RegExp e = base ? Xbyak::RegExp(r32(i.base).cvt64()) : Xbyak::RegExp();
        if (index) e = e + r32(i.index).cvt64() * (1 << i.scale);
        as_.lea(eax, ptr[e + disp]);
    }
}

Xbyak::Address Emitter::host(unsigned size) { return sized(r11 + rax, size); }

void Emitter::check_access(unsigned size, Use use) {
    if (!access_) access_ = &cold(*current_);
    if (size > 1)
        as_.lea(r10d, ptr[rax + (size - 1)]);
    else
        as_.mov(r10d, eax);
    as_.mov(r11d, eax);
    as_.shr(r11d, kIndexShift);
    as_.and_(r10d, Tlb::kPageBits);
    as_.and_(r11d, kIndexMask);
    const int tag = use == Use::kWrite ? offsetof(Tlb::Entry, write_tag) : offsetof(Tlb::Entry, read_tag);
    as_.cmp(r10d, dword[r15 + r11 + tag]);
    as_.jne(access_->start, kNear);
    as_.mov(r11, ptr[r15 + r11 + offsetof(Tlb::Entry, addend)]);
    lose_flags();
}

Xbyak::Address Emitter::memory(const Insn& i, unsigned size, Use use) {
    linear_address(i);
    if (i.seg == kFs || i.seg == kGs) {
        if (!access_) access_ = &cold(i);
        const Segment& s = cpu_.seg[i.seg];
        as_.lea(r10, ptr[rax + size]);
        as_.cmp(r10, field(use == Use::kWrite ? &s.write_end : &s.read_end, 8));
        as_.ja(access_->start, kNear);
        as_.add(eax, field(&s.base));
    }
    check_access(size, use);
    return host(size);
}

Xbyak::Address Emitter::memory_with_flags(const Insn& i, unsigned size, Use use) {
    memory(i, size, use);
    as_.add(r11, rax);
    load_flags();
    return sized(r11, size);
}

}  // namespace qr::i386
