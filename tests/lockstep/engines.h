// SPDX-License-Identifier: GPL-2.0-or-later
//
// Engines by name, as lockstep's command line gives them:
//
//     interp
//     tcg[:cache=MB][,threshold=N][,insns=N]
//                size of the code cache; executions before a block is translated; the longest block
//     tcg:...,miscompile=ROW[@ADDRESS]
//                a translator that emits one thing wrong (see miscompile.h)
//
// Any of them with a fault planted into it: :fault=FIELD@N[,block=FIRST-LAST] (see planted_fault.h).
// Source: none.
#pragma once

#include <memory>
#include <string>

#include "target/i386/cpu.h"
#include "util/result.h"

namespace qr::lockstep {

Result<std::unique_ptr<i386::Engine>> make_engine(const std::string& text);

}  // namespace qr::lockstep
