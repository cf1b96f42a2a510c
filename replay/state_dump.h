// SPDX-License-Identifier: GPL-2.0-or-later
// The machine's state as bytes with names: what state() walks, kept in two streams. `shape` is the
// list of names and sizes and hardly ever changes; `values` is what they are, in the same order.
// Digests store the difference to the dump before, snapshots the whole, reports compare field by
// field. Source: docs/replay-format.rst, "State dumps".
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "replay/state_changes.h"
#include "sysemu/state.h"
#include "util/result.h"

namespace qr {

constexpr uint64_t kMaxStateDump = 32 << 20;  // each stream; readers take no more

struct StateDump {
    std::vector<uint8_t> shape;
    std::vector<uint8_t> values;
    uint64_t hash() const;
    bool operator==(const StateDump&) const = default;
};

// Anything with state(StateVisitor&): a device, or a StateRoot.
using StateFunction = std::function<void(StateVisitor&)>;

// Overwrites `dump`, using the memory that it has.
void dump_state(const StateFunction& state, StateDump& dump);
StateDump dump_state(const StateFunction& state);
// For a snapshot: StateVisitor::saving().
StateDump dump_whole_state(const StateFunction& state);

struct StateField {
    std::string path;    // "i8254.channel[0].count"
    unsigned width = 0;  // of a number: 1, 2, 4 or 8 bytes; 0: a run of bytes
    std::span<const uint8_t> value;
};
// The fields of a dump that may come from anywhere. Values point into it.
Result<std::vector<StateField>> list_fields(const StateDump& dump);
// Paths that occur twice: a mistake in some state().
std::vector<std::string> duplicate_paths(const StateDump& dump);

// Puts a dump's values back. A field is found by its path, so another order than the recorded one
// is fine. Fails if the dump lacks one or has one that nobody asked for, and `changes` since its
// `version` don't say why; what was loaded by then stays loaded.
Result<void> load_state(const StateFunction& state, const StateDump& dump,
                        uint32_t version = kStateVersion,
                        std::span<const StateChange> changes = kStateChanges);

inline constexpr std::string_view kAbsent = "absent";
inline constexpr size_t kShownDifferences = 100;
struct FieldDifference {
    std::string path;
    std::string recorded;  // "0x1a2b", or kAbsent
    std::string replayed;
};
// At most `limit` of them, in the order of the first dump.
std::vector<FieldDifference> compare_dumps(const StateDump& recorded, const StateDump& replayed,
                                           size_t limit = kShownDifferences);
// "i8254.channel[0].count: recorded 0x1a2b, replayed 0x1a2c"
std::string describe(const FieldDifference& difference);

}  // namespace qr
