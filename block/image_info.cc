// SPDX-License-Identifier: GPL-2.0-or-later
//
// What there is to say of an image; see image_info.h. Source: none.
#include "block/image_info.h"

#include <sys/stat.h>

#include "block/qcow2.h"

namespace qr {

namespace {
constexpr uint64_t kSector = 512;  // stat's, too
}  // namespace

ImageInfo describe_image(Image& image) {
    ImageInfo info;
    info.file = image.name();
    info.format = image.format();
    // Of a file that ends within a sector the rest reads as zeroes.
    info.size = (image.size() + kSector - 1) / kSector * kSector;
    info.read_only = image.read_only();
    struct stat st {};
    if (!is_nbd_address(info.file) && stat(info.file.c_str(), &st) == 0)
        info.bytes_on_host = static_cast<uint64_t>(st.st_blocks) * kSector;
    if (const auto* qcow2 = dynamic_cast<const Qcow2Image*>(&image)) {
        info.qcow2 = qcow2->header();
        info.snapshots = qcow2->snapshots();
    }
    if (Image* below = image.backing()) info.backing = std::make_unique<ImageInfo>(describe_image(*below));
    return info;
}

}  // namespace qr
