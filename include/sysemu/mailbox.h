// SPDX-License-Identifier: GPL-2.0-or-later
// The one way from other threads to the VM thread: a queue (many producers, one consumer) and one flag
// that makes the VM thread look between two slices.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>

namespace qr {

class Mailbox {
  public:
    using Request = std::function<void()>;

    // Any thread. The request runs on the VM thread, at an instruction boundary.
    void post(Request request);

    // The same for a request that only looks at the machine (a display's refresh): it may run while the CPU is
    // halted without anything entering, so that nobody can tell from a recording that it was there.
    void post_look(Request request);

    // VM thread: is there anything to look at? Cheap; asked after every slice.
    bool waiting() const { return waiting_.load(std::memory_order_acquire); }
    // VM thread: runs what is in the queue by now. Requests may post further ones (run next time).
    void run_pending();
    // VM thread: runs those that only look. False if there were none, or others wait too.
    bool run_looks();
    // VM thread: sleeps until something is posted or the host's steady clock reaches `until`.
    // Returns true if something is waiting.
    bool wait_until(std::chrono::steady_clock::time_point until);
    bool wait();

  private:
    std::mutex mutex_;
    std::condition_variable posted_;
    std::deque<Request> queue_, looks_;
    std::atomic<bool> waiting_ = false;
};

}  // namespace qr
