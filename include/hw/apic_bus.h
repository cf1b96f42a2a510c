// SPDX-License-Identifier: GPL-2.0-or-later
// Messages between I/O APICs, local APICs and devices that send message-signalled interrupts. VM
// thread only. Source: SDM volume 3A, 10.6 (interprocessor messages), 10.11 (MSI); 82093AA data
// sheet.
#pragma once

#include <cstdint>

#include "util/bits.h"

namespace qr {

enum class ApicDelivery : uint8_t {
    kFixed = 0,
    kLowestPriority = 1,
    kSmi = 2,
    kReserved = 3,
    kNmi = 4,
    kInit = 5,
    kStartup = 6,
    kExtInt = 7,
};

struct ApicMessage {
    uint8_t destination = 0;  // APIC ID, or logical destination; 0xFF: everybody
    bool logical = false;
    ApicDelivery delivery = ApicDelivery::kFixed;
    uint8_t vector = 0;
    bool assert_level = true;      // false only for INIT level de-assert
    bool level_triggered = false;  // the receiver's EOI is broadcast
};

class ApicAgent;

class ApicBus {
  public:
    virtual ~ApicBus() = default;
    // To all that match but `except`. False if no local APIC accepted it.
    virtual bool deliver(const ApicMessage& message, const ApicAgent* except = nullptr) = 0;
    // A local APIC completed a level-triggered interrupt: I/O APICs clear Remote IRR.
    virtual void broadcast_eoi(uint8_t vector) = 0;
};

// A local APIC as the bus sees it.
class ApicAgent {
  public:
    virtual ~ApicAgent() = default;
    virtual bool matches(uint8_t destination, bool logical) const = 0;
    // Takes part in lowest-priority delivery: enabled by hardware and software.
    virtual bool accepts_vectors() const = 0;
    virtual uint8_t arbitration_priority() const = 0;
    // Already has the vector requested or in service, and focus checking is on (10.6.2.4).
    virtual bool is_focus(uint8_t vector) const = 0;
    virtual bool accept(const ApicMessage& message) = 0;
};

class ApicEoiListener {
  public:
    virtual ~ApicEoiListener() = default;
    virtual void eoi(uint8_t vector) = 0;
};

// A memory write by a bus master to FEExxxxxH is an interrupt, not data.
constexpr bool is_msi_address(uint64_t address) { return address >> 20 == 0xFEE; }

constexpr ApicMessage decode_msi(uint64_t address, uint32_t data) {
    ApicMessage m;
    m.destination = static_cast<uint8_t>(bits(address, 12, 8));
    m.logical = bit(address, 2);
    m.delivery = static_cast<ApicDelivery>(bits(data, 8, 3));
    m.vector = static_cast<uint8_t>(data);
    m.level_triggered = bit(data, 15);
    m.assert_level = !m.level_triggered || bit(data, 14);
    return m;
}

}  // namespace qr
