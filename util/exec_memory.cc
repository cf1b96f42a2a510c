// SPDX-License-Identifier: GPL-2.0-or-later
#include "util/exec_memory.h"

#include <sys/mman.h>
#include <unistd.h>

namespace qr {

std::unique_ptr<ExecMemory> ExecMemory::create(size_t size) {
    const int fd = memfd_create("code", MFD_CLOEXEC);
    if (fd < 0) return nullptr;
    std::unique_ptr<ExecMemory> memory(new ExecMemory);
    memory->size_ = size;
    if (ftruncate(fd, static_cast<off_t>(size)) == 0) {
        void* w = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        void* x = mmap(nullptr, size, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
        if (w != MAP_FAILED) memory->writable_ = static_cast<uint8_t*>(w);
        if (x != MAP_FAILED) memory->executable_ = static_cast<uint8_t*>(x);
    }
    close(fd);
    return memory->writable_ && memory->executable_ ? std::move(memory) : nullptr;
}

ExecMemory::~ExecMemory() {
    if (writable_) munmap(writable_, size_);
    if (executable_) munmap(const_cast<uint8_t*>(executable_), size_);
}

}  // namespace qr
