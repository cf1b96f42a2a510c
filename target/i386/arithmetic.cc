// SPDX-License-Identifier: GPL-2.0-or-later
//
// Integer arithmetic: ADD to CMP, INC, DEC, NEG, NOT, TEST, multiplication and division, sign extension,
// XADD, CMPXCHG, CMPXCHG8B and decimal adjustment.
// Source: Intel SDM volume 2, the instructions' own pages.

#include "target/i386/alu.h"
#include "target/i386/operands.h"

namespace qr::i386 {
namespace {

// ---- two operands ----------------------------------------------------------------------------------

template <Alu kOp>
struct AluEG {
    template <class T, bool kMem>
    static void run(Cpu& cpu, const Insn& insn) {
        const T b = read_g<T>(cpu, insn);
        if constexpr (kOp == Alu::kCmp)
            alu_sub<T>(cpu, read_e<T, kMem>(cpu, insn), b);
        else
            modify_e<T, kMem>(cpu, insn, [&](T a) { return alu_binary<kOp, T>(cpu, a, b); });
    }
};
template <Alu kOp>
struct AluGE {
    template <class T, bool kMem>
    static void run(Cpu& cpu, const Insn& insn) {
        const T b = read_e<T, kMem>(cpu, insn);
        const T r = alu_binary<kOp, T>(cpu, read_g<T>(cpu, insn), b);
        if constexpr (kOp != Alu::kCmp) write_g<T>(cpu, insn, r);
    }
};
template <Alu kOp>
struct AluEI {
    template <class T, bool kMem>
    static void run(Cpu& cpu, const Insn& insn) {
        const T b = static_cast<T>(insn.imm);
        if constexpr (kOp == Alu::kCmp)
            alu_sub<T>(cpu, read_e<T, kMem>(cpu, insn), b);
        else
            modify_e<T, kMem>(cpu, insn, [&](T a) { return alu_binary<kOp, T>(cpu, a, b); });
    }
};
template <Alu kOp>
struct AluAI {
    template <class T>
    static void run(Cpu& cpu, const Insn& insn) {
        const T r = alu_binary<kOp, T>(cpu, cpu.reg<T>(kEax), static_cast<T>(insn.imm));
        if constexpr (kOp != Alu::kCmp) cpu.set_reg<T>(kEax, r);
    }
};

struct TestEG {
    template <class T, bool kMem>
    static void run(Cpu& cpu, const Insn& insn) {
        set_flags_logic<T>(cpu, read_e<T, kMem>(cpu, insn) & read_g<T>(cpu, insn));
    }
};
struct TestEI {
    template <class T, bool kMem>
    static void run(Cpu& cpu, const Insn& insn) {
        set_flags_logic<T>(cpu, read_e<T, kMem>(cpu, insn) & static_cast<T>(insn.imm));
    }
};
struct TestAI {
    template <class T>
    static void run(Cpu& cpu, const Insn& insn) {
        set_flags_logic<T>(cpu, cpu.reg<T>(kEax) & static_cast<T>(insn.imm));
    }
};

// ---- one operand -----------------------------------------------------------------------------------

struct IncE {
    template <class T, bool kMem>
    static void run(Cpu& cpu, const Insn& insn) {
        modify_e<T, kMem>(cpu, insn, [&](T a) { return alu_inc<T>(cpu, a); });
    }
};
struct DecE {
    template <class T, bool kMem>
    static void run(Cpu& cpu, const Insn& insn) {
        modify_e<T, kMem>(cpu, insn, [&](T a) { return alu_dec<T>(cpu, a); });
    }
};
struct IncR {
    template <class T>
    static void run(Cpu& cpu, const Insn& insn) {
        cpu.set_reg<T>(insn.reg, alu_inc<T>(cpu, cpu.reg<T>(insn.reg)));
    }
};
struct DecR {
    template <class T>
    static void run(Cpu& cpu, const Insn& insn) {
        cpu.set_reg<T>(insn.reg, alu_dec<T>(cpu, cpu.reg<T>(insn.reg)));
    }
};
struct NegE {
    template <class T, bool kMem>
    static void run(Cpu& cpu, const Insn& insn) {
        modify_e<T, kMem>(cpu, insn, [&](T a) { return alu_sub<T>(cpu, 0, a); });
    }
};
struct NotE {
    template <class T, bool kMem>
    static void run(Cpu& cpu, const Insn& insn) {
        modify_e<T, kMem>(cpu, insn, [](T a) { return static_cast<T>(~a); });
    }
};

// ---- multiplication and division -------------------------------------------------------------------

template <class T>
struct Wider;
template <>
struct Wider<uint8_t> {
    using Type = uint16_t;
};
template <>
struct Wider<uint16_t> {
    using Type = uint32_t;
};
template <>
struct Wider<uint32_t> {
    using Type = uint64_t;
};
template <class T>
using Wide = typename Wider<T>::Type;

// The double-width accumulator: AX, DX:AX, EDX:EAX.
template <class T>
Wide<T> read_pair(const Cpu& cpu) {
    if constexpr (sizeof(T) == 1)
        return cpu.reg<uint16_t>(kEax);
    else
        return static_cast<Wide<T>>((Wide<T>{cpu.reg<T>(kEdx)} << kWidth<T>) | cpu.reg<T>(kEax));
}
template <class T>
void write_pair(Cpu& cpu, T low, T high) {
    if constexpr (sizeof(T) == 1) {
        cpu.set_reg<uint16_t>(kEax, static_cast<uint16_t>(low | (high << 8)));
    } else {
        cpu.set_reg<T>(kEax, low);
        cpu.set_reg<T>(kEdx, high);
    }
}

struct MulE {
    template <class T, bool kMem>
    static void run(Cpu& cpu, const Insn& insn) {
        const auto product = Wide<T>(Wide<T>{cpu.reg<T>(kEax)} * read_e<T, kMem>(cpu, insn));
        const T high = static_cast<T>(product >> kWidth<T>);
        write_pair<T>(cpu, static_cast<T>(product), high);
        set_cf_of(cpu, high != 0, high != 0);
    }
};
template <class T>
int64_t signed_product(T a, T b) {
    return sign_extend<T>(a) * sign_extend<T>(b);
}
struct ImulE {
    template <class T, bool kMem>
    static void run(Cpu& cpu, const Insn& insn) {
        const int64_t product = signed_product<T>(cpu.reg<T>(kEax), read_e<T, kMem>(cpu, insn));
        write_pair<T>(cpu, static_cast<T>(product), static_cast<T>(product >> kWidth<T>));
        const bool over = product != sign_extend<T>(static_cast<T>(product));
        set_cf_of(cpu, over, over);
    }
};
template <class T>
void imul_to_g(Cpu& cpu, const Insn& insn, T a, T b) {
    const int64_t product = signed_product<T>(a, b);
    write_g<T>(cpu, insn, static_cast<T>(product));
    const bool over = product != sign_extend<T>(static_cast<T>(product));
    set_cf_of(cpu, over, over);
}
struct ImulGE {
    template <class T, bool kMem>
    static void run(Cpu& cpu, const Insn& insn) {
        imul_to_g<T>(cpu, insn, read_g<T>(cpu, insn), read_e<T, kMem>(cpu, insn));
    }
};
struct ImulGEI {
    template <class T, bool kMem>
    static void run(Cpu& cpu, const Insn& insn) {
        imul_to_g<T>(cpu, insn, read_e<T, kMem>(cpu, insn), static_cast<T>(insn.imm));
    }
};

struct DivE {
    template <class T, bool kMem>
    static void run(Cpu& cpu, const Insn& insn) {
        const T divisor = read_e<T, kMem>(cpu, insn);
        const Wide<T> dividend = read_pair<T>(cpu);
        if (divisor == 0 || static_cast<T>(dividend >> kWidth<T>) >= divisor) fault(kDE);
        write_pair<T>(cpu, static_cast<T>(dividend / divisor), static_cast<T>(dividend % divisor));
    }
};
struct IdivE {
    template <class T, bool kMem>
    static void run(Cpu& cpu, const Insn& insn) {
        const int64_t divisor = sign_extend<T>(read_e<T, kMem>(cpu, insn));
        const int64_t dividend = sign_extend<Wide<T>>(read_pair<T>(cpu));
        // The only quotient that int64_t can't hold is too large for any width.
        if (divisor == 0 || (divisor == -1 && dividend == INT64_MIN)) fault(kDE);
        const int64_t quotient = dividend / divisor;
        if (quotient != sign_extend<T>(static_cast<T>(quotient))) fault(kDE);
        write_pair<T>(cpu, static_cast<T>(quotient), static_cast<T>(dividend % divisor));
    }
};

// CBW, CWDE; CWD, CDQ.
struct ExtendA {
    template <class T>
    static void run(Cpu& cpu, const Insn&) {
        if constexpr (sizeof(T) == 2)
            cpu.set_reg<T>(kEax, static_cast<T>(sign_extend(cpu.reg<uint8_t>(kEax))));
        else
            cpu.set_reg<T>(kEax, static_cast<T>(sign_extend(cpu.reg<uint16_t>(kEax))));
    }
};
struct ExtendAD {
    template <class T>
    static void run(Cpu& cpu, const Insn&) {
        cpu.set_reg<T>(kEdx, sign(cpu.reg<T>(kEax)) ? static_cast<T>(~T{0}) : T{0});
    }
};

// ---- exchange and compare --------------------------------------------------------------------------

struct XaddEG {
    template <class T, bool kMem>
    static void run(Cpu& cpu, const Insn& insn) {
        const T b = read_g<T>(cpu, insn);
        modify_e<T, kMem>(cpu, insn, [&](T a) {
            write_g<T>(cpu, insn, a);
            return alu_add<T>(cpu, a, b);
        });
    }
};
struct CmpxchgEG {
    template <class T, bool kMem>
    static void run(Cpu& cpu, const Insn& insn) {
        const T b = read_g<T>(cpu, insn);
        const T accumulator = cpu.reg<T>(kEax);
        T old{};
        modify_e<T, kMem>(cpu, insn, [&](T a) {
            old = a;
            alu_sub<T>(cpu, accumulator, a);
            return accumulator == a ? b : a;  // memory is written in either case
        });
        if (accumulator != old) cpu.set_reg<T>(kEax, old);
    }
};
void cmpxchg8b(Cpu& cpu, const Insn& insn) {
    auto m = cpu.read_modify<uint64_t>(insn.seg, ea(cpu, insn));
    const uint64_t old = m.value;
    const uint64_t expected = read_pair<uint32_t>(cpu);
    const bool equal = old == expected;
    m.store(equal ? (uint64_t{cpu.reg<uint32_t>(kEcx)} << 32) | cpu.reg<uint32_t>(kEbx) : old);
    if (!equal) write_pair<uint32_t>(cpu, static_cast<uint32_t>(old), static_cast<uint32_t>(old >> 32));
    set_zf(cpu, equal);
}

// ---- decimal adjustment ----------------------------------------------------------------------------

template <bool kSubtract>
void adjust_packed(Cpu& cpu, const Insn&) {  // DAA, DAS
    const uint8_t old = cpu.reg<uint8_t>(kEax);
    const bool old_cf = cpu.cf();
    const bool low = (old & 15) > 9 || cpu.af();
    const bool high = old > 0x99 || old_cf;
    const unsigned by = (low ? 6u : 0u) + (high ? 0x60u : 0u);
    // DAS also keeps the borrow of its low digit.
    const bool cf = high || (kSubtract && low && old < 6);
    const uint8_t r = static_cast<uint8_t>(kSubtract ? old - by : old + by);
    cpu.set_reg<uint8_t>(kEax, r);
    set_flags<uint8_t>(cpu, r, cf, false, low);
}
template <bool kSubtract>
void adjust_ascii(Cpu& cpu, const Insn&) {  // AAA, AAS
    const uint16_t old = cpu.reg<uint16_t>(kEax);
    const bool carry = (old & 15) > 9 || cpu.af();
    uint16_t r = old;
    if (carry) r = static_cast<uint16_t>(kSubtract ? old - 0x106 : old + 0x106);
    r &= 0xff0f;
    cpu.set_reg<uint16_t>(kEax, r);
    set_flags<uint8_t>(cpu, static_cast<uint8_t>(r), carry, false, carry);
}
void aam(Cpu& cpu, const Insn& insn) {
    const uint8_t base = static_cast<uint8_t>(insn.imm);
    if (base == 0) fault(kDE);
    const uint8_t old = cpu.reg<uint8_t>(kEax);
    const uint8_t low = old % base;
    cpu.set_reg<uint16_t>(kEax, static_cast<uint16_t>((old / base) << 8 | low));
    set_flags_logic<uint8_t>(cpu, low);
}
void aad(Cpu& cpu, const Insn& insn) {
    const uint16_t old = cpu.reg<uint16_t>(kEax);
    const uint8_t low = static_cast<uint8_t>((old & 0xff) + (old >> 8) * insn.imm);
    cpu.set_reg<uint16_t>(kEax, low);
    set_flags_logic<uint8_t>(cpu, low);
}

// ---- the rows --------------------------------------------------------------------------------------

constexpr Row kRows[] = {
    {"add", "00 /r", "Eb:rw Gb:r", "w:oszapc", kLockable,
     Feature::kBase, exec_b<AluEG<Alu::kAdd>>()},
    {"add", "01 /r", "Ev:rw Gv:r", "w:oszapc", kLockable,
     Feature::kBase, exec_v<AluEG<Alu::kAdd>>()},
    {"add", "02 /r", "Gb:rw Eb:r", "w:oszapc", 0, Feature::kBase, exec_b<AluGE<Alu::kAdd>>()},
    {"add", "03 /r", "Gv:rw Ev:r", "w:oszapc", 0, Feature::kBase, exec_v<AluGE<Alu::kAdd>>()},
    {"add", "04", "AL:rw Ib:r", "w:oszapc", 0,
     Feature::kBase, same(AluAI<Alu::kAdd>::run<uint8_t>)},
    {"add", "05", "eAX:rw Iz:r", "w:oszapc", 0, Feature::kBase, sized<AluAI<Alu::kAdd>>()},
    {"or", "08 /r", "Eb:rw Gb:r", "w:oszpc u:a", kLockable,
     Feature::kBase, exec_b<AluEG<Alu::kOr>>()},
    {"or", "09 /r", "Ev:rw Gv:r", "w:oszpc u:a", kLockable,
     Feature::kBase, exec_v<AluEG<Alu::kOr>>()},
    {"or", "0A /r", "Gb:rw Eb:r", "w:oszpc u:a", 0, Feature::kBase, exec_b<AluGE<Alu::kOr>>()},
    {"or", "0B /r", "Gv:rw Ev:r", "w:oszpc u:a", 0, Feature::kBase, exec_v<AluGE<Alu::kOr>>()},
    {"or", "0C", "AL:rw Ib:r", "w:oszpc u:a", 0,
     Feature::kBase, same(AluAI<Alu::kOr>::run<uint8_t>)},
    {"or", "0D", "eAX:rw Iz:r", "w:oszpc u:a", 0, Feature::kBase, sized<AluAI<Alu::kOr>>()},
    {"adc", "10 /r", "Eb:rw Gb:r", "r:c w:oszapc", kLockable,
     Feature::kBase, exec_b<AluEG<Alu::kAdc>>()},
    {"adc", "11 /r", "Ev:rw Gv:r", "r:c w:oszapc", kLockable,
     Feature::kBase, exec_v<AluEG<Alu::kAdc>>()},
    {"adc", "12 /r", "Gb:rw Eb:r", "r:c w:oszapc", 0, Feature::kBase, exec_b<AluGE<Alu::kAdc>>()},
    {"adc", "13 /r", "Gv:rw Ev:r", "r:c w:oszapc", 0, Feature::kBase, exec_v<AluGE<Alu::kAdc>>()},
    {"adc", "14", "AL:rw Ib:r", "r:c w:oszapc", 0,
     Feature::kBase, same(AluAI<Alu::kAdc>::run<uint8_t>)},
    {"adc", "15", "eAX:rw Iz:r", "r:c w:oszapc", 0, Feature::kBase, sized<AluAI<Alu::kAdc>>()},
    {"sbb", "18 /r", "Eb:rw Gb:r", "r:c w:oszapc", kLockable,
     Feature::kBase, exec_b<AluEG<Alu::kSbb>>()},
    {"sbb", "19 /r", "Ev:rw Gv:r", "r:c w:oszapc", kLockable,
     Feature::kBase, exec_v<AluEG<Alu::kSbb>>()},
    {"sbb", "1A /r", "Gb:rw Eb:r", "r:c w:oszapc", 0, Feature::kBase, exec_b<AluGE<Alu::kSbb>>()},
    {"sbb", "1B /r", "Gv:rw Ev:r", "r:c w:oszapc", 0, Feature::kBase, exec_v<AluGE<Alu::kSbb>>()},
    {"sbb", "1C", "AL:rw Ib:r", "r:c w:oszapc", 0,
     Feature::kBase, same(AluAI<Alu::kSbb>::run<uint8_t>)},
    {"sbb", "1D", "eAX:rw Iz:r", "r:c w:oszapc", 0, Feature::kBase, sized<AluAI<Alu::kSbb>>()},
    {"and", "20 /r", "Eb:rw Gb:r", "w:oszpc u:a", kLockable,
     Feature::kBase, exec_b<AluEG<Alu::kAnd>>()},
    {"and", "21 /r", "Ev:rw Gv:r", "w:oszpc u:a", kLockable,
     Feature::kBase, exec_v<AluEG<Alu::kAnd>>()},
    {"and", "22 /r", "Gb:rw Eb:r", "w:oszpc u:a", 0, Feature::kBase, exec_b<AluGE<Alu::kAnd>>()},
    {"and", "23 /r", "Gv:rw Ev:r", "w:oszpc u:a", 0, Feature::kBase, exec_v<AluGE<Alu::kAnd>>()},
    {"and", "24", "AL:rw Ib:r", "w:oszpc u:a", 0,
     Feature::kBase, same(AluAI<Alu::kAnd>::run<uint8_t>)},
    {"and", "25", "eAX:rw Iz:r", "w:oszpc u:a", 0, Feature::kBase, sized<AluAI<Alu::kAnd>>()},
    {"sub", "28 /r", "Eb:rw Gb:r", "w:oszapc", kLockable,
     Feature::kBase, exec_b<AluEG<Alu::kSub>>()},
    {"sub", "29 /r", "Ev:rw Gv:r", "w:oszapc", kLockable,
     Feature::kBase, exec_v<AluEG<Alu::kSub>>()},
    {"sub", "2A /r", "Gb:rw Eb:r", "w:oszapc", 0, Feature::kBase, exec_b<AluGE<Alu::kSub>>()},
    {"sub", "2B /r", "Gv:rw Ev:r", "w:oszapc", 0, Feature::kBase, exec_v<AluGE<Alu::kSub>>()},
    {"sub", "2C", "AL:rw Ib:r", "w:oszapc", 0,
     Feature::kBase, same(AluAI<Alu::kSub>::run<uint8_t>)},
    {"sub", "2D", "eAX:rw Iz:r", "w:oszapc", 0, Feature::kBase, sized<AluAI<Alu::kSub>>()},
    {"xor", "30 /r", "Eb:rw Gb:r", "w:oszpc u:a", kLockable,
     Feature::kBase, exec_b<AluEG<Alu::kXor>>()},
    {"xor", "31 /r", "Ev:rw Gv:r", "w:oszpc u:a", kLockable,
     Feature::kBase, exec_v<AluEG<Alu::kXor>>()},
    {"xor", "32 /r", "Gb:rw Eb:r", "w:oszpc u:a", 0, Feature::kBase, exec_b<AluGE<Alu::kXor>>()},
    {"xor", "33 /r", "Gv:rw Ev:r", "w:oszpc u:a", 0, Feature::kBase, exec_v<AluGE<Alu::kXor>>()},
    {"xor", "34", "AL:rw Ib:r", "w:oszpc u:a", 0,
     Feature::kBase, same(AluAI<Alu::kXor>::run<uint8_t>)},
    {"xor", "35", "eAX:rw Iz:r", "w:oszpc u:a", 0, Feature::kBase, sized<AluAI<Alu::kXor>>()},
    {"cmp", "38 /r", "Eb:r Gb:r", "w:oszapc", 0, Feature::kBase, exec_b<AluEG<Alu::kCmp>>()},
    {"cmp", "39 /r", "Ev:r Gv:r", "w:oszapc", 0, Feature::kBase, exec_v<AluEG<Alu::kCmp>>()},
    {"cmp", "3A /r", "Gb:r Eb:r", "w:oszapc", 0, Feature::kBase, exec_b<AluGE<Alu::kCmp>>()},
    {"cmp", "3B /r", "Gv:r Ev:r", "w:oszapc", 0, Feature::kBase, exec_v<AluGE<Alu::kCmp>>()},
    {"cmp", "3C", "AL:r Ib:r", "w:oszapc", 0, Feature::kBase, same(AluAI<Alu::kCmp>::run<uint8_t>)},
    {"cmp", "3D", "eAX:r Iz:r", "w:oszapc", 0, Feature::kBase, sized<AluAI<Alu::kCmp>>()},
    {"add", "80 /0", "Eb:rw Ib:r", "w:oszapc", kLockable,
     Feature::kBase, exec_b<AluEI<Alu::kAdd>>()},
    {"or", "80 /1", "Eb:rw Ib:r", "w:oszpc u:a", kLockable,
     Feature::kBase, exec_b<AluEI<Alu::kOr>>()},
    {"adc", "80 /2", "Eb:rw Ib:r", "r:c w:oszapc", kLockable,
     Feature::kBase, exec_b<AluEI<Alu::kAdc>>()},
    {"sbb", "80 /3", "Eb:rw Ib:r", "r:c w:oszapc", kLockable,
     Feature::kBase, exec_b<AluEI<Alu::kSbb>>()},
    {"and", "80 /4", "Eb:rw Ib:r", "w:oszpc u:a", kLockable,
     Feature::kBase, exec_b<AluEI<Alu::kAnd>>()},
    {"sub", "80 /5", "Eb:rw Ib:r", "w:oszapc", kLockable,
     Feature::kBase, exec_b<AluEI<Alu::kSub>>()},
    {"xor", "80 /6", "Eb:rw Ib:r", "w:oszpc u:a", kLockable,
     Feature::kBase, exec_b<AluEI<Alu::kXor>>()},
    {"cmp", "80 /7", "Eb:r Ib:r", "w:oszapc", 0, Feature::kBase, exec_b<AluEI<Alu::kCmp>>()},
    {"add", "82 /0", "Eb:rw Ib:r", "w:oszapc", kLockable,
     Feature::kBase, exec_b<AluEI<Alu::kAdd>>()},
    {"or", "82 /1", "Eb:rw Ib:r", "w:oszpc u:a", kLockable,
     Feature::kBase, exec_b<AluEI<Alu::kOr>>()},
    {"adc", "82 /2", "Eb:rw Ib:r", "r:c w:oszapc", kLockable,
     Feature::kBase, exec_b<AluEI<Alu::kAdc>>()},
    {"sbb", "82 /3", "Eb:rw Ib:r", "r:c w:oszapc", kLockable,
     Feature::kBase, exec_b<AluEI<Alu::kSbb>>()},
    {"and", "82 /4", "Eb:rw Ib:r", "w:oszpc u:a", kLockable,
     Feature::kBase, exec_b<AluEI<Alu::kAnd>>()},
    {"sub", "82 /5", "Eb:rw Ib:r", "w:oszapc", kLockable,
     Feature::kBase, exec_b<AluEI<Alu::kSub>>()},
    {"xor", "82 /6", "Eb:rw Ib:r", "w:oszpc u:a", kLockable,
     Feature::kBase, exec_b<AluEI<Alu::kXor>>()},
    {"cmp", "82 /7", "Eb:r Ib:r", "w:oszapc", 0, Feature::kBase, exec_b<AluEI<Alu::kCmp>>()},
    {"add", "81 /0", "Ev:rw Iz:r", "w:oszapc", kLockable,
     Feature::kBase, exec_v<AluEI<Alu::kAdd>>()},
    {"or", "81 /1", "Ev:rw Iz:r", "w:oszpc u:a", kLockable,
     Feature::kBase, exec_v<AluEI<Alu::kOr>>()},
    {"adc", "81 /2", "Ev:rw Iz:r", "r:c w:oszapc", kLockable,
     Feature::kBase, exec_v<AluEI<Alu::kAdc>>()},
    {"sbb", "81 /3", "Ev:rw Iz:r", "r:c w:oszapc", kLockable,
     Feature::kBase, exec_v<AluEI<Alu::kSbb>>()},
    {"and", "81 /4", "Ev:rw Iz:r", "w:oszpc u:a", kLockable,
     Feature::kBase, exec_v<AluEI<Alu::kAnd>>()},
    {"sub", "81 /5", "Ev:rw Iz:r", "w:oszapc", kLockable,
     Feature::kBase, exec_v<AluEI<Alu::kSub>>()},
    {"xor", "81 /6", "Ev:rw Iz:r", "w:oszpc u:a", kLockable,
     Feature::kBase, exec_v<AluEI<Alu::kXor>>()},
    {"cmp", "81 /7", "Ev:r Iz:r", "w:oszapc", 0, Feature::kBase, exec_v<AluEI<Alu::kCmp>>()},
    {"add", "83 /0", "Ev:rw Ibs:r", "w:oszapc", kLockable,
     Feature::kBase, exec_v<AluEI<Alu::kAdd>>()},
    {"or", "83 /1", "Ev:rw Ibs:r", "w:oszpc u:a", kLockable,
     Feature::kBase, exec_v<AluEI<Alu::kOr>>()},
    {"adc", "83 /2", "Ev:rw Ibs:r", "r:c w:oszapc", kLockable,
     Feature::kBase, exec_v<AluEI<Alu::kAdc>>()},
    {"sbb", "83 /3", "Ev:rw Ibs:r", "r:c w:oszapc", kLockable,
     Feature::kBase, exec_v<AluEI<Alu::kSbb>>()},
    {"and", "83 /4", "Ev:rw Ibs:r", "w:oszpc u:a", kLockable,
     Feature::kBase, exec_v<AluEI<Alu::kAnd>>()},
    {"sub", "83 /5", "Ev:rw Ibs:r", "w:oszapc", kLockable,
     Feature::kBase, exec_v<AluEI<Alu::kSub>>()},
    {"xor", "83 /6", "Ev:rw Ibs:r", "w:oszpc u:a", kLockable,
     Feature::kBase, exec_v<AluEI<Alu::kXor>>()},
    {"cmp", "83 /7", "Ev:r Ibs:r", "w:oszapc", 0, Feature::kBase, exec_v<AluEI<Alu::kCmp>>()},
    {"test", "84 /r", "Eb:r Gb:r", "w:oszpc u:a", 0, Feature::kBase, exec_b<TestEG>()},
    {"test", "85 /r", "Ev:r Gv:r", "w:oszpc u:a", 0, Feature::kBase, exec_v<TestEG>()},
    {"test", "A8", "AL:r Ib:r", "w:oszpc u:a", 0, Feature::kBase, same(TestAI::run<uint8_t>)},
    {"test", "A9", "eAX:r Iz:r", "w:oszpc u:a", 0, Feature::kBase, sized<TestAI>()},
    {"test", "F6 /0", "Eb:r Ib:r", "w:oszpc u:a", 0, Feature::kBase, exec_b<TestEI>()},
    {"test", "F6 /1", "Eb:r Ib:r", "w:oszpc u:a", 0, Feature::kBase, exec_b<TestEI>()},
    {"test", "F7 /0", "Ev:r Iz:r", "w:oszpc u:a", 0, Feature::kBase, exec_v<TestEI>()},
    {"test", "F7 /1", "Ev:r Iz:r", "w:oszpc u:a", 0, Feature::kBase, exec_v<TestEI>()},
    {"inc", "40 +r", "Zv:rw", "w:oszap", 0, Feature::kBase, sized<IncR>()},
    {"dec", "48 +r", "Zv:rw", "w:oszap", 0, Feature::kBase, sized<DecR>()},
    {"inc", "FE /0", "Eb:rw", "w:oszap", kLockable, Feature::kBase, exec_b<IncE>()},
    {"dec", "FE /1", "Eb:rw", "w:oszap", kLockable, Feature::kBase, exec_b<DecE>()},
    {"inc", "FF /0", "Ev:rw", "w:oszap", kLockable, Feature::kBase, exec_v<IncE>()},
    {"dec", "FF /1", "Ev:rw", "w:oszap", kLockable, Feature::kBase, exec_v<DecE>()},
    {"not", "F6 /2", "Eb:rw", "", kLockable, Feature::kBase, exec_b<NotE>()},
    {"not", "F7 /2", "Ev:rw", "", kLockable, Feature::kBase, exec_v<NotE>()},
    {"neg", "F6 /3", "Eb:rw", "w:oszapc", kLockable, Feature::kBase, exec_b<NegE>()},
    {"neg", "F7 /3", "Ev:rw", "w:oszapc", kLockable, Feature::kBase, exec_v<NegE>()},
    {"mul", "F6 /4", "AX:w AL:r Eb:r", "w:oc u:szap", 0, Feature::kBase, exec_b<MulE>()},
    {"mul", "F7 /4", "eDX:w eAX:rw Ev:r", "w:oc u:szap", 0, Feature::kBase, exec_v<MulE>()},
    {"imul", "F6 /5", "AX:w AL:r Eb:r", "w:oc u:szap", 0, Feature::kBase, exec_b<ImulE>()},
    {"imul", "F7 /5", "eDX:w eAX:rw Ev:r", "w:oc u:szap", 0, Feature::kBase, exec_v<ImulE>()},
    {"imul", "0F AF /r", "Gv:rw Ev:r", "w:oc u:szap", 0, Feature::kBase, exec_v<ImulGE>()},
    {"imul", "69 /r", "Gv:w Ev:r Iz:r", "w:oc u:szap", 0, Feature::kBase, exec_v<ImulGEI>()},
    {"imul", "6B /r", "Gv:w Ev:r Ibs:r", "w:oc u:szap", 0, Feature::kBase, exec_v<ImulGEI>()},
    {"div", "F6 /6", "AX:rw Eb:r", "u:oszapc", 0, Feature::kBase, exec_b<DivE>()},
    {"div", "F7 /6", "eDX:rw eAX:rw Ev:r", "u:oszapc", 0, Feature::kBase, exec_v<DivE>()},
    {"idiv", "F6 /7", "AX:rw Eb:r", "u:oszapc", 0, Feature::kBase, exec_b<IdivE>()},
    {"idiv", "F7 /7", "eDX:rw eAX:rw Ev:r", "u:oszapc", 0, Feature::kBase, exec_v<IdivE>()},
    {"cbw", "98", "eAX:rw", "", 0, Feature::kBase, sized<ExtendA>()},
    {"cwd", "99", "eDX:w eAX:r", "", 0, Feature::kBase, sized<ExtendAD>()},
    {"xadd", "0F C0 /r", "Eb:rw Gb:rw", "w:oszapc", kLockable, Feature::k486, exec_b<XaddEG>()},
    {"xadd", "0F C1 /r", "Ev:rw Gv:rw", "w:oszapc", kLockable, Feature::k486, exec_v<XaddEG>()},
    {"cmpxchg", "0F B0 /r", "Eb:rw Gb:r AL:rw", "w:oszapc", kLockable,
     Feature::k486, exec_b<CmpxchgEG>()},
    {"cmpxchg", "0F B1 /r", "Ev:rw Gv:r eAX:rw", "w:oszapc", kLockable,
     Feature::k486, exec_v<CmpxchgEG>()},
    {"cmpxchg8b", "0F C7 /1 mem", "Mq:rw EDX:rw EAX:rw", "w:z", kLockable,
     Feature::kCx8, same(cmpxchg8b)},
    {"daa", "27", "AL:rw", "r:ac w:szapc u:o", 0, Feature::kBase, same(adjust_packed<false>)},
    {"das", "2F", "AL:rw", "r:ac w:szapc u:o", 0, Feature::kBase, same(adjust_packed<true>)},
    {"aaa", "37", "AX:rw", "r:a w:ac u:oszp", 0, Feature::kBase, same(adjust_ascii<false>)},
    {"aas", "3F", "AX:rw", "r:a w:ac u:oszp", 0, Feature::kBase, same(adjust_ascii<true>)},
    {"aam", "D4", "AX:w AL:r Ib:r", "w:szp u:oac", 0, Feature::kBase, same(aam)},
    {"aad", "D5", "AX:rw Ib:r", "w:szp u:oac", 0, Feature::kBase, same(aad)},
};

}  // namespace

std::span<const Row> arithmetic_rows() { return kRows; }

}  // namespace qr::i386
