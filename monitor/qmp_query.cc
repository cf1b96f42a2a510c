// SPDX-License-Identifier: GPL-2.0-or-later
//
// QMP's query commands. Types and members are those of QEMU's QMP reference.
#include "monitor/handlers.h"
#include "monitor/qmp_call.h"
#include "monitor/qmp_version.h"

#include <unistd.h>

namespace qr::qmp {

void query_version(QmpCall& call) { call.result = qmp_version(call.target); }

void query_status(QmpCall& call) {
    const RunState state = call.target.run.run_state();
    call.result = {{"status", run_state_name(state)}, {"singlestep", false}, {"running", state == RunState::kRunning}};
}

void query_commands(QmpCall& call) {
    call.result = Json::array();
    for (const auto table : {monitor_commands(), info_commands()})
        for (const Command& command : table)
            if (!command.qmp_name.empty()) call.result.push_back({{"name", command.qmp_name}});
}

void query_schema(QmpCall& call) { call.result = qmp_schema(); }

void query_kvm(QmpCall& call) { call.result = {{"enabled", false}, {"present", false}}; }

void query_name(QmpCall& call) {
    if (!call.target.name.empty()) call.result["name"] = call.target.name;
}

void query_uuid(QmpCall& call) { call.result = {{"UUID", call.target.uuid}}; }

void query_cpus_fast(QmpCall& call) {
    call.result = Json::array();
    call.result.push_back({{"thread-id", gettid()},
                           {"props", {{"core-id", 0}, {"thread-id", 0}, {"socket-id", 0}}},
                           {"qom-path", "/machine/unattached/device[0]"},
                           {"cpu-index", 0},
                           {"target", "i386"}});
}

void query_chardev(QmpCall& call) {
    call.result = Json::array();
    for (const CharRegistry::Entry& entry : call.target.chardevs.list())
        call.result.push_back({{"frontend-open", entry.used}, {"filename", entry.filename}, {"label", entry.label}});
}

void query_mice(QmpCall& call) {
    call.result = Json::array();
    call.result.push_back({{"index", 2}, {"name", "QEMU PS/2 Mouse"}, {"current", true}, {"absolute", false}});
}

void query_replay(QmpCall& call) {
    const RunControl::LogView view = call.target.run.log_view();
    constexpr const char* kModes[] = {"none", "record", "play"};
    call.result = {{"mode", kModes[static_cast<size_t>(view.mode)]}, {"icount", view.icount}};
    if (view.mode != RunControl::LogMode::kNone) call.result["filename"] = call.target.log_file;
    if (view.mode == RunControl::LogMode::kPlay) call.result["speed"] = replay_speed_text(view.speed);
}

void query_machines(QmpCall& call) {
    call.result = Json::array();
    call.result.push_back({{"hotpluggable-cpus", false},
                           {"name", "pc"},
                           {"is-default", true},
                           {"numa-mem-supported", false},
                           {"default-cpu-type", "qemu32-i386-cpu"},
                           {"cpu-max", 1},
                           {"deprecated", false},
                           {"default-ram-id", "pc.ram"}});
}

void query_target(QmpCall& call) { call.result = {{"arch", "i386"}}; }

void query_memory_size(QmpCall& call) {
    call.result = {{"base-memory", call.target.ram_size}, {"plugged-memory", 0}};
}

void query_memdev(QmpCall& call) {
    call.result = Json::array();
    call.result.push_back({{"share", false}, {"reserve", true}, {"prealloc", false}, {"host-nodes", Json::array()},
                           {"size", call.target.ram_size}, {"merge", true}, {"dump", true}, {"policy", "default"},
                           {"id", "pc.ram"}});
}

void query_hotpluggable_cpus(QmpCall& call) {
    call.result = Json::array();
    call.result.push_back({{"props", {{"core-id", 0}, {"thread-id", 0}, {"socket-id", 0}}},
                           {"vcpus-count", 1},
                           {"qom-path", "/machine/unattached/device[0]"},
                           {"type", "qemu32-i386-cpu"}});
}

void query_current_machine(QmpCall& call) { call.result = {{"wakeup-suspend-support", false}}; }

void query_empty_list(QmpCall& call) { call.result = Json::array(); }

void query_display_options(QmpCall& call) { call.result = {{"type", call.target.display ? call.target.display() : "none"}}; }

void query_pci(QmpCall& call) {
    Json devices = Json::array();
    for (unsigned devfn = 0; devfn < 256; ++devfn) {
        const PciDevice* device = call.target.board.pci().device(devfn);
        if (!device) continue;
        Json regions = Json::array();
        for (unsigned i = 0; i < 7; ++i) {
            const auto bar = device->bar_view(i);
            if (!bar) continue;
            const bool io = bar->kind == PciBarKind::kIo;
            Json region = {{"bar", i},
                           {"type", io ? "io" : "memory"},
                           {"address", bar->address ? static_cast<int64_t>(*bar->address) : -1},
                           {"size", bar->size}};
            if (!io) {
                region["mem_type_64"] = bar->kind == PciBarKind::kMemory64 || bar->kind == PciBarKind::kMemory64Prefetch;
                region["prefetch"] =
                    bar->kind == PciBarKind::kMemoryPrefetch || bar->kind == PciBarKind::kMemory64Prefetch;
            }
            regions.push_back(std::move(region));
        }
        Json one = {{"bus", 0},
                    {"slot", device->slot()},
                    {"function", device->function()},
                    {"class_info", {{"class", device->config_read(pci::kRevision, 4) >> 16}}},
                    {"id",
                     {{"vendor", device->config_read(pci::kVendorId, 2)},
                      {"device", device->config_read(pci::kDeviceId, 2)},
                      {"subsystem-vendor", device->config_read(pci::kSubsystemVendor, 2)},
                      {"subsystem", device->config_read(pci::kSubsystem, 2)}}},
                    {"irq_pin", device->interrupt_pin()},
                    {"qdev_id", device->id()},
                    {"regions", std::move(regions)}};
        if (device->interrupt_pin()) one["irq"] = device->config_read(pci::kInterruptLine, 1);
        devices.push_back(std::move(one));
    }
    call.result = Json::array();
    call.result.push_back({{"bus", 0}, {"devices", std::move(devices)}});
}

}  // namespace qr::qmp
