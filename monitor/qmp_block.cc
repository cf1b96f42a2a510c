// SPDX-License-Identifier: GPL-2.0-or-later
//
// QMP's view of drives and their images. Types and members are those of QEMU's QMP reference.
#include "block/image_info.h"
#include "monitor/handlers.h"
#include "monitor/monitor.h"
#include "monitor/qmp_call.h"

namespace qr {

void Monitor::disk_failed(const HostDrive::Failure& failure) {
    if (sessions_.empty()) return;
    Json data = {{"device", failure.drive},
                 {"node-name", failure.node},
                 {"operation", failure.write ? "write" : "read"},
                 {"action", error_action_name(failure.action)},
                 {"reason", failure.reason}};
    if (failure.no_space) data["nospace"] = *failure.no_space;
    on_io([this, text = data.dump(), when = g_get_real_time()] {
        for (const auto& session : sessions_) session->announce("BLOCK_IO_ERROR", text, when);
    });
}

namespace qmp {

namespace {

Json snapshot_json(const SnapshotControl::Entry& e) {
    constexpr uint64_t kNsPerSecond = 1'000'000'000;
    Json one = {{"id", e.id},
                {"name", e.name},
                {"vm-state-size", e.vm_bytes},
                {"date-sec", e.date_s},
                {"date-nsec", e.date_ns},
                {"vm-clock-sec", e.vm_clock_ns / kNsPerSecond},
                {"vm-clock-nsec", e.vm_clock_ns % kNsPerSecond}};
    if (e.icount) one["icount"] = *e.icount;
    return one;
}

std::vector<SnapshotControl::Entry> entries_of(const ImageInfo& info) {
    std::vector<SnapshotControl::Entry> entries;
    for (const qcow2::Snapshot& s : info.snapshots) {
        entries.push_back({s.id, s.name, s.vm_state_bytes, static_cast<int64_t>(s.date_s), s.date_ns, s.vm_clock_ns, {}});
        if (s.icount != ~uint64_t{0}) entries.back().icount = s.icount;
    }
    return entries;
}

Json image_json(const ImageInfo& info, const std::vector<SnapshotControl::Entry>& snapshots, bool deep) {
    Json image = {{"filename", info.file}, {"format", info.format}, {"virtual-size", info.size}};
    if (info.bytes_on_host) image["actual-size"] = *info.bytes_on_host;
    image["dirty-flag"] = info.qcow2 && (info.qcow2->incompatible & qcow2::kDirty);
    if (info.qcow2) {
        const qcow2::Header& h = *info.qcow2;
        Json data = {{"compat", h.version >= 3 ? "1.1" : "0.10"},
                     {"compression-type", h.zstd ? "zstd" : "zlib"},
                     {"refcount-bits", 1u << h.refcount_order}};
        if (h.version >= 3) {
            data["lazy-refcounts"] = (h.compatible & 1) != 0;
            data["corrupt"] = (h.incompatible & qcow2::kCorrupt) != 0;
            data["extended-l2"] = (h.incompatible & qcow2::kExtendedL2) != 0;
        }
        image["cluster-size"] = h.cluster_bytes();
        image["format-specific"] = {{"type", "qcow2"}, {"data", std::move(data)}};
        if (!h.backing_file.empty()) {
            image["backing-filename"] = h.backing_file;
            if (info.backing) image["full-backing-filename"] = info.backing->file;
            if (!h.backing_format.empty()) image["backing-filename-format"] = h.backing_format;
        }
    }
    if (!snapshots.empty()) {
        image["snapshots"] = Json::array();
        for (const SnapshotControl::Entry& e : snapshots) image["snapshots"].push_back(snapshot_json(e));
    }
    if (info.backing && deep) image["backing-image"] = image_json(*info.backing, entries_of(*info.backing), true);
    return image;
}

// A BlockDeviceInfo. top: the node that the guest's device has.
Json node_json(QmpCall& call, HostDrive& drive, const HostDrive::Node& node, bool top, bool deep) {
    ImageInfo info;
    drive.run([&] { info = describe_image(*node.image); });
    if (top) info.size = drive.info().size;
    unsigned depth = 0;
    for (const ImageInfo* below = info.backing.get(); below; below = below->backing.get()) ++depth;
    const ImageSpec& spec = *drive.spec();
    Json one = {{"file", info.file},
                {"node-name", node.name},
                {"ro", top ? drive.info().read_only : info.read_only},
                {"drv", info.format},
                {"backing_file_depth", deep ? depth : 0},
                {"encrypted", false},
                {"detect_zeroes", !drive.settings().detect_zeroes || !top ? "off" : drive.settings().discard ? "unmap" : "on"}};
    if (info.backing) one["backing_file"] = info.backing->file;
    for (const char* limit : {"bps", "bps_rd", "bps_wr", "iops", "iops_rd", "iops_wr", "write_threshold"}) one[limit] = 0;
    one["cache"] = {{"writeback", !top || !spec.write_through}, {"direct", spec.direct}, {"no-flush", spec.no_flush}};
    one["image"] = image_json(info, top ? call.target.snapshots->of_drive(drive.id()) : entries_of(info), deep);
    return one;
}

}  // namespace

void query_block(QmpCall& call) {
    call.result = Json::array();
    for (HostDrive* drive : call.target.drives) {
        const HostDrive::Info info = drive->info();
        Json one = {{"device", info.id}, {"type", "unknown"}, {"removable", info.removable}, {"locked", info.locked}};
        if (info.removable) one["tray_open"] = info.tray_open;
        if (info.io_state != HostDrive::IoState::kNone) one["io-status"] = io_state_name(info.io_state);
        const auto nodes = drive->nodes();
        if (!nodes.empty()) one["inserted"] = node_json(call, *drive, nodes.front(), true, true);
        call.result.push_back(std::move(one));
    }
}

void query_named_block_nodes(QmpCall& call) {
    const bool deep = !call.args.value("flat", false);
    call.result = Json::array();
    for (HostDrive* drive : call.target.drives) {
        const std::string top = drive->node();
        for (const HostDrive::Node& node : drive->nodes())
            call.result.push_back(node_json(call, *drive, node, node.name == top, deep));
    }
}

}  // namespace qmp
}  // namespace qr
