// SPDX-License-Identifier: GPL-2.0-or-later
//
// The 82078's commands. Source: Intel 82078 data sheet (290475), 5.1 (commands), 5.2 (parameters and results), 6
// (status register encoding); table 5-5 for identifiers after a transfer.
#include <algorithm>

#include "block/request_time.h"
#include "hw/block/fdc.h"
#include "util/bits.h"

namespace qr {

namespace {

constexpr uint8_t kMultiTrack = 0x80;
constexpr uint8_t kAbnormal = 0x40, kInvalid = 0x80, kReadyChanged = 0xc0, kSeekEnd = 0x20, kEquipmentCheck = 0x10;
constexpr uint8_t kEndOfCylinder = 0x80, kDataError = 0x20, kNoData = 0x04, kNotWritable = 0x02,
                  kMissingMark = 0x01;
constexpr uint8_t kControlMark = 0x40, kDataErrorInField = 0x20, kWrongCylinder = 0x10;
constexpr uint8_t kImpliedSeek = 0x40;  // of CONFIGURE

constexpr uint8_t kReadTrack = 0x02, kWriteData = 0x05, kWriteDeleted = 0x09, kReadDeleted = 0x0c, kVerify = 0x16;
constexpr uint8_t kSectorCode = 2;  // N of 512 bytes
constexpr size_t kSector = 512;
constexpr unsigned kMostTracks = 85;  // RECALIBRATE's pulses reach further than any drive's

constexpr int64_t kSeekNs = 100'000;
constexpr int64_t kSearchNs = 100'000;

}  // namespace

// The first that fits counts; the last fits everything.
const Fdc::Command Fdc::kCommands[] = {
    {0xff, 0x03, 2, &Fdc::specify},
    {0xff, 0x04, 1, &Fdc::sense_drive},
    {0xff, 0x07, 1, &Fdc::recalibrate},
    {0xff, 0x08, 0, &Fdc::sense_interrupt},
    {0xff, 0x0e, 0, &Fdc::dump_registers},
    {0xff, 0x0f, 2, &Fdc::seek},
    {0xff, 0x10, 0, &Fdc::version},
    {0xff, 0x12, 1, &Fdc::perpendicular},
    {0xff, 0x13, 3, &Fdc::configure},
    {0x7f, 0x14, 0, &Fdc::lock},
    {0xff, 0x17, 1, &Fdc::power_down},
    {0xff, 0x18, 0, &Fdc::part_id},
    {0xff, 0x2e, 0, &Fdc::save},
    {0xff, 0x33, 1, &Fdc::option},
    {0xff, 0x4e, 16, &Fdc::restore},
    {0xbf, 0x8f, 2, &Fdc::relative_seek},
    {0xbf, 0x0a, 1, &Fdc::read_id},
    {0xbf, 0x0d, 5, &Fdc::format_track},
    {0x9f, 0x02, 8, &Fdc::read_data},
    {0x1f, 0x06, 8, &Fdc::read_data},
    {0x1f, 0x0c, 8, &Fdc::read_data},
    {0x3f, 0x05, 8, &Fdc::write_data},
    {0x3f, 0x09, 8, &Fdc::write_data},
    {0x1f, 0x16, 8, &Fdc::verify},
    {0x00, 0x00, 0, &Fdc::invalid},
};

// ---- phases ----

const Fdc::Command& Fdc::find_command(uint8_t opcode) {
    return *std::ranges::find_if(kCommands, [opcode](const Command& c) { return (opcode & c.mask) == c.value; });
}

void Fdc::start_command(uint8_t opcode) {
    const Command& command = find_command(opcode);
    command_ = {};
    command_[0] = opcode;
    have_ = 1;
    want_ = static_cast<uint8_t>(1 + command.parameters);
    phase_ = Phase::kParameters;
    if (have_ == want_) (this->*command.run)();
}

void Fdc::idle() {
    phase_ = Phase::kCommand;
    work_ = Work::kNone;
    result_.clear();
    have_ = want_ = 0;
}

void Fdc::finish_with(std::vector<uint8_t> result, bool interrupt) {
    work_ = Work::kNone;
    result_ = std::move(result);
    phase_ = Phase::kResult;
    if (interrupt) set_interrupt(true);
}

void Fdc::invalid() { finish_with({kInvalid}); }

// Second byte: head and drive.
void Fdc::take_drive() {
    drive_ = command_[1] & 3;
    head_ = command_[1] >> 2 & 1;
}

// ---- control ----

void Fdc::specify() {
    srt_hut_ = command_[1];
    hlt_ = command_[2] >> 1;
    non_dma_ = command_[2] & 1;
    idle();
}

void Fdc::sense_drive() {
    take_drive();
    const FloppyDrive& d = selected();
    uint8_t st3 = static_cast<uint8_t>(0x28 | head_ << 2 | drive_);
    if (d.drive && d.track == 0) st3 |= 0x10;
    if (d.drive && d.drive->inserted() && d.drive->read_only()) st3 |= 0x40;
    finish_with({st3});
}

// Tells of one drive at a time, in order; of nothing, it is an invalid command.
void Fdc::sense_interrupt() {
    if (resets_to_tell_) {
        const uint8_t n = static_cast<uint8_t>(4 - resets_to_tell_--);
        set_interrupt(false);
        return finish_with({static_cast<uint8_t>(kReadyChanged | n), drives_[n].counted});
    }
    auto* found = std::ranges::find_if(drives_, &FloppyDrive::sought);
    if (found == drives_.end()) return invalid();
    found->sought = false;
    set_interrupt(false);
    finish_with({found->seek_status, found->counted});
}

void Fdc::version() { finish_with({0x90}); }
void Fdc::part_id() { finish_with({0x41}); }

void Fdc::perpendicular() {
    perpendicular_ = command_[1] & 0x80 ? command_[1] & 0x7f
                                        : static_cast<uint8_t>((perpendicular_ & 0x7c) | (command_[1] & 3));
    idle();
}

void Fdc::configure() {
    config_ = command_[2];
    precomp_track_ = command_[3];
    idle();
}

void Fdc::lock() {
    locked_ = command_[0] & 0x80;
    finish_with({static_cast<uint8_t>(locked_ << 4)});
}

void Fdc::power_down() {
    power_mode_ = command_[1];
    finish_with({power_mode_});
}

void Fdc::option() {
    option_ = command_[1];
    idle();
}

void Fdc::dump_registers() {
    std::vector<uint8_t> r;
    for (const FloppyDrive& d : drives_) r.push_back(d.counted);
    r.push_back(srt_hut_);
    r.push_back(static_cast<uint8_t>(hlt_ << 1 | non_dma_));
    r.push_back(command_[6]);  // SC or EOT, of which nothing is kept between commands
    r.push_back(static_cast<uint8_t>(locked_ << 7 | perpendicular_));
    r.push_back(config_);
    r.push_back(precomp_track_);
    finish_with(std::move(r));
}

// Sixteen bytes, reserved ones zero.
void Fdc::save() {
    std::vector<uint8_t> r(16);
    r[0] = static_cast<uint8_t>(dsr_ & 3);
    r[1] = option_;
    for (size_t i = 0; i < 4; ++i) r[2 + i] = drives_[i].counted;
    r[6] = srt_hut_;
    r[7] = static_cast<uint8_t>(hlt_ << 1 | non_dma_);
    r[9] = static_cast<uint8_t>(locked_ << 7 | perpendicular_);
    r[10] = config_;
    r[11] = precomp_track_;
    finish_with(std::move(r));
}

void Fdc::restore() {
    const auto* r = &command_[1];
    dsr_ = static_cast<uint8_t>((dsr_ & ~3) | (r[0] & 3));
    option_ = r[1];
    for (size_t i = 0; i < 4; ++i) drives_[i].counted = r[2 + i];
    srt_hut_ = r[6];
    hlt_ = r[7] >> 1;
    non_dma_ = r[7] & 1;
    locked_ = r[9] >> 7;
    perpendicular_ = r[9] & 0x7f;
    config_ = r[10];
    precomp_track_ = r[11];
    idle();
}

// ---- seeks ----

void Fdc::start_seek(unsigned track) {
    FloppyDrive& d = selected();
    d.seek_status = static_cast<uint8_t>(kSeekEnd | head_ << 2 | drive_);
    if (d.drive) {
        d.track = static_cast<uint8_t>(std::min(track, kMostTracks));
        // A step with a medium inside takes the change line back.
        if (d.drive->inserted()) d.changed = false;
    }
    d.seeking = true;
    d.sought = false;
    idle();
    seek_timer_.arm(clock_.now_ns() + kSeekNs);
}

void Fdc::recalibrate() {
    take_drive();
    head_ = 0;
    start_seek(0);
    // Without a drive track 0 never shows.
    FloppyDrive& d = selected();
    d.counted = 0;
    if (!d.drive) d.seek_status |= kAbnormal | kEquipmentCheck;
}

void Fdc::seek() {
    take_drive();
    start_seek(command_[2]);
    selected().counted = command_[2];
}

void Fdc::relative_seek() {
    take_drive();
    FloppyDrive& d = selected();
    const int step = command_[0] & 0x40 ? command_[2] : -int{command_[2]};
    const uint8_t counted = static_cast<uint8_t>(d.counted + step);
    start_seek(static_cast<unsigned>(std::clamp(d.track + step, 0, 255)));
    d.counted = counted;
}

void Fdc::seeks_done() {
    for (FloppyDrive& d : drives_) {
        d.sought |= d.seeking;
        d.seeking = false;
    }
    set_interrupt(true);
}

// ---- transfers ----

void Fdc::end_transfer(uint8_t st0, uint8_t st1, uint8_t st2) {
    dma_.set_dreq(kDmaChannel, false);
    buffer_.clear();
    at_ = 0;
    finish_with({static_cast<uint8_t>(st0 | head_ << 2 | drive_), st1, st2, c_, h_, r_, n_}, true);
}

// A search that fails, or READ ID, takes a while.
void Fdc::fail_later(uint8_t st1, uint8_t st2) {
    phase_ = Phase::kExecution;
    work_ = Work::kSearching;
    st1_ = st1;
    st2_ = st2;
    timer_.arm(clock_.now_ns() + kSearchNs);
}

void Fdc::read_id() {
    take_drive();
    const FloppyDrive& d = selected();
    const bool readable = d.drive && d.drive->inserted() && head_ < format(d).heads &&
                          static_cast<uint8_t>(format(d).rate) == (dsr_ & 3);
    c_ = cylinder_under(d);
    h_ = head_;
    r_ = 1;
    n_ = kSectorCode;
    if (!d.drive) return refuse_absent();
    fail_later(readable ? 0 : kMissingMark, 0);
}

// Where there is no drive, no index pulse ends the search.
void Fdc::refuse_absent() { finish_with({static_cast<uint8_t>(kAbnormal | head_ << 2 | drive_), kMissingMark, 0, c_, h_, r_, n_}, true); }

// On a medium of 40 cylinders in a drive for 80, every second track counts.
uint8_t Fdc::cylinder_under(const FloppyDrive& d) const {
    const bool doubled = d.drive && d.type == FloppyDriveType::k120 && format(d).cylinders < 50;
    return doubled ? d.track / 2 : d.track;
}

void Fdc::start_transfer() {
    take_drive();
    c_ = command_[2];
    h_ = command_[3];
    r_ = command_[4];
    n_ = command_[5];
    ending_ = false;
    FloppyDrive& d = selected();
    if (!d.drive) return refuse_absent();
    if (config_ & kImpliedSeek) {
        d.track = d.counted = c_;
        if (d.drive->inserted()) d.changed = false;
    }
    if ((command_[0] & 0x1f) == kReadTrack) r_ = 1;
    next_sector();
}

void Fdc::read_data() { start_transfer(); }
void Fdc::write_data() { start_transfer(); }

void Fdc::verify() {
    // With EC the last parameter is how many sectors.
    const bool counts = command_[1] & 0x80;
    verify_left_ = counts ? command_[8] : 0;
    start_transfer();
}

// False if the present identifier can't be found; the command ends then.
bool Fdc::prepare_sector() {
    const FloppyDrive& d = selected();
    if (!d.drive->inserted()) {
        fail_later(kMissingMark, 0);
        return false;
    }
    const FloppyFormat& f = format(d);
    if (static_cast<uint8_t>(f.rate) != (dsr_ & 3) || head_ >= f.heads) {
        fail_later(kMissingMark, 0);
        return false;
    }
    // Drivers that don't know of double steps find their cylinder too.
    if (c_ != cylinder_under(d) && c_ != d.track) {
        fail_later(kNoData, kWrongCylinder);
        return false;
    }
    if (c_ >= f.cylinders || h_ != head_ || !r_ || r_ > f.sectors || n_ != kSectorCode) {
        fail_later(kNoData, 0);
        return false;
    }
    return true;
}

uint64_t Fdc::offset() const {
    const FloppyFormat& f = format(drives_[drive_]);
    return ((uint64_t{c_} * f.heads + h_) * f.sectors + r_ - 1) * kSector;
}

void Fdc::next_sector() {
    if (!prepare_sector()) return;
    phase_ = Phase::kExecution;
    const uint8_t kind = command_[0] & 0x1f;
    if (kind == kWriteData || kind == kWriteDeleted) {
        if (selected().drive->read_only()) return fail_later(kNotWritable, 0);
        work_ = Work::kFromHost;
        buffer_.assign(kSector, 0);
        return move();
    }
    work_ = Work::kReading;
    ticket_ = selected().drive->read(offset(), kSector);
    timer_.arm(clock_.now_ns() + transfer_time_ns(kSector));
}

// To the identifier that follows; false if the last sector was there (table 5-5).
bool Fdc::advance() {
    const uint8_t last = command_[6];
    if (r_ != last) {
        ++r_;
        return true;
    }
    r_ = 1;
    const bool multi = command_[0] & kMultiTrack;
    if (!multi) {
        ++c_;
        return false;
    }
    const bool again = !h_;
    h_ ^= 1;
    if (again)
        head_ = h_;
    else
        ++c_;
    return again;
}

// All of the buffer moved, or terminal count came.
void Fdc::moved(bool terminal_count) {
    ending_ = terminal_count;
    if (work_ == Work::kFormatField) return format_field();
    if (work_ == Work::kFromHost) {
        work_ = Work::kWriting;
        ticket_ = selected().drive->write(offset(), buffer_);
        timer_.arm(clock_.now_ns() + transfer_time_ns(kSector));
        return;
    }
    sector_done();
}

void Fdc::sector_done() {
    // There are no deleted data marks on the medium: READ DELETED DATA ends with the first sector it finds.
    const uint8_t st2 = (command_[0] & 0x1f) == kReadDeleted ? kControlMark : 0;
    const bool more = advance();
    if (ending_ || st2) return end_transfer(0, 0, st2);
    if (!more) return end_transfer(kAbnormal, kEndOfCylinder, 0);
    next_sector();
}

void Fdc::request_done() {
    const Drive::Ticket ticket = ticket_;
    ticket_ = 0;
    const bool reads = work_ == Work::kReading;
    std::vector<uint8_t> data;
    const DriveStatus status = selected().drive->finish(ticket, reads ? &data : nullptr);
    if (status == DriveStatus::kReadOnly) return end_transfer(kAbnormal, kNotWritable, 0);
    if (status != DriveStatus::kOk) return end_transfer(kAbnormal, kDataError, kDataErrorInField);
    if (work_ == Work::kFormatting) return next_field();
    if (!reads) return sector_done();
    if ((command_[0] & 0x1f) == kVerify) {
        // With EC the count ends it, without any the last sector does, both in good order.
        const bool more = advance();
        if ((verify_left_ && !--verify_left_) || !more) return end_transfer(0, 0, 0);
        return next_sector();
    }
    work_ = Work::kToHost;
    buffer_ = std::move(data);
    buffer_.resize(kSector);
    move();
}

// ---- FORMAT TRACK ----

void Fdc::format_track() {
    take_drive();
    c_ = cylinder_under(selected());
    h_ = head_;
    r_ = 1;
    n_ = command_[2];
    format_left_ = command_[3];
    ending_ = false;
    const FloppyDrive& d = selected();
    if (!d.drive) return refuse_absent();
    if (!d.drive->inserted()) return fail_later(kMissingMark, 0);
    if (d.drive->read_only()) return fail_later(kNotWritable, 0);
    // The image's format is fixed: another density or sector size can't be laid down.
    if (static_cast<uint8_t>(format(d).rate) != (dsr_ & 3) || n_ != kSectorCode) return fail_later(kMissingMark, 0);
    phase_ = Phase::kExecution;
    next_field();
}

void Fdc::next_field() {
    if (!format_left_ || ending_) return end_transfer(0, 0, 0);
    work_ = Work::kFormatField;
    buffer_.assign(4, 0);
    move();
}

// C, H, R and N of a sector came: it is filled, if the image has it.
void Fdc::format_field() {
    c_ = buffer_[0];
    h_ = buffer_[1];
    r_ = buffer_[2];
    n_ = buffer_[3];
    --format_left_;
    const FloppyFormat& f = format(selected());
    const bool there = c_ < f.cylinders && h_ < f.heads && r_ && r_ <= f.sectors && n_ == kSectorCode;
    if (!there) return end_transfer(kAbnormal, kNoData, 0);
    work_ = Work::kFormatting;
    ticket_ = selected().drive->write(offset(), std::vector<uint8_t>(kSector, command_[5]));
    timer_.arm(clock_.now_ns() + transfer_time_ns(kSector));
}

}  // namespace qr
