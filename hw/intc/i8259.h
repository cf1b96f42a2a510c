// SPDX-License-Identifier: GPL-2.0-or-later
// Intel 8259A programmable interrupt controller (data sheet 231468-003), and the master/slave pair
// of an AT with the edge/level control registers of the PIIX3 (290550, "ELCR").
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "exec/io.h"
#include "hw/cpu_interrupts.h"
#include "hw/device.h"
#include "hw/irq.h"

namespace qr {

// One chip. `IR` lines go in, output() is its INT pin.
class I8259 {
  public:
    // master: level of the SP/EN# pin in non-buffered mode. elcr_mask: the inputs that may be set
    // to level triggering.
    I8259(bool master, uint8_t elcr_mask) : sp_pin_(master), elcr_mask_(elcr_mask) {}

    void reset();
    void state(StateVisitor& v);

    void set_line(unsigned ir, bool level);
    // There is an unmasked request whose priority is above everything in service.
    bool output() const { return pending() >= 0; }

    // First INTA: freezes and takes the highest request, 0-7. -1 if there is none (the chip then
    // answers with IR7's vector, without setting an in-service bit).
    int begin_acknowledge();
    // Second INTA: the byte on the data bus, and the automatic EOI.
    uint8_t end_acknowledge(int ir);

    // This input has a slave whose identity is the input's number, and must not be answered by us.
    bool cascades(int ir) const;
    uint8_t slave_id() const { return icw3_ & 7; }
    bool is_master() const { return buffered_ ? buffered_master_ : sp_pin_; }

    bool polling() const { return poll_; }  // the next read is an acknowledge
    uint8_t read(unsigned a0);
    uint8_t peek(unsigned a0) const;
    void write(unsigned a0, uint8_t value);

    uint8_t elcr() const { return elcr_; }
    void set_elcr(uint8_t value);

    uint8_t irr() const { return irr_; }
    uint8_t isr() const { return isr_; }
    uint8_t imr() const { return imr_; }
    std::string describe() const;

  private:
    enum class Expect : uint8_t { kNothing, kIcw2, kIcw3, kIcw4 };

    int pending() const;
    int highest_in_service(uint8_t among) const;
    void initialize(uint8_t icw1);
    void command(uint8_t ocw2);
    void end_of_interrupt(int ir, bool rotate);
    uint8_t level_triggered() const { return ltim_ ? 0xFF : elcr_; }

    const bool sp_pin_;
    const uint8_t elcr_mask_;

    uint8_t lines_ = 0;  // IR0-7 as they are
    uint8_t armed_ = 0;  // edge sense latches: line went up since it was last taken
    uint8_t irr_ = 0;
    uint8_t isr_ = 0;
    uint8_t imr_ = 0;
    uint8_t elcr_ = 0;
    uint8_t lowest_ = 7;  // the IR with the lowest priority
    Expect expect_ = Expect::kNothing;
    bool needs_icw4_ = false;
    bool single_ = false;
    bool ltim_ = false;
    bool interval4_ = false;    // ADI, MCS-80/85 only
    uint8_t icw1_address_ = 0;  // A7-A5, MCS-80/85 only
    uint8_t icw2_ = 0;
    uint8_t icw3_ = 0;
    bool x86_mode_ = false;  // uPM
    bool auto_eoi_ = false;
    bool rotate_auto_eoi_ = false;
    bool buffered_ = false;
    bool buffered_master_ = false;
    bool special_nested_ = false;
    bool special_mask_ = false;
    bool read_isr_ = false;
    bool poll_ = false;
};

// IRQ0-15; the slave's INT goes to the master's IR2. Drives INTR.
class I8259Pair final : public Device, public IrqSink, public InterruptAcknowledge {
  public:
    explicit I8259Pair(IrqLine intr);

    void reset() override;
    void state(StateVisitor& v) override;

    // pin: 0-15; 2 leads nowhere.
    void set_irq(int pin, bool level) override;
    uint8_t acknowledge() override;
    bool output() const { return master_.output(); }

    IoRegion& master_region() { return master_region_; }  // ports 20H-21H
    IoRegion& slave_region() { return slave_region_; }    // ports A0H-A1H
    IoRegion& elcr_region() { return elcr_region_; }      // ports 4D0H-4D1H

    const I8259& master() const { return master_; }
    const I8259& slave() const { return slave_; }
    // Two lines, as `info pic` shows them.
    std::string describe() const;

  private:
    void update();
    uint8_t read_chip(I8259& chip, unsigned a0);

    I8259 master_;
    I8259 slave_;
    IrqLine intr_;
    IoRegion master_region_;
    IoRegion slave_region_;
    IoRegion elcr_region_;
};

}  // namespace qr
