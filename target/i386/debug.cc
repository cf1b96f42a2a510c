// SPDX-License-Identifier: GPL-2.0-or-later
//
// Debug registers, breakpoints and watchpoints, and which events are due.
// Source: Intel SDM 3B, 17.2 (debug registers), 17.3 (debug exceptions); 3A, 6.8 (masking).
#include "target/i386/cpu.h"

namespace qr::i386 {

namespace {

enum BreakKind : unsigned { kExecute = 0, kWrite = 1, kPort = 2, kReadWrite = 3 };

bool enabled(uint32_t dr7, unsigned n) { return bits(dr7, n * 2, 2) != 0; }
unsigned kind(uint32_t dr7, unsigned n) { return bits(dr7, 16 + n * 4, 2); }
uint32_t length(uint32_t dr7, unsigned n) {
    constexpr uint8_t kLengths[] = {1, 2, 8, 4};
    return kLengths[bits(dr7, 18 + n * 4, 2)];
}

// Whether [address, address + size) touches breakpoint n.
bool touches(const Cpu& cpu, unsigned n, uint32_t address, uint32_t size) {
    const uint32_t wide = length(cpu.dr[7], n);
    const uint32_t start = cpu.dr[n] & ~(wide - 1);
    return start - address < size || address - start < wide;
}

}  // namespace

void Cpu::derive_debug() {
    const bool watched = watching_data;
    watching_data = watching_ports = breaking = false;
    for (unsigned n = 0; n < 4; ++n) {
        if (!enabled(dr[7], n)) continue;
        switch (kind(dr[7], n)) {
            case kExecute: breaking = true; break;
            case kPort: watching_ports |= (cr4 & kCr4DE) != 0; break;
            default: watching_data = true; break;
        }
    }
    // Pages with watchpoints may not stay in the TLB, and those that had one may come back.
    if (watched || watching_data) tlb.flush();
}

void Cpu::update_step_event() {
    uint32_t e = events & (kEventTrap | kEventShadow | kEventStiShadow | kEventFerr);
    if (intr_pin && (eflags & kIF)) e |= kEventIntr;
    if (nmi_latched && !nmi_blocked) e |= kEventNmi;
    if (smi_latched && !smm) e |= kEventSmi;
    if (init_latched && !smm) e |= kEventInit;
    if (activity != Activity::kActive) e |= kEventHalt;
    if ((eflags & (kTF | kRF)) || breaking) e |= kEventStep;
    events = e;
    const bool check_alignment = (cr0 & kCr0AM) && (eflags & kACFlag);
    if (check_alignment != tlb.alignment_checked()) tlb.set_alignment_checked(check_alignment);
}

uint32_t Cpu::code_breakpoints() const {
    if (!breaking || (eflags & kRF)) return 0;
    const auto at = static_cast<uint32_t>(program_counter());
    uint32_t hit = 0;
    for (unsigned n = 0; n < 4; ++n)
        if (enabled(dr[7], n) && kind(dr[7], n) == kExecute && dr[n] == at) hit |= 1u << n;
    return hit;
}

void Cpu::check_watchpoints(uint32_t linear, unsigned size, bool write) {
    for (unsigned n = 0; n < 4; ++n) {
        if (!enabled(dr[7], n)) continue;
        const unsigned k = kind(dr[7], n);
        if ((k == kReadWrite || (k == kWrite && write)) && touches(*this, n, linear, size)) hit_trap(1u << n);
    }
}

void Cpu::check_port_watchpoints(uint16_t port, unsigned size) {
    if (!watching_ports) return;
    for (unsigned n = 0; n < 4; ++n)
        if (enabled(dr[7], n) && kind(dr[7], n) == kPort && touches(*this, n, port, size))
            hit_trap(1u << n);
}

void Cpu::hit_trap(uint32_t dr6_bits) {
    pending_dr6 |= dr6_bits;
    events |= kEventTrap;
    wiring.countdown.leave();
}

// DR4 and DR5 are DR6 and DR7, unless CR4.DE makes them undefined.
uint32_t Cpu::read_dr(unsigned n) {
    if (n == 4 || n == 5) {
        if (cr4 & kCr4DE) fault(kUD);
        n += 2;
    }
    return dr[n];
}

void Cpu::write_dr(unsigned n, uint32_t value) {
    if (n == 4 || n == 5) {
        if (cr4 & kCr4DE) fault(kUD);
        n += 2;
    }
    if (n == 6)
        value = (value & 0xe00f) | 0xffff0ff0;
    else if (n == 7)
        value = (value & 0xffff23ff) | 0x400;
    dr[n] = value;
    derive_debug();
    update_step_event();
}

}  // namespace qr::i386
