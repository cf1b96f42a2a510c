// SPDX-License-Identifier: GPL-2.0-or-later
//
// Floppy formats by size; see floppy_medium.h for the sources.
#include "hw/block/floppy_medium.h"

#include <fmt/format.h>

namespace qr {

namespace {

using enum FloppyDriveType;
using enum FloppyRate;

// The first row of a drive is what it was made for. Sizes are unique within a drive's rows.
constexpr FloppyFormat kFormats[] = {
    // 3.5 inch, high density
    {80, 2, 18, k500, k144},
    {80, 2, 20, k500, k144},
    {80, 2, 21, k500, k144},
    {82, 2, 21, k500, k144},
    {83, 2, 21, k500, k144},
    {80, 2, 22, k500, k144},
    {80, 2, 23, k500, k144},
    {80, 2, 24, k500, k144},
    // 3.5 inch, double density
    {80, 2, 9, k250, k144},
    {80, 2, 10, k250, k144},
    {82, 2, 10, k250, k144},
    {83, 2, 10, k250, k144},
    {80, 2, 13, k250, k144},
    {80, 2, 14, k250, k144},
    // 3.5 inch, extended density
    {80, 2, 36, k1000, k288},
    {80, 2, 39, k1000, k288},
    {80, 2, 40, k1000, k288},
    {80, 2, 44, k1000, k288},
    {80, 2, 48, k1000, k288},
    // 5.25 inch in a drive for high density
    {80, 2, 15, k500, k120},
    {80, 2, 18, k500, k120},
    {82, 2, 18, k500, k120},
    {83, 2, 18, k500, k120},
    {80, 2, 20, k500, k120},
    {40, 2, 9, k300, k120},
    {40, 2, 8, k300, k120},
    {40, 1, 9, k300, k120},
    {40, 1, 8, k300, k120},
    {41, 2, 10, k300, k120},
    {42, 2, 10, k300, k120},
};

// A drive for extended density takes all 3.5 inch media.
bool takes(FloppyDriveType drive, FloppyDriveType format) {
    return drive == format || (drive == k288 && format == k144);
}

}  // namespace

const FloppyFormat& floppy_format(uint64_t bytes, FloppyDriveType drive) {
    for (const FloppyFormat& f : kFormats)
        if (takes(drive, f.drive) && f.bytes() == bytes) return f;
    for (const FloppyFormat& f : kFormats)
        if (f.drive == drive) return f;
    return kFormats[0];
}

FloppyDriveType floppy_drive_for(uint64_t bytes) {
    if (!bytes) return k288;
    for (const FloppyFormat& f : kFormats)
        if (f.bytes() == bytes) return f.drive;
    return bytes <= kFormats[0].bytes() ? k144 : k288;
}

Result<FloppyDriveType> parse_floppy_drive(const std::string& text, uint64_t bytes) {
    if (text.empty() || text == "auto") return floppy_drive_for(bytes);
    if (text == "120") return k120;
    if (text == "144") return k144;
    if (text == "288") return k288;
    if (text == "none") return kNone;
    return Error{fmt::format("drive-type={}: expected 120, 144, 288, none or auto", text)};
}

}  // namespace qr
