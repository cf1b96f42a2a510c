// SPDX-License-Identifier: GPL-2.0-or-later
// What a character device of the guest (UART, debug port, parallel port) and a host backend (stdio, pty,
// socket, file) know of each other: an input port, an output stream, and a few line events.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sysemu/replay.h"

namespace qr {

// Bytes, or a line condition, arriving at a guest's character device.
struct CharInput {
    std::vector<uint8_t> data;
    bool line_break = false;
    template <class V>
    void fields(V& v) {
        v("data", data);
        v("break", line_break);
    }
};

// The guest's end, owned by the device: rx.submit() is for backends, tx is connected by the board's user.
// rx.room() is the number of bytes that the device's queue would take.
struct CharEnd {
    CharEnd(Door& door, const std::string& name, std::function<void(CharInput&)> on_input)
        : rx(door, name + ".rx", std::move(on_input)), tx(door, name + ".tx") {}
    InputPort<CharInput> rx;
    OutputStream tx;
};

}  // namespace qr
