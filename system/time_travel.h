// SPDX-License-Identifier: GPL-2.0-or-later
//
// Takes a replay to any of its instructions, forward and backward, and runs the machine for a debugger. Back means: to
// the nearest checkpoint before, and forward from there to the very position. Checkpoints are taken as the replay
// goes, about as often as they cost little; and on the way to somewhere some closer and closer to it, so that a step
// back from there is short.
//
// VM thread only, at a boundary. Source: docs/replay.rst, "Time travel".
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "exec/cpu.h"
#include "replay/checkpoint_log.h"
#include "replay/checkpoints.h"
#include "replay/replayer.h"
#include "sysemu/debug_control.h"
#include "sysemu/replay.h"

namespace qr {

// What the run loop does for it.
class Travelled {
  public:
    virtual ~Travelled() = default;
    // Lets the machine go as fast as it can, until icount has this value: then TimeTravel::arrived().
    virtual Result<void> go_to(uint64_t icount) = 0;
    virtual Result<void> go() = 0;
    // It stands still, and is not on its way any more.
    virtual void halt(const DebugStop& why) = 0;
    // The machine is elsewhere, at a boundary where all was done that belongs to it.
    virtual void moved() = 0;
};

class TimeTravel final : public DebugControl {
  public:
    struct Parts {
        Travelled& loop;
        CpuBase& cpu;
        Door& door;
        StateRoot& root;
        AddressSpace& memory;
        Checkpoints::Disks disks;
        CheckpointReader::Provide provide{};  // for checkpoints of a log
    };
    explicit TimeTravel(Parts parts) : parts_(std::move(parts)) {}

    // Before the machine runs. budget: bytes for checkpoints; 0: none are taken. log: those in the log; may be null.
    // With neither there is no way back.
    void replay_with(Replayer& replayer, uint64_t budget, const CheckpointReader* log);
    // Called every now and then on the way, to take a checkpoint for the log.
    void index_by(std::function<void()> take) { index_ = std::move(take); }
    // The replay is none any more.
    void go_live();

    // ---- for the run loop ----
    // The CPU is about to execute.
    void passing();
    // Where passing() is to be called; UINT64_MAX: nowhere in particular.
    uint64_t next_stop() const { return near_.empty() ? UINT64_MAX : near_.front(); }
    // go_to() has got there.
    void arrived();
    // The CPU came to one of the debugger's stops.
    void hit(const DebugHit& hit);
    // The machine was halted: nobody wants to be elsewhere any more.
    void halted(const DebugStop& why);
    // Something else took the machine elsewhere.
    void interrupted() { set_trip(Trip::kNone); }
    bool listening() const { return listener_ != nullptr; }

    // ---- for monitors; replay only ----
    Result<void> seek(uint64_t icount);
    // Stops that count by instructions. Any number of them, in the past and in the future.
    void break_at(uint64_t icount) { breaks_.insert(icount); }
    void delete_break(std::optional<uint64_t> icount);
    const std::set<uint64_t>& breaks() const { return breaks_; }
    // Null: none are taken.
    const Checkpoints* checkpoints() const { return checkpoints_.get(); }

    // ---- DebugControl ----
    void set_debug_stops(DebugStops stops) override;
    Result<void> debug_continue() override;
    Result<void> debug_step() override { return debug_step_while(nullptr); }
    Result<void> debug_step_while(std::function<bool()> further) override;
    Result<void> reverse_continue() override;
    Result<void> reverse_step() override;
    void on_debug_stop(std::function<void(const DebugStop&)> listener) override { listener_ = std::move(listener); }

  private:
    using HostClock = std::chrono::steady_clock;
    enum class Trip : uint8_t {
        kNone,
        kSeek,  // to one position; stops on the way don't count
        kStep,  // one instruction, or some one by one
        kScan,  // through a stretch of the past, noting stops
    };
    // A stop that a scan found, and where the machine stands when it is told.
    struct Found {
        uint64_t icount;
        DebugStop stop;
    };
    // A stretch of the past that was scanned for some stops.
    struct Scan {
        DebugStops stops;
        uint64_t first = 0, end = 0;  // icounts; `end` itself isn't in it
        std::vector<Found> found;
    };

    uint64_t first() const { return first_; }
    uint64_t now() const { return parts_.door.position().icount; }
    Result<void> backward() const;
    // To the last checkpoint at or before, in memory or in the log, if going on from there is better than from here.
    Result<void> approach(uint64_t icount, bool back);
    void arrive_by_checkpoint();
    Result<void> travel(uint64_t icount, const DebugStop& why);
    void take(bool passing);
    bool begin_stretch(uint64_t end);
    Result<void> scan_on();
    void note(uint64_t icount, const DebugStop& stop);
    bool steps_on() const;
    void set_trip(Trip trip);
    void tell(const DebugStop& why);

    Parts parts_;
    Replayer* replayer_ = nullptr;
    std::unique_ptr<Checkpoints> checkpoints_;
    const CheckpointReader* log_ = nullptr;
    std::function<void(const DebugStop&)> listener_;
    std::set<uint64_t> breaks_;
    DebugStops stops_;
    Trip trip_ = Trip::kNone;
    DebugStop arrival_;          // kSeek, kStep: what is told then
    std::function<bool()> further_;  // kStep: whether another one follows; null: none
    uint64_t step_ = 0;              // kStep: where the first one began
    Scan scan_;
    std::vector<uint64_t> near_;  // where to take checkpoints on the way; ascending
    unsigned near_taken_ = 0;     // since they were forgotten
    uint64_t first_ = 0;                  // icount of the beginning
    uint64_t last_checkpoint_ = 0;        // the one that was passed last
    HostClock::time_point passed_at_{};   // when
    std::function<void()> index_;
    HostClock::time_point indexed_at_{};
    HostClock::time_point began_{};       // when the first one was taken
    HostClock::duration cost_{}, spent_{};  // on the last one, on all; only of those that were passed
};

}  // namespace qr
