// SPDX-License-Identifier: GPL-2.0-or-later
//
// QEMU's spellings of character backends.
#include "chardev/char_spec.h"

#include <fmt/format.h>

#include "util/keyval.h"

namespace qr {

namespace {

using Kind = CharSpec::Kind;

Result<void> take_socket_flags(KeyVal& options, CharSpec& spec) {
    const auto server = options.take_bool("server", false);
    if (!server) return server.error();
    const auto wait = options.take_bool("wait", true);
    if (!wait) return wait.error();
    // QEMU's older short forms: "server,nowait", "nodelay".
    const auto delay = options.take_bool("delay", true);
    if (!delay) return delay.error();
    const auto nodelay = options.take_bool("nodelay", !*delay);
    if (!nodelay) return nodelay.error();
    spec.server = *server;
    spec.wait = *wait;
    spec.nodelay = *nodelay;
    return {};
}

Result<void> parse_short(std::string_view text, CharSpec& spec) {
    const size_t colon = text.find(':');
    const std::string_view type = text.substr(0, colon);
    const std::string_view rest = colon == std::string_view::npos ? "" : text.substr(colon + 1);
    KeyVal options = KeyVal::parse(rest, "address");
    const std::string address = options.take("address").value_or("");
    if (type == "file" || type == "pipe" || type == "unix") {
        spec.kind = type == "file" ? Kind::kFile : type == "pipe" ? Kind::kPipe : Kind::kUnix;
        spec.path = address;
        if (address.empty()) return Error{fmt::format("a path is missing: expected {}:PATH", type)};
    } else if (type == "tcp" || type == "telnet") {
        spec.kind = Kind::kTcp;
        spec.telnet = type == "telnet";
        const size_t last = address.rfind(':');
        if (last == std::string::npos || last + 1 == address.size())
            return Error{fmt::format("a port is missing: expected {}:HOST:PORT", type)};
        spec.host = address.substr(0, last);
        spec.port = address.substr(last + 1);
    } else {
        return Error{fmt::format("'{}' is not a valid char driver: expected stdio, pty, null, none, "
                                 "file:, pipe:, tcp:, telnet: or unix:",
                                 type)};
    }
    if (const auto done = take_socket_flags(options, spec); !done) return done;
    if (const auto key = options.unknown()) return Error{fmt::format("Invalid parameter '{}'", *key)};
    return {};
}

Result<void> parse_long(std::string_view text, CharSpec& spec) {
    KeyVal options = KeyVal::parse(text, "backend");
    const std::string type = options.take("backend").value_or("");
    spec.path = options.take("path").value_or("");
    if (type == "null") {
        spec.kind = Kind::kNull;
    } else if (type == "stdio") {
        spec.kind = Kind::kStdio;
        const auto signal = options.take_bool("signal", true);
        if (!signal) return signal.error();
        spec.signal = *signal;
    } else if (type == "pty") {
        spec.kind = Kind::kPty;
    } else if (type == "file" || type == "pipe") {
        spec.kind = type == "file" ? Kind::kFile : Kind::kPipe;
        spec.input_path = options.take("input-path").value_or("");
        if (spec.path.empty()) return Error{fmt::format("{} needs path=", type)};
        const auto append = options.take_bool("append", false);
        if (!append) return append.error();
        spec.append = *append;
    } else if (type == "socket") {
        spec.kind = spec.path.empty() ? Kind::kTcp : Kind::kUnix;
        spec.host = options.take("host").value_or("");
        spec.port = options.take("port").value_or("");
        if (spec.path.empty() && spec.port.empty())
            return Error{"socket needs path=, or host= and port="};
        const auto telnet = options.take_bool("telnet", false);
        if (!telnet) return telnet.error();
        spec.telnet = *telnet;
        if (const auto done = take_socket_flags(options, spec); !done) return done;
    } else {
        return Error{fmt::format(
            "'{}' is not a valid char driver: expected null, stdio, pty, file, pipe or socket", type)};
    }
    const auto mux = options.take_bool("mux", false);
    if (!mux) return mux.error();
    spec.mux = *mux;
    if (const auto key = options.unknown()) return Error{fmt::format("Invalid parameter '{}'", *key)};
    return {};
}

}  // namespace

Result<CharSpec> parse_char_spec(std::string_view text) {
    CharSpec spec;
    spec.text = text;
    // A terminal that a monitor shares leaves Ctrl-C to the guest; Ctrl-A x ends the program.
    const bool mon = text.starts_with("mon:");
    if (mon) {
        text.remove_prefix(4);
        spec.signal = false;
    }
    Result<void> done;
    if (text == "null" || text == "none") {
        spec.kind = Kind::kNull;
    } else if (text == "stdio") {
        spec.kind = Kind::kStdio;
    } else if (text == "pty") {
        spec.kind = Kind::kPty;
    } else if (text == "vc" || text.starts_with("vc:")) {
        done = Error{"a virtual console needs a window, which this version has not: expected stdio, unix:, tcp:, "
                     "telnet: or none"};
    } else if (text.starts_with("chardev:")) {
        done = parse_long(text.substr(8), spec);
    } else {
        done = parse_short(text, spec);
    }
    if (!done) return done.error();
    spec.mux |= mon;
    return spec;
}

}  // namespace qr
