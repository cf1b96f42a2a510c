// SPDX-License-Identifier: GPL-2.0-or-later
//
// Internal snapshots of a drive's image, done on its queue; see drive_snapshots.h. Source: qcow2 specification.
#include "block/drive_snapshots.h"

#include <fmt/format.h>

#include "block/qcow2.h"

namespace qr {

namespace {

Qcow2Image* qcow2_of(HostDrive& drive) { return dynamic_cast<Qcow2Image*>(drive.image()); }

Result<void> on_image(HostDrive& drive, const std::function<IoStatus(Qcow2Image&)>& work) {
    Qcow2Image* image = qcow2_of(drive);
    if (!image) return Error{fmt::format("drive '{}' has no image with snapshots in it", drive.id())};
    IoStatus status;
    drive.run([&] { status = work(*image); });
    if (!status.ok()) return Error{status.message};
    return {};
}

}  // namespace

bool is_written(HostDrive& drive) { return drive.image() && !drive.info().read_only; }

bool has_disk_snapshots(HostDrive& drive) { return drive.mode() == HostDrive::Mode::kDirect && qcow2_of(drive); }

std::vector<qcow2::Snapshot> disk_snapshots(HostDrive& drive) {
    std::vector<qcow2::Snapshot> all;
    static_cast<void>(on_image(drive, [&](Qcow2Image& image) {
        all = image.snapshots();
        return IoStatus{};
    }));
    return all;
}

Result<void> create_disk_snapshot(HostDrive& drive, qcow2::Snapshot description, std::span<const uint8_t> state) {
    return on_image(drive, [&](Qcow2Image& image) {
        description.vm_state_bytes = state.size();
        if (!state.empty()) {
            if (auto done = image.write_vm_state(0, state); !done.ok()) return done;
        }
        return image.create_snapshot(description);
    });
}

Result<void> check_disk_snapshot(HostDrive& drive, const std::string& id) {
    return on_image(drive, [&](Qcow2Image& image) { return image.check_snapshot(id); });
}

Result<std::vector<uint8_t>> read_machine_state(HostDrive& drive, const std::string& id) {
    std::vector<uint8_t> state;
    if (auto done = on_image(drive, [&](Qcow2Image& image) { return image.read_snapshot_state(id, state); }); !done)
        return done.error();
    return state;
}

Result<void> apply_disk_snapshot(HostDrive& drive, const std::string& id) {
    return on_image(drive, [&](Qcow2Image& image) { return image.apply_snapshot(id); });
}

Result<void> delete_disk_snapshot(HostDrive& drive, const std::string& id) {
    return on_image(drive, [&](Qcow2Image& image) { return image.delete_snapshot(id); });
}

}  // namespace qr
