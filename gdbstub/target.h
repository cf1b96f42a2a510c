// SPDX-License-Identifier: GPL-2.0-or-later
//
// The machine and the program around it, as gdb sees them. Source: none (docs/gdb.rst).
#pragma once

#include <functional>
#include <string>

#include "hw/machine_requests.h"
#include "sysemu/debug_control.h"
#include "sysemu/replay.h"
#include "sysemu/run_control.h"
#include "target/i386/cpu.h"

namespace qr {

struct GdbTarget {
    // VM thread, at a boundary. The CPU is only looked at.
    i386::Cpu& cpu;
    DebugControl& debug;
    RunControl& run;
    MachineRequests& requests;
    Door& door;  // its own rules
    // I/O thread: does what a monitor's line says, and tells what it printed.
    std::function<void(const std::string& line, std::function<void(std::string)> done)> monitor{};
    // Any thread: somebody else looks at the machine, too.
    std::function<bool()> watched{};
    // A line for the user.
    std::function<void(const std::string&)> notice{};
};

}  // namespace qr
