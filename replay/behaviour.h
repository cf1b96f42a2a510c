// SPDX-License-Identifier: GPL-2.0-or-later
// The behaviour version: what the CPU and the devices of a build do, as one number.
//
// A log holds the inputs, not the outcome. If a build computes anything differently that a guest
// can see (a flag, the duration of a seek, a register's reset value), a log made before runs
// astray. So every such change adds a line here, and a log says which line it was made under. A
// build either still knows how to behave like that (then its devices ask for the version) or
// refuses the log by that name. Changes that no guest can see (speed, the log's form, backends) do
// not count. Source: docs/replay-format.rst, "Behaviour".
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace qr {

struct Behaviour {
    uint32_t version;
    std::string_view name;  // for people: kept in the log's header too
};

// What this build can replay, oldest first. It records under the last.
constexpr std::array kKnownBehaviours = {
    Behaviour{2, "the PIIX3's IDE function is there, and drives"},
};

constexpr Behaviour kBehaviour = kKnownBehaviours.back();

constexpr bool behaviour_known(uint32_t version) {
    for (const Behaviour& b : kKnownBehaviours)
        if (b.version == version) return true;
    return false;
}

}  // namespace qr
