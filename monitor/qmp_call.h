// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a QMP handler gets and gives. Apart from command.h for the JSON's sake.
#pragma once

#include <string>

#include "monitor/command.h"
#include "monitor/qmp_json.h"

namespace qr {

struct QmpCall {
    Monitor& monitor;
    MonitorTarget& target;
    const Json& args;  // checked against the row
    Json result = Json::object();
    std::string error_class{};
    std::string error{};  // empty: none

    void fail(std::string text, std::string name = "GenericError") {
        error = std::move(text);
        error_class = std::move(name);
    }
    void check(const Result<void>& done) {
        if (!done) fail(done.error().message);
    }
};

// The first thing that is wrong with the arguments; empty: nothing.
std::string check_qmp_args(const Command& command, const Json& args);
// query-qmp-schema.
Json qmp_schema();

}  // namespace qr
