// SPDX-License-Identifier: GPL-2.0-or-later
#include "chardev/fd_channel.h"

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>
#include <glib-unix.h>
#include <poll.h>
#include <unistd.h>

namespace qr {

namespace {
constexpr size_t kReadSize = 4096;
constexpr size_t kBufferLimit = 1 << 20;
// How much a descriptor takes without waiting once poll() calls it writable: less than any pipe's PIPE_BUF.
constexpr size_t kWriteSize = 512;

void drop(GSource*& source) {
    if (!source) return;
    g_source_destroy(source);
    g_source_unref(source);
    source = nullptr;
}
}  // namespace

FdChannel::FdChannel(GMainContext* io, std::string name, Output output, Events events)
    : io_(io), name_(std::move(name)), output_(output), events_(std::move(events)) {}

FdChannel::~FdChannel() { detach(); }

void FdChannel::attach(int read_fd, int write_fd) {
    read_fd_ = read_fd;
    {
        std::lock_guard lock(mutex_);
        write_fd_ = write_fd;
        buffer_.clear();
    }
    watch_input();
}

void FdChannel::detach() {
    stop_watching();
    read_fd_ = -1;
    std::lock_guard lock(mutex_);
    drop(output_watch_);
    write_fd_ = -1;
}

void FdChannel::watch_input() {
    if (input_ || read_fd_ < 0) return;
    input_ = g_unix_fd_source_new(read_fd_, static_cast<GIOCondition>(G_IO_IN | G_IO_HUP | G_IO_ERR));
    g_source_set_callback(
        input_,
        reinterpret_cast<GSourceFunc>(reinterpret_cast<void (*)()>(
            +[](gint, GIOCondition condition, gpointer self) -> gboolean {
                return static_cast<FdChannel*>(self)->readable(condition);
            })),
        this, nullptr);
    g_source_attach(input_, io_);
}

void FdChannel::stop_watching() { drop(input_); }

gboolean FdChannel::readable(GIOCondition) {
    const size_t room = std::min(events_.room(), kReadSize);
    if (!room) {
        stop_watching();
        // wake() may have come between the look and the stop.
        if (events_.room()) watch_input();
        return G_SOURCE_REMOVE;
    }
    uint8_t bytes[kReadSize];
    const ssize_t n = ::read(read_fd_, bytes, room);
    if (n > 0) {
        events_.received({bytes, static_cast<size_t>(n)});
        return G_SOURCE_CONTINUE;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return G_SOURCE_CONTINUE;
    stop_watching();
    read_fd_ = -1;
    if (events_.closed) events_.closed();
    return G_SOURCE_REMOVE;
}

void FdChannel::wake() {
    g_main_context_invoke(
        io_,
        [](gpointer self) -> gboolean {
            static_cast<FdChannel*>(self)->watch_input();
            return G_SOURCE_REMOVE;
        },
        this);
}

void FdChannel::write(std::span<const uint8_t> data) {
    if (output_ == Output::kWait) {
        write_all(write_fd_, data);
        return;
    }
    std::lock_guard lock(mutex_);
    drop_or_buffer(data);
}

void FdChannel::write_all(int fd, std::span<const uint8_t> data) {
    while (fd >= 0 && !data.empty()) {
        const ssize_t n = ::write(fd, data.data(), data.size());
        if (n > 0) {
            data = data.subspan(static_cast<size_t>(n));
        } else if (errno == EAGAIN) {
            pollfd wait{fd, POLLOUT, 0};
            poll(&wait, 1, -1);
        } else if (errno != EINTR) {
            if (!warned_ && events_.notice)
                events_.notice(fmt::format("{}: output is lost: {}", name_, g_strerror(errno)));
            warned_ = true;
            return;
        }
    }
}

void FdChannel::drop_or_buffer(std::span<const uint8_t> data) {
    if (write_fd_ < 0) return;
    if (buffer_.empty()) {
        const ssize_t n = ::write(write_fd_, data.data(), data.size());
        if (n > 0) data = data.subspan(static_cast<size_t>(n));
    }
    if (data.empty()) return;
    const size_t room = kBufferLimit - std::min(kBufferLimit, buffer_.size());
    if (data.size() > room) {
        if (!warned_ && events_.notice)
            events_.notice(fmt::format("{}: nobody reads: output is dropped", name_));
        warned_ = true;
        data = data.first(room);
    }
    buffer_.insert(buffer_.end(), data.begin(), data.end());
    watch_output();
}

// As much as goes out without waiting, also where the descriptor itself would wait.
size_t FdChannel::write_some(std::span<const uint8_t> data) {
    size_t done = 0;
    while (done < data.size()) {
        pollfd ready{write_fd_, POLLOUT, 0};
        if (poll(&ready, 1, 0) != 1 || !(ready.revents & POLLOUT)) {
            // Nobody will ever read it.
            if (ready.revents & (POLLERR | POLLHUP | POLLNVAL)) return data.size();
            break;
        }
        const ssize_t n = ::write(write_fd_, data.data() + done, std::min(kWriteSize, data.size() - done));
        if (n > 0) done += static_cast<size_t>(n);
        else if (errno == EAGAIN) break;
        else if (errno != EINTR) return data.size();
    }
    return done;
}

void FdChannel::flush_some() {
    if (write_fd_ < 0) buffer_.clear();
    const size_t done = buffer_.empty() ? 0 : write_some(buffer_);
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<ptrdiff_t>(done));
}

void FdChannel::send(std::string_view text) {
    std::lock_guard lock(mutex_);
    if (write_fd_ < 0) return;
    buffer_.insert(buffer_.end(), text.begin(), text.end());
    if (!output_watch_) flush_some();
    if (!buffer_.empty()) watch_output();
}

size_t FdChannel::unsent() const {
    std::lock_guard lock(mutex_);
    return buffer_.size();
}

void FdChannel::drain(int ms) {
    std::lock_guard lock(mutex_);
    flush_some();
    while (!buffer_.empty()) {
        pollfd ready{write_fd_, POLLOUT, 0};
        if (poll(&ready, 1, ms) != 1) return;
        flush_some();
    }
}

void FdChannel::watch_output() {
    if (output_watch_) return;
    output_watch_ = g_unix_fd_source_new(write_fd_, static_cast<GIOCondition>(G_IO_OUT | G_IO_HUP | G_IO_ERR));
    g_source_set_callback(
        output_watch_,
        reinterpret_cast<GSourceFunc>(reinterpret_cast<void (*)()>(
            +[](gint, GIOCondition, gpointer self) -> gboolean {
                return static_cast<FdChannel*>(self)->writable();
            })),
        this, nullptr);
    g_source_attach(output_watch_, io_);
}

gboolean FdChannel::writable() {
    {
        std::lock_guard lock(mutex_);
        flush_some();
        if (!buffer_.empty()) return G_SOURCE_CONTINUE;
        drop(output_watch_);
    }
    if (events_.emptied) events_.emptied();
    return G_SOURCE_REMOVE;
}

}  // namespace qr
