// SPDX-License-Identifier: GPL-2.0-or-later
//
// Memory for generated code: the same pages mapped twice, once for writing and once for executing, so that no page
// is ever both.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace qr {

class ExecMemory {
  public:
    // size: bytes, a multiple of 4 KiB. Null if the host refuses.
    static std::unique_ptr<ExecMemory> create(size_t size);
    ~ExecMemory();
    ExecMemory(const ExecMemory&) = delete;
    ExecMemory& operator=(const ExecMemory&) = delete;

    uint8_t* writable() { return writable_; }
    const uint8_t* executable() const { return executable_; }
    size_t size() const { return size_; }

  private:
    ExecMemory() = default;
    uint8_t* writable_ = nullptr;
    uint8_t* executable_ = nullptr;
    size_t size_ = 0;
};

}  // namespace qr
