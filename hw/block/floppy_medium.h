// SPDX-License-Identifier: GPL-2.0-or-later
//
// Floppy formats: what geometry and data rate an image has by its size, and which drive takes it. Sector sizes are
// 512 bytes. Sources: ECMA-125 and ISO 9529 (1.44M), Microsoft's DMF, the formats of Linux's fdutils. VM thread only.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "util/result.h"

namespace qr {

// As CMOS byte 10H codes them.
enum class FloppyDriveType : uint8_t { kNone = 0, k120 = 2, k144 = 4, k288 = 5 };

// Codes of the data rate select register.
enum class FloppyRate : uint8_t { k500 = 0, k300 = 1, k250 = 2, k1000 = 3 };

struct FloppyFormat {
    uint8_t cylinders;
    uint8_t heads;
    uint8_t sectors;  // per track
    FloppyRate rate;
    FloppyDriveType drive;  // the one that takes it

    uint64_t bytes() const { return uint64_t{cylinders} * heads * sectors * 512; }
};

// The format of a medium of that many bytes in a drive of this kind. An odd size is what the drive was made for;
// what lies beyond the image's end can't be read.
const FloppyFormat& floppy_format(uint64_t bytes, FloppyDriveType drive);
// The drive that takes a medium; without one, a drive for all 3.5 inch media, as in QEMU.
FloppyDriveType floppy_drive_for(uint64_t bytes);
// "120", "144", "288", "none" or "auto", as -device floppy,drive-type= has it; `bytes` decides about auto.
Result<FloppyDriveType> parse_floppy_drive(const std::string& text, uint64_t bytes);

}  // namespace qr
