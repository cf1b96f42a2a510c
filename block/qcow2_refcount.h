// SPDX-License-Identifier: GPL-2.0-or-later
//
// A qcow2 image's reference counts: which clusters of the file are in use, by how many tables. Changes stay in
// memory until write_back(). What is given up (release()) isn't free before the tables that pointed to it have
// been written without it: otherwise a power cut could leave a table that points to a cluster of somebody else.
// Source: qcow2 specification, "Host cluster management".
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "block/image.h"
#include "block/qcow2_format.h"

namespace qr::qcow2 {

class Refcounts {
  public:
    Refcounts(Image& file, Header& header) : file_(file), header_(header) {}

    // Reads the table; blocks are read when they are needed.
    Result<void> load();

    IoStatus get(uint64_t cluster, uint64_t& count);
    // Adds `delta` at once. Fails before it changes anything.
    IoStatus change(uint64_t cluster, int64_t delta);
    // Up to `wanted` clusters in a row, at least `least`, each with a count of 1. Offset in the file, and how many.
    IoStatus allocate(uint64_t least, uint64_t wanted, uint64_t& offset, uint64_t& got);
    // One count less, for each of the clusters from `offset` on, after the next complete().
    void release(uint64_t offset, uint64_t clusters = 1);

    bool dirty() const { return !dirty_blocks_.empty() || table_dirty_; }
    bool releases_pending() const { return !released_.empty(); }
    // Blocks, then the table that leads to them. sync: with a barrier between the two.
    IoStatus write_back(bool sync);
    // The tables without the released clusters have been written: counts them down.
    IoStatus complete();

    // Whether a cluster holds the header or a table: nothing of the guest may be written there.
    bool is_table(uint64_t offset) const {
        const uint64_t cluster = offset >> header_.cluster_bits;
        return cluster < tables_.size() && tables_[cluster];
    }
    // False: it is marked already, so two tables overlap.
    bool mark_table(uint64_t offset, uint64_t clusters = 1);
    void unmark_table(uint64_t offset, uint64_t clusters = 1);

    const std::vector<uint64_t>& table() const { return table_; }

  private:
    struct Block {
        std::vector<uint8_t> bytes;
    };
    uint64_t value(const Block& block, uint64_t index) const;
    void set_value(Block& block, uint64_t index, uint64_t count) const;
    // The block for a cluster; null without an error: there is none, all its counts are zero.
    IoStatus find_block(uint64_t number, Block** block);
    IoStatus create_block(uint64_t number, uint64_t cluster);
    IoStatus grow_table(uint64_t number);
    IoStatus trim_cache();  // invalidates Block pointers
    IoStatus write_block(uint64_t number);

    Image& file_;
    Header& header_;
    std::vector<uint64_t> table_;
    std::map<uint64_t, Block> blocks_;  // by number: index in the table
    std::set<uint64_t> dirty_blocks_;
    bool table_dirty_ = false;
    uint64_t hint_ = 0;  // no free cluster before it
    std::vector<std::pair<uint64_t, uint64_t>> released_;
    std::vector<bool> tables_;
};

}  // namespace qr::qcow2
