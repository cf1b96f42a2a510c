// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a drive's state needs beside it in another process: media by name, and what overlays have. See host_drive.h.
// Source: docs/replay-format.rst, "Snapshots".
#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "block/host_drive.h"
#include "replay/varint.h"

namespace qr {

namespace {

constexpr uint64_t kMaxMedia = 4096;
constexpr uint64_t kMaxName = 65536;

struct MediumRecord {
    std::string file, format;
    bool read_only = false;
    uint64_t size = 0;
    std::vector<uint8_t> written;  // runs: offset, bytes or nothing, length of zeroes
};
struct ContentsRecord {
    uint64_t version = 0, present = 0;  // present: a number from 1
    std::vector<MediumRecord> media;
};

bool zero(std::span<const uint8_t> data) { return !data[0] && !std::memcmp(data.data(), data.data() + 1, data.size() - 1); }

void put_run(std::vector<uint8_t>& to, uint64_t offset, std::span<const uint8_t> data) {
    put_varint(to, offset);
    const bool all_zero = zero(data);
    put_varint(to, all_zero ? data.size() : 0);
    if (!all_zero) put_bytes(to, data);
}

Result<ContentsRecord> decode(std::span<const uint8_t> bytes, const std::string& drive) {
    ByteReader reader(bytes);
    ContentsRecord c;
    c.version = reader.varint();
    c.present = reader.varint();
    for (uint64_t left = reader.varint_up_to(kMaxMedia); left && reader.ok(); --left) {
        MediumRecord m;
        m.file = std::string(reader.text().substr(0, kMaxName));
        m.format = std::string(reader.text().substr(0, kMaxName));
        m.read_only = reader.varint_up_to(1) != 0;
        m.size = reader.varint();
        const auto written = reader.bytes();
        m.written.assign(written.begin(), written.end());
        c.media.push_back(std::move(m));
    }
    if (!reader.ok() || !reader.at_end() || c.present > c.media.size())
        return Error{fmt::format("the snapshot is damaged: what drive '{}' had makes no sense", drive)};
    return c;
}

}  // namespace

Result<std::vector<uint8_t>> HostDrive::contents(uint64_t limit, std::optional<uint64_t> since) {
    std::vector<uint8_t> to;
    Result<void> result;
    queue_.run([&] {
        uint64_t left = limit;
        put_varint(to, version_);
        put_varint(to, medium_number_);
        put_varint(to, media_.size());
        for (const auto& m : media_) {
            put_bytes(to, as_bytes(m->spec.file));
            put_bytes(to, as_bytes(m->image->format()));
            put_varint(to, m->read_only);
            put_varint(to, m->size);
            std::vector<uint8_t> written;
            if (m->overlay && checked()) {
                bool fits = true;
                const auto visit = [&](uint64_t offset, std::span<const uint8_t> data) {
                    fits = fits && data.size() <= left;
                    if (!fits) return IoStatus{};
                    left -= data.size();
                    put_run(written, offset, data);
                    return IoStatus{};
                };
                const auto done = since ? m->overlay->for_each_change(*since, visit) : m->overlay->for_each(visit);
                if (!fits) {
                    result = Error{fmt::format("drive '{}' has more than {} MiB that were written", settings_.id, limit >> 20)};
                    return;
                }
                if (!done.ok()) {
                    result = Error{fmt::format("drive '{}': {}", settings_.id, done.message)};
                    return;
                }
            }
            put_bytes(to, written);
        }
    });
    if (!result) return result.error();
    return to;
}

// On the queue.
Result<void> HostDrive::keep_version(Medium& m, uint64_t version, const std::vector<uint8_t>& written) {
    const auto failed = [&](const IoStatus& why) {
        return Error{fmt::format("drive '{}': what was written can't be put back: {}", settings_.id, why.message)};
    };
    if (auto done = overlay_of(m); !done.ok()) return failed(done);
    Overlay& overlay = *m.overlay;
    if (overlay.pinned(version)) return {};
    const bool was_pinned = overlay.pinned(version_);
    overlay.pin(version_);
    overlay.clear();
    m.room = 0;  // it may be taken now
    ByteReader reader(written);
    IoStatus status;
    while (!reader.at_end() && status.ok()) {
        const uint64_t offset = reader.varint(), zeroes = reader.varint();
        const auto data = zeroes ? std::span<const uint8_t>{} : reader.bytes();
        const uint64_t length = zeroes ? zeroes : data.size();
        if (!reader.ok() || (offset | length) % Overlay::kSector || offset > m.size || length > m.size - offset) {
            status = IoStatus::fail(EINVAL, "the snapshot is damaged");
            break;
        }
        status = zeroes ? overlay.write_zeroes(offset, zeroes) : overlay.write(offset, data);
    }
    if (status.ok()) overlay.pin(version);
    overlay.revert(version_);
    if (!was_pinned) overlay.unpin(version_);
    if (!status.ok()) return failed(status);
    return {};
}

Result<void> HostDrive::provide(std::span<const std::span<const uint8_t>> contents) {
    ContentsRecord c;
    for (const auto& bytes : contents) {
        auto decoded = decode(bytes, settings_.id);
        if (!decoded) return decoded.error();
        // What was written before comes first.
        for (size_t i = 0; i < std::min(c.media.size(), decoded->media.size()); ++i) {
            auto& written = decoded->media[i].written;
            written.insert(written.begin(), c.media[i].written.begin(), c.media[i].written.end());
        }
        c = std::move(*decoded);
    }
    for (size_t i = 0; i < c.media.size(); ++i) {
        MediumRecord& then = c.media[i];
        if (i < media_.size()) {
            const Medium& now = *media_[i];
            if (then.size != now.size)
                return Error{fmt::format("drive '{}': the snapshot's medium has {} bytes, and '{}' has {}", settings_.id,
                                         then.size, now.spec.file, now.size)};
            // The first one is what the user says it is, wherever it lies now.
            if (i && i + 1 == c.present && !door_.replaying() && then.file != now.spec.file)
                return Error{fmt::format("drive '{}': the snapshot has '{}' in it, and this machine has had '{}' there",
                                         settings_.id, then.file, now.spec.file)};
            continue;
        }
        ImageSpec spec;
        spec.file = path_map_ ? path_map_(then.file) : then.file;
        spec.format = then.format;
        spec.read_only = then.read_only || mode_ != Mode::kDirect;
        auto image = open_image(spec);
        if (!image) return Error{fmt::format("drive '{}': {}", settings_.id, image.error().message)};
        if ((*image)->size() / Overlay::kSector * Overlay::kSector != then.size)
            return Error{fmt::format("drive '{}': the snapshot's medium '{}' has {} bytes now: it had {}", settings_.id,
                                     spec.file, (*image)->size(), then.size)};
        spec.read_only = then.read_only;
        media_.push_back(make_medium(std::move(*image), spec));
    }
    if (mode_ == Mode::kDirect) return {};
    Result<void> result;
    queue_.run([&] {
        for (size_t i = 0; i < c.media.size() && result; ++i)
            if (!media_[i]->read_only) result = keep_version(*media_[i], c.version, c.media[i].written);
    });
    return result;
}

}  // namespace qr
