// SPDX-License-Identifier: GPL-2.0-or-later
//
// Do a qcow2 image's reference counts say what its tables do? Needed to open an image that is marked dirty: one with
// lazy reference counts whose writer was killed. Source: qcow2 specification, "Lazy refcounts".
#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "block/qcow2.h"

namespace qr {

using namespace qcow2;

namespace {
constexpr uint64_t kMostClusters = uint64_t{1} << 28;
}

Result<Qcow2Image::CheckReport> Qcow2Image::check(bool repair) {
    CheckReport report;
    const auto find = [&](uint64_t& kind, std::string what) {
        ++kind;
        if (report.first.empty()) report.first = std::move(what);
    };
    if (read_only_) {
        if (auto done = refcounts_.load(); !done) return done.error();
    } else if (auto done = write_tables(true); !done.ok()) {
        return Error{done.message};
    }
    const uint64_t cluster = header_.cluster_bytes();
    const uint64_t clusters = (file_->size() + cluster - 1) / cluster;
    if (clusters > kMostClusters)
        return Error{fmt::format("the file has {} clusters: at most {} can be checked", clusters, kMostClusters)};
    std::vector<uint32_t> used(clusters);
    const auto use = [&](uint64_t offset, uint64_t bytes) {
        for (uint64_t c = offset / cluster; bytes && c <= (offset + bytes - 1) / cluster; ++c) {
            if (c >= used.size()) used.resize(c + 1);
            ++used[c];
        }
    };
    use(0, 1);
    use(header_.l1_offset, header_.l1_size * uint64_t{8});
    use(header_.refcount_table_offset, uint64_t{header_.refcount_table_clusters} * cluster);
    for (const uint64_t block : refcounts_.table())
        if (block) use(block, 1);
    if (header_.snapshots) use(header_.snapshots_offset, encode_snapshots(snapshots_).size());
    const auto visit = [&](uint64_t offset) {
        use(offset, 1);
        return IoStatus{};
    };
    const bool was_broken = broken_;
    std::vector<std::vector<uint64_t>> tables = {l1_};
    for (const Snapshot& s : snapshots_) {
        use(s.l1_offset, s.l1_size * uint64_t{8});
        auto l1 = read_l1(s.l1_offset, s.l1_size);
        if (!l1) return Error{l1.error()};
        tables.push_back(std::move(*l1));
    }
    for (const auto& l1 : tables) {
        if (const auto done = walk(l1, visit); !done.ok()) find(report.corruptions, done.message);
    }
    if (report.corruptions) {
        broken_ = was_broken || repair;
        return report;
    }
    for (uint64_t c = 0; c < used.size(); ++c) {
        uint64_t count;
        if (auto done = refcounts_.get(c, count); !done.ok()) return Error{done.message};
        if (count == used[c]) continue;
        if (repair) {
            auto done = refcounts_.change(c, static_cast<int64_t>(used[c]) - static_cast<int64_t>(count));
            if (!done.ok()) return Error{done.message};
        } else {
            find(count > used[c] ? report.leaks : report.corruptions,
                 fmt::format("cluster {:#x} is used {} times and counted {} times", c * cluster, used[c], count));
        }
    }
    if (repair) {
        if (auto done = set_copied_flags(); !done.ok()) return Error{done.message};
        if (auto done = write_tables(true); !done.ok()) return Error{done.message};
        if (auto done = file_->flush(); !done.ok()) return Error{done.message};
    }
    return report;
}

}  // namespace qr
