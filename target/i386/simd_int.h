// SPDX-License-Identifier: GPL-2.0-or-later
//
// The packed integer operations of MMX and SSE2, for registers of either size.
// Source: SDM volume 2, the instructions' own pages; volume 1, 4.6.2, 9.3.2 (wrap-around and
// saturation).
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "target/i386/simd.h"

namespace qr::i386 {

// ---- element by element -------------------------------------------------------------------------

// An operation on whole registers of a function of elements: F::lane(T a, T b).
template <class T, class F>
struct Lanes {
    template <class V>
    static V run(const V& a, const V& b) {
        V r;
        for (unsigned i = 0; i < kLanes<V, T>; ++i)
            r.template set<T>(i, F::template lane<T>(a.template get<T>(i), b.template get<T>(i)));
        return r;
    }
};

template <class T>
T saturate(int32_t v) {
    return static_cast<T>(
        std::clamp<int32_t>(v, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
}

// The T of the wrapping ones is unsigned.
struct Plus {
    template <class T>
    static T lane(T a, T b) {
        return static_cast<T>(a + b);
    }
};
struct Minus {
    template <class T>
    static T lane(T a, T b) {
        return static_cast<T>(a - b);
    }
};
struct PlusSaturated {
    template <class T>
    static T lane(T a, T b) {
        return saturate<T>(a + b);
    }
};
struct MinusSaturated {
    template <class T>
    static T lane(T a, T b) {
        return saturate<T>(a - b);
    }
};
struct Equal {
    template <class T>
    static T lane(T a, T b) {
        return a == b ? static_cast<T>(~T{0}) : T{0};
    }
};
struct Greater {
    template <class T>
    static T lane(T a, T b) {
        return a > b ? static_cast<T>(~T{0}) : T{0};
    }
};
struct Smaller {
    template <class T>
    static T lane(T a, T b) {
        return std::min(a, b);
    }
};
struct Larger {
    template <class T>
    static T lane(T a, T b) {
        return std::max(a, b);
    }
};
struct Average {
    template <class T>
    static T lane(T a, T b) {
        return static_cast<T>((a + b + 1) >> 1);
    }
};
// Of 16-bit elements.
struct MultiplyLow {
    template <class T>
    static T lane(T a, T b) {
        return static_cast<T>(int32_t{a} * int32_t{b});
    }
};
struct MultiplyHigh {
    template <class T>
    static T lane(T a, T b) {
        if constexpr (std::is_signed_v<T>)
            return static_cast<T>((int32_t{a} * int32_t{b}) >> 16);
        else
            return static_cast<T>((uint32_t{a} * uint32_t{b}) >> 16);
    }
};
struct And {
    template <class T>
    static T lane(T a, T b) {
        return a & b;
    }
};
struct AndNot {
    template <class T>
    static T lane(T a, T b) {
        return ~a & b;
    }
};
struct Or {
    template <class T>
    static T lane(T a, T b) {
        return a | b;
    }
};
struct Xor {
    template <class T>
    static T lane(T a, T b) {
        return a ^ b;
    }
};

// ---- shifts -------------------------------------------------------------------------------------

// By the low 64 bits of the source, or by an immediate; the sign of T says what comes in from the
// left.
template <class T>
struct ShiftLeft {
    template <class V>
    static V shift(const V& a, uint64_t n) {
        V r{};
        if (n >= 8 * sizeof(T)) return r;
        for (unsigned i = 0; i < kLanes<V, T>; ++i)
            r.template set<T>(i, static_cast<T>(uint64_t{a.template get<T>(i)} << n));
        return r;
    }
    template <class V>
    static V run(const V& a, const V& b) {
        return shift<V>(a, b.template get<uint64_t>(0));
    }
};
template <class T>
struct ShiftRight {
    template <class V>
    static V shift(const V& a, uint64_t n) {
        V r{};
        constexpr uint64_t kBits = 8 * sizeof(T);
        if (n >= kBits) {
            if constexpr (!std::is_signed_v<T>) return r;
            n = kBits - 1;
        }
        for (unsigned i = 0; i < kLanes<V, T>; ++i)
            r.template set<T>(i, static_cast<T>(a.template get<T>(i) >> n));
        return r;
    }
    template <class V>
    static V run(const V& a, const V& b) {
        return shift<V>(a, b.template get<uint64_t>(0));
    }
};
// PSLLDQ, PSRLDQ: the whole register, by bytes.
struct BytesLeft {
    template <class V>
    static V shift(const V& a, unsigned n) {
        V r{};
        for (unsigned i = n; i < sizeof(V); ++i) r.bytes[i] = a.bytes[i - n];
        return r;
    }
};
struct BytesRight {
    template <class V>
    static V shift(const V& a, unsigned n) {
        V r{};
        for (unsigned i = n; i < sizeof(V); ++i) r.bytes[i - n] = a.bytes[i];
        return r;
    }
};

// ---- between elements ---------------------------------------------------------------------------

template <class T, bool kHigh>
struct Unpack {
    template <class V>
    static V run(const V& a, const V& b) {
        constexpr unsigned kHalf = kLanes<V, T> / 2;
        constexpr unsigned kFrom = kHigh ? kHalf : 0;
        V r;
        for (unsigned i = 0; i < kHalf; ++i) {
            r.template set<T>(2 * i, a.template get<T>(kFrom + i));
            r.template set<T>(2 * i + 1, b.template get<T>(kFrom + i));
        }
        return r;
    }
};
// From signed elements to half their size, saturated as signed or unsigned.
template <class From, class To>
struct Pack {
    template <class V>
    static V run(const V& a, const V& b) {
        constexpr unsigned kCount = kLanes<V, From>;
        V r;
        for (unsigned i = 0; i < kCount; ++i) {
            r.template set<To>(i, saturate<To>(a.template get<From>(i)));
            r.template set<To>(kCount + i, saturate<To>(b.template get<From>(i)));
        }
        return r;
    }
};
struct MultiplyAdd {  // PMADDWD
    template <class V>
    static V run(const V& a, const V& b) {
        V r;
        const auto product = [&](unsigned i) {
            return static_cast<uint32_t>(int32_t{a.template get<int16_t>(i)} *
                                         b.template get<int16_t>(i));
        };
        for (unsigned i = 0; i < kLanes<V, uint32_t>; ++i)
            r.template set<uint32_t>(i, product(2 * i) + product(2 * i + 1));
        return r;
    }
};
struct MultiplyEven {  // PMULUDQ
    template <class V>
    static V run(const V& a, const V& b) {
        V r;
        for (unsigned i = 0; i < kLanes<V, uint64_t>; ++i)
            r.template set<uint64_t>(
                i, uint64_t{a.template get<uint32_t>(2 * i)} * b.template get<uint32_t>(2 * i));
        return r;
    }
};
struct SumOfDifferences {  // PSADBW
    template <class V>
    static V run(const V& a, const V& b) {
        V r;
        for (unsigned i = 0; i < kLanes<V, uint64_t>; ++i) {
            uint64_t sum = 0;
            for (unsigned k = 8 * i; k < 8 * i + 8; ++k)
                sum += a.bytes[k] > b.bytes[k] ? a.bytes[k] - b.bytes[k] : b.bytes[k] - a.bytes[k];
            r.template set<uint64_t>(i, sum);
        }
        return r;
    }
};

// ---- shuffles -----------------------------------------------------------------------------------

// Four elements of the source from kFrom on, by two bits each; the others are copied.
template <class T, unsigned kFrom = 0>
struct Shuffle {
    template <class V>
    static V run(const V&, const V& b, uint8_t imm) {
        V r = b;
        for (unsigned i = 0; i < 4; ++i)
            r.template set<T>(kFrom + i, b.template get<T>(kFrom + ((imm >> (2 * i)) & 3)));
        return r;
    }
};

// ---- between vector and general registers -------------------------------------------------------

// PMOVMSKB, MOVMSKPS, MOVMSKPD: the elements' sign bits.
template <class V, class T>
void move_mask(Cpu& cpu, const Insn& insn) {
    check_simd<V>(cpu);
    enter_simd<V>(cpu);
    const V v = simd_reg<V>(cpu, insn.rm);
    uint32_t mask = 0;
    if constexpr (sizeof(T) == 1) {
        // The product gathers the low bits of eight bytes in its highest byte.
        for (unsigned i = 0; i < kLanes<V, uint64_t>; ++i) {
            const uint64_t signs = (v.template get<uint64_t>(i) >> 7) & 0x0101010101010101;
            mask |= static_cast<uint32_t>((signs * 0x0102040810204080) >> 56) << (8 * i);
        }
    } else {
        for (unsigned i = 0; i < kLanes<V, T>; ++i)
            mask |= static_cast<uint32_t>(v.template get<T>(i) >> (8 * sizeof(T) - 1)) << i;
    }
    write_g<uint32_t>(cpu, insn, mask);
}
template <class V>
void pextrw(Cpu& cpu, const Insn& insn) {
    check_simd<V>(cpu);
    enter_simd<V>(cpu);
    const unsigned which = insn.imm & (kLanes<V, uint16_t> - 1);
    write_g<uint32_t>(cpu, insn, simd_reg<V>(cpu, insn.rm).template get<uint16_t>(which));
}
template <class V, bool kMem>
void pinsrw(Cpu& cpu, const Insn& insn) {
    check_simd<V>(cpu);
    const auto value = read_e<uint16_t, kMem>(cpu, insn);
    enter_simd<V>(cpu);
    V v = simd_reg<V>(cpu, insn.reg);
    v.template set<uint16_t>(insn.imm & (kLanes<V, uint16_t> - 1), value);
    set_simd_reg<V>(cpu, insn.reg, v);
}
// MOVD
template <class V, bool kMem>
void movd_load(Cpu& cpu, const Insn& insn) {
    check_simd<V>(cpu);
    V v{};
    v.template set<uint32_t>(0, read_e<uint32_t, kMem>(cpu, insn));
    enter_simd<V>(cpu);
    set_simd_reg<V>(cpu, insn.reg, v);
}
template <class V, bool kMem>
void movd_store(Cpu& cpu, const Insn& insn) {
    check_simd<V>(cpu);
    write_e<uint32_t, kMem>(cpu, insn, simd_reg<V>(cpu, insn.reg).template get<uint32_t>(0));
    enter_simd<V>(cpu);
}

// MASKMOVQ, MASKMOVDQU: the bytes whose mask has its sign set, to seg:EDI. Memory is touched, and
// can fault, from the first to the last of them; with an empty mask not at all (SDM 2 leaves that
// open).
template <class V>
void masked_store(Cpu& cpu, const Insn& insn) {
    check_simd<V>(cpu);
    const V v = simd_reg<V>(cpu, insn.reg);
    const V mask = simd_reg<V>(cpu, insn.rm);
    unsigned first = sizeof(V), last = 0;
    for (unsigned i = 0; i < sizeof(V); ++i) {
        if (!(mask.bytes[i] & 0x80)) continue;
        first = std::min(first, i);
        last = i;
    }
    if (first < sizeof(V)) {
        const uint32_t offset = (cpu.reg<uint32_t>(kEdi) + first) & insn.ea_mask;
        const unsigned size = last - first + 1;
        const uint32_t address = cpu.linear(insn.seg, offset, size, true);
        cpu.probe(insn.seg, offset, size, true);
        for (unsigned i = first; i <= last; ++i)
            if (mask.bytes[i] & 0x80) cpu.write_linear<uint8_t>(address + i - first, v.bytes[i]);
    }
    enter_simd<V>(cpu);
}

}  // namespace qr::i386
