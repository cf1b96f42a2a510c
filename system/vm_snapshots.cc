// SPDX-License-Identifier: GPL-2.0-or-later
//
// Snapshots of the whole machine; see vm_snapshots.h. Messages are QEMU's, as its users and scripts know them.
//
// Going to one is done in this order, so that a snapshot that can't be gone to changes nothing: all is read and checked,
// the machine's state by loading it and putting the present one back; then the disks go, then the machine.
#include "system/vm_snapshots.h"

#include <algorithm>
#include <ctime>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "block/drive_snapshots.h"
#include "replay/snapshot.h"
#include "system/standstill.h"
#include "system/vm_state.h"

namespace qr {

namespace {

SnapshotControl::Entry entry_of(const qcow2::Snapshot& s) {
    SnapshotControl::Entry e{s.id, s.name, s.vm_state_bytes, static_cast<int64_t>(s.date_s), s.vm_clock_ns, {}};
    if (s.icount != ~uint64_t{0}) e.icount = s.icount;
    return e;
}

Error missing(const std::string& name) {
    return Error{fmt::format("Snapshot '{}' does not exist in one or more devices", name)};
}

}  // namespace

VmSnapshots::~VmSnapshots() = default;

Result<std::vector<HostDrive*>> VmSnapshots::drives() const {
    std::vector<HostDrive*> found;
    for (const auto& drive : machine_.drives().all()) {
        if (!is_written(*drive)) continue;
        if (drive->mode() == HostDrive::Mode::kDirect && !has_disk_snapshots(*drive))
            return Error{fmt::format("Device '{}' is writable but does not support snapshots", drive->id())};
        if (drive->mode() == HostDrive::Mode::kRecorded)
            return Error{fmt::format("Device '{}' writes to the overlay of a recording, which has no snapshots", drive->id())};
        found.push_back(drive.get());
    }
    if (found.empty()) return Error{"no block device can store vmstate for snapshot"};
    return found;
}

std::string VmSnapshots::id_in(HostDrive& drive, const std::string& name) const {
    if (!has_disk_snapshots(drive)) {
        const auto kept = kept_.find(name);
        return kept != kept_.end() && kept->second.versions.contains(&drive) ? name : std::string();
    }
    for (const qcow2::Snapshot& s : disk_snapshots(drive))
        if (s.name == name) return s.id;
    return {};
}

// ---- saving ----

Result<void> VmSnapshots::save(const std::string& given) {
    if (replaying()) return Error{"the machine is replaying a recording: its snapshots are those of the log"};
    std::string name = given;
    if (name.empty()) name = fmt::format("vm-{:%Y%m%d%H%M%S}", fmt::localtime(std::time(nullptr)));
    if (name.size() > 255) return Error{fmt::format("a snapshot's name has at most 255 characters: '{}'", name)};
    return writer_ ? save_to_log(name) : save_live(name);
}

Result<void> VmSnapshots::save_live(const std::string& name) {
    const auto drives = this->drives();
    if (!drives) return drives.error();
    const Standstill still(machine_.loop());
    machine_.door().settle();
    auto state = save_machine(machine_, config_, name);
    if (!state) return state.error();
    Entry entry;
    entry.name = name;
    entry.vm_bytes = state->size();
    entry.date_s = std::time(nullptr);
    entry.vm_clock_ns = static_cast<uint64_t>(machine_.clock().now_ns());
    entry.icount = machine_.clock().icount();
    if (auto done = remove_from(*drives, name); !done) return done;
    if (auto done = create_on(*drives, entry, std::move(*state)); !done) {
        static_cast<void>(remove_from(*drives, name));
        return done;
    }
    return {};
}

Result<void> VmSnapshots::create_on(const std::vector<HostDrive*>& drives, Entry entry, std::vector<uint8_t> machine) {
    qcow2::Snapshot description;
    description.name = entry.name;
    description.date_s = static_cast<uint32_t>(entry.date_s);
    description.vm_clock_ns = entry.vm_clock_ns;
    description.icount = *entry.icount;
    for (HostDrive* drive : drives) {
        const bool first = drive == drives[0];
        if (has_disk_snapshots(*drive)) {
            const auto state = first ? std::span<const uint8_t>(machine) : std::span<const uint8_t>();
            if (auto done = create_disk_snapshot(*drive, description, state); !done)
                return Error{fmt::format("Error while creating snapshot on '{}': {}", drive->id(), done.error().message)};
            continue;
        }
        Kept& kept = kept_[entry.name];
        kept.entry = entry;
        kept.versions[drive] = drive->version();
        if (first) kept.machine = std::move(machine);
        else kept.entry.vm_bytes = 0;
    }
    return {};
}

Result<void> VmSnapshots::save_to_log(const std::string& name) {
    const Standstill still(machine_.loop());
    machine_.door().settle();
    auto state = save_machine(machine_, config_, name);
    if (!state) return state.error();
    Entry entry;
    entry.id = std::to_string(recorded_.size() + 1);
    entry.name = name;
    entry.vm_bytes = state->size();
    entry.date_s = std::time(nullptr);
    entry.vm_clock_ns = static_cast<uint64_t>(machine_.clock().now_ns());
    entry.icount = machine_.clock().icount();
    writer_->snapshot(machine_.door().position(), machine_.clock().now_ns(), std::move(*state));
    if (writer_->failed()) return writer_->error();
    std::erase_if(recorded_, [&](const Entry& e) { return e.name == name; });
    recorded_.push_back(entry);
    return {};
}

// ---- going to one ----

Result<void> VmSnapshots::load(const std::string& name) {
    if (writer_) return Error{"the machine is being recorded, and a recording only goes on: stop it before going back"};
    return replaying() ? load_from_log(name) : load_live(name);
}

Result<void> VmSnapshots::load_live(const std::string& name) {
    const auto drives = this->drives();
    if (!drives) return drives.error();
    for (HostDrive* drive : *drives)
        if (id_in(*drive, name).empty()) return missing(name);
    HostDrive& first = *drives->front();
    Entry entry;
    std::vector<uint8_t> state;
    if (has_disk_snapshots(first)) {
        for (const qcow2::Snapshot& s : disk_snapshots(first))
            if (s.name == name) entry = entry_of(s);
        if (!entry.vm_bytes) return Error{"This is a disk-only snapshot. Revert to it offline using qemu-img"};
        auto read = read_machine_state(first, entry.id);
        if (!read) return read.error();
        state = std::move(*read);
        if (state.size() >= 4 && std::equal(state.begin(), state.begin() + 4, "QEVM"))
            return Error{fmt::format("Snapshot '{}' was made by QEMU: its VM state is in a format of its own", name)};
    } else {
        entry = kept_.at(name).entry;
        state = kept_.at(name).machine;
    }
    for (HostDrive* drive : *drives) {
        if (!has_disk_snapshots(*drive)) continue;
        if (auto good = check_disk_snapshot(*drive, id_in(*drive, name)); !good)
            return Error{fmt::format("Could not load snapshot '{}' on '{}': {}", name, drive->id(), good.error().message)};
    }
    const Standstill still(machine_.loop());
    if (auto good = check_machine(state, machine_, config_); !good)
        return Error{fmt::format("Could not load snapshot '{}': {}", name, good.error().message)};
    for (HostDrive* drive : *drives) {
        if (!has_disk_snapshots(*drive)) continue;
        if (auto done = apply_disk_snapshot(*drive, id_in(*drive, name)); !done)
            return Error{fmt::format("Could not load snapshot '{}' on '{}': {}", name, drive->id(), done.error().message)};
    }
    if (auto done = load_machine(state, machine_, config_); !done)
        return Error{fmt::format("Could not load snapshot '{}': {}", name, done.error().message)};
    // How fast virtual time goes is this run's affair.
    if (!config_.auto_shift) machine_.clock().set_rate(config_.start_rate());
    if (config_.rtc_clock == "host") machine_.loop().calendar_passed(std::chrono::seconds(std::time(nullptr) - entry.date_s));
    return {};
}

Result<void> VmSnapshots::load_from_log(const std::string& name) {
    const auto all = reader_->snapshots();
    if (!all) return all.error();
    const auto found = std::find_if(all->rbegin(), all->rend(), [&](const auto& ref) { return ref.name == name; });
    if (found == all->rend()) return Error{fmt::format("Snapshot '{}' does not exist in the log '{}'", name, reader_->name())};
    const auto bytes = reader_->snapshot(*found, kLargestSnapshot);
    if (!bytes) return bytes.error();
    const Standstill still(machine_.loop());
    if (auto done = load_machine(*bytes, machine_, config_); !done)
        return Error{fmt::format("Could not load snapshot '{}': {}", name, done.error().message)};
    return {};
}

// ---- the others ----

void VmSnapshots::forget(const std::string& name) {
    const auto kept = kept_.find(name);
    if (kept == kept_.end()) return;
    for (const auto& [drive, version] : kept->second.versions) {
        const bool needed = std::ranges::any_of(kept_, [&, d = drive, v = version](const auto& other) {
            const auto its = other.second.versions.find(d);
            return other.first != name && its != other.second.versions.end() && its->second == v;
        });
        if (!needed) drive->release_version(version);
    }
    kept_.erase(kept);
}

Result<void> VmSnapshots::remove_from(const std::vector<HostDrive*>& drives, const std::string& name) {
    for (HostDrive* drive : drives) {
        if (!has_disk_snapshots(*drive)) continue;
        const std::string id = id_in(*drive, name);
        if (id.empty()) continue;
        if (auto done = delete_disk_snapshot(*drive, id); !done)
            return Error{fmt::format("Could not delete snapshot '{}' on '{}': {}", name, drive->id(), done.error().message)};
    }
    forget(name);
    return {};
}

Result<void> VmSnapshots::remove(const std::string& name) {
    if (writer_ || replaying()) return Error{"a log keeps all snapshots that were put into it"};
    std::vector<HostDrive*> some;
    for (const auto& drive : machine_.drives().all()) {
        if (!is_written(*drive)) continue;
        if (drive->mode() == HostDrive::Mode::kDirect && !has_disk_snapshots(*drive))
            return Error{fmt::format("Device '{}' is writable but does not support snapshots", drive->id())};
        some.push_back(drive.get());
    }
    return remove_from(some, name);
}

Result<SnapshotControl::List> VmSnapshots::list() {
    List list;
    if (writer_) {
        list.loadable = recorded_;
        return list;
    }
    if (replaying()) {
        const auto all = reader_->snapshots();
        if (!all) return all.error();
        for (const auto& ref : *all) {
            if (ref.name.empty()) continue;
            list.loadable.push_back({std::to_string(ref.id + 1), ref.name, ref.size, 0, static_cast<uint64_t>(ref.virtual_ns),
                                     ref.position.icount});
        }
        return list;
    }
    std::vector<HostDrive*> with;
    for (const auto& drive : machine_.drives().all())
        if (is_written(*drive)) with.push_back(drive.get());
    if (with.empty()) return Error{"no block device can store vmstate for snapshot"};
    const bool possible = drives().ok();
    for (HostDrive* drive : with) {
        List::Partial partial{drive->id(), {}};
        std::vector<Entry> entries;
        if (has_disk_snapshots(*drive)) {
            for (const qcow2::Snapshot& s : disk_snapshots(*drive)) entries.push_back(entry_of(s));
        } else {
            for (const auto& [name, kept] : kept_)
                if (kept.versions.contains(drive)) entries.push_back(kept.entry);
        }
        for (const Entry& e : entries) {
            const bool everywhere =
                possible && std::ranges::all_of(with, [&](HostDrive* other) { return !id_in(*other, e.name).empty(); });
            if (!everywhere) partial.entries.push_back(e);
            else if (drive == with.front()) list.loadable.push_back(e);
        }
        if (!partial.entries.empty()) list.partial.push_back(std::move(partial));
    }
    return list;
}

}  // namespace qr
