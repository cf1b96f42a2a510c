// SPDX-License-Identifier: GPL-2.0-or-later
//
// Parses -vnc; see vnc_options.h.
#include "ui/vnc_options.h"

#include <charconv>

#include <fmt/format.h>

#include "util/keyval.h"

namespace qr {

namespace {

constexpr const char* kExpected = "expected none, HOST:DISPLAY or unix:PATH";
constexpr unsigned kLastPort = 65535;

std::optional<unsigned> number(std::string_view text) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return {};
    return value;
}

Result<void> set_address(VncOptions& o, const std::string& address) {
    if (address == "none") {
        o.none = true;
        return {};
    }
    if (address.starts_with("unix:")) {
        o.path = address.substr(5);
        if (o.path.empty()) return Error{fmt::format("'{}': the path is missing: {}", address, kExpected)};
        return {};
    }
    const size_t colon = address.rfind(':');
    if (colon == std::string::npos) return Error{fmt::format("'{}': {}", address, kExpected)};
    o.host = address.substr(0, colon);
    if (o.host.starts_with('[') && o.host.ends_with(']')) o.host = o.host.substr(1, o.host.size() - 2);
    const auto display = number(address.substr(colon + 1));
    if (!display || *display > kLastPort - VncOptions::kFirstPort) {
        return Error{fmt::format("'{}': expected the number of a display, 0 to {}", address.substr(colon + 1),
                                 kLastPort - VncOptions::kFirstPort)};
    }
    o.display = o.last = *display;
    return {};
}

Result<void> set_numbers(VncOptions& o, KeyVal& options) {
    if (const auto to = options.take("to")) {
        const auto last = number(*to);
        if (!last || *last < o.display || *last > kLastPort - VncOptions::kFirstPort || !o.path.empty())
            return Error{fmt::format("to={}: expected the number of a display that isn't below the first", *to)};
        o.last = *last;
    }
    if (const auto web = options.take("websocket")) {
        const auto port = number(*web);
        if (*web == "on")
            o.web_port = 0;
        else if (*web != "off" && (!port || !*port || *port > kLastPort))
            return Error{fmt::format("websocket={}: expected on, off or a port", *web)};
        else if (port)
            o.web_port = *port;
        if (o.web_port && !o.path.empty())
            return Error{"websocket needs a TCP address: a Unix socket takes both kinds of clients"};
    }
    if (const auto delay = options.take("key-delay-ms")) {
        const auto ms = number(*delay);
        if (!ms || *ms > 10'000) return Error{fmt::format("key-delay-ms={}: expected 0 to 10000", *delay)};
        o.key_delay_ms = *ms;
    }
    return {};
}

Result<void> set_flags(VncOptions& o, KeyVal& options) {
    struct Flag {
        const char* name;
        bool* value;
    };
    for (const Flag& flag : {Flag{"password", &o.password}, Flag{"lossy", &o.lossy}, Flag{"ipv4", &o.ipv4}, Flag{"ipv6", &o.ipv6}}) {
        const auto given = options.take_bool(flag.name, *flag.value);
        if (!given) return given.error();
        *flag.value = *given;
    }
    if (!o.ipv4 && !o.ipv6) return Error{"ipv4=off,ipv6=off: one of them must be on"};
    // There are no adaptive encodings, so that nothing is to be switched off.
    if (const auto given = options.take_bool("non-adaptive", false); !given) return given.error();
    if (const auto share = options.take("share")) {
        if (*share == "allow-exclusive")
            o.sharing = VncSharing::kAllowExclusive;
        else if (*share == "force-shared")
            o.sharing = VncSharing::kForceShared;
        else if (*share == "ignore")
            o.sharing = VncSharing::kIgnore;
        else
            return Error{fmt::format("share={}: expected allow-exclusive, force-shared or ignore", *share)};
    }
    return {};
}

}  // namespace

Result<VncOptions> VncOptions::parse(const std::string& text) {
    KeyVal options = KeyVal::parse(text, "vnc");
    VncOptions o;
    if (const auto done = set_address(o, options.take("vnc").value_or("")); !done) return done.error();
    if (const auto done = set_numbers(o, options); !done) return done.error();
    if (const auto done = set_flags(o, options); !done) return done.error();
    options.take("id");  // there is one
    if (const auto key = options.unknown()) return Error{fmt::format("'{}' isn't supported", *key)};
    return o;
}

}  // namespace qr
