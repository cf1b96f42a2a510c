// SPDX-License-Identifier: GPL-2.0-or-later
//
// What all backends over a descriptor share: input goes to the guest's port, output to the descriptor.
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
                                {[this] { return end_ ? end_->rx.room() : 0; },
                                 [this](std::span<const uint8_t> data) { received(data); },
                                 [this] { closed(); }, host.notice}) {}

    void connect(CharEnd& end) override {
        end_ = &end;
        end.rx.on_room([this] { channel_.wake(); });
        end.tx.connect(this);
    }
    void write(std::span<const uint8_t> data) override { channel_.write(data); }

  protected:
    virtual void received(std::span<const uint8_t> data) { submit(data); }
    virtual void closed() {}
    void submit(std::span<const uint8_t> data, bool line_break = false) {
        if (end_ && (line_break || !data.empty()))
            end_->rx.submit({{data.begin(), data.end()}, line_break});
    }

    CharHost host_;
    CharEnd* end_ = nullptr;
    FdChannel channel_;
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
