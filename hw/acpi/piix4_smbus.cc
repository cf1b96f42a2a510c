// SPDX-License-Identifier: GPL-2.0-or-later
//
// PIIX4 SMBus host controller. Source: Intel 82371AB data sheet 290562, SMBus I/O space registers;
// SMBus Specification 2.0, 5.5 (bus protocols).
#include "hw/acpi/piix4_smbus.h"

#include <algorithm>

#include "util/bits.h"

namespace qr {

namespace {

// SMBHSTSTS
constexpr uint8_t kHostBusy = 1 << 0;
constexpr uint8_t kInterrupt = 1 << 1;
constexpr uint8_t kDeviceError = 1 << 2;
constexpr uint8_t kBusCollision = 1 << 3;
constexpr uint8_t kFailed = 1 << 4;
constexpr uint8_t kStatusClearable = kInterrupt | kDeviceError | kBusCollision | kFailed;

// SMBHSTCNT
constexpr uint8_t kInterruptEnable = 1 << 0;
constexpr uint8_t kKill = 1 << 1;
constexpr uint8_t kStart = 1 << 6;

enum Protocol : uint8_t { kQuick = 0, kByte = 1, kByteData = 2, kWordData = 3, kBlock = 5 };

constexpr int64_t kNsPerBit = 10'000;

// Bytes on the wire, address bytes included, if nobody objects.
unsigned wire_bytes(uint8_t protocol, bool read, uint8_t count) {
    switch (protocol) {
        case kQuick: return 1;
        case kByte: return 2;
        case kByteData: return read ? 4 : 3;
        case kWordData: return read ? 5 : 4;
        case kBlock: return (read ? 4 : 3) + count;
        default: return 1;
    }
}

}  // namespace

Piix4Smbus::Piix4Smbus(VirtualClock& clock, std::function<void()> changed)
    : clock_(clock),
      changed_(std::move(changed)),
      busy_(clock, "piix4_pm.smbus", [this] { finish(); }),
      region_("piix4-smbus", 16,
              {.read = [this](uint64_t o, unsigned) { return read(o, false); },
               .write = [this](uint64_t o, unsigned,
                               uint64_t v) { write(o, static_cast<uint8_t>(v)); },
               .peek = [this](uint64_t o, unsigned) { return read(o, true); },
               .max_size = 1}) {}

bool Piix4Smbus::interrupt_pending() const {
    return control_ & kInterruptEnable && status_ & kStatusClearable;
}

uint8_t Piix4Smbus::read(uint64_t offset, bool peek) {
    switch (offset) {
        case 0x0: return status_;
        case 0x1: return slave_status_;
        case 0x2:
            // Reading the control register rewinds the block buffer.
            if (!peek) block_index_ = 0;
            return control_ & 0x1f;
        case 0x3: return command_;
        case 0x4: return address_;
        case 0x5: return data_[0];
        case 0x6: return data_[1];
        case 0x7: {
            const uint8_t value = block_[block_index_];
            if (!peek) block_index_ = (block_index_ + 1) % block_.size();
            return value;
        }
        case 0x8: return slave_control_;
        case 0xa: return slave_event_[0];
        case 0xb: return slave_event_[1];
        default: return 0;  // shadow command and slave data: no other master ever wrote
    }
}

void Piix4Smbus::write(uint64_t offset, uint8_t value) {
    switch (offset) {
        case 0x0:
            status_ &= static_cast<uint8_t>(~(value & kStatusClearable));
            break;
        case 0x1: slave_status_ &= static_cast<uint8_t>(~(value & 0x3c)); break;
        case 0x2:
            control_ = value & 0x1f & ~kKill;
            if (value & kKill && busy_.armed()) {
                busy_.disarm();
                status_ = static_cast<uint8_t>((status_ & ~kHostBusy) | kFailed);
            } else if (value & kStart && !busy_.armed()) {
                start();
            }
            break;
        case 0x3: command_ = value; break;
        case 0x4: address_ = value; break;
        case 0x5: data_[0] = value; break;
        case 0x6: data_[1] = value; break;
        case 0x7:
            block_[block_index_] = value;
            block_index_ = (block_index_ + 1) % block_.size();
            break;
        case 0x8: slave_control_ = value & 0x0d; break;
        case 0xa: slave_event_[0] = value; break;
        case 0xb: slave_event_[1] = value; break;
        default: break;
    }
    changed_();
}

void Piix4Smbus::start() {
    status_ |= kHostBusy;
    const bool present = slaves_[address_ >> 1];
    const uint8_t protocol = static_cast<uint8_t>(bits(control_, 2, 3));
    const unsigned bytes = present ? wire_bytes(protocol, address_ & 1, data_[0] & 0x3f) : 1;
    busy_.arm(clock_.now_ns() + kNsPerBit * (9 * bytes + 2));
}

void Piix4Smbus::finish() {
    status_ &= static_cast<uint8_t>(~kHostBusy);
    SmbusSlave* slave = slaves_[address_ >> 1];
    status_ |= run(slave);
    if (slave) slave->stop();
    block_index_ = 0;
    changed_();
}

// The transaction itself, at its end. Returns the status bit that tells how it went.
uint8_t Piix4Smbus::run(SmbusSlave* slave) {
    const bool read = address_ & 1;
    const uint8_t protocol = static_cast<uint8_t>(bits(control_, 2, 3));
    if (!slave) return kDeviceError;
    if (protocol == kQuick) return slave->start(read) ? kInterrupt : kDeviceError;
    if (protocol == kByte && read) {
        if (!slave->start(true)) return kDeviceError;
        data_[0] = slave->receive();
        return kInterrupt;
    }
    if (protocol == 4 || protocol > kBlock) return kFailed;
    if (!slave->start(false) || !slave->send(command_)) return kDeviceError;
    if (protocol == kByte) return kInterrupt;
    if (read) {
        if (!slave->start(true)) return kDeviceError;
        data_[0] = slave->receive();
        if (protocol == kWordData) data_[1] = slave->receive();
        if (protocol == kBlock) {
            data_[0] = std::min<uint8_t>(data_[0], static_cast<uint8_t>(block_.size()));
            for (unsigned i = 0; i < data_[0]; ++i) block_[i] = slave->receive();
        }
        return kInterrupt;
    }
    bool ok = slave->send(data_[0]);
    if (protocol == kWordData) ok = ok && slave->send(data_[1]);
    if (protocol == kBlock)
        for (unsigned i = 0; ok && i < data_[0] && i < block_.size(); ++i)
            ok = slave->send(block_[i]);
    return ok ? kInterrupt : kDeviceError;
}

void Piix4Smbus::reset() {
    busy_.disarm();
    status_ = slave_status_ = control_ = command_ = address_ = 0;
    data_ = {};
    block_ = {};
    block_index_ = 0;
    slave_control_ = 0;
    slave_event_ = {};
}

void Piix4Smbus::state(StateVisitor& v) {
    v("status", status_);
    v("slave_status", slave_status_);
    v("control", control_);
    v("command", command_);
    v("address", address_);
    v("data", data_);
    v("block", block_);
    v("block_index", block_index_);
    if (v.loading() && block_index_ >= block_.size()) {
        v.fail("smbus block_index is out of range");
        block_index_ = 0;
    }
    v("slave_control", slave_control_);
    v("slave_event", slave_event_);
}

}  // namespace qr
