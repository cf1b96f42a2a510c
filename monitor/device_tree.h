// SPDX-License-Identifier: GPL-2.0-or-later
//
// `info qtree`: the devices by bus, under the names that -device and QEMU's users have for them. VM thread.
#pragma once

#include <string>

#include "hw/i386/pc.h"

namespace qr {

std::string device_tree(const PcBoard& board);

}  // namespace qr
