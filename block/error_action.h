// SPDX-License-Identifier: GPL-2.0-or-later
//
// What is done about the host's errors, by QEMU's names: rerror= and werror= of drives and devices.
// Source: qemu-system-i386(1), "-drive".
#pragma once

#include <cstdint>
#include <iterator>
#include <optional>
#include <string_view>

namespace qr {

enum class ErrorAction : uint8_t {
    kReport,  // the guest is told
    kIgnore,  // the guest is told that all is well
    kStop,    // the machine stops, and tries again when it goes on
    kEnospc,  // kStop if the host has no room, else kReport
};

constexpr std::string_view kErrorActionNames[] = {"report", "ignore", "stop", "enospc"};

constexpr std::string_view error_action_name(ErrorAction action) { return kErrorActionNames[static_cast<size_t>(action)]; }

constexpr std::optional<ErrorAction> parse_error_action(std::string_view name) {
    for (size_t i = 0; i < std::size(kErrorActionNames); ++i)
        if (kErrorActionNames[i] == name) return static_cast<ErrorAction>(i);
    return std::nullopt;
}

constexpr bool may_stop(ErrorAction action) { return action == ErrorAction::kStop || action == ErrorAction::kEnospc; }

}  // namespace qr
