// SPDX-License-Identifier: GPL-2.0-or-later
// A keyboard or mouse at the end of a PS/2 cable, as the 8042 sees it: bytes out of a queue, bytes
// in. Source: IBM PS/2 Hardware Interface Technical Reference, "Keyboard", "Auxiliary device". VM
// thread only.
#pragma once

#include <cassert>
#include <cstdint>
#include <deque>
#include <functional>
#include <initializer_list>

#include "hw/device.h"

namespace qr {

class Ps2Device : public Device {
  public:
    using Device::Device;

    // --- the controller's side ---
    // wake: called when there is a byte to fetch where there was none.
    void connect(std::function<void()> wake) { wake_ = std::move(wake); }
    bool has_byte() const { return !replies_.empty() || !events_.empty(); }
    // The next byte has crossed the cable.
    uint8_t take() {
        std::deque<uint8_t>& queue = replies_.empty() ? events_ : replies_;
        assert(!queue.empty());
        const uint8_t byte = queue.front();
        queue.pop_front();
        taken(byte);
        return byte;
    }
    // The host sends a byte.
    virtual void receive(uint8_t byte) = 0;

    void state(StateVisitor& v) override {
        v("replies", replies_, kRepliesLimit);
        v("events", events_, kQueueSize + 1);
    }

  protected:
    static constexpr size_t kQueueSize = 16;
    static constexpr size_t kRepliesLimit = 16;

    void reply(std::initializer_list<uint8_t> bytes) {
        if (replies_.size() + bytes.size() > kRepliesLimit) return;
        const bool idle = !has_byte();
        replies_.insert(replies_.end(), bytes);
        if (idle && wake_) wake_();
    }
    void queue_event(std::initializer_list<uint8_t> bytes) {
        const bool idle = !has_byte();
        events_.insert(events_.end(), bytes);
        if (idle && wake_) wake_();
    }
    // After a byte left; for RESEND and for pacing.
    virtual void taken(uint8_t byte) = 0;

    std::deque<uint8_t> replies_;  // answers to commands go first
    std::deque<uint8_t> events_;   // scan codes or movement packets

  private:
    std::function<void()> wake_;
};

}  // namespace qr
