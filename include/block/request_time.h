// SPDX-License-Identifier: GPL-2.0-or-later
//
// How long a disk request takes in virtual time: a function of the request alone, so that completion needs
// nothing in the log. Short, as a disk's whose blocks are in the host's memory: if the host takes longer, the VM
// waits, and that time isn't counted. VM thread only. Source: none (docs/replay.rst).
#pragma once

#include <cstdint>

namespace qr {

constexpr int64_t kRequestNs = 8'000;
constexpr int64_t kFlushNs = 20'000;

// 4 GB a second, beyond what it takes to reach the medium at all.
constexpr int64_t transfer_time_ns(uint64_t bytes) { return kRequestNs + static_cast<int64_t>(bytes / 4); }

}  // namespace qr
