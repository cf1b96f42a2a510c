// SPDX-License-Identifier: GPL-2.0-or-later
#include "system/progress.h"

#include <cstdio>

#include <fmt/format.h>

namespace qr {

namespace {
constexpr unsigned kEveryMs = 500;
// Shorter ones need no line.
constexpr double kShortSeconds = 1.5;

std::string clock_text(double seconds) {
    const auto s = static_cast<uint64_t>(seconds);
    return s < 3600 ? fmt::format("{}:{:02}", s / 60, s % 60)
                    : fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
}
}  // namespace

ReplayProgress::ReplayProgress(GMainContext* io, uint64_t end, std::function<RunLoop::Progress()> progress)
    : end_(end),
      progress_(std::move(progress)),
      timer_(g_timeout_source_new(kEveryMs)),
      begin_(std::chrono::steady_clock::now()) {
    g_source_set_callback(
        timer_,
        [](gpointer self) -> gboolean {
            static_cast<ReplayProgress*>(self)->show();
            return G_SOURCE_CONTINUE;
        },
        this, nullptr);
    g_source_attach(timer_, io);
}

ReplayProgress::~ReplayProgress() {
    g_source_destroy(timer_);
    g_source_unref(timer_);
    erase();
}

void ReplayProgress::erase() {
    if (shown_.exchange(false)) fmt::print(stderr, "\r\x1b[K");
}

void ReplayProgress::show() {
    const RunLoop::Progress now = progress_();
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
    // A machine that stands still has nothing to tell, and a monitor may be on the line.
    if (now.icount == last_.icount || !end_ || seconds < kShortSeconds) return;
    last_ = now;
    const auto done = static_cast<double>(now.icount);
    const double share = done / static_cast<double>(end_);
    shown_ = true;
    fmt::print(stderr, "\rreplay: {:.1f} %, {:.1f} M instructions, {:.1f} times the recording's speed, {} left\x1b[K",
               100 * share, done / 1e6, static_cast<double>(now.virtual_ns) / 1e9 / seconds,
               clock_text(seconds * (1 - share) / share));
    std::fflush(stderr);
}

}  // namespace qr
