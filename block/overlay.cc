// SPDX-License-Identifier: GPL-2.0-or-later
//
// Overlays; see overlay.h. Source: docs/replay-format.rst, "Overlays".
#include "block/overlay.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>
#include <xxhash.h>

#include "util/bits.h"

namespace qr {

namespace {

constexpr uint8_t kMagic[8] = {0x89, 'Q', 'R', 'O', 'V', 'L', '\r', '\n'};
constexpr uint32_t kVersion = 1;
constexpr uint64_t kDirectoryBytes = 65536;
constexpr size_t kHeaderBytes = 4096;
constexpr uint64_t kGroupBytes = kDirectoryBytes + 2048 * Overlay::kBlock;
constexpr uint32_t kLeastRoom = 16, kMostRoom = 256;  // slots to make room for
constexpr uint64_t kMaxDisk = uint64_t{1} << 46;

IoStatus host_error(const char* what) {
    const int code = errno;
    return IoStatus::fail(code, fmt::format("the overlay: {} failed: {}", what, std::strerror(code)));
}

IoStatus write_all(int fd, uint64_t offset, std::span<const uint8_t> from) {
    while (!from.empty()) {
        const ssize_t put = pwrite(fd, from.data(), from.size(), static_cast<off_t>(offset));
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return host_error("write");
        offset += static_cast<uint64_t>(put);
        from = from.subspan(static_cast<size_t>(put));
    }
    return {};
}

IoStatus read_all(int fd, uint64_t offset, std::span<uint8_t> to) {
    while (!to.empty()) {
        const ssize_t got = pread(fd, to.data(), to.size(), static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return host_error("read");
        if (got == 0) {
            std::ranges::fill(to, 0);
            return {};
        }
        offset += static_cast<uint64_t>(got);
        to = to.subspan(static_cast<size_t>(got));
    }
    return {};
}

void put_text(std::vector<uint8_t>& page, size_t& at, const std::string& text) {
    store_le<uint16_t>(page.data() + at, static_cast<uint16_t>(text.size()));
    std::ranges::copy(text, page.begin() + static_cast<ptrdiff_t>(at + 2));
    at += 2 + text.size();
}

std::vector<uint8_t> header_page(const Overlay::Origin& o) {
    std::vector<uint8_t> page(kHeaderBytes);
    std::ranges::copy(kMagic, page.begin());
    store_le<uint32_t>(page.data() + 8, kVersion);
    store_le<uint64_t>(page.data() + 16, o.size);
    store_le<uint64_t>(page.data() + 24, o.file_size);
    store_le<int64_t>(page.data() + 32, o.modified_ns);
    size_t at = 48;
    for (const std::string& text : {o.drive.substr(0, 255), o.format.substr(0, 255), o.image.substr(0, 3000)})
        put_text(page, at, text);
    store_le<uint64_t>(page.data() + 40, XXH3_64bits(page.data() + 48, page.size() - 48) ^ XXH3_64bits(page.data(), 40));
    return page;
}

// Bits first .. first+count-1 of 128.
void set_bits(std::array<uint64_t, 2>& bits, unsigned first, unsigned count) {
    for (unsigned word = 0; word < 2; ++word) {
        const unsigned low = std::max(first, word * 64), high = std::min(first + count, word * 64 + 64);
        if (low >= high) continue;
        const uint64_t mask = high - low == 64 ? ~uint64_t{0} : (uint64_t{1} << (high - low)) - 1;
        bits[word] |= mask << (low % 64);
    }
}

}  // namespace

// In the file, little-endian. block: its number + 1; 0: the slot isn't part of the present version.
struct Overlay::DirectoryEntry {
    uint64_t block;
    uint64_t valid[2];
    uint32_t zero;
    uint32_t check;  // of what is before it
};

Overlay::Overlay(int fd, bool kept, Origin origin) : fd_(fd), kept_(kept), origin_(std::move(origin)) {
    const uint64_t blocks = (origin_.size + kBlock - 1) / kBlock;
    root_.resize((blocks + kLeafBlocks - 1) / kLeafBlocks);
}

Overlay::~Overlay() {
    for (uint8_t* group : groups_)
        if (group) munmap(group, kDirectoryBytes);
    struct stat st {};
    // Room that was reserved and not used.
    if (reserved_end_ && fstat(fd_, &st) == 0) static_cast<void>(!ftruncate(fd_, st.st_size));
    close(fd_);
}

Result<std::unique_ptr<Overlay>> Overlay::create(const std::string& path, const Origin& origin) {
    const bool kept = !path.empty();
    std::string name = path;
    int fd;
    if (kept) {
        fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    } else {
        const char* directory = std::getenv("TMPDIR");
        name = fmt::format("{}/qemu-replay-XXXXXX", directory && *directory ? directory : "/var/tmp");
        fd = mkostemp(name.data(), O_CLOEXEC);
        if (fd >= 0) unlink(name.c_str());
    }
    if (fd < 0) return Error{fmt::format("Could not create overlay '{}': {}", name, std::strerror(errno))};
    std::unique_ptr<Overlay> overlay(new Overlay(fd, kept, origin));
    if (kept) {
        if (const auto done = write_all(fd, 0, header_page(origin)); !done.ok())
            return Error{fmt::format("Could not create overlay '{}': {}", name, done.message)};
    }
    return overlay;
}

Result<Overlay::Origin> Overlay::read_header(int fd, const std::string& path) {
    std::vector<uint8_t> page(kHeaderBytes);
    if (const auto done = read_all(fd, 0, page); !done.ok()) return Error{done.message};
    const auto refuse = [&](const char* why) { return Error{fmt::format("'{}': {}", path, why)}; };
    if (!std::equal(std::begin(kMagic), std::end(kMagic), page.begin())) return refuse("it isn't an overlay of a recording");
    if (load_le<uint32_t>(page.data() + 8) != kVersion) return refuse("an overlay of another version");
    const uint64_t check = XXH3_64bits(page.data() + 48, page.size() - 48) ^ XXH3_64bits(page.data(), 40);
    Origin o;
    o.size = load_le<uint64_t>(page.data() + 16);
    if (load_le<uint64_t>(page.data() + 40) != check || o.size > kMaxDisk || o.size % kSector)
        return refuse("the overlay's header is damaged");
    o.file_size = load_le<uint64_t>(page.data() + 24);
    o.modified_ns = load_le<int64_t>(page.data() + 32);
    size_t at = 48;
    for (std::string* text : {&o.drive, &o.format, &o.image}) {
        const size_t length = load_le<uint16_t>(page.data() + at);
        if (length > kHeaderBytes - at - 2 - 8) return refuse("the overlay's header is damaged");
        text->assign(reinterpret_cast<const char*>(page.data() + at + 2), length);
        at += 2 + length;
    }
    return o;
}

Result<std::unique_ptr<Overlay>> Overlay::open(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return Error{fmt::format("Could not open overlay '{}': {}", path, std::strerror(errno))};
    auto origin = read_header(fd, path);
    if (!origin) {
        close(fd);
        return origin.error();
    }
    std::unique_ptr<Overlay> overlay(new Overlay(fd, false, *origin));
    if (auto done = overlay->load(path); !done) return done.error();
    return overlay;
}

Result<void> Overlay::load(const std::string& path) {
    struct stat st {};
    if (fstat(fd_, &st) != 0) return Error{fmt::format("'{}': {}", path, std::strerror(errno))};
    const uint64_t blocks = (origin_.size + kBlock - 1) / kBlock, file_size = static_cast<uint64_t>(st.st_size);
    std::vector<uint8_t> bytes(kDirectoryBytes);
    for (uint64_t group = 0; kBlock + group * kGroupBytes + kDirectoryBytes <= file_size; ++group) {
        if (const auto done = read_all(fd_, kBlock + group * kGroupBytes, bytes); !done.ok()) return Error{done.message};
        for (unsigned i = 0; i < kSlotsPerGroup; ++i) {
            DirectoryEntry d;
            std::memcpy(&d, bytes.data() + i * sizeof d, sizeof d);
            // Half an entry (the process was killed while it was made): its write hadn't happened.
            if (!d.block || d.block > blocks || d.check != static_cast<uint32_t>(XXH3_64bits(&d, 28))) continue;
            const uint32_t slot = static_cast<uint32_t>(group * kSlotsPerGroup + i);
            if (slot >= slot_users_.size()) slot_users_.resize(slot + 1);
            auto& leaf = root_[(d.block - 1) / kLeafBlocks];
            if (!leaf) leaf = std::make_shared<Leaf>();
            Entry& entry = leaf->entries[(d.block - 1) % kLeafBlocks];
            entry.slot = slot;
            entry.zero = d.zero != 0;
            entry.valid = {d.valid[0], d.valid[1]};
            slot_users_[slot] = 1;
        }
    }
    return {};
}

uint64_t Overlay::slot_offset(uint32_t slot) const {
    return kBlock + slot / kSlotsPerGroup * kGroupBytes + kDirectoryBytes + slot % kSlotsPerGroup * kBlock;
}

// --- slots ---

IoStatus Overlay::map_group(size_t group) {
    if (!kept_ || groups_[group]) return {};
    const uint64_t offset = kBlock + group * kGroupBytes;
    // A page of a mapped file that has no room on the disk would kill the process when it is touched.
    if (const int code = posix_fallocate(fd_, static_cast<off_t>(offset), kDirectoryBytes); code != 0)
        return errno = code, host_error("making room");
    void* mapped = mmap(nullptr, kDirectoryBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, static_cast<off_t>(offset));
    if (mapped == MAP_FAILED) return host_error("mmap");
    groups_[group] = static_cast<uint8_t*>(mapped);
    // Those that came while it had no room.
    for (size_t i = 0; i < root_.size(); ++i) {
        for (size_t k = 0; root_[i] && k < kLeafBlocks; ++k) {
            const Entry& entry = root_[i]->entries[k];
            if (entry.slot != kNone && entry.slot / kSlotsPerGroup == group) publish(i * kLeafBlocks + k, entry);
        }
    }
    return {};
}

// The file hasn't it, or has no directory to name it.
bool Overlay::hidden(uint32_t slot) const {
    return resident_.contains(slot) || (kept_ && !groups_[slot / kSlotsPerGroup]);
}

// There may be room by now.
IoStatus Overlay::show(uint64_t block, const Entry& entry) {
    if (auto done = map_group(entry.slot / kSlotsPerGroup); !done.ok()) return done;
    if (const auto found = resident_.find(entry.slot); found != resident_.end()) {
        const std::span<const uint8_t> all = found->second;
        for (unsigned sector = 0; sector < kBlock / kSector; ++sector) {
            if (!entry.has(sector)) continue;  // the others may need room that there isn't
            const uint64_t at = sector * kSector;
            if (auto done = write_all(fd_, slot_offset(entry.slot) + at, all.subspan(at, kSector)); !done.ok()) return done;
        }
        resident_.erase(found);
    }
    publish(block, entry);
    return {};
}

IoStatus Overlay::show_all() {
    if (resident_.empty() && std::ranges::all_of(groups_, [](const uint8_t* group) { return group; })) return {};
    for (size_t i = 0; i < root_.size(); ++i) {
        if (!root_[i]) continue;
        for (size_t k = 0; k < kLeafBlocks; ++k) {
            const Entry& entry = root_[i]->entries[k];
            if (entry.slot == kNone || !hidden(entry.slot)) continue;
            if (auto done = show(i * kLeafBlocks + k, entry); !done.ok()) return done;
        }
    }
    return {};
}

// Not beyond the group in which the next slot is.
void Overlay::make_room() {
    const uint32_t wanted = std::clamp(slots(), kLeastRoom, kMostRoom);
    if (room() >= wanted / 2) return;
    const uint32_t group = slots() / kSlotsPerGroup, begin = std::max(slots(), reserved_end_);
    const uint32_t end = std::min(slots() + wanted, (group + 1) * kSlotsPerGroup);
    if (end <= begin) return;
    if (group == groups_.size()) groups_.push_back(nullptr);
    if (!map_group(group).ok()) return;
    if (fallocate(fd_, FALLOC_FL_KEEP_SIZE, static_cast<off_t>(slot_offset(begin)), static_cast<off_t>((end - begin) * kBlock)) == 0)
        reserved_end_ = end;
}

IoStatus Overlay::take_slot(uint32_t& slot) {
    uint32_t taken;
    if (!free_slots_.empty()) {
        taken = free_slots_.back();
        free_slots_.pop_back();
    } else {
        taken = slots();
        slot_users_.push_back(0);
        if (taken / kSlotsPerGroup == groups_.size()) groups_.push_back(nullptr);
    }
    auto status = map_group(taken / kSlotsPerGroup);
    slot = taken;
    slot_users_[slot] = 1;
    return status;
}

void Overlay::release_slot(uint32_t slot) {
    if (slot == kNone || --slot_users_[slot]) return;
    unpublish(slot);
    resident_.erase(slot);
    free_slots_.push_back(slot);
}

IoStatus Overlay::write_slot(uint32_t slot, uint64_t inside, std::span<const uint8_t> from) {
    if (!resident_.empty()) {
        if (const auto found = resident_.find(slot); found != resident_.end()) {
            std::ranges::copy(from, found->second.begin() + static_cast<ptrdiff_t>(inside));
            return {};  // whoever maps it shows it
        }
    }
    auto status = write_all(fd_, slot_offset(slot) + inside, from);
    if (status.ok()) return status;
    std::vector<uint8_t> all(kBlock);
    static_cast<void>(read_all(fd_, slot_offset(slot), all));
    std::ranges::copy(from, all.begin() + static_cast<ptrdiff_t>(inside));
    resident_.emplace(slot, std::move(all));
    return status;
}

IoStatus Overlay::read_slot(uint32_t slot, uint64_t inside, std::span<uint8_t> to) {
    if (!resident_.empty()) {
        if (const auto found = resident_.find(slot); found != resident_.end()) {
            std::copy_n(found->second.begin() + static_cast<ptrdiff_t>(inside), to.size(), to.begin());
            return {};
        }
    }
    return read_all(fd_, slot_offset(slot) + inside, to);
}

Overlay::DirectoryEntry* Overlay::directory(uint32_t slot) {
    if (!kept_) return nullptr;
    uint8_t* group = slot / kSlotsPerGroup < groups_.size() ? groups_[slot / kSlotsPerGroup] : nullptr;
    return group ? reinterpret_cast<DirectoryEntry*>(group) + slot % kSlotsPerGroup : nullptr;
}

// The new slot before the old one goes: a kill in between leaves both, with the same data.
void Overlay::publish(uint64_t block, const Entry& entry) {
    DirectoryEntry* d = directory(entry.slot);
    if (!d || resident_.contains(entry.slot)) return;
    DirectoryEntry fresh{block + 1, {entry.valid[0], entry.valid[1]}, entry.zero, 0};
    fresh.check = static_cast<uint32_t>(XXH3_64bits(&fresh, 28));
    std::memcpy(d, &fresh, sizeof fresh);
}

void Overlay::unpublish(uint32_t slot) {
    if (DirectoryEntry* d = directory(slot)) std::memset(d, 0, sizeof *d);
}

// --- the map ---

const Overlay::Entry* Overlay::find(uint64_t block) const {
    const auto& leaf = root_[block / kLeafBlocks];
    return leaf ? &leaf->entries[block % kLeafBlocks] : nullptr;
}

Overlay::Entry& Overlay::entry_for_write(uint64_t block) {
    auto& leaf = root_[block / kLeafBlocks];
    if (!leaf) {
        leaf = std::make_shared<Leaf>();
    } else if (leaf.use_count() > 1) {
        leaf = std::make_shared<Leaf>(*leaf);
        for (const Entry& entry : leaf->entries)
            if (entry.slot != kNone) ++slot_users_[entry.slot];
    }
    return leaf->entries[block % kLeafBlocks];
}

void Overlay::drop(Root& root) {
    for (auto& leaf : root) {
        if (leaf && leaf.use_count() == 1) {
            for (const Entry& entry : leaf->entries) release_slot(entry.slot);
        }
        leaf.reset();
    }
}

void Overlay::pin(uint64_t version) { pins_.try_emplace(version, root_); }

void Overlay::unpin(uint64_t version) {
    const auto found = pins_.find(version);
    if (found == pins_.end()) return;
    drop(found->second);
    pins_.erase(found);
}

void Overlay::unpublish_all(const Root& root) {
    if (!kept_) return;
    for (const auto& leaf : root) {
        if (!leaf) continue;
        for (const Entry& entry : leaf->entries)
            if (entry.slot != kNone) unpublish(entry.slot);
    }
}

void Overlay::clear() {
    Root old(root_.size());
    std::swap(old, root_);
    unpublish_all(old);
    drop(old);
}

void Overlay::revert(uint64_t version) {
    Root old = std::move(root_);
    root_ = pins_.at(version);
    unpublish_all(old);
    if (kept_) {
        for (size_t i = 0; i < root_.size(); ++i) {
            if (!root_[i]) continue;
            for (size_t k = 0; k < kLeafBlocks; ++k)
                if (const Entry& entry = root_[i]->entries[k]; entry.slot != kNone) publish(i * kLeafBlocks + k, entry);
        }
    }
    drop(old);
}

IoStatus Overlay::read(uint64_t offset, std::span<uint8_t> to, const Below& below) {
    while (!to.empty()) {
        // Runs of one kind, as long as they go: what isn't here is read from below in one piece.
        const auto here = [&](uint64_t at) {
            const Entry* entry = find(at / kBlock);
            return entry && entry->slot != kNone && entry->has(at % kBlock / kSector);
        };
        const bool first = here(offset);
        uint64_t bytes = kSector;
        while (bytes < to.size() && here(offset + bytes) == first && (!first || (offset + bytes) % kBlock)) bytes += kSector;
        const auto part = to.first(bytes);
        IoStatus done;
        if (!first) {
            done = below(offset, part);
        } else if (const Entry& entry = *find(offset / kBlock); entry.zero) {
            std::ranges::fill(part, 0);
        } else {
            done = read_slot(entry.slot, offset % kBlock, part);
        }
        if (!done.ok()) return done;
        offset += bytes;
        to = to.subspan(bytes);
    }
    return {};
}

// It has a slot that is no other version's and holds data, in the file and named there.
bool Overlay::overwritable(const Entry& entry) const {
    return entry.slot != kNone && slot_users_[entry.slot] == 1 && !entry.zero && !hidden(entry.slot);
}

// Sectors whose data is in the block's slot.
void Overlay::validate(uint64_t block, unsigned first_sector, unsigned sectors) {
    Entry& entry = entry_for_write(block);
    const auto before = entry.valid;
    set_bits(entry.valid, first_sector, sectors);
    if (before != entry.valid) publish(block, entry);
}

IoStatus Overlay::write_block(uint64_t block, unsigned first_sector, std::span<const uint8_t> from) {
    Entry& entry = entry_for_write(block);
    const unsigned sectors = static_cast<unsigned>(from.size() / kSector);
    const uint64_t inside = first_sector * kSector;
    IoStatus status;
    const auto note = [&](IoStatus done) {
        if (status.ok()) status = std::move(done);
    };
    if (overwritable(entry)) {
        note(write_slot(entry.slot, inside, from));
        validate(block, first_sector, sectors);
        return status;
    }
    const bool shared = entry.slot != kNone && slot_users_[entry.slot] > 1;
    if (entry.slot != kNone && !shared && !entry.zero) {
        note(write_slot(entry.slot, inside, from));
        set_bits(entry.valid, first_sector, sectors);
        note(show(block, entry));
        return status;
    }
    // A slot of its own, with what was in the old one.
    const uint32_t old = entry.slot;
    const auto valid = entry.valid;
    if (from.size() < kBlock && old != kNone) {
        std::vector<uint8_t> all(kBlock);
        if (!entry.zero) note(read_slot(old, 0, all));
        std::ranges::copy(from, all.begin() + static_cast<ptrdiff_t>(inside));
        note(take_slot(entry.slot));
        note(write_slot(entry.slot, 0, all));
    } else {
        note(take_slot(entry.slot));
        note(write_slot(entry.slot, inside, from));
    }
    entry.valid = valid;
    entry.zero = false;
    set_bits(entry.valid, first_sector, sectors);
    publish(block, entry);
    if (shared) unpublish(old);
    release_slot(old);
    return status;
}

// Blocks whose slots lie one behind the other in the file, as those of a new disk do that is written from its beginning,
// are written at once.
IoStatus Overlay::write(uint64_t offset, std::span<const uint8_t> from) {
    IoStatus first;
    const auto note = [&](IoStatus done) {
        if (first.ok()) first = std::move(done);
    };
    while (!from.empty()) {
        const uint64_t block = offset / kBlock, inside = offset % kBlock;
        uint64_t run = 0, start = 0;  // bytes; their place in the file
        while (run < from.size()) {
            Entry& entry = entry_for_write((offset + run) / kBlock);
            if (entry.slot == kNone) note(take_slot(entry.slot));
            const uint64_t at = slot_offset(entry.slot) + (offset + run) % kBlock;
            if (!run) start = at;
            if (!overwritable(entry) || at != start + run) break;
            run += std::min(from.size() - run, kBlock - (offset + run) % kBlock);
        }
        const uint64_t one = std::min(from.size(), kBlock - inside);
        if (run > one && write_all(fd_, start, from.first(run)).ok()) {
            for (uint64_t done = 0; done < run;) {
                const uint64_t at = offset + done, part = std::min(run - done, kBlock - at % kBlock);
                validate(at / kBlock, static_cast<unsigned>(at % kBlock / kSector), static_cast<unsigned>(part / kSector));
                done += part;
            }
        } else {
            run = one;
            note(write_block(block, static_cast<unsigned>(inside / kSector), from.first(one)));
        }
        offset += run;
        from = from.subspan(run);
    }
    return first;
}

IoStatus Overlay::write_zeroes(uint64_t offset, uint64_t bytes) {
    static const std::array<uint8_t, kBlock> zeroes{};
    IoStatus first;
    while (bytes) {
        const uint64_t block = offset / kBlock, part = std::min(bytes, kBlock - offset % kBlock);
        IoStatus done;
        const bool last = (block + 1) * kBlock > origin_.size && offset + part == origin_.size;
        if (offset % kBlock || (part < kBlock && !last)) {
            done = write_block(block, static_cast<unsigned>(offset % kBlock / kSector), {zeroes.data(), part});
        } else {
            Entry& entry = entry_for_write(block);
            if (entry.zero && entry.full()) {
                if (hidden(entry.slot)) done = show(block, entry);
            } else {
                const uint32_t old = entry.slot;
                done = take_slot(entry.slot);
                entry.zero = true;
                entry.valid = {~uint64_t{0}, ~uint64_t{0}};
                publish(block, entry);
                if (old != kNone && slot_users_[old] > 1) unpublish(old);
                release_slot(old);
            }
        }
        if (!done.ok() && first.ok()) first = std::move(done);
        offset += part;
        bytes -= part;
    }
    return first;
}

IoStatus Overlay::flush() {
    if (!kept_) return {};
    if (auto done = show_all(); !done.ok()) return done;
    return fdatasync(fd_) == 0 ? IoStatus{} : host_error("flush");
}

uint64_t Overlay::written_bytes() const {
    uint64_t sectors = 0;
    for (const auto& leaf : root_) {
        if (!leaf) continue;
        for (const Entry& e : leaf->entries) {
            if (e.slot != kNone)
                sectors += static_cast<unsigned>(std::popcount(e.valid[0]) + std::popcount(e.valid[1]));
        }
    }
    return sectors * kSector;
}

IoStatus Overlay::for_each(const Visit& visit) { return visit_changes(Root(root_.size()), visit); }

IoStatus Overlay::for_each_change(uint64_t version, const Visit& visit) {
    const auto pinned = pins_.find(version);
    return pinned == pins_.end() ? for_each(visit) : visit_changes(pinned->second, visit);
}

// What was written is never taken back within a recording: a block of `before` is there now, too.
IoStatus Overlay::visit_changes(const Root& before, const Visit& visit) {
    std::vector<uint8_t> data(kBlock);
    for (size_t i = 0; i < root_.size(); ++i) {
        if (!root_[i] || root_[i] == before[i]) continue;
        for (size_t k = 0; k < kLeafBlocks; ++k) {
            const Entry& entry = root_[i]->entries[k];
            if (entry.slot == kNone || (before[i] && before[i]->entries[k] == entry)) continue;
            std::ranges::fill(data, 0);
            if (!entry.zero) {
                if (auto done = read_slot(entry.slot, 0, data); !done.ok()) return done;
            }
            const uint64_t start = (i * kLeafBlocks + k) * kBlock;
            const unsigned sectors = static_cast<unsigned>(std::min(kBlock, origin_.size - start) / kSector);
            for (unsigned s = 0; s < sectors; ++s) {
                if (!entry.has(s)) continue;
                unsigned end = s + 1;
                while (end < sectors && entry.has(end)) ++end;
                if (auto done = visit(start + s * kSector, {data.data() + s * kSector, (end - s) * kSector}); !done.ok())
                    return done;
                s = end;
            }
        }
    }
    return {};
}

Result<uint64_t> commit_overlay(Overlay& overlay, Image& image) {
    if (image.size() < overlay.origin().size)
        return Error{fmt::format("'{}' has {} bytes: the overlay is of a disk of {}", image.name(), image.size(),
                                 overlay.origin().size)};
    uint64_t bytes = 0;
    auto done = overlay.for_each([&](uint64_t offset, std::span<const uint8_t> data) {
        bytes += data.size();
        return image.write(offset, data);
    });
    if (done.ok()) done = image.flush();
    if (!done.ok()) return Error{done.message};
    return bytes;
}

}  // namespace qr
