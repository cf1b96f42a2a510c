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
