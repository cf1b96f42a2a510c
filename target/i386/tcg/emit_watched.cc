// SPDX-License-Identifier: GPL-2.0-or-later
#include "target/i386/tcg/emit_watched.h"

#include "target/i386/cpu.h"
#include "target/i386/tcg/kept_call.h"

namespace qr::i386 {

using namespace Xbyak::util;
constexpr auto kNear = Xbyak::CodeGenerator::T_NEAR;

namespace {

constexpr unsigned kEntryShift = 5;
static_assert(sizeof(Tlb::WatchedPage) == 1u << kEntryShift);
constexpr unsigned kTranslationShift = 4;
static_assert(sizeof(Tlb::Translation) == 1u << kTranslationShift);

uint64_t find(Cpu* cpu, uint32_t linear, uint64_t user) { return cpu->find_watched_page(linear, user != 0); }

}  // namespace

const uint8_t* emit_watched_write(Xbyak::CodeGenerator& as, const Cpu& cpu, bool user) {
    const auto at = [&](const void* member) {
        return static_cast<int>(static_cast<const uint8_t*>(member) - reinterpret_cast<const uint8_t*>(cpu.gpr.data()));
    };
    const int table = at(cpu.tlb.watched_pages(user));
    const auto entry = [&](size_t member) { return r14 + rbx + (table + static_cast<int>(member)); };
    Xbyak::Label found, fails, unknown;
    as.align(16);
    const uint8_t* p = as.getCurr();
    as.push(rbx);
    as.push(rcx);
    as.push(rdx);
    as.mov(ecx, eax);
    as.xor_(ecx, r10d);
    as.test(ecx, Tlb::kPageBits);
    as.jnz(fails, kNear);
    as.mov(r11d, eax);
    as.and_(r11d, Tlb::kPageBits);
    as.mov(ebx, eax);
    as.shr(ebx, kPageShift);
    as.and_(ebx, Tlb::kWatchedPages - 1);
    as.shl(ebx, kEntryShift);
    as.cmp(r11d, dword[entry(offsetof(Tlb::WatchedPage, tag))]);
    as.jne(unknown, kNear);

    as.L(found);
    as.mov(r11, ptr[entry(offsetof(Tlb::WatchedPage, page))]);
    as.cmp(byte[r11 + offsetof(RamBlock::Page, dirty)], kDirtyAll);
    as.jne(fails, kNear);
    as.mov(rdx, ptr[r11 + offsetof(RamBlock::Page, code_granules)]);
    as.or_(rdx, ptr[r11 + offsetof(RamBlock::Page, table_granules)]);
    as.or_(rdx, ptr[entry(offsetof(Tlb::WatchedPage, granules))]);
    as.jz(fails, kNear);  // quiet again: let the TLB know
    // The bits of the first to the last granule; a shift count is taken modulo 64, as a granule's number is.
    as.mov(ecx, eax);
    as.shr(ecx, kGranuleShift);
    as.shr(rdx, cl);
    as.mov(r11d, ecx);
    as.mov(ecx, r10d);
    as.shr(ecx, kGranuleShift);
    as.sub(ecx, r11d);
    as.mov(r11d, 2);
    as.shl(r11, cl);
    as.dec(r11);
    as.test(rdx, r11);
    as.jnz(fails, kNear);
    as.mov(r11, ptr[entry(offsetof(Tlb::WatchedPage, addend))]);
    as.pop(rdx);
    as.pop(rcx);
    as.pop(rbx);
    as.cmp(eax, eax);
    as.ret();

    // Worth a look only if the page is known already.
    as.L(unknown);
    as.mov(ecx, eax);
    as.shr(ecx, kPageShift);
    as.and_(ecx, Tlb::kEntries - 1);
    as.shl(ecx, kTranslationShift);
    as.cmp(r11d, dword[r14 + rcx + (at(&cpu.tlb.translation(user, 0)) + static_cast<int>(offsetof(Tlb::Translation, tag)))]);
    as.jne(fails, kNear);
    emit_kept_call(as, cpu, &find, user);
    as.jnz(found, kNear);
    as.L(fails);
    as.pop(rdx);
    as.pop(rcx);
    as.pop(rbx);
    as.test(rsp, rsp);
    as.ret();
    return p;
}

}  // namespace qr::i386
