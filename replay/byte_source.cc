// SPDX-License-Identifier: GPL-2.0-or-later
// A log's bytes in a file or in memory; see ByteSource in replay/log_reader.h. Source: pread(2).
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "replay/log_reader.h"

namespace qr {

namespace {

class MemorySource final : public ByteSource {
  public:
    explicit MemorySource(std::vector<uint8_t> bytes) : bytes_(std::move(bytes)) {}
    uint64_t size() const override { return bytes_.size(); }
    bool read(uint64_t offset, std::span<uint8_t> to) const override {
        if (offset > bytes_.size() || to.size() > bytes_.size() - offset) return false;
        if (!to.empty()) std::memcpy(to.data(), bytes_.data() + offset, to.size());
        return true;
    }

  private:
    std::vector<uint8_t> bytes_;
};

class FileSource final : public ByteSource {
  public:
    FileSource(int fd, uint64_t size) : fd_(fd), size_(size) {}
    ~FileSource() override { close(fd_); }
    uint64_t size() const override { return size_; }
    bool read(uint64_t offset, std::span<uint8_t> to) const override {
        while (!to.empty()) {
            const ssize_t n = pread(fd_, to.data(), to.size(), static_cast<off_t>(offset));
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) return false;
            to = to.subspan(static_cast<size_t>(n));
            offset += static_cast<uint64_t>(n);
        }
        return true;
    }

  private:
    int fd_;
    uint64_t size_;
};

}  // namespace

std::unique_ptr<ByteSource> make_memory_source(std::vector<uint8_t> bytes) {
    return std::make_unique<MemorySource>(std::move(bytes));
}

Result<std::unique_ptr<ByteSource>> open_file_source(const std::string& path) {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return Error{fmt::format("cannot open the log '{}': {}", path, std::strerror(errno))};
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        close(fd);
        return Error{fmt::format("cannot open the log '{}': not a regular file", path)};
    }
    return std::unique_ptr<ByteSource>(
        std::make_unique<FileSource>(fd, static_cast<uint64_t>(status.st_size)));
}

}  // namespace qr
