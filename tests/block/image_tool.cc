// SPDX-License-Identifier: GPL-2.0-or-later
//
// block/ from the command line, for tests that compare it with qemu-img. Each command opens the image, does one
// thing, and closes it. Errors go to stderr with status 1.
//
//   dump IMAGE RAW              reads it all, in pieces of odd sizes
//   stress IMAGE SEED N RAW     N random operations against a buffer in memory; the buffer becomes RAW
//   snapshot create|apply|delete IMAGE NAME [VMSTATE]
//   snapshots IMAGE             id, name, bytes of VM state
//   vmstate IMAGE NAME FILE     applies NAME and saves its VM state
//   check IMAGE [repair]
//   map IMAGE                   runs of zero, data, unallocated
//   mutate IMAGE SEED N         N damaged copies in memory, each opened, read, written, checked: nothing may crash, and
//                               what is refused isn't written
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "block/image.h"
#include "block/qcow2.h"
#include "tests/unit/memory_image.h"

namespace {

using namespace qr;

[[noreturn]] void die(const std::string& why) {
    fmt::print(stderr, "{}\n", why);
    std::exit(1);
}

void must(const IoStatus& status) {
    if (!status.ok()) die(status.message);
}

std::unique_ptr<Image> open(const std::string& file, bool read_only) {
    ImageSpec spec;
    spec.file = file;
    spec.read_only = read_only;
    if (const char* format = std::getenv("FORMAT")) spec.format = format;
    if (std::getenv("DIRECT")) spec.direct = true;
    auto image = open_image(spec);
    if (!image) die(image.error().message);
    return std::move(*image);
}

Qcow2Image& as_qcow2(Image& image) {
    auto* q = dynamic_cast<Qcow2Image*>(&image);
    if (!q) die("not qcow2");
    return *q;
}

std::vector<uint8_t> read_all(Image& image) {
    std::vector<uint8_t> all(image.size());
    std::mt19937 random(1);
    for (uint64_t at = 0; at < all.size();) {
        const uint64_t part = std::min<uint64_t>(all.size() - at, 1 + random() % 300'000);
        must(image.read(at, {all.data() + at, part}));
        at += part;
    }
    return all;
}

void save(const std::string& file, const std::vector<uint8_t>& bytes) {
    std::ofstream(file, std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

void stress(const std::string& file, unsigned seed, unsigned count, const std::string& raw) {
    auto image = open(file, false);
    std::vector<uint8_t> shadow = read_all(*image);
    std::mt19937_64 random(seed);
    for (unsigned i = 0; i < count; ++i) {
        const bool sectors = random() % 2;
        uint64_t offset = random() % shadow.size();
        uint64_t bytes = 1 + random() % (random() % 4 ? 20'000 : 400'000);
        if (sectors) offset &= ~uint64_t{511}, bytes = (bytes + 511) & ~uint64_t{511};
        bytes = std::min(bytes, shadow.size() - offset);
        const auto in_shadow = shadow.begin() + static_cast<ptrdiff_t>(offset);
        switch (random() % 12) {
            case 0: case 1: case 2: case 3: case 4: case 5: {
                std::vector<uint8_t> data(bytes);
                uint64_t word = random();
                for (auto& b : data) {
                    word = word * 6364136223846793005 + 1442695040888963407;
                    b = static_cast<uint8_t>(word >> 33);
                }
                must(image->write(offset, data));
                std::ranges::copy(data, in_shadow);
                break;
            }
            case 6: case 7: {
                std::vector<uint8_t> got(bytes, 0xAA);
                must(image->read(offset, got));
                if (std::memcmp(got.data(), &*in_shadow, bytes) != 0) die(fmt::format("operation {}: read at {} differs", i, offset));
                break;
            }
            case 8: case 9:
                must(image->write_zeroes(offset, bytes, random() % 2));
                std::fill_n(in_shadow, bytes, 0);
                break;
            case 10:
                must(image->discard(offset, bytes));
                must(image->read(offset, {&*in_shadow, bytes}));  // anything
                break;
            default: must(random() % 2 ? image->flush() : image->write_back());
        }
    }
    if (read_all(*image) != shadow) die("the image isn't what was written");
    must(image->flush());
    save(raw, shadow);
}

// A few numbers of an image's tables bent; sometimes its end is missing.
void damage(std::vector<uint8_t>& bytes, std::mt19937& random) {
    const size_t cluster = size_t{1} << (bytes[23] & 31), clusters = std::max<size_t>(1, bytes.size() / cluster);
    for (unsigned n = 1 + random() % 4; n; --n) {
        size_t at = random() % 3 == 0 ? random() % 112 : random() % 2 ? random() % clusters * cluster + random() % 256 : random() % bytes.size();
        at = std::min(at, bytes.size() - 8) & ~size_t{random() % 2 ? 7u : 0u};
        switch (random() % 4) {
            case 0: bytes[at] = static_cast<uint8_t>(random()); break;
            case 1: bytes[at] ^= static_cast<uint8_t>(1u << random() % 8); break;
            case 2: std::fill_n(bytes.begin() + static_cast<ptrdiff_t>(at), 1 + random() % 8, random() % 2 ? 0xff : 0); break;
            default: {
                // The place of some cluster, as a table's entry would have it, or as a compressed cluster's.
                const uint64_t place = random() % (clusters + 2) * cluster | (random() % 4 ? uint64_t{random() % 4} << 62 : random() % 512);
                for (size_t i = 0; i < 8; ++i) bytes[at + i] = static_cast<uint8_t>(place >> (56 - 8 * i));
            }
        }
    }
    if (random() % 20 == 0) bytes.resize(random() % bytes.size());
}

// What is below: the same image, which ends after a few steps, or zeroes.
Result<std::unique_ptr<Image>> memory_chain(const std::shared_ptr<MemoryBytes>& bytes, bool read_only, unsigned depth) {
    ImageSpec spec;
    spec.read_only = read_only;
    auto image = Qcow2Image::open(
        std::make_unique<MemoryImage>(bytes, read_only), spec,
        [&](const std::string&, const std::string&) -> Result<std::unique_ptr<Image>> {
            if (depth == 0) return Error{"no backing file here"};
            if (bytes->data.size() % 2) return memory_chain(bytes, true, depth - 1);
            auto below = std::make_shared<MemoryBytes>();
            below->data.resize(100'000, 7);
            return std::unique_ptr<Image>(std::make_unique<MemoryImage>(below, true));
        });
    if (!image) return image.error();
    return std::unique_ptr<Image>(std::move(*image));
}

void mutate(const std::string& file, unsigned seed, unsigned count) {
    std::ifstream in(file, std::ios::binary);
    const std::vector<uint8_t> good((std::istreambuf_iterator<char>(in)), {});
    if (good.size() < 1024) die("not an image");
    std::mt19937 random(seed);
    unsigned opened = 0, reads = 0;
    for (unsigned round = 0; round < count; ++round) {
        auto bytes = std::make_shared<MemoryBytes>();
        bytes->data = good;
        damage(bytes->data, random);
        bytes->limit = good.size() + (4 << 20);
        const auto before = bytes->data;
        const bool read_only = random() % 2, was_dirty = before.size() > 79 && before[79] & qcow2::kDirty;
        auto image = memory_chain(bytes, read_only, 2);
        if (!image) {
            if (bytes->data != before && !was_dirty) die(fmt::format("round {}: written by an open that failed", round));
            if (image.error().message.find('\n') != std::string::npos) die(fmt::format("round {}: more than a line", round));
            continue;
        }
        ++opened;
        std::vector<uint8_t> data(70'000, 3);
        const uint64_t size = std::min<uint64_t>((*image)->size(), uint64_t{1} << 40);
        for (unsigned i = 0; i < 12 && size; ++i) {
            const uint64_t offset = random() % 4 ? random() % std::min<uint64_t>(size, 4 << 20) : (uint64_t{random()} << 20) % size;
            const std::span<uint8_t> part{data.data(), std::min<uint64_t>(data.size(), size - offset)};
            switch (read_only ? 0 : random() % 6) {
                case 3: static_cast<void>((*image)->write(offset, part)); break;
                case 4: static_cast<void>((*image)->write_zeroes(offset, part.size(), random() % 2)); break;
                case 5: static_cast<void>(random() % 2 ? (*image)->discard(offset, part.size()) : (*image)->flush()); break;
                default: reads += (*image)->read(offset, part).ok();
            }
        }
        Qcow2Image& q = as_qcow2(**image);
        for (const qcow2::Snapshot& s : q.snapshots()) {
            std::vector<uint8_t> state(std::min<uint64_t>(s.vm_state_bytes, 100'000));
            static_cast<void>(q.read_vm_state(0, state));
        }
        static_cast<void>(q.check(false));
        if (read_only && bytes->data != before) die(fmt::format("round {}: written though it is read-only", round));
        if (!read_only && random() % 3 == 0) {
            static_cast<void>(q.apply_snapshot("s0"));
            static_cast<void>(q.delete_snapshot("s1"));
            qcow2::Snapshot s;
            s.name = "new";
            static_cast<void>(q.create_snapshot(s));
            static_cast<void>(q.check(true));
        }
    }
    fmt::print("opened {} of {}, {} reads\n", opened, count, reads);
    if (!opened || !reads) die("no damage was small enough to get anywhere");
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> a(argv + 1, argv + argc);
    if (a.size() < 2) die("usage: see the source");
    const std::string& command = a[0];
    if (command == "dump") {
        save(a.at(2), read_all(*open(a[1], true)));
    } else if (command == "stress") {
        stress(a[1], static_cast<unsigned>(std::stoul(a.at(2))), static_cast<unsigned>(std::stoul(a.at(3))), a.at(4));
    } else if (command == "snapshot") {
        auto image = open(a.at(2), false);
        Qcow2Image& q = as_qcow2(*image);
        if (a[1] == "create") {
            qcow2::Snapshot s;
            s.name = a.at(3);
            s.vm_clock_ns = 123'456'789;
            s.icount = 42;
            if (a.size() > 4) {
                std::ifstream in(a[4], std::ios::binary);
                const std::vector<uint8_t> state((std::istreambuf_iterator<char>(in)), {});
                must(q.write_vm_state(0, state));
                s.vm_state_bytes = state.size();
            }
            must(q.create_snapshot(s));
        } else {
            must(a[1] == "apply" ? q.apply_snapshot(a.at(3)) : q.delete_snapshot(a.at(3)));
        }
    } else if (command == "snapshots") {
        auto image = open(a[1], true);
        for (const auto& s : as_qcow2(*image).snapshots()) fmt::print("{} {} {}\n", s.id, s.name, s.vm_state_bytes);
    } else if (command == "vmstate") {
        auto image = open(a[1], false);
        Qcow2Image& q = as_qcow2(*image);
        const auto* s = q.find_snapshot(a.at(2));
        if (!s) die("no such snapshot");
        std::vector<uint8_t> state(s->vm_state_bytes);
        must(q.apply_snapshot(a[2]));
        must(q.read_vm_state(0, state));
        save(a.at(3), state);
    } else if (command == "check") {
        auto image = open(a[1], a.size() < 3);
        auto report = as_qcow2(*image).check(a.size() > 2);
        if (!report) die(report.error().message);
        fmt::print("leaks {} corruptions {} {}\n", report->leaks, report->corruptions, report->first);
        return report->clean() ? 0 : 1;
    } else if (command == "mutate") {
        mutate(a[1], static_cast<unsigned>(std::stoul(a.at(2))), static_cast<unsigned>(std::stoul(a.at(3))));
    } else if (command == "map") {
        auto image = open(a[1], true);
        for (uint64_t at = 0; at < image->size();) {
            const BlockRun run = image->status(at, image->size() - at);
            fmt::print("{} {} {}\n", at, run.bytes, run.kind == BlockKind::kData ? "data" : run.kind == BlockKind::kZero ? "zero" : "none");
            at += run.bytes;
        }
    } else {
        die("unknown command " + command);
    }
    return 0;
}
