// SPDX-License-Identifier: GPL-2.0-or-later
//
// Disk controllers of the `pc` board and what its firmware knows of them. Source: IBM AT addresses; CMOS bytes as
// SeaBIOS reads them (Phoenix's and AMI's of old) and QEMU 7.2 was seen to fill them; Open Firmware paths likewise.
#include "hw/i386/pc_disks.h"

#include <algorithm>

#include <fmt/format.h>

#include "hw/block/virtio_blk.h"
#include "hw/ide/ata_disk.h"
#include "hw/ide/atapi_cdrom.h"

namespace qr {

namespace {

constexpr unsigned kIdeDevfn = pci_devfn(1, 1);
constexpr uint16_t kIdeCommand[] = {0x1f0, 0x170};
constexpr uint16_t kIdeControl[] = {0x3f6, 0x376};
constexpr unsigned kIdeIrq[] = {14, 15};
constexpr uint16_t kFdcPort = 0x3f2, kFdcInputPort = 0x3f7;
constexpr unsigned kFdcIrq = 6;

// How a BIOS makes more of a disk's geometry than its 1024 cylinders.
enum Translation : uint8_t { kNone = 0, kLba = 1, kLarge = 2 };

Translation translation_of(const ide::Geometry& g) {
    if (g.cylinders <= 1024) return kNone;
    return unsigned{g.cylinders} * g.heads <= 131072 ? kLarge : kLba;
}

// Index of a boot device in CMOS; 0: none.
uint8_t boot_code(const std::string& order, size_t n) {
    constexpr std::string_view kLetters = "acdn";
    if (n >= order.size()) return 0;
    return static_cast<uint8_t>(kLetters.find(order[n]) + 1);
}

}  // namespace

PcDisks::PcDisks(PciBus& bus, IoPortSpace& ports, Piix3& piix3, IsaDma& isa_dma, VirtualClock& clock)
    : bus_(bus),
      clock_(clock),
      ide_(bus, kIdeDevfn, {piix3.isa_irq(kIdeIrq[0]), piix3.isa_irq(kIdeIrq[1])}),
      fdc_(clock, isa_dma, piix3.isa_irq(kFdcIrq)) {
    for (unsigned i = 0; i < 2; ++i) {
        ports.map(kIdeCommand[i], ide_.channel(i).command_region());
        ports.map(kIdeControl[i], ide_.channel(i).control_region());
    }
    ports.map(kFdcPort, fdc_.region());
    ports.map(kFdcInputPort, fdc_.input_region());
}

Result<void> PcDisks::add(const PcDisk& disk) {
    switch (disk.kind) {
        case PcDisk::Kind::kFloppy: return add_floppy(disk);
        case PcDisk::Kind::kVirtioBlk: return add_virtio(disk);
        default: return add_ide(disk);
    }
}

Result<void> PcDisks::add_virtio(const PcDisk& disk) {
    const unsigned slot = disk.slot.value_or(bus_.free_slot());
    if (slot > 31 || bus_.device(pci_devfn(slot, 0))) {
        return Error{fmt::format("drive '{}': PCI slot {:#x} is {}", disk.drive->id(), slot,
                                 slot > 31 ? "not there: expected 0 to 0x1f" : "in use already")};
    }
    const std::string name = fmt::format("virtio-blk{}", virtio_.size());
    const std::string& serial = disk.serial.empty() ? disk.drive->serial() : disk.serial;
    virtio_.push_back(std::make_unique<VirtioPci>(
        name, bus_, pci_devfn(slot, 0), std::make_unique<VirtioBlk>(name + ".request", clock_, *disk.drive, serial),
        !disk.modern_only));
    note_boot(disk, fmt::format("/pci@i0cf8/scsi@{:x}/disk@0,0", slot));
    return {};
}

Result<void> PcDisks::add_floppy(const PcDisk& disk) {
    if (disk.unit >= Fdc::kDrives) {
        return Error{fmt::format("drive '{}': there is no floppy unit {}: expected 0 or 1", disk.drive->id(),
                                 disk.unit)};
    }
    if (fdc_.attached(disk.unit))
        return Error{fmt::format("drive '{}': floppy unit {} is in use already", disk.drive->id(), disk.unit)};
    const auto type = parse_floppy_drive(disk.floppy_type, disk.drive->size());
    if (!type) return Error{fmt::format("drive '{}': {}", disk.drive->id(), type.error().message)};
    fdc_.attach(disk.unit, *disk.drive, *type);
    note_boot(disk, fmt::format("/pci@i0cf8/isa@1/fdc@03f0/floppy@{}", disk.unit));
    return {};
}

Result<void> PcDisks::add_ide(const PcDisk& disk) {
    if (disk.bus > 1 || disk.unit > 1) {
        return Error{fmt::format("drive '{}': there is no unit {} on IDE bus {}: expected buses ide.0 and ide.1 "
                                 "with units 0 and 1",
                                 disk.drive->id(), disk.unit, disk.bus)};
    }
    ide::Channel& channel = ide_.channel(disk.bus);
    if (channel.unit(disk.unit)) {
        return Error{fmt::format("drive '{}': unit {} of bus ide.{} is in use already", disk.drive->id(), disk.unit,
                                 disk.bus)};
    }
    // As QEMU numbers drives that have no serial number of their own: by their place.
    const unsigned place = disk.bus * 2 + disk.unit + 1;
    const std::string& given = disk.serial.empty() ? disk.drive->serial() : disk.serial;
    ide::Identity identity{disk.model, given.empty() ? fmt::format("QM{:05}", place) : given,
                           disk.version.empty() ? "2.5+" : disk.version, disk.wwn};
    const std::string name = fmt::format("ide.{}.{}", disk.bus, disk.unit);
    const std::string path = fmt::format("/pci@i0cf8/ide@1,1/drive@{}/disk@{}", disk.bus, disk.unit);
    if (disk.kind == PcDisk::Kind::kIdeCdrom) {
        channel.attach(disk.unit, std::make_unique<ide::AtapiCdrom>(channel.wires(), disk.unit, name, clock_,
                                                                    *disk.drive, std::move(identity)));
    } else {
        if (disk.drive->size() < 512) {
            return Error{fmt::format("drive '{}': a disk of {} bytes: expected at least one sector of 512",
                                     disk.drive->id(), disk.drive->size())};
        }
        auto unit = std::make_unique<ide::AtaDisk>(channel.wires(), disk.unit, name, clock_, *disk.drive,
                                                   std::move(identity), disk.geometry);
        ide_geometry_[disk.bus * 2 + disk.unit] = unit->geometry();
        channel.attach(disk.unit, std::move(unit));
    }
    note_boot(disk, path);
    return {};
}

void PcDisks::note_boot(const PcDisk& disk, const std::string& path) {
    if (disk.boot_index) boot_entries_.push_back({*disk.boot_index, path});
    const ide::Geometry& g = disk.geometry;
    if (g.heads) geometries_.push_back(fmt::format("{} {} {} {}", path, g.cylinders, g.heads, g.sectors));
}

std::vector<PcDisks::BootEntry> PcDisks::boot_entries() const {
    std::vector<BootEntry> sorted = boot_entries_;
    std::ranges::stable_sort(sorted, {}, &BootEntry::index);
    return sorted;
}

std::vector<Device*> PcDisks::devices() {
    std::vector<Device*> list = {&ide_, &fdc_};
    for (auto& device : virtio_) list.push_back(device.get());
    return list;
}

void PcDisks::preset_cmos(Mc146818& rtc) const {
    const auto set = [&rtc](unsigned index, unsigned value) {
        rtc.preset(static_cast<uint8_t>(index), static_cast<uint8_t>(value));
    };
    // Floppy drives by kind, A: in the high half; the equipment byte has their number beside FPU and PS/2 mouse.
    uint8_t floppies = 0, count = 0;
    for (unsigned i = 0; i < Fdc::kDrives; ++i) {
        if (!fdc_.attached(i)) continue;
        floppies |= static_cast<uint8_t>(static_cast<unsigned>(fdc_.type(i)) << 4 * (1 - i));
        ++count;
    }
    set(0x10, floppies);
    set(0x14, 0x06 | (count ? 1u | (count - 1u) << 6 : 0u));
    // The two disks of the primary channel: type 47, whose parameters follow.
    uint8_t types = 0, translation = 0;
    for (unsigned i = 0; i < 4; ++i) {
        if (!ide_geometry_[i]) continue;
        const ide::Geometry& g = *ide_geometry_[i];
        translation |= static_cast<uint8_t>(translation_of(g) << 2 * i);
        if (i > 1) continue;
        types |= static_cast<uint8_t>(0xf0 >> 4 * i);
        set(0x19 + i, 47);
        const unsigned at = 0x1b + 9 * i;
        set(at, g.cylinders);
        set(at + 1, g.cylinders >> 8);
        set(at + 2, g.heads);
        set(at + 3, 0xff);  // write precompensation: none
        set(at + 4, 0xff);
        set(at + 5, 0xc0 | (g.heads > 8 ? 8u : 0u));
        set(at + 6, g.cylinders);  // landing zone
        set(at + 7, g.cylinders >> 8);
        set(at + 8, g.sectors);
    }
    set(0x12, types);
    set(0x39, translation);
}

void PcDisks::preset_boot_order(Mc146818& rtc, const std::string& order, bool check_floppy) const {
    rtc.preset(0x3d, static_cast<uint8_t>(boot_code(order, 1) << 4 | boot_code(order, 0)));
    rtc.preset(0x38, static_cast<uint8_t>(boot_code(order, 2) << 4 | (check_floppy ? 0 : 1)));
}

}  // namespace qr
