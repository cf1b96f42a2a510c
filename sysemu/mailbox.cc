// SPDX-License-Identifier: GPL-2.0-or-later
// The queue from other threads to the VM thread; see include/sysemu/mailbox.h.
// Source: none (project convention, docs/architecture.rst, "Threads").
#include "sysemu/mailbox.h"

namespace qr {

void Mailbox::post(Request request) {
    {
        std::lock_guard lock(mutex_);
        queue_.push_back(std::move(request));
        waiting_.store(true, std::memory_order_release);
    }
    posted_.notify_one();
}

void Mailbox::run_pending() {
    std::deque<Request> batch;
    {
        std::lock_guard lock(mutex_);
        batch.swap(queue_);
        waiting_.store(false, std::memory_order_release);
    }
    for (Request& request : batch) request();
}

bool Mailbox::wait_until(std::chrono::steady_clock::time_point until) {
    std::unique_lock lock(mutex_);
    return posted_.wait_until(lock, until, [this] { return !queue_.empty(); });
}

bool Mailbox::wait() {
    std::unique_lock lock(mutex_);
    posted_.wait(lock, [this] { return !queue_.empty(); });
    return true;
}

}  // namespace qr
