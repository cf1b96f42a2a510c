// SPDX-License-Identifier: GPL-2.0-or-later
//
// Dates as QEMU's -rtc option writes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace qr {

// "2006-06-17T16:01:21" or "2006-06-17": seconds since 1970, the date taken as it stands (no zone).
std::optional<int64_t> parse_date(std::string_view text);

}  // namespace qr
