// SPDX-License-Identifier: GPL-2.0-or-later
//
// QMP's forms of snapshots, and the jobs that they are. Types and members are those of QEMU's QMP reference.
#include "monitor/handlers.h"
#include "monitor/monitor.h"
#include "monitor/qmp_call.h"

namespace qr {

void Monitor::job_event(const std::string& id, std::string_view status) {
    announce("JOB_STATUS_CHANGE", Json{{"status", status}, {"id", id}}.dump());
}

namespace qmp {

namespace {

void run(QmpCall& call, std::string_view type, const std::function<Result<void>()>& work) {
    call.check(call.monitor.jobs().run(call.args["job-id"], type, work));
    // The answer is on its way when it is settled.
    if (call.error.empty()) call.target.door.mailbox().post_look([&monitor = call.monitor] { monitor.jobs().settle(); });
}

SnapshotControl::Choice choice_of(const QmpCall& call) {
    return {call.args["vmstate"], call.args["devices"].get<std::vector<std::string>>()};
}

void apply(QmpCall& call, std::string_view verb) { call.check(call.monitor.jobs().apply(verb, call.args["id"])); }

}  // namespace

void snapshot_save(QmpCall& call) {
    run(call, "snapshot-save", [&] { return call.target.snapshots->save_on(choice_of(call), call.args["tag"]); });
}

void snapshot_load(QmpCall& call) {
    run(call, "snapshot-load", [&] { return call.target.snapshots->load_from(choice_of(call), call.args["tag"]); });
}

void snapshot_delete(QmpCall& call) {
    run(call, "snapshot-delete", [&] {
        return call.target.snapshots->remove_from(call.args["devices"].get<std::vector<std::string>>(), call.args["tag"]);
    });
}

void query_jobs(QmpCall& call) {
    call.result = Json::array();
    for (const Jobs::Job& job : call.monitor.jobs().all()) {
        Json one = {{"current-progress", job.progress}, {"status", job.status}, {"total-progress", 1}, {"type", job.type},
                    {"id", job.id}};
        if (!job.error.empty()) one["error"] = job.error;
        call.result.push_back(std::move(one));
    }
}

void job_cancel(QmpCall& call) { apply(call, "cancel"); }
void job_complete(QmpCall& call) { apply(call, "complete"); }
void job_dismiss(QmpCall& call) { apply(call, "dismiss"); }
void job_finalize(QmpCall& call) { apply(call, "finalize"); }
void job_pause(QmpCall& call) { apply(call, "pause"); }
void job_resume(QmpCall& call) { apply(call, "resume"); }

}  // namespace qmp
}  // namespace qr
