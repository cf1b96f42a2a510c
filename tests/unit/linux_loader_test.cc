// SPDX-License-Identifier: GPL-2.0-or-later
// -kernel: layout and header fields for each age of the boot protocol, what is refused and how, the
// items given to the firmware, and the option ROM's headers.
#include "hw/i386/linux_loader.h"

#include <gtest/gtest.h>

#include <numeric>

#include "flat_dma.h"
#include "util/bits.h"

namespace qr {
namespace {

constexpr uint64_t kRam = 0x10000000;

// A kernel with a setup of 4 sectors and `size` further bytes. protocol 0: before 2.00.
std::vector<uint8_t> make_kernel(uint16_t protocol, bool high, size_t size = 100000) {
    std::vector<uint8_t> k(5 * 512 + size, 0x90);
    std::fill(k.begin(), k.begin() + 5 * 512, 0);
    k[0x1f1] = 4;
    store_le(&k[0x1f4], static_cast<uint16_t>((size + 15) / 16));
    store_le(&k[0x1fe], uint16_t{0xaa55});
    if (protocol) {
        store_le(&k[0x202], uint32_t{0x53726448});
        store_le(&k[0x206], protocol);
        k[0x211] = high;
        store_le(&k[0x214], high ? 0x100000u : 0x1000u);
        store_le(&k[0x22c], 0x7fffffffu);
        store_le(&k[0x230], 0x1000000u);
        k[0x234] = 1;
        store_le(&k[0x238], 2047u);
        store_le(&k[0x258], uint64_t{0x1000000});
        store_le(&k[0x260], 0x800000u);
    }
    return k;
}

std::string error_of(const Result<LinuxImage>& r) { return r ? "(none)" : r.error().message; }

TEST(LinuxLoader, ModernBzImage) {
    const auto kernel = make_kernel(0x20f, true);
    const std::vector<uint8_t> initrd(0x12345, 0xee);
    const auto r = load_linux(kernel, initrd, "console=ttyS0 vga=ext", kRam);
    ASSERT_TRUE(r) << error_of(r);
    EXPECT_EQ(r->setup.address, 0x10000u);
    EXPECT_EQ(r->cmdline.address, 0x20000u);
    EXPECT_EQ(r->kernel.address, 0x100000u);
    EXPECT_EQ(r->setup.bytes.size(), 2560u);
    EXPECT_EQ(r->kernel.bytes.size(), 100000u);
    EXPECT_EQ(std::string(r->cmdline.bytes.begin(), r->cmdline.bytes.end()),
              std::string("console=ttyS0 vga=ext\0", 22));
    // 256 KiB are left to the firmware, and the rest is rounded down to a page.
    EXPECT_EQ(r->initrd.address, (kRam - 0x40000 - 0x12345) & ~0xfffull);
    EXPECT_EQ(r->initrd.bytes, initrd);

    const auto& s = r->setup.bytes;
    EXPECT_EQ(s[0x210], 0xb0);
    EXPECT_EQ(s[0x211], 0x81);
    EXPECT_EQ(load_le<uint16_t>(&s[0x1fa]), 0xfffe);
    EXPECT_EQ(load_le<uint16_t>(&s[0x224]), 0xfe00);
    EXPECT_EQ(load_le<uint32_t>(&s[0x228]), 0x20000u);
    EXPECT_EQ(load_le<uint32_t>(&s[0x218]), r->initrd.address);
    EXPECT_EQ(load_le<uint32_t>(&s[0x21c]), 0x12345u);
    EXPECT_EQ(load_le<uint32_t>(&s[0x214]), 0x100000u);
    EXPECT_EQ(load_le<uint16_t>(&s[0x20]), 0);
}

TEST(LinuxLoader, InitrdLimits) {
    auto kernel = make_kernel(0x203, true);
    store_le(&kernel[0x22c], 0x07ffffffu);
    const std::vector<uint8_t> initrd(0x1000);
    EXPECT_EQ(load_linux(kernel, initrd, "", 0xc0000000)->initrd.address, 0x07fff000u);
    EXPECT_EQ(load_linux(make_kernel(0x202, true), initrd, "", 0xc0000000)->initrd.address,
              0x37fff000u);
    EXPECT_EQ(load_linux(make_kernel(0x20f, true), initrd, "", 0xc0000000)->initrd.address,
              0x7ffff000u);
    // mem= keeps it below what the kernel will use.
    EXPECT_EQ(load_linux(make_kernel(0x20f, true), initrd, "quiet mem=64M", kRam)->initrd.address,
              0x03fff000u);
    EXPECT_EQ(load_linux(make_kernel(0x20f, true), initrd, "x mem=0x2000000", kRam)->initrd.address,
              0x01fff000u);
}

TEST(LinuxLoader, OldProtocols) {
    const auto bz200 = load_linux(make_kernel(0x200, true), {}, "root=/dev/hda1", kRam);
    ASSERT_TRUE(bz200) << error_of(bz200);
    EXPECT_EQ(bz200->setup.address, 0x90000u);
    EXPECT_EQ(bz200->kernel.address, 0x100000u);
    EXPECT_EQ(bz200->cmdline.address, (0x9a000u - 15) & ~15u);
    EXPECT_EQ(load_le<uint16_t>(&bz200->setup.bytes[0x20]), 0xa33f);
    EXPECT_EQ(load_le<uint16_t>(&bz200->setup.bytes[0x22]), bz200->cmdline.address - 0x90000);
    EXPECT_EQ(bz200->setup.bytes[0x210], 0xb0);
    EXPECT_EQ(bz200->setup.bytes[0x211], 0x01);  // no heap before 2.01

    const auto bz201 = load_linux(make_kernel(0x201, true), {}, "", kRam);
    ASSERT_TRUE(bz201);
    EXPECT_EQ(bz201->setup.bytes[0x211], 0x81);
    EXPECT_EQ(load_le<uint16_t>(&bz201->setup.bytes[0x224]), 0x9ff0 - 0x200);

    const auto z202 = load_linux(make_kernel(0x202, false), {}, "x", kRam);
    ASSERT_TRUE(z202);
    EXPECT_EQ(z202->setup.address, 0x90000u);
    EXPECT_EQ(z202->kernel.address, 0x10000u);
    EXPECT_EQ(load_le<uint32_t>(&z202->setup.bytes[0x228]), z202->cmdline.address);

    const auto ancient = load_linux(make_kernel(0, false), {}, "x", kRam);
    ASSERT_TRUE(ancient) << error_of(ancient);
    EXPECT_EQ(ancient->kernel.address, 0x10000u);
    EXPECT_EQ(ancient->setup.bytes[0x210], 0);
    EXPECT_EQ(load_le<uint16_t>(&ancient->setup.bytes[0x20]), 0xa33f);
}

TEST(LinuxLoader, VideoModes) {
    const auto mode = [](std::string_view cmdline) {
        const auto r = load_linux(make_kernel(0x20f, true), {}, cmdline, kRam);
        return r ? int{load_le<uint16_t>(&r->setup.bytes[0x1fa])} : -1;
    };
    EXPECT_EQ(mode("vga=normal"), 0xffff);
    EXPECT_EQ(mode("quiet vga=ask single"), 0xfffd);
    EXPECT_EQ(mode("vga=791"), 791);
    EXPECT_EQ(mode("vga=0x317"), 0x317);
    EXPECT_EQ(mode("vga=017"), 15);
    EXPECT_EQ(mode("novga=5 quiet"), 0);
    EXPECT_EQ(mode("vga=nice"), -1);
    EXPECT_EQ(mode("vga="), -1);
    EXPECT_EQ(mode("vga=0x10000"), -1);
}

TEST(LinuxLoader, Refusals) {
    const auto starts = [](const Result<LinuxImage>& r, std::string_view with) {
        EXPECT_EQ(error_of(r).substr(0, with.size()), with);
        EXPECT_EQ(error_of(r).find('\n'), std::string::npos);
    };
    const auto good = make_kernel(0x20f, true);
    starts(load_linux({}, {}, "", kRam), "-kernel: the file isn't a Linux kernel image");

    std::vector<uint8_t> other(0x4000);
    store_le(&other[0x1000], uint32_t{0x1badb002});
    store_le(&other[0x1008], ~uint32_t{0x1badb002} + 1);
    starts(load_linux(other, {}, "", kRam), "-kernel: the file is a multiboot kernel");
    store_le(&other[0x1fe], uint16_t{0xaa55});
    starts(load_linux(other, {}, "", kRam), "-kernel: the file is a multiboot kernel");
    std::vector<uint8_t> multiboot2(0x4000);
    store_le(&multiboot2[0x40], uint32_t{0xe85250d6});
    store_le(&multiboot2[0x48], uint32_t{24});
    store_le(&multiboot2[0x4c], ~(0xe85250d6 + 24) + 1);
    starts(load_linux(multiboot2, {}, "", kRam), "-kernel: the file is a multiboot kernel");
    std::vector<uint8_t> elf(0x4000);
    std::copy_n("\x7f" "ELF", 4, elf.begin());
    starts(load_linux(elf, {}, "", kRam), "-kernel: the file is an ELF file");
    std::vector<uint8_t> disk(0x4000);  // boot sector, no kernel
    store_le(&disk[0x1fe], uint16_t{0xaa55});
    starts(load_linux(disk, {}, "", kRam), "-kernel: the file isn't a Linux kernel image");

    starts(load_linux(std::span(good).first(2000), {}, "", kRam), "-kernel: the file ends");
    starts(load_linux(make_kernel(0x203, false, 0x80001), {}, "", kRam), "-kernel: a zImage has");
    starts(load_linux(good, {}, "", 0x1000000), "-kernel: the kernel needs 25 MiB of memory");
    starts(load_linux(good, {}, std::string(2048, 'x'), kRam), "-append: the command line");
    starts(load_linux(make_kernel(0x205, true), {}, std::string(256, 'x'), kRam), "-append: ");
    EXPECT_TRUE(load_linux(good, {}, std::string(2047, 'x'), kRam));
    starts(load_linux(good, std::vector<uint8_t>(0xf000000), "", kRam), "-initrd: 240 MiB ");
    const auto old = make_kernel(0, false);
    starts(load_linux(old, std::vector<uint8_t>(1), "", kRam), "-initrd: this kernel's");
}

TEST(LinuxLoader, FirmwareItems) {
    test::FlatDma dma(16);
    FwCfg fw_cfg(dma);
    auto image = load_linux(make_kernel(0x20f, true), std::vector<uint8_t>(5), "quiet", kRam);
    ASSERT_TRUE(image);
    add_linux(fw_cfg, *image);
    const auto number = [&fw_cfg](uint16_t key) {
        return load_le<uint32_t>(fw_cfg.item(key)->data());
    };
    EXPECT_EQ(number(fw_cfg_key::kSetupAddr), 0x10000u);
    EXPECT_EQ(number(fw_cfg_key::kSetupSize), 2560u);
    EXPECT_EQ(number(fw_cfg_key::kCmdlineAddr), 0x20000u);
    EXPECT_EQ(number(fw_cfg_key::kCmdlineSize), 6u);
    EXPECT_EQ(number(fw_cfg_key::kKernelAddr), 0x100000u);
    EXPECT_EQ(number(fw_cfg_key::kKernelSize), 100000u);
    EXPECT_EQ(number(fw_cfg_key::kInitrdAddr), image->initrd.address);
    EXPECT_EQ(number(fw_cfg_key::kInitrdSize), 5u);
    EXPECT_EQ(fw_cfg.item(fw_cfg_key::kKernelData)->size(), 100000u);
    EXPECT_TRUE(fw_cfg.file("genroms/linuxboot.bin"));
}

TEST(LinuxLoader, OptionRomIsValid) {
    const auto rom = linuxboot_rom();
    const auto sum = [](std::span<const uint8_t> bytes) {
        return std::accumulate(bytes.begin(), bytes.end(), 0) & 0xff;
    };
    ASSERT_EQ(rom.size() % 512, 0u);
    EXPECT_EQ(load_le<uint16_t>(&rom[0]), 0xaa55);
    EXPECT_EQ(rom[2] * 512u, rom.size());
    EXPECT_EQ(sum(rom), 0);
    const size_t pnp = load_le<uint16_t>(&rom[0x1a]);
    const auto header = rom.subspan(pnp, 32);
    EXPECT_EQ(std::string(header.begin(), header.begin() + 4), "$PnP");
    EXPECT_EQ(sum(header), 0);
    const size_t vector = load_le<uint16_t>(&rom[pnp + 0x1a]);
    EXPECT_GT(vector, pnp);
    EXPECT_LT(vector, rom.size());
}

}  // namespace
}  // namespace qr
