// SPDX-License-Identifier: GPL-2.0-or-later
//
// One backend for several fronts (a guest's serial port and a monitor on the terminal): all of them write, one of
// them has what is typed. Ctrl-A is the way to switch, and to a few commands.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "chardev/char_backend.h"

namespace qr {

class CharMux final : public CharFront {
  public:
    CharMux(std::unique_ptr<CharBackend> backend, const CharHost& host);
    ~CharMux() override;

    // One more front's view of the backend. The first one has what is typed.
    CharBackend& add_port();
    std::string filename() const { return "mux"; }

    // The first front is connected once the others are: it may have opened at once.
    void start();
    void drain(int ms) { backend_->drain(ms); }

    size_t room() override;
    void receive(std::span<const uint8_t> data) override;
    void line_break() override;
    void opened() override;
    void closed() override;
    void sent() override;
    bool input_ended() override;

  private:
    class Port;
    void wake();
    void command(uint8_t byte);
    void give(std::vector<uint8_t>& plain);
    void focus(size_t index);
    Port* focused() const;
    std::string stamp();

    CharHost host_;
    std::unique_ptr<CharBackend> backend_;
    std::vector<std::unique_ptr<Port>> ports_;
    std::atomic<size_t> focus_ = 0;
    bool escaped_ = false;
    std::vector<uint8_t> kept_;   // typed while the focused front had no room
    // Timestamps before the guest's lines (Ctrl-A t); the VM thread writes them.
    std::atomic<bool> stamps_ = false;
    bool line_start_ = true;
    gint64 stamps_from_ = -1;
};

}  // namespace qr
