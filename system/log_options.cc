// SPDX-License-Identifier: GPL-2.0-or-later
//
// -d: what is logged. The items' names are QEMU's, but for "jit", which QEMU shows in its monitor only.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "system/options.h"

namespace qr {

namespace {

struct Item {
    std::string_view name, help;
    bool LogOptions::*flag;
};

constexpr Item kItems[] = {
    {"out_asm", "show generated host assembly code for each translated block", &LogOptions::out_asm},
    {"in_asm", "show target assembly code for each translated block", &LogOptions::in_asm},
    {"op", "show for each instruction of a translated block what becomes of it", &LogOptions::op},
    {"jit", "show at exit what the translator did, in numbers", &LogOptions::jit},
};

// What QEMU has, and this version does not.
constexpr std::string_view kNotYet[] = {"op_opt", "op_ind", "int", "exec", "cpu", "fpu", "mmu", "pcall", "cpu_reset",
                                        "unimp", "guest_errors", "page", "nochain", "plugin", "strace", "tid", "all"};

}  // namespace

std::string take_trace_items(const std::string& text, TraceOptions& trace) {
    std::string rest;
    for (size_t at = 0; at <= text.size();) {
        const size_t end = std::min(text.find(',', at), text.size());
        const std::string item = text.substr(at, end - at);
        at = end + 1;
        if (item.starts_with("trace:")) trace.patterns.push_back(item.substr(6));
        else rest += (rest.empty() ? "" : ",") + item;
    }
    return rest;
}

Result<std::FILE*> create_log_file(const std::string& file) {
    std::string name = file;
    if (const size_t at = name.find("%d"); at != std::string::npos) name.replace(at, 2, std::to_string(getpid()));
    const int fd = ::open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0) return Error{fmt::format("{}: could not open the log file: {}", name, std::strerror(errno))};
    return fdopen(fd, "a");
}

std::string log_items_help() {
    std::string text = "Log items (comma separated):\n";
    for (const Item& item : kItems) text += fmt::format("{:<15} {}\n", item.name, item.help);
    return text + fmt::format("{:<15} {}\n", "trace:PATTERN", "enable trace events; -d trace:help lists them");
}

Result<void> parse_log_items(const std::string& text, LogOptions& log) {
    for (size_t at = 0; at <= text.size();) {
        const size_t end = std::min(text.find(',', at), text.size());
        const std::string_view name = std::string_view(text).substr(at, end - at);
        at = end + 1;
        const auto item = std::ranges::find(kItems, name, &Item::name);
        if (item != std::end(kItems)) {
            log.*(item->flag) = true;
            continue;
        }
        if (std::ranges::find(kNotYet, name) != std::end(kNotYet) || name.starts_with("trace:"))
            return Error{fmt::format("log item '{}' isn't supported by this version: -d help lists what is", name)};
        return Error{fmt::format("unknown log item '{}': -d help lists them", name)};
    }
    return {};
}

}  // namespace qr
