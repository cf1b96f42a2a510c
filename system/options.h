// SPDX-License-Identifier: GPL-2.0-or-later
//
// The command line, parsed: what the guest can see (machine) apart from how it is run (everything else).
#pragma once

#include <cstdint>
#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "accel/tcg/tcg.h"
#include "block/drive_options.h"
#include "ui/vnc_options.h"
#include "util/result.h"

namespace qr {

enum class ReplayMode { kNone, kRecord, kReplay };

struct IcountOptions {
    bool auto_shift = true;
    unsigned shift = 0;  // 0 .. 10: 2^shift nanoseconds an instruction
    bool shift_given = false;
    bool sleep = true;
    bool sleep_given = false;
    bool align = false;
    ReplayMode mode = ReplayMode::kNone;
    std::string file;
    double replay_speed = 0;    // see parse_replay_speed()
    uint32_t digest_ms = 1000;  // virtual milliseconds between digests
    bool digest_given = false;
    std::optional<uint64_t> checkpoint_budget;  // replay: bytes; 0: no checkpoints; nothing: as it is useful
    std::string snapshot;  // record: of this name at the beginning; replay: begins there
    uint32_t checkpoint_seconds = 0;  // record: of the host, between those in the log; 0: none
    uint32_t ring_seconds = 0;        // record: only so much of the end is kept; 0: all
    bool index = false;               // replay: the log gets checkpoints
    bool start_at_end = false;        // replay: begins there, or at the next
    std::optional<uint64_t> start_at;
};

// -d and -D.
struct LogOptions {
    bool jit = false, in_asm = false, op = false, out_asm = false;
    std::string file;  // empty: stderr
    bool any() const { return jit || in_asm || op || out_asm; }
};

// -trace, and -d trace:PATTERN.
struct TraceOptions {
    std::vector<std::string> patterns;  // in order; "-cpu_in" switches off
    std::string file;                   // empty: -D's, or stderr
};

// -device and its like: a driver's name and its properties, in order.
struct DeviceOption {
    std::string driver;
    std::vector<std::pair<std::string, std::string>> properties;
};

// -monitor, -mon, -qmp, -qmp-pretty.
struct MonitorOption {
    std::string option;  // as the user wrote it, for messages: "-qmp tcp::4444"
    std::string backend;
    bool control = false;  // QMP
    bool pretty = false;
};

struct Options {
    // --- the machine ---
    std::string machine = "pc";
    std::string cpu = "qemu32";
    uint64_t ram_size = uint64_t{128} << 20;
    std::string bios;  // file name, empty: the package's
    std::string kernel, initrd, append;
    bool has_append = false;
    std::string vga;  // empty: std, with -nodefaults none
    std::string rtc_base = "utc", rtc_clock;  // clock: empty if it wasn't said
    std::optional<bool> rtc_slew;             // driftfix=
    std::string uuid;
    bool hpet = true;
    bool vmport = true;
    bool no_defaults = false;
    std::vector<std::string> serials;    // -serial, in order
    std::vector<std::string> parallels;  // -parallel, in order
    std::vector<DeviceOption> devices;
    bool boot_menu = false;
    bool boot_strict = false;
    std::string splash;  // a picture's file
    std::optional<uint16_t> splash_time;     // ms
    std::optional<uint16_t> reboot_timeout;  // ms; none: for ever
    std::string boot_order = "cad", boot_once;
    DriveOptions drive_options;       // what was said about disks
    std::vector<DriveConfig> drives;  // what that means

    // --- how it runs ---
    std::vector<std::string> library_paths;  // -L
    std::string accel;  // empty: tcg where it is supported
    TcgOptions tcg;
    IcountOptions icount;
    bool icount_given = false;
    bool no_reboot = false;
    bool no_shutdown = false;
    std::string loadvm;
    bool start_stopped = false;  // -S
    bool nographic = false;
    std::string display;  // empty: the default
    std::optional<VncOptions> vnc;
    std::string keymap = "en-us";
    bool full_screen = false;
    bool window_close = true;
    std::map<std::string, std::string> chardevs;  // -chardev: id -> backend specification
    std::vector<MonitorOption> monitors;
    bool monitor_given = false;  // -monitor, also "none": there is no default one
    std::string gdb;  // -gdb's device; empty: there is no server
    std::string qtest;
    std::string name;
    std::string pid_file;
    bool daemonize = false;
    LogOptions log;
    TraceOptions trace;
    bool perf_map = false;

    // Options that the user wrote, by name without dash; replay checks these against the recording.
    std::map<std::string, std::string> given;
    // -help, -version, "help" arguments: print this and exit with status 0.
    std::optional<std::string> print;
};

// argv as main() got it. Errors read "-option value: what is wrong".
Result<Options> parse_command_line(int argc, char** argv);

// "-icount" alone: shift=N|auto,sleep=on|off,align=on|off,rr=record|replay,rrfile=NAME,...
Result<IcountOptions> parse_icount(const std::string& text);

// "-d" alone, into `log`.
Result<void> parse_log_items(const std::string& text, LogOptions& log);
std::string log_items_help();
// A log's file, empty, written to at its end (several may share it). "%d" is the process's number.
Result<std::FILE*> create_log_file(const std::string& file);
// "trace:PATTERN" among -d's items goes to `trace`; the rest is given back.
std::string take_trace_items(const std::string& text, TraceOptions& trace);

}  // namespace qr
