// SPDX-License-Identifier: GPL-2.0-or-later
//
// An ATA channel with up to two devices: the command block (1F0H or 170H), the control block (3F6H or 376H),
// device selection, soft reset, the interrupt. ATA/ATAPI-6 (T13/1410D), 7, 9.1 to 9.4, 9.16. Where no device
// is, device 0 answers as the standard has it; a channel without any reads as QEMU's. VM thread only.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "exec/io.h"
#include "hw/ide/ide_unit.h"
#include "hw/irq.h"

namespace qr::ide {

// The host adapter's end of a channel's DMA.
class DmaHost {
  public:
    virtual ~DmaHost() = default;
    virtual size_t to_memory(std::span<const uint8_t> data) = 0;
    virtual size_t from_memory(std::span<uint8_t> data) = 0;
    virtual void interrupt_rose() = 0;  // INTRQ
    virtual void device_done() = 0;     // the device ended a command, or asks for attention
};

class Channel final : private UnitWires {
  public:
    // number: 0 is the primary. The host and the devices are connected before the first reset.
    Channel(unsigned number, IrqLine irq);

    void connect(DmaHost& host) { host_ = &host; }
    // What a device's constructor wants of its channel.
    UnitWires& wires() { return *this; }
    void attach(unsigned number, std::unique_ptr<Unit> unit) { units_[number] = std::move(unit); }
    Unit* unit(unsigned number) { return units_[number].get(); }

    IoRegion& command_region() { return command_region_; }  // 8 ports
    IoRegion& control_region() { return control_region_; }  // 1 port
    bool interrupt_level() const { return level_; }

    // The bus master was started.
    void dma_ready();

    void reset();
    void state(StateVisitor& v);

  private:
    void interrupt_changed() override;
    size_t dma_to_memory(std::span<const uint8_t> data) override;
    size_t dma_from_memory(std::span<uint8_t> data) override;

    bool any() const { return units_[0] || units_[1]; }
    unsigned selected_number() const { return device_ & kDev ? 1 : 0; }
    Unit* selected() const { return units_[selected_number()].get(); }
    Unit* answering() const;

    uint64_t read(uint64_t offset, unsigned size);
    uint64_t peek(uint64_t offset, unsigned size) const;
    void write(uint64_t offset, unsigned size, uint64_t value);
    uint8_t status() const;
    uint8_t register_value(unsigned index) const;
    void write_register(unsigned index, uint8_t value);
    void write_command(uint8_t opcode);
    void write_control(uint8_t value);
    void diagnose();

    std::array<std::unique_ptr<Unit>, 2> units_;
    DmaHost* host_ = nullptr;
    IrqLine irq_;
    IoRegion command_region_;
    IoRegion control_region_;

    uint8_t device_ = 0;   // as written last
    uint8_t control_ = 0;
    bool level_ = false;   // of INTRQ
};

}  // namespace qr::ide
