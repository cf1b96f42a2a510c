// SPDX-License-Identifier: GPL-2.0-or-later
//
// The host's side of a drive; see host_drive.h. Source: docs/replay.rst, "Disks".
//
// Longer than most: issuing, waiting for, checking and dropping requests all work on the one table of those in flight.
#include "block/host_drive.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>
#include <xxhash.h>

#include "util/bits.h"

namespace qr {

namespace {

constexpr uint64_t kBlock = Overlay::kBlock;

bool all_zero(std::span<const uint8_t> data) {
    return data.empty() || (!data[0] && !std::memcmp(data.data(), data.data() + 1, data.size() - 1));
}

DriveStatus status_of(int code) {
    switch (code) {
        case 0: return DriveStatus::kOk;
        case ENOSPC: return DriveStatus::kNoSpace;  // only this, for werror=enospc as QEMU has it
        case EROFS:
        case EPERM: return DriveStatus::kReadOnly;
        default: return DriveStatus::kIoError;
    }
}

// Of a recorded one there is no more to be known.
std::string reason_of(DriveStatus status, int code) {
    if (!code) code = status == DriveStatus::kNoSpace ? ENOSPC : status == DriveStatus::kReadOnly ? EROFS : EIO;
    return std::strerror(code);
}

Overlay::Origin origin_of(const std::string& drive, const Image& image, uint64_t size) {
    Overlay::Origin o;
    o.drive = drive;
    o.image = image.name();
    o.format = image.format();
    o.size = size;
    struct stat st {};
    if (!is_nbd_address(o.image) && stat(o.image.c_str(), &st) == 0) {
        o.image = std::filesystem::absolute(o.image).lexically_normal().string();
        o.file_size = static_cast<uint64_t>(st.st_size);
        o.modified_ns = st.st_mtim.tv_sec * kNsPerSecond + st.st_mtim.tv_nsec;
    }
    return o;
}

}  // namespace

std::string_view io_state_name(HostDrive::IoState state) {
    constexpr std::string_view kNames[] = {"", "ok", "failed", "nospace"};
    return kNames[static_cast<size_t>(state)];
}

HostDrive::HostDrive(Door& door, VirtualClock& clock, Settings settings, Notice notice)
    : door_(door),
      clock_(clock),
      settings_(std::move(settings)),
      notice_(std::move(notice)),
      blocks_port_(door, "drive." + settings_.id + ".blocks"),
      error_port_(door, "drive." + settings_.id + ".error"),
      medium_port_(door, "drive." + settings_.id + ".medium", [this](MediumInput& in) { use_medium(in); }),
      retry_port_(door, "drive." + settings_.id + ".retry", [this](RetryInput&) { retry(); }),
      io_state_(may_stop(settings_.on_read_error) || may_stop(settings_.on_write_error) ? IoState::kOk : IoState::kNone),
      queue_("disk " + settings_.id, [this] {
          std::shared_ptr<Medium> medium;
          {
              std::lock_guard lock(info_mutex_);
              medium = idle_medium_;
          }
          if (medium && mode_ == Mode::kDirect && medium->dirty) static_cast<void>(medium->image->write_back());
      }) {
    publish_info();
}

HostDrive::~HostDrive() {
    // Who wants to know how it went has called flush_all() before.
    static_cast<void>(flush_all());
}

void HostDrive::set_mode(Mode mode, const std::string& overlay) {
    mode_ = mode;
    overlay_prefix_ = overlay;
}

std::shared_ptr<HostDrive::Medium> HostDrive::make_medium(std::unique_ptr<Image> image, const ImageSpec& spec) {
    auto medium = std::make_shared<Medium>();
    medium->size = image->size() / Overlay::kSector * Overlay::kSector;
    medium->image = std::move(image);
    medium->spec = spec;
    medium->read_only = spec.read_only;
    for (Image* layer = medium->image.get(); layer && settings_.make_node; layer = layer->backing())
        for (int i = 0; i < 2; ++i) medium->node_names.push_back(settings_.make_node());
    if (checked()) medium->seen.resize((medium->size + kBlock - 1) / kBlock);
    if (mode_ == Mode::kRecorded && !overlay_prefix_.empty()) {
        medium->overlay_path =
            fmt::format("{}{}.overlay", overlay_prefix_, media_.empty() ? std::string() : fmt::format(".{}", media_.size()));
    }
    return medium;
}

void HostDrive::insert(std::unique_ptr<Image> image, const ImageSpec& spec) {
    medium_ = make_medium(std::move(image), spec);
    if (std::vector<std::string>& names = medium_->node_names; !names.empty()) {
        if (!settings_.storage_node.empty()) names[1] = settings_.storage_node;
        if (!settings_.node.empty()) names[settings_.storage_alone] = settings_.node;
        if (settings_.storage_alone) names[0].clear();
    }
    media_.push_back(medium_);
    medium_number_ = static_cast<uint32_t>(media_.size());
    publish_info();
}

Result<void> HostDrive::prepare_recording() {
    if (auto done = flush_all(); !done) return done;
    // What an overlay has (of -snapshot, of an earlier recording, of a replay that went live) goes into the snapshot.
    if (mode_ != Mode::kDirect) set_mode(Mode::kRecorded, overlay_prefix_);
    media_.clear();
    if (medium_) media_.push_back(medium_);
    medium_number_ = static_cast<uint32_t>(media_.size());
    return {};
}

void HostDrive::begin_recording(const std::string& overlay) {
    queue_.drain();
    set_mode(Mode::kRecorded, overlay);
    if (medium_) {
        medium_->seen.assign((medium_->size + kBlock - 1) / kBlock, false);
        medium_->overlay_path = overlay + ".overlay";
        if (medium_->overlay) move_overlay(*medium_);
    }
    publish_info();
}

// What was written until now is to be found in the new one, too: it is what a commit makes of the image.
void HostDrive::move_overlay(Medium& m) {
    const std::unique_ptr<Overlay> old = std::move(m.overlay);
    m.room = 0;
    auto done = overlay_of(m);
    if (done.ok()) {
        done = old->for_each([&](uint64_t offset, std::span<const uint8_t> data) { return m.overlay->write(offset, data); });
        m.overlay->pin(version_);
    }
    if (!done.ok()) notice_(fmt::format("drive '{}': {}", settings_.id, done.message));
}

void HostDrive::go_live() {
    queue_.drain();
    set_mode(Mode::kTemporary);
}

// --- requests ---

Drive::Ticket HostDrive::issue(RequestPtr r) {
    const Ticket ticket = next_ticket_++;
    if (!next_ticket_) next_ticket_ = 1;
    requests_[ticket] = r;
    submit(r);
    return ticket;
}

void HostDrive::submit(const RequestPtr& r) {
    const bool writes = r->kind != Kind::kRead && r->kind != Kind::kFlush;
    r->medium = medium_;
    if (!inserted())
        r->issued = DriveStatus::kNoMedium;
    else if (writes && medium_->read_only)
        r->issued = DriveStatus::kReadOnly;
    else if (r->kind != Kind::kFlush && ((r->offset | r->bytes) % Overlay::kSector || r->offset > medium_->size ||
                                         r->bytes > medium_->size - r->offset))
        r->issued = DriveStatus::kOutOfRange;
    if (r->issued != DriveStatus::kOk || (r->kind == Kind::kDiscard && !settings_.discard)) return;
    if (writes) {
        // A live machine that went back must not give a version's name to another disk. A replay does the same again.
        if (!door_.replaying()) highest_version_ = version_ = std::max(highest_version_, version_);
        highest_version_ = std::max(highest_version_, ++version_);
    }
    r->behind = false;
    r->blocks = writes && r->bytes && mode_ != Mode::kDirect ? (r->offset + r->bytes - 1) / kBlock - r->offset / kBlock + 1 : 0;
    if (r->blocks) r->behind = (medium_->promised += r->blocks) <= medium_->room;
    r->number = queue_.post([this, r] { perform(*r); });
}

Drive::Ticket HostDrive::read(uint64_t offset, uint32_t bytes) {
    auto r = std::make_shared<Request>();
    r->offset = offset;
    r->bytes = bytes;
    return issue(std::move(r));
}

Drive::Ticket HostDrive::write(uint64_t offset, std::span<const uint8_t> data) {
    auto r = std::make_shared<Request>();
    r->kind = Kind::kWrite;
    r->offset = offset;
    r->bytes = data.size();
    r->data.assign(data.begin(), data.end());
    return issue(std::move(r));
}

Drive::Ticket HostDrive::write_zeroes(uint64_t offset, uint64_t bytes, bool may_unmap) {
    auto r = std::make_shared<Request>();
    r->kind = Kind::kZero;
    r->offset = offset;
    r->bytes = bytes;
    r->may_unmap = may_unmap && settings_.discard;
    return issue(std::move(r));
}

Drive::Ticket HostDrive::discard(uint64_t offset, uint64_t bytes) {
    auto r = std::make_shared<Request>();
    r->kind = Kind::kDiscard;
    r->offset = offset;
    r->bytes = bytes;
    return issue(std::move(r));
}

Drive::Ticket HostDrive::flush() {
    auto r = std::make_shared<Request>();
    r->kind = Kind::kFlush;
    return issue(std::move(r));
}

// On the queue.
void HostDrive::perform(Request& r) {
    auto status = perform_on(*r.medium, r);
    if (r.blocks) settle_room(*r.medium, r.blocks);
    if (status.ok()) return;
    Trouble trouble{status_of(status.code), status.code, std::move(status.message)};
    if (!r.behind) {
        r.trouble = std::move(trouble);
        return;
    }
    std::lock_guard lock(late_mutex_);
    if (!late_) late_trouble_ = std::move(trouble);
    late_ = true;
}

// On the queue. The room is known before the promise is taken back: who looks at them meanwhile sees too little.
void HostDrive::settle_room(Medium& m, uint64_t blocks) {
    if (m.overlay) {
        m.overlay->make_room();
        m.room = m.overlay->room();
    }
    m.promised -= blocks;
}

IoStatus HostDrive::overlay_of(Medium& m) {
    if (m.overlay) return {};
    auto overlay = Overlay::create(m.overlay_path, origin_of(settings_.id, *m.image, m.size));
    if (!overlay) {
        // Somewhere else rather than nowhere: a replay sees the disk as if it had been written.
        notice_(overlay.error().message);
        overlay = Overlay::create({}, origin_of(settings_.id, *m.image, m.size));
    }
    if (!overlay) return IoStatus::fail(EIO, overlay.error().message);
    m.overlay = std::move(*overlay);
    return {};
}

IoStatus HostDrive::perform_on(Medium& m, Request& r) {
    if (r.kind == Kind::kRead) {
        r.data.resize(r.bytes);
        auto done = read_medium(m, r.offset, r.data, r.digests);
        if (!done.ok()) std::ranges::fill(r.data, 0);
        return done;
    }
    if (r.kind == Kind::kFlush) {
        m.dirty = false;
        if (mode_ == Mode::kDirect) return m.image->flush();
        return m.overlay ? m.overlay->flush() : IoStatus{};
    }
    m.dirty = true;
    const bool zeroes = r.kind != Kind::kWrite || (settings_.detect_zeroes && all_zero(r.data));
    IoStatus done;
    if (mode_ == Mode::kDirect) {
        if (r.kind == Kind::kDiscard)
            done = m.image->discard(r.offset, r.bytes);
        else if (zeroes)
            done = m.image->write_zeroes(r.offset, r.bytes, r.may_unmap || settings_.discard);
        else
            done = m.image->write(r.offset, r.data);
    } else {
        // A discarded range reads as zeroes: something definite.
        done = overlay_of(m);
        if (done.ok()) done = zeroes ? m.overlay->write_zeroes(r.offset, r.bytes) : m.overlay->write(r.offset, r.data);
    }
    return done;
}

IoStatus HostDrive::read_medium(Medium& m, uint64_t offset, std::span<uint8_t> to, std::vector<BlockDigest>& digests) {
    if (!m.overlay) return read_image(m, offset, to, digests);
    return m.overlay->read(offset, to, [&](uint64_t at, std::span<uint8_t> part) { return read_image(m, at, part, digests); });
}

// What is seen of the image for the first time is read by whole blocks, to have their digests.
IoStatus HostDrive::read_image(Medium& m, uint64_t offset, std::span<uint8_t> to, std::vector<BlockDigest>& digests) {
    if (!checked()) return m.image->read(offset, to);
    while (!to.empty()) {
        const uint64_t first = offset / kBlock, last = (offset + to.size() - 1) / kBlock;
        const bool seen = m.seen[first];
        uint64_t end = first + 1;
        while (end <= last && m.seen[end] == seen && end - first < 64) ++end;
        const uint64_t bytes = std::min<uint64_t>(to.size(), end * kBlock - offset);
        const auto part = to.first(bytes);
        if (seen) {
            if (auto done = m.image->read(offset, part); !done.ok()) return done;
        } else {
            const uint64_t size = std::min(end * kBlock, m.size) - first * kBlock;
            const bool whole = bytes == size;  // blocks, and so from the first one's beginning
            std::vector<uint8_t> around(whole ? 0 : size);
            const std::span<uint8_t> blocks = whole ? part : around;
            if (m.image->read(first * kBlock, blocks).ok()) {
                for (uint64_t b = first; b < end; ++b) {
                    const uint64_t start = (b - first) * kBlock;
                    digests.push_back({b, XXH3_64bits(blocks.data() + start, std::min(kBlock, blocks.size() - start))});
                    m.seen[b] = true;
                }
                if (!whole) std::copy_n(blocks.begin() + static_cast<ptrdiff_t>(offset - first * kBlock), bytes, part.begin());
            } else if (auto done = m.image->read(offset, part); !done.ok()) {
                return done;  // not only a neighbour that can't be read
            }
        }
        offset += bytes;
        to = to.subspan(bytes);
    }
    return {};
}

// --- their results ---

// Digests that were taken for this request, and for those that were given up, are recorded; recorded ones are checked.
void HostDrive::settle_digests(const Request& r) {
    if (door_.replaying()) {
        while (const auto recorded = blocks_port_.ask(clock_.icount(), std::nullopt)) check_blocks(r, *recorded);
        return;
    }
    std::erase_if(given_up_, [&](const RequestPtr& old) {
        if (old->number > r.number) return false;
        carried_.insert(carried_.end(), old->digests.begin(), old->digests.end());
        return true;
    });
    std::vector<BlockDigest> all = std::move(carried_);
    carried_.clear();
    all.insert(all.end(), r.digests.begin(), r.digests.end());
    for (size_t i = 0; i < all.size();) {
        BlocksInput run;
        run.first = all[i].block;
        size_t n = 0;
        for (; i + n < all.size() && all[i + n].block == run.first + n; ++n) {
            run.digests.resize((n + 1) * 8);
            store_le<uint64_t>(run.digests.data() + n * 8, all[i + n].digest);
        }
        static_cast<void>(blocks_port_.ask(clock_.icount(), run));
        i += n;
    }
}

void HostDrive::check_blocks(const Request& r, const BlocksInput& recorded) {
    for (size_t i = 0; i + 8 <= recorded.digests.size(); i += 8) {
        const uint64_t block = recorded.first + i / 8, then = load_le<uint64_t>(recorded.digests.data() + i);
        std::optional<uint64_t> now;
        for (const BlockDigest& d : r.digests)
            if (d.block == block) now = d.digest;
        std::string why;
        if (!now && r.medium && block * kBlock < r.medium->size) {
            std::vector<uint8_t> data(std::min(kBlock, r.medium->size - block * kBlock));
            queue_.run([&] {
                const auto done = r.medium->image->read(block * kBlock, data);
                if (done.ok())
                    now = XXH3_64bits(data.data(), data.size());
                else
                    why = done.message;
            });
        }
        if (now == then) continue;
        const std::string image = r.medium ? r.medium->image->name() : "no medium";
        door_.refuse(fmt::format("drive '{}': image '{}' isn't what it was when this was recorded: block {} (64 KiB at offset "
                                 "{:#x}) {}",
                                 settings_.id, image, block, block * kBlock,
                                 why.empty() ? "has other contents" : "can't be read: " + why));
        return;
    }
}

DriveStatus HostDrive::finish(Ticket ticket, std::vector<uint8_t>* data) {
    const auto found = requests_.find(ticket);
    if (found == requests_.end()) return DriveStatus::kIoError;
    const RequestPtr r = found->second;
    if (r->issued == DriveStatus::kStopped) return DriveStatus::kStopped;
    DriveStatus status = r->issued;
    bool good = status == DriveStatus::kOk;
    if (r->number) {
        if (!r->behind || late_) {
            queue_.wait(r->number);
            r->behind = false;
        }
        status = outcome(*r);
        good = status == DriveStatus::kOk;
        if (!good) queue_.wait(r->number);  // it may be tried again
        if (!good && settle_failure(*r, status)) return DriveStatus::kStopped;
    }
    requests_.erase(found);
    if (data && r->kind == Kind::kRead) {
        *data = std::move(r->data);
        if (!good) data->assign(r->bytes, 0);
        data->resize(r->bytes);
    }
    return status;
}

// Of a request that was waited for, or of one that wasn't, earlier. (A read's data is right either way.)
HostDrive::Trouble HostDrive::trouble_of(Request& r) {
    if (r.behind) return {};
    if (r.trouble.status != DriveStatus::kOk || r.kind == Kind::kRead || !late_) return r.trouble;
    return take_late_trouble();
}

HostDrive::Trouble HostDrive::take_late_trouble() {
    std::lock_guard lock(late_mutex_);
    late_ = false;
    return std::exchange(late_trouble_, {});
}

// What became of a request that the host has done, or had when it was recorded.
DriveStatus HostDrive::outcome(Request& r) {
    // One that isn't waited for tells no digests of requests before it, which may be on their way; in a replay it may be
    // the one that told them.
    if (checked() && (!r.behind || door_.replaying())) settle_digests(r);
    r.digests.clear();
    r.trouble = trouble_of(r);
    std::optional<ErrorInput> error;
    if (r.trouble.status != DriveStatus::kOk) {
        const bool ignored = (r.kind == Kind::kRead ? settings_.on_read_error : settings_.on_write_error) == ErrorAction::kIgnore;
        if (!ignored) notice_(fmt::format("drive '{}': {}", settings_.id, r.trouble.message));
        error = ErrorInput{static_cast<uint8_t>(r.trouble.status)};
    }
    if (const auto entered = error_port_.ask(clock_.icount(), error))
        return static_cast<DriveStatus>(std::min<uint8_t>(entered->status, static_cast<uint8_t>(DriveStatus::kOutOfRange)));
    if (error) {
        door_.refuse(fmt::format("drive '{}': the host has an error that it hadn't when this was recorded: {}", settings_.id,
                                 r.trouble.message));
    }
    return DriveStatus::kOk;
}

// True: the machine stops, and the request waits. What is done follows from the error and the settings alone, so that a
// replay does the same. There it waits, too: whatever came in while the machine stood still finds it waiting.
bool HostDrive::settle_failure(Request& r, DriveStatus& status) {
    const bool write = r.kind != Kind::kRead, no_space = status == DriveStatus::kNoSpace;
    ErrorAction action = write ? settings_.on_write_error : settings_.on_read_error;
    if (action == ErrorAction::kEnospc) action = no_space ? ErrorAction::kStop : ErrorAction::kReport;
    if (failed_) {
        Failure failure{settings_.id, node(), write, action, {}, reason_of(status, r.trouble.code)};
        if (io_state_ != IoState::kNone) failure.no_space = no_space;
        failed_(failure);
    }
    if (action == ErrorAction::kIgnore) status = DriveStatus::kOk;
    if (action != ErrorAction::kStop) return false;
    if (!write) r.data.clear();
    r.issued = DriveStatus::kStopped;
    r.number = 0;
    r.trouble = {};
    set_io_state(no_space ? IoState::kNoSpace : IoState::kFailed);
    if (stop_) stop_();
    return true;
}

bool HostDrive::go_on() {
    if (io_state_ == IoState::kNone) return false;
    const bool waits = std::ranges::any_of(requests_, [](const auto& r) { return r.second->issued == DriveStatus::kStopped; });
    if (waits) door_.enter(retry_port_, {});
    else if (io_state_ != IoState::kOk) set_io_state(IoState::kOk);  // they were given up, by a reset
    return waits;
}

// What a read gets, and whether there is a medium, is as it is now.
void HostDrive::retry() {
    set_io_state(IoState::kOk);
    for (const auto& [ticket, r] : requests_) {
        if (r->issued != DriveStatus::kStopped) continue;
        r->issued = DriveStatus::kOk;
        submit(r);
    }
    if (retried_) retried_();
}

void HostDrive::set_io_state(IoState state) {
    if (io_state_ == IoState::kNone) return;
    io_state_ = state;
    publish_info();
}

void HostDrive::cancel(Ticket ticket) {
    const auto found = requests_.find(ticket);
    if (found == requests_.end()) return;
    if (found->second->number && found->second->kind == Kind::kRead && mode_ == Mode::kRecorded) given_up_.push_back(found->second);
    requests_.erase(found);
}

// --- the medium ---

void HostDrive::lock(bool locked) {
    locked_ = locked;
    publish_info();
}

void HostDrive::eject(bool open) {
    if (!settings_.removable) return;
    tray_open_ = open;
    publish_info();
}

Result<void> HostDrive::change_medium(const ImageSpec& spec) {
    if (!settings_.removable) return Error{fmt::format("Device '{}' is not removable", settings_.id)};
    if (door_.replaying()) return Error{"the media are those of the recording"};
    ImageSpec read = spec;
    const bool direct = mode_ == Mode::kDirect;
    read.read_only = spec.read_only || !direct;
    auto image = open_image(read);
    if (!image) return image.error();
    MediumInput in;
    in.action = MediumInput::kInsert;
    in.file = is_nbd_address(spec.file) ? spec.file : std::filesystem::absolute(spec.file).lexically_normal().string();
    in.format = (*image)->format();
    in.read_only = spec.read_only;
    in.size = (*image)->size() / Overlay::kSector * Overlay::kSector;
    // Together: they arrive in the order in which they were staged.
    std::lock_guard lock(staged_mutex_);
    staged_.emplace_back(spec, std::move(*image));
    medium_port_.submit(in);
    return {};
}

void HostDrive::eject_medium(bool force) {
    MediumInput in;
    in.action = force ? MediumInput::kRemove : MediumInput::kAskForEject;
    medium_port_.submit(in);
}

// It has everything. What went wrong with it isn't told to the guest any more, which might take it for the next one's.
void HostDrive::take_medium_out() {
    queue_.drain();
    if (medium_ && mode_ == Mode::kDirect) static_cast<void>(medium_->image->flush());
    if (late_) notice_(fmt::format("drive '{}': {}", settings_.id, take_late_trouble().message));
}

// The user's doing, at its place in the run.
void HostDrive::use_medium(MediumInput& in) {
    switch (in.action) {
        case MediumInput::kAskForEject:
            if (locked_) {
                if (asked_) asked_();
                return;
            }
            [[fallthrough]];
        case MediumInput::kRemove:
            take_medium_out();
            medium_ = nullptr;
            medium_number_ = 0;
            tray_open_ = true;
            locked_ = false;
            break;
        case MediumInput::kOpenTray: tray_open_ = true; break;
        case MediumInput::kCloseTray: tray_open_ = false; break;
        case MediumInput::kInsert: {
            take_medium_out();
            std::pair<ImageSpec, std::unique_ptr<Image>> staged;
            if (door_.replaying()) {
                staged.first.file = path_map_ ? path_map_(in.file) : in.file;
                staged.first.format = in.format;
                staged.first.read_only = true;
                auto image = open_image(staged.first);
                if (!image) return door_.refuse(fmt::format("drive '{}': {}", settings_.id, image.error().message));
                if ((*image)->size() / Overlay::kSector * Overlay::kSector != in.size)
                    return door_.refuse(fmt::format("drive '{}': image '{}' has {} bytes: it had {} when this was recorded",
                                                    settings_.id, staged.first.file, (*image)->size(), in.size));
                staged.first.read_only = in.read_only;
                staged.second = std::move(*image);
            } else {
                std::lock_guard lock(staged_mutex_);
                staged = std::move(staged_.front());
                staged_.erase(staged_.begin());
            }
            medium_ = make_medium(std::move(staged.second), staged.first);
            media_.push_back(medium_);
            medium_number_ = static_cast<uint32_t>(media_.size());
            tray_open_ = false;
            break;
        }
        default: return;
    }
    publish_info();
    if (changed_) changed_();
}

void HostDrive::publish_info() {
    Info now;
    now.id = settings_.id;
    now.removable = settings_.removable;
    now.inserted = medium_ != nullptr;
    now.locked = locked_;
    now.tray_open = tray_open_;
    if (medium_) {
        now.file = medium_->spec.file;
        now.format = medium_->image->format();
        if (const Image* below = medium_->image->backing()) now.backing_file = below->name();
        now.read_only = medium_->read_only;
        now.size = medium_->size;
        now.overlay = medium_->overlay_path;
    }
    now.io_state = io_state_;
    std::lock_guard lock(info_mutex_);
    info_ = std::move(now);
    idle_medium_ = medium_;
}

HostDrive::Info HostDrive::info() const {
    std::lock_guard lock(info_mutex_);
    return info_;
}

std::vector<HostDrive::Node> HostDrive::nodes() {
    std::vector<Node> all;
    if (!medium_) return all;
    size_t i = 0;
    for (Image* layer = medium_->image.get(); layer && i + 2 <= medium_->node_names.size(); layer = layer->backing()) {
        for (Image* image : {layer, layer->storage()}) {
            const std::string& name = medium_->node_names[i++];
            if (image && !name.empty()) all.push_back({name, image});
        }
    }
    return all;
}

std::string HostDrive::node() const {
    if (!medium_) return {};
    for (const std::string& name : medium_->node_names)
        if (!name.empty()) return name;
    return {};
}

Image* HostDrive::image() { return medium_ ? medium_->image.get() : nullptr; }

Result<void> HostDrive::flush_all() {
    IoStatus status;
    queue_.run([&] {
        for (const auto& m : media_) {
            auto done = mode_ == Mode::kDirect && !m->read_only ? m->image->flush()
                        : m->overlay                            ? m->overlay->flush()
                                                                : IoStatus{};
            if (!done.ok() && status.ok()) status = std::move(done);
        }
    });
    if (status.ok()) return {};
    return Error{fmt::format("drive '{}': {}", settings_.id, status.message)};
}

Result<uint64_t> HostDrive::commit() {
    if (mode_ != Mode::kTemporary) return Error{fmt::format("drive '{}' has no temporary snapshot to commit", settings_.id)};
    if (!medium_ || !medium_->overlay) return uint64_t{0};
    Result<uint64_t> result = uint64_t{0};
    queue_.run([&] {
        ImageSpec spec = medium_->spec;
        spec.read_only = false;
        spec.lock = false;  // we have it locked against others, and against ourselves
        {
            auto image = open_image(spec);
            if (!image) {
                result = image.error();
                return;
            }
            result = commit_overlay(*medium_->overlay, **image);
            if (!result) return;
        }
        // The one that is open has tables of before. Until it can be opened anew the overlay stays in front of it.
        spec.read_only = spec.lock = true;
        auto again = open_image(spec);
        if (!again) {
            result = again.error();
            return;
        }
        medium_->image = std::move(*again);
        medium_->overlay.reset();
        medium_->room = 0;
    });
    return result;
}

void HostDrive::release_version(uint64_t version) {
    queue_.run([&] {
        for (const auto& m : media_)
            if (m->overlay) m->overlay->unpin(version);
    });
}

std::vector<std::string> HostDrive::overlay_files() const {
    std::vector<std::string> files;
    for (const auto& m : media_)
        if (m->overlay && !m->overlay_path.empty()) files.push_back(m->overlay_path);
    return files;
}

// --- state ---

void HostDrive::request_state(StateVisitor& v, Request& r) {
    v("kind", r.kind);
    v("offset", r.offset);
    v("bytes", r.bytes);
    v("status", r.issued);
    bool queued = r.number != 0;
    v("queued", queued);
    if (!v.saving()) return;
    // Done by now. The digests of what it read needn't be kept: a replay takes them again if it is asked.
    v("host_status", r.trouble.status);
    const bool waits = r.issued == DriveStatus::kStopped;
    // A write that may have to be tried again.
    const bool kept = r.kind == Kind::kRead || (r.kind == Kind::kWrite && may_stop(settings_.on_write_error));
    if (kept) v("data", r.data, size_t{1} << 28);
    if (v.loading()) {
        const bool whole = r.kind != Kind::kWrite || r.data.size() == r.bytes;
        if (r.issued > DriveStatus::kStopped || (waits && (queued || !whole))) v.fail("a request can't be tried again");
        r.medium = medium_;
        r.number = queued ? queue_.post([] {}) : 0;
    }
}

void HostDrive::state(StateVisitor& v) {
    if (v.saving()) queue_.drain();
    const uint64_t version = version_;
    v("version", version_);
    v("medium", medium_number_);
    v("tray_open", tray_open_);
    v("locked", locked_);
    v("next_ticket", next_ticket_);
    if (v.loading()) {
        if (medium_number_ > media_.size()) {
            v.fail("medium isn't one that was in the drive");
            medium_number_ = 0;
        }
        medium_ = medium_number_ ? media_[medium_number_ - 1] : nullptr;
        given_up_.clear();
        carried_.clear();
    }
    uint32_t count = static_cast<uint32_t>(requests_.size());
    v("requests", count);
    if (v.loading()) {
        requests_.clear();
        if (count > 4096) {
            v.fail("requests is out of range");
            count = 0;
        }
        for (uint32_t i = 0; i < count; ++i) {
            Ticket ticket = 0;
            v.enter(fmt::format("request[{}]", i));
            v("ticket", ticket);
            auto r = std::make_shared<Request>();
            request_state(v, *r);
            v.leave();
            requests_[ticket] = std::move(r);
        }
    } else {
        uint32_t i = 0;
        for (auto& [number, r] : requests_) {
            v.enter(fmt::format("request[{}]", i++));
            Ticket ticket = number;
            v("ticket", ticket);
            request_state(v, *r);
            v.leave();
        }
    }
    if (v.loading()) publish_info();
    if (!v.saving() || mode_ == Mode::kDirect) return;
    // Every medium that can be written has all versions that are pinned: which one it is in doesn't matter.
    for (const auto& m : media_) {
        if (m->read_only) continue;
        if (!v.loading()) {
            // A recording isn't gone back in: its snapshots have what was written beside them.
            if (mode_ != Mode::kRecorded && overlay_of(*m).ok()) m->overlay->pin(version_);
        } else if (version != version_) {
            if (m->overlay && m->overlay->pinned(version_))
                m->overlay->revert(version_);
            else
                v.fail("version isn't one of the disk that is kept");
        }
    }
}

}  // namespace qr
