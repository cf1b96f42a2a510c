// SPDX-License-Identifier: GPL-2.0-or-later
// Writes a log anew with checkpoints in it: a copy of all it has, then what is taken while it is replayed, then the end.
// The old file stays until the new one is complete. VM thread. Source: docs/replay-format.rst.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "replay/checkpoint_log.h"
#include "replay/log_file.h"
#include "replay/log_reader.h"
#include "util/result.h"

namespace qr {

class LogIndexer {
  public:
    // Copies. log: must have an end that is known; checkpoints that it has are left out.
    static Result<std::unique_ptr<LogIndexer>> create(const LogReader& log, const std::string& path);

    Result<void> checkpoint(Position position, int64_t virtual_ns, const CheckpointData& data);
    // In place of the old file.
    Result<void> finish();
    uint64_t added_bytes() const { return file_.end() - copied_; }

  private:
    explicit LogIndexer(const LogReader& log) : log_(log), file_(1) {}
    Result<void> copy();
    Result<void> append(ChunkType type, Position first, Position last, uint64_t virtual_ns, std::span<const uint8_t> raw,
                        bool compress);

    const LogReader& log_;
    LogFile file_;
    std::vector<IndexEntry> index_;
    uint64_t events_ = 0;
    uint64_t copied_ = 0;
};

}  // namespace qr
