// SPDX-License-Identifier: GPL-2.0-or-later
//
// Disks: what is in them, and putting something else in. A change of the medium enters by the drive's own port.
#include "monitor/handlers.h"
#include "monitor/monitor.h"

namespace qr {

HostDrive* find_drive(MonitorTarget& target, const std::string& id) {
    for (HostDrive* drive : target.drives)
        if (drive->id() == id) return drive;
    return nullptr;
}

// As QEMU has it: a locked tray is asked to open, and stays shut unless it is forced.
Result<void> eject_drive(MonitorTarget& target, const std::string& id, bool force) {
    HostDrive* drive = find_drive(target, id);
    if (!drive) return Error{fmt::format("Device '{}' not found", id)};
    const HostDrive::Info info = drive->info();
    if (!info.removable) return Error{fmt::format("Device '{}' is not removable", id)};
    drive->eject_medium(force);
    if (info.locked && !info.tray_open && !force)
        return Error{fmt::format("Device '{}' is locked and force was not specified, wait for tray to open and try again", id)};
    return {};
}

Result<void> change_drive(MonitorTarget& target, const std::string& id, const std::string& file,
                          const std::string& format) {
    HostDrive* drive = find_drive(target, id);
    if (!drive) return Error{fmt::format("Device '{}' not found", id)};
    const HostDrive::Info info = drive->info();
    if (!info.removable) return Error{fmt::format("Device '{}' is not removable", id)};
    ImageSpec spec;
    spec.file = file;
    spec.format = format;
    spec.read_only = !info.id.starts_with("floppy");  // what else can be removed are CD-ROMs
    return drive->change_medium(spec);
}

namespace hmp {

void info_block(HmpCall& call) {
    const std::string wanted = call.args.text("device");
    bool first = true;
    for (const HostDrive* drive : call.target.drives) {
        const HostDrive::Info info = drive->info();
        if (!wanted.empty() && wanted != info.id) continue;
        if (!first) call.out += '\n';
        first = false;
        if (info.inserted)
            call.print("{}: {} ({}{})\n", info.id, info.file, info.format, info.read_only ? ", read-only" : "");
        else
            call.print("{}: [not inserted]\n", info.id);
        if (info.removable) {
            call.print("    Removable device: {}locked, tray {}\n", info.locked ? "" : "not ",
                       info.tray_open ? "open" : "closed");
        }
        if (!info.inserted) continue;
        if (info.io_state > HostDrive::IoState::kOk) call.print("    I/O status:       {}\n", io_state_name(info.io_state));
        if (!info.backing_file.empty()) call.print("    Backing file:     {}\n", info.backing_file);
        if (!info.overlay.empty()) call.print("    Writes go to:     {}\n", info.overlay);
        if (call.args.has("-v")) call.print("    Size:             {} bytes\n", info.size);
    }
    if (!wanted.empty() && first) call.fail(Error{fmt::format("Device '{}' not found", wanted)});
}

void eject(HmpCall& call) {
    if (const auto done = eject_drive(call.target, call.args.text("device"), call.args.has("-f")); !done)
        call.fail(done.error());
}

void change(HmpCall& call) {
    if (const auto done = change_drive(call.target, call.args.text("device"), call.args.text("filename"),
                                       call.args.text("format"));
        !done)
        call.fail(done.error());
}

}  // namespace hmp
}  // namespace qr
