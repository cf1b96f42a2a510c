// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/key_sender.h"

#include "hw/input/scancodes.h"

namespace qr {

namespace {
constexpr size_t kMostSteps = 4096;  // of what isn't typed yet
}

std::optional<Key> key_by_number(unsigned number) {
    for (uint16_t n = 1; n < static_cast<uint16_t>(Key::kCount); ++n) {
        const ScanCode code = scan_code(static_cast<Key>(n));
        if (code.set1 && (code.set1 | (code.extended ? 0x80u : 0u)) == number) return static_cast<Key>(n);
    }
    return std::nullopt;
}

KeySender::~KeySender() {
    if (!timer_) return;
    g_source_destroy(timer_);
    g_source_unref(timer_);
}

void KeySender::chord(const std::vector<Key>& keys, unsigned hold_ms) {
    if (steps_.size() > kMostSteps) return;
    for (const Key key : keys) steps_.push_back({key, true, 0});
    steps_.push_back({Key::kNone, false, hold_ms});
    for (auto key = keys.rbegin(); key != keys.rend(); ++key) steps_.push_back({*key, false, 0});
    if (!timer_) go_on();
}

void KeySender::go_on() {
    while (!steps_.empty()) {
        const Step step = steps_.front();
        steps_.pop_front();
        if (step.key != Key::kNone) {
            keyboard_.submit({static_cast<uint16_t>(step.key), step.down});
            continue;
        }
        timer_ = g_timeout_source_new(step.wait_ms);
        g_source_set_callback(
            timer_,
            [](gpointer data) -> gboolean {
                auto* self = static_cast<KeySender*>(data);
                g_source_unref(self->timer_);
                self->timer_ = nullptr;
                self->go_on();
                return G_SOURCE_REMOVE;
            },
            this, nullptr);
        g_source_attach(timer_, io_);
        return;
    }
}

}  // namespace qr
