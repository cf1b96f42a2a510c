// SPDX-License-Identifier: GPL-2.0-or-later
// The whole machine as bytes, and back: all state and all RAM. A snapshot that is damaged, or of
// another machine, is refused and leaves the machine as it was. Source: docs/replay-format.rst,
// "Snapshots".
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "exec/memory.h"
#include "sysemu/state_root.h"
#include "util/result.h"

namespace qr {

std::vector<uint8_t> save_snapshot(StateRoot& root, AddressSpace& memory);

// At an instruction boundary. Calls root.after_load() when all is in place (also when the old state
// was put back). Pages that change are written as a device would; what the CPU derived from other
// state it must forget in after_load().
Result<void> load_snapshot(std::span<const uint8_t> bytes, StateRoot& root, AddressSpace& memory);

}  // namespace qr
