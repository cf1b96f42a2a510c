// SPDX-License-Identifier: GPL-2.0-or-later
//
// The raw format: the storage's bytes are the disk's, or a part of them is. A size that isn't whole sectors is
// rounded up, the rest reads as zeroes. Also: which format an image is in, from its first bytes.
// Source: none (project convention); the formats' magic numbers are their specifications'.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "block/image.h"

namespace qr {

namespace {

constexpr uint64_t kSector = 512;

class RawImage final : public Image {
  public:
    RawImage(std::unique_ptr<Image> storage, uint64_t offset, uint64_t size, bool probed)
        : Image(storage->name()), storage_(std::move(storage)), offset_(offset), size_(size), probed_(probed) {}

    std::string format() const override { return "raw"; }
    uint64_t size() const override { return size_; }
    bool read_only() const override { return storage_->read_only(); }
    IoStatus read(uint64_t offset, std::span<uint8_t> to) override { return storage_->read(offset_ + offset, to); }
    IoStatus write(uint64_t offset, std::span<const uint8_t> from) override {
        // Nobody said that this is raw. A guest that writes another format's header here would have the image opened
        // as that the next time, with any file of the host as its backing file.
        if (probed_ && offset == 0 && probe_format(from) != "raw") {
            return IoStatus::fail(EPERM, fmt::format("{}: the guest writes a header of format '{}' to block 0 of an "
                                                     "image whose format wasn't specified: give format=raw",
                                                     name(), probe_format(from)));
        }
        return storage_->write(offset_ + offset, from);
    }
    IoStatus write_zeroes(uint64_t offset, uint64_t bytes, bool may_unmap) override {
        return storage_->write_zeroes(offset_ + offset, bytes, may_unmap);
    }
    IoStatus discard(uint64_t offset, uint64_t bytes) override { return storage_->discard(offset_ + offset, bytes); }
    IoStatus flush() override { return storage_->flush(); }
    Image* storage() override { return storage_.get(); }
    BlockRun status(uint64_t offset, uint64_t bytes) override { return storage_->status(offset_ + offset, bytes); }

  private:
    std::unique_ptr<Image> storage_;
    const uint64_t offset_, size_;
    const bool probed_;
};

struct Magic {
    const char* format;
    size_t offset;
    std::string_view bytes;
};
using namespace std::string_view_literals;
constexpr Magic kMagics[] = {
    {"vmdk", 0, "KDMV"sv},           {"vmdk", 0, "COWD"sv},
    {"vmdk", 0, "# Disk DescriptorFile"sv},
    {"vhdx", 0, "vhdxfile"sv},       {"vpc", 0, "conectix"sv},
    {"vdi", 64, "\x7f\x10\xda\xbe"sv}, {"qed", 0, "QED\0"sv},
    {"parallels", 0, "WithoutFreeSpace"sv}, {"parallels", 0, "WithouFreSpacExt"sv},
    {"luks", 0, "LUKS\xba\xbe"sv},   {"bochs", 0, "Bochs Virtual HD Image"sv},
    {"cloop", 0, "#!/bin/sh\n#V2.0 Format\n"sv},
};

}  // namespace

std::string probe_format(std::span<const uint8_t> start) {
    if (start.size() >= 8 && std::memcmp(start.data(), "QFI\xfb", 4) == 0) {
        const uint32_t version = static_cast<uint32_t>(start[4]) << 24 | static_cast<uint32_t>(start[5]) << 16 |
                                 static_cast<uint32_t>(start[6]) << 8 | start[7];
        return version == 1 ? "qcow" : "qcow2";
    }
    for (const Magic& m : kMagics) {
        if (start.size() >= m.offset + m.bytes.size() &&
            std::memcmp(start.data() + m.offset, m.bytes.data(), m.bytes.size()) == 0)
            return m.format;
    }
    return "raw";
}

std::unique_ptr<Image> make_raw(std::unique_ptr<Image> storage, const ImageSpec& spec, bool probed) {
    const uint64_t there = storage->size() > spec.offset ? storage->size() - spec.offset : 0;
    const uint64_t size = spec.size ? spec.size : (there + kSector - 1) / kSector * kSector;
    return std::make_unique<RawImage>(std::move(storage), spec.offset, size, probed);
}

}  // namespace qr
