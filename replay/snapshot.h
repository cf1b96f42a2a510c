// SPDX-License-Identifier: GPL-2.0-or-later
// The whole machine as bytes, and back: all state and all RAM. A snapshot that is damaged, or of
// another machine, is refused and leaves the machine as it was. Source: docs/replay-format.rst,
// "Snapshots".
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "exec/memory.h"
#include "replay/state_changes.h"
#include "sysemu/state_root.h"
#include "util/result.h"

namespace qr {

// What is in a snapshot beside state and RAM.
struct SnapshotExtras {
    std::string name;  // for people; may be empty
    // Whatever belongs to it, by name: "machine" is its description, "drive.ide0-hd0" what a disk
    // holds. Readers ignore those they don't know.
    std::map<std::string, std::vector<uint8_t>> sections;
};

std::vector<uint8_t> save_snapshot(StateRoot& root, AddressSpace& memory,
                                   const SnapshotExtras& extras = {});

// At an instruction boundary. Calls root.after_load() when all is in place (also when the old state
// was put back). Pages that change are written as a device would; what the CPU derived from other
// state it must forget in after_load(). changes: what an older build's snapshot may lack.
Result<void> load_snapshot(std::span<const uint8_t> bytes, StateRoot& root, AddressSpace& memory,
                           std::span<const StateChange> changes = kStateChanges);
// Would it succeed? The state is loaded, and put back.
Result<void> check_snapshot(std::span<const uint8_t> bytes, StateRoot& root, AddressSpace& memory,
                            std::span<const StateChange> changes = kStateChanges);

// Checked by the hash of the whole.
Result<SnapshotExtras> read_snapshot_extras(std::span<const uint8_t> bytes);
// From its beginning alone, unchecked. Nothing: it is no snapshot.
std::optional<std::string> snapshot_name(std::span<const uint8_t> beginning);

}  // namespace qr
