// SPDX-License-Identifier: GPL-2.0-or-later
// What -vnc says. Source: QEMU's documentation of the option.
#pragma once

#include <optional>
#include <string>

#include "util/result.h"

namespace qr {

enum class VncSharing { kAllowExclusive, kForceShared, kIgnore };

struct VncOptions {
    static constexpr unsigned kFirstPort = 5900, kFirstWebPort = 5700;

    bool none = false;
    std::string path;                  // a Unix socket; else a TCP port:
    std::string host;                  // empty: every address of this host
    unsigned display = 0, last = 0;    // the first of these whose port is free
    std::optional<unsigned> web_port;  // WebSocket; 0: 5700 and the display's number
    bool ipv4 = true, ipv6 = true;
    bool password = false;
    bool lossy = false;  // a client that asks for JPEG gets it
    VncSharing sharing = VncSharing::kAllowExclusive;
    unsigned key_delay_ms = 10;

    // "none", ":1", "host:1,to=9", "[::1]:1,password=on,websocket=on", "unix:path".
    static Result<VncOptions> parse(const std::string& text);
};

}  // namespace qr
