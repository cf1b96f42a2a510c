// SPDX-License-Identifier: GPL-2.0-or-later
//
// replay-disk: what is to be done with the disks of a recording afterwards.
#include <sys/stat.h>

#include <cstdio>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "block/image.h"
#include "block/overlay.h"

namespace {

using namespace qr;

constexpr const char* kUsage =
    "usage: replay-disk info OVERLAY\n"
    "       replay-disk commit OVERLAY [IMAGE]\n"
    "       replay-disk commit --force OVERLAY [IMAGE]\n"
    "\n"
    "A recording with disks leaves their images as they were: what the guest wrote is in overlays beside the log\n"
    "(LOG.DRIVE.overlay). commit writes it into the image, or into IMAGE, a copy of it. An image that was written\n"
    "since the recording began is left alone without --force.\n"
    "The recording can't be replayed with the image that was written: keep a copy for that.\n";

int fail(const std::string& why) {
    fmt::print(stderr, "replay-disk: {}\n", why);
    return 1;
}

int info(const Overlay& overlay) {
    const auto& o = overlay.origin();
    fmt::print("drive: {}\nimage: {}\nformat: {}\ndisk size: {}\nwritten: {} bytes\n", o.drive, o.image, o.format, o.size,
               overlay.written_bytes());
    return 0;
}

int commit(Overlay& overlay, const std::string& image_name, bool force) {
    const auto& o = overlay.origin();
    ImageSpec spec;
    spec.file = image_name.empty() ? o.image : image_name;
    spec.format = image_name.empty() ? o.format : std::string();
    struct stat st {};
    if (!force && image_name.empty() && o.file_size && stat(o.image.c_str(), &st) == 0) {
        const int64_t modified = st.st_mtim.tv_sec * int64_t{1'000'000'000} + st.st_mtim.tv_nsec;
        if (static_cast<uint64_t>(st.st_size) != o.file_size || modified != o.modified_ns)
            return fail(fmt::format("'{}' was written since the recording began: --force commits all the same", o.image));
    }
    auto image = open_image(spec);
    if (!image) return fail(image.error().message);
    const auto bytes = commit_overlay(overlay, **image);
    if (!bytes) return fail(bytes.error().message);
    fmt::print("{} bytes written into '{}'\n", *bytes, spec.file);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    std::vector<std::string> words(argv + 1, argv + argc);
    const bool force = std::erase(words, "--force") > 0;
    if (words.size() < 2 || words.size() > 3 || (words[0] != "info" && words[0] != "commit") ||
        (words[0] == "info" && words.size() != 2)) {
        std::fputs(kUsage, stderr);
        return 2;
    }
    auto overlay = Overlay::open(words[1]);
    if (!overlay) return fail(overlay.error().message);
    if (words[0] == "info") return info(**overlay);
    return commit(**overlay, words.size() > 2 ? words[2] : std::string(), force);
}
