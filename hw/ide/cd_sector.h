// SPDX-License-Identifier: GPL-2.0-or-later
//
// A CD-ROM sector in mode 1 with all its 2352 bytes, made from its 2048 bytes of data, and addresses as minutes,
// seconds and frames. ECMA-130 (2nd edition), 14 and annex A. VM thread only.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace qr::ide {

constexpr uint32_t kCdBlock = 2048;
constexpr uint32_t kCdRawSector = 2352;

// Hours never: a byte each.
std::array<uint8_t, 3> msf_of_lba(uint32_t lba);
std::optional<uint32_t> lba_of_msf(uint8_t minute, uint8_t second, uint8_t frame);

std::array<uint8_t, kCdRawSector> raw_sector(uint32_t lba, std::span<const uint8_t, kCdBlock> data);

// Parts of a sector as READ CD chooses them (MMC-3, table 254): byte 9 of the command.
struct SectorParts {
    bool sync = false, header = false, data = true, parity = false;

    // Nothing for fields that no mode 1 sector has, or that aren't modelled.
    static std::optional<SectorParts> of_flags(uint8_t flags);
    uint32_t size() const;
    bool plain() const { return data && !sync && !header && !parity; }
    void append(std::vector<uint8_t>& to, uint32_t lba, std::span<const uint8_t, kCdBlock> block) const;

    template <class V>
    void state(V& v) {
        v("sync", sync);
        v("header", header);
        v("data", data);
        v("parity", parity);
    }
};

}  // namespace qr::ide
