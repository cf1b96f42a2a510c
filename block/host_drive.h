// SPDX-License-Identifier: GPL-2.0-or-later
//
// The host's side of a drive: its medium, a thread that reads and writes it, and the requests on their way. Where the
// two worlds meet: what the device sees of it is deterministic, given the door.
//
// While recording and replaying, the image is only read, and what the guest writes goes to an overlay. What is read of
// the image is checked: the digest of each block enters through the port "drive.ID.blocks" when the guest is first
// given something of it, and is compared in replay. The host's errors enter through "drive.ID.error": whether
// the machine stops for one follows from that. That it goes on, and tries again, enters through "drive.ID.retry". A
// change of the medium by the user enters through "drive.ID.medium".
//
// What is written to an overlay that has room isn't waited for, up to 16 MiB of it. An error that it brings all the same
// is told to a later write or a flush, or to the user when the medium is taken out before; the overlay has the data in any
// case.
//
// VM thread, unless said otherwise. Source: docs/replay.rst, "Disks".
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "block/drive.h"
#include "block/error_action.h"
#include "block/image.h"
#include "block/io_queue.h"
#include "block/overlay.h"
#include "sysemu/clock.h"
#include "sysemu/replay.h"
#include "util/result.h"

namespace qr {

// Digests of `digests.size() / 8` blocks of 64 KiB of the medium, from block `first` on: XXH3, little-endian.
struct BlocksInput {
    uint64_t first = 0;
    std::vector<uint8_t> digests;
    template <class V>
    void fields(V& v) {
        v("first", first);
        v("digests", digests);
    }
};

// What became of a request of the guest, if not what it should have.
struct ErrorInput {
    uint8_t status = 0;  // DriveStatus
    template <class V>
    void fields(V& v) {
        v("status", status);
    }
};

// The machine goes on: what it stopped for is tried again.
struct RetryInput {
    template <class V>
    void fields(V&) {}
};

// What the user does to the medium.
struct MediumInput {
    enum Action : uint8_t { kAskForEject, kOpenTray, kCloseTray, kRemove, kInsert };
    uint8_t action = 0;
    std::string file, format;  // kInsert
    bool read_only = false;
    uint64_t size = 0;
    template <class V>
    void fields(V& v) {
        v("action", action);
        v("file", file);
        v("format", format);
        v("read_only", read_only);
        v("size", size);
    }
};

class HostDrive final : public Drive {
  public:
    struct Settings {
        std::string id, serial;
        bool removable = false;
        bool read_only = false;      // the medium that it begins with
        bool discard = false;        // discard=unmap; otherwise the guest's discards do nothing
        bool detect_zeroes = false;  // writes of zeroes become write_zeroes
        ErrorAction on_read_error = ErrorAction::kReport, on_write_error = ErrorAction::kReport;
        // Of the first medium; empty: make_node() names it. storage_alone: it has no node of a format.
        std::string node, storage_node;
        bool storage_alone = false;
        std::function<std::string()> make_node{};  // null: nodes have no names
    };
    // How the medium is written.
    enum class Mode : uint8_t {
        kDirect,     // into the image
        kTemporary,  // into an overlay that goes with us (-snapshot)
        kRecorded,   // into an overlay that is kept beside the log
        kReplayed,   // into a temporary one; the image is compared with the recorded digests
    };
    using Notice = std::function<void(const std::string&)>;
    // A request that the host couldn't do, as QMP's BLOCK_IO_ERROR tells it.
    struct Failure {
        std::string drive, node;
        bool write = false;
        ErrorAction action = ErrorAction::kReport;  // what is done about it: not kEnospc
        std::optional<bool> no_space{};             // if there is an I/O status
        std::string reason;
    };
    enum class IoState : uint8_t { kNone, kOk, kFailed, kNoSpace };  // kNone: no error can stop the machine

    HostDrive(Door& door, VirtualClock& clock, Settings settings, Notice notice);
    ~HostDrive() override;

    // Before the machine runs. overlay: the beginning of the kept overlays' names ("x.bin.ide0-hd0"), for kRecorded.
    void set_mode(Mode mode, const std::string& overlay = {});
    // The medium that it begins with. spec: where it came from.
    void insert(std::unique_ptr<Image> image, const ImageSpec& spec);

    // A recording begins in the middle of a run, at a boundary. First: all is in the image, and media that were in the drive
    // before are forgotten, so that the present one is the first. Then: the image isn't written any more.
    Result<void> prepare_recording();
    void begin_recording(const std::string& overlay);

    // At a boundary of a replay: from here on the machine is a live one. What it writes stays in the temporary overlay.
    void go_live();

    // Who is told of failures, in replay too; and who stops the machine for one, which isn't to be done in replay.
    void on_failure(std::function<void(const Failure&)> failed) { failed_ = std::move(failed); }
    void on_stop(std::function<void()> stop) { stop_ = std::move(stop); }
    // At a boundary of a live machine that runs: what it stopped for is tried again. True: there was something.
    bool go_on();

    // --- for the user; any thread. What is done enters through the door, and is dropped in replay ---
    // Errors: the image can't be opened.
    Result<void> change_medium(const ImageSpec& spec);
    void eject_medium(bool force);
    // The names of the present medium's block nodes: the image's, its storage's, and so on for each backing file. That of
    // an image that is storage alone is missing. Empty: no medium.
    struct Node {
        std::string name;
        Image* image;  // the queue's
    };
    std::vector<Node> nodes();
    // The one that the device uses; empty: no medium.
    std::string node() const;
    const ImageSpec* spec() const { return medium_ ? &medium_->spec : nullptr; }
    const Settings& settings() const { return settings_; }

    // For `info block`. Any thread.
    struct Info {
        std::string id, file, format, backing_file;
        bool removable = false, inserted = false, locked = false, tray_open = false, read_only = false;
        uint64_t size = 0;
        std::string overlay;  // where writes go instead; empty: nowhere else
        IoState io_state = IoState::kNone;
    };
    Info info() const;

    // Waits for everything, and for the host to have it. Errors: what went wrong.
    Result<void> flush_all();
    // `commit`: what a temporary overlay has goes into the image. Not while recording or replaying.
    Result<uint64_t> commit();
    // The image (null: none), for savevm. It belongs to the queue: use it in run().
    Image* image();
    void run(std::function<void()> job) { queue_.run(std::move(job)); }
    void drain() { queue_.drain(); }
    Mode mode() const { return mode_; }

    // Snapshots of the machine pin a version of the disk; whoever drops a snapshot says so.
    uint64_t version() const { return version_; }
    void release_version(uint64_t version);

    // What state() leaves out because this process has it: the media that were in the drive and, of a recording, what
    // their overlays have, at most `limit` bytes of it. So a snapshot can be taken elsewhere. (drive_contents.cc)
    // since: only what was written since that version of the disk, if it is still pinned.
    Result<std::vector<uint8_t>> contents(uint64_t limit, std::optional<uint64_t> since = {});
    // Before a state with these contents is loaded: media that were never in this drive are opened, and its version of
    // the disk is kept (until release_version()), so that it can be gone to. Nothing changes for the machine. Several:
    // each has what was written since the one before; the last one's version it is.
    Result<void> provide(std::span<const std::span<const uint8_t>> contents);
    Result<void> provide(std::span<const uint8_t> contents) { return provide(std::span(&contents, 1)); }

    // In replay: where a medium is now that was at `file` then.
    void set_path_map(std::function<std::string(const std::string&)> map) { path_map_ = std::move(map); }
    // The files of this drive's kept overlays that exist.
    std::vector<std::string> overlay_files() const;

    // ---- Drive ----
    const std::string& id() const override { return settings_.id; }
    bool inserted() const override { return medium_ && !tray_open_; }
    bool read_only() const override { return medium_ ? medium_->read_only : settings_.read_only; }
    uint64_t size() const override { return inserted() ? medium_->size : 0; }
    const std::string& serial() const override { return settings_.serial; }
    Ticket read(uint64_t offset, uint32_t bytes) override;
    Ticket write(uint64_t offset, std::span<const uint8_t> data) override;
    Ticket write_zeroes(uint64_t offset, uint64_t bytes, bool may_unmap) override;
    Ticket discard(uint64_t offset, uint64_t bytes) override;
    Ticket flush() override;
    DriveStatus finish(Ticket ticket, std::vector<uint8_t>* data) override;
    void cancel(Ticket ticket) override;
    void on_retry(std::function<void()> retried) override { retried_ = std::move(retried); }
    void lock(bool locked) override;
    void eject(bool open) override;
    void on_medium_change(std::function<void()> changed) override { changed_ = std::move(changed); }
    void on_eject_request(std::function<void()> asked) override { asked_ = std::move(asked); }
    bool tray_open() const override { return tray_open_; }
    bool locked() const override { return locked_; }
    void state(StateVisitor& v) override;

  private:
    enum class Kind : uint8_t { kRead, kWrite, kZero, kDiscard, kFlush };
    struct BlockDigest {
        uint64_t block, digest;
    };
    struct Medium {
        std::unique_ptr<Image> image;
        std::unique_ptr<Overlay> overlay;  // made at the first write
        std::string overlay_path;
        ImageSpec spec;
        std::vector<std::string> node_names;  // image and storage, for each layer; empty: there is no such node
        bool read_only = false;
        uint64_t size = 0;
        std::vector<bool> seen;  // blocks whose digest was taken
        bool dirty = false;      // written since the last flush; the queue's
        // Blocks that the overlay has room for, and those that requests on their way may take of it.
        std::atomic<uint64_t> room = 0, promised = 0;
    };
    // What the host couldn't do.
    struct Trouble {
        DriveStatus status = DriveStatus::kOk;
        int code = 0;
        std::string message;
    };
    struct Request {
        Kind kind = Kind::kRead;
        uint64_t offset = 0, bytes = 0;
        std::vector<uint8_t> data;
        bool may_unmap = false;
        DriveStatus issued = DriveStatus::kOk;  // what is wrong with the request itself; or kStopped: it waits
        // Of the queue:
        std::shared_ptr<Medium> medium;
        uint64_t number = 0;
        uint64_t blocks = 0;  // of the overlay, that it may take
        bool behind = false;  // nobody waits for it: there is room, and a trouble is told to a later one
        Trouble trouble;
        std::vector<BlockDigest> digests;
    };
    using RequestPtr = std::shared_ptr<Request>;

    bool checked() const { return mode_ == Mode::kRecorded || mode_ == Mode::kReplayed; }
    Ticket issue(RequestPtr request);
    void submit(const RequestPtr& request);
    DriveStatus outcome(Request& r);
    bool settle_failure(Request& r, DriveStatus& status);
    void retry();
    void set_io_state(IoState state);
    void perform(Request& r);
    void settle_room(Medium& m, uint64_t blocks);
    Trouble trouble_of(Request& r);
    Trouble take_late_trouble();
    void take_medium_out();
    IoStatus perform_on(Medium& m, Request& r);
    IoStatus read_medium(Medium& m, uint64_t offset, std::span<uint8_t> to, std::vector<BlockDigest>& digests);
    IoStatus read_image(Medium& m, uint64_t offset, std::span<uint8_t> to, std::vector<BlockDigest>& digests);
    IoStatus overlay_of(Medium& m);
    void move_overlay(Medium& m);
    void settle_digests(const Request& r);
    void check_blocks(const Request& r, const BlocksInput& recorded);
    void use_medium(MediumInput& in);
    std::shared_ptr<Medium> make_medium(std::unique_ptr<Image> image, const ImageSpec& spec);
    void publish_info();
    Result<void> keep_version(Medium& m, uint64_t version, const std::vector<uint8_t>& written);
    void request_state(StateVisitor& v, Request& r);

    Door& door_;
    VirtualClock& clock_;
    const Settings settings_;
    const Notice notice_;
    std::atomic<Mode> mode_ = Mode::kDirect;
    std::string overlay_prefix_;
    std::function<std::string(const std::string&)> path_map_;
    std::function<void()> changed_, asked_, retried_, stop_;
    std::function<void(const Failure&)> failed_;

    // --- state ---
    std::map<Ticket, RequestPtr> requests_;
    Ticket next_ticket_ = 1;
    uint64_t version_ = 0;  // of what the disk holds: rises with everything that is written
    uint32_t medium_number_ = 0;  // in media_, from 1; 0: none
    bool tray_open_ = false, locked_ = false;

    std::vector<std::shared_ptr<Medium>> media_;  // all that were in it: one may go back
    std::shared_ptr<Medium> medium_;              // the present one
    std::vector<BlockDigest> carried_;            // of requests that were given up
    std::vector<RequestPtr> given_up_;

    AnswerPort<BlocksInput> blocks_port_;
    AnswerPort<ErrorInput> error_port_;
    InputPort<MediumInput> medium_port_;
    InputPort<RetryInput> retry_port_;
    IoState io_state_ = IoState::kNone;
    std::atomic<bool> late_ = false;  // there is late_trouble_
    std::mutex late_mutex_;
    Trouble late_trouble_;            // the first one that no request has told yet
    std::mutex staged_mutex_;
    std::vector<std::pair<ImageSpec, std::unique_ptr<Image>>> staged_;  // opened for the door to let in
    uint64_t highest_version_ = 0;
    mutable std::mutex info_mutex_;  // of the next two
    std::shared_ptr<Medium> idle_medium_;
    Info info_;
    IoQueue queue_;  // last: its thread uses the rest
};

// As QMP calls it: "ok", "failed", "nospace".
std::string_view io_state_name(HostDrive::IoState state);

}  // namespace qr
