// SPDX-License-Identifier: GPL-2.0-or-later
//
// A qcow2 image, version 2 or 3: read, written, with backing file, compressed clusters (read), internal snapshots.
//
// Data goes to the file at once; tables (L2, reference counts) stay in memory until flush(), write_back() or the
// end, and go out in an order in which a power cut at any moment leaves at worst clusters that nobody uses.
// A table that can't be right ends all writing: EIO, and nothing is written any more.
// Not written: compressed clusters, bitmaps, lazy reference counts (they are exact; the mark may stay set).
// Source: qcow2 specification.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "block/image.h"
#include "block/qcow2_format.h"
#include "block/qcow2_refcount.h"

namespace qr {

class Qcow2Image final : public Image {
  public:
    // Opens the backing file: name as it is in the header, format or empty.
    using OpenBacking = std::function<Result<std::unique_ptr<Image>>(const std::string& file, const std::string& format)>;
    static Result<std::unique_ptr<Qcow2Image>> open(std::unique_ptr<Image> file, const ImageSpec& spec,
                                                    const OpenBacking& open_backing);
    ~Qcow2Image() override;

    std::string format() const override { return "qcow2"; }
    uint64_t size() const override { return header_.size; }
    bool read_only() const override { return read_only_; }
    IoStatus read(uint64_t offset, std::span<uint8_t> to) override;
    IoStatus write(uint64_t offset, std::span<const uint8_t> from) override;
    IoStatus write_zeroes(uint64_t offset, uint64_t bytes, bool may_unmap) override;
    IoStatus discard(uint64_t offset, uint64_t bytes) override;
    IoStatus flush() override;
    IoStatus write_back() override;
    BlockRun status(uint64_t offset, uint64_t bytes) override;
    Image* backing() override { return backing_.get(); }
    Image* storage() override { return file_.get(); }

    const qcow2::Header& header() const { return header_; }

    // --- internal snapshots (qcow2_snapshot.cc); they are named by id or name ---
    const std::vector<qcow2::Snapshot>& snapshots() const { return snapshots_; }
    const qcow2::Snapshot* find_snapshot(const std::string& id_or_name) const;
    // Of the disk as it is. Takes name, date, vm_clock_ns, icount, vm_state_bytes from `description`; the id is made up.
    // vm_state_bytes of what write_vm_state() wrote become the snapshot's.
    IoStatus create_snapshot(const qcow2::Snapshot& description);
    IoStatus apply_snapshot(const std::string& id_or_name);
    IoStatus delete_snapshot(const std::string& id_or_name);
    // The state of a machine, kept behind the disk's end. Reading: after apply_snapshot().
    IoStatus write_vm_state(uint64_t offset, std::span<const uint8_t> from);
    IoStatus read_vm_state(uint64_t offset, std::span<uint8_t> to);
    // Looking at a snapshot, where it is (qcow2_vm_state.cc): could it be applied; the machine's state in it.
    IoStatus check_snapshot(const std::string& id_or_name);
    IoStatus read_snapshot_state(const std::string& id_or_name, std::vector<uint8_t>& to);

    // --- consistency (qcow2_check.cc) ---
    struct CheckReport {
        uint64_t leaks = 0;        // clusters counted that nobody uses
        uint64_t corruptions = 0;  // clusters used more often than they are counted, and tables that can't be right
        std::string first;         // the first finding in words
        bool clean() const { return !leaks && !corruptions; }
    };
    // repair: sets the counts to what the tables say.
    Result<CheckReport> check(bool repair);

  private:
    enum class Kind : uint8_t { kUnallocated, kZero, kZeroAllocated, kNormal, kCompressed };
    struct L2Table {
        std::vector<uint64_t> entries;
        bool dirty = false;
        bool exclusive = false;  // its count was looked at, and is 1
    };
    // A piece of the disk that is in one place.
    struct Run {
        Kind kind = Kind::kUnallocated;
        uint64_t host = 0;  // in the file
        uint64_t entry = 0;
        uint64_t bytes = 0;
    };

    Qcow2Image(std::unique_ptr<Image> file, qcow2::Header header, bool read_only);
    Result<void> load_tables();
    Result<void> prepare_for_writing();
    IoStatus begin_write();  // what must be done before the first one

    Kind kind_of(uint64_t entry) const;
    uint64_t covered_by_l1(uint64_t offset) const { return offset / header_.l1_covers(); }
    uint64_t l2_index(uint64_t offset) const { return (offset >> header_.cluster_bits) % header_.l2_entries(); }
    IoStatus corrupt(const std::string& what);
    IoStatus check_entry(uint64_t entry, uint64_t guest);
    IoStatus load_l2(uint64_t table_offset, L2Table** table);
    IoStatus l2_for_write(uint64_t l1_index, L2Table** table);
    IoStatus find_run(uint64_t offset, uint64_t bytes, Run& run);
    IoStatus read_at(uint64_t offset, std::span<uint8_t> to);
    IoStatus read_below(uint64_t offset, std::span<uint8_t> to);
    IoStatus read_compressed(uint64_t entry, uint64_t guest);
    void compressed_extent(uint64_t entry, uint64_t& start, uint64_t& bytes) const;

    IoStatus write_at(uint64_t offset, std::span<const uint8_t> from);
    IoStatus write_in_place(uint64_t offset, std::span<const uint8_t> from, L2Table& table, uint64_t& done);
    IoStatus write_new(uint64_t offset, std::span<const uint8_t> from, uint64_t l1_index, uint64_t& done);
    IoStatus zero_clusters(uint64_t offset, uint64_t bytes, bool unmap, bool required);
    bool reads_zero(uint64_t offset);
    void release_entry(uint64_t entry);
    bool in_place(uint64_t entry) const;
    IoStatus write_tables(bool sync);
    IoStatus write_l1();
    IoStatus grow_l1(uint64_t entries);
    IoStatus replace_l1(const std::vector<uint64_t>& l1, uint64_t disk_size);

    using Visit = std::function<IoStatus(uint64_t offset)>;  // a cluster of the file that is referred to
    IoStatus walk(const std::vector<uint64_t>& l1, const Visit& visit);
    IoStatus refer_to(const std::vector<uint64_t>& l1);    // +1, or nothing
    IoStatus give_up(const std::vector<uint64_t>& l1);     // -1, later
    IoStatus set_copied_flags();
    IoStatus each_table(const qcow2::Snapshot& s,
                        const std::function<IoStatus(uint64_t l1_index, std::span<const uint8_t> table)>& visit);
    Result<std::vector<uint64_t>> read_l1(uint64_t offset, uint64_t entries);
    IoStatus write_snapshot_table(const std::vector<qcow2::Snapshot>& all);
    uint64_t vm_state_start() const { return header_.l1_needed() * header_.l1_covers(); }

    std::unique_ptr<Image> file_;
    std::unique_ptr<Image> backing_;
    qcow2::Header header_;
    const bool read_only_;
    bool begun_ = false;   // begin_write() was done
    bool broken_ = false;  // a table is wrong: no more writing
    qcow2::Refcounts refcounts_;
    std::vector<uint64_t> l1_;
    bool l1_dirty_ = false;
    std::unordered_map<uint64_t, L2Table> l2_;  // by place in the file
    uint64_t dirty_l2_ = 0;
    std::vector<qcow2::Snapshot> snapshots_;
    uint64_t unpacked_ = ~uint64_t{0};  // the compressed cluster that is in `unpacked_data_`, by its entry
    std::vector<uint8_t> unpacked_data_;
};

}  // namespace qr
