// SPDX-License-Identifier: GPL-2.0-or-later
// Screendumps: what a reader gets back is what was written, and what goes wrong is said.
#include "ui/image_file.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <png.h>

namespace qr {
namespace {

struct ImageFileTest : testing::Test {
    std::string path = testing::TempDir() + "qr-image-" + std::to_string(getpid());
    Surface surface;
    void SetUp() override {
        surface.resize(31, 7);
        for (unsigned y = 0; y < 7; ++y)
            for (unsigned x = 0; x < 31; ++x) surface.row(y)[x] = x << 16 | y << 11 | (x * y & 0xff);
    }
    void TearDown() override { std::filesystem::remove(path); }
};

TEST_F(ImageFileTest, Ppm) {
    ASSERT_TRUE(write_screendump(surface, path, ImageFormat::kPpm));
    std::ifstream file(path, std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    const std::string header = "P6\n31 7\n255\n";
    ASSERT_EQ(text.size(), header.size() + 31 * 7 * 3);
    EXPECT_EQ(text.substr(0, header.size()), header);
    const size_t at = header.size() + (5 * 31 + 9) * 3;
    EXPECT_EQ(text.substr(at, 3), std::string("\x09\x28\x2d", 3));
}

TEST_F(ImageFileTest, Png) {
    ASSERT_TRUE(write_screendump(surface, path, ImageFormat::kPng));
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    ASSERT_TRUE(png_image_begin_read_from_file(&image, path.c_str()));
    EXPECT_EQ(image.width, 31u);
    EXPECT_EQ(image.height, 7u);
    image.format = PNG_FORMAT_BGRA;  // 0xAARRGGBB
    std::vector<uint32_t> pixels(31 * 7);
    ASSERT_TRUE(png_image_finish_read(&image, nullptr, pixels.data(), 0, nullptr));
    for (size_t i = 0; i < pixels.size(); ++i) EXPECT_EQ(pixels[i], 0xff000000 | surface.pixels()[i]);
}

TEST_F(ImageFileTest, Failures) {
    const auto nowhere = write_screendump(surface, "/nonexistent/x.png", ImageFormat::kPng);
    ASSERT_FALSE(nowhere);
    EXPECT_EQ(nowhere.error().message, "failed to open file '/nonexistent/x.png': No such file or directory");
    for (const ImageFormat format : {ImageFormat::kPng, ImageFormat::kPpm}) {
        const auto full = write_screendump(surface, "/dev/full", format);
        ASSERT_FALSE(full);
        EXPECT_NE(full.error().message.find("No space left"), std::string::npos) << full.error().message;
    }
    EXPECT_FALSE(write_screendump(Surface(), path, ImageFormat::kPpm));
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(ImageFormat, Names) {
    EXPECT_EQ(image_format("png"), ImageFormat::kPng);
    EXPECT_EQ(image_format("ppm"), ImageFormat::kPpm);
    EXPECT_FALSE(image_format("gif"));
}

}  // namespace
}  // namespace qr
