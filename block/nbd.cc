// SPDX-License-Identifier: GPL-2.0-or-later
//
// An image behind an NBD server: nbd://HOST[:PORT]/EXPORT, nbd+unix:///EXPORT?socket=PATH, and QEMU's older
// nbd:HOST:PORT[:exportname=NAME] and nbd:unix:PATH[:exportname=NAME].
// Source: libnbd(3), nbd_connect_uri(3).
#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <libnbd.h>

#include "block/image.h"

namespace qr {

namespace {

constexpr uint64_t kLargest = uint64_t{32} << 20;  // what every server takes in one request

struct CloseNbd {
    void operator()(nbd_handle* h) const { nbd_close(h); }
};
using Handle = std::unique_ptr<nbd_handle, CloseNbd>;

class NbdImage final : public Image {
  public:
    NbdImage(std::string name, Handle handle, uint64_t size, bool read_only)
        : Image(std::move(name)), handle_(std::move(handle)), size_(size), read_only_(read_only) {}
    ~NbdImage() override { nbd_shutdown(handle_.get(), 0); }

    std::string format() const override { return "nbd"; }
    uint64_t size() const override { return size_; }
    bool read_only() const override { return read_only_; }

    IoStatus read(uint64_t offset, std::span<uint8_t> to) override {
        while (!to.empty()) {
            const uint64_t there = offset < size_ ? size_ - offset : 0;
            const uint64_t part = std::min<uint64_t>({to.size(), kLargest, there});
            if (!part) {  // a disk's last sector may stick out
                std::ranges::fill(to, 0);
                return {};
            }
            if (nbd_pread(handle_.get(), to.data(), part, offset, 0) != 0) return failed("read", offset);
            offset += part;
            to = to.subspan(part);
        }
        return {};
    }

    IoStatus write(uint64_t offset, std::span<const uint8_t> from) override {
        if (offset + from.size() > size_)
            return IoStatus::fail(ENOSPC, fmt::format("{}: the server's export has a fixed size of {} bytes", name(), size_));
        return pieces(offset, from.size(), [&](uint64_t at, uint64_t bytes) {
            return nbd_pwrite(handle_.get(), from.data() + (at - offset), bytes, at, 0);
        }, "write");
    }

    IoStatus write_zeroes(uint64_t offset, uint64_t bytes, bool may_unmap) override {
        if (nbd_can_zero(handle_.get()) == 1) {
            const uint32_t flags = may_unmap ? 0 : LIBNBD_CMD_FLAG_NO_HOLE;
            return pieces(offset, bytes,
                          [&](uint64_t at, uint64_t n) { return nbd_zero(handle_.get(), n, at, flags); }, "write zeroes");
        }
        const std::vector<uint8_t> zeroes(std::min<uint64_t>(bytes, 1 << 20));
        while (bytes) {
            const size_t part = std::min<uint64_t>(bytes, zeroes.size());
            if (auto done = write(offset, {zeroes.data(), part}); !done.ok()) return done;
            offset += part;
            bytes -= part;
        }
        return {};
    }

    IoStatus discard(uint64_t offset, uint64_t bytes) override {
        if (nbd_can_trim(handle_.get()) != 1) return {};
        return pieces(offset, bytes, [&](uint64_t at, uint64_t n) { return nbd_trim(handle_.get(), n, at, 0); }, "discard");
    }

    IoStatus flush() override {
        if (read_only_ || nbd_can_flush(handle_.get()) != 1) return {};
        return nbd_flush(handle_.get(), 0) == 0 ? IoStatus{} : failed("flush", 0);
    }

    BlockRun status(uint64_t, uint64_t bytes) override { return {BlockKind::kData, bytes}; }

  private:
    template <class Operation>
    IoStatus pieces(uint64_t offset, uint64_t bytes, Operation operation, const char* what) {
        while (bytes) {
            const uint64_t part = std::min(bytes, kLargest);
            if (operation(offset, part) != 0) return failed(what, offset);
            offset += part;
            bytes -= part;
        }
        return {};
    }

    IoStatus failed(const char* what, uint64_t offset) const {
        const int code = nbd_get_errno();
        return IoStatus::fail(code ? code : EIO, fmt::format("{}: {} at {} failed: {}", name(), what, offset,
                                                             nbd_get_error() ? nbd_get_error() : std::strerror(code)));
    }

    Handle handle_;
    const uint64_t size_;
    const bool read_only_;
};

// "nbd:unix:/path:exportname=x" and "nbd:host:port:exportname=x" as URIs; others as they are.
std::string uri_of(const std::string& address) {
    if (address.find("://") != std::string::npos) return address;
    std::string rest = address.substr(4), name;
    if (const size_t at = rest.find(":exportname="); at != std::string::npos) {
        name = rest.substr(at + 12);
        rest.erase(at);
    }
    if (rest.starts_with("unix:")) return fmt::format("nbd+unix:///{}?socket={}", name, rest.substr(5));
    return fmt::format("nbd://{}/{}", rest, name);
}

}  // namespace

bool is_nbd_address(const std::string& file) {
    for (const char* scheme : {"nbd:", "nbds:", "nbd+unix:", "nbds+unix:"})
        if (file.starts_with(scheme)) return true;
    return false;
}

Result<std::unique_ptr<Image>> open_nbd(const ImageSpec& spec) {
    const auto refuse = [&](const std::string& why) {
        return Error{fmt::format("Could not open '{}': {}", spec.file, why)};
    };
    Handle handle(nbd_create());
    if (!handle) return refuse("libnbd has no memory");
    // Only what an address may ask for: not a command to run.
    nbd_set_uri_allow_local_file(handle.get(), false);
    if (nbd_connect_uri(handle.get(), uri_of(spec.file).c_str()) != 0) return refuse(nbd_get_error());
    const int64_t size = nbd_get_size(handle.get());
    if (size < 0) return refuse(nbd_get_error());
    if (!spec.read_only && nbd_is_read_only(handle.get()) == 1)
        return refuse("the server's export is read-only: expected readonly=on");
    return std::unique_ptr<Image>(
        std::make_unique<NbdImage>(spec.file, std::move(handle), static_cast<uint64_t>(size), spec.read_only));
}

}  // namespace qr
