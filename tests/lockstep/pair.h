// SPDX-License-Identifier: GPL-2.0-or-later
//
// Two machines that replay one recording with different engines, and how they compare. Source: none.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "replay/state_dump.h"
#include "tests/lockstep/ram_compare.h"
#include "tests/lockstep/replay_machine.h"

namespace qr::lockstep {

// "recorded" is A's value, "replayed" B's.
struct Difference {
    std::string course;  // one has ended and the other not, or otherwise
    std::vector<FieldDifference> fields;
    std::vector<PageDifference> ram;
    bool any() const { return !course.empty() || !fields.empty() || !ram.empty(); }
};

class Pair {
  public:
    // single_step: B executes one instruction at a time.
    Pair(std::unique_ptr<ReplayMachine> a, std::unique_ptr<ReplayMachine> b, bool single_step)
        : a_(std::move(a)), b_(std::move(b)), single_step_(single_step), ram_(a_->memory(), b_->memory()) {}

    void run_to(uint64_t icount) {
        a_->run_to(icount);
        run_b_to(icount);
    }
    void run_b_to(uint64_t icount);
    // Both are at the same place, or have ended.
    Difference compare();
    bool ended() const { return a_->ended() && b_->ended(); }

    ReplayMachine& a() { return *a_; }
    ReplayMachine& b() { return *b_; }

  private:
    std::string compare_course();

    std::unique_ptr<ReplayMachine> a_, b_;
    bool single_step_;
    RamCompare ram_;
    StateDump state_a_, state_b_;
};

}  // namespace qr::lockstep
