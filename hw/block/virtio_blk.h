// SPDX-License-Identifier: GPL-2.0-or-later
//
// A virtio block device. Virtio 1.1 (OASIS), 5.2: reads, writes, flushes, discards, write zeroes, its serial number,
// geometry, topology and a write cache that can be switched. One queue; no multi-queue, no lifetime, no SCSI
// passthrough. VM thread only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "block/drive.h"
#include "hw/virtio/virtio_device.h"
#include "sysemu/clock.h"

namespace qr {

class VirtioBlk final : public VirtioDevice {
  public:
    // name: of its timer. serial: up to 20 characters.
    VirtioBlk(std::string name, VirtualClock& clock, Drive& drive, std::string serial);

    uint16_t type() const override { return 2; }
    uint32_t class_code() const override { return 0x010000; }
    uint64_t features() const override;
    unsigned config_size() const override { return 60; }
    uint8_t read_config(unsigned offset) const override;
    void write_config(unsigned offset, uint8_t value) override;
    void queue_notified(unsigned queue) override;
    void reset() override;
    void state(StateVisitor& v) override;

  private:
    enum class Kind : uint8_t { kRead, kWrite, kFlush, kErase };
    // A request at the drive.
    struct Request {
        Kind kind = Kind::kRead;
        uint16_t head = 0;
        Drive::Ticket ticket = 0;
        int64_t due_ns = 0;  // kNoDeadline: it waits until the drive says that it is being tried again
        uint64_t bytes = 0;
        std::vector<VirtioSegment> writable;  // with the status byte at its end

        void state(StateVisitor& v);
    };

    void take_requests();
    void start(const VirtioChain& chain);
    void start_read(const VirtioChain& chain, uint64_t sector);
    void start_write(const VirtioChain& chain, uint64_t sector);
    void start_erase(const VirtioChain& chain, bool discard);
    void begin(Kind kind, const VirtioChain& chain, Drive::Ticket ticket, uint64_t bytes, int64_t ns);
    void answer(const VirtioChain& chain, uint8_t status);
    void finish(uint16_t head, const std::vector<VirtioSegment>& writable, uint32_t data, uint8_t status);
    void requests_due();
    void arm();
    bool in_range(uint64_t sector, uint64_t bytes) const;
    bool write_cache() const;
    Virtqueue& queue() { return queues()[0]; }

    VirtualClock& clock_;
    Drive& drive_;
    std::string serial_;
    Timer timer_;
    bool write_back_ = true;
    std::vector<Request> requests_;  // by due time
    uint64_t in_flight_ = 0;         // bytes
};

}  // namespace qr
