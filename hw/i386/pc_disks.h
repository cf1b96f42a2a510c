// SPDX-License-Identifier: GPL-2.0-or-later
//
// The disks of the `pc` board: which controllers there are, what hangs on them, and what the firmware is told of
// them (CMOS, boot order, geometries). Wiring only. VM thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "block/drive.h"
#include "hw/block/fdc.h"
#include "hw/ide/ata_identify.h"
#include "hw/ide/piix3_ide.h"
#include "hw/isa/piix3.h"
#include "hw/pci.h"
#include "hw/rtc/mc146818.h"
#include "hw/virtio/virtio_pci.h"
#include "util/result.h"

namespace qr {

// A device with a drive, as -device ide-hd and its like have it. The drive outlives the board.
struct PcDisk {
    enum class Kind : uint8_t { kIdeDisk, kIdeCdrom, kFloppy, kVirtioBlk };
    Kind kind = Kind::kIdeDisk;
    Drive* drive = nullptr;
    unsigned bus = 0;   // IDE: channel
    unsigned unit = 0;  // IDE: 0 is the master; floppy: 0 is A:
    std::string model, serial, version;  // empty: as QEMU's
    uint64_t wwn = 0;
    ide::Geometry geometry;              // of the user; zero: made from the size
    std::optional<unsigned> slot;        // virtio: PCI slot (addr=); none: the first free one
    bool modern_only = false;            // virtio: disable-legacy=on
    std::string floppy_type;             // drive-type=; empty: auto
    std::optional<uint32_t> boot_index;
};

struct PcBoot {
    std::string order = "cad";  // up to three of a (floppy), c (disk), d (CD-ROM), n (network)
    std::string once;           // the same until the first reset; empty: `order`
    bool check_floppy = true;   // look for a boot sector's signature on floppies
    bool strict = false;        // only what has a boot index
    std::optional<uint16_t> splash_time;     // ms; also how long the menu waits
    std::optional<uint32_t> reboot_timeout;  // ms, after nothing could be booted; 0xffffffff: for ever
};

class PcDisks {
  public:
    PcDisks(PciBus& bus, IoPortSpace& ports, Piix3& piix3, IsaDma& isa_dma, VirtualClock& clock);

    // Errors: a place that is taken, or isn't there.
    Result<void> add(const PcDisk& disk);

    // What has state, in the order of reset.
    std::vector<Device*> devices();
    bool has_floppy() const { return fdc_.attached(0) || fdc_.attached(1); }
    void preset_cmos(Mc146818& rtc) const;
    void preset_boot_order(Mc146818& rtc, const std::string& order, bool check_floppy) const;
    // Boot paths with their indexes, for the firmware's "bootorder".
    struct BootEntry {
        uint32_t index;
        std::string path;
    };
    std::vector<BootEntry> boot_entries() const;  // by index
    // "<path> <cylinders> <heads> <sectors>" of disks whose geometry the user gave.
    const std::vector<std::string>& geometries() const { return geometries_; }

  private:
    Result<void> add_ide(const PcDisk& disk);
    Result<void> add_floppy(const PcDisk& disk);
    Result<void> add_virtio(const PcDisk& disk);
    void note_boot(const PcDisk& disk, const std::string& path);

    PciBus& bus_;
    VirtualClock& clock_;
    Piix3Ide ide_;
    Fdc fdc_;
    std::vector<std::unique_ptr<VirtioPci>> virtio_;
    std::optional<ide::Geometry> ide_geometry_[4];
    std::vector<BootEntry> boot_entries_;
    std::vector<std::string> geometries_;
};

}  // namespace qr
