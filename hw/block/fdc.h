// SPDX-License-Identifier: GPL-2.0-or-later
//
// Intel 82078 floppy controller (data sheet 290475; 82077AA, 290166; 8272A) in AT mode: two drives, DMA channel 2 or
// programmed I/O, IRQ 6. Not modelled: SCAN (the 82078 has none), gaps and CRCs, deleted data marks on the medium
// (WRITE DELETED DATA writes ordinary data), FORMAT AND WRITE, enhanced drive configuration by DRIVE SPECIFICATION.
// Seeks and sectors take microseconds: the mechanism's own slowness serves nobody. VM thread only.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "block/drive.h"
#include "exec/io.h"
#include "hw/block/floppy_medium.h"
#include "hw/device.h"
#include "hw/irq.h"
#include "hw/isa_dma.h"
#include "sysemu/clock.h"

namespace qr {

class Fdc final : public Device, private IsaDmaClient {
  public:
    static constexpr unsigned kDrives = 2;

    Fdc(VirtualClock& clock, IsaDma& dma, IrqLine irq);

    // Before the first reset.
    void attach(unsigned number, Drive& drive, FloppyDriveType type);
    bool attached(unsigned number) const { return drives_[number].drive; }
    FloppyDriveType type(unsigned number) const { return drives_[number].type; }

    IoRegion& region() { return region_; }               // 3F2H to 3F5H
    IoRegion& input_region() { return input_region_; }   // 3F7H

    void reset() override;
    void state(StateVisitor& v) override;

  private:
    static constexpr unsigned kDmaChannel = 2;

    enum class Phase : uint8_t { kCommand, kParameters, kExecution, kResult };
    // What the execution phase is at.
    enum class Work : uint8_t {
        kNone,
        kSearching,    // for an identifier that is all that was asked for, or that isn't there
        kReading,      // a request at the drive
        kToHost,
        kFromHost,
        kWriting,      // a request at the drive
        kFormatField,  // an identifier field from the host
        kFormatting,   // a request at the drive
    };
    struct FloppyDrive {
        Drive* drive = nullptr;
        FloppyDriveType type = FloppyDriveType::kNone;
        uint8_t track = 0;       // where the head is
        uint8_t counted = 0;     // where the controller takes it to be (PCN)
        bool changed = true;     // DSKCHG#
        bool seeking = false;
        bool sought = false;     // SENSE INTERRUPT STATUS is to tell
        uint8_t seek_status = 0;

        void state(StateVisitor& v);
    };
    struct Command {
        uint8_t mask, value;  // of the opcode
        uint8_t parameters;
        void (Fdc::*run)();
    };
    static const Command kCommands[];

    // --- fdc.cc: registers, phases, transfer ---
    uint64_t read(unsigned offset);
    uint64_t peek(unsigned offset) const;
    void write(unsigned offset, uint8_t value);
    uint8_t main_status() const;
    uint8_t digital_input() const;
    void write_dor(uint8_t value);
    void soft_reset();
    uint8_t read_fifo();
    void write_fifo(uint8_t value);
    void set_interrupt(bool on);
    void dma_ready(unsigned channel) override;
    bool in_reset() const { return !(dor_ & 0x04); }
    bool by_dma() const { return !non_dma_; }
    void move();
    void transfer_dma();
    void moved(bool terminal_count);
    void timer_due();
    FloppyDrive& selected() { return drives_[drive_]; }
    const FloppyFormat& format(const FloppyDrive& d) const;
    void medium_changed(unsigned number);

    // --- fdc_commands.cc ---
    static const Command& find_command(uint8_t opcode);
    void start_command(uint8_t opcode);
    void finish_with(std::vector<uint8_t> result, bool interrupt = false);
    void idle();
    void take_drive();
    void invalid();
    void specify();
    void sense_drive();
    void sense_interrupt();
    void recalibrate();
    void seek();
    void relative_seek();
    void start_seek(unsigned track);
    void seeks_done();
    void read_id();
    void read_data();
    void write_data();
    void verify();
    void format_track();
    void dump_registers();
    void version();
    void part_id();
    void perpendicular();
    void configure();
    void lock();
    void power_down();
    void option();
    void save();
    void restore();
    void start_transfer();
    bool prepare_sector();
    void next_sector();
    bool advance();
    void fail_later(uint8_t st1, uint8_t st2);
    void end_transfer(uint8_t st0, uint8_t st1, uint8_t st2);
    void sector_done();
    void refuse_absent();
    uint8_t cylinder_under(const FloppyDrive& d) const;
    uint64_t offset() const;
    void next_field();
    void format_field();
    void request_done();

    VirtualClock& clock_;
    IsaDma& dma_;
    IrqLine irq_;
    IoRegion region_;
    IoRegion input_region_;
    Timer timer_;       // requests and refusals
    Timer seek_timer_;  // seeks, of all drives
    std::array<FloppyDrive, 4> drives_;

    uint8_t dor_ = 0;
    uint8_t tdr_ = 0;
    uint8_t dsr_ = 0;
    bool interrupt_ = false;
    uint8_t resets_to_tell_ = 0;  // drives whose change of state after a reset wasn't sensed

    Phase phase_ = Phase::kCommand;
    std::array<uint8_t, 17> command_{};
    uint8_t have_ = 0, want_ = 0;  // bytes of the command
    std::vector<uint8_t> result_;  // what is left of it

    Work work_ = Work::kNone;
    Drive::Ticket ticket_ = 0;
    std::vector<uint8_t> buffer_;
    uint32_t at_ = 0;
    uint8_t drive_ = 0, head_ = 0;            // of the command
    uint8_t c_ = 0, h_ = 0, r_ = 0, n_ = 0;   // sector identifier
    uint8_t st1_ = 0, st2_ = 0;               // of a refusal
    bool ending_ = false;                     // terminal count came
    uint8_t verify_left_ = 0;                 // sectors of VERIFY with EC
    uint8_t format_left_ = 0;

    uint8_t srt_hut_ = 0, hlt_ = 0;
    bool non_dma_ = false;
    uint8_t config_ = 0x20, precomp_track_ = 0;
    uint8_t perpendicular_ = 0;
    uint8_t option_ = 0, power_mode_ = 0;
    bool locked_ = false;
};

}  // namespace qr
