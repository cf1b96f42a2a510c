// SPDX-License-Identifier: GPL-2.0-or-later
//
// A file descriptor on the I/O thread: reads as much as the front has room for. The guest's output is written
// either at once (files, terminals: the VM waits) or through a bounded buffer (sockets, ptys: what nobody reads is
// dropped, with one warning); a monitor's goes through the buffer without bound, and the monitor holds back.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <glib.h>

namespace qr {

class FdChannel {
  public:
    enum class Output { kWait, kDrop };
    struct Events {
        std::function<size_t()> room;                              // bytes wanted; any thread
        std::function<void(std::span<const uint8_t>)> received;    // I/O thread
        std::function<void()> closed;                              // I/O thread: end of file or error
        std::function<void()> emptied;                             // I/O thread: all that was buffered is out
        std::function<void(const std::string&)> notice;
    };

    // Takes no ownership of fd. name: for the warning.
    FdChannel(GMainContext* io, std::string name, Output output, Events events);
    ~FdChannel();
    FdChannel(const FdChannel&) = delete;

    // Starts using these descriptors (-1: none of that direction). I/O thread, or before it runs.
    void attach(int read_fd, int write_fd);
    void detach();
    // The front has room again; any thread.
    void wake();
    // VM thread.
    void write(std::span<const uint8_t> data);
    // I/O thread.
    void send(std::string_view text);
    size_t unsent() const;
    void drain(int ms);

  private:
    void watch_input();
    void stop_watching();
    gboolean readable(GIOCondition condition);
    gboolean writable();
    void write_all(int fd, std::span<const uint8_t> data);
    void drop_or_buffer(std::span<const uint8_t> data);
    size_t write_some(std::span<const uint8_t> data);
    void flush_some();
    void watch_output();

    GMainContext* io_;
    std::string name_;
    Output output_;
    Events events_;
    int read_fd_ = -1;
    GSource* input_ = nullptr;

    mutable std::mutex mutex_;  // what follows is shared between the VM and the I/O thread
    int write_fd_ = -1;
    std::vector<uint8_t> buffer_;
    GSource* output_watch_ = nullptr;
    bool warned_ = false;
};

}  // namespace qr
