// SPDX-License-Identifier: GPL-2.0-or-later
//
// Packets about the disc in a CD-ROM drive: its sectors, its table of contents. Source: MMC-3 (T10/1363-D), 6.
#include <algorithm>

#include "hw/ide/atapi_cdrom.h"

namespace qr::ide {

namespace {

constexpr uint8_t kDataTrack = 0x14;  // ADR 1 (position), control 4 (data, no copying)
constexpr uint8_t kLeadOut = 0xaa;

// Blocks of one request.
constexpr uint32_t kDmaPiece = 512;
constexpr uint32_t kPioPiece = 31;  // what a byte count of 16 bits can tell

}  // namespace

// ---- reading ----

void AtapiCdrom::start_read(uint32_t lba, uint32_t count, SectorParts parts) {
    if (lba >= blocks() || count > blocks() - lba) {
        if (count) return refuse({5, 0x21, 0});
    }
    if (!count || !parts.size()) return complete();
    work_ = Work::kRead;
    lba_ = lba;
    count_ = count;
    parts_ = parts;
    next_piece();
}

void AtapiCdrom::next_piece() {
    // PIO pieces have a block's size, where a block can hold sectors at all.
    piece_ = dma_ ? kDmaPiece : std::clamp<uint32_t>(limit_ / parts_.size(), 1, kPioPiece);
    piece_ = std::min(piece_, count_);
    begin_read(uint64_t{lba_} * kCdBlock, piece_ * kCdBlock);
}

void AtapiCdrom::request_done(DriveStatus status) {
    if (status == DriveStatus::kNoMedium) return refuse({2, 0x3a, 1});
    if (status != DriveStatus::kOk) return refuse({3, 0x11, 0});
    if (!parts_.plain()) {
        const std::vector<uint8_t> blocks = std::move(data());
        std::vector<uint8_t> sectors;
        for (uint32_t i = 0; i < piece_; ++i) {
            const auto block = std::span(blocks).subspan(size_t{i} * kCdBlock).first<kCdBlock>();
            parts_.append(sectors, lba_ + i, block);
        }
        set_data(std::move(sectors));
    }
    lba_ += piece_;
    count_ -= piece_;
    next_block();
}

void AtapiCdrom::read10() { start_read(packet32(2), packet16(7), {}); }
void AtapiCdrom::read12() { start_read(packet32(2), packet32(6), {}); }

// Any kind of sector may be expected, or mode 1.
void AtapiCdrom::read_cd() {
    const uint8_t kind = packet8(1) >> 2 & 7;
    const uint32_t count = uint32_t{packet8(6)} << 16 | packet16(7);
    const auto parts = SectorParts::of_flags(packet8(9));
    if (!parts || packet8(10) & 7) return refuse_field();
    if (kind != 0 && kind != 2) return refuse({5, 0x64, 0});
    start_read(packet32(2), count, *parts);
}

void AtapiCdrom::read_cd_msf() {
    const uint8_t kind = packet8(1) >> 2 & 7;
    const auto first = lba_of_msf(packet8(3), packet8(4), packet8(5));
    const auto end = lba_of_msf(packet8(6), packet8(7), packet8(8));
    const auto parts = SectorParts::of_flags(packet8(9));
    if (!parts || packet8(10) & 7 || !first || !end || *end < *first) return refuse_field();
    if (kind != 0 && kind != 2) return refuse({5, 0x64, 0});
    start_read(*first, *end - *first, *parts);
}

void AtapiCdrom::seek() {
    if (packet32(2) >= blocks()) return refuse({5, 0x21, 0});
    complete();
}

// ---- audio: there is none ----

void AtapiCdrom::play() { refuse({5, 0x64, 0}); }
void AtapiCdrom::pause() { refuse({5, 0x2c, 0}); }
void AtapiCdrom::stop() { complete(); }

void AtapiCdrom::read_subchannel() {
    constexpr uint8_t kNoAudioStatus = 0x15, kPosition = 1;
    const bool msf = packet8(1) & 2, wants_data = packet8(2) & 0x40;
    Reply r;
    r.u8(0).u8(kNoAudioStatus).u16(0);
    if (wants_data) {
        if (packet8(3) != kPosition) return refuse_field();
        r.u8(kPosition).u8(kDataTrack).u8(1).u8(1);
        address_field(r.bytes, 0, msf);
        address_field(r.bytes, 0, msf);
        r.put16(2, 12);
    }
    reply(std::move(r.bytes), packet16(7));
}

// ---- what is where ----

void AtapiCdrom::address_field(std::vector<uint8_t>& to, uint32_t lba, bool msf) const {
    Reply r;
    if (msf) {
        r.u8(0);
        for (const uint8_t part : msf_of_lba(lba)) r.u8(part);
    } else {
        r.u32(lba);
    }
    to.insert(to.end(), r.bytes.begin(), r.bytes.end());
}

void AtapiCdrom::read_capacity() {
    Reply r;
    r.u32(blocks() ? blocks() - 1 : 0).u32(kCdBlock);
    reply(std::move(r.bytes), 8);
}

void AtapiCdrom::read_toc() {
    const bool msf = packet8(1) & 2;
    // The format's place in the drives of 1996 was byte 9.
    uint8_t format = packet8(2) & 15;
    if (!format) format = packet8(9) >> 6;
    const uint8_t first = packet8(6);
    Reply r;
    r.u16(0).u8(1).u8(1);
    const auto track = [&](uint8_t number, uint32_t lba) {
        r.u8(0).u8(kDataTrack).u8(number).u8(0);
        address_field(r.bytes, lba, msf);
    };
    switch (format) {
        case 0:  // tracks, from the given one on
            if (first > 1 && first != kLeadOut) return refuse_field();
            if (first <= 1) track(1, 0);
            track(kLeadOut, blocks());
            break;
        case 1: track(1, 0); break;  // sessions: the first track of the last one
        case 2: {                    // the lead-in's own entries
            const auto entry = [&](uint8_t point, uint8_t minute, uint8_t second, uint8_t frame) {
                r.u8(1).u8(kDataTrack).u8(0).u8(point).zeros(4).u8(minute).u8(second).u8(frame);
            };
            const auto end = msf_of_lba(blocks()), start = msf_of_lba(0);
            entry(0xa0, 1, 0, 0);
            entry(0xa1, 1, 0, 0);
            entry(0xa2, end[0], end[1], end[2]);
            entry(1, start[0], start[1], start[2]);
            break;
        }
        default: return refuse_field();
    }
    r.put16(0, r.bytes.size() - 2);
    reply(std::move(r.bytes), packet16(7));
}

void AtapiCdrom::read_disc_information() {
    if (packet8(1) & 7) return refuse_field();
    Reply r;
    r.u16(32).u8(0x0e);           // complete, and so is its last session
    r.u8(1).u8(1).u8(1).u8(1);    // first track, sessions, first and last track of the last one
    r.u8(0x20).zeros(26);         // for unrestricted use
    reply(std::move(r.bytes), packet16(7));
}

void AtapiCdrom::read_track_information() {
    const uint32_t what = packet32(2);
    switch (packet8(1) & 3) {
        case 0:  // by address
            if (what >= blocks()) return refuse({5, 0x21, 0});
            break;
        case 1:
        case 2:  // by track or session
            if (what != 1) return refuse_field();
            break;
        default: return refuse_field();
    }
    Reply r;
    r.u16(34).u8(1).u8(1).u8(0).u8(4).u8(1).u8(0);  // track 1 of session 1: data, mode 1
    r.u32(0).u32(0).u32(0).u32(0).u32(blocks()).u32(0).zeros(4);
    reply(std::move(r.bytes), packet16(7));
}

void AtapiCdrom::read_dvd_structure() {
    const uint8_t format = packet8(7);
    const size_t allocated = packet16(8);
    // 6.22: physical, copyright, manufacturing, and the list of these.
    struct Format {
        uint8_t code;
        uint16_t size;
    };
    static constexpr Format kFormats[] = {{0x00, 2052}, {0x01, 8}, {0x04, 2052}};
    Reply r;
    if (format == 0xff) {
        r.u16(0).u16(0);
        for (const Format& f : kFormats) r.u8(f.code).u8(0x40).u16(f.size);
        r.put16(0, r.bytes.size() - 2);
        return reply(std::move(r.bytes), allocated);
    }
    if (!is_dvd()) return refuse({5, 0x30, 0});
    const auto* found = std::ranges::find(kFormats, format, &Format::code);
    if (found == std::end(kFormats) || packet8(6)) return refuse_field();
    r.u16(found->size - 2u).u16(0);
    if (format == 0) {
        constexpr uint32_t kFirst = 0x30000;  // physical address of block 0
        r.u8(0x01).u8(0x0f).u8(0x01).u8(0x00);  // DVD-ROM 1.0, 120 mm, one layer, embossed
        r.u32(kFirst).u32(kFirst + blocks() - 1).u32(0);
    }
    r.zeros(found->size - r.bytes.size());
    reply(std::move(r.bytes), allocated);
}

}  // namespace qr::ide
