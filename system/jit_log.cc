// SPDX-License-Identifier: GPL-2.0-or-later
#include "system/jit_log.h"

#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <unistd.h>

namespace qr {

Result<std::unique_ptr<JitLog>> JitLog::open(const LogOptions& options) {
    std::unique_ptr<JitLog> log(new JitLog(options));
    if (options.file.empty()) {
        log->file_.reset(stderr);
        return log;
    }
    const auto file = open_file(options.file);
    if (!file) return file.error();
    log->file_.reset(*file);
    return log;
}

Result<std::FILE*> JitLog::open_file(const std::string& file) {
    const auto opened = create_log_file(file);
    if (!opened) return Error{"-D " + opened.error().message};
    return *opened;
}

Result<void> JitLog::set_items(const std::string& items) {
    LogOptions now;
    now.file = options_.file;
    if (items != "none")
        if (const auto parsed = parse_log_items(items, now); !parsed) return parsed;
    options_ = now;
    return {};
}

Result<void> JitLog::set_file(const std::string& file) {
    const auto opened = open_file(file);
    if (!opened) return Error{fmt::format("Error opening logfile {}: {}", file, std::strerror(errno))};
    file_.reset(*opened);
    options_.file = file;
    return {};
}

// A crash leaves what was translated last in the file.
void JitLog::write(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), file_.get());
    std::fflush(file_.get());
}

void JitLog::restarted(std::span<const i386::ObservedThunk> thunks) {
    listing_.thunks.assign(thunks.begin(), thunks.end());
    if (!options_.out_asm) return;
    std::string text = "----------------\nSHARED:\n";
    for (const i386::ObservedThunk& t : thunks)
        text += fmt::format("    {:012x}  {} bytes  <{}>\n", t.address, t.size, t.name);
    write(text);
}

void JitLog::translated(const i386::ObservedBlock& block) {
    if (!options_.in_asm && !options_.op && !options_.out_asm) return;
    std::string text = "----------------\n";
    if (options_.in_asm) text += "IN: " + list_guest(block) + '\n';
    if (options_.op) text += "OP: " + list_operations(block) + '\n';
    if (options_.out_asm) text += "OUT: " + list_host(block, listing_).text + '\n';
    write(text);
}

void JitLog::finish(const i386::TranslatorStatistics& statistics, uint64_t counted) {
    if (options_.jit) write(describe(statistics, counted));
}

}  // namespace qr
