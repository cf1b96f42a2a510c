// SPDX-License-Identifier: GPL-2.0-or-later
//
// x87 control instructions: control and status word, environment and whole state in their four
// formats. Source: SDM volume 1, 8.1.3 to 8.1.10 (figures 8-9 to 8-12); volume 2, the instructions'
// own pages.
#include "target/i386/x87.h"

namespace qr::i386 {

void set_x87_control(Cpu& cpu, uint16_t value) {
    // Bits 7 and 13 to 15 don't exist, bit 6 reads as 1.
    constexpr uint16_t kControlMask = 0x1f3f;
    constexpr uint16_t kControlOnes = 0x0040;
    cpu.fpu.control = (value & kControlMask) | kControlOnes;
    update_x87_summary(cpu);
}

uint16_t tag_word(const FpuState& f) {
    using softfloat::FloatClass;
    unsigned tags = 0;
    for (unsigned n = 0; n < 8; ++n) {
        unsigned tag = 2;
        if (bit(f.empty, n)) {
            tag = 3;
        } else {
            const FloatClass c = softfloat::classify(f.regs[n]);
            if (c == FloatClass::kNormal) tag = 0;
            if (c == FloatClass::kZero) tag = 1;
        }
        tags |= tag << 2 * n;
    }
    return static_cast<uint16_t>(tags);
}

void set_tag_word(FpuState& f, uint16_t tags) {
    f.empty = 0;
    for (unsigned n = 0; n < 8; ++n)
        if (bits(tags, 2 * n, 2) == 3) f.empty |= static_cast<uint8_t>(1u << n);
}

namespace {

template <bool k32>
constexpr unsigned kEnvSize = k32 ? 28 : 14;

// The environment as seven fields, each of two or four bytes.
template <bool k32>
struct Environment {
    uint32_t field[7];

    void write(Cpu& cpu, const Insn& insn) const {
        for (unsigned n = 0; n < 7; ++n) {
            if constexpr (k32)
                cpu.write<uint32_t>(insn.seg, ea_plus(cpu, insn, 4 * n), field[n]);
            else
                cpu.write<uint16_t>(insn.seg, ea_plus(cpu, insn, 2 * n),
                                    static_cast<uint16_t>(field[n]));
        }
    }
    void read(Cpu& cpu, const Insn& insn) {
        for (unsigned n = 0; n < 7; ++n) {
            if constexpr (k32)
                field[n] = cpu.read<uint32_t>(insn.seg, ea_plus(cpu, insn, 4 * n));
            else
                field[n] = cpu.read<uint16_t>(insn.seg, ea_plus(cpu, insn, 2 * n));
        }
    }
};

template <bool k32>
Environment<k32> environment(const Cpu& cpu) {
    constexpr uint32_t kReserved = 0xffff0000;  // of words in a doubleword; 16-bit formats drop it
    const FpuState& f = cpu.fpu;
    Environment<k32> e{};
    e.field[0] = kReserved | f.control;
    e.field[1] = kReserved | f.status;
    e.field[2] = kReserved | tag_word(f);
    if (!cpu.real_or_v86()) {
        e.field[3] = f.fip;
        e.field[4] = f.fcs | uint32_t{f.opcode} << 16;
        e.field[5] = f.fdp;
        e.field[6] = kReserved | f.fds;
        return e;
    }
    // Linear addresses: their low half, and the rest from bit 12 of the next field on.
    const uint32_t ip = (uint32_t{f.fcs} << 4) + f.fip;
    const uint32_t dp = (uint32_t{f.fds} << 4) + f.fdp;
    e.field[3] = kReserved | (ip & 0xffff);
    e.field[4] = (ip >> 16) << 12 | f.opcode;
    e.field[5] = kReserved | (dp & 0xffff);
    e.field[6] = (dp >> 16) << 12;
    return e;
}

template <bool k32>
void set_environment(Cpu& cpu, const Environment<k32>& e) {
    FpuState& f = cpu.fpu;
    if (!cpu.real_or_v86()) {
        f.fip = e.field[3];
        f.fcs = static_cast<uint16_t>(e.field[4]);
        if (k32) f.opcode = (e.field[4] >> 16) & 0x7ff;
        f.fdp = e.field[5];
        f.fds = static_cast<uint16_t>(e.field[6]);
    } else {
        constexpr unsigned kHighBits = k32 ? 16 : 4;
        f.fip =
            static_cast<uint32_t>((e.field[3] & 0xffff) | bits(e.field[4], 12, kHighBits) << 16);
        f.fcs = 0;
        f.opcode = e.field[4] & 0x7ff;
        f.fdp =
            static_cast<uint32_t>((e.field[5] & 0xffff) | bits(e.field[6], 12, kHighBits) << 16);
        f.fds = 0;
    }
    set_tag_word(f, static_cast<uint16_t>(e.field[2]));
    // ES as it was, so that a change of it is seen.
    f.status =
        static_cast<uint16_t>((e.field[1] & ~(kX87Summary | kX87Busy)) | (f.status & kX87Summary));
    set_x87_control(cpu, static_cast<uint16_t>(e.field[0]));
}

}  // namespace

void init_x87(Cpu& cpu) {
    FpuState& f = cpu.fpu;
    f.status &= kX87Summary;
    f.empty = 0xff;
    f.fip = f.fdp = 0;
    f.fcs = f.fds = 0;
    f.opcode = 0;
    set_x87_control(cpu, 0x37f);
}

void x87_fninit_insn(Cpu& cpu, const Insn&) {
    cpu.check_fpu(false);
    init_x87(cpu);
}

void x87_fnclex_insn(Cpu& cpu, const Insn&) {
    cpu.check_fpu(false);
    cpu.fpu.status &=
        static_cast<uint16_t>(~(uint16_t{softfloat::kAllExceptions} | kX87StackFault));
    update_x87_summary(cpu);
}

void x87_fldcw_insn(Cpu& cpu, const Insn& insn) {
    cpu.check_fpu(true);
    set_x87_control(cpu, read_mem<uint16_t>(cpu, insn));
}

void x87_fnstcw_insn(Cpu& cpu, const Insn& insn) {
    cpu.check_fpu(false);
    write_mem<uint16_t>(cpu, insn, cpu.fpu.control);
}

void x87_fnstsw_insn(Cpu& cpu, const Insn& insn) {
    cpu.check_fpu(false);
    write_mem<uint16_t>(cpu, insn, cpu.fpu.status);
}

void x87_fnstsw_ax_insn(Cpu& cpu, const Insn&) {
    cpu.check_fpu(false);
    cpu.set_reg<uint16_t>(kEax, cpu.fpu.status);
}

// WAIT asks TS only with MP, and EM not at all (3A, table 2-1).
void x87_fwait_insn(Cpu& cpu, const Insn&) {
    if ((cpu.cr0 & (kCr0MP | kCr0TS)) == (kCr0MP | kCr0TS)) fault(kNM);
    if ((cpu.fpu.status & kX87Summary) && (cpu.cr0 & kCr0NE)) fault(kMF);
}

void x87_nop_insn(Cpu& cpu, const Insn&) { cpu.check_fpu(false); }

template <bool k32>
void x87_fnstenv_insn(Cpu& cpu, const Insn& insn) {
    cpu.check_fpu(false);
    cpu.probe(insn.seg, ea(cpu, insn), kEnvSize<k32>, true);
    environment<k32>(cpu).write(cpu, insn);
    set_x87_control(cpu, cpu.fpu.control | softfloat::kAllExceptions);
}

template <bool k32>
void x87_fldenv_insn(Cpu& cpu, const Insn& insn) {
    cpu.check_fpu(true);
    cpu.probe(insn.seg, ea(cpu, insn), kEnvSize<k32>, false);
    Environment<k32> e;
    e.read(cpu, insn);
    set_environment(cpu, e);
}

template <bool k32>
void x87_fnsave_insn(Cpu& cpu, const Insn& insn) {
    cpu.check_fpu(false);
    cpu.probe(insn.seg, ea(cpu, insn), kEnvSize<k32> + 80, true);
    environment<k32>(cpu).write(cpu, insn);
    const FpuState& f = cpu.fpu;
    for (unsigned i = 0; i < 8; ++i) {
        const softfloat::Float80& r = f.regs[(f.top() + i) & 7];
        const unsigned at = kEnvSize<k32> + 10 * i;
        cpu.write<uint64_t>(insn.seg, ea_plus(cpu, insn, at), r.mantissa);
        cpu.write<uint16_t>(insn.seg, ea_plus(cpu, insn, at + 8), r.sign_exponent);
    }
    init_x87(cpu);
}

template <bool k32>
void x87_frstor_insn(Cpu& cpu, const Insn& insn) {
    cpu.check_fpu(true);
    cpu.probe(insn.seg, ea(cpu, insn), kEnvSize<k32> + 80, false);
    Environment<k32> e;
    e.read(cpu, insn);
    softfloat::Float80 regs[8];
    for (unsigned i = 0; i < 8; ++i) {
        const unsigned at = kEnvSize<k32> + 10 * i;
        regs[i].mantissa = cpu.read<uint64_t>(insn.seg, ea_plus(cpu, insn, at));
        regs[i].sign_exponent = cpu.read<uint16_t>(insn.seg, ea_plus(cpu, insn, at + 8));
    }
    set_environment(cpu, e);
    for (unsigned i = 0; i < 8; ++i) cpu.fpu.regs[(cpu.fpu.top() + i) & 7] = regs[i];
}

template void x87_fnstenv_insn<false>(Cpu&, const Insn&);
template void x87_fnstenv_insn<true>(Cpu&, const Insn&);
template void x87_fldenv_insn<false>(Cpu&, const Insn&);
template void x87_fldenv_insn<true>(Cpu&, const Insn&);
template void x87_fnsave_insn<false>(Cpu&, const Insn&);
template void x87_fnsave_insn<true>(Cpu&, const Insn&);
template void x87_frstor_insn<false>(Cpu&, const Insn&);
template void x87_frstor_insn<true>(Cpu&, const Insn&);

}  // namespace qr::i386
