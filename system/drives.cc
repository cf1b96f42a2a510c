// SPDX-License-Identifier: GPL-2.0-or-later
//
// A machine's drives; see drives.h.
#include "system/drives.h"

#include <filesystem>

#include <fmt/format.h>

namespace qr {

namespace {

std::string absolute(const std::string& file) {
    return is_nbd_address(file) ? file : std::filesystem::absolute(file).lexically_normal().string();
}

std::string overlay_prefix(const std::string& log, const std::string& id) { return log + '.' + id; }

}  // namespace

Result<std::unique_ptr<Drives>> Drives::create(const std::vector<DriveConfig>& configs, const Setup& setup, Door& door,
                                               VirtualClock& clock,
                                               const std::function<void(const std::string&)>& notice) {
    using Mode = HostDrive::Mode;
    auto drives = std::make_unique<Drives>();
    for (DriveConfig config : configs) {
        HostDrive::Settings settings;
        settings.id = config.id;
        settings.serial = config.serial;
        settings.removable = config.removable();
        settings.read_only = config.read_only;
        settings.discard = config.discard;
        settings.detect_zeroes = config.detect_zeroes;
        settings.on_read_error = config.on_read_error;
        settings.on_write_error = config.on_write_error;
        settings.node = config.node;
        settings.storage_node = config.storage_node;
        settings.storage_alone = config.storage_alone;
        settings.make_node = [d = drives.get()] { return d->make_node(); };
        auto drive = std::make_unique<HostDrive>(door, clock, settings, notice);
        const Mode mode = setup.mode == Mode::kDirect && config.snapshot ? Mode::kTemporary : setup.mode;
        drive->set_mode(mode, config.snapshot || setup.log.empty() ? std::string() : overlay_prefix(setup.log, config.id));
        if (setup.moved) drive->set_path_map(setup.moved);
        if (!config.file.empty()) {
            ImageSpec spec = config.image_spec();
            if (setup.moved) spec.file = setup.moved(spec.file);
            spec.warn = notice;
            // A recording and a replay don't touch the image, whatever the guest may do.
            spec.read_only = config.read_only || mode != Mode::kDirect;
            auto image = open_image(spec);
            if (!image) {
                return Error{config.given.empty() || setup.mode == Mode::kReplayed
                                 ? fmt::format("drive '{}': {}", config.id, image.error().message)
                                 : fmt::format("{}: {}", config.given, image.error().message)};
            }
            const uint64_t size = (*image)->size() / Overlay::kSector * Overlay::kSector;
            if (setup.mode == Mode::kReplayed && size != config.disk_size)
                return Error{fmt::format("drive '{}': image '{}' has {} bytes: it had {} when this was recorded", config.id,
                                         spec.file, size, config.disk_size)};
            spec.read_only = config.read_only;
            spec.format = (*image)->format();
            drive->insert(std::move(*image), spec);
            if (setup.mode != Mode::kReplayed) {
                config.file = absolute(config.file);
                config.format = spec.format;
                config.disk_size = size;
            }
        }
        drives->drives_.push_back(std::move(drive));
        drives->configs_.push_back(std::move(config));
    }
    return drives;
}

std::vector<PcDisk> Drives::disks() const {
    std::vector<PcDisk> disks;
    for (size_t i = 0; i < drives_.size(); ++i) {
        const DriveConfig& c = configs_[i];
        PcDisk disk;
        disk.kind = c.cdrom()                        ? PcDisk::Kind::kIdeCdrom
                    : c.device == "floppy"           ? PcDisk::Kind::kFloppy
                    : c.device == "virtio-blk-pci"   ? PcDisk::Kind::kVirtioBlk
                                                     : PcDisk::Kind::kIdeDisk;
        disk.drive = drives_[i].get();
        disk.bus = c.bus;
        disk.unit = c.unit;
        disk.model = c.model;
        disk.serial = c.serial;
        disk.version = c.version;
        disk.wwn = c.wwn;
        disk.geometry = {static_cast<uint16_t>(c.cylinders), static_cast<uint16_t>(c.heads),
                         static_cast<uint16_t>(c.sectors)};
        disk.boot_index = c.boot_index;
        disk.slot = c.slot;
        disk.modern_only = c.modern_only;
        disk.floppy_type = c.floppy_type;
        disks.push_back(disk);
    }
    return disks;
}

HostDrive* Drives::find(const std::string& id) const {
    for (const auto& drive : drives_)
        if (drive->id() == id) return drive.get();
    return nullptr;
}

void Drives::state(StateVisitor& v) {
    for (const auto& drive : drives_) v(drive->id(), *drive);
}

Result<void> Drives::prepare_recording() {
    for (size_t i = 0; i < drives_.size(); ++i) {
        if (auto done = drives_[i]->prepare_recording(); !done) return done;
        DriveConfig& config = configs_[i];
        const HostDrive::Info info = drives_[i]->info();
        const std::string file = info.inserted ? absolute(info.file) : std::string();
        if (file != config.file) {
            config.file = file;
            config.format = info.format;
            config.offset = config.size = 0;
            if (info.inserted) config.read_only = info.read_only;
        }
        config.disk_size = info.size;
    }
    return {};
}

void Drives::begin_recording(const std::string& log) {
    for (const auto& drive : drives_) drive->begin_recording(overlay_prefix(log, drive->id()));
}

namespace {
std::string section_of(const HostDrive& drive) { return "drive." + drive.id(); }
}  // namespace

Result<void> Drives::contents(Sections& to, uint64_t limit, std::span<const uint64_t> since) const {
    for (size_t i = 0; i < drives_.size(); ++i) {
        auto bytes = drives_[i]->contents(limit, since.empty() ? std::nullopt : std::optional(since[i]));
        if (!bytes) return bytes.error();
        to[section_of(*drives_[i])] = std::move(*bytes);
    }
    return {};
}

Result<void> Drives::provide(const Sections& from) const { return provide(std::span(&from, 1)); }

Result<void> Drives::provide(std::span<const Sections> from) const {
    for (const auto& drive : drives_) {
        std::vector<std::span<const uint8_t>> all;
        for (const Sections& sections : from) {
            const auto found = sections.find(section_of(*drive));
            if (found == sections.end()) return Error{fmt::format("the snapshot has nothing about drive '{}'", drive->id())};
            all.push_back(found->second);
        }
        if (auto done = drive->provide(all); !done) return done;
    }
    return {};
}

void remove_overlays(const std::string& log, const std::vector<DriveConfig>& configs) {
    namespace fs = std::filesystem;
    std::error_code ignored;
    const fs::path path = fs::absolute(log);
    for (const auto& entry : fs::directory_iterator(path.parent_path(), ignored)) {
        const std::string name = entry.path().filename().string();
        for (const DriveConfig& config : configs) {
            // "LOG.ID.overlay" and, of later media, "LOG.ID.2.overlay".
            const std::string prefix = overlay_prefix(path.filename().string(), config.id) + '.';
            if (!name.starts_with(prefix)) continue;
            const std::string rest = name.substr(prefix.size());
            if (rest.substr(std::min(rest.find_first_not_of("0123456789."), rest.size())) == "overlay")
                fs::remove(entry.path(), ignored);
        }
    }
}

}  // namespace qr
