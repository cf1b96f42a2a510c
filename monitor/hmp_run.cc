// SPDX-License-Identifier: GPL-2.0-or-later
//
// HMP commands that steer the run: stop and go, the machine's buttons, a replay's position, logs.
#include "monitor/handlers.h"
#include "monitor/monitor.h"

namespace qr::hmp {

namespace {
void report(HmpCall& call, const Result<void>& done) {
    if (!done) call.fail(done.error());
}
}  // namespace

void stop(HmpCall& call) { call.target.run.stop(); }
void cont(HmpCall& call) { report(call, call.target.run.resume()); }
void quit(HmpCall& call) { call.target.run.quit_because("host-qmp-quit"); }

void system_reset(HmpCall& call) { call.target.requests.reset(); }
void system_powerdown(HmpCall& call) { call.target.requests.press_power_button(); }

// Nothing here suspends to RAM in a way that a key could end: the board offers S3 to nobody.
void system_wakeup(HmpCall& call) {
    call.fail(Error{"Unable to wake up: guest is not in suspended state"});
}

void nmi(HmpCall& call) { call.target.requests.nmi(); }

void cpu(HmpCall& call) {
    if (call.args.number("index")) call.out += "invalid CPU index\n";
}

void replay_break(HmpCall& call) {
    report(call, call.target.run.break_at(static_cast<uint64_t>(call.args.number("icount"))));
}
void replay_delete_break(HmpCall& call) {
    std::optional<uint64_t> icount;
    if (call.args.has("icount")) icount = static_cast<uint64_t>(call.args.number("icount"));
    report(call, call.target.run.delete_break(icount));
}
void replay_seek(HmpCall& call) {
    report(call, call.target.run.seek(static_cast<uint64_t>(call.args.number("icount"))));
}

void replay_live(HmpCall& call) {
    Result<void> done = call.target.run.go_live();
    const std::string file = call.args.text("filename");
    if (done && !file.empty()) {
        done = call.target.recording->start(file);
        if (done) call.target.log_file = file;
        else done = Error{"the machine is live, and isn't recorded: " + done.error().message};
    }
    report(call, done);
}

void replay_speed(HmpCall& call) {
    if (!call.args.has("speed")) {
        const RunControl::LogView view = call.target.run.log_view();
        if (view.mode != RunControl::LogMode::kPlay) return call.out += "not in play mode\n", void();
        return call.print("{}\n", replay_speed_text(view.speed));
    }
    const auto speed = parse_replay_speed(call.args.text("speed"));
    report(call, speed ? call.target.run.set_replay_speed(*speed) : Result<void>(speed.error()));
}

void log(HmpCall& call) { report(call, call.target.log_items(call.args.text("items"))); }
void logfile(HmpCall& call) { report(call, call.target.log_to(call.args.text("filename"))); }

void gdbserver(HmpCall& call) {
    const std::string device = call.args.has("device") ? call.args.text("device") : "tcp::1234";
    if (const auto done = call.target.gdb_server(device); !done) return call.fail(done.error());
    if (device == "none") call.out += "Disabled gdbserver\n";
    else call.print("Waiting for gdb connection on device '{}'\n", device);
}

void trace_event(HmpCall& call) {
    const std::string name = call.args.text("name");
    if (!call.target.trace->set(name, call.args.number("option"))) call.print("unknown event \"{}\"\n", name);
}

void info_trace_events(HmpCall& call) {
    const std::string name = call.args.has("name") ? call.args.text("name") : "*";
    bool any = false;
    for (const TraceEvents::Event& event : call.target.trace->events()) {
        if (!g_pattern_match_simple(name.c_str(), event.name.c_str())) continue;
        any = true;
        call.print("{} : state {}\n", event.name, event.enabled ? 1 : 0);
    }
    if (!any && name.find_first_of("*?") == name.npos) call.print("unknown event \"{}\"\n", name);
}

}  // namespace qr::hmp
