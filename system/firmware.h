// SPDX-License-Identifier: GPL-2.0-or-later
//
// Finds firmware files: -L directories first, then where Debian's packages put them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "util/result.h"

namespace qr {

// name: a file name, or a path. Error names it and where it was looked for.
Result<std::vector<uint8_t>> load_firmware(const std::string& name,
                                           const std::vector<std::string>& directories);
// A system BIOS: 64 KiB to 16 MiB in whole 64 KiB.
Result<std::vector<uint8_t>> load_bios(const std::string& name,
                                       const std::vector<std::string>& directories);

}  // namespace qr
