// SPDX-License-Identifier: GPL-2.0-or-later
//
// One instruction as text, for reports. Source: none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace qr::oracle {

std::string disassemble(const uint8_t* bytes, size_t size, bool code32, uint32_t address);

}  // namespace qr::oracle
