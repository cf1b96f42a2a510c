// SPDX-License-Identifier: GPL-2.0-or-later
// Hashing RAM page by page, and digests to bytes and back; see replay/digest.h.
// Source: docs/replay-format.rst, "DIGE".
#include "replay/digest.h"

#include <fmt/format.h>

#include <algorithm>

#include "replay/varint.h"
#include "util/page_memory.h"

namespace qr {

namespace {

constexpr size_t kMaxRuns = 2048;  // in one block of one digest: coarser runs if more pages changed
constexpr uint64_t kMaxBlocks = 256;
constexpr unsigned kMaxRunShift = 40;

constexpr uint8_t kKey = 1;       // needs no digest before it
constexpr uint8_t kNewShape = 2;  // the shape is given, not the one before

}  // namespace

// ---- RAM ----

uint16_t PageHashes::run_hash(size_t block, uint64_t run, unsigned run_shift) const {
    const auto& hashes = blocks_[block];
    const uint64_t first = run << run_shift;
    if (first >= hashes.size()) return 0;
    const uint64_t n = std::min<uint64_t>(uint64_t{1} << run_shift, hashes.size() - first);
    return static_cast<uint16_t>(
        hash64({reinterpret_cast<const uint8_t*>(&hashes[first]), n * sizeof(uint64_t)}));
}

std::vector<RamDigest> PageHashes::update() {
    static constexpr std::array<uint8_t, kPageSize> kZeroPage{};
    const uint64_t zero_hash = hash64(kZeroPage);
    const auto blocks = memory_.blocks();
    const bool all = blocks_.size() != blocks.size();
    if (all) {
        blocks_.clear();
        for (RamBlock* block : blocks) blocks_.emplace_back(block->page_count(), zero_hash);
    }
    last_.clear();
    std::vector<uint64_t> changed;
    for (size_t b = 0; b < blocks.size(); ++b) {
        const RamBlock& block = *blocks[b];
        auto& hashes = blocks_[b];
        changed.clear();
        const auto touched = all ? touched_pages(block.data(), block.size()) : std::vector<bool>();
        for (uint64_t page = 0; page < hashes.size(); ++page) {
            if (all ? !touched[page] : !(block.dirty(page) & kDirtyDigest)) continue;
            const uint64_t hash = hash64({block.data() + page * kPageSize, kPageSize});
            if (hash == hashes[page]) continue;
            hashes[page] = hash;
            changed.push_back(page);
        }
        RamDigest digest;
        digest.name = block.name();
        digest.pages = hashes.size();
        digest.hash = hash64(
            {reinterpret_cast<const uint8_t*>(hashes.data()), hashes.size() * sizeof(uint64_t)});
        // Coarser and coarser, until there are few enough.
        while (changed.size() > kMaxRuns) {
            ++digest.run_shift;
            for (uint64_t& run : changed) run >>= 1;
            changed.erase(std::unique(changed.begin(), changed.end()), changed.end());
        }
        for (const uint64_t run : changed)
            digest.changed.push_back({run, run_hash(b, run, digest.run_shift)});
        last_.push_back(std::move(digest));
    }
    memory_.clear_dirty_all(kDirtyDigest);
    return last_;
}

std::vector<RamDifference> compare_ram(const std::vector<RamDigest>& recorded,
                                       const std::vector<RamDigest>& replayed,
                                       const PageHashes& hashes) {
    std::vector<RamDifference> found;
    for (size_t b = 0; b < std::max(recorded.size(), replayed.size()); ++b) {
        if (b >= recorded.size() || b >= replayed.size() || recorded[b].name != replayed[b].name ||
            recorded[b].pages != replayed[b].pages) {
            found.push_back({b < recorded.size() ? recorded[b].name : replayed[b].name, 0, 0, 0});
            continue;
        }
        const RamDigest& was = recorded[b];
        const RamDigest& is = replayed[b];
        if (was.hash == is.hash) continue;
        RamDifference d{was.name, UINT64_MAX, 0, 0};
        const auto differs = [&](uint64_t run, unsigned shift) {
            ++d.runs;
            if (run << shift >= d.first_page) return;
            d.first_page = run << shift;
            d.pages = std::min(uint64_t{1} << shift, was.pages - d.first_page);
        };
        for (const auto& run : was.changed)
            if (hashes.run_hash(b, run.index, was.run_shift) != run.hash)
                differs(run.index, was.run_shift);
        // What changed here and not there. The recording's runs may be coarser.
        for (const auto& run : is.changed) {
            const uint64_t first = run.index << is.run_shift;
            const uint64_t last = first + (uint64_t{1} << is.run_shift) - 1;
            const bool there = std::ranges::any_of(was.changed, [&](const auto& r) {
                return r.index >= first >> was.run_shift && r.index <= last >> was.run_shift;
            });
            if (!there) differs(run.index, is.run_shift);
        }
        if (!d.runs) d.first_page = 0;
        found.push_back(d);
    }
    return found;
}

std::string describe(const RamDifference& d) {
    if (!d.runs) return fmt::format("memory '{}' differs", d.block);
    const std::string more =
        d.runs > 1 ? fmt::format(", and {} more {}", d.runs - 1, d.runs == 2 ? "place" : "places")
                   : "";
    if (d.pages == 1)
        return fmt::format("memory '{}' differs in page {:#x} (offset {:#x}){}", d.block,
                           d.first_page, d.first_page * kPageSize, more);
    return fmt::format("memory '{}' differs in pages {:#x} to {:#x} (offset {:#x}){}", d.block,
                       d.first_page, d.first_page + d.pages - 1, d.first_page * kPageSize, more);
}

// ---- to bytes ----

namespace {

void put_frame(std::vector<uint8_t>& to, ZstdCompressor& zstd, std::span<const uint8_t> raw,
               std::span<const uint8_t> prefix) {
    put_varint(to, raw.size());
    put_bytes(to, zstd.compress(raw, prefix));
}

bool take_frame(ByteReader& reader, std::span<const uint8_t> prefix, std::vector<uint8_t>& raw) {
    const uint64_t size = reader.varint_up_to(kMaxStateDump);
    const auto stored = reader.bytes();
    if (!reader.ok()) return false;
    auto bytes = zstd_decompress(stored, size, prefix);
    if (bytes) raw = std::move(*bytes);
    return bytes.has_value();
}

void put_ram(std::vector<uint8_t>& to, const RamDigest& ram) {
    put_bytes(to, as_bytes(ram.name));
    put_varint(to, ram.pages);
    put_little_endian(to, ram.hash, 8);
    put_varint(to, ram.run_shift);
    put_varint(to, ram.changed.size());
    uint64_t before = 0;
    for (const auto& run : ram.changed) {
        put_varint(to, run.index - before);
        put_little_endian(to, run.hash, 2);
        before = run.index;
    }
}

bool take_ram(ByteReader& reader, RamDigest& ram) {
    ram.name = std::string(reader.text());
    ram.pages = reader.varint_up_to(uint64_t{1} << 40);
    ram.hash = reader.little_endian(8);
    ram.run_shift = static_cast<unsigned>(reader.varint_up_to(kMaxRunShift));
    uint64_t index = 0;
    for (uint64_t n = reader.varint_up_to(ram.pages); n && reader.ok(); --n) {
        index += reader.varint_up_to(ram.pages);
        const auto hash = static_cast<uint16_t>(reader.little_endian(2));
        if (index > ram.pages >> ram.run_shift) return false;
        ram.changed.push_back({index, hash});
    }
    return reader.ok();
}

}  // namespace

std::vector<uint8_t> DigestEncoder::encode(const Digest& digest, bool key) {
    if (key) count_ = 0;
    key = count_++ % kKeyEvery == 0;
    const bool new_shape = key || digest.state.shape != before_.shape;
    const std::span<const uint8_t> none;
    std::vector<uint8_t> to;
    to.push_back(static_cast<uint8_t>((key ? kKey : 0) | (new_shape ? kNewShape : 0)));
    if (new_shape)
        put_frame(to, zstd_, digest.state.shape,
                  key ? none : std::span<const uint8_t>(before_.shape));
    put_frame(to, zstd_, digest.state.values,
              key ? none : std::span<const uint8_t>(before_.values));
    put_little_endian(to, digest.state.hash(), 8);
    put_varint(to, digest.ram.size());
    for (const RamDigest& ram : digest.ram) put_ram(to, ram);
    before_ = digest.state;
    return to;
}

// ---- and back ----

std::optional<ChunkRef> DigestReader::next_chunk() {
    if (!started_) {
        offset_ = log_.first_chunk();
        started_ = true;
    }
    if (!next_) {
        next_ = log_.find_chunk(kChunkDigest, offset_);
        if (next_) offset_ = next_->next();
    }
    return next_;
}

std::optional<Position> DigestReader::next_position() {
    const auto chunk = next_chunk();
    if (!chunk) return {};
    return chunk->head.first;
}

void DigestReader::seek(Position position) {
    next_.reset();
    have_before_ = false;
    started_ = true;
    offset_ = log_.offset_before(kChunkDigest, position);
    while (next_chunk() && next_->head.first < position) next_.reset();
}

void DigestReader::skip() {
    next_.reset();
    have_before_ = false;
}

// The digest before `chunk` is needed: found from the last one before it that can be read alone.
Result<void> DigestReader::recover(const ChunkRef& chunk) {
    std::optional<ChunkRef> key;
    for (const uint64_t start : {log_.offset_before(kChunkDigest, chunk.head.first), log_.first_chunk()}) {
        for (auto at = log_.find_chunk(kChunkDigest, start); at && at->offset < chunk.offset;
             at = log_.find_chunk(kChunkDigest, at->next())) {
            const auto raw = log_.read(*at);
            if (raw && !raw->empty() && (raw->front() & kKey)) key = at;
        }
        if (key) break;
    }
    if (!key) return {};  // it may be one that needs none
    for (auto at = key; at && at->offset < chunk.offset; at = log_.find_chunk(kChunkDigest, at->next())) {
        if (const auto done = read_at(*at); !done) return done.error();
    }
    return {};
}

Result<Digest> DigestReader::read_at(const ChunkRef& chunk) {
    Digest digest;
    digest.position = chunk.head.first;
    digest.virtual_ns = static_cast<int64_t>(chunk.head.virtual_ns);
    digest.state = std::move(before_);
    auto done = decode(chunk, digest);
    have_before_ = done.ok();
    before_ = digest.state;
    if (!done) return done.error();
    return digest;
}

Result<Digest> DigestReader::read() {
    const auto chunk = next_chunk();
    if (!chunk) return Error{fmt::format("log '{}' has no further digest", log_.name())};
    next_.reset();
    if (!have_before_) {
        if (const auto done = recover(*chunk); !done) return done.error();
    }
    return read_at(*chunk);
}

Result<void> DigestReader::decode(const ChunkRef& chunk, Digest& digest) {
    const auto raw = log_.read(chunk);
    if (!raw) return raw.error();
    ByteReader reader(*raw);
    const auto flags = reader.little_endian(1);
    const bool key = flags & kKey;
    if (!key && !have_before_)
        return log_.error_at(chunk, "is the difference to a digest that is not there");
    if (key) digest.state = {};
    StateDump before = digest.state;
    bool good = true;
    if (flags & kNewShape) good = take_frame(reader, before.shape, digest.state.shape);
    good = good && take_frame(reader, before.values, digest.state.values);
    good = good && reader.little_endian(8) == digest.state.hash();
    const uint64_t blocks = good ? reader.varint_up_to(kMaxBlocks) : 0;
    for (uint64_t i = 0; i < blocks && good; ++i)
        good = take_ram(reader, digest.ram.emplace_back());
    if (!good || !reader.ok() || !reader.at_end())
        return log_.error_at(chunk, "is damaged: its contents do not decode");
    return {};
}

}  // namespace qr
