// SPDX-License-Identifier: GPL-2.0-or-later
// The firmware configuration device, register by register, and the items of the `pc` board. What
// QEMU leaves unspecified was compared with QEMU 7.2 over qtest.
#include "hw/nvram/fw_cfg.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "flat_dma.h"
#include "hw/i386/fw_cfg_items.h"
#include "util/bits.h"

namespace qr {
namespace {

constexpr uint32_t kError = 1, kRead = 2, kSkip = 4, kSelect = 8, kWrite = 16;

std::vector<uint8_t> bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

// Keeps every field by its path.
class FieldMap final : public StateVisitor {
  public:
    bool load = false;
    std::map<std::string, uint64_t> scalars;
    std::map<std::string, std::vector<uint8_t>> blobs;

    bool loading() const override { return load; }
    void scalar(std::string_view name, uint64_t& value, unsigned) override {
        if (load) {
            value = scalars.at(std::string(name));
        } else {
            scalars[std::string(name)] = value;
        }
    }
    void blob(std::string_view name, std::span<uint8_t> bytes) override {
        auto& kept = blobs[std::string(name)];
        if (load) {
            std::copy(kept.begin(), kept.end(), bytes.begin());
        } else {
            kept.assign(bytes.begin(), bytes.end());
        }
    }
    void enter(std::string_view) override {}
    void leave() override {}
    void fail(std::string_view) override {}
};

class FwCfgTest : public testing::Test {
  protected:
    static constexpr uint64_t kDescriptor = 0x1000;
    static constexpr uint64_t kBuffer = 0x2000;

    FwCfgTest() { device.reset(); }

    void select(uint16_t key) { device.ports().ops().write(0, 2, key); }
    uint8_t data() { return static_cast<uint8_t>(device.ports().ops().read(1, 1)); }
    std::string data(size_t count) {
        std::string text;
        for (size_t i = 0; i < count; ++i) text.push_back(static_cast<char>(data()));
        return text;
    }

    uint32_t transfer(uint32_t control, uint32_t length, uint64_t address = kBuffer,
                      uint64_t descriptor = kDescriptor) {
        store_le(&dma.memory[descriptor], __builtin_bswap32(control));
        store_le(&dma.memory[descriptor + 4], __builtin_bswap32(length));
        store_le(&dma.memory[descriptor + 8], __builtin_bswap64(address));
        const auto& write = device.dma_port().ops().write;
        write(0, 4, __builtin_bswap32(static_cast<uint32_t>(descriptor >> 32)));
        write(4, 4, __builtin_bswap32(static_cast<uint32_t>(descriptor)));
        return __builtin_bswap32(load_le<uint32_t>(&dma.memory[descriptor]));
    }
    std::string buffer(size_t count) {
        const auto start = dma.memory.begin() + kBuffer;
        return {start, start + static_cast<long>(count)};
    }
    void fill(std::string_view text) {
        std::copy(text.begin(), text.end(), dma.memory.begin() + kBuffer);
    }

    test::FlatDma dma{0x10000};
    FwCfg device{dma};
};

TEST_F(FwCfgTest, SignatureAndFeatures) {
    select(fw_cfg_key::kSignature);
    EXPECT_EQ(data(6), std::string("QEMU\0\0", 6));
    select(fw_cfg_key::kId);
    EXPECT_EQ(data(4), std::string("\3\0\0\0", 4));
    const auto& read = device.dma_port().ops().read;
    EXPECT_EQ(read(0, 4), 0x554d4551u);
    EXPECT_EQ(read(4, 4), 0x47464320u);
    EXPECT_EQ(read(1, 1), 0x45u);
    EXPECT_EQ(read(2, 2), 0x554du);
    EXPECT_EQ(device.dma_port().ops().peek(4, 4), 0x47464320u);
}

TEST_F(FwCfgTest, UnusualWidths) {
    device.add_bytes(fw_cfg_key::kUuid, bytes_of("abcd"));
    select(fw_cfg_key::kUuid);
    EXPECT_EQ(device.ports().ops().read(0, 2), 0u);  // and nothing is taken
    EXPECT_EQ(device.ports().ops().read(0, 1), 'a');
    EXPECT_EQ(device.ports().ops().peek(1, 1), 'b');
    EXPECT_EQ(data(), 'b');
    device.ports().ops().write(0, 1, 0);
    device.ports().ops().write(1, 1, 0);
    EXPECT_EQ(data(), 'c');
    select(fw_cfg_key::kUuid | fw_cfg_key::kWriteBit);
    EXPECT_EQ(data(), 'a');
    select(0x3fff);
    EXPECT_EQ(data(), 0);
    // Narrow writes to the DMA register start nothing.
    store_le(&dma.memory[0], __builtin_bswap32(kSelect));
    device.dma_port().ops().write(6, 2, 0);
    device.dma_port().ops().write(7, 1, 0);
    EXPECT_EQ(load_le<uint32_t>(&dma.memory[0]), __builtin_bswap32(kSelect));
}

TEST_F(FwCfgTest, FilesAreSorted) {
    device.add_file("etc/b", bytes_of("two"));
    device.add_file("etc/c", bytes_of("three"));
    device.add_file("bootorder", {});
    select(fw_cfg_key::kFileDir);
    EXPECT_EQ(data(4), std::string("\0\0\0\3", 4));
    const auto entry = [this](uint32_t size, uint16_t key, std::string name) {
        std::string expected(8, 0);
        expected[3] = static_cast<char>(size);
        expected[5] = static_cast<char>(key);
        name.resize(56);
        EXPECT_EQ(data(64), expected + name) << name;
    };
    entry(0, 0x20, "bootorder");
    entry(3, 0x21, "etc/b");
    entry(5, 0x22, "etc/c");
    EXPECT_EQ(data(), 0);
    select(0x22);
    EXPECT_EQ(data(6), std::string("three\0", 6));
    select(0x23);
    EXPECT_EQ(data(), 0);
    EXPECT_TRUE(device.file("etc/c"));
    EXPECT_FALSE(device.file("etc/d"));
    EXPECT_FALSE(device.item(0x23));
}

TEST_F(FwCfgTest, DmaReads) {
    device.add_bytes(fw_cfg_key::kUuid, bytes_of("0123456789"));
    fill("xxxxxxxxxxxxxxxx");
    EXPECT_EQ(transfer(kSelect | kRead | fw_cfg_key::kUuid << 16, 4), 0u);
    EXPECT_EQ(buffer(5), "0123x");
    EXPECT_EQ(transfer(kSkip, 3), 0u);
    EXPECT_EQ(transfer(kRead, 5), 0u);
    EXPECT_EQ(buffer(6), std::string("789\0\0x", 6));
    EXPECT_EQ(transfer(kSelect | kRead | 0x3fffu << 16, 2), 0u);
    EXPECT_EQ(buffer(3), std::string("\0\0" "9", 3));
    // The port and DMA share selection and offset; read goes before write and skip.
    EXPECT_EQ(transfer(kSelect | kRead | kWrite | kSkip | fw_cfg_key::kUuid << 16, 2), 0u);
    EXPECT_EQ(data(), '2');
    // A skip stays at the end.
    EXPECT_EQ(transfer(kSkip, 0xffffffff), 0u);
    EXPECT_EQ(transfer(kSkip, 8), 0u);
    EXPECT_EQ(data(), 0);
    EXPECT_EQ(transfer(0, 4), 0u);
}

TEST_F(FwCfgTest, ZeroFillOfAnySize) {
    std::fill(dma.memory.begin(), dma.memory.end(), 0xaa);
    EXPECT_EQ(transfer(kSelect | kRead, 0x9000), 0u);
    EXPECT_EQ(buffer(4), "QEMU");
    EXPECT_TRUE(std::all_of(dma.memory.begin() + kBuffer + 4, dma.memory.begin() + 0xb000,
                            [](uint8_t b) { return b == 0; }));
    EXPECT_EQ(dma.memory[0xb000], 0xaa);
}

TEST_F(FwCfgTest, DmaWrites) {
    device.add_file("read-only", bytes_of("abcd"));
    device.add_file("writable", bytes_of("abcd"), true);
    fill("WXYZ!");
    EXPECT_EQ(transfer(kSelect | kWrite | 0x20u << 16, 2), kError);
    EXPECT_EQ(data(), 'c');
    EXPECT_EQ(transfer(kSelect | kWrite | 0x3fffu << 16, 1), kError);
    EXPECT_EQ(transfer(kSelect | kWrite, 4), kError);
    EXPECT_EQ(transfer(kSelect | kWrite | 0x21u << 16, 5), kError);
    EXPECT_EQ(transfer(kSelect | kSkip | 0x21u << 16, 1), 0u);
    EXPECT_EQ(transfer(kWrite, 2), 0u);
    EXPECT_EQ(data(), 'd');
    select(0x21);
    EXPECT_EQ(data(4), "aWXd");
    select(0x20);
    EXPECT_EQ(data(4), "abcd");
}

TEST_F(FwCfgTest, HighHalfCountsOnce) {
    const auto& write = device.dma_port().ops().write;
    write(0, 4, __builtin_bswap32(1));
    EXPECT_NE(transfer(kSelect | kRead, 4, kBuffer, 0x3000), kSelect | kRead);  // sets its own
    write(0, 4, __builtin_bswap32(1));
    store_le(&dma.memory[kDescriptor], __builtin_bswap32(kSelect));
    write(4, 4, __builtin_bswap32(kDescriptor));  // goes to 4 GiB + 0x1000, where nothing is
    EXPECT_EQ(load_le<uint32_t>(&dma.memory[kDescriptor]), __builtin_bswap32(kSelect));
    write(4, 4, __builtin_bswap32(kDescriptor));
    EXPECT_EQ(load_le<uint32_t>(&dma.memory[kDescriptor]), 0u);
    store_le(&dma.memory[kDescriptor], __builtin_bswap32(kSelect));
    write(0, 8, __builtin_bswap64(kDescriptor));
    EXPECT_EQ(load_le<uint32_t>(&dma.memory[kDescriptor]), 0u);
}

TEST_F(FwCfgTest, StateAndReset) {
    FwCfg other{dma};
    for (FwCfg* d : {&device, &other}) {
        d->add_file("fixed", bytes_of("1234"));
        d->add_file("kept", bytes_of("abcd"), true);
        d->reset();
    }
    fill("WXYZ");
    transfer(kSelect | kWrite | 0x21u << 16, 4);
    transfer(kSelect | kSkip | 0x21u << 16, 1);
    device.dma_port().ops().write(0, 4, __builtin_bswap32(7));

    FieldMap fields;
    device.state(fields);
    EXPECT_EQ(fields.blobs.size(), 1u);
    fields.load = true;
    other.state(fields);
    EXPECT_EQ(other.ports().ops().read(1, 1), 'X');
    FieldMap again;
    other.state(again);
    EXPECT_EQ(again.blobs, fields.blobs);
    EXPECT_EQ(again.scalars["dma_address"], uint64_t{7} << 32);
    EXPECT_EQ(again.scalars["offset"], 2u);

    device.reset();
    EXPECT_EQ(data(4), "QEMU");
}

TEST_F(FwCfgTest, ItemsOfThePc) {
    PcFirmwareConfig config;
    config.ram_size = 0x10000000;
    config.memory = {{0, 0x10000000, MemoryKind::kRam}};
    config.uuid = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                   0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
    config.s3 = true;
    config.nographic = true;
    config.boot_menu = true;
    config.splash_time = 3000;
    config.strict_boot = true;
    config.boot_order = {"/rom@genroms/linuxboot.bin", "/pci@i0cf8/ide@1,1/drive@1/disk@0"};
    add_pc_items(device, config);

    const auto text = [](std::optional<std::span<const uint8_t>> bytes) {
        return bytes ? std::string(bytes->begin(), bytes->end()) : std::string("(none)");
    };
    EXPECT_EQ(text(device.file("bootorder")),
              std::string("/rom@genroms/linuxboot.bin\n"
                          "/pci@i0cf8/ide@1,1/drive@1/disk@0\nHALT\0",
                          66));
    EXPECT_EQ(text(device.file("bios-geometry")), "");
    EXPECT_EQ(text(device.file("etc/e820")),
              std::string("\0\0\0\0\0\0\0\0\0\0\0\x10\0\0\0\0\1\0\0\0", 20));
    EXPECT_EQ(text(device.file("etc/system-states")), std::string("\x80\0\0\x81\2\x80", 6));
    EXPECT_EQ(text(device.file("etc/boot-menu-wait")), "\xb8\x0b");
    EXPECT_EQ(text(device.file("etc/boot-fail-wait")), "\xff\xff\xff\xff");
    EXPECT_EQ(text(device.item(fw_cfg_key::kRamSize)), std::string("\0\0\0\x10\0\0\0\0", 8));
    EXPECT_EQ(text(device.item(fw_cfg_key::kNoGraphic)), std::string("\1\0", 2));
    EXPECT_EQ(text(device.item(fw_cfg_key::kCpuCount)), std::string("\1\0", 2));
    EXPECT_EQ(text(device.item(fw_cfg_key::kBootMenu)), std::string("\1\0", 2));
    EXPECT_EQ(text(device.item(fw_cfg_key::kIrq0Override)), std::string("\1\0\0\0", 4));
    EXPECT_EQ(text(device.item(fw_cfg_key::kNuma)), std::string(16, 0));
    EXPECT_EQ(text(device.item(fw_cfg_key::kUuid)).substr(0, 4), std::string("\0\x11\x22\x33", 4));
    EXPECT_EQ(text(device.item(fw_cfg_key::kHpet)).substr(0, 17),
              std::string("\1\1\xa2\x86\x80\0\0\xd0\xfe\0\0\0\0\0\0\0\0", 17));
}

TEST_F(FwCfgTest, NoHpet) {
    PcFirmwareConfig config;
    config.hpet = false;
    add_pc_items(device, config);
    EXPECT_EQ((*device.item(fw_cfg_key::kHpet))[0], 0xff);
    EXPECT_EQ(device.file("bootorder")->size(), 0u);
}

}  // namespace
}  // namespace qr
