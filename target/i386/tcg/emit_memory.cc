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
    WatchedWrite* watched = use == Use::kWrite ? &watched_write(static_cast<int32_t>(size) - 1, false) : nullptr;
    const Xbyak::RegExp entry = look_up(use == Use::kWrite, watched ? watched->start : access_->start);
    as_.mov(r11, ptr[entry + static_cast<int>(offsetof(Tlb::Entry, addend))]);
    if (watched) as_.L(watched->resume);
    lose_flags();
}

// The entry of the page of eax, in which r10d has to be, too. Changes r10, r11.
Xbyak::RegExp Emitter::look_up(bool write, Label& fails) {
    const auto table = reinterpret_cast<const uint8_t*>(cpu_.tlb.entries(block_->mode & kUserMode)) -
                       reinterpret_cast<const uint8_t*>(cpu_.gpr.data());
    const Xbyak::RegExp entry = r14 + r11 + static_cast<int>(table);
    as_.mov(r11d, eax);
    as_.shr(r11d, kIndexShift);
    as_.and_(r10d, Tlb::kPageBits);
    as_.and_(r11d, kIndexMask);
    const size_t tag = write ? offsetof(Tlb::Entry, write_tag) : offsetof(Tlb::Entry, read_tag);
    as_.cmp(r10d, dword[entry + static_cast<int>(tag)]);
    as_.jne(fails, kNear);
    return entry;
}

void Emitter::check_group(const AccessGroup& g, unsigned base, int32_t offset, Label& fails, WatchedWrite* watched) {
    const int32_t last = g.end - g.first - 1;
    if (base == kNoRegister)
        as_.mov(eax, static_cast<uint32_t>(offset));
    else
        as_.lea(eax, ptr[r32(base).cvt64() + offset]);
    as_.lea(r10d, ptr[rax + last]);
    const Xbyak::RegExp entry = look_up(g.write, watched ? watched->start : fails);
    as_.mov(r15, ptr[entry + static_cast<int>(offsetof(Tlb::Entry, addend))]);
    as_.add(r15, rax);
    if (watched) as_.L(watched->resume);
    lose_flags();
}

Xbyak::Address Emitter::grouped(const MemoryAccess& a) {
    const AccessGroup& g = plan_.groups[a.group];
    if (a.leads) {
        if (!access_) access_ = &cold(*current_);
        WatchedWrite* watched = g.write ? &watched_write(g.end - g.first - 1, true) : nullptr;
        check_group(g, a.base, g.first - (a.offset - a.disp), access_->start, watched);
    }
    return sized(r15 + (a.offset - g.first), a.size);
}

Xbyak::Address Emitter::stack(int32_t offset, Use use) {
    if (now_->stack.group != kNoGroup) return grouped(now_->stack);
    as_.lea(eax, ptr[r9 + offset]);
    check_access(4, use);
    return host(4);
}

Xbyak::Address Emitter::memory(const Insn& i, unsigned size, Use use) {
    if (now_->memory.group != kNoGroup) return grouped(now_->memory);
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
    const Xbyak::Address m = memory(i, size, use);
    if (now_->memory.group != kNoGroup) {
        want_flags();
        return m;
    }
    as_.add(r11, rax);
    load_flags();
    return sized(r11, size);
}

Xbyak::Address Emitter::memory_in_r11(const Insn& i, unsigned size, Use use) {
    as_.lea(r11, memory(i, size, use));
    return sized(r11, size);
}

}  // namespace qr::i386
