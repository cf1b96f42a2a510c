// SPDX-License-Identifier: GPL-2.0-or-later
//
// HMP commands that press keys and move the mouse, inputs of the machine's own ports; and one that takes a picture.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "monitor/handlers.h"
#include "monitor/monitor.h"

namespace qr::hmp {

namespace {
// What the buttons are between two commands. HMP's bits: 1 left, 2 middle, 4 right.
uint32_t buttons_of(int64_t state) {
    return (state & 1 ? MouseInput::kLeft : 0u) | (state & 2 ? MouseInput::kMiddle : 0u) |
           (state & 4 ? MouseInput::kRight : 0u);
}
}  // namespace

void sendkey(HmpCall& call) {
    const std::string text = call.args.text("keys");
    std::vector<Key> keys;
    for (size_t at = 0;;) {
        size_t dash = text.find('-', at);
        const std::string name = text.substr(at, dash == text.npos ? dash : dash - at);
        // "<" is the key that is called less.
        const auto key = name == "<" ? std::optional(Key::kLess)
                         : name.starts_with("0x")
                             ? key_by_number(static_cast<unsigned>(std::strtoul(name.c_str(), nullptr, 16)))
                             : key_by_name(name);
        if (!key) return call.print("invalid parameter: {}\n", name);
        keys.push_back(*key);
        if (keys.size() > 16) return call.out += "too many keys\n", void();
        if (dash == text.npos) break;
        at = dash + 1;
    }
    const int64_t hold = call.args.number("hold-time", KeySender::kHoldMs);
    if (hold < 0 || hold > 3'600'000) return call.out += "hold_ms: expected 0 to 3600000\n", void();
    call.monitor.keys().chord(keys, static_cast<unsigned>(hold));
}

void mouse_move(HmpCall& call) {
    // Words, since "5 -3" as an expression would be 2.
    int64_t moved[3] = {};
    constexpr const char* kAxes[] = {"dx", "dy", "dz"};
    for (int i = 0; i < 3; ++i) {
        if (!call.args.has(kAxes[i])) continue;
        const std::string text = call.args.text(kAxes[i]);
        char* end;
        moved[i] = std::clamp<int64_t>(std::strtoll(text.c_str(), &end, 0), INT32_MIN, INT32_MAX);
        if (end == text.c_str() || *end) return call.fail(Error{std::string(kAxes[i]) + " is '" + text + "': expected a number"});
    }
    call.target.board.mouse().submit({moved[0], moved[1], moved[2], call.monitor.buttons()});
}

void mouse_button(HmpCall& call) {
    call.monitor.set_buttons(buttons_of(call.args.number("button_state")));
    call.target.board.mouse().submit({0, 0, 0, call.monitor.buttons()});
}

void mouse_set(HmpCall& call) {
    if (call.args.number("index") != 2) call.print("Mouse at index '{}' not found\n", call.args.number("index"));
}

// "-f png" comes before a display's name, of which there is one.
void screendump(HmpCall& call) {
    const bool has_format = call.args.has("-f");
    if (has_format && !call.args.has("format")) return call.fail(Error{"-f expects ppm or png"});
    const auto saved = call.target.screendump(call.args.text("filename"), has_format ? call.args.text("format") : "ppm");
    if (!saved) call.fail(saved.error());
}

}  // namespace qr::hmp
