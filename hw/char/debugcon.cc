// SPDX-License-Identifier: GPL-2.0-or-later
//
// isa-debugcon. Source: QEMU's manual; the port has no data sheet.
#include "hw/char/debugcon.h"

namespace qr {

DebugCon::DebugCon(std::string name, Door& door, uint8_t present)
    : Device(name),
      present_(present),
      end_(door, name, [](CharInput&) {}),
      region_(name, 1,
              {.read = [this](uint64_t, unsigned) { return present_; },
               .write = [this](uint64_t, unsigned,
                               uint64_t v) { end_.tx.write(static_cast<uint8_t>(v)); },
               .peek = [this](uint64_t, unsigned) { return present_; },
               .max_size = 1}) {}

}  // namespace qr
