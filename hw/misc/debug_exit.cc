// SPDX-License-Identifier: GPL-2.0-or-later
//
// isa-debug-exit. Source: QEMU's documentation; the port has no data sheet.
#include "hw/misc/debug_exit.h"

namespace qr {

DebugExit::DebugExit(MachineControl& control, unsigned size, unsigned index)
    : Device("isa-debug-exit" + (index ? std::to_string(index) : std::string())),
      control_(control),
      region_(name(), size,
              {.read = [](uint64_t, unsigned) { return uint64_t{0}; },
               .write = [this](uint64_t, unsigned,
                               uint64_t v) { control_.request_exit(static_cast<int>(v << 1 | 1)); },
               .peek = [](uint64_t, unsigned) { return uint64_t{0}; }}) {}

}  // namespace qr
