// SPDX-License-Identifier: GPL-2.0-or-later
// isa-debug-exit: a write ends the emulator. Convention of QEMU: exit status (value << 1) | 1, so
// that a guest can't be mistaken for a normal end. VM thread only.
#pragma once

#include "exec/io.h"
#include "hw/device.h"
#include "hw/machine_control.h"

namespace qr {

class DebugExit final : public Device {
  public:
    static constexpr uint16_t kDefaultPort = 0x501;
    static constexpr unsigned kDefaultSize = 2;

    // index: tells several of them apart.
    DebugExit(MachineControl& control, unsigned size = kDefaultSize, unsigned index = 0);

    IoRegion& region() { return region_; }

    void reset() override {}
    void state(StateVisitor&) override {}

  private:
    MachineControl& control_;
    IoRegion region_;
};

}  // namespace qr
