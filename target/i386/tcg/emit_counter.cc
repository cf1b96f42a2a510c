// SPDX-License-Identifier: GPL-2.0-or-later
//
// RDTSC. See emitter.h.
// Source: Intel SDM volume 2B, RDTSC; volume 3A 2.5 (CR4.TSD).
#include "target/i386/tcg/emitter.h"

namespace qr::i386 {

using namespace Xbyak::util;
constexpr auto kNear = Xbyak::CodeGenerator::T_NEAR;

// As Cpu::tsc() and VirtualClock::ns_at() compute it.
void Emitter::read_counter(const Insn& i) {
    access_ = &cold(i);
    as_.test(field(&cpu_.cr4, 1), kCr4TSD);
    as_.jnz(access_->start, kNear);
    as_.mov(r10, field(&cpu_.native.countdown, 8));
    as_.mov(rax, ptr[r10 + offsetof(Countdown, target)]);
    as_.mov(r10, field(&cpu_.native.pace, 8));
    as_.sub(rax, r13);
    if (i.left) as_.sub(rax, i.left);
    as_.sub(rax, ptr[r10 + offsetof(VirtualClock::Pace, base_icount)]);
    as_.mul(qword[r10 + offsetof(VirtualClock::Pace, rate)]);
    as_.shrd(rax, rdx, 32);
    as_.add(rax, ptr[r10 + offsetof(VirtualClock::Pace, base_ns)]);
    if (cpu_.model.tsc_hz != kNsPerSecond) {
        as_.mov(r10, cpu_.model.tsc_hz);
        as_.mul(r10);
        as_.mov(r10d, static_cast<uint32_t>(kNsPerSecond));
        as_.cmp(rdx, r10);
        as_.jae(access_->start, kNear);  // more than 64 bits. The handler doesn't want the old EDX
        as_.div(r10);
    }
    as_.add(rax, field(&cpu_.tsc_offset, 8));
    as_.mov(r8d, eax);
    as_.shr(rax, 32);
    as_.mov(edx, eax);
    lose_flags();
}

}  // namespace qr::i386
