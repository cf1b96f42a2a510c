// SPDX-License-Identifier: GPL-2.0-or-later
//
// A backend specification, taken apart; both of QEMU's spellings lead here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "util/result.h"

namespace qr {

struct CharSpec {
    enum class Kind { kNull, kStdio, kPty, kFile, kPipe, kTcp, kUnix };
    Kind kind = Kind::kNull;
    bool mux = false;        // several fronts share it, by Ctrl-A commands
    bool signal = true;      // stdio: Ctrl-C ends the program
    std::string path;        // file, pipe, unix
    std::string input_path;  // file
    bool append = false;     // file
    std::string host;        // tcp
    std::string port;
    bool server = false;
    bool wait = true;
    bool nodelay = false;
    bool telnet = false;     // tcp: RFC 854 at the other end
    std::string text;        // as given, for messages
};

Result<CharSpec> parse_char_spec(std::string_view text);

}  // namespace qr
