// SPDX-License-Identifier: GPL-2.0-or-later
//
// SMART data structures. Source: ATA/ATAPI-6 (T13/1410D), 8.55 (tables 58 to 68). Attributes are vendor specific
// there; these have the layout that all vendors share: identifier, flags, value, worst, six raw bytes.
#include "hw/ide/ata_smart.h"

#include "util/bits.h"

namespace qr::ide {

namespace {

constexpr size_t kSector = 512;

struct Attribute {
    uint8_t id;
    uint16_t flags;
    uint8_t value;
    uint8_t worst;
    uint8_t raw;
    uint8_t threshold;
};

// Read errors, spin-up time, starts, reallocated sectors, hours, power cycles, temperature.
constexpr Attribute kAttributes[] = {
    {1, 0x03, 100, 100, 0, 6},   {3, 0x03, 100, 100, 16, 0},  {4, 0x02, 100, 100, 100, 20},
    {5, 0x03, 100, 100, 0, 36},  {9, 0x03, 100, 100, 1, 0},   {12, 0x03, 100, 100, 0, 0},
    {190, 0x03, 69, 69, 31, 50},
};

constexpr uint8_t kErrorSummary = 1;
constexpr uint8_t kSelfTests = 6;

// Bytes of a structure sum up to zero.
void add_checksum(std::vector<uint8_t>& sector) {
    uint8_t sum = 0;
    for (size_t i = 0; i + 1 < kSector; ++i) sum = static_cast<uint8_t>(sum + sector[i]);
    sector[kSector - 1] = static_cast<uint8_t>(-sum);
}

}  // namespace

std::vector<uint8_t> Smart::values() const {
    std::vector<uint8_t> data(kSector);
    data[0] = 1;
    size_t at = 2;
    for (const Attribute& a : kAttributes) {
        data[at] = a.id;
        store_le(&data[at + 1], a.flags);
        data[at + 3] = a.value;
        data[at + 4] = a.worst;
        data[at + 5] = a.raw;
        at += 12;
    }
    data[362] = static_cast<uint8_t>(0x02 | (off_line_ ? 0x80 : 0));  // off-line collection was completed
    data[363] = 0;     // the last self-test passed
    store_le<uint16_t>(&data[364], 288);  // seconds of off-line collection
    data[367] = 0x19;  // immediate off-line, and self-tests
    store_le<uint16_t>(&data[368], 0x0003);  // attributes are saved before power saving, and by autosave
    data[370] = 1;     // there are logs
    data[372] = 2;     // minutes of a short test
    data[373] = 54;    // of an extended one
    add_checksum(data);
    return data;
}

std::vector<uint8_t> Smart::thresholds() const {
    std::vector<uint8_t> data(kSector);
    data[0] = 1;
    size_t at = 2;
    for (const Attribute& a : kAttributes) {
        data[at] = a.id;
        data[at + 1] = a.threshold;
        at += 12;
    }
    add_checksum(data);
    return data;
}

std::optional<std::vector<uint8_t>> Smart::log(uint8_t address, unsigned sectors) const {
    if (sectors != 1) return std::nullopt;
    std::vector<uint8_t> data(kSector);
    data[0] = 1;
    switch (address) {
        case 0:  // directory: sectors of each log, from word 1
            data[2 * kErrorSummary] = 1;
            data[2 * kSelfTests] = 1;
            return data;
        case kErrorSummary: break;
        case kSelfTests:
            for (size_t i = 0; i < tests_; ++i) data[2 + 24 * i] = kinds_[i];
            data[508] = newest_;
            break;
        default: return std::nullopt;
    }
    add_checksum(data);
    return data;
}

bool Smart::run_test(uint8_t kind) {
    switch (kind) {
        case 0x00:  // off-line collection, not a test
        case 0x7f:  // abort
            return true;
        case 0x01:
        case 0x02:
        case 0x81:
        case 0x82: {
            const uint8_t at = newest_ == kinds_.size() ? uint8_t{0} : newest_;
            kinds_[at] = kind;
            newest_ = static_cast<uint8_t>(at + 1);
            if (tests_ < newest_) tests_ = newest_;
            return true;
        }
        default: return false;
    }
}

void Smart::state(StateVisitor& v) {
    v("enabled", enabled_);
    v("autosave", autosave_);
    v("off_line", off_line_);
    v("tests", tests_);
    v("newest", newest_);
    v("kinds", kinds_);
    if (v.loading() && (tests_ > kinds_.size() || newest_ > tests_)) {
        v.fail("the self-test log is out of range");
        tests_ = newest_ = 0;
    }
}

}  // namespace qr::ide
