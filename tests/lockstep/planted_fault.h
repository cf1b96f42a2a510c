// SPDX-License-Identifier: GPL-2.0-or-later
//
// An engine that does one thing wrong, as a wrong emitter would: to show that lockstep finds it.
//
//     FIELD@N     after instruction N (the one that takes icount to N) flips bit 0 of a register (eax ... edi),
//                 or of a byte of memory (ram:ADDRESS, physical, hexadecimal)
//     FIRST-LAST  only if the instructions with these numbers run without a stop in between: as if the fault
//                 were in a block that is translated as a whole, and what doesn't fit is interpreted
//
// Source: none.
#pragma once

#include <memory>
#include <string>

#include "target/i386/cpu.h"
#include "util/result.h"

namespace qr::lockstep {

// block: may be empty.
Result<std::unique_ptr<i386::Engine>> plant_fault(std::unique_ptr<i386::Engine> inner, const std::string& fault,
                                                  const std::string& block);

}  // namespace qr::lockstep
