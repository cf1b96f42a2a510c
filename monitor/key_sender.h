// SPDX-License-Identifier: GPL-2.0-or-later
//
// Presses keys one after the other and lets them go after a while, as fingers do. The delays are the host's; what
// the guest gets are inputs like any other. I/O thread.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include <glib.h>

#include "hw/input_events.h"
#include "sysemu/replay.h"

namespace qr {

// By QEMU's number of a key: its set 1 scan code, with bit 7 for one behind an E0.
std::optional<Key> key_by_number(unsigned number);

class KeySender {
  public:
    KeySender(GMainContext* io, InputPort<KeyInput>& keyboard) : io_(io), keyboard_(keyboard) {}
    ~KeySender();

    // Presses all, in order, holds them, lets them go in the opposite order. Several chords queue.
    void chord(const std::vector<Key>& keys, unsigned hold_ms);
    static constexpr unsigned kHoldMs = 100;

  private:
    struct Step {
        Key key = Key::kNone;  // kNone: wait
        bool down = false;
        unsigned wait_ms = 0;
    };
    void go_on();

    GMainContext* io_;
    InputPort<KeyInput>& keyboard_;
    std::deque<Step> steps_;
    GSource* timer_ = nullptr;
};

}  // namespace qr
