// SPDX-License-Identifier: GPL-2.0-or-later
//
// A machine from its configuration and files; see machine.h. Source: none (docs/architecture.rst).
#include "system/machine.h"

#include <optional>

#include <fmt/format.h>

#include "target/i386/cpu_model.h"

namespace qr {

namespace {

constexpr uint64_t kMostWritten = uint64_t{1} << 29;  // to all disks between two of a log's checkpoints

std::optional<std::array<uint8_t, 16>> parse_uuid(const std::string& text) {
    std::array<uint8_t, 16> uuid{};
    std::string digits;
    for (const char c : text)
        if (c != '-') digits += c;
    if (digits.size() != 32 || digits.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos)
        return std::nullopt;
    for (size_t i = 0; i < 16; ++i)
        uuid[i] = static_cast<uint8_t>(std::stoul(digits.substr(2 * i, 2), nullptr, 16));
    return uuid;
}

Result<PcConfig> board_config(const MachineConfig& config, const MachineFiles& files) {
    PcConfig pc;
    auto model = i386::parse_cpu_model(config.cpu);
    if (!model) return model.error();
    pc.cpu = *model;
    pc.ram_size = config.ram_size;
    pc.bios = files.bios;
    pc.vga_bios = files.vga_bios;
    pc.vga = config.vga != "none";
    pc.hpet = config.hpet;
    pc.vmport = config.vmport;
    pc.serial = config.serial;
    pc.parallel = config.parallel;
    pc.has_kernel = !files.kernel.empty();
    pc.kernel = files.kernel;
    pc.initrd = files.initrd;
    pc.append = config.append;
    pc.nographic = config.nographic;
    pc.boot_menu = config.boot_menu;
    pc.boot.order = config.boot_order;
    pc.boot.once = config.boot_once;
    pc.boot.strict = config.boot_strict;
    pc.boot.splash_time = config.splash_time;
    pc.boot.reboot_timeout = config.reboot_timeout;
    pc.splash = files.splash;
    pc.rtc_epoch = config.rtc_epoch;
    pc.rtc_slew = config.rtc_slew;
    if (!config.uuid.empty()) {
        pc.uuid = parse_uuid(config.uuid);
        if (!pc.uuid) {
            return Error{fmt::format("-uuid {}: failed to parse it: expected "
                                     "550e8400-e29b-41d4-a716-446655440000 or the like",
                                     config.uuid)};
        }
    }
    for (const ExtraDevice& d : config.devices) {
        if (d.driver == "isa-debug-exit")
            pc.debug_exits.push_back({d.iobase, d.iosize});
        else
            pc.debug_cons.push_back({d.iobase, d.readback, fmt::format("debugcon{}", pc.debug_cons.size())});
    }
    return pc;
}

}  // namespace

Result<MachineFiles> recorded_files(const LogReader& log) {
    MachineFiles files;
    for (auto& [name, bytes] : files.by_name()) {
        for (const BlobInfo& kept : log.header().blobs) {
            if (kept.name != name) continue;
            auto blob = log.blob(name);
            if (!blob) return blob.error();
            *bytes = std::move(*blob);
        }
    }
    return files;
}

RunLoop::Settings run_settings(const MachineConfig& config) {
    RunLoop::Settings settings;
    settings.auto_shift = config.auto_shift;
    settings.sleep = config.sleep;
    settings.rtc = config.rtc_clock == "host" ? RunLoop::Rtc::kHost
                   : config.rtc_clock == "rt" ? RunLoop::Rtc::kRealTime
                                              : RunLoop::Rtc::kVirtual;
    settings.no_reboot = config.no_reboot;
    settings.no_shutdown = config.no_shutdown;
    return settings;
}

Result<std::unique_ptr<Machine>> Machine::create(const MachineConfig& config, const MachineFiles& files,
                                                 std::unique_ptr<i386::Engine> engine,
                                                 const RunLoop::Settings& settings, MachineEars ears,
                                                 const Drives::Setup& drive_setup) {
    auto pc = board_config(config, files);
    if (!pc) return pc.error();
    std::unique_ptr<Machine> machine(new Machine);
    machine->clock_.set_rate(config.start_rate());
    auto drives = Drives::create(config.drives, drive_setup, machine->door_, machine->clock_, ears.notice);
    if (!drives) return drives.error();
    machine->drives_ = std::move(*drives);
    pc->disks = machine->drives_->disks();
    auto board = PcBoard::create(std::move(*pc), machine->door_, machine->clock_, machine->countdown_,
                                 machine->control_);
    if (!board) return board.error();
    machine->board_ = std::move(*board);
    machine->engine_ = std::move(engine);
    machine->board_->cpu().set_engine(*machine->engine_);
    machine->build_loop(settings, std::move(ears));
    machine->board_->reset();
    return machine;
}

CheckpointMaker::Changes Machine::disk_changes() {
    return [this, pinned = std::vector<uint64_t>()](bool all) mutable -> Result<CheckpointSections> {
        CheckpointSections sections;
        const auto since = all ? std::span<const uint64_t>() : std::span<const uint64_t>(pinned);
        if (auto done = drives_->contents(sections, kMostWritten, since); !done) return done.error();
        std::vector<uint64_t> versions;
        for (size_t d = 0; d < drives_->all().size(); ++d) {
            HostDrive& drive = *drives_->all()[d];
            versions.push_back(drive.version());
            if (d < pinned.size() && pinned[d] != versions[d]) drive.release_version(pinned[d]);
        }
        pinned = std::move(versions);
        return sections;
    };
}

void Machine::build_loop(const RunLoop::Settings& settings, MachineEars ears) {
    const auto retry_disks = [this] {
        bool any = false;
        for (const auto& drive : drives_->all()) any |= drive->go_on();
        return any;
    };
    for (const auto& drive : drives_->all()) {
        drive->on_failure(ears.disk_failed);
        drive->on_stop([this] { loop_->stop_for_disk(); });
    }
    loop_ = std::make_unique<RunLoop>(
        RunLoop::Parts{board_->cpu(), countdown_, clock_, door_, [this] { board_->reset(); },
                       [this] { return board_->wake(); }, std::move(ears.notice), std::move(ears.event),
                       std::move(ears.watched), [this](int64_t seconds) { board_->adjust_rtc(seconds); },
                       retry_disks,
                       [this] {
                           for (const auto& drive : drives_->all()) drive->go_live();
                       }},
        settings);
    Checkpoints::Disks disks;
    disks.versions = [this] {
        std::vector<uint64_t> versions;
        for (const auto& drive : drives_->all()) versions.push_back(drive->version());
        return versions;
    };
    disks.release = [this](size_t disk, uint64_t version) { drives_->all()[disk]->release_version(version); };
    travel_ = std::make_unique<TimeTravel>(
        TimeTravel::Parts{*loop_, board_->cpu(), door_, board_->root(), board_->memory(), std::move(disks),
                          [this](std::span<const CheckpointSections> all) { return drives_->provide(all); }});
    loop_->travel_with(*travel_);
    requests_ = std::make_unique<HostRequests>(door_, *board_, *loop_);
    control_.target = loop_.get();
    StateRoot& root = board_->root();
    root.add("clock", [this](StateVisitor& v) { clock_.state(v); });
    root.add("drives", [this](StateVisitor& v) { drives_->state(v); });
    root.add("run", [this](StateVisitor& v) { loop_->state(v); });
    root.add("door", [this](StateVisitor& v) {
        door_.state(v);
        // The count is kept where the door says it is.
        if (v.loading()) countdown_ = {door_.position().icount, 0};
    });
}

}  // namespace qr
