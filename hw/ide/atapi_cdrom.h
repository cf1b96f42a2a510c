// SPDX-License-Identifier: GPL-2.0-or-later
//
// An ATAPI CD/DVD-ROM drive: ATA/ATAPI-6 (T13/1410D) for the PACKET protocol, MMC-3 (T10/1363-D) and SPC-2 for
// packets. A disc is one data track in mode 1, a CD or by its size a DVD. Not modelled: audio tracks (playing is
// refused as on a data disc), writing, mode select, C2 and sub-channel data, overlap and queueing. VM thread only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hw/ide/ata_identify.h"
#include "hw/ide/cd_sector.h"
#include "hw/ide/ide_unit.h"

namespace qr::ide {

// Sense data: key, additional code and its qualifier.
struct Sense {
    uint8_t key = 0;
    uint8_t code = 0;
    uint8_t qualifier = 0;

    template <class V>
    void state(V& v) {
        v("key", key);
        v("code", code);
        v("qualifier", qualifier);
    }
};

class AtapiCdrom final : public Unit {
  public:
    AtapiCdrom(UnitWires& wires, unsigned number, std::string name, VirtualClock& clock, Drive& drive,
               Identity identity);

  protected:
    void execute(uint8_t opcode) override;
    void data_moved() override;
    void request_done(DriveStatus status) override;
    void put_signature() override;
    void reset_device(bool hardware) override;
    void device_state(StateVisitor& v) override;
    bool asleep() const override { return asleep_; }

  private:
    enum class Work : uint8_t { kNone, kIdentify, kPacket, kReply, kRead };
    // What the host hasn't been told of the medium yet (MMC-3, 6.7: media events).
    enum class Event : uint8_t { kNone = 0, kEjectRequest = 1, kNewMedium = 2, kRemoval = 3 };
    enum : unsigned { kNeedsMedium = 1, kDespiteAttention = 2 };
    struct Packet {
        uint8_t opcode;
        unsigned flags;
        void (AtapiCdrom::*run)();
    };
    static const Packet kPackets[];
    static constexpr size_t kPacketSize = 12;

    // --- atapi_cdrom.cc ---
    void set_features();
    void diagnose();
    void start_packet();
    void run_packet();
    void complete();
    void refuse(Sense sense);
    void refuse_field();
    void reply(std::vector<uint8_t> bytes, size_t allocated);
    void next_block();
    void medium_changed();
    void eject_requested();
    bool has_medium() const { return drive_.inserted() && !tray_open_; }
    uint32_t blocks() const { return static_cast<uint32_t>(drive_.size() / kCdBlock); }
    bool is_dvd() const;
    uint8_t packet8(size_t at) const { return packet_[at]; }
    uint16_t packet16(size_t at) const { return static_cast<uint16_t>(packet_[at] << 8 | packet_[at + 1]); }
    uint32_t packet32(size_t at) const { return uint32_t{packet16(at)} << 16 | packet16(at + 2); }

    // --- atapi_drive.cc: what the drive is, and its mechanism ---
    void test_unit_ready();
    void request_sense();
    void inquiry();
    void mode_sense();
    void get_configuration();
    void get_event_status();
    void mechanism_status();
    void start_stop();
    void prevent_allow();
    void set_speed();

    // --- atapi_disc.cc: what is on the disc ---
    void read10();
    void read12();
    void read_cd();
    void read_cd_msf();
    void seek();
    void read_capacity();
    void read_toc();
    void read_subchannel();
    void read_disc_information();
    void read_track_information();
    void read_dvd_structure();
    void play();
    void pause();
    void stop();
    void start_read(uint32_t lba, uint32_t count, SectorParts parts);
    void next_piece();
    void address_field(std::vector<uint8_t>& to, uint32_t lba, bool msf) const;

    Identity identity_;
    TransferModes modes_;
    Work work_ = Work::kNone;
    bool dma_ = false;
    uint16_t limit_ = 0;  // bytes of a PIO block
    std::vector<uint8_t> packet_ = std::vector<uint8_t>(kPacketSize);
    Sense sense_;
    bool attention_ = false;  // the medium changed, and no command has said so
    Event event_ = Event::kNone;
    bool locked_ = false;
    bool tray_open_ = false;
    bool asleep_ = false;
    // A read under way.
    uint32_t lba_ = 0;
    uint32_t count_ = 0;
    uint32_t piece_ = 0;
    SectorParts parts_;
};

// Big-endian fields of replies.
class Reply {
  public:
    Reply& u8(unsigned value) {
        bytes.push_back(static_cast<uint8_t>(value));
        return *this;
    }
    Reply& u16(unsigned value) { return u8(value >> 8).u8(value); }
    Reply& u32(uint32_t value) { return u16(value >> 16).u16(value); }
    Reply& zeros(size_t count) {
        bytes.resize(bytes.size() + count);
        return *this;
    }
    // Padded with blanks.
    Reply& text(const std::string& value, size_t width);
    void put16(size_t at, size_t value) {
        bytes[at] = static_cast<uint8_t>(value >> 8);
        bytes[at + 1] = static_cast<uint8_t>(value);
    }

    std::vector<uint8_t> bytes;
};

}  // namespace qr::ide
