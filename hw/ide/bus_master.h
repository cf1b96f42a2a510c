// SPDX-License-Identifier: GPL-2.0-or-later
//
// One channel's bus master: command, status and descriptor table pointer, and walking the table. "Programming
// Interface for Bus Master IDE Controller" 1.0 (SFF-8038i); Intel 82371SB data sheet (290550), BMICX, BMISX,
// BMIDTPX. The descriptor cache isn't modelled: a descriptor is fetched when the one before it is used up. VM
// thread only.
#pragma once

#include <cstdint>
#include <span>

#include "exec/ioport.h"
#include "hw/ide/ide_channel.h"
#include "sysemu/state.h"

namespace qr::ide {

class BusMaster final : public DmaHost {
  public:
    BusMaster(DmaBus& bus, Channel& channel) : bus_(bus), channel_(channel) {}

    uint8_t read(unsigned offset) const;  // 0 to 7
    void write(unsigned offset, uint8_t value);

    size_t to_memory(std::span<const uint8_t> data) override;
    size_t from_memory(std::span<uint8_t> data) override;
    void interrupt_rose() override;
    void device_done() override;

    void reset();
    void state(StateVisitor& v);

  private:
    template <class Move>
    size_t walk(size_t size, Move move);
    void fetch();
    void end_table();

    DmaBus& bus_;
    Channel& channel_;
    uint8_t command_ = 0;
    uint8_t status_ = 0;
    uint32_t table_ = 0;
    // Where the table has got to.
    uint32_t next_ = 0;     // address of the next descriptor
    uint32_t address_ = 0;  // of the present region
    uint32_t left_ = 0;     // bytes left in it
    bool last_ = false;     // it ends the table
    bool used_up_ = false;  // all of the table went to the device, which is at work on it
};

}  // namespace qr::ide
