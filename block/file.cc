// SPDX-License-Identifier: GPL-2.0-or-later
//
// Storage in a file or block device of the host. A write behind the end makes it longer (formats grow so).
//
// Locks are those that QEMU's programs take on images (byte 100 + n: somebody has permission n, byte 200 + n:
// somebody doesn't share it; 0 consistent read, 1 write, 3 resize), so that they and we respect each other.
// Source: open(2), fcntl(2) "Open file description locks", fallocate(2), lseek(2).
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "block/image.h"

namespace qr {

namespace {

constexpr uint64_t kDirectAlignment = 4096;
constexpr size_t kBounceBytes = 1 << 20;

class FileImage final : public Image {
  public:
    FileImage(std::string name, int fd, bool block_device, const ImageSpec& spec, uint64_t size)
        : Image(std::move(name)),
          fd_(fd),
          block_device_(block_device),
          read_only_(spec.read_only),
          direct_(spec.direct),
          no_flush_(spec.no_flush),
          size_(size) {}
    ~FileImage() override {
        close(fd_);
        std::free(bounce_);
    }

    std::string format() const override { return "file"; }
    uint64_t size() const override { return size_; }
    bool read_only() const override { return read_only_; }

    IoStatus read(uint64_t offset, std::span<uint8_t> to) override {
        if (direct_ && !aligned(offset, to.data(), to.size())) return read_bounced(offset, to);
        while (!to.empty()) {
            const ssize_t got = pread(fd_, to.data(), to.size(), static_cast<off_t>(offset));
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) return failed("read", offset);
            if (got == 0) {  // behind the end of the file
                std::ranges::fill(to, 0);
                return {};
            }
            offset += static_cast<uint64_t>(got);
            to = to.subspan(static_cast<size_t>(got));
        }
        return {};
    }

    IoStatus write(uint64_t offset, std::span<const uint8_t> from) override {
        if (direct_ && !aligned(offset, from.data(), from.size())) return write_bounced(offset, from);
        while (!from.empty()) {
            const ssize_t put = pwrite(fd_, from.data(), from.size(), static_cast<off_t>(offset));
            if (put < 0 && errno == EINTR) continue;
            if (put < 0) return failed("write", offset);
            offset += static_cast<uint64_t>(put);
            size_ = std::max(size_, offset);
            from = from.subspan(static_cast<size_t>(put));
        }
        return {};
    }

    IoStatus write_zeroes(uint64_t offset, uint64_t bytes, bool may_unmap) override {
        if (may_unmap && offset + bytes <= size_ && punch(offset, bytes)) return {};
        if (!block_device_ && offset + bytes <= size_ &&
            fallocate(fd_, FALLOC_FL_ZERO_RANGE, static_cast<off_t>(offset), static_cast<off_t>(bytes)) == 0)
            return {};
        const std::vector<uint8_t> zeroes(std::min<uint64_t>(bytes, kBounceBytes));
        while (bytes) {
            const size_t part = std::min<uint64_t>(bytes, zeroes.size());
            if (auto done = write(offset, {zeroes.data(), part}); !done.ok()) return done;
            offset += part;
            bytes -= part;
        }
        return {};
    }

    IoStatus discard(uint64_t offset, uint64_t bytes) override {
        punch(offset, bytes);  // a file system that can't is none the worse
        return {};
    }

    IoStatus flush() override {
        if (read_only_ || no_flush_) return {};
        return fdatasync(fd_) == 0 ? IoStatus{} : failed("flush", 0);
    }

    BlockRun status(uint64_t offset, uint64_t bytes) override {
        if (offset >= size_) return {BlockKind::kZero, bytes};
        const off_t data = lseek(fd_, static_cast<off_t>(offset), SEEK_DATA);
        if (data < 0 && errno == ENXIO) return {BlockKind::kZero, bytes};
        if (data < 0) return {BlockKind::kData, bytes};
        if (static_cast<uint64_t>(data) > offset)
            return {BlockKind::kZero, std::min(bytes, static_cast<uint64_t>(data) - offset)};
        const off_t hole = lseek(fd_, static_cast<off_t>(offset), SEEK_HOLE);
        if (hole <= static_cast<off_t>(offset)) return {BlockKind::kData, bytes};
        return {BlockKind::kData, std::min(bytes, static_cast<uint64_t>(hole) - offset)};
    }

    IoStatus resize(uint64_t size) override {
        if (block_device_) return IoStatus::fail(ENOTSUP, name() + ": a block device has a fixed size");
        if (ftruncate(fd_, static_cast<off_t>(size)) != 0) return failed("resize", size);
        size_ = size;
        return {};
    }

    // Who holds it otherwise isn't known.
    Result<void> lock() {
        const auto take = [this](uint64_t byte) {
            struct flock l {};
            l.l_type = F_RDLCK;
            l.l_whence = SEEK_SET;
            l.l_start = static_cast<off_t>(byte);
            l.l_len = 1;
            return fcntl(fd_, F_OFD_SETLK, &l) == 0 || errno == EINVAL || errno == ENOTSUP;
        };
        const auto taken = [this](uint64_t byte) {
            struct flock l {};
            l.l_type = F_WRLCK;
            l.l_whence = SEEK_SET;
            l.l_start = static_cast<off_t>(byte);
            l.l_len = 1;
            return fcntl(fd_, F_OFD_GETLK, &l) == 0 && l.l_type != F_UNLCK;
        };
        constexpr unsigned kRead = 0, kWrite = 1, kResize = 3;
        const auto refuse = [this](const char* what) {
            return Error{fmt::format("Failed to get {} lock: is another process using the image [{}]?", what, name())};
        };
        bool good = take(100 + kRead) && take(200 + kWrite) && take(200 + kResize);
        if (!read_only_) good = good && take(100 + kWrite) && take(100 + kResize);
        if (!good) return refuse(read_only_ ? "shared \"write\"" : "\"write\"");
        // Our own locks don't count: F_OFD_GETLK tells of other descriptions' only.
        if (taken(200 + kRead)) return refuse("\"consistent read\"");
        if (taken(100 + kWrite)) return refuse(read_only_ ? "shared \"write\"" : "\"write\"");
        if (!read_only_ && (taken(200 + kWrite) || taken(200 + kResize))) return refuse("\"write\"");
        return {};
    }

  private:
    static bool aligned(uint64_t offset, const void* memory, size_t bytes) {
        return ((offset | bytes | reinterpret_cast<uintptr_t>(memory)) & (kDirectAlignment - 1)) == 0;
    }

    IoStatus failed(const char* what, uint64_t offset) const {
        const int code = errno;
        return IoStatus::fail(code, fmt::format("{}: {} at {} failed: {}", name(), what, offset, std::strerror(code)));
    }

    bool punch(uint64_t offset, uint64_t bytes) {
        if (block_device_) {
            uint64_t range[2] = {offset, bytes};
            return ioctl(fd_, BLKZEROOUT, range) == 0;
        }
        return fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                         static_cast<off_t>(bytes)) == 0;
    }

    uint8_t* bounce() {
        if (!bounce_) bounce_ = static_cast<uint8_t*>(std::aligned_alloc(kDirectAlignment, kBounceBytes));
        return bounce_;
    }

    // The part of a request that fits into the bounce buffer, and the aligned range around it.
    struct Part {
        uint64_t start;
        size_t skip, bytes, length;
    };
    static Part next_part(uint64_t offset, size_t left) {
        Part p{};
        p.start = offset & ~(kDirectAlignment - 1);
        p.skip = offset - p.start;
        p.bytes = std::min(left, kBounceBytes - p.skip);
        p.length = (p.skip + p.bytes + kDirectAlignment - 1) & ~(kDirectAlignment - 1);
        return p;
    }

    IoStatus read_bounced(uint64_t offset, std::span<uint8_t> to) {
        while (!to.empty()) {
            const Part p = next_part(offset, to.size());
            if (auto done = read(p.start, {bounce(), p.length}); !done.ok()) return done;
            std::memcpy(to.data(), bounce() + p.skip, p.bytes);
            offset += p.bytes;
            to = to.subspan(p.bytes);
        }
        return {};
    }

    IoStatus write_bounced(uint64_t offset, std::span<const uint8_t> from) {
        while (!from.empty()) {
            const Part p = next_part(offset, from.size());
            if (p.bytes != p.length) {
                if (auto done = read(p.start, {bounce(), p.length}); !done.ok()) return done;
            }
            std::memcpy(bounce() + p.skip, from.data(), p.bytes);
            const uint64_t end = std::max(size_, offset + p.bytes);
            if (auto done = write(p.start, {bounce(), p.length}); !done.ok()) return done;
            if (size_ > end && !block_device_) {  // the padding made it longer
                if (auto done = resize(end); !done.ok()) return done;
            }
            offset += p.bytes;
            from = from.subspan(p.bytes);
        }
        return {};
    }

    const int fd_;
    const bool block_device_, read_only_, direct_, no_flush_;
    uint64_t size_;
    uint8_t* bounce_ = nullptr;
};

}  // namespace

IoStatus Image::resize(uint64_t) {
    return IoStatus::fail(ENOTSUP, fmt::format("{}: format '{}' can't be resized", name(), format()));
}

Result<std::unique_ptr<Image>> open_file(const ImageSpec& spec) {
    const auto refuse = [&](const std::string& why) {
        return Error{fmt::format("Could not open '{}': {}", spec.file, why)};
    };
    std::string path = spec.file;
    if (path.starts_with("file://"))
        path.erase(0, 7);
    else if (path.starts_with("file:"))
        path.erase(0, 5);
    const int flags = (spec.read_only ? O_RDONLY : O_RDWR) | (spec.direct ? O_DIRECT : 0) |
                      (spec.write_through ? O_DSYNC : 0) | O_CLOEXEC | O_NONBLOCK;
    const int fd = open(path.c_str(), flags);
    if (fd < 0 && errno == EINVAL && spec.direct) return refuse("the filesystem does not support O_DIRECT: use another cache= mode");
    if (fd < 0 && errno == EISDIR) return Error{fmt::format("'file' driver requires '{}' to be a regular file", spec.file)};
    if (fd < 0) return refuse(std::strerror(errno));
    struct stat st {};
    uint64_t size = 0;
    const bool plain = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    const bool block = !plain && S_ISBLK(st.st_mode);
    if (plain) size = static_cast<uint64_t>(st.st_size);
    if ((!plain && !block) || (block && ioctl(fd, BLKGETSIZE64, &size) != 0)) {
        close(fd);
        return Error{fmt::format("'file' driver requires '{}' to be a regular file", spec.file)};
    }
    auto image = std::make_unique<FileImage>(spec.file, fd, block, spec, size);
    if (spec.lock && plain) {
        if (const auto locked = image->lock(); !locked) return refuse(locked.error().message);
    }
    return std::unique_ptr<Image>(std::move(image));
}

}  // namespace qr
