// SPDX-License-Identifier: GPL-2.0-or-later
//
// Operand values that are worth a try. Source: none.
#pragma once

#include "tests/insn/oracle_generate.h"

namespace qr::oracle {

uint64_t integer_value(Random& rng, unsigned size);  // size in bytes: 1, 2, 4, 8
uint32_t float32_value(Random& rng);
uint64_t float64_value(Random& rng);
FxArea::St float80_value(Random& rng);
void packed_value(Random& rng, uint8_t* to);  // 16 bytes: floats, doubles or integers
void bcd_value(Random& rng, uint8_t* to);     // 10 bytes
uint16_t x87_control(Random& rng);
uint32_t mxcsr_value(Random& rng);
void fpu_state(Random& rng, FxArea& fx);
// Selectors whose descriptors are the same here and there; some can't be loaded.
uint16_t selector_value(Random& rng);

}  // namespace qr::oracle
