// SPDX-License-Identifier: GPL-2.0-or-later
//
// PNG by libpng, PPM by hand. Source: see image_file.h.
#include "ui/image_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include <fmt/format.h>
#include <png.h>
#include <sys/stat.h>
#include <unistd.h>

namespace qr {

namespace {

struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Close>;

// Red, green, blue.
std::vector<uint8_t> bytes_of(const Surface& surface) {
    std::vector<uint8_t> bytes;
    bytes.reserve(surface.pixels().size() * 3);
    for (const uint32_t pixel : surface.pixels())
        for (const int shift : {16, 8, 0}) bytes.push_back(static_cast<uint8_t>(pixel >> shift));
    return bytes;
}

bool write_ppm(const Surface& surface, std::FILE* file) {
    const std::string header = fmt::format("P6\n{} {}\n255\n", surface.width(), surface.height());
    const std::vector<uint8_t> bytes = bytes_of(surface);
    return std::fwrite(header.data(), 1, header.size(), file) == header.size() &&
           std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
}

// libpng's simplified interface, which leaves by its return value.
bool write_png(const Surface& surface, std::FILE* file) {
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    image.width = surface.width();
    image.height = surface.height();
    image.format = PNG_FORMAT_RGB;
    const std::vector<uint8_t> bytes = bytes_of(surface);
    return png_image_write_to_stdio(&image, file, 0, bytes.data(), 0, nullptr);
}

}  // namespace

std::optional<ImageFormat> image_format(std::string_view name) {
    if (name == "ppm") return ImageFormat::kPpm;
    if (name == "png") return ImageFormat::kPng;
    return {};
}

Result<void> write_screendump(const Surface& surface, const std::string& path, ImageFormat format) {
    if (surface.pixels().empty()) return Error{fmt::format("{}: there is no picture to write", path)};
    errno = 0;
    File file(std::fopen(path.c_str(), "wb"));
    if (!file) return Error{fmt::format("failed to open file '{}': {}", path, std::strerror(errno))};
    const bool written = format == ImageFormat::kPng ? write_png(surface, file.get()) : write_ppm(surface, file.get());
    const bool flushed = std::fflush(file.get()) == 0;
    if (written && flushed) return {};
    const int why = errno;
    struct stat status {};
    if (fstat(fileno(file.get()), &status) == 0 && S_ISREG(status.st_mode)) unlink(path.c_str());
    return Error{fmt::format("failed to write file '{}': {}", path, why ? std::strerror(why) : "it can't be a PNG")};
}

}  // namespace qr
