// SPDX-License-Identifier: GPL-2.0-or-later
//
// The instruction that a CPU executes next, for reports. Source: none.
#pragma once

#include <string>

#include "target/i386/cpu.h"

namespace qr::lockstep {

// "000fe05b  66 89 c3   mov ebx, eax": linear address, bytes, text.
std::string next_instruction(const i386::Cpu& cpu);

}  // namespace qr::lockstep
