// SPDX-License-Identifier: GPL-2.0-or-later
//
// What lockstep says about a difference that it found. Source: none.
#pragma once

#include "tests/lockstep/pair.h"
#include "tests/lockstep/search.h"

namespace qr::lockstep {

// The machines are where they agreed last. They run on over the difference.
void report(Pair& pair, const Finding& finding);

}  // namespace qr::lockstep
