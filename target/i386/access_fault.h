// SPDX-License-Identifier: GPL-2.0-or-later
//
// Page faults of data accesses, found before an instruction's handler runs: a handler could only throw them, which takes
// ten times as long as everything else about a page fault. Source: Intel SDM 3A, 4.7.
#pragma once

#include "target/i386/cpu.h"
#include "target/i386/insn.h"

namespace qr::i386 {

// Where the memory accesses of a row's instructions are, as far as that is known here.
struct RowAccess {
    enum class Kind : uint8_t { kUnknown, kOperand, kOffset, kPush, kPop, kLeave, kString } kind = Kind::kUnknown;
    bool write = false;   // the operand is written, too: then that is what is checked
    bool sse = false;
    uint8_t size = 0;     // 0: the operand size
    bool source = false, destination = false;  // of a string instruction
};
const RowAccess& row_access(const Insn& insn);

// True: `fault` is what the instruction's handler would raise before it does anything else. False says nothing. For
// code in flat segments, where the accesses themselves are all that can fault.
bool access_faults(Cpu& cpu, const Insn& insn, const RowAccess& access, Fault& fault);

}  // namespace qr::i386
