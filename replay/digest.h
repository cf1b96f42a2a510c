// SPDX-License-Identifier: GPL-2.0-or-later
// Digests: what the machine is at one position, small enough to be logged every second. The state
// is kept whole, as a difference to the digest before; RAM as a hash per block, with short hashes
// of the pages that changed, so that a replay can tell the field or the page in which it went
// astray. Source: docs/replay-format.rst, "DIGE".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "exec/memory.h"
#include "replay/log_reader.h"
#include "replay/state_dump.h"
#include "replay/zstd.h"

namespace qr {

// One RAM block in a digest.
struct RamDigest {
    std::string name;
    uint64_t pages = 0;
    uint64_t hash = 0;  // of the hashes of all pages
    // What changed since the digest before: runs of 2^run_shift pages, with the low 16 bits of the
    // hash of their pages' hashes.
    unsigned run_shift = 0;
    struct Run {
        uint64_t index;
        uint16_t hash;
        bool operator==(const Run&) const = default;
    };
    std::vector<Run> changed;
    bool operator==(const RamDigest&) const = default;
};

struct Digest {
    Position position;
    int64_t virtual_ns = 0;
    StateDump state;
    std::vector<RamDigest> ram;
};

// The hash of every page, kept up to date by the dirty bits of the client kDirtyDigest.
class PageHashes {
  public:
    explicit PageHashes(AddressSpace& memory) : memory_(memory) {}

    // Brings them up to date, and says what changed since the last call.
    std::vector<RamDigest> update();

    uint16_t run_hash(size_t block, uint64_t run, unsigned run_shift) const;
    // As of the last update(): did this run change?
    const RamDigest& changed(size_t block) const { return last_[block]; }

  private:
    AddressSpace& memory_;
    std::vector<std::vector<uint64_t>> blocks_;  // page hashes, by block
    std::vector<RamDigest> last_;
};

// Digests to chunk contents. Every kKeyEvery-th needs no earlier one to be read.
class DigestEncoder {
  public:
    DigestEncoder() : zstd_(3) {}
    // key: it must be readable alone.
    std::vector<uint8_t> encode(const Digest& digest, bool key = false);

  private:
    static constexpr unsigned kKeyEvery = 64;
    ZstdCompressor zstd_;
    StateDump before_;
    unsigned count_ = 0;
};

// Goes through the digests of a log.
class DigestReader {
  public:
    explicit DigestReader(const LogReader& log) : log_(log) {}

    // Goes to the first digest at or after a position, forward or back.
    void seek(Position position);
    // Where the next one is, without reading it; nothing at the log's end.
    std::optional<Position> next_position();
    // Fails if the log is damaged there.
    Result<Digest> read();
    // Goes to the one behind it.
    void skip();

  private:
    Result<void> recover(const ChunkRef& chunk);
    Result<Digest> read_at(const ChunkRef& chunk);
    Result<void> decode(const ChunkRef& chunk, Digest& digest);
    std::optional<ChunkRef> next_chunk();

    const LogReader& log_;
    uint64_t offset_ = 0;
    bool started_ = false;
    std::optional<ChunkRef> next_;
    StateDump before_;
    bool have_before_ = false;
};

struct RamDifference {
    std::string block;
    uint64_t first_page =
        0;               // of the first run of pages that differs; in units of 4 KiB in the block
    uint64_t pages = 0;  // length of that run; 0: not known which
    size_t runs = 0;     // how many runs differ
};
std::string describe(const RamDifference& difference);

// What differs between the recorded digest and this machine. `hashes` was just updated.
std::vector<RamDifference> compare_ram(const std::vector<RamDigest>& recorded,
                                       const std::vector<RamDigest>& replayed,
                                       const PageHashes& hashes);

}  // namespace qr
