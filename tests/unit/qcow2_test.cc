// SPDX-License-Identifier: GPL-2.0-or-later
// qcow2: hostile headers and tables, and writes that fail. What it does with good images is compared with qemu-img
// in tests/block/test_images.py.
#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "block/big_endian.h"
#include "block/qcow2.h"
#include "tests/unit/memory_image.h"

namespace qr {
namespace {

using qcow2::CreateOptions;

constexpr uint64_t kDisk = 1 << 20;

std::shared_ptr<MemoryBytes> make(CreateOptions options = {}) {
    auto bytes = std::make_shared<MemoryBytes>();
    if (!options.size) options.size = kDisk;
    MemoryImage file(bytes);
    EXPECT_TRUE(qcow2::create(file, options).ok());
    return bytes;
}

Result<std::unique_ptr<Qcow2Image>> open(const std::shared_ptr<MemoryBytes>& bytes, bool read_only = false) {
    ImageSpec spec;
    spec.read_only = read_only;
    return Qcow2Image::open(std::make_unique<MemoryImage>(bytes, read_only), spec,
                            [](const std::string&, const std::string&) -> Result<std::unique_ptr<Image>> {
                                return Error{"no backing file here"};
                            });
}

std::unique_ptr<Qcow2Image> must_open(const std::shared_ptr<MemoryBytes>& bytes) {
    auto image = open(bytes);
    EXPECT_TRUE(image.ok()) << (image ? "" : image.error().message);
    return image ? std::move(*image) : nullptr;
}

// An image with data, zeroes, a snapshot, and data written after it.
std::shared_ptr<MemoryBytes> populated(uint32_t cluster_bits) {
    CreateOptions options;
    options.cluster_bits = cluster_bits;
    auto bytes = make(options);
    auto image = must_open(bytes);
    const std::vector<uint8_t> data(20'000, 0x5A);
    for (uint64_t at = 0; at + data.size() < kDisk; at += 100'000) EXPECT_TRUE(image->write(at, data).ok());
    qcow2::Snapshot s;
    s.name = "before";
    EXPECT_TRUE(image->create_snapshot(s).ok());
    EXPECT_TRUE(image->write(50'000, data).ok());
    EXPECT_TRUE(image->write_zeroes(200'000, 50'000, true).ok());
    return bytes;
}

// Opening must fail with these words, and leave every byte alone.
void refused(std::shared_ptr<MemoryBytes> bytes, const std::string& words) {
    const auto before = bytes->data;
    const auto image = open(bytes);
    ASSERT_FALSE(image.ok()) << words;
    EXPECT_NE(image.error().message.find(words), std::string::npos) << image.error().message;
    EXPECT_EQ(image.error().message.find('\n'), std::string::npos);
    EXPECT_EQ(bytes->writes, 0u);
    EXPECT_EQ(bytes->data, before);
}

template <class T>
void poke(const std::shared_ptr<MemoryBytes>& bytes, size_t offset, T value) {
    store_be<T>(bytes->data.data() + offset, value);
    bytes->writes = 0;
}

TEST(Qcow2, WritesAndReadsBack) {
    for (const uint32_t version : {2u, 3u}) {
        CreateOptions options;
        options.version = version;
        options.cluster_bits = 12;
        auto bytes = make(options);
        {
            auto image = must_open(bytes);
            EXPECT_EQ(image->size(), kDisk);
            EXPECT_TRUE(image->write(4000, std::vector<uint8_t>(5000, 7)).ok());
        }
        auto image = must_open(bytes);
        std::vector<uint8_t> got(6000);
        EXPECT_TRUE(image->read(3500, got).ok());
        for (size_t i = 0; i < got.size(); ++i) ASSERT_EQ(got[i], i >= 500 && i < 5500 ? 7 : 0) << i;
        EXPECT_TRUE(image->check(false)->clean());
    }
}

TEST(Qcow2, HostileHeaders) {
    const auto with = [](size_t offset, auto value, const std::string& words) {
        auto bytes = make();
        poke(bytes, offset, value);
        refused(bytes, words);
    };
    with(0, uint32_t{0}, "not in qcow2 format");
    with(4, uint32_t{1}, "Unsupported qcow2 version 1");
    with(4, uint32_t{4}, "Unsupported qcow2 version 4");
    with(8, uint64_t{1} << 40, "backing file's name");
    with(20, uint32_t{8}, "Unsupported cluster size");
    with(20, uint32_t{63}, "Unsupported cluster size");
    with(24, ~uint64_t{0}, "impossible");
    with(24, uint64_t{1} << 60, "L1 table is too small");
    with(32, uint32_t{1}, "encrypted");
    with(36, ~uint32_t{0}, "L1 table too large");
    with(36, uint32_t{1 << 21}, "reaches behind the end");
    with(36, uint32_t{0}, "L1 table is too small");
    with(40, uint64_t{512}, "isn't where one can be");
    with(40, uint64_t{0}, "isn't where one can be");
    with(40, uint64_t{0x10000}, "overlaps");
    with(40, uint64_t{1} << 55, "reaches behind the end");
    with(48, uint64_t{0}, "isn't where one can be");
    with(48, ~uint64_t{0xffff}, "reaches behind the end");
    with(56, uint32_t{0}, "reference count table");
    with(56, ~uint32_t{0}, "too large");
    with(60, ~uint32_t{0}, "Too many snapshots");
    with(60, uint32_t{1}, "snapshot table");
    with(72, uint64_t{4}, "external data file");
    with(72, uint64_t{16}, "extended L2");
    with(72, uint64_t{1} << 40, "features that aren't supported");
    with(72, uint64_t{2}, "marked corrupt");
    with(72, uint64_t{8}, "contradicts");
    with(96, uint32_t{7}, "refcounts of 2^7 bits");
    with(100, uint32_t{0}, "header's length");
    with(100, uint32_t{1 << 30}, "header's length");
    with(104, uint8_t{9}, "unknown compression type");
    with(112, ~uint64_t{0}, "header extension");
}

TEST(Qcow2, CutShort) {
    const auto whole = make()->data;
    for (const size_t size : {0, 4, 71, 72, 100, 111, 0x10000, 0x20000, 0x30000}) {
        auto bytes = std::make_shared<MemoryBytes>();
        bytes->data.assign(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
        refused(bytes, "Could not open");
    }
}

TEST(Qcow2, TablesThatOverlap) {
    // header, refcount table, refcount block, L1 table, L2 table
    const auto loop = [](uint64_t l1_entry, const std::string& words) {
        auto bytes = make();
        { EXPECT_TRUE(must_open(bytes)->write(0, std::vector<uint8_t>(512, 1)).ok()); }
        poke<uint64_t>(bytes, 0x30000, l1_entry);
        refused(bytes, words);
    };
    loop(qcow2::kCopied | 0x30000, "another table is there");
    loop(qcow2::kCopied | 0x10000, "another table is there");
    loop(qcow2::kCopied | 0x200, "no L2 table can be there");
    loop(qcow2::kCopied | uint64_t{1} << 50, "no L2 table can be there");
    loop(uint64_t{1} << 60, "no L2 table can be there");
    auto bytes = make();
    poke<uint64_t>(bytes, 0x10008, 0x20000);
    refused(bytes, "overlaps another table");
}

TEST(Qcow2, EntriesThatCannotBeEndAllWriting) {
    for (const uint64_t entry : {qcow2::kCopied | 0x30000, qcow2::kCopied | uint64_t{1} << 50, qcow2::kCopied | 0x200,
                                 qcow2::kCompressed | uint64_t{1} << 45, qcow2::kCompressed | 5}) {
        auto bytes = make();
        { EXPECT_TRUE(must_open(bytes)->write(0, std::vector<uint8_t>(512, 1)).ok()); }
        const uint64_t l2 = load_be<uint64_t>(bytes->data.data() + 0x30000) & qcow2::kOffsetMask;
        poke<uint64_t>(bytes, l2, entry);
        const auto before = bytes->data;
        {
            auto image = must_open(bytes);
            std::vector<uint8_t> got(512);
            EXPECT_EQ(image->read(0, got).code, EIO) << std::hex << entry;
            EXPECT_EQ(image->write(0, got).code, EIO);
            EXPECT_EQ(image->write(kDisk / 2, got).code, EIO);
            EXPECT_EQ(image->flush().code, 0);  // nothing was begun
        }
        EXPECT_EQ(bytes->data, before);
    }
}

// Every field and table bent in thousands of ways, always the same ones: an error or not, but no crash, no endless
// loop, and no byte written by an open that fails.
TEST(Qcow2, MutatedImages) {
    for (const uint32_t cluster_bits : {9u, 12u, 16u}) {
        const auto good = populated(cluster_bits)->data;
        std::mt19937 random(cluster_bits);
        const size_t cluster = size_t{1} << cluster_bits;
        unsigned opened = 0;
        for (unsigned round = 0; round < 1500; ++round) {
            auto bytes = std::make_shared<MemoryBytes>();
            bytes->data = good;
            bytes->limit = good.size() + (4 << 20);
            for (unsigned n = 1 + random() % 4; n; --n) {
                // Tables are where the numbers are: the first clusters, and any beginning of a cluster.
                size_t at = 0;
                switch (random() % 3) {
                    case 0: at = random() % 112; break;
                    case 1: at = random() % std::min(good.size(), 8 * cluster); break;
                    default: at = random() % (good.size() / cluster) * cluster + 8 * (random() % 16) + random() % 8;
                }
                switch (random() % 4) {
                    case 0: bytes->data[at] = static_cast<uint8_t>(random()); break;
                    case 1: bytes->data[at] ^= static_cast<uint8_t>(1u << random() % 8); break;
                    case 2: bytes->data[at] = random() % 2 ? 0xff : 0; break;
                    default: {
                        // Another table's place.
                        const uint64_t value = random() % (good.size() / cluster) * cluster | (random() % 2 ? qcow2::kCopied : 0);
                        at &= ~size_t{7};
                        store_be<uint64_t>(bytes->data.data() + at, value);
                    }
                }
            }
            if (random() % 20 == 0) bytes->data.resize(random() % good.size());
            const auto before = bytes->data;
            {
                auto image = open(bytes);
                if (!image) {
                    if (!(before[79] & qcow2::kDirty)) {
                        ASSERT_EQ(bytes->data, before) << "round " << round;
                    }
                    ASSERT_EQ(image.error().message.find('\n'), std::string::npos);
                    continue;
                }
                ++opened;
                const uint64_t size = std::min<uint64_t>((*image)->size(), kDisk);
                std::vector<uint8_t> data(30'000, 3);
                for (unsigned i = 0; i < 12 && size; ++i) {
                    const uint64_t offset = random() % size;
                    const uint64_t length = std::min<uint64_t>(data.size(), size - offset);
                    switch (random() % 5) {
                        case 0: static_cast<void>((*image)->read(offset, {data.data(), length})); break;
                        case 1:
                        case 2: static_cast<void>((*image)->write(offset, {data.data(), length})); break;
                        case 3: static_cast<void>((*image)->write_zeroes(offset, length, true)); break;
                        default: static_cast<void>((*image)->flush());
                    }
                }
                if (round % 3 == 0) {
                    qcow2::Snapshot s;
                    s.name = "n";
                    static_cast<void>((*image)->create_snapshot(s));
                    static_cast<void>((*image)->apply_snapshot("before"));
                    static_cast<void>((*image)->delete_snapshot("before"));
                }
                if (round % 3 == 1) static_cast<void>((*image)->check(false));
            }
        }
        EXPECT_GT(opened, 100u);
    }
}

TEST(Qcow2, FailedWritesLeaveItInOrder) {
    auto bytes = make();
    {
        auto image = must_open(bytes);
        const std::vector<uint8_t> data(300'000, 9);
        EXPECT_TRUE(image->write(0, data).ok());
        EXPECT_TRUE(image->flush().ok());
        bytes->limit = bytes->data.size() + 100'000;
        EXPECT_EQ(image->write(500'000, data).code, ENOSPC);
        bytes->limit = size_t{64} << 20;
        EXPECT_TRUE(image->write(600'000, data).ok());
        EXPECT_TRUE(image->flush().ok());
        EXPECT_TRUE(image->check(false)->clean()) << image->check(false)->first;
    }
    auto image = must_open(bytes);
    EXPECT_TRUE(image->check(false)->clean());
}

// A power cut between any two writes of a run: clusters may leak, but no table leads to one that isn't counted.
TEST(Qcow2, AnyPrefixOfItsWritesIsUsable) {
    struct Recorder final : Image {
        struct Write {
            uint64_t offset;
            std::vector<uint8_t> data;
        };
        Recorder(std::shared_ptr<MemoryBytes> b, std::vector<Write>& l) : Image("r"), inner(std::move(b)), log(l) {}
        std::string format() const override { return "memory"; }
        uint64_t size() const override { return inner.size(); }
        bool read_only() const override { return false; }
        IoStatus read(uint64_t o, std::span<uint8_t> to) override { return inner.read(o, to); }
        IoStatus write(uint64_t o, std::span<const uint8_t> from) override {
            log.push_back({o, {from.begin(), from.end()}});
            return inner.write(o, from);
        }
        IoStatus write_zeroes(uint64_t o, uint64_t n, bool) override { return write(o, std::vector<uint8_t>(n)); }
        IoStatus discard(uint64_t, uint64_t) override { return {}; }
        IoStatus flush() override { return {}; }
        BlockRun status(uint64_t, uint64_t n) override { return {BlockKind::kData, n}; }
        MemoryImage inner;
        std::vector<Write>& log;
    };
    CreateOptions options;
    options.cluster_bits = 9;
    options.refcount_order = 6;
    const auto empty = make(options)->data;
    std::vector<Recorder::Write> log;
    {
        auto bytes = std::make_shared<MemoryBytes>();
        bytes->data = empty;
        auto image = Qcow2Image::open(std::make_unique<Recorder>(bytes, log), ImageSpec{}, nullptr);
        ASSERT_TRUE(image.ok());
        std::mt19937 random(3);
        for (unsigned i = 0; i < 60; ++i) {
            const std::vector<uint8_t> data(1 + random() % 9000, static_cast<uint8_t>(i));
            ASSERT_TRUE((*image)->write(random() % (kDisk - data.size()), data).ok());
            if (i % 6 == 0) { ASSERT_TRUE((*image)->write_zeroes(random() % (kDisk / 2), 20'000, true).ok()); }
            if (i % 9 == 0) { ASSERT_TRUE((*image)->flush().ok()); }
            if (i == 30) {
                qcow2::Snapshot s;
                s.name = "s";
                ASSERT_TRUE((*image)->create_snapshot(s).ok());
            }
            if (i == 45) { ASSERT_TRUE((*image)->apply_snapshot("s").ok()); }
            if (i == 50) { ASSERT_TRUE((*image)->delete_snapshot("s").ok()); }
        }
    }
    auto bytes = std::make_shared<MemoryBytes>();
    bytes->data = empty;
    MemoryImage file(bytes);
    for (size_t i = 0; i < log.size(); ++i) {
        ASSERT_TRUE(file.write(log[i].offset, log[i].data).ok());
        if (i % 3) continue;
        auto copy = std::make_shared<MemoryBytes>();
        copy->data = bytes->data;
        auto image = open(copy, true);
        ASSERT_TRUE(image.ok()) << "after write " << i << ": " << image.error().message;
        const auto report = (*image)->check(false);
        ASSERT_TRUE(report.ok()) << "after write " << i << ": " << report.error().message;
        EXPECT_EQ(report->corruptions, 0u) << "after write " << i << ": " << report->first;
    }
    EXPECT_GT(log.size(), 100u);
}

}  // namespace
}  // namespace qr
