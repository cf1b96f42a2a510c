// SPDX-License-Identifier: GPL-2.0-or-later
// Intel 82371AB (PIIX4) function 3: ACPI and legacy power management, and the SMBus. Data sheet
// 290562, "Power management PCI configuration registers", "Power management I/O space registers";
// ACPI 1.0b, 4.7.
//
// Not modelled: the device monitors' idle timers and traps (DEVCTL, DEVRES*: kept, never fire),
// clock throttling (PCNTRL, PLVL2/3: reads have no effect on speed), general purpose inputs and
// outputs beyond their registers. As on other virtual machines of this type the bridge itself
// answers the ACPI enable and disable commands, without an SMI handler's help, and there is a
// second general purpose event block of 16 events for hot-plug at a place of its own. VM thread
// only.
#pragma once

#include <array>

#include "hw/acpi/piix4_smbus.h"
#include "hw/apm.h"
#include "hw/machine_control.h"
#include "hw/pci.h"
#include "sysemu/clock.h"

namespace qr {

class Piix4Pm final : public PciDevice, public ApmSink {
  public:
    struct Options {
        bool s3 = true;            // suspend to RAM, else SUS_TYP 1 does nothing
        bool s4 = true;            // suspend to disk
        uint8_t s4_type = 2;       // SUS_TYP for S4
        bool parallel = false;     // ports that exist, as the device resource registers show them
        bool serial0 = false;
        bool serial1 = false;
    };
    enum class Wake : uint8_t { kPowerButton, kRtc, kOther };

    // sci: level, ISA IRQ 9. smi: pulsed.
    Piix4Pm(PciBus& bus, unsigned devfn, IoPortSpace& io, VirtualClock& clock,
            MachineControl& control, IrqLine sci, IrqLine smi, const Options& options);
    ~Piix4Pm() override;

    // What people and the board do.
    void press_power_button();
    void rtc_alarm();
    void raise_gpe0(unsigned event);  // 0-15
    // After the reset that ends S3.
    void wake(Wake cause);
    bool can_wake(Wake cause) const;

    void apm_command(uint8_t value) override;

    Piix4Smbus& smbus() { return smbus_; }
    IoRegion& gpe0_region() { return gpe0_region_; }  // 4 ports, by convention at 0xAFE0

    void reset() override;
    void state(StateVisitor& v) override;
    void after_load() override;

  protected:
    void config_written(unsigned offset, unsigned size) override;

  private:
    uint64_t read(uint64_t offset, unsigned size);
    void write(uint64_t offset, unsigned size, uint64_t value);
    uint8_t read_byte(uint64_t offset) const;
    void write_byte(uint64_t offset, uint8_t value);
    uint8_t read_gpe0(uint64_t offset) const;
    void write_gpe0(uint64_t offset, uint8_t value);

    uint64_t timer_ticks() const;
    void sync_timer();
    void update();
    void suspend();
    void request_smi(uint16_t source);
    void map_io();

    IoPortSpace& io_;
    VirtualClock& clock_;
    MachineControl& control_;
    IrqLine sci_;
    IrqLine smi_;
    Options options_;
    Piix4Smbus smbus_;
    Timer overflow_;
    IoRegion pm_region_;
    IoRegion gpe0_region_;
    struct Window {
        uint16_t port = 0;  // 0: not mapped
        IoPortSpace::Handle handle = 0;
    };
    Window pm_window_;
    Window smbus_window_;

    uint16_t pm1_status_ = 0;
    uint16_t pm1_enable_ = 0;
    uint16_t pm1_control_ = 0;
    uint64_t timer_half_ = 0;  // ticks >> 23 when TMROF_STS was last up to date
    uint16_t gp_status_ = 0;
    uint16_t gp_enable_ = 0;
    uint32_t processor_control_ = 0;
    uint16_t global_status_ = 0;
    uint16_t global_enable_ = 0;
    uint32_t device_status_ = 0;
    uint32_t global_control_ = 0;
    uint32_t device_control_ = 0;
    uint32_t outputs_ = 0;
    uint16_t gpe0_status_ = 0;
    uint16_t gpe0_enable_ = 0;
    bool event_level_ = false;  // a PM1 event is pending while SCI_EN is clear
};

}  // namespace qr
