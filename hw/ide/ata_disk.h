// SPDX-License-Identifier: GPL-2.0-or-later
//
// An ATA disk: the general feature set of ATA/ATAPI-6 (T13/1410D), 48-bit addresses, power management, SMART and
// DATA SET MANAGEMENT (ATA8-ACS). Not modelled: SECURITY, HPA beyond READ NATIVE MAX, DEVICE CONFIGURATION OVERLAY,
// queued commands, READ/WRITE LONG, CFA, DOWNLOAD MICROCODE; their commands are aborted, and IDENTIFY DEVICE
// doesn't offer them. The platter turns at no cost: standby is a mode, not a delay. VM thread only.
#pragma once

#include <string>
#include <vector>

#include "hw/ide/ata_identify.h"
#include "hw/ide/ata_smart.h"
#include "hw/ide/ide_unit.h"

namespace qr::ide {

class AtaDisk final : public Unit {
  public:
    // geometry: zero where the user gave none.
    AtaDisk(UnitWires& wires, unsigned number, std::string name, VirtualClock& clock, Drive& drive,
            Identity identity, Geometry geometry = {});

    // What the firmware is told of it.
    const Geometry& geometry() const { return facts_.preset; }

  protected:
    void execute(uint8_t opcode) override;
    void data_moved() override;
    void request_done(DriveStatus status) override;
    void put_signature() override;
    void reset_device(bool hardware) override;
    void device_state(StateVisitor& v) override;
    bool asleep() const override { return power_ == Power::kSleep; }

  private:
    enum class Power : uint8_t { kActive, kIdle, kStandby, kSleep };
    // What the command under way does once its data or its request is there.
    enum class Work : uint8_t { kNone, kReply, kRead, kWrite, kVerify, kFlush, kTrim };
    enum class By : uint8_t { kPio, kMultiple, kDma };
    struct Command {
        uint8_t opcode;
        void (AtaDisk::*run)();
    };
    static const Command kCommands[];

    // --- ata_disk.cc ---
    void recalibrate();
    void verify();
    void seek();
    void diagnose();
    void initialize_parameters();
    void flush();
    void identify();
    void set_features();
    void set_multiple();
    void read_native_max();
    void trim();
    void next_range();
    void smart();
    void check_power();
    void change_power();
    void nop();
    Power power() const;

    // --- ata_transfer.cc ---
    template <By by>
    void read();
    template <By by>
    void write();
    bool take_address();
    bool wide() const;  // the opcode takes 48-bit addresses
    void put_address(uint64_t lba);
    void put_address48(uint64_t lba);
    void put_count(uint32_t count);
    unsigned block() const;  // sectors that a DRQ block may have
    void next_request();
    void next_block_in();
    void next_block_out(bool interrupt);
    void next_piece_out(bool interrupt);
    void piece_done();
    void media_failed(DriveStatus status);

    DiskFacts facts_;
    Smart smart_;
    uint8_t opcode_ = 0;
    Work work_ = Work::kNone;
    By by_ = By::kPio;
    uint64_t lba_ = 0;     // of the next sector
    uint32_t count_ = 0;   // sectors that haven't moved
    uint32_t piece_ = 0;   // sectors of the present request
    std::vector<uint8_t> ranges_;  // that are still to be trimmed
    bool keep_ = false;    // software reset keeps settings (SET FEATURES 66H)
    Power power_ = Power::kActive;
    int64_t standby_ns_ = 0;  // 0: the timer is off
    int64_t used_ns_ = 0;     // when a command was taken last
};

}  // namespace qr::ide
