// SPDX-License-Identifier: GPL-2.0-or-later
//
// The floating-point unit's state, the checks in front of its instructions, and its error pin.
// Source: SDM volume 1, 8.1 and 8.7; volume 3A, 2.5 (CR0.EM, MP, TS, NE), 6.15 (#NM, #MF), 9.2.1.
//
// With CR0.NE = 0 an unmasked exception raises FERR# at once, as it may (8.7.2), so that the
// interrupt that the board makes of it is taken before the next instruction. The wait for that
// interrupt, and so IGNNE#, has nothing left to do and isn't modelled.
#include "target/i386/x87.h"

namespace qr::i386 {

void FpuState::state(StateVisitor& v) {
    static constexpr const char* kMantissas[] = {"r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7"};
    static constexpr const char* kExponents[] = {"r0.exp", "r1.exp", "r2.exp", "r3.exp",
                                                 "r4.exp", "r5.exp", "r6.exp", "r7.exp"};
    static constexpr const char* kXmms[] = {"xmm0", "xmm1", "xmm2", "xmm3",
                                            "xmm4", "xmm5", "xmm6", "xmm7"};
    for (unsigned n = 0; n < 8; ++n) {
        v(kMantissas[n], regs[n].mantissa);
        v(kExponents[n], regs[n].sign_exponent);
    }
    v("control", control);
    v("status", status);
    v("empty", empty);
    v("opcode", opcode);
    v("fip", fip);
    v("fdp", fdp);
    v("fcs", fcs);
    v("fds", fds);
    for (unsigned n = 0; n < 8; ++n) v(kXmms[n], xmm[n].bytes);
    v("mxcsr", mxcsr);
}

void Cpu::check_fpu(bool wait) {
    if (cr0 & (kCr0EM | kCr0TS)) [[unlikely]]
        fault(kNM);
    if (wait && (fpu.status & kX87Summary) && (cr0 & kCr0NE)) [[unlikely]]
        fault(kMF);
}

void Cpu::check_mmx() {
    if (cr0 & kCr0EM) [[unlikely]]
        fault(kUD);
    check_fpu(true);
}

void Cpu::check_sse() {
    if ((cr0 & kCr0EM) || !(cr4 & kCr4OSFXSR)) [[unlikely]]
        fault(kUD);
    if (cr0 & kCr0TS) [[unlikely]]
        fault(kNM);
}

void update_x87_summary(Cpu& cpu) {
    FpuState& f = cpu.fpu;
    const bool before = f.status & kX87Summary;
    const bool now = f.status & ~f.control & softfloat::kAllExceptions;
    f.status = static_cast<uint16_t>((f.status & ~(kX87Summary | kX87Busy)) |
                                     (now ? kX87Summary | kX87Busy : 0));
    // The pin falls whatever NE is: it may have been raised before NE was set.
    if (now == before || !cpu.wiring.ferr) return;
    if (!now || !(cpu.cr0 & kCr0NE)) cpu.wiring.ferr(now);
}

}  // namespace qr::i386
