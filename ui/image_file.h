// SPDX-License-Identifier: GPL-2.0-or-later
// Pictures as files, for `screendump`: PNG (ISO/IEC 15948), 8 bits a colour, and PPM (the Netpbm manual, "P6").
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "ui/picture.h"
#include "util/result.h"

namespace qr {

enum class ImageFormat { kPpm, kPng };

std::optional<ImageFormat> image_format(std::string_view name);

// Any thread. Errors name the file. A file that couldn't be written in full is removed.
Result<void> write_screendump(const Surface& surface, const std::string& path, ImageFormat format);

}  // namespace qr
