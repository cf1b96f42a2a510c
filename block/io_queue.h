// SPDX-License-Identifier: GPL-2.0-or-later
//
// Jobs of one drive, done one after the other in the order in which they were posted: by a thread of its own, or by
// whoever waits for one of them if that thread hasn't got round to it (on a loaded host it may take a while).
// Source: none (project convention).
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace qr {

class IoQueue {
  public:
    // idle: called on the queue's thread some seconds after the last job, once.
    IoQueue(std::string name, std::function<void()> idle);
    ~IoQueue();  // does what is left first
    IoQueue(const IoQueue&) = delete;
    IoQueue& operator=(const IoQueue&) = delete;

    // The job's number, from 1.
    uint64_t post(std::function<void()> job);
    void wait(uint64_t number);
    void drain();
    // Does it now, when all before it is done.
    void run(std::function<void()> job) { wait(post(std::move(job))); }

  private:
    void work();
    void do_next(std::unique_lock<std::mutex>& lock);

    std::function<void()> idle_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<void()>> jobs_;
    uint64_t posted_ = 0, done_ = 0;
    bool busy_ = false, quit_ = false, idle_due_ = false;
    std::thread thread_;
};

}  // namespace qr
