// SPDX-License-Identifier: GPL-2.0-or-later
//
// Linear to physical addresses: page walks, instruction fetch, and looking without touching.
// Translations are perfect caches of memory: the entries that a walk read are watched, and a store into
// one forgets the translations that came from it. So neither INVLPG nor a load of CR3 with what it has needs to do
// anything, and another CR3 leaves global pages alone where its directory has what the last one had.
// Source: Intel SDM 3A chapter 4. VM thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "target/i386/cpu.h"

namespace qr::i386 {

enum class Access : uint8_t { kRead, kWrite, kExecute };

struct PhysicalPage {
    uint64_t address = 0;   // A20 isn't applied: AddressSpace does that
    bool writable = false;  // by this user or supervisor, and the dirty bit is set
    bool global = false;
};

// Walks the page tables for one access, sets accessed and dirty bits if it is permitted, and watches the
// entries. False: `fault` is the page fault that it raises.
bool translate(Cpu& cpu, uint32_t linear, Access access, bool user, PhysicalPage& out, Fault& fault);

// Whether an access at the present CPL would raise a page fault, and which; as a value, because exceptions of C++ are
// slow. It does to the page tables what the access will do.
bool page_fault(Cpu& cpu, uint32_t linear, unsigned size, bool write, Fault& fault);

// Where instructions at `linear` are fetched from, at the present CPL. Null: `fault` is the page fault that it raises.
const FetchPage* find_fetch_page(Cpu& cpu, uint32_t linear, Fault& fault);
// The same, throwing it.
inline const FetchPage& fetch_page(Cpu& cpu, uint32_t linear) {
    Fault why{};
    const FetchPage* page = find_fetch_page(cpu, linear, why);
    if (!page) [[unlikely]]
        throw why;
    return *page;
}
// One byte of code, for pages that aren't memory. Throws #PF.
uint8_t fetch_byte(Cpu& cpu, uint32_t linear);

// For debuggers: no side effects, no rights. nullopt: not mapped.
std::optional<uint64_t> peek_translate(const Cpu& cpu, uint32_t linear);
// False if any byte isn't mapped, or can't be read without a side effect (it is shown as 0xff).
bool peek_linear(const Cpu& cpu, uint32_t linear, std::span<uint8_t> to);
// False if any byte isn't mapped, or isn't memory; the others are written.
bool poke_linear(Cpu& cpu, uint32_t linear, std::span<const uint8_t> from);

// Forgets what was translated by the entries in bytes first .. last of a table; tag: see AddressSpace::watch_table().
void tables_overwritten(Cpu& cpu, uint32_t tag, uint64_t first, uint64_t last);
// After CR3 had another value.
void tables_switched(Cpu& cpu, uint32_t old_cr3);

// CR3's PDPTEs, in PAE mode. False if one of the present ones has a reserved bit set (#GP).
bool load_pdptes(Cpu& cpu, uint32_t cr3);

}  // namespace qr::i386
