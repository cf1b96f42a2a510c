// SPDX-License-Identifier: GPL-2.0-or-later
//
// x87 instructions. See emit_x87.h and emitter.h. Source: Intel SDM volume 2, appendix A, tables, and the
// instructions' own pages.
#include "target/i386/tcg/emit_x87.h"

#include "target/i386/tcg/emitter.h"
#include "target/i386/x87.h"

namespace qr::i386 {

using namespace Xbyak::util;
constexpr auto kNear = Xbyak::CodeGenerator::T_NEAR;

namespace {

X87Form memory_form(uint8_t opcode, unsigned digit) {
    // By opcode D8 to DF and /digit. 0: by the handler.
    static constexpr uint8_t kSizes[8][8] = {
        {4, 4, 4, 4, 4, 4, 4, 4}, {4, 0, 4, 4, 0, 2, 0, 2},  {4, 4, 4, 4, 4, 4, 4, 4}, {4, 4, 4, 4, 0, 10, 0, 10},
        {8, 8, 8, 8, 8, 8, 8, 8}, {8, 8, 8, 8, 0, 0, 0, 2},  {2, 2, 2, 2, 2, 2, 2, 2}, {2, 2, 2, 2, 0, 8, 0, 8},
    };
    X87Form f;
    f.size = kSizes[opcode & 7][digit];
    if (!f.size) return f;
    f.kind = X87Form::kMemory;
    f.opcode = opcode;
    f.modrm = static_cast<uint8_t>(digit << 3);
    // Even opcodes are arithmetic.
    f.write = (opcode & 1) && (digit == 2 || digit == 3 || digit == 7 || (digit == 1 && opcode != 0xd9));
    if (opcode == 0xd9 && digit == 5) f.kind = X87Form::kLoadControl;
    if (opcode == 0xd9 && digit == 7) f.kind = X87Form::kStoreControl;
    f.control = (opcode == 0xd9 && digit >= 5) || (opcode == 0xdd && digit == 7);
    return f;
}

X87Form register_form(uint8_t opcode, uint8_t modrm) {
    X87Form f{.kind = X87Form::kRegisters, .opcode = opcode, .modrm = modrm};
    const uint8_t group = modrm & 0xf8, i = modrm & 7;
    const auto as = [&](uint8_t o, unsigned m) {
        f.opcode = o;
        f.modrm = static_cast<uint8_t>(m | i);
        return f;
    };
    switch (opcode) {
        case 0xd8: return f;
        case 0xd9: {
            // FLD, FXCH; FNOP; FCHS, FABS, FTST, FXAM; constants; FDECSTP, FINCSTP, FSQRT, FRNDINT
            static constexpr uint64_t kEmitted = 0x14c0'7f33'0001'ffff;
            if (!(kEmitted >> (modrm & 0x3f) & 1)) f.kind = X87Form::kNone;
            return f;
        }
        case 0xda:
        case 0xdb:
            if (group < 0xe0) f.kind = X87Form::kConditionalMove;
            else if (opcode == 0xda) f.kind = modrm == 0xe9 ? X87Form::kRegisters : X87Form::kNone;
            else if (group >= 0xe8) f.kind = X87Form::kCompareFlags;
            else if (modrm != 0xe2) f.kind = X87Form::kNone;
            f.control = opcode == 0xdb && modrm == 0xe2;  // FNCLEX
            return f;
        case 0xdc:
            if (group == 0xd0 || group == 0xd8) return as(0xd8, group);
            return f;
        case 0xdd:
            if (group == 0xc8) return as(0xd9, 0xc8);
            return f;
        case 0xde:
            if (group == 0xd0) return as(0xd8, 0xd8);
            return f;
        default:
            if (group == 0xc8) return as(0xd9, 0xc8);
            if (group == 0xd0 || group == 0xd8) return as(0xdd, 0xd8);
            f.control = modrm == 0xe0;
            f.kind = modrm == 0xe0 ? X87Form::kStatusToAx : group >= 0xe8 ? X87Form::kCompareFlags : X87Form::kNone;
            return f;
    }
}

}  // namespace

X87Form x87_form(const Insn& insn) {
    static const bool suits = host_x87_suits();
    if (!is_x87(insn) || !suits) return {};
    const std::string_view name = row_name(insn.row);
    if (name == "wait") return {.kind = X87Form::kWait, .control = true};
    if (name == "fxsave" || name == "fxrstor") return {};
    if (insn.has_mem && (insn.ea_mask != 0xffffffff || insn.seg == kEs || insn.seg == kCs)) return {};
    const auto opcode = static_cast<uint8_t>(0xd8 | insn.imm2 >> 8);
    return insn.has_mem ? memory_form(opcode, insn.modrm >> 3 & 7) : register_form(opcode, insn.modrm);
}

// From here on the host's x87 has the guest's state; else the handler executes the instruction. An x87 instruction
// right before has seen to it.
void Emitter::x87_guard(const Insn& i) {
    if (!access_) access_ = &cold(i);
    x87_now_ = access_;
    if (x87_before_) {
        x87_before_->x87_next = access_;
        return;
    }
    X87Guard& g = x87_guards_.emplace_back();
    g.cold = access_;
    as_.cmp(field(&cpu_.native.x87_live, 1), block_->x87_checked ? 0 : 1);
    block_->x87_checked ? as_.je(g.start, kNear) : as_.jne(g.start, kNear);
    as_.L(g.resume);
    lose_flags();
}

void Emitter::x87_go_live(Label& otherwise) {
    as_.call(block_->x87_checked ? thunks_.x87.load : thunks_.x87.load_masked);
    as_.jz(otherwise, kNear);
}

// Has the instruction raised an unmasked exception?
void Emitter::x87_check() {
    X87Pending& p = x87_pending_.emplace_back();
    p.cold = access_;
    p.last = x87_last_;
    p.segment = x87_segment_;
    as_.fnstsw(ax);
    as_.test(al, kX87Summary);
    as_.jnz(p.start, kNear);
    as_.L(p.resume);
    lose_flags();
}

void Emitter::x87_stubs() {
    for (X87Guard& g : x87_guards_) {
        as_.L(g.start);
        x87_go_live(g.cold->start);
        as_.jmp(g.resume, kNear);
    }
    for (X87Pending& p : x87_pending_) {
        as_.L(p.start);
        x87_pointers(p.last, p.segment);
        as_.call(thunks_.x87.retire);
        as_.jmp(p.cold->x87_next ? p.cold->x87_next->start : p.resume, kNear);
    }
    x87_guards_.clear();
    x87_pending_.clear();
}

// FIP, FOP, FCS and FDS are wanted only when C++ code is entered or another block: until then they are only noted.
void Emitter::x87_note(const Insn& i) {
    x87_last_ = &i;
    if (!i.has_mem) return;
    x87_segment_ = static_cast<uint8_t>(i.seg + 1);
    const auto fdp = field(&cpu_.fpu.fdp);
    if (i.base == kNoRegister && i.index == kNoRegister) {
        as_.mov(fdp, i.disp);
    } else if (i.index == kNoRegister && i.disp == 0) {
        as_.mov(fdp, r32(i.base));
    } else {
        linear_address(i);
        as_.mov(fdp, eax);
    }
}

// Changes rax, but not the host's flags.
void Emitter::x87_pointers(const Insn* last, uint8_t segment) {
    if (!last) return;
    code_address(eax, block_->offset + last->end - last->length);
    as_.mov(field(&cpu_.fpu.fip), eax);
    as_.mov(field(&cpu_.native.x87_opcode), 0x10000u | (last->imm2 & 0x7ffu));
    if (segment) as_.mov(field(&cpu_.native.x87_segment, 1), segment);
}

void Emitter::x87_settle_pointers() {
    x87_pointers(x87_last_, x87_segment_);
    x87_last_ = nullptr;
    x87_segment_ = 0;
}

// All memory forms look alike: this one, with another opcode and digit.
void Emitter::x87_memory(const X87Form& f, const Xbyak::Address& m) {
    const size_t at = as_.getSize();
    as_.fldcw(m);
    const uint8_t* code = as_.getCode() + at;
    const unsigned prefix = (code[0] & 0xf0) == 0x40 ? 1 : 0;
    as_.rewrite(at + prefix, f.opcode, 1);
    as_.rewrite(at + prefix + 1, (code[prefix + 1] & 0xc7u) | f.modrm, 1);
}

// What unmasks an exception is left to the handler; in a checked block, only if one is then pending, or would be
// reported in the old way. Precision control 1 is reserved; it acts as extended.
void Emitter::x87_load_control(const Xbyak::Address& m) {
    Label masked;
    as_.movzx(r10d, m);
    as_.and_(r10d, 0x1f3f);
    as_.or_(r10d, 0x40);
    as_.mov(r11d, r10d);
    as_.not_(r11d);
    if (block_->x87_checked) {
        as_.mov(eax, 1);
        as_.test(r11d, softfloat::kAllExceptions);
        as_.jz(masked);
        as_.test(field(&cpu_.cr0), kCr0NE);
        as_.jz(access_->start, kNear);
        as_.fnstsw(ax);
        as_.and_(eax, r11d);
        as_.test(al, softfloat::kAllExceptions);
        as_.jnz(access_->start, kNear);
        as_.mov(eax, 2);
        as_.L(masked);
        as_.mov(field(&cpu_.native.x87_live, 1), al);
    } else {
        as_.test(r11d, softfloat::kAllExceptions);
        as_.jnz(access_->start, kNear);
    }
    as_.mov(field(&cpu_.fpu.control, 2), r10w);
    as_.shr(r11d, 1);
    as_.and_(r11d, r10d);
    as_.and_(r11d, 0x100);
    as_.add(r11d, r11d);
    as_.or_(r10d, r11d);
    as_.mov(field(&cpu_.native.x87_control, 2), r10w);
    as_.fldcw(field(&cpu_.native.x87_control, 2));
    lose_flags();
}

bool Emitter::x87(const Insn& i) {
    const X87Form f = x87_form(i);
    if (f.kind == X87Form::kNone) return false;
    x87_guard(i);
    const auto bytes = [&] {
        as_.db(f.opcode);
        as_.db(f.modrm);
    };
    switch (f.kind) {
        case X87Form::kRegisters: bytes(); break;
        case X87Form::kCompareFlags:
            bytes();
            if (block_->x87_checked)
                store_flags();
            else
                flags_written();
            break;
        case X87Form::kConditionalMove:
            want_flags();
            bytes();
            break;
        case X87Form::kStatusToAx:
            as_.fnstsw(ax);
            as_.mov(r8w, ax);
            break;
        case X87Form::kMemory: x87_memory(f, memory(i, f.size, f.write ? Use::kWrite : Use::kRead)); break;
        case X87Form::kLoadControl: x87_load_control(memory(i, 2, Use::kRead)); break;
        case X87Form::kStoreControl: {
            const auto to = memory(i, 2, Use::kWrite);
            as_.movzx(r10d, field(&cpu_.fpu.control, 2));
            as_.mov(to, r10w);
            break;
        }
        default: break;
    }
    if (f.control) return true;
    x87_note(i);
    if (!block_->x87_checked) return true;
    x87_check();
    if (f.kind == X87Form::kCompareFlags && now_->in_host) load_flags();
    return true;
}

}  // namespace qr::i386
