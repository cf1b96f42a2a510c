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
    const int32_t disp = base_disp(i.base, static_cast<int32_t>(i.disp));
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

bool Emitter::scattered() const { return block_->scattered >> (current_ - block_->insns()) & 1; }

void Emitter::find_page(unsigned size, bool write, const AccessGroup* group) {
    const Xbyak::Reg64 at = group ? group_register(*group) : rax;
    if (!access_) access_ = &cold(*current_);
    AccessMiss& miss = access_misses_.emplace_back();
    miss.cold = access_;
    miss.span = static_cast<int32_t>(size) - 1;
    miss.write = write;
    miss.group = group;
    if (scattered()) {
        miss.cache = nullptr;
        if (group) as_.mov(eax, at.cvt32());
        if (size > 1)
            as_.lea(r10d, ptr[rax + miss.span]);
        else
            as_.mov(r10d, eax);
        const Xbyak::RegExp entry = look_up(write, miss.start);
        if (group)
            as_.add(at, ptr[entry + static_cast<int>(offsetof(Tlb::Entry, addend))]);
        else
            as_.mov(r11, ptr[entry + static_cast<int>(offsetof(Tlb::Entry, addend))]);
    } else {
        const SiteCache& cache = caches_.add();
        miss.cache = &cache;
        Site& site = out_.sites[access_->site];
        if (!site.caches++) site.first_cache = caches_.number(cache);
        as_.sub(at, qword[rip + caches_.seen_by_code(&cache.page)]);
        as_.cmp(at, static_cast<uint32_t>(kPageSize - size));
        as_.ja(miss.start, kNear);
        const auto host_page = qword[rip + caches_.seen_by_code(&cache.host)];
        group ? as_.add(at, host_page) : as_.mov(r11, host_page);
    }
    as_.L(miss.resume);
    lose_flags();
}

void Emitter::check_access(unsigned size, Use use) { find_page(size, use == Use::kWrite, nullptr); }

void Emitter::access_misses() {
    const bool user = block_->mode & kUserMode;
    for (AccessMiss& m : access_misses_) {
        const auto found = [&] {
            if (m.group) as_.lea(group_register(*m.group), ptr[r11 + rax]);
            if (m.keeps_r10) as_.mov(r10d, field(&cpu_.native.scratch));
            as_.jmp(m.resume, kNear);
        };
        as_.L(m.start);
        Label other;
        if (m.keeps_r10) as_.mov(field(&cpu_.native.scratch), r10d);
        if (m.cache) {
            if (m.group) as_.mov(rax, group_register(*m.group));
            as_.add(rax, qword[rip + caches_.seen_by_code(&m.cache->page)]);
        }
        as_.lea(r10d, ptr[rax + m.span]);
        as_.mov(r11d, m.cache ? caches_.number(*m.cache) : SiteCaches::kNoCache);
        as_.call(thunks_.fill[user][m.write]);
        as_.jne(m.write ? other : m.cold->start, kNear);
        found();
        as_.L(other);
        if (m.write) {
            as_.lea(r10d, ptr[rax + m.span]);
            as_.call(thunks_.watched_write[user]);
            as_.jne(m.cold->start, kNear);
            found();
        }
    }
    access_misses_.clear();
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

Xbyak::Reg64 Emitter::group_register(const AccessGroup& g) { return g.reg ? r12 : r15; }

void Emitter::group_address(Reg32 to, unsigned base, int32_t offset) {
    if (base == kNoRegister)
        as_.mov(to, static_cast<uint32_t>(offset));
    else if (!offset)
        as_.mov(to, r32(base));
    else
        as_.lea(to, ptr[r32(base).cvt64() + offset]);
}

void Emitter::check_group(const AccessGroup& g, unsigned base, int32_t offset) {
    group_address(group_register(g).cvt32(), base, base_disp(base, offset));
    find_page(static_cast<unsigned>(g.end - g.first), g.write, &g);
}

void Emitter::check_group_again(const AccessGroup& g, unsigned base, int32_t offset, Label& fails) {
    group_address(eax, base, offset);
    as_.lea(r10d, ptr[rax + (g.end - g.first - 1)]);
    const Xbyak::RegExp entry = look_up(g.write, fails);
    const Xbyak::Reg64 to = group_register(g);
    as_.mov(to, ptr[entry + static_cast<int>(offsetof(Tlb::Entry, addend))]);
    as_.add(to, rax);
    lose_flags();
}

Xbyak::Address Emitter::grouped(const MemoryAccess& a) {
    const AccessGroup& g = plan_.groups[a.group];
    if (a.leads) {
        if (now_->also != kNoGroup) {
            const AccessGroup& other = plan_.groups[now_->also];
            check_group(other, now_->also_anchor.reg, other.first - now_->also_anchor.offset);
        }
        check_group(g, a.base, g.first - (a.offset - a.disp));
    }
    return sized(group_register(g) + (a.offset - g.first), a.size);
}

Xbyak::Address Emitter::stack(int32_t offset, Use use) {
    if (now_->stack.group != kNoGroup) return grouped(now_->stack);
    as_.lea(eax, ptr[r9 + base_disp(kEsp, offset)]);
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

Xbyak::Address Emitter::memory_with_flags(const Insn& i, unsigned size, Use use, uint32_t reads) {
    const Xbyak::Address m = memory(i, size, use);
    if (now_->memory.group != kNoGroup) {
        want_flags(reads);
        return m;
    }
    if (reads == kCF) {
        load_flags(reads);
        return m;
    }
    as_.add(r11, rax);
    load_flags(reads);
    return sized(r11, size);
}

Xbyak::Address Emitter::memory_in_r11(const Insn& i, unsigned size, Use use) {
    as_.lea(r11, memory(i, size, use));
    return sized(r11, size);
}

}  // namespace qr::i386
