// SPDX-License-Identifier: GPL-2.0-or-later
// A 101/102-key PS/2 keyboard (with the multimedia keys that came later). IBM PS/2 Hardware
// Interface Technical Reference, "Keyboard (101-/102-key)". The self-test takes 10 ms instead of
// half a second. VM thread only.
#pragma once

#include <array>

#include "hw/input/ps2.h"
#include "hw/input_events.h"
#include "hw/keycode.h"
#include "sysemu/clock.h"
#include "sysemu/replay.h"

namespace qr {

class Ps2Keyboard final : public Ps2Device {
  public:
    // typematic: the keyboard itself repeats a held key in virtual time. Off: each repeated "down"
    // from the port is a repetition, as suits a machine whose virtual time has little to do with
    // people's.
    Ps2Keyboard(Door& door, VirtualClock& clock, bool typematic = true);

    InputPort<KeyInput>& port() { return port_; }
    // LEDs: bit 0 Scroll Lock, 1 Num Lock, 2 Caps Lock.
    uint8_t leds() const { return leds_; }
    // Called on the VM thread when the LEDs change; must only tell somebody.
    void on_leds(std::function<void(uint8_t)> listener) { leds_listener_ = std::move(listener); }

    void receive(uint8_t byte) override;
    void reset() override;
    void state(StateVisitor& v) override;

  protected:
    void taken(uint8_t byte) override { last_sent_ = byte; }

  private:
    void key(KeyInput& input);
    bool held(Key key) const;
    void make(Key key);
    void release(Key key);
    void make_set12(Key key);
    void release_set12(Key key);
    void emit(std::initializer_list<uint8_t> bytes);
    void emit_code(Key key, bool down);
    void shift_prefix(Key key);
    void shift_suffix(Key key);

    void command(uint8_t byte);
    void argument(uint8_t byte);
    void set_defaults();
    void set_all_types(uint8_t types);
    bool repeats(Key key) const;
    int64_t typematic_delay_ns() const;
    int64_t typematic_period_ns() const;
    void start_typematic(Key key);
    void stop_typematic();
    void repeat();
    void set_leds(uint8_t leds);

    VirtualClock& clock_;
    bool typematic_;
    Timer repeat_timer_;
    Timer self_test_;
    InputPort<KeyInput> port_;
    std::function<void(uint8_t)> leds_listener_;

    bool scanning_ = true;
    uint8_t set_ = 2;
    uint8_t leds_ = 0;
    uint8_t rate_ = 0x2b;
    uint8_t pending_command_ = 0;  // that waits for its argument; 0: none
    uint8_t last_sent_ = 0;
    Key repeating_ = Key::kNone;
    std::array<uint8_t, 32> held_{};        // a bit for each Key
    std::array<uint8_t, 256> set3_types_{};  // by set 3 code: bit 0 typematic, bit 1 break code
};

}  // namespace qr
