// SPDX-License-Identifier: GPL-2.0-or-later
// What the monitor on a VGA tells of itself.
#pragma once

#include <array>
#include <cstdint>

namespace qr {

// The base block of a monitor that likes 1280x800 and takes the usual sizes up to 1920x1200.
std::array<uint8_t, 128> vga_edid();

}  // namespace qr
