// SPDX-License-Identifier: GPL-2.0-or-later
// The machine's state, as it changed from build to build: fields that came, and fields that went. A
// snapshot says with which version of this list it was made; what it lacks of later fields gets the
// value that is given here, what it has of fields that are gone is dropped.
//
// Whoever adds a field to some state() adds a row: the next version, the path (with [*] for any
// index), and the value under which the machine does what it did before there was the field. Only
// numbers have a value; runs of bytes become zeroes. No such value: no row, and kOldestState rises.
// A field that a guest can notice needs a new behaviour version, too (behaviour.h).
// Source: docs/replay-format.rst, "Snapshots".
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace qr {

struct StateChange {
    uint32_t version;       // the first one with this change
    bool added;             // false: the field went
    std::string_view path;  // "i8254.channel[*].latched"
    uint64_t value = 0;     // of an added number, where a snapshot hasn't got it
};

constexpr std::array<StateChange, 0> kStateChanges{};
constexpr uint32_t kStateVersion = 1;  // the highest of the list
constexpr uint32_t kOldestState = 1;

// Does a path fit one of the list's? "a[*].b" fits "a[0].b" and "a[12].b".
constexpr bool fits_state_path(std::string_view pattern, std::string_view path) {
    while (!pattern.empty()) {
        if (pattern.starts_with("[*]") && path.starts_with('[')) {
            const size_t end = path.find(']');
            if (end == std::string_view::npos) return false;
            pattern.remove_prefix(3);
            path.remove_prefix(end + 1);
            continue;
        }
        if (path.empty() || path[0] != pattern[0]) return false;
        pattern.remove_prefix(1);
        path.remove_prefix(1);
    }
    return path.empty();
}

// The change that explains why a dump of state version `version` has (added: has not) the field.
constexpr const StateChange* find_state_change(std::span<const StateChange> changes,
                                               uint32_t version, bool added,
                                               std::string_view path) {
    for (const StateChange& change : changes)
        if (change.version > version && change.added == added &&
            fits_state_path(change.path, path))
            return &change;
    return nullptr;
}

}  // namespace qr
