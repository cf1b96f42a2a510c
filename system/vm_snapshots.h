// SPDX-License-Identifier: GPL-2.0-or-later
//
// savevm, loadvm, delvm; snapshot-save, -load, -delete. Live, a snapshot is in the images of the drives, as QEMU has it: every qcow2 that is written
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
    Result<void> save_on(const Choice& choice, const std::string& name) override;
    Result<void> load_from(const Choice& choice, const std::string& name) override;
    Result<void> remove_from(const std::vector<std::string>& devices, const std::string& name) override;
    Result<List> list() override;
    std::vector<Entry> of_drive(const std::string& id) override;

  private:
    // Of drives with temporary overlays: versions of what they hold, pinned; the machine, if one of them keeps it.
    struct Kept {
        Entry entry;
        HostDrive* keeper = nullptr;
        std::vector<uint8_t> machine;
        std::map<HostDrive*, uint64_t> versions;
    };
    // Drives that belong to a snapshot; the first one keeps the machine's state.
    using Members = std::vector<HostDrive*>;
    // All that are written. An error if there is none, or one that can't have any.
    Result<Members> all_written() const;
    // By nodes; of a log they only have to exist.
    Result<Members> chosen(const std::vector<std::string>& devices) const;
    Result<Members> chosen(const Choice& choice) const;
    std::string id_in(HostDrive& drive, const std::string& name) const;  // empty: it hasn't got it
    std::vector<Entry> entries_of(HostDrive& drive) const;
    Entry describe(const std::string& name, uint64_t vm_bytes) const;
    Result<void> save_live(const Members& drives, const std::string& name);
    Result<void> save_to_log(const std::string& name);
    Result<void> create_on(const Members& drives, const Entry& entry, std::vector<uint8_t> machine);
    Result<void> load_live(const Members& drives, const std::string& name);
    Result<void> load_from_log(const std::string& name);
    Result<void> remove_live(const Members& drives, const std::string& name);
    void forget(const std::string& name);
    bool in_log() const { return writer_ || replaying(); }

    // A replay may have gone on as a live machine.
    bool replaying() const { return reader_ && machine_.door().replaying(); }

    Machine& machine_;
    const MachineConfig& config_;
    LogWriter* writer_ = nullptr;
    const LogReader* reader_ = nullptr;
    std::map<std::string, Kept> kept_;
    std::vector<Entry> recorded_;
};

}  // namespace qr
