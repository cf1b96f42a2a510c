// SPDX-License-Identifier: GPL-2.0-or-later
#include "util/exec_memory.h"

#include <sys/mman.h>

namespace qr {

// Shared anonymous memory rather than a memfd: perf looks into /tmp/perf-PID.map only for mappings that are called
// "//anon" or "/dev/zero", as these are. mremap(2): with an old size of 0 it maps the same pages once more.
std::unique_ptr<ExecMemory> ExecMemory::create(size_t size, size_t data_size) {
    constexpr int kPrivate = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    std::unique_ptr<ExecMemory> memory(new ExecMemory);
    memory->size_ = size;
    memory->data_size_ = data_size;
    void* w = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (w == MAP_FAILED) return nullptr;
    memory->writable_ = static_cast<uint8_t*>(w);
    void* x = mmap(nullptr, size + data_size, PROT_READ | PROT_WRITE, kPrivate, -1, 0);
    if (x == MAP_FAILED) return nullptr;
    memory->executable_ = static_cast<uint8_t*>(x);
    if (mremap(w, 0, size, MREMAP_MAYMOVE | MREMAP_FIXED, x) != x) return nullptr;
    if (mprotect(x, size, PROT_READ | PROT_EXEC) != 0) return nullptr;
    return memory;
}

ExecMemory::~ExecMemory() {
    if (writable_) munmap(writable_, size_);
    if (executable_) munmap(executable_, size_ + data_size_);
}

}  // namespace qr
