// SPDX-License-Identifier: GPL-2.0-or-later
//
// A whole machine to a snapshot and back, with what its drives need elsewhere and what it is a machine of.
// Source: docs/replay-format.rst, "Snapshots".
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "system/machine.h"
#include "system/machine_config.h"
#include "util/result.h"

namespace qr {

constexpr uint64_t kLargestSnapshot = uint64_t{64} << 30;
// At a boundary. most_written: a recording's drives may have so many bytes in their overlays, else it fails.
constexpr uint64_t kMostWritten = uint64_t{1} << 30;
Result<std::vector<uint8_t>> save_machine(Machine& machine, const MachineConfig& config, const std::string& name,
                                          uint64_t most_written = kMostWritten);

// Could it be loaded? Media of then are opened, and a replay's drives get what they had; the machine stays as it is.
Result<void> check_machine(std::span<const uint8_t> snapshot, Machine& machine, const MachineConfig& config);
// At a boundary; the run loop is told. Nothing changes if it fails.
Result<void> load_machine(std::span<const uint8_t> snapshot, Machine& machine, const MachineConfig& config);

// A log that begins in the middle of a run: the machine goes to its beginning.
Result<void> begin_where_recorded(const LogReader& log, Machine& machine, const MachineConfig& config);

}  // namespace qr
