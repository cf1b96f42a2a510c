// SPDX-License-Identifier: GPL-2.0-or-later
//
// A forked process's own copy of generated code; see private_code.h.
// Source: mmap(2), memfd_create(2), mincore(2), proc(5) on /proc/pid/maps.
#include "tests/lockstep/private_code.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <map>
#include <utility>
#include <vector>

#include <sys/mman.h>
#include <unistd.h>

namespace qr::lockstep {

namespace {

constexpr size_t kPage = 4096;

struct Mapping {
    uint8_t* start = nullptr;
    size_t size = 0;
    int protection = 0;
    uint64_t offset = 0;
};

// The mappings of shared memory that code is executed in, by its inode.
std::map<uint64_t, std::vector<Mapping>> code_memory() {
    std::map<uint64_t, std::vector<Mapping>> files;
    std::FILE* maps = std::fopen("/proc/self/maps", "re");
    if (!maps) return files;
    char line[512];
    while (std::fgets(line, sizeof line, maps)) {
        unsigned long first, last, offset, inode;
        char rights[5];
        // Anonymous, or made here before.
        if (!std::strstr(line, " /dev/zero (deleted)") && !std::strstr(line, " /memfd:code")) continue;
        if (std::sscanf(line, "%lx-%lx %4s %lx %*s %lu", &first, &last, rights, &offset, &inode) != 5) continue;
        if (rights[3] != 's') continue;
        const int protection = (rights[0] == 'r' ? PROT_READ : 0) | (rights[1] == 'w' ? PROT_WRITE : 0) |
                               (rights[2] == 'x' ? PROT_EXEC : 0);
        files[inode].push_back({reinterpret_cast<uint8_t*>(first), last - first, protection, offset});
    }
    std::fclose(maps);
    std::erase_if(files, [](const auto& file) {
        return std::ranges::none_of(file.second, [](const Mapping& m) { return m.protection & PROT_EXEC; });
    });
    return files;
}

// Pages that were never written stay holes.
bool copy_pages(int to, const Mapping& from) {
    std::vector<unsigned char> resident(from.size / kPage);
    if (mincore(from.start, from.size, resident.data())) return false;
    for (size_t n = 0; n < resident.size(); ++n) {
        if (!(resident[n] & 1)) continue;
        const auto at = static_cast<off_t>(from.offset + n * kPage);
        if (pwrite(to, from.start + n * kPage, kPage, at) != static_cast<ssize_t>(kPage)) return false;
    }
    return true;
}

bool unshare(const std::vector<Mapping>& mappings) {
    const int copy = memfd_create("code", MFD_CLOEXEC);
    if (copy < 0) return false;
    uint64_t size = 0;
    for (const Mapping& m : mappings) size = std::max(size, m.offset + m.size);
    bool good = !ftruncate(copy, static_cast<off_t>(size));
    bool whole = false;
    for (const Mapping& m : mappings) {
        if (!good || whole || !(m.protection & PROT_READ)) continue;
        good = copy_pages(copy, m);
        whole = m.size == size;
    }
    for (const Mapping& m : mappings)
        good = good && mmap(m.start, m.size, m.protection, MAP_SHARED | MAP_FIXED, copy,
                            static_cast<off_t>(m.offset)) != MAP_FAILED;
    close(copy);
    return good;
}

}  // namespace

bool unshare_code() {
    for (const auto& [inode, mappings] : code_memory())
        if (!unshare(mappings)) return false;
    return true;
}

}  // namespace qr::lockstep
