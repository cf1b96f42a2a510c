// SPDX-License-Identifier: GPL-2.0-or-later
// System control port B, 61H, and the NMI logic around it: "NMI status and control register" of the
// PIIX3 (290550).
#pragma once

#include <cstdint>

#include "exec/io.h"
#include "hw/device.h"
#include "hw/irq.h"
#include "hw/speaker.h"
#include "hw/timer/i8254.h"

namespace qr {

class Port61 final : public Device, public IrqSink {
  public:
    // Input pins.
    static constexpr int kSerr = 0;     // SERR#, parity errors
    static constexpr int kIochk = 1;    // IOCHK# of the ISA bus
    static constexpr int kNmiMask = 2;  // port 70H bit 7

    Port61(VirtualClock& clock, I8254& pit, IrqLine nmi);

    void reset() override;
    void state(StateVisitor& v) override;
    void set_irq(int pin, bool level) override;

    IoRegion& region() { return region_; }  // port 61H

    // Told at once, and at each change from then on.
    void connect_speaker(SpeakerSink& speaker);
    SpeakerSignal speaker_signal() const;

  private:
    uint8_t read() const;
    void write(uint8_t value);
    void update_nmi();
    void update_speaker();

    VirtualClock& clock_;
    I8254& pit_;
    IrqLine nmi_;
    SpeakerSink* speaker_ = nullptr;
    IoRegion region_;

    uint8_t control_ = 0;  // bits 3:0 as written
    bool serr_ = false;    // latched status, bits 7 and 6
    bool iochk_ = false;
    bool serr_line_ = false;
    bool iochk_line_ = false;
    bool nmi_masked_ = false;
};

}  // namespace qr
