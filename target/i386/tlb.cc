// SPDX-License-Identifier: GPL-2.0-or-later
//
// Filling and flushing of the software TLB. Source: none (see tlb.h).
#include "target/i386/tlb.h"

#include <algorithm>

namespace qr::i386 {

Tlb::Tlb()
    : unmatched_(std::make_unique<std::array<Entry, kEntries>>()) {
    for (unsigned cpl = 0; cpl < 3; ++cpl) by_cpl_[cpl] = tables_[0].entries.data();
    by_cpl_[3] = tables_[1].entries.data();
}

void Tlb::set_alignment_checked(bool on) {
    by_cpl_[3] = on ? unmatched_->data() : tables_[1].entries.data();
}

void Tlb::fill_translation(bool user, uint32_t linear, const Mapped& mapped) {
    const unsigned i = index(linear);
    tables_[user].translations[i] = {linear & kPageBits, mapped.writable, mapped.physical & ~kPageMask};
    if (!mapped.global) return local_.add(i | (user ? kEntries : 0));
    global_.add(i | (user ? kEntries : 0));
    global_regions_.set(linear >> kRegionShift);
}

void Tlb::fill_read(bool user, uint32_t linear, uint8_t* host) {
    const uint32_t page = linear & kPageBits;
    Entry& e = tables_[user].entries[index(linear)];
    if (e.write_tag != page) e.write_tag = kInvalid;
    e.read_tag = page;
    e.addend = reinterpret_cast<uintptr_t>(host) - page;
}

void Tlb::fill_write(bool user, uint32_t linear, uint8_t* host) {
    const uint32_t page = linear & kPageBits;
    Entry& e = tables_[user].entries[index(linear)];
    e.read_tag = e.write_tag = page;
    e.addend = reinterpret_cast<uintptr_t>(host) - page;
}

void Tlb::fill_watched(bool user, uint32_t linear, uint8_t* host, const RamBlock::Page& page, uint64_t granules) {
    const uint32_t tag = linear & kPageBits;
    tables_[user].watched[(linear >> kPageShift) % kWatchedPages] = {tag, reinterpret_cast<uintptr_t>(host) - tag, &page, granules};
    any_watched_ = true;
}

const FetchPage& Tlb::fill_fetch(bool user, uint32_t linear, const FetchPage& page, bool global) {
    const unsigned i = index(linear) % kFetchEntries;
    FetchPage& f = tables_[user].fetch[i];
    f = page;
    f.tag = linear & kPageBits;
    fetched_[user].add(i);
    code_[user].add(linear);
    if (global) global_regions_.set(linear >> kRegionShift);
    if (!user && !global) local_system_code_ = true;
    return f;
}

void Tlb::forget(FilledEntries& which) {
    for (const uint16_t n : which.list()) {
        Table& table = tables_[n >= kEntries];
        table.entries[n % kEntries] = {};
        table.translations[n % kEntries].tag = kInvalid;
    }
    which.clear();
}

void Tlb::flush_code(bool user) {
    ++generation_;
    ++generations_[user];
    for (const uint16_t n : fetched_[user].list()) tables_[user].fetch[n].tag = kInvalid;
    fetched_[user].clear();
    code_[user].clear();
    if (!user) local_system_code_ = false;
}

void Tlb::flush_local() {
    ++revocations_;
    flush_code(true);
    if (local_system_code_) flush_code(false);
    if (any_watched_) {
        for (Table& t : tables_) t.watched.fill({});
        any_watched_ = false;
    }
    forget(local_);
}

void Tlb::flush() {
    local_system_code_ = true;
    flush_local();
    forget(global_);
    global_regions_.reset();
}

bool Tlb::Pages::has_any(uint32_t first, uint32_t last) const {
    if (!used) return false;
    const uint32_t count = std::min((last - first) >> kPageShift, (1u << kBits) - 1);
    for (uint32_t n = 0; n <= count; ++n)
        if (has(first + (n << kPageShift))) return true;
    return false;
}

void Tlb::flush_pages(uint32_t first, uint32_t last) {
    if (copied_.has_any(first, last)) ++revocations_;
    const auto forget_if_inside = [&](Table& table, unsigned i) {
        if (inside(table.entries[i].read_tag, first, last)) table.entries[i] = {};
        if (inside(table.translations[i].tag, first, last)) table.translations[i].tag = kInvalid;
    };
    constexpr uint32_t kFew = 32;
    if ((last - first) >> kPageShift < kFew) {
        for (uint32_t page = first >> kPageShift; page <= last >> kPageShift; ++page)
            for (Table& t : tables_) forget_if_inside(t, page % kEntries);
    } else {
        for (const FilledEntries* which : {&local_, &global_})
            for (const uint16_t n : which->list()) forget_if_inside(tables_[n >= kEntries], n % kEntries);
    }
    for (const bool user : {false, true})
        if (code_[user].has_any(first, last)) flush_code(user);
    if (any_watched_) {
        for (Table& t : tables_)
            for (WatchedPage& w : t.watched)
                if (inside(w.tag, first, last)) w = {};
    }
}

void Tlb::protect(const uint8_t* host) {
    ++revocations_;
    const auto page = reinterpret_cast<uintptr_t>(host);
    for (const FilledEntries* which : {&local_, &global_}) {
        for (const uint16_t n : which->list()) {
            Entry& e = tables_[n >= kEntries].entries[n % kEntries];
            if (e.write_tag != kInvalid && e.addend + e.write_tag == page) e.write_tag = kInvalid;
        }
    }
}

void Tlb::withdraw(uint32_t first, uint32_t last) {
    ++revocations_;
    for (Table& t : tables_) {
        for (Entry& e : t.entries)
            if (inside(e.read_tag, first, last)) e = {};
        for (WatchedPage& w : t.watched)
            if (inside(w.tag, first, last)) w = {};
    }
}

}  // namespace qr::i386
