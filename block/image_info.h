// SPDX-License-Identifier: GPL-2.0-or-later
//
// What there is to say of an image, for QMP's query-block. Source: none.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "block/image.h"
#include "block/qcow2_format.h"

namespace qr {

struct ImageInfo {
    std::string file, format;
    uint64_t size = 0;
    std::optional<uint64_t> bytes_on_host;
    std::optional<qcow2::Header> qcow2;
    std::vector<qcow2::Snapshot> snapshots;
    bool read_only = false;
    std::unique_ptr<ImageInfo> backing;
};

// On the image's thread.
ImageInfo describe_image(Image& image);

}  // namespace qr
