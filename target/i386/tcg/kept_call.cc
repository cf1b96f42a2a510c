// SPDX-License-Identifier: GPL-2.0-or-later
#include "target/i386/tcg/kept_call.h"

#include <iterator>

namespace qr::i386 {

using namespace Xbyak::util;

void emit_kept_call(Xbyak::CodeGenerator& as, const Cpu& cpu, KeptFunction function, uint64_t argument) {
    const Xbyak::Reg64 kept[] = {rax, rcx, rdx, rsi, rdi, r8, r9, r10, r11};
    constexpr int kXmmBytes = 8 * 16;
    for (const auto& r : kept) as.push(r);
    as.mov(edx, static_cast<uint32_t>(argument));
    as.mov(esi, eax);
    as.lea(rdi, ptr[r14 + static_cast<int>(reinterpret_cast<const uint8_t*>(&cpu) -
                                           reinterpret_cast<const uint8_t*>(cpu.gpr.data()))]);
    as.push(rbp);
    as.mov(rbp, rsp);
    as.and_(rsp, -16);
    as.sub(rsp, kXmmBytes);
    for (int n = 0; n < 8; ++n) as.movaps(xword[rsp + 16 * n], Xbyak::Xmm(8 + n));
    as.mov(rax, reinterpret_cast<uint64_t>(function));
    as.call(rax);
    for (int n = 0; n < 8; ++n) as.movaps(Xbyak::Xmm(8 + n), xword[rsp + 16 * n]);
    as.mov(rsp, rbp);
    as.pop(rbp);
    as.test(eax, eax);
    for (size_t n = std::size(kept); n-- > 0;) as.pop(kept[n]);
}

}  // namespace qr::i386
