// SPDX-License-Identifier: GPL-2.0-or-later
// Routing between APICs. See apic_bus.h.
#include "hw/intc/apic_bus.h"

namespace qr {

ApicSystemBus::ApicSystemBus()
    : msi_region_("apic-msi", 0x100000,
                  {.read = [](uint64_t, unsigned size) { return ones(size); },
                   .write =
                       [this](uint64_t offset, unsigned, uint64_t value) {
                           deliver(decode_msi(offset, static_cast<uint32_t>(value)));
                       },
                   .peek = [](uint64_t, unsigned size) { return ones(size); },
                   .min_size = 4,
                   .max_size = 4}) {}

bool ApicSystemBus::deliver(const ApicMessage& message, const ApicAgent* except) {
    if (message.delivery == ApicDelivery::kLowestPriority) {
        ApicAgent* chosen = nullptr;
        for (ApicAgent* agent : locals_) {
            if (agent == except || !agent->accepts_vectors()) continue;
            if (!agent->matches(message.destination, message.logical)) continue;
            if (agent->is_focus(message.vector)) {
                chosen = agent;
                break;
            }
            if (!chosen || agent->arbitration_priority() < chosen->arbitration_priority())
                chosen = agent;
        }
        return chosen && chosen->accept(message);
    }
    bool accepted = false;
    for (ApicAgent* agent : locals_) {
        if (agent == except) continue;
        if (agent->matches(message.destination, message.logical))
            accepted |= agent->accept(message);
    }
    return accepted;
}

void ApicSystemBus::broadcast_eoi(uint8_t vector) {
    for (ApicEoiListener* io_apic : io_apics_) io_apic->eoi(vector);
}

}  // namespace qr
