// SPDX-License-Identifier: GPL-2.0-or-later
//
// qcow2: writing, and the order in which tables reach the file. See qcow2.h. Source: qcow2 specification.
#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "block/big_endian.h"
#include "block/qcow2.h"

namespace qr {

using namespace qcow2;

IoStatus Qcow2Image::begin_write() {
    if (read_only_) return IoStatus::fail(EROFS, name() + ": it was opened read-only");
    if (broken_) return IoStatus::fail(EIO, name() + ": the image is corrupt, and isn't written any more");
    if (begun_) return {};
    // Whoever writes without knowing what these features are must say so.
    if (header_.version >= 3 && header_.autoclear) {
        header_.autoclear = 0;
        const uint8_t none[8] = {};
        if (auto done = file_->write(kAtAutoclear, none); !done.ok()) return done;
    }
    begun_ = true;
    return {};
}

bool Qcow2Image::in_place(uint64_t entry) const { return entry & kCopied && kind_of(entry) == Kind::kNormal; }

// A table that only the disk itself uses.
IoStatus Qcow2Image::l2_for_write(uint64_t l1_index, L2Table** table) {
    const uint64_t entry = l1_[l1_index], old = entry & kOffsetMask;
    if (old && entry & kCopied) {
        if (auto done = load_l2(old, table); !done.ok()) return done;
        if ((*table)->exclusive) return {};
        uint64_t count;
        if (auto done = refcounts_.get(old >> header_.cluster_bits, count); !done.ok()) return done;
        if (count != 1) return corrupt(fmt::format("the L2 table at {:#x} has a reference count of {}: expected 1", old, count));
        (*table)->exclusive = true;
        return {};
    }
    std::vector<uint64_t> entries(header_.l2_entries());
    if (old) {
        L2Table* shared;
        if (auto done = load_l2(old, &shared); !done.ok()) return done;
        entries = shared->entries;
    }
    uint64_t fresh, got;
    if (auto done = refcounts_.allocate(1, 1, fresh, got); !done.ok()) return done;
    refcounts_.mark_table(fresh);
    L2Table& made = l2_[fresh];
    made.entries = std::move(entries);
    made.exclusive = true;
    dirty_l2_ += !made.dirty;
    made.dirty = true;
    l1_[l1_index] = fresh | kCopied;
    l1_dirty_ = true;
    if (old) refcounts_.release(old);
    *table = &made;
    return {};
}

void Qcow2Image::release_entry(uint64_t entry) {
    if (entry & kCompressed) {
        uint64_t start, bytes;
        compressed_extent(entry, start, bytes);
        const uint64_t first = start >> header_.cluster_bits, last = (start + bytes - 1) >> header_.cluster_bits;
        refcounts_.release(first << header_.cluster_bits, last - first + 1);
    } else if (entry & kOffsetMask) {
        refcounts_.release(entry & kOffsetMask);
    }
}

IoStatus Qcow2Image::write(uint64_t offset, std::span<const uint8_t> from) {
    if (auto done = begin_write(); !done.ok()) return done;
    return write_at(offset, from);
}

IoStatus Qcow2Image::write_at(uint64_t offset, std::span<const uint8_t> from) {
    while (!from.empty()) {
        const uint64_t l1_index = covered_by_l1(offset);
        L2Table* table;
        if (auto ready = l2_for_write(l1_index, &table); !ready.ok()) return ready;
        const uint64_t left = (l1_index + 1) * header_.l1_covers() - offset;
        const auto part = from.first(std::min<uint64_t>(from.size(), left));
        const uint64_t entry = table->entries[l2_index(offset)];
        if (auto good = check_entry(entry, offset); !good.ok()) return good;
        uint64_t count = 0;
        auto done = in_place(entry) ? write_in_place(offset, part, *table, count) : write_new(offset, part, l1_index, count);
        if (!done.ok()) return done;
        offset += count;
        from = from.subspan(count);
    }
    return {};
}

IoStatus Qcow2Image::write_in_place(uint64_t offset, std::span<const uint8_t> from, L2Table& table, uint64_t& done) {
    const uint64_t cluster = header_.cluster_bytes(), inside = offset % cluster;
    uint64_t index = l2_index(offset);
    const uint64_t host = (table.entries[index] & kOffsetMask) + inside;
    uint64_t bytes = std::min<uint64_t>(from.size(), cluster - inside);
    for (;;) {
        const uint64_t place = table.entries[index] & kOffsetMask;
        uint64_t count;
        if (auto got = refcounts_.get(place >> header_.cluster_bits, count); !got.ok()) return got;
        if (count != 1 || refcounts_.is_table(place)) {
            return corrupt(fmt::format("the cluster at {:#x} {}", place,
                                       count == 1 ? std::string("holds a table")
                                                  : fmt::format("has a reference count of {}: expected 1", count)));
        }
        if (bytes == from.size() || ++index == header_.l2_entries()) break;
        const uint64_t next = table.entries[index];
        if (!in_place(next) || (next & kOffsetMask) != host + bytes || !check_entry(next, offset + bytes).ok()) break;
        bytes = std::min<uint64_t>(from.size(), bytes + cluster);
    }
    done = bytes;
    return file_->write(host, from.first(bytes));
}

// Into clusters that are new: what the write doesn't cover of them is copied from where it was.
IoStatus Qcow2Image::write_new(uint64_t offset, std::span<const uint8_t> from, uint64_t l1_index, uint64_t& done) {
    const uint64_t cluster = header_.cluster_bytes(), head = offset % cluster, start = offset - head;
    const uint64_t first = l2_index(offset);
    L2Table* table;
    if (auto ready = l2_for_write(l1_index, &table); !ready.ok()) return ready;
    uint64_t wanted = 1;
    while (wanted * cluster < head + from.size() && first + wanted < header_.l2_entries() &&
           !in_place(table->entries[first + wanted]))
        ++wanted;

    const uint64_t old = table->entries[first];
    const bool reuse = old & kCopied && kind_of(old) == Kind::kZeroAllocated;
    uint64_t host = old & kOffsetMask, got = 1;
    if (reuse) {
        uint64_t count;
        if (auto known = refcounts_.get(host >> header_.cluster_bits, count); !known.ok()) return known;
        if (count != 1 || refcounts_.is_table(host))
            return corrupt(fmt::format("the cluster at {:#x} isn't the disk's alone", host));
    } else if (auto found = refcounts_.allocate(1, wanted, host, got); !found.ok()) {
        return found;
    }
    const auto undo = [&](IoStatus why) {
        for (uint64_t i = 0; !reuse && i < got; ++i)
            static_cast<void>(refcounts_.change((host >> header_.cluster_bits) + i, -1));
        return why;
    };
    const uint64_t bytes = std::min<uint64_t>(from.size(), got * cluster - head);
    const uint64_t tail = got * cluster - head - bytes;
    if (!head && !tail) {
        if (auto put = file_->write(host, from.first(bytes)); !put.ok()) return undo(put);
    } else {
        std::vector<uint8_t> whole(got * cluster);
        const auto span = std::span(whole);
        if (head) {
            if (auto read = read_at(start, span.first(head)); !read.ok()) return undo(read);
        }
        if (tail) {
            if (auto read = read_at(offset + bytes, span.last(tail)); !read.ok()) return undo(read);
        }
        std::ranges::copy(from.first(bytes), whole.begin() + static_cast<ptrdiff_t>(head));
        if (auto put = file_->write(host, whole); !put.ok()) return undo(put);
    }
    // Reading may have thrown tables out of the cache.
    if (auto ready = l2_for_write(l1_index, &table); !ready.ok()) return undo(ready);
    for (uint64_t i = 0; i < got; ++i) {
        uint64_t& entry = table->entries[first + i];
        if (!reuse) release_entry(entry);
        entry = (host + i * cluster) | kCopied;
    }
    dirty_l2_ += !table->dirty;
    table->dirty = true;
    done = bytes;
    return {};
}

bool Qcow2Image::reads_zero(uint64_t offset) {
    Run run;
    if (!find_run(offset, 1, run).ok()) return false;
    if (run.kind == Kind::kUnallocated) return !backing_ || offset >= backing_->size();
    return run.kind == Kind::kZero || run.kind == Kind::kZeroAllocated;
}

// Whole clusters. required: they must read as zeroes afterwards.
IoStatus Qcow2Image::zero_clusters(uint64_t offset, uint64_t bytes, bool unmap, bool required) {
    const uint64_t cluster = header_.cluster_bytes(), end = offset + bytes;
    while (offset < end) {
        const uint64_t l1_index = covered_by_l1(offset);
        const uint64_t next = std::min(end, (l1_index + 1) * header_.l1_covers());
        const bool below = backing_ && offset < backing_->size();
        if (!(l1_[l1_index] & kOffsetMask) && !below) {
            offset = next;
            continue;
        }
        if (header_.version < 3 && below) {
            // Version 2 can't say "zero" where something shows from below.
            if (required) {
                const std::vector<uint8_t> zeroes(std::min<uint64_t>(next - offset, uint64_t{1} << 20));
                for (uint64_t at = offset; at < next; at += zeroes.size()) {
                    const auto part = std::span(zeroes).first(std::min<uint64_t>(zeroes.size(), next - at));
                    if (auto done = write_at(at, part); !done.ok()) return done;
                }
            }
            offset = next;
            continue;
        }
        L2Table* table;
        if (auto ready = l2_for_write(l1_index, &table); !ready.ok()) return ready;
        for (; offset < next; offset += cluster) {
            uint64_t& entry = table->entries[l2_index(offset)];
            if (auto good = check_entry(entry, offset); !good.ok()) return good;
            uint64_t fresh = below ? kZero : 0;
            if (!unmap && header_.version >= 3 && entry & kCopied && !(entry & kCompressed)) fresh = entry | kZero;
            if (fresh == entry) continue;
            if (!(fresh & kOffsetMask)) release_entry(entry);
            entry = fresh;
            dirty_l2_ += !table->dirty;
            table->dirty = true;
        }
    }
    return {};
}

IoStatus Qcow2Image::write_zeroes(uint64_t offset, uint64_t bytes, bool may_unmap) {
    if (auto done = begin_write(); !done.ok()) return done;
    const uint64_t cluster = header_.cluster_bytes();
    const auto write_part = [&](uint64_t at, uint64_t count) -> IoStatus {
        if (reads_zero(at)) return {};
        const std::vector<uint8_t> zeroes(count);
        return write_at(at, zeroes);
    };
    if (const uint64_t head = offset % cluster; head && bytes) {
        const uint64_t part = std::min(bytes, cluster - head);
        if (auto done = write_part(offset, part); !done.ok()) return done;
        offset += part;
        bytes -= part;
    }
    // The last cluster of the disk may stick out of it.
    const uint64_t whole = offset + bytes == header_.size ? bytes : bytes / cluster * cluster;
    if (whole) {
        if (auto done = zero_clusters(offset, whole, may_unmap, true); !done.ok()) return done;
    }
    return bytes > whole ? write_part(offset + whole, bytes - whole) : IoStatus{};
}

IoStatus Qcow2Image::discard(uint64_t offset, uint64_t bytes) {
    if (auto done = begin_write(); !done.ok()) return done;
    const uint64_t cluster = header_.cluster_bytes();
    const uint64_t start = (offset + cluster - 1) / cluster * cluster;
    uint64_t end = offset + bytes;
    if (end != header_.size) end = end / cluster * cluster;
    return start < end ? zero_clusters(start, end - start, true, false) : IoStatus{};
}

IoStatus Qcow2Image::write_l1() {
    std::vector<uint8_t> bytes(l1_.size() * 8);
    for (size_t i = 0; i < l1_.size(); ++i) store_be<uint64_t>(bytes.data() + 8 * i, l1_[i]);
    if (auto done = file_->write(header_.l1_offset, bytes); !done.ok()) return done;
    l1_dirty_ = false;
    return {};
}

// Counts before what they count, tables before what leads to them. Afterwards the released clusters may be freed.
IoStatus Qcow2Image::write_tables(bool sync) {
    const bool counts = refcounts_.dirty();
    if (auto done = refcounts_.write_back(sync); !done.ok()) return done;
    const bool tables = dirty_l2_ || l1_dirty_;
    if (sync && counts && tables) {
        if (auto done = file_->flush(); !done.ok()) return done;
    }
    if (dirty_l2_) {
        std::vector<uint8_t> bytes(header_.cluster_bytes());
        for (auto& [offset, table] : l2_) {
            if (!table.dirty) continue;
            for (size_t i = 0; i < table.entries.size(); ++i) store_be<uint64_t>(bytes.data() + 8 * i, table.entries[i]);
            if (auto done = file_->write(offset, bytes); !done.ok()) return done;
            table.dirty = false;
            --dirty_l2_;
        }
        if (sync && l1_dirty_) {
            if (auto done = file_->flush(); !done.ok()) return done;
        }
    }
    if (l1_dirty_) {
        if (auto done = write_l1(); !done.ok()) return done;
    }
    if (!refcounts_.releases_pending()) return {};
    if (sync) {
        if (auto done = file_->flush(); !done.ok()) return done;
    }
    return refcounts_.complete();
}

IoStatus Qcow2Image::flush() {
    if (read_only_ || !begun_) return {};
    if (broken_) return IoStatus::fail(EIO, name() + ": the image is corrupt, and isn't written any more");
    if (auto done = write_tables(true); !done.ok()) return done;
    return file_->flush();
}

IoStatus Qcow2Image::write_back() {
    if (read_only_ || !begun_ || broken_) return {};
    if (auto done = write_tables(true); !done.ok()) return done;
    return refcounts_.write_back(false);
}

// Another L1 table in place of the present one, which is given up; the header leads to it at once.
IoStatus Qcow2Image::replace_l1(const std::vector<uint64_t>& l1, uint64_t disk_size) {
    if (l1.size() * 8 > kMaxL1Bytes) return IoStatus::fail(EFBIG, name() + ": the L1 table would be too large");
    const uint64_t cluster = header_.cluster_bytes();
    const uint64_t clusters = std::max<uint64_t>(1, (l1.size() * 8 + cluster - 1) / cluster);
    uint64_t offset, got;
    if (auto done = refcounts_.allocate(clusters, clusters, offset, got); !done.ok()) return done;
    refcounts_.mark_table(offset, clusters);
    std::vector<uint8_t> bytes(clusters * cluster);
    for (size_t i = 0; i < l1.size(); ++i) store_be<uint64_t>(bytes.data() + 8 * i, l1[i]);
    if (auto done = file_->write(offset, bytes); !done.ok()) return done;
    if (auto done = refcounts_.write_back(true); !done.ok()) return done;
    if (auto done = file_->flush(); !done.ok()) return done;
    uint8_t fields[24];
    store_be<uint64_t>(fields, disk_size);
    store_be<uint32_t>(fields + 8, 0);  // no encryption
    store_be<uint32_t>(fields + 12, static_cast<uint32_t>(l1.size()));
    store_be<uint64_t>(fields + 16, offset);
    if (auto done = file_->write(kAtSize, fields); !done.ok()) return done;
    if (auto done = file_->flush(); !done.ok()) return done;
    if (header_.l1_offset) {
        const uint64_t old = (header_.l1_size * uint64_t{8} + cluster - 1) / cluster;
        refcounts_.unmark_table(header_.l1_offset, old);
        refcounts_.release(header_.l1_offset, old);
    }
    header_.l1_offset = offset;
    header_.l1_size = static_cast<uint32_t>(l1.size());
    header_.size = disk_size;
    l1_ = l1;
    l1_dirty_ = false;
    return {};
}

IoStatus Qcow2Image::grow_l1(uint64_t entries) {
    if (entries <= l1_.size()) return {};
    if (auto done = write_tables(true); !done.ok()) return done;
    std::vector<uint64_t> larger = l1_;
    larger.resize(entries);
    return replace_l1(larger, header_.size);
}

}  // namespace qr
