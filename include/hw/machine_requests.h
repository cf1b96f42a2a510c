// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a person does to the machine's case: buttons, and a debugger's hand on the bus. Each is an input that goes
// through the door, and is recorded. VM thread only, at a boundary; nothing happens in replay. Source: none.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace qr {

class MachineRequests {
  public:
    virtual ~MachineRequests() = default;
    virtual void reset() = 0;
    virtual void press_power_button() = 0;
    virtual void nmi() = 0;
    // size: 1, 2 or 4. With all side effects.
    virtual uint32_t read_port(uint16_t port, unsigned size) = 0;
    virtual void write_port(uint16_t port, unsigned size, uint32_t value) = 0;
    // Changes what is read there, ROM too. physical: else `address` is a linear one. False if a byte isn't memory.
    virtual bool write_memory(uint64_t address, bool physical, std::span<const uint8_t> data) = 0;
    // By debuggers' names. False: the register can't have this value.
    virtual bool write_register(std::string_view name, std::span<const uint8_t> value) = 0;
};

}  // namespace qr
