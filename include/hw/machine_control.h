// SPDX-License-Identifier: GPL-2.0-or-later
// What a device may ask of the machine as a whole. The run loop implements it; every request takes
// effect at the next instruction boundary and is a function of what the guest did, so nothing of it
// is logged. VM thread only.
#pragma once

namespace qr {

class MachineControl {
  public:
    virtual ~MachineControl() = default;
    // Every device and CPU goes through reset(). RAM keeps its contents.
    virtual void request_reset() = 0;
    // Power off (ACPI S5, or S4, which looks the same from outside).
    virtual void request_shutdown() = 0;
    // Suspend to RAM (ACPI S3): the CPU stops until something wakes the machine, which is then
    // reset with its RAM kept and Piix4Pm::wake() called.
    virtual void request_suspend() = 0;
    // The emulator ends with this exit status (isa-debug-exit).
    virtual void request_exit(int status) = 0;
};

}  // namespace qr
