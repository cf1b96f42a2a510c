// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the x87 instructions have in common: the register stack with its faults, the status word,
// the instruction and operand pointers. Source: SDM volume 1, 8.1 and 8.5.
//
// The pointers are kept as the processors before FDP_EXCPTN_ONLY did: every instruction but the
// control instructions sets FCS:FIP and FOP, and one with a memory operand FDS:FDP (8.1.8, 8.1.9).
#pragma once

#include <cstdint>

#include "target/i386/cpu.h"
#include "target/i386/insn.h"
#include "target/i386/operands.h"
#include "target/i386/softfloat/softfloat.h"

namespace qr::i386 {

enum X87Status : uint16_t {
    kX87StackFault = 0x0040,
    kX87Summary = 0x0080,
    kX87C0 = 0x0100,
    kX87C1 = 0x0200,
    kX87C2 = 0x0400,
    kX87C3 = 0x4000,
    kX87Busy = 0x8000,
    kX87Codes = kX87C0 | kX87C2 | kX87C3,
};

// Makes ES and B follow from the flags and masks, and FERR# from ES. After every change to either
// word.
void update_x87_summary(Cpu& cpu);
void set_x87_control(Cpu& cpu, uint16_t value);
// The tag word, two bits a physical register: 0 valid, 1 zero, 2 special, 3 empty. Only the last can be set.
uint16_t tag_word(const FpuState& f);
void set_tag_word(FpuState& f, uint16_t tags);
// FNINIT; also the end of FNSAVE.
void init_x87(Cpu& cpu);

// One x87 instruction that isn't a control instruction, under way. The constructor makes the checks
// that come before anything else (#NM, #MF).
class X87 {
  public:
    X87(Cpu& cpu, const Insn& insn) : cpu_(cpu), insn_(insn), f_(cpu.fpu) { cpu.check_fpu(true); }

    // Sets the pointers: once the instruction can no longer fault. The second form is for an
    // instruction with a memory operand.
    void note() {
        f_.fip = cpu_.eip - insn_.length;
        if (!cpu_.seg[kCs].db()) f_.fip &= 0xffff;
        f_.fcs = cpu_.seg[kCs].selector;
        f_.opcode = insn_.imm2 & 0x7ff;
    }
    void note_memory() {
        note();
        f_.fdp = ea(cpu_, insn_);
        f_.fds = cpu_.seg[insn_.seg].selector;
    }

    unsigned operand() const { return insn_.modrm & 7; }
    unsigned physical(unsigned i) const { return (f_.top() + i) & 7; }
    const softfloat::Float80& st(unsigned i) const { return f_.regs[physical(i)]; }
    bool empty(unsigned i) const { return bit(f_.empty, physical(i)); }
    void set(unsigned i, softfloat::Float80 v) {
        f_.regs[physical(i)] = v;
        f_.empty &= static_cast<uint8_t>(~(1u << physical(i)));
    }
    void set_empty(unsigned i) { f_.empty |= static_cast<uint8_t>(1u << physical(i)); }
    void pop() {
        set_empty(0);
        f_.set_top(f_.top() + 1);
    }
    void push(softfloat::Float80 v) {
        f_.set_top(f_.top() - 1);
        set(0, v);
    }

    bool masked(uint8_t exceptions) const { return (f_.control & exceptions) == exceptions; }
    softfloat::FloatContext context() const {
        softfloat::FloatContext c;
        c.rounding = static_cast<softfloat::Rounding>((f_.control >> 10) & 3);
        const unsigned pc = (f_.control >> 8) & 3;  // 1 is reserved; it acts as extended
        c.precision = pc == 0 ? 24 : pc == 2 ? 53 : 64;
        c.masks = f_.control & softfloat::kAllExceptions;
        return c;
    }

    // Exception flags and C1 of an operation that was done; condition codes stay.
    void commit(const softfloat::FloatContext& c) {
        f_.status =
            static_cast<uint16_t>((f_.status & ~kX87C1) | c.flags | (c.rounded_up ? kX87C1 : 0));
        if (c.flags) update_x87_summary(cpu_);
    }
    void clear_c1() { f_.status &= static_cast<uint16_t>(~kX87C1); }
    void set_codes(uint16_t codes) {
        f_.status = static_cast<uint16_t>((f_.status & ~kX87Codes) | codes);
    }

    // Stack faults (8.5.1.1). They return whether IE is masked, so that the instruction goes on
    // with the real indefinite.
    bool underflow() { return stack_fault(0); }
    bool overflow() { return stack_fault(kX87C1); }

    // Push with the overflow check.
    void load(softfloat::Float80 v) {
        if (!empty(7)) {
            if (overflow()) push(softfloat::kDefaultNan80);
            return;
        }
        clear_c1();
        push(v);
    }

    Cpu& cpu() { return cpu_; }
    const Insn& insn() const { return insn_; }
    FpuState& state() { return f_; }

  private:
    bool stack_fault(uint16_t c1) {
        f_.status = static_cast<uint16_t>((f_.status & ~kX87C1) | softfloat::kInvalid |
                                          kX87StackFault | c1);
        update_x87_summary(cpu_);
        return masked(softfloat::kInvalid);
    }

    Cpu& cpu_;
    const Insn& insn_;
    FpuState& f_;
};

// Handlers that are no templates, by file.
// x87_math.cc
void x87_f2xm1_insn(Cpu& cpu, const Insn& insn);
void x87_fyl2x_insn(Cpu& cpu, const Insn& insn);
void x87_fyl2xp1_insn(Cpu& cpu, const Insn& insn);
void x87_fpatan_insn(Cpu& cpu, const Insn& insn);
void x87_fptan_insn(Cpu& cpu, const Insn& insn);
void x87_fsin_insn(Cpu& cpu, const Insn& insn);
void x87_fcos_insn(Cpu& cpu, const Insn& insn);
void x87_fsincos_insn(Cpu& cpu, const Insn& insn);
void x87_fprem_insn(Cpu& cpu, const Insn& insn);
void x87_fprem1_insn(Cpu& cpu, const Insn& insn);
void x87_fscale_insn(Cpu& cpu, const Insn& insn);
void x87_fxtract_insn(Cpu& cpu, const Insn& insn);
void x87_fsqrt_insn(Cpu& cpu, const Insn& insn);
void x87_frndint_insn(Cpu& cpu, const Insn& insn);
// x87_control.cc
void x87_fninit_insn(Cpu& cpu, const Insn& insn);
void x87_fnclex_insn(Cpu& cpu, const Insn& insn);
void x87_fldcw_insn(Cpu& cpu, const Insn& insn);
void x87_fnstcw_insn(Cpu& cpu, const Insn& insn);
void x87_fnstsw_insn(Cpu& cpu, const Insn& insn);
void x87_fnstsw_ax_insn(Cpu& cpu, const Insn& insn);
void x87_fwait_insn(Cpu& cpu, const Insn& insn);
void x87_nop_insn(Cpu& cpu, const Insn& insn);  // FENI, FDISI, FSETPM: 8087 and 80287 only
template <bool k32>
void x87_fnstenv_insn(Cpu& cpu, const Insn& insn);
template <bool k32>
void x87_fldenv_insn(Cpu& cpu, const Insn& insn);
template <bool k32>
void x87_fnsave_insn(Cpu& cpu, const Insn& insn);
template <bool k32>
void x87_frstor_insn(Cpu& cpu, const Insn& insn);
// x87_fxsave.cc
void fxsave_insn(Cpu& cpu, const Insn& insn);
void fxrstor_insn(Cpu& cpu, const Insn& insn);

}  // namespace qr::i386
