// SPDX-License-Identifier: GPL-2.0-or-later
//
// A translator with a wrong emitter: to show that lockstep finds such. One bit of the host code for one kind of guest
// instruction is another than it should be:
//
//     ROW[@ADDRESS]   in the code for instructions of that row ("add", at that linear address only), the first host
//                     instruction of the same name becomes another one: ADD becomes ADC, OR SBB, AND XOR, SUB CMP, and
//                     the other way round
//
// The translator knows nothing of it: an observer that sees each block when it is translated changes it.
// Source: Intel SDM volume 2, appendix A.2.
#pragma once

#include <memory>
#include <string>

#include "accel/tcg/tcg.h"
#include "util/result.h"

namespace qr::lockstep {

// Null where there is no translator.
Result<std::unique_ptr<i386::Engine>> miscompiling_translator(TcgOptions options, const std::string& fault);

}  // namespace qr::lockstep
