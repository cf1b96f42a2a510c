// SPDX-License-Identifier: GPL-2.0-or-later
// Encoding and checking of the log's fixed structures; see replay/log_format.h and
// docs/replay-format.rst.
#include "replay/log_format.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>

#include "replay/varint.h"
#include "util/bits.h"

namespace qr {

uint64_t hash64(std::span<const uint8_t> bytes, uint64_t seed) {
    return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

uint32_t hash32(std::span<const uint8_t> bytes, uint64_t seed) {
    return static_cast<uint32_t>(hash64(bytes, seed));
}

std::string hash128_hex(std::span<const uint8_t> bytes) {
    const XXH128_hash_t h = XXH3_128bits(bytes.data(), bytes.size());
    return fmt::format("{:016x}{:016x}", h.high64, h.low64);
}

std::array<uint8_t, kFileHeadSize> FileHead::encode() const {
    std::array<uint8_t, kFileHeadSize> b{};
    std::ranges::copy(kLogMagic, b.begin());
    store_le(&b[8], major);
    store_le(&b[10], minor);
    store_le(&b[12], behaviour);
    store_le(&b[16], journal_offset);
    store_le(&b[24], area_size);
    store_le(&b[28], area_count);
    store_le(&b[32], first_chunk);
    store_le(&b[56], hash64({b.data(), 56}));
    return b;
}

bool known_chunk(ChunkType type) {
    return type == kChunkHeader || type == kChunkBlob || type == kChunkEvents || type == kChunkEnd ||
           optional_chunk(type);
}

bool optional_chunk(ChunkType type) {
    return type == kChunkDigest || type == kChunkSnapshot || type == kChunkCheckpoint ||
           type == kChunkCheckpointPiece || type == kChunkSkip || type == kChunkIndex;
}

std::string chunk_name(ChunkType type) {
    std::string name;
    for (unsigned i = 0; i < 4; ++i) {
        const auto c = static_cast<char>(static_cast<uint32_t>(type) >> (8 * i));
        name += c >= 0x20 && c < 0x7F ? c : '?';
    }
    while (!name.empty() && name.back() == ' ') name.pop_back();
    return name;
}

namespace {
constexpr uint32_t kChunkMagic = 0x4B484351;  // "QCHK"
constexpr size_t kChunkCheckAt = 12;

uint32_t chunk_check(std::span<const uint8_t> bytes) {
    std::array<uint8_t, kChunkHeadSize> copy;
    std::ranges::copy(bytes.first(kChunkHeadSize), copy.begin());
    store_le(&copy[kChunkCheckAt], uint32_t{0});
    return hash32(copy);
}
}  // namespace

std::array<uint8_t, kChunkHeadSize> ChunkHead::encode() const {
    std::array<uint8_t, kChunkHeadSize> b{};
    store_le(&b[0], kChunkMagic);
    store_le(&b[4], static_cast<uint32_t>(type));
    store_le(&b[8], flags);
    store_le(&b[16], number);
    store_le(&b[24], stored_size);
    store_le(&b[32], raw_size);
    store_le(&b[40], first.icount);
    store_le(&b[48], last.icount);
    store_le(&b[56], first.ordinal);
    store_le(&b[60], last.ordinal);
    store_le(&b[64], virtual_ns);
    store_le(&b[72], stored_hash);
    store_le(&b[kChunkCheckAt], chunk_check(b));
    return b;
}

std::optional<ChunkHead> ChunkHead::decode(std::span<const uint8_t> b) {
    if (b.size() < kChunkHeadSize || load_le<uint32_t>(&b[0]) != kChunkMagic) return {};
#ifndef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
    if (load_le<uint32_t>(&b[kChunkCheckAt]) != chunk_check(b)) return {};
#endif
    ChunkHead h;
    h.type = static_cast<ChunkType>(load_le<uint32_t>(&b[4]));
    h.flags = load_le<uint32_t>(&b[8]);
    h.number = load_le<uint64_t>(&b[16]);
    h.stored_size = load_le<uint64_t>(&b[24]);
    h.raw_size = load_le<uint64_t>(&b[32]);
    h.first = {load_le<uint64_t>(&b[40]), load_le<uint32_t>(&b[56])};
    h.last = {load_le<uint64_t>(&b[48]), load_le<uint32_t>(&b[60])};
    h.virtual_ns = load_le<uint64_t>(&b[64]);
    h.stored_hash = load_le<uint64_t>(&b[72]);
    return h;
}

std::string_view end_kind_name(EndKind kind) {
    switch (kind) {
        case EndKind::kFinished: return "finished";
        case EndKind::kCut: return "cut";
        case EndKind::kTruncated: return "truncated";
        case EndKind::kStopped: return "stopped";
        case EndKind::kDamaged: return "damaged";
    }
    return "";
}

std::vector<uint8_t> encode_index(std::span<const IndexEntry> entries) {
    std::vector<uint8_t> raw;
    put_varint(raw, entries.size());
    IndexEntry before{};
    for (const IndexEntry& entry : entries) {
        put_little_endian(raw, static_cast<uint32_t>(entry.type), 4);
        put_varint(raw, entry.offset - before.offset);
        put_varint(raw, entry.first.icount - before.first.icount);
        put_varint(raw, entry.first.ordinal);
        before = entry;
    }
    return raw;
}

}  // namespace qr
