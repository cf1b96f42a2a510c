// SPDX-License-Identifier: GPL-2.0-or-later
//
// qcow2: opening, finding, reading. See qcow2.h. Source: qcow2 specification, "L1/L2 table entries".
#include "block/qcow2.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include "block/big_endian.h"

namespace qr {

using namespace qcow2;

namespace {
constexpr uint64_t kL2CacheBytes = uint64_t{32} << 20;
}

Qcow2Image::Qcow2Image(std::unique_ptr<Image> file, Header header, bool read_only)
    : Image(file->name()),
      file_(std::move(file)),
      header_(std::move(header)),
      read_only_(read_only),
      refcounts_(*file_, header_) {}

Qcow2Image::~Qcow2Image() {
    if (read_only_ || broken_ || !begun_) return;
    // Errors were told by flush(); there is nobody left to tell.
    if (write_tables(true).ok() && refcounts_.complete().ok()) static_cast<void>(refcounts_.write_back(true));
}

Result<std::unique_ptr<Qcow2Image>> Qcow2Image::open(std::unique_ptr<Image> file, const ImageSpec& spec,
                                                     const OpenBacking& open_backing) {
    const std::string name = file->name();
    const auto refuse = [&](const Error& why) { return Error{fmt::format("Could not open '{}': {}", name, why.message)}; };
    auto header = parse_header(*file);
    if (!header) return refuse(header.error());
    std::unique_ptr<Qcow2Image> image(new Qcow2Image(std::move(file), *header, spec.read_only));
    if (const auto done = image->load_tables(); !done) return refuse(done.error());
    if (!image->header_.backing_file.empty() && !spec.no_backing) {
        auto backing = open_backing(image->header_.backing_file, image->header_.backing_format);
        if (!backing) return refuse(Error{"Could not open backing file: " + backing.error().message});
        image->backing_ = std::move(*backing);
    }
    // Last, when nothing else can go wrong any more: a repair writes.
    if (!spec.read_only) {
        if (const auto done = image->prepare_for_writing(); !done) return refuse(done.error());
    }
    return image;
}

Result<std::vector<uint64_t>> Qcow2Image::read_l1(uint64_t offset, uint64_t entries) {
    std::vector<uint8_t> bytes(entries * 8);
    if (auto done = file_->read(offset, bytes); !done.ok()) return Error{done.message};
    std::vector<uint64_t> l1(entries);
    for (size_t i = 0; i < l1.size(); ++i) {
        l1[i] = load_be<uint64_t>(bytes.data() + 8 * i);
        const uint64_t table = l1[i] & kOffsetMask;
        if (l1[i] & ~(kOffsetMask | kCopied) || table % header_.cluster_bytes() || (table && table >= file_->size()))
            return Error{fmt::format("L1 entry {} is {:#x}: no L2 table can be there", i, l1[i])};
    }
    return l1;
}

Result<void> Qcow2Image::load_tables() {
    auto l1 = read_l1(header_.l1_offset, header_.l1_size);
    if (!l1) return l1.error();
    l1_ = std::move(*l1);
    auto snapshots = read_snapshots(*file_, header_);
    if (!snapshots) return snapshots.error();
    snapshots_ = std::move(*snapshots);
    return {};
}

// Everything that writing could do harm to is known and in its place, or the image isn't written.
Result<void> Qcow2Image::prepare_for_writing() {
    if (header_.incompatible & kCorrupt)
        return Error{"it is marked corrupt and can be opened read-only only: 'qemu-img check -r all' repairs it"};
    if (header_.has_bitmaps && header_.autoclear & kBitmapsValid)
        return Error{"it has persistent bitmaps, which writing would make wrong: remove them with 'qemu-img bitmap "
                     "--remove', or open it read-only"};
    if (auto done = refcounts_.load(); !done) return done.error();
    const auto clusters = [this](uint64_t bytes) { return (bytes + header_.cluster_bytes() - 1) >> header_.cluster_bits; };
    if (header_.l1_size && !refcounts_.mark_table(header_.l1_offset, clusters(header_.l1_size * uint64_t{8})))
        return Error{"the L1 table overlaps another table"};
    std::vector<uint64_t> snapshot_tables;
    for (const Snapshot& s : snapshots_) {
        if (s.l1_size && !refcounts_.mark_table(s.l1_offset, clusters(s.l1_size * uint64_t{8})))
            return Error{fmt::format("the L1 table of snapshot '{}' overlaps another table", s.name)};
        auto l1 = read_l1(s.l1_offset, s.l1_size);
        if (!l1) return Error{fmt::format("snapshot '{}': {}", s.name, l1.error().message)};
        for (const uint64_t entry : *l1)
            if (entry & kOffsetMask) snapshot_tables.push_back(entry & kOffsetMask);
    }
    if (header_.snapshots &&
        !refcounts_.mark_table(header_.snapshots_offset, clusters(encode_snapshots(snapshots_).size())))
        return Error{"the snapshot table overlaps another table"};
    for (size_t i = 0; i < l1_.size(); ++i) {
        const uint64_t table = l1_[i] & kOffsetMask;
        if (table && !refcounts_.mark_table(table))
            return Error{fmt::format("L1 entry {} is {:#x}: another table is there", i, l1_[i])};
    }
    // Snapshots share tables with each other and with the disk; but not with anything else.
    std::ranges::sort(snapshot_tables);
    const auto last = std::ranges::unique(snapshot_tables).begin();
    std::vector<uint64_t> active;
    for (const uint64_t entry : l1_) active.push_back(entry & kOffsetMask);
    std::ranges::sort(active);
    for (auto it = snapshot_tables.begin(); it != last; ++it) {
        if (!std::ranges::binary_search(active, *it) && !refcounts_.mark_table(*it))
            return Error{fmt::format("a snapshot's L2 table at {:#x} overlaps another table", *it)};
    }
    if (header_.incompatible & kDirty) {
        auto repaired = check(true);
        if (!repaired) return repaired.error();
        if (repaired->corruptions) return Error{"it is corrupt: " + repaired->first};
        uint8_t bits[8];
        header_.incompatible &= ~kDirty;
        store_be<uint64_t>(bits, header_.incompatible);
        if (auto done = file_->write(kAtIncompatible, bits); !done.ok()) return Error{done.message};
        if (auto done = file_->flush(); !done.ok()) return Error{done.message};
    }
    return {};
}

IoStatus Qcow2Image::corrupt(const std::string& what) {
    if (!read_only_) broken_ = true;
    return IoStatus::fail(EIO, fmt::format("{}: {}: the image is corrupt{}", name(), what,
                                           read_only_ ? "" : ", and isn't written any more"));
}

Qcow2Image::Kind Qcow2Image::kind_of(uint64_t entry) const {
    if (entry & kCompressed) return Kind::kCompressed;
    if (header_.version >= 3 && entry & kZero) return entry & kOffsetMask ? Kind::kZeroAllocated : Kind::kZero;
    return entry & kOffsetMask ? Kind::kNormal : Kind::kUnallocated;
}

void Qcow2Image::compressed_extent(uint64_t entry, uint64_t& start, uint64_t& bytes) const {
    const unsigned offset_bits = 62 - (header_.cluster_bits - 8);
    start = entry & ((uint64_t{1} << offset_bits) - 1);
    const uint64_t sectors = ((entry & ~(kCompressed | kCopied)) >> offset_bits) + 1;
    bytes = sectors * 512 - start % 512;
}

IoStatus Qcow2Image::check_entry(uint64_t entry, uint64_t guest) {
    if (entry & kCompressed) {
        uint64_t start, bytes;
        compressed_extent(entry, start, bytes);
        if (start < header_.cluster_bytes() || start >= file_->size())
            return corrupt(fmt::format("the compressed cluster for disk offset {:#x} is at {:#x}, where none can be", guest, start));
        if (refcounts_.is_table(start)) return corrupt(fmt::format("disk offset {:#x} is where a table is, at {:#x}", guest, start));
        return {};
    }
    const uint64_t host = entry & kOffsetMask;
    if (refcounts_.is_table(host) && host) return corrupt(fmt::format("disk offset {:#x} is where a table is, at {:#x}", guest, host));
    if (host && (host % header_.cluster_bytes() || host >= file_->size()))
        return corrupt(fmt::format("the cluster for disk offset {:#x} is at {:#x}, where none can be", guest, host));
    return {};
}

IoStatus Qcow2Image::load_l2(uint64_t table_offset, L2Table** table) {
    if (const auto found = l2_.find(table_offset); found != l2_.end()) {
        *table = &found->second;
        return {};
    }
    if (l2_.size() > 4 && l2_.size() * header_.cluster_bytes() >= kL2CacheBytes) {
        if (auto done = write_tables(true); !done.ok()) return done;
        l2_.clear();
    }
    std::vector<uint8_t> bytes(header_.cluster_bytes());
    if (auto done = file_->read(table_offset, bytes); !done.ok()) return done;
    L2Table& loaded = l2_[table_offset];
    loaded.entries.resize(header_.l2_entries());
    for (size_t i = 0; i < loaded.entries.size(); ++i) loaded.entries[i] = load_be<uint64_t>(bytes.data() + 8 * i);
    *table = &loaded;
    return {};
}

IoStatus Qcow2Image::find_run(uint64_t offset, uint64_t bytes, Run& run) {
    const uint64_t cluster = header_.cluster_bytes(), l1_index = covered_by_l1(offset);
    const uint64_t inside = offset % cluster;
    run = {};
    const uint64_t table_offset = l1_index < l1_.size() ? l1_[l1_index] & kOffsetMask : 0;
    if (!table_offset) {
        run.bytes = std::min(bytes, (l1_index + 1) * header_.l1_covers() - offset);
        return {};
    }
    L2Table* table;
    if (auto done = load_l2(table_offset, &table); !done.ok()) return done;
    uint64_t index = l2_index(offset);
    run.entry = table->entries[index];
    run.kind = kind_of(run.entry);
    if (auto good = check_entry(run.entry, offset); !good.ok()) return good;
    run.host = (run.entry & kOffsetMask) + inside;
    run.bytes = std::min(bytes, cluster - inside);
    if (run.kind == Kind::kCompressed) return {};
    while (run.bytes < bytes && ++index < header_.l2_entries()) {
        const uint64_t next = table->entries[index];
        if (kind_of(next) != run.kind) break;
        if (run.kind == Kind::kNormal && (next & kOffsetMask) != run.host + run.bytes) break;
        if (auto good = check_entry(next, offset + run.bytes); !good.ok()) return good;
        run.bytes = std::min(bytes, run.bytes + cluster);
    }
    return {};
}

IoStatus Qcow2Image::read_below(uint64_t offset, std::span<uint8_t> to) {
    const uint64_t there = backing_ && offset < header_.size && offset < backing_->size()
                               ? std::min<uint64_t>(to.size(), backing_->size() - offset)
                               : 0;
    std::ranges::fill(to.subspan(there), 0);
    return there ? backing_->read(offset, to.first(there)) : IoStatus{};
}

IoStatus Qcow2Image::read_at(uint64_t offset, std::span<uint8_t> to) {
    while (!to.empty()) {
        Run run;
        if (auto done = find_run(offset, to.size(), run); !done.ok()) return done;
        const auto part = to.first(run.bytes);
        IoStatus done;
        switch (run.kind) {
            case Kind::kUnallocated: done = read_below(offset, part); break;
            case Kind::kZero:
            case Kind::kZeroAllocated: std::ranges::fill(part, 0); break;
            case Kind::kNormal: done = file_->read(run.host, part); break;
            case Kind::kCompressed:
                done = read_compressed(run.entry, offset);
                if (done.ok()) std::memcpy(part.data(), unpacked_data_.data() + offset % header_.cluster_bytes(), part.size());
                break;
        }
        if (!done.ok()) return done;
        offset += run.bytes;
        to = to.subspan(run.bytes);
    }
    return {};
}

IoStatus Qcow2Image::read(uint64_t offset, std::span<uint8_t> to) { return read_at(offset, to); }

// Small reads of one compressed cluster follow each other: the last one is kept.
IoStatus Qcow2Image::read_compressed(uint64_t entry, uint64_t guest) {
    if (unpacked_ == entry) return {};
    uint64_t start, bytes;
    compressed_extent(entry, start, bytes);
    bytes = std::min(bytes, file_->size() - start);
    std::vector<uint8_t> packed(bytes);
    if (auto done = file_->read(start, packed); !done.ok()) return done;
    unpacked_ = ~uint64_t{0};
    unpacked_data_.resize(header_.cluster_bytes());
    bool good = false;
    if (header_.zstd) {
        // What is behind the frame in the last sector isn't ours.
        ZSTD_inBuffer in{packed.data(), packed.size(), 0};
        ZSTD_outBuffer out{unpacked_data_.data(), unpacked_data_.size(), 0};
        const std::unique_ptr<ZSTD_DStream, decltype(&ZSTD_freeDStream)> stream(ZSTD_createDStream(), ZSTD_freeDStream);
        while (stream && out.pos < out.size) {
            const size_t before = in.pos + out.pos;
            const size_t left = ZSTD_decompressStream(stream.get(), &out, &in);
            if (ZSTD_isError(left) || (in.pos + out.pos == before && out.pos < out.size)) break;
        }
        good = out.pos == out.size;
    } else {
        z_stream stream{};
        stream.next_in = packed.data();
        stream.avail_in = static_cast<uInt>(packed.size());
        stream.next_out = unpacked_data_.data();
        stream.avail_out = static_cast<uInt>(unpacked_data_.size());
        if (inflateInit2(&stream, -12) == Z_OK) {
            const int end = inflate(&stream, Z_FINISH);
            good = (end == Z_STREAM_END || end == Z_BUF_ERROR) && stream.avail_out == 0;
            inflateEnd(&stream);
        }
    }
    if (!good) {
        return IoStatus::fail(EIO, fmt::format("{}: the compressed cluster for disk offset {:#x} can't be decompressed", name(),
                                               guest));
    }
    unpacked_ = entry;
    return {};
}

BlockRun Qcow2Image::status(uint64_t offset, uint64_t bytes) {
    Run run;
    if (!find_run(offset, bytes, run).ok()) return {BlockKind::kData, bytes};
    switch (run.kind) {
        case Kind::kUnallocated: return {BlockKind::kUnallocated, run.bytes};
        case Kind::kZero:
        case Kind::kZeroAllocated: return {BlockKind::kZero, run.bytes};
        default: return {BlockKind::kData, run.bytes};
    }
}

}  // namespace qr
