// SPDX-License-Identifier: GPL-2.0-or-later
//
// VMware's pointer; see vmmouse.h.
#include "hw/input/vmmouse.h"

#include <algorithm>
#include <array>

namespace qr {

namespace {

constexpr uint16_t kData = 39, kStatus = 40, kCommand = 41;
constexpr uint32_t kEnable = 0x45414552, kDisable = 0xf5, kWantRelative = 0x4c455252, kWantAbsolute = 0x53424152;
constexpr uint32_t kVersion = 0x3442554a;
constexpr uint32_t kFailed = 0xffff0000;
constexpr uint32_t kLeft = 0x20, kRight = 0x10, kMiddle = 0x08;
constexpr size_t kPacket = 4;

}  // namespace

VmMouse::VmMouse(Door& door, std::function<void()> nudge)
    : Device("vmmouse"),
      nudge_(std::move(nudge)),
      port_(door, "vmmouse", [this](PointerInput& input) { pointed(input); }) {
    port_.set_room(kQueueSize / kPacket);
}

void VmMouse::pointed(PointerInput& input) {
    if (!absolute() || queue_.size() + kPacket > kQueueSize) return;
    uint32_t buttons = 0;
    if (input.buttons & MouseInput::kLeft) buttons |= kLeft;
    if (input.buttons & MouseInput::kRight) buttons |= kRight;
    if (input.buttons & MouseInput::kMiddle) buttons |= kMiddle;
    const auto wheel = static_cast<uint32_t>(static_cast<int32_t>(std::clamp<int64_t>(input.dz, -127, 127)));
    for (const uint32_t word : {buttons, uint32_t{input.x}, uint32_t{input.y}, wheel}) queue_.push_back(word);
    nudge_();
}

bool VmMouse::command(uint16_t number, VmRegisters& registers) {
    switch (number) {
        case kData: read(registers); return true;
        case kStatus:
            registers.eax = (failed_ ? kFailed : 0) | static_cast<uint32_t>(queue_.size());
            return true;
        case kCommand: control(registers.ebx); return true;
        default: return false;
    }
}

void VmMouse::control(uint32_t request) {
    switch (request) {
        case kEnable:
            if (queue_.size() < kQueueSize) queue_.push_back(kVersion);
            failed_ = false;
            break;
        case kDisable: failed_ = true; break;
        case kWantAbsolute: absolute_ = true; break;
        case kWantRelative: absolute_ = false; break;
        default: return;
    }
    tell();
}

void VmMouse::read(VmRegisters& registers) {
    const uint32_t count = registers.ebx;
    if (count == 0 || count > kPacket || count > queue_.size()) {
        failed_ = true;
        return tell();
    }
    const std::array<uint32_t*, kPacket> to = {&registers.eax, &registers.ebx, &registers.ecx, &registers.edx};
    for (uint32_t i = 0; i < count; ++i) {
        *to[i] = queue_.front();
        queue_.pop_front();
    }
}

void VmMouse::tell() {
    if (listener_) listener_(absolute());
}

void VmMouse::reset() {
    failed_ = true;
    absolute_ = false;
    queue_.clear();
    tell();
}

void VmMouse::state(StateVisitor& v) {
    v("failed", failed_);
    v("absolute", absolute_);
    v("queue", queue_, kQueueSize);
}

}  // namespace qr
