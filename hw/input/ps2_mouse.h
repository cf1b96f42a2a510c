// SPDX-License-Identifier: GPL-2.0-or-later
// A PS/2 mouse that becomes an IntelliMouse (wheel) or IntelliMouse Explorer (five buttons) when
// knocked at. IBM PS/2 Hardware Interface Technical Reference, "Auxiliary device"; Microsoft,
// "IntelliMouse wheel mouse detection". Counts come from the host's pointer: the resolution is kept
// and told, but doesn't scale them. The self-test takes 10 ms instead of half a second. VM thread
// only.
#pragma once

#include <array>

#include "hw/input/ps2.h"
#include "hw/input_events.h"
#include "sysemu/clock.h"
#include "sysemu/replay.h"

namespace qr {

class Ps2Mouse final : public Ps2Device {
  public:
    Ps2Mouse(Door& door, VirtualClock& clock);

    InputPort<MouseInput>& port() { return port_; }
    // Sends a packet though nothing has moved.
    void nudge();

    void receive(uint8_t byte) override;
    void reset() override;
    void state(StateVisitor& v) override;

  protected:
    void taken(uint8_t byte) override;

  private:
    // Movement with one setting of the buttons.
    struct Report {
        int32_t dx = 0;
        int32_t dy = 0;
        int32_t dz = 0;
        uint8_t buttons = 0;
        void state(StateVisitor& v) {
            v("dx", dx);
            v("dy", dy);
            v("dz", dz);
            v("buttons", buttons);
        }
    };
    static constexpr size_t kReportsLimit = 32;

    void moved(MouseInput& input);
    void command(uint8_t byte);
    void argument(uint8_t byte);
    void set_defaults();
    void set_rate(uint8_t rate);
    bool streaming() const { return reporting_ && !remote_ && !wrap_; }
    bool something_new() const;
    void schedule();
    void sample();
    void packet(bool as_reply);
    void reject();

    VirtualClock& clock_;
    Timer sample_timer_;
    Timer self_test_;
    InputPort<MouseInput> port_;

    bool remote_ = false;
    bool wrap_ = false;
    bool reporting_ = false;
    bool double_scale_ = false;
    bool rejected_ = false;  // the byte before was answered by RESEND
    uint8_t resolution_ = 2;
    uint8_t rate_ = 100;
    uint8_t id_ = 0;  // 0: three buttons, 3: wheel, 4: wheel and five buttons
    uint8_t pending_command_ = 0;
    uint8_t last_sent_ = 0;
    uint8_t sent_buttons_ = 0;
    std::array<uint8_t, 3> knock_{};  // the last sample rates
    std::deque<Report> reports_;      // what the host has sent and no packet has shown; never empty
    bool nudged_ = false;
    int64_t next_sample_ns_ = 0;
};

}  // namespace qr
