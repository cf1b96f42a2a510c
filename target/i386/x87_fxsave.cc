// SPDX-License-Identifier: GPL-2.0-or-later
//
// FXSAVE and FXRSTOR: x87 and SSE state in 512 bytes. Source: SDM volume 1, 10.5; volume 2, FXSAVE,
// table 3-43 (32-bit layout).
//
// Where the manual leaves a choice: XMM registers and MXCSR are left out while CR4.OSFXSR is clear,
// and reserved bytes are written as zeros up to byte 160; what lies beyond XMM7 isn't touched.
#include "target/i386/x87.h"

namespace qr::i386 {

namespace {

constexpr unsigned kSize = 512;
constexpr unsigned kStAt = 32;
constexpr unsigned kXmmAt = 160;

bool has_xmm(const Cpu& cpu) { return cpu.model.has(Feature::kSse) && (cpu.cr4 & kCr4OSFXSR); }

// MXCSR_MASK: DAZ came with SSE2.
uint32_t mxcsr_mask(const Cpu& cpu) { return cpu.model.has(Feature::kSse2) ? 0xffff : 0xffbf; }

void check_area(Cpu& cpu, const Insn& insn, bool write) {
    if (cpu.linear(insn.seg, ea(cpu, insn), kSize, write) & 15) fault(kGP, 0);
    cpu.probe(insn.seg, ea(cpu, insn), kSize, write);
}

template <class T>
void put(Cpu& cpu, const Insn& insn, unsigned at, T value) {
    cpu.write<T>(insn.seg, ea_plus(cpu, insn, at), value);
}
template <class T>
T get(Cpu& cpu, const Insn& insn, unsigned at) {
    return cpu.read<T>(insn.seg, ea_plus(cpu, insn, at));
}

}  // namespace

void fxsave_insn(Cpu& cpu, const Insn& insn) {
    cpu.check_fpu(false);
    check_area(cpu, insn, true);
    const FpuState& f = cpu.fpu;
    put<uint16_t>(cpu, insn, 0, f.control);
    put<uint16_t>(cpu, insn, 2, f.status);
    put<uint16_t>(cpu, insn, 4, static_cast<uint8_t>(~f.empty));
    put<uint16_t>(cpu, insn, 6, f.opcode);
    put<uint32_t>(cpu, insn, 8, f.fip);
    put<uint32_t>(cpu, insn, 12, f.fcs);
    put<uint32_t>(cpu, insn, 16, f.fdp);
    put<uint32_t>(cpu, insn, 20, f.fds);
    for (unsigned i = 0; i < 8; ++i) {
        const softfloat::Float80& r = f.regs[(f.top() + i) & 7];
        put<uint64_t>(cpu, insn, kStAt + 16 * i, r.mantissa);
        put<uint64_t>(cpu, insn, kStAt + 16 * i + 8, r.sign_exponent);
    }
    if (!has_xmm(cpu)) return;
    put<uint32_t>(cpu, insn, 24, f.mxcsr);
    put<uint32_t>(cpu, insn, 28, mxcsr_mask(cpu));
    for (unsigned i = 0; i < 8; ++i) {
        put<uint64_t>(cpu, insn, kXmmAt + 16 * i, f.xmm[i].get<uint64_t>(0));
        put<uint64_t>(cpu, insn, kXmmAt + 16 * i + 8, f.xmm[i].get<uint64_t>(1));
    }
}

void fxrstor_insn(Cpu& cpu, const Insn& insn) {
    cpu.check_fpu(false);
    check_area(cpu, insn, false);
    FpuState& f = cpu.fpu;
    if (has_xmm(cpu)) {
        const auto mxcsr = get<uint32_t>(cpu, insn, 24);
        if (mxcsr & ~mxcsr_mask(cpu)) fault(kGP, 0);
        f.mxcsr = mxcsr;
        for (unsigned i = 0; i < 8; ++i) {
            f.xmm[i].set<uint64_t>(0, get<uint64_t>(cpu, insn, kXmmAt + 16 * i));
            f.xmm[i].set<uint64_t>(1, get<uint64_t>(cpu, insn, kXmmAt + 16 * i + 8));
        }
    }
    f.control = (get<uint16_t>(cpu, insn, 0) & 0x1f3f) | 0x40;
    f.status = static_cast<uint16_t>((get<uint16_t>(cpu, insn, 2) & ~(kX87Summary | kX87Busy)) |
                                     (f.status & kX87Summary));
    f.empty = static_cast<uint8_t>(~get<uint8_t>(cpu, insn, 4));
    f.opcode = get<uint16_t>(cpu, insn, 6) & 0x7ff;
    f.fip = get<uint32_t>(cpu, insn, 8);
    f.fcs = get<uint16_t>(cpu, insn, 12);
    f.fdp = get<uint32_t>(cpu, insn, 16);
    f.fds = get<uint16_t>(cpu, insn, 20);
    for (unsigned i = 0; i < 8; ++i) {
        softfloat::Float80& r = f.regs[(f.top() + i) & 7];
        r.mantissa = get<uint64_t>(cpu, insn, kStAt + 16 * i);
        r.sign_exponent = get<uint16_t>(cpu, insn, kStAt + 16 * i + 8);
    }
    update_x87_summary(cpu);
}

}  // namespace qr::i386
