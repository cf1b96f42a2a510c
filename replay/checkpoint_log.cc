// SPDX-License-Identifier: GPL-2.0-or-later
// Checkpoints to chunks of a log and back; see replay/checkpoint_log.h. Source: docs/replay-format.rst, "CKPT".
#include "replay/checkpoint_log.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/format.h>

#include "replay/frames.h"
#include "replay/state_changes.h"
#include "replay/varint.h"
#include "replay/zstd.h"
#include "util/page_memory.h"

namespace qr {

namespace {

constexpr uint64_t kPiecePages = 128;      // pages that are compressed together
constexpr uint64_t kPieceBytes = 4 << 20;  // of sections
constexpr uint64_t kMaxCheckpoints = 1 << 20;
constexpr uint64_t kMaxBlocks = 256;
constexpr uint64_t kMaxSections = 1024;
constexpr uint64_t kMaxSectionBytes = uint64_t{1} << 30;
constexpr int kLevel = 1;

std::vector<uint8_t> encode_sections(const CheckpointSections& sections) {
    std::vector<uint8_t> to;
    put_varint(to, sections.size());
    for (const auto& [name, contents] : sections) {
        put_bytes(to, as_bytes(name));
        put_bytes(to, contents);
    }
    return to;
}

bool decode_sections(std::span<const uint8_t> bytes, CheckpointSections& sections) {
    ByteReader reader(bytes);
    for (uint64_t left = reader.varint_up_to(kMaxSections); left && reader.ok(); --left) {
        const std::string name(reader.text());
        const auto contents = reader.bytes();
        sections[name].assign(contents.begin(), contents.end());
    }
    return reader.ok() && reader.at_end();
}

uint64_t pieces(uint64_t size, uint64_t piece) { return (size + piece - 1) / piece; }

}  // namespace

// ---- out ----

Result<void> write_checkpoint(const CheckpointData& data, const ChunkSink& sink) {
    ZstdCompressor zstd(kLevel);
    const std::vector<uint8_t> sections = encode_sections(data.sections);
    std::vector<uint8_t> raw;
    put_varint(raw, data.id);
    put_varint(raw, data.base);
    put_varint(raw, kStateVersion);
    put_frame(raw, zstd, data.new_shape ? std::span<const uint8_t>(*data.shape) : std::span<const uint8_t>{});
    put_frame(raw, zstd, data.values);
    put_varint(raw, data.blocks.size());
    for (const CheckpointData::Block& block : data.blocks) {
        put_bytes(raw, as_bytes(block.name));
        put_varint(raw, block.pages);
        std::vector<std::pair<uint64_t, uint64_t>> runs;  // first, count
        for (const uint64_t page : block.changed) {
            if (!runs.empty() && runs.back().first + runs.back().second == page) ++runs.back().second;
            else runs.emplace_back(page, 1);
        }
        put_varint(raw, runs.size());
        uint64_t end = 0;
        for (const auto& [first, count] : runs) {
            put_varint(raw, first - end);
            put_varint(raw, count);
            end = first + count;
        }
    }
    put_varint(raw, sections.size());
    if (auto done = sink(kChunkCheckpoint, raw, true); !done) return done;
    uint64_t number = 0;
    const auto put_pieces = [&](std::span<const uint8_t> bytes, uint64_t size) -> Result<void> {
        for (; !bytes.empty(); bytes = bytes.subspan(std::min<size_t>(bytes.size(), size))) {
            raw.clear();
            put_varint(raw, data.id);
            put_varint(raw, number++);
            const auto piece = bytes.first(std::min<size_t>(bytes.size(), size));
            raw.insert(raw.end(), piece.begin(), piece.end());
            if (auto done = sink(kChunkCheckpointPiece, raw, true); !done) return done;
        }
        return {};
    };
    if (auto done = put_pieces(data.pages, kPiecePages * kPageSize); !done) return done;
    return put_pieces(sections, kPieceBytes);
}

Result<std::shared_ptr<const CheckpointData>> CheckpointMaker::make(bool whole) {
    const bool first = whole || next_id_ == 0;
    auto data = std::make_shared<CheckpointData>();
    // Disks first: what they have is compared with what the checkpoint before has pinned.
    auto sections = changes_(first);
    if (!sections) return sections.error();
    data->sections = std::move(*sections);
    StateDump state = dump_whole_state([this](StateVisitor& v) { root_.state(v); });
    data->id = next_id_++;
    data->base = first ? 0 : base_ + 1;
    base_ = data->base;
    data->new_shape = first || !shape_ || *shape_ != state.shape;
    if (data->new_shape) shape_ = std::make_shared<const std::vector<uint8_t>>(std::move(state.shape));
    data->shape = shape_;
    data->values = std::move(state.values);
    size_t count = 0;
    for (const RamBlock* block : memory_.blocks()) {
        CheckpointData::Block changed{block->name(), block->page_count(), {}};
        const auto touched = first ? touched_pages(block->data(), block->size()) : std::vector<bool>();
        for (uint64_t p = 0; p < block->page_count(); ++p)
            if (first ? touched[p] : (block->dirty(p) & kDirtyCheckpoint) != 0) changed.changed.push_back(p);
        count += changed.changed.size();
        data->blocks.push_back(std::move(changed));
    }
    data->pages.reserve(count * kPageSize);
    for (size_t b = 0; b < data->blocks.size(); ++b) {
        const uint8_t* const from = memory_.blocks()[b]->data();
        for (const uint64_t p : data->blocks[b].changed)
            data->pages.insert(data->pages.end(), from + p * kPageSize, from + (p + 1) * kPageSize);
    }
    memory_.clear_dirty_all(kDirtyCheckpoint);
    return std::shared_ptr<const CheckpointData>(std::move(data));
}

// ---- in ----

struct CheckpointReader::Head {
    ChunkRef chunk;
    uint64_t id = 0, base = 0;
    uint32_t state_version = 0;
    StateDump state;  // shape: empty if it is that of the one before
    struct Run {
        uint64_t first, count;
    };
    struct Block {
        std::string name;
        uint64_t pages = 0;
        std::vector<Run> runs;
    };
    std::vector<Block> blocks;
    uint64_t pages = 0;  // that changed, of all blocks
    uint64_t section_bytes = 0;
};

CheckpointReader::CheckpointReader(const LogReader& log) : log_(log) {
    for (auto chunk = log.find_chunk(kChunkCheckpoint, log.first_chunk()); chunk && all_.size() < kMaxCheckpoints;
         chunk = log.find_chunk(kChunkCheckpoint, chunk->next())) {
        if (!all_.empty() && chunk->head.first <= all_.back().position) break;
        all_.push_back({chunk->head.first, chunk->offset});
    }
    // The last one may be cut: the recording was killed while it was written.
    while (!all_.empty()) {
        const auto head = read_head(all_.back());
        if (head && read_pieces(head->chunk, head->id, 0, pieces(head->pages, kPiecePages) +
                                                              pieces(head->section_bytes, kPieceBytes)))
            break;
        all_.pop_back();
    }
}

const Position* CheckpointReader::before(uint64_t icount) const {
    const auto next = std::ranges::upper_bound(all_, icount, {}, [](const Entry& e) { return e.position.icount; });
    return next == all_.begin() ? nullptr : &std::prev(next)->position;
}

Result<CheckpointReader::Head> CheckpointReader::read_head(const Entry& entry) const {
    Head head;
    const auto chunk = log_.chunk_at(entry.offset);
    if (!chunk) return Error{fmt::format("log '{}' cannot be read at offset {}", log_.name(), entry.offset)};
    head.chunk = *chunk;
    const auto raw = log_.read(*chunk);
    if (!raw) return raw.error();
    ByteReader reader(*raw);
    const auto bad = [&] { return log_.error_at(*chunk, "is damaged: its contents do not decode"); };
    head.id = reader.varint();
    head.base = reader.varint();
    head.state_version = static_cast<uint32_t>(reader.varint_up_to(UINT32_MAX));
    if (!take_frame(reader, head.state.shape) || !take_frame(reader, head.state.values)) return bad();
    for (uint64_t blocks = reader.varint_up_to(kMaxBlocks); blocks && reader.ok(); --blocks) {
        Head::Block block;
        block.name = std::string(reader.text());
        block.pages = reader.varint_up_to(uint64_t{1} << 40);
        uint64_t at = 0;
        for (uint64_t runs = reader.varint_up_to(reader.remaining()); runs && reader.ok(); --runs) {
            at += reader.varint_up_to(block.pages - at);
            const uint64_t count = reader.varint_up_to(block.pages - at);
            block.runs.push_back({at, count});
            at += count;
            head.pages += count;
        }
        head.blocks.push_back(std::move(block));
    }
    head.section_bytes = reader.varint_up_to(kMaxSectionBytes);
    if (!reader.ok() || !reader.at_end()) return bad();
    return head;
}

// Of all_[last] and of those that it builds on, in their order.
Result<std::vector<CheckpointReader::Head>> CheckpointReader::read_heads(size_t last) const {
    std::vector<Head> heads;
    for (size_t at = last;; --at) {
        auto head = read_head(all_[at]);
        if (!head) return head.error();
        const uint64_t base = head->base;
        if (base > at || (!heads.empty() && (heads.back().base != base + 1 || heads.back().id != head->id + 1)))
            return log_.error_at(head->chunk, "builds on checkpoints that are not there");
        heads.push_back(std::move(*head));
        if (base == 0) break;
    }
    std::ranges::reverse(heads);
    return heads;
}

// Pieces `first` .. first + count - 1, one behind the other.
Result<std::vector<uint8_t>> CheckpointReader::read_pieces(const ChunkRef& head, uint64_t id, uint64_t first,
                                                           uint64_t count) const {
    std::vector<uint8_t> all;
    uint64_t offset = head.next();
    for (uint64_t number = 0; number < first + count; ++number) {
        const auto chunk = log_.find_chunk(kChunkCheckpointPiece, offset);
        if (!chunk) return Error{fmt::format("log '{}': the checkpoint at offset {} is not complete", log_.name(), head.offset)};
        offset = chunk->next();
        if (number < first) continue;
        const auto raw = log_.read(*chunk);
        if (!raw) return raw.error();
        ByteReader reader(*raw);
        if (reader.varint() != id || reader.varint() != number || !reader.ok())
            return log_.error_at(*chunk, fmt::format("does not continue checkpoint {}", id));
        const auto piece = reader.take(reader.remaining());
        all.insert(all.end(), piece.begin(), piece.end());
    }
    return all;
}

// Everything is read and checked before anything is changed.
Result<void> CheckpointReader::load(Position position, StateRoot& root, AddressSpace& memory, const Provide& provide) const {
    const auto last = std::ranges::find(all_, position, &Entry::position);
    if (last == all_.end()) return Error{"there is no such checkpoint"};
    const auto blocks = memory.blocks();
    std::vector<CheckpointSections> sections;
    auto all = read_heads(static_cast<size_t>(last - all_.begin()));
    if (!all) return all.error();
    std::vector<Head>& heads = *all;
    StateDump state;
    for (Head& head : heads) {
        bool same = head.blocks.size() == blocks.size();
        for (size_t b = 0; same && b < blocks.size(); ++b)
            same = head.blocks[b].name == blocks[b]->name() && head.blocks[b].pages == blocks[b]->page_count();
        if (!same) return log_.error_at(head.chunk, "is a checkpoint of another machine");
        if (!head.state.shape.empty()) state.shape = std::move(head.state.shape);
        state.values = std::move(head.state.values);
        const auto bytes = read_pieces(head.chunk, head.id, pieces(head.pages, kPiecePages),
                                       pieces(head.section_bytes, kPieceBytes));
        if (!bytes) return bytes.error();
        if (bytes->size() != head.section_bytes || !decode_sections(*bytes, sections.emplace_back()))
            return log_.error_at(head.chunk, "has sections that do not decode");
    }
    // The newest copy of each page counts.
    std::vector<std::vector<uint32_t>> where(blocks.size());  // by block and page: which of `contents`, from 1
    for (size_t b = 0; b < blocks.size(); ++b) where[b].resize(blocks[b]->page_count());
    std::vector<uint8_t> contents;
    std::vector<uint8_t> piece_pages;
    for (size_t h = heads.size(); h-- > 0;) {
        const Head& head = heads[h];
        struct Wanted {
            size_t block;
            uint64_t page, index;  // index: among the head's pages
        };
        std::vector<Wanted> wanted;
        uint64_t index = 0;
        for (size_t b = 0; b < blocks.size(); ++b)
            for (const Head::Run& run : head.blocks[b].runs)
                for (uint64_t p = run.first; p < run.first + run.count; ++p, ++index)
                    if (!where[b][p]) wanted.push_back({b, p, index});
        uint64_t loaded = UINT64_MAX;
        uint64_t offset = head.chunk.next();
        uint64_t next_piece = 0;
        for (const Wanted& w : wanted) {
            const uint64_t piece = w.index / kPiecePages;
            while (loaded != piece) {
                const auto chunk = log_.find_chunk(kChunkCheckpointPiece, offset);
                if (!chunk)
                    return Error{fmt::format("log '{}': the checkpoint at offset {} is not complete", log_.name(),
                                             head.chunk.offset)};
                offset = chunk->next();
                if (next_piece++ != piece) continue;
                auto raw = log_.read(*chunk);
                if (!raw) return raw.error();
                ByteReader reader(*raw);
                const uint64_t id = reader.varint(), number = reader.varint();
                const auto bytes = reader.take(reader.remaining());
                const uint64_t size = std::min(kPiecePages, head.pages - piece * kPiecePages) * kPageSize;
                if (!reader.ok() || id != head.id || number != piece || bytes.size() != size)
                    return log_.error_at(*chunk, fmt::format("does not continue checkpoint {}", head.id));
                piece_pages.assign(bytes.begin(), bytes.end());
                loaded = piece;
            }
            const auto page = piece_pages.begin() + static_cast<ptrdiff_t>(w.index % kPiecePages * kPageSize);
            contents.insert(contents.end(), page, page + kPageSize);
            where[w.block][w.page] = static_cast<uint32_t>(contents.size() / kPageSize);
        }
    }
    if (auto done = provide(sections); !done) return done;

    const StateFunction walk = [&](StateVisitor& v) { root.state(v); };
    const StateDump before = dump_whole_state(walk);
    if (auto loaded = load_state(walk, state, heads.back().state_version); !loaded) {
        static_cast<void>(load_state(walk, before));
        root.after_load();
        return loaded.error();
    }
    static constexpr std::array<uint8_t, kPageSize> kZeroes{};
    for (size_t b = 0; b < blocks.size(); ++b) {
        const auto touched = touched_pages(blocks[b]->data(), blocks[b]->size());
        for (uint64_t p = 0; p < where[b].size(); ++p) {
            if (!where[b][p] && !touched[p]) continue;
            const uint8_t* const from = where[b][p] ? &contents[(where[b][p] - 1) * kPageSize] : kZeroes.data();
            uint8_t* const to = blocks[b]->data() + p * kPageSize;
            if (!std::memcmp(to, from, kPageSize)) continue;
            memory.device_writes(*blocks[b], p * kPageSize, kPageSize);
            std::memcpy(to, from, kPageSize);
        }
    }
    root.after_load();
    return {};
}

}  // namespace qr
