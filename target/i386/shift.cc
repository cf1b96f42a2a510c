// SPDX-License-Identifier: GPL-2.0-or-later
//
// Shifts, rotates, double shifts, bit tests, bit scans, population count.
// Source: Intel SDM volume 2, the instructions' own pages.

#include "target/i386/alu.h"
#include "target/i386/operands.h"

namespace qr::i386 {
namespace {

template <Shift kOp>
struct ShiftEI {
    template <class T, bool kMem>
    static void run(Cpu& cpu, const Insn& insn) {
        modify_e<T, kMem>(cpu, insn, [&](T a) { return alu_shift<kOp, T>(cpu, a, insn.imm & 31); });
    }
};
template <Shift kOp>
struct ShiftE1 {
    template <class T, bool kMem>
    static void run(Cpu& cpu, const Insn& insn) {
        modify_e<T, kMem>(cpu, insn, [&](T a) { return alu_shift<kOp, T>(cpu, a, 1); });
    }
};
template <Shift kOp>
struct ShiftECl {
    template <class T, bool kMem>
    static void run(Cpu& cpu, const Insn& insn) {
        const unsigned count = cpu.gpr[kEcx] & 31;
        modify_e<T, kMem>(cpu, insn, [&](T a) { return alu_shift<kOp, T>(cpu, a, count); });
    }
};

template <bool kRight, bool kCl>
struct DoubleShift {
    template <class T, bool kMem>
    static void run(Cpu& cpu, const Insn& insn) {
        const unsigned count = (kCl ? static_cast<uint32_t>(cpu.gpr[kEcx]) : insn.imm) & 31;
        const T b = read_g<T>(cpu, insn);
        modify_e<T, kMem>(cpu, insn, [&](T a) {
            return kRight ? alu_shrd<T>(cpu, a, b, count) : alu_shld<T>(cpu, a, b, count);
        });
    }
};

enum class Bit { kTest, kSet, kReset, kComplement };
template <Bit kOp, class T>
T bit_result(T a, T mask) {
    if constexpr (kOp == Bit::kSet) return a | mask;
    if constexpr (kOp == Bit::kReset) return static_cast<T>(a & ~mask);
    return static_cast<T>(a ^ mask);
}
template <class T>
constexpr unsigned kBitMask = kWidth<T> - 1;

template <Bit kOp>
struct BitEI {
    template <class T, bool kMem>
    static void run(Cpu& cpu, const Insn& insn) {
        const T mask = static_cast<T>(T{1} << (insn.imm & kBitMask<T>));
        if constexpr (kOp == Bit::kTest) {
            set_cf(cpu, read_e<T, kMem>(cpu, insn) & mask);
        } else {
            modify_e<T, kMem>(cpu, insn, [&](T a) {
                set_cf(cpu, a & mask);
                return bit_result<kOp, T>(a, mask);
            });
        }
    }
};
// With a bit number in a register, memory is a bit string: the number may be anything, and negative.
template <Bit kOp>
struct BitEG {
    template <class T, bool kMem>
    static void run(Cpu& cpu, const Insn& insn) {
        const T number = read_g<T>(cpu, insn);
        const T mask = static_cast<T>(T{1} << (number & kBitMask<T>));
        if constexpr (kMem) {
            const int64_t element = sign_extend<T>(number) >> (sizeof(T) == 2 ? 4 : 5);
            const uint32_t at = ea_plus(cpu, insn, static_cast<uint32_t>(element * int64_t{sizeof(T)}));
            if constexpr (kOp == Bit::kTest) {
                set_cf(cpu, cpu.read<T>(insn.seg, at) & mask);
            } else {
                auto m = cpu.read_modify<T>(insn.seg, at);
                set_cf(cpu, m.value & mask);
                m.store(bit_result<kOp, T>(m.value, mask));
            }
        } else {
            const T a = cpu.reg<T>(insn.rm);
            set_cf(cpu, a & mask);
            if constexpr (kOp != Bit::kTest) cpu.set_reg<T>(insn.rm, bit_result<kOp, T>(a, mask));
        }
    }
};

template <bool kReverse>
struct BitScan {
    template <class T, bool kMem>
    static void run(Cpu& cpu, const Insn& insn) {
        const T a = read_e<T, kMem>(cpu, insn);
        set_zf(cpu, a == 0);
        if (a == 0) return;  // the destination stays
        write_g<T>(cpu, insn, static_cast<T>(kReverse ? kWidth<T> - 1 - std::countl_zero(a)
                                                      : static_cast<unsigned>(std::countr_zero(a))));
    }
};
struct Popcnt {
    template <class T, bool kMem>
    static void run(Cpu& cpu, const Insn& insn) {
        const T a = read_e<T, kMem>(cpu, insn);
        write_g<T>(cpu, insn, static_cast<T>(std::popcount(a)));
        cpu.set_arith_flags(a == 0 ? uint32_t{kZF} : 0u);
    }
};

constexpr Row kRows[] = {
    {"rol", "C0 /0", "Eb:rw Ib:r", "w:c u:o", 0, Feature::kBase, exec_b<ShiftEI<Shift::kRol>>()},
    {"rol", "C1 /0", "Ev:rw Ib:r", "w:c u:o", 0, Feature::kBase, exec_v<ShiftEI<Shift::kRol>>()},
    {"rol", "D0 /0", "Eb:rw 1", "w:oc", 0, Feature::kBase, exec_b<ShiftE1<Shift::kRol>>()},
    {"rol", "D1 /0", "Ev:rw 1", "w:oc", 0, Feature::kBase, exec_v<ShiftE1<Shift::kRol>>()},
    {"rol", "D2 /0", "Eb:rw CL:r", "w:c u:o", 0, Feature::kBase, exec_b<ShiftECl<Shift::kRol>>()},
    {"rol", "D3 /0", "Ev:rw CL:r", "w:c u:o", 0, Feature::kBase, exec_v<ShiftECl<Shift::kRol>>()},
    {"ror", "C0 /1", "Eb:rw Ib:r", "w:c u:o", 0, Feature::kBase, exec_b<ShiftEI<Shift::kRor>>()},
    {"ror", "C1 /1", "Ev:rw Ib:r", "w:c u:o", 0, Feature::kBase, exec_v<ShiftEI<Shift::kRor>>()},
    {"ror", "D0 /1", "Eb:rw 1", "w:oc", 0, Feature::kBase, exec_b<ShiftE1<Shift::kRor>>()},
    {"ror", "D1 /1", "Ev:rw 1", "w:oc", 0, Feature::kBase, exec_v<ShiftE1<Shift::kRor>>()},
    {"ror", "D2 /1", "Eb:rw CL:r", "w:c u:o", 0, Feature::kBase, exec_b<ShiftECl<Shift::kRor>>()},
    {"ror", "D3 /1", "Ev:rw CL:r", "w:c u:o", 0, Feature::kBase, exec_v<ShiftECl<Shift::kRor>>()},
    {"rcl", "C0 /2", "Eb:rw Ib:r", "r:c w:c u:o", 0,
     Feature::kBase, exec_b<ShiftEI<Shift::kRcl>>()},
    {"rcl", "C1 /2", "Ev:rw Ib:r", "r:c w:c u:o", 0,
     Feature::kBase, exec_v<ShiftEI<Shift::kRcl>>()},
    {"rcl", "D0 /2", "Eb:rw 1", "r:c w:oc", 0, Feature::kBase, exec_b<ShiftE1<Shift::kRcl>>()},
    {"rcl", "D1 /2", "Ev:rw 1", "r:c w:oc", 0, Feature::kBase, exec_v<ShiftE1<Shift::kRcl>>()},
    {"rcl", "D2 /2", "Eb:rw CL:r", "r:c w:c u:o", 0,
     Feature::kBase, exec_b<ShiftECl<Shift::kRcl>>()},
    {"rcl", "D3 /2", "Ev:rw CL:r", "r:c w:c u:o", 0,
     Feature::kBase, exec_v<ShiftECl<Shift::kRcl>>()},
    {"rcr", "C0 /3", "Eb:rw Ib:r", "r:c w:c u:o", 0,
     Feature::kBase, exec_b<ShiftEI<Shift::kRcr>>()},
    {"rcr", "C1 /3", "Ev:rw Ib:r", "r:c w:c u:o", 0,
     Feature::kBase, exec_v<ShiftEI<Shift::kRcr>>()},
    {"rcr", "D0 /3", "Eb:rw 1", "r:c w:oc", 0, Feature::kBase, exec_b<ShiftE1<Shift::kRcr>>()},
    {"rcr", "D1 /3", "Ev:rw 1", "r:c w:oc", 0, Feature::kBase, exec_v<ShiftE1<Shift::kRcr>>()},
    {"rcr", "D2 /3", "Eb:rw CL:r", "r:c w:c u:o", 0,
     Feature::kBase, exec_b<ShiftECl<Shift::kRcr>>()},
    {"rcr", "D3 /3", "Ev:rw CL:r", "r:c w:c u:o", 0,
     Feature::kBase, exec_v<ShiftECl<Shift::kRcr>>()},
    {"shl", "C0 /4", "Eb:rw Ib:r", "w:szpc u:oa", 0,
     Feature::kBase, exec_b<ShiftEI<Shift::kShl>>()},
    {"shl", "C1 /4", "Ev:rw Ib:r", "w:szpc u:oa", 0,
     Feature::kBase, exec_v<ShiftEI<Shift::kShl>>()},
    {"shl", "D0 /4", "Eb:rw 1", "w:oszpc u:a", 0, Feature::kBase, exec_b<ShiftE1<Shift::kShl>>()},
    {"shl", "D1 /4", "Ev:rw 1", "w:oszpc u:a", 0, Feature::kBase, exec_v<ShiftE1<Shift::kShl>>()},
    {"shl", "D2 /4", "Eb:rw CL:r", "w:szpc u:oa", 0,
     Feature::kBase, exec_b<ShiftECl<Shift::kShl>>()},
    {"shl", "D3 /4", "Ev:rw CL:r", "w:szpc u:oa", 0,
     Feature::kBase, exec_v<ShiftECl<Shift::kShl>>()},
    {"shr", "C0 /5", "Eb:rw Ib:r", "w:szpc u:oa", 0,
     Feature::kBase, exec_b<ShiftEI<Shift::kShr>>()},
    {"shr", "C1 /5", "Ev:rw Ib:r", "w:szpc u:oa", 0,
     Feature::kBase, exec_v<ShiftEI<Shift::kShr>>()},
    {"shr", "D0 /5", "Eb:rw 1", "w:oszpc u:a", 0, Feature::kBase, exec_b<ShiftE1<Shift::kShr>>()},
    {"shr", "D1 /5", "Ev:rw 1", "w:oszpc u:a", 0, Feature::kBase, exec_v<ShiftE1<Shift::kShr>>()},
    {"shr", "D2 /5", "Eb:rw CL:r", "w:szpc u:oa", 0,
     Feature::kBase, exec_b<ShiftECl<Shift::kShr>>()},
    {"shr", "D3 /5", "Ev:rw CL:r", "w:szpc u:oa", 0,
     Feature::kBase, exec_v<ShiftECl<Shift::kShr>>()},
    {"sal", "C0 /6", "Eb:rw Ib:r", "w:szpc u:oa", 0,
     Feature::kBase, exec_b<ShiftEI<Shift::kSal>>()},
    {"sal", "C1 /6", "Ev:rw Ib:r", "w:szpc u:oa", 0,
     Feature::kBase, exec_v<ShiftEI<Shift::kSal>>()},
    {"sal", "D0 /6", "Eb:rw 1", "w:oszpc u:a", 0, Feature::kBase, exec_b<ShiftE1<Shift::kSal>>()},
    {"sal", "D1 /6", "Ev:rw 1", "w:oszpc u:a", 0, Feature::kBase, exec_v<ShiftE1<Shift::kSal>>()},
    {"sal", "D2 /6", "Eb:rw CL:r", "w:szpc u:oa", 0,
     Feature::kBase, exec_b<ShiftECl<Shift::kSal>>()},
    {"sal", "D3 /6", "Ev:rw CL:r", "w:szpc u:oa", 0,
     Feature::kBase, exec_v<ShiftECl<Shift::kSal>>()},
    {"sar", "C0 /7", "Eb:rw Ib:r", "w:szpc u:oa", 0,
     Feature::kBase, exec_b<ShiftEI<Shift::kSar>>()},
    {"sar", "C1 /7", "Ev:rw Ib:r", "w:szpc u:oa", 0,
     Feature::kBase, exec_v<ShiftEI<Shift::kSar>>()},
    {"sar", "D0 /7", "Eb:rw 1", "w:oszpc u:a", 0, Feature::kBase, exec_b<ShiftE1<Shift::kSar>>()},
    {"sar", "D1 /7", "Ev:rw 1", "w:oszpc u:a", 0, Feature::kBase, exec_v<ShiftE1<Shift::kSar>>()},
    {"sar", "D2 /7", "Eb:rw CL:r", "w:szpc u:oa", 0,
     Feature::kBase, exec_b<ShiftECl<Shift::kSar>>()},
    {"sar", "D3 /7", "Ev:rw CL:r", "w:szpc u:oa", 0,
     Feature::kBase, exec_v<ShiftECl<Shift::kSar>>()},
    {"bt", "0F A3 /r", "Ev:r Gv:r", "w:c u:osap", 0, Feature::kBase, exec_v<BitEG<Bit::kTest>>()},
    {"bt", "0F BA /4", "Ev:r Ib:r", "w:c u:osap", 0, Feature::kBase, exec_v<BitEI<Bit::kTest>>()},
    {"bts", "0F AB /r", "Ev:rw Gv:r", "w:c u:osap", kLockable,
     Feature::kBase, exec_v<BitEG<Bit::kSet>>()},
    {"bts", "0F BA /5", "Ev:rw Ib:r", "w:c u:osap", kLockable,
     Feature::kBase, exec_v<BitEI<Bit::kSet>>()},
    {"btr", "0F B3 /r", "Ev:rw Gv:r", "w:c u:osap", kLockable,
     Feature::kBase, exec_v<BitEG<Bit::kReset>>()},
    {"btr", "0F BA /6", "Ev:rw Ib:r", "w:c u:osap", kLockable,
     Feature::kBase, exec_v<BitEI<Bit::kReset>>()},
    {"btc", "0F BB /r", "Ev:rw Gv:r", "w:c u:osap", kLockable,
     Feature::kBase, exec_v<BitEG<Bit::kComplement>>()},
    {"btc", "0F BA /7", "Ev:rw Ib:r", "w:c u:osap", kLockable,
     Feature::kBase, exec_v<BitEI<Bit::kComplement>>()},
    {"shld", "0F A4 /r", "Ev:rw Gv:r Ib:r", "w:szpc u:oa", 0,
     Feature::kBase, exec_v<DoubleShift<false, false>>()},
    {"shld", "0F A5 /r", "Ev:rw Gv:r CL:r", "w:szpc u:oa", 0,
     Feature::kBase, exec_v<DoubleShift<false, true>>()},
    {"shrd", "0F AC /r", "Ev:rw Gv:r Ib:r", "w:szpc u:oa", 0,
     Feature::kBase, exec_v<DoubleShift<true, false>>()},
    {"shrd", "0F AD /r", "Ev:rw Gv:r CL:r", "w:szpc u:oa", 0,
     Feature::kBase, exec_v<DoubleShift<true, true>>()},
    {"bsf", "0F BC /r", "Gv:rw Ev:r", "w:z u:osapc", 0, Feature::kBase, exec_v<BitScan<false>>()},
    {"bsr", "0F BD /r", "Gv:rw Ev:r", "w:z u:osapc", 0, Feature::kBase, exec_v<BitScan<true>>()},
    {"popcnt", "F3 0F B8 /r", "Gv:w Ev:r", "w:oszapc", 0, Feature::kPopcnt, exec_v<Popcnt>()},
};

}  // namespace

std::span<const Row> shift_rows() { return kRows; }

}  // namespace qr::i386
