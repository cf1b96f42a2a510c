// SPDX-License-Identifier: GPL-2.0-or-later
//
// The 82078's registers, its phases, and data between host and FIFO. Source: Intel 82078 data sheet (290475), 2
// (registers), 4 (FIFO), 5 (phases), 7 (reset).
#include "hw/block/fdc.h"

#include "util/bits.h"

namespace qr {

namespace {

// Offsets within 3F2H-3F5H.
enum : unsigned { kDor = 0, kTdr = 1, kMsr = 2, kFifo = 3 };

constexpr uint8_t kDorReset = 0x04;  // low: in reset
constexpr uint8_t kDorDma = 0x08;    // gates DMA and interrupt

constexpr uint8_t kMsrRequest = 0x80, kMsrToHost = 0x40, kMsrNonDma = 0x20, kMsrBusy = 0x10;
constexpr uint8_t kDsrReset = 0x80, kDsrPowerDown = 0x40, kDsrRate = 0x03;
constexpr uint8_t kConfigNoPoll = 0x10;
constexpr uint8_t kConfigDefault = 0x20;  // no FIFO

constexpr size_t kSector = 512;

}  // namespace

Fdc::Fdc(VirtualClock& clock, IsaDma& dma, IrqLine irq)
    : Device("fdc"),
      clock_(clock),
      dma_(dma),
      irq_(irq),
      region_("fdc", 4,
              {.read = [this](uint64_t o, unsigned) { return read(static_cast<unsigned>(o)); },
               .write = [this](uint64_t o, unsigned,
                               uint64_t v) { write(static_cast<unsigned>(o), static_cast<uint8_t>(v)); },
               .peek = [this](uint64_t o, unsigned) { return peek(static_cast<unsigned>(o)); },
               .max_size = 1}),
      input_region_("fdc-input", 1,
                    {.read = [this](uint64_t, unsigned) { return digital_input(); },
                     .write = [this](uint64_t, unsigned,
                                     uint64_t v) { dsr_ = static_cast<uint8_t>((dsr_ & ~kDsrRate) | (v & kDsrRate)); },
                     .peek = [this](uint64_t, unsigned) { return digital_input(); },
                     .max_size = 1}),
      timer_(clock, "fdc.request", [this] { timer_due(); }),
      seek_timer_(clock, "fdc.seek", [this] { seeks_done(); }) {
    dma_.register_channel(kDmaChannel, *this);
}

void Fdc::attach(unsigned number, Drive& drive, FloppyDriveType type) {
    drives_[number].drive = &drive;
    drives_[number].type = type;
    drive.on_medium_change([this, number] { medium_changed(number); });
}

void Fdc::medium_changed(unsigned number) { drives_[number].changed = true; }

const FloppyFormat& Fdc::format(const FloppyDrive& d) const { return floppy_format(d.drive->size(), d.type); }

// ---- registers ----

uint8_t Fdc::main_status() const {
    if (in_reset()) return 0;
    uint8_t value = 0;
    for (unsigned i = 0; i < 4; ++i)
        if (drives_[i].seeking) value |= static_cast<uint8_t>(1 << i);
    switch (phase_) {
        case Phase::kCommand: return value | kMsrRequest;
        case Phase::kParameters: return value | kMsrRequest | kMsrBusy;
        case Phase::kResult: return value | kMsrRequest | kMsrToHost | kMsrBusy;
        case Phase::kExecution: break;
    }
    value |= kMsrBusy;
    if (by_dma()) return value;
    value |= kMsrNonDma;
    if (work_ == Work::kToHost) return value | kMsrRequest | kMsrToHost;
    if (work_ == Work::kFromHost || work_ == Work::kFormatField) return value | kMsrRequest;
    return value;
}

// Bit 7 is the selected drive's DSKCHG; a drive that isn't there leaves the line high.
uint8_t Fdc::digital_input() const {
    const FloppyDrive& d = drives_[dor_ & 3];
    return !d.drive || d.changed || !d.drive->inserted() ? 0x80 : 0x00;
}

uint64_t Fdc::peek(unsigned offset) const {
    switch (offset) {
        case kDor: return dor_;
        case kTdr: return tdr_;
        case kMsr: return main_status();
        default:
            if (phase_ == Phase::kResult) return result_.front();
            return work_ == Work::kToHost && !by_dma() ? buffer_[at_] : 0;
    }
}

uint64_t Fdc::read(unsigned offset) { return offset == kFifo ? read_fifo() : peek(offset); }

void Fdc::write(unsigned offset, uint8_t value) {
    switch (offset) {
        case kDor: return write_dor(value);
        case kTdr: tdr_ = value & 3; return;
        case kMsr:  // the data rate select register
            dsr_ = value & static_cast<uint8_t>(~(kDsrReset | kDsrPowerDown));
            if (value & kDsrReset) soft_reset();
            return;
        default: return write_fifo(value);
    }
}

void Fdc::write_dor(uint8_t value) {
    const bool rises = value & ~dor_ & kDorReset, falls = dor_ & ~value & kDorReset;
    dor_ = value;
    if (falls) {
        // Nothing moves while the controller is held in reset.
        soft_reset();
        resets_to_tell_ = 0;
        interrupt_ = false;
    }
    if (rises) soft_reset();
    irq_.set(interrupt_ && dor_ & kDorDma);
}

void Fdc::set_interrupt(bool on) {
    interrupt_ = on;
    irq_.set(interrupt_ && dor_ & kDorDma);
}

// DOR or DSR (7.2): LOCK keeps what CONFIGURE set. Polling then finds that all four drives' states changed.
void Fdc::soft_reset() {
    if (ticket_) selected().drive->cancel(ticket_);
    ticket_ = 0;
    timer_.disarm();
    seek_timer_.disarm();
    dma_.set_dreq(kDmaChannel, false);
    idle();
    buffer_.clear();
    at_ = 0;
    for (FloppyDrive& d : drives_) {
        d.counted = 0;
        d.seeking = d.sought = false;
    }
    if (!locked_) {
        config_ = kConfigDefault;
        precomp_track_ = 0;
    }
    if (in_reset()) return;
    const bool polls = !(config_ & kConfigNoPoll);
    resets_to_tell_ = polls ? 4 : 0;
    set_interrupt(polls);
}

// ---- the FIFO ----

uint8_t Fdc::read_fifo() {
    if (in_reset()) return 0;
    if (phase_ == Phase::kResult) {
        const uint8_t value = result_.front();
        result_.erase(result_.begin());
        set_interrupt(false);
        if (result_.empty()) idle();
        return value;
    }
    if (phase_ != Phase::kExecution || by_dma() || work_ != Work::kToHost) return 0;
    set_interrupt(false);
    const uint8_t value = buffer_[at_++];
    if (at_ == buffer_.size()) moved(false);
    return value;
}

void Fdc::write_fifo(uint8_t value) {
    if (in_reset()) return;
    switch (phase_) {
        case Phase::kCommand: return start_command(value);
        case Phase::kParameters: {
            command_[have_++] = value;
            if (have_ < want_) return;
            return (this->*find_command(command_[0]).run)();
        }
        case Phase::kExecution:
            if (by_dma() || (work_ != Work::kFromHost && work_ != Work::kFormatField)) return;
            set_interrupt(false);
            buffer_[at_++] = value;
            if (at_ == buffer_.size()) moved(false);
            return;
        case Phase::kResult: return;
    }
}

// A sector, or a field of FORMAT TRACK, is to move between buffer and host.
void Fdc::move() {
    at_ = 0;
    if (!by_dma()) return set_interrupt(true);
    dma_.set_dreq(kDmaChannel, true);
    transfer_dma();
}

void Fdc::dma_ready(unsigned) { transfer_dma(); }

void Fdc::transfer_dma() {
    const bool moves = work_ == Work::kToHost || work_ == Work::kFromHost || work_ == Work::kFormatField;
    if (!moves || !by_dma() || !dma_.ready(kDmaChannel)) return;
    const IsaDmaResult done = dma_.transfer(kDmaChannel, std::span(buffer_).subspan(at_));
    at_ += static_cast<uint32_t>(done.bytes);
    if (!done.terminal_count && at_ < buffer_.size()) return;
    dma_.set_dreq(kDmaChannel, false);
    moved(done.terminal_count);
}

void Fdc::timer_due() {
    if (work_ == Work::kSearching) return end_transfer(st1_ || st2_ ? 0x40 : 0, st1_, st2_);
    request_done();
}

// ---- life ----

void Fdc::FloppyDrive::state(StateVisitor& v) {
    v("track", track);
    v("counted", counted);
    v("changed", changed);
    v("seeking", seeking);
    v("sought", sought);
    v("seek_status", seek_status);
}

void Fdc::reset() {
    locked_ = false;
    dor_ = 0;
    soft_reset();
    resets_to_tell_ = 0;
    tdr_ = 0;
    dsr_ = static_cast<uint8_t>(FloppyRate::k250);
    srt_hut_ = hlt_ = 0;
    non_dma_ = false;
    perpendicular_ = option_ = power_mode_ = 0;
    command_ = {};
    drive_ = head_ = c_ = h_ = r_ = n_ = st1_ = st2_ = 0;
    ending_ = false;
    verify_left_ = format_left_ = 0;
    for (FloppyDrive& d : drives_) {
        d.track = 0;
        d.changed = true;
        d.seek_status = 0;
    }
    set_interrupt(false);
}

void Fdc::state(StateVisitor& v) {
    v("drive", drives_);
    v("dor", dor_);
    v("tdr", tdr_);
    v("dsr", dsr_);
    v("interrupt", interrupt_);
    v("resets_to_tell", resets_to_tell_);
    v("phase", phase_);
    v("command", command_);
    v("have", have_);
    v("want", want_);
    v("result", result_, 16);
    v("work", work_);
    v("ticket", ticket_);
    v("buffer", buffer_, kSector);
    v("at", at_);
    v("selected", drive_);
    v("head", head_);
    v("c", c_);
    v("h", h_);
    v("r", r_);
    v("n", n_);
    v("st1", st1_);
    v("st2", st2_);
    v("ending", ending_);
    v("verify_left", verify_left_);
    v("format_left", format_left_);
    v("srt_hut", srt_hut_);
    v("hlt", hlt_);
    v("non_dma", non_dma_);
    v("config", config_);
    v("precomp_track", precomp_track_);
    v("perpendicular", perpendicular_);
    v("option", option_);
    v("power_mode", power_mode_);
    v("locked", locked_);
    if (!v.loading()) return;
    const bool moves = work_ == Work::kToHost || work_ == Work::kFromHost || work_ == Work::kFormatField;
    const bool possible = phase_ <= Phase::kResult && work_ <= Work::kFormatting && have_ <= command_.size() &&
                          want_ <= command_.size() && drive_ < 4 && at_ <= buffer_.size() &&
                          (!moves || at_ < buffer_.size()) && (phase_ != Phase::kResult || !result_.empty()) &&
                          (work_ == Work::kNone || drives_[drive_].drive);
    if (possible) return;
    v.fail("a phase of the floppy controller is out of range");
    idle();
}

}  // namespace qr
