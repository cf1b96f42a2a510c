// SPDX-License-Identifier: GPL-2.0-or-later
//
// Puts one test case together: registers, memory, and the bytes of its instructions.
// Source: none (docs/testing.rst).
#pragma once

#include "tests/insn/oracle_generate.h"

namespace qr::oracle {

class Builder {
  public:
    Builder(const i386::CpuModel& model, Random& rng, Case& c, CaseInfo& info, bool sequence);

    // A case of one instruction. tame: only plain operands. False: this attempt came to nothing.
    bool single(const Plan& plan, bool tame);
    // Adds an instruction to a sequence, unless it can't stand there.
    bool add(const Plan& plan);
    // Adds a branch over the next few instructions, unless one is under way (oracle_flow.cc).
    bool skip(const Plan& plan);
    // What lies in between is executed several times, ECX counting.
    void begin_loop();
    void end_loop();
    void finish();
    unsigned count() const { return static_cast<unsigned>(info_.insns.size()); }

  private:
    struct Bytes {
        uint8_t data[20];
        unsigned size = 0;
        void put(uint32_t value, unsigned n) {
            for (unsigned i = 0; i < n; ++i) data[size++] = static_cast<uint8_t>(value >> (8 * i));
        }
    };
    void choose_segments();
    void choose_place(bool branch);
    void choose_target(bool far);
    void append(const i386::Insn& insn, const Bytes& bytes, uint32_t undefined);
    void land();
    uint32_t base_of(unsigned seg) const;
    bool pinned(unsigned reg) const { return pinned_ >> reg & 1; }
    void pin(unsigned reg, uint32_t value) {
        c_.gpr[reg] = value;
        pinned_ |= 1u << reg;
    }
    // A linear address for `size` bytes; aligned if `align` isn't 0.
    uint32_t pick_linear(unsigned size, unsigned align);
    void patch(uint32_t linear, const void* bytes, unsigned size);

    bool emit(const Plan& plan, Bytes& out);
    void emit_memory(Bytes& out, uint8_t reg_field, const Plan& plan);
    void emit_memory16(Bytes& out, uint8_t reg_field, uint32_t offset);
    void emit_memory32(Bytes& out, uint8_t reg_field, uint32_t offset, int override_seg);
    void emit_immediate(Bytes& out, const Plan& plan, i386::Imm kind, unsigned which);
    unsigned memory_size(const Plan& plan) const;
    unsigned alignment(const Plan& plan) const;
    // Registers and memory that the row's own ways need; before and after the bytes were chosen.
    void tune_before(const Plan& plan);
    void tune_after(const Plan& plan, const i386::Insn& insn);
    void tune_stack(const Plan& plan);
    void tune_far_frame(uint8_t* bytes);
    void fill_operand(const Plan& plan, const i386::Insn& insn);
    // Whether a row can't make do with what the read-only page happens to hold.
    bool misplaced(const Plan& plan) const;
    bool writes_pinned(const Plan& plan, const i386::Insn& insn) const;
    uint32_t undefined_after(const Plan& plan, const i386::Insn& insn, uint32_t before) const;

    const i386::CpuModel& model_;
    Random& rng_;
    Case& c_;
    CaseInfo& info_;
    bool sequence_;
    bool tame_ = false;
    uint32_t pinned_ = 0;
    // Of the instruction at hand
    bool op16_ = false, address16_ = false;
    int override_ = -1;
    bool lock_ = false;
    uint8_t rep_ = 0;
    bool use_memory_ = false;
    uint32_t target_ = 0;     // where its memory operand shall be
    uint32_t branch_to_ = 0;  // offset in CS, or in far_to_
    uint16_t far_to_ = 0;
    uint32_t start_ = 0;  // its own offset in CS
    // Of a branch that hasn't landed yet: where its displacement is, how many instructions it goes over, and which
    // flags are undefined if it is taken.
    struct {
        unsigned at = 0, size = 0, over = 0;
        uint32_t undefined = 0;
    } skip_;
    unsigned loop_ = 0;  // where its first instruction is in the code; 0: there is no loop
};

}  // namespace qr::oracle
