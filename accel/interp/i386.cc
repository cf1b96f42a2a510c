// SPDX-License-Identifier: GPL-2.0-or-later
//
// The interpreter for the x86 guest. Source: none (docs/cpu.rst).

#include "accel/interp/interp.h"
#include "accel/interp/interpreter.h"
#include "target/i386/fetch.h"

namespace qr {

std::unique_ptr<i386::Engine> make_i386_interpreter() {
    return std::make_unique<Interpreter<i386::InterpreterGuest>>();
}

}  // namespace qr
