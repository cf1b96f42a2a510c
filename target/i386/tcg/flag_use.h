// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which arithmetic flags an instruction reads and writes, and which ones anybody looks at after it: what decides
// where translated code has to keep flags. Source: Intel SDM volume 2, "Flags affected" (docs/translator.rst).
#pragma once

#include <cstdint>

#include "target/i386/insn.h"

namespace qr::i386 {

struct FlagUse {
    uint32_t reads = 0;
    uint32_t writes = 0;    // whatever they were before
    bool observed = true;   // the instruction may leave the block (fault, device, event): all must be there before it
    bool may_write = false;  // others than `writes`, depending on an operand
};

// emitted: the translator has its own code for it, which may leave the block only where it accesses memory.
FlagUse flag_use(const Insn& insn, bool emitted);

// The flags that a condition code reads.
uint32_t condition_flags(unsigned cc);

}  // namespace qr::i386
