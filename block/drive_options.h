// SPDX-License-Identifier: GPL-2.0-or-later
//
// QEMU's options for disks (-drive, -blockdev, -hda to -hdd, -cdrom, -fda, -fdb, -snapshot, and -device ide-hd and
// ide-cd) as a list of drives, each with its place and its medium. Errors read as QEMU's.
// Source: qemu-system-i386(1), "Block device options".
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "block/error_action.h"
#include "block/image.h"
#include "util/result.h"

namespace qr {

struct DriveConfig {
    std::string id;  // the user's, or as QEMU makes them: "ide0-hd0", "floppy0"
    std::string given;  // the option that it came from, for messages

    // --- the device; what the guest sees ---
    std::string device;  // "ide-hd", "ide-cd", "floppy", "virtio-blk-pci"; empty: none uses it (if=none)
    unsigned bus = 0, unit = 0;
    std::string serial, model, version;
    uint64_t wwn = 0;
    uint32_t cylinders = 0, heads = 0, sectors = 0;  // 0: made from the size
    std::optional<uint32_t> boot_index;
    std::optional<unsigned> slot;  // virtio-blk-pci: addr=
    bool modern_only = false;      // virtio-blk-pci: disable-legacy=on
    std::string floppy_type;       // floppy: drive-type=
    bool read_only = false;
    bool discard = false;
    bool detect_zeroes = false;
    ErrorAction on_read_error = ErrorAction::kReport, on_write_error = ErrorAction::kEnospc;

    // --- the medium; file is empty if there is none ---
    std::string file, format;
    uint64_t offset = 0, size = 0;  // raw: a part of the file; size 0: to its end
    uint64_t disk_size = 0;         // of the recorded medium
    bool no_backing = false;
    // Its block nodes, as -drive and -blockdev name them; empty: a name is made up. storage_alone: there is no node of
    // a format (driver=file).
    std::string node, storage_node;
    bool storage_alone = false;

    // --- how it is run ---
    bool snapshot = false;
    bool direct = false, no_flush = false, write_through = false;

    bool cdrom() const { return device == "ide-cd"; }
    bool removable() const { return device == "ide-cd" || device == "floppy"; }
    ImageSpec image_spec() const;
};

class DriveOptions {
  public:
    Result<void> add_drive(const std::string& text);
    // option: "hda" to "hdd", "cdrom", "fda", "fdb".
    Result<void> add_image(const std::string& option, const std::string& file);
    Result<void> add_blockdev(const std::string& text);
    using Properties = std::vector<std::pair<std::string, std::string>>;
    // -device: true if it is one with a drive. given: the option as the user wrote it.
    static bool is_drive_device(const std::string& driver);
    Result<void> add_device(const std::string& given, const std::string& driver, const Properties& properties);
    void set_snapshot() { snapshot_ = true; }

    // Everything in its place. defaults: with the drives that a PC has unasked (an empty CD-ROM drive and an empty
    // floppy drive).
    // Errors begin with the option that is at fault.
    Result<std::vector<DriveConfig>> resolve(bool defaults) const;

  private:
    struct Wanted {
        DriveConfig drive;
        std::string interface = "ide";
        bool cdrom = false;
        int index = -1, bus = -1, unit = -1;
        std::string image;  // driver=blkreplay: the drive or node that is replayed
    };
    struct Device {
        std::string given, driver;
        Properties properties;
    };
    using Node = std::map<std::string, std::string>;  // options with dotted names

    Result<void> add_wanted(Wanted wanted);
    Result<void> fill_from_node(const Node& node, const std::string& prefix, unsigned depth, DriveConfig& drive) const;
    Result<void> place_ide(DriveConfig& d, const std::string& bus, int unit, const std::vector<DriveConfig>& all) const;
    Result<void> attach(const Device& device, std::vector<DriveConfig>& all, std::vector<Wanted>& unattached) const;

    std::vector<Wanted> drives_;
    std::map<std::string, Node> nodes_;
    std::vector<Device> devices_;
    bool snapshot_ = false;
};

}  // namespace qr
