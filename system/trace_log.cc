// SPDX-License-Identifier: GPL-2.0-or-later
#include "system/trace_log.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <fstream>

#include <fmt/format.h>
#include <glib.h>

#include "system/options.h"

namespace qr {

namespace {

// Those of the bus. The first ones are QEMU's.
enum : size_t { kCpuIn, kCpuOut, kOpsRead, kOpsWrite, kInterrupt, kFirstOfRegions };
constexpr const char* kBusEvents[] = {"cpu_in", "cpu_out", "memory_region_ops_read", "memory_region_ops_write",
                                      "x86_gsi_interrupt"};
// Runs of registers, without the numbers of their instances.
constexpr const char* kRegions[] = {
    "acpi-gpe0", "apic", "apic-msi", "apm-io", "bus-master-ide", "debugcon", "dma", "dma-page", "dma2", "elcr", "fdc",
    "fdc-input", "fw_cfg", "fw_cfg.dma", "hpet", "i8042-cmd", "i8042-data", "ide-command", "ide-control", "ioapic",
    "isa-debug-exit", "msix", "parallel", "pci-conf-data", "pci-conf-idx", "piix3-reset-control", "pic", "pic2",
    "piix4-pm", "piix4-smbus", "pit", "port61", "port92", "rtc", "serial", "vbe", "vga", "vga-lowmem", "vga.mmio",
    "virtio-pci", "virtio-pci-modern", "vmport"};

std::string event_name(std::string_view region, bool write) {
    std::string name(region);
    std::ranges::replace_if(name, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
    return name + (write ? "_write" : "_read");
}

bool fits(const std::string& pattern, const std::string& name) {
    return g_pattern_match_simple(pattern.c_str(), name.c_str());
}

std::vector<std::string> all_events() {
    std::vector<std::string> all(std::begin(kBusEvents), std::end(kBusEvents));
    for (const char* region : kRegions)
        for (const bool write : {false, true}) all.push_back(event_name(region, write));
    return all;
}

}  // namespace

std::string trace_events_help() {
    std::string text;
    for (const std::string& name : all_events()) text += name + '\n';
    return text;
}

Result<std::vector<std::string>> read_trace_patterns(const std::string& file) {
    std::ifstream in(file);
    if (!in) return Error{fmt::format("could not open the list of events '{}': {}", file, std::strerror(errno))};
    std::vector<std::string> patterns;
    for (std::string line; std::getline(in, line);) {
        while (!line.empty() && std::isspace(static_cast<unsigned char>(line.back()))) line.pop_back();
        if (!line.empty() && line[0] != '#') patterns.push_back(line);
    }
    return patterns;
}

Result<std::unique_ptr<TraceLog>> TraceLog::open(const std::string& file) {
    std::FILE* opened = stderr;
    if (!file.empty()) {
        const auto created = create_log_file(file);
        if (!created) return Error{"-trace file=" + created.error().message};
        opened = *created;
    }
    std::unique_ptr<TraceLog> log(new TraceLog(opened));
    for (const std::string& name : all_events()) log->events_.push_back({name, false});
    return log;
}

TraceLog::~TraceLog() {
    if (file_ != stderr) std::fclose(file_);
}

void TraceLog::attach(PcBoard& board, const VirtualClock& clock) {
    board_ = &board;
    clock_ = &clock;
    look_on();
}

// Who switched nothing on costs nothing.
void TraceLog::look_on() {
    const bool any = std::ranges::any_of(events_, &Named::enabled);
    if (board_) board_->trace(any ? this : nullptr);
}

bool TraceLog::enable(const std::string& pattern) {
    const bool off = pattern.starts_with('-');
    return set(off ? pattern.substr(1) : pattern, !off);
}

std::vector<TraceEvents::Event> TraceLog::events() const {
    std::vector<Event> all;
    for (const Named& event : events_) all.push_back({event.name, event.enabled});
    return all;
}

bool TraceLog::set(const std::string& pattern, bool on) {
    bool any = false;
    for (Named& event : events_) {
        if (!fits(pattern, event.name)) continue;
        event.enabled = on;
        any = true;
    }
    look_on();
    return any;
}

void TraceLog::say(const Named& event, const std::string& text) {
    const auto ns = static_cast<uint64_t>(clock_->now_ns());
    fmt::print(file_, "{}@{}.{:06}:{} {}\n", clock_->icount(), ns / 1'000'000'000, ns / 1000 % 1'000'000, event.name, text);
}

void TraceLog::port(bool write, uint16_t port, unsigned size, uint32_t value) {
    const Named& event = events_[write ? kCpuOut : kCpuIn];
    if (event.enabled) say(event, fmt::format("addr {:#x}({}) value {}", port, size == 1 ? 'b' : size == 2 ? 'w' : 'l', value));
}

size_t TraceLog::find(const std::string& name) {
    const auto at = std::ranges::find(events_, name, &Named::name);
    return at == events_.end() ? kInterrupt : static_cast<size_t>(at - events_.begin());
}

// kInterrupt: it has none.
size_t TraceLog::of_region(const IoRegion& region) {
    const auto known = regions_.find(&region);
    if (known != regions_.end()) return known->second;
    std::string name = region.name();
    size_t at = find(event_name(name, false));
    while (at == kInterrupt && !name.empty() && std::isdigit(static_cast<unsigned char>(name.back()))) {
        name.pop_back();
        at = find(event_name(name, false));
    }
    return regions_[&region] = at;
}

void TraceLog::region(bool write, const IoRegion& region, uint64_t address, unsigned size, uint64_t value) {
    if (const Named& event = events_[write ? kOpsWrite : kOpsRead]; event.enabled)
        say(event, fmt::format("cpu 0 addr {:#x} value {:#x} size {} name '{}'", address, value, size, region.name()));
    const size_t at = of_region(region);
    if (at == kInterrupt) return;
    if (const Named& event = events_[at + write]; event.enabled)
        say(event, fmt::format("addr {:#x} val {:#x} size {}", address, value, size));
}

void TraceLog::interrupt(int pin, bool level) {
    if (const Named& event = events_[kInterrupt]; event.enabled)
        say(event, fmt::format("GSI interrupt #{} level:{}", pin, level ? 1 : 0));
}

}  // namespace qr
