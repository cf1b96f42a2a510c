// SPDX-License-Identifier: GPL-2.0-or-later
//
// Parallel port. Source: IBM PC/AT Technical Reference, "Serial/Parallel adapter", "Parallel
// portion"; IEEE 1284-1994 for the timing of BUSY and nAck.
#include "hw/char/parallel.h"

namespace qr {

namespace {

// Control port; Strobe, Auto Feed and Select In are inverted on the connector.
constexpr uint8_t kStrobe = 1 << 0;
constexpr uint8_t kNotInit = 1 << 2;
constexpr uint8_t kSelect = 1 << 3;
constexpr uint8_t kIrqEnable = 1 << 4;
constexpr uint8_t kControlBits = 0x1f;
constexpr uint8_t kControlReset = kNotInit | kSelect;

// Status port.
constexpr uint8_t kNotError = 1 << 3;
constexpr uint8_t kSelected = 1 << 4;
constexpr uint8_t kNotAck = 1 << 6;
constexpr uint8_t kNotBusy = 1 << 7;

constexpr int64_t kBusyNs = 5'000;
constexpr int64_t kAckNs = 5'000;

}  // namespace

Parallel::Parallel(std::string name, Door& door, VirtualClock& clock, IrqLine irq)
    : Device(name),
      clock_(clock),
      irq_(irq),
      timer_(clock, name + ".printer", [this] { printer_event(); }),
      end_(door, name, [](CharInput&) {}),
      region_(name, 3,
              {.read = [this](uint64_t o, unsigned) { return read(o); },
               .write = [this](uint64_t o, unsigned,
                               uint64_t v) { write(o, static_cast<uint8_t>(v)); },
               .peek = [this](uint64_t o, unsigned) { return read(o); },
               .max_size = 1}) {
    reset();
}

uint8_t Parallel::status() const {
    uint8_t value = kNotError | 0x01;
    if (control_ & kSelect) value |= kSelected;
    if (printer_ != Printer::kAcknowledging) value |= kNotAck;
    if (printer_ == Printer::kReady) value |= kNotBusy;
    return value;
}

uint8_t Parallel::read(uint64_t offset) const {
    switch (offset) {
        case 0: return data_;
        case 1: return status();
        default: return control_ | 0xc0;
    }
}

void Parallel::write(uint64_t offset, uint8_t value) {
    if (offset == 0) data_ = value;
    if (offset == 2) write_control(value);
}

// The printer takes the byte at the leading edge of Strobe, if it is selected, not being reset and
// ready.
void Parallel::write_control(uint8_t value) {
    const uint8_t rising = value & ~control_;
    control_ = value & kControlBits;
    if (!(control_ & kNotInit)) {
        timer_.disarm();
        printer_ = Printer::kReady;
    } else if (rising & kStrobe && control_ & kSelect && printer_ == Printer::kReady) {
        end_.tx.write(data_);
        printer_ = Printer::kBusy;
        timer_.arm(clock_.now_ns() + kBusyNs);
    }
    irq_.set(control_ & kIrqEnable && printer_ == Printer::kAcknowledging);
}

// BUSY ends with the acknowledge pulse, whose inverse is the interrupt.
void Parallel::printer_event() {
    if (printer_ == Printer::kBusy) {
        printer_ = Printer::kAcknowledging;
        timer_.arm(clock_.now_ns() + kAckNs);
    } else {
        printer_ = Printer::kReady;
    }
    irq_.set(control_ & kIrqEnable && printer_ == Printer::kAcknowledging);
}

void Parallel::reset() {
    timer_.disarm();
    data_ = 0xff;
    control_ = kControlReset;
    printer_ = Printer::kReady;
    irq_.set(false);
}

void Parallel::state(StateVisitor& v) {
    v("data", data_);
    v("control", control_);
    v("printer", printer_);
}

}  // namespace qr
