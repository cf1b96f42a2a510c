// SPDX-License-Identifier: GPL-2.0-or-later
//
// Sectors with sync, header, EDC and ECC. Source: ECMA-130 (2nd edition), 14 (sectors), 14.3 (EDC), annex A (the
// product code: P over columns, Q over diagonals of a 24 by 43 array of words).
#include "hw/ide/cd_sector.h"

#include <algorithm>

#include "util/bits.h"

namespace qr::ide {

namespace {

constexpr size_t kHeaderAt = 12, kDataAt = 16, kEdcAt = 2064, kPAt = 2076, kQAt = 2248;
constexpr uint32_t kLeadIn = 150;  // frames before logical block 0
constexpr uint32_t kFramesASecond = 75;

uint8_t bcd(uint8_t value) { return static_cast<uint8_t>(value / 10 << 4 | value % 10); }

constexpr auto kEdcTable = [] {
    // (x^16 + x^15 + x^2 + 1)(x^16 + x^2 + x + 1), lowest order bit first.
    std::array<uint32_t, 256> table{};
    for (uint32_t i = 0; i < 256; ++i) {
        uint32_t value = i;
        for (int n = 0; n < 8; ++n) value = value >> 1 ^ (value & 1 ? 0xd8018001 : 0);
        table[i] = value;
    }
    return table;
}();

// The field GF(2^8) of x^8 + x^4 + x^3 + x^2 + 1.
constexpr uint8_t twice(uint8_t value) { return static_cast<uint8_t>(value << 1 ^ (value & 0x80 ? 0x1d : 0)); }

// What gives a value when multiplied by 3.
constexpr auto kThird = [] {
    std::array<uint8_t, 256> table{};
    for (unsigned i = 0; i < 256; ++i) {
        const auto value = static_cast<uint8_t>(i);
        table[twice(value) ^ value] = value;
    }
    return table;
}();

// Two parity bytes of a code word: the sum of all bytes is 0, and so is the sum of each times 2 to the power of its
// distance from the end.
template <class At>
std::array<uint8_t, 2> parity(size_t length, At at) {
    uint8_t sum = 0, weighted = 0;
    for (size_t i = 0; i < length; ++i) {
        sum ^= at(i);
        weighted = twice(weighted) ^ at(i);
    }
    weighted = twice(twice(weighted));
    const uint8_t first = kThird[sum ^ weighted];
    return {first, static_cast<uint8_t>(sum ^ first)};
}

void add_ecc(std::span<uint8_t, kCdRawSector> sector) {
    // From the header on, low and high bytes of words apart.
    const std::span<uint8_t> code = sector.subspan(kHeaderAt);
    constexpr size_t kColumns = 43, kRows = 24, kDiagonals = 26;
    for (size_t column = 0; column < 2 * kColumns; ++column) {
        const auto p = parity(kRows, [&](size_t row) { return code[2 * kColumns * row + column]; });
        sector[kPAt + column] = p[0];
        sector[kPAt + 2 * kColumns + column] = p[1];
    }
    for (size_t n = 0; n < kDiagonals; ++n) {
        for (size_t half = 0; half < 2; ++half) {
            const auto q = parity(kColumns, [&](size_t m) {
                return code[2 * ((44 * m + 43 * n) % (kColumns * kDiagonals)) + half];
            });
            sector[kQAt + 2 * n + half] = q[0];
            sector[kQAt + 2 * kDiagonals + 2 * n + half] = q[1];
        }
    }
}

}  // namespace

std::array<uint8_t, 3> msf_of_lba(uint32_t lba) {
    const uint32_t frames = lba + kLeadIn;
    return {static_cast<uint8_t>(frames / kFramesASecond / 60), static_cast<uint8_t>(frames / kFramesASecond % 60),
            static_cast<uint8_t>(frames % kFramesASecond)};
}

std::optional<uint32_t> lba_of_msf(uint8_t minute, uint8_t second, uint8_t frame) {
    const uint32_t frames = (minute * 60u + second) * kFramesASecond + frame;
    if (second >= 60 || frame >= kFramesASecond || frames < kLeadIn) return std::nullopt;
    return frames - kLeadIn;
}

std::array<uint8_t, kCdRawSector> raw_sector(uint32_t lba, std::span<const uint8_t, kCdBlock> data) {
    std::array<uint8_t, kCdRawSector> sector{};
    std::fill(sector.begin() + 1, sector.begin() + 11, uint8_t{0xff});
    const auto msf = msf_of_lba(lba);
    for (size_t i = 0; i < 3; ++i) sector[kHeaderAt + i] = bcd(msf[i]);
    sector[kHeaderAt + 3] = 1;  // mode
    std::ranges::copy(data, sector.begin() + kDataAt);
    uint32_t edc = 0;
    for (size_t i = 0; i < kEdcAt; ++i) edc = edc >> 8 ^ kEdcTable[(edc ^ sector[i]) & 0xff];
    store_le(&sector[kEdcAt], edc);
    add_ecc(sector);
    return sector;
}

std::optional<SectorParts> SectorParts::of_flags(uint8_t flags) {
    // C2 error fields, and headers of mode 2 alone.
    if (flags & 0x07 || (flags & 0x60) == 0x40) return std::nullopt;
    SectorParts parts{bit(flags, 7), bit(flags, 5), bit(flags, 4), bit(flags, 3)};
    // Only what lies side by side.
    if (parts.sync && !parts.header && (parts.data || parts.parity)) return std::nullopt;
    if ((parts.sync || parts.header) && !parts.data && parts.parity) return std::nullopt;
    return parts;
}

uint32_t SectorParts::size() const {
    return (sync ? 12 : 0) + (header ? 4 : 0) + (data ? kCdBlock : 0) + (parity ? 288 : 0);
}

void SectorParts::append(std::vector<uint8_t>& to, uint32_t lba, std::span<const uint8_t, kCdBlock> block) const {
    const auto raw = raw_sector(lba, block);
    const auto add = [&](bool wanted, size_t first, size_t last) {
        if (wanted) to.insert(to.end(), raw.begin() + static_cast<ptrdiff_t>(first), raw.begin() + static_cast<ptrdiff_t>(last));
    };
    add(sync, 0, kHeaderAt);
    add(header, kHeaderAt, kDataAt);
    add(data, kDataAt, kEdcAt);
    add(parity, kEdcAt, kCdRawSector);
}

}  // namespace qr::ide
