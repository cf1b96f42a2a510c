// SPDX-License-Identifier: GPL-2.0-or-later
//
// Access to an instruction's operands by their form, for the instruction semantics: E is the ModRM operand
// (register or memory, known at compile time as kMem), G the register in ModRM.reg.
// Source: Intel SDM volume 2, chapter 2 and appendix A.
#pragma once

#include <cstdint>
#include <type_traits>

#include "target/i386/cpu.h"
#include "target/i386/insn.h"

namespace qr::i386 {

// Offset of the memory operand in insn.seg, cut to the address size.
inline uint32_t ea(const Cpu& cpu, const Insn& insn) {
    return (static_cast<uint32_t>(cpu.gpr[insn.base]) +
            (static_cast<uint32_t>(cpu.gpr[insn.index]) << insn.scale) + insn.disp) &
           insn.ea_mask;
}

// A further part of a memory operand, `delta` bytes on.
inline uint32_t ea_plus(const Cpu& cpu, const Insn& insn, uint32_t delta) {
    return (ea(cpu, insn) + delta) & insn.ea_mask;
}

template <class T>
T read_mem(Cpu& cpu, const Insn& insn) {
    return cpu.read<T>(insn.seg, ea(cpu, insn));
}
template <class T>
void write_mem(Cpu& cpu, const Insn& insn, T value) {
    cpu.write<T>(insn.seg, ea(cpu, insn), value);
}

// E: general register insn.rm, or memory.
template <class T, bool kMem>
T read_e(Cpu& cpu, const Insn& insn) {
    if constexpr (kMem)
        return read_mem<T>(cpu, insn);
    else
        return cpu.reg<T>(insn.rm);
}
template <class T, bool kMem>
void write_e(Cpu& cpu, const Insn& insn, T value) {
    if constexpr (kMem)
        write_mem<T>(cpu, insn, value);
    else
        cpu.set_reg<T>(insn.rm, value);
}
// E = f(E). Everything that can fault has happened before f runs; f itself must not fault.
template <class T, bool kMem, class F>
void modify_e(Cpu& cpu, const Insn& insn, F f) {
    if constexpr (kMem) {
        auto m = cpu.read_modify<T>(insn.seg, ea(cpu, insn));
        m.store(static_cast<T>(f(m.value)));
    } else {
        cpu.set_reg<T>(insn.rm, static_cast<T>(f(cpu.reg<T>(insn.rm))));
    }
}

// G: general register insn.reg.
template <class T>
T read_g(const Cpu& cpu, const Insn& insn) {
    return cpu.reg<T>(insn.reg);
}
template <class T>
void write_g(Cpu& cpu, const Insn& insn, T value) {
    cpu.set_reg<T>(insn.reg, value);
}

// Adds to the low 16 or 32 bits of a register, as the address size says (ESI, EDI, ECX of string instructions).
inline void add_masked(Cpu& cpu, unsigned n, uint32_t delta, uint32_t mask) {
    const uint32_t value = static_cast<uint32_t>(cpu.gpr[n]);
    cpu.gpr[n] = (value & ~mask) | ((value + delta) & mask);
}

// Rows from templates over <class T, bool kMem>: `exec_v<AddEG>()` with
//     struct AddEG { template <class T, bool kMem> static void run(Cpu&, const Insn&); };
template <class Op>
constexpr Exec exec_v() {
    return by_form_size(Op::template run<uint16_t, false>, Op::template run<uint32_t, false>,
                        Op::template run<uint16_t, true>, Op::template run<uint32_t, true>);
}
template <class Op>
constexpr Exec exec_b() {
    return by_form(Op::template run<uint8_t, false>, Op::template run<uint8_t, true>);
}
template <class Op>
constexpr Exec exec_w() {
    return by_form(Op::template run<uint16_t, false>, Op::template run<uint16_t, true>);
}
template <class Op>
constexpr Exec exec_d() {
    return by_form(Op::template run<uint32_t, false>, Op::template run<uint32_t, true>);
}
// Over <class T> alone: no ModRM operand.
template <class Op>
constexpr Exec sized() {
    return by_size(Op::template run<uint16_t>, Op::template run<uint32_t>);
}

}  // namespace qr::i386
