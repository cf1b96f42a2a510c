// SPDX-License-Identifier: GPL-2.0-or-later
// The x86 I/O port space (64 KiB), and the bus interfaces that the CPU and bus masters see. With
// boundary=inputs these are implemented by the devices; with boundary=cpu, by the log. VM thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "exec/io.h"

namespace qr {

// The CPU's view of ports. size: 1, 2 or 4.
class PortBus {
  public:
    virtual ~PortBus() = default;
    virtual uint32_t port_read(uint16_t port, unsigned size) = 0;
    virtual void port_write(uint16_t port, unsigned size, uint32_t value) = 0;
    virtual uint32_t port_peek(uint16_t port, unsigned size) const = 0;
};

// Bus-master access to physical memory, as a device does it.
class DmaBus {
  public:
    virtual ~DmaBus() = default;
    virtual void dma_read(uint64_t address, std::span<uint8_t> to) = 0;
    virtual void dma_write(uint64_t address, std::span<const uint8_t> from) = 0;
};

// Ports mapped to device regions. Nothing mapped: reads as ones, writes vanish.
class IoPortSpace final : public PortBus {
  public:
    IoPortSpace();
    ~IoPortSpace() override;

    using Handle = int;
    // Later mappings hide earlier ones (a PCI BAR over nothing, in practice).
    Handle map(uint16_t port, IoRegion& region);
    // Only `count` registers of the region, from `offset` on.
    Handle map_part(uint16_t port, IoRegion& region, uint64_t offset, unsigned count);
    void unmap(Handle handle);

    uint32_t port_read(uint16_t port, unsigned size) override;
    void port_write(uint16_t port, unsigned size, uint32_t value) override;
    uint32_t port_peek(uint16_t port, unsigned size) const override;

    std::string describe() const;
    void set_tracer(IoTracer* tracer) { tracer_ = tracer; }

  private:
    struct Mapping {
        int handle;
        uint16_t port;
        unsigned count;
        IoRegion* region;
        uint64_t offset;
    };
    const Mapping* find(uint16_t port) const;
    void rebuild();
    // Functions of their own, so that single bytes have few registers to save.
    [[gnu::noinline]] uint32_t read_parts(uint16_t port, unsigned size);
    [[gnu::noinline]] void write_parts(uint16_t port, unsigned size, uint32_t value);
    template <class Access>
    void each_part(uint16_t port, unsigned size, Access access) const;

    std::vector<Mapping> mappings_;
    std::vector<int16_t> index_;  // port -> index in mappings_, -1: nothing
    int next_handle_ = 1;
    IoTracer* tracer_ = nullptr;
};

}  // namespace qr
