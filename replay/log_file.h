// SPDX-License-Identifier: GPL-2.0-or-later
// The file under a log that is being written: a temporary name until the recording begins, chunks
// at its end, and what to do when the disk says no. Used by one thread at a time. Source:
// docs/replay-format.rst.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "replay/log_format.h"
#include "replay/zstd.h"
#include "util/result.h"

namespace qr {

class LogFile {
  public:
    explicit LogFile(int level) : zstd_(level) {}
    ~LogFile();
    LogFile(const LogFile&) = delete;
    LogFile& operator=(const LogFile&) = delete;

    // Makes an empty file beside `path`, which stays as it is until publish().
    Result<void> create(const std::string& path);
    // Gives the file its name, in place of what had it before.
    Result<void> publish();
    bool published() const { return published_; }

    int fd() const { return fd_; }
    const std::string& path() const { return path_; }

    Result<void> write_at(uint64_t offset, std::span<const uint8_t> bytes);
    // Chunks go here from now on.
    void set_end(uint64_t offset) { end_ = offset; }
    uint64_t end() const { return end_; }
    uint64_t chunks() const { return chunks_; }
    // Fills in the head's number, sizes and hash, compresses if that helps, and writes both. If
    // that fails, what was written of it is cut off again.
    Result<void> append(ChunkHead head, std::span<const uint8_t> raw, bool compress = true);

    // What was appended survives a power cut after this. For the directory too: once, after
    // publish().
    Result<void> sync();
    // Gives back the disk space in a part of the file. Best effort.
    void punch(uint64_t offset, uint64_t length);

  private:
    ZstdCompressor zstd_;
    int fd_ = -1;
    std::string path_;       // as the user gave it
    std::string real_path_;  // links resolved
    std::string temporary_;
    bool published_ = false;
    bool directory_synced_ = false;
    uint64_t end_ = 0;
    uint64_t chunks_ = 0;
};

}  // namespace qr
