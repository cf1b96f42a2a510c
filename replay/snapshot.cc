// SPDX-License-Identifier: GPL-2.0-or-later
// Snapshots to bytes and back; see replay/snapshot.h. Source: docs/replay-format.rst, "Snapshots".
//
// Loading is done in this order, so that nothing can fail half-way: all bytes are checked, RAM's
// included (each piece is decompressed once and thrown away); the state is loaded, and put back if
// that fails; RAM is filled.
#include "replay/snapshot.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "replay/behaviour.h"
#include "replay/frames.h"
#include "replay/log_format.h"
#include "replay/state_dump.h"
#include "replay/varint.h"
#include "replay/zstd.h"
#include "util/page_memory.h"

namespace qr {

namespace {

constexpr std::array<uint8_t, 8> kMagic = {0x89, 'Q', 'R', 'S', 'N', 'A', 'P', '\n'};
constexpr uint64_t kVersion = 2;
constexpr uint64_t kOldestVersion = 1;  // no state version, no name, no sections
constexpr uint64_t kMaxSections = 1024;
constexpr uint64_t kMaxSection = uint64_t{1} << 40;
constexpr uint64_t kPiecePages = 256;  // pages that are compressed together
constexpr int kLevel = 1;

// Runs of pages that are not all zero, as (gap, length), and their contents in pieces.
void put_block(std::vector<uint8_t>& to, ZstdCompressor& zstd, const RamBlock& block) {
    struct Run {
        uint64_t first, count;
    };
    std::vector<Run> runs;
    const auto touched = touched_pages(block.data(), block.size());
    for (uint64_t p = 0; p < block.page_count(); ++p) {
        if (!touched[p] || zero_page(block.data() + p * kPageSize)) continue;
        if (!runs.empty() && runs.back().first + runs.back().count == p)
            ++runs.back().count;
        else
            runs.push_back({p, 1});
    }
    put_bytes(to, as_bytes(block.name()));
    put_varint(to, block.page_count());
    put_varint(to, runs.size());
    uint64_t end = 0;
    for (const Run& run : runs) {
        put_varint(to, run.first - end);
        put_varint(to, run.count);
        end = run.first + run.count;
    }
    std::vector<uint8_t> piece;
    const auto flush = [&] {
        if (!piece.empty()) put_bytes(to, zstd.compress(piece));
        piece.clear();
    };
    for (const Run& run : runs)
        for (uint64_t p = run.first; p < run.first + run.count; ++p) {
            const uint8_t* const page = block.data() + p * kPageSize;
            piece.insert(piece.end(), page, page + kPageSize);
            if (piece.size() == kPiecePages * kPageSize) flush();
        }
    flush();
}

// What loading needs to know of one block, all checked.
struct BlockPlan {
    RamBlock* block = nullptr;
    std::vector<uint8_t> present;                  // by page
    std::vector<std::span<const uint8_t>> pieces;  // compressed
    uint64_t pages = 0;
};

struct Plan {
    uint32_t state_version = 1;
    StateDump state;
    std::vector<BlockPlan> blocks;
};

Error damaged(std::string_view what) {
    return Error{fmt::format("the snapshot is damaged: {}", what)};
}

Result<BlockPlan> plan_block(ByteReader& reader, RamBlock& block) {
    BlockPlan plan;
    plan.block = &block;
    const std::string name(reader.text());
    const uint64_t count = reader.varint();
    if (!reader.ok()) return damaged("it is cut in the list of memory blocks");
    if (name != block.name() || count != block.page_count())
        return Error{
            fmt::format("the snapshot has memory '{}' of {} KiB where this machine has '{}' "
                        "of {} KiB",
                        name, count * 4, block.name(), block.page_count() * 4)};
    plan.present.resize(count);
    uint64_t at = 0;
    for (uint64_t runs = reader.varint(); runs && reader.ok(); --runs) {
        at += reader.varint_up_to(count - at);
        const uint64_t length = reader.varint_up_to(count - at);
        std::fill_n(plan.present.begin() + static_cast<ptrdiff_t>(at), length, uint8_t{1});
        at += length;
        plan.pages += length;
    }
    std::vector<uint8_t> scratch(kPiecePages * kPageSize);
    for (uint64_t left = plan.pages; left && reader.ok();) {
        const uint64_t pages = std::min(left, kPiecePages);
        const auto stored = reader.bytes();
        if (!reader.ok() || !zstd_decompress_to(stored, {scratch.data(), pages * kPageSize}))
            return damaged(fmt::format("pages of memory '{}' do not decompress", name));
        plan.pieces.push_back(stored);
        left -= pages;
    }
    if (!reader.ok()) return damaged(fmt::format("it is cut in memory '{}'", name));
    return plan;
}

// What stands before the state.
struct Head {
    uint64_t version = 0, behaviour = 0, state_version = 1;
    std::string name;
};

Result<Head> take_head(ByteReader& reader) {
    const auto magic = reader.take(kMagic.size());
    if (!reader.ok() || !std::ranges::equal(magic, kMagic))
        return Error{"this is no snapshot: it does not begin with the magic number \\x89QRSNAP"};
    Head head;
    head.version = reader.varint();
    if (!reader.ok() || head.version < kOldestVersion || head.version > kVersion)
        return Error{
            fmt::format("the snapshot has format version {}; this build reads versions {} to {}",
                        head.version, kOldestVersion, kVersion)};
    head.behaviour = reader.varint_up_to(UINT32_MAX);
    if (head.version >= 2) {
        head.state_version = reader.varint_up_to(UINT32_MAX);
        head.name = reader.text();
    }
    if (!reader.ok()) return damaged("it is cut");
    return head;
}

Result<void> check_hash(std::span<const uint8_t> bytes) {
#ifndef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
    if (bytes.size() < 8) return damaged("it is cut");
    ByteReader hash(bytes.last(8));
    if (hash.little_endian(8) != hash64(bytes.first(bytes.size() - 8)))
        return damaged("its bytes do not have the hash it gives");
#else
    static_cast<void>(bytes);
#endif
    return {};
}

// Each is `use`d as (name, size, compressed bytes).
template <class Use>
bool walk_sections(const Head& head, ByteReader& reader, const Use& use) {
    if (head.version < 2) return true;
    for (uint64_t left = reader.varint_up_to(kMaxSections); left && reader.ok(); --left) {
        const std::string name(reader.text());
        const uint64_t size = reader.varint_up_to(kMaxSection);
        const auto stored = reader.bytes();
        if (!reader.ok() || !use(name, size, stored)) return false;
    }
    return reader.ok();
}

Result<Plan> make_plan(std::span<const uint8_t> bytes, AddressSpace& memory) {
    ByteReader reader(bytes);
    const auto head = take_head(reader);
    if (!head) return head.error();
    if (const auto good = check_hash(bytes); !good) return good.error();
    if (!behaviour_known(static_cast<uint32_t>(head->behaviour)))
        return Error{
            fmt::format("the snapshot was made under behaviour version {}, which this build "
                        "does not know; it knows up to {} (\"{}\")",
                        head->behaviour, kBehaviour.version, kBehaviour.name)};
    if (head->state_version < kOldestState || head->state_version > kStateVersion)
        return Error{fmt::format("the snapshot has state version {}; this build reads {} to {}",
                                 head->state_version, kOldestState, kStateVersion)};
    if (!walk_sections(*head, reader, [](auto&...) { return true; }))
        return damaged("it is cut in its sections");
    Plan plan;
    plan.state_version = static_cast<uint32_t>(head->state_version);
    if (!take_frame(reader, plan.state.shape) || !take_frame(reader, plan.state.values))
        return damaged("its state does not decompress");
    const auto blocks = memory.blocks();
    const uint64_t count = reader.varint();
    if (!reader.ok() || count != blocks.size())
        return Error{fmt::format("the snapshot has {} memory blocks, and this machine has {}",
                                 count, blocks.size())};
    for (RamBlock* block : blocks) {
        auto block_plan = plan_block(reader, *block);
        if (!block_plan) return block_plan.error();
        plan.blocks.push_back(std::move(*block_plan));
    }
    if (reader.remaining() != 8) return damaged("it is longer than its contents");
    return plan;
}

void fill(AddressSpace& memory, const BlockPlan& plan) {
    uint8_t* const data = plan.block->data();
    std::vector<uint8_t> scratch(kPiecePages * kPageSize);
    const auto touched = touched_pages(data, plan.block->size());
    uint64_t done = 0;
    for (uint64_t p = 0; p < plan.block->page_count(); ++p) {
        uint8_t* const page = data + p * kPageSize;
        if (!plan.present[p]) {
            // Pages that were never touched stay so.
            if (!touched[p] || zero_page(page)) continue;
            memory.device_writes(*plan.block, p * kPageSize, kPageSize);
            std::memset(page, 0, kPageSize);
            continue;
        }
        if (done % kPiecePages == 0) {
            const uint64_t pages = std::min(plan.pages - done, kPiecePages);
            zstd_decompress_to(plan.pieces[done / kPiecePages],
                               {scratch.data(), pages * kPageSize});
        }
        const uint8_t* const saved = &scratch[done++ % kPiecePages * kPageSize];
        if (!std::memcmp(page, saved, kPageSize)) continue;
        memory.device_writes(*plan.block, p * kPageSize, kPageSize);
        std::memcpy(page, saved, kPageSize);
    }
}

// The state goes in, or the old one stays. dry: the old one stays anyhow.
Result<void> exchange_state(const Plan& plan, StateRoot& root,
                            std::span<const StateChange> changes, bool dry) {
    const StateFunction state = [&](StateVisitor& v) { root.state(v); };
    const StateDump before = dump_whole_state(state);
    auto loaded = load_state(state, plan.state, plan.state_version, changes);
    if (loaded && !dry) return {};
    const auto restored = load_state(state, before);
    root.after_load();
    if (!restored)
        return Error{fmt::format("{}; and the old state could not be put back: {}",
                                 loaded ? "it was tried" : loaded.error().message,
                                 restored.error().message)};
    return loaded;
}

}  // namespace

std::vector<uint8_t> save_snapshot(StateRoot& root, AddressSpace& memory,
                                   const SnapshotExtras& extras) {
    std::vector<uint8_t> to(kMagic.begin(), kMagic.end());
    put_varint(to, kVersion);
    put_varint(to, kBehaviour.version);
    put_varint(to, kStateVersion);
    put_bytes(to, as_bytes(extras.name));
    ZstdCompressor zstd(kLevel);
    put_varint(to, extras.sections.size());
    for (const auto& [name, raw] : extras.sections) {
        put_bytes(to, as_bytes(name));
        put_frame(to, zstd, raw);
    }
    const StateDump state = dump_whole_state([&](StateVisitor& v) { root.state(v); });
    put_frame(to, zstd, state.shape);
    put_frame(to, zstd, state.values);
    put_varint(to, memory.blocks().size());
    for (const RamBlock* block : memory.blocks()) put_block(to, zstd, *block);
    put_little_endian(to, hash64(to), 8);
    return to;
}

Result<void> load_snapshot(std::span<const uint8_t> bytes, StateRoot& root, AddressSpace& memory,
                           std::span<const StateChange> changes) {
    const auto plan = make_plan(bytes, memory);
    if (!plan) return plan.error();
    if (auto done = exchange_state(*plan, root, changes, false); !done) return done;
    for (const BlockPlan& block : plan->blocks) fill(memory, block);
    root.after_load();
    return {};
}

Result<void> check_snapshot(std::span<const uint8_t> bytes, StateRoot& root, AddressSpace& memory,
                            std::span<const StateChange> changes) {
    const auto plan = make_plan(bytes, memory);
    if (!plan) return plan.error();
    return exchange_state(*plan, root, changes, true);
}

Result<SnapshotExtras> read_snapshot_extras(std::span<const uint8_t> bytes) {
    ByteReader reader(bytes);
    const auto head = take_head(reader);
    if (!head) return head.error();
    if (const auto good = check_hash(bytes); !good) return good.error();
    SnapshotExtras extras;
    extras.name = head->name;
    const bool whole = walk_sections(
        *head, reader,
        [&](const std::string& name, uint64_t size, std::span<const uint8_t> stored) {
            auto raw = zstd_decompress(stored, size);
            if (raw) extras.sections[name] = std::move(*raw);
            return raw.has_value();
        });
    if (!whole) return damaged("its sections do not decompress");
    return extras;
}

std::optional<std::string> snapshot_name(std::span<const uint8_t> beginning) {
    ByteReader reader(beginning);
    auto head = take_head(reader);
    if (!head) return std::nullopt;
    return std::move(head->name);
}

}  // namespace qr
