// SPDX-License-Identifier: GPL-2.0-or-later
#include "target/i386/tcg/site_cache.h"

#include "target/i386/tcg/kept_call.h"

namespace qr::i386 {

using namespace Xbyak::util;
constexpr auto kNear = Xbyak::CodeGenerator::T_NEAR;

namespace {

constexpr uint64_t kForUser = 1, kForWriting = 2;
uint64_t fill_tlb(Cpu* cpu, uint32_t linear, uint64_t how) {
    return cpu->fill_tlb_unseen(linear, how & kForWriting, how & kForUser);
}

}  // namespace

SiteCaches::SiteCaches(uint8_t* memory, size_t size, ptrdiff_t data_shift)
    : memory_(memory), size_(size), data_shift_(data_shift),
      filled_(std::make_unique_for_overwrite<SiteCache*[]>(size / sizeof(SiteCache))) {}

void SiteCaches::clear(Cpu& cpu) {
    used_ = 0;
    cpu_ = &cpu;
    misses_.assign(size_ / sizeof(SiteCache), {});
    cpu.native.caches = reinterpret_cast<uint64_t>(memory_);
    cpu.native.cache_misses = reinterpret_cast<uint64_t>(misses_.data());
    cpu.native.cache_filled = reinterpret_cast<uint64_t>(filled_.get());
}

SiteCache& SiteCaches::add() {
    SiteCache& c = first()[used_++];
    c = {};
    return c;
}

void SiteCaches::forget() {
    auto* const end = reinterpret_cast<SiteCache**>(cpu_->native.cache_filled);
    for (SiteCache** c = filled_.get(); c != end; ++c) (*c)->page = SiteCache::kNone;
    cpu_->native.cache_filled = reinterpret_cast<uint64_t>(filled_.get());
    cpu_->tlb.copied().clear();
}

const uint8_t* SiteCaches::emit_fill(Xbyak::CodeGenerator& as, const Cpu& cpu, bool user, bool write) const {
    const auto at = [&](const void* member) {
        return static_cast<int>(static_cast<const uint8_t*>(member) - reinterpret_cast<const uint8_t*>(cpu.gpr.data()));
    };
    const Tlb::Entry* table = cpu.tlb.entries(user);
    Xbyak::Label fails, seldom, counted, fresh, known, again, unknown, crosses, found;
    as.align(16);
    const uint8_t* p = as.getCurr();
    as.push(rcx);
    as.push(rdx);
    as.L(again);
    as.mov(ecx, eax);
    as.shr(ecx, kPageShift - 4);
    as.and_(ecx, (Tlb::kEntries - 1) << 4);
    as.and_(r10d, Tlb::kPageBits);
    as.cmp(r10d, dword[r14 + rcx + at(write ? &table->write_tag : &table->read_tag)]);
    as.jne(unknown, kNear);
    as.mov(rcx, ptr[r14 + rcx + at(&table->addend)]);

    as.cmp(r11d, kNoCache);
    as.je(found, kNear);
    as.mov(rdx, r11);
    as.shl(rdx, 4);
    static_assert(sizeof(SiteCache) == 1 << 4);
    as.add(rdx, ptr[r14 + at(&cpu.native.caches)]);
    as.cmp(qword[rdx + offsetof(SiteCache, page)], 0);
    as.jl(fresh);  // it is kNone

    as.push(rdx);
    as.push(rcx);
    as.mov(rdx, ptr[r14 + at(&cpu.native.cache_misses)]);
    as.lea(rdx, ptr[rdx + r11 * sizeof(Misses)]);
    as.mov(ecx, dword[rdx + offsetof(Misses, last)]);
    as.mov(dword[rdx + offsetof(Misses, last)], r13d);
    as.sub(ecx, r13d);
    as.cmp(ecx, kQuick);
    as.pop(rcx);
    as.ja(seldom);
    as.inc(dword[rdx + offsetof(Misses, count)]);
    as.cmp(dword[rdx + offsetof(Misses, count)], kMostQuickMisses);
    as.jb(counted);
    as.mov(dword[rdx + offsetof(Misses, count)], kMostQuickMisses);
    as.pop(rdx);
    as.jmp(fails, kNear);
    as.L(seldom);
    as.mov(dword[rdx + offsetof(Misses, count)], 0);
    as.L(counted);
    as.pop(rdx);
    as.jmp(known);

    as.L(fresh);
    as.mov(r11, ptr[r14 + at(&cpu.native.cache_filled)]);
    as.mov(ptr[r11], rdx);
    as.add(qword[r14 + at(&cpu.native.cache_filled)], 8);
    as.L(known);
    as.mov(r11d, r10d);
    as.shr(r11d, kPageShift);
    as.and_(r11d, (1u << Tlb::Pages::kBits) - 1);
    as.bts(qword[r14 + at(&cpu.tlb.copied().words)], r11);
    as.shr(r11d, Tlb::Pages::kWordBits);
    as.bts(qword[r14 + at(&cpu.tlb.copied().used)], r11);
    as.mov(ptr[rdx + offsetof(SiteCache, page)], r10);
    as.add(r10, rcx);
    as.mov(ptr[rdx + offsetof(SiteCache, host)], r10);
    as.L(found);
    as.mov(r11, rcx);
    as.pop(rdx);
    as.pop(rcx);
    as.cmp(eax, eax);
    as.ret();

    as.L(unknown);
    as.mov(ecx, eax);
    as.xor_(ecx, r10d);
    as.test(ecx, Tlb::kPageBits);
    as.jnz(crosses, kNear);
    emit_kept_call(as, cpu, &fill_tlb, (user ? kForUser : 0) | (write ? kForWriting : 0));
    as.jnz(again, kNear);
    as.jmp(fails, kNear);

    // Two pages are as good as one if they are neighbours in the host's memory, too.
    const auto entry_of = [&](const Xbyak::Reg32& page) {
        as.mov(ecx, page);
        as.shr(ecx, kPageShift - 4);
        as.and_(ecx, (Tlb::kEntries - 1) << 4);
        as.cmp(page, dword[r14 + rcx + at(write ? &table->write_tag : &table->read_tag)]);
        as.jne(fails, kNear);
    };
    as.L(crosses);
    as.test(r10d, r10d);
    as.jz(fails, kNear);  // addresses begin anew
    as.mov(r11d, eax);
    as.and_(r11d, Tlb::kPageBits);
    entry_of(r11d);
    as.mov(r11, ptr[r14 + rcx + at(&table->addend)]);
    entry_of(r10d);
    as.cmp(r11, ptr[r14 + rcx + at(&table->addend)]);
    as.jne(fails, kNear);
    as.pop(rdx);
    as.pop(rcx);
    as.cmp(eax, eax);
    as.ret();

    as.L(fails);
    as.pop(rdx);
    as.pop(rcx);
    as.test(rsp, rsp);
    as.ret();
    return p;
}

}  // namespace qr::i386
