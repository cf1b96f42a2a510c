// SPDX-License-Identifier: GPL-2.0-or-later
//
// Virtio over PCI. Source: Virtio 1.1 (OASIS), 4.1.2 (identifiers), 4.1.4 (capabilities and structures), 4.1.4.8
// (legacy registers), 4.1.5 (interrupts), 3.1 (initialization).
#include "hw/virtio/virtio_pci.h"

#include <algorithm>
#include <bit>

#include "util/bits.h"

namespace qr {

namespace {

constexpr uint16_t kVendor = 0x1af4;
constexpr uint16_t kNoVector = 0xffff;
constexpr uint8_t kIsrQueue = 1, kIsrConfig = 2;

// Structures of BAR 4, a page each.
constexpr unsigned kCommon = 0x0000, kIsr = 0x1000, kDeviceConfig = 0x2000, kNotify = 0x3000, kModernSize = 0x4000;
constexpr unsigned kNotifyMultiplier = 4;

// Offsets in configuration space: capabilities, the window's fields.
constexpr unsigned kWindow = 0x84, kWindowBar = kWindow + 4, kWindowOffset = kWindow + 8, kWindowLength = kWindow + 12,
                   kWindowData = kWindow + 16;
constexpr unsigned kMsixCapability = 0x98;

// Common configuration (4.1.4.3).
enum Common : unsigned {
    kDeviceFeatureSelect = 0,
    kDeviceFeature = 4,
    kDriverFeatureSelect = 8,
    kDriverFeature = 12,
    kConfigVector = 16,
    kQueueCount = 18,
    kStatus = 20,
    kQueueSelect = 22,
    kQueueSize = 24,
    kQueueVector = 26,
    kQueueEnable = 28,
    kQueueDescriptors = 32,
    kQueueDriver = 40,
    kQueueDevice = 48,
    kCommonSize = 56,
};

// Legacy registers (4.1.4.8).
enum Legacy : unsigned {
    kHostFeatures = 0,
    kGuestFeatures = 4,
    kQueuePage = 8,
    kLegacyQueueSize = 12,
    kLegacyQueueSelect = 14,
    kQueueNotify = 16,
    kLegacyStatus = 18,
    kLegacyIsr = 19,
    kLegacyConfigVector = 20,
    kLegacyQueueVector = 22,
};

// Device identifiers of transitional functions, by type.
uint16_t transitional_id(uint16_t type) {
    switch (type) {
        case 1: return 0x1000;
        case 2: return 0x1001;
        case 3: return 0x1003;
        case 4: return 0x1005;
        case 5: return 0x1002;
        case 8: return 0x1004;
        default: return static_cast<uint16_t>(0x1000 + type);
    }
}

PciIdentity identity_of(const VirtioDevice& device, bool legacy) {
    PciIdentity identity;
    identity.vendor = kVendor;
    identity.device = legacy ? transitional_id(device.type()) : static_cast<uint16_t>(0x1040 + device.type());
    identity.revision = legacy ? 0 : 1;
    identity.class_code = device.class_code();
    identity.subsystem_vendor = kVendor;
    identity.subsystem = legacy ? device.type() : 0x1100;
    return identity;
}

uint64_t replaced(uint64_t old, unsigned shift, uint32_t value) {
    return (old & ~(uint64_t{0xffffffff} << shift)) | uint64_t{value} << shift;
}

}  // namespace

VirtioPci::VirtioPci(std::string name, PciBus& bus, unsigned devfn, std::unique_ptr<VirtioDevice> device,
                     bool legacy)
    : PciDevice(std::move(name), bus, devfn, identity_of(*device, legacy)),
      device_(std::move(device)),
      legacy_(legacy),
      memory_(*this),
      msix_(static_cast<unsigned>(device_->queues().size() + 1),
            [this](uint64_t address, uint32_t data) { send_message(address, data); }),
      legacy_region_("virtio-pci", std::bit_ceil(24 + device_->config_size()),
                     {.read = [this](uint64_t o, unsigned n) { return read_legacy(o, n, false); },
                      .write = [this](uint64_t o, unsigned n,
                                      uint64_t v) { write_legacy(o, n, static_cast<uint32_t>(v)); },
                      .peek = [this](uint64_t o, unsigned n) { return read_legacy(o, n, true); }}),
      modern_region_("virtio-pci-modern", kModernSize,
                     {.read = [this](uint64_t o, unsigned n) { return read_modern(o, n, false); },
                      .write = [this](uint64_t o, unsigned n, uint64_t v) { write_modern(o, n, v); },
                      .peek = [this](uint64_t o, unsigned n) { return read_modern(o, n, true); }}) {
    device_->connect(*this);
    use_interrupt_pin(1);
    if (legacy_) add_bar(0, PciBarKind::kIo, legacy_region_);
    add_bar(4, PciBarKind::kMemory64Prefetch, modern_region_);
    add_msix(kMsixCapability, 1, msix_);
    add_window_capabilities();
}

VirtioPci::~VirtioPci() { remove_bars(); }

// 4.1.4: type, BAR, offset and length of each structure; notifications have a multiplier; the window is written to.
void VirtioPci::add_window_capabilities() {
    struct Capability {
        unsigned at;
        uint8_t type;
        unsigned size, offset, length;
    };
    static constexpr Capability kCapabilities[] = {
        {kWindow, 5, 20, 0, 0},
        {0x70, 2, 20, kNotify, 0x1000},
        {0x60, 4, 16, kDeviceConfig, 0x1000},
        {0x50, 3, 16, kIsr, 0x1000},
        {0x40, 1, 16, kCommon, 0x1000},
    };
    for (const Capability& c : kCapabilities) {
        const bool window = c.at == kWindow;
        add_capability(pci::kCapabilityVendor, c.at);
        define(c.at + 2, 1, c.size);
        define(c.at + 3, 1, c.type);
        define(c.at + 4, 4, window ? 0 : 4, window ? 0xff : 0);
        define(c.at + 8, 4, c.offset, window ? 0xffffffff : 0);
        define(c.at + 12, 4, c.length, window ? 0xffffffff : 0);
        if (c.type == 2) define(c.at + 16, 4, kNotifyMultiplier);
        if (window) define(c.at + 16, 4, 0, 0xffffffff);
    }
}

// ---- interrupts ----

void VirtioPci::interrupt(uint16_t vector, uint8_t reason) {
    isr_ |= reason;
    if (msix_enabled()) {
        if (vector != kNoVector) msix_.raise(vector);
        return;
    }
    set_intx(true);
}

void VirtioPci::notify(unsigned queue) {
    Virtqueue& q = device_->queues()[queue];
    if (q.wants_interrupt(memory_)) interrupt(q.vector, kIsrQueue);
}

void VirtioPci::notify_config() {
    if (status_ & virtio::kDriverOk) interrupt(config_vector_, kIsrConfig);
}

void VirtioPci::broken() {
    status_ |= virtio::kNeedsReset;
    notify_config();
}

uint8_t VirtioPci::take_isr() {
    const uint8_t value = isr_;
    isr_ = 0;
    set_intx(false);
    return value;
}

uint16_t VirtioPci::valid_vector(uint64_t value) const {
    return value < msix_.vectors() ? static_cast<uint16_t>(value) : kNoVector;
}

// ---- the device ----

uint64_t VirtioPci::offered() const {
    return device_->features() | uint64_t{1} << virtio::kAnyLayout | uint64_t{1} << virtio::kIndirectDesc |
           uint64_t{1} << virtio::kEventIdx | uint64_t{1} << virtio::kVersion1;
}

void VirtioPci::apply_features() {
    device_->set_negotiated(driver_features_ & offered());
    for (Virtqueue& q : device_->queues()) q.set_event_index(device_->has(virtio::kEventIdx));
}

void VirtioPci::reset_device() {
    device_->reset();
    for (Virtqueue& q : device_->queues()) q.reset();
    status_ = 0;
    driver_features_ = 0;
    device_feature_select_ = driver_feature_select_ = 0;
    queue_select_ = 0;
    config_vector_ = kNoVector;
    apply_features();
    take_isr();
}

// 3.1.1: features are accepted or not. A modern driver must know that it is one.
void VirtioPci::set_status(uint8_t value, bool modern) {
    if (!value) return reset_device();
    if (modern && value & ~status_ & virtio::kFeaturesOk) {
        const bool good = !(driver_features_ & ~offered()) && device_->has(virtio::kVersion1);
        if (!good) value &= static_cast<uint8_t>(~virtio::kFeaturesOk);
    }
    status_ = static_cast<uint8_t>(value | (status_ & virtio::kNeedsReset));
}

void VirtioPci::queue_notified(unsigned queue) {
    if (queue >= device_->queues().size() || status_ & virtio::kNeedsReset) return;
    if (device_->queues()[queue].enabled()) device_->queue_notified(queue);
}

Virtqueue* VirtioPci::selected() {
    return queue_select_ < device_->queues().size() ? &device_->queues()[queue_select_] : nullptr;
}

// ---- modern registers ----

uint32_t VirtioPci::common_word(unsigned offset) {
    Virtqueue* q = selected();
    const auto half = [](uint64_t value, unsigned n) { return static_cast<uint32_t>(value >> 32 * n); };
    switch (offset) {
        case kDeviceFeatureSelect: return device_feature_select_;
        case kDeviceFeature: return device_feature_select_ < 2 ? half(offered(), device_feature_select_) : 0;
        case kDriverFeatureSelect: return driver_feature_select_;
        case kDriverFeature: return driver_feature_select_ < 2 ? half(driver_features_, driver_feature_select_) : 0;
        case kConfigVector: return static_cast<uint32_t>(config_vector_ | device_->queues().size() << 16);
        case kStatus: return status_ | uint32_t{queue_select_} << 16;
        case kQueueSize: return q ? q->size() | uint32_t{q->vector} << 16 : uint32_t{kNoVector} << 16;
        case kQueueEnable: return q ? (q->enabled() ? 1u : 0u) | uint32_t{queue_select_} << 16 : 0;
        case kQueueDescriptors:
        case kQueueDescriptors + 4: return q ? half(q->descriptors, (offset & 4) / 4) : 0;
        case kQueueDriver:
        case kQueueDriver + 4: return q ? half(q->available, (offset & 4) / 4) : 0;
        case kQueueDevice:
        case kQueueDevice + 4: return q ? half(q->used, (offset & 4) / 4) : 0;
        default: return 0;
    }
}

uint64_t VirtioPci::read_modern(uint64_t offset, unsigned size, bool peek) {
    uint64_t value = 0;
    for (unsigned i = 0; i < size; ++i) {
        const unsigned at = static_cast<unsigned>(offset) + i;
        uint8_t byte = 0;
        if (at < kCommon + kCommonSize)
            byte = static_cast<uint8_t>(common_word(at & ~3u) >> 8 * (at & 3));
        else if (at == kIsr)
            byte = peek ? isr_ : take_isr();
        else if (at >= kDeviceConfig && at < kNotify)
            byte = at - kDeviceConfig < device_->config_size() ? device_->read_config(at - kDeviceConfig) : 0xff;
        value |= uint64_t{byte} << 8 * i;
    }
    return value;
}

void VirtioPci::write_common(unsigned offset, unsigned size, uint32_t value) {
    Virtqueue* q = selected();
    switch (offset) {
        case kDeviceFeatureSelect: device_feature_select_ = value; return;
        case kDriverFeatureSelect: driver_feature_select_ = value; return;
        case kDriverFeature:
            if (driver_feature_select_ > 1 || status_ & virtio::kFeaturesOk) return;
            driver_features_ = replaced(driver_features_, 32 * driver_feature_select_, value);
            return apply_features();
        case kConfigVector: config_vector_ = valid_vector(value & 0xffff); return;
        case kStatus: return set_status(static_cast<uint8_t>(value), true);
        case kQueueSelect: queue_select_ = static_cast<uint16_t>(value); return;
        default: break;
    }
    if (!q) return;
    switch (offset) {
        case kQueueSize:
            q->set_size(static_cast<uint16_t>(value));
            if (size == 4) q->vector = valid_vector(value >> 16);
            return;
        case kQueueVector: q->vector = valid_vector(value); return;
        case kQueueEnable:
            if (value & 1) q->enable(true);
            return;
        case kQueueDescriptors:
        case kQueueDescriptors + 4: q->descriptors = replaced(q->descriptors, (offset & 4) * 8, value); return;
        case kQueueDriver:
        case kQueueDriver + 4: q->available = replaced(q->available, (offset & 4) * 8, value); return;
        case kQueueDevice:
        case kQueueDevice + 4: q->used = replaced(q->used, (offset & 4) * 8, value); return;
        default: return;
    }
}

void VirtioPci::write_modern(uint64_t offset, unsigned size, uint64_t value) {
    const unsigned at = static_cast<unsigned>(offset);
    if (at < kCommon + kCommonSize) return write_common(at, size, static_cast<uint32_t>(value));
    if (at >= kNotify) return queue_notified((at - kNotify) / kNotifyMultiplier);
    if (at < kDeviceConfig) return;
    for (unsigned i = 0; i < size; ++i)
        if (at + i - kDeviceConfig < device_->config_size())
            device_->write_config(at + i - kDeviceConfig, static_cast<uint8_t>(value >> 8 * i));
}

// ---- the window in configuration space ----

uint8_t VirtioPci::read_config_byte(unsigned offset) const {
    if (offset < kWindowData || offset >= kWindowData + 4) return PciDevice::read_config_byte(offset);
    const unsigned at = offset - kWindowData;
    if (config(kWindowBar, 1) != 4 || at >= config(kWindowLength, 4)) return PciDevice::read_config_byte(offset);
    return static_cast<uint8_t>(modern_region_.read(uint64_t{config(kWindowOffset, 4)} + at, 1));
}

void VirtioPci::config_written(unsigned offset, unsigned size) {
    PciDevice::config_written(offset, size);
    if (offset + size <= kWindowData || offset >= kWindowData + 4) return;
    const uint32_t length = config(kWindowLength, 4);
    const uint64_t at = config(kWindowOffset, 4);
    const bool sane = config(kWindowBar, 1) == 4 && (length == 1 || length == 2 || length == 4);
    if (sane && at + length <= kModernSize) modern_region_.write(at, length, config(kWindowData, length));
}

// ---- legacy registers ----

uint32_t VirtioPci::legacy_word(unsigned offset) {
    Virtqueue* q = selected();
    switch (offset) {
        case kHostFeatures: return static_cast<uint32_t>(offered());
        case kGuestFeatures: return static_cast<uint32_t>(driver_features_);
        case kQueuePage: return q ? q->page() : 0;
        case kLegacyQueueSize: return (q ? q->most() : 0u) | uint32_t{queue_select_} << 16;
        case kQueueNotify: return uint32_t{status_} << 16 | uint32_t{isr_} << 24;
        case kLegacyConfigVector: return config_vector_ | uint32_t{q ? q->vector : kNoVector} << 16;
        default: return 0;
    }
}

uint64_t VirtioPci::read_legacy(uint64_t offset, unsigned size, bool peek) {
    uint64_t value = 0;
    for (unsigned i = 0; i < size; ++i) {
        const unsigned at = static_cast<unsigned>(offset) + i;
        uint8_t byte = 0;
        if (at < legacy_header())
            byte = static_cast<uint8_t>(legacy_word(at & ~3u) >> 8 * (at & 3));
        else
            byte = at - legacy_header() < device_->config_size() ? device_->read_config(at - legacy_header()) : 0xff;
        if (at == kLegacyIsr && !peek) take_isr();
        value |= uint64_t{byte} << 8 * i;
    }
    return value;
}

void VirtioPci::write_legacy(uint64_t offset, unsigned size, uint32_t value) {
    const unsigned at = static_cast<unsigned>(offset);
    Virtqueue* q = selected();
    if (at >= legacy_header()) {
        for (unsigned i = 0; i < size; ++i)
            if (at + i - legacy_header() < device_->config_size())
                device_->write_config(at + i - legacy_header(), static_cast<uint8_t>(value >> 8 * i));
        return;
    }
    switch (at) {
        case kGuestFeatures:
            // A legacy driver knows the lower features alone.
            driver_features_ = value & static_cast<uint32_t>(offered());
            return apply_features();
        case kQueuePage:
            if (!value) return reset_device();
            if (q) q->set_page(value);
            return;
        case kLegacyQueueSelect: queue_select_ = static_cast<uint16_t>(value); return;
        case kQueueNotify: return queue_notified(value & 0xffff);
        case kLegacyStatus: return set_status(static_cast<uint8_t>(value), false);
        case kLegacyConfigVector: config_vector_ = valid_vector(value & 0xffff); return;
        case kLegacyQueueVector:
            if (q) q->vector = valid_vector(value);
            return;
        default: return;
    }
}

// ---- life ----

void VirtioPci::reset() {
    PciDevice::reset();
    reset_device();
}

void VirtioPci::state(StateVisitor& v) {
    PciDevice::state(v);
    v("status", status_);
    v("isr", isr_);
    v("driver_features", driver_features_);
    v("device_feature_select", device_feature_select_);
    v("driver_feature_select", driver_feature_select_);
    v("queue_select", queue_select_);
    v("config_vector", config_vector_);
    for (size_t i = 0; i < device_->queues().size(); ++i)
        v("queue" + std::to_string(i), device_->queues()[i]);
    v("device", *device_);
}

void VirtioPci::after_load() {
    PciDevice::after_load();
    apply_features();
}

}  // namespace qr
