// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the translator did, in numbers: what `-d jit` shows. Source: docs/translator.rst.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace qr::i386 {

// Counts are since the start.
struct TranslatorStatistics {
    uint64_t blocks = 0;             // translated
    uint64_t instructions = 0;       // of the guest, in them
    uint64_t emitted = 0;            // of these, such as have code of their own
    uint64_t guest_bytes = 0;
    uint64_t host_bytes = 0;
    uint64_t flushes = 0;
    uint64_t invalidations = 0;      // blocks whose code the guest overwrote
    uint64_t links = 0;              // branches that were directed to a block
    uint64_t entries = 0;            // from C++ into host code
    uint64_t executed = 0;           // instructions that were counted between an entry and the way out
    uint64_t handlers = 0;           // calls of a row's handler out of host code
    std::optional<uint64_t> translation_ns;  // if a clock was given

    // By the row's number: instructions without code of their own, and the rare cases of those that have.
    struct RowCalls {
        uint64_t whole = 0, rare = 0;
    };
    std::vector<RowCalls> rows;

    // Of what is in the code memory now.
    uint64_t cache_bytes = 0;
    uint64_t used_bytes = 0;
    uint64_t branches = 0;  // to known addresses
    uint64_t linked = 0;
};

// For people. counted: the guest's instructions since the start, by whatever engine.
std::string describe(const TranslatorStatistics& statistics, uint64_t counted);

}  // namespace qr::i386
