// SPDX-License-Identifier: GPL-2.0-or-later
//
// Names of run states and events, as QEMU's clients know them. Source: QMP's documentation.
#include "sysemu/run_control.h"

namespace qr {

std::string_view run_state_name(RunState state) {
    constexpr std::string_view kNames[] = {"prelaunch", "running", "paused", "debug", "shutdown", "suspended"};
    return kNames[static_cast<size_t>(state)];
}

std::string_view run_event_name(RunEvent::Kind kind) {
    constexpr std::string_view kNames[] = {"STOP", "RESUME", "RESET", "SHUTDOWN", "POWERDOWN", "SUSPEND", "WAKEUP"};
    return kNames[static_cast<size_t>(kind)];
}

}  // namespace qr
