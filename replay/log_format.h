// SPDX-License-Identifier: GPL-2.0-or-later
// The fixed structures of a log file: its first page, a chunk's head, and the journal's areas. All
// numbers are little-endian. Source: docs/replay-format.rst, which is complete; names here are its
// names.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sysemu/replay.h"

namespace qr {

constexpr std::array<uint8_t, 8> kLogMagic = {0x89, 'Q', 'R', 'L', 'O', 'G', '\r', '\n'};
constexpr uint16_t kFormatMajor = 1;  // readers refuse another one
constexpr uint16_t kFormatMinor = 0;  // readers accept a higher one

constexpr size_t kFileHeadSize = 64;
constexpr size_t kChunkHeadSize = 80;
constexpr size_t kAreaHeadSize = 64;
constexpr size_t kStopPageSize = 4096;

// What a reader takes at most, whatever a file says.
constexpr uint64_t kMaxRawChunk = 32 << 20;     // decompressed
constexpr uint64_t kMaxStoredChunk = 33 << 20;  // of the kinds that are read (others are skipped)
constexpr uint64_t kMaxHeader = 4 << 20;        // the JSON text
constexpr uint64_t kMaxArea = 16 << 20;
constexpr uint32_t kMaxAreas = 4;
constexpr uint64_t kMaxPayload = 16 << 20;  // of one event
constexpr uint64_t kMaxZstdRatio = 40'000;  // zstd's densest frames stay below
constexpr uint64_t kBlobPiece = 8 << 20;    // how writers split long blobs and snapshots

// XXH3-64, and the low half of it.
uint64_t hash64(std::span<const uint8_t> bytes, uint64_t seed = 0);
uint32_t hash32(std::span<const uint8_t> bytes, uint64_t seed = 0);
// XXH3-128 as 32 hexadecimal digits, in the canonical (big-endian) order that xxhsum prints.
std::string hash128_hex(std::span<const uint8_t> bytes);

struct FileHead {
    uint16_t major = kFormatMajor;
    uint16_t minor = kFormatMinor;
    uint32_t behaviour = 0;
    uint64_t journal_offset = 0;  // of the stop page; the areas follow it
    uint32_t area_size = 0;
    uint32_t area_count = 0;
    uint64_t first_chunk = 0;

    std::array<uint8_t, kFileHeadSize> encode() const;
};

enum class ChunkType : uint32_t {};
constexpr ChunkType chunk_type(const char (&name)[5]) {
    return static_cast<ChunkType>(
        static_cast<uint8_t>(name[0]) | static_cast<uint8_t>(name[1]) << 8 |
        static_cast<uint8_t>(name[2]) << 16 | static_cast<uint8_t>(name[3]) << 24);
}
constexpr ChunkType kChunkHeader = chunk_type("HEAD");
constexpr ChunkType kChunkBlob = chunk_type("BLOB");
constexpr ChunkType kChunkEvents = chunk_type("EVNT");
constexpr ChunkType kChunkDigest = chunk_type("DIGE");
constexpr ChunkType kChunkSnapshot = chunk_type("SNAP");
constexpr ChunkType kChunkCheckpoint = chunk_type("CKPT");
constexpr ChunkType kChunkCheckpointPiece = chunk_type("CKPP");
constexpr ChunkType kChunkSkip = chunk_type("SKIP");
constexpr ChunkType kChunkIndex = chunk_type("INDX");
constexpr ChunkType kChunkEnd = chunk_type("END ");
bool known_chunk(ChunkType type);
// One that a reader may do without.
bool optional_chunk(ChunkType type);
std::string chunk_name(ChunkType type);

constexpr uint32_t kChunkOptional = 1;    // a reader that does not know the type may skip it
constexpr uint32_t kChunkCompressed = 2;  // the stored bytes are one zstd frame

struct ChunkHead {
    ChunkType type{};
    uint32_t flags = 0;
    uint64_t number = 0;  // counts chunks from 0
    uint64_t stored_size = 0;
    uint64_t raw_size = 0;
    Position first;
    Position last;
    uint64_t virtual_ns = 0;  // at `last`
    uint64_t stored_hash = 0;

    std::array<uint8_t, kChunkHeadSize> encode() const;
    // Nothing: these bytes are no chunk head.
    static std::optional<ChunkHead> decode(std::span<const uint8_t> bytes);
};

// Where a chunk is, for INDX.
struct IndexEntry {
    ChunkType type;
    uint64_t offset;
    Position first;
};
// INDX's contents. Offsets and positions rise.
std::vector<uint8_t> encode_index(std::span<const IndexEntry> entries);

// How a log ended.
enum class EndKind {
    kFinished,   // properly, with END
    kCut,        // killed: the journal has it to its last event
    kTruncated,  // only whole chunks are left
    kStopped,    // the writer gave up (disk full) and said so
    kDamaged,    // something in the middle is not what it should be
};
std::string_view end_kind_name(EndKind kind);  // "finished", "cut", ...

struct EndStatus {
    EndKind kind = EndKind::kTruncated;
    Position position;        // no input is known at or after it; the recording got at least here
    uint64_t virtual_ns = 0;  // there, 0 when unknown
    std::string reason;       // why the recording ended, or what is damaged and where
};

// The body of an EVENTS chunk, and of one journal area.
struct EventsHead {
    uint64_t segment = 0;      // counts runs of events from 0
    uint64_t base_icount = 0;  // every event before it is in an earlier segment
    uint64_t first_event = 0;  // number of events in earlier segments
};

}  // namespace qr
