// SPDX-License-Identifier: GPL-2.0-or-later
// Everything that has state, in one fixed order: what a snapshot saves, a digest hashes and a divergence
// report compares. The board and the CPU register here; RAM is walked through AddressSpace::blocks().
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "sysemu/state.h"

namespace qr {

class StateRoot {
  public:
    // name: the prefix of all field names below it. after_load may be empty.
    void add(std::string name, std::function<void(StateVisitor&)> state,
             std::function<void()> after_load = {}) {
        parts_.push_back({std::move(name), std::move(state), std::move(after_load)});
    }
    void state(StateVisitor& v) {
        for (auto& part : parts_) {
            v.enter(part.name);
            part.state(v);
            v.leave();
        }
    }
    void after_load() {
        for (auto& part : parts_)
            if (part.after_load) part.after_load();
    }

  private:
    struct Part {
        std::string name;
        std::function<void(StateVisitor&)> state;
        std::function<void()> after_load;
    };
    std::vector<Part> parts_;
};

}  // namespace qr
