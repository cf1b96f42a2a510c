// SPDX-License-Identifier: GPL-2.0-or-later
#include "system/perf_map.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "target/i386/tcg/listing.h"

namespace qr {

// perf wants this name, in a folder where everybody may put links.
Result<std::unique_ptr<PerfMap>> PerfMap::create() {
    const std::string name = fmt::format("/tmp/perf-{}.map", getpid());
    std::unique_ptr<PerfMap> map(new PerfMap);
    const int fd = open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd >= 0) map->file_.reset(fdopen(fd, "w"));
    if (!map->file_) return Error{fmt::format("-perfmap: could not open {}: {}", name, std::strerror(errno))};
    return map;
}

void PerfMap::add(uint64_t address, uint64_t size, const std::string& name) {
    fmt::print(file_.get(), "{:x} {:x} {}\n", address, size, name);
}

void PerfMap::restarted(std::span<const i386::ObservedThunk> thunks) {
    for (const i386::ObservedThunk& t : thunks) add(t.address, t.size, fmt::format("translator {}", t.name));
}

void PerfMap::translated(const i386::ObservedBlock& block) {
    const std::string name = "guest " + block_name(block);
    add(block.code.address, block.code.bytes.size(), name);
    add(block.cold.address, block.cold.bytes.size(), name + " rare");
}

}  // namespace qr
