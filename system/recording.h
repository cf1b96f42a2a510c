// SPDX-License-Identifier: GPL-2.0-or-later
//
// What it takes to record a machine: the log's header and files, the recorder, overlays for the drives. From power-on
// (-icount rr=record) or from the middle of a run (the monitor's `record`). VM thread, or before there is one.
// Source: docs/replay.rst.
#pragma once

#include <memory>
#include <string>

#include "replay/log_writer.h"
#include "replay/recorder.h"
#include "sysemu/recording_control.h"
#include "system/machine.h"
#include "system/machine_config.h"
#include "system/vm_snapshots.h"

namespace qr {

class Recording final : public RecordingControl {
  public:
    struct Parts {
        Machine& machine;
        MachineConfig& config;  // its drives follow the media when a recording begins
        MachineFiles& files;
        VmSnapshots& snapshots;
    };
    struct Options {
        std::string creator;  // program and version
        Recorder::Options recorder;
    };
    Recording(Parts parts, Options options) : parts_(parts), options_(std::move(options)) {}

    // Before the machine runs; its drives were made for it. snapshot: the name of one that is made at once, or empty.
    Result<void> begin(const std::string& file, const std::string& snapshot);
    Result<void> start(const std::string& file) override;
    Result<void> stop() override;

  private:
    Result<std::unique_ptr<LogWriter>> create_log(const std::string& file) const;
    Result<void> write_beginning(std::optional<Position> start, std::span<const uint8_t> machine);
    void attach();

    Parts parts_;
    const Options options_;
    std::string file_;
    std::unique_ptr<LogWriter> writer_;
    std::unique_ptr<Recorder> recorder_;
};

}  // namespace qr
