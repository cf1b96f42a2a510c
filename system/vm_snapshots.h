// SPDX-License-Identifier: GPL-2.0-or-later
//
// savevm, loadvm, delvm. Live, a snapshot is in the images of the drives, as QEMU has it: every qcow2 that is written
// gets an internal snapshot, and the first one keeps the machine's state, too; what goes into temporary overlays
// (-snapshot) is kept as long as this process. A recording has its snapshots in the log; in a replay one may go there.
// VM thread. Source: docs/monitor.rst, "Snapshots".
#pragma once

#include <map>
#include <string>
#include <vector>

#include "replay/log_reader.h"
#include "replay/log_writer.h"
#include "sysemu/snapshot_control.h"
#include "system/machine.h"
#include "system/machine_config.h"

namespace qr {

class VmSnapshots final : public SnapshotControl {
  public:
    VmSnapshots(Machine& machine, const MachineConfig& config) : machine_(machine), config_(config) {}
    ~VmSnapshots() override;

    void record_with(LogWriter* writer) { writer_ = writer; }
    void replay_with(const LogReader* reader) { reader_ = reader; }

    Result<void> save(const std::string& name) override;
    Result<void> load(const std::string& name) override;
    Result<void> remove(const std::string& name) override;
    Result<List> list() override;

  private:
    // Of drives with temporary overlays: versions of what they hold, pinned; the machine, if the first one is of these.
    struct Kept {
        Entry entry;
        std::vector<uint8_t> machine;
        std::map<HostDrive*, uint64_t> versions;
    };
    // The drives that belong to a snapshot; the first one keeps the machine's state. An error if there is none, or one
    // that is written and can't have any.
    Result<std::vector<HostDrive*>> drives() const;
    std::string id_in(HostDrive& drive, const std::string& name) const;  // empty: it hasn't got it
    Result<void> save_live(const std::string& name);
    Result<void> save_to_log(const std::string& name);
    Result<void> create_on(const std::vector<HostDrive*>& drives, Entry entry, std::vector<uint8_t> machine);
    Result<void> load_live(const std::string& name);
    Result<void> load_from_log(const std::string& name);
    Result<void> remove_from(const std::vector<HostDrive*>& drives, const std::string& name);
    void forget(const std::string& name);

    // A replay may have gone on as a live machine.
    bool replaying() { return reader_ && machine_.door().replaying(); }

    Machine& machine_;
    const MachineConfig& config_;
    LogWriter* writer_ = nullptr;
    const LogReader* reader_ = nullptr;
    std::map<std::string, Kept> kept_;
    std::vector<Entry> recorded_;
};

}  // namespace qr
