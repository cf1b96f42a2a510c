// SPDX-License-Identifier: GPL-2.0-or-later
//
// The ATA side of a CD-ROM drive: PACKET and the few other commands, data phases of packets, sense data, the medium
// coming and going. Source: ATA/ATAPI-6 (T13/1410D), 8.16 (IDENTIFY PACKET DEVICE), 8.23 (PACKET), 9.8; MMC-3, 4.1.
#include "hw/ide/atapi_cdrom.h"

#include <algorithm>

#include "util/bits.h"

namespace qr::ide {

namespace {

constexpr uint8_t kAbortedCommand = 0xb;

// Beyond 80 minutes it can't be a CD.
constexpr uint32_t kMostCdBlocks = 80 * 60 * 75;

}  // namespace

Reply& Reply::text(const std::string& value, size_t width) {
    for (size_t i = 0; i < width; ++i) u8(static_cast<uint8_t>(i < value.size() ? value[i] : ' '));
    return *this;
}

AtapiCdrom::AtapiCdrom(UnitWires& wires, unsigned number, std::string name, VirtualClock& clock, Drive& drive,
                       Identity identity)
    : Unit(wires, number, std::move(name), clock, drive), identity_(std::move(identity)) {
    drive_.on_medium_change([this] { medium_changed(); });
    drive_.on_eject_request([this] { eject_requested(); });
}

const AtapiCdrom::Packet AtapiCdrom::kPackets[] = {
    {0x00, kNeedsMedium, &AtapiCdrom::test_unit_ready},
    {0x03, kDespiteAttention, &AtapiCdrom::request_sense},
    {0x12, kDespiteAttention, &AtapiCdrom::inquiry},
    {0x1b, 0, &AtapiCdrom::start_stop},
    {0x1e, 0, &AtapiCdrom::prevent_allow},
    {0x25, kNeedsMedium, &AtapiCdrom::read_capacity},
    {0x28, kNeedsMedium, &AtapiCdrom::read10},
    {0x2b, kNeedsMedium, &AtapiCdrom::seek},
    {0x42, kNeedsMedium, &AtapiCdrom::read_subchannel},
    {0x43, kNeedsMedium, &AtapiCdrom::read_toc},
    {0x45, kNeedsMedium, &AtapiCdrom::play},
    {0x46, kDespiteAttention, &AtapiCdrom::get_configuration},
    {0x47, kNeedsMedium, &AtapiCdrom::play},
    {0x4a, kDespiteAttention, &AtapiCdrom::get_event_status},
    {0x4b, kNeedsMedium, &AtapiCdrom::pause},
    {0x4e, kNeedsMedium, &AtapiCdrom::stop},
    {0x51, kNeedsMedium, &AtapiCdrom::read_disc_information},
    {0x52, kNeedsMedium, &AtapiCdrom::read_track_information},
    {0x5a, 0, &AtapiCdrom::mode_sense},
    {0xa5, kNeedsMedium, &AtapiCdrom::play},
    {0xa8, kNeedsMedium, &AtapiCdrom::read12},
    {0xad, kNeedsMedium, &AtapiCdrom::read_dvd_structure},
    {0xb9, kNeedsMedium, &AtapiCdrom::read_cd_msf},
    {0xbb, 0, &AtapiCdrom::set_speed},
    {0xbd, 0, &AtapiCdrom::mechanism_status},
    {0xbe, kNeedsMedium, &AtapiCdrom::read_cd},
};

// ---- commands of the task file ----

void AtapiCdrom::execute(uint8_t opcode) {
    work_ = Work::kNone;
    switch (opcode) {
        case 0x08: {  // DEVICE RESET: no interrupt, and the device stays selected
            const uint8_t selected = regs_.device & kDev;
            reset(false);
            regs_.device |= selected;
            return;
        }
        case 0x90: return diagnose();
        case 0xa0: return start_packet();
        case 0xa1:
            work_ = Work::kIdentify;
            set_data(identify_cdrom(identity_, modes_));
            return pio_in(512);
        case 0xe0:  // STANDBY IMMEDIATE, IDLE IMMEDIATE, STANDBY, IDLE
        case 0xe1:
        case 0xe2:
        case 0xe3: return done();
        case 0xe5:  // CHECK POWER MODE: active or idle
            regs_.count.now = 0xff;
            return done();
        case 0xe6:
            asleep_ = true;
            return done();
        case 0xe7: return done();
        case 0xef: return set_features();
        case 0x20:  // READ SECTOR(S) and IDENTIFY DEVICE tell what the device is instead
        case 0x21:
        case 0xec: put_signature(); return failed(kAbrt);
        default: return failed(kAbrt);
    }
}

void AtapiCdrom::set_features() {
    switch (regs_.feature.now) {
        case 0x03:
            if (!set_transfer_mode(modes_, regs_.count.now)) return failed(kAbrt);
            break;
        case 0x66:
        case 0xcc: break;  // there are no settings that a software reset would change
        default: return failed(kAbrt);
    }
    done();
}

void AtapiCdrom::diagnose() {
    put_signature();
    regs_.error = 0x01;
    if (number() == 0) raise_interrupt();
}

// ---- packets ----

void AtapiCdrom::start_packet() {
    if (regs_.feature.now & 0x02) return failed(kAbrt);  // overlapped
    dma_ = regs_.feature.now & 0x01;
    limit_ = static_cast<uint16_t>(regs_.lba_high.now << 8 | regs_.lba_mid.now);
    // Blocks but the last one are even.
    if (limit_ & 1) --limit_;
    regs_.count.now = kReasonCommand;
    work_ = Work::kPacket;
    clear_data();
    pio_out(kPacketSize, false);
}

void AtapiCdrom::run_packet() {
    packet_ = data();
    clear_data();
    work_ = Work::kReply;
    const auto* found = std::ranges::find(kPackets, packet_[0], &Packet::opcode);
    if (found == std::end(kPackets)) return refuse({5, 0x20, 0});
    if (attention_ && !(found->flags & kDespiteAttention)) {
        attention_ = false;
        return refuse({6, 0x28, 0});
    }
    if (found->flags & kNeedsMedium && !has_medium())
        return refuse({2, 0x3a, static_cast<uint8_t>(tray_open_ ? 2 : 1)});
    // Sense data are kept until they are asked for, or the next command.
    if (found->run != &AtapiCdrom::request_sense) sense_ = {};
    (this->*found->run)();
}

void AtapiCdrom::complete() {
    regs_.count.now = kReasonCommand | kReasonToHost;
    done();
}

void AtapiCdrom::refuse(Sense sense) {
    sense_ = sense;
    regs_.count.now = kReasonCommand | kReasonToHost;
    failed(static_cast<uint8_t>(sense.key << 4 | (sense.key == kAbortedCommand ? kAbrt : 0)));
}

void AtapiCdrom::refuse_field() { refuse({5, 0x24, 0}); }

void AtapiCdrom::reply(std::vector<uint8_t> bytes, size_t allocated) {
    if (bytes.size() > allocated) bytes.resize(allocated);
    if (bytes.empty()) return complete();
    work_ = Work::kReply;
    set_data(std::move(bytes));
    next_block();
}

// What is in data() to the host: all of it by DMA, or the next block.
void AtapiCdrom::next_block() {
    if (dma_) return dma_in(data_left());
    if (!limit_) return refuse({kAbortedCommand, 0, 0});
    const size_t bytes = std::min<size_t>(data_left(), limit_);
    regs_.count.now = kReasonToHost;
    regs_.lba_mid.now = static_cast<uint8_t>(bytes);
    regs_.lba_high.now = static_cast<uint8_t>(bytes >> 8);
    pio_in(bytes);
}

void AtapiCdrom::data_moved() {
    switch (work_) {
        case Work::kPacket: return run_packet();
        case Work::kIdentify: return done(kDrdy | kDsc, false);
        default: break;
    }
    if (data_left()) return next_block();
    clear_data();
    if (work_ == Work::kRead && count_) return next_piece();
    complete();
}

// ---- the medium ----

bool AtapiCdrom::is_dvd() const { return blocks() > kMostCdBlocks; }

void AtapiCdrom::medium_changed() {
    const bool inserted = drive_.inserted();
    tray_open_ = !inserted;
    attention_ = inserted;
    event_ = inserted ? Event::kNewMedium : Event::kRemoval;
}

void AtapiCdrom::eject_requested() { event_ = Event::kEjectRequest; }

// ---- life ----

// 9.12.
void AtapiCdrom::put_signature() {
    regs_.count = regs_.lba_low = {.now = 1, .before = 0};
    regs_.lba_mid = {.now = 0x14, .before = 0};
    regs_.lba_high = {.now = 0xeb, .before = 0};
    regs_.device = static_cast<uint8_t>(kObsolete | (regs_.device & kDev));
    regs_.status = 0;
}

void AtapiCdrom::reset_device(bool hardware) {
    work_ = Work::kNone;
    count_ = 0;
    asleep_ = false;
    if (!hardware) return;
    modes_ = {};
    sense_ = {};
    if (locked_) drive_.lock(false);
    locked_ = false;
}

void AtapiCdrom::device_state(StateVisitor& v) {
    v("modes", modes_);
    v("work", work_);
    v("dma", dma_);
    v("limit", limit_);
    v("packet", packet_, kPacketSize);
    v("sense", sense_);
    v("attention", attention_);
    v("event", event_);
    v("locked", locked_);
    v("tray_open", tray_open_);
    v("asleep", asleep_);
    v("lba", lba_);
    v("count", count_);
    v("piece", piece_);
    v("parts", parts_);
    if (v.loading()) packet_.resize(kPacketSize);
}

}  // namespace qr::ide
