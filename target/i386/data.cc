// SPDX-License-Identifier: GPL-2.0-or-later
//
// Data movement: MOV, MOVZX, MOVSX, XCHG, LEA, CMOV, SETcc, BSWAP, XLAT, the stack, and the instructions on
// single EFLAGS bits.
// Source: Intel SDM volume 2, the instructions' own pages; volume 3A 20.3 (VME, PVI).

#include "target/i386/alu.h"
#include "target/i386/operands.h"

namespace qr::i386 {
namespace {

// ---- moves -----------------------------------------------------------------------------------------

struct MovEG {
    template <class T, bool kMem>
    static void run(Cpu& cpu, const Insn& insn) {
        write_e<T, kMem>(cpu, insn, read_g<T>(cpu, insn));
    }
};
struct MovGE {
    template <class T, bool kMem>
    static void run(Cpu& cpu, const Insn& insn) {
        write_g<T>(cpu, insn, read_e<T, kMem>(cpu, insn));
    }
};
struct MovEI {
    template <class T, bool kMem>
    static void run(Cpu& cpu, const Insn& insn) {
        write_e<T, kMem>(cpu, insn, static_cast<T>(insn.imm));
    }
};
struct MovRI {
    template <class T>
    static void run(Cpu& cpu, const Insn& insn) {
        cpu.set_reg<T>(insn.reg, static_cast<T>(insn.imm));
    }
};
struct MovAO {
    template <class T>
    static void run(Cpu& cpu, const Insn& insn) {
        cpu.set_reg<T>(kEax, read_mem<T>(cpu, insn));
    }
};
struct MovOA {
    template <class T>
    static void run(Cpu& cpu, const Insn& insn) {
        write_mem<T>(cpu, insn, cpu.reg<T>(kEax));
    }
};
// MOVZX, MOVSX from S.
template <class S, bool kSigned>
struct MovExtend {
    template <class T, bool kMem>
    static void run(Cpu& cpu, const Insn& insn) {
        const S v = read_e<S, kMem>(cpu, insn);
        write_g<T>(cpu, insn, static_cast<T>(kSigned ? sign_extend<S>(v) : v));
    }
};
struct XchgEG {
    template <class T, bool kMem>
    static void run(Cpu& cpu, const Insn& insn) {
        const T b = read_g<T>(cpu, insn);
        modify_e<T, kMem>(cpu, insn, [&](T a) {
            write_g<T>(cpu, insn, a);
            return b;
        });
    }
};
struct XchgAR {
    template <class T>
    static void run(Cpu& cpu, const Insn& insn) {
        const T a = cpu.reg<T>(kEax);
        cpu.set_reg<T>(kEax, cpu.reg<T>(insn.reg));
        cpu.set_reg<T>(insn.reg, a);
    }
};
struct Lea {
    template <class T>
    static void run(Cpu& cpu, const Insn& insn) {
        write_g<T>(cpu, insn, static_cast<T>(ea(cpu, insn)));
    }
};
template <unsigned kCc>
struct Cmov {
    template <class T, bool kMem>
    static void run(Cpu& cpu, const Insn& insn) {
        const T v = read_e<T, kMem>(cpu, insn);  // read in any case
        if (condition<kCc>(cpu)) write_g<T>(cpu, insn, v);
    }
};
template <unsigned kCc>
struct Setcc {
    template <class T, bool kMem>
    static void run(Cpu& cpu, const Insn& insn) {
        write_e<T, kMem>(cpu, insn, condition<kCc>(cpu));
    }
};
// Of a 16-bit register the SDM leaves the result undefined; processors give zero.
void bswap16(Cpu& cpu, const Insn& insn) { cpu.set_reg<uint16_t>(insn.reg, 0); }
void bswap32(Cpu& cpu, const Insn& insn) {
    cpu.set_reg<uint32_t>(insn.reg, __builtin_bswap32(cpu.reg<uint32_t>(insn.reg)));
}
void xlat(Cpu& cpu, const Insn& insn) {
    const uint32_t offset = (cpu.reg<uint32_t>(kEbx) + cpu.reg<uint8_t>(kEax)) & insn.ea_mask;
    cpu.set_reg<uint8_t>(kEax, cpu.read<uint8_t>(insn.seg, offset));
}
void nop(Cpu&, const Insn&) {}
// In no manual of Intel's, but in all of its processors, and in AMD's.
void salc(Cpu& cpu, const Insn&) { cpu.set_reg<uint8_t>(kEax, cpu.cf() ? 0xff : 0); }

// ---- the stack -------------------------------------------------------------------------------------

struct PushR {
    template <class T>
    static void run(Cpu& cpu, const Insn& insn) {
        cpu.push<T>(cpu.reg<T>(insn.reg));
    }
};
struct PopR {
    template <class T>
    static void run(Cpu& cpu, const Insn& insn) {
        const T v = cpu.pop<T>();
        cpu.set_reg<T>(insn.reg, v);
    }
};
struct PushI {
    template <class T>
    static void run(Cpu& cpu, const Insn& insn) {
        cpu.push<T>(static_cast<T>(insn.imm));
    }
};
struct PushE {
    template <class T, bool kMem>
    static void run(Cpu& cpu, const Insn& insn) {
        cpu.push<T>(read_e<T, kMem>(cpu, insn));
    }
};
// The address of a memory destination sees ESP as it is after the pop.
struct PopE {
    template <class T, bool kMem>
    static void run(Cpu& cpu, const Insn& insn) {
        if constexpr (kMem) {
            const uint64_t old_esp = cpu.gpr[kEsp];
            const T v = cpu.pop<T>();
            const uint64_t new_esp = cpu.gpr[kEsp];
            const uint32_t offset = ea(cpu, insn);
            cpu.gpr[kEsp] = old_esp;
            cpu.write<T>(insn.seg, offset, v);
            cpu.gpr[kEsp] = new_esp;
        } else {
            const T v = cpu.pop<T>();
            cpu.set_reg<T>(insn.rm, v);
        }
    }
};
struct Pusha {
    template <class T>
    static void run(Cpu& cpu, const Insn&) {
        const uint32_t mask = cpu.stack_mask();
        const uint32_t sp = cpu.reg<uint32_t>(kEsp);
        auto slot = [&](unsigned n) { return (sp - (n + 1) * sizeof(T)) & mask; };
        for (unsigned n = 0; n < 8; ++n) cpu.probe(kSs, slot(n), sizeof(T), true);
        for (unsigned n = 0; n < 8; ++n) cpu.write<T>(kSs, slot(n), cpu.reg<T>(n));
        cpu.set_sp(slot(7), mask);
    }
};
struct Popa {
    template <class T>
    static void run(Cpu& cpu, const Insn&) {
        const uint32_t mask = cpu.stack_mask();
        const uint32_t sp = cpu.reg<uint32_t>(kEsp);
        T values[8];  // EDI first
        for (unsigned n = 0; n < 8; ++n)
            values[n] = cpu.read<T>(kSs, (sp + n * static_cast<uint32_t>(sizeof(T))) & mask);
        for (unsigned n = 0; n < 8; ++n) {
            if (n != kEsp) cpu.set_reg<T>(n, values[7 - n]);
        }
        cpu.set_sp(sp + 8 * sizeof(T), mask);
    }
};

// ---- EFLAGS ----------------------------------------------------------------------------------------

bool vme_rules(const Cpu& cpu) { return cpu.v86() && cpu.iopl() < 3; }

struct Pushf {
    template <class T>
    static void run(Cpu& cpu, const Insn&) {
        uint32_t image = cpu.get_eflags() & ~uint32_t{kVM | kRF};
        if (vme_rules(cpu)) [[unlikely]] {
            if (sizeof(T) == 4 || !(cpu.cr4 & kCr4VME)) fault(kGP, 0);
            image = (image & ~uint32_t{kIF}) | kIoplMask | (image & kVIF ? uint32_t{kIF} : 0u);
        }
        cpu.push<T>(static_cast<T>(image));
    }
};
struct Popf {
    template <class T>
    static void run(Cpu& cpu, const Insn&) {
        constexpr uint32_t kUser = kArithFlags | kTF | kDFlag | kNT | kACFlag | kID;
        constexpr uint32_t kWidthMask = sizeof(T) == 2 ? 0xffff : 0xffffffff;
        if (vme_rules(cpu)) [[unlikely]] {
            if (sizeof(T) == 4 || !(cpu.cr4 & kCr4VME)) fault(kGP, 0);
            const uint64_t old_esp = cpu.gpr[kEsp];
            const uint32_t image = cpu.pop<T>();
            if ((image & kTF) || ((image & kIF) && (cpu.eflags & kVIP))) {
                cpu.gpr[kEsp] = old_esp;
                fault(kGP, 0);
            }
            cpu.write_eflags((image & ~uint32_t{kVIF}) | (image & kIF ? uint32_t{kVIF} : 0u),
                             (kUser & kWidthMask) | kVIF);
            return;
        }
        uint32_t mask = kUser | kRF;
        if (!cpu.v86() && cpu.cpl == 0) mask |= kIoplMask;
        if (cpu.cpl <= cpu.iopl()) mask |= kIF;  // in virtual-8086 mode: IOPL is 3 here
        const uint32_t image = cpu.pop<T>() & ~uint32_t{kRF};
        cpu.write_eflags(image, mask & kWidthMask);
    }
};
void lahf(Cpu& cpu, const Insn&) {
    cpu.set_reg<uint8_t>(4, static_cast<uint8_t>(cpu.get_eflags()));
}
void sahf(Cpu& cpu, const Insn&) {
    const uint32_t of = cpu.of() ? uint32_t{kOFlag} : 0u;
    cpu.set_arith_flags((cpu.reg<uint8_t>(4) & kArithFlags) | of);
}
void clc(Cpu& cpu, const Insn&) { set_cf(cpu, false); }
void stc(Cpu& cpu, const Insn&) { set_cf(cpu, true); }
void cmc(Cpu& cpu, const Insn&) { set_cf(cpu, !cpu.cf()); }
void cld(Cpu& cpu, const Insn&) { cpu.eflags &= ~uint32_t{kDFlag}; }
void std_(Cpu& cpu, const Insn&) { cpu.eflags |= kDFlag; }

// What CLI and STI work on (SDM 2, CLI's decision table).
enum class IfTarget { kIf, kVif };
IfTarget interrupt_flag(const Cpu& cpu) {
    if (!cpu.protected_mode() || cpu.cpl <= cpu.iopl()) return IfTarget::kIf;
    if (cpu.v86() ? cpu.cr4 & kCr4VME : cpu.cpl == 3 && (cpu.cr4 & kCr4PVI)) return IfTarget::kVif;
    fault(kGP, 0);
}
void cli(Cpu& cpu, const Insn&) {
    cpu.write_eflags(0, interrupt_flag(cpu) == IfTarget::kIf ? kIF : kVIF);
}
void sti(Cpu& cpu, const Insn&) {
    if (interrupt_flag(cpu) == IfTarget::kVif) {
        if (cpu.eflags & kVIP) fault(kGP, 0);
        cpu.write_eflags(kVIF, kVIF);
        return;
    }
    if (cpu.eflags & kIF) return;
    cpu.write_eflags(kIF, kIF);
    cpu.events |= kEventStiShadow;
}

constexpr Row kRows[] = {
    {"mov", "88 /r", "Eb:w Gb:r", "", 0, Feature::kBase, exec_b<MovEG>()},
    {"mov", "89 /r", "Ev:w Gv:r", "", 0, Feature::kBase, exec_v<MovEG>()},
    {"mov", "8A /r", "Gb:w Eb:r", "", 0, Feature::kBase, exec_b<MovGE>()},
    {"mov", "8B /r", "Gv:w Ev:r", "", 0, Feature::kBase, exec_v<MovGE>()},
    {"mov", "A0", "AL:w Ob:r", "", 0, Feature::kBase, same(MovAO::run<uint8_t>)},
    {"mov", "A1", "eAX:w Ov:r", "", 0, Feature::kBase, sized<MovAO>()},
    {"mov", "A2", "Ob:w AL:r", "", 0, Feature::kBase, same(MovOA::run<uint8_t>)},
    {"mov", "A3", "Ov:w eAX:r", "", 0, Feature::kBase, sized<MovOA>()},
    {"mov", "B0 +r", "Zb:w Ib:r", "", 0, Feature::kBase, same(MovRI::run<uint8_t>)},
    {"mov", "B8 +r", "Zv:w Iv:r", "", 0, Feature::kBase, sized<MovRI>()},
    {"mov", "C6 /0", "Eb:w Ib:r", "", 0, Feature::kBase, exec_b<MovEI>()},
    {"mov", "C7 /0", "Ev:w Iz:r", "", 0, Feature::kBase, exec_v<MovEI>()},
    {"movzx", "0F B6 /r", "Gv:w Eb:r", "", 0, Feature::kBase, exec_v<MovExtend<uint8_t, false>>()},
    {"movzx", "0F B7 /r", "Gv:w Ew:r", "", 0, Feature::kBase, exec_v<MovExtend<uint16_t, false>>()},
    {"movsx", "0F BE /r", "Gv:w Eb:r", "", 0, Feature::kBase, exec_v<MovExtend<uint8_t, true>>()},
    {"movsx", "0F BF /r", "Gv:w Ew:r", "", 0, Feature::kBase, exec_v<MovExtend<uint16_t, true>>()},
    {"xchg", "86 /r", "Eb:rw Gb:rw", "", kLockable, Feature::kBase, exec_b<XchgEG>()},
    {"xchg", "87 /r", "Ev:rw Gv:rw", "", kLockable, Feature::kBase, exec_v<XchgEG>()},
    {"xchg", "90 +r", "Zv:rw eAX:rw", "", 0, Feature::kBase, sized<XchgAR>()},
    {"nop", "90", "", "", 0, Feature::kBase, same(nop)},
    {"pause", "F3 90", "", "", 0, Feature::kBase, same(nop)},
    {"lea", "8D /r mem", "Gv:w M:n", "", 0, Feature::kBase, sized<Lea>()},
    {"bswap", "0F C8 +r", "Zv:rw", "", 0, Feature::k486, by_size(bswap16, bswap32)},
    {"xlat", "D7", "AL:rw EBX:r", "", 0, Feature::kBase, same(xlat)},
    // Hints: reserved on the P6 family as no-operations with an operand (SDM 2, NOP).
    {"nop", "0F 18 /r", "Ev:n", "", 0, Feature::kCmov, same(nop)},
    {"nop", "0F 19 /r", "Ev:n", "", 0, Feature::kCmov, same(nop)},
    {"nop", "0F 1A /r", "Ev:n", "", 0, Feature::kCmov, same(nop)},
    {"nop", "0F 1B /r", "Ev:n", "", 0, Feature::kCmov, same(nop)},
    {"nop", "0F 1C /r", "Ev:n", "", 0, Feature::kCmov, same(nop)},
    {"nop", "0F 1D /r", "Ev:n", "", 0, Feature::kCmov, same(nop)},
    {"nop", "0F 1E /r", "Ev:n", "", 0, Feature::kCmov, same(nop)},
    {"nop", "0F 1F /r", "Ev:n", "", 0, Feature::kCmov, same(nop)},
    {"push", "50 +r", "Zv:r", "", 0, Feature::kBase, sized<PushR>()},
    {"pop", "58 +r", "Zv:w", "", 0, Feature::kBase, sized<PopR>()},
    {"push", "68", "Iz:r", "", 0, Feature::kBase, sized<PushI>()},
    {"push", "6A", "Ibs:r", "", 0, Feature::kBase, sized<PushI>()},
    {"push", "FF /6", "Ev:r", "", 0, Feature::kBase, exec_v<PushE>()},
    {"pop", "8F /0", "Ev:w", "", 0, Feature::kBase, exec_v<PopE>()},
    {"pusha", "60", "", "", 0, Feature::kBase, sized<Pusha>()},
    {"popa", "61", "", "", 0, Feature::kBase, sized<Popa>()},
    {"pushf", "9C", "", "r:oszapcdit", 0, Feature::kBase, sized<Pushf>()},
    {"popf", "9D", "", "w:oszapcdit", kEndsBlock, Feature::kBase, sized<Popf>()},
    {"lahf", "9F", "AH:w", "r:szapc", 0, Feature::kBase, same(lahf)},
    {"sahf", "9E", "AH:r", "w:szapc", 0, Feature::kBase, same(sahf)},
    {"salc", "D6", "AL:w", "r:c", 0, Feature::kBase, same(salc)},
    {"clc", "F8", "", "w:c", 0, Feature::kBase, same(clc)},
    {"stc", "F9", "", "w:c", 0, Feature::kBase, same(stc)},
    {"cmc", "F5", "", "r:c w:c", 0, Feature::kBase, same(cmc)},
    {"cld", "FC", "", "w:d", 0, Feature::kBase, same(cld)},
    {"std", "FD", "", "w:d", 0, Feature::kBase, same(std_)},
    {"cli", "FA", "", "w:i", kNotInUserTest, Feature::kBase, same(cli)},
    {"sti", "FB", "", "w:i", kEndsBlock | kNotInUserTest, Feature::kBase, same(sti)},
    {"cmovo", "0F 40 /r", "Gv:rw Ev:r", "r:o", 0, Feature::kCmov, exec_v<Cmov<0>>()},
    {"cmovno", "0F 41 /r", "Gv:rw Ev:r", "r:o", 0, Feature::kCmov, exec_v<Cmov<1>>()},
    {"cmovb", "0F 42 /r", "Gv:rw Ev:r", "r:c", 0, Feature::kCmov, exec_v<Cmov<2>>()},
    {"cmovnb", "0F 43 /r", "Gv:rw Ev:r", "r:c", 0, Feature::kCmov, exec_v<Cmov<3>>()},
    {"cmovz", "0F 44 /r", "Gv:rw Ev:r", "r:z", 0, Feature::kCmov, exec_v<Cmov<4>>()},
    {"cmovnz", "0F 45 /r", "Gv:rw Ev:r", "r:z", 0, Feature::kCmov, exec_v<Cmov<5>>()},
    {"cmovbe", "0F 46 /r", "Gv:rw Ev:r", "r:cz", 0, Feature::kCmov, exec_v<Cmov<6>>()},
    {"cmovnbe", "0F 47 /r", "Gv:rw Ev:r", "r:cz", 0, Feature::kCmov, exec_v<Cmov<7>>()},
    {"cmovs", "0F 48 /r", "Gv:rw Ev:r", "r:s", 0, Feature::kCmov, exec_v<Cmov<8>>()},
    {"cmovns", "0F 49 /r", "Gv:rw Ev:r", "r:s", 0, Feature::kCmov, exec_v<Cmov<9>>()},
    {"cmovp", "0F 4A /r", "Gv:rw Ev:r", "r:p", 0, Feature::kCmov, exec_v<Cmov<10>>()},
    {"cmovnp", "0F 4B /r", "Gv:rw Ev:r", "r:p", 0, Feature::kCmov, exec_v<Cmov<11>>()},
    {"cmovl", "0F 4C /r", "Gv:rw Ev:r", "r:so", 0, Feature::kCmov, exec_v<Cmov<12>>()},
    {"cmovnl", "0F 4D /r", "Gv:rw Ev:r", "r:so", 0, Feature::kCmov, exec_v<Cmov<13>>()},
    {"cmovle", "0F 4E /r", "Gv:rw Ev:r", "r:szo", 0, Feature::kCmov, exec_v<Cmov<14>>()},
    {"cmovnle", "0F 4F /r", "Gv:rw Ev:r", "r:szo", 0, Feature::kCmov, exec_v<Cmov<15>>()},
    {"seto", "0F 90 /r", "Eb:w", "r:o", 0, Feature::kBase, exec_b<Setcc<0>>()},
    {"setno", "0F 91 /r", "Eb:w", "r:o", 0, Feature::kBase, exec_b<Setcc<1>>()},
    {"setb", "0F 92 /r", "Eb:w", "r:c", 0, Feature::kBase, exec_b<Setcc<2>>()},
    {"setnb", "0F 93 /r", "Eb:w", "r:c", 0, Feature::kBase, exec_b<Setcc<3>>()},
    {"setz", "0F 94 /r", "Eb:w", "r:z", 0, Feature::kBase, exec_b<Setcc<4>>()},
    {"setnz", "0F 95 /r", "Eb:w", "r:z", 0, Feature::kBase, exec_b<Setcc<5>>()},
    {"setbe", "0F 96 /r", "Eb:w", "r:cz", 0, Feature::kBase, exec_b<Setcc<6>>()},
    {"setnbe", "0F 97 /r", "Eb:w", "r:cz", 0, Feature::kBase, exec_b<Setcc<7>>()},
    {"sets", "0F 98 /r", "Eb:w", "r:s", 0, Feature::kBase, exec_b<Setcc<8>>()},
    {"setns", "0F 99 /r", "Eb:w", "r:s", 0, Feature::kBase, exec_b<Setcc<9>>()},
    {"setp", "0F 9A /r", "Eb:w", "r:p", 0, Feature::kBase, exec_b<Setcc<10>>()},
    {"setnp", "0F 9B /r", "Eb:w", "r:p", 0, Feature::kBase, exec_b<Setcc<11>>()},
    {"setl", "0F 9C /r", "Eb:w", "r:so", 0, Feature::kBase, exec_b<Setcc<12>>()},
    {"setnl", "0F 9D /r", "Eb:w", "r:so", 0, Feature::kBase, exec_b<Setcc<13>>()},
    {"setle", "0F 9E /r", "Eb:w", "r:szo", 0, Feature::kBase, exec_b<Setcc<14>>()},
    {"setnle", "0F 9F /r", "Eb:w", "r:szo", 0, Feature::kBase, exec_b<Setcc<15>>()},
};

}  // namespace

std::span<const Row> data_rows() { return kRows; }

}  // namespace qr::i386
