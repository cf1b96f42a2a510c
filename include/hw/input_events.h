// SPDX-License-Identifier: GPL-2.0-or-later
// What people do to the machine's keyboard and pointer, as payloads of the door's ports "keyboard"
// "mouse" and "vmmouse".
#pragma once

#include <cstdint>

#include "hw/keycode.h"

namespace qr {

struct KeyInput {
    uint16_t key = 0;  // a Key
    bool down = false;
    template <class V>
    void fields(V& v) {
        v("key", key);
        v("down", down);
    }
};

// Relative movement since the last event in mouse counts, and which buttons are held now.
struct MouseInput {
    enum Button : uint32_t {
        kLeft = 1 << 0,
        kRight = 1 << 1,
        kMiddle = 1 << 2,
        kSide = 1 << 3,
        kExtra = 1 << 4,
    };
    int64_t dx = 0;  // right is positive
    int64_t dy = 0;  // down is positive
    int64_t dz = 0;  // wheel towards the user is positive
    uint32_t buttons = 0;
    template <class V>
    void fields(V& v) {
        v("dx", dx);
        v("dy", dy);
        v("dz", dz);
        v("buttons", buttons);
    }
};

// Where the pointer is, from 0 (left, top) to 65535 (right, bottom), and the rest as above.
struct PointerInput {
    uint16_t x = 0, y = 0;
    int64_t dz = 0;
    uint32_t buttons = 0;
    template <class V>
    void fields(V& v) {
        v("x", x);
        v("y", y);
        v("dz", dz);
        v("buttons", buttons);
    }
};

}  // namespace qr
