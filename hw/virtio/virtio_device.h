// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a virtio device is, apart from its transport: features, queues, its configuration, its reset. Virtio 1.1
// (OASIS), 2 and 3. VM thread only.
#pragma once

#include <cstdint>
#include <vector>

#include "exec/ioport.h"
#include "hw/virtio/virtqueue.h"
#include "sysemu/state.h"

namespace qr {

namespace virtio {
constexpr unsigned kNotifyOnEmpty = 24, kAnyLayout = 27, kIndirectDesc = 28, kEventIdx = 29, kVersion1 = 32;
// Device status.
constexpr uint8_t kAcknowledge = 1, kDriver = 2, kDriverOk = 4, kFeaturesOk = 8, kNeedsReset = 0x40,
                  kFailed = 0x80;
}  // namespace virtio

// How a device reaches its driver.
class VirtioTransport {
  public:
    virtual ~VirtioTransport() = default;
    virtual DmaBus& memory() = 0;
    // Used buffers were pushed: raises the queue's interrupt, if the driver wants it.
    virtual void notify(unsigned queue) = 0;
    // The configuration changed.
    virtual void notify_config() = 0;
    // The driver did what no driver may: nothing more happens until it resets the device.
    virtual void broken() = 0;
};

class VirtioDevice {
  public:
    virtual ~VirtioDevice() = default;
    VirtioDevice(const VirtioDevice&) = delete;
    VirtioDevice& operator=(const VirtioDevice&) = delete;

    virtual uint16_t type() const = 0;          // 2: block
    virtual uint32_t class_code() const = 0;    // of the PCI function
    virtual uint64_t features() const = 0;      // beyond those of all virtio devices
    virtual unsigned config_size() const = 0;
    virtual uint8_t read_config(unsigned offset) const = 0;
    virtual void write_config(unsigned offset, uint8_t value) = 0;
    virtual void queue_notified(unsigned queue) = 0;
    virtual void reset() = 0;
    virtual void state(StateVisitor& v) = 0;

    std::vector<Virtqueue>& queues() { return queues_; }
    void connect(VirtioTransport& transport) { transport_ = &transport; }
    // Those that the driver has taken.
    void set_negotiated(uint64_t features) { negotiated_ = features; }
    bool has(unsigned feature) const { return negotiated_ >> feature & 1; }

  protected:
    VirtioDevice() = default;
    VirtioTransport& transport() { return *transport_; }
    void add_queue(uint16_t size) { queues_.emplace_back(size); }

  private:
    VirtioTransport* transport_ = nullptr;
    std::vector<Virtqueue> queues_;
    uint64_t negotiated_ = 0;  // the transport's state has it
};

}  // namespace qr
