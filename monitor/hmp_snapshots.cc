// SPDX-License-Identifier: GPL-2.0-or-later
//
// Snapshots of the whole machine, and recordings that begin in the middle of a run. Tables and numbers look as QEMU prints them.
#include <cmath>
#include <ctime>

#include <fmt/chrono.h>

#include "monitor/handlers.h"
#include "sysemu/snapshot_control.h"

namespace qr::hmp {

namespace {

// Three digits and a binary unit: "766 KiB", "1.25 MiB".
std::string size_text(uint64_t bytes) {
    constexpr const char* kUnits[] = {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
    int exponent = 0;
    std::frexp(static_cast<double>(bytes) / (1000.0 / 1024), &exponent);
    const auto unit = static_cast<size_t>(std::max(0, (exponent - 1) / 10));
    return fmt::format("{:.3g} {}B", static_cast<double>(bytes) / std::pow(1024.0, static_cast<double>(unit)), kUnits[unit]);
}

void print_table(HmpCall& call, const std::vector<SnapshotControl::Entry>& entries, bool ids) {
    call.print("{:<9} {:<16} {:>8}{:>20}{:>13}{:>11}\n", "ID", "TAG", "VM SIZE", "DATE", "VM CLOCK", "ICOUNT");
    for (const SnapshotControl::Entry& e : entries) {
        const uint64_t ms = e.vm_clock_ns / 1'000'000, seconds = ms / 1000;
        call.print("{:<9} {:<16} {:>8}{:>20}{:>13}{:>11}\n", ids ? e.id : "--", e.name, size_text(e.vm_bytes),
                   e.date_s ? fmt::format("{:%Y-%m-%d %H:%M:%S}", fmt::localtime(static_cast<std::time_t>(e.date_s))) : "",
                   fmt::format("{:02}:{:02}:{:02}.{:03}", seconds / 3600, seconds / 60 % 60, seconds % 60, ms % 1000),
                   e.icount ? std::to_string(*e.icount) : "");
    }
}

}  // namespace

void savevm(HmpCall& call) {
    if (const auto done = call.target.snapshots->save(call.args.text("name")); !done) call.fail(done.error());
}

void loadvm(HmpCall& call) {
    if (const auto done = call.target.snapshots->load(call.args.text("name")); !done) call.fail(done.error());
}

void delvm(HmpCall& call) {
    if (const auto done = call.target.snapshots->remove(call.args.text("name")); !done) call.fail(done.error());
}

void info_snapshots(HmpCall& call) {
    const auto list = call.target.snapshots->list();
    if (!list) {
        call.print("{}\n", list.error().message);
        return;
    }
    if (list->loadable.empty() && list->partial.empty()) {
        call.print("There is no snapshot available.\n");
        return;
    }
    call.print("List of snapshots present on all disks:\n");
    if (list->loadable.empty()) call.print("None\n");
    else print_table(call, list->loadable, false);
    for (const auto& partial : list->partial) {
        call.print("\nList of partial (non-loadable) snapshots on '{}':\n", partial.drive);
        print_table(call, partial.entries, true);
    }
}

void record(HmpCall& call) {
    const std::string file = call.args.text("filename");
    if (const auto done = call.target.recording->start(file); !done) return call.fail(done.error());
    call.target.log_file = file;
}

void record_stop(HmpCall& call) {
    if (const auto done = call.target.recording->stop(); !done) call.fail(done.error());
}

}  // namespace qr::hmp
