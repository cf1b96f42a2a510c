// SPDX-License-Identifier: GPL-2.0-or-later
//
// An ATA channel's registers. Source: ATA/ATAPI-6 (T13/1410D), 7.1 to 7.15 (registers), 8.11 (EXECUTE DEVICE
// DIAGNOSTIC), 9.2 and 9.3 (hardware and software reset), 9.16 (one device alone).
#include "hw/ide/ide_channel.h"

#include <algorithm>
#include <string>

#include "util/bits.h"

namespace qr::ide {

namespace {

// Registers of the command block, by offset.
enum : unsigned { kData, kError, kCount, kLbaLow, kLbaMid, kLbaHigh, kDevice, kStatus };

constexpr uint8_t kExecuteDiagnostic = 0x90;

}  // namespace

Channel::Channel(unsigned number, IrqLine irq)
    : irq_(irq),
      command_region_("ide-command" + std::to_string(number), 8,
                      {.read = [this](uint64_t o, unsigned n) { return read(o, n); },
                       .write = [this](uint64_t o, unsigned n, uint64_t v) { write(o, n, v); },
                       .peek = [this](uint64_t o, unsigned n) { return peek(o, n); }}),
      control_region_("ide-control" + std::to_string(number), 1,
                      {.read = [this](uint64_t, unsigned) { return status(); },
                       .write = [this](uint64_t, unsigned,
                                       uint64_t v) { write_control(static_cast<uint8_t>(v)); },
                       .peek = [this](uint64_t, unsigned) { return status(); },
                       .max_size = 1}) {}

// Device 0 answers for a device 1 that isn't there; nobody answers for device 0.
Unit* Channel::answering() const {
    if (Unit* unit = selected()) return unit;
    return units_[0].get();
}

// ---- interrupts and DMA ----

void Channel::interrupt_changed() {
    Unit* unit = selected();
    const bool pending = unit && unit->interrupt_pending();
    const bool level = pending && !(control_ & kNien);
    if (pending && host_) host_->device_done();
    if (level && !level_ && host_) host_->interrupt_rose();
    level_ = level;
    irq_.set(level);
}

size_t Channel::dma_to_memory(std::span<const uint8_t> data) {
    return host_ ? host_->to_memory(data) : 0;
}

size_t Channel::dma_from_memory(std::span<uint8_t> data) { return host_ ? host_->from_memory(data) : 0; }

void Channel::dma_ready() {
    for (auto& unit : units_)
        if (unit) unit->dma_ready();
}

// ---- the command block ----

uint8_t Channel::status() const {
    if (Unit* unit = selected()) return control_ & kSrst ? uint8_t{kBsy} : unit->registers().status;
    return 0;
}

uint8_t Channel::register_value(unsigned index) const {
    if (index == kStatus) return status();
    Unit* unit = answering();
    if (!unit) return index == kDevice && any() ? device_ : 0;
    const TaskFile& r = unit->registers();
    const auto value = [this](const TwoBytes& t) { return control_ & kHob ? t.before : t.now; };
    switch (index) {
        case kError: return r.error;
        case kCount: return value(r.count);
        case kLbaLow: return value(r.lba_low);
        case kLbaMid: return value(r.lba_mid);
        case kLbaHigh: return value(r.lba_high);
        default: return static_cast<uint8_t>((r.device & ~kDev) | (device_ & kDev));
    }
}

uint64_t Channel::peek(uint64_t offset, unsigned size) const {
    if (offset == kData && size > 1) return selected() ? selected()->peek_data(size) : ones(size);
    uint64_t value = 0;
    for (unsigned i = 0; i < size; ++i) {
        const unsigned index = static_cast<unsigned>(offset) + i;
        const uint64_t byte = index == kData ? 0xff : register_value(index);
        value |= byte << 8 * i;
    }
    return value;
}

uint64_t Channel::read(uint64_t offset, unsigned size) {
    if (offset == kData) {
        // A device transfers words; a byte access takes a word and shows its low half.
        return selected() ? selected()->read_data(std::max(size, 2u)) & ones(size) : ones(size);
    }
    const uint64_t value = peek(offset, size);
    if (offset + size > kStatus && selected()) selected()->clear_interrupt();
    return value;
}

void Channel::write(uint64_t offset, unsigned size, uint64_t value) {
    if (offset == kData) {
        if (selected()) selected()->write_data(std::max(size, 2u), static_cast<uint32_t>(value));
        return;
    }
    for (unsigned i = 0; i < size; ++i)
        write_register(static_cast<unsigned>(offset) + i, static_cast<uint8_t>(value >> 8 * i));
}

void Channel::write_register(unsigned index, uint8_t value) {
    if (index == kStatus) return write_command(value);
    // Any write to the command block makes the high order bytes invisible (7.9.5).
    control_ &= static_cast<uint8_t>(~kHob);
    if (index == kDevice) device_ = value | kObsolete;
    for (auto& unit : units_) {
        // A busy device takes nothing but a reset (7.1).
        if (!unit || (unit->registers().status & (kBsy | kDrq) && index != kDevice)) continue;
        TaskFile& r = unit->registers();
        switch (index) {
            case kError: r.feature.push(value); break;
            case kCount: r.count.push(value); break;
            case kLbaLow: r.lba_low.push(value); break;
            case kLbaMid: r.lba_mid.push(value); break;
            case kLbaHigh: r.lba_high.push(value); break;
            case kDevice: r.device = device_; break;
            default: break;
        }
    }
    if (index == kDevice) interrupt_changed();
}

void Channel::write_command(uint8_t opcode) {
    control_ &= static_cast<uint8_t>(~kHob);
    if (control_ & kSrst) return;
    if (opcode == kExecuteDiagnostic) return diagnose();
    if (Unit* unit = selected()) unit->command(opcode);
}

// Both devices run it, device 0 reports (8.11). It passes, at once.
void Channel::diagnose() {
    for (auto& unit : units_)
        if (unit && unit->registers().status & (kBsy | kDrq)) return;
    device_ = kObsolete;
    for (auto& unit : units_)
        if (unit) unit->command(kExecuteDiagnostic);
    interrupt_changed();
}

void Channel::write_control(uint8_t value) {
    const bool falls = control_ & ~value & kSrst;
    const bool rises = value & ~control_ & kSrst;
    control_ = value & (kHob | kSrst | kNien);
    if (rises || falls) {
        device_ = kObsolete;
        for (auto& unit : units_)
            if (unit) unit->reset(false);
    }
    interrupt_changed();
}

// ---- life ----

void Channel::reset() {
    device_ = kObsolete;
    control_ = 0;
    for (auto& unit : units_)
        if (unit) unit->reset(true);
    interrupt_changed();
}

void Channel::state(StateVisitor& v) {
    v("device", device_);
    v("control", control_);
    v("level", level_);
    for (unsigned i = 0; i < 2; ++i)
        if (units_[i]) v("unit" + std::to_string(i), *units_[i]);
}

}  // namespace qr::ide
