// SPDX-License-Identifier: GPL-2.0-or-later
#include "system/firmware.h"

#include <fmt/format.h>

#include "system/machine_config.h"

namespace qr {

namespace {
constexpr const char* kPackageDirectories[] = {"/usr/share/seabios", "/usr/share/qemu"};
constexpr uint64_t kLargest = 16 << 20;
}  // namespace

Result<std::vector<uint8_t>> load_firmware(const std::string& name,
                                           const std::vector<std::string>& directories) {
    std::vector<std::string> places;
    if (name.find('/') != std::string::npos) {
        places.push_back(name);
    } else {
        for (const std::string& d : directories) places.push_back(d + '/' + name);
        places.push_back(name);
        for (const char* d : kPackageDirectories) places.push_back(std::string(d) + '/' + name);
    }
    std::string why = "No such file or directory";
    for (const std::string& place : places) {
        auto bytes = read_file(place, kLargest);
        if (bytes) return bytes;
        if (place == name) why = bytes.error().message;
    }
    return Error{fmt::format("could not load firmware '{}': {}; -L names directories to look in, and the "
                             "package seabios has the usual files",
                             name, why)};
}

Result<std::vector<uint8_t>> load_bios(const std::string& name,
                                       const std::vector<std::string>& directories) {
    auto bytes = load_firmware(name, directories);
    if (!bytes) return bytes;
    if (bytes->empty() || bytes->size() % 0x10000) {
        return Error{fmt::format("-bios {}: the file has {} bytes: a PC BIOS has a multiple of 64 KiB",
                                 name, bytes->size())};
    }
    return bytes;
}

}  // namespace qr
