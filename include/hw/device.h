// SPDX-License-Identifier: GPL-2.0-or-later
// What every device of the guest is. See docs/architecture.rst, "A device". VM thread only.
#pragma once

#include <string>
#include <utility>

#include "sysemu/state.h"

namespace qr {

class Device {
  public:
    // name: unique in the machine, the prefix of all its state ("i8254", "serial0").
    explicit Device(std::string name) : name_(std::move(name)) {}
    virtual ~Device() = default;
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;

    const std::string& name() const { return name_; }

    // Hardware reset: the state that the data sheet gives after RESET# (also at power-on, once, after
    // the constructor).
    virtual void reset() = 0;

    // Every field that the future depends on.
    virtual void state(StateVisitor& v) = 0;

    // Rebuilds what is derived from state (memory mappings, cached tables) after a restore. Every
    // device has its fields by then. Must not raise interrupts or arm timers.
    virtual void after_load() {}

  private:
    std::string name_;
};

}  // namespace qr
