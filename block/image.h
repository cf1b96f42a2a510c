// SPDX-License-Identifier: GPL-2.0-or-later
//
// An image: so many bytes that can be read and written, wherever the host keeps them and in whatever format. The
// host's world: calls block, and one thread uses an image at a time (a drive's worker). Images stand on images: a
// qcow2 on the file that it is in, and on its backing file.
//
// Source: none (project convention).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "util/result.h"

namespace qr {

// Of one operation. code: errno; 0: done.
struct [[nodiscard]] IoStatus {
    int code = 0;
    std::string message;  // for people, with the image's name

    bool ok() const { return code == 0; }
    static IoStatus fail(int code, std::string message) { return {code, std::move(message)}; }
};

// What a range is, as far as the image itself knows.
enum class BlockKind : uint8_t {
    kUnallocated,  // nothing here: what is below shows (zeroes if there is nothing)
    kZero,
    kData,
};
struct BlockRun {
    BlockKind kind = BlockKind::kData;
    uint64_t bytes = 0;  // so long, at least 1
};

class Image {
  public:
    explicit Image(std::string name) : name_(std::move(name)) {}
    virtual ~Image() = default;
    Image(const Image&) = delete;
    Image& operator=(const Image&) = delete;

    const std::string& name() const { return name_; }  // file or address, as the user gave it
    virtual std::string format() const = 0;            // "raw", "qcow2", "file", "nbd"
    virtual uint64_t size() const = 0;
    virtual bool read_only() const = 0;

    // Offsets and lengths within size().
    virtual IoStatus read(uint64_t offset, std::span<uint8_t> to) = 0;
    virtual IoStatus write(uint64_t offset, std::span<const uint8_t> from) = 0;
    // may_unmap: space may be given back.
    virtual IoStatus write_zeroes(uint64_t offset, uint64_t bytes, bool may_unmap) = 0;
    // The range isn't needed any more. What it reads as afterwards is the image's affair.
    virtual IoStatus discard(uint64_t offset, uint64_t bytes) = 0;
    // All that was written is on stable storage.
    virtual IoStatus flush() = 0;
    // Gives cached tables to the host, so that they survive this process. For idle moments.
    virtual IoStatus write_back() { return {}; }
    virtual BlockRun status(uint64_t offset, uint64_t bytes) = 0;
    // Of storage under a format: new bytes are zero.
    virtual IoStatus resize(uint64_t size);
    // The image that shows where this one has nothing, or null.
    virtual Image* backing() { return nullptr; }
    // What it is in: of a format the file; null: it is one.
    virtual Image* storage() { return nullptr; }

  private:
    const std::string name_;
};

// How to open one.
struct ImageSpec {
    std::string file;    // a path, nbd://..., nbd+unix://..., file:...
    std::string format;  // "raw", "qcow2"; empty: look what it is
    bool read_only = false;
    bool direct = false;         // cache.direct: past the host's page cache
    bool no_flush = false;       // cache.no-flush
    bool write_through = false;  // each write is stable before it is done
    bool lock = true;            // no other process may write it meanwhile
    uint64_t offset = 0;         // raw: a part of the file
    uint64_t size = 0;           // raw: 0: to its end
    bool no_backing = false;     // qcow2: its own layer alone

    // A line for the user that is no error ("format wasn't specified").
    std::function<void(const std::string&)> warn;
};

// Errors: "Could not open 'FILE': why".
Result<std::unique_ptr<Image>> open_image(const ImageSpec& spec);

// The layers that open_image() puts together.
Result<std::unique_ptr<Image>> open_file(const ImageSpec& spec);
Result<std::unique_ptr<Image>> open_nbd(const ImageSpec& spec);
bool is_nbd_address(const std::string& file);
std::unique_ptr<Image> make_raw(std::unique_ptr<Image> storage, const ImageSpec& spec, bool probed);

// "raw", "qcow2", or what else the first bytes say it is ("vmdk"), known or not to open_image().
std::string probe_format(std::span<const uint8_t> start);

}  // namespace qr
