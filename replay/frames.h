// SPDX-License-Identifier: GPL-2.0-or-later
// A run of bytes as one zstd frame behind its size, as snapshots and checkpoints keep their state.
// Source: docs/replay-format.rst, "Snapshots".
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "replay/state_dump.h"
#include "replay/varint.h"
#include "replay/zstd.h"

namespace qr {

inline void put_frame(std::vector<uint8_t>& to, ZstdCompressor& zstd, std::span<const uint8_t> raw) {
    put_varint(to, raw.size());
    put_bytes(to, zstd.compress(raw));
}

// False: there is none of at most kMaxStateDump bytes.
inline bool take_frame(ByteReader& reader, std::vector<uint8_t>& raw) {
    const uint64_t size = reader.varint_up_to(kMaxStateDump);
    const auto stored = reader.bytes();
    if (!reader.ok()) return false;
    auto bytes = zstd_decompress(stored, size);
    if (bytes) raw = std::move(*bytes);
    return bytes.has_value();
}

}  // namespace qr
