// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the files with the transcendental functions share.
#pragma once

#include "target/i386/softfloat/wide.h"

namespace qr::softfloat {

// Rounds a result that is known not to be exact.
Float80 round_irrational(const Wide& a, FloatContext& c);

}  // namespace qr::softfloat
