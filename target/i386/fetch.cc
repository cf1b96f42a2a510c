// SPDX-License-Identifier: GPL-2.0-or-later
//
// Instruction fetch: byte by byte as far as the instruction reaches, so that the code segment's limit, a page
// fault on its second page, the limit of 15 bytes and an undefined opcode come out in the right order.
// Source: Intel SDM 3A 6.9 (priorities), 6.15 (#UD, #GP).

#include "target/i386/fetch.h"

#include <algorithm>

namespace qr::i386 {

namespace {

bool exists_here(const Cpu& cpu, const Insn& insn) {
    return !(row_attr(insn.row) & kNoRealMode) || !cpu.real_or_v86();
}

}  // namespace

bool InterpreterGuest::decode(const Cpu& cpu, std::span<const uint8_t> bytes, Insn& insn) {
    return i386::decode(bytes, cpu.seg[kCs].db(), cpu.model, insn) == DecodeStatus::kOk &&
           exists_here(cpu, insn);
}

bool InterpreterGuest::ends_block(const Insn& insn) {
    const uint32_t attr = row_attr(insn.row);
    return (attr & kEndsBlock) || ((attr & kString) && insn.rep);
}

void InterpreterGuest::fetch(Cpu& cpu, Insn& insn) {
    constexpr unsigned kMaxLength = 15;
    uint8_t bytes[kMaxLength];
    unsigned have = 0;
    const uint32_t start = pc(cpu);
    const uint64_t limit = room(cpu);
    for (;;) {
        if (have >= limit) fault(kGP, 0);
        const uint32_t at = start + have;
        const FetchPage& page = fetch_page(cpu, at);
        const uint32_t offset = at & kPageMask;
        unsigned n = 1;  // MMIO: not a byte more than is needed
        if (page.host) {
            n = static_cast<unsigned>(
                std::min({uint64_t{kMaxLength - have}, kPageSize - offset, limit - have}));
            std::copy_n(page.host + offset, n, bytes + have);
        } else {
            bytes[have] = fetch_byte(cpu, at);
        }
        have += n;
        switch (i386::decode({bytes, have}, cpu.seg[kCs].db(), cpu.model, insn)) {
            case DecodeStatus::kOk:
                if (!exists_here(cpu, insn)) fault(kUD);
                return;
            case DecodeStatus::kTooShort: break;
            case DecodeStatus::kUndefined: fault(kUD);
            case DecodeStatus::kTooLong: fault(kGP, 0);
        }
    }
}

}  // namespace qr::i386
