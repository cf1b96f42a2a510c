// SPDX-License-Identifier: GPL-2.0-or-later
// The wires between a CPU and its interrupt controller, in both directions. A CPU owns neither a
// PIC nor a local APIC: it sees an InterruptController, and the controller sees the CPU as
// CpuInterruptPins. VM thread only. Source: SDM volume 3A, chapters 6 and 10.
#pragma once

#include <cstdint>

namespace qr {

// What a local APIC (or, without one, the board) tells its CPU. The CPU samples these at its next
// instruction boundary; a call made while an instruction runs must end the slice
// (Countdown::leave).
class CpuInterruptPins {
  public:
    virtual ~CpuInterruptPins() = default;

    // Level of the maskable interrupt input. While it is high and EFLAGS.IF allows, the CPU calls
    // InterruptController::acknowledge() and enters that vector. Called only when the level
    // changes.
    virtual void set_intr(bool level) = 0;

    // Edges. Each stays pending in the CPU, as CPU state, until taken.
    virtual void raise_nmi() = 0;
    virtual void raise_smi() = 0;
    // INIT: the CPU resets all but FPU, caches and MSRs; an application processor then waits for
    // SIPI.
    virtual void raise_init() = 0;
    // STARTUP: begin at vector << 12. Ignored unless waiting for it.
    virtual void start_up(uint8_t vector) = 0;
};

// Whoever answers an interrupt acknowledge cycle: the 8259A pair, or a local APIC.
class InterruptAcknowledge {
  public:
    virtual ~InterruptAcknowledge() = default;
    // INTA: takes the interrupt with the highest priority and returns its vector. When the request
    // has vanished, the controller's spurious vector.
    virtual uint8_t acknowledge() = 0;
};

// What a CPU asks of its controller.
class InterruptController : public InterruptAcknowledge {
  public:
    // IA32_APIC_BASE (MSR 1BH).
    virtual uint64_t apic_base() const = 0;
    // WRMSR; false if the value is not allowed (#GP).
    virtual bool set_apic_base(uint64_t value) = 0;
    // CPUID.1:EDX.APIC: there is a local APIC and APIC_BASE.EN is set.
    virtual bool apic_enabled() const = 0;

    // CR8: bits 7:4 of the task priority register.
    virtual uint8_t cr8() const = 0;
    virtual void set_cr8(uint8_t value) = 0;

    // IA32_TSC_DEADLINE (MSR 6E0H). Exists only where CPUID.1:ECX.TSC_DEADLINE says so.
    virtual uint64_t tsc_deadline() const = 0;
    virtual void set_tsc_deadline(uint64_t value) = 0;
    // The time-stamp counter was written: a deadline that is armed is computed afresh.
    virtual void tsc_changed() = 0;
};

}  // namespace qr
