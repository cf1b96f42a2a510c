// SPDX-License-Identifier: GPL-2.0-or-later
// Creating, extending and publishing a log file; see replay/log_file.h.
// Source: open(2), rename(2), fallocate(2); docs/replay-format.rst.
#include "replay/log_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace qr {

namespace {

std::string directory_of(const std::string& path) {
    const size_t slash = path.rfind('/');
    return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

// The file that a link names, so that the link stays one.
std::string resolve(const std::string& path) {
    char* const real = realpath(path.c_str(), nullptr);
    if (!real) return path;
    std::string result = real;
    std::free(real);
    return result;
}

}  // namespace

LogFile::~LogFile() {
    if (fd_ < 0) return;
    close(fd_);
    if (!published_) unlink(temporary_.c_str());
}

Result<void> LogFile::create(const std::string& path) {
    path_ = path;
    real_path_ = resolve(path);
    struct stat status;
    if (stat(real_path_.c_str(), &status) == 0 && !S_ISREG(status.st_mode))
        return Error{fmt::format("cannot record to '{}': not a regular file", path)};
    temporary_ = fmt::format("{}.recording-{}", real_path_, getpid());
    unlink(temporary_.c_str());  // of an earlier process that had our number
    fd_ = open(temporary_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd_ < 0)
        return Error{fmt::format("cannot record to '{}': cannot create '{}': {}", path, temporary_,
                                 std::strerror(errno))};
    return {};
}

Result<void> LogFile::publish() {
    if (rename(temporary_.c_str(), real_path_.c_str()) != 0)
        return Error{fmt::format("cannot record to '{}': cannot rename '{}' to it: {}", path_,
                                 temporary_, std::strerror(errno))};
    published_ = true;
    return {};
}

Result<void> LogFile::write_at(uint64_t offset, std::span<const uint8_t> bytes) {
    while (!bytes.empty()) {
        const ssize_t n = pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0)
            return Error{fmt::format("writing the log '{}' failed at offset {}: {}", path_, offset,
                                     std::strerror(n < 0 ? errno : ENOSPC))};
        bytes = bytes.subspan(static_cast<size_t>(n));
        offset += static_cast<uint64_t>(n);
    }
    return {};
}

Result<void> LogFile::append(ChunkHead head, std::span<const uint8_t> raw, bool compress) {
    std::vector<uint8_t> packed;
    std::span<const uint8_t> stored = raw;
    if (compress && !raw.empty()) {
        packed = zstd_.compress(raw);
        if (packed.size() < raw.size()) {
            stored = packed;
            head.flags |= kChunkCompressed;
        }
    }
    head.number = chunks_;
    head.raw_size = raw.size();
    head.stored_size = stored.size();
    head.stored_hash = hash64(stored);
    const auto head_bytes = head.encode();
    std::vector<uint8_t> all(head_bytes.begin(), head_bytes.end());
    all.insert(all.end(), stored.begin(), stored.end());
    if (auto done = write_at(end_, all); !done) {
        // Nobody should find half a chunk; if even this fails, a reader will see that it is cut.
        if (ftruncate(fd_, static_cast<off_t>(end_)) != 0) errno = 0;
        return done.error();
    }
    end_ += all.size();
    ++chunks_;
    return {};
}

Result<void> LogFile::sync() {
    int failed = fdatasync(fd_);
    if (!failed && published_ && !directory_synced_) {
        const int directory =
            open(directory_of(real_path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (directory >= 0) {
            fsync(directory);  // not every file system can; the file itself is safe
            close(directory);
        }
        directory_synced_ = true;
    }
    if (failed && (errno == EIO || errno == ENOSPC || errno == EDQUOT))
        return Error{fmt::format("writing the log '{}' to the disk failed: {}", path_,
                                 std::strerror(errno))};
    return {};
}

void LogFile::punch(uint64_t offset, uint64_t length) {
    // A file system that cannot keeps the space in use, which is harmless.
    if (fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                  static_cast<off_t>(length)) != 0)
        errno = 0;
}

}  // namespace qr
