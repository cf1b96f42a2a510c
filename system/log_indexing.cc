// SPDX-License-Identifier: GPL-2.0-or-later
#include "system/log_indexing.h"

#include <fmt/format.h>

namespace qr {

LogIndexing::LogIndexing(std::string path, Machine& machine, std::unique_ptr<LogIndexer> indexer)
    : path_(std::move(path)),
      machine_(machine),
      indexer_(std::move(indexer)),
      maker_(machine.board().root(), machine.board().memory(), machine.disk_changes()) {
    machine.travel().index_by([this] {
        if (result_) result_ = take();
    });
}

Result<std::unique_ptr<LogIndexing>> LogIndexing::begin(const LogReader& log, const std::string& path, Machine& machine) {
    auto indexer = LogIndexer::create(log, path);
    if (!indexer) return indexer.error();
    return std::unique_ptr<LogIndexing>(new LogIndexing(path, machine, std::move(*indexer)));
}

Result<void> LogIndexing::take() {
    const auto data = maker_.make();
    if (!data) return data.error();
    ++taken_;
    return indexer_->checkpoint(machine_.door().position(), machine_.clock().now_ns(), **data);
}

Result<std::string> LogIndexing::finish(Replayer& replayer) {
    if (replayer.divergence() || replayer.error() || !replayer.at_end())
        return Error{fmt::format("log '{}' stays as it was: it was not replayed to its end", path_)};
    if (result_) result_ = indexer_->finish();
    if (!result_) return result_.error();
    return fmt::format("log '{}': {} checkpoints were added, {:.1f} MiB", path_, taken_,
                       static_cast<double>(indexer_->added_bytes()) / 1048576);
}

}  // namespace qr
