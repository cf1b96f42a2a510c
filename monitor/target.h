// SPDX-License-Identifier: GPL-2.0-or-later
//
// The machine and the program around it, as monitors see them. Source: none (docs/monitor.rst).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "block/host_drive.h"
#include "chardev/char_registry.h"
#include "hw/i386/pc.h"
#include "hw/machine_requests.h"
#include "sysemu/clock.h"
#include "sysemu/recording_control.h"
#include "sysemu/replay.h"
#include "sysemu/run_control.h"
#include "sysemu/snapshot_control.h"

namespace qr {

// What is told of accesses to devices. VM thread.
class TraceEvents {
  public:
    virtual ~TraceEvents() = default;
    struct Event {
        std::string name;
        bool enabled;
    };
    virtual std::vector<Event> events() const = 0;
    // pattern: a name, or with * and ?. False: no event fits.
    virtual bool set(const std::string& pattern, bool on) = 0;
};

struct MonitorTarget {
    // VM thread, at a boundary. What isn't a port of the door is only looked at.
    PcBoard& board;
    VirtualClock& clock;
    RunControl& run;
    MachineRequests& requests;
    // Their own rules.
    Door& door;
    CharRegistry& chardevs;  // I/O thread

    std::vector<HostDrive*> drives{};  // I/O thread, by their "any thread" functions

    std::string version{};   // "0.1.0"
    std::string name{};      // -name
    std::string uuid{};      // -uuid, or zeros
    std::string log_file{};  // rrfile
    uint64_t ram_size = 0;
    struct Rom {
        std::string name;
        uint64_t address;  // 0: in fw_cfg
        uint64_t size;
    };
    std::vector<Rom> roms{};
    // VM thread: what the translator did, as text. Empty: there is none.
    std::function<std::string()> translator{};
    // VM thread: the screen into a file. format: "ppm" or "png".
    std::function<Result<void>(const std::string& file, const std::string& format)> screendump{};
    // I/O thread: the VNC server, if there is one.
    struct VncAddress {
        std::string family;   // "ipv4", "ipv6", "unix"
        std::string host;     // of a Unix socket: empty
        std::string service;  // a port, or the socket's path
    };
    struct VncStatus {
        VncAddress server;
        bool password = false;  // password=on
        std::vector<VncAddress> clients;
    };
    std::function<std::optional<VncStatus>()> vnc{};
    std::function<void(const std::string& password)> set_vnc_password{};
    std::function<void(int64_t seconds_since_1970)> expire_vnc_password{};
    std::function<std::string()> display{};  // I/O thread: -display's type
    // VM thread: -d items, by name ("in_asm,op", "none"), and where they go. Fails with one line.
    std::function<Result<void>(const std::string& items)> log_items{};
    std::function<Result<void>(const std::string& file)> log_to{};
    std::function<std::string()> log_help{};
    TraceEvents* trace = nullptr;
    // I/O thread: where gdb may come, as -gdb has it.
    std::function<Result<void>(const std::string& device)> gdb_server{};
    // VM thread
    SnapshotControl* snapshots = nullptr;
    RecordingControl* recording = nullptr;
};

}  // namespace qr
