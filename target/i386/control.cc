// SPDX-License-Identifier: GPL-2.0-or-later
//
// Control transfer: jumps, calls, returns, loops, software interrupts, IRET, stack frames, BOUND. Far
// transfers themselves are in transfer.cc.
// Source: Intel SDM volume 2, the instructions' own pages.

#include "target/i386/alu.h"
#include "target/i386/operands.h"

namespace qr::i386 {
namespace {

constexpr uint32_t kBranch = kEndsBlock | kNearBranch;

// Target of a relative branch; T is the operand size.
template <class T>
uint32_t relative(const Cpu& cpu, const Insn& insn) {
    return static_cast<T>(cpu.eip + insn.imm);
}

template <unsigned kCc>
struct Jcc {
    template <class T>
    static void run(Cpu& cpu, const Insn& insn) {
        if (condition<kCc>(cpu)) cpu.jump_near(relative<T>(cpu, insn));
    }
};
struct JmpRel {
    template <class T>
    static void run(Cpu& cpu, const Insn& insn) {
        cpu.jump_near(relative<T>(cpu, insn));
    }
};
struct JmpE {
    template <class T, bool kMem>
    static void run(Cpu& cpu, const Insn& insn) {
        cpu.jump_near(read_e<T, kMem>(cpu, insn));
    }
};

void check_target(const Cpu& cpu, uint32_t target) {
    if (target > cpu.seg[kCs].limit) [[unlikely]]
        fault(kGP, 0);
}
template <class T>
void call_near(Cpu& cpu, uint32_t target) {
    check_target(cpu, target);
    cpu.push<T>(static_cast<T>(cpu.eip));
    cpu.eip = target;
}
struct CallRel {
    template <class T>
    static void run(Cpu& cpu, const Insn& insn) {
        call_near<T>(cpu, relative<T>(cpu, insn));
    }
};
struct CallE {
    template <class T, bool kMem>
    static void run(Cpu& cpu, const Insn& insn) {
        call_near<T>(cpu, read_e<T, kMem>(cpu, insn));
    }
};
struct Ret {
    template <class T>
    static void run(Cpu& cpu, const Insn& insn) {
        const uint32_t mask = cpu.stack_mask();
        const uint32_t sp = cpu.reg<uint32_t>(kEsp) & mask;
        const T target = cpu.read<T>(kSs, sp);
        cpu.jump_near(target);
        cpu.set_sp(sp + sizeof(T) + insn.imm, mask);
    }
};

// ---- far -------------------------------------------------------------------------------------------

void jmp_far(Cpu& cpu, const Insn& insn) {
    cpu.jump_far(insn.imm2, insn.imm, insn.op_size);
}
void call_far(Cpu& cpu, const Insn& insn) {
    cpu.call_far(insn.imm2, insn.imm, insn.op_size);
}
template <class T>
struct FarPointer {
    FarPointer(Cpu& cpu, const Insn& insn)
        : offset(read_mem<T>(cpu, insn)),
          selector(cpu.read<uint16_t>(insn.seg, ea_plus(cpu, insn, sizeof(T)))) {}
    uint32_t offset;
    uint16_t selector;
};
struct JmpM {
    template <class T>
    static void run(Cpu& cpu, const Insn& insn) {
        const FarPointer<T> p(cpu, insn);
        cpu.jump_far(p.selector, p.offset, sizeof(T));
    }
};
struct CallM {
    template <class T>
    static void run(Cpu& cpu, const Insn& insn) {
        const FarPointer<T> p(cpu, insn);
        cpu.call_far(p.selector, p.offset, sizeof(T));
    }
};
void ret_far(Cpu& cpu, const Insn& insn) {
    cpu.return_far(insn.op_size, static_cast<uint16_t>(insn.imm));
}
void iret(Cpu& cpu, const Insn& insn) { cpu.return_interrupt(insn.op_size); }

// ---- loops -----------------------------------------------------------------------------------------

enum class Loop { kAlways, kWhileZero, kWhileNotZero };
template <Loop kKind>
struct LoopRel {
    template <class T>
    static void run(Cpu& cpu, const Insn& insn) {
        const uint32_t count = (cpu.reg<uint32_t>(kEcx) - 1) & insn.ea_mask;
        bool taken = count != 0;
        if constexpr (kKind == Loop::kWhileZero) taken = taken && cpu.zf();
        if constexpr (kKind == Loop::kWhileNotZero) taken = taken && !cpu.zf();
        if (taken) cpu.jump_near(relative<T>(cpu, insn));
        add_masked(cpu, kEcx, ~0u, insn.ea_mask);
    }
};
struct Jcxz {
    template <class T>
    static void run(Cpu& cpu, const Insn& insn) {
        if ((cpu.reg<uint32_t>(kEcx) & insn.ea_mask) == 0) cpu.jump_near(relative<T>(cpu, insn));
    }
};

// ---- software interrupts ---------------------------------------------------------------------------

void int_n(Cpu& cpu, const Insn& insn) {
    cpu.software_interrupt(static_cast<uint8_t>(insn.imm), Cpu::SoftwareInterrupt::kIntN);
}
void int3(Cpu& cpu, const Insn&) { cpu.software_interrupt(kBP, Cpu::SoftwareInterrupt::kInt3); }
void int1(Cpu& cpu, const Insn&) { cpu.software_interrupt(kDB, Cpu::SoftwareInterrupt::kInt1); }
void into(Cpu& cpu, const Insn&) {
    if (cpu.of()) cpu.software_interrupt(kOF, Cpu::SoftwareInterrupt::kInto);
}
void undefined(Cpu&, const Insn&) { fault(kUD); }

struct Bound {
    template <class T>
    static void run(Cpu& cpu, const Insn& insn) {
        const int64_t index = sign_extend<T>(read_g<T>(cpu, insn));
        const int64_t low = sign_extend<T>(read_mem<T>(cpu, insn));
        const int64_t high = sign_extend<T>(cpu.read<T>(insn.seg, ea_plus(cpu, insn, sizeof(T))));
        if (index < low || index > high) fault(kBR);
    }
};

// ---- stack frames ----------------------------------------------------------------------------------

struct Enter {
    template <class T>
    static void run(Cpu& cpu, const Insn& insn) {
        const uint32_t mask = cpu.stack_mask();
        const unsigned level = insn.imm2 & 31;
        uint32_t sp = cpu.reg<uint32_t>(kEsp);
        uint32_t bp = cpu.reg<uint32_t>(kEbp);
        auto push = [&](uint32_t value) {
            sp = (sp - sizeof(T)) & mask;
            cpu.write<T>(kSs, sp, static_cast<T>(value));
        };
        push(bp);
        const uint32_t frame = sp;
        if (level > 0) {
            for (unsigned i = 1; i < level; ++i) {
                bp -= sizeof(T);
                push(cpu.read<T>(kSs, bp & mask));
            }
            push(frame);
        }
        // The new top of the stack must be writable, though nothing is written there.
        const uint32_t top = (sp - (insn.imm & 0xffff)) & mask;
        cpu.probe(kSs, top, sizeof(T), true);
        cpu.set_reg<T>(kEbp, static_cast<T>(frame));
        cpu.set_sp(top, mask);
    }
};
struct Leave {
    template <class T>
    static void run(Cpu& cpu, const Insn&) {
        const uint32_t mask = cpu.stack_mask();
        const uint32_t sp = cpu.reg<uint32_t>(kEbp) & mask;
        const T value = cpu.read<T>(kSs, sp);
        cpu.set_sp(sp + sizeof(T), mask);
        cpu.set_reg<T>(kEbp, value);
    }
};

constexpr Row kRows[] = {
    {"jo", "70", "Jb", "r:o", kBranch, Feature::kBase, sized<Jcc<0>>()},
    {"jno", "71", "Jb", "r:o", kBranch, Feature::kBase, sized<Jcc<1>>()},
    {"jb", "72", "Jb", "r:c", kBranch, Feature::kBase, sized<Jcc<2>>()},
    {"jnb", "73", "Jb", "r:c", kBranch, Feature::kBase, sized<Jcc<3>>()},
    {"jz", "74", "Jb", "r:z", kBranch, Feature::kBase, sized<Jcc<4>>()},
    {"jnz", "75", "Jb", "r:z", kBranch, Feature::kBase, sized<Jcc<5>>()},
    {"jbe", "76", "Jb", "r:cz", kBranch, Feature::kBase, sized<Jcc<6>>()},
    {"jnbe", "77", "Jb", "r:cz", kBranch, Feature::kBase, sized<Jcc<7>>()},
    {"js", "78", "Jb", "r:s", kBranch, Feature::kBase, sized<Jcc<8>>()},
    {"jns", "79", "Jb", "r:s", kBranch, Feature::kBase, sized<Jcc<9>>()},
    {"jp", "7A", "Jb", "r:p", kBranch, Feature::kBase, sized<Jcc<10>>()},
    {"jnp", "7B", "Jb", "r:p", kBranch, Feature::kBase, sized<Jcc<11>>()},
    {"jl", "7C", "Jb", "r:so", kBranch, Feature::kBase, sized<Jcc<12>>()},
    {"jnl", "7D", "Jb", "r:so", kBranch, Feature::kBase, sized<Jcc<13>>()},
    {"jle", "7E", "Jb", "r:szo", kBranch, Feature::kBase, sized<Jcc<14>>()},
    {"jnle", "7F", "Jb", "r:szo", kBranch, Feature::kBase, sized<Jcc<15>>()},
    {"jo", "0F 80", "Jz", "r:o", kBranch, Feature::kBase, sized<Jcc<0>>()},
    {"jno", "0F 81", "Jz", "r:o", kBranch, Feature::kBase, sized<Jcc<1>>()},
    {"jb", "0F 82", "Jz", "r:c", kBranch, Feature::kBase, sized<Jcc<2>>()},
    {"jnb", "0F 83", "Jz", "r:c", kBranch, Feature::kBase, sized<Jcc<3>>()},
    {"jz", "0F 84", "Jz", "r:z", kBranch, Feature::kBase, sized<Jcc<4>>()},
    {"jnz", "0F 85", "Jz", "r:z", kBranch, Feature::kBase, sized<Jcc<5>>()},
    {"jbe", "0F 86", "Jz", "r:cz", kBranch, Feature::kBase, sized<Jcc<6>>()},
    {"jnbe", "0F 87", "Jz", "r:cz", kBranch, Feature::kBase, sized<Jcc<7>>()},
    {"js", "0F 88", "Jz", "r:s", kBranch, Feature::kBase, sized<Jcc<8>>()},
    {"jns", "0F 89", "Jz", "r:s", kBranch, Feature::kBase, sized<Jcc<9>>()},
    {"jp", "0F 8A", "Jz", "r:p", kBranch, Feature::kBase, sized<Jcc<10>>()},
    {"jnp", "0F 8B", "Jz", "r:p", kBranch, Feature::kBase, sized<Jcc<11>>()},
    {"jl", "0F 8C", "Jz", "r:so", kBranch, Feature::kBase, sized<Jcc<12>>()},
    {"jnl", "0F 8D", "Jz", "r:so", kBranch, Feature::kBase, sized<Jcc<13>>()},
    {"jle", "0F 8E", "Jz", "r:szo", kBranch, Feature::kBase, sized<Jcc<14>>()},
    {"jnle", "0F 8F", "Jz", "r:szo", kBranch, Feature::kBase, sized<Jcc<15>>()},
    {"jmp", "EB", "Jb", "", kBranch, Feature::kBase, sized<JmpRel>()},
    {"jmp", "E9", "Jz", "", kBranch, Feature::kBase, sized<JmpRel>()},
    {"jmp", "FF /4", "Ev:r", "", kBranch, Feature::kBase, exec_v<JmpE>()},
    {"call", "E8", "Jz", "", kBranch, Feature::kBase, sized<CallRel>()},
    {"call", "FF /2", "Ev:r", "", kBranch, Feature::kBase, exec_v<CallE>()},
    {"ret", "C3", "", "", kBranch, Feature::kBase, sized<Ret>()},
    {"ret", "C2", "Iw:r", "", kBranch, Feature::kBase, sized<Ret>()},
    {"jmpf", "EA", "Ap", "", kEndsBlock, Feature::kBase, same(jmp_far)},
    {"jmpf", "FF /5 mem", "Mp:r", "", kEndsBlock, Feature::kBase, sized<JmpM>()},
    {"callf", "9A", "Ap", "", kEndsBlock, Feature::kBase, same(call_far)},
    {"callf", "FF /3 mem", "Mp:r", "", kEndsBlock, Feature::kBase, sized<CallM>()},
    {"retf", "CB", "", "", kEndsBlock, Feature::kBase, same(ret_far)},
    {"retf", "CA", "Iw:r", "", kEndsBlock, Feature::kBase, same(ret_far)},
    {"loopnz", "E0", "Jb", "r:z", kBranch, Feature::kBase, sized<LoopRel<Loop::kWhileNotZero>>()},
    {"loopz", "E1", "Jb", "r:z", kBranch, Feature::kBase, sized<LoopRel<Loop::kWhileZero>>()},
    {"loop", "E2", "Jb", "", kBranch, Feature::kBase, sized<LoopRel<Loop::kAlways>>()},
    {"jcxz", "E3", "Jb", "", kBranch, Feature::kBase, sized<Jcxz>()},
    {"int3", "CC", "", "w:it", kEndsBlock | kSoftInterrupt, Feature::kBase, same(int3)},
    {"int", "CD", "Ib:r", "w:it", kEndsBlock | kSoftInterrupt, Feature::kBase, same(int_n)},
    {"into", "CE", "", "r:o w:it", kEndsBlock | kSoftInterrupt, Feature::kBase, same(into)},
    {"int1", "F1", "", "w:it", kEndsBlock | kSoftInterrupt, Feature::kBase, same(int1)},
    {"iret", "CF", "", "w:oszapcdit", kEndsBlock, Feature::kBase, same(iret)},
    {"bound", "62 /r mem", "Gv:r Ma:r", "", 0, Feature::kBase, sized<Bound>()},
    {"enter", "C8", "Iw:r Ib:r", "", 0, Feature::kBase, sized<Enter>()},
    {"leave", "C9", "", "", 0, Feature::kBase, sized<Leave>()},
    {"ud2", "0F 0B", "", "", kEndsBlock, Feature::kBase, same(undefined)},
    {"ud0", "0F FF /r", "Gv:n Ev:n", "", kEndsBlock, Feature::kBase, same(undefined)},
    {"ud1", "0F B9 /r", "Gv:n Ev:n", "", kEndsBlock, Feature::kBase, same(undefined)},
};

}  // namespace

std::span<const Row> control_rows() { return kRows; }

}  // namespace qr::i386
