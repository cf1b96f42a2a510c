// SPDX-License-Identifier: GPL-2.0-or-later
//
// Everything inside the door: board, engine, clock and run loop, put together as a configuration says. The
// emulator connects the outer world to it and gives it a thread; tools drive it themselves.
// Source: none (docs/architecture.rst).
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "hw/i386/pc.h"
#include "replay/log_reader.h"
#include "sysemu/clock.h"
#include "sysemu/mailbox.h"
#include "sysemu/replay.h"
#include "system/drives.h"
#include "system/host_requests.h"
#include "system/machine_config.h"
#include "system/run_loop.h"
#include "system/time_travel.h"
#include "util/result.h"

namespace qr {

// The files that go into a machine, from disk or out of the recording. Empty: there is none.
struct MachineFiles {
    std::vector<uint8_t> bios, vga_bios, kernel, initrd, splash;

    // Each with the name under which a log keeps it.
    std::array<std::pair<const char*, std::vector<uint8_t>*>, 5> by_name() {
        return {{{"bios", &bios}, {"vga_bios", &vga_bios}, {"kernel", &kernel}, {"initrd", &initrd},
                 {"splash", &splash}}};
    }
};
Result<MachineFiles> recorded_files(const LogReader& log);

// What of a run the configuration settles.
RunLoop::Settings run_settings(const MachineConfig& config);

// Whom the machine tells of what it does. VM thread.
struct MachineEars {
    std::function<void(const std::string&)> notice;  // a line for the user
    std::function<void(const RunEvent&)> event{};
    std::function<bool()> watched{};                 // see RunLoop::Parts
    std::function<void(const HostDrive::Failure&)> disk_failed{};
};

class Machine {
  public:
    // The machine as it is after power-on.
    static Result<std::unique_ptr<Machine>> create(const MachineConfig& config, const MachineFiles& files,
                                                   std::unique_ptr<i386::Engine> engine,
                                                   const RunLoop::Settings& settings, MachineEars ears,
                                                   const Drives::Setup& drives = {});

    Door& door() { return door_; }
    VirtualClock& clock() { return clock_; }
    PcBoard& board() { return *board_; }
    RunLoop& loop() { return *loop_; }
    TimeTravel& travel() { return *travel_; }
    MachineRequests& requests() { return *requests_; }
    Drives& drives() { return *drives_; }
    const i386::Engine& engine() const { return *engine_; }
    // For a log's checkpoints: what disks have that is new since the call before. To be followed by a dump of the whole
    // state, which pins what there is.
    CheckpointMaker::Changes disk_changes();

  private:
    Machine() = default;
    void build_loop(const RunLoop::Settings& settings, MachineEars ears);

    // The board is built before the loop that serves its requests.
    struct ControlProxy final : MachineControl {
        MachineControl* target = nullptr;
        void request_reset() override { target->request_reset(); }
        void request_shutdown() override { target->request_shutdown(); }
        void request_suspend() override { target->request_suspend(); }
        void request_exit(int status) override { target->request_exit(status); }
    };

    Mailbox mailbox_;
    Countdown countdown_;
    VirtualClock clock_{countdown_};
    Door door_{mailbox_};
    ControlProxy control_;
    std::unique_ptr<i386::Engine> engine_;
    std::unique_ptr<Drives> drives_;
    std::unique_ptr<PcBoard> board_;
    std::unique_ptr<RunLoop> loop_;
    std::unique_ptr<TimeTravel> travel_;
    std::unique_ptr<HostRequests> requests_;
};

}  // namespace qr
