// SPDX-License-Identifier: GPL-2.0-or-later
//
// EFLAGS as a whole. Source: Intel SDM 1, 3.4.3.
#include "target/i386/cpu.h"

namespace qr::i386 {

uint32_t Cpu::lazy_eflags() const {
    uint32_t value = eflags & ~kArithFlags;
    if (cf()) value |= kCF;
    if (pf()) value |= kPF_;
    if (af()) value |= kAF;
    if (zf()) value |= kZF;
    if (sf()) value |= kSF;
    if (of()) value |= kOFlag;
    return value;
}

void Cpu::write_eflags(uint32_t value, uint32_t mask) {
    if ((mask & kArithFlags) == kArithFlags)
        flags.lazy = false;
    else if (mask & kArithFlags)
        settle_flags();
    eflags = (eflags & ~mask) | (value & mask) | kFixed1;
    update_step_event();
}

}  // namespace qr::i386
