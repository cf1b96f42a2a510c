// SPDX-License-Identifier: GPL-2.0-or-later
// Replaying, as the run loop sees it: the log's events go through the door at their positions, and
// where the recording took a digest this machine is compared with it. VM thread only.
//
// The run loop has told the door how to settle (door.settle_by), and does at every boundary:
//
//     door.set_icount(clock.icount());
//     do {
//         door.settle();
//         if (!replayer.check()) stop;    // replayer.divergence() or replayer.error() says why
//         if (replayer.at_end()) stop;    // replayer.end() says how the log ended
//     } while (door.deliver_next());
//
// and lets the CPU run to the nearest of the next timer, door.next_icount() and
// replayer.next_stop().
// Source: docs/replay.rst.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "exec/memory.h"
#include "replay/digest.h"
#include "replay/event_reader.h"
#include "sysemu/clock.h"
#include "sysemu/replay.h"
#include "sysemu/state_root.h"

namespace qr {

// Where and in what a replay differs from its recording.
struct Divergence {
    Position position;
    int64_t virtual_ns = 0;
    std::optional<Position> last_good;  // of the digest before, which agreed
    std::string mismatch;               // an event that does not fit; or the following two
    std::vector<FieldDifference> fields;
    std::vector<RamDifference> ram;
    std::string last_event;  // what was delivered last, in words; empty: nothing was
};
// Several lines, without a newline at the end. `pc` in words, if known.
std::string describe(const Divergence& divergence, std::string_view pc = {});

class Replayer final : public EventSource {
  public:
    // Attaches itself to the door. Fails if the log's behaviour is unknown to this build, or one of
    // its ports to this machine.
    static Result<std::unique_ptr<Replayer>> create(const LogReader& log, Door& door,
                                                    VirtualClock& clock, StateRoot& root,
                                                    AddressSpace& memory);
    ~Replayer() override;

    const Event* peek() override;
    void pop() override;

    // How far the CPU may run, for digests' and the end's sake. As Door::next_icount().
    uint64_t next_stop() const;
    // Compares, if a digest belongs here. False: the replay has diverged, or the log is damaged.
    bool check();
    const std::optional<Divergence>& divergence() const { return divergence_; }
    // The run loop found that the replay cannot go on (the CPU halted for good, say). Keeps the
    // first.
    void diverge(std::string mismatch);
    // The log cannot be read further.
    const std::optional<Error>& error() const { return error_; }

    // All that the log has is done.
    bool at_end();
    // How it ended, and where.
    const EndStatus& end() const { return log_.end(); }
    const std::string& log_name() const { return log_.name(); }

    // The machine was taken to another position (door.position() says which): by a snapshot.
    void seek();
    // While this is on, digests that agreed before aren't compared again.
    void hurry(bool on) { hurrying_ = on; }
    // Digests that agreed, each counted once; events up to here.
    uint64_t digests() const { return digests_; }
    uint64_t events() const { return delivered_; }

  private:
    Replayer(const LogReader& log, Door& door, VirtualClock& clock, StateRoot& root,
             AddressSpace& memory);
    bool compare();
    uint64_t stop_at(Position position) const;

    const LogReader& log_;
    Door& door_;
    VirtualClock& clock_;
    StateRoot& root_;
    EventReader reader_;
    DigestReader digest_reader_;
    PageHashes pages_;
    std::optional<Position> next_digest_;
    std::optional<Position> last_good_;
    std::optional<Divergence> divergence_;
    std::optional<Error> error_;
    Position last_position_;
    uint32_t last_port_ = 0;
    std::vector<uint8_t> last_payload_;
    std::optional<Position> verified_;  // up to where digests agreed
    bool hurrying_ = false;
    bool last_event_known_ = false;
    uint64_t digests_ = 0;
    uint64_t delivered_ = 0;
};

}  // namespace qr
