// SPDX-License-Identifier: GPL-2.0-or-later
// Opening a log and walking its chunks; see replay/log_reader.h. How it ended is in log_end.cc.
// Source: docs/replay-format.rst.
#include "replay/log_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "replay/snapshot.h"
#include "replay/varint.h"
#include "replay/zstd.h"
#include "util/bits.h"

namespace qr {

Result<std::unique_ptr<LogReader>> LogReader::open(const std::string& path) {
    auto source = open_file_source(path);
    if (!source) return source.error();
    return open(std::move(*source), path);
}

Result<std::unique_ptr<LogReader>> LogReader::open(std::unique_ptr<ByteSource> source,
                                                   std::string name) {
    std::unique_ptr<LogReader> reader(new LogReader(std::move(source), std::move(name)));
    if (auto done = reader->open_all(); !done) return done.error();
    return reader;
}

Result<void> LogReader::open_all() {
    if (auto done = read_file_head(); !done) return done;
    chunks_end_ = source_->size();
    const auto first = chunk_at(file_head_.first_chunk);
    if (!first || first->head.type != kChunkHeader || first->head.number != 0 ||
        first->next() > source_->size())
        return Error{fmt::format("log '{}': no HEAD chunk at offset {}: the file is cut or damaged",
                                 name_, file_head_.first_chunk)};
    if (first->head.raw_size > kMaxHeader) return error_at(*first, "is too big");
    auto text = read(*first);
    if (!text) return text.error();
    auto header = LogHeader::from_json({reinterpret_cast<const char*>(text->data()), text->size()});
    if (!header) return error_at(*first, header.error().message);
    header_ = std::move(*header);
    if (header_.behaviour != file_head_.behaviour)
        return error_at(*first, "and the file's first page name different behaviour versions");
    if (auto done = find_end(); !done) return done;
    // Nothing after its first instruction may have reached the disk.
    if (header_.start) end_.position = std::max(end_.position, *header_.start);
    return {};
}

Result<void> LogReader::read_file_head() {
    std::array<uint8_t, kFileHeadSize> b{};
    const uint64_t size = source_->size();
    const size_t have = std::min<uint64_t>(size, b.size());
    if (!source_->read(0, {b.data(), have}) || have < kLogMagic.size() ||
        !std::equal(kLogMagic.begin(), kLogMagic.end(), b.begin()))
        return Error{
            fmt::format("'{}' is not a log of a recording: it does not begin with the magic "
                        "number \\x89QRLOG",
                        name_)};
    FileHead& h = file_head_;
    h.major = load_le<uint16_t>(&b[8]);
    h.minor = load_le<uint16_t>(&b[10]);
    if (have == b.size() && h.major != kFormatMajor)
        return Error{
            fmt::format("log '{}' has format version {}.{}; this build reads versions {}.x", name_,
                        h.major, h.minor, kFormatMajor)};
    h.behaviour = load_le<uint32_t>(&b[12]);
    h.journal_offset = load_le<uint64_t>(&b[16]);
    h.area_size = load_le<uint32_t>(&b[24]);
    h.area_count = load_le<uint32_t>(&b[28]);
    h.first_chunk = load_le<uint64_t>(&b[32]);
    bool good = have == b.size();
#ifndef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
    good = good && load_le<uint64_t>(&b[56]) == hash64({b.data(), 56});
#endif
    if (!good || h.area_size > kMaxArea || h.area_count > kMaxAreas || h.first_chunk > INT64_MAX ||
        h.journal_offset > h.first_chunk ||
        kStopPageSize + uint64_t{h.area_size} * h.area_count > h.first_chunk - h.journal_offset)
        return Error{
            fmt::format("log '{}': its first {} bytes are cut or damaged", name_, kFileHeadSize)};
    return {};
}

Result<void> LogReader::check_behaviour() const {
    if (behaviour_known(header_.behaviour)) return {};
    std::string known;
    for (const Behaviour& b : kKnownBehaviours)
        known += fmt::format("{}{} (\"{}\")", known.empty() ? "" : ", ", b.version, b.name);
    return Error{
        fmt::format("log '{}' was recorded by {} under behaviour version {} (\"{}\"); this "
                    "build knows {}",
                    name_, header_.creator, header_.behaviour, header_.behaviour_name, known)};
}

Error LogReader::error_at(const ChunkRef& chunk, std::string_view what) const {
    return Error{fmt::format("log '{}': {} chunk at offset {} {}", name_,
                             chunk_name(chunk.head.type), chunk.offset, what)};
}

// ---- chunks ----

std::optional<ChunkRef> LogReader::chunk_at(uint64_t offset) const {
    if (offset > chunks_end_ || chunks_end_ - offset < kChunkHeadSize) return {};
    std::array<uint8_t, kChunkHeadSize> bytes;
    if (!source_->read(offset, bytes)) return {};
    const auto head = ChunkHead::decode(bytes);
    if (!head || head->stored_size > INT64_MAX - kChunkHeadSize - offset) return {};
    return ChunkRef{offset, *head};
}

std::optional<ChunkRef> LogReader::find_chunk(ChunkType type, uint64_t offset) const {
    for (;;) {
        auto chunk = chunk_at(offset);
        if (!chunk || chunk->head.type == type) return chunk;
        offset = chunk->next();
    }
}

Result<std::vector<uint8_t>> LogReader::read(const ChunkRef& chunk) const {
    const ChunkHead& h = chunk.head;
    if (h.raw_size > kMaxRawChunk || h.stored_size > kMaxStoredChunk)
        return error_at(chunk, fmt::format("says it has {} bytes, {} in the file; the limit is {}",
                                           h.raw_size, h.stored_size, kMaxRawChunk));
    if (chunk.next() > source_->size()) return error_at(chunk, "is cut");
    std::vector<uint8_t> stored(h.stored_size);
    if (!source_->read(chunk.offset + kChunkHeadSize, stored))
        return error_at(chunk, "cannot be read");
#ifndef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
    if (hash64(stored) != h.stored_hash)
        return error_at(chunk, "is damaged: its bytes do not have the hash it gives");
#endif
    if (!(h.flags & kChunkCompressed)) {
        if (h.raw_size != h.stored_size) return error_at(chunk, "gives two different sizes");
        return stored;
    }
    auto raw = zstd_decompress(stored, h.raw_size);
    if (!raw) return error_at(chunk, "does not decompress to the size it gives");
    return std::move(*raw);
}

uint64_t LogReader::offset_before(ChunkType type, Position position) const {
    const uint64_t start = file_head_.first_chunk;
    if (!index_offset_) return start;
    const auto chunk = chunk_at(index_offset_);
    if (!chunk || chunk->head.type != kChunkIndex) return start;
    const auto raw = read(*chunk);
    if (!raw) return start;
    ByteReader reader(*raw);
    uint64_t best = start, offset = 0, icount = 0;
    for (uint64_t n = reader.varint(); n && reader.ok(); --n) {
        const auto entry = static_cast<ChunkType>(reader.little_endian(4));
        offset += reader.varint();
        icount += reader.varint();
        const auto ordinal = static_cast<uint32_t>(reader.varint());
        if (entry == type && Position{icount, ordinal} <= position) best = offset;
    }
    // The index only saves time. One that is wrong must cost no more than that.
    const auto found = best == start ? std::nullopt : chunk_at(best);
    return found && found->head.type == type && found->head.first <= position ? best : start;
}

// ---- blobs and snapshots ----

Result<std::vector<uint8_t>> LogReader::blob(std::string_view name, uint64_t limit) const {
    const auto info = std::ranges::find(header_.blobs, name, &BlobInfo::name);
    if (info == header_.blobs.end())
        return Error{fmt::format("log '{}' has no file '{}' in it", name_, name)};
    if (info->size > limit)
        return Error{fmt::format("log '{}': its file '{}' has {} bytes; the limit is {}", name_,
                                 name, info->size, limit)};
    std::vector<uint8_t> bytes;
    bool begun = false;
    for (auto chunk = chunk_at(first_chunk()); chunk; chunk = chunk_at(chunk->next())) {
        if (chunk->head.type == kChunkEvents) break;  // blobs come before
        if (chunk->head.type != kChunkBlob) continue;
        const auto raw = read(*chunk);
        if (!raw) return raw.error();
        ByteReader reader(*raw);
        if (reader.text() != name) {
            if (!reader.ok()) return error_at(*chunk, "has no valid name");
            continue;
        }
        begun = true;
        const uint64_t at = reader.varint();
        const auto piece = reader.take(reader.remaining());
        if (!reader.ok() || at != bytes.size() || piece.size() > info->size - at)
            return error_at(*chunk, fmt::format("does not continue the file '{}'", name));
        bytes.insert(bytes.end(), piece.begin(), piece.end());
        if (bytes.size() == info->size) break;
    }
    if (!begun || bytes.size() != info->size)
        return Error{
            fmt::format("log '{}': its file '{}' is not complete: {} of {} bytes are there", name_,
                        name, bytes.size(), info->size)};
    if (hash128_hex(bytes) != info->hash)
        return Error{fmt::format(
            "log '{}': its file '{}' does not have the hash that the header gives", name_, name)};
    return bytes;
}

Result<std::vector<LogReader::SnapshotRef>> LogReader::snapshots(size_t most) const {
    std::vector<SnapshotRef> found;
    for (auto chunk = find_chunk(kChunkSnapshot, first_chunk()); chunk && found.size() < most;
         chunk = find_chunk(kChunkSnapshot, chunk->next())) {
        const auto raw = read(*chunk);
        if (!raw) return raw.error();
        ByteReader reader(*raw);
        SnapshotRef ref{chunk->offset, 0, 0, chunk->head.first, static_cast<int64_t>(chunk->head.virtual_ns)};
        ref.id = reader.varint();
        ref.size = reader.varint();
        const uint64_t at = reader.varint();
        ref.name = snapshot_name(reader.take(reader.remaining())).value_or(std::string());
        if (!reader.ok()) return error_at(*chunk, "has no valid beginning");
        if (at == 0) found.push_back(ref);
    }
    return found;
}

Result<std::vector<uint8_t>> LogReader::snapshot(const SnapshotRef& which, uint64_t limit) const {
    if (which.size > limit)
        return Error{fmt::format("log '{}': snapshot {} has {} bytes; the limit is {}", name_,
                                 which.id, which.size, limit)};
    std::vector<uint8_t> bytes;
    for (auto chunk = find_chunk(kChunkSnapshot, which.offset); chunk && bytes.size() < which.size;
         chunk = find_chunk(kChunkSnapshot, chunk->next())) {
        const auto raw = read(*chunk);
        if (!raw) return raw.error();
        ByteReader reader(*raw);
        const uint64_t id = reader.varint(), size = reader.varint(), at = reader.varint();
        const auto piece = reader.take(reader.remaining());
        if (!reader.ok() || id != which.id || size != which.size || at != bytes.size() ||
            piece.empty() || piece.size() > which.size - at)
            return error_at(*chunk, fmt::format("does not continue snapshot {}", which.id));
        bytes.insert(bytes.end(), piece.begin(), piece.end());
    }
    if (bytes.size() != which.size)
        return Error{fmt::format("log '{}': snapshot {} is not complete", name_, which.id)};
    return bytes;
}

// ---- events ----

std::optional<EventsHead> decode_events_head(std::span<const uint8_t> raw,
                                             std::span<const uint8_t>& events) {
    ByteReader reader(raw);
    EventsHead head;
    head.segment = reader.varint();
    head.base_icount = reader.varint();
    head.first_event = reader.varint();
    events = reader.take(reader.remaining());
    if (!reader.ok()) return {};
    return head;
}

bool EventDecoder::next(EventSource::Event& event) {
    if (bytes_.empty() || !ok_) return false;
    ByteReader reader(bytes_);
    const uint64_t delta = reader.varint();
    const uint64_t ordinal = reader.varint_up_to(UINT32_MAX);
    const uint64_t port = reader.varint();
    const auto payload = reader.bytes();
    ok_ = reader.ok() && delta <= UINT64_MAX - icount_ && port < ports_;
    if (!ok_) return false;
    icount_ += delta;
    event.position = {icount_, static_cast<uint32_t>(ordinal)};
    event.port = static_cast<uint32_t>(port);
    event.payload = payload;
    bytes_ = bytes_.subspan(reader.offset());
    return true;
}

}  // namespace qr
