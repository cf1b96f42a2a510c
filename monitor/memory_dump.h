// SPDX-License-Identifier: GPL-2.0-or-later
//
// x, xp and their like: memory as text, without touching it. VM thread.
#pragma once

#include "monitor/command.h"

namespace qr {

std::string dump_memory(MonitorTarget& target, const DumpFormat& format, uint64_t address, bool physical);
// One value, as print shows it.
std::string format_value(const DumpFormat& format, int64_t value);
// Writes a region to a file. Error: it can't be read, or the file can't be written.
Result<void> save_memory(MonitorTarget& target, uint64_t address, uint64_t size, bool physical, const std::string& file);

}  // namespace qr
