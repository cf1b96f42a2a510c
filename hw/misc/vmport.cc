// SPDX-License-Identifier: GPL-2.0-or-later
//
// Commands of the VMware port; see vmport.h.
#include "hw/misc/vmport.h"

namespace qr {

namespace {

constexpr uint32_t kMagic = 0x564d5868;
constexpr uint32_t kUnknown = 0xffffffff;
constexpr uint16_t kGetVersion = 10, kGetRamSize = 20;
constexpr uint32_t kVersion = 6, kProduct = 2;
constexpr uint32_t kRamAnswer = 0x1177;

}  // namespace

VmPort::VmPort(Cpu cpu, uint64_t ram_size, Command pointer)
    : cpu_(std::move(cpu)),
      ram_size_(ram_size),
      pointer_(std::move(pointer)),
      region_("vmport", 4,
              {.read = [this](uint64_t offset, unsigned) { return offset ? kUnknown : access(); },
               .write =
                   [this](uint64_t offset, unsigned, uint64_t) {
                       if (!offset) access();
                   },
               .peek = {}}) {}

void VmPort::answer(VmRegisters& r) const {
    const auto number = static_cast<uint16_t>(r.ecx);
    if (r.eax != kMagic) {
        r.eax = kUnknown;
    } else if (number == kGetVersion) {
        r = {kVersion, kMagic, kProduct, r.edx};
    } else if (number == kGetRamSize) {
        r.eax = static_cast<uint32_t>(ram_size_);
        r.ebx = kRamAnswer;
    } else if (!pointer_(number, r)) {
        r.eax = kUnknown;
    }
}

uint32_t VmPort::access() {
    VmRegisters registers = cpu_.read();
    answer(registers);
    cpu_.write(registers);
    return registers.eax;
}

}  // namespace qr
