// SPDX-License-Identifier: GPL-2.0-or-later
// The port by which guests talk to a VMware machine, as far as `pc` has it: an access to 0x5658 with a magic number in
// EAX carries out the command in CX and answers in general registers, whatever direction and size the access has.
// Source: OSDev Wiki, "VMware tools"; what isn't said there, and the answers' details, are those of Debian's QEMU.
//
// Not modelled: commands about the host's time, the BIOS's UUID, processors; they are answered like unknown ones.
#pragma once

#include <cstdint>
#include <functional>

#include "exec/io.h"

namespace qr {

// Of the CPU that makes the access.
struct VmRegisters {
    uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

class VmPort {
  public:
    struct Cpu {
        std::function<VmRegisters()> read;
        std::function<void(const VmRegisters&)> write;
    };
    // Carries out a command; false: it isn't one of its own.
    using Command = std::function<bool(uint16_t number, VmRegisters& registers)>;

    VmPort(Cpu cpu, uint64_t ram_size, Command pointer);

    IoRegion& region() { return region_; }  // 4 ports at 0x5658; the last three do nothing

  private:
    uint32_t access();
    void answer(VmRegisters& r) const;

    Cpu cpu_;
    uint64_t ram_size_;
    Command pointer_;
    IoRegion region_;
};

}  // namespace qr
