// SPDX-License-Identifier: GPL-2.0-or-later
//
// What all backends over a descriptor share: input goes to the front, output to the descriptor.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "chardev/char_backend.h"
#include "chardev/fd_channel.h"

namespace qr {

class FdBackend : public CharBackend {
  public:
    FdBackend(const std::string& name, const CharHost& host, FdChannel::Output output)
        : host_(host), channel_(host.io, name, output,
                                {[this] { return front_ ? front_->room() : 0; },
                                 [this](std::span<const uint8_t> data) { received(data); },
                                 [this] { ended(); }, [this] { emptied(); }, host.notice}) {}

    void wake() override { channel_.wake(); }
    void write(std::span<const uint8_t> data) override { channel_.write(data); }
    void send(std::string_view text) override { channel_.send(text); }
    size_t unsent() const override { return channel_.unsent(); }
    void drain(int ms) override { channel_.drain(ms); }
    void finished() override {
        if (ending_ && !channel_.unsent()) close_now();
    }

  protected:
    virtual void received(std::span<const uint8_t> data) {
        if (!data.empty()) front_->receive(data);
    }
    // The input is over, and the front has said what it had to say.
    virtual void closed() {
        if (front_) front_->closed();
    }
    // Uses the descriptors (-1: none of that direction) and tells the front, on the I/O thread.
    void attach(int read_fd, int write_fd) {
        ending_ = false;
        channel_.attach(read_fd, write_fd);
        if (front_) front_->opened();
    }

    CharHost host_;
    CharFront* front_ = nullptr;
    FdChannel channel_;

  private:
    void ended() {
        ending_ = true;
        if (!front_ || (front_->input_ended() && !channel_.unsent())) close_now();
    }
    void emptied() {
        if (front_) front_->sent();
        if (ending_ && front_ && front_->input_ended()) close_now();
    }
    void close_now() {
        ending_ = false;
        closed();
    }

    bool ending_ = false;
};

// A descriptor that is closed with its owner.
class OwnedFd {
  public:
    explicit OwnedFd(int fd = -1) : fd_(fd) {}
    ~OwnedFd() { reset(); }
    OwnedFd(OwnedFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    OwnedFd& operator=(OwnedFd&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }
    void reset();

  private:
    int fd_;
};

}  // namespace qr
