// SPDX-License-Identifier: GPL-2.0-or-later
//
// Expressions of HMP: numbers, 'c', $registers, parentheses, unary + - ~, then by rank * / %, & | ^, + -; from left
// to right within a rank, in 64 bits. Source: QEMU's documentation of the monitor; ranks by trying.
#pragma once

#include <cstdint>
#include <string_view>

#include "target/i386/cpu.h"
#include "util/result.h"

namespace qr {

// Takes what it understands off `text`. cpu: null where registers can't be looked at. Errors are HMP's.
Result<int64_t> evaluate(std::string_view& text, const i386::Cpu* cpu);

}  // namespace qr
