// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a disk and a CD-ROM drive have in common as devices on an ATA channel: the task file, data phases by PIO
// and DMA, one request in flight at its drive, reset. ATA/ATAPI-6 (T13/1410D), 6 to 9. A device gives its
// commands, and says what comes after each data phase and each request. VM thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "block/drive.h"
#include "hw/ide/registers.h"
#include "sysemu/clock.h"
#include "sysemu/state.h"

namespace qr::ide {

// The channel as its devices see it.
class UnitWires {
  public:
    virtual ~UnitWires() = default;
    virtual void interrupt_changed() = 0;
    // DMARQ: bytes that moved, less than asked for if the host's side has no more room, or isn't started.
    virtual size_t dma_to_memory(std::span<const uint8_t> data) = 0;
    virtual size_t dma_from_memory(std::span<uint8_t> data) = 0;
};

class Unit {
  public:
    // number: 0 or 1. name: of its timer, unique in the machine.
    Unit(UnitWires& wires, unsigned number, std::string name, VirtualClock& clock, Drive& drive);
    virtual ~Unit() = default;
    Unit(const Unit&) = delete;
    Unit& operator=(const Unit&) = delete;

    Drive& drive() { return drive_; }
    TaskFile& registers() { return regs_; }
    bool interrupt_pending() const { return interrupt_; }
    void clear_interrupt();

    // The command register was written (and this device is selected, or it is a diagnostic).
    void command(uint8_t opcode);
    // The data port. More than a phase has: reads as ones there, and is dropped.
    uint32_t read_data(unsigned size);
    void write_data(unsigned size, uint32_t value);
    uint32_t peek_data(unsigned size) const;
    // The bus master was started, or got a new table.
    void dma_ready();
    bool wants_dma() const { return phase_ == Phase::kDmaIn || phase_ == Phase::kDmaOut; }

    // RESET# or SRST. The signature is there afterwards.
    void reset(bool hardware);
    void state(StateVisitor& v);

  protected:
    enum class Phase : uint8_t { kNone, kPioIn, kPioOut, kDmaIn, kDmaOut };

    // --- what a device gives ---
    virtual void execute(uint8_t opcode) = 0;
    // All of the present data phase has moved. Data that came from the host are data().
    virtual void data_moved() = 0;
    // The request that was begun last is done. What a read got is in data().
    virtual void request_done(DriveStatus status) = 0;
    virtual void put_signature() = 0;
    virtual void reset_device(bool hardware) = 0;
    virtual void device_state(StateVisitor& v) = 0;
    virtual bool asleep() const { return false; }

    // --- what it may use ---
    void raise_interrupt();
    // Ends a command.
    void done(uint8_t status = kDrdy | kDsc, bool interrupt = true);
    void failed(uint8_t error, uint8_t status = kDrdy | kErr);

    // Requests: BSY until request_done(). Reads go to the end of data().
    void begin_read(uint64_t offset, uint32_t bytes);
    void begin_write(uint64_t offset, std::span<const uint8_t> bytes);
    void begin_discard(uint64_t offset, uint64_t bytes);
    void begin_flush();

    // Data phases: `bytes` of data(), from where the last one ended (in), or appended to it (out).
    void pio_in(size_t bytes, bool interrupt = true);
    void pio_out(size_t bytes, bool interrupt);
    void dma_in(size_t bytes);
    void dma_out(size_t bytes);

    std::vector<uint8_t>& data() { return data_; }
    size_t data_left() const { return data_.size() - end_; }
    // Makes `bytes` what the next phases to the host move.
    void set_data(std::vector<uint8_t> bytes);
    void clear_data() { set_data({}); }

    unsigned number() const { return number_; }
    const VirtualClock& clock() const { return clock_; }

    TaskFile regs_;
    Drive& drive_;

  private:
    void begin(Drive::Ticket ticket, bool read, int64_t ns);
    void request_due();
    void start_phase(Phase phase, size_t bytes, bool interrupt);
    void advance();
    void run_dma();

    UnitWires& wires_;
    unsigned number_;
    VirtualClock& clock_;
    Timer timer_;

    bool interrupt_ = false;
    Phase phase_ = Phase::kNone;
    std::vector<uint8_t> data_;
    size_t at_ = 0;   // next byte of the present phase
    size_t end_ = 0;  // where it ends
    Drive::Ticket ticket_ = 0;
    bool reading_ = false;
};

}  // namespace qr::ide
