// SPDX-License-Identifier: GPL-2.0-or-later
//
// The CPU's registers in the order in which gdb numbers them, and the target description that tells it so.
// Source: GDB manual, appendix G (target descriptions), G.5.6 (i386 features).
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "target/i386/debug_registers.h"

namespace qr {

// Registers that a client knows without a description (eax to mxcsr). gdb takes no more in one piece then.
constexpr size_t kWellKnownRegisters = 41;

class GdbRegisters {
  public:
    GdbRegisters();
    size_t count() const { return registers_.size(); }
    const i386::DebugRegister& operator[](size_t number) const { return *registers_[number]; }
    // target.xml
    const std::string& description() const { return description_; }

  private:
    std::vector<const i386::DebugRegister*> registers_;
    std::string description_;
};

}  // namespace qr
