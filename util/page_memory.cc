// SPDX-License-Identifier: GPL-2.0-or-later
#include "util/page_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

namespace qr {

uint8_t* allocate_pages(uint64_t size) {
    void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? nullptr : static_cast<uint8_t*>(memory);
}

void free_pages(uint8_t* memory, uint64_t size) {
    if (memory) munmap(memory, size);
}

// Without the kernel's help (before Linux 5.14) the faults come one by one.
void populate_pages(uint8_t* memory, uint64_t size) { static_cast<void>(madvise(memory, size, MADV_POPULATE_WRITE)); }

// proc(5), /proc/pid/pagemap: a page that is neither present (bit 63) nor swapped out (bit 62) was never
// touched, for memory that is private and no file's, as ours.
std::vector<bool> touched_pages(const uint8_t* memory, uint64_t size) {
    constexpr uint64_t kPage = 4096;
    std::vector<bool> touched(size / kPage, true);
    if (sysconf(_SC_PAGESIZE) != static_cast<long>(kPage)) return touched;
    const int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return touched;
    const uint64_t first = reinterpret_cast<uintptr_t>(memory) / kPage;
    std::vector<uint64_t> entries(4096);
    for (uint64_t page = 0; page < touched.size();) {
        const uint64_t n = std::min<uint64_t>(entries.size(), touched.size() - page);
        const ssize_t bytes = static_cast<ssize_t>(n * sizeof(uint64_t));
        if (pread(fd, entries.data(), n * sizeof(uint64_t),
                  static_cast<off_t>((first + page) * sizeof(uint64_t))) != bytes)
            break;
        for (uint64_t i = 0; i < n; ++i) touched[page + i] = entries[i] >> 62;
        page += n;
    }
    close(fd);
    return touched;
}

}  // namespace qr
