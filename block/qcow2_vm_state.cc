// SPDX-License-Identifier: GPL-2.0-or-later
//
// Looking into an internal snapshot without going to it: are its tables in order, and the machine's state that is kept
// behind the disk's end. Damage here is the snapshot's alone, and doesn't stop the disk from being written.
// Source: qcow2 specification, "Snapshots".
#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "block/big_endian.h"
#include "block/qcow2.h"

namespace qr {

using namespace qcow2;

namespace {
constexpr uint64_t kMostState = uint64_t{1} << 36;
}

// Each L2 table of the snapshot, as it is in the file.
IoStatus Qcow2Image::each_table(const Snapshot& s, const std::function<IoStatus(uint64_t, std::span<const uint8_t>)>& visit) {
    const auto damaged = [&](const std::string& what) {
        return IoStatus::fail(EIO, fmt::format("{}: snapshot '{}' is damaged: {}", name(), s.name, what));
    };
    const auto l1 = read_l1(s.l1_offset, s.l1_size);
    if (!l1) return damaged(l1.error().message);
    std::vector<uint8_t> table(header_.cluster_bytes());
    for (size_t i = 0; i < l1->size(); ++i) {
        const uint64_t offset = (*l1)[i] & kOffsetMask;
        if (!offset) continue;
        if (auto done = file_->read(offset, table); !done.ok()) return done;
        for (size_t k = 0; k < table.size() / 8; ++k) {
            const uint64_t entry = load_be<uint64_t>(table.data() + 8 * k);
            uint64_t start = entry & kOffsetMask, bytes = 1;
            if (entry & kCompressed) compressed_extent(entry, start, bytes);
            else if (start % header_.cluster_bytes()) start = file_->size();
            if (entry & kCompressed ? start < header_.cluster_bytes() || start >= file_->size()
                                    : start && (start >= file_->size() || refcounts_.is_table(start)))
                return damaged(fmt::format("entry {} of its L2 table at {:#x} is {:#x}", k, offset, entry));
        }
        if (auto done = visit(i, table); !done.ok()) return done;
    }
    return {};
}

IoStatus Qcow2Image::check_snapshot(const std::string& id_or_name) {
    const Snapshot* s = find_snapshot(id_or_name);
    if (!s) return IoStatus::fail(ENOENT, fmt::format("{}: it has no snapshot '{}'", name(), id_or_name));
    if (s->disk_size != header_.size)
        return IoStatus::fail(EINVAL, fmt::format("{}: the disk of snapshot '{}' has {} bytes, and this one {}", name(), s->name,
                                                  s->disk_size, header_.size));
    return each_table(*s, [](uint64_t, std::span<const uint8_t>) { return IoStatus{}; });
}

IoStatus Qcow2Image::read_snapshot_state(const std::string& id_or_name, std::vector<uint8_t>& to) {
    const Snapshot* s = find_snapshot(id_or_name);
    if (!s) return IoStatus::fail(ENOENT, fmt::format("{}: it has no snapshot '{}'", name(), id_or_name));
    const uint64_t cluster = header_.cluster_bytes(), start = vm_state_start();
    if (s->vm_state_bytes > kMostState || s->vm_state_bytes > file_->size())
        return IoStatus::fail(EINVAL, fmt::format("{}: snapshot '{}' says that its VM state has {} bytes", name(), s->name,
                                                  s->vm_state_bytes));
    to.assign(s->vm_state_bytes, 0);
    return each_table(*s, [&](uint64_t l1_index, std::span<const uint8_t> table) {
        const uint64_t base = l1_index * header_.l1_covers();
        if (base + header_.l1_covers() <= start || base >= start + to.size()) return IoStatus{};
        for (size_t k = 0; k < table.size() / 8; ++k) {
            const uint64_t at = base + k * cluster, entry = load_be<uint64_t>(table.data() + 8 * k);
            if (at < start || at >= start + to.size()) continue;
            const Kind kind = kind_of(entry);
            if (kind == Kind::kCompressed)
                return IoStatus::fail(EINVAL, fmt::format("{}: the VM state of snapshot '{}' is compressed", name(), s->name));
            if (kind != Kind::kNormal) continue;
            const uint64_t bytes = std::min(cluster, start + to.size() - at);
            if (auto done = file_->read(entry & kOffsetMask, std::span(to).subspan(at - start, bytes)); !done.ok()) return done;
        }
        return IoStatus{};
    });
}

}  // namespace qr
