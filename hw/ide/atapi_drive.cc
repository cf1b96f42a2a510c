// SPDX-License-Identifier: GPL-2.0-or-later
//
// Packets about a CD-ROM drive itself: who it is, what it can, its tray. Source: SPC-2 (T10/1236-D), 7.3 (INQUIRY),
// 7.20 (REQUEST SENSE); MMC-3 (T10/1363-D), 5 (features, mode pages), 6 (commands). Names and speeds are those of
// QEMU 7.2's drive.
#include <algorithm>

#include "hw/ide/atapi_cdrom.h"

namespace qr::ide {

namespace {

constexpr uint8_t kCdromType = 5;
constexpr uint16_t kProfileCd = 0x0008;
constexpr uint16_t kProfileDvd = 0x0010;
constexpr unsigned kSpeed = 704;  // kB/s, four times a CD's

// Pages of MODE SENSE.
constexpr uint8_t kErrorRecovery = 0x01, kAudio = 0x0e, kCapabilities = 0x2a, kAllPages = 0x3f;

// A feature descriptor of GET CONFIGURATION: code, version << 2 | persistent << 1 | current, data.
struct Feature {
    uint16_t code;
    uint8_t flags;
    std::vector<uint8_t> data;
};

}  // namespace

// That there is a medium was checked already.
void AtapiCdrom::test_unit_ready() { complete(); }

void AtapiCdrom::request_sense() {
    // Without other sense data, a change of the medium is reported here.
    if (!sense_.key && attention_) {
        attention_ = false;
        sense_ = {6, 0x28, 0};
    }
    Reply r;
    r.u8(0xf0).u8(0).u8(sense_.key).zeros(4).u8(10).zeros(4);
    r.u8(sense_.code).u8(sense_.qualifier).zeros(4);
    sense_ = {};
    reply(std::move(r.bytes), packet8(4));
}

void AtapiCdrom::inquiry() {
    const size_t allocated = packet16(3);
    Reply r;
    if (!(packet8(1) & 1)) {
        if (packet8(2)) return refuse_field();
        r.u8(kCdromType).u8(0x80).u8(0).u8(0x21).u8(31).zeros(3);
        r.text("QEMU", 8).text(identity_.model.empty() ? "QEMU DVD-ROM" : identity_.model, 16);
        r.text(identity_.firmware, 4);
        return reply(std::move(r.bytes), allocated);
    }
    // Vital product data: which there are, and identification.
    switch (packet8(2)) {
        case 0x00: r.u8(kCdromType).u8(0).u16(2).u8(0x00).u8(0x83); break;
        case 0x83:
            r.u8(kCdromType).u8(0x83).u16(0);
            r.u8(2).u8(0).u8(0).u8(20).text(identity_.serial, 20);  // vendor specific, in ASCII
            if (identity_.wwn) r.u8(1).u8(3).u8(0).u8(8).u32(static_cast<uint32_t>(identity_.wwn >> 32)).u32(static_cast<uint32_t>(identity_.wwn));
            r.put16(2, r.bytes.size() - 4);
            break;
        default: return refuse_field();
    }
    reply(std::move(r.bytes), allocated);
}

void AtapiCdrom::mode_sense() {
    const uint8_t page = packet8(2) & 0x3f;
    const uint8_t control = packet8(2) >> 6;  // current, changeable, default, saved
    if (control == 3) return refuse({5, 0x39, 0});
    // Header: length, kind of medium (data CD of 120 mm, none, tray open), no block descriptors.
    Reply r;
    r.u16(0).u8(tray_open_ ? 0x71 : has_medium() ? 0x01 : 0x70).zeros(5);
    const size_t header = r.bytes.size();
    if (page == kErrorRecovery || page == kAllPages) r.u8(kErrorRecovery).u8(6).u8(0).u8(5).zeros(4);
    if (page == kAudio || page == kAllPages)
        r.u8(kAudio).u8(14).u8(4).zeros(5).u8(1).u8(0xff).u8(2).u8(0xff).zeros(4);
    if (page == kCapabilities || page == kAllPages) {
        r.u8(kCapabilities).u8(20);
        r.u8(0x3b);  // reads CD-R, CD-RW, fixed packets, DVD-ROM, DVD-R
        r.u8(0x00);
        r.u8(0x71);  // multi-session, mode 2, audio play
        r.u8(0x60);
        r.u8(static_cast<uint8_t>(0x29 | (locked_ ? 2 : 0)));  // tray, eject, lock
        r.u8(0x00);
        r.u16(kSpeed).u16(2).u16(512).u16(kSpeed).zeros(6);
    }
    if (r.bytes.size() == header) return refuse_field();
    if (control == 1) {
        // Nothing is changeable: all but a page's code and length is zero.
        for (size_t at = header; at < r.bytes.size(); at += r.bytes[at + 1] + size_t{2})
            std::fill_n(r.bytes.begin() + static_cast<ptrdiff_t>(at + 2), r.bytes[at + 1], uint8_t{0});
    }
    r.put16(0, r.bytes.size() - 2);
    reply(std::move(r.bytes), packet16(7));
}

void AtapiCdrom::get_configuration() {
    const uint8_t which = packet8(1) & 3;  // all, current ones, one
    const uint16_t first = packet16(2);
    if (which == 3) return refuse_field();
    const bool cd = has_medium() && !is_dvd(), dvd = has_medium() && is_dvd();
    const auto profile = [](uint16_t code, bool current) {
        return std::vector<uint8_t>{static_cast<uint8_t>(code >> 8), static_cast<uint8_t>(code),
                                    static_cast<uint8_t>(current), 0};
    };
    std::vector<uint8_t> profiles = profile(kProfileDvd, dvd);
    for (const uint8_t byte : profile(kProfileCd, cd)) profiles.push_back(byte);
    const bool medium = cd || dvd;
    const Feature features[] = {
        {0x0000, 0x03, profiles},
        {0x0001, 0x0b, {0, 0, 0, 2, 0, 0, 0, 0}},  // core: ATAPI
        {0x0003, 0x03, {0x29, 0, 0, 0}},           // removable: tray, eject, lock
        {0x0010, medium, {0, 0, 8, 0, 0, 16, 0, 0}},  // random reads of 2048 bytes, 16 at a time
        {0x001e, static_cast<uint8_t>(0x08 | cd), {0, 0, 0, 0}},
        {0x001f, dvd, {}},
    };
    Reply r;
    r.u32(0).u16(0).u16(dvd ? kProfileDvd : cd ? kProfileCd : 0);
    for (const Feature& f : features) {
        if (f.code < first || (which == 2 && f.code != first) || (which == 1 && !(f.flags & 1))) continue;
        r.u16(f.code).u8(f.flags).u8(static_cast<unsigned>(f.data.size()));
        r.bytes.insert(r.bytes.end(), f.data.begin(), f.data.end());
    }
    r.put16(2, r.bytes.size() - 4);
    reply(std::move(r.bytes), packet16(7));
}

// Only polled, only events of the medium (6.7).
void AtapiCdrom::get_event_status() {
    constexpr unsigned kMediaClass = 4, kNoEventAvailable = 0x80;
    if (!(packet8(1) & 1)) return refuse_field();
    Reply r;
    if (packet8(4) & 1 << kMediaClass) {
        r.u16(6).u8(kMediaClass).u8(1 << kMediaClass);
        r.u8(static_cast<unsigned>(event_));
        r.u8((tray_open_ ? 1u : 0u) | (has_medium() ? 2u : 0u)).zeros(2);
        event_ = Event::kNone;
    } else {
        r.u16(2).u8(kNoEventAvailable).u8(1 << kMediaClass);
    }
    reply(std::move(r.bytes), packet16(7));
}

void AtapiCdrom::mechanism_status() {
    Reply r;
    r.u8(0).u8(tray_open_ ? 0x10 : 0).zeros(3).u8(1).u16(0);  // one slot, no table
    reply(std::move(r.bytes), packet16(8));
}

void AtapiCdrom::start_stop() {
    const bool start = packet8(4) & 1, load_or_eject = packet8(4) & 2;
    if (!load_or_eject) return complete();  // it always turns
    if (!start && locked_ && !tray_open_) return refuse({5, 0x53, 2});
    const bool open = !start;
    if (open == tray_open_) return complete();
    tray_open_ = open;
    drive_.eject(open);
    if (has_medium()) {
        attention_ = true;
        event_ = Event::kNewMedium;
    } else {
        event_ = Event::kRemoval;
    }
    complete();
}

void AtapiCdrom::prevent_allow() {
    locked_ = packet8(4) & 1;
    drive_.lock(locked_);
    complete();
}

void AtapiCdrom::set_speed() { complete(); }

}  // namespace qr::ide
