// SPDX-License-Identifier: GPL-2.0-or-later
//
// QEMU's qtest protocol: a test script drives the devices' registers in place of a CPU, and the virtual clock
// by hand. Source: docs/devel/qtest.rst of QEMU's documentation. VM thread only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "chardev/char.h"
#include "exec/ioport.h"
#include "exec/memory.h"
#include "sysemu/clock.h"

namespace qr {

class Qtest {
  public:
    struct Target {
        AddressSpace& memory;
        IoPortSpace& ports;
        VirtualClock& clock;
        // Starts telling of interrupt inputs' changes.
        std::function<void(std::function<void(int, bool)>)> watch_interrupts;
        std::function<void(int, bool)> set_interrupt;
    };
    Qtest(Door& door, Target target);

    CharEnd& end() { return end_; }

  private:
    void received(CharInput& input);
    void execute(const std::string& line);
    void reply(std::string_view text);
    bool access(const std::vector<std::string>& words);
    bool block(const std::vector<std::string>& words);
    void advance(int64_t until_ns);

    Target target_;
    CharEnd end_;
    std::string line_;
    bool watching_ = false;
};

}  // namespace qr
