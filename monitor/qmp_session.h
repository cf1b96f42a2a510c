// SPDX-License-Identifier: GPL-2.0-or-later
//
// The monitor for programs. Source: QEMU Machine Protocol Specification. I/O thread.
#pragma once

#include <deque>
#include <memory>

#include "monitor/monitor.h"

namespace qr {

class QmpSession final : public MonitorSession {
  public:
    QmpSession(Monitor& monitor, CharBackend& backend, bool pretty);
    ~QmpSession() override;

    size_t room() override;
    void receive(std::span<const uint8_t> data) override;
    void opened() override;
    void closed() override;
    void sent() override { go_on(); }
    bool input_ended() override;

    void event(const RunEvent& event, int64_t when) override;
    void announce(std::string_view name, const std::string& data, int64_t when) override;
    bool attached() const override;
    void flush() override { backend_.drain(0); }

  private:
    struct State;  // what has JSON in it
    void go_on();
    void take(const std::string& text);
    void update();

    Monitor& monitor_;
    CharBackend& backend_;
    const bool pretty_;
    std::unique_ptr<State> state_;
    std::deque<uint8_t> input_;
    std::atomic<bool> full_ = false;
    bool open_ = false;
    bool negotiated_ = false;
    bool busy_ = false;
    bool running_ = false;
    bool told_attached_ = false;
    uint64_t connection_ = 0;
};

}  // namespace qr
