// SPDX-License-Identifier: GPL-2.0-or-later
//
// A replay that writes its log anew, with checkpoints in it (rrindex=on). Source: docs/replay.rst, "Time travel".
#pragma once

#include <memory>
#include <string>

#include "replay/log_indexer.h"
#include "replay/replayer.h"
#include "system/machine.h"
#include "util/result.h"

namespace qr {

class LogIndexing {
  public:
    // Before the machine runs. Everything outlives this.
    static Result<std::unique_ptr<LogIndexing>> begin(const LogReader& log, const std::string& path, Machine& machine);
    // After it: what there is to say, as an error if the log stays as it was. That is so unless the replay came to its
    // end, and all was as recorded.
    Result<std::string> finish(Replayer& replayer);

  private:
    LogIndexing(std::string path, Machine& machine, std::unique_ptr<LogIndexer> indexer);
    Result<void> take();

    const std::string path_;
    Machine& machine_;
    std::unique_ptr<LogIndexer> indexer_;
    CheckpointMaker maker_;
    Result<void> result_;
    uint64_t taken_ = 0;
};

}  // namespace qr
