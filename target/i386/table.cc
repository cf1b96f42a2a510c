// SPDX-License-Identifier: GPL-2.0-or-later
//
// The instruction table: the rows of all parts in one numbering.
// Source: none (see insn.h).

#include <vector>

#include "target/i386/insn.h"

namespace qr::i386 {

std::span<const Row* const> table() {
    static const std::vector<const Row*> rows = [] {
        std::vector<const Row*> all;
        for (const auto part : {arithmetic_rows(), shift_rows(), data_rows(), control_rows(), string_rows(),
                                io_rows(), segment_rows(), system_rows(), x87_rows(), mmx_rows(), sse_rows(),
                                sse_int_rows()}) {
            for (const Row& row : part) all.push_back(&row);
        }
        return all;
    }();
    return rows;
}

std::string_view row_name(uint16_t row) { return table()[row]->name; }

}  // namespace qr::i386
