// SPDX-License-Identifier: GPL-2.0-or-later
//
// A line on the terminal while a long replay runs: how far it is, how fast, and how long it will take.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>

#include <glib.h>

#include "system/run_loop.h"

namespace qr {

class ReplayProgress {
  public:
    // end: the icount at which the recording ends. progress: any thread.
    ReplayProgress(GMainContext* io, uint64_t end, std::function<RunLoop::Progress()> progress);
    ~ReplayProgress();

    // Any thread: something else is about to be written.
    void erase();

  private:
    void show();

    const uint64_t end_;
    std::function<RunLoop::Progress()> progress_;
    GSource* timer_;
    const std::chrono::steady_clock::time_point begin_;
    RunLoop::Progress last_{};
    std::atomic<bool> shown_ = false;
};

}  // namespace qr
