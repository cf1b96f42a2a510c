// SPDX-License-Identifier: GPL-2.0-or-later
//
// System control port A. Source: IBM PS/2 Hardware Interface Technical Reference.
#include "hw/isa/port92.h"

namespace qr {

namespace {
constexpr uint8_t kFastReset = 1 << 0;
constexpr uint8_t kFastA20 = 1 << 1;
}  // namespace

void A20Gate::set_irq(int, bool level) {
    enabled_ = level;
    memory_.set_a20(level);
}

Port92::Port92(IrqLine a20, MachineControl& control)
    : Device("port92"),
      a20_(a20),
      control_(control),
      region_("port92", 1,
              {.read = [this](uint64_t, unsigned) { return value_; },
               .write = [this](uint64_t, unsigned, uint64_t v) { write(static_cast<uint8_t>(v)); },
               .peek = [this](uint64_t, unsigned) { return value_; },
               .max_size = 1}) {}

void Port92::write(uint8_t value) {
    const uint8_t before = value_;
    value_ = value;
    a20_.set(value & kFastA20);
    if (value & ~before & kFastReset) control_.request_reset();
}

}  // namespace qr
