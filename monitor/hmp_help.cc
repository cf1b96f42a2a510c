// SPDX-License-Identifier: GPL-2.0-or-later
//
// HMP commands that need no machine: help, and what the program knows about itself.
#include "monitor/handlers.h"
#include "monitor/monitor.h"

namespace qr::hmp {

namespace {

void describe(HmpCall& call, const Command& command, std::string_view prefix) {
    if (command.name.empty()) return;
    call.print("{}{} {} -- {}\n", prefix, command.name, command.params, command.help);
}

void list_info(HmpCall& call) {
    for (const Command& command : info_commands()) describe(call, command, "info ");
}

}  // namespace

void help(HmpCall& call) {
    std::string name = call.args.text("name");
    while (!name.empty() && name.back() == ' ') name.pop_back();
    if (name.empty()) {
        for (const Command& command : monitor_commands()) describe(call, command, "");
        return;
    }
    if (name == "info") return list_info(call);
    if (name == "log") {
        call.out += call.target.log_help ? call.target.log_help() : "";
        return;
    }
    const bool item = name.starts_with("info ");
    const Command* command = item ? find_command(info_commands(), std::string_view(name).substr(5))
                                  : find_command(monitor_commands(), name);
    if (!command) return call.print("unknown command: '{}'\n", name);
    describe(call, *command, item ? "info " : "");
}

void info(HmpCall& call) { list_info(call); }

void info_history(HmpCall& call) {
    for (size_t i = 0; i < call.history.size(); ++i) call.print("{}: '{}'\n", i, call.history[i]);
}

void info_version(HmpCall& call) { call.print("{} (qemu-replay)\n", call.target.version); }

void info_name(HmpCall& call) {
    if (!call.target.name.empty()) call.print("{}\n", call.target.name);
}

void info_uuid(HmpCall& call) { call.print("{}\n", call.target.uuid); }

void info_chardev(HmpCall& call) {
    for (const CharRegistry::Entry& entry : call.target.chardevs.list())
        call.print("{}: filename={}\n", entry.label, entry.filename);
}

// There is one, and its number is QEMU's.
void info_mice(HmpCall& call) { call.out += "* Mouse #2: QEMU PS/2 Mouse\n"; }

void info_nothing(HmpCall&) {}

void info_kvm(HmpCall& call) { call.out += "kvm support: not compiled\n"; }

}  // namespace qr::hmp
