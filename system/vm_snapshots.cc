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

constexpr size_t kLongestName = 255;

SnapshotControl::Entry entry_of(const qcow2::Snapshot& s) {
    SnapshotControl::Entry e{s.id, s.name, s.vm_state_bytes, static_cast<int64_t>(s.date_s), s.date_ns, s.vm_clock_ns, {}};
    if (s.icount != ~uint64_t{0}) e.icount = s.icount;
    return e;
}

Error missing(const std::string& name) {
    return Error{fmt::format("Snapshot '{}' does not exist in one or more devices", name)};
}

Result<void> check_name(const std::string& name) {
    if (name.empty()) return Error{"a snapshot's name can't be empty"};
    if (name.size() > kLongestName)
        return Error{fmt::format("a snapshot's name has at most {} characters: '{}'", kLongestName, name)};
    return {};
}

// Of one that is written.
Result<void> check_can_have(HostDrive& drive) {
    if (drive.mode() == HostDrive::Mode::kDirect && !has_disk_snapshots(drive))
        return Error{fmt::format("Device '{}' is writable but does not support snapshots", drive.id())};
    if (drive.mode() == HostDrive::Mode::kRecorded)
        return Error{fmt::format("Device '{}' writes to the overlay of a recording, which has no snapshots", drive.id())};
    return {};
}

bool has_node(HostDrive& drive, const std::string& name) {
    return std::ranges::any_of(drive.nodes(), [&](const HostDrive::Node& n) { return n.name == name; });
}

const char* const kSavedInReplay = "the machine is replaying a recording: its snapshots are those of the log";
const char* const kLoadedInRecording = "the machine is being recorded, and a recording only goes on: stop it before going back";
const char* const kRemovedFromLog = "a log keeps all snapshots that were put into it";

}  // namespace

VmSnapshots::~VmSnapshots() = default;

// ---- which drives ----

Result<VmSnapshots::Members> VmSnapshots::all_written() const {
    Members found;
    for (const auto& drive : machine_.drives().all()) {
        if (!is_written(*drive)) continue;
        if (auto good = check_can_have(*drive); !good) return good.error();
        found.push_back(drive.get());
    }
    if (found.empty()) return Error{"no block device can store vmstate for snapshot"};
    return found;
}

Result<VmSnapshots::Members> VmSnapshots::chosen(const std::vector<std::string>& devices) const {
    if (devices.empty()) return Error{"At least one device is required for snapshot"};
    const auto& all = machine_.drives().all();
    Members found;
    for (const std::string& name : devices) {
        const auto its = std::ranges::find_if(all, [&](const auto& drive) { return has_node(*drive, name); });
        if (its == all.end()) return Error{fmt::format("No block device node '{}'", name)};
        HostDrive& drive = **its;
        if (drive.node() != name)
            return Error{fmt::format("Device '{}' is a part of '{}', and does not support snapshots of its own", name, drive.node())};
        if (!in_log()) {
            if (!is_written(drive)) return Error{fmt::format("Device '{}' is read-only, and does not support snapshots", drive.id())};
            if (auto good = check_can_have(drive); !good) return good.error();
        }
        if (std::ranges::find(found, &drive) == found.end()) found.push_back(&drive);
    }
    return found;
}

Result<VmSnapshots::Members> VmSnapshots::chosen(const Choice& choice) const {
    auto found = chosen(choice.devices);
    if (!found) return found;
    const auto keeper = std::ranges::find(*found, choice.vmstate, [](HostDrive* d) { return d->node(); });
    if (keeper == found->end()) {
        const auto& all = machine_.drives().all();
        const bool known = std::ranges::any_of(all, [&](const auto& drive) { return has_node(*drive, choice.vmstate); });
        return Error{fmt::format("vmstate block device '{}' does not exist{}", choice.vmstate, known ? " among the devices" : "")};
    }
    std::rotate(found->begin(), keeper, keeper + 1);
    if (in_log()) return found;
    // What a temporary overlay holds is a part of the machine's state.
    for (const auto& drive : machine_.drives().all()) {
        if (drive->mode() != HostDrive::Mode::kTemporary || !is_written(*drive)) continue;
        if (std::ranges::find(*found, drive.get()) == found->end())
            return Error{fmt::format("Device '{}' writes to a temporary file, which goes back with the machine: expected its node "
                                     "'{}' among the devices",
                                     drive->id(), drive->node())};
    }
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
    if (replaying()) return Error{kSavedInReplay};
    std::string name = given;
    if (name.empty()) name = fmt::format("vm-{:%Y%m%d%H%M%S}", fmt::localtime(std::time(nullptr)));
    if (auto good = check_name(name); !good) return good;
    if (writer_) return save_to_log(name);
    const auto drives = all_written();
    return drives ? save_live(*drives, name) : Result<void>(drives.error());
}

Result<void> VmSnapshots::save_on(const Choice& choice, const std::string& name) {
    if (replaying()) return Error{kSavedInReplay};
    if (auto good = check_name(name); !good) return good;
    const auto drives = chosen(choice);
    if (!drives) return drives.error();
    const bool exists = writer_ ? std::ranges::any_of(recorded_, [&](const Entry& e) { return e.name == name; })
                                : std::ranges::any_of(*drives, [&](HostDrive* d) { return !id_in(*d, name).empty(); });
    if (exists) return Error{fmt::format("Snapshot '{}' already exists in one or more devices", name)};
    return writer_ ? save_to_log(name) : save_live(*drives, name);
}

SnapshotControl::Entry VmSnapshots::describe(const std::string& name, uint64_t vm_bytes) const {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    Entry entry;
    entry.name = name;
    entry.vm_bytes = vm_bytes;
    entry.date_s = now.tv_sec;
    entry.date_ns = static_cast<uint32_t>(now.tv_nsec);
    entry.vm_clock_ns = static_cast<uint64_t>(machine_.clock().now_ns());
    entry.icount = machine_.clock().icount();
    return entry;
}

Result<void> VmSnapshots::save_live(const Members& drives, const std::string& name) {
    const Standstill still(machine_.loop());
    machine_.door().settle();
    auto state = save_machine(machine_, config_, name);
    if (!state) return state.error();
    const Entry entry = describe(name, state->size());
    if (auto done = remove_live(drives, name); !done) return done;
    if (auto done = create_on(drives, entry, std::move(*state)); !done) {
        static_cast<void>(remove_live(drives, name));
        return done;
    }
    return {};
}

Result<void> VmSnapshots::create_on(const Members& drives, const Entry& entry, std::vector<uint8_t> machine) {
    qcow2::Snapshot description;
    description.name = entry.name;
    description.date_s = static_cast<uint32_t>(entry.date_s);
    description.date_ns = entry.date_ns;
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
        if (!first) continue;
        kept.keeper = drive;
        kept.machine = std::move(machine);
    }
    return {};
}

Result<void> VmSnapshots::save_to_log(const std::string& name) {
    const Standstill still(machine_.loop());
    machine_.door().settle();
    auto state = save_machine(machine_, config_, name);
    if (!state) return state.error();
    Entry entry = describe(name, state->size());
    entry.id = std::to_string(recorded_.size() + 1);
    writer_->snapshot(machine_.door().position(), machine_.clock().now_ns(), std::move(*state));
    if (writer_->failed()) return writer_->error();
    std::erase_if(recorded_, [&](const Entry& e) { return e.name == name; });
    recorded_.push_back(entry);
    return {};
}

// ---- going to one ----

Result<void> VmSnapshots::load(const std::string& name) {
    if (writer_) return Error{kLoadedInRecording};
    if (replaying()) return load_from_log(name);
    const auto drives = all_written();
    return drives ? load_live(*drives, name) : Result<void>(drives.error());
}

Result<void> VmSnapshots::load_from(const Choice& choice, const std::string& name) {
    if (writer_) return Error{kLoadedInRecording};
    const auto drives = chosen(choice);
    if (!drives) return drives.error();
    return replaying() ? load_from_log(name) : load_live(*drives, name);
}

Result<void> VmSnapshots::load_live(const Members& drives, const std::string& name) {
    for (HostDrive* drive : drives)
        if (id_in(*drive, name).empty()) return missing(name);
    HostDrive& first = *drives.front();
    const auto entries = entries_of(first);
    const Entry entry = *std::ranges::find(entries, name, &Entry::name);
    if (!entry.vm_bytes) return Error{"This is a disk-only snapshot. Revert to it offline using qemu-img"};
    std::vector<uint8_t> state;
    if (has_disk_snapshots(first)) {
        auto read = read_machine_state(first, entry.id);
        if (!read) return read.error();
        state = std::move(*read);
        if (state.size() >= 4 && std::equal(state.begin(), state.begin() + 4, "QEVM"))
            return Error{fmt::format("Snapshot '{}' was made by QEMU: its VM state is in a format of its own", name)};
    } else {
        state = kept_.at(name).machine;
    }
    for (HostDrive* drive : drives) {
        if (!has_disk_snapshots(*drive)) continue;
        if (auto good = check_disk_snapshot(*drive, id_in(*drive, name)); !good)
            return Error{fmt::format("Could not load snapshot '{}' on '{}': {}", name, drive->id(), good.error().message)};
    }
    const Standstill still(machine_.loop());
    if (auto good = check_machine(state, machine_, config_); !good)
        return Error{fmt::format("Could not load snapshot '{}': {}", name, good.error().message)};
    for (HostDrive* drive : drives) {
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

Result<void> VmSnapshots::remove_live(const Members& drives, const std::string& name) {
    bool temporary = false;
    for (HostDrive* drive : drives) {
        temporary |= !has_disk_snapshots(*drive);
        const std::string id = has_disk_snapshots(*drive) ? id_in(*drive, name) : std::string();
        if (id.empty()) continue;
        if (auto done = delete_disk_snapshot(*drive, id); !done)
            return Error{fmt::format("Could not delete snapshot '{}' on '{}': {}", name, drive->id(), done.error().message)};
    }
    // One that lacks a part can't be gone to.
    if (temporary) forget(name);
    return {};
}

Result<void> VmSnapshots::remove(const std::string& name) {
    if (in_log()) return Error{kRemovedFromLog};
    Members some;
    for (const auto& drive : machine_.drives().all()) {
        if (!is_written(*drive)) continue;
        if (drive->mode() == HostDrive::Mode::kDirect)
            if (auto good = check_can_have(*drive); !good) return good;
        some.push_back(drive.get());
    }
    return remove_live(some, name);
}

Result<void> VmSnapshots::remove_from(const std::vector<std::string>& devices, const std::string& name) {
    if (in_log()) return Error{kRemovedFromLog};
    const auto drives = chosen(devices);
    return drives ? remove_live(*drives, name) : Result<void>(drives.error());
}

std::vector<SnapshotControl::Entry> VmSnapshots::entries_of(HostDrive& drive) const {
    std::vector<Entry> entries;
    if (drive.mode() == HostDrive::Mode::kDirect || !is_written(drive)) {
        for (const qcow2::Snapshot& s : disk_snapshots(drive)) entries.push_back(entry_of(s));
        return entries;
    }
    for (const auto& [name, kept] : kept_) {
        if (!kept.versions.contains(&drive)) continue;
        entries.push_back(kept.entry);
        entries.back().id = std::to_string(entries.size());
        if (kept.keeper != &drive) entries.back().vm_bytes = 0;
    }
    return entries;
}

std::vector<SnapshotControl::Entry> VmSnapshots::of_drive(const std::string& id) {
    HostDrive* drive = machine_.drives().find(id);
    if (!drive) return {};
    if (!in_log() || !is_written(*drive)) return entries_of(*drive);
    auto all = list();
    return all ? std::move(all->loadable) : std::vector<Entry>{};
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
            list.loadable.push_back({std::to_string(ref.id + 1), ref.name, ref.size, 0, 0, static_cast<uint64_t>(ref.virtual_ns),
                                     ref.position.icount});
        }
        return list;
    }
    std::vector<HostDrive*> with;
    for (const auto& drive : machine_.drives().all())
        if (is_written(*drive)) with.push_back(drive.get());
    if (with.empty()) return Error{"no block device can store vmstate for snapshot"};
    const bool possible = all_written().ok();
    for (HostDrive* drive : with) {
        List::Partial partial{drive->id(), {}};
        for (const Entry& e : entries_of(*drive)) {
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
