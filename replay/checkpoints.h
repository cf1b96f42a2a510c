// SPDX-License-Identifier: GPL-2.0-or-later
// Checkpoints of a machine in memory, to go back to: its whole state, and the pages that were written since the one
// before. Which ones to keep is a matter of the budget: when it is exceeded, the one that is missed least goes.
// VM thread only, at a boundary. Source: docs/replay.rst, "Time travel".
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "exec/memory.h"
#include "replay/ram_image.h"
#include "replay/state_dump.h"
#include "sysemu/replay.h"
#include "sysemu/state_root.h"

namespace qr {

class Checkpoints {
  public:
    // What else a checkpoint holds on to: versions of disks, by number. state() pins those of the present when it
    // is saved; they are released when no checkpoint has them any more.
    struct Disks {
        std::function<std::vector<uint64_t>()> versions;
        std::function<void(size_t disk, uint64_t version)> release;
    };
    // budget: bytes.
    Checkpoints(StateRoot& root, AddressSpace& memory, Disks disks, uint64_t budget);
    ~Checkpoints();

    // Takes one of the machine as it is at this position (after all that belongs to it). passing: one that is worth
    // keeping for as long as the budget allows; otherwise one to come back to soon, which goes with forget_near().
    void take(Position position, bool passing);
    bool has(uint64_t icount) const { return all_.contains(icount); }
    // The position of the last one at or before; null: none.
    const Position* before(uint64_t icount) const;
    // Makes the machine what it was then. position: of one of them.
    void restore(Position position);

    void forget_near();
    size_t count() const { return all_.size(); }
    uint64_t bytes() const;
    uint64_t budget() const { return budget_; }

  private:
    struct Checkpoint {
        Position position;
        bool passing = false;
        std::shared_ptr<const std::vector<uint8_t>> shape;
        std::vector<uint8_t> values;
        RamImage ram;
        std::vector<uint64_t> disks;
    };
    using Map = std::map<uint64_t, Checkpoint>;  // by icount

    void note_pages(RamImage& image);
    Map::iterator drop(Map::iterator which);
    void thin_out();

    StateRoot& root_;
    AddressSpace& memory_;
    const Disks disks_;
    const uint64_t budget_;
    PagePool pool_;
    RamImage base_;   // what memory held when its dirty bits were cleared
    bool first_ = true;
    Map all_;
    StateDump scratch_;
    uint64_t state_bytes_ = 0;
    std::map<std::pair<size_t, uint64_t>, unsigned> disk_users_;
};

}  // namespace qr
