// SPDX-License-Identifier: GPL-2.0-or-later
//
// Data phases and requests of a device on an ATA channel. Source: ATA/ATAPI-6 (T13/1410D), 6.1 (PIO), 9.5 to 9.8
// (protocols), 9.2 to 9.3 (resets). Data phases take no virtual time, requests take transfer_time_ns().
#include "hw/ide/ide_unit.h"

#include <algorithm>

#include "block/request_time.h"

namespace qr::ide {

namespace {

// The largest a device ever holds is a piece of a request (ata_disk.h) or a raw CD sector's.
constexpr size_t kMostData = size_t{4} << 20;

}  // namespace

Unit::Unit(UnitWires& wires, unsigned number, std::string name, VirtualClock& clock, Drive& drive)
    : drive_(drive),
      wires_(wires),
      number_(number),
      clock_(clock),
      timer_(clock, std::move(name), [this] { request_due(); }) {
    drive_.on_retry([this] {
        if (ticket_ && !timer_.armed()) timer_.arm(clock_.now_ns());
    });
}

// ---- interrupts and endings ----

void Unit::raise_interrupt() {
    interrupt_ = true;
    wires_.interrupt_changed();
}

void Unit::clear_interrupt() {
    if (!interrupt_) return;
    interrupt_ = false;
    wires_.interrupt_changed();
}

void Unit::done(uint8_t status, bool interrupt) {
    regs_.status = status;
    phase_ = Phase::kNone;
    clear_data();
    if (interrupt) raise_interrupt();
}

void Unit::failed(uint8_t error, uint8_t status) {
    regs_.error = error;
    done(status);
}

void Unit::command(uint8_t opcode) {
    constexpr uint8_t kDeviceReset = 0x08;
    // 7.15.4: a command while BSY or DRQ is set is undefined, but for DEVICE RESET of a packet device. As QEMU,
    // it isn't taken.
    if (opcode != kDeviceReset && (regs_.status & (kBsy | kDrq))) return;
    if (asleep()) return;
    clear_interrupt();
    regs_.error = 0;
    execute(opcode);
}

// ---- requests ----

void Unit::begin(Drive::Ticket ticket, bool read, int64_t ns) {
    ticket_ = ticket;
    reading_ = read;
    phase_ = Phase::kNone;
    regs_.status = static_cast<uint8_t>((regs_.status & (kDrdy | kDsc)) | kBsy);
    timer_.arm(clock_.now_ns() + ns);
}

void Unit::begin_read(uint64_t offset, uint32_t bytes) {
    begin(drive_.read(offset, bytes), true, transfer_time_ns(bytes));
}

void Unit::begin_write(uint64_t offset, std::span<const uint8_t> bytes) {
    begin(drive_.write(offset, bytes), false, transfer_time_ns(bytes.size()));
}

void Unit::begin_discard(uint64_t offset, uint64_t bytes) {
    begin(drive_.discard(offset, bytes), false, kRequestNs);
}

void Unit::begin_flush() { begin(drive_.flush(), false, kFlushNs); }

void Unit::request_due() {
    std::vector<uint8_t> bytes;
    const DriveStatus status = drive_.finish(ticket_, reading_ ? &bytes : nullptr);
    if (status == DriveStatus::kStopped) return;  // BSY until it is tried again
    ticket_ = 0;
    if (reading_) set_data(std::move(bytes));
    request_done(status);
}

// ---- data phases ----

void Unit::set_data(std::vector<uint8_t> bytes) {
    data_ = std::move(bytes);
    at_ = end_ = 0;
}

void Unit::start_phase(Phase phase, size_t bytes, bool interrupt) {
    phase_ = phase;
    at_ = end_;
    end_ += bytes;
    if (data_.size() < end_) data_.resize(end_);
    const bool pio = phase == Phase::kPioIn || phase == Phase::kPioOut;
    // A packet device's DMA shows BSY, a disk's may show either (9.7, 9.8); QEMU's disk shows DRQ.
    regs_.status = static_cast<uint8_t>((regs_.status & ~(kBsy | kDf | kErr)) | kDrdy | kDsc | kDrq);
    if (pio && interrupt) raise_interrupt();
    if (!pio) run_dma();
}

void Unit::pio_in(size_t bytes, bool interrupt) { start_phase(Phase::kPioIn, bytes, interrupt); }
void Unit::pio_out(size_t bytes, bool interrupt) { start_phase(Phase::kPioOut, bytes, interrupt); }
void Unit::dma_in(size_t bytes) { start_phase(Phase::kDmaIn, bytes, false); }
void Unit::dma_out(size_t bytes) { start_phase(Phase::kDmaOut, bytes, false); }

void Unit::advance() {
    if (at_ < end_) return;
    phase_ = Phase::kNone;
    regs_.status &= static_cast<uint8_t>(~kDrq);
    data_moved();
}

uint32_t Unit::peek_data(unsigned size) const {
    uint32_t value = 0;
    for (unsigned i = 0; i < size; ++i) {
        const bool there = phase_ == Phase::kPioIn && at_ + i < end_;
        value |= uint32_t{there ? data_[at_ + i] : uint8_t{0xff}} << 8 * i;
    }
    return value;
}

uint32_t Unit::read_data(unsigned size) {
    const uint32_t value = peek_data(size);
    if (phase_ != Phase::kPioIn) return value;
    at_ = std::min(at_ + size, end_);
    advance();
    return value;
}

void Unit::write_data(unsigned size, uint32_t value) {
    if (phase_ != Phase::kPioOut) return;
    for (unsigned i = 0; i < size && at_ < end_; ++i) data_[at_++] = static_cast<uint8_t>(value >> 8 * i);
    advance();
}

void Unit::dma_ready() {
    if (wants_dma()) run_dma();
}

void Unit::run_dma() {
    const std::span<uint8_t> left = std::span(data_).subspan(at_, end_ - at_);
    at_ += phase_ == Phase::kDmaIn ? wires_.dma_to_memory(left) : wires_.dma_from_memory(left);
    advance();
}

// ---- life ----

void Unit::reset(bool hardware) {
    if (ticket_) drive_.cancel(ticket_);
    ticket_ = 0;
    timer_.disarm();
    phase_ = Phase::kNone;
    clear_data();
    reset_device(hardware);
    regs_ = TaskFile{};
    regs_.error = 0x01;  // diagnostics passed
    put_signature();
    clear_interrupt();
}

void Unit::state(StateVisitor& v) {
    v("registers", regs_);
    v("interrupt", interrupt_);
    v("phase", phase_);
    v("data", data_, kMostData);
    uint64_t at = at_, end = end_;
    v("at", at);
    v("end", end);
    v("ticket", ticket_);
    v("reading", reading_);
    device_state(v);
    if (!v.loading()) return;
    at_ = at;
    end_ = end;
    if (phase_ > Phase::kDmaOut || at > end || end > data_.size()) {
        v.fail("a data phase lies outside its buffer");
        phase_ = Phase::kNone;
        clear_data();
    }
}

}  // namespace qr::ide
