// SPDX-License-Identifier: GPL-2.0-or-later
//
// IDENTIFY data. Source: ATA/ATAPI-6 (T13/1410D), tables 27 and 28; ATA8-ACS for word 169 (TRIM).
#include "hw/ide/ata_identify.h"

#include <algorithm>

namespace qr::ide {

namespace {

constexpr uint64_t kMostLba28 = 0x0fffffff;

class Words {
  public:
    uint16_t& operator[](unsigned n) { return words_[n]; }
    void set32(unsigned n, uint64_t value) {
        words_[n] = static_cast<uint16_t>(value);
        words_[n + 1] = static_cast<uint16_t>(value >> 16);
    }
    // Two characters a word, the first one in the high byte, padded with blanks.
    void text(unsigned first, unsigned count, const std::string& value) {
        for (unsigned i = 0; i < count; ++i) {
            const auto at = [&](size_t n) { return static_cast<uint8_t>(n < value.size() ? value[n] : ' '); };
            words_[first + i] = static_cast<uint16_t>(at(2 * i) << 8 | at(2 * i + 1));
        }
    }
    std::vector<uint8_t> bytes() const {
        std::vector<uint8_t> bytes;
        for (const uint16_t word : words_) {
            bytes.push_back(static_cast<uint8_t>(word));
            bytes.push_back(static_cast<uint8_t>(word >> 8));
        }
        return bytes;
    }

  private:
    std::array<uint16_t, 256> words_{};
};

// Words 63 and 88: modes that there are, and in the high byte the chosen one.
uint16_t mode_word(uint8_t supported, uint8_t chosen) {
    return static_cast<uint16_t>(supported | (chosen < 8 ? 0x100 << chosen : 0));
}

constexpr uint8_t kMultiwordModes = 0x07;  // 0 to 2
constexpr uint8_t kUltraModes = 0x3f;      // 0 to 5

}  // namespace

std::vector<uint8_t> identify_disk(const DiskFacts& f) {
    Words w;
    w[0] = 0x0040;  // fixed
    w[1] = f.preset.cylinders;
    w[3] = f.preset.heads;
    w[4] = static_cast<uint16_t>(512 * f.preset.sectors);
    w[5] = 512;
    w[6] = f.preset.sectors;
    w.text(10, 10, f.identity.serial);
    w[20] = 3;    // a cache,
    w[21] = 512;  // of 512 sectors
    w[22] = 4;    // vendor's bytes with READ LONG
    w.text(23, 4, f.identity.firmware);
    w.text(27, 20, f.identity.model.empty() ? "QEMU HARDDISK" : f.identity.model);
    w[47] = static_cast<uint16_t>(0x8000 | f.most_multiple);
    w[48] = 1;       // doubleword I/O
    w[49] = 0x0b00;  // IORDY, LBA, DMA
    w[51] = 0x0200;  // PIO timing of mode 2
    w[52] = 0x0200;
    w[53] = 0x0007;  // words 54-58, 64-70 and 88 hold
    w[54] = f.current.cylinders;
    w[55] = f.current.heads;
    w[56] = f.current.sectors;
    w.set32(57, uint64_t{f.current.cylinders} * f.current.heads * f.current.sectors);
    if (f.multiple) w[59] = static_cast<uint16_t>(0x100 | f.multiple);
    w.set32(60, std::min(f.sectors, kMostLba28));
    w[62] = 0x0007;  // single word DMA, retired
    w[63] = mode_word(kMultiwordModes, f.modes.multiword);
    w[64] = 3;  // PIO modes 3 and 4
    for (unsigned i = 65; i <= 68; ++i) w[i] = 120;  // ns a cycle
    if (f.trim) w[69] = 0x4000;  // trimmed blocks read the same every time
    w[80] = 0x00f0;  // ATA-4 to 7
    w[81] = 0x0016;
    // 82/85: SMART, power management, write cache, look-ahead, NOP; 83/86: 48 bits, FLUSH CACHE and its EXT, APM;
    // 84/87: SMART's error log and self-test.
    w[82] = 0x4069;
    w[83] = 0x7408;
    w[84] = static_cast<uint16_t>(0x4003 | (f.identity.wwn ? 0x0100 : 0));
    w[85] = static_cast<uint16_t>(0x4008 | (f.smart ? 1 : 0) | (f.write_cache ? 0x20 : 0) |
                                  (f.read_ahead ? 0x40 : 0));
    w[86] = static_cast<uint16_t>(0x3400 | (f.power_management ? 0x08 : 0));
    w[87] = w[84];
    w[88] = mode_word(kUltraModes, f.modes.ultra);
    if (f.power_management) w[91] = static_cast<uint16_t>(0x4000 | f.power_management);
    w[93] = 0x6001;  // 80 conductors
    w.set32(100, f.sectors);
    w.set32(102, f.sectors >> 32);
    if (f.trim) w[105] = kTrimSectors;  // sectors of ranges that TRIM takes at once
    w[106] = 0x6000;         // physical sectors are logical ones
    for (unsigned i = 0; i < 4; ++i) w[108 + i] = static_cast<uint16_t>(f.identity.wwn >> (48 - 16 * i));
    if (f.trim) w[169] = 1;
    return w.bytes();
}

std::vector<uint8_t> identify_cdrom(const Identity& identity, const TransferModes& modes) {
    Words w;
    w[0] = 0x85c0;  // packet device, CD-ROM, removable, DRQ within 50 us, packets of 12 bytes
    w.text(10, 10, identity.serial);
    w[20] = 3;
    w[21] = 512;
    w[22] = 4;
    w.text(23, 4, identity.firmware);
    w.text(27, 20, identity.model.empty() ? "QEMU DVD-ROM" : identity.model);
    w[48] = 1;
    w[49] = 0x0300;  // LBA, DMA
    w[53] = 0x0007;
    w[62] = 0x0007;
    w[63] = mode_word(kMultiwordModes, modes.multiword);
    w[64] = 3;
    w[65] = 0xb4;  // ns a cycle
    w[66] = 0xb4;
    w[67] = 0x12c;
    w[68] = 0xb4;
    w[71] = 30;  // ns to release the bus
    w[72] = 30;
    w[80] = 0x001e;
    w[82] = 0x4210;  // NOP, DEVICE RESET, PACKET
    w[83] = 0x4000;
    w[84] = static_cast<uint16_t>(0x4000 | (identity.wwn ? 0x0100 : 0));
    w[85] = w[82];
    w[87] = w[84];
    w[88] = mode_word(kUltraModes, modes.ultra);
    for (unsigned i = 0; i < 4; ++i) w[108 + i] = static_cast<uint16_t>(identity.wwn >> (48 - 16 * i));
    return w.bytes();
}

// Table 44: the kind in bits 7:3, the mode below.
bool set_transfer_mode(TransferModes& modes, uint8_t value) {
    const uint8_t mode = value & 7;
    switch (value >> 3) {
        case 0:  // PIO default, without IORDY or with
            return mode <= 1;
        case 1:  // PIO with flow control
            return mode <= 4;
        case 4:
            if (!(kMultiwordModes >> mode & 1)) return false;
            modes = {.multiword = mode, .ultra = 0xff};
            return true;
        case 8:
            if (!(kUltraModes >> mode & 1)) return false;
            modes = {.multiword = 0xff, .ultra = mode};
            return true;
        default: return false;
    }
}

}  // namespace qr::ide
