// SPDX-License-Identifier: GPL-2.0-or-later
// System control port B. Source: PIIX3 data sheet 290550 (NMISC).
//
//   7 SERR# status (ro)     6 IOCHK# status (ro)      5 OUT2 (ro)          4 refresh toggle (ro)
//   3 IOCHK# clear/disable  2 SERR# clear/disable     1 speaker data       0 GATE2
//
// Refresh is requested every 18 ticks of the 8254 (15 us); the toggle follows from time alone,
// whatever counter 1 was programmed to.
#include "hw/misc/port61.h"

#include "util/bits.h"

namespace qr {

namespace {

constexpr uint64_t kRefreshTicks = 18;

constexpr unsigned kGate2 = 0;
constexpr unsigned kSpeakerData = 1;
constexpr unsigned kSerrDisable = 2;
constexpr unsigned kIochkDisable = 3;

}  // namespace

Port61::Port61(VirtualClock& clock, I8254& pit, IrqLine nmi)
    : Device("port61"),
      clock_(clock),
      pit_(pit),
      nmi_(nmi),
      region_("port61", 1,
              {.read = [this](uint64_t, unsigned) { return read(); },
               .write = [this](uint64_t, unsigned,
                               uint64_t value) { write(static_cast<uint8_t>(value)); },
               .peek = [this](uint64_t, unsigned) { return read(); },
               .min_size = 1,
               .max_size = 1}) {
    pit_.on_change([this](unsigned channel) {
        if (channel == 2) update_speaker();
    });
}

void Port61::reset() {
    control_ = 0;
    serr_ = iochk_ = false;
    pit_.set_gate(2, false);
    update_nmi();
    update_speaker();
}

void Port61::state(StateVisitor& v) {
    v("control", control_);
    v("serr", serr_);
    v("iochk", iochk_);
    v("serr_line", serr_line_);
    v("iochk_line", iochk_line_);
    v("nmi_masked", nmi_masked_);
}

uint8_t Port61::read() const {
    const bool refresh = (pit_.ticks() / kRefreshTicks) & 1;
    return static_cast<uint8_t>(serr_ << 7 | iochk_ << 6 | pit_.out(2) << 5 | refresh << 4 |
                                control_);
}

void Port61::write(uint8_t value) {
    control_ = value & 0x0F;
    if (bit(control_, kSerrDisable)) serr_ = false;
    if (bit(control_, kIochkDisable)) iochk_ = false;
    // A line that is still asserted sets its status again as soon as it is enabled.
    serr_ |= serr_line_ && !bit(control_, kSerrDisable);
    iochk_ |= iochk_line_ && !bit(control_, kIochkDisable);
    pit_.set_gate(2, bit(control_, kGate2));
    update_nmi();
    update_speaker();
}

void Port61::set_irq(int pin, bool level) {
    switch (pin) {
        case kSerr:
            serr_line_ = level;
            serr_ |= level && !bit(control_, kSerrDisable);
            break;
        case kIochk:
            iochk_line_ = level;
            iochk_ |= level && !bit(control_, kIochkDisable);
            break;
        case kNmiMask: nmi_masked_ = level; break;
        default: return;
    }
    update_nmi();
}

void Port61::update_nmi() { nmi_.set((serr_ || iochk_) && !nmi_masked_); }

SpeakerSignal Port61::speaker_signal() const {
    const I8254::Programming p = pit_.programming(2);
    return {bit(control_, kSpeakerData), p.gate, p.mode, p.out, p.count, clock_.now_ns()};
}

void Port61::update_speaker() {
    if (speaker_) speaker_->speaker_changed(speaker_signal());
}

void Port61::connect_speaker(SpeakerSink& speaker) {
    speaker_ = &speaker;
    update_speaker();
}

}  // namespace qr
