// SPDX-License-Identifier: GPL-2.0-or-later
//
// Jobs: what a program asked for, and may ask how it went until it dismisses it. Those here are done at once, and have
// left their last state but "concluded" before anything else is asked of them. VM thread.
// Source: QEMU's QMP reference, "Background jobs".
#pragma once

#include <functional>
#include <list>
#include <string>
#include <string_view>

#include "util/result.h"

namespace qr {

class Jobs {
  public:
    // status: as QMP calls it.
    using Tell = std::function<void(const std::string& id, std::string_view status)>;
    explicit Jobs(Tell tell) : tell_(std::move(tell)) {}

    struct Job {
        std::string id;
        std::string_view type;    // the command that made it
        std::string_view status;
        unsigned progress = 0;    // of 1
        std::string error{};      // empty: none
    };

    // An error: the job couldn't be made; what goes wrong with the work is the job's error. It is to be settled when
    // whoever asked for it has had an answer.
    Result<void> run(const std::string& id, std::string_view type, const std::function<Result<void>()>& work);
    void settle();

    // The newest one first.
    const std::list<Job>& all();
    // verb: "cancel", "complete", "dismiss", "finalize", "pause", "resume".
    Result<void> apply(std::string_view verb, const std::string& id);

  private:
    void change(Job& job, std::string_view status);

    const Tell tell_;
    std::list<Job> jobs_;
};

}  // namespace qr
