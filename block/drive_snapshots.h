// SPDX-License-Identifier: GPL-2.0-or-later
//
// Internal snapshots of what a drive has in it, for those of the whole machine. VM thread; each waits for the drive's
// requests. Source: qcow2 specification, "Snapshots".
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "block/host_drive.h"
#include "block/qcow2_format.h"
#include "util/result.h"

namespace qr {

// What has to be in a snapshot of the machine: something that the guest can write.
bool is_written(HostDrive& drive);
// Into its image. False for formats without snapshots, and where writes don't go into the image.
bool has_disk_snapshots(HostDrive& drive);

std::vector<qcow2::Snapshot> disk_snapshots(HostDrive& drive);
// state: the machine's, kept with it. Its size, the disk's and the id are filled in.
Result<void> create_disk_snapshot(HostDrive& drive, qcow2::Snapshot description, std::span<const uint8_t> state);
// Can it be gone to? Reads all its tables.
Result<void> check_disk_snapshot(HostDrive& drive, const std::string& id);
Result<std::vector<uint8_t>> read_machine_state(HostDrive& drive, const std::string& id);
Result<void> apply_disk_snapshot(HostDrive& drive, const std::string& id);
Result<void> delete_disk_snapshot(HostDrive& drive, const std::string& id);

}  // namespace qr
