// SPDX-License-Identifier: GPL-2.0-or-later
// Intel 82371SB (PIIX3), function 0: the PCI-to-ISA bridge with its interrupt steering, reset
// control and APM/SMI logic. Data sheet 290550. The 8237s, 8259s, 8254 and ELCR that share the chip
// are devices of their own; functions 1 (IDE) and 2 (USB) are too. Decode enables (XBCS, PCSC,
// APICBASE, TOM) are kept but move nothing. VM thread only.
#pragma once

#include <array>

#include "hw/apm.h"
#include "hw/machine_control.h"
#include "hw/pci.h"
#include "sysemu/clock.h"

namespace qr {

class Piix3 final : public PciDevice {
  public:
    // isa_irqs: the inputs of the interrupt controllers, IRQ 0 to 15. smi: pulsed for SMI#.
    Piix3(PciBus& bus, unsigned devfn, VirtualClock& clock, MachineControl& control,
          const std::array<IrqLine, 16>& isa_irqs, IrqLine smi);

    // Inputs 0-3: PIRQA# to PIRQD# (true: asserted).
    IrqSink& pirq() { return pirq_; }
    // A new source for an ISA interrupt; the controller's input is high while any of its sources,
    // or a PIRQ routed to it, is.
    IrqLine isa_irq(unsigned irq);
    // Whoever acts on APM commands, besides the PIIX3's own SMI logic.
    void connect_apm(ApmSink& sink) { apm_sink_ = &sink; }

    // The register at 0xCF9. It lies within CONFIG_ADDRESS, so it is not mapped by itself but given
    // to PciConfigPorts::connect_reset_control().
    IoRegion& reset_control_region() { return rcr_region_; }
    IoRegion& apm_region() { return apm_region_; }  // 2 ports at 0xB2

    void reset() override;
    void state(StateVisitor& v) override;

  protected:
    void write_config_byte(unsigned offset, uint8_t value) override;
    void config_written(unsigned offset, unsigned size) override;

  private:
    // Tells PIRQ pins from ISA sources.
    struct PirqInput final : IrqSink {
        explicit PirqInput(Piix3& chip) : chip_(chip) {}
        void set_irq(int pin, bool level) override { chip_.pirq_changed(pin, level); }
        Piix3& chip_;
    };
    struct IsaInput final : IrqSink {
        explicit IsaInput(Piix3& chip) : chip_(chip) {}
        void set_irq(int pin, bool level) override { chip_.isa_changed(pin, level); }
        Piix3& chip_;
    };

    void pirq_changed(int pin, bool level);
    void isa_changed(int pin, bool level);
    void drive(unsigned irq);
    uint64_t read_apm(uint64_t offset) const;
    void write_apm(uint64_t offset, uint8_t value);
    void write_rcr(uint8_t value);
    void request_smi(unsigned source);
    void system_event(unsigned irq);
    void start_fast_off();
    void fast_off_expired();

    MachineControl& control_;
    VirtualClock& clock_;
    std::array<IrqLine, 16> isa_irqs_;
    IrqLine smi_;
    ApmSink* apm_sink_ = nullptr;
    PirqInput pirq_;
    IsaInput isa_;
    std::array<uint8_t, 16> source_count_{};

    std::array<bool, 4> pirq_level_{};
    std::array<uint32_t, 16> isa_level_{};  // a bit for each source
    uint8_t rcr_ = 0;
    uint8_t apmc_ = 0;
    uint8_t apms_ = 0;

    Timer fast_off_;
    IoRegion rcr_region_;
    IoRegion apm_region_;
};

}  // namespace qr
