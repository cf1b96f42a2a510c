// SPDX-License-Identifier: GPL-2.0-or-later
#include "util/exec_memory.h"

#include <sys/mman.h>

namespace qr {

// Shared anonymous memory rather than a memfd: perf looks into /tmp/perf-PID.map only for mappings that are called
// "//anon" or "/dev/zero", as these are. mremap(2): with an old size of 0 it maps the same pages once more.
std::unique_ptr<ExecMemory> ExecMemory::create(size_t size) {
    void* w = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (w == MAP_FAILED) return nullptr;
    std::unique_ptr<ExecMemory> memory(new ExecMemory);
    memory->size_ = size;
    memory->writable_ = static_cast<uint8_t*>(w);
    void* x = mremap(w, 0, size, MREMAP_MAYMOVE);
    if (x == MAP_FAILED) return nullptr;
    memory->executable_ = static_cast<uint8_t*>(x);
    if (mprotect(x, size, PROT_READ | PROT_EXEC) != 0) return nullptr;
    return memory;
}

ExecMemory::~ExecMemory() {
    if (writable_) munmap(writable_, size_);
    if (executable_) munmap(const_cast<uint8_t*>(executable_), size_);
}

}  // namespace qr
