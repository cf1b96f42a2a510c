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

void Mailbox::post_look(Request request) {
    {
        std::lock_guard lock(mutex_);
        looks_.push_back(std::move(request));
        waiting_.store(true, std::memory_order_release);
    }
    posted_.notify_one();
}

void Mailbox::run_pending() {
    std::deque<Request> batch, looks;
    {
        std::lock_guard lock(mutex_);
        batch.swap(queue_);
        looks.swap(looks_);
        waiting_.store(false, std::memory_order_release);
    }
    for (Request& request : batch) request();
    for (Request& request : looks) request();
}

bool Mailbox::run_looks() {
    std::deque<Request> looks;
    {
        std::lock_guard lock(mutex_);
        if (!queue_.empty() || looks_.empty()) return false;
        looks.swap(looks_);
        waiting_.store(false, std::memory_order_release);
    }
    for (Request& request : looks) request();
    return true;
}

bool Mailbox::wait_until(std::chrono::steady_clock::time_point until) {
    std::unique_lock lock(mutex_);
    return posted_.wait_until(lock, until, [this] { return !queue_.empty() || !looks_.empty(); });
}

bool Mailbox::wait() {
    std::unique_lock lock(mutex_);
    posted_.wait(lock, [this] { return !queue_.empty() || !looks_.empty(); });
    return true;
}

}  // namespace qr
