// SPDX-License-Identifier: GPL-2.0-or-later
//
// QMP commands about VNC. Names and members are those of QEMU's QMP reference.
#include "monitor/handlers.h"
#include "monitor/monitor.h"
#include "monitor/qmp_call.h"

namespace qr {

namespace {

Json address_json(const MonitorTarget::VncAddress& a) {
    return {{"host", a.host}, {"family", a.family}, {"service", a.service}, {"websocket", false}};
}

Json server_json(const MonitorTarget::VncStatus& vnc) {
    Json server = address_json(vnc.server);
    server["auth"] = vnc.password ? "vnc" : "none";
    return server;
}

}  // namespace

void Monitor::vnc_event(std::string_view what, const MonitorTarget::VncAddress& client) {
    const auto vnc = target_.vnc ? target_.vnc() : std::nullopt;
    if (!vnc) return;
    const Json data = {{"server", server_json(*vnc)}, {"client", address_json(client)}};
    announce(fmt::format("VNC_{}", what), data.dump());
}

namespace qmp {

namespace {

bool is_for_vnc(QmpCall& call, const char* what) {
    const std::string protocol = call.args["protocol"];
    const std::string display = call.args.value("display", "default");
    if (protocol == "vnc" && display == "default") return true;
    if (protocol == "vnc") call.fail(fmt::format("{}: display '{}' not found", what, display));
    else if (protocol == "spice") call.fail("SPICE is not in use", "DeviceNotActive");
    else call.fail(fmt::format("Parameter 'protocol' does not accept value '{}'", protocol));
    return false;
}

Json clients_json(const MonitorTarget::VncStatus& vnc) {
    Json clients = Json::array();
    for (const auto& client : vnc.clients) clients.push_back(address_json(client));
    return clients;
}

}  // namespace

void query_vnc(QmpCall& call) {
    const auto vnc = call.target.vnc ? call.target.vnc() : std::nullopt;
    call.result = {{"enabled", vnc.has_value()}};
    if (!vnc) return;
    call.result["auth"] = vnc->password ? "vnc" : "none";
    call.result["family"] = vnc->server.family;
    call.result["clients"] = clients_json(*vnc);
    call.result["service"] = vnc->server.service;
    call.result["host"] = vnc->server.host;
}

void query_vnc_servers(QmpCall& call) {
    call.result = Json::array();
    const auto vnc = call.target.vnc ? call.target.vnc() : std::nullopt;
    if (!vnc) return;
    const char* auth = vnc->password ? "vnc" : "none";
    call.result.push_back({{"id", "default"}, {"auth", auth}, {"clients", clients_json(*vnc)},
                           {"server", Json::array({server_json(*vnc)})}});
}

void set_password(QmpCall& call) {
    const std::string connected = call.args.value("connected", "keep");
    if (connected != "keep" && connected != "fail" && connected != "disconnect")
        return call.fail(fmt::format("Parameter 'connected' does not accept value '{}'", connected));
    if (!is_for_vnc(call, "Could not set password")) return;
    if (connected != "keep") return call.fail("Invalid parameter 'connected': VNC's clients stay: expected keep");
    call.check(set_vnc_password(call.target, call.args["password"]));
}

void expire_password(QmpCall& call) {
    if (is_for_vnc(call, "Could not set password expire time"))
        call.check(expire_vnc_password(call.target, call.args["time"]));
}

void change_vnc_password(QmpCall& call) { call.check(set_vnc_password(call.target, call.args["password"])); }

}  // namespace qmp
}  // namespace qr
