// SPDX-License-Identifier: GPL-2.0-or-later
//
// Reference counts; see qcow2_refcount.h. Source: qcow2 specification, "Host cluster management".
#include "block/qcow2_refcount.h"

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "block/big_endian.h"

namespace qr::qcow2 {

namespace {
constexpr uint64_t kCacheBytes = uint64_t{16} << 20;
}

Result<void> Refcounts::load() {
    std::vector<uint8_t> bytes(uint64_t{header_.refcount_table_clusters} << header_.cluster_bits);
    if (auto done = file_.read(header_.refcount_table_offset, bytes); !done.ok()) return Error{done.message};
    table_.resize(bytes.size() / 8);
    for (size_t i = 0; i < table_.size(); ++i) table_[i] = load_be<uint64_t>(bytes.data() + 8 * i);
    const uint64_t file_size = file_.size();
    tables_.assign(file_size >> header_.cluster_bits, false);
    mark_table(0);
    if (!mark_table(header_.refcount_table_offset, header_.refcount_table_clusters))
        return Error{"the reference count table overlaps the header"};
    for (size_t i = 0; i < table_.size(); ++i) {
        if (!table_[i]) continue;
        if (table_[i] % header_.cluster_bytes() || table_[i] >= file_size)
            return Error{fmt::format("reference count block {} is at {:#x}, where none can be", i, table_[i])};
        if (!mark_table(table_[i]))
            return Error{fmt::format("reference count block {} at {:#x} overlaps another table", i, table_[i])};
    }
    return {};
}

bool Refcounts::mark_table(uint64_t offset, uint64_t clusters) {
    const uint64_t first = offset >> header_.cluster_bits;
    if (first + clusters > tables_.size()) tables_.resize(first + clusters);
    bool clean = true;
    for (uint64_t c = first; c < first + clusters; ++c) {
        if (tables_[c]) clean = false;
        tables_[c] = true;
    }
    return clean;
}

void Refcounts::unmark_table(uint64_t offset, uint64_t clusters) {
    const uint64_t first = offset >> header_.cluster_bits;
    for (uint64_t c = first; c < first + clusters && c < tables_.size(); ++c) tables_[c] = false;
}

uint64_t Refcounts::value(const Block& block, uint64_t index) const {
    const uint8_t* p = block.bytes.data();
    switch (header_.refcount_order) {
        case 3: return p[index];
        case 4: return load_be<uint16_t>(p + 2 * index);
        case 5: return load_be<uint32_t>(p + 4 * index);
        case 6: return load_be<uint64_t>(p + 8 * index);
        default: {
            const unsigned width = 1u << header_.refcount_order;
            return (p[index * width / 8] >> (index * width % 8)) & ((1u << width) - 1);
        }
    }
}

void Refcounts::set_value(Block& block, uint64_t index, uint64_t count) const {
    uint8_t* p = block.bytes.data();
    switch (header_.refcount_order) {
        case 3: p[index] = static_cast<uint8_t>(count); break;
        case 4: store_be<uint16_t>(p + 2 * index, static_cast<uint16_t>(count)); break;
        case 5: store_be<uint32_t>(p + 4 * index, static_cast<uint32_t>(count)); break;
        case 6: store_be<uint64_t>(p + 8 * index, count); break;
        default: {
            const unsigned width = 1u << header_.refcount_order, shift = index * width % 8;
            const unsigned mask = ((1u << width) - 1) << shift;
            uint8_t& byte = p[index * width / 8];
            byte = static_cast<uint8_t>((byte & ~mask) | (static_cast<unsigned>(count) << shift & mask));
        }
    }
}

IoStatus Refcounts::find_block(uint64_t number, Block** block) {
    *block = nullptr;
    if (number >= table_.size() || !table_[number]) return {};
    auto& found = blocks_[number];
    if (found.bytes.empty()) {
        std::vector<uint8_t> bytes(header_.cluster_bytes());
        if (auto done = file_.read(table_[number], bytes); !done.ok()) {
            blocks_.erase(number);
            return done;
        }
        found.bytes = std::move(bytes);
    }
    *block = &found;
    return {};
}

IoStatus Refcounts::get(uint64_t cluster, uint64_t& count) {
    if (auto done = trim_cache(); !done.ok()) return done;
    const uint64_t per_block = header_.refcounts_per_block();
    Block* block;
    if (auto done = find_block(cluster / per_block, &block); !done.ok()) return done;
    count = block ? value(*block, cluster % per_block) : 0;
    return {};
}

IoStatus Refcounts::change(uint64_t cluster, int64_t delta) {
    if (auto done = trim_cache(); !done.ok()) return done;
    const uint64_t per_block = header_.refcounts_per_block(), number = cluster / per_block;
    Block* block;
    if (auto done = find_block(number, &block); !done.ok()) return done;
    if (!block && delta > 0) {
        // Somebody refers to a cluster that no block counts (an image that is being repaired). The block itself goes
        // where nothing else is: behind everything.
        const uint64_t end = std::max(file_.size() >> header_.cluster_bits, cluster) + 1;
        if (number >= table_.size()) {
            if (auto done = grow_table(end / per_block); !done.ok()) return done;
        }
        if (!table_[number]) {
            uint64_t at, got;
            hint_ = std::max(hint_, end);
            if (auto done = allocate(1, 1, at, got); !done.ok()) return done;
            if (!table_[number]) {
                mark_table(at);
                table_[number] = at;
                blocks_[number].bytes.assign(header_.cluster_bytes(), 0);
                table_dirty_ = true;
            } else if (auto back = change(at >> header_.cluster_bits, -1); !back.ok()) {
                return back;  // allocate() had to make the very block, and this cluster isn't needed
            }
        }
        if (auto done = find_block(number, &block); !done.ok()) return done;
    }
    const uint64_t count = block ? value(*block, cluster % per_block) : 0;
    if (delta < 0 && count < static_cast<uint64_t>(-delta))
        return IoStatus::fail(EIO, fmt::format("{}: cluster {:#x} is in use and has a reference count of {}: the image is "
                                               "corrupt; 'qemu-img check -r all' repairs it",
                                               file_.name(), cluster << header_.cluster_bits, count));
    if (delta > 0 && header_.max_refcount() - count < static_cast<uint64_t>(delta))
        return IoStatus::fail(EINVAL, fmt::format("{}: reference counts of {} bits can't be more than {}: expected an "
                                                  "image with more (refcount_bits=16)",
                                                  file_.name(), 1u << header_.refcount_order, header_.max_refcount()));
    set_value(*block, cluster % per_block, count + static_cast<uint64_t>(delta));
    dirty_blocks_.insert(number);
    if (count + static_cast<uint64_t>(delta) == 0) {
        hint_ = std::min(hint_, cluster);
        if (cluster < tables_.size()) tables_[cluster] = false;
    }
    return {};
}

// A block that counts itself, in the first free cluster of those that it is for.
IoStatus Refcounts::create_block(uint64_t number, uint64_t cluster) {
    Block& block = blocks_[number];
    block.bytes.assign(header_.cluster_bytes(), 0);
    set_value(block, cluster % header_.refcounts_per_block(), 1);
    table_[number] = cluster << header_.cluster_bits;
    mark_table(table_[number]);
    dirty_blocks_.insert(number);
    table_dirty_ = true;
    return {};
}

// A larger table, with the blocks that count it, from the first cluster of block `number` on (which the table in
// use has no place for, so nothing is there).
IoStatus Refcounts::grow_table(uint64_t number) {
    const uint64_t per_block = header_.refcounts_per_block(), per_cluster = header_.l2_entries();
    const uint64_t first = number * per_block;
    uint64_t blocks = 1, clusters = 0;
    for (;;) {
        const uint64_t entries = std::max(number + blocks, table_.size() + table_.size() / 2);
        clusters = (entries + per_cluster - 1) / per_cluster;
        const uint64_t needed = (blocks + clusters + per_block - 1) / per_block;
        if (needed <= blocks) break;
        blocks = needed;
    }
    if (clusters * header_.cluster_bytes() > kMaxRefcountTableBytes)
        return IoStatus::fail(EFBIG, file_.name() + ": the image can't grow further: its reference count table is full");
    // What is in memory must be on the disk before the header leads to it.
    if (auto done = write_back(true); !done.ok()) return done;
    const uint64_t old_offset = header_.refcount_table_offset, old_clusters = header_.refcount_table_clusters;
    table_.resize(clusters * per_cluster);
    for (uint64_t i = 0; i < blocks; ++i) {
        if (auto done = create_block(number + i, first + i); !done.ok()) return done;
    }
    for (uint64_t c = first; c < first + blocks + clusters; ++c) set_value(blocks_[c / per_block], c % per_block, 1);
    for (uint64_t i = 0; i < blocks; ++i) {
        if (auto done = write_block(number + i); !done.ok()) return done;
        dirty_blocks_.erase(number + i);
    }
    const uint64_t offset = (first + blocks) << header_.cluster_bits;
    std::vector<uint8_t> bytes(table_.size() * 8);
    for (size_t i = 0; i < table_.size(); ++i) store_be<uint64_t>(bytes.data() + 8 * i, table_[i]);
    if (auto done = file_.write(offset, bytes); !done.ok()) return done;
    if (auto done = file_.flush(); !done.ok()) return done;
    uint8_t fields[12];
    store_be<uint64_t>(fields, offset);
    store_be<uint32_t>(fields + 8, static_cast<uint32_t>(clusters));
    if (auto done = file_.write(kAtRefcountTable, fields); !done.ok()) return done;
    if (auto done = file_.flush(); !done.ok()) return done;
    header_.refcount_table_offset = offset;
    header_.refcount_table_clusters = static_cast<uint32_t>(clusters);
    table_dirty_ = false;
    mark_table(offset, clusters);
    unmark_table(old_offset, old_clusters);
    for (uint64_t i = 0; i < old_clusters; ++i) {
        if (auto done = change((old_offset >> header_.cluster_bits) + i, -1); !done.ok()) return done;
    }
    return {};
}

IoStatus Refcounts::allocate(uint64_t least, uint64_t wanted, uint64_t& offset, uint64_t& got) {
    if (auto done = trim_cache(); !done.ok()) return done;
    const uint64_t per_block = header_.refcounts_per_block();
    uint64_t cluster = hint_, start = hint_, run = 0;
    bool skipped = false;  // a free one that was too small a run: it stays for others
    while (run < wanted) {
        if (cluster << header_.cluster_bits > kOffsetMask || cluster > kOffsetMask >> header_.cluster_bits)
            return IoStatus::fail(EFBIG, file_.name() + ": the image can't grow further");
        const uint64_t number = cluster / per_block;
        Block* block = nullptr;
        if (number < table_.size()) {
            if (auto done = find_block(number, &block); !done.ok()) return done;
        }
        bool free = block && value(*block, cluster % per_block) == 0;
        if (!block && run < least) {
            if (auto done = number < table_.size() ? create_block(number, cluster) : grow_table(number); !done.ok())
                return done;
            if (number < table_.size() && table_[number] >> header_.cluster_bits != cluster) continue;
        }
        if (free && is_table(cluster << header_.cluster_bits)) {
            return IoStatus::fail(EIO, fmt::format("{}: cluster {:#x} holds a table and has a reference count of 0: the "
                                                   "image is corrupt; 'qemu-img check -r all' repairs it",
                                                   file_.name(), cluster << header_.cluster_bits));
        }
        if (free) {
            if (run == 0) start = cluster;
            ++run;
        } else if (run >= least) {
            break;
        } else {
            skipped = skipped || run > 0;
            run = 0;
        }
        ++cluster;
    }
    for (uint64_t c = start; c < start + run; ++c) {
        Block* block;
        if (auto done = find_block(c / per_block, &block); !done.ok()) return done;
        set_value(*block, c % per_block, 1);
        dirty_blocks_.insert(c / per_block);
    }
    if (!skipped) hint_ = start + run;
    offset = start << header_.cluster_bits;
    got = run;
    return {};
}

void Refcounts::release(uint64_t offset, uint64_t clusters) { released_.emplace_back(offset, clusters); }

IoStatus Refcounts::complete() {
    std::vector<std::pair<uint64_t, uint64_t>> all;
    all.swap(released_);
    IoStatus first;
    for (const auto& [offset, clusters] : all) {
        for (uint64_t i = 0; i < clusters; ++i) {
            auto done = change((offset >> header_.cluster_bits) + i, -1);
            if (!done.ok() && first.ok()) first = std::move(done);
        }
    }
    return first;
}

IoStatus Refcounts::write_block(uint64_t number) { return file_.write(table_[number], blocks_[number].bytes); }

IoStatus Refcounts::write_back(bool sync) {
    for (const uint64_t number : dirty_blocks_) {
        if (auto done = write_block(number); !done.ok()) return done;
    }
    dirty_blocks_.clear();
    if (!table_dirty_) return {};
    if (sync) {
        if (auto done = file_.flush(); !done.ok()) return done;
    }
    std::vector<uint8_t> bytes(table_.size() * 8);
    for (size_t i = 0; i < table_.size(); ++i) store_be<uint64_t>(bytes.data() + 8 * i, table_[i]);
    if (auto done = file_.write(header_.refcount_table_offset, bytes); !done.ok()) return done;
    table_dirty_ = false;
    return {};
}

IoStatus Refcounts::trim_cache() {
    if (blocks_.size() < 4 || blocks_.size() * header_.cluster_bytes() < kCacheBytes) return {};
    if (auto done = write_back(true); !done.ok()) return done;
    blocks_.clear();
    return {};
}

}  // namespace qr::qcow2
