// SPDX-License-Identifier: GPL-2.0-or-later
//
// System management mode with the 32-bit state save map of the P6 family.
//
// The map's documented fields are where the manual has them. Hidden parts of segment registers, the
// descriptor table registers and CR4 are kept in the area it calls reserved; their places are our own.
// I/O instruction restart isn't offered (the revision identifier says so), SMBASE relocation and auto-halt
// restart are.
//
// Source: Intel SDM 3C, 31 (system management mode), table 31-1 (save map), 31.4 (RSM and its checks).
#include "target/i386/descriptor.h"
#include "target/i386/mmu.h"

namespace qr::i386 {

namespace {

constexpr uint32_t kSaveArea = 0x8000;  // offsets below are added to SMBASE + 0x8000
constexpr uint32_t kEntryPoint = 0x8000;
constexpr uint32_t kRevision = 0x00020000;
constexpr uint32_t kAnyEflags = 0x3f7fd5;

enum SaveOffset : uint32_t {
    kSaveCr0 = 0x7ffc, kSaveCr3 = 0x7ff8, kSaveEflags = 0x7ff4, kSaveEip = 0x7ff0,
    kSaveGprs = 0x7fd0,  // EAX; ECX, EDX, ... EDI upwards
    kSaveDr6 = 0x7fcc, kSaveDr7 = 0x7fc8, kSaveTr = 0x7fc4, kSaveLdtr = 0x7fc0,
    kSaveSelectors = 0x7fa8,  // ES, CS, SS, DS, FS, GS upwards
    kSaveIoState = 0x7fa4, kSaveIoAddress = 0x7fa0,
    kSaveAutoHalt = 0x7f02, kSaveIoRestart = 0x7f00,
    kSaveRevision = 0x7efc, kSaveSmbase = 0x7ef8,
    // In the reserved area
    kSaveHidden = 0x7f30,  // 12 bytes each: attr, limit, base; ES..GS, LDTR, TR
    kSaveGdtr = 0x7f20, kSaveIdtr = 0x7f28,  // base, limit
    kSaveCr4 = 0x7f18, kSavePendingDr6 = 0x7f14, kSaveFlags = 0x7f10, kSaveMode = 0x7f0c,
};
constexpr uint32_t kFlagNmiBlocked = 1;

void put(Cpu& cpu, uint32_t offset, uint32_t value, unsigned size = 4) {
    const uint32_t at = cpu.smbase + kSaveArea + offset;
    if (at % size == 0)
        return cpu.memory().write(at, size, value);
    for (unsigned i = 0; i < size; ++i)
        cpu.memory().write(at + i, 1, (value >> (8 * i)) & 0xff);
}

uint32_t get(Cpu& cpu, uint32_t offset, unsigned size = 4) {
    const uint32_t at = cpu.smbase + kSaveArea + offset;
    if (at % size == 0)
        return static_cast<uint32_t>(cpu.memory().read(at, size));
    uint32_t value = 0;
    for (unsigned i = 0; i < size; ++i)
        value |= static_cast<uint32_t>(cpu.memory().read(at + i, 1)) << (8 * i);
    return value;
}

Segment& saved_segment(Cpu& cpu, unsigned n) {
    return n < kSegCount ? cpu.seg[n] : n == kSegCount ? cpu.ldtr : cpu.tr;
}

uint32_t selector_offset(unsigned n) {
    return n < kSegCount ? kSaveSelectors + 4 * n : n == kSegCount ? kSaveLdtr : kSaveTr;
}

void save_state(Cpu& cpu, bool was_halted) {
    put(cpu, kSaveCr0, cpu.cr0);
    put(cpu, kSaveCr3, cpu.cr3);
    put(cpu, kSaveCr4, cpu.cr4);
    put(cpu, kSaveEflags, cpu.get_eflags());
    put(cpu, kSaveEip, cpu.eip);
    for (unsigned i = 0; i < 8; ++i)
        put(cpu, kSaveGprs + 4 * i, cpu.reg<uint32_t>(i));
    put(cpu, kSaveDr6, cpu.dr[6]);
    put(cpu, kSaveDr7, cpu.dr[7]);
    for (unsigned n = 0; n < kSegCount + 2; ++n) {
        const Segment& s = saved_segment(cpu, n);
        put(cpu, selector_offset(n), s.selector);
        put(cpu, kSaveHidden + 12 * n, s.attr);
        put(cpu, kSaveHidden + 12 * n + 4, s.limit);
        put(cpu, kSaveHidden + 12 * n + 8, static_cast<uint32_t>(s.base));
    }
    put(cpu, kSaveGdtr, cpu.gdtr.base);
    put(cpu, kSaveGdtr + 4, cpu.gdtr.limit);
    put(cpu, kSaveIdtr, cpu.idtr.base);
    put(cpu, kSaveIdtr + 4, cpu.idtr.limit);
    put(cpu, kSaveIoState, 0);
    put(cpu, kSaveIoAddress, 0);
    put(cpu, kSavePendingDr6, cpu.events & kEventTrap ? cpu.pending_dr6 | 0x80000000 : 0);
    put(cpu, kSaveFlags, cpu.nmi_blocked ? kFlagNmiBlocked : 0);
    put(cpu, kSaveMode, cpu.cpl);
    put(cpu, kSaveAutoHalt, was_halted, 2);
    put(cpu, kSaveIoRestart, 0, 2);
    put(cpu, kSaveRevision, kRevision);
    put(cpu, kSaveSmbase, cpu.smbase);
}

// RSM shuts down if the map asks for what can't be.
bool state_possible(Cpu& cpu) {
    const uint32_t cr0 = get(cpu, kSaveCr0);
    const uint32_t cr4 = get(cpu, kSaveCr4);
    if ((cr0 & kCr0PG) && !(cr0 & kCr0PE))
        return false;
    if ((cr0 & kCr0NW) && !(cr0 & kCr0CD))
        return false;
    return (cr4 & ~uint32_t{(kCr4OSXMMEXCPT << 1) - 1}) == 0;
}

void restore_segments(Cpu& cpu) {
    for (unsigned n = 0; n < kSegCount + 2; ++n) {
        Segment& s = saved_segment(cpu, n);
        s.selector = static_cast<uint16_t>(get(cpu, selector_offset(n)));
        s.attr = get(cpu, kSaveHidden + 12 * n) & 0xf0ff;
        s.limit = get(cpu, kSaveHidden + 12 * n + 4);
        s.base = get(cpu, kSaveHidden + 12 * n + 8);
        s.derive();
    }
    cpu.gdtr.base = get(cpu, kSaveGdtr);
    cpu.gdtr.limit = static_cast<uint16_t>(get(cpu, kSaveGdtr + 4));
    cpu.idtr.base = get(cpu, kSaveIdtr);
    cpu.idtr.limit = static_cast<uint16_t>(get(cpu, kSaveIdtr + 4));
}

void restore_registers(Cpu& cpu) {
    cpu.cr0 = get(cpu, kSaveCr0) | kCr0ET;
    cpu.cr3 = get(cpu, kSaveCr3);
    cpu.cr4 = get(cpu, kSaveCr4);
    cpu.eip = get(cpu, kSaveEip);
    for (unsigned i = 0; i < 8; ++i)
        cpu.set_reg<uint32_t>(i, get(cpu, kSaveGprs + 4 * i));
    cpu.dr[6] = (get(cpu, kSaveDr6) & 0xe00f) | 0xffff0ff0;
    cpu.write_dr(7, get(cpu, kSaveDr7));
    const uint32_t pending = get(cpu, kSavePendingDr6);
    cpu.pending_dr6 = pending & 0xe00f;
    cpu.events &= ~uint32_t{kEventTrap};
    if (pending)
        cpu.events |= kEventTrap;
    cpu.nmi_blocked = get(cpu, kSaveFlags) & kFlagNmiBlocked;
    set_cpl(cpu, get(cpu, kSaveMode) & 3);
    cpu.flags.lazy = false;
    cpu.write_eflags(get(cpu, kSaveEflags), kAnyEflags);
}

void shut_down(Cpu& cpu) {
    cpu.activity = Activity::kShutdown;
    cpu.update_step_event();
    if (cpu.wiring.shutdown)
        cpu.wiring.shutdown();
    cpu.wiring.countdown.leave();
}

}  // namespace

void Cpu::enter_smm() {
    const bool was_halted = activity == Activity::kHalted;
    activity = Activity::kActive;
    smi_latched = false;
    smm = true;  // from here on SMRAM is open
    settle_flags();
    save_state(*this, was_halted);

    events &= ~uint32_t{kEventTrap | kEventShadow | kEventStiShadow};
    pending_dr6 = 0;
    nmi_blocked = true;
    cr0 &= ~uint32_t{kCr0PE | kCr0EM | kCr0TS | kCr0PG};
    cr4 = 0;
    write_dr(7, 0x400);
    write_eflags(kFixed1, kAnyEflags);
    set_cpl(*this, 0);
    for (Segment& s : seg) {
        s.selector = 0;
        s.base = 0;
        s.limit = 0xffffffff;
        s.attr = 0x8093;
        s.derive();
    }
    seg[kCs].selector = static_cast<uint16_t>(smbase >> 4);
    seg[kCs].base = smbase;
    eip = kEntryPoint;
    flush_tlb();
}

void Cpu::leave_smm() {
    if (!smm)
        fault(kUD);
    if (!state_possible(*this))
        return shut_down(*this);
    // The order matters where a register's meaning depends on another: modes first.
    const uint32_t new_smbase = get(*this, kSaveSmbase);
    const bool halt_again = get(*this, kSaveAutoHalt, 2) & 1;
    restore_segments(*this);
    restore_registers(*this);
    smbase = new_smbase;
    smm = false;
    flush_tlb();
    if ((cr0 & kCr0PG) && (cr4 & kCr4PAE) && !load_pdptes(*this, cr3))
        return shut_down(*this);
    update_step_event();  // edges that came in the meantime are due now
    if (halt_again)
        halt();
}

}  // namespace qr::i386
