// SPDX-License-Identifier: GPL-2.0-or-later
//
// Virtio over PCI: a transitional function, or a modern one alone, around any virtio device. Virtio 1.1 (OASIS), 4.1:
// legacy registers in BAR 0, MSI-X in BAR 1, common configuration, ISR, device configuration and notifications in
// BAR 4, and the window onto that in configuration space. Places of registers are QEMU's. VM thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "hw/pci.h"
#include "hw/virtio/virtio_device.h"

namespace qr {

class VirtioPci final : public PciDevice, private VirtioTransport {
  public:
    // legacy: the device is transitional. The device's queues and features don't change afterwards.
    VirtioPci(std::string name, PciBus& bus, unsigned devfn, std::unique_ptr<VirtioDevice> device,
              bool legacy = true);
    ~VirtioPci() override;

    void reset() override;
    void state(StateVisitor& v) override;
    void after_load() override;

  protected:
    uint8_t read_config_byte(unsigned offset) const override;
    void config_written(unsigned offset, unsigned size) override;

  private:
    struct Memory final : DmaBus {
        explicit Memory(VirtioPci& chip) : chip_(chip) {}
        void dma_read(uint64_t address, std::span<uint8_t> to) override { chip_.dma_read(address, to); }
        void dma_write(uint64_t address, std::span<const uint8_t> from) override {
            chip_.dma_write(address, from);
        }
        VirtioPci& chip_;
    };

    DmaBus& memory() override { return memory_; }
    void notify(unsigned queue) override;
    void notify_config() override;
    void broken() override;

    void add_window_capabilities();
    void interrupt(uint16_t vector, uint8_t reason);
    uint8_t take_isr();
    uint64_t offered() const;
    void apply_features();
    void set_status(uint8_t value, bool modern);
    void reset_device();
    void queue_notified(unsigned queue);
    Virtqueue* selected();
    uint16_t valid_vector(uint64_t value) const;

    uint64_t read_modern(uint64_t offset, unsigned size, bool peek);
    uint32_t common_word(unsigned offset);
    void write_modern(uint64_t offset, unsigned size, uint64_t value);
    void write_common(unsigned offset, unsigned size, uint32_t value);
    uint64_t read_legacy(uint64_t offset, unsigned size, bool peek);
    uint32_t legacy_word(unsigned offset);
    void write_legacy(uint64_t offset, unsigned size, uint32_t value);
    unsigned legacy_header() const { return msix_enabled() ? 24 : 20; }

    std::unique_ptr<VirtioDevice> device_;
    const bool legacy_;
    Memory memory_;
    PciMsixTable msix_;
    IoRegion legacy_region_;
    IoRegion modern_region_;

    uint8_t status_ = 0;
    uint8_t isr_ = 0;
    uint64_t driver_features_ = 0;
    uint32_t device_feature_select_ = 0, driver_feature_select_ = 0;
    uint16_t queue_select_ = 0;
    uint16_t config_vector_ = 0xffff;
};

}  // namespace qr
