// SPDX-License-Identifier: GPL-2.0-or-later
//
// The instruction table's MMX part: MMX itself and what SSE and SSE2 added to it.
// Source: SDM volume 1, chapter 9 and 10.4.4; volume 2, the instructions' own pages.
//
// All of them but EMMS leave the x87 with TOP = 0 and every register valid (9.5.1). The store-like
// ones (MOVNTQ, MASKMOVQ) too.

#include "target/i386/simd_int.h"

namespace qr::i386 {
namespace {

struct Take {  // loads
    template <class V>
    static V run(const V&, const V& b) {
        return b;
    }
};

template <bool kMem>
void movq_store(Cpu& cpu, const Insn& insn) {
    cpu.check_mmx();
    const Mmx v = simd_reg<Mmx>(cpu, insn.reg);
    if constexpr (kMem) {
        write_mem<uint64_t>(cpu, insn, v.get<uint64_t>(0));
        cpu.fpu.enter_mmx();
    } else {
        cpu.fpu.enter_mmx();
        set_simd_reg<Mmx>(cpu, insn.rm, v);
    }
}

void emms(Cpu& cpu, const Insn&) {
    cpu.check_mmx();
    cpu.fpu.set_top(0);  // SDM 3A, table 12-2
    cpu.fpu.empty = 0xff;
}

constexpr uint32_t kAttr = kMmx;
constexpr Feature kF = Feature::kMmx;
constexpr Feature kSse1 = Feature::kSse;
constexpr Feature kSse2 = Feature::kSse2;

constexpr Row kRows[] = {
    {"punpcklbw", "NP 0F 60 /r", "Pq:rw Qd:r", "", kAttr, kF, mmx_op<Unpack<uint8_t, false>, 4>()},
    {"punpcklwd", "NP 0F 61 /r", "Pq:rw Qd:r", "", kAttr, kF, mmx_op<Unpack<uint16_t, false>, 4>()},
    {"punpckldq", "NP 0F 62 /r", "Pq:rw Qd:r", "", kAttr, kF, mmx_op<Unpack<uint32_t, false>, 4>()},
    {"packsswb", "NP 0F 63 /r", "Pq:rw Qq:r", "", kAttr, kF, mmx_op<Pack<int16_t, int8_t>>()},
    {"pcmpgtb", "NP 0F 64 /r", "Pq:rw Qq:r", "", kAttr, kF, mmx_op<Lanes<int8_t, Greater>>()},
    {"pcmpgtw", "NP 0F 65 /r", "Pq:rw Qq:r", "", kAttr, kF, mmx_op<Lanes<int16_t, Greater>>()},
    {"pcmpgtd", "NP 0F 66 /r", "Pq:rw Qq:r", "", kAttr, kF, mmx_op<Lanes<int32_t, Greater>>()},
    {"packuswb", "NP 0F 67 /r", "Pq:rw Qq:r", "", kAttr, kF, mmx_op<Pack<int16_t, uint8_t>>()},
    {"punpckhbw", "NP 0F 68 /r", "Pq:rw Qq:r", "", kAttr, kF, mmx_op<Unpack<uint8_t, true>>()},
    {"punpckhwd", "NP 0F 69 /r", "Pq:rw Qq:r", "", kAttr, kF, mmx_op<Unpack<uint16_t, true>>()},
    {"punpckhdq", "NP 0F 6A /r", "Pq:rw Qq:r", "", kAttr, kF, mmx_op<Unpack<uint32_t, true>>()},
    {"packssdw", "NP 0F 6B /r", "Pq:rw Qq:r", "", kAttr, kF, mmx_op<Pack<int32_t, int16_t>>()},
    {"pcmpeqb", "NP 0F 74 /r", "Pq:rw Qq:r", "", kAttr, kF, mmx_op<Lanes<uint8_t, Equal>>()},
    {"pcmpeqw", "NP 0F 75 /r", "Pq:rw Qq:r", "", kAttr, kF, mmx_op<Lanes<uint16_t, Equal>>()},
    {"pcmpeqd", "NP 0F 76 /r", "Pq:rw Qq:r", "", kAttr, kF, mmx_op<Lanes<uint32_t, Equal>>()},
    {"psrlw", "NP 0F D1 /r", "Pq:rw Qq:r", "", kAttr, kF, mmx_op<ShiftRight<uint16_t>>()},
    {"psrld", "NP 0F D2 /r", "Pq:rw Qq:r", "", kAttr, kF, mmx_op<ShiftRight<uint32_t>>()},
    {"psrlq", "NP 0F D3 /r", "Pq:rw Qq:r", "", kAttr, kF, mmx_op<ShiftRight<uint64_t>>()},
    {"paddq", "NP 0F D4 /r", "Pq:rw Qq:r", "", kAttr, kSse2, mmx_op<Lanes<uint64_t, Plus>>()},
    {"pmullw", "NP 0F D5 /r", "Pq:rw Qq:r", "", kAttr, kF, mmx_op<Lanes<int16_t, MultiplyLow>>()},
    {"psubusb", "NP 0F D8 /r", "Pq:rw Qq:r", "", kAttr, kF,
     mmx_op<Lanes<uint8_t, MinusSaturated>>()},
    {"psubusw", "NP 0F D9 /r", "Pq:rw Qq:r", "", kAttr, kF,
     mmx_op<Lanes<uint16_t, MinusSaturated>>()},
    {"pminub", "NP 0F DA /r", "Pq:rw Qq:r", "", kAttr, kSse1, mmx_op<Lanes<uint8_t, Smaller>>()},
    {"pand", "NP 0F DB /r", "Pq:rw Qq:r", "", kAttr, kF, mmx_op<Lanes<uint64_t, And>>()},
    {"paddusb", "NP 0F DC /r", "Pq:rw Qq:r", "", kAttr, kF,
     mmx_op<Lanes<uint8_t, PlusSaturated>>()},
    {"paddusw", "NP 0F DD /r", "Pq:rw Qq:r", "", kAttr, kF,
     mmx_op<Lanes<uint16_t, PlusSaturated>>()},
    {"pmaxub", "NP 0F DE /r", "Pq:rw Qq:r", "", kAttr, kSse1, mmx_op<Lanes<uint8_t, Larger>>()},
    {"pandn", "NP 0F DF /r", "Pq:rw Qq:r", "", kAttr, kF, mmx_op<Lanes<uint64_t, AndNot>>()},
    {"pavgb", "NP 0F E0 /r", "Pq:rw Qq:r", "", kAttr, kSse1, mmx_op<Lanes<uint8_t, Average>>()},
    {"psraw", "NP 0F E1 /r", "Pq:rw Qq:r", "", kAttr, kF, mmx_op<ShiftRight<int16_t>>()},
    {"psrad", "NP 0F E2 /r", "Pq:rw Qq:r", "", kAttr, kF, mmx_op<ShiftRight<int32_t>>()},
    {"pavgw", "NP 0F E3 /r", "Pq:rw Qq:r", "", kAttr, kSse1, mmx_op<Lanes<uint16_t, Average>>()},
    {"pmulhuw", "NP 0F E4 /r", "Pq:rw Qq:r", "", kAttr, kSse1,
     mmx_op<Lanes<uint16_t, MultiplyHigh>>()},
    {"pmulhw", "NP 0F E5 /r", "Pq:rw Qq:r", "", kAttr, kF, mmx_op<Lanes<int16_t, MultiplyHigh>>()},
    {"psubsb", "NP 0F E8 /r", "Pq:rw Qq:r", "", kAttr, kF, mmx_op<Lanes<int8_t, MinusSaturated>>()},
    {"psubsw", "NP 0F E9 /r", "Pq:rw Qq:r", "", kAttr, kF,
     mmx_op<Lanes<int16_t, MinusSaturated>>()},
    {"pminsw", "NP 0F EA /r", "Pq:rw Qq:r", "", kAttr, kSse1, mmx_op<Lanes<int16_t, Smaller>>()},
    {"por", "NP 0F EB /r", "Pq:rw Qq:r", "", kAttr, kF, mmx_op<Lanes<uint64_t, Or>>()},
    {"paddsb", "NP 0F EC /r", "Pq:rw Qq:r", "", kAttr, kF, mmx_op<Lanes<int8_t, PlusSaturated>>()},
    {"paddsw", "NP 0F ED /r", "Pq:rw Qq:r", "", kAttr, kF, mmx_op<Lanes<int16_t, PlusSaturated>>()},
    {"pmaxsw", "NP 0F EE /r", "Pq:rw Qq:r", "", kAttr, kSse1, mmx_op<Lanes<int16_t, Larger>>()},
    {"pxor", "NP 0F EF /r", "Pq:rw Qq:r", "", kAttr, kF, mmx_op<Lanes<uint64_t, Xor>>()},
    {"psllw", "NP 0F F1 /r", "Pq:rw Qq:r", "", kAttr, kF, mmx_op<ShiftLeft<uint16_t>>()},
    {"pslld", "NP 0F F2 /r", "Pq:rw Qq:r", "", kAttr, kF, mmx_op<ShiftLeft<uint32_t>>()},
    {"psllq", "NP 0F F3 /r", "Pq:rw Qq:r", "", kAttr, kF, mmx_op<ShiftLeft<uint64_t>>()},
    {"pmuludq", "NP 0F F4 /r", "Pq:rw Qq:r", "", kAttr, kSse2, mmx_op<MultiplyEven>()},
    {"pmaddwd", "NP 0F F5 /r", "Pq:rw Qq:r", "", kAttr, kF, mmx_op<MultiplyAdd>()},
    {"psadbw", "NP 0F F6 /r", "Pq:rw Qq:r", "", kAttr, kSse1, mmx_op<SumOfDifferences>()},
    {"psubb", "NP 0F F8 /r", "Pq:rw Qq:r", "", kAttr, kF, mmx_op<Lanes<uint8_t, Minus>>()},
    {"psubw", "NP 0F F9 /r", "Pq:rw Qq:r", "", kAttr, kF, mmx_op<Lanes<uint16_t, Minus>>()},
    {"psubd", "NP 0F FA /r", "Pq:rw Qq:r", "", kAttr, kF, mmx_op<Lanes<uint32_t, Minus>>()},
    {"psubq", "NP 0F FB /r", "Pq:rw Qq:r", "", kAttr, kSse2, mmx_op<Lanes<uint64_t, Minus>>()},
    {"paddb", "NP 0F FC /r", "Pq:rw Qq:r", "", kAttr, kF, mmx_op<Lanes<uint8_t, Plus>>()},
    {"paddw", "NP 0F FD /r", "Pq:rw Qq:r", "", kAttr, kF, mmx_op<Lanes<uint16_t, Plus>>()},
    {"paddd", "NP 0F FE /r", "Pq:rw Qq:r", "", kAttr, kF, mmx_op<Lanes<uint32_t, Plus>>()},
    // Shifts by an immediate
    {"psrlw", "NP 0F 71 /2 reg", "Nq:rw Ib:r", "", kAttr, kF,
     same(simd_shift_imm<ShiftRight<uint16_t>, Mmx>)},
    {"psraw", "NP 0F 71 /4 reg", "Nq:rw Ib:r", "", kAttr, kF,
     same(simd_shift_imm<ShiftRight<int16_t>, Mmx>)},
    {"psllw", "NP 0F 71 /6 reg", "Nq:rw Ib:r", "", kAttr, kF,
     same(simd_shift_imm<ShiftLeft<uint16_t>, Mmx>)},
    {"psrld", "NP 0F 72 /2 reg", "Nq:rw Ib:r", "", kAttr, kF,
     same(simd_shift_imm<ShiftRight<uint32_t>, Mmx>)},
    {"psrad", "NP 0F 72 /4 reg", "Nq:rw Ib:r", "", kAttr, kF,
     same(simd_shift_imm<ShiftRight<int32_t>, Mmx>)},
    {"pslld", "NP 0F 72 /6 reg", "Nq:rw Ib:r", "", kAttr, kF,
     same(simd_shift_imm<ShiftLeft<uint32_t>, Mmx>)},
    {"psrlq", "NP 0F 73 /2 reg", "Nq:rw Ib:r", "", kAttr, kF,
     same(simd_shift_imm<ShiftRight<uint64_t>, Mmx>)},
    {"psllq", "NP 0F 73 /6 reg", "Nq:rw Ib:r", "", kAttr, kF,
     same(simd_shift_imm<ShiftLeft<uint64_t>, Mmx>)},
    // Moves
    {"movd", "NP 0F 6E /r", "Pq:w Ed:r", "", kAttr, kF,
     by_form(movd_load<Mmx, false>, movd_load<Mmx, true>)},
    {"movd", "NP 0F 7E /r", "Ed:w Pd:r", "", kAttr, kF,
     by_form(movd_store<Mmx, false>, movd_store<Mmx, true>)},
    {"movq", "NP 0F 6F /r", "Pq:w Qq:r", "", kAttr, kF, mmx_op<Take>()},
    {"movq", "NP 0F 7F /r", "Qq:w Pq:r", "", kAttr, kF,
     by_form(movq_store<false>, movq_store<true>)},
    {"movntq", "NP 0F E7 /r mem", "Mq:w Pq:r", "", kAttr, kSse1, same(movq_store<true>)},
    {"maskmovq", "NP 0F F7 /r reg", "Pq:r Nq:r", "", kAttr, kSse1, same(masked_store<Mmx>)},
    {"pmovmskb", "NP 0F D7 /r reg", "Gd:w Nq:r", "", kAttr, kSse1, same(move_mask<Mmx, uint8_t>)},
    {"pextrw", "NP 0F C5 /r reg", "Gd:w Nq:r Ib:r", "", kAttr, kSse1, same(pextrw<Mmx>)},
    {"pinsrw", "NP 0F C4 /r", "Pq:rw Ew:r Ib:r", "", kAttr, kSse1,
     by_form(pinsrw<Mmx, false>, pinsrw<Mmx, true>)},
    {"pshufw", "NP 0F 70 /r", "Pq:w Qq:r Ib:r", "", kAttr, kSse1,
     simd_imm_op<Shuffle<uint16_t>, Mmx>()},
    {"emms", "NP 0F 77", "", "", kAttr, kF, same(emms)},
};

}  // namespace

std::span<const Row> mmx_rows() { return kRows; }

}  // namespace qr::i386
