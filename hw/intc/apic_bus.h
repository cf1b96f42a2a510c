// SPDX-License-Identifier: GPL-2.0-or-later
// The bus that joins local APICs and I/O APICs, and takes message-signalled interrupts out of
// memory writes. Without state of its own: messages arrive within the instruction that sends them.
// Source: SDM volume 3A, 10.6.2 (determining the destination), 10.11.1 (message address).
#pragma once

#include <vector>

#include "exec/io.h"
#include "hw/apic_bus.h"

namespace qr {

class ApicSystemBus final : public ApicBus {
  public:
    ApicSystemBus();

    // In the order of APIC IDs, which settles ties in lowest-priority delivery.
    void add_local(ApicAgent& agent) { locals_.push_back(&agent); }
    void add_io(ApicEoiListener& io_apic) { io_apics_.push_back(&io_apic); }

    bool deliver(const ApicMessage& message, const ApicAgent* except = nullptr) override;
    void broadcast_eoi(uint8_t vector) override;

    // FEE00000H, 1 MiB: what bus masters write here are interrupts. The local APIC's page goes on
    // top.
    IoRegion& msi_region() { return msi_region_; }

  private:
    std::vector<ApicAgent*> locals_;
    std::vector<ApicEoiListener*> io_apics_;
    IoRegion msi_region_;
};

}  // namespace qr
