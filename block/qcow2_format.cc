// SPDX-License-Identifier: GPL-2.0-or-later
//
// Header and snapshot table: reading, checking, making. See qcow2_format.h. Source: qcow2 specification, "Header",
// "Header extensions", "Snapshots".
#include "block/qcow2_format.h"

#include <algorithm>

#include <fmt/format.h>

#include "block/big_endian.h"

namespace qr::qcow2 {

namespace {

constexpr uint32_t kEndOfExtensions = 0, kBackingFormat = 0xE2792ACA, kFeatureNames = 0x6803F857,
                   kBitmaps = 0x23852875, kEncryption = 0x0537BE77, kDataFile = 0x44415441;
constexpr size_t kMaxBackingName = 1023;

template <class T>
T at(const std::vector<uint8_t>& bytes, size_t offset) {
    return load_be<T>(bytes.data() + offset);
}

// What the image calls a feature that this version doesn't know.
std::string feature_names(const std::vector<uint8_t>& table, uint64_t unknown) {
    std::string names;
    for (unsigned bit = 0; bit < 64; ++bit) {
        if (!(unknown >> bit & 1)) continue;
        std::string name = fmt::format("bit {}", bit);
        for (size_t i = 0; i + 48 <= table.size(); i += 48) {
            if (table[i] != 0 || table[i + 1] != bit) continue;
            name.clear();
            for (size_t k = i + 2; k < i + 48 && table[k] >= 0x20 && table[k] < 0x7f; ++k)
                name += static_cast<char>(table[k]);
        }
        names += (names.empty() ? "" : ", ") + name;
    }
    return names;
}

Result<void> check_features(const Header& h, const std::vector<uint8_t>& names) {
    if (h.incompatible & kExternalData)
        return Error{"it has an external data file, which isn't supported: expected an image that holds its own data"};
    if (h.incompatible & kExtendedL2)
        return Error{"it has extended L2 entries (subclusters), which aren't supported: expected extended_l2=off"};
    const uint64_t known = kDirty | kCorrupt | kCompressionType;
    if (h.incompatible & ~known) {
        return Error{fmt::format("it has features that aren't supported: {}", feature_names(names, h.incompatible & ~known))};
    }
    return {};
}

Result<void> parse_extensions(Header& h, const std::vector<uint8_t>& start, std::vector<uint8_t>& names) {
    const size_t end = h.backing_offset ? static_cast<size_t>(h.backing_offset) : start.size();
    size_t offset = h.header_length;
    while (offset + 8 <= end) {
        const uint32_t type = at<uint32_t>(start, offset), length = at<uint32_t>(start, offset + 4);
        offset += 8;
        if (type == kEndOfExtensions) return {};
        if (length > end - offset)
            return Error{fmt::format("a header extension of {} bytes at {} is too large", length, offset - 8)};
        const auto begin = start.begin() + static_cast<ptrdiff_t>(offset);
        switch (type) {
            case kBackingFormat: h.backing_format.assign(begin, begin + length); break;
            case kFeatureNames: names.assign(begin, begin + length); break;
            case kBitmaps: h.has_bitmaps = true; break;
            case kEncryption: return Error{"it is encrypted, which isn't supported: expected an image without encryption"};
            case kDataFile: break;  // the feature bit says whether it counts
            default: break;         // unknown ones may be skipped
        }
        offset += (size_t{length} + 7) & ~size_t{7};
    }
    return {};
}

}  // namespace

Result<void> check_table(const char* what, uint64_t offset, uint64_t bytes, const Header& h, uint64_t file_size) {
    if (offset % h.cluster_bytes() || offset < h.cluster_bytes())
        return Error{fmt::format("the {} at {:#x} isn't where one can be: expected a multiple of {} behind the header",
                                 what, offset, h.cluster_bytes())};
    if (offset > file_size || bytes > file_size - offset)
        return Error{fmt::format("the {} at {:#x} ({} bytes) reaches behind the end of the file ({} bytes)", what, offset,
                                 bytes, file_size)};
    return {};
}

Result<Header> parse_header(Image& file) {
    const uint64_t file_size = file.size();
    if (file_size < 72) return Error{fmt::format("the file has {} bytes: a qcow2 image has more", file_size)};
    std::vector<uint8_t> start(std::min<uint64_t>(file_size, 112));
    if (auto done = file.read(0, start); !done.ok()) return Error{done.message};
    if (at<uint32_t>(start, 0) != 0x514649FB) return Error{"Image is not in qcow2 format"};
    Header h;
    h.version = at<uint32_t>(start, 4);
    if (h.version != 2 && h.version != 3)
        return Error{fmt::format("Unsupported qcow2 version {}: expected 2 or 3", h.version)};
    h.backing_offset = at<uint64_t>(start, 8);
    h.backing_size = at<uint32_t>(start, 16);
    h.cluster_bits = at<uint32_t>(start, 20);
    if (h.cluster_bits < 9 || h.cluster_bits > 21)
        return Error{fmt::format("Unsupported cluster size: 2^{}: expected 512 bytes to 2 MiB", h.cluster_bits)};
    h.size = at<uint64_t>(start, 24);
    const uint32_t crypt = at<uint32_t>(start, 32);
    if (crypt) return Error{fmt::format("it is encrypted (method {}), which isn't supported", crypt)};
    h.l1_size = at<uint32_t>(start, 36);
    h.l1_offset = at<uint64_t>(start, 40);
    h.refcount_table_offset = at<uint64_t>(start, 48);
    h.refcount_table_clusters = at<uint32_t>(start, 56);
    h.snapshots = at<uint32_t>(start, 60);
    h.snapshots_offset = at<uint64_t>(start, 64);
    h.header_length = 72;
    if (h.version == 3) {
        if (start.size() < 104) return Error{"the header is cut short"};
        h.incompatible = at<uint64_t>(start, 72);
        h.compatible = at<uint64_t>(start, 80);
        h.autoclear = at<uint64_t>(start, 88);
        h.refcount_order = at<uint32_t>(start, 96);
        h.header_length = at<uint32_t>(start, 100);
        if (h.header_length < 104 || h.header_length % 8 || h.header_length > h.cluster_bytes())
            return Error{fmt::format("the header's length is {}: expected 104 or more, in one cluster", h.header_length)};
        if (h.refcount_order > 6)
            return Error{fmt::format("refcounts of 2^{} bits: expected at most 64 bits", h.refcount_order)};
        const uint8_t compression = h.header_length > 104 && start.size() > 104 ? start[104] : 0;
        if (compression > 1) return Error{fmt::format("unknown compression type {}: expected zlib (0) or zstd (1)", compression)};
        if ((compression != 0) != ((h.incompatible & kCompressionType) != 0))
            return Error{fmt::format("compression type {} contradicts the feature bits", compression)};
        h.zstd = compression == 1;
    }
    start.resize(std::min(file_size, h.cluster_bytes()));
    if (start.size() < h.header_length) return Error{"the header is cut short"};
    if (auto done = file.read(0, start); !done.ok()) return Error{done.message};
    if (h.backing_offset) {
        if (h.backing_size > kMaxBackingName || h.backing_offset < h.header_length ||
            h.backing_offset > start.size() || h.backing_size > start.size() - h.backing_offset)
            return Error{fmt::format("the backing file's name ({} bytes at {:#x}) isn't in the first cluster", h.backing_size,
                                     h.backing_offset)};
        const auto begin = start.begin() + static_cast<ptrdiff_t>(h.backing_offset);
        h.backing_file.assign(begin, begin + h.backing_size);
        if (h.backing_file.find('\0') != std::string::npos) return Error{"the backing file's name has a zero byte in it"};
    }
    std::vector<uint8_t> names;
    if (auto done = parse_extensions(h, start, names); !done) return done.error();
    if (auto done = check_features(h, names); !done) return done.error();

    if (h.size > uint64_t{1} << 62) return Error{fmt::format("the disk's size {} is impossible", h.size)};
    if (uint64_t{h.l1_size} * 8 > kMaxL1Bytes)
        return Error{fmt::format("Active L1 table too large: {} entries, at most {} are possible", h.l1_size, kMaxL1Bytes / 8)};
    if (h.l1_size < h.l1_needed())
        return Error{fmt::format("L1 table is too small: {} entries, a disk of {} bytes needs {}", h.l1_size, h.size,
                                 h.l1_needed())};
    if (h.l1_size) {
        if (auto good = check_table("L1 table", h.l1_offset, uint64_t{h.l1_size} * 8, h, file_size); !good) return good.error();
    }
    if (!h.refcount_table_clusters) return Error{"Image does not contain a reference count table"};
    if (h.refcount_table_clusters > kMaxRefcountTableBytes >> h.cluster_bits)
        return Error{fmt::format("Reference count table too large: {} clusters", h.refcount_table_clusters)};
    // A preallocated or copied image may end inside the table's last cluster.
    if (auto good = check_table("reference count table", h.refcount_table_offset,
                                (uint64_t{h.refcount_table_clusters - 1} << h.cluster_bits) + 8, h, file_size);
        !good)
        return good.error();
    if (h.snapshots > kMaxSnapshots) return Error{fmt::format("Too many snapshots: {}", h.snapshots)};
    if (h.snapshots) {
        // An entry has 40 bytes at least.
        if (auto good = check_table("snapshot table", h.snapshots_offset, uint64_t{h.snapshots} * 40, h, file_size); !good)
            return good.error();
    }
    return h;
}

Result<std::vector<Snapshot>> read_snapshots(Image& file, const Header& h) {
    std::vector<Snapshot> all;
    uint64_t offset = h.snapshots_offset;
    const auto wrong = [&](const char* what) {
        return Error{fmt::format("snapshot {} in the snapshot table {}", all.size(), what)};
    };
    const auto get = [&](std::vector<uint8_t>& bytes) {
        return offset <= file.size() && bytes.size() <= file.size() - offset &&
               offset + bytes.size() - h.snapshots_offset <= kMaxSnapshotTableBytes && file.read(offset, bytes).ok();
    };
    for (uint32_t i = 0; i < h.snapshots; ++i) {
        std::vector<uint8_t> fixed(40);
        if (!get(fixed)) return wrong("reaches behind the end of the file");
        Snapshot s;
        s.l1_offset = at<uint64_t>(fixed, 0);
        s.l1_size = at<uint32_t>(fixed, 8);
        const size_t id = at<uint16_t>(fixed, 12), name = at<uint16_t>(fixed, 14);
        s.date_s = at<uint32_t>(fixed, 16);
        s.date_ns = at<uint32_t>(fixed, 20);
        s.vm_clock_ns = at<uint64_t>(fixed, 24);
        s.vm_state_bytes = at<uint32_t>(fixed, 32);
        const uint32_t extra = at<uint32_t>(fixed, 36);
        if (extra > 1024) return wrong("has too much extra data");
        std::vector<uint8_t> rest(extra + id + name);
        offset += 40;
        if (!get(rest)) return wrong("reaches behind the end of the file");
        s.disk_size = h.size;
        if (extra >= 8) s.vm_state_bytes = at<uint64_t>(rest, 0);
        if (extra >= 16) s.disk_size = at<uint64_t>(rest, 8);
        if (extra >= 24) s.icount = at<uint64_t>(rest, 16);
        if (extra > 24) s.more_extra.assign(rest.begin() + 24, rest.begin() + extra);
        s.id.assign(rest.begin() + extra, rest.begin() + static_cast<ptrdiff_t>(extra + id));
        s.name.assign(rest.begin() + static_cast<ptrdiff_t>(extra + id), rest.end());
        if (uint64_t{s.l1_size} * 8 > kMaxL1Bytes) return wrong("has an L1 table that is too large");
        if (s.l1_size && !check_table("L1 table", s.l1_offset, uint64_t{s.l1_size} * 8, h, file.size()))
            return wrong("has an L1 table that isn't in the file");
        const uint64_t covered = uint64_t{s.l1_size} * h.l1_covers();
        if (s.disk_size > covered || s.vm_state_bytes > covered) return wrong("has an L1 table that is too small");
        all.push_back(std::move(s));
        offset = (offset + rest.size() + 7) & ~uint64_t{7};
    }
    return all;
}

std::vector<uint8_t> encode_snapshots(const std::vector<Snapshot>& snapshots) {
    std::vector<uint8_t> out;
    for (const Snapshot& s : snapshots) {
        const size_t start = out.size();
        out.resize(start + 40 + 24);
        uint8_t* p = out.data() + start;
        store_be<uint64_t>(p, s.l1_offset);
        store_be<uint32_t>(p + 8, s.l1_size);
        store_be<uint16_t>(p + 12, static_cast<uint16_t>(s.id.size()));
        store_be<uint16_t>(p + 14, static_cast<uint16_t>(s.name.size()));
        store_be<uint32_t>(p + 16, s.date_s);
        store_be<uint32_t>(p + 20, s.date_ns);
        store_be<uint64_t>(p + 24, s.vm_clock_ns);
        store_be<uint32_t>(p + 32, s.vm_state_bytes >> 32 ? 0 : static_cast<uint32_t>(s.vm_state_bytes));
        store_be<uint32_t>(p + 36, static_cast<uint32_t>(24 + s.more_extra.size()));
        store_be<uint64_t>(p + 40, s.vm_state_bytes);
        store_be<uint64_t>(p + 48, s.disk_size);
        store_be<uint64_t>(p + 56, s.icount);
        out.insert(out.end(), s.more_extra.begin(), s.more_extra.end());
        out.insert(out.end(), s.id.begin(), s.id.end());
        out.insert(out.end(), s.name.begin(), s.name.end());
        out.resize((out.size() + 7) & ~size_t{7});
    }
    return out;
}

IoStatus create(Image& file, const CreateOptions& o) {
    Header h;
    h.cluster_bits = o.cluster_bits;
    h.size = o.size;
    h.refcount_order = o.version == 2 ? 4 : o.refcount_order;
    const uint64_t cluster = h.cluster_bytes();
    // In this order: header, refcount table, refcount blocks, L1 table. One block nearly always does.
    const uint64_t l1_clusters = std::max<uint64_t>(1, (h.l1_needed() * 8 + cluster - 1) / cluster);
    uint64_t blocks = 1;
    while (blocks * h.refcounts_per_block() < 2 + blocks + l1_clusters) ++blocks;
    if (h.l1_needed() * 8 > kMaxL1Bytes || blocks * 8 > cluster)
        return IoStatus::fail(EFBIG, fmt::format("{}: a disk of {} bytes is too large for clusters of {}", file.name(),
                                                 o.size, cluster));
    std::vector<uint8_t> image((2 + blocks + l1_clusters) * cluster);
    uint8_t* p = image.data();
    const size_t length = o.version == 2 ? 72 : 112;
    store_be<uint32_t>(p, 0x514649FB);
    store_be<uint32_t>(p + 4, o.version);
    store_be<uint32_t>(p + 20, o.cluster_bits);
    store_be<uint64_t>(p + 24, o.size);
    store_be<uint32_t>(p + 36, static_cast<uint32_t>(h.l1_needed()));
    store_be<uint64_t>(p + 40, (2 + blocks) * cluster);
    store_be<uint64_t>(p + 48, cluster);
    store_be<uint32_t>(p + 56, 1);
    if (o.version == 3) {
        store_be<uint32_t>(p + 96, h.refcount_order);
        store_be<uint32_t>(p + 100, static_cast<uint32_t>(length));
    }
    size_t end = length;
    if (!o.backing_format.empty()) {
        store_be<uint32_t>(p + end, kBackingFormat);
        store_be<uint32_t>(p + end + 4, static_cast<uint32_t>(o.backing_format.size()));
        std::ranges::copy(o.backing_format, p + end + 8);
        end += 8 + ((o.backing_format.size() + 7) & ~size_t{7});
    }
    end += 8;  // the end of the extensions is a zero one
    if (!o.backing_file.empty()) {
        if (o.backing_file.size() > kMaxBackingName || end + o.backing_file.size() > cluster)
            return IoStatus::fail(EINVAL, file.name() + ": the backing file's name is too long");
        store_be<uint64_t>(p + 8, end);
        store_be<uint32_t>(p + 16, static_cast<uint32_t>(o.backing_file.size()));
        std::ranges::copy(o.backing_file, p + end);
    }
    for (uint64_t i = 0; i < blocks; ++i) store_be<uint64_t>(p + cluster + 8 * i, (2 + i) * cluster);
    const unsigned bits = 1u << h.refcount_order;
    for (uint64_t i = 0; i < 2 + blocks + l1_clusters; ++i) {
        uint8_t* block = p + 2 * cluster;  // the blocks follow each other
        if (bits >= 8)
            block[i * bits / 8 + bits / 8 - 1] = 1;
        else
            block[i * bits / 8] |= static_cast<uint8_t>(1u << (i * bits % 8));
    }
    return file.write(0, image);
}

}  // namespace qr::qcow2
