// SPDX-License-Identifier: GPL-2.0-or-later
//
// Jobs; see jobs.h.
#include "monitor/jobs.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

namespace qr {

namespace {

constexpr std::string_view kCreated = "created", kRunning = "running", kWaiting = "waiting", kPending = "pending",
                           kAborting = "aborting", kConcluded = "concluded", kGone = "null";

bool is_identifier(const std::string& id) {
    return !id.empty() && std::isalpha(static_cast<unsigned char>(id[0])) && std::ranges::all_of(id, [](unsigned char c) {
        return std::isalnum(c) || c == '-' || c == '.' || c == '_';
    });
}

}  // namespace

void Jobs::change(Job& job, std::string_view status) {
    job.status = status;
    tell_(job.id, status);
}

Result<void> Jobs::run(const std::string& id, std::string_view type, const std::function<Result<void>()>& work) {
    settle();
    if (!is_identifier(id)) return Error{fmt::format("Invalid job ID '{}'", id)};
    if (std::ranges::find(jobs_, id, &Job::id) != jobs_.end()) return Error{fmt::format("Job ID '{}' already in use", id)};
    Job& job = jobs_.emplace_front(Job{id, type, {}});
    change(job, kCreated);
    change(job, kRunning);
    if (const auto done = work(); !done) job.error = done.error().message;
    job.progress = 1;
    return {};
}

void Jobs::settle() {
    for (Job& job : jobs_) {
        if (job.status == kConcluded) continue;
        if (job.error.empty()) {
            change(job, kWaiting);
            change(job, kPending);
        } else {
            change(job, kAborting);
        }
        change(job, kConcluded);
    }
}

const std::list<Jobs::Job>& Jobs::all() {
    settle();
    return jobs_;
}

Result<void> Jobs::apply(std::string_view verb, const std::string& id) {
    settle();
    const auto job = std::ranges::find(jobs_, id, &Job::id);
    if (job == jobs_.end()) return Error{"Job not found"};
    if (verb == "resume") return Error{"Can't resume a job that was not paused"};
    if (verb != "dismiss") return Error{fmt::format("Job '{}' in state '{}' cannot accept command verb '{}'", id, job->status, verb)};
    change(*job, kGone);
    jobs_.erase(job);
    return {};
}

}  // namespace qr
