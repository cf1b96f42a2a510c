// SPDX-License-Identifier: GPL-2.0-or-later
//
// What MMX and SSE instructions share: register values of 8 and 16 bytes, their operands, 16-byte
// memory access, and the handlers that put an operation between two operands. Source: SDM volume
// 1, 9.2 to 9.6 (MMX), 10.4, 11.6; volume 2, 2.4 (memory alignment, exceptions).
//
// Where the manual leaves a choice: a 16-byte access that needs no alignment is checked by #AC as
// two of 8 bytes are, and the segment's limit is checked before the alignment.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "target/i386/cpu.h"
#include "target/i386/insn.h"
#include "target/i386/operands.h"

namespace qr::i386 {

// An MMX register's value, with the same elements as Xmm.
struct Mmx {
    alignas(8) std::array<uint8_t, 8> bytes{};

    template <class T>
    T get(unsigned i) const {
        return load_le<T>(bytes.data() + i * sizeof(T));
    }
    template <class T>
    void set(unsigned i, T v) {
        store_le<T>(bytes.data() + i * sizeof(T), v);
    }
};

// In what follows V is Mmx or Xmm.
template <class V>
inline constexpr bool kIsMmx = std::is_same_v<V, Mmx>;
template <class V, class T>
inline constexpr unsigned kLanes = sizeof(V) / sizeof(T);

// ---- memory -------------------------------------------------------------------------------------

// The linear address of a 16-byte operand; #GP(0) if it has to be aligned and isn't.
template <bool kAligned>
uint32_t linear128(Cpu& cpu, unsigned s, uint32_t offset, bool write) {
    const uint64_t end = write ? cpu.seg[s].write_end : cpu.seg[s].read_end;
    const uint32_t address = uint64_t{offset} + 16 <= end
                                 ? static_cast<uint32_t>(cpu.seg[s].base) + offset
                                 : cpu.linear(s, offset, 16, write);
    if (kAligned && (address & 15)) [[unlikely]]
        fault(kGP, 0);
    return address;
}

[[gnu::cold, gnu::noinline]] inline Xmm slow_read128(Cpu& cpu, uint32_t address) {
    Xmm v;
    v.set<uint64_t>(0, cpu.read_linear<uint64_t>(address));
    v.set<uint64_t>(1, cpu.read_linear<uint64_t>(address + 8));
    return v;
}

// Both pages are probed before a byte is written.
[[gnu::cold, gnu::noinline]] inline void slow_write128(Cpu& cpu, unsigned s, uint32_t offset,
                                                       uint32_t address, const Xmm& v) {
    cpu.probe(s, offset, 16, true);
    cpu.write_linear<uint64_t>(address, v.get<uint64_t>(0));
    cpu.write_linear<uint64_t>(address + 8, v.get<uint64_t>(1));
}

template <bool kAligned>
inline Xmm read128(Cpu& cpu, unsigned s, uint32_t offset) {
    const uint32_t address = linear128<kAligned>(cpu, s, offset, false);
    const Tlb::Entry& e = cpu.tlb.entry(cpu.cpl, address);
    if (e.read_tag == Tlb::last_page(address, 16)) [[likely]]
        return load_le<Xmm>(reinterpret_cast<const uint8_t*>(e.addend + address));
    return slow_read128(cpu, address);
}

template <bool kAligned>
inline void write128(Cpu& cpu, unsigned s, uint32_t offset, const Xmm& v) {
    const uint32_t address = linear128<kAligned>(cpu, s, offset, true);
    const Tlb::Entry& e = cpu.tlb.entry(cpu.cpl, address);
    if (e.write_tag == Tlb::last_page(address, 16)) [[likely]]
        store_le<Xmm>(reinterpret_cast<uint8_t*>(e.addend + address), v);
    else
        slow_write128(cpu, s, offset, address, v);
}

// ---- operands -----------------------------------------------------------------------------------

template <class V>
void check_simd(Cpu& cpu) {
    if constexpr (kIsMmx<V>)
        cpu.check_mmx();
    else
        cpu.check_sse();
}
// For an instruction with both kinds of registers.
inline void check_sse_and_mmx(Cpu& cpu) {
    cpu.check_sse();
    cpu.check_fpu(true);
}
// Once an instruction that makes the FPU an MMX unit can no longer fault.
template <class V>
void enter_simd(Cpu& cpu) {
    if constexpr (kIsMmx<V>) cpu.fpu.enter_mmx();
}

template <class V>
V simd_reg(const Cpu& cpu, unsigned n) {
    if constexpr (kIsMmx<V>)
        return std::bit_cast<Mmx>(cpu.fpu.mmx(n));
    else
        return cpu.fpu.xmm[n];
}
template <class V>
void set_simd_reg(Cpu& cpu, unsigned n, const V& v) {
    if constexpr (kIsMmx<V>)
        cpu.fpu.set_mmx(n, std::bit_cast<uint64_t>(v));
    else
        cpu.fpu.xmm[n] = v;
}

// The first kBytes of a memory operand; the rest is zero. 16 bytes must be aligned.
template <class V, unsigned kBytes = sizeof(V)>
V read_simd_mem(Cpu& cpu, const Insn& insn) {
    if constexpr (kBytes == 16) {
        return read128<true>(cpu, insn.seg, ea(cpu, insn));
    } else {
        using T = std::conditional_t<kBytes == 8, uint64_t,
                                     std::conditional_t<kBytes == 4, uint32_t, uint16_t>>;
        V v{};
        v.template set<T>(0, read_mem<T>(cpu, insn));
        return v;
    }
}
// Register rm (all of it), or memory.
template <class V, bool kMem, unsigned kBytes = sizeof(V)>
V simd_source(Cpu& cpu, const Insn& insn) {
    if constexpr (kMem)
        return read_simd_mem<V, kBytes>(cpu, insn);
    else
        return simd_reg<V>(cpu, insn.rm);
}

// ---- handlers -----------------------------------------------------------------------------------

// reg = Op(reg, r/m):  struct Op { template <class V> static V run(const V& a, const V& b); };
template <class Op, class V, unsigned kBytes, bool kMem>
void simd_binary(Cpu& cpu, const Insn& insn) {
    check_simd<V>(cpu);
    const V b = simd_source<V, kMem, kBytes>(cpu, insn);
    enter_simd<V>(cpu);
    set_simd_reg<V>(cpu, insn.reg, Op::template run<V>(simd_reg<V>(cpu, insn.reg), b));
}
// The same with an immediate: run(a, b, imm).
template <class Op, class V, bool kMem>
void simd_binary_imm(Cpu& cpu, const Insn& insn) {
    check_simd<V>(cpu);
    const V b = simd_source<V, kMem>(cpu, insn);
    enter_simd<V>(cpu);
    const auto imm = static_cast<uint8_t>(insn.imm);
    set_simd_reg<V>(cpu, insn.reg, Op::template run<V>(simd_reg<V>(cpu, insn.reg), b, imm));
}
// rm = Op(rm, imm), registers only: shifts by immediates.
template <class Op, class V>
void simd_shift_imm(Cpu& cpu, const Insn& insn) {
    check_simd<V>(cpu);
    enter_simd<V>(cpu);
    set_simd_reg<V>(
        cpu, insn.rm,
        Op::template shift<V>(simd_reg<V>(cpu, insn.rm), static_cast<uint8_t>(insn.imm)));
}

// Rows: `mmx_op<Op>()`, `sse_op<Op>()`. kBytes: what a memory operand has.
template <class Op, class V, unsigned kBytes = sizeof(V)>
constexpr Exec simd_op() {
    return by_form(simd_binary<Op, V, kBytes, false>, simd_binary<Op, V, kBytes, true>);
}
template <class Op, unsigned kBytes = 8>
constexpr Exec mmx_op() {
    return simd_op<Op, Mmx, kBytes>();
}
template <class Op>
constexpr Exec sse_op() {
    return simd_op<Op, Xmm>();
}
template <class Op, class V>
constexpr Exec simd_imm_op() {
    return by_form(simd_binary_imm<Op, V, false>, simd_binary_imm<Op, V, true>);
}

// ---- MXCSR --------------------------------------------------------------------------------------

// MXCSR_MASK (SDM 1, 11.6.6): DAZ came with SSE2.
inline uint32_t writable_mxcsr(const Cpu& cpu) {
    return cpu.model.has(Feature::kSse2) ? 0xffff : 0xffbf;
}

}  // namespace qr::i386
