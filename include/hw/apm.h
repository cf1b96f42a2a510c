// SPDX-License-Identifier: GPL-2.0-or-later
// Advanced power management's command port (0xB2), as whoever acts on commands sees it. VM thread
// only. Source: Intel 82371SB (PIIX3) data sheet, APMC; ACPI 4.7.2.5 (SMI_CMD).
#pragma once

#include <cstdint>

namespace qr {

class ApmSink {
  public:
    virtual ~ApmSink() = default;
    // The guest wrote this to APMC.
    virtual void apm_command(uint8_t value) = 0;
};

}  // namespace qr
