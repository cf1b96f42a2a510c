// SPDX-License-Identifier: GPL-2.0-or-later
//
// Integer arithmetic with flags, shared by the interpreter's handlers. Each function returns the result and
// leaves the flags in Cpu::flags (see LazyFlags) or EFLAGS.
//
// Flags that the SDM leaves undefined get the value that AMD's processors compute, where it is simple:
// logic clears AF, shifts set it, multiplications and bit tests keep the rest.
// Source: Intel SDM volume 1, 7.3; volume 2, the instructions' "Flags affected".
#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

#include "target/i386/cpu.h"

namespace qr::i386 {

template <class T>
constexpr unsigned kWidth = sizeof(T) * 8;
template <class T>
constexpr T kSignBit = static_cast<T>(T{1} << (kWidth<T> - 1));

template <class T>
int64_t sign_extend(T v) {
    return static_cast<std::make_signed_t<T>>(v);
}

// `chain`: the carry (or borrow) out of every bit.
template <class T>
void set_flags_chain(Cpu& cpu, T result, T chain) {
    const uint64_t c = chain;
    cpu.flags.result = sign_extend(result);
    cpu.flags.carries = (c << (64 - kWidth<T>)) | (c >> 3);
    cpu.flags.lazy = true;
}
template <class T>
void set_flags(Cpu& cpu, T result, bool cf, bool of, bool af) {
    cpu.flags.result = sign_extend(result);
    cpu.flags.carries =
        (static_cast<uint64_t>(cf) << 63) | (static_cast<uint64_t>(cf ^ of) << 62) | (af ? 1 : 0);
    cpu.flags.lazy = true;
}
template <class T>
void set_flags_logic(Cpu& cpu, T result) {
    cpu.flags.result = sign_extend(result);
    cpu.flags.carries = 0;
    cpu.flags.lazy = true;
}
// Changes CF and OF alone.
inline void set_cf_of(Cpu& cpu, bool cf, bool of) {
    if (cpu.flags.lazy) {
        cpu.flags.carries = (static_cast<uint64_t>(cf) << 63) | (static_cast<uint64_t>(cf ^ of) << 62) |
                            (cpu.flags.carries & 1);
    } else {
        cpu.eflags = (cpu.eflags & ~(kCF | kOFlag)) | (cf ? kCF : 0u) | (of ? kOFlag : 0u);
    }
}
inline void set_cf(Cpu& cpu, bool cf) { set_cf_of(cpu, cf, cpu.of()); }
inline void set_zf(Cpu& cpu, bool zf) {
    cpu.settle_flags();
    cpu.eflags = (cpu.eflags & ~kZF) | (zf ? kZF : 0u);
}

template <class T>
T alu_add(Cpu& cpu, T a, T b, unsigned carry = 0) {
    const T r = static_cast<T>(a + b + carry);
    set_flags_chain<T>(cpu, r, static_cast<T>((a & b) | ((a | b) & ~r)));
    return r;
}
template <class T>
T alu_sub(Cpu& cpu, T a, T b, unsigned borrow = 0) {
    const T r = static_cast<T>(a - b - borrow);
    set_flags_chain<T>(cpu, r, static_cast<T>((~a & b) | ((~a | b) & r)));
    return r;
}
template <class T>
T alu_inc(Cpu& cpu, T a) {
    const T r = static_cast<T>(a + 1);
    set_flags<T>(cpu, r, cpu.cf(), r == kSignBit<T>, (r & 15) == 0);
    return r;
}
template <class T>
T alu_dec(Cpu& cpu, T a) {
    const T r = static_cast<T>(a - 1);
    set_flags<T>(cpu, r, cpu.cf(), a == kSignBit<T>, (a & 15) == 0);
    return r;
}
template <class T>
T alu_logic(Cpu& cpu, T r) {
    set_flags_logic<T>(cpu, r);
    return r;
}

// The eight operations of opcodes 00-3F and group 1, by their number.
enum class Alu : uint8_t { kAdd, kOr, kAdc, kSbb, kAnd, kSub, kXor, kCmp };
template <Alu kOp, class T>
T alu_binary(Cpu& cpu, T a, T b) {
    if constexpr (kOp == Alu::kAdd) return alu_add<T>(cpu, a, b);
    if constexpr (kOp == Alu::kOr) return alu_logic<T>(cpu, static_cast<T>(a | b));
    if constexpr (kOp == Alu::kAdc) return alu_add<T>(cpu, a, b, cpu.cf());
    if constexpr (kOp == Alu::kSbb) return alu_sub<T>(cpu, a, b, cpu.cf());
    if constexpr (kOp == Alu::kAnd) return alu_logic<T>(cpu, static_cast<T>(a & b));
    if constexpr (kOp == Alu::kXor) return alu_logic<T>(cpu, static_cast<T>(a ^ b));
    return alu_sub<T>(cpu, a, b);  // kSub, kCmp
}

// Shifts and rotates of group 2, by their number. `count` is already cut to five bits.
enum class Shift : uint8_t { kRol, kRor, kRcl, kRcr, kShl, kShr, kSal, kSar };

template <class T>
bool sign(T v) {
    return (v & kSignBit<T>) != 0;
}
// The bit below the sign.
template <class T>
bool second(T v) {
    return (v >> (kWidth<T> - 2)) & 1;
}

template <class T>
T rotate_left(T a, unsigned n) {
    n %= kWidth<T>;
    return n ? static_cast<T>((a << n) | (a >> (kWidth<T> - n))) : a;
}

// Through carry: w + 1 bits.
template <class T>
T rotate_carry_left(Cpu& cpu, T a, unsigned count) {
    constexpr unsigned w = kWidth<T>;
    const unsigned n = count % (w + 1);
    bool c = cpu.cf();
    T r = a;
    if (n) {
        const uint64_t wide = (static_cast<uint64_t>(c) << w) | a;
        const uint64_t turned = (wide << n) | (wide >> (w + 1 - n));
        r = static_cast<T>(turned);
        c = (turned >> w) & 1;
    }
    set_cf_of(cpu, c, c ^ sign<T>(r));
    return r;
}
template <class T>
T rotate_carry_right(Cpu& cpu, T a, unsigned count) {
    constexpr unsigned w = kWidth<T>;
    const unsigned n = count % (w + 1);
    bool c = cpu.cf();
    T r = a;
    if (n) {
        const uint64_t wide = (static_cast<uint64_t>(c) << w) | a;
        const uint64_t turned = (wide >> n) | (wide << (w + 1 - n));
        r = static_cast<T>(turned);
        c = (turned >> w) & 1;
    }
    set_cf_of(cpu, c, sign<T>(r) ^ second<T>(r));
    return r;
}

template <Shift kOp, class T>
T alu_shift(Cpu& cpu, T a, unsigned count) {
    constexpr unsigned w = kWidth<T>;
    if (count == 0) return a;
    if constexpr (kOp == Shift::kRol) {
        const T r = rotate_left<T>(a, count);
        set_cf_of(cpu, r & 1, (r & 1) ^ sign<T>(r));
        return r;
    } else if constexpr (kOp == Shift::kRor) {
        const T r = rotate_left<T>(a, w - count % w);
        set_cf_of(cpu, sign<T>(r), sign<T>(r) ^ second<T>(r));
        return r;
    } else if constexpr (kOp == Shift::kRcl) {
        return rotate_carry_left<T>(cpu, a, count);
    } else if constexpr (kOp == Shift::kRcr) {
        return rotate_carry_right<T>(cpu, a, count);
    } else if constexpr (kOp == Shift::kShl || kOp == Shift::kSal) {
        const uint64_t wide = static_cast<uint64_t>(a) << count;
        const T r = static_cast<T>(wide);
        const bool cf = (wide >> w) & 1;
        set_flags<T>(cpu, r, cf, cf ^ sign<T>(r), true);
        return r;
    } else if constexpr (kOp == Shift::kShr) {
        const uint64_t wide = static_cast<uint64_t>(a) << 1 >> count;  // bit 0: the last bit out
        const T r = static_cast<T>(wide >> 1);
        set_flags<T>(cpu, r, wide & 1, second<T>(r), true);
        return r;
    } else {
        const int64_t wide = sign_extend<T>(a) * 2 >> count;
        const T r = static_cast<T>(wide >> 1);
        set_flags<T>(cpu, r, wide & 1, false, true);
        return r;
    }
}

// SHLD and SHRD. Of a 16-bit operand with a count above 16 everything is undefined; AMD's processors take the
// source twice and clear CF.
template <class T>
T alu_shld(Cpu& cpu, T a, T b, unsigned count) {
    if (count == 0) return a;
    if constexpr (sizeof(T) == 2) {
        const uint64_t wide = (uint64_t{a} << 32) | (uint64_t{b} << 16) | b;
        const T r = static_cast<T>((wide << count) >> 32);
        const bool cf = count <= 16 && ((wide >> (48 - count)) & 1);
        set_flags<T>(cpu, r, cf, count <= 16 && (cf ^ sign<T>(r)), true);
        return r;
    } else {
        const uint64_t wide = (uint64_t{a} << 32) | b;
        const T r = static_cast<T>((wide << count) >> 32);
        const bool cf = (wide >> (64 - count)) & 1;
        set_flags<T>(cpu, r, cf, cf ^ sign<T>(r), true);
        return r;
    }
}
template <class T>
T alu_shrd(Cpu& cpu, T a, T b, unsigned count) {
    if (count == 0) return a;
    uint64_t wide;
    if constexpr (sizeof(T) == 2)
        wide = (uint64_t{b} << 32) | (uint64_t{b} << 16) | a;
    else
        wide = (uint64_t{b} << 32) | a;
    const T r = static_cast<T>(wide >> count);
    const bool cf = (sizeof(T) == 4 || count <= 16) && ((wide >> (count - 1)) & 1);
    set_flags<T>(cpu, r, cf, sign<T>(r) ^ second<T>(r), true);
    return r;
}

// Condition codes as in Jcc, SETcc, CMOVcc.
template <unsigned kCc>
bool condition(const Cpu& cpu) {
    bool v = false;
    switch (kCc >> 1) {
        case 0: v = cpu.of(); break;
        case 1: v = cpu.cf(); break;
        case 2: v = cpu.zf(); break;
        case 3: v = cpu.cf() || cpu.zf(); break;
        case 4: v = cpu.sf(); break;
        case 5: v = cpu.pf(); break;
        case 6: v = cpu.sf() != cpu.of(); break;
        case 7: v = cpu.zf() || cpu.sf() != cpu.of(); break;
    }
    return v != static_cast<bool>(kCc & 1);
}

}  // namespace qr::i386
