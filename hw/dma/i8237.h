// SPDX-License-Identifier: GPL-2.0-or-later
// Intel 8237A DMA controller (data sheet 231466-005), and the pair of an AT with its page registers
// (PIIX3 290550).
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "exec/io.h"
#include "exec/ioport.h"
#include "hw/device.h"
#include "hw/isa_dma.h"

namespace qr {

// One chip: registers and address arithmetic. Addresses and counts are in units of the channel's
// width.
class I8237 {
  public:
    struct Channel {
        uint16_t base_address = 0, base_count = 0;
        uint16_t address = 0, count = 0;
        uint8_t mode = 0;
        void state(StateVisitor& v);

        IsaDmaDirection direction() const { return static_cast<IsaDmaDirection>((mode >> 2) & 3); }
        bool auto_initialize() const { return mode & 0x10; }
        bool decrement() const { return mode & 0x20; }
        unsigned transfer_mode() const {
            return mode >> 6;
        }  // 0 demand, 1 single, 2 block, 3 cascade
    };

    void reset();  // RESET pin and master clear
    void state(StateVisitor& v);

    uint8_t read(unsigned reg);
    uint8_t peek(unsigned reg) const;
    void write(unsigned reg, uint8_t value);

    // DREQ is held by a device. Kept across reset(): it is a wire.
    void set_dreq(unsigned n, bool level);
    bool enabled() const { return !(command_ & 0x04); }
    bool memory_to_memory() const { return command_ & 0x01; }
    bool hold_source() const { return command_ & 0x02; }
    bool dreq(unsigned n) const { return (dreq_ >> n) & 1; }
    bool ready(unsigned n) const;
    bool requested(unsigned n) const { return (request_ >> n) & 1; }
    void clear_request(unsigned n) { request_ &= ~(1u << n); }
    // Priority order: the i-th channel to be looked at.
    unsigned by_priority(unsigned i) const;
    void served(unsigned n);

    Channel& channel(unsigned n) { return channels_[n]; }
    const Channel& channel(unsigned n) const { return channels_[n]; }
    // Moves on by `units` (not beyond terminal count). True at terminal count, with its
    // consequences.
    bool step(unsigned n, uint32_t units);
    void set_temporary(uint8_t value) { temporary_ = value; }

  private:
    std::array<Channel, 4> channels_;
    uint8_t command_ = 0;
    uint8_t request_ = 0;
    uint8_t mask_ = 0x0F;
    uint8_t terminal_ = 0;
    uint8_t temporary_ = 0;
    uint8_t dreq_ = 0;
    uint8_t lowest_ = 3;  // channel with the lowest priority
    bool flip_flop_ = false;
};

// Channels 0-3 move bytes within 64 KiB pages; 5-7 words within 128 KiB; 4 is the cascade.
class I8237Pair final : public Device, public IsaDma {
  public:
    explicit I8237Pair(DmaBus& bus);

    void reset() override;
    void state(StateVisitor& v) override;

    IoRegion& low_region() { return low_region_; }    // ports 00H-0FH
    IoRegion& high_region() { return high_region_; }  // ports C0H-DFH
    IoRegion& page_region() {
        return page_region_;
    }  // ports 80H-8FH; only 81-83, 87, 89-8B, 8F are ours

    void register_channel(unsigned channel, IsaDmaClient& client) override;
    void set_dreq(unsigned channel, bool level) override;
    bool ready(unsigned channel) const override;
    IsaDmaDirection direction(unsigned channel) const override;
    IsaDmaResult transfer(unsigned channel, std::span<uint8_t> data) override;

  private:
    I8237& chip(unsigned channel) { return channel < 4 ? low_ : high_; }
    const I8237& chip(unsigned channel) const { return channel < 4 ? low_ : high_; }
    uint64_t address(unsigned channel) const;
    void move(unsigned channel, IsaDmaDirection direction, std::span<uint8_t> data);
    void written(bool high);
    void serve();
    void software_request(unsigned channel);
    void memory_to_memory();

    DmaBus& bus_;
    IoRegion low_region_;
    IoRegion high_region_;
    IoRegion page_region_;
    std::array<IsaDmaClient*, 8> clients_{};

    I8237 low_, high_;
    std::array<uint8_t, 16> page_{};  // by port
    bool serving_ = false;            // inside serve(); never across instructions
};

}  // namespace qr
