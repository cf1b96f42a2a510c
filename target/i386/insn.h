// SPDX-License-Identifier: GPL-2.0-or-later
//
// The instruction table's row, and a decoded instruction. From the rows come the decoder, the
// interpreter's handlers, the translator, disassembly, the random tests and their coverage report.
//
// A row in one of the *_table.cc files:
//
//   {"add", "01 /r", "Ev:rw Gv:r", "w:oszapc", kLockable, Feature::kBase, by_form_size(...)},
//
// encoding: as the SDM writes it: optional mandatory prefix (66, F2, F3, or NP: none of the three
//     allowed), opcode bytes (0F, 0F 38, 0F 3A escapes), then one of
//         /r      ModRM, any
//         /0../7  ModRM with that reg field
//         +r      low three bits of the opcode are a register
//         a fixed ModRM byte written as a further hex byte ("D9 E8"), or "C0+i" (x87 register forms)
//     and where needed  mem  or  reg  to restrict ModRM.mod.
// operands: up to four, `form:access` with access r, w, rw, or n (address only, nothing is read).
//     Forms are the SDM's appendix A: Eb Ew Ed Ev Ey, Gb Gw Gd Gv, Ib Ibs (sign-extended byte), Iw, Iz,
//     Iv, Jb, Jz, Ap, Mb Mw Md Mq Mt(80 bit) Mdq(128) M, Ma, Mp, Ob, Ov, Rd, Sw, Cd, Dd, Xb Xv Yb Yv, Zb Zv (+r),
//     Pd Pq Qd Qq Nq (MMX), Vd Vq Vdq Wd Wq Wdq Udq (SSE), ST0 STi, fixed registers (AL, AX, eAX, CL, DX, ES..),
//     and the constant 1.
// flags: space-separated groups of  r:  w:  u:  (read, written, left undefined by the SDM: the chosen value is
//     what the handler computes), letters o s z a p c d i t; "" if none.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "target/i386/cpu_model.h"

namespace qr::i386 {

class Cpu;
struct Insn;

using Handler = void (*)(Cpu& cpu, const Insn& insn);

// The interpreter's way from one instruction to the next (chain.h): executes, and gives the instruction to go
// on with, or null.
struct Chaining;
using Chain = const Insn* (*)(Cpu& cpu, const Insn* insn, Chaining& c);

enum RowAttr : uint32_t {
    kLockable = 1 << 0,     // LOCK is allowed if the destination is memory
    kEndsBlock = 1 << 1,    // control may go elsewhere, or modes change: look up again after it
    kIo = 1 << 2,           // port I/O
    kPrivileged = 1 << 3,   // #GP(0) if CPL != 0 (checked by the handler)
    kNoRealMode = 1 << 4,   // #UD in real and virtual-8086 mode (checked by the decoder's caller)
    kString = 1 << 5,       // REP allowed: one count an iteration
    kDefault8 = 1 << 6,     // reserved
    kFpu = 1 << 7,          // x87
    kMmx = 1 << 8,
    kSse = 1 << 9,
    kNotInUserTest = 1 << 10,  // what user mode can't execute, or whose result isn't a function of the state
    kStackDefault = 1 << 11,   // reserved for 64-bit mode's default operand size
    kNearBranch = 1 << 12,     // ends a block, but changes nothing except EIP, ESP, ECX: the mode stays
    kSoftInterrupt = 1 << 13,  // INT n and its kin: no single-step trap after it
};

// Handlers by ModRM form and operand size.
struct Exec {
    // [memory operand?][operand size 32?]
    Handler handler[2][2];
};
constexpr Exec same(Handler h) { return {{{h, h}, {h, h}}}; }
constexpr Exec by_size(Handler h16, Handler h32) { return {{{h16, h32}, {h16, h32}}}; }
constexpr Exec by_form(Handler reg, Handler mem) { return {{{reg, reg}, {mem, mem}}}; }
constexpr Exec by_form_size(Handler reg16, Handler reg32, Handler mem16, Handler mem32) {
    return {{{reg16, reg32}, {mem16, mem32}}};
}

struct Row {
    std::string_view name;
    std::string_view encoding;
    std::string_view operands;
    std::string_view flags;
    uint32_t attr;
    Feature feature;
    Exec exec;
};

// The parts of the table, each in the file that has its semantics. table.cc joins them, in this order; a
// row's number is its index there.
std::span<const Row> arithmetic_rows();
std::span<const Row> shift_rows();     // shifts, rotates, bit tests and scans
std::span<const Row> data_rows();      // MOV, XCHG, LEA, PUSH/POP, CMOV, BSWAP, MOVZX, XLAT, flags
std::span<const Row> control_rows();   // Jcc, JMP, CALL, RET, LOOP, INT, IRET, ENTER, LEAVE, BOUND
std::span<const Row> string_rows();    // MOVS..SCAS
std::span<const Row> io_rows();        // IN, OUT, INS, OUTS
std::span<const Row> segment_rows();   // MOV Sreg, LDS.., PUSH/POP Sreg, LAR, LSL, VERR, ARPL, SLDT, LGDT ..
std::span<const Row> system_rows();    // CR, DR, MSR, CPUID, HLT, CLTS, INVLPG, RSM, SYSENTER, RDTSC ..
std::span<const Row> x87_rows();
std::span<const Row> mmx_rows();
std::span<const Row> sse_rows();       // SSE, SSE2, SSE3: packed and scalar float
std::span<const Row> sse_int_rows();   // SSE2 integer, shuffles, moves

// An instruction, decoded. 48 bytes, and immutable.
struct Insn {
    Chain chain;          // set when it becomes part of a block, like `left` and `end`
    Handler exec;
    uint32_t disp;        // sign-extended displacement, or moffs
    uint32_t imm;         // first immediate, sign-extended as the form says; branch displacement
    uint32_t ea_mask;     // 0xffff or 0xffffffff: address size
    uint16_t imm2;        // far pointer's selector; ENTER's level; x87: the 11-bit opcode (FOP)
    uint16_t row;         // index into the table
    uint8_t length;       // in bytes, with prefixes
    uint8_t op_size;      // 2 or 4
    uint8_t reg;          // ModRM.reg, or the register in the opcode (+r, STi: low bits)
    uint8_t rm;           // ModRM.rm of a register form
    uint8_t base;         // Gpr, or kNoRegister
    uint8_t index;        // Gpr, or kNoRegister
    uint8_t scale;        // shift count 0..3
    uint8_t seg;          // segment of the memory operand, override applied
    uint8_t rep;          // 0, 0xf2 or 0xf3: the last of them
    bool lock;
    bool has_mem;         // ModRM names memory
    uint8_t modrm;
    uint8_t left;         // instructions after it in its block
    uint16_t end;         // bytes from its block's start to its own end
};

enum class DecodeStatus : uint8_t { kOk, kTooShort, kUndefined, kTooLong };

// Decodes from `bytes` (as many as could be fetched, 15 are enough). kTooShort: more bytes are needed.
// kUndefined: #UD (also a LOCK prefix that isn't allowed). kTooLong: more than 15 bytes, #GP(0).
// code32: CS.D. Rows whose feature the model lacks are undefined.
DecodeStatus decode(std::span<const uint8_t> bytes, bool code32, const CpuModel& model, Insn& out);

std::span<const Row* const> table();  // all rows
std::string_view row_name(uint16_t row);
uint32_t row_attr(uint16_t row);

}  // namespace qr::i386
