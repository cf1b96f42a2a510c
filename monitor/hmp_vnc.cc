// SPDX-License-Identifier: GPL-2.0-or-later
//
// Who may look at the screen over VNC: the password, and when it expires. The guest can't tell: it isn't an input.
#include <charconv>
#include <ctime>
#include <limits>

#include "monitor/handlers.h"
#include "monitor/monitor.h"

namespace qr {

namespace {
Result<MonitorTarget::VncStatus> server_of(MonitorTarget& target, std::string_view what) {
    if (auto status = target.vnc ? target.vnc() : std::nullopt) return *status;
    return Error{fmt::format("{}: there is no VNC server: expected -vnc ...,password=on", what)};
}
}  // namespace

Result<void> set_vnc_password(MonitorTarget& target, const std::string& password) {
    const auto server = server_of(target, "Could not set password");
    if (!server) return server.error();
    if (!server->password) return Error{"Could not set password: clients aren't asked for one: expected -vnc ...,password=on"};
    target.set_vnc_password(password);
    return {};
}

Result<void> expire_vnc_password(MonitorTarget& target, const std::string& when) {
    const auto server = server_of(target, "Could not set password expire time");
    if (!server) return server.error();
    constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
    int64_t time = when == "never" ? kNever : 0;
    if (when != "now" && when != "never") {
        const bool from_now = when.starts_with('+');
        const char* begin = when.data() + from_now;
        const char* end = when.data() + when.size();
        uint64_t seconds = 0;
        const auto [at, status] = std::from_chars(begin, end, seconds);
        if (status != std::errc{} || at != end || seconds > static_cast<uint64_t>(kNever) / 2) {
            return Error{fmt::format("Parameter 'time' expects now, never, +SECONDS or seconds since 1970, not '{}'", when)};
        }
        time = static_cast<int64_t>(seconds) + (from_now ? std::time(nullptr) : 0);
    }
    target.expire_vnc_password(time);
    return {};
}

namespace hmp {

namespace {

// False: what it says has been printed.
bool is_for_vnc(HmpCall& call) {
    const std::string protocol = call.args.text("protocol");
    if (protocol == "vnc" && (!call.args.has("-d") || call.args.text("-d") == "default")) return true;
    if (protocol == "vnc") call.print("Error: display '{}' not found\n", call.args.text("-d"));
    else if (protocol == "spice") call.out += "Error: SPICE is not in use\n";
    else call.print("Error: invalid parameter value: {}\n", protocol);
    return false;
}

std::string told(const Result<void>& done) { return done ? "" : "Error: " + done.error().message + '\n'; }

}  // namespace

void info_vnc(HmpCall& call) {
    const auto vnc = call.target.vnc ? call.target.vnc() : std::nullopt;
    if (!vnc) return call.out += "None\n", void();
    const auto line = [](const MonitorTarget::VncAddress& a) { return fmt::format("{}:{} ({})", a.host, a.service, a.family); };
    const char* auth = vnc->password ? "vnc" : "none";
    call.print("default:\n  Server: {}\n    Auth: {} (Sub: none)\n", line(vnc->server), auth);
    for (const auto& client : vnc->clients) call.print("  Client: {}\n", line(client));
    if (vnc->clients.empty()) call.out += "  Client: none\n";
}

void set_password(HmpCall& call) {
    const std::string connected = call.args.has("connected") ? call.args.text("connected") : "keep";
    if (connected != "keep" && connected != "fail" && connected != "disconnect")
        return call.print("Error: invalid parameter value: {}\n", connected);
    if (!is_for_vnc(call)) return;
    if (connected != "keep") return call.fail(Error{"Invalid parameter 'connected': VNC's clients stay: expected keep"});
    call.out += told(set_vnc_password(call.target, call.args.text("password")));
}

void expire_password(HmpCall& call) {
    if (is_for_vnc(call)) call.out += told(expire_vnc_password(call.target, call.args.text("time")));
}

void change_vnc(HmpCall& call) {
    const std::string target = call.args.text("target");
    if (target != "password" && target != "passwd") return call.out += "Expected 'password' after 'vnc'\n", void();
    if (call.args.has("password")) return call.out += told(set_vnc_password(call.target, call.args.text("password"))), void();
    call.secret = [&machine = call.target](const std::string& password) { return told(set_vnc_password(machine, password)); };
}

}  // namespace hmp
}  // namespace qr
