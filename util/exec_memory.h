// SPDX-License-Identifier: GPL-2.0-or-later
//
// Memory for generated code: the same pages mapped twice, once for writing and once for executing, so that no page
// is ever both. Behind the executable view lies data that the code reaches by displacements; it has no second view, as a
// processor's cache may be slow to find by one address what it knows by another (AMD, Software Optimization Guide for
// family 19h, L1 data cache: linear address utags).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace qr {

class ExecMemory {
  public:
    // Sizes: bytes, multiples of 4 KiB. Null if the host refuses.
    static std::unique_ptr<ExecMemory> create(size_t size, size_t data_size);
    ~ExecMemory();
    ExecMemory(const ExecMemory&) = delete;
    ExecMemory& operator=(const ExecMemory&) = delete;

    uint8_t* writable() { return writable_; }
    const uint8_t* executable() const { return executable_; }
    size_t size() const { return size_; }
    uint8_t* data() { return executable_ + size_; }
    size_t data_size() const { return data_size_; }
    // From where data is to where code that is being written has to take it to be: from the writable view it is as far as
    // the data is from the executable one.
    ptrdiff_t data_shift() const { return writable_ - executable_; }

  private:
    ExecMemory() = default;
    uint8_t* writable_ = nullptr;
    uint8_t* executable_ = nullptr;
    size_t size_ = 0, data_size_ = 0;
};

}  // namespace qr
