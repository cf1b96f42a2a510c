// SPDX-License-Identifier: GPL-2.0-or-later
//
// A whole machine to a snapshot and back; see vm_state.h.
#include "system/vm_state.h"

#include <fmt/format.h>

#include "replay/checkpoint_log.h"
#include "replay/snapshot.h"

namespace qr {

namespace {

constexpr const char* kMachine = "machine";

// What load_snapshot() doesn't look at.
Result<void> prepare(std::span<const uint8_t> snapshot, Machine& machine, const MachineConfig& config) {
    auto extras = read_snapshot_extras(snapshot);
    if (!extras) return extras.error();
    if (const auto found = extras->sections.find(kMachine); found != extras->sections.end()) {
        auto then = MachineConfig::from_json({found->second.begin(), found->second.end()});
        if (!then) return Error{fmt::format("the snapshot is damaged: {}", then.error().message)};
        if (auto same = check_same_hardware(config, *then); !same) return same;
    }
    return machine.drives().provide(extras->sections);
}

}  // namespace

Result<std::vector<uint8_t>> save_machine(Machine& machine, const MachineConfig& config, const std::string& name,
                                          uint64_t most_written) {
    machine.door().set_icount(machine.clock().icount());
    SnapshotExtras extras;
    extras.name = name;
    const std::string json = config.to_json();
    extras.sections[kMachine].assign(json.begin(), json.end());
    if (auto done = machine.drives().contents(extras.sections, most_written); !done) return done.error();
    return save_snapshot(machine.board().root(), machine.board().memory(), extras);
}

Result<void> check_machine(std::span<const uint8_t> snapshot, Machine& machine, const MachineConfig& config) {
    if (auto ready = prepare(snapshot, machine, config); !ready) return ready;
    return check_snapshot(snapshot, machine.board().root(), machine.board().memory());
}

Result<void> load_machine(std::span<const uint8_t> snapshot, Machine& machine, const MachineConfig& config) {
    if (auto ready = prepare(snapshot, machine, config); !ready) return ready;
    if (auto done = load_snapshot(snapshot, machine.board().root(), machine.board().memory()); !done) return done;
    machine.loop().relocated();
    return {};
}

Result<void> begin_where_recorded(const LogReader& log, Machine& machine, const MachineConfig& config) {
    if (log.trimmed()) {
        const CheckpointReader checkpoints(log);
        if (checkpoints.empty()) return Error{fmt::format("log '{}' has lost its beginning, and no checkpoint is left", log.name())};
        const auto provide = [&](std::span<const CheckpointSections> all) { return machine.drives().provide(all); };
        if (auto done = checkpoints.load(checkpoints.first(), machine.board().root(), machine.board().memory(), provide); !done)
            return done;
        machine.loop().relocated();
        return {};
    }
    if (!log.header().start) return {};
    const auto all = log.snapshots(1);
    if (!all) return all.error();
    if (all->empty() || all->front().position != *log.header().start)
        return Error{fmt::format("log '{}' begins in the middle of a run, and has no snapshot of it", log.name())};
    const auto bytes = log.snapshot(all->front(), kLargestSnapshot);
    if (!bytes) return bytes.error();
    if (auto done = load_machine(*bytes, machine, config); !done)
        return Error{fmt::format("log '{}': {}", log.name(), done.error().message)};
    return {};
}

}  // namespace qr
