// SPDX-License-Identifier: GPL-2.0-or-later
//
// The instruction table's SSE part without arithmetic on floats: SSE2 integers, moves and shuffles
// of all SSE generations, MXCSR, cache control and fences. Source: SDM volume 1, 10.4, 11.4, 12.4;
// volume 2, the instructions' own pages.
//
// Non-temporal stores, prefetches and fences order or hint only: memory here is always in order.

#include "target/i386/simd_int.h"

namespace qr::i386 {
namespace {

// ---- whole registers ----------------------------------------------------------------------------

template <bool kAligned, bool kMem>
void load_all(Cpu& cpu, const Insn& insn) {
    cpu.check_sse();
    if constexpr (kMem)
        cpu.fpu.xmm[insn.reg] = read128<kAligned>(cpu, insn.seg, ea(cpu, insn));
    else
        cpu.fpu.xmm[insn.reg] = cpu.fpu.xmm[insn.rm];
}
template <bool kAligned, bool kMem>
void store_all(Cpu& cpu, const Insn& insn) {
    cpu.check_sse();
    if constexpr (kMem)
        write128<kAligned>(cpu, insn.seg, ea(cpu, insn), cpu.fpu.xmm[insn.reg]);
    else
        cpu.fpu.xmm[insn.rm] = cpu.fpu.xmm[insn.reg];
}
template <bool kAligned>
constexpr Exec load() {
    return by_form(load_all<kAligned, false>, load_all<kAligned, true>);
}
template <bool kAligned>
constexpr Exec store() {
    return by_form(store_all<kAligned, false>, store_all<kAligned, true>);
}

// ---- parts of registers -------------------------------------------------------------------------

// MOVSS, MOVSD, MOVQ loads: from memory (and for MOVQ always) the rest becomes zero.
template <class T, bool kMem, bool kClear>
void load_low(Cpu& cpu, const Insn& insn) {
    cpu.check_sse();
    Xmm v{};
    if constexpr (kMem) {
        v.set<T>(0, read_mem<T>(cpu, insn));
    } else {
        if constexpr (!kClear) v = cpu.fpu.xmm[insn.reg];
        v.set<T>(0, cpu.fpu.xmm[insn.rm].get<T>(0));
    }
    cpu.fpu.xmm[insn.reg] = v;
}
template <class T, bool kMem, bool kClear>
void store_low(Cpu& cpu, const Insn& insn) {
    cpu.check_sse();
    const T value = cpu.fpu.xmm[insn.reg].get<T>(0);
    if constexpr (kMem) {
        write_mem<T>(cpu, insn, value);
    } else {
        Xmm& to = cpu.fpu.xmm[insn.rm];
        if constexpr (kClear) to = {};
        to.set<T>(0, value);
    }
}
template <class T, bool kClear>
constexpr Exec low_load() {
    return by_form(load_low<T, false, kClear>, load_low<T, true, kClear>);
}
template <class T, bool kClear>
constexpr Exec low_store() {
    return by_form(store_low<T, false, kClear>, store_low<T, true, kClear>);
}

// MOVLPx, MOVHPx: one half, the other stays.
template <unsigned kHalf>
void load_half(Cpu& cpu, const Insn& insn) {
    cpu.check_sse();
    cpu.fpu.xmm[insn.reg].set<uint64_t>(kHalf, read_mem<uint64_t>(cpu, insn));
}
template <unsigned kHalf>
void store_half(Cpu& cpu, const Insn& insn) {
    cpu.check_sse();
    write_mem<uint64_t>(cpu, insn, cpu.fpu.xmm[insn.reg].get<uint64_t>(kHalf));
}
// MOVHLPS, MOVLHPS
template <unsigned kTo, unsigned kFrom>
void move_half(Cpu& cpu, const Insn& insn) {
    cpu.check_sse();
    cpu.fpu.xmm[insn.reg].set<uint64_t>(kTo, cpu.fpu.xmm[insn.rm].get<uint64_t>(kFrom));
}

// MOVDDUP, MOVSLDUP, MOVSHDUP: every other element twice.
template <class T, unsigned kFirst>
struct Duplicate {
    template <class V>
    static V run(const V&, const V& b) {
        V r;
        for (unsigned i = 0; i < kLanes<V, T>; ++i)
            r.template set<T>(i, b.template get<T>((i & ~1u) + kFirst));
        return r;
    }
};

// SHUFPS, SHUFPD: the low half of the result from the destination, the high one from the source.
struct ShufflePs {
    template <class V>
    static V run(const V& a, const V& b, uint8_t imm) {
        V r;
        for (unsigned i = 0; i < 4; ++i)
            r.template set<uint32_t>(i,
                                     (i < 2 ? a : b).template get<uint32_t>((imm >> (2 * i)) & 3));
        return r;
    }
};
struct ShufflePd {
    template <class V>
    static V run(const V& a, const V& b, uint8_t imm) {
        V r;
        r.template set<uint64_t>(0, a.template get<uint64_t>(imm & 1));
        r.template set<uint64_t>(1, b.template get<uint64_t>((imm >> 1) & 1));
        return r;
    }
};

// ---- to and from other register files -----------------------------------------------------------

void movq2dq(Cpu& cpu, const Insn& insn) {
    check_sse_and_mmx(cpu);
    cpu.fpu.enter_mmx();
    Xmm v{};
    v.set<uint64_t>(0, cpu.fpu.mmx(insn.rm));
    cpu.fpu.xmm[insn.reg] = v;
}
void movdq2q(Cpu& cpu, const Insn& insn) {
    check_sse_and_mmx(cpu);
    cpu.fpu.enter_mmx();
    cpu.fpu.set_mmx(insn.reg, cpu.fpu.xmm[insn.rm].get<uint64_t>(0));
}
// A plain store: neither CR0.EM nor TS is looked at.
void movnti(Cpu& cpu, const Insn& insn) {
    write_mem<uint32_t>(cpu, insn, read_g<uint32_t>(cpu, insn));
}

// ---- MXCSR, cache -------------------------------------------------------------------------------

// Unmasking an exception whose flag is set raises nothing (SDM 1, 10.2.3).
void ldmxcsr(Cpu& cpu, const Insn& insn) {
    cpu.check_sse();
    const auto value = read_mem<uint32_t>(cpu, insn);
    if (value & ~writable_mxcsr(cpu)) fault(kGP, 0);
    cpu.fpu.mxcsr = value;
}
void stmxcsr(Cpu& cpu, const Insn& insn) {
    cpu.check_sse();
    write_mem<uint32_t>(cpu, insn, cpu.fpu.mxcsr);
}
// Checked like a load of one byte.
void clflush(Cpu& cpu, const Insn& insn) { cpu.probe(insn.seg, ea(cpu, insn), 1, false); }
void nothing(Cpu&, const Insn&) {}

constexpr uint32_t kAttr = kSse;
constexpr Feature kF = Feature::kSse2;
constexpr Feature kSse1 = Feature::kSse;
constexpr Feature kSse3 = Feature::kSse3;
// The opcodes of prefetches are NOPs before SSE, with an operand.
constexpr Feature kHints = Feature::kCmov;

constexpr Row kRows[] = {
    {"punpcklbw", "66 0F 60 /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<Unpack<uint8_t, false>>()},
    {"punpcklwd", "66 0F 61 /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<Unpack<uint16_t, false>>()},
    {"punpckldq", "66 0F 62 /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<Unpack<uint32_t, false>>()},
    {"packsswb", "66 0F 63 /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<Pack<int16_t, int8_t>>()},
    {"pcmpgtb", "66 0F 64 /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<Lanes<int8_t, Greater>>()},
    {"pcmpgtw", "66 0F 65 /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<Lanes<int16_t, Greater>>()},
    {"pcmpgtd", "66 0F 66 /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<Lanes<int32_t, Greater>>()},
    {"packuswb", "66 0F 67 /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<Pack<int16_t, uint8_t>>()},
    {"punpckhbw", "66 0F 68 /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<Unpack<uint8_t, true>>()},
    {"punpckhwd", "66 0F 69 /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<Unpack<uint16_t, true>>()},
    {"punpckhdq", "66 0F 6A /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<Unpack<uint32_t, true>>()},
    {"packssdw", "66 0F 6B /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<Pack<int32_t, int16_t>>()},
    {"punpcklqdq", "66 0F 6C /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<Unpack<uint64_t, false>>()},
    {"punpckhqdq", "66 0F 6D /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<Unpack<uint64_t, true>>()},
    {"pcmpeqb", "66 0F 74 /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<Lanes<uint8_t, Equal>>()},
    {"pcmpeqw", "66 0F 75 /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<Lanes<uint16_t, Equal>>()},
    {"pcmpeqd", "66 0F 76 /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<Lanes<uint32_t, Equal>>()},
    {"psrlw", "66 0F D1 /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<ShiftRight<uint16_t>>()},
    {"psrld", "66 0F D2 /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<ShiftRight<uint32_t>>()},
    {"psrlq", "66 0F D3 /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<ShiftRight<uint64_t>>()},
    {"paddq", "66 0F D4 /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<Lanes<uint64_t, Plus>>()},
    {"pmullw", "66 0F D5 /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<Lanes<int16_t, MultiplyLow>>()},
    {"psubusb", "66 0F D8 /r", "Vdq:rw Wdq:r", "", kAttr, kF,
     sse_op<Lanes<uint8_t, MinusSaturated>>()},
    {"psubusw", "66 0F D9 /r", "Vdq:rw Wdq:r", "", kAttr, kF,
     sse_op<Lanes<uint16_t, MinusSaturated>>()},
    {"pminub", "66 0F DA /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<Lanes<uint8_t, Smaller>>()},
    {"pand", "66 0F DB /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<Lanes<uint64_t, And>>()},
    {"paddusb", "66 0F DC /r", "Vdq:rw Wdq:r", "", kAttr, kF,
     sse_op<Lanes<uint8_t, PlusSaturated>>()},
    {"paddusw", "66 0F DD /r", "Vdq:rw Wdq:r", "", kAttr, kF,
     sse_op<Lanes<uint16_t, PlusSaturated>>()},
    {"pmaxub", "66 0F DE /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<Lanes<uint8_t, Larger>>()},
    {"pandn", "66 0F DF /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<Lanes<uint64_t, AndNot>>()},
    {"pavgb", "66 0F E0 /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<Lanes<uint8_t, Average>>()},
    {"psraw", "66 0F E1 /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<ShiftRight<int16_t>>()},
    {"psrad", "66 0F E2 /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<ShiftRight<int32_t>>()},
    {"pavgw", "66 0F E3 /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<Lanes<uint16_t, Average>>()},
    {"pmulhuw", "66 0F E4 /r", "Vdq:rw Wdq:r", "", kAttr, kF,
     sse_op<Lanes<uint16_t, MultiplyHigh>>()},
    {"pmulhw", "66 0F E5 /r", "Vdq:rw Wdq:r", "", kAttr, kF,
     sse_op<Lanes<int16_t, MultiplyHigh>>()},
    {"psubsb", "66 0F E8 /r", "Vdq:rw Wdq:r", "", kAttr, kF,
     sse_op<Lanes<int8_t, MinusSaturated>>()},
    {"psubsw", "66 0F E9 /r", "Vdq:rw Wdq:r", "", kAttr, kF,
     sse_op<Lanes<int16_t, MinusSaturated>>()},
    {"pminsw", "66 0F EA /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<Lanes<int16_t, Smaller>>()},
    {"por", "66 0F EB /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<Lanes<uint64_t, Or>>()},
    {"paddsb", "66 0F EC /r", "Vdq:rw Wdq:r", "", kAttr, kF,
     sse_op<Lanes<int8_t, PlusSaturated>>()},
    {"paddsw", "66 0F ED /r", "Vdq:rw Wdq:r", "", kAttr, kF,
     sse_op<Lanes<int16_t, PlusSaturated>>()},
    {"pmaxsw", "66 0F EE /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<Lanes<int16_t, Larger>>()},
    {"pxor", "66 0F EF /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<Lanes<uint64_t, Xor>>()},
    {"psllw", "66 0F F1 /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<ShiftLeft<uint16_t>>()},
    {"pslld", "66 0F F2 /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<ShiftLeft<uint32_t>>()},
    {"psllq", "66 0F F3 /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<ShiftLeft<uint64_t>>()},
    {"pmuludq", "66 0F F4 /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<MultiplyEven>()},
    {"pmaddwd", "66 0F F5 /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<MultiplyAdd>()},
    {"psadbw", "66 0F F6 /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<SumOfDifferences>()},
    {"psubb", "66 0F F8 /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<Lanes<uint8_t, Minus>>()},
    {"psubw", "66 0F F9 /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<Lanes<uint16_t, Minus>>()},
    {"psubd", "66 0F FA /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<Lanes<uint32_t, Minus>>()},
    {"psubq", "66 0F FB /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<Lanes<uint64_t, Minus>>()},
    {"paddb", "66 0F FC /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<Lanes<uint8_t, Plus>>()},
    {"paddw", "66 0F FD /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<Lanes<uint16_t, Plus>>()},
    {"paddd", "66 0F FE /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<Lanes<uint32_t, Plus>>()},
    // Shifts by an immediate
    {"psrlw", "66 0F 71 /2 reg", "Udq:rw Ib:r", "", kAttr, kF,
     same(simd_shift_imm<ShiftRight<uint16_t>, Xmm>)},
    {"psraw", "66 0F 71 /4 reg", "Udq:rw Ib:r", "", kAttr, kF,
     same(simd_shift_imm<ShiftRight<int16_t>, Xmm>)},
    {"psllw", "66 0F 71 /6 reg", "Udq:rw Ib:r", "", kAttr, kF,
     same(simd_shift_imm<ShiftLeft<uint16_t>, Xmm>)},
    {"psrld", "66 0F 72 /2 reg", "Udq:rw Ib:r", "", kAttr, kF,
     same(simd_shift_imm<ShiftRight<uint32_t>, Xmm>)},
    {"psrad", "66 0F 72 /4 reg", "Udq:rw Ib:r", "", kAttr, kF,
     same(simd_shift_imm<ShiftRight<int32_t>, Xmm>)},
    {"pslld", "66 0F 72 /6 reg", "Udq:rw Ib:r", "", kAttr, kF,
     same(simd_shift_imm<ShiftLeft<uint32_t>, Xmm>)},
    {"psrlq", "66 0F 73 /2 reg", "Udq:rw Ib:r", "", kAttr, kF,
     same(simd_shift_imm<ShiftRight<uint64_t>, Xmm>)},
    {"psllq", "66 0F 73 /6 reg", "Udq:rw Ib:r", "", kAttr, kF,
     same(simd_shift_imm<ShiftLeft<uint64_t>, Xmm>)},
    {"psrldq", "66 0F 73 /3 reg", "Udq:rw Ib:r", "", kAttr, kF,
     same(simd_shift_imm<BytesRight, Xmm>)},
    {"pslldq", "66 0F 73 /7 reg", "Udq:rw Ib:r", "", kAttr, kF,
     same(simd_shift_imm<BytesLeft, Xmm>)},
    {"pshufd", "66 0F 70 /r", "Vdq:w Wdq:r Ib:r", "", kAttr, kF,
     simd_imm_op<Shuffle<uint32_t>, Xmm>()},
    {"pshufhw", "F3 0F 70 /r", "Vdq:w Wdq:r Ib:r", "", kAttr, kF,
     simd_imm_op<Shuffle<uint16_t, 4>, Xmm>()},
    {"pshuflw", "F2 0F 70 /r", "Vdq:w Wdq:r Ib:r", "", kAttr, kF,
     simd_imm_op<Shuffle<uint16_t>, Xmm>()},
    {"pmovmskb", "66 0F D7 /r reg", "Gd:w Udq:r", "", kAttr, kF, same(move_mask<Xmm, uint8_t>)},
    {"pextrw", "66 0F C5 /r reg", "Gd:w Udq:r Ib:r", "", kAttr, kF, same(pextrw<Xmm>)},
    {"pinsrw", "66 0F C4 /r", "Vdq:rw Ew:r Ib:r", "", kAttr, kF,
     by_form(pinsrw<Xmm, false>, pinsrw<Xmm, true>)},
    {"maskmovdqu", "66 0F F7 /r reg", "Vdq:r Udq:r", "", kAttr, kF, same(masked_store<Xmm>)},
    // Whole registers
    {"movups", "NP 0F 10 /r", "Vdq:w Wdq:r", "", kAttr, kSse1, load<false>()},
    {"movups", "NP 0F 11 /r", "Wdq:w Vdq:r", "", kAttr, kSse1, store<false>()},
    {"movupd", "66 0F 10 /r", "Vdq:w Wdq:r", "", kAttr, kF, load<false>()},
    {"movupd", "66 0F 11 /r", "Wdq:w Vdq:r", "", kAttr, kF, store<false>()},
    {"movaps", "NP 0F 28 /r", "Vdq:w Wdq:r", "", kAttr, kSse1, load<true>()},
    {"movaps", "NP 0F 29 /r", "Wdq:w Vdq:r", "", kAttr, kSse1, store<true>()},
    {"movapd", "66 0F 28 /r", "Vdq:w Wdq:r", "", kAttr, kF, load<true>()},
    {"movapd", "66 0F 29 /r", "Wdq:w Vdq:r", "", kAttr, kF, store<true>()},
    {"movdqa", "66 0F 6F /r", "Vdq:w Wdq:r", "", kAttr, kF, load<true>()},
    {"movdqa", "66 0F 7F /r", "Wdq:w Vdq:r", "", kAttr, kF, store<true>()},
    {"movdqu", "F3 0F 6F /r", "Vdq:w Wdq:r", "", kAttr, kF, load<false>()},
    {"movdqu", "F3 0F 7F /r", "Wdq:w Vdq:r", "", kAttr, kF, store<false>()},
    {"lddqu", "F2 0F F0 /r mem", "Vdq:w Mdq:r", "", kAttr, kSse3, load<false>()},
    {"movntps", "NP 0F 2B /r mem", "Mdq:w Vdq:r", "", kAttr, kSse1, store<true>()},
    {"movntpd", "66 0F 2B /r mem", "Mdq:w Vdq:r", "", kAttr, kF, store<true>()},
    {"movntdq", "66 0F E7 /r mem", "Mdq:w Vdq:r", "", kAttr, kF, store<true>()},
    // Parts of them. A load from memory clears the rest, between registers MOVSS and MOVSD keep it.
    {"movss", "F3 0F 10 /r mem", "Vdq:w Md:r", "", kAttr, kSse1, low_load<uint32_t, false>()},
    {"movss", "F3 0F 10 /r reg", "Vd:w Wd:r", "", kAttr, kSse1, low_load<uint32_t, false>()},
    {"movss", "F3 0F 11 /r", "Wd:w Vd:r", "", kAttr, kSse1, low_store<uint32_t, false>()},
    {"movsd", "F2 0F 10 /r mem", "Vdq:w Mq:r", "", kAttr, kF, low_load<uint64_t, false>()},
    {"movsd", "F2 0F 10 /r reg", "Vq:w Wq:r", "", kAttr, kF, low_load<uint64_t, false>()},
    {"movsd", "F2 0F 11 /r", "Wq:w Vq:r", "", kAttr, kF, low_store<uint64_t, false>()},
    {"movq", "F3 0F 7E /r", "Vdq:w Wq:r", "", kAttr, kF, low_load<uint64_t, true>()},
    {"movq", "66 0F D6 /r mem", "Mq:w Vq:r", "", kAttr, kF, low_store<uint64_t, true>()},
    {"movq", "66 0F D6 /r reg", "Wdq:w Vq:r", "", kAttr, kF, low_store<uint64_t, true>()},
    {"movd", "66 0F 6E /r", "Vdq:w Ed:r", "", kAttr, kF,
     by_form(movd_load<Xmm, false>, movd_load<Xmm, true>)},
    {"movd", "66 0F 7E /r", "Ed:w Vd:r", "", kAttr, kF,
     by_form(movd_store<Xmm, false>, movd_store<Xmm, true>)},
    {"movlps", "NP 0F 12 /r mem", "Vdq:rw Mq:r", "", kAttr, kSse1, same(load_half<0>)},
    {"movhlps", "NP 0F 12 /r reg", "Vdq:rw Udq:r", "", kAttr, kSse1, same(move_half<0, 1>)},
    {"movlps", "NP 0F 13 /r mem", "Mq:w Vq:r", "", kAttr, kSse1, same(store_half<0>)},
    {"movlpd", "66 0F 12 /r mem", "Vdq:rw Mq:r", "", kAttr, kF, same(load_half<0>)},
    {"movlpd", "66 0F 13 /r mem", "Mq:w Vq:r", "", kAttr, kF, same(store_half<0>)},
    {"movhps", "NP 0F 16 /r mem", "Vdq:rw Mq:r", "", kAttr, kSse1, same(load_half<1>)},
    {"movlhps", "NP 0F 16 /r reg", "Vdq:rw Udq:r", "", kAttr, kSse1, same(move_half<1, 0>)},
    {"movhps", "NP 0F 17 /r mem", "Mq:w Vdq:r", "", kAttr, kSse1, same(store_half<1>)},
    {"movhpd", "66 0F 16 /r mem", "Vdq:rw Mq:r", "", kAttr, kF, same(load_half<1>)},
    {"movhpd", "66 0F 17 /r mem", "Mq:w Vdq:r", "", kAttr, kF, same(store_half<1>)},
    {"movddup", "F2 0F 12 /r", "Vdq:w Wq:r", "", kAttr, kSse3,
     simd_op<Duplicate<uint64_t, 0>, Xmm, 8>()},
    {"movsldup", "F3 0F 12 /r", "Vdq:w Wdq:r", "", kAttr, kSse3, sse_op<Duplicate<uint32_t, 0>>()},
    {"movshdup", "F3 0F 16 /r", "Vdq:w Wdq:r", "", kAttr, kSse3, sse_op<Duplicate<uint32_t, 1>>()},
    {"movmskps", "NP 0F 50 /r reg", "Gd:w Udq:r", "", kAttr, kSse1, same(move_mask<Xmm, uint32_t>)},
    {"movmskpd", "66 0F 50 /r reg", "Gd:w Udq:r", "", kAttr, kF, same(move_mask<Xmm, uint64_t>)},
    {"movq2dq", "F3 0F D6 /r reg", "Vdq:w Nq:r", "", kAttr | kMmx, kF, same(movq2dq)},
    {"movdq2q", "F2 0F D6 /r reg", "Pq:w Udq:r", "", kAttr | kMmx, kF, same(movdq2q)},
    {"movnti", "NP 0F C3 /r mem", "Md:w Gd:r", "", kAttr, kF, same(movnti)},
    // Shuffles and bitwise operations
    {"unpcklps", "NP 0F 14 /r", "Vdq:rw Wdq:r", "", kAttr, kSse1,
     sse_op<Unpack<uint32_t, false>>()},
    {"unpcklpd", "66 0F 14 /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<Unpack<uint64_t, false>>()},
    {"unpckhps", "NP 0F 15 /r", "Vdq:rw Wdq:r", "", kAttr, kSse1, sse_op<Unpack<uint32_t, true>>()},
    {"unpckhpd", "66 0F 15 /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<Unpack<uint64_t, true>>()},
    {"shufps", "NP 0F C6 /r", "Vdq:rw Wdq:r Ib:r", "", kAttr, kSse1, simd_imm_op<ShufflePs, Xmm>()},
    {"shufpd", "66 0F C6 /r", "Vdq:rw Wdq:r Ib:r", "", kAttr, kF, simd_imm_op<ShufflePd, Xmm>()},
    {"andps", "NP 0F 54 /r", "Vdq:rw Wdq:r", "", kAttr, kSse1, sse_op<Lanes<uint64_t, And>>()},
    {"andpd", "66 0F 54 /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<Lanes<uint64_t, And>>()},
    {"andnps", "NP 0F 55 /r", "Vdq:rw Wdq:r", "", kAttr, kSse1, sse_op<Lanes<uint64_t, AndNot>>()},
    {"andnpd", "66 0F 55 /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<Lanes<uint64_t, AndNot>>()},
    {"orps", "NP 0F 56 /r", "Vdq:rw Wdq:r", "", kAttr, kSse1, sse_op<Lanes<uint64_t, Or>>()},
    {"orpd", "66 0F 56 /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<Lanes<uint64_t, Or>>()},
    {"xorps", "NP 0F 57 /r", "Vdq:rw Wdq:r", "", kAttr, kSse1, sse_op<Lanes<uint64_t, Xor>>()},
    {"xorpd", "66 0F 57 /r", "Vdq:rw Wdq:r", "", kAttr, kF, sse_op<Lanes<uint64_t, Xor>>()},
    // MXCSR, hints and fences
    {"ldmxcsr", "NP 0F AE /2 mem", "Md:r", "", kAttr, kSse1, same(ldmxcsr)},
    {"stmxcsr", "NP 0F AE /3 mem", "Md:w", "", kAttr, kSse1, same(stmxcsr)},
    {"clflush", "NP 0F AE /7 mem", "M:n", "", kAttr, Feature::kClflush, same(clflush)},
    {"lfence", "NP 0F AE /5 reg", "", "", kAttr, kF, same(nothing)},
    {"mfence", "NP 0F AE /6 reg", "", "", kAttr, kF, same(nothing)},
    {"sfence", "NP 0F AE /7 reg", "", "", kAttr, kSse1, same(nothing)},
    {"prefetchnta", "0F 18 /0 mem", "M:n", "", kAttr, kHints, same(nothing)},
    {"prefetcht0", "0F 18 /1 mem", "M:n", "", kAttr, kHints, same(nothing)},
    {"prefetcht1", "0F 18 /2 mem", "M:n", "", kAttr, kHints, same(nothing)},
    {"prefetcht2", "0F 18 /3 mem", "M:n", "", kAttr, kHints, same(nothing)},
    {"prefetch", "0F 0D /0 mem", "M:n", "", kAttr, kSse1, same(nothing)},
    {"prefetchw", "0F 0D /1 mem", "M:n", "", kAttr, kSse1, same(nothing)},
    {"nop", "0F 0D /r", "Ev:n", "", kAttr, kSse1, same(nothing)},
};

}  // namespace

std::span<const Row> sse_int_rows() { return kRows; }

}  // namespace qr::i386
