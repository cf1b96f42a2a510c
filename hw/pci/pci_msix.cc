// SPDX-License-Identifier: GPL-2.0-or-later
//
// MSI-X tables. Source: PCI Local Bus Specification 3.0, 6.8.2.1 to 6.8.2.9.
#include "hw/pci_msix.h"

#include <algorithm>

#include "util/bits.h"

namespace qr {

namespace {

constexpr size_t kEntry = 16, kData = 8, kControl = 12;
constexpr uint8_t kMasked = 1;

}  // namespace

PciMsixTable::PciMsixTable(unsigned vectors, std::function<void(uint64_t, uint32_t)> send)
    : vectors_(vectors),
      send_(std::move(send)),
      region_("msix", 0x1000,
              {.read = [this](uint64_t o, unsigned n) { return read(o, n); },
               .write = [this](uint64_t o, unsigned n, uint64_t v) { write(o, n, v); },
               .peek = [this](uint64_t o, unsigned n) { return read(o, n); }}),
      table_(vectors * kEntry),
      pending_((vectors + 63) / 64 * 8) {
    reset();
}

uint64_t PciMsixTable::read(uint64_t offset, unsigned size) const {
    uint64_t value = 0;
    for (unsigned i = 0; i < size; ++i) {
        const uint64_t at = offset + i;
        uint8_t byte = 0;
        if (at < table_.size()) byte = table_[at];
        if (at >= kPendingOffset && at - kPendingOffset < pending_.size()) byte = pending_[at - kPendingOffset];
        value |= uint64_t{byte} << 8 * i;
    }
    return value;
}

void PciMsixTable::write(uint64_t offset, unsigned size, uint64_t value) {
    for (unsigned i = 0; i < size; ++i) {
        const uint64_t at = offset + i;
        if (at >= table_.size()) continue;
        uint8_t byte = static_cast<uint8_t>(value >> 8 * i);
        if (at % kEntry == kControl) byte &= kMasked;
        if (at % kEntry > kControl) byte = 0;
        table_[at] = byte;
    }
    send_pending();
}

bool PciMsixTable::masked(unsigned vector) const {
    return all_masked_ || table_[vector * kEntry + kControl] & kMasked;
}

void PciMsixTable::set_control(bool enabled, bool masked) {
    enabled_ = enabled;
    all_masked_ = masked;
    send_pending();
}

void PciMsixTable::raise(unsigned vector) {
    if (!enabled_ || vector >= vectors_) return;
    if (masked(vector))
        pending_[vector / 8] |= static_cast<uint8_t>(1 << vector % 8);
    else
        send(vector);
}

void PciMsixTable::send(unsigned vector) {
    const uint8_t* entry = &table_[vector * kEntry];
    send_(load_le<uint64_t>(entry) & ~uint64_t{3}, load_le<uint32_t>(entry + kData));
}

void PciMsixTable::send_pending() {
    if (!enabled_ || all_masked_) return;
    for (unsigned vector = 0; vector < vectors_; ++vector) {
        const uint8_t bit = static_cast<uint8_t>(1 << vector % 8);
        if (!(pending_[vector / 8] & bit) || masked(vector)) continue;
        pending_[vector / 8] &= static_cast<uint8_t>(~bit);
        send(vector);
    }
}

// Every vector is masked after a reset.
void PciMsixTable::reset() {
    std::ranges::fill(table_, uint8_t{0});
    std::ranges::fill(pending_, uint8_t{0});
    for (unsigned vector = 0; vector < vectors_; ++vector) table_[vector * kEntry + kControl] = kMasked;
    enabled_ = all_masked_ = false;
}

void PciMsixTable::state(StateVisitor& v) {
    v.blob("table", table_);
    v.blob("pending", pending_);
    v("enabled", enabled_);
    v("all_masked", all_masked_);
}

}  // namespace qr
