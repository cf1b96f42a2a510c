// SPDX-License-Identifier: GPL-2.0-or-later
//
// A PCI function: its configuration space, BARs, interrupt pin and capabilities.
// Source: PCI Local Bus Specification 3.0, 6.1-6.2 (header), 6.2.5 (base addresses), 6.7-6.8
// (capabilities, MSI); PCI Bus Power Management Interface Specification 1.2, 3.2.
#include <algorithm>
#include <array>
#include <bit>
#include <cassert>

#include "hw/pci.h"
#include "util/bits.h"

namespace qr {

namespace {

bool is_memory(PciBarKind kind) { return kind != PciBarKind::kIo; }
bool is_wide(PciBarKind kind) {
    return kind == PciBarKind::kMemory64 || kind == PciBarKind::kMemory64Prefetch;
}

// The read-only low bits of a BAR (6.2.5.1).
uint32_t bar_type_bits(PciBarKind kind) {
    switch (kind) {
        case PciBarKind::kIo: return 1;
        case PciBarKind::kMemory: return 0;
        case PciBarKind::kMemoryPrefetch: return 8;
        case PciBarKind::kMemory64: return 4;
        case PciBarKind::kMemory64Prefetch: return 12;
    }
    return 0;
}

// MSI message control (6.8.1.3).
constexpr uint16_t kMsiEnable = 1 << 0;
constexpr uint16_t kMsiWide = 1 << 7;
constexpr uint16_t kMsiMaskable = 1 << 8;

// MSI-X message control (6.8.2.3).
constexpr uint16_t kMsixEnable = 1 << 15;
constexpr uint16_t kMsixMask = 1 << 14;

}  // namespace

PciDevice::PciDevice(std::string name, PciBus& bus, unsigned devfn, const PciIdentity& identity)
    : Device(std::move(name)), bus_(bus), devfn_(devfn) {
    define(pci::kVendorId, 2, identity.vendor);
    define(pci::kDeviceId, 2, identity.device);
    define(pci::kCommand, 2, 0,
           pci::kCommandIo | pci::kCommandMemory | pci::kCommandMaster | pci::kCommandSerr |
               pci::kCommandIntxDisable);
    // Parity and abort errors (15:11, 8) can't happen here, but are cleared as the specification
    // has it.
    define(pci::kStatus, 2, 0, 0, 0xf900);
    define(pci::kRevision, 4, identity.revision | identity.class_code << 8);
    define(pci::kCacheLine, 1, 0, 0xff);
    define(pci::kSubsystemVendor, 2, identity.subsystem_vendor);
    define(pci::kSubsystem, 2, identity.subsystem);
    define(pci::kInterruptLine, 1, 0, 0xff);
    bus_.attach(*this);
}

PciDevice::~PciDevice() {
    remove_bars();
    bus_.detach(*this);
}

void PciDevice::remove_bars() {
    for (Bar& bar : bars_) unmap(bar);
}

// ---- description ----

void PciDevice::define(unsigned offset, unsigned size, uint32_t reset_value, uint32_t writable,
                       uint32_t clear_by_one) {
    assert(offset + size <= config_.size());
    for (unsigned i = 0; i < size; ++i) {
        reset_value_[offset + i] = config_[offset + i] = static_cast<uint8_t>(reset_value >> 8 * i);
        writable_[offset + i] = static_cast<uint8_t>(writable >> 8 * i);
        clear_by_one_[offset + i] = static_cast<uint8_t>(clear_by_one >> 8 * i);
    }
}

void PciDevice::init_bar(unsigned index, PciBarKind kind, uint64_t size) {
    Bar& bar = bars_[index];
    assert(!bar.size && index < kRom);
    bar.kind = kind;
    bar.size = std::bit_ceil(std::max<uint64_t>(size, is_memory(kind) ? 16 : 4));
    const uint64_t mask = ~(bar.size - 1);
    const unsigned offset = pci::kBar0 + 4 * index;
    define(offset, 4, bar_type_bits(kind), static_cast<uint32_t>(mask));
    if (is_wide(kind)) {
        assert(index < 5);
        define(offset + 4, 4, 0, static_cast<uint32_t>(mask >> 32));
    }
}

void PciDevice::add_bar(unsigned index, PciBarKind kind, IoRegion& region) {
    init_bar(index, kind, region.size());
    bars_[index].region = &region;
}

void PciDevice::add_bar(unsigned index, PciBarKind kind, RamBlock& block) {
    assert(is_memory(kind));
    init_bar(index, kind, block.size());
    bars_[index].block = &block;
    bus_.memory_.register_block(block);
}

void PciDevice::add_rom(RamBlock& block) {
    Bar& bar = bars_[kRom];
    bar.rom = true;
    bar.block = &block;
    bar.size = std::bit_ceil(std::max<uint64_t>(block.size(), 2048));
    define(pci::kRomBar, 4, 0, static_cast<uint32_t>(~(bar.size - 1)) | 1);
    bus_.memory_.register_block(block);
}

void PciDevice::use_interrupt_pin(uint8_t pin) { define(pci::kInterruptPin, 1, pin); }

void PciDevice::add_capability(uint8_t id, unsigned offset) {
    assert(offset >= 0x40 && !(offset & 3));
    define(offset, 1, id);
    define(offset + 1, 1, 0);
    if (last_capability_)
        define(last_capability_ + 1, 1, offset);
    else
        define(pci::kCapabilities, 1, offset);
    last_capability_ = offset;
    reset_value_[pci::kStatus] |= pci::kStatusCapabilities;
    config_[pci::kStatus] |= pci::kStatusCapabilities;
}

void PciDevice::add_msi(unsigned offset, unsigned vectors, bool wide_address, bool maskable) {
    assert(std::has_single_bit(vectors) && vectors <= 32);
    add_capability(pci::kCapabilityMsi, offset);
    msi_ = offset;
    const uint16_t control = static_cast<uint16_t>(std::countr_zero(vectors) << 1 |
                                                   (wide_address ? kMsiWide : 0) |
                                                   (maskable ? kMsiMaskable : 0));
    define(offset + 2, 2, control, kMsiEnable | 0x70);
    define(offset + 4, 4, 0, 0xfffffffc);
    if (wide_address) define(offset + 8, 4, 0, 0xffffffff);
    define(offset + (wide_address ? 12 : 8), 2, 0, 0xffff);
    if (!maskable) return;
    msi_mask_ = offset + (wide_address ? 16 : 12);
    const uint32_t all = static_cast<uint32_t>((uint64_t{1} << vectors) - 1);
    define(msi_mask_, 4, 0, all);
    define(msi_mask_ + 4, 4, 0);
}

void PciDevice::add_msix(unsigned offset, unsigned bar, PciMsixTable& table) {
    add_capability(pci::kCapabilityMsix, offset);
    msix_ = offset;
    msix_table_ = &table;
    define(offset + 2, 2, table.vectors() - 1, kMsixEnable | kMsixMask);
    define(offset + 4, 4, PciMsixTable::kTableOffset | bar);
    define(offset + 8, 4, PciMsixTable::kPendingOffset | bar);
    add_bar(bar, PciBarKind::kMemory, table.region());
}

void PciDevice::add_power_management(unsigned offset) {
    add_capability(pci::kCapabilityPower, offset);
    define(offset + 2, 2, 0x0002);
    define(offset + 4, 2, 0, 0x0003);
    define(offset + 6, 2, 0);
}

// ---- configuration cycles ----

uint32_t PciDevice::config_read(unsigned offset, unsigned size) const {
    uint32_t value = 0;
    for (unsigned i = 0; i < size; ++i)
        value |= uint32_t{read_config_byte((offset + i) & 0xff)} << 8 * i;
    return value;
}

void PciDevice::config_write(unsigned offset, unsigned size, uint32_t value) {
    for (unsigned i = 0; i < size; ++i)
        write_config_byte((offset + i) & 0xff, static_cast<uint8_t>(value >> 8 * i));
    config_written(offset, size);
}

uint8_t PciDevice::read_config_byte(unsigned offset) const {
    uint8_t value = config_[offset];
    if (offset == pci::kStatus && intx_) value |= pci::kStatusInterrupt;
    if (offset == pci::kHeaderType && function() == 0 && bus_.multifunction(slot())) value |= 0x80;
    return value;
}

void PciDevice::write_config_byte(unsigned offset, uint8_t value) {
    uint8_t kept = config_[offset];
    kept = static_cast<uint8_t>((kept & ~writable_[offset]) | (value & writable_[offset]));
    kept &= static_cast<uint8_t>(~(value & clear_by_one_[offset]));
    config_[offset] = kept;
}

void PciDevice::config_written(unsigned offset, unsigned size) {
    const auto touches = [&](unsigned first, unsigned length) {
        return offset < first + length && first < offset + size;
    };
    if (touches(pci::kCommand, 2)) bus_.interrupt_changed(*this);
    if (touches(pci::kCommand, 2) || touches(pci::kBar0, 24) || touches(pci::kRomBar, 4))
        update_mappings();
    if (msix_ && touches(msix_, 4)) {
        bus_.interrupt_changed(*this);
        const uint32_t control = config(msix_ + 2, 2);
        msix_table_->set_control(control & kMsixEnable, control & kMsixMask);
    }
    if (msi_ && touches(msi_, 24)) {
        bus_.interrupt_changed(*this);
        send_pending_msi();
    }
}

uint32_t PciDevice::config(unsigned offset, unsigned size) const {
    uint32_t value = 0;
    for (unsigned i = 0; i < size; ++i) value |= uint32_t{config_[offset + i]} << 8 * i;
    return value;
}

void PciDevice::set_config(unsigned offset, unsigned size, uint32_t value) {
    for (unsigned i = 0; i < size; ++i) config_[offset + i] = static_cast<uint8_t>(value >> 8 * i);
}

uint16_t PciDevice::command() const { return static_cast<uint16_t>(config(pci::kCommand, 2)); }

// ---- base addresses ----

std::optional<uint64_t> PciDevice::wanted_address(unsigned index) const {
    const Bar& bar = bars_[index];
    if (!bar.size) return {};
    if (!is_memory(bar.kind)) {
        const uint32_t address = config(pci::kBar0 + 4 * index, 4) & ~3u;
        if (!(command() & pci::kCommandIo) || !address || address + bar.size > 0x10000) return {};
        return address;
    }
    if (!(command() & pci::kCommandMemory)) return {};
    uint64_t address;
    if (bar.rom) {
        const uint32_t raw = config(pci::kRomBar, 4);
        if (!(raw & 1)) return {};
        address = raw & ~(bar.size - 1) & 0xffffffff;
    } else {
        address = config(pci::kBar0 + 4 * index, 4) & ~15u;
        if (is_wide(bar.kind)) address |= uint64_t{config(pci::kBar0 + 4 * index + 4, 4)} << 32;
    }
    // A BAR being sized holds all ones: its last byte is that of the address space, and is not
    // mapped.
    const uint64_t last = address + bar.size - 1;
    const uint64_t limit = is_wide(bar.kind) ? uint64_t{1} << kPhysBits : uint64_t{1} << 32;
    if (!address || last >= limit || last == 0xffffffff) return {};
    return address;
}

void PciDevice::unmap(Bar& bar) {
    if (!bar.address) return;
    if (is_memory(bar.kind))
        bus_.memory_.unmap(bar.handle);
    else
        bus_.io_.unmap(bar.handle);
    bar.address.reset();
}

void PciDevice::update_mappings() {
    for (unsigned i = 0; i < bars_.size(); ++i) {
        Bar& bar = bars_[i];
        const std::optional<uint64_t> wanted = wanted_address(i);
        if (wanted == bar.address) continue;
        unmap(bar);
        if (!wanted) continue;
        if (!is_memory(bar.kind))
            bar.handle = bus_.io_.map(static_cast<uint16_t>(*wanted), *bar.region);
        else if (bar.block)
            bar.handle = bus_.memory_.map_ram(*wanted, bar.block->size(), *bar.block, 0,
                                              bus_.bar_priority_, !bar.rom);
        else
            bar.handle = bus_.memory_.map_io(*wanted, *bar.region, bus_.bar_priority_);
        bar.address = wanted;
    }
}

std::optional<PciDevice::BarView> PciDevice::bar_view(unsigned index) const {
    const Bar& bar = bars_[index];
    if (!bar.size) return {};
    return BarView{bar.kind, bar.rom, bar.size, bar.address};
}

// ---- interrupts and bus mastering ----

void PciDevice::set_intx(bool level) {
    if (level == intx_) return;
    intx_ = level;
    bus_.interrupt_changed(*this);
}

bool PciDevice::interrupt_pin_level() const {
    return intx_ && interrupt_pin() && !(command() & pci::kCommandIntxDisable) && !msi_enabled() &&
           !msix_enabled();
}

bool PciDevice::msi_enabled() const { return msi_ && config_[msi_ + 2] & kMsiEnable; }

bool PciDevice::msix_enabled() const { return msix_ && config(msix_ + 2, 2) & kMsixEnable; }

void PciDevice::send_message(uint64_t address, uint32_t data) {
    std::array<uint8_t, 4> bytes;
    store_le(bytes.data(), data);
    dma_write(address, bytes);
}

void PciDevice::send_msi(unsigned vector) {
    if (!msi_enabled()) return;
    const uint16_t control = static_cast<uint16_t>(config(msi_ + 2, 2));
    const unsigned granted = 1u << std::min<unsigned>(bits(control, 4, 3), 5);
    vector &= granted - 1;
    if (msi_mask_ && bit(config(msi_mask_, 4), vector)) {
        set_config(msi_mask_ + 4, 4, config(msi_mask_ + 4, 4) | 1u << vector);
        return;
    }
    uint64_t address = config(msi_ + 4, 4);
    if (control & kMsiWide) address |= uint64_t{config(msi_ + 8, 4)} << 32;
    const uint32_t data = config(msi_ + (control & kMsiWide ? 12 : 8), 2);
    // A message is a bus-master write like any other.
    if (!(command() & pci::kCommandMaster) || !bus_.msi_) return;
    bus_.msi_->send_msi(address, (data & ~(granted - 1)) | vector);
}

void PciDevice::send_pending_msi() {
    if (!msi_mask_ || !msi_enabled()) return;
    const uint32_t ready = config(msi_mask_ + 4, 4) & ~config(msi_mask_, 4);
    set_config(msi_mask_ + 4, 4, config(msi_mask_ + 4, 4) & ~ready);
    for (unsigned vector = 0; vector < 32; ++vector)
        if (bit(ready, vector)) send_msi(vector);
}

void PciDevice::dma_read(uint64_t address, std::span<uint8_t> to) {
    if (command() & pci::kCommandMaster)
        bus_.dma_.dma_read(address, to);
    else
        std::fill(to.begin(), to.end(), uint8_t{0xff});
}

void PciDevice::dma_write(uint64_t address, std::span<const uint8_t> from) {
    if (command() & pci::kCommandMaster) bus_.dma_.dma_write(address, from);
}

// ---- life ----

void PciDevice::reset() {
    config_ = reset_value_;
    if (msix_table_) msix_table_->reset();
    set_intx(false);
    bus_.interrupt_changed(*this);
    update_mappings();
}

void PciDevice::state(StateVisitor& v) {
    v("config", config_);
    v("intx", intx_);
    if (msix_table_) v("msix", *msix_table_);
}

void PciDevice::after_load() { update_mappings(); }

}  // namespace qr
