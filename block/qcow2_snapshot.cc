// SPDX-License-Identifier: GPL-2.0-or-later
//
// qcow2's internal snapshots: each has an L1 table of its own, and shares everything below with the disk until
// that is written. See qcow2.h. Every step leaves the file in order: counts rise before a table refers to
// something, and fall after the last reference is gone.
// Source: qcow2 specification, "Snapshots".
#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include <fmt/format.h>

#include "block/big_endian.h"
#include "block/qcow2.h"

namespace qr {

using namespace qcow2;

const Snapshot* Qcow2Image::find_snapshot(const std::string& id_or_name) const {
    for (const Snapshot& s : snapshots_)
        if (s.id == id_or_name) return &s;
    for (const Snapshot& s : snapshots_)
        if (s.name == id_or_name) return &s;
    return nullptr;
}

IoStatus Qcow2Image::walk(const std::vector<uint64_t>& l1, const Visit& visit) {
    for (size_t i = 0; i < l1.size(); ++i) {
        const uint64_t offset = l1[i] & kOffsetMask;
        if (!offset) continue;
        if (auto done = visit(offset); !done.ok()) return done;
        L2Table* table;
        if (auto done = load_l2(offset, &table); !done.ok()) return done;
        for (size_t k = 0; k < table->entries.size(); ++k) {
            const uint64_t entry = table->entries[k];
            if (!entry) continue;
            if (auto good = check_entry(entry, i * header_.l1_covers() + k * header_.cluster_bytes()); !good.ok()) return good;
            if (entry & kCompressed) {
                uint64_t start, bytes;
                compressed_extent(entry, start, bytes);
                const uint64_t mask = ~(header_.cluster_bytes() - 1);
                for (uint64_t c = start & mask; c < start + bytes; c += header_.cluster_bytes()) {
                    if (auto done = visit(c); !done.ok()) return done;
                }
            } else if (entry & kOffsetMask) {
                if (auto done = visit(entry & kOffsetMask); !done.ok()) return done;
            }
        }
    }
    return {};
}

IoStatus Qcow2Image::refer_to(const std::vector<uint64_t>& l1) {
    std::vector<uint64_t> raised;
    auto done = walk(l1, [&](uint64_t offset) {
        auto changed = refcounts_.change(offset >> header_.cluster_bits, 1);
        if (changed.ok()) raised.push_back(offset >> header_.cluster_bits);
        return changed;
    });
    if (done.ok()) return done;
    for (const uint64_t cluster : raised) static_cast<void>(refcounts_.change(cluster, -1));
    return done;
}

IoStatus Qcow2Image::give_up(const std::vector<uint64_t>& l1) {
    return walk(l1, [&](uint64_t offset) {
        refcounts_.release(offset);
        return IoStatus{};
    });
}

// After counts have changed: an entry of the disk's tables has the flag if and only if the count is 1.
IoStatus Qcow2Image::set_copied_flags() {
    const auto flagged = [&](uint64_t entry, uint64_t& result) {
        uint64_t count;
        auto done = refcounts_.get((entry & kOffsetMask) >> header_.cluster_bits, count);
        result = count == 1 ? entry | kCopied : entry & ~kCopied;
        return done;
    };
    for (uint64_t& l1_entry : l1_) {
        const uint64_t offset = l1_entry & kOffsetMask;
        if (!offset) continue;
        uint64_t fresh;
        if (auto done = flagged(l1_entry, fresh); !done.ok()) return done;
        l1_dirty_ |= fresh != l1_entry;
        l1_entry = fresh;
        L2Table* table;
        if (auto done = load_l2(offset, &table); !done.ok()) return done;
        table->exclusive = false;
        for (uint64_t& entry : table->entries) {
            if (entry & kCompressed || !(entry & kOffsetMask)) continue;
            if (auto done = flagged(entry, fresh); !done.ok()) return done;
            if (fresh == entry) continue;
            entry = fresh;
            dirty_l2_ += !table->dirty;
            table->dirty = true;
        }
    }
    return {};
}

// The table at a new place, then the header.
IoStatus Qcow2Image::write_snapshot_table(const std::vector<Snapshot>& all) {
    const std::vector<uint8_t> bytes = encode_snapshots(all);
    const uint64_t cluster = header_.cluster_bytes();
    const auto clusters = [&](uint64_t n) { return (n + cluster - 1) / cluster; };
    if (all.size() > kMaxSnapshots || bytes.size() > kMaxSnapshotTableBytes)
        return IoStatus::fail(EFBIG, name() + ": it has too many snapshots");
    uint64_t offset = 0, got;
    if (!bytes.empty()) {
        const uint64_t n = clusters(bytes.size());
        if (auto done = refcounts_.allocate(n, n, offset, got); !done.ok()) return done;
        refcounts_.mark_table(offset, n);
        std::vector<uint8_t> padded = bytes;
        padded.resize(n * cluster);
        if (auto done = file_->write(offset, padded); !done.ok()) return done;
    }
    if (auto done = write_tables(true); !done.ok()) return done;
    if (auto done = file_->flush(); !done.ok()) return done;
    uint8_t fields[12];
    store_be<uint32_t>(fields, static_cast<uint32_t>(all.size()));
    store_be<uint64_t>(fields + 4, offset);
    if (auto done = file_->write(kAtSnapshots, fields); !done.ok()) return done;
    if (auto done = file_->flush(); !done.ok()) return done;
    if (header_.snapshots) {
        const uint64_t n = clusters(encode_snapshots(snapshots_).size());
        refcounts_.unmark_table(header_.snapshots_offset, n);
        refcounts_.release(header_.snapshots_offset, n);
    }
    header_.snapshots = static_cast<uint32_t>(all.size());
    header_.snapshots_offset = offset;
    snapshots_ = all;
    return {};
}

IoStatus Qcow2Image::create_snapshot(const Snapshot& description) {
    if (auto done = begin_write(); !done.ok()) return done;
    if (description.name.empty() || description.name.size() > 255 || find_snapshot(description.name))
        return IoStatus::fail(EEXIST, fmt::format("{}: a snapshot can't be called '{}': expected a name of up to 255 "
                                                  "characters that no other has",
                                                  name(), description.name));
    if (auto done = write_tables(true); !done.ok()) return done;
    Snapshot s = description;
    unsigned long highest = 0;
    for (const Snapshot& other : snapshots_) highest = std::max(highest, std::strtoul(other.id.c_str(), nullptr, 10));
    s.id = std::to_string(highest + 1);
    s.disk_size = header_.size;
    s.l1_size = header_.l1_size;
    const uint64_t cluster = header_.cluster_bytes();
    const uint64_t clusters = std::max<uint64_t>(1, (s.l1_size * uint64_t{8} + cluster - 1) / cluster);
    uint64_t got;
    if (auto done = refcounts_.allocate(clusters, clusters, s.l1_offset, got); !done.ok()) return done;
    const auto undo = [&](IoStatus why) {
        refcounts_.unmark_table(s.l1_offset, clusters);
        refcounts_.release(s.l1_offset, clusters);
        return why;
    };
    refcounts_.mark_table(s.l1_offset, clusters);
    std::vector<uint8_t> bytes(clusters * cluster);
    for (size_t i = 0; i < l1_.size(); ++i) store_be<uint64_t>(bytes.data() + 8 * i, l1_[i] & ~kCopied);
    if (auto done = file_->write(s.l1_offset, bytes); !done.ok()) return undo(done);
    if (auto done = refer_to(l1_); !done.ok()) return undo(done);
    if (auto done = set_copied_flags(); !done.ok()) return done;
    std::vector<Snapshot> all = snapshots_;
    all.push_back(s);
    if (auto done = write_snapshot_table(all); !done.ok()) return done;
    if (s.vm_state_bytes) {
        // The disk itself doesn't need it.
        const uint64_t length = (s.vm_state_bytes + cluster - 1) / cluster * cluster;
        if (auto done = zero_clusters(vm_state_start(), length, true, false); !done.ok()) return done;
    }
    return flush();
}

IoStatus Qcow2Image::apply_snapshot(const std::string& id_or_name) {
    if (auto done = begin_write(); !done.ok()) return done;
    const Snapshot* s = find_snapshot(id_or_name);
    if (!s) return IoStatus::fail(ENOENT, fmt::format("{}: it has no snapshot '{}'", name(), id_or_name));
    if (auto done = write_tables(true); !done.ok()) return done;
    auto l1 = read_l1(s->l1_offset, s->l1_size);
    if (!l1) return corrupt(l1.error().message);
    for (uint64_t& entry : *l1) entry &= ~kCopied;
    const uint64_t covers = header_.l1_covers();
    l1->resize(std::max<uint64_t>({l1->size(), (s->disk_size + covers - 1) / covers, l1_.size()}));
    if (auto done = refer_to(*l1); !done.ok()) return done;
    const std::vector<uint64_t> old = l1_;
    if (auto done = replace_l1(*l1, s->disk_size); !done.ok()) return done;
    if (auto done = give_up(old); !done.ok()) return done;
    if (auto done = refcounts_.complete(); !done.ok()) return done;
    unpacked_ = ~uint64_t{0};
    if (auto done = set_copied_flags(); !done.ok()) return done;
    return flush();
}

IoStatus Qcow2Image::delete_snapshot(const std::string& id_or_name) {
    if (auto done = begin_write(); !done.ok()) return done;
    const Snapshot* found = find_snapshot(id_or_name);
    if (!found) return IoStatus::fail(ENOENT, fmt::format("{}: it has no snapshot '{}'", name(), id_or_name));
    const Snapshot s = *found;
    if (auto done = write_tables(true); !done.ok()) return done;
    auto l1 = read_l1(s.l1_offset, s.l1_size);
    if (!l1) return corrupt(l1.error().message);
    std::vector<Snapshot> rest;
    for (const Snapshot& other : snapshots_)
        if (other.id != s.id) rest.push_back(other);
    if (auto done = write_snapshot_table(rest); !done.ok()) return done;
    if (auto done = give_up(*l1); !done.ok()) return done;
    const uint64_t clusters = (s.l1_size * uint64_t{8} + header_.cluster_bytes() - 1) >> header_.cluster_bits;
    refcounts_.unmark_table(s.l1_offset, clusters);
    refcounts_.release(s.l1_offset, clusters);
    if (auto done = refcounts_.complete(); !done.ok()) return done;
    for (auto it = l2_.begin(); it != l2_.end();) {
        // A table that is free now may become anything.
        if (!it->second.dirty && !refcounts_.is_table(it->first))
            it = l2_.erase(it);
        else
            ++it;
    }
    if (auto done = set_copied_flags(); !done.ok()) return done;
    return flush();
}

IoStatus Qcow2Image::write_vm_state(uint64_t offset, std::span<const uint8_t> from) {
    if (auto done = begin_write(); !done.ok()) return done;
    const uint64_t start = vm_state_start() + offset;
    if (auto done = grow_l1((start + from.size() + header_.l1_covers() - 1) / header_.l1_covers()); !done.ok()) return done;
    return write_at(start, from);
}

IoStatus Qcow2Image::read_vm_state(uint64_t offset, std::span<uint8_t> to) { return read_at(vm_state_start() + offset, to); }

}  // namespace qr
