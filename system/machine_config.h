// SPDX-License-Identifier: GPL-2.0-or-later
//
// The expanded machine: everything that the guest can see, with every default filled in. A recording keeps it
// as JSON in its header; a replay builds the machine from it, and checks a command line against it.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "block/drive_options.h"
#include "system/options.h"
#include "util/result.h"

namespace qr {

struct ExtraDevice {
    std::string driver;  // "isa-debug-exit", "isa-debugcon"
    uint16_t iobase = 0;
    uint16_t iosize = 0;    // isa-debug-exit
    uint8_t readback = 0;   // isa-debugcon
    std::string chardev;    // isa-debugcon: how the user named its backend; the guest can't see it
};

struct MachineConfig {
    std::string machine = "pc";
    std::string cpu = "qemu32";
    uint64_t ram_size = 0;  // bytes
    std::string vga = "std";
    bool hpet = true;
    bool vmport = true;
    std::array<bool, 4> serial{};
    unsigned parallel = 0;
    std::vector<ExtraDevice> devices;
    std::string append;
    std::string uuid;
    bool boot_menu = false;
    std::string boot_order = "cad", boot_once;
    bool boot_strict = false;
    std::optional<uint16_t> splash_time, reboot_timeout;  // ms
    std::vector<DriveConfig> drives;
    bool nographic = false;    // fw_cfg tells the firmware
    int64_t rtc_epoch = 0;     // what the RTC starts from, in its own zone, as seconds since 1970
    std::string rtc_clock = "vm";  // whose time the RTC keeps: host, rt, vm
    bool rtc_slew = false;
    uint64_t random_seed = 0;  // of the generator in the core

    // How virtual time runs; not visible as such, but the recording depends on it.
    bool auto_shift = true;
    unsigned shift = 0;
    bool sleep = true;
    uint32_t digest_ms = 1000;
    bool no_reboot = false;
    bool no_shutdown = false;

    // Nanoseconds per instruction at the start, 32.32.
    uint64_t start_rate() const;

    std::string to_json() const;
    static Result<MachineConfig> from_json(const std::string& text);
};

// From the command line. host_epoch: the host's time of day, for -rtc base=utc and localtime.
Result<MachineConfig> expand(const Options& options, int64_t host_utc, int64_t host_local);

// What the user wrote must not contradict the recording: an error names the option, what was given and what
// was recorded. `kept` gives the recorded bytes of "bios", "kernel", "initrd", "splash" (empty: none).
Result<void> check_against(const Options& options, const MachineConfig& recorded,
                           const std::function<Result<std::vector<uint8_t>>(const std::string&)>& kept);

// A snapshot's machine must have the hardware that this one has. The error names what hasn't.
Result<void> check_same_hardware(const MachineConfig& here, const MachineConfig& snapshot);

Result<std::vector<uint8_t>> read_file(const std::string& path, uint64_t limit);

}  // namespace qr
