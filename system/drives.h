// SPDX-License-Identifier: GPL-2.0-or-later
//
// A machine's drives: made from their configuration, with their media opened, for the board to hang devices on. Where
// the monitor finds them by name. Source: none.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "block/drive_options.h"
#include "block/host_drive.h"
#include "hw/i386/pc_disks.h"
#include "util/result.h"

namespace qr {

class Drives {
  public:
    struct Setup {
        HostDrive::Mode mode = HostDrive::Mode::kDirect;  // kDirect: snapshot=on makes it kTemporary
        std::string log;                                  // kRecorded: overlays are named after it
        // kReplayed: where this run has the image that had this name when it was recorded. Null: there.
        std::function<std::string(const std::string& file)> moved;
    };
    // Errors: an image that can't be opened, or isn't what was recorded.
    static Result<std::unique_ptr<Drives>> create(const std::vector<DriveConfig>& configs, const Setup& setup, Door& door,
                                                  VirtualClock& clock, const std::function<void(const std::string&)>& notice);

    // As they are now: formats and sizes known, file names absolute. What a recording keeps.
    const std::vector<DriveConfig>& configs() const { return configs_; }
    // For the board. They point to the drives.
    std::vector<PcDisk> disks() const;

    const std::vector<std::unique_ptr<HostDrive>>& all() const { return drives_; }
    HostDrive* find(const std::string& id) const;
    void state(StateVisitor& v);
    // A recording in the middle of a run: configs() are then of the media that are in the drives now. See
    // HostDrive::prepare_recording().
    Result<void> prepare_recording();
    void begin_recording(const std::string& log);

    // See HostDrive::contents() and provide(). As sections of a snapshot, "drive.ID".
    using Sections = std::map<std::string, std::vector<uint8_t>>;
    // since: versions of all drives, by index; empty: everything.
    Result<void> contents(Sections& to, uint64_t limit, std::span<const uint64_t> since = {}) const;
    Result<void> provide(const Sections& from) const;
    // Several that build on each other.
    Result<void> provide(std::span<const Sections> from) const;

  private:
    std::string make_node() { return fmt::format("#block{:03}", nodes_made_++); }

    unsigned nodes_made_ = 0;
    std::vector<DriveConfig> configs_;
    std::vector<std::unique_ptr<HostDrive>> drives_;  // the same indexes
};

// A new recording with this name has begun: overlays of an older one with the same name go.
void remove_overlays(const std::string& log, const std::vector<DriveConfig>& configs);

}  // namespace qr
