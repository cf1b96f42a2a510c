// SPDX-License-Identifier: GPL-2.0-or-later
//
// SSE, SSE2 and SSE3: mostly the guest's own instruction on the host's registers. See emitter.h, simd_form.h.
//
// A guest register n that a block uses lives in xmm(8 + n) from there on; what was changed goes back before anything
// that may leave the block, and on the way to a handler. xmm0 to xmm7 are free within an instruction.
//
// While floats are computed the host's MXCSR is the guest's, exceptions masked in both: so the flags gather where the
// guest would have them. It is loaded when the first such instruction comes along, and put back before C++ code runs
// (thunks.cc). With an unmasked exception the instructions are left to their handlers.
// Source: Intel SDM volume 1, 10.2.3, 11.5; volume 2, the instructions' own pages.
#include "target/i386/fetch.h"
#include "target/i386/tcg/emitter.h"
#include "target/i386/x87.h"

namespace qr::i386 {

using namespace Xbyak::util;
using Xbyak::CodeGenerator;
constexpr auto kNear = CodeGenerator::T_NEAR;

namespace {
constexpr unsigned kHostXmm = 8;  // of the guest's first
}

// ---- registers -------------------------------------------------------------------------------------

unsigned Emitter::xmm_read(unsigned n) {
    if (!(xmm_loaded_ >> n & 1)) as_.movaps(host_xmm(kHostXmm + n), field(&cpu_.fpu.xmm[n], 16));
    xmm_loaded_ |= 1u << n;
    return kHostXmm + n;
}

unsigned Emitter::xmm_written(unsigned n, bool keeps) {
    if (keeps) xmm_read(n);
    xmm_loaded_ |= 1u << n;
    xmm_dirty_ |= 1u << n;
    return kHostXmm + n;
}

void Emitter::move_xmm(uint8_t registers, bool to_cpu) {
    for (unsigned n = 0; n < 8; ++n) {
        if (!(registers >> n & 1)) continue;
        const Xbyak::Address a = field(&cpu_.fpu.xmm[n], 16);
        to_cpu ? as_.movaps(a, host_xmm(kHostXmm + n)) : as_.movaps(host_xmm(kHostXmm + n), a);
    }
}

void Emitter::write_back_xmm() {
    move_xmm(xmm_dirty_, true);
    xmm_dirty_ = 0;
}

void Emitter::forget_simd() {
    write_back_xmm();
    xmm_loaded_ = 0;
    mxcsr_live_ = mmx_entered_ = false;
}

// ---- operands --------------------------------------------------------------------------------------

// `reg` and `rm` are the host's, whatever kind of register; rm kInRax: the memory at rax.
void Emitter::simd_host(const SimdForm& f, const Insn& i, unsigned to, unsigned from) {
    const bool memory = from == kInRax;
    const unsigned rex = (to & 8) >> 1 | (memory ? 0 : (from & 8) >> 3);
    if (f.prefix) as_.db(f.prefix);
    if (rex) as_.db(0x40 | rex);
    as_.db(0x0f);
    as_.db(f.opcode);
    as_.db(static_cast<int>((to & 7) << 3 | (memory ? 0 : 0xc0 | (from & 7))));
    if (f.imm_mask) as_.db(static_cast<int>(i.imm & f.imm_mask));
    if (f.fixed_imm) as_.db(f.fixed_imm);
}

void Emitter::refuse_if_not_zero() {
    if (!access_) access_ = &cold(*current_);
    as_.jnz(access_->start, kNear);
}

// What has to hold before anything else is looked at.
void Emitter::begin_simd(const Insn& i, const SimdForm& f) {
    if (f.floats && !mxcsr_live_) {
        if (!access_) access_ = &cold(i);
        MxcsrStub& stub = mxcsr_stubs_.emplace_back();
        stub.refused = access_;
        tail_.resize(block_->count + 1u);
        lose_flags();
        as_.cmp(field(&cpu_.native.mxcsr_live, 1), 0);
        as_.je(stub.start, kNear);
        as_.L(stub.resume);
        mxcsr_live_ = true;
    }
    if (f.mmx_state(i) && !mmx_entered_) {
        lose_flags();
        as_.cmp(field(&cpu_.native.x87_live, 1), 0);
        refuse_if_not_zero();
        as_.test(field(&cpu_.fpu.status, 1), kX87Summary);
        refuse_if_not_zero();
    }
}

// The memory operand's address in rax: the instruction can't fault from here on.
void Emitter::simd_memory(const Insn& i, const SimdForm& f) {
    as_.lea(rax, memory(i, f.bytes, f.stores ? Use::kWrite : Use::kRead));
    if (!f.aligned) return;
    lose_flags();
    as_.test(al, 15);
    refuse_if_not_zero();
}

// A source that is memory, an XMM or a general register.
unsigned Emitter::simd_source(const Insn& i, const SimdForm& f) {
    if (f.memory(i)) {
        simd_memory(i, f);
        return kInRax;
    }
    return f.general ? static_cast<unsigned>(r32(i.rm).getIdx()) : xmm_read(i.rm);
}

// ---- instructions ----------------------------------------------------------------------------------

void Emitter::to_xmm(const Insn& i, const SimdForm& f) {
    const unsigned from = simd_source(i, f);
    const unsigned to = xmm_written(i.reg, f.keeps);
    if (f.fixed_imm && f.bytes == 8 && from == kInRax) {  // MOVDDUP: PSHUFD would want 16 bytes
        as_.movq(host_xmm(to), qword[rax]);
        simd_host(f, i, to, to);
    } else {
        simd_host(f, i, to, from);
    }
}

void Emitter::from_xmm(const Insn& i, const SimdForm& f) {
    if (f.memory(i)) simd_memory(i, f);
    const unsigned from = xmm_read(i.reg);
    if (f.memory(i))
        simd_host(f, i, from, kInRax);
    else if (f.general)
        simd_host(f, i, from, static_cast<unsigned>(r32(i.rm).getIdx()));
    else
        simd_host(f, i, from, xmm_written(i.rm, f.keeps));
}

// The even elements of both, then the odd ones, then the operation of the same opcode between them: the order of
// operands, which decides between NaNs, is then the manual's on every host.
void Emitter::horizontal(const Insn& i, const SimdForm& f) {
    const unsigned from = simd_source(i, f);
    const Xbyak::Xmm a = host_xmm(xmm_written(i.reg, true));
    const auto combine = [&](const Xbyak::Operand& b) {
        as_.movaps(xmm0, a);
        if (f.prefix == 0x66) {
            as_.unpcklpd(xmm0, b);
            as_.unpckhpd(a, b);
        } else {
            as_.shufps(xmm0, b, 0x88);
            as_.shufps(a, b, 0xdd);
        }
    };
    if (from == kInRax)
        combine(xword[rax]);
    else
        combine(host_xmm(from));
    const bool doubles = f.prefix == 0x66;
    if (f.opcode == 0x7c)
        doubles ? as_.addpd(xmm0, a) : as_.addps(xmm0, a);
    else
        doubles ? as_.subpd(xmm0, a) : as_.subps(xmm0, a);
    as_.movaps(a, xmm0);
}

void Emitter::simd(const Insn& i, const SimdForm& f) {
    if (f.kind == SimdForm::kNothing) return;
    begin_simd(i, f);
    switch (f.kind) {
        case SimdForm::kToXmm: return to_xmm(i, f);
        case SimdForm::kFromXmm: return from_xmm(i, f);
        case SimdForm::kShift: return simd_host(f, i, f.digit, xmm_written(i.rm, true));
        case SimdForm::kToGpr: return simd_host(f, i, static_cast<unsigned>(r32(i.reg).getIdx()), simd_source(i, f));
        case SimdForm::kCompare: {
            const unsigned from = simd_source(i, f);
            simd_host(f, i, xmm_read(i.reg), from);
            return flags_written();
        }
        case SimdForm::kHorizontal: return horizontal(i, f);
        case SimdForm::kStoreGpr: return as_.mov(memory(i, 4, Use::kWrite), r32(i.reg));
        default: return mmx(i, f);
    }
}

// ---- ways out --------------------------------------------------------------------------------------

void Emitter::before_simd_resumes(const Cold& c) {
    move_xmm(c.xmm_loaded, false);
    if (!c.mxcsr) return;
    as_.call(thunks_.mxcsr);
    as_.jz(tail_.at(static_cast<size_t>(c.insn - block_->insns()) + 1), kNear);
    needs_tail_ = true;
}

// The rest of a block whose floats can't be computed here, by handlers.
void Emitter::simd_stubs() {
    for (MxcsrStub& s : mxcsr_stubs_) {
        as_.L(s.start);
        as_.call(thunks_.mxcsr);
        as_.jz(s.refused->start, kNear);
        as_.jmp(s.resume, kNear);
    }
    mxcsr_stubs_.clear();
    if (!needs_tail_) return tail_.clear();
    const std::span<const Insn> insns(block_->insns(), block_->count);
    for (size_t n = 1; n < insns.size(); ++n) {
        as_.L(tail_.at(n));
        exact(insns[n]);
    }
    as_.L(tail_.at(insns.size()));
    if (!InterpreterGuest::ends_block(insns.back())) branch_to(block_->offset + insns.back().end);
    needs_tail_ = false;
    tail_.clear();
}

}  // namespace qr::i386
