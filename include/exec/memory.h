// SPDX-License-Identifier: GPL-2.0-or-later
// The physical address space: RAM, ROM and MMIO regions, who is on top of whom, and who wrote where.
//
// Physical addresses are 36 bits (PSE36, PAE). RAM is kept in blocks; a page of 4 KiB is the unit of
// mapping, dirty tracking and watching. VM thread only, but for read-only use of RamBlock::data().
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "exec/io.h"
#include "util/result.h"

namespace qr {

constexpr unsigned kPageShift = 12;
constexpr uint64_t kPageSize = 1u << kPageShift;
constexpr uint64_t kPageMask = kPageSize - 1;
constexpr unsigned kPhysBits = 36;

// Code and page tables are watched in granules of 64 bytes: a bit each in a 64-bit mask per page.
constexpr unsigned kGranuleShift = 6;

// Who wants to know that a page was written. Each client clears its own bit, looks later.
enum DirtyClient : uint8_t {
    kDirtyDigest = 1 << 0,
    kDirtyCheckpoint = 1 << 1,
    kDirtyDisplay = 1 << 2,
};
constexpr uint8_t kDirtyAll = kDirtyDigest | kDirtyCheckpoint | kDirtyDisplay;

// A block of guest memory (system RAM, video RAM, a ROM). Contents are part of snapshots and digests.
class RamBlock {
  public:
    // size: bytes, a multiple of 4 KiB. Zero-filled.
    static Result<std::unique_ptr<RamBlock>> create(std::string name, uint64_t size, bool read_only);
    ~RamBlock();
    RamBlock(const RamBlock&) = delete;

    const std::string& name() const { return name_; }
    uint64_t size() const { return size_; }
    bool read_only() const { return read_only_; }  // to the guest
    uint8_t* data() { return data_; }
    const uint8_t* data() const { return data_; }

    // Dirty bits of one page (page index = offset >> 12).
    uint8_t dirty(uint64_t page) const { return pages_[page].dirty; }
    void set_dirty(uint64_t offset, uint64_t length);

    struct Page {
        uint64_t code_granules = 0;   // decoded or translated code was read here
        uint64_t table_granules = 0;  // a page walk read entries here
        uint32_t table_tag = 0;       // what the CPU said of them (AddressSpace::watch_table())
        uint8_t table_lists = 0;      // why the tables are watched: TableList
        uint8_t dirty = kDirtyAll;
        enum TableList : uint8_t { kPassing = 1, kKept = 2 };  // see AddressSpace::watch_table()
        // A store may go straight to memory, without telling anybody.
        bool quiet() const { return dirty == kDirtyAll && !(code_granules | table_granules); }
    };
    Page& page(uint64_t index) { return pages_[index]; }
    uint64_t page_count() const { return size_ >> kPageShift; }

  private:
    RamBlock() = default;
    std::string name_;
    uint64_t size_ = 0;
    uint8_t* data_ = nullptr;
    bool read_only_ = false;
    std::vector<Page> pages_;
};

// Told when something that was derived from memory must be forgotten. The CPU implements it.
class MemoryListener {
  public:
    virtual ~MemoryListener() = default;
    // Watched granules of this page were (or are about to be) written: forget code decoded from `granules`.
    virtual void code_written(RamBlock& block, uint64_t page, uint64_t granules) = 0;
    // Page table entries between the bytes `first` and `last` of this page, present ones among them, are about to be
    // overwritten: forget what was translated by them. `tag` is what watch_table() was told, or kManyTags.
    virtual void tables_written(uint32_t tag, uint64_t first, uint64_t last) = 0;
    // This page is watched or its dirty bits were cleared: forget direct write pointers to it.
    virtual void writes_watched(RamBlock& block, uint64_t page) = 0;
    // The memory map changed, or many pages did: forget all direct pointers to memory.
    virtual void map_changed() = 0;
};

// What a physical page is, as the CPU's TLB wants to know it.
struct PageView {
    // Direct access. null: go through AddressSpace::read/write. `writable` is null while the page is not
    // quiet (see RamBlock::Page), or read-only, or MMIO.
    uint8_t* readable = nullptr;
    uint8_t* writable = nullptr;
    RamBlock* block = nullptr;  // null for MMIO and unmapped
    uint64_t block_page = 0;    // index of the page in block
    // Of memory that is written to where it is read: says whether a store may go straight there. Else null.
    const RamBlock::Page* page = nullptr;
};

class AddressSpace {
  public:
    // With `below`, what isn't mapped here is as it is there (SMM's view; A20 is shared).
    explicit AddressSpace(AddressSpace* below = nullptr);
    ~AddressSpace();

    // --- the map (the board, PCI BARs, PAM, SMRAM). All sizes and addresses in bytes. ---
    // A mapping with higher priority hides what is below it. RAM mappings must be page-aligned; MMIO may
    // share a page. Mappings are named by a handle for later change.
    using Handle = int;
    Handle map_ram(uint64_t address, uint64_t size, RamBlock& block, uint64_t block_offset,
                   int priority, bool guest_writable = true);
    Handle map_io(uint64_t address, IoRegion& region, int priority);
    // Reads come from one place and writes go to another (PAM's "read ROM, write RAM" and back).
    Handle map_split(uint64_t address, uint64_t size, RamBlock* read_block, uint64_t read_offset,
                     RamBlock* write_block, uint64_t write_offset, int priority);
    void unmap(Handle handle);
    // Groups several map changes into one map_changed().
    void begin();
    void commit();

    // A20 gate: off clears bit 20 of every CPU address (DMA isn't affected).
    void set_a20(bool on);
    bool a20() const { return a20_mask() == ~uint64_t{0}; }

    void set_listener(MemoryListener* listener) { listener_ = listener; }
    void set_tracer(IoTracer* tracer) { tracer_ = tracer; }

    // --- the CPU's side. `address` has A20 applied by these functions. size 1, 2, 4, 8. ---
    PageView page_view(uint64_t address);
    uint64_t read(uint64_t address, unsigned size);                  // within one page
    void write(uint64_t address, unsigned size, uint64_t value);     // within one page
    // The MMU's own accessed/dirty update: doesn't count as a change of the tables.
    void write_table_bits(uint64_t address, unsigned size, uint64_t value);

    // Marks granules that code or page walks were read from; later stores there call the listener.
    void watch_code(RamBlock& block, uint64_t page, uint64_t granules);
    // tag: not 0; comes back with what is written into the page, if all that was told of the page was the same. kept: until
    // forget_table_watches(); else until forget_passing_table_watches() at the latest.
    static constexpr uint32_t kManyTags = 0xffffffff;
    void watch_table(uint64_t address, unsigned size, uint32_t tag, bool kept);
    // Everything derived from page tables was forgotten: no granule needs watching for that any more.
    void forget_table_watches();
    // The same of what was not to be kept, and of all in one page. null: there is none such.
    void forget_passing_table_watches(const RamBlock::Page* unkept);

    // --- devices: bus-master access, any length, crossing anything ---
    void dma_read(uint64_t address, std::span<uint8_t> to);
    void dma_write(uint64_t address, std::span<const uint8_t> from);
    // A device is about to write its own block (video RAM) directly. Within one page.
    void device_writes(RamBlock& block, uint64_t offset, uint64_t size) {
        before_write(block, offset, size, false);
    }

    // --- debuggers ---
    // No side effects. False if any byte isn't RAM, ROM or peekable.
    bool peek(uint64_t address, std::span<uint8_t> to) const;
    // Changes what is read there, ROM too. False if any byte is neither; the others are written.
    bool poke(uint64_t address, std::span<const uint8_t> from);

    // --- dirty tracking ---
    // Clears the client's bit for one page (and makes the CPU forget direct write pointers to it).
    void clear_dirty(RamBlock& block, uint64_t page, DirtyClient client);
    void clear_dirty_all(DirtyClient client);

    // Every RAM block that was ever mapped, in order of registration: snapshots and digests walk these.
    void register_block(RamBlock& block);
    std::span<RamBlock* const> blocks() const { return blocks_; }

    // Lines "first-last name" of all mappings, also of such as are hidden by others, for reports.
    std::string describe() const;
    // What is seen of them, by address, for `info mtree`.
    std::string describe_flat() const;

  private:
    struct Mapping;
    struct Slot;
    struct Leaf;
    struct IoPage;
    Handle add(std::unique_ptr<Mapping> mapping);
    void rebuild(uint64_t first_page, uint64_t last_page);
    void rebuild_page(uint64_t page);
    void range_changed(uint64_t address, uint64_t size);
    const Slot& slot(uint64_t address) const;
    RamBlock* in_whole_leaf(uint64_t address, uint64_t& offset) const;
    const Mapping* io_at(const Slot& slot, uint64_t address) const;
    void store(const Slot& slot, uint64_t address, unsigned size, uint64_t value, bool by_mmu);
    void before_write(RamBlock& block, uint64_t offset, uint64_t size, bool by_mmu);
    uint64_t a20_mask() const { return below_ ? below_->a20_mask() : a20_mask_; }
    IoTracer* tracer() const { return below_ ? below_->tracer() : tracer_; }
    MemoryListener* listener() const { return below_ ? below_->listener() : listener_; }

    AddressSpace* below_;
    std::vector<std::unique_ptr<Mapping>> mappings_;  // highest priority first, later ones first
    std::vector<std::unique_ptr<Leaf>> leaves_;       // index: address >> 21
    std::vector<RamBlock*> blocks_;
    static void forget_table_page(RamBlock::Page& page);
    std::vector<RamBlock::Page*> passing_tables_, kept_tables_;
    std::vector<std::pair<uint64_t, uint64_t>> changed_;  // page ranges to rebuild at commit()
    MemoryListener* listener_ = nullptr;
    IoTracer* tracer_ = nullptr;
    uint64_t a20_mask_ = ~uint64_t{0};
    int next_handle_ = 1;
    int open_groups_ = 0;
};

}  // namespace qr
