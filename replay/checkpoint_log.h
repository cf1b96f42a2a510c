// SPDX-License-Identifier: GPL-2.0-or-later
// Checkpoints in a log: the whole state, and what memory and disks have that the checkpoint before hadn't. So a replay
// starts anywhere without having been there. Source: docs/replay-format.rst, "CKPT".
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "exec/memory.h"
#include "replay/log_reader.h"
#include "replay/state_dump.h"
#include "sysemu/state_root.h"
#include "util/result.h"

namespace qr {

// What else belongs to a checkpoint, by name.
using CheckpointSections = std::map<std::string, std::vector<uint8_t>>;

// One checkpoint on its way into a log: a copy, for another thread to write.
struct CheckpointData {
    uint64_t id = 0;
    uint64_t base = 0;  // on so many checkpoints before it it builds; 0: on none
    std::shared_ptr<const std::vector<uint8_t>> shape;
    bool new_shape = false;
    std::vector<uint8_t> values;
    struct Block {
        std::string name;
        uint64_t pages = 0;
        std::vector<uint64_t> changed;  // pages, ascending
    };
    std::vector<Block> blocks;
    std::vector<uint8_t> pages;  // contents of the changed ones, in that order
    CheckpointSections sections;
};
// Takes a chunk's contents.
using ChunkSink = std::function<Result<void>(ChunkType type, std::span<const uint8_t> raw, bool compress)>;
Result<void> write_checkpoint(const CheckpointData& data, const ChunkSink& sink);

// Makes them of a running machine. Uses the dirty bits of the client kDirtyCheckpoint. VM thread, at a boundary.
class CheckpointMaker {
  public:
    // changes: sections with what is new since its last call, or with all.
    using Changes = std::function<Result<CheckpointSections>(bool all)>;
    CheckpointMaker(StateRoot& root, AddressSpace& memory, Changes changes)
        : root_(root), memory_(memory), changes_(std::move(changes)) {}

    // whole: it doesn't build on those before.
    Result<std::shared_ptr<const CheckpointData>> make(bool whole = false);

  private:
    StateRoot& root_;
    AddressSpace& memory_;
    const Changes changes_;
    uint64_t next_id_ = 0, base_ = 0;
    std::shared_ptr<const std::vector<uint8_t>> shape_;
};

// Reads those of a log.
class CheckpointReader {
  public:
    // log: outlives this. Only heads are read here; chunks that make no sense end the list.
    explicit CheckpointReader(const LogReader& log);

    bool empty() const { return all_.empty(); }
    size_t count() const { return all_.size(); }
    // Of the first one. Not if it is empty.
    const Position& first() const { return all_.front().position; }
    // Of the last one at or before; null: none.
    const Position* before(uint64_t icount) const;

    // Takes the machine to one of them. provide: gets the sections of all up to it, in their order, before the state is
    // loaded. If it fails the machine is as it was.
    using Provide = std::function<Result<void>(std::span<const CheckpointSections>)>;
    Result<void> load(Position position, StateRoot& root, AddressSpace& memory, const Provide& provide) const;

  private:
    struct Entry {
        Position position;
        uint64_t offset;
    };
    struct Head;
    Result<Head> read_head(const Entry& entry) const;
    Result<std::vector<Head>> read_heads(size_t last) const;
    Result<std::vector<uint8_t>> read_pieces(const ChunkRef& head, uint64_t id, uint64_t first, uint64_t count) const;

    const LogReader& log_;
    std::vector<Entry> all_;
};

}  // namespace qr
