// SPDX-License-Identifier: GPL-2.0-or-later
//
// An ATA disk's commands that move sectors. A command is worked off in pieces, each one request at the drive; a
// piece of PIO is then transferred in DRQ blocks without further delay. Source: ATA/ATAPI-6 (T13/1410D), 6.2
// (addresses), 8.25 to 8.65 (commands), 9.5 to 9.7 (protocols).
#include <algorithm>

#include "hw/ide/ata_disk.h"

namespace qr::ide {

namespace {

// Sectors of one request.
constexpr uint32_t kPioPiece = 256;
constexpr uint32_t kDmaPiece = 2048;

}  // namespace

// ---- addresses ----

bool AtaDisk::wide() const {
    switch (opcode_) {
        case 0x24:
        case 0x25:
        case 0x27:
        case 0x29:
        case 0x34:
        case 0x35:
        case 0x39:
        case 0x42: return true;
        default: return false;
    }
}

// lba_ and count_ from the registers. Fails the command if the medium hasn't that.
bool AtaDisk::take_address() {
    const TaskFile& r = regs_;
    if (wide()) {
        count_ = unsigned{r.count.before} << 8 | r.count.now;
        if (!count_) count_ = 0x10000;
        lba_ = uint64_t{r.lba_high.before} << 40 | uint64_t{r.lba_mid.before} << 32 |
               uint64_t{r.lba_low.before} << 24 | uint64_t{r.lba_high.now} << 16 |
               uint64_t{r.lba_mid.now} << 8 | r.lba_low.now;
    } else {
        if (opcode_ != 0x70) count_ = r.count.now ? r.count.now : 0x100;
        if (r.device & kLba) {
            lba_ = uint64_t{r.device & 15u} << 24 | uint64_t{r.lba_high.now} << 16 |
                   uint64_t{r.lba_mid.now} << 8 | r.lba_low.now;
        } else {
            const Geometry& g = facts_.current;
            const unsigned cylinder = unsigned{r.lba_high.now} << 8 | r.lba_mid.now;
            const unsigned head = r.device & 15;
            if (!r.lba_low.now || r.lba_low.now > g.sectors || head >= g.heads) {
                failed(kAbrt);
                return false;
            }
            lba_ = (uint64_t{cylinder} * g.heads + head) * g.sectors + r.lba_low.now - 1;
        }
    }
    if (lba_ < facts_.sectors && count_ <= facts_.sectors - lba_) return true;
    failed(kAbrt);
    return false;
}

void AtaDisk::put_address48(uint64_t lba) {
    const auto byte = [lba](unsigned n) { return static_cast<uint8_t>(lba >> 8 * n); };
    regs_.lba_low = {.now = byte(0), .before = byte(3)};
    regs_.lba_mid = {.now = byte(1), .before = byte(4)};
    regs_.lba_high = {.now = byte(2), .before = byte(5)};
}

void AtaDisk::put_address(uint64_t lba) {
    if (wide()) return put_address48(lba);
    uint8_t low = static_cast<uint8_t>(lba), nibble = static_cast<uint8_t>(lba >> 24 & 15);
    uint64_t middle = lba >> 8;
    if (!(regs_.device & kLba)) {
        const Geometry& g = facts_.current;
        const uint64_t track = lba / g.sectors;
        low = static_cast<uint8_t>(lba % g.sectors + 1);
        nibble = static_cast<uint8_t>(track % g.heads);
        middle = track / g.heads;
    }
    regs_.lba_low.now = low;
    regs_.lba_mid.now = static_cast<uint8_t>(middle);
    regs_.lba_high.now = static_cast<uint8_t>(middle >> 8);
    regs_.device = static_cast<uint8_t>((regs_.device & 0xf0) | nibble);
}

void AtaDisk::put_count(uint32_t count) {
    regs_.count.now = static_cast<uint8_t>(count);
    if (wide()) regs_.count.before = static_cast<uint8_t>(count >> 8);
}

// ---- commands ----

unsigned AtaDisk::block() const { return by_ == By::kMultiple ? facts_.multiple : 1; }

template <AtaDisk::By by>
void AtaDisk::read() {
    if (by == By::kMultiple && !facts_.multiple) return failed(kAbrt);
    if (!take_address()) return;
    power_ = Power::kActive;
    work_ = Work::kRead;
    by_ = by;
    next_request();
}
template void AtaDisk::read<AtaDisk::By::kPio>();
template void AtaDisk::read<AtaDisk::By::kMultiple>();
template void AtaDisk::read<AtaDisk::By::kDma>();

template <AtaDisk::By by>
void AtaDisk::write() {
    if ((by == By::kMultiple && !facts_.multiple) || drive_.read_only()) return failed(kAbrt);
    if (!take_address()) return;
    power_ = Power::kActive;
    work_ = Work::kWrite;
    by_ = by;
    next_piece_out(false);
}
template void AtaDisk::write<AtaDisk::By::kPio>();
template void AtaDisk::write<AtaDisk::By::kMultiple>();
template void AtaDisk::write<AtaDisk::By::kDma>();

void AtaDisk::verify() {
    if (!take_address()) return;
    power_ = Power::kActive;
    work_ = Work::kVerify;
    by_ = By::kDma;
    next_request();
}

// ---- from the medium ----

void AtaDisk::next_request() {
    piece_ = std::min(count_, by_ == By::kDma ? kDmaPiece : kPioPiece);
    begin_read(lba_ * 512, piece_ * 512);
}

// The registers tell what comes after this block while it is transferred.
void AtaDisk::next_block_in() {
    const uint32_t sectors = std::min<uint32_t>(block(), static_cast<uint32_t>(data_left() / 512));
    lba_ += sectors;
    count_ -= sectors;
    put_address(lba_);
    put_count(count_);
    pio_in(sectors * 512);
}

// ---- to the medium ----

void AtaDisk::next_piece_out(bool interrupt) {
    clear_data();
    piece_ = std::min(count_, by_ == By::kDma ? kDmaPiece : kPioPiece);
    if (by_ == By::kDma)
        dma_out(piece_ * 512);
    else
        next_block_out(interrupt);
}

void AtaDisk::next_block_out(bool interrupt) {
    const auto there = static_cast<uint32_t>(data().size() / 512);
    pio_out(std::min<uint32_t>(block(), piece_ - there) * 512, interrupt);
}

// ---- what comes next ----

// A piece is where it belongs: in the host's memory, on the medium, or verified.
void AtaDisk::piece_done() {
    lba_ += piece_;
    count_ -= piece_;
    put_address(lba_);
    put_count(count_);
    clear_data();
}

void AtaDisk::data_moved() {
    switch (work_) {
        case Work::kRead:
            if (by_ == By::kDma) {
                piece_done();
                return count_ ? next_request() : done();
            }
            if (data_left()) return next_block_in();
            if (count_) return next_request();
            return done(kDrdy | kDsc, false);
        case Work::kWrite: {
            if (data().size() < size_t{piece_} * 512) return next_block_out(true);
            const std::vector<uint8_t> bytes = std::move(data());
            clear_data();
            return begin_write(lba_ * 512, bytes);
        }
        case Work::kTrim:
            ranges_ = std::move(data());
            clear_data();
            return next_range();
        default: return done(kDrdy | kDsc, false);
    }
}

void AtaDisk::request_done(DriveStatus status) {
    if (status != DriveStatus::kOk) return media_failed(status);
    switch (work_) {
        case Work::kRead: return by_ == By::kDma ? dma_in(data_left()) : next_block_in();
        case Work::kVerify:
            piece_done();
            return count_ ? next_request() : done();
        case Work::kWrite:
            piece_done();
            if (count_) return next_piece_out(true);
            if (!facts_.write_cache) return flush();
            return done();
        case Work::kTrim: return next_range();
        default: return done();
    }
}

// The address registers have the first sector of the piece that failed.
void AtaDisk::media_failed(DriveStatus) {
    const bool reads = work_ == Work::kRead || work_ == Work::kVerify;
    if (reads || work_ == Work::kWrite) {
        put_address(lba_);
        put_count(count_);
    }
    ranges_.clear();
    failed(reads ? kUnc : kAbrt);
}

}  // namespace qr::ide
