// SPDX-License-Identifier: GPL-2.0-or-later
#include "util/date.h"

#include <chrono>
#include <cstdio>
#include <string>

namespace qr {

std::optional<int64_t> parse_date(std::string_view text) {
    const std::string copy(text);
    int year = 0, hour = 0, minute = 0, second = 0, used = 0;
    unsigned month = 0, day = 0;
    const int fields = std::sscanf(copy.c_str(), "%4d-%2u-%2uT%2d:%2d:%2d%n", &year, &month, &day, &hour,
                                   &minute, &second, &used);
    if (fields == 3) {
        used = 0;
        std::sscanf(copy.c_str(), "%4d-%2u-%2u%n", &year, &month, &day, &used);
    }
    const bool whole = (fields == 3 || fields == 6) && static_cast<size_t>(used) == copy.size();
    const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                           std::chrono::day(day)};
    if (!whole || !date.ok() || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 ||
        second > 59)
        return std::nullopt;
    const auto days = std::chrono::sys_days(date).time_since_epoch();
    return int64_t{days.count()} * 86400 + hour * 3600 + minute * 60 + second;
}

}  // namespace qr
