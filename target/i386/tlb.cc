// SPDX-License-Identifier: GPL-2.0-or-later
//
// Filling and flushing of the software TLB. Source: none (see tlb.h).
#include "target/i386/tlb.h"

namespace qr::i386 {

Tlb::Tlb()
    : unmatched_(std::make_unique<std::array<Entry, kEntries>>()) {
    for (unsigned cpl = 0; cpl < 3; ++cpl) by_cpl_[cpl] = tables_[0].entries.data();
    by_cpl_[3] = tables_[1].entries.data();
    touched_.fill(0);
}

void Tlb::set_alignment_checked(bool on) {
    by_cpl_[3] = on ? unmatched_->data() : tables_[1].entries.data();
}

// A touched entry: the index, the table's number above it. Fetch entries share the low index bits.
void Tlb::touched(bool user, unsigned index) {
    if (touched_count_ < kTouchedMax)
        touched_[touched_count_] = static_cast<uint16_t>(index | (user ? kEntries : 0));
    ++touched_count_;
}

void Tlb::fill_translation(bool user, uint32_t linear, uint64_t physical, bool writable) {
    const unsigned i = index(linear);
    tables_[user].translations[i] = {linear & kPageBits, writable, physical & ~kPageMask};
    touched(user, i);
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

const FetchPage& Tlb::fill_fetch(bool user, uint32_t linear, const FetchPage& page) {
    const unsigned i = index(linear);
    FetchPage& f = tables_[user].fetch[i & (kFetchEntries - 1)];
    f = page;
    f.tag = linear & kPageBits;
    touched(user, i);
    return f;
}

void Tlb::flush() {
    ++generation_;
    ++revocations_;
    if (any_watched_) {
        for (Table& t : tables_) t.watched.fill({});
        any_watched_ = false;
    }
    if (touched_count_ <= kTouchedMax) {
        for (unsigned n = 0; n < touched_count_; ++n) {
            Table& table = tables_[touched_[n] >= kEntries];
            const unsigned i = touched_[n] & (kEntries - 1);
            table.entries[i] = {};
            table.translations[i].tag = kInvalid;
            table.fetch[i & (kFetchEntries - 1)].tag = kInvalid;
        }
    } else {
        for (unsigned user = 0; user < 2; ++user) {
            tables_[user].entries.fill({});
            for (Translation& t : tables_[user].translations) t.tag = kInvalid;
            for (FetchPage& f : tables_[user].fetch) f.tag = kInvalid;
        }
    }
    touched_count_ = 0;
}

void Tlb::protect(const uint8_t* host) {
    ++revocations_;
    const auto page = reinterpret_cast<uintptr_t>(host);
    const auto look = [page](Entry& e) {
        if (e.write_tag != kInvalid && e.addend + e.write_tag == page) e.write_tag = kInvalid;
    };
    if (touched_count_ <= kTouchedMax) {
        for (unsigned n = 0; n < touched_count_; ++n)
            look(tables_[touched_[n] >= kEntries].entries[touched_[n] & (kEntries - 1)]);
    } else {
        for (unsigned user = 0; user < 2; ++user)
            for (Entry& e : tables_[user].entries) look(e);
    }
}

void Tlb::withdraw(uint32_t first, uint32_t last) {
    ++revocations_;
    const auto inside = [=](uint32_t tag) { return tag != kInvalid && first <= tag && tag <= last; };
    for (Table& t : tables_) {
        for (Entry& e : t.entries)
            if (inside(e.read_tag)) e = {};
        for (WatchedPage& w : t.watched)
            if (inside(w.tag)) w = {};
    }
}

}  // namespace qr::i386
