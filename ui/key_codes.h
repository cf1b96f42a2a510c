// SPDX-License-Identifier: GPL-2.0-or-later
// Keys under the numbers that others give them: Linux's (input-event-codes.h), scan code set 1 with bit 7 for the
// prefix E0, as RFB's "QEMU Extended Key Event" has it, and USB's usages (SDL's scan codes).
#pragma once

#include <cstdint>

#include "hw/keycode.h"

namespace qr {

// kNone where there is no such key.
Key key_of_linux(uint32_t code);
Key key_of_scan_code(uint32_t code);
Key key_of_usage(uint32_t usage);

}  // namespace qr
