// SPDX-License-Identifier: GPL-2.0-or-later
//
// An image from what the user says about it: storage, format, and the chain of backing files. Source: none.
#include <sys/stat.h>

#include <algorithm>

#include <fmt/format.h>

#include "block/image.h"
#include "block/qcow2.h"

namespace qr {

namespace {

constexpr size_t kLongestChain = 200;

// Which file it is, whatever its name.
std::string identity_of(const std::string& file) {
    struct stat st {};
    if (!is_nbd_address(file) && stat(file.c_str(), &st) == 0) return fmt::format("{}:{}", st.st_dev, st.st_ino);
    return file;
}

// A backing file's name is relative to the image that has it.
std::string resolve(const std::string& name, const std::string& image) {
    std::string path = name.starts_with("file:") && !name.starts_with("file://") ? name.substr(5) : name;
    if (path.starts_with('/') || is_nbd_address(path) || path.find("://") != std::string::npos || is_nbd_address(image))
        return path;
    const size_t slash = image.rfind('/');
    return slash == std::string::npos ? path : image.substr(0, slash + 1) + path;
}

Result<std::unique_ptr<Image>> open_in_chain(const ImageSpec& spec, std::vector<std::string>& chain) {
    const auto refuse = [&](const std::string& why) {
        return Error{fmt::format("Could not open '{}': {}", spec.file, why)};
    };
    const std::string identity = identity_of(spec.file);
    if (std::ranges::find(chain, identity) != chain.end()) return refuse("the chain of backing files is a loop");
    if (chain.size() >= kLongestChain) return refuse(fmt::format("the chain of backing files is longer than {}", kLongestChain));
    chain.push_back(identity);

    if (!spec.format.empty() && spec.format != "raw" && spec.format != "qcow2" && spec.format != "file" &&
        spec.format != "nbd" && spec.format != "host_device" && spec.format != "host_cdrom")
        return Error{fmt::format("Unknown driver '{}'", spec.format)};
    auto storage = is_nbd_address(spec.file) ? open_nbd(spec) : open_file(spec);
    if (!storage) return storage.error();
    std::string format = spec.format;
    if (format.empty()) {
        std::vector<uint8_t> start(std::min<uint64_t>((*storage)->size(), 2048));
        if (auto done = (*storage)->read(0, start); !done.ok()) return refuse(done.message);
        format = probe_format(start);
        if (format != "raw" && format != "qcow2")
            return refuse(fmt::format("it has format '{}', which isn't supported: expected raw or qcow2, or another through "
                                      "'qemu-nbd --socket=PATH' and nbd+unix:///?socket=PATH",
                                      format));
        if (format == "raw" && !spec.read_only && spec.warn) {
            spec.warn(fmt::format("WARNING: Image format was not specified for '{}' and probing guessed raw. A guest can't "
                                  "write another format's header to its block 0: give format=raw to allow that.",
                                  spec.file));
        }
    }
    if (format != "qcow2") return make_raw(std::move(*storage), spec, spec.format.empty() && !spec.read_only);
    auto image = Qcow2Image::open(std::move(*storage), spec, [&](const std::string& file, const std::string& backing_format) {
        ImageSpec below;
        below.file = resolve(file, spec.file);
        below.format = backing_format;
        below.read_only = true;
        below.direct = spec.direct;
        below.lock = spec.lock;
        return open_in_chain(below, chain);
    });
    if (!image) return image.error();
    return std::unique_ptr<Image>(std::move(*image));
}

}  // namespace

Result<std::unique_ptr<Image>> open_image(const ImageSpec& spec) {
    std::vector<std::string> chain;
    return open_in_chain(spec, chain);
}

}  // namespace qr
