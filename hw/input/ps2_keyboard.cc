// SPDX-License-Identifier: GPL-2.0-or-later
//
// PS/2 keyboard. Source: IBM PS/2 Hardware Interface Technical Reference, "Keyboard
// (101-/102-key)": commands, scan code sets 1 to 3, sequencing of the keys with shifted prefixes.
#include "hw/input/ps2_keyboard.h"

#include "hw/input/scancodes.h"
#include "util/bits.h"

namespace qr {

namespace {

enum Command : uint8_t {
    kSetLeds = 0xed,
    kEcho = 0xee,
    kSetScanSet = 0xf0,
    kReadId = 0xf2,
    kSetTypematic = 0xf3,
    kEnable = 0xf4,
    kDefaultDisable = 0xf5,
    kSetDefault = 0xf6,
    kAllTypematic = 0xf7,
    kAllMakeBreak = 0xf8,
    kAllMake = 0xf9,
    kAllTypematicMakeBreak = 0xfa,
    kKeyTypematic = 0xfb,
    kKeyMakeBreak = 0xfc,
    kKeyMake = 0xfd,
    kResend = 0xfe,
    kReset = 0xff,
};

constexpr uint8_t kAck = 0xfa;
constexpr uint8_t kSelfTestPassed = 0xaa;
constexpr uint8_t kTypeTypematic = 1;
constexpr uint8_t kTypeBreak = 2;
constexpr uint8_t kNumLockLed = 1 << 1;
constexpr uint8_t kDefaultRate = 0x2b;  // 500 ms, 10.9 characters a second
constexpr int64_t kSelfTestNs = 10'000'000;
constexpr int64_t kNsPerMs = 1'000'000;

// The grey navigation keys, which pretend that neither Shift nor Num Lock is on.
bool is_navigation(Key key) {
    switch (key) {
        case Key::kInsert: case Key::kDelete: case Key::kHome: case Key::kEnd: case Key::kPgup:
        case Key::kPgdn: case Key::kLeft: case Key::kRight: case Key::kUp: case Key::kDown:
            return true;
        default: return false;
    }
}

}  // namespace

Ps2Keyboard::Ps2Keyboard(Door& door, VirtualClock& clock, bool typematic)
    : Ps2Device("ps2kbd"),
      clock_(clock),
      typematic_(typematic),
      repeat_timer_(clock, "ps2kbd.repeat", [this] { repeat(); }),
      self_test_(clock, "ps2kbd.self_test", [this] { reply({kSelfTestPassed}); }),
      port_(door, "keyboard", [this](KeyInput& input) { key(input); }) {
    set_defaults();
    port_.set_room(kQueueSize);
}

// ---- keys ----

void Ps2Keyboard::key(KeyInput& input) {
    const Key k = static_cast<Key>(input.key);
    if (k == Key::kNone || k >= Key::kCount) return;
    const bool was_down = held(k);
    if (!input.down && !was_down) return;
    const auto n = static_cast<unsigned>(k);
    if (input.down)
        held_[n / 8] |= static_cast<uint8_t>(1 << n % 8);
    else
        held_[n / 8] &= static_cast<uint8_t>(~(1 << n % 8));
    if (!scanning_) return;

    if (!input.down) {
        if (repeating_ == k) stop_typematic();
        release(k);
    } else if (!was_down) {
        stop_typematic();
        make(k);
        if (repeats(k)) start_typematic(k);
    } else if (!typematic_ && repeats(k)) {
        make(k);
    }
}

bool Ps2Keyboard::held(Key key) const {
    const auto n = static_cast<unsigned>(key);
    return held_[n / 8] >> n % 8 & 1;
}

// Whole sequences, or one overrun code in the queue's last place.
void Ps2Keyboard::emit(std::initializer_list<uint8_t> bytes) {
    if (events_.size() + bytes.size() <= kQueueSize) return queue_event(bytes);
    const uint8_t overrun = set_ == 1 ? 0xff : 0x00;
    if (events_.size() <= kQueueSize && (events_.empty() || events_.back() != overrun))
        queue_event({overrun});
}

void Ps2Keyboard::make(Key key) {
    if (set_ != 3) return make_set12(key);
    if (const uint8_t code = scan_code(key).set3) emit({code});
}

void Ps2Keyboard::release(Key key) {
    if (set_ != 3) return release_set12(key);
    const uint8_t code = scan_code(key).set3;
    if (code && set3_types_[code] & kTypeBreak) emit({0xf0, code});
}

// One code of set 1 or 2 with its prefixes.
void Ps2Keyboard::emit_code(Key key, bool down) {
    const ScanCode code = scan_code(key);
    if (set_ == 1) {
        if (!code.set1 || (!down && code.set1 >= 0x80)) return;
        const uint8_t byte = down ? code.set1 : static_cast<uint8_t>(code.set1 | 0x80);
        code.extended ? emit({0xe0, byte}) : emit({byte});
        return;
    }
    if (!code.set2 || (!down && code.set2 >= 0xf0)) return;
    if (down)
        code.extended ? emit({0xe0, code.set2}) : emit({code.set2});
    else
        code.extended ? emit({0xe0, 0xf0, code.set2}) : emit({0xf0, code.set2});
}

// Around a grey key: undoes a held Shift, or presses one while Num Lock is on, so that software
// which knows only the 84-key keyboard takes the key for what is printed on it.
void Ps2Keyboard::shift_prefix(Key key) {
    const bool left = held(Key::kShift), right = held(Key::kShiftR);
    const bool set1 = set_ == 1;
    if (key == Key::kKpDivide || (is_navigation(key) && (left || right))) {
        if (is_navigation(key) && leds_ & kNumLockLed) return;
        if (left) set1 ? emit({0xe0, 0xaa}) : emit({0xe0, 0xf0, 0x12});
        if (right) set1 ? emit({0xe0, 0xb6}) : emit({0xe0, 0xf0, 0x59});
    } else if (is_navigation(key) && leds_ & kNumLockLed) {
        set1 ? emit({0xe0, 0x2a}) : emit({0xe0, 0x12});
    }
}

void Ps2Keyboard::shift_suffix(Key key) {
    const bool left = held(Key::kShift), right = held(Key::kShiftR);
    const bool set1 = set_ == 1;
    if (key == Key::kKpDivide || (is_navigation(key) && (left || right))) {
        if (is_navigation(key) && leds_ & kNumLockLed) return;
        if (right) set1 ? emit({0xe0, 0x36}) : emit({0xe0, 0x59});
        if (left) set1 ? emit({0xe0, 0x2a}) : emit({0xe0, 0x12});
    } else if (is_navigation(key) && leds_ & kNumLockLed) {
        set1 ? emit({0xe0, 0xaa}) : emit({0xe0, 0xf0, 0x12});
    }
}

void Ps2Keyboard::make_set12(Key key) {
    const bool set1 = set_ == 1;
    const bool ctrl = held(Key::kCtrl) || held(Key::kCtrlR);
    const bool shift = held(Key::kShift) || held(Key::kShiftR);
    const bool alt = held(Key::kAlt) || held(Key::kAltR);
    if (key == Key::kPause) {
        // Has no break code: make and break are sent together.
        if (ctrl)
            set1 ? emit({0xe0, 0x46, 0xe0, 0xc6}) : emit({0xe0, 0x7e, 0xe0, 0xf0, 0x7e});
        else
            set1 ? emit({0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5})
                 : emit({0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77});
    } else if (key == Key::kPrint) {
        if (alt) return emit_code(Key::kSysrq, true);
        if (!ctrl && !shift) set1 ? emit({0xe0, 0x2a}) : emit({0xe0, 0x12});
        emit_code(key, true);
    } else {
        shift_prefix(key);
        emit_code(key, true);
    }
}

void Ps2Keyboard::release_set12(Key key) {
    const bool set1 = set_ == 1;
    const bool ctrl = held(Key::kCtrl) || held(Key::kCtrlR);
    const bool shift = held(Key::kShift) || held(Key::kShiftR);
    const bool alt = held(Key::kAlt) || held(Key::kAltR);
    if (key == Key::kPause) return;
    if (key == Key::kPrint) {
        if (alt) return emit_code(Key::kSysrq, false);
        emit_code(key, false);
        if (!ctrl && !shift) set1 ? emit({0xe0, 0xaa}) : emit({0xe0, 0xf0, 0x12});
        return;
    }
    emit_code(key, false);
    shift_suffix(key);
}

// ---- typematic ----

bool Ps2Keyboard::repeats(Key key) const {
    if (key == Key::kPause) return false;
    if (set_ != 3) return true;
    return set3_types_[scan_code(key).set3] & kTypeTypematic;
}

int64_t Ps2Keyboard::typematic_delay_ns() const {
    return (static_cast<int64_t>(bits(rate_, 5, 2)) + 1) * 250 * kNsPerMs;
}

// (8 + A) * 2^B * 1/240 s
int64_t Ps2Keyboard::typematic_period_ns() const {
    const auto a = static_cast<int64_t>(bits(rate_, 0, 3));
    const auto b = static_cast<int64_t>(bits(rate_, 3, 2));
    return ((8 + a) << b) * kNsPerSecond / 240;
}

void Ps2Keyboard::start_typematic(Key key) {
    if (!typematic_) return;
    repeating_ = key;
    repeat_timer_.arm(clock_.now_ns() + typematic_delay_ns());
}

void Ps2Keyboard::stop_typematic() {
    repeating_ = Key::kNone;
    repeat_timer_.disarm();
}

void Ps2Keyboard::repeat() {
    make(repeating_);
    repeat_timer_.arm(clock_.now_ns() + typematic_period_ns());
}

// ---- commands ----

void Ps2Keyboard::receive(uint8_t byte) {
    // FB-FD take any number of scan codes; every other argument is a single byte. A command byte
    // where an argument is due takes its place.
    if (pending_command_ && (byte < kSetLeds || pending_command_ == kSetScanSet))
        argument(byte);
    else
        command(byte);
}

void Ps2Keyboard::command(uint8_t byte) {
    pending_command_ = 0;
    switch (byte) {
        case kSetLeds:
        case kSetTypematic: pending_command_ = byte; break;
        case kSetScanSet:
        case kKeyTypematic:
        case kKeyMakeBreak:
        case kKeyMake:
            pending_command_ = byte;
            events_.clear();
            stop_typematic();
            break;
        case kEcho: return reply({kEcho});
        case kReadId: return reply({kAck, 0xab, 0x83});
        case kEnable:
            events_.clear();
            stop_typematic();
            scanning_ = true;
            break;
        case kDefaultDisable:
            set_defaults();
            scanning_ = false;
            break;
        case kSetDefault: set_defaults(); break;
        case kAllTypematic: set_all_types(kTypeTypematic); break;
        case kAllMakeBreak: set_all_types(kTypeBreak); break;
        case kAllMake: set_all_types(0); break;
        case kAllTypematicMakeBreak: set_all_types(kTypeTypematic | kTypeBreak); break;
        case kResend: return reply({last_sent_});
        case kReset:
            replies_.clear();
            set_defaults();
            set_leds(0);
            scanning_ = true;
            self_test_.arm(clock_.now_ns() + kSelfTestNs);
            break;
        default: return reply({kResend});
    }
    reply({kAck});
}

void Ps2Keyboard::argument(uint8_t byte) {
    switch (pending_command_) {
        case kSetLeds: set_leds(byte & 7); break;
        case kSetTypematic: rate_ = byte & 0x7f; break;
        case kSetScanSet:
            pending_command_ = 0;
            if (byte == 0) return reply({kAck, set_});
            if (byte > 3) return reply({kResend});
            set_ = byte;
            break;
        case kKeyTypematic: set3_types_[byte] = kTypeTypematic; return reply({kAck});
        case kKeyMakeBreak: set3_types_[byte] = kTypeBreak; return reply({kAck});
        case kKeyMake: set3_types_[byte] = 0; return reply({kAck});
        default: break;
    }
    pending_command_ = 0;
    reply({kAck});
}

void Ps2Keyboard::set_all_types(uint8_t types) {
    events_.clear();
    stop_typematic();
    set3_types_.fill(types);
}

void Ps2Keyboard::set_defaults() {
    events_.clear();
    stop_typematic();
    set_ = 2;
    rate_ = kDefaultRate;
    for (unsigned code = 0; code < set3_types_.size(); ++code) {
        switch (set3_default_type(static_cast<uint8_t>(code))) {
            case Set3Type::kTypematic: set3_types_[code] = kTypeTypematic; break;
            case Set3Type::kMakeBreak: set3_types_[code] = kTypeBreak; break;
            case Set3Type::kMakeOnly: set3_types_[code] = 0; break;
        }
    }
}

void Ps2Keyboard::set_leds(uint8_t leds) {
    if (leds == leds_) return;
    leds_ = leds;
    if (leds_listener_) leds_listener_(leds_);
}

// ---- life ----

// The keyboard is on the cable and isn't reset with the machine in fact, but begins afresh as
// people are used to; keys that are held stay held.
void Ps2Keyboard::reset() {
    replies_.clear();
    set_defaults();
    set_leds(0);
    self_test_.disarm();
    scanning_ = true;
    pending_command_ = 0;
    last_sent_ = 0;
}

void Ps2Keyboard::state(StateVisitor& v) {
    Ps2Device::state(v);
    v("scanning", scanning_);
    v("set", set_);
    v("leds", leds_);
    v("rate", rate_);
    v("pending_command", pending_command_);
    v("last_sent", last_sent_);
    v("repeating", repeating_);
    v("held", held_);
    v("set3_types", set3_types_);
    if (v.loading() && (repeating_ >= Key::kCount || set_ < 1 || set_ > 3)) {
        v.fail("ps2kbd: no such key or scan code set");
        repeating_ = Key::kNone;
        set_ = 2;
    }
}

}  // namespace qr
