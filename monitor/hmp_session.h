// SPDX-License-Identifier: GPL-2.0-or-later
//
// The monitor for people: a prompt, a line, an answer. I/O thread.
#pragma once

#include <deque>

#include "monitor/line_editor.h"
#include "monitor/monitor.h"

namespace qr {

class HmpSession final : public MonitorSession {
  public:
    // implicit: it counts as attached only once something was typed.
    HmpSession(Monitor& monitor, CharBackend& backend, bool implicit);

    size_t room() override;
    void receive(std::span<const uint8_t> data) override;
    void opened() override;
    void closed() override;
    void sent() override { go_on(); }
    void focus_changed(bool focused) override;
    bool input_ended() override { return !busy_ && typed_.empty(); }

    void event(const RunEvent&, int64_t) override {}
    void announce(std::string_view, const std::string&, int64_t) override {}
    bool attached() const override { return open_ && focused_ && wanted_; }
    void flush() override { backend_.drain(0); }

  private:
    void go_on();
    void print(std::string_view text);
    void greet();
    void update();
    LineEditor::Completion complete(std::string_view line) const;

    Monitor& monitor_;
    CharBackend& backend_;
    LineEditor editor_;
    std::deque<uint8_t> typed_;
    std::atomic<bool> full_ = false;  // room() is asked by any thread
    bool open_ = false;
    bool focused_ = true;
    bool wanted_;
    bool greeted_ = false;
    bool busy_ = false;     // a command is being worked on
    bool running_ = false;  // run_line() is on the stack
    bool told_attached_ = false;
    std::function<std::string(const std::string&)> secret_;  // the line is a password, for this
    uint64_t connection_ = 0;  // an answer to one that is gone is dropped
};

}  // namespace qr
