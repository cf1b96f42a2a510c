// SPDX-License-Identifier: GPL-2.0-or-later
//
// MMX, and what goes between MMX and XMM registers. MMX registers stay in memory, as the x87's mantissas; they are
// computed with in xmm0 (destination) and xmm1 (source), so that the host's x87 isn't touched. See emit_sse.cc.
// Source: Intel SDM volume 1, 9.2 to 9.6; volume 2, the instructions' own pages.
#include "target/i386/tcg/emitter.h"

namespace qr::i386 {

using namespace Xbyak::util;

namespace {
enum Opcode : uint8_t {
    kPunpcklbw = 0x60, kPacksswb = 0x63, kPackuswb = 0x67, kPunpckhbw = 0x68, kPunpckhwd = 0x69, kPunpckhdq = 0x6a,
    kPackssdw = 0x6b,
};
}  // namespace

void Emitter::mmx_load(unsigned to, unsigned n) {
    as_.movq(host_xmm(to), field(&cpu_.fpu.regs[n].mantissa, 8));
}

void Emitter::mmx_store(unsigned n) {
    as_.movq(field(&cpu_.fpu.regs[n].mantissa, 8), xmm0);
    as_.mov(field(&cpu_.fpu.regs[n].sign_exponent, 2), 0xffff);
}

// TOP = 0, all registers valid.
void Emitter::enter_mmx() {
    if (mmx_entered_) return;
    lose_flags();
    as_.and_(field(reinterpret_cast<const uint8_t*>(&cpu_.fpu.status) + 1, 1), 0xc7);
    as_.mov(field(&cpu_.fpu.empty, 1), 0);
    mmx_entered_ = true;
}

// mm[reg] = op(mm[reg], E)
void Emitter::to_mmx(const Insn& i, const SimdForm& f) {
    unsigned from = 1;
    if (f.memory(i)) {
        simd_memory(i, f);
        if (f.general)
            from = kInRax;
        else if (f.bytes == 4)
            as_.movd(xmm1, dword[rax]);
        else
            as_.movq(xmm1, qword[rax]);
    } else if (f.general) {
        from = static_cast<unsigned>(r32(i.rm).getIdx());
    } else {
        mmx_load(1, i.rm);
    }
    if (f.keeps) mmx_load(0, i.reg);
    switch (f.opcode) {
        case kPacksswb:
        case kPackuswb:
        case kPackssdw:
            as_.punpcklqdq(xmm0, xmm1);
            simd_host(f, i, 0, 0);
            break;
        case kPunpckhbw:
        case kPunpckhwd:
        case kPunpckhdq: {  // the high half of what the low elements give
            SimdForm low = f;
            low.opcode = static_cast<uint8_t>(f.opcode - kPunpckhbw + kPunpcklbw);
            simd_host(low, i, 0, 1);
            as_.psrldq(xmm0, 8);
            break;
        }
        default: simd_host(f, i, 0, from); break;
    }
    enter_mmx();
    mmx_store(i.reg);
}

// E = mm[reg]: MOVD, MOVQ, MOVNTQ
void Emitter::from_mmx(const Insn& i, const SimdForm& f) {
    if (f.memory(i)) simd_memory(i, f);
    mmx_load(0, i.reg);
    if (f.memory(i))
        f.bytes == 4 ? as_.movd(dword[rax], xmm0) : as_.movq(qword[rax], xmm0);
    else if (f.general)
        as_.movd(r32(i.rm), xmm0);
    else
        mmx_store(i.rm);
    enter_mmx();
}

// CVTPI2PS, CVTPI2PD, MOVQ2DQ
void Emitter::xmm_from_mmx(const Insn& i, const SimdForm& f) {
    if (f.memory(i)) {
        simd_memory(i, f);
        as_.movq(xmm1, qword[rax]);
    } else {
        mmx_load(1, i.rm);
    }
    const Xbyak::Xmm to = host_xmm(xmm_written(i.reg, f.keeps));
    if (f.floats) {
        simd_host(f, i, 1, 1);
        f.keeps ? as_.movsd(to, xmm1) : as_.movaps(to, xmm1);
    } else {
        as_.movq(to, xmm1);
    }
    if (f.mmx_state(i)) enter_mmx();
}

// CVTPS2PI, CVTPD2PI and their truncating forms, MOVDQ2Q
void Emitter::mmx_from_xmm(const Insn& i, const SimdForm& f) {
    unsigned from = 0;
    if (f.memory(i)) {
        simd_memory(i, f);
        if (f.bytes == 16)
            as_.movaps(xmm0, xword[rax]);
        else
            as_.movq(xmm0, qword[rax]);
    } else {
        from = xmm_read(i.rm);
        // The other half must not raise anything.
        if (f.bytes == 8 || !f.floats) {
            as_.movq(xmm0, host_xmm(from));
            from = 0;
        }
    }
    if (f.floats) simd_host(f, i, 0, from);
    enter_mmx();
    mmx_store(i.reg);
}

void Emitter::mmx(const Insn& i, const SimdForm& f) {
    switch (f.kind) {
        case SimdForm::kToMmx: return to_mmx(i, f);
        case SimdForm::kFromMmx: return from_mmx(i, f);
        case SimdForm::kXmmFromMmx: return xmm_from_mmx(i, f);
        case SimdForm::kMmxFromXmm: return mmx_from_xmm(i, f);
        case SimdForm::kMmxShift:
            mmx_load(0, i.rm);
            simd_host(f, i, f.digit, 0);
            enter_mmx();
            return mmx_store(i.rm);
        case SimdForm::kMmxToGpr:
            mmx_load(0, i.rm);
            simd_host(f, i, static_cast<unsigned>(r32(i.reg).getIdx()), 0);
            return enter_mmx();
        default:  // EMMS
            lose_flags();
            as_.and_(field(reinterpret_cast<const uint8_t*>(&cpu_.fpu.status) + 1, 1), 0xc7);
            as_.mov(field(&cpu_.fpu.empty, 1), 0xff);
            mmx_entered_ = false;
            return;
    }
}

}  // namespace qr::i386
