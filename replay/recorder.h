// SPDX-License-Identifier: GPL-2.0-or-later
// Recording, as the run loop sees it: what the door delivers goes into the log, and once per
// virtual second a digest of the machine. VM thread only.
//
// The run loop has told the door how to settle (door.settle_by), and does at every boundary:
//
//     door.set_icount(clock.icount());
//     door.settle();
//     mailbox.run_pending();
//     door.settle();
//     recorder.tick();
//
// What a replay must do in the same place belongs into settle(): it runs before each event and
// digest, here and there.
// Source: docs/replay.rst.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "exec/memory.h"
#include "replay/digest.h"
#include "replay/log_writer.h"
#include "sysemu/clock.h"
#include "sysemu/replay.h"
#include "sysemu/state_root.h"

namespace qr {

class Recorder final : public EventSink {
  public:
    struct Options {
        int64_t digest_interval_ns = kNsPerSecond;  // of virtual time
        // How much of the host's time digests may take, in thousandths; 0: as much as they need.
        // They are rarer where memory changes fast, and when an idle guest's seconds pass in no
        // time.
        unsigned digest_share = 5;
        // Of the host's time, between checkpoints; 0: none are taken. They are rarer where one takes more than 1 % of it.
        std::chrono::milliseconds checkpoint_interval{0};
        CheckpointMaker::Changes changes{};  // what checkpoints need beside state and memory
        bool ring = false;                   // they build on none, for the log forgets what is before them
    };

    // Attaches itself to the door. log: begun, and outlives this.
    Recorder(Door& door, VirtualClock& clock, StateRoot& root, AddressSpace& memory, LogWriter& log,
             Options options);
    Recorder(Door& door, VirtualClock& clock, StateRoot& root, AddressSpace& memory,
             LogWriter& log);
    ~Recorder() override;

    void record(Position position, uint32_t port, std::span<const uint8_t> payload) override;

    // At every boundary. Takes a digest when one is due.
    void tick();
    // Takes one here. Events that enter later at this icount come after it.
    // key: one that can be read alone.
    void digest_now(bool key = false);
    // The last digest and END. The door is detached. reason: as LogWriter::finish().
    Result<void> finish(const std::string& reason);

    // The log could not be written: the recording has ended, the machine may go on. Once: look
    // after tick().
    bool failed() const { return log_.failed(); }
    Error error() const { return log_.error(); }

  private:
    bool digest_due() const;
    void checkpoint();

    Door& door_;
    VirtualClock& clock_;
    StateRoot& root_;
    LogWriter& log_;
    const Options options_;
    PageHashes pages_;
    std::shared_ptr<DigestEncoder> encoder_;  // the log's worker uses it
    int64_t last_digest_ns_ = 0;
    std::chrono::steady_clock::time_point next_digest_;  // not before
    CheckpointMaker checkpoints_;
    std::chrono::steady_clock::time_point next_checkpoint_;
};

}  // namespace qr
