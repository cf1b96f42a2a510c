// SPDX-License-Identifier: GPL-2.0-or-later
// A device on the system management bus, byte by byte as I2C has it. VM thread only.
// Source: System Management Bus Specification 2.0, chapter 5.
#pragma once

#include <cstdint>

namespace qr {

class SmbusSlave {
  public:
    virtual ~SmbusSlave() = default;
    // Addressed, also by a repeated start. False: not acknowledged.
    virtual bool start(bool read) = 0;
    // The master sends a byte. False: not acknowledged.
    virtual bool send(uint8_t value) = 0;
    virtual uint8_t receive() = 0;
    virtual void stop() = 0;
};

}  // namespace qr
