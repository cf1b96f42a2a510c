// SPDX-License-Identifier: GPL-2.0-or-later
//
// A block from its head to its links, operands, and where flags are kept. See emitter.h.
#include "target/i386/tcg/emitter.h"

#include <utility>

#include "target/i386/fetch.h"

namespace qr::i386 {

using namespace Xbyak::util;
using Xbyak::CodeGenerator;
constexpr auto kNear = CodeGenerator::T_NEAR;

// ---- operands --------------------------------------------------------------------------------------

Emitter::Reg32 Emitter::r32(unsigned n) {
    static const Reg32 kAll[] = {r8d, ecx, edx, ebx, r9d, ebp, esi, edi};
    return kAll[n];
}

Xbyak::Reg Emitter::reg(unsigned n, unsigned size) {
    static const Xbyak::Reg8 kBytes[] = {r8b, cl, dl, bl};
    static const Xbyak::Reg16 kWords[] = {r8w, cx, dx, bx, r9w, bp, si, di};
    if (size == 1) return kBytes[n & 3];
    if (size == 2) return kWords[n];
    return r32(n);
}

Xbyak::Address Emitter::field(const void* member, unsigned size) const {
    const auto at = static_cast<const uint8_t*>(member) - reinterpret_cast<const uint8_t*>(cpu_.gpr.data());
    const Xbyak::RegExp e = r14 + static_cast<int>(at);
    switch (size) {
        case 1: return byte[e];
        case 2: return word[e];
        case 8: return qword[e];
        case 16: return xword[e];
        default: return dword[e];
    }
}

Xbyak::Reg Emitter::byte_source(unsigned n) {
    if (n < 4) return reg(n, 1);
    as_.mov(r10d, r32(n & 3));
    as_.shr(r10d, 8);
    lose_flags();
    return r10b;
}

void Emitter::insert_high_byte(unsigned n) {
    const Reg32 r = r32(n & 3);
    as_.and_(r, 0xffff00ff);
    as_.movzx(r10d, r10b);
    as_.shl(r10d, 8);
    as_.or_(r, r10d);
    lose_flags();
}

// ---- ESP -------------------------------------------------------------------------------------------

bool Emitter::keeps_esp_away(const Insn& i) {
    if (is_x87(i) || simd_form(i).kind != SimdForm::kNone || (row_attr(i.row) & kString)) return false;
    bool reg = false, rm = !i.has_mem;
    switch (shape_of(i).kind) {
        case Shape::kAluEG: case Shape::kAluGE: case Shape::kTestEG: case Shape::kXchgEG: case Shape::kXaddEG:
        case Shape::kCmpxchgEG: case Shape::kBtEG: case Shape::kShldI: case Shape::kShrdI: case Shape::kBsf: case Shape::kBsr:
        case Shape::kImulGE: case Shape::kImulGEI: case Shape::kMovEG: case Shape::kMovGE: case Shape::kMovzx:
        case Shape::kMovsx: case Shape::kLea: case Shape::kCmov: reg = true; break;
        case Shape::kXchgAR: case Shape::kBswap: case Shape::kPushR: case Shape::kPopR: reg = true; rm = false; break;
        case Shape::kAluEI: case Shape::kTestEI: case Shape::kMovEI: case Shape::kMovRI: case Shape::kIncR: case Shape::kDecR:
        case Shape::kIncE: case Shape::kDecE: case Shape::kNotE: case Shape::kNegE: case Shape::kShiftEI:
        case Shape::kShiftE1: case Shape::kShiftECl: case Shape::kSetcc: case Shape::kBtEI: case Shape::kPushE:
        case Shape::kMulE: case Shape::kImulE: break;
        case Shape::kAluAI: case Shape::kTestAI: case Shape::kMovAO: case Shape::kMovOA: case Shape::kCbw: case Shape::kCwd:
        case Shape::kPushI: case Shape::kPopE: case Shape::kLeave: case Shape::kNop: case Shape::kRdtsc: rm = false; break;
        // These settle it themselves.
        case Shape::kJcc: case Shape::kJmp: case Shape::kCall: case Shape::kRet: rm = false; break;
        case Shape::kJmpE: case Shape::kCallE: break;
        default: return false;
    }
    return !(reg && i.reg == kEsp) && !(rm && i.rm == kEsp);
}

void Emitter::settle_esp() {
    if (esp_) as_.lea(r9d, ptr[r9 + esp_]);
    esp_ = 0;
}

int32_t Emitter::base_disp(unsigned base, int32_t disp) const {
    return base == kEsp ? static_cast<int32_t>(static_cast<uint32_t>(disp) + static_cast<uint32_t>(esp_)) : disp;
}

// ---- flags -----------------------------------------------------------------------------------------

// SAHF takes all but OF from AH; adding 0x7f to 1 overflows.
void Emitter::load_flags() {
    as_.mov(eax, field(&cpu_.native.flags));
    as_.add(al, 0x7f);
    as_.sahf();
    host_flags_ = true;
}

void Emitter::load_flags(uint32_t reads) {
    if (reads == kCF) return as_.bt(field(&cpu_.native.flags), 8);
    if (reads & kOFlag) return load_flags();
    as_.mov(eax, field(&cpu_.native.flags));
    as_.sahf();
}

void Emitter::store_flags() {
    as_.lahf();
    as_.seto(al);
    as_.mov(field(&cpu_.native.flags), eax);
}

void Emitter::flags_written(uint32_t written) {
    if (needed(written) && now_->deferred.kind == DeferredFlags::kNone && !now_->in_host) store_flags();
    host_flags_ = true;
}

void Emitter::save_operand(Reg32 r) {
    if (!now_->deferred.saves()) return;
    as_.mov(field(&cpu_.native.saved), r);
    if (access_) access_->saves = static_cast<uint8_t>(r.getIdx() + 1);
}

void Emitter::compute_flags(const DeferredFlags& d) {
    if (d.kind == DeferredFlags::kNone) return;
    const auto a = reg(d.a, d.size), b = reg(d.b, d.size);
    const Xbyak::Reg value = d.size == 1 ? Xbyak::Reg(al) : d.size == 2 ? Xbyak::Reg(ax) : Xbyak::Reg(eax);
    const auto by_other = [&](Alu op, const Xbyak::Reg& to) {
        if (d.immediate)
            alu_immediate(op, to, d.imm, d.size);
        else
            alu(op, to, b);
    };
    switch (d.kind) {
        case DeferredFlags::kLogic: as_.test(a, a); break;
        case DeferredFlags::kTest:
            if (d.immediate)
                as_.test(a, d.size == 1 ? d.imm & 0xff : d.size == 2 ? d.imm & 0xffff : d.imm);
            else
                as_.test(a, b);
            break;
        case DeferredFlags::kCompare: by_other(Alu::kCmp, a); break;
        case DeferredFlags::kAdd:
        case DeferredFlags::kSub:
            as_.mov(eax, r32(d.a));
            by_other(d.kind == DeferredFlags::kAdd ? Alu::kSub : Alu::kAdd, value);
            by_other(d.kind == DeferredFlags::kAdd ? Alu::kAdd : Alu::kSub, value);
            break;
        case DeferredFlags::kAddSaved:
            as_.mov(eax, field(&cpu_.native.saved));
            as_.mov(r10d, r32(d.a));
            as_.sub(r10d, eax);
            as_.add(eax, r10d);
            break;
        case DeferredFlags::kSubSaved:
            as_.mov(eax, field(&cpu_.native.saved));
            as_.mov(r10d, eax);
            as_.sub(r10d, r32(d.a));
            as_.sub(eax, r10d);
            break;
        case DeferredFlags::kNeg:
            as_.mov(eax, r32(d.a));
            as_.neg(value);
            as_.neg(value);
            break;
        case DeferredFlags::kShift:
            as_.mov(r11d, field(&cpu_.native.saved));
            shift_by(d.shift, d.size == 2 ? Xbyak::Reg(r11w) : Xbyak::Reg(r11d), static_cast<int>(d.imm));
            shift_flags(d.shift, r11d, d.size);
            return;
        case DeferredFlags::kNone: return;
    }
    store_flags();
}

void Emitter::store_carry(uint32_t written, bool overflow_too) {
    lose_flags();
    if (!needed(written)) return;
    as_.movzx(eax, al);
    as_.mov(r10d, field(&cpu_.native.flags));
    as_.and_(r10d, overflow_too ? 0xfe00 : 0xfeff);
    if (overflow_too) as_.or_(r10d, eax);
    as_.shl(eax, 8);
    as_.or_(r10d, eax);
    as_.mov(field(&cpu_.native.flags), r10d);
}

// ---- control ---------------------------------------------------------------------------------------

uint32_t Emitter::new_site(const Insn& i) {
    const bool light = (row_attr(i.row) & (kIo | kString)) == kIo;
    out_.sites.push_back({&i, block_, &row_access(i), static_cast<uint16_t>(block_->offset + i.end),
                          InterpreterGuest::ends_block(i), is_x87(i), light});
    return static_cast<uint32_t>(out_.sites.size() - 1);
}

Emitter::Cold& Emitter::cold(const Insn& i) {
    Cold& c = cold_.emplace_back();
    c.site = new_site(i);
    out_.sites.back().rare = true;
    c.ends = out_.sites.back().ends_block;
    c.insn = &i;
    c.x87_last = x87_last_;
    c.x87_segment = x87_segment_;
    c.deferred = deferred_;
    c.flags = false;
    c.esp = c.esp_after = esp_;
    c.xmm_dirty = xmm_dirty_;
    return c;
}

void Emitter::exact(const Insn& i) {
    forget_simd();
    settle_esp();
    const uint32_t site = new_site(i);
    as_.mov(eax, site);
    if (out_.sites[site].ends_block)
        as_.jmp(thunks_.exact, kNear);
    else
        as_.call(out_.sites[site].light ? thunks_.light : thunks_.exact);
    lose_flags();
}

bool Emitter::emits(const Insn& insn) {
    if (is_x87(insn)) return x87_form(insn).kind != X87Form::kNone;
    if (simd_form(insn).kind == SimdForm::kNothing) return true;
    const Shape& s = shape_of(insn);
    if (s.kind < Shape::kDivE || s.kind == Shape::kPlain) return false;
    if (s.kind == Shape::kNop) return true;
    if (insn.rep && s.kind != Shape::kRet && s.kind != Shape::kMovs && s.kind != Shape::kStos) return false;
    if (insn.lock && s.kind == Shape::kNone) return false;
    if (insn.has_mem && s.kind != Shape::kLea && (insn.ea_mask != 0xffffffff || insn.seg == kEs || insn.seg == kCs))
        return false;
    const bool wide = s.byte || insn.op_size == 4;
    switch (s.kind) {
        case Shape::kMovAO:
        case Shape::kMovOA: return insn.ea_mask == 0xffffffff && insn.seg != kEs && insn.seg != kCs;
        case Shape::kAluEG:
        case Shape::kAluGE:
            // A high byte and memory, both to be written from: too rare.
            if (s.byte && insn.has_mem && s.kind == Shape::kAluGE && insn.reg >= 4) return false;
            return true;
        case Shape::kAluEI:
        case Shape::kAluAI:
        case Shape::kTestEG:
        case Shape::kTestEI:
        case Shape::kTestAI:
        case Shape::kMovEG:
        case Shape::kMovGE:
        case Shape::kMovEI:
        case Shape::kMovRI:
        case Shape::kIncR:
        case Shape::kDecR: return true;
        case Shape::kIncE:
        case Shape::kDecE: return true;
        case Shape::kXaddEG:
        case Shape::kCmpxchgEG:
        case Shape::kXchgEG: return wide && (!s.byte || (insn.reg < 4 && (insn.has_mem || insn.rm < 4)));
        case Shape::kNotE:
        case Shape::kNegE: return wide && (!s.byte || insn.has_mem || insn.rm < 4);
        case Shape::kBtEG: return wide && !insn.has_mem;
        case Shape::kBtEI: return wide;
        case Shape::kShiftEI:
        case Shape::kShiftE1:
        case Shape::kShiftECl: {
            const auto op = static_cast<Shift>(s.number);
            if (insn.has_mem) return false;
            if (insn.op_size != 4) return op >= Shift::kShl && s.kind != Shape::kShiftECl && (insn.imm & 31) < 16;
            if (op == Shift::kRcl || op == Shift::kRcr) return s.kind == Shape::kShiftE1;
            return true;
        }
        case Shape::kShldI:
        case Shape::kShrdI: return wide && !insn.has_mem;
        case Shape::kLea: return wide && insn.ea_mask == 0xffffffff;
        case Shape::kMovs:
        case Shape::kLods: return insn.ea_mask == 0xffffffff && (insn.seg == kDs || insn.seg == kSs);
        case Shape::kStos:
        case Shape::kScas: return insn.ea_mask == 0xffffffff;
        case Shape::kPopE: return wide && insn.has_mem && insn.base != kEsp;
        case Shape::kCallE: return wide && (insn.has_mem || insn.rm != kEsp);
        default: return wide;
    }
}

void Emitter::instruction(const Insn& i) {
    current_ = &i;
    access_ = nullptr;
    x87_before_ = std::exchange(x87_now_, nullptr);
    if (InterpreterGuest::ends_block(i)) x87_settle_pointers();
    const Shape& s = shape_of(i);
    if (!now_->emitted) deferred_ = {};
    const SimdForm& f = simd_form(i);
    if (InterpreterGuest::ends_block(i)) write_back_xmm();
    if (row_attr(i.row) & kFpu) forget_simd();
    bool done = emits_(i);
    if (!keeps_esp_away(i)) settle_esp();
    if (done && f.kind != SimdForm::kNone)
        simd(i, f);
    else
        done = done && (is_x87(i) ? x87(i) : arithmetic(i, s) || moves(i, s) || branches(i, s) || string(i, s));
    if (!done) {
        x87_settle_pointers();
        exact(i);
    }
    emitted_ += done;
    if (notes_) notes_->back().emitted = done;
    if (now_->flags.writes) {
        deferred_ = now_->deferred;
        stored_ = !now_->in_host && now_->deferred.kind == DeferredFlags::kNone;
    }
    if (access_) {
        as_.L(access_->resume);
        access_->flags = host_flags_;
        access_->esp_after = esp_;
        access_->group = now_->group;
        access_->anchor = now_->anchor;
        access_->xmm_loaded = xmm_loaded_;
        access_->mxcsr = mxcsr_live_;
    }
}

const uint8_t* Emitter::emit(CodeBlock& block) {
    block_ = &block;
    host_flags_ = false;
    stored_ = true;
    esp_ = 0;
    deferred_ = {};
    block.x87_checked |= (cpu_.fpu.control & softfloat::kAllExceptions) != softfloat::kAllExceptions;
    x87_now_ = nullptr;
    x87_last_ = nullptr;
    x87_segment_ = 0;
    as_.align(16);
    const uint8_t* entry = as_.getCurr();
    Label out;
    as_.sub(r13, block.count);
    as_.js(out, kNear);

    const std::span<Insn> insns(block.insns(), block.count);
    emits_ = block.mode & kFpuMode ? &Emitter::emits_with_fpu : &Emitter::emits;
    plan_block(insns, emits_, !block.unmerged, plan_);
    for (size_t n = 0; n < insns.size(); ++n) {
        now_ = &plan_.insns[n];
        live_ = now_->live;
        if (notes_) notes_->push_back({&insns[n], static_cast<uint32_t>(as_.getCurr() - entry), live_, true});
        instruction(insns[n]);
    }
    const Insn& last = insns.back();
    forget_simd();
    x87_settle_pointers();
    settle_esp();
    if (!InterpreterGuest::ends_block(last)) branch_to(block.offset + last.end);

    const size_t hot_end = as_.getSize();
    as_.setSize(next_cold_);
    as_.L(out);
    as_.add(r13, block.count);
    code_address(r10d, block.offset);
    as_.xor_(eax, eax);
    as_.jmp(thunks_.leave, kNear);
    side_exits();
    cold_code();
    next_cold_ = as_.getSize();
    as_.setSize(hot_end);
    return entry;
}

void Emitter::cold_code() {
    for (Cold& c : cold_) {
        as_.L(c.start);
        if (c.esp) as_.lea(r9d, ptr[r9 + c.esp]);
        compute_flags(c.deferred);
        if (c.saves) as_.mov(field(&cpu_.native.saved), Reg32(c.saves - 1));
        x87_pointers(c.x87_last, c.x87_segment);
        move_xmm(c.xmm_dirty, true);
        as_.mov(eax, c.site);
        if (c.ends) {
            as_.jmp(thunks_.exact, kNear);
            continue;
        }
        as_.call(thunks_.exact);
        // What the handler did may have changed who may write where.
        Label stray;
        bool may_stray = false;
        for (unsigned n = 0; n < kGroupRegisters; ++n) {
            if (c.group[n] == kNoGroup) continue;
            const AccessGroup& g = plan_.groups[c.group[n]];
            check_group_again(g, c.anchor[n].reg, g.first - c.anchor[n].offset, stray);
            may_stray = true;
        }
        before_simd_resumes(c);
        if (c.esp_after) as_.lea(r9d, ptr[r9 - c.esp_after]);
        if (c.x87_next) x87_go_live(c.x87_next->start);
        if (c.flags) load_flags();
        as_.jmp(c.resume, kNear);
        if (!may_stray) continue;
        as_.L(stray);
        as_.add(r13, c.insn->left);
        code_address(r10d, block_->offset + c.insn->end);
        as_.mov(eax, kStray | c.site);
        as_.jmp(thunks_.leave, kNear);
    }
    simd_stubs();
    for (Stub& s : stubs_) {
        as_.L(s.start);
        out_.links[s.link].stub = static_cast<uint32_t>(as_.getSize());
        code_address(r10d, s.offset);
        if (s.slot) {
            as_.mov(r11d, static_cast<uint32_t>(s.slot - slots_));
            as_.call(thunks_.relink);
            as_.jz(static_cast<const void*>(as_.getCode() + out_.links[s.link].jump - 1));
        }
        as_.mov(eax, s.link);
        as_.jmp(thunks_.leave, kNear);
        out_.links[s.link].stub_jump = static_cast<uint32_t>(as_.getSize() - 4);
    }
    access_misses();
    x87_stubs();
    cold_.clear();
    stubs_.clear();
    x87_guards_.clear();
}

}  // namespace qr::i386
