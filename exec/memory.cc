// SPDX-License-Identifier: GPL-2.0-or-later
//
// The physical address space as a two-level table: 2 MiB leaves of 512 page slots. A page that any MMIO
// region touches is an I/O page, looked up by priority; every other page is a pointer into RAM blocks.
#include "exec/memory.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include <fmt/format.h>

#include "util/bits.h"
#include "util/page_memory.h"

namespace qr {

namespace {
constexpr unsigned kLeafShift = 21;
constexpr uint64_t kLeafPages = 1u << (kLeafShift - kPageShift);
constexpr uint64_t kPhysMask = (uint64_t{1} << kPhysBits) - 1;

// The mask of granules that bytes first .. last of a page touch.
uint64_t granules_of(uint64_t first, uint64_t last) {
    const unsigned a = first >> kGranuleShift, b = last >> kGranuleShift;
    return (b == 63 ? ~uint64_t{0} : (uint64_t{1} << (b + 1)) - 1) & ~((uint64_t{1} << a) - 1);
}
}  // namespace

// ---- RamBlock ----

Result<std::unique_ptr<RamBlock>> RamBlock::create(std::string name, uint64_t size, bool read_only) {
    assert(size && !(size & kPageMask));
    std::unique_ptr<RamBlock> block(new RamBlock);
    block->name_ = std::move(name);
    block->size_ = size;
    block->read_only_ = read_only;
    block->data_ = allocate_pages(size);
    if (!block->data_) {
        return Error{fmt::format("cannot set up guest memory '{}': the host has no {} MiB free",
                                 block->name_, size >> 20)};
    }
    block->pages_.resize(size >> kPageShift);
    return block;
}

RamBlock::~RamBlock() { free_pages(data_, size_); }

void RamBlock::set_dirty(uint64_t offset, uint64_t length) {
    if (!length) return;
    for (uint64_t p = offset >> kPageShift; p <= (offset + length - 1) >> kPageShift; ++p)
        pages_[p].dirty = kDirtyAll;
}

// ---- the map ----

struct AddressSpace::Mapping {
    Handle handle;
    uint64_t address;
    uint64_t size;
    int priority;
    RamBlock* read_block = nullptr;
    uint64_t read_offset = 0;
    RamBlock* write_block = nullptr;
    uint64_t write_offset = 0;
    IoRegion* io = nullptr;

    bool covers(uint64_t a) const { return a >= address && a - address < size; }
    bool touches_page(uint64_t page) const {
        return address >> kPageShift <= page && page <= (address + size - 1) >> kPageShift;
    }
};

// Mappings that touch one I/O page, in order of precedence.
struct AddressSpace::IoPage {
    std::vector<const Mapping*> mappings;
};

struct AddressSpace::Slot {
    bool mapped = false;
    RamBlock* read_block = nullptr;
    RamBlock* write_block = nullptr;
    uint64_t read_offset = 0;  // of the page's first byte
    uint64_t write_offset = 0;
    std::unique_ptr<IoPage> io;
};

struct AddressSpace::Leaf {
    // If it is all memory, in one piece, written to where it is read: so most of it is, and looking at a slot is a miss in
    // the host's caches.
    RamBlock* whole = nullptr;
    uint64_t whole_offset = 0;
    std::array<Slot, kLeafPages> slots;

    void look_whether_whole();
};

AddressSpace::AddressSpace(AddressSpace* below)
    : below_(below), leaves_(uint64_t{1} << (kPhysBits - kLeafShift)) {}
AddressSpace::~AddressSpace() = default;

AddressSpace::Handle AddressSpace::add(std::unique_ptr<Mapping> mapping) {
    mapping->handle = next_handle_++;
    const Handle handle = mapping->handle;
    const uint64_t address = mapping->address, size = mapping->size;
    auto at = std::find_if(mappings_.begin(), mappings_.end(),
                           [&](const auto& m) { return m->priority <= mapping->priority; });
    mappings_.insert(at, std::move(mapping));
    range_changed(address, size);
    return handle;
}

AddressSpace::Handle AddressSpace::map_ram(uint64_t address, uint64_t size, RamBlock& block,
                                           uint64_t block_offset, int priority,
                                           bool guest_writable) {
    return map_split(address, size, &block, block_offset,
                     guest_writable && !block.read_only() ? &block : nullptr, block_offset, priority);
}

AddressSpace::Handle AddressSpace::map_split(uint64_t address, uint64_t size, RamBlock* read_block,
                                             uint64_t read_offset, RamBlock* write_block,
                                             uint64_t write_offset, int priority) {
    assert(!((address | size | read_offset | write_offset) & kPageMask));
    auto m = std::make_unique<Mapping>();
    m->address = address;
    m->size = size;
    m->priority = priority;
    m->read_block = read_block;
    m->read_offset = read_offset;
    m->write_block = write_block;
    m->write_offset = write_offset;
    if (read_block) register_block(*read_block);
    if (write_block) register_block(*write_block);
    return add(std::move(m));
}

AddressSpace::Handle AddressSpace::map_io(uint64_t address, IoRegion& region, int priority) {
    auto m = std::make_unique<Mapping>();
    m->address = address;
    m->size = region.size();
    m->priority = priority;
    m->io = &region;
    return add(std::move(m));
}

void AddressSpace::unmap(Handle handle) {
    auto at = std::find_if(mappings_.begin(), mappings_.end(),
                           [&](const auto& m) { return m->handle == handle; });
    if (at == mappings_.end()) return;
    // The pages point at it until they are rebuilt, so it goes at once, and they with it.
    std::unique_ptr<Mapping> gone = std::move(*at);
    mappings_.erase(at);
    rebuild(gone->address >> kPageShift, (gone->address + gone->size - 1) >> kPageShift);
    if (open_groups_)
        changed_.emplace_back(1, 0);  // remembers only that something changed
    else if (listener())
        listener()->map_changed();
}

void AddressSpace::begin() { ++open_groups_; }

void AddressSpace::commit() {
    assert(open_groups_ > 0);
    if (--open_groups_ || changed_.empty()) return;
    for (const auto& [first, last] : changed_)
        if (first <= last) rebuild(first, last);
    changed_.clear();
    if (listener()) listener()->map_changed();
}

void AddressSpace::range_changed(uint64_t address, uint64_t size) {
    begin();
    changed_.emplace_back(address >> kPageShift, (address + size - 1) >> kPageShift);
    commit();
}

void AddressSpace::rebuild(uint64_t first_page, uint64_t last_page) {
    last_page = std::min(last_page, kPhysMask >> kPageShift);
    for (uint64_t page = first_page; page <= last_page; ++page) rebuild_page(page);
    for (uint64_t n = first_page / kLeafPages; n <= last_page / kLeafPages; ++n) leaves_[n]->look_whether_whole();
}

void AddressSpace::rebuild_page(uint64_t page) {
    auto& leaf = leaves_[page / kLeafPages];
    if (!leaf) leaf = std::make_unique<Leaf>();
    Slot& s = leaf->slots[page % kLeafPages];
    s = {};
    std::unique_ptr<IoPage> io;
    for (const auto& m : mappings_) {
        if (!m->touches_page(page)) continue;
        s.mapped = true;
        if (!m->io && !io) {
            const uint64_t into = (page << kPageShift) - m->address;
            s.read_block = m->read_block;
            s.read_offset = m->read_offset + into;
            s.write_block = m->write_block;
            s.write_offset = m->write_offset + into;
            return;
        }
        if (!io) io = std::make_unique<IoPage>();
        io->mappings.push_back(m.get());
        if (!m->io) break;  // nothing shows from below a page of RAM
    }
    s.io = std::move(io);
}

void AddressSpace::Leaf::look_whether_whole() {
    const Slot& first = slots[0];
    whole = nullptr;
    for (size_t n = 0; n < slots.size(); ++n) {
        const Slot& s = slots[n];
        if (s.io || !s.read_block || s.read_block != first.read_block || s.write_block != s.read_block ||
            s.read_offset != first.read_offset + (n << kPageShift) || s.write_offset != s.read_offset)
            return;
    }
    whole = first.read_block;
    whole_offset = first.read_offset;
}

// Where the byte at `address` is, if the memory around it is in one piece; else null.
RamBlock* AddressSpace::in_whole_leaf(uint64_t address, uint64_t& offset) const {
    const auto& leaf = leaves_[(address & kPhysMask) >> kLeafShift];
    if (!leaf) return below_ ? below_->in_whole_leaf(address, offset) : nullptr;
    if (leaf->whole) offset = leaf->whole_offset + (address & (kLeafPages * kPageSize - 1));
    return leaf->whole;
}

const AddressSpace::Slot& AddressSpace::slot(uint64_t address) const {
    static const Slot nothing;
    const auto& leaf = leaves_[(address & kPhysMask) >> kLeafShift];
    if (leaf) {
        const Slot& s = leaf->slots[(address >> kPageShift) % kLeafPages];
        if (s.mapped) return s;
    }
    return below_ ? below_->slot(address) : nothing;
}

const AddressSpace::Mapping* AddressSpace::io_at(const Slot& slot, uint64_t address) const {
    if (!slot.io) return nullptr;
    for (const Mapping* m : slot.io->mappings)
        if (m->covers(address & kPhysMask)) return m;
    return nullptr;
}

void AddressSpace::set_a20(bool on) {
    const uint64_t mask = on ? ~uint64_t{0} : ~(uint64_t{1} << 20);
    if (mask == a20_mask_) return;
    a20_mask_ = mask;
    if (listener()) listener()->map_changed();
}

void AddressSpace::register_block(RamBlock& block) {
    if (std::find(blocks_.begin(), blocks_.end(), &block) == blocks_.end()) blocks_.push_back(&block);
}

// ---- access ----

PageView AddressSpace::page_view(uint64_t address) {
    address &= a20_mask();
    PageView view;
    if (uint64_t offset = 0; RamBlock* whole = in_whole_leaf(address & ~kPageMask, offset)) {
        view.readable = whole->data() + offset;
        view.block = whole;
        view.block_page = offset >> kPageShift;
        view.page = &whole->page(view.block_page);
        if (view.page->quiet()) view.writable = view.readable;
        return view;
    }
    const Slot& s = slot(address);
    if (!s.read_block) return {};
    view.readable = s.read_block->data() + s.read_offset;
    view.block = s.read_block;
    view.block_page = s.read_offset >> kPageShift;
    if (s.write_block == s.read_block && s.write_offset == s.read_offset) {
        view.page = &view.block->page(view.block_page);
        if (view.page->quiet()) view.writable = view.readable;
    }
    return view;
}

uint64_t AddressSpace::read(uint64_t address, unsigned size) {
    address &= a20_mask();
    uint64_t value = ones(size);
    if (uint64_t offset = 0; const RamBlock* whole = in_whole_leaf(address, offset)) {
        value = 0;
        std::memcpy(&value, whole->data() + offset, size);
        return value;
    }
    const Slot& s = slot(address);
    if (s.read_block) {
        std::memcpy(&value, s.read_block->data() + s.read_offset + (address & kPageMask), size);
    } else if (const Mapping* m = io_at(s, address)) {
        if (m->io) {
            value = m->io->read((address & kPhysMask) - m->address, size);
            if (IoTracer* t = tracer()) t->region(false, *m->io, address & kPhysMask, size, value);
            return value;
        }
        if (m->read_block)
            std::memcpy(&value, m->read_block->data() + m->read_offset + (address - m->address), size);
    }
    return value & ones(size);
}

void AddressSpace::write(uint64_t address, unsigned size, uint64_t value) {
    address &= a20_mask();
    store(slot(address), address, size, value, false);
}

void AddressSpace::write_table_bits(uint64_t address, unsigned size, uint64_t value) {
    address &= a20_mask();
    store(slot(address), address, size, value, true);
}

void AddressSpace::store(const Slot& s, uint64_t address, unsigned size, uint64_t value, bool by_mmu) {
    RamBlock* block = s.write_block;
    uint64_t offset = s.write_offset + (address & kPageMask);
    if (s.io) {
        const Mapping* m = io_at(s, address);
        if (m && m->io) {
            if (IoTracer* t = tracer()) t->region(true, *m->io, address & kPhysMask, size, value & ones(size));
            return m->io->write((address & kPhysMask) - m->address, size, value);
        }
        block = m ? m->write_block : nullptr;
        if (m) offset = m->write_offset + (address - m->address);
    }
    if (!block) return;
    before_write(*block, offset, size, by_mmu);
    std::memcpy(block->data() + offset, &value, size);
}

// Within one page: tells the listener what is about to be overwritten.
void AddressSpace::before_write(RamBlock& block, uint64_t offset, uint64_t size, bool by_mmu) {
    const uint64_t index = offset >> kPageShift;
    RamBlock::Page& page = block.page(index);
    page.dirty = kDirtyAll;
    if (!(page.code_granules | page.table_granules)) return;
    const uint64_t in_page = offset & kPageMask;
    const uint64_t hit = granules_of(in_page, in_page + size - 1);
    if (const uint64_t code = page.code_granules & hit) {
        page.code_granules &= ~hit;
        if (listener()) listener()->code_written(block, index, code);
    }
    if (by_mmu || !(page.table_granules & hit) || !listener()) return;
    // An entry that isn't present was never cached: only overwriting a present one matters.
    const uint64_t first = in_page & ~uint64_t{7}, last = (in_page + size - 1) & ~uint64_t{7};
    const uint8_t* const entries = block.data() + (index << kPageShift);
    const auto present = [&](uint64_t at) { return (load_le<uint64_t>(entries + at) & 0x1'0000'0001) != 0; };
    uint64_t from = first, to = last;
    while (from <= last && !present(from)) from += 8;
    if (from > last) return;
    while (!present(to)) to -= 8;
    listener()->tables_written(page.table_tag, from, to + 7);
}

void AddressSpace::watch_code(RamBlock& block, uint64_t index, uint64_t granules) {
    RamBlock::Page& page = block.page(index);
    const bool was_quiet = page.quiet();
    page.code_granules |= granules;
    if (was_quiet && listener()) listener()->writes_watched(block, index);
}

void AddressSpace::watch_table(uint64_t address, unsigned size, uint32_t tag, bool kept) {
    if (below_) return below_->watch_table(address, size, tag, kept);
    address &= a20_mask();
    const Slot& s = slot(address);
    if (!s.write_block) return;
    const uint64_t offset = s.write_offset + (address & kPageMask);
    const uint64_t index = offset >> kPageShift;
    RamBlock::Page& page = s.write_block->page(index);
    const bool was_quiet = page.quiet();
    page.table_tag = !page.table_granules || page.table_tag == tag ? tag : kManyTags;
    page.table_granules |= granules_of(offset & kPageMask, (offset & kPageMask) + size - 1);
    if (const uint8_t list = kept ? RamBlock::Page::kKept : RamBlock::Page::kPassing; !(page.table_lists & list)) {
        page.table_lists |= list;
        (kept ? kept_tables_ : passing_tables_).push_back(&page);
    }
    if (was_quiet && listener_) listener_->writes_watched(*s.write_block, index);
}

void AddressSpace::forget_table_watches() {
    if (below_) return below_->forget_table_watches();
    for (RamBlock::Page* page : kept_tables_) forget_table_page(*page);
    for (RamBlock::Page* page : passing_tables_) forget_table_page(*page);
    kept_tables_.clear();
    passing_tables_.clear();
}

void AddressSpace::forget_passing_table_watches(const RamBlock::Page* unkept) {
    if (below_) return below_->forget_passing_table_watches(unkept);
    const auto leave = [](RamBlock::Page& page, uint8_t list) {
        page.table_lists &= static_cast<uint8_t>(~list);
        if (!page.table_lists) forget_table_page(page);
    };
    if (const auto found = std::ranges::find(kept_tables_, unkept); found != kept_tables_.end()) {
        leave(**found, RamBlock::Page::kKept);
        kept_tables_.erase(found);
    }
    for (RamBlock::Page* page : passing_tables_) leave(*page, RamBlock::Page::kPassing);
    passing_tables_.clear();
}

void AddressSpace::forget_table_page(RamBlock::Page& page) {
    page.table_granules = 0;
    page.table_tag = 0;
    page.table_lists = 0;
}

void AddressSpace::dma_read(uint64_t address, std::span<uint8_t> to) {
    while (!to.empty()) {
        const size_t n = std::min<uint64_t>(to.size(), kPageSize - (address & kPageMask));
        const Slot& s = slot(address);
        if (s.read_block) {
            std::memcpy(to.data(), s.read_block->data() + s.read_offset + (address & kPageMask), n);
        } else {
            for (size_t i = 0; i < n; ++i) {
                const Mapping* m = io_at(s, address + i);
                if (!m)
                    to[i] = 0xff;
                else if (m->io)
                    to[i] = static_cast<uint8_t>(m->io->read(((address + i) & kPhysMask) - m->address, 1));
                else
                    to[i] = m->read_block
                                ? m->read_block->data()[m->read_offset + address + i - m->address]
                                : 0xff;
            }
        }
        address += n;
        to = to.subspan(n);
    }
}

void AddressSpace::dma_write(uint64_t address, std::span<const uint8_t> from) {
    while (!from.empty()) {
        const size_t n = std::min<uint64_t>(from.size(), kPageSize - (address & kPageMask));
        const Slot& s = slot(address);
        if (s.write_block) {
            const uint64_t offset = s.write_offset + (address & kPageMask);
            before_write(*s.write_block, offset, n, false);
            std::memcpy(s.write_block->data() + offset, from.data(), n);
        } else if (s.io) {
            for (size_t i = 0; i < n; ++i) store(s, address + i, 1, from[i], false);
        }
        address += n;
        from = from.subspan(n);
    }
}

bool AddressSpace::peek(uint64_t address, std::span<uint8_t> to) const {
    bool all = true;
    for (size_t i = 0; i < to.size(); ++i) {
        const uint64_t at = (address + i) & a20_mask();
        const Slot& s = slot(at);
        if (s.read_block) {
            const size_t n = std::min<size_t>(to.size() - i, kPageSize - (at & kPageMask));
            std::memcpy(to.data() + i, s.read_block->data() + s.read_offset + (at & kPageMask), n);
            i += n - 1;
            continue;
        }
        to[i] = 0xff;
        const Mapping* m = io_at(s, at);
        if (m && m->io && m->io->ops().peek)
            to[i] = static_cast<uint8_t>(m->io->peek((at & kPhysMask) - m->address, 1));
        else if (m && m->read_block)
            to[i] = m->read_block->data()[m->read_offset + at - m->address];
        else
            all = false;
    }
    return all;
}

bool AddressSpace::poke(uint64_t address, std::span<const uint8_t> from) {
    bool all = true;
    while (!from.empty()) {
        const uint64_t at = address & a20_mask();
        const size_t n = std::min<size_t>(from.size(), kPageSize - (at & kPageMask));
        const Slot& s = slot(at);
        if (s.read_block) {
            const uint64_t offset = s.read_offset + (at & kPageMask);
            before_write(*s.read_block, offset, n, false);
            std::memcpy(s.read_block->data() + offset, from.data(), n);
        } else {
            all = false;
        }
        address += n;
        from = from.subspan(n);
    }
    return all;
}

// ---- dirty tracking ----

void AddressSpace::clear_dirty(RamBlock& block, uint64_t page, DirtyClient client) {
    const bool was_quiet = block.page(page).quiet();
    block.page(page).dirty &= static_cast<uint8_t>(~client);
    if (was_quiet && listener()) listener()->writes_watched(block, page);
}

void AddressSpace::clear_dirty_all(DirtyClient client) {
    for (RamBlock* block : blocks_)
        for (uint64_t p = 0; p < block->page_count(); ++p)
            block->page(p).dirty &= static_cast<uint8_t>(~client);
    if (listener()) listener()->map_changed();
}

std::string AddressSpace::describe_flat() const {
    std::vector<uint64_t> edges;
    for (const auto& m : mappings_) {
        edges.push_back(m->address);
        edges.push_back(m->address + m->size);
    }
    std::ranges::sort(edges);
    const auto repeated = std::ranges::unique(edges);
    edges.erase(repeated.begin(), repeated.end());
    const Mapping* last = nullptr;
    uint64_t first = 0;
    std::string text;
    const auto finish = [&](uint64_t end) {
        if (!last) return;
        const bool rom = last->read_block && (last->read_block->read_only() || !last->write_block);
        const std::string name = last->io           ? last->io->name()
                                 : last->read_block ? last->read_block->name()
                                                    : std::string("nothing");
        text += fmt::format("  {:016x}-{:016x} (prio {}, {}): {}", first, end - 1, last->priority,
                            last->io ? "i/o" : rom ? "rom" : "ram", name);
        const uint64_t offset = first - last->address + (last->read_block ? last->read_offset : 0);
        text += offset && !last->io ? fmt::format(" @{:016x}\n", offset) : "\n";
    };
    // mappings_ has whoever is on top first.
    for (const uint64_t edge : edges) {
        const Mapping* top = nullptr;
        for (const auto& m : mappings_)
            if (!top && edge - m->address < m->size) top = m.get();
        // Pieces of a block that follow each other are one line, however they came to be mapped.
        const auto offset = [edge](const Mapping* m) { return m->read_offset + edge - m->address; };
        if (top == last || (top && last && top->read_block && top->read_block == last->read_block &&
                            top->priority == last->priority && !top->write_block == !last->write_block &&
                            offset(top) == offset(last)))
            continue;
        finish(edge);
        last = top;
        first = edge;
    }
    return text;
}

std::string AddressSpace::describe() const {
    std::string text;
    for (const auto& m : mappings_) {
        const std::string what = m->io ? m->io->name()
                                 : m->read_block  ? m->read_block->name()
                                 : m->write_block ? m->write_block->name() + " (writes)"
                                                  : std::string("nothing");
        text += fmt::format("{:09x}-{:09x} (prio {}) {}\n", m->address, m->address + m->size - 1,
                            m->priority, what);
    }
    return text;
}

}  // namespace qr
