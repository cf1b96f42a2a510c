// SPDX-License-Identifier: GPL-2.0-or-later
//
// A machine that replays a recording without an outer world, as far as it is told. Source: none.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "replay/log_reader.h"
#include "replay/replayer.h"
#include "replay/state_dump.h"
#include "system/machine.h"
#include "util/result.h"

namespace qr::lockstep {

class ReplayMachine {
  public:
    // images: a folder that has the drives' images, by their file names; empty: they are where they were recorded.
    // The log must outlive it.
    static Result<std::unique_ptr<ReplayMachine>> create(const LogReader& log, std::unique_ptr<i386::Engine> engine,
                                                         const std::string& images = {});

    // Until icount is reached, and nothing that is due there is done yet; or to the end.
    void run_to(uint64_t icount);
    // Timers, inputs, time that passes in HLT: until the next instruction can be executed.
    void catch_up();
    // That has to come first, before it is saved.
    bool requested() const { return machine_->loop().requested(); }

    uint64_t icount() { return machine_->clock().icount(); }
    i386::Cpu& cpu() { return machine_->board().cpu(); }
    PcBoard& board() { return machine_->board(); }
    AddressSpace& memory() { return machine_->board().memory(); }
    void dump(StateDump& to);

    // As it is here, to bytes; and from what another machine of the recording was.
    Result<std::vector<uint8_t>> save();
    Result<void> load(std::span<const uint8_t> snapshot);

    bool ended() const { return ended_; }
    // At the end: as the recording did; else said() tells what is wrong.
    bool as_recorded() const { return !replayer_->divergence() && !replayer_->error(); }
    int status() const { return status_; }
    const std::string& said() const { return said_; }

  private:
    ReplayMachine() = default;
    void end();

    MachineConfig config_;
    std::unique_ptr<Machine> machine_;
    std::unique_ptr<Replayer> replayer_;
    bool ended_ = false;
    int status_ = 0;
    std::string said_;
};

}  // namespace qr::lockstep
