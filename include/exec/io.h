// SPDX-License-Identifier: GPL-2.0-or-later
// Registers that a device shows to the bus: port I/O and memory-mapped I/O look the same to a device.
// VM thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace qr {

// What a device does on an access. `offset` is relative to the region. `size` is in bytes and between
// min_size and max_size: the bus splits wider accesses into several (lowest address first) and, for
// narrower ones, reads min_size at the aligned offset and takes the part that was asked for (writes
// place the value in its lanes, other lanes zero).
struct IoOps {
    std::function<uint64_t(uint64_t offset, unsigned size)> read;
    std::function<void(uint64_t offset, unsigned size, uint64_t value)> write;
    // The same as read, but without side effects; for debuggers. Absent: shown as all ones.
    std::function<uint64_t(uint64_t offset, unsigned size)> peek;
    unsigned min_size = 1;
    unsigned max_size = 4;
};

// A named run of registers. The device owns it; the board or a PCI BAR maps it somewhere. Must outlive
// its mappings.
class IoRegion {
  public:
    IoRegion(std::string name, uint64_t size, IoOps ops)
        : name_(std::move(name)), size_(size), ops_(std::move(ops)) {}
    IoRegion(const IoRegion&) = delete;
    IoRegion& operator=(const IoRegion&) = delete;

    const std::string& name() const { return name_; }
    uint64_t size() const { return size_; }
    const IoOps& ops() const { return ops_; }

    // size: 1, 2, 4 or 8. An access that runs past the end of the region reads ones there.
    uint64_t read(uint64_t offset, unsigned size) const;
    void write(uint64_t offset, unsigned size, uint64_t value) const;
    uint64_t peek(uint64_t offset, unsigned size) const;

  private:
    // Functions of their own, so that the common case has few registers to save.
    [[gnu::noinline]] uint64_t read_parts(uint64_t offset, unsigned size) const;
    [[gnu::noinline]] void write_parts(uint64_t offset, unsigned size, uint64_t value) const;
    // The device takes the access as it is.
    bool whole(uint64_t offset, unsigned size) const {
        return size >= ops_.min_size && size <= ops_.max_size && !(offset & (size - 1)) && offset + size <= size_;
    }

    std::string name_;
    uint64_t size_;
    IoOps ops_;
};

// Looks on while devices are accessed. It only takes notes: nothing that it does may reach the machine.
class IoTracer {
  public:
    virtual ~IoTracer() = default;
    // What the CPU, or a monitor, asked of a port. size: 1, 2 or 4.
    virtual void port(bool write, uint16_t port, unsigned size, uint32_t value) = 0;
    // What a device was asked, before it does it, or answered. address: where the region is mapped, of a port or of memory.
    virtual void region(bool write, const IoRegion& region, uint64_t address, unsigned size, uint64_t value) = 0;
    // An input of the board's interrupt controllers changed.
    virtual void interrupt(int pin, bool level) = 0;
};

}  // namespace qr
