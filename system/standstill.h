// SPDX-License-Identifier: GPL-2.0-or-later
//
// The machine stands still meanwhile, and goes on as before. VM thread, at a boundary. Source: none.
#pragma once

#include "system/run_loop.h"

namespace qr {

class Standstill {
  public:
    explicit Standstill(RunLoop& loop) : loop_(loop) {
        const RunState state = loop.run_state();
        ran_ = state == RunState::kRunning || state == RunState::kSuspended;
        if (ran_) loop_.stop();
    }
    ~Standstill() {
        if (ran_) static_cast<void>(loop_.resume());
    }
    Standstill(const Standstill&) = delete;
    Standstill& operator=(const Standstill&) = delete;

  private:
    RunLoop& loop_;
    bool ran_ = false;
};

}  // namespace qr
