// SPDX-License-Identifier: GPL-2.0-or-later
//
// Names of run states and events, as QEMU's clients know them. Source: QMP's documentation.
#include "sysemu/run_control.h"

#include <charconv>

#include <fmt/format.h>

namespace qr {

std::string_view run_state_name(RunState state) {
    constexpr std::string_view kNames[] = {"prelaunch", "running", "paused", "debug", "shutdown",
                                           "suspended", "io-error"};
    return kNames[static_cast<size_t>(state)];
}

std::string_view run_event_name(RunEvent::Kind kind) {
    constexpr std::string_view kNames[] = {"STOP", "RESUME", "RESET", "SHUTDOWN", "POWERDOWN", "SUSPEND", "WAKEUP"};
    return kNames[static_cast<size_t>(kind)];
}

Result<double> parse_replay_speed(std::string_view text) {
    if (text == "max") return 0.0;
    double speed = 0;
    const char* end = text.data() + text.size();
    const auto [at, status] = std::from_chars(text.data(), end, speed, std::chars_format::fixed);
    // Written so that what isn't a number fails, too.
    if (status == std::errc{} && at == end && speed >= kSlowestReplay && speed <= kFastestReplay) return speed;
    return Error{fmt::format("expected a speed from {} to {}, 1 being the recording's own, or max, not '{}'",
                             kSlowestReplay, kFastestReplay, text)};
}

std::string replay_speed_text(double speed) { return speed > 0 ? fmt::format("{}", speed) : "max"; }

}  // namespace qr
