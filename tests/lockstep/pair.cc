// SPDX-License-Identifier: GPL-2.0-or-later
//
// Two machines, and how they compare; see pair.h. Source: none.
#include "tests/lockstep/pair.h"

#include <fmt/format.h>

namespace qr::lockstep {

void Pair::run_b_to(uint64_t icount) {
    while (single_step_ && !b_->ended() && b_->icount() < icount) b_->run_to(b_->icount() + 1);
    b_->run_to(icount);
}

std::string Pair::compare_course() {
    const auto same = [this] {
        return a_->ended() == b_->ended() && a_->status() == b_->status() && a_->icount() == b_->icount() &&
               a_->as_recorded() == b_->as_recorded();
    };
    const auto course = [](ReplayMachine& m) {
        if (!m.ended()) return fmt::format("is at instruction {}", m.icount());
        return fmt::format("has ended at instruction {} with status {}: {}", m.icount(), m.status(), m.said());
    };
    return same() ? "" : fmt::format("A {}\nB {}", course(*a_), course(*b_));
}

Difference Pair::compare() {
    Difference found;
    found.course = compare_course();
    if (!found.course.empty() && a_->icount() != b_->icount()) return found;
    a_->dump(state_a_);
    b_->dump(state_b_);
    if (state_a_ != state_b_) {
        found.fields = compare_dumps(state_a_, state_b_);
        if (found.fields.empty()) found.course = "the state's fields have another order";
    }
    found.ram = ram_.update();
    return found;
}

}  // namespace qr::lockstep
