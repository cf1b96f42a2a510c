// SPDX-License-Identifier: GPL-2.0-or-later
// VMware's pointer: tells positions on the screen instead of movements. A guest's driver asks for them by the
// machine's VMware port (hw/misc/vmport.h) when the PS/2 mouse interrupts, which sends an empty packet for that.
// Source: OSDev Wiki, "VMware tools"; the status word's and the queue's details are those of Debian's QEMU. VM thread
// only.
#pragma once

#include <deque>
#include <functional>

#include "hw/device.h"
#include "hw/input_events.h"
#include "hw/misc/vmport.h"
#include "sysemu/replay.h"

namespace qr {

class VmMouse final : public Device {
  public:
    // nudge: make the PS/2 mouse interrupt.
    VmMouse(Door& door, std::function<void()> nudge);

    InputPort<PointerInput>& port() { return port_; }
    // The guest wants positions now.
    bool absolute() const { return absolute_ && !failed_; }
    // Called on the VM thread when that changes; must only tell somebody.
    void on_absolute(std::function<void(bool)> listener) { listener_ = std::move(listener); }

    // A command of the VMware port.
    bool command(uint16_t number, VmRegisters& registers);

    void reset() override;
    void state(StateVisitor& v) override;
    void after_load() override { tell(); }

  private:
    static constexpr size_t kQueueSize = 1024;  // words

    void pointed(PointerInput& input);
    void control(uint32_t request);
    void read(VmRegisters& registers);
    void tell();

    std::function<void()> nudge_;
    std::function<void(bool)> listener_;
    InputPort<PointerInput> port_;

    bool failed_ = true;  // disabled, or the driver asked for words that aren't there
    bool absolute_ = false;
    std::deque<uint32_t> queue_;
};

}  // namespace qr
