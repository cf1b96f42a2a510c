// SPDX-License-Identifier: GPL-2.0-or-later
// A whole PC in one process, booting SeaBIOS without a disk: what tests of snapshots, cache flushes, slices
// and planted faults run. Virtual time is that of -icount shift=3,sleep=off.
#pragma once

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "accel/interp/interp.h"
#include "hw/i386/pc.h"
#include "replay/digest.h"
#include "replay/snapshot.h"
#include "replay/state_dump.h"
#include "sysemu/clock.h"
#include "sysemu/mailbox.h"
#include "sysemu/replay.h"
#include "target/i386/cpu_model.h"
#include "tests/unit/memory_drive.h"

namespace qr::test {

constexpr const char* kSeaBios = "/usr/share/seabios/bios-256k.bin";
constexpr const char* kVgaBios = "/usr/share/seabios/vgabios-stdvga.bin";

inline std::vector<uint8_t> firmware(const char* path) {
    std::ifstream in(path, std::ios::binary);
    return std::vector<uint8_t>(std::istreambuf_iterator<char>(in), {});
}

struct BoardKind {
    std::string name;
    bool vga = true;
    bool hpet = true;
    unsigned serials = 1;
    unsigned parallels = 1;
    bool extras = false;  // debug console, debug exit, uuid, boot menu
    const char* cpu = "qemu32";
    bool disks = false;   // a disk that boots, a CD-ROM drive, a floppy drive
    bool virtio = false;  // the disk is virtio-blk
    bool both = false;    // there is one of each kind
};

// Boot sector of a disk: reads four sectors from behind itself and writes them further on, for ever.
inline constexpr uint8_t kCopyingBootSector[] = {
    0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xc0,        // xor ax, ax; mov ds, ax; mov es, ax
    0xb9, 0x02, 0x00, 0xba, 0x80, 0x00,        // mov cx, 2; mov dx, 80h
    0xbb, 0x00, 0x80, 0xb8, 0x04, 0x02,        // mov bx, 8000h; mov ax, 0204h
    0x51, 0xcd, 0x13, 0x59, 0x83, 0xc1, 0x04,  // push cx; int 13h; pop cx; add cx, 4
    0xbb, 0x00, 0x80, 0xb8, 0x04, 0x03,        // mov bx, 8000h; mov ax, 0304h
    0x51, 0xcd, 0x13, 0x59, 0x83, 0xe1, 0x1e,  // push cx; int 13h; pop cx; and cx, 1eh
    0xeb, 0xe4,                                // jmp to the first mov bx
};

inline PcConfig config_of(const BoardKind& kind) {
    PcConfig config;
    config.cpu = *i386::parse_cpu_model(kind.cpu);
    config.ram_size = uint64_t{8} << 20;
    config.bios = firmware(kSeaBios);
    config.vga = kind.vga;
    if (kind.vga) config.vga_bios = firmware(kVgaBios);
    config.hpet = kind.hpet;
    for (unsigned i = 0; i < kind.serials; ++i) config.serial[i] = true;
    config.parallel = kind.parallels;
    config.rtc_epoch = 1'600'000'000;
    if (kind.extras) {
        config.debug_cons.push_back({0x402, 0xe9, "debugcon0"});
        config.debug_exits.push_back({0x501, 2});
        config.uuid.emplace();
        config.boot_menu = true;
    }
    return config;
}

// The board with clock and door, as the emulator puts them together.
struct BoardParts {
    Mailbox mailbox;
    Countdown countdown;
    VirtualClock clock{countdown};
    Door door{mailbox};
    std::unique_ptr<i386::Engine> engine = make_i386_interpreter();
    MemoryDrive disk{1 << 20, "ide0-hd0"}, disc{1 << 18, "ide1-cd0"}, floppy{1'474'560, "floppy0"};
    MemoryDrive other{1 << 19, "ide0-hd1"};
    std::unique_ptr<PcBoard> board;

    void build(const BoardKind& kind, MachineControl& control) {
        clock.set_rate(uint64_t{1} << 35);
        PcConfig config = config_of(kind);
        if (kind.disks) {
            for (size_t i = 0; i < disk.medium.size(); ++i) disk.medium[i] = static_cast<uint8_t>(i * 7 + i / 512);
            std::ranges::copy(kCopyingBootSector, disk.medium.begin());
            disk.medium[510] = 0x55;
            disk.medium[511] = 0xaa;
            PcDisk first, second, third;
            if (kind.virtio) first.kind = PcDisk::Kind::kVirtioBlk;
            first.drive = &disk;
            second.kind = PcDisk::Kind::kIdeCdrom;
            second.drive = &disc;
            second.bus = 1;
            third.kind = PcDisk::Kind::kFloppy;
            third.drive = &floppy;
            config.disks = {first, second, third};
        }
        if (kind.both) {
            PcDisk fourth;
            if (!kind.virtio) fourth.kind = PcDisk::Kind::kVirtioBlk;
            fourth.unit = 1;
            fourth.drive = &other;
            config.disks.push_back(fourth);
        }
        board = std::move(*PcBoard::create(std::move(config), door, clock, countdown, control));
        board->root().add("disk", [this](StateVisitor& v) { disk.state(v); });
        board->root().add("disc", [this](StateVisitor& v) { disc.state(v); });
        board->root().add("floppy", [this](StateVisitor& v) { floppy.state(v); });
        board->root().add("other", [this](StateVisitor& v) { other.state(v); });
        board->cpu().set_engine(*engine);
        board->root().add("clock", [this](StateVisitor& v) { clock.state(v); });
        board->root().add("door", [this](StateVisitor& v) { door.state(v); });
        board->reset();
    }
};

// Runs by itself, in slices of any length.
class LoneBoard : private BoardParts, private MachineControl {
  public:
    explicit LoneBoard(const BoardKind& kind) { build(kind, *this); }

    using BoardParts::board;
    using BoardParts::clock;
    using BoardParts::disc;
    using BoardParts::disk;
    using BoardParts::door;
    using BoardParts::floppy;
    using BoardParts::other;

    // What is in the drives isn't in snapshots.
    void copy_media(const LoneBoard& from) {
        disk.medium = from.disk.medium;
        disc.medium = from.disc.medium;
        floppy.medium = from.floppy.medium;
        other.medium = from.other.medium;
    }

    // One instruction that isn't the CPU's: `access` is what it does.
    template <class Access>
    void instruction(Access access) {
        countdown.leave();
        countdown.grant(1);
        countdown.remaining = 0;
        access();
        settle();
    }
    // Virtual time in which the CPU executes nothing; less, if there are very many deadlines in it.
    void pass(int64_t ns) {
        const int64_t end = clock.now_ns() + ns;
        for (int deadlines = 0; deadlines < 300 && clock.now_ns() < end; ++deadlines) {
            clock.warp(std::max<int64_t>(0, std::min(end, clock.next_deadline()) - clock.now_ns()));
            door.bump();
            settle();
        }
    }

    // slice: how long the next one may be.
    template <class Slice>
    void run(uint64_t until, Slice slice) {
        while (clock.icount() < until) {
            settle();
            if (board->cpu().halted()) {
                const int64_t deadline = clock.next_deadline();
                if (deadline == kNoDeadline) return;
                clock.warp(std::max<int64_t>(0, deadline - clock.now_ns()));
                door.bump();
                continue;
            }
            uint64_t end = std::min(until, clock.icount() + slice());
            if (clock.next_deadline() != kNoDeadline) end = std::min(end, clock.icount_at(clock.next_deadline()));
            countdown.grant(std::max(end, clock.icount() + 1) - clock.icount());
            board->cpu().run();
            countdown.leave();
        }
        settle();
    }
    void run(uint64_t until) {
        run(until, [] { return uint64_t{100'000}; });
    }

    std::vector<uint8_t> save() { return save_snapshot(board->root(), board->memory()); }
    Result<void> load(std::span<const uint8_t> snapshot, uint64_t icount) {
        countdown = {icount, 0};
        return load_snapshot(snapshot, board->root(), board->memory());
    }
    StateDump dump() {
        return dump_state([this](StateVisitor& v) { board->root().state(v); });
    }
    // All memory by name of block.
    std::map<std::string, uint64_t> memory_hashes() {
        std::map<std::string, uint64_t> hashes;
        for (RamBlock* block : board->memory().blocks()) {
            uint64_t hash = 0xcbf29ce484222325;
            for (uint64_t i = 0; i < block->size(); i += 8) {
                uint64_t word;
                __builtin_memcpy(&word, block->data() + i, 8);
                hash = (hash ^ word) * 0x100000001b3;
            }
            hashes[block->name()] = hash;
        }
        return hashes;
    }

  private:
    void settle() {
        door.set_icount(clock.icount());
        clock.run_expired();
        if (!reset_) return;
        reset_ = false;
        board->reset();
        clock.run_expired();
    }
    void request_reset() override {
        reset_ = true;
        countdown.leave();
    }
    void request_shutdown() override {}
    void request_suspend() override {}
    void request_exit(int) override {}

    bool reset_ = false;
};

// Both are at the same place; says where they differ.
inline std::string difference(LoneBoard& a, LoneBoard& b) {
    std::string text;
    for (const FieldDifference& d : compare_dumps(a.dump(), b.dump(), 10))
        text += d.path + ": " + d.recorded + ", " + d.replayed + "\n";
    const auto one = a.memory_hashes(), other = b.memory_hashes();
    for (const auto& [name, hash] : one)
        if (!other.contains(name) || other.at(name) != hash) text += "memory " + name + "\n";
    return text;
}

}  // namespace qr::test
