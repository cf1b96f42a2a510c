// SPDX-License-Identifier: GPL-2.0-or-later
// The 8042 keyboard controller of a PS/2 machine, with its auxiliary port. IBM PS/2 Hardware
// Interface Technical Reference, "Keyboard and auxiliary device controller"; Intel UPI-41/42 data
// sheet for the status register. A byte takes 0.88 ms to cross a cable (11 bits at 12.5 kHz); bytes
// from the host to a device cross at once, so there are no parity or time-out errors. VM thread
// only.
#pragma once

#include <array>

#include "exec/io.h"
#include "hw/input/ps2.h"
#include "hw/irq.h"
#include "hw/machine_control.h"
#include "sysemu/clock.h"

namespace qr {

class I8042 final : public Device {
  public:
    // keyboard_irq: ISA IRQ 1, mouse_irq: IRQ 12. a20: the output port's bit 1.
    I8042(VirtualClock& clock, MachineControl& control, Ps2Device& keyboard, Ps2Device& mouse,
          IrqLine keyboard_irq, IrqLine mouse_irq, IrqLine a20);

    IoRegion& data_region() { return data_region_; }        // 1 port at 0x60
    IoRegion& command_region() { return command_region_; }  // 1 port at 0x64

    void reset() override;
    void state(StateVisitor& v) override;

  private:
    enum class Source : uint8_t { kNone, kController, kKeyboard, kMouse };

    uint8_t read_data();
    uint8_t status() const;
    void write_data(uint8_t value);
    void write_command(uint8_t value);
    void parameter(uint8_t value);
    void write_command_byte(uint8_t value);
    void write_output_port(uint8_t value);
    uint8_t output_port() const;

    void put(uint8_t value, Source source);
    void update_irqs();
    void kick();
    void transfer_done();
    uint8_t translate(uint8_t code, bool& deliver);

    VirtualClock& clock_;
    MachineControl& control_;
    Ps2Device& keyboard_;
    Ps2Device& mouse_;
    IrqLine keyboard_irq_;
    IrqLine mouse_irq_;
    IrqLine a20_;
    Timer cable_;
    IoRegion data_region_;
    IoRegion command_region_;

    std::array<uint8_t, 32> ram_{};  // byte 0 is the command byte
    uint8_t output_buffer_ = 0;
    Source full_ = Source::kNone;  // who filled the output buffer
    Source sending_ = Source::kNone;  // whose byte is on the cable
    uint8_t pending_command_ = 0;
    bool last_was_command_ = true;
    bool break_prefix_ = false;  // F0 was swallowed by the translation
    uint8_t port_latch_ = 0;     // the output port's bits 7:6, 3:0
    uint8_t polled_nibble_ = 0;  // 0: none, 1: input port low, 2: high in status bits 7:4
};

}  // namespace qr
