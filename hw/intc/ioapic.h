// SPDX-License-Identifier: GPL-2.0-or-later
// Intel 82093AA I/O APIC (data sheet 290566-001), with the EOI register of its successors (version
// 20H).
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "exec/io.h"
#include "hw/apic_bus.h"
#include "hw/device.h"
#include "hw/irq.h"

namespace qr {

class IoApic final : public Device, public IrqSink, public ApicEoiListener {
  public:
    static constexpr unsigned kPins = 24;

    explicit IoApic(ApicBus& bus);

    void reset() override;
    void state(StateVisitor& v) override;

    // INTIN0-23. `level` true: the source asks for service (see the polarity note in ioapic.cc).
    void set_irq(int pin, bool level) override;
    void eoi(uint8_t vector) override;

    IoRegion& region() { return region_; }  // FEC00000H, 4 KiB

    uint64_t entry(unsigned pin) const { return entries_[pin]; }
    // As `info pic` shows it.
    std::string describe() const;

  private:
    uint32_t read(uint64_t offset) const;
    void write(uint64_t offset, uint32_t value);
    uint32_t read_indirect() const;
    void write_indirect(uint32_t value);
    void write_entry(unsigned pin, uint64_t value);
    void service_level(unsigned pin);
    bool send(unsigned pin);

    ApicBus& bus_;
    IoRegion region_;

    uint8_t select_ = 0;
    uint8_t id_ = 0;
    uint32_t lines_ = 0;
    std::array<uint64_t, kPins> entries_{};
};

}  // namespace qr
