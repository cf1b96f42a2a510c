// SPDX-License-Identifier: GPL-2.0-or-later
// isa-debugcon: a port that prints what is written to it, and says that it is there when read.
// Convention of the Bochs BIOS and of QEMU ("-device isa-debugcon", the firmware's debug port
// 0x402). VM thread only.
#pragma once

#include "chardev/char.h"
#include "exec/io.h"
#include "hw/device.h"

namespace qr {

class DebugCon final : public Device {
  public:
    // present: what a read gives.
    DebugCon(std::string name, Door& door, uint8_t present = 0xe9);

    IoRegion& region() { return region_; }  // 1 port
    CharEnd& end() { return end_; }

    void reset() override {}
    void state(StateVisitor&) override {}

  private:
    uint8_t present_;
    CharEnd end_;
    IoRegion region_;
};

}  // namespace qr
