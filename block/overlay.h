// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a guest wrote, kept apart from the image that it wrote to: a map from the disk's blocks (64 KiB) to slots in a
// file, with a bit for each sector that was written, so that nothing need be read to write. The map has versions: a
// pinned one stays as it is, at the cost of what is written after it, and can be gone back to.
//
// The file is kept (beside a recording, to be committed to an image one day) or is a temporary one. A kept file's
// directory says at any moment what the present version is: it is good after kill -9, and after a power cut to the
// last flush(). docs/replay-format.rst, "Overlays", has the format.
//
// A write always takes effect: what the host has no room for stays in memory, and the error is told, until there is room
// at the next write to the same block, or at a flush. (A replay, whose host has room, must see the same disk.)
// Source: none (project convention).
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "block/image.h"
#include "util/result.h"

namespace qr {

class Overlay {
  public:
    static constexpr uint64_t kSector = 512;
    static constexpr uint64_t kBlock = 65536;

    struct Origin {
        std::string drive;   // its id
        std::string image;   // the file that is below, as an absolute name
        std::string format;  // of that file
        uint64_t size = 0;   // of the disk
        // Of the file when the recording began: it must be the same at the commit. 0: not known.
        uint64_t file_size = 0;
        int64_t modified_ns = 0;
    };

    // A new one, in place of what was there. path empty: a temporary file.
    static Result<std::unique_ptr<Overlay>> create(const std::string& path, const Origin& origin);
    // One that was kept, for reading (commit).
    static Result<std::unique_ptr<Overlay>> open(const std::string& path);
    ~Overlay();

    const Origin& origin() const { return origin_; }

    // Whole sectors. below: reads what the overlay hasn't.
    using Below = std::function<IoStatus(uint64_t offset, std::span<uint8_t> to)>;
    IoStatus read(uint64_t offset, std::span<uint8_t> to, const Below& below);
    IoStatus write(uint64_t offset, std::span<const uint8_t> from);
    IoStatus write_zeroes(uint64_t offset, uint64_t bytes);
    IoStatus flush();

    // How many blocks can be written for which the host has made room in the file. make_room() asks it for some if there
    // is little, more for a file that is larger; the host may not have it, or not know how to.
    uint32_t room() const { return reserved_end_ > slots() ? reserved_end_ - slots() : 0; }
    void make_room();

    // Versions are named by their user. Pinning one that is pinned is no news.
    void pin(uint64_t version);
    void unpin(uint64_t version);
    bool pinned(uint64_t version) const { return pins_.contains(version); }
    // The present version becomes this pinned one (which stays pinned).
    void revert(uint64_t version);
    // The present version has nothing in it; pinned ones stay.
    void clear();

    // Every written run of sectors, in order.
    using Visit = std::function<IoStatus(uint64_t offset, std::span<const uint8_t> data)>;
    IoStatus for_each(const Visit& visit);
    // The same, of those blocks that aren't as they were in a pinned version. All of them if it isn't pinned.
    IoStatus for_each_change(uint64_t version, const Visit& visit);
    uint64_t written_bytes() const;

  private:
    static constexpr unsigned kLeafBlocks = 256;
    static constexpr unsigned kSlotsPerGroup = 2048;
    static constexpr uint32_t kNone = ~uint32_t{0};
    struct Entry {
        uint32_t slot = kNone;
        bool zero = false;  // all of it reads as zeroes; the slot has no data
        std::array<uint64_t, 2> valid{};
        bool has(unsigned sector) const { return valid[sector / 64] >> (sector % 64) & 1; }
        bool operator==(const Entry&) const = default;
        bool full() const { return (valid[0] & valid[1]) == ~uint64_t{0}; }
    };
    struct Leaf {
        std::array<Entry, kLeafBlocks> entries;
    };
    using Root = std::vector<std::shared_ptr<Leaf>>;
    struct DirectoryEntry;

    Overlay(int fd, bool kept, Origin origin);
    const Entry* find(uint64_t block) const;
    IoStatus visit_changes(const Root& before, const Visit& visit);
    Entry& entry_for_write(uint64_t block);
    void drop(Root& root);
    bool overwritable(const Entry& entry) const;
    void validate(uint64_t block, unsigned first_sector, unsigned sectors);
    IoStatus write_block(uint64_t block, unsigned first_sector, std::span<const uint8_t> from);
    uint32_t slots() const { return static_cast<uint32_t>(slot_users_.size()); }
    IoStatus take_slot(uint32_t& slot);
    void release_slot(uint32_t slot);
    uint64_t slot_offset(uint32_t slot) const;
    IoStatus write_slot(uint32_t slot, uint64_t inside, std::span<const uint8_t> from);
    IoStatus read_slot(uint32_t slot, uint64_t inside, std::span<uint8_t> to);
    DirectoryEntry* directory(uint32_t slot);
    void publish(uint64_t block, const Entry& entry);
    void unpublish(uint32_t slot);
    void unpublish_all(const Root& root);
    IoStatus map_group(size_t group);
    bool hidden(uint32_t slot) const;
    IoStatus show(uint64_t block, const Entry& entry);
    IoStatus show_all();
    static Result<Origin> read_header(int fd, const std::string& path);
    Result<void> load(const std::string& path);

    const int fd_;
    const bool kept_;
    const Origin origin_;
    Root root_;
    std::map<uint64_t, Root> pins_;
    std::vector<uint32_t> slot_users_;  // leaves that refer to it
    std::vector<uint32_t> free_slots_;
    uint32_t reserved_end_ = 0;         // slots before it have room
    std::vector<uint8_t*> groups_;      // their directories, mapped
    std::unordered_map<uint32_t, std::vector<uint8_t>> resident_;  // slots that the file has no room for
};

// Writes what the overlay has into `image`. Answers how many bytes.
Result<uint64_t> commit_overlay(Overlay& overlay, Image& image);

}  // namespace qr
