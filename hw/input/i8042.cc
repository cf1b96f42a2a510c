// SPDX-License-Identifier: GPL-2.0-or-later
//
// 8042 keyboard controller. Source: IBM PS/2 Hardware Interface Technical Reference, "Keyboard and
// auxiliary device controller" (command byte, commands, ports).
#include "hw/input/i8042.h"

#include "hw/input/scancodes.h"
#include "util/bits.h"

namespace qr {

namespace {

// Status register.
constexpr uint8_t kOutputFull = 1 << 0;
constexpr uint8_t kSystemFlag = 1 << 2;
constexpr uint8_t kLastWasCommand = 1 << 3;
constexpr uint8_t kUnlocked = 1 << 4;
constexpr uint8_t kAuxOutputFull = 1 << 5;

// Command byte.
constexpr uint8_t kKeyboardInterrupt = 1 << 0;
constexpr uint8_t kMouseInterrupt = 1 << 1;
constexpr uint8_t kCommandSystem = 1 << 2;
constexpr uint8_t kDisableKeyboard = 1 << 4;
constexpr uint8_t kDisableMouse = 1 << 5;
constexpr uint8_t kTranslate = 1 << 6;

// Output port.
constexpr uint8_t kPortNoReset = 1 << 0;
constexpr uint8_t kPortA20 = 1 << 1;
constexpr uint8_t kPortKeyboardIrq = 1 << 4;
constexpr uint8_t kPortMouseIrq = 1 << 5;
constexpr uint8_t kPortIdle = 0xcf;  // lines idle high, A20 on, not in reset

constexpr uint8_t kInputPort = 0x80;  // the keyboard isn't locked
constexpr int64_t kByteNs = 880'000;

}  // namespace

I8042::I8042(VirtualClock& clock, MachineControl& control, Ps2Device& keyboard, Ps2Device& mouse,
             IrqLine keyboard_irq, IrqLine mouse_irq, IrqLine a20)
    : Device("i8042"),
      clock_(clock),
      control_(control),
      keyboard_(keyboard),
      mouse_(mouse),
      keyboard_irq_(keyboard_irq),
      mouse_irq_(mouse_irq),
      a20_(a20),
      cable_(clock, "i8042.cable", [this] { transfer_done(); }),
      data_region_("i8042-data", 1,
                   {.read = [this](uint64_t, unsigned) { return read_data(); },
                    .write = [this](uint64_t, unsigned,
                                    uint64_t v) { write_data(static_cast<uint8_t>(v)); },
                    .peek = [this](uint64_t, unsigned) { return output_buffer_; },
                    .max_size = 1}),
      command_region_("i8042-cmd", 1,
                      {.read = [this](uint64_t, unsigned) { return status(); },
                       .write = [this](uint64_t, unsigned,
                                       uint64_t v) { write_command(static_cast<uint8_t>(v)); },
                       .peek = [this](uint64_t, unsigned) { return status(); },
                       .max_size = 1}) {
    keyboard_.connect([this] { kick(); });
    mouse_.connect([this] { kick(); });
}

// ---- what the host reads ----

uint8_t I8042::status() const {
    uint8_t status = kUnlocked;
    if (full_ != Source::kNone) status |= kOutputFull;
    if (full_ == Source::kMouse) status |= kAuxOutputFull;
    if (ram_[0] & kCommandSystem) status |= kSystemFlag;
    if (last_was_command_) status |= kLastWasCommand;
    // C1 and C2 show half of the input port here until the next command or data byte.
    if (polled_nibble_)
        status = static_cast<uint8_t>((status & 0x0f) |
                                      (polled_nibble_ == 1 ? kInputPort << 4 : kInputPort & 0xf0));
    return status;
}

uint8_t I8042::read_data() {
    const uint8_t value = output_buffer_;
    if (full_ != Source::kNone) {
        full_ = Source::kNone;
        update_irqs();
        kick();
    }
    return value;
}

void I8042::put(uint8_t value, Source source) {
    output_buffer_ = value;
    full_ = source;
    update_irqs();
}

void I8042::update_irqs() {
    keyboard_irq_.set((full_ == Source::kKeyboard || full_ == Source::kController) &&
                      ram_[0] & kKeyboardInterrupt);
    mouse_irq_.set(full_ == Source::kMouse && ram_[0] & kMouseInterrupt);
}

// ---- the cables ----

// Lets the next byte come, if the output buffer is free to take it; the keyboard goes first.
void I8042::kick() {
    if (full_ != Source::kNone || sending_ != Source::kNone) return;
    if (!(ram_[0] & kDisableKeyboard) && keyboard_.has_byte())
        sending_ = Source::kKeyboard;
    else if (!(ram_[0] & kDisableMouse) && mouse_.has_byte())
        sending_ = Source::kMouse;
    else
        return;
    cable_.arm(clock_.now_ns() + kByteNs);
}

void I8042::transfer_done() {
    const Source source = sending_;
    sending_ = Source::kNone;
    Ps2Device& device = source == Source::kMouse ? mouse_ : keyboard_;
    const uint8_t disable = source == Source::kMouse ? kDisableMouse : kDisableKeyboard;
    // The controller pulled the clock low meanwhile: the device keeps its byte and sends it again.
    if (full_ != Source::kNone || ram_[0] & disable || !device.has_byte()) return kick();
    uint8_t value = device.take();
    bool deliver = true;
    if (source == Source::kKeyboard && ram_[0] & kTranslate) value = translate(value, deliver);
    if (deliver)
        put(value, source);
    else
        kick();
}

uint8_t I8042::translate(uint8_t code, bool& deliver) {
    if (code == 0xf0) {
        break_prefix_ = true;
        deliver = false;
        return 0;
    }
    const uint8_t released = break_prefix_ ? 0x80 : 0;
    const uint8_t value = translate_to_set1(code) | released;
    break_prefix_ = false;
    return value;
}

// ---- what the host writes ----

void I8042::write_data(uint8_t value) {
    last_was_command_ = false;
    polled_nibble_ = 0;
    if (pending_command_) {
        parameter(value);
        return;
    }
    // Sending to the keyboard enables its interface again.
    ram_[0] &= static_cast<uint8_t>(~kDisableKeyboard);
    keyboard_.receive(value);
    kick();
}

void I8042::parameter(uint8_t value) {
    const uint8_t command = pending_command_;
    pending_command_ = 0;
    switch (command) {
        case 0xa5:
            // A password ends with a zero byte; it is never asked for.
            if (value) pending_command_ = command;
            break;
        case 0xd1: write_output_port(value); break;
        case 0xd2: put(value, Source::kKeyboard); break;
        case 0xd3: put(value, Source::kMouse); break;
        case 0xd4:
            ram_[0] &= static_cast<uint8_t>(~kDisableMouse);
            mouse_.receive(value);
            kick();
            break;
        default:
            if (command == 0x60)
                write_command_byte(value);
            else
                ram_[command & 0x1f] = value;
            break;
    }
}

void I8042::write_command_byte(uint8_t value) {
    ram_[0] = value;
    update_irqs();
    kick();
}

void I8042::write_command(uint8_t value) {
    last_was_command_ = true;
    pending_command_ = 0;
    polled_nibble_ = 0;
    const auto answer = [this](uint8_t byte) { put(byte, Source::kController); };
    const auto change = [this](uint8_t clear, uint8_t set) {
        ram_[0] = static_cast<uint8_t>((ram_[0] & ~clear) | set);
        kick();
    };
    switch (value) {
        case 0xa4: return answer(0xf1);  // no password is installed
        case 0xa7: return change(0, kDisableMouse);
        case 0xa8: return change(kDisableMouse, 0);
        case 0xa9: return answer(0x00);  // the auxiliary lines work
        case 0xaa:
            ram_[0] |= kCommandSystem;
            return answer(0x55);
        case 0xab: return answer(0x00);  // the keyboard lines work
        case 0xad: return change(0, kDisableKeyboard);
        case 0xae: return change(kDisableKeyboard, 0);
        case 0xc0: return answer(kInputPort);
        case 0xc1: polled_nibble_ = 1; return;
        case 0xc2: polled_nibble_ = 2; return;
        case 0xd0: return answer(output_port());
        case 0xdd: return write_output_port(port_latch_ & ~kPortA20);
        case 0xdf: return write_output_port(port_latch_ | kPortA20);
        case 0xe0:  // test inputs: the two clock lines, which an interface that is off holds low
            return answer(static_cast<uint8_t>((ram_[0] & kDisableKeyboard ? 0 : 1) |
                                               (ram_[0] & kDisableMouse ? 0 : 2)));
        case 0xa5: case 0xd1: case 0xd2: case 0xd3: case 0xd4: pending_command_ = value; return;
        default: break;
    }
    if (value >= 0x20 && value < 0x40)
        answer(ram_[value & 0x1f]);
    else if (value >= 0x60 && value < 0x80)
        pending_command_ = value;
    else if (value >= 0xf0 && !(value & kPortNoReset))
        control_.request_reset();  // bit 0 of the output port is pulsed low
}

uint8_t I8042::output_port() const {
    uint8_t value = port_latch_;
    const bool keyboard = full_ == Source::kKeyboard || full_ == Source::kController;
    if (keyboard && ram_[0] & kKeyboardInterrupt) value |= kPortKeyboardIrq;
    if (full_ == Source::kMouse && ram_[0] & kMouseInterrupt) value |= kPortMouseIrq;
    return value;
}

void I8042::write_output_port(uint8_t value) {
    port_latch_ = value & kPortIdle;
    a20_.set(value & kPortA20);
    if (!(value & kPortNoReset)) control_.request_reset();
}

// ---- life ----

// What the controller's own firmware leaves behind after power-on.
void I8042::reset() {
    cable_.disarm();
    ram_ = {};
    ram_[0] = kKeyboardInterrupt | kMouseInterrupt;
    output_buffer_ = 0;
    full_ = sending_ = Source::kNone;
    pending_command_ = 0;
    last_was_command_ = true;
    break_prefix_ = false;
    port_latch_ = kPortIdle;
    polled_nibble_ = 0;
    update_irqs();
}

void I8042::state(StateVisitor& v) {
    v("ram", ram_);
    v("output_buffer", output_buffer_);
    v("full", full_);
    v("sending", sending_);
    v("pending_command", pending_command_);
    v("last_was_command", last_was_command_);
    v("break_prefix", break_prefix_);
    v("port_latch", port_latch_);
    v("polled_nibble", polled_nibble_);
}

}  // namespace qr
