// SPDX-License-Identifier: GPL-2.0-or-later
// Scan codes of the three sets, and the 8042's translation of set 2 into set 1.
#pragma once

#include <cstdint>

#include "hw/keycode.h"

namespace qr {

// Make codes; 0: the set has none. `extended`: sets 1 and 2 put E0 in front.
struct ScanCode {
    uint8_t set1 = 0;
    uint8_t set2 = 0;
    uint8_t set3 = 0;
    bool extended = false;
};

ScanCode scan_code(Key key);

// How a key of set 3 behaves after reset.
enum class Set3Type : uint8_t { kTypematic, kMakeBreak, kMakeOnly };
Set3Type set3_default_type(uint8_t code);

// Set 2 to set 1, as the 8042 does it to every byte but the break prefix F0.
uint8_t translate_to_set1(uint8_t code);

}  // namespace qr
