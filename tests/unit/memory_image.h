// SPDX-License-Identifier: GPL-2.0-or-later
// An image in memory, for tests: what is in it can be looked at, bent, and made to fail.
#pragma once

#include <algorithm>
#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "block/image.h"

namespace qr {

// Shared with the image that a test gave away.
struct MemoryBytes {
    std::vector<uint8_t> data;
    size_t limit = size_t{64} << 20;
    unsigned writes = 0;
    std::function<void()> before_read{};  // on the thread that reads
    int fail_reads = 0, fail_writes = 0, fail_flushes = 0;  // errno; 0: they work
};

class MemoryImage final : public Image {
  public:
    explicit MemoryImage(std::shared_ptr<MemoryBytes> bytes, bool read_only = false)
        : Image("memory.img"), bytes_(std::move(bytes)), read_only_(read_only) {}
    std::string format() const override { return "memory"; }
    uint64_t size() const override { return bytes_->data.size(); }
    bool read_only() const override { return read_only_; }
    IoStatus read(uint64_t offset, std::span<uint8_t> to) override {
        if (bytes_->before_read) bytes_->before_read();
        if (bytes_->fail_reads) return IoStatus::fail(bytes_->fail_reads, "memory.img: read failed");
        std::ranges::fill(to, 0);
        if (offset >= size()) return {};
        std::copy_n(bytes_->data.begin() + static_cast<ptrdiff_t>(offset), std::min<uint64_t>(to.size(), size() - offset),
                    to.begin());
        return {};
    }
    IoStatus write(uint64_t offset, std::span<const uint8_t> from) override {
        ++bytes_->writes;
        if (bytes_->fail_writes) return IoStatus::fail(bytes_->fail_writes, "memory.img: write failed");
        if (offset + from.size() > bytes_->limit) return IoStatus::fail(ENOSPC, "memory.img: full");
        if (offset + from.size() > size()) bytes_->data.resize(offset + from.size());
        std::ranges::copy(from, bytes_->data.begin() + static_cast<ptrdiff_t>(offset));
        return {};
    }
    IoStatus write_zeroes(uint64_t offset, uint64_t bytes, bool) override {
        return write(offset, std::vector<uint8_t>(bytes));
    }
    IoStatus discard(uint64_t, uint64_t) override { return {}; }
    IoStatus flush() override {
        return bytes_->fail_flushes ? IoStatus::fail(bytes_->fail_flushes, "memory.img: flush failed") : IoStatus{};
    }
    BlockRun status(uint64_t, uint64_t bytes) override { return {BlockKind::kData, bytes}; }
    IoStatus resize(uint64_t size) override {
        bytes_->data.resize(size);
        return {};
    }

  private:
    std::shared_ptr<MemoryBytes> bytes_;
    const bool read_only_;
};

}  // namespace qr
