// SPDX-License-Identifier: GPL-2.0-or-later
//
// Page walks (32-bit with PSE and PSE-36, and PAE with execute-disable), and every memory access that
// the TLB can't serve directly. Source: Intel SDM 3A, 4.3 (32-bit), 4.4 (PAE), 4.6 (access rights),
// 4.7 (page-fault error codes), 4.8 (accessed and dirty flags), 5.3 (limits).
#include "target/i386/mmu.h"

namespace qr::i386 {

namespace {

enum PteBit : uint64_t {
    kPresent = 1 << 0, kWritable = 1 << 1, kUser = 1 << 2, kAccessed = 1 << 5, kDirty = 1 << 6,
    kLarge = 1 << 7, kGlobal = 1 << 8, kNoExecute = uint64_t{1} << 63,
};
enum ErrorBit : uint32_t {
    kErrorPresent = 1, kErrorWrite = 2, kErrorUser = 4, kErrorReserved = 8, kErrorFetch = 16,
};

// Of a table: the first linear address that its entries are for, and of which kind it is.
enum TableKind : uint32_t { kLeafTable = 1, kDirectoryTable = 2, kTableKind = 3 };
constexpr uint64_t kAbovePhys = ~((uint64_t{1} << kPhysBits) - 1) & ~kNoExecute;
constexpr uint64_t kEferNxe = 1 << 11;

struct Walk {
    enum class Result : uint8_t { kMapped, kNotPresent, kReserved } result = Result::kNotPresent;
    uint64_t physical = 0;  // of the 4 KiB page
    uint64_t rights = kWritable | kUser;  // of all levels together
    bool no_execute = false;
    unsigned levels = 0;
    struct {
        uint64_t address, value;
        uint32_t tag;
    } entry[2];  // as they were read, the leaf last
    bool global(const Cpu& cpu) const { return levels && (entry[levels - 1].value & kGlobal) && (cpu.cr4 & kCr4PGE); }
};

// read(address, size, tag): an entry.
template <class Read>
Walk walk_pae(const Cpu& cpu, uint32_t linear, Read read) {
    Walk w;
    const uint64_t pdpte = cpu.pdpte[linear >> 30];
    if (!(pdpte & kPresent)) return w;
    const uint64_t reserved = kAbovePhys | (cpu.efer & kEferNxe ? 0 : uint64_t{kNoExecute});
    uint64_t table = pdpte & ~kPageMask & ~kAbovePhys;
    for (unsigned shift = 21;; shift -= 9) {
        const uint64_t address = table + bits(linear, shift, 9) * 8;
        const uint32_t tag = shift == 21 ? (linear & 0xc0000000) | kDirectoryTable : (linear & 0xffe00000) | kLeafTable;
        const uint64_t value = read(address, 8u, tag);
        w.entry[w.levels++] = {address, value, tag};
        if (!(value & kPresent)) return w;
        const bool large = shift == 21 && (value & kLarge);
        if (value & (reserved | (large ? 0x1fe000 : 0))) {
            w.result = Walk::Result::kReserved;
            return w;
        }
        w.rights &= value;
        w.no_execute |= (value & kNoExecute) != 0;
        table = value & ~kPageMask & ~kAbovePhys & ~kNoExecute;
        if (large || shift == 12) {
            w.physical = large ? (table & ~uint64_t{0x1fffff}) | (linear & 0x1ff000) : table;
            w.result = Walk::Result::kMapped;
            return w;
        }
    }
}

template <class Read>
Walk walk_32(const Cpu& cpu, uint32_t linear, Read read) {
    Walk w;
    const uint64_t pde_address = (cpu.cr3 & Tlb::kPageBits) + (linear >> 22) * 4;
    const uint64_t pde = read(pde_address, 4u, uint32_t{kDirectoryTable});
    w.entry[w.levels++] = {pde_address, pde, kDirectoryTable};
    if (!(pde & kPresent)) return w;
    w.rights &= pde;
    if ((pde & kLarge) && (cpu.cr4 & kCr4PSE)) {
        // Bits 13-16 are address bits 32-35; without PSE-36 they are reserved, like 17-21.
        if (pde & (cpu.model.has(Feature::kPse36) ? 0x3e0000 : 0x3fe000)) {
            w.result = Walk::Result::kReserved;
            return w;
        }
        w.physical = (pde & 0xffc00000) | bits(pde, 13, 4) << 32 | (linear & 0x3ff000);
        w.result = Walk::Result::kMapped;
        return w;
    }
    const uint64_t pte_address = (pde & Tlb::kPageBits) + bits(linear, 12, 10) * 4;
    const uint32_t tag = (linear & 0xffc00000) | kLeafTable;
    const uint64_t pte = read(pte_address, 4u, tag);
    w.entry[w.levels++] = {pte_address, pte, tag};
    if (!(pte & kPresent)) return w;
    w.rights &= pte;
    w.physical = pte & Tlb::kPageBits;
    w.result = Walk::Result::kMapped;
    return w;
}

template <class Read>
Walk walk(const Cpu& cpu, uint32_t linear, Read read) {
    return cpu.cr4 & kCr4PAE ? walk_pae(cpu, linear, read) : walk_32(cpu, linear, read);
}

// The physical page of a data access, from the cached translation if it can be. False: `fault` is the page fault.
bool find_page(Cpu& cpu, uint32_t linear, bool write, bool user, uint64_t& physical, Fault& fault) {
    const Tlb::Translation& t = cpu.tlb.translation(user, linear);
    if (t.tag == (linear & Tlb::kPageBits) && (t.writable || !write)) {
        physical = t.physical;
        return true;
    }
    PhysicalPage page;
    if (!translate(cpu, linear, write ? Access::kWrite : Access::kRead, user, page, fault)) return false;
    cpu.tlb.fill_translation(user, linear, {page.address, page.writable, page.global});
    physical = page.address;
    return true;
}
uint64_t resolve(Cpu& cpu, uint32_t linear, bool write, bool user) {
    uint64_t physical = 0;
    Fault why{};
    if (!find_page(cpu, linear, write, user, physical, why)) throw why;
    return physical;
}

bool crosses(uint32_t linear, unsigned size) { return (linear & kPageMask) + size > kPageSize; }

// Both pages of an access that crosses from one into the next; checked before either is touched.
struct Pages {
    uint64_t first, second;
    unsigned in_first;
    uint64_t byte(uint32_t linear, unsigned i) const {
        return i < in_first ? first + (linear & kPageMask) + i : second + i - in_first;
    }
};
Pages resolve_both(Cpu& cpu, uint32_t linear, bool write, bool user) {
    Pages p;
    p.in_first = static_cast<unsigned>(kPageSize - (linear & kPageMask));
    p.first = resolve(cpu, linear, write, user);
    p.second = resolve(cpu, linear + p.in_first, write, user);
    return p;
}

void check_alignment(Cpu& cpu, uint32_t linear, unsigned size, bool user) {
    if (user && cpu.tlb.alignment_checked() && (linear & (size - 1))) fault(kAC, 0);
}

// Pages with the guest's data watchpoints never match in the TLB.
bool watched_by_guest(const Cpu& cpu, uint32_t linear) {
    if (!cpu.watching_data) return false;
    for (unsigned n = 0; n < 4; ++n) {
        const bool enabled = bits(cpu.dr[7], n * 2, 2);
        const unsigned kind = bits(cpu.dr[7], 16 + n * 4, 2);
        if (enabled && (kind == 1 || kind == 3) && !((cpu.dr[n] ^ linear) & Tlb::kPageBits)) return true;
    }
    return false;
}

// The same of a debugger's, but that an entry for reading may be served where only writes are watched.
bool watched_page(const Cpu& cpu, uint32_t linear, bool write) {
    if (cpu.stops.watching() && (write ? cpu.stops.watches_page(linear) : cpu.stops.watches_reads(linear))) return true;
    return watched_by_guest(cpu, linear);
}

void tell_watchers(Cpu& cpu, uint32_t linear, unsigned size, bool write) {
    if (cpu.watching_data) cpu.check_watchpoints(linear, size, write);
    if (cpu.stops.watching()) cpu.stops.accessed(linear, size, write, cpu.wiring.countdown);
}

}  // namespace

bool translate(Cpu& cpu, uint32_t linear, Access access, bool user, PhysicalPage& out, Fault& fault) {
    if (!cpu.paging()) {
        out = {linear & Tlb::kPageBits, true};
        return true;
    }
    AddressSpace& memory = cpu.memory();
    Walk w = walk(cpu, linear, [&](uint64_t a, unsigned size, uint32_t) { return memory.read(a, size); });

    const bool write = access == Access::kWrite;
    const bool may_write = (w.rights & kWritable) || (!user && !(cpu.cr0 & kCr0WP));
    const bool permitted = w.result == Walk::Result::kMapped && (!user || (w.rights & kUser)) &&
                           (!write || may_write) && !(access == Access::kExecute && w.no_execute);
    if (!permitted) {
        uint32_t error = 0;
        if (w.result != Walk::Result::kNotPresent) error |= kErrorPresent;
        if (w.result == Walk::Result::kReserved) error |= kErrorReserved;
        if (write) error |= kErrorWrite;
        if (user) error |= kErrorUser;
        if (access == Access::kExecute && (cpu.cr4 & kCr4PAE) && (cpu.efer & kEferNxe))
            error |= kErrorFetch;
        fault = Fault{kPF, true, error, linear};
        return false;
    }
    const unsigned size = cpu.cr4 & kCr4PAE ? 8 : 4;
    for (unsigned n = 0; n < w.levels; ++n) {
        const bool leaf = n + 1 == w.levels;
        const uint64_t wanted = w.entry[n].value | kAccessed | (leaf && write ? uint64_t{kDirty} : 0);
        if (wanted != w.entry[n].value) {
            memory.write_table_bits(w.entry[n].address, size, wanted);
            w.entry[n].value = wanted;
        }
        memory.watch_table(w.entry[n].address, size, w.entry[n].tag, w.global(cpu));
    }
    out = {w.physical, may_write && (w.entry[w.levels - 1].value & kDirty) != 0, w.global(cpu)};
    return true;
}

bool page_fault(Cpu& cpu, uint32_t linear, unsigned size, bool write, Fault& fault) {
    const bool user = cpu.cpl == 3;
    uint64_t physical = 0;
    if (!find_page(cpu, linear, write, user, physical, fault)) return true;
    if (!crosses(linear, size)) return false;
    return !find_page(cpu, linear + static_cast<uint32_t>(kPageSize - (linear & kPageMask)), write, user, physical, fault);
}

const FetchPage* find_fetch_page(Cpu& cpu, uint32_t linear, Fault& fault) {
    const bool user = cpu.cpl == 3;
    const FetchPage& cached = cpu.tlb.fetch(user, linear);
    if (cached.tag == (linear & Tlb::kPageBits)) [[likely]]
        return &cached;
    PhysicalPage page;
    if (!translate(cpu, linear, Access::kExecute, user, page, fault)) return nullptr;
    const PageView view = cpu.memory().page_view(page.address);
    FetchPage fetch;
    fetch.host = view.readable;
    fetch.block = view.readable ? view.block : nullptr;
    fetch.block_page = view.block_page;
    fetch.physical = page.address;
    return &cpu.tlb.fill_fetch(user, linear, fetch, page.global);
}

uint8_t fetch_byte(Cpu& cpu, uint32_t linear) {
    const FetchPage& page = fetch_page(cpu, linear);
    const uint32_t offset = linear & kPageMask;
    return page.host ? page.host[offset]
                     : static_cast<uint8_t>(cpu.memory().read(page.physical + offset, 1));
}

std::optional<uint64_t> peek_translate(const Cpu& cpu, uint32_t linear) {
    if (!cpu.paging()) return linear;
    const AddressSpace& memory = cpu.smm ? cpu.wiring.smm_memory : cpu.wiring.memory;
    const Walk w = walk(cpu, linear, [&](uint64_t address, unsigned size, uint32_t) {
        uint8_t bytes[8] = {};
        memory.peek(address, std::span(bytes, size));
        return load_le<uint64_t>(bytes);
    });
    if (w.result != Walk::Result::kMapped) return std::nullopt;
    return w.physical | (linear & kPageMask);
}

bool peek_linear(const Cpu& cpu, uint32_t linear, std::span<uint8_t> to) {
    const AddressSpace& memory = cpu.smm ? cpu.wiring.smm_memory : cpu.wiring.memory;
    bool all = true;
    while (!to.empty()) {
        const size_t n = std::min<size_t>(to.size(), kPageSize - (linear & kPageMask));
        const std::optional<uint64_t> physical = peek_translate(cpu, linear);
        if (physical) {
            all &= memory.peek(*physical, to.first(n));
        } else {
            std::fill_n(to.begin(), n, uint8_t{0xff});
            all = false;
        }
        linear += static_cast<uint32_t>(n);
        to = to.subspan(n);
    }
    return all;
}

bool poke_linear(Cpu& cpu, uint32_t linear, std::span<const uint8_t> from) {
    bool all = true;
    while (!from.empty()) {
        const size_t n = std::min<size_t>(from.size(), kPageSize - (linear & kPageMask));
        const std::optional<uint64_t> physical = peek_translate(cpu, linear);
        all &= physical && cpu.memory().poke(*physical, from.first(n));
        linear += static_cast<uint32_t>(n);
        from = from.subspan(n);
    }
    return all;
}

void tables_overwritten(Cpu& cpu, uint32_t tag, uint64_t first, uint64_t last) {
    const bool pae = cpu.cr4 & kCr4PAE;
    const uint32_t kind = tag & kTableKind;
    if (!cpu.paging() || (kind != kLeafTable && kind != kDirectoryTable)) return cpu.flush_tlb();
    const unsigned shift = kind == kLeafTable ? 12 : pae ? 21 : 22;
    const unsigned entry_shift = pae ? 3 : 2;
    const auto linear = [&](uint64_t entry) { return (tag & ~uint32_t{kTableKind}) + static_cast<uint32_t>(entry << shift); };
    cpu.tlb.flush_pages(linear(first >> entry_shift), linear(last >> entry_shift) + ((uint32_t{1} << shift) - 1));
}

namespace {

// Whether global pages are what they were; if so the new directory is watched for them.
bool keeps_global_pages(Cpu& cpu, uint32_t old_cr3) {
    if (!(cpu.cr4 & kCr4PGE) || (cpu.cr4 & kCr4PAE)) return false;
    AddressSpace& memory = cpu.memory();
    const uint64_t before_page = old_cr3 & Tlb::kPageBits, now_page = cpu.cr3 & Tlb::kPageBits;
    const PageView before = memory.page_view(before_page), now = memory.page_view(now_page);
    if (!before.page || !now.page) return false;
    const Tlb::Regions& regions = cpu.tlb.global_regions();
    const auto differs = [&](size_t n) {
        return load_le<uint32_t>(before.readable + n * 4) != load_le<uint32_t>(now.readable + n * 4);
    };
    for (size_t n = regions._Find_first(); n < regions.size(); n = regions._Find_next(n))
        if (differs(n)) return false;
    // As a table of another kind, too, it goes on being watched.
    memory.forget_passing_table_watches(before.page->table_tag == kDirectoryTable ? before.page : nullptr);
    for (size_t n = regions._Find_first(); n < regions.size(); n = regions._Find_next(n))
        memory.watch_table(now_page + n * 4, 4, kDirectoryTable, true);
    return true;
}

}  // namespace

void tables_switched(Cpu& cpu, uint32_t old_cr3) {
    if (keeps_global_pages(cpu, old_cr3))
        cpu.tlb.flush_local();
    else
        cpu.flush_tlb();
}

bool load_pdptes(Cpu& cpu, uint32_t cr3) {
    // 4.4.1: bits 1, 2, 5-8 and those above the physical address width are reserved.
    constexpr uint64_t kReserved = 0x1e6 | kAbovePhys | kNoExecute;
    uint64_t loaded[4];
    for (unsigned n = 0; n < 4; ++n) {
        loaded[n] = cpu.memory().read((cr3 & 0xffffffe0) + n * 8, 8);
        if ((loaded[n] & kPresent) && (loaded[n] & kReserved)) return false;
    }
    for (unsigned n = 0; n < 4; ++n) cpu.pdpte[n] = loaded[n];
    return true;
}

// ---- the slow ways of Cpu's memory access -----------------------------------------------------------

uint64_t Cpu::slow_read(uint32_t linear, unsigned size, bool user) {
    check_alignment(*this, linear, size, user);
    uint64_t value = 0;
    if (crosses(linear, size)) {
        const Pages pages = resolve_both(*this, linear, false, user);
        for (unsigned i = 0; i < size; ++i)
            value |= memory().read(pages.byte(linear, i), 1) << (i * 8);
    } else {
        const uint32_t offset = linear & kPageMask;
        const uint64_t page = resolve(*this, linear, false, user);
        const PageView view = memory().page_view(page);
        if (view.readable) {
            if (!watched_page(*this, linear, false)) tlb.fill_read(user, linear, view.readable);
            std::memcpy(&value, view.readable + offset, size);
        } else {
            value = memory().read(page + offset, size);
        }
    }
    tell_watchers(*this, linear, size, false);
    return value;
}

void Cpu::slow_write(uint32_t linear, unsigned size, uint64_t value, bool user) {
    check_alignment(*this, linear, size, user);
    if (crosses(linear, size)) {
        const Pages pages = resolve_both(*this, linear, true, user);
        for (unsigned i = 0; i < size; ++i)
            memory().write(pages.byte(linear, i), 1, (value >> (i * 8)) & 0xff);
    } else {
        const uint32_t offset = linear & kPageMask;
        const uint64_t page = resolve(*this, linear, true, user);
        const PageView view = memory().page_view(page);
        if (view.writable) {
            if (!watched_page(*this, linear, true)) tlb.fill_write(user, linear, view.writable);
            std::memcpy(view.writable + offset, &value, size);
        } else {
            memory().write(page + offset, size, value & ones(size));
        }
    }
    tell_watchers(*this, linear, size, true);
}

// Nothing that the guest or another engine could see may change: the accessed and dirty bits have to be set already. And
// no rights may be taken from anybody who holds a pointer: the tables have to be watched already.
bool Cpu::fill_tlb_unseen(uint32_t linear, bool write, bool user) {
    if (watching_data || watched_page(*this, linear, write)) return false;
    const Tlb::Translation& t = tlb.translation(user, linear);
    const bool translated = t.tag == (linear & Tlb::kPageBits) && (t.writable || !write);
    Tlb::Mapped mapped{linear & Tlb::kPageBits, true};
    if (translated) {
        mapped.physical = t.physical;
    } else if (paging()) {
        bool known = true, kept = true;
        const Walk w = walk(*this, linear, [&](uint64_t address, unsigned size, uint32_t tag) -> uint64_t {
            const PageView view = memory().page_view(address & ~kPageMask);
            const uint64_t granule = uint64_t{1} << ((address & kPageMask) >> kGranuleShift);
            if (!view.readable || !view.page || !(view.page->table_granules & granule) ||
                (view.page->table_tag != tag && view.page->table_tag != AddressSpace::kManyTags)) {
                known = false;
                return 0;
            }
            kept = kept && (view.page->table_lists & RamBlock::Page::kKept);
            const uint8_t* at = view.readable + (address & kPageMask);
            return size == 8 ? load_le<uint64_t>(at) : load_le<uint32_t>(at);
        });
        const bool may_write = (w.rights & kWritable) || (!user && !(cr0 & kCr0WP));
        if (!known || w.result != Walk::Result::kMapped || (user && !(w.rights & kUser)) || (write && !may_write))
            return false;
        for (unsigned n = 0; n < w.levels; ++n) {
            if (!(w.entry[n].value & kAccessed)) return false;
        }
        mapped = {w.physical, may_write && (w.entry[w.levels - 1].value & kDirty), w.global(*this)};
        if ((write && !mapped.writable) || (mapped.global && !kept)) return false;
    }
    const PageView view = memory().page_view(mapped.physical);
    if (write ? !view.writable : !view.readable) return false;
    if (!translated) tlb.fill_translation(user, linear, mapped);
    if (write)
        tlb.fill_write(user, linear, view.writable);
    else
        tlb.fill_read(user, linear, view.readable);
    return true;
}

bool Cpu::find_watched_page(uint32_t linear, bool user) {
    const Tlb::Translation& t = tlb.translation(user, linear);
    if (t.tag != (linear & Tlb::kPageBits) || !t.writable || watched_by_guest(*this, linear)) return false;
    const PageView view = memory().page_view(t.physical);
    const uint64_t watched = stops.watching() ? stops.watched_granules(linear) : 0;
    if (!view.page || (view.page->quiet() && !watched)) return false;
    tlb.fill_watched(user, linear, view.readable, *view.page, watched);
    return true;
}

uint64_t Cpu::slow_read_modify(uint32_t linear, unsigned size, bool user) {
    check_alignment(*this, linear, size, user);
    if (crosses(linear, size)) {
        resolve_both(*this, linear, true, user);
    } else {
        const uint64_t page = resolve(*this, linear, true, user);
        const PageView view = memory().page_view(page);
        if (view.writable && !watched_page(*this, linear, true))
            tlb.fill_write(user, linear, view.writable);
    }
    return slow_read(linear, size, user);
}

void Cpu::probe(unsigned s, uint32_t offset, unsigned size, bool write) {
    const uint32_t address = linear(s, offset, size, write);
    const bool user = cpl == 3;
    for (uint32_t done = 0; done < size;) {
        resolve(*this, address + done, write, user);
        done += static_cast<uint32_t>(kPageSize - ((address + done) & kPageMask));
    }
}

// The exact segment check. Expand-down segments reach from limit + 1 to 64 KiB or 4 GiB. A segment of
// 4 GiB wraps around without a fault, as the SDM allows (3A, 5.3).
uint32_t Cpu::linear(unsigned s, uint32_t offset, unsigned size, bool write) {
    const Segment& segment = seg[s];
    const auto refuse = [s]() { fault(s == kSs ? kSS : kGP, 0); };
    const bool data = segment.s() && !(segment.type() & 8);
    const bool bit1 = segment.type() & 2;
    if (!segment.present() || !segment.s()) refuse();
    if (write ? !(data && bit1) : !(data || bit1)) refuse();
    const uint64_t last = uint64_t{offset} + size - 1;
    if (data && (segment.type() & 4)) {
        if (offset <= segment.limit || last > (segment.db() ? 0xffffffffu : 0xffffu)) refuse();
    } else if (segment.limit != 0xffffffff && last > segment.limit) {
        refuse();
    }
    return static_cast<uint32_t>(segment.base) + offset;
}

}  // namespace qr::i386
