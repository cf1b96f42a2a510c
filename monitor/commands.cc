// SPDX-License-Identifier: GPL-2.0-or-later
//
// Every command of both monitors, one row each. Names, arguments and help are those that QEMU's users know.
#include "monitor/handlers.h"

namespace qr {

namespace {

using enum Effect;
constexpr Complete kNo = Complete::kNothing;

// HMP's, with the QMP command that does the same, if there is one.
constexpr Command kCommands[] = {
    {"change", "device:word filename:word format:word?", "device filename [format]",
     "change a removable medium, optional format", Where::kVm, kChanges, hmp::change, kNo, "blockdev-change-medium",
     "device:str? id:str? filename:str format:str?", qmp::change_medium},
    {"change vnc", "target:word? password:word?", "password [password]",
     "set the password of VNC clients; asks for it if it isn't given", Where::kIo, kLooks, hmp::change_vnc, kNo,
     "change-vnc-password", "password:str", qmp::change_vnc_password},
    {"cont|c", "", "", "resume emulation", Where::kVm, kSteers, hmp::cont, kNo, "cont", "", qmp::cont},
    {"cpu", "index:int", "index", "set the default CPU", Where::kIo, kLooks, hmp::cpu},
    {"delvm", "name:word", "tag", "delete a VM snapshot from its tag", Where::kVm, kSteers, hmp::delvm},
    {"eject", "-f? device:word", "[-f] device", "eject a removable medium (use -f to force it)", Where::kVm, kChanges,
     hmp::eject, kNo, "eject", "device:str? id:str? force:bool?", qmp::eject},
    {"expire_password", "protocol:word time:word -d:word?", "protocol time [-d display]",
     "set when the password of VNC clients expires: now, never, +seconds, or seconds since 1970", Where::kIo, kLooks,
     hmp::expire_password, kNo, "expire_password", "protocol:str time:str display:str?", qmp::expire_password},
    {"gdbserver", "device:word?", "[device]",
     "start gdbserver on given device (default 'tcp::1234'), stop with 'none'", Where::kIo, kSteers, hmp::gdbserver},
    {"gva2gpa", "addr:addr", "addr", "print the guest physical address of a guest virtual address", Where::kVm, kLooks,
     hmp::virtual_to_physical},
    {"help|?", "name:rest?", "[cmd]", "show the help", Where::kIo, kLooks, hmp::help, Complete::kCommand},
    {"i", "fmt:format addr:int index:int?", "/fmt addr", "I/O port read", Where::kVm, kChanges, hmp::port_read},
    {"info", "item:rest?", "[subcommand]", "show various information about the system state", Where::kIo, kLooks,
     hmp::info, Complete::kInfo},
    {"loadvm", "name:word", "tag", "restore a VM snapshot from its tag", Where::kVm, kSteers, hmp::loadvm},
    {"log", "items:word", "item1[,...]", "activate logging of the specified items", Where::kVm, kSteers, hmp::log},
    {"logfile", "filename:file", "filename", "output logs to 'filename'", Where::kVm, kSteers, hmp::logfile,
     Complete::kFile},
    {"memsave", "val:addr size:int filename:word", "addr size file",
     "save to disk virtual memory dump starting at 'addr' of size 'size'", Where::kVm, kLooks, hmp::memsave,
     Complete::kFile, "memsave", "val:int size:int filename:str cpu-index:int?", qmp::memsave},
    {"mouse_button", "button_state:int", "state", "change mouse button state (1=L, 2=M, 4=R)", Where::kIo, kChanges,
     hmp::mouse_button},
    {"mouse_move", "dx:word dy:word dz:word?", "dx dy [dz]", "send mouse move events", Where::kIo, kChanges,
     hmp::mouse_move},
    {"mouse_set", "index:int", "index", "set which mouse device receives events", Where::kIo, kLooks, hmp::mouse_set},
    {"nmi", "", "", "inject an NMI", Where::kVm, kChanges, hmp::nmi, kNo, "inject-nmi", "", qmp::inject_nmi},
    {"o", "fmt:format addr:int val:int", "/fmt addr value", "I/O port write", Where::kVm, kChanges, hmp::port_write},
    {"pmemsave", "val:addr size:addr filename:word", "addr size file",
     "save to disk physical memory dump starting at 'addr' of size 'size'", Where::kVm, kLooks, hmp::pmemsave,
     Complete::kFile, "pmemsave", "val:int size:int filename:str", qmp::pmemsave},
    {"print|p", "fmt:format val:addr", "/fmt expr",
     "print expression value (use $reg for CPU register access)", Where::kVm, kLooks, hmp::print},
    {"quit|q", "", "", "quit the emulator", Where::kVm, kSteers, hmp::quit, kNo, "quit", "", qmp::quit},
    {"replay_break", "icount:addr", "icount",
     "stop when the replay comes to the specified instruction count, from either side", Where::kVm, kSteers,
     hmp::replay_break, kNo, "replay-break", "icount:int", qmp::replay_break},
    {"replay_delete_break", "icount:addr?", "[icount]", "remove the replay breakpoint there, or all of them", Where::kVm,
     kSteers, hmp::replay_delete_break, kNo, "replay-delete-break", "icount:int?", qmp::replay_delete_break},
    {"record", "filename:file", "filename", "record from here on into 'filename'", Where::kVm, kSteers, hmp::record,
     Complete::kFile, "x-record-start", "filename:str", qmp::record_start},
    {"record_stop", "", "", "end the recording; the machine goes on", Where::kVm, kSteers, hmp::record_stop, kNo,
     "x-record-stop", "", qmp::record_stop},
    {"replay_live", "filename:file?", "[filename]",
     "the replay becomes a live machine, from here on, and is recorded into 'filename'", Where::kVm, kSteers, hmp::replay_live,
     Complete::kFile, "replay-live", "filename:str?", qmp::replay_live},
    {"replay_seek", "icount:addr", "icount",
     "go to the specified instruction count of the recording, forward or back", Where::kVm, kSteers,
     hmp::replay_seek, kNo, "replay-seek", "icount:int", qmp::replay_seek},
    {"replay_speed", "speed:word?", "[N|max]",
     "how fast a replay goes: N seconds of the recording for one of the host's, or as fast as it can; without it: show it",
     Where::kVm, kSteers, hmp::replay_speed, kNo, "replay-set-speed", "speed:str", qmp::replay_set_speed},
    {"savevm", "name:word?", "tag", "save a VM snapshot. If no tag is provided, a new snapshot is created", Where::kVm, kSteers,
     hmp::savevm},
    {"screendump", "filename:file -f? format:word? device:word? head:int?", "filename [-f format] [device [head]]",
     "save screen from head 'head' of display device 'device' in specified format into image 'filename' (ppm, png)",
     Where::kVm, kLooks, hmp::screendump, Complete::kFile, "screendump",
     "filename:str device:str? head:int? format:str?", qmp::screendump},
    {"sendkey", "keys:word hold-time:int?", "keys [hold_ms]",
     "send keys to the VM (e.g. 'sendkey ctrl-alt-f1', default hold time=100 ms)", Where::kIo, kChanges, hmp::sendkey,
     Complete::kKey, "send-key", "keys:[KeyValue] hold-time:int?", qmp::send_key},
    {"set_password", "protocol:word password:word -d:word? connected:word?",
     "protocol password [-d display] [action-if-connected]", "set the password of VNC clients", Where::kIo, kLooks,
     hmp::set_password, kNo, "set_password", "protocol:str password:str connected:str? display:str?", qmp::set_password},
    {"stop|s", "", "", "stop emulation", Where::kVm, kSteers, hmp::stop, kNo, "stop", "", qmp::stop},
    {"sum", "start:addr size:addr", "addr size", "compute the checksum of a memory region", Where::kVm, kLooks,
     hmp::sum},
    {"system_powerdown", "", "", "send system power down event", Where::kVm, kChanges, hmp::system_powerdown, kNo,
     "system_powerdown", "", qmp::system_powerdown},
    {"system_reset", "", "", "reset the system", Where::kVm, kChanges, hmp::system_reset, kNo, "system_reset", "",
     qmp::system_reset},
    {"system_wakeup", "", "", "wakeup guest from suspend", Where::kVm, kChanges, hmp::system_wakeup, kNo,
     "system_wakeup", "", qmp::system_wakeup},
    {"trace-event", "name:word option:onoff", "name on|off", "changes status of a specific trace event", Where::kVm,
     kSteers, hmp::trace_event, kNo, "trace-event-set-state", "name:str enable:bool ignore-unavailable:bool? vcpu:int?",
     qmp::trace_event_set_state},
    {"x", "fmt:format addr:addr", "/fmt addr", "virtual memory dump starting at 'addr'", Where::kVm, kLooks,
     hmp::examine},
    {"xp", "fmt:format addr:addr", "/fmt addr", "physical memory dump starting at 'addr'", Where::kVm, kLooks,
     hmp::examine_physical},

    // QMP's alone.
    {"", "", "", "", Where::kIo, kLooks, nullptr, kNo, "human-monitor-command", "command-line:str cpu-index:int?",
     qmp::nothing},
    {"", "", "", "", Where::kVm, kChanges, nullptr, kNo, "input-send-event",
     "device:str? head:int? events:[InputEvent]", qmp::input_send_event},
    {"", "", "", "", Where::kIo, kLooks, nullptr, kNo, "qmp_capabilities", "enable:[str]?", qmp::nothing},
    {"", "", "", "", Where::kIo, kLooks, nullptr, kNo, "query-commands", "", qmp::query_commands},
    {"", "", "", "", Where::kIo, kLooks, nullptr, kNo, "query-qmp-schema", "", qmp::query_schema},
    {"", "", "", "", Where::kIo, kLooks, nullptr, kNo, "query-machines", "", qmp::query_machines},
    {"", "", "", "", Where::kIo, kLooks, nullptr, kNo, "query-target", "", qmp::query_target},
    {"", "", "", "", Where::kIo, kLooks, nullptr, kNo, "query-current-machine", "", qmp::query_current_machine},
    {"", "", "", "", Where::kIo, kLooks, nullptr, kNo, "query-display-options", "", qmp::query_display_options},
    {"", "", "", "", Where::kIo, kLooks, nullptr, kNo, "query-vnc-servers", "", qmp::query_vnc_servers},
    {"", "", "", "", Where::kIo, kLooks, nullptr, kNo, "query-iothreads", "", qmp::query_empty_list},
    {"", "", "", "", Where::kIo, kLooks, nullptr, kNo, "query-acpi-ospm-status", "", qmp::query_empty_list},
    {"", "", "", "", Where::kIo, kLooks, nullptr, kNo, "query-pr-managers", "", qmp::query_empty_list},
    {"", "", "", "", Where::kIo, kLooks, nullptr, kNo, "query-tpm", "", qmp::query_empty_list},
    {"", "", "", "", Where::kIo, kLooks, nullptr, kNo, "query-memory-devices", "", qmp::query_empty_list},
    {"", "", "", "", Where::kIo, kLooks, nullptr, kNo, "query-block-jobs", "", qmp::query_empty_list},
    {"", "", "", "", Where::kVm, kLooks, nullptr, kNo, "query-named-block-nodes", "flat:bool?", qmp::query_named_block_nodes},
    {"", "", "", "", Where::kVm, kSteers, nullptr, kNo, "snapshot-save", "job-id:str tag:str vmstate:str devices:[str]",
     qmp::snapshot_save},
    {"", "", "", "", Where::kVm, kSteers, nullptr, kNo, "snapshot-load", "job-id:str tag:str vmstate:str devices:[str]",
     qmp::snapshot_load},
    {"", "", "", "", Where::kVm, kSteers, nullptr, kNo, "snapshot-delete", "job-id:str tag:str devices:[str]",
     qmp::snapshot_delete},
    {"", "", "", "", Where::kVm, kLooks, nullptr, kNo, "query-jobs", "", qmp::query_jobs},
    {"", "", "", "", Where::kVm, kSteers, nullptr, kNo, "job-cancel", "id:str", qmp::job_cancel},
    {"", "", "", "", Where::kVm, kSteers, nullptr, kNo, "job-complete", "id:str", qmp::job_complete},
    {"", "", "", "", Where::kVm, kSteers, nullptr, kNo, "job-dismiss", "id:str", qmp::job_dismiss},
    {"", "", "", "", Where::kVm, kSteers, nullptr, kNo, "job-finalize", "id:str", qmp::job_finalize},
    {"", "", "", "", Where::kVm, kSteers, nullptr, kNo, "job-pause", "id:str", qmp::job_pause},
    {"", "", "", "", Where::kVm, kSteers, nullptr, kNo, "job-resume", "id:str", qmp::job_resume},
};

constexpr Command kInfo[] = {
    {"block", "-n? -v? device:word?", "[-n] [-v] [device]",
     "show info of one block device or all block devices (-v: show details)", Where::kVm, kLooks, hmp::info_block, kNo,
     "query-block", "", qmp::query_block},
    {"chardev", "", "", "show the character devices", Where::kIo, kLooks, hmp::info_chardev, kNo, "query-chardev", "",
     qmp::query_chardev},
    {"cpus", "", "", "show infos for each CPU", Where::kVm, kLooks, hmp::info_cpus, kNo, "query-cpus-fast", "",
     qmp::query_cpus_fast},
    {"history", "", "", "show the command line history", Where::kIo, kLooks, hmp::info_history},
    {"hotpluggable-cpus", "", "", "Show information about hotpluggable CPUs", Where::kIo, kLooks,
     hmp::info_hotpluggable_cpus, kNo, "query-hotpluggable-cpus", "", qmp::query_hotpluggable_cpus},
    {"iothreads", "", "", "show iothreads", Where::kIo, kLooks, hmp::info_nothing},
    {"irq", "", "", "show the interrupts statistics", Where::kVm, kLooks, hmp::info_irq},
    {"jit", "", "", "show dynamic compiler info", Where::kVm, kLooks, hmp::info_jit},
    {"kvm", "", "", "show KVM information", Where::kIo, kLooks, hmp::info_kvm, kNo, "query-kvm", "", qmp::query_kvm},
    {"lapic", "", "", "show local apic state", Where::kVm, kLooks, hmp::info_lapic},
    {"mem", "", "", "show the active virtual memory mappings", Where::kVm, kLooks, hmp::info_mem},
    {"memdev", "", "", "show memory backends", Where::kIo, kLooks, hmp::info_memdev, kNo, "query-memdev", "",
     qmp::query_memdev},
    {"memory-devices", "", "", "show memory devices", Where::kIo, kLooks, hmp::info_nothing},
    {"memory_size_summary", "", "", "show the amount of initially allocated and present hotpluggable memory in bytes",
     Where::kIo, kLooks, hmp::info_memory_size, kNo, "query-memory-size-summary", "", qmp::query_memory_size},
    {"mice", "", "", "show which guest mouse is receiving events", Where::kIo, kLooks, hmp::info_mice, kNo,
     "query-mice", "", qmp::query_mice},
    {"mtree", "-f?", "[-f]", "show memory tree (as it stands; -f is the same)", Where::kVm, kLooks, hmp::info_mtree},
    {"name", "", "", "show the current VM name", Where::kIo, kLooks, hmp::info_name, kNo, "query-name", "",
     qmp::query_name},
    {"network", "", "", "show the network state", Where::kIo, kLooks, hmp::info_nothing},
    {"numa", "", "", "show NUMA information", Where::kIo, kLooks, hmp::info_numa},
    {"pci", "", "", "show PCI info", Where::kVm, kLooks, hmp::info_pci, kNo, "query-pci", "", qmp::query_pci},
    {"pic", "", "", "show PIC state", Where::kVm, kLooks, hmp::info_pic},
    {"qtree", "", "", "show device tree", Where::kVm, kLooks, hmp::info_qtree},
    {"ramblock", "", "", "display system ramblock information", Where::kVm, kLooks, hmp::info_ramblock},
    {"registers", "-a?", "[-a]", "show the cpu registers", Where::kVm, kLooks, hmp::info_registers},
    {"replay", "", "", "show record/replay information", Where::kVm, kLooks, hmp::info_replay, kNo, "query-replay", "",
     qmp::query_replay},
    {"roms", "", "", "show roms", Where::kIo, kLooks, hmp::info_roms},
    {"snapshots", "", "", "show the currently saved VM snapshots", Where::kVm, kLooks, hmp::info_snapshots},
    {"status", "", "", "show the current VM status (running|paused)", Where::kVm, kLooks, hmp::info_status, kNo,
     "query-status", "", qmp::query_status},
    {"tlb", "", "", "show virtual to physical memory mappings", Where::kVm, kLooks, hmp::info_tlb},
    {"trace-events", "name:word?", "[name]", "show available trace-events & their state", Where::kVm, kLooks,
     hmp::info_trace_events, kNo, "trace-event-get-state", "name:str vcpu:int?", qmp::trace_event_get_state},
    {"uuid", "", "", "show the current VM UUID", Where::kIo, kLooks, hmp::info_uuid, kNo, "query-uuid", "",
     qmp::query_uuid},
    {"version", "", "", "show the version of QEMU", Where::kIo, kLooks, hmp::info_version, kNo, "query-version", "",
     qmp::query_version},
    {"vnc", "", "", "show the vnc server status", Where::kIo, kLooks, hmp::info_vnc, kNo, "query-vnc", "",
     qmp::query_vnc},
};

}  // namespace

std::span<const Command> monitor_commands() { return kCommands; }
std::span<const Command> info_commands() { return kInfo; }

std::string_view first_name(const Command& command) { return command.name.substr(0, command.name.find('|')); }

const Command* find_command(std::span<const Command> table, std::string_view name) {
    for (const Command& command : table) {
        std::string_view names = command.name;
        while (!names.empty()) {
            const std::string_view one = names.substr(0, names.find('|'));
            names.remove_prefix(std::min(names.size(), one.size() + 1));
            if (one == name) return &command;
        }
    }
    return nullptr;
}

const Command* find_qmp_command(std::string_view name) {
    for (const auto table : {monitor_commands(), info_commands()})
        for (const Command& command : table)
            if (!command.qmp_name.empty() && command.qmp_name == name) return &command;
    return nullptr;
}

}  // namespace qr
