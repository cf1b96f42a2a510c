// SPDX-License-Identifier: GPL-2.0-or-later
//
// x87 semantics as templates: loads, stores, exchanges, conditional moves and what moves the stack.
// Included by x87_table.cc. Source: SDM volume 2, the instructions' own pages.
#pragma once

#include "target/i386/x87.h"

namespace qr::i386 {

// ---- loads
// -------------------------------------------------------------------------------------------

// FLD m32fp and m64fp: IE stops the load, DE doesn't. A stack overflow comes before either.
template <class Float, class Bits>
void x87_fld(Cpu& cpu, const Insn& insn) {
    X87 x(cpu, insn);
    const Float m{read_mem<Bits>(cpu, insn)};
    x.note_memory();
    if (!x.empty(7)) return x.load({});
    softfloat::FloatContext c = x.context();
    softfloat::Float80 v;
    if constexpr (sizeof(Bits) == 4)
        v = softfloat::load_f32(m, c);
    else
        v = softfloat::load_f64(m, c);
    x.commit(c);
    if (!(c.pre_fault() & softfloat::kInvalid)) x.push(v);
}

inline void x87_fld_m80(Cpu& cpu, const Insn& insn) {
    X87 x(cpu, insn);
    cpu.probe(insn.seg, ea(cpu, insn), 10, false);
    softfloat::Float80 v;
    v.mantissa = read_mem<uint64_t>(cpu, insn);
    v.sign_exponent = cpu.read<uint16_t>(insn.seg, ea_plus(cpu, insn, 8));
    x.note_memory();
    x.load(v);
}

template <class T>
void x87_fild(Cpu& cpu, const Insn& insn) {
    X87 x(cpu, insn);
    const auto m = static_cast<T>(read_mem<std::make_unsigned_t<T>>(cpu, insn));
    x.note_memory();
    x.load(softfloat::load_int(m));
}

inline void x87_fbld(Cpu& cpu, const Insn& insn) {
    X87 x(cpu, insn);
    cpu.probe(insn.seg, ea(cpu, insn), 10, false);
    const auto low = read_mem<uint64_t>(cpu, insn);
    const auto high = cpu.read<uint16_t>(insn.seg, ea_plus(cpu, insn, 8));
    x.note_memory();
    softfloat::PackedBcd m;
    store_le(m.data(), low);
    store_le(m.data() + 8, high);
    x.load(softfloat::load_bcd(m));
}

template <softfloat::Constant kWhich>
void x87_constant_insn(Cpu& cpu, const Insn& insn) {
    X87 x(cpu, insn);
    x.note();
    x.load(softfloat::x87_constant(kWhich, x.context().rounding));
}

inline void x87_fld_sti(Cpu& cpu, const Insn& insn) {
    X87 x(cpu, insn);
    x.note();
    const unsigned i = x.operand();
    if (x.empty(i)) {
        // Full at the other end as well: an underflow all the same.
        if (x.underflow()) x.push(softfloat::kDefaultNan80);
        return;
    }
    x.load(x.st(i));
}

// ---- stores
// ------------------------------------------------------------------------------------------

// What each memory format writes: `Bits` from ST(0), or its indefinite for an empty register.
struct StoreF32 {
    using Bits = uint32_t;
    static constexpr Bits kIndefinite = softfloat::kDefaultNan32.bits;
    static Bits convert(softfloat::Float80 v, softfloat::FloatContext& c) {
        return softfloat::store_f32(v, c).bits;
    }
};
struct StoreF64 {
    using Bits = uint64_t;
    static constexpr Bits kIndefinite = softfloat::kDefaultNan64.bits;
    static Bits convert(softfloat::Float80 v, softfloat::FloatContext& c) {
        return softfloat::store_f64(v, c).bits;
    }
};
template <class T, bool kTruncate>
struct StoreInt {
    using Bits = std::make_unsigned_t<T>;
    static constexpr Bits kIndefinite = static_cast<Bits>(Bits{1} << (8 * sizeof(T) - 1));
    static Bits convert(softfloat::Float80 v, softfloat::FloatContext& c) {
        const softfloat::Rounding r = kTruncate ? softfloat::Rounding::kZero : c.rounding;
        if constexpr (sizeof(T) == 2) return static_cast<Bits>(softfloat::store_int16(v, r, c));
        if constexpr (sizeof(T) == 4) return static_cast<Bits>(softfloat::store_int32(v, r, c));
        if constexpr (sizeof(T) == 8) return static_cast<Bits>(softfloat::store_int64(v, r, c));
    }
};

// Unmasked IE, OE and UE leave memory and stack alone; PE is reported after the store (8.5). An address
// that can't be written faults in any case.
template <class Store, bool kPop>
void x87_store(Cpu& cpu, const Insn& insn) {
    using softfloat::kInvalid, softfloat::kOverflow, softfloat::kUnderflow;
    X87 x(cpu, insn);
    if (x.empty(0)) {
        if (x.masked(kInvalid))
            write_mem<typename Store::Bits>(cpu, insn, Store::kIndefinite);
        else
            cpu.read_modify<typename Store::Bits>(insn.seg, ea(cpu, insn));
        x.note_memory();
        if (x.underflow() && kPop) x.pop();
        return;
    }
    softfloat::FloatContext c = x.context();
    const auto value = Store::convert(x.st(0), c);
    const bool stores = !(c.fault() & (kInvalid | kOverflow | kUnderflow));
    if (stores)
        write_mem<typename Store::Bits>(cpu, insn, value);
    else
        cpu.read_modify<typename Store::Bits>(insn.seg, ea(cpu, insn));
    x.note_memory();
    x.commit(c);
    if (stores && kPop) x.pop();
}

inline void x87_write_tbyte(Cpu& cpu, const Insn& insn, uint64_t low, uint16_t high) {
    cpu.probe(insn.seg, ea(cpu, insn), 10, true);
    write_mem<uint64_t>(cpu, insn, low);
    cpu.write<uint16_t>(insn.seg, ea_plus(cpu, insn, 8), high);
}

inline void x87_fstp_m80(Cpu& cpu, const Insn& insn) {
    X87 x(cpu, insn);
    if (x.empty(0)) {
        if (x.masked(softfloat::kInvalid))
            x87_write_tbyte(cpu, insn, softfloat::kDefaultNan80.mantissa,
                            softfloat::kDefaultNan80.sign_exponent);
        else
            cpu.probe(insn.seg, ea(cpu, insn), 10, true);
        x.note_memory();
        if (x.underflow()) x.pop();
        return;
    }
    x87_write_tbyte(cpu, insn, x.st(0).mantissa, x.st(0).sign_exponent);
    x.note_memory();
    x.clear_c1();
    x.pop();
}

inline void x87_fbstp(Cpu& cpu, const Insn& insn) {
    X87 x(cpu, insn);
    softfloat::FloatContext c = x.context();
    const bool empty = x.empty(0);
    // For an empty register any NaN gives the indefinite.
    const softfloat::PackedBcd m =
        softfloat::store_bcd(empty ? softfloat::kDefaultNan80 : x.st(0), c);
    const bool stores = !c.pre_fault();
    if (stores)
        x87_write_tbyte(cpu, insn, load_le<uint64_t>(m.data()), load_le<uint16_t>(m.data() + 8));
    else
        cpu.probe(insn.seg, ea(cpu, insn), 10, true);
    x.note_memory();
    if (empty)
        x.underflow();
    else
        x.commit(c);
    if (stores) x.pop();
}

template <bool kPop>
void x87_fst_sti(Cpu& cpu, const Insn& insn) {
    X87 x(cpu, insn);
    x.note();
    softfloat::Float80 v = x.st(0);
    if (x.empty(0)) {
        if (!x.underflow()) return;
        v = softfloat::kDefaultNan80;
    } else {
        x.clear_c1();
    }
    x.set(x.operand(), v);
    if (kPop) x.pop();
}

// FSTPNCE, an alias of FSTP ST(i) that doesn't check: from an empty register there is only the pop.
inline void x87_fstpnce(Cpu& cpu, const Insn& insn) {
    X87 x(cpu, insn);
    x.note();
    x.clear_c1();
    if (!x.empty(0)) x.set(x.operand(), x.st(0));
    x.pop();
}

// ---- registers
// ---------------------------------------------------------------------------------------

inline void x87_fxch(Cpu& cpu, const Insn& insn) {
    X87 x(cpu, insn);
    x.note();
    const unsigned i = x.operand();
    softfloat::Float80 a = x.st(0);
    softfloat::Float80 b = x.st(i);
    if (x.empty(0) || x.empty(i)) {
        if (!x.underflow()) return;
        if (x.empty(0)) a = softfloat::kDefaultNan80;
        if (x.empty(i)) b = softfloat::kDefaultNan80;
    } else {
        x.clear_c1();
    }
    x.set(0, b);
    x.set(i, a);
}

enum class X87Condition : uint8_t { kBelow, kEqual, kBelowOrEqual, kUnordered };

// FCMOVcc and, with kNot, FCMOVNcc. An empty register is a fault whether or not the move is made.
template <X87Condition kCondition, bool kNot>
void x87_fcmov(Cpu& cpu, const Insn& insn) {
    X87 x(cpu, insn);
    x.note();
    const unsigned i = x.operand();
    if (x.empty(0) || x.empty(i)) {
        if (x.underflow()) x.set(0, softfloat::kDefaultNan80);
        return;
    }
    bool holds = false;
    switch (kCondition) {
        case X87Condition::kBelow: holds = cpu.cf(); break;
        case X87Condition::kEqual: holds = cpu.zf(); break;
        case X87Condition::kBelowOrEqual: holds = cpu.cf() || cpu.zf(); break;
        case X87Condition::kUnordered: holds = cpu.pf(); break;
    }
    if (holds != kNot) x.set(0, x.st(i));
}

template <int kBy>
void x87_move_top(Cpu& cpu, const Insn& insn) {
    X87 x(cpu, insn);
    x.note();
    x.clear_c1();
    x.state().set_top(x.state().top() + static_cast<unsigned>(kBy));
}

template <bool kPop>
void x87_ffree(Cpu& cpu, const Insn& insn) {
    X87 x(cpu, insn);
    x.note();
    x.clear_c1();
    x.set_empty(x.operand());
    if (kPop) x.pop();
}

inline void x87_fnop(Cpu& cpu, const Insn& insn) {
    X87 x(cpu, insn);
    x.note();
}

}  // namespace qr::i386
