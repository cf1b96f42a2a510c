// SPDX-License-Identifier: GPL-2.0-or-later
//
// A drive's jobs; see io_queue.h. Source: none.
#include "block/io_queue.h"

#include <pthread.h>

#include <chrono>

namespace qr {

namespace {
constexpr std::chrono::seconds kIdle{3};
}

IoQueue::IoQueue(std::string name, std::function<void()> idle) : idle_(std::move(idle)) {
    thread_ = std::thread([this, name = name.substr(0, 15)] {
        pthread_setname_np(pthread_self(), name.c_str());
        work();
    });
}

IoQueue::~IoQueue() {
    {
        std::lock_guard lock(mutex_);
        quit_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

uint64_t IoQueue::post(std::function<void()> job) {
    uint64_t number;
    {
        std::lock_guard lock(mutex_);
        jobs_.push_back(std::move(job));
        number = ++posted_;
    }
    changed_.notify_all();
    return number;
}

void IoQueue::do_next(std::unique_lock<std::mutex>& lock) {
    auto job = std::move(jobs_.front());
    jobs_.pop_front();
    busy_ = true;
    lock.unlock();
    job();
    lock.lock();
    busy_ = false;
    ++done_;
    idle_due_ = true;
    changed_.notify_all();
}

void IoQueue::wait(uint64_t number) {
    std::unique_lock lock(mutex_);
    while (done_ < number) {
        if (!busy_ && !jobs_.empty())
            do_next(lock);
        else
            changed_.wait(lock);
    }
}

void IoQueue::drain() {
    uint64_t last;
    {
        std::lock_guard lock(mutex_);
        last = posted_;
    }
    wait(last);
}

void IoQueue::work() {
    std::unique_lock lock(mutex_);
    for (;;) {
        if (!busy_ && !jobs_.empty()) {
            do_next(lock);
        } else if (quit_ && !busy_) {
            return;
        } else if (!idle_due_ || busy_) {
            changed_.wait(lock);
        } else if (changed_.wait_for(lock, kIdle) == std::cv_status::timeout && jobs_.empty() && !busy_) {
            idle_due_ = false;
            busy_ = true;
            lock.unlock();
            idle_();
            lock.lock();
            busy_ = false;
            changed_.notify_all();
        }
    }
}

}  // namespace qr
