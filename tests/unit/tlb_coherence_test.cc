// SPDX-License-Identifier: GPL-2.0-or-later
//
// The TLB's promise to be a perfect cache, at random: whatever happens to page tables, directories and CR3, everything
// that the TLB knows, and everything that was derived from it and not taken back, is what a walk finds in memory now.
// Source: Intel SDM 3A 4.3, 4.4 (structures), 4.10 (what may be cached); target/i386/tlb.h.
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "exec/ioport.h"
#include "target/i386/mmu.h"

namespace qr::i386 {
namespace {

constexpr uint64_t kP = 1, kW = 2, kU = 4, kA = 0x20, kD = 0x40, kPs = 0x80, kG = 0x100;
constexpr uint32_t kRam = 16 << 20;
// Page tables, directories first: any may be used as either. PAE's pointers are in the page behind.
constexpr uint32_t kTables = 0x10000, kTableCount = 8, kDirectoryCount = 3, kPointers = kTables + kTableCount * 0x1000;

struct Seen {
    uint64_t physical = 0;
    bool user = false, write = false, accessed = false, dirty = false;
};

class TlbCoherenceTest : public ::testing::TestWithParam<bool> {
  protected:
    TlbCoherenceTest() {
        memory.map_ram(0, ram->size(), *ram, 0, 0);
        cpu.reset();
        for (Segment& s : cpu.seg) {
            s.attr = 0xc093;
            s.limit = 0xffffffff;
            s.base = 0;
            s.derive();
        }
        countdown.grant(1 << 30);
    }

    bool pae() const { return GetParam(); }
    unsigned entry_size() const { return pae() ? 8 : 4; }
    unsigned entries() const { return 4096 / entry_size(); }
    unsigned region_shift() const { return pae() ? 21 : 22; }
    uint64_t entry(uint64_t at) const {
        return pae() ? load_le<uint64_t>(ram->data() + at) : load_le<uint32_t>(ram->data() + at);
    }

    // What the tables say, without the MMU's own code. False: not mapped.
    bool walk(uint32_t linear, Seen& seen) const {
        uint64_t directory = cpu.cr3 & 0xfffff000;
        if (pae()) {
            const uint64_t pointer = cpu.pdpte[linear >> 30];
            if (!(pointer & kP)) return false;
            directory = pointer & 0xfffff000;
        }
        const uint64_t pde = entry(directory + (linear >> region_shift()) % entries() * entry_size());
        if (!(pde & kP)) return false;
        seen = {0, (pde & kU) != 0, (pde & kW) != 0, (pde & kA) != 0, (pde & kD) != 0};
        const uint32_t in_region = linear & ((1u << region_shift()) - 1) & 0xfffff000;
        if ((pde & kPs) && (pae() || (cpu.cr4 & kCr4PSE))) {
            seen.physical = (pde & 0xffe00000 & ~uint64_t{(1u << region_shift()) - 1}) + in_region;
            return true;
        }
        const uint64_t pte = entry((pde & 0xfffff000) + (in_region >> 12) * entry_size());
        if (!(pte & kP)) return false;
        seen.physical = pte & 0xfffff000;
        seen.user &= (pte & kU) != 0;
        seen.write &= (pte & kW) != 0;
        seen.accessed &= (pte & kA) != 0;
        seen.dirty = (pte & kD) != 0;
        return true;
    }
    // For reading or writing, in this mode, with no bit to be set.
    bool served(uint32_t page, bool user, bool write, uint64_t physical) const {
        Seen seen;
        if (!walk(page, seen) || seen.physical != physical || !seen.accessed || (user && !seen.user)) return false;
        return !write || ((seen.write || (!user && !(cpu.cr0 & kCr0WP))) && seen.dirty);
    }

    void check(const char* when, unsigned step) {
        for (const uint32_t page : pages) {
            for (const bool user : {false, true}) {
                const Tlb::Entry& e = cpu.tlb.entries(user)[Tlb::index(page)];
                const uint64_t physical = e.addend + page - reinterpret_cast<uintptr_t>(ram->data());
                ASSERT_TRUE(e.read_tag != page || served(page, user, false, physical)) << when << step << " read " << page;
                ASSERT_TRUE(e.write_tag != page || served(page, user, true, physical)) << when << step << " write " << page;
                const Tlb::Translation& t = cpu.tlb.translation(user, page);
                ASSERT_TRUE(t.tag != page || served(page, user, t.writable, t.physical)) << when << step << " known " << page;
                const FetchPage& f = cpu.tlb.fetch(user, page);
                ASSERT_TRUE(f.tag != page || served(page, user, false, f.physical)) << when << step << " fetch " << page;
            }
        }
        std::erase_if(code, [&](const Derived& d) { return d.good_while != cpu.tlb.generation(d.user); });
        for (const Derived& d : code) {
            ASSERT_TRUE(served(d.page, d.user, false, d.physical)) << when << step << " code " << d.page;
        }
        std::erase_if(copies, [&](const Derived& d) { return d.good_while != cpu.tlb.revocations(); });
        if (copies.empty()) cpu.tlb.copied().clear();
        for (const Derived& d : copies) {
            ASSERT_TRUE(served(d.page, d.user, d.write, d.physical)) << when << step << " copy " << d.page;
        }
    }

    void access(std::mt19937& random) {
        const size_t n = random() % pages.size();
        const uint32_t page = pages[n], at = page + random() % 4093;
        cpu.cpl = random() % 2 ? 3 : 0;
        const bool user = cpu.cpl == 3;
        try {
            switch (random() % 4) {
                case 0: code.push_back({page, user, false, fetch_page(cpu, at).physical, cpu.tlb.generation(user)}); break;
                case 1: cpu.write<uint8_t>(kDs, at, cpu.read<uint8_t>(kDs, at)); break;
                default: cpu.read<uint8_t>(kDs, at); break;
            }
        } catch (const Fault&) {
        }
        copy(random, page, user);
        // Its neighbours have entries in the same granule.
        for (size_t other = n; other < std::min(n + 4, pages.size()); ++other)
            if (random() % 2 && cpu.fill_tlb_unseen(pages[other], random() % 2, user)) copy(random, pages[other], user);
    }
    void copy(std::mt19937& random, uint32_t page, bool user) {
        const Tlb::Entry& e = cpu.tlb.entries(user)[Tlb::index(page)];
        if (e.read_tag != page || random() % 3) return;
        cpu.tlb.copied().add(page);
        copies.push_back({page, user, e.write_tag == page, e.addend + page - reinterpret_cast<uintptr_t>(ram->data()),
                          cpu.tlb.revocations()});
    }

    uint64_t random_entry(std::mt19937& random) {
        if (random() % 5 == 0) return 0;
        uint64_t e = kW | (random() % 8 ? kP : 0) | (random() % 2 ? kU : 0) | (random() % 3 ? kG : 0);
        if (random() % 4 == 0) e &= ~kW;
        if (random() % 2) e |= kA | kD;
        if (random() % 24 == 0) return e | kPs | (random() % 2 ? 0x400000 : 0x800000);
        // Mostly tables: as a page they are data that are entries.
        return e | (random() % 3 ? kTables + random() % kTableCount * 0x1000 : 0x100000 + random() % 32 * 0x1000);
    }

    // One of few entries, so that things meet; through memory as devices and the CPU write it.
    void write_entry(std::mt19937& random) {
        const unsigned table = random() % kTableCount;
        const uint64_t place = places[random() % places.size()] * entry_size(), at = kTables + table * 0x1000 + place;
        uint64_t value = random_entry(random);
        if (random() % 2) value = entry(at) ^ (uint64_t{1} << random() % 9 & ~kPs);
        if (table < kDirectoryCount && random() % 4) {  // all have the same, as of a kernel
            for (unsigned n = 0; n < kDirectoryCount; ++n) memory.write(kTables + n * 0x1000 + place, entry_size(), value);
        } else if (random() % 8 == 0) {
            memory.dma_write(at & ~uint64_t{15}, std::vector<uint8_t>(48));
        } else {
            memory.write(at, entry_size(), value);
        }
    }

    void run(unsigned seed, unsigned steps) {
        std::mt19937 random(seed);
        const uint32_t regions = pae() ? 4 : 3;
        for (const uint32_t place : {0u, 1u, 2u, 3u, 4u, 7u, 8u, 15u, 16u, 17u, entries() - 1}) places.push_back(place);
        for (uint32_t region = 0; region < regions; ++region)
            for (const uint32_t place : places) pages.push_back((region << region_shift()) + (place << 12));
        if (pae())  // another quarter with the same directories
            for (const uint32_t place : places) pages.push_back(0x40000000 + (place << 12));
        for (unsigned n = 0; n < 400; ++n) write_entry(random);
        cpu.write_cr4(kCr4PSE | kCr4PGE | (pae() ? uint32_t{kCr4PAE} : 0));
        set_tables(random);
        cpu.write_cr0(cpu.cr0 | kCr0PE | kCr0PG | kCr0WP);
        for (unsigned step = 0; step < steps; ++step) {
            const unsigned what = random() % 64;
            if (what < 48)
                access(random);
            else if (what < 58)
                write_entry(random);
            else if (what < 62)
                set_tables(random);
            else if (what == 62)
                cpu.write_cr4(cpu.cr4 ^ (random() % 4 ? 0 : uint32_t{kCr4PGE}));
            else
                cpu.write_cr0(cpu.cr0 ^ (random() % 4 ? 0 : uint32_t{kCr0WP}));
            check("step ", step);
            if (HasFatalFailure()) return;
        }
    }
    void set_tables(std::mt19937& random) {
        const auto directory = [&] { return kTables + random() % kDirectoryCount * 0x1000; };
        if (!pae()) return cpu.write_cr3(directory());
        for (unsigned n = 0; n < 4; ++n) memory.write(kPointers + n * 8, 8, random() % 4 ? directory() | kP : 0);
        cpu.write_cr3(kPointers);
    }

    struct Derived {
        uint32_t page;
        bool user, write;
        uint64_t physical, good_while;
    };
    std::vector<uint32_t> pages, places;
    std::vector<Derived> code, copies;

    Countdown countdown;
    VirtualClock clock{countdown};
    AddressSpace memory;
    IoPortSpace ports;
    std::unique_ptr<RamBlock> ram = std::move(*RamBlock::create("ram", kRam, false));
    CpuModel model = *parse_cpu_model("max");
    Cpu cpu{{memory, memory, ports, clock, countdown, nullptr, {}, {}}, model};
};

TEST_P(TlbCoherenceTest, WhateverHappensToTheTables) {
    for (unsigned seed = 1; seed <= 12 && !HasFatalFailure(); ++seed) {
        run(seed, 20000);
        pages.clear();
        places.clear();
        cpu.write_cr0(cpu.cr0 & ~uint32_t{kCr0PG});
    }
}

INSTANTIATE_TEST_SUITE_P(Tables, TlbCoherenceTest, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "Pae" : "Plain"; });

}  // namespace
}  // namespace qr::i386
