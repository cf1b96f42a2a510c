// SPDX-License-Identifier: GPL-2.0-or-later
//
// qcow2 as it is in the file: header, entries of tables, limits. Nothing that a file says is believed: a header
// that parse_header() lets through has every table inside the file, aligned, and of a size that can be allocated.
// Not supported, and refused by name: extended L2 entries, encryption, external data files.
// Source: qcow2 specification (docs/interop/qcow2 of QEMU's documentation).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "block/image.h"
#include "util/result.h"

namespace qr::qcow2 {

constexpr uint64_t kCopied = uint64_t{1} << 63;      // L1 and L2: the refcount of what it points to is exactly 1
constexpr uint64_t kCompressed = uint64_t{1} << 62;  // L2
constexpr uint64_t kZero = 1;                        // L2, version 3: reads as zeroes
constexpr uint64_t kOffsetMask = 0x00fffffffffffe00;

constexpr uint64_t kDirty = 1, kCorrupt = 2, kExternalData = 4, kCompressionType = 8, kExtendedL2 = 16;
constexpr uint64_t kBitmapsValid = 1;  // autoclear

constexpr uint64_t kMaxL1Bytes = uint64_t{32} << 20;
constexpr uint64_t kMaxRefcountTableBytes = uint64_t{8} << 20;
constexpr uint64_t kMaxSnapshots = 65536;
constexpr uint64_t kMaxSnapshotTableBytes = uint64_t{64} << 20;

struct Header {
    uint32_t version = 3;
    uint64_t backing_offset = 0;
    uint32_t backing_size = 0;
    uint32_t cluster_bits = 16;
    uint64_t size = 0;
    uint32_t l1_size = 0;  // entries
    uint64_t l1_offset = 0;
    uint64_t refcount_table_offset = 0;
    uint32_t refcount_table_clusters = 0;
    uint32_t snapshots = 0;
    uint64_t snapshots_offset = 0;
    uint64_t incompatible = 0, compatible = 0, autoclear = 0;
    uint32_t refcount_order = 4;  // 2^order bits each
    uint32_t header_length = 104;
    bool zstd = false;

    std::string backing_file, backing_format;
    bool has_bitmaps = false;

    uint64_t cluster_bytes() const { return uint64_t{1} << cluster_bits; }
    uint64_t l2_entries() const { return cluster_bytes() / 8; }
    uint64_t l1_covers() const { return cluster_bytes() * l2_entries(); }  // bytes of the disk for one entry
    uint64_t l1_needed() const { return (size + l1_covers() - 1) / l1_covers(); }
    uint64_t refcounts_per_block() const { return (cluster_bytes() * 8) >> refcount_order; }
    uint64_t max_refcount() const { return refcount_order == 6 ? ~uint64_t{0} : (uint64_t{1} << (1u << refcount_order)) - 1; }
};

// Reads and checks the header of `file`. Errors say what is wrong with it, without the image's name.
Result<Header> parse_header(Image& file);

// Fields of the header that change: their place in the file.
constexpr uint64_t kAtSize = 24, kAtL1 = 36, kAtRefcountTable = 48, kAtSnapshots = 60, kAtIncompatible = 72,
                   kAtAutoclear = 88;

// A table of `bytes` at `offset` lies in the file, at a cluster's beginning, not in the header.
Result<void> check_table(const char* what, uint64_t offset, uint64_t bytes, const Header& h, uint64_t file_size);

struct Snapshot {
    std::string id, name;
    uint64_t l1_offset = 0;
    uint32_t l1_size = 0;
    uint32_t date_s = 0, date_ns = 0;
    uint64_t vm_clock_ns = 0;
    uint64_t vm_state_bytes = 0;
    uint64_t disk_size = 0;
    uint64_t icount = ~uint64_t{0};      // of the guest; all ones: not known
    std::vector<uint8_t> more_extra;     // what newer writers keep there
};
Result<std::vector<Snapshot>> read_snapshots(Image& file, const Header& h);
std::vector<uint8_t> encode_snapshots(const std::vector<Snapshot>& snapshots);

struct CreateOptions {
    uint64_t size = 0;
    uint32_t version = 3;
    uint32_t cluster_bits = 16;
    uint32_t refcount_order = 4;
    std::string backing_file, backing_format;
};
// An empty image in `file`, which is empty.
IoStatus create(Image& file, const CreateOptions& options);

}  // namespace qr::qcow2
