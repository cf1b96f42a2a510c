// SPDX-License-Identifier: GPL-2.0-or-later
//
// The reference engine: `-accel interp`. Source: none (docs/cpu.rst).
#pragma once

#include <memory>

#include "target/i386/cpu.h"

namespace qr {

std::unique_ptr<i386::Engine> make_i386_interpreter();

}  // namespace qr
