// SPDX-License-Identifier: GPL-2.0-or-later
//
// The CPU as a whole: reset, state, its pins, and what memory tells it.
// Source: Intel SDM 3A, 9.1 (state after RESET and INIT), 6.3 and 6.7 (pins).
#include "target/i386/cpu.h"

#include <fmt/format.h>

#include "target/i386/mmu.h"
#include "util/bits.h"

namespace qr::i386 {

Cpu::Cpu(CpuWiring w, const CpuModel& m) : model(m), wiring(std::move(w)) {
    wiring.memory.set_listener(this);
    wiring.smm_memory.set_listener(this);
}

Cpu::~Cpu() {
    wiring.memory.set_listener(nullptr);
    wiring.smm_memory.set_listener(nullptr);
}

// ---- reset ---------------------------------------------------------------------------------------------

// What RESET and INIT have in common (table 9-1).
void Cpu::reset_common() {
    gpr.fill(0);
    gpr[kEdx] = model.signature;
    eip = 0xfff0;
    eflags = kFixed1;
    flags = {};
    for (Segment& s : seg) s = {.selector = 0, .attr = 0x93, .limit = 0xffff, .base = 0};
    seg[kCs].selector = 0xf000;
    seg[kCs].base = 0xffff0000;
    ldtr = {.selector = 0, .attr = 0x82, .limit = 0xffff, .base = 0};
    tr = {.selector = 0, .attr = 0x8b, .limit = 0xffff, .base = 0};
    for (Segment& s : seg) s.derive();
    gdtr = idtr = {.base = 0, .limit = 0xffff};
    cr2 = cr3 = cr4 = 0;
    for (uint64_t& p : pdpte) p = 0;
    for (uint32_t& d : dr) d = 0;
    dr[6] = 0xffff0ff0;
    dr[7] = 0x400;
    cpl = 0;
    activity = Activity::kActive;
    events = 0;
    pending_dr6 = 0;
    nmi_latched = smi_latched = init_latched = nmi_blocked = false;
    smm = false;
    efer = 0;
}

void Cpu::reset() {
    reset_common();
    cr0 = kCr0CD | kCr0NW | kCr0ET;
    smbase = 0x30000;
    tsc_offset = 0;
    tsc_offset = 0 - tsc();
    sysenter_cs = sysenter_esp = sysenter_eip = 0;
    pat = 0x0007040600070406;
    mtrr = {};
    machine_check = {};
    misc_enable = 1;
    microcode = 0;
    // Unlike FINIT, reset leaves all exceptions masked off, single precision and tags of zeros.
    fpu = {};
    fpu.control = 0x40;
    fpu.empty = 0;
    flush_tlb();
    derive_debug();
    update_step_event();
}

void Cpu::init_reset() {
    reset_common();
    cr0 = (cr0 & (kCr0CD | kCr0NW)) | kCr0ET;
    flush_tlb();
    derive_debug();
    update_step_event();
}

// ---- state ---------------------------------------------------------------------------------------------

void Cpu::Mtrr::state(StateVisitor& v) {
    v("def_type", default_type);
    v("variable", variable);
    v("fixed", fixed);
}

void Cpu::MachineCheck::state(StateVisitor& v) {
    v("status", status);
    v("ctl", control);
    v("bank_ctl", bank_control);
}

void Cpu::state(StateVisitor& v) {
    if (v.loading())
        flags = {};
    else
        settle_flags();
    static constexpr const char* kGprNames[] = {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"};
    for (unsigned n = 0; n < 8; ++n) v(kGprNames[n], gpr[n]);
    v("eip", eip);
    v("eflags", eflags);
    static constexpr const char* kSegNames[] = {"es", "cs", "ss", "ds", "fs", "gs"};
    for (unsigned n = 0; n < kSegCount; ++n) v(kSegNames[n], seg[n]);
    v("ldtr", ldtr);
    v("tr", tr);
    v("gdtr", gdtr);
    v("idtr", idtr);
    v("cr0", cr0);
    v("cr2", cr2);
    v("cr3", cr3);
    v("cr4", cr4);
    v("pdpte", pdpte);
    v("dr", dr);
    v("cpl", cpl);
    v("activity", activity);
    v("events", events);
    v("pending_dr6", pending_dr6);
    v("intr_pin", intr_pin);
    v("nmi_latched", nmi_latched);
    v("smi_latched", smi_latched);
    v("init_latched", init_latched);
    v("nmi_blocked", nmi_blocked);
    v("smm", smm);
    v("smbase", smbase);
    v("tsc_offset", tsc_offset);
    v("efer", efer);
    v("sysenter_cs", sysenter_cs);
    v("sysenter_esp", sysenter_esp);
    v("sysenter_eip", sysenter_eip);
    v("pat", pat);
    v("mtrr", mtrr);
    v("mca", machine_check);
    v("misc_enable", misc_enable);
    v("microcode", microcode);
    v("fpu", fpu);
    if (v.loading()) {
        if (cpl > 3) v.fail("cpl is out of range");
        if (activity > Activity::kWaitForSipi) v.fail("activity is out of range");
        cpl &= 3;
    }
}

void Cpu::after_load() {
    stops.forget_hits();
    gpr[kNoRegister] = 0;
    for (unsigned n = 0; n < 8; ++n) gpr[n] &= 0xffffffff;
    for (Segment& s : seg) s.derive();
    // Decoded code stays: it is found by its place in memory, and whoever overwrote memory said so.
    flush_tlb();
    derive_debug();
    update_step_event();
}

// ---- CpuBase and MemoryListener ----------------------------------------------------------------------------

void Cpu::run() {
    stops.begin(*engine_, tlb);
    engine_->run(*this);
}

bool Cpu::halted() const {
    constexpr uint32_t kWakes = kEventNmi | kEventSmi | kEventInit;
    switch (activity) {
        case Activity::kActive: return false;
        case Activity::kHalted: return !(events & (kWakes | kEventIntr | kEventTrap));
        case Activity::kShutdown: return !(events & kWakes);
        case Activity::kWaitForSipi: return true;
    }
    return false;
}

void Cpu::flush_caches() {
    flush_tlb();
    if (engine_) engine_->flush();
}

void Cpu::flush_tlb() {
    tlb.flush();
    wiring.memory.forget_table_watches();
}

void Cpu::code_written(RamBlock& block, uint64_t page, uint64_t granules) {
    if (engine_) engine_->invalidate(block, page, granules);
}

void Cpu::tables_written(uint32_t tag, uint64_t first, uint64_t last) { tables_overwritten(*this, tag, first, last); }

void Cpu::writes_watched(RamBlock& block, uint64_t page) {
    tlb.protect(block.data() + (page << kPageShift));
}

// Table watches stay: a walk that goes on while this is called needs those that it has set already.
void Cpu::map_changed() { tlb.flush(); }

// ---- pins ------------------------------------------------------------------------------------------------

void Cpu::set_intr(bool level) {
    if (level == intr_pin) return;
    intr_pin = level;
    update_step_event();
    if (level) wiring.countdown.leave();
}

void Cpu::raise_nmi() {
    nmi_latched = true;
    update_step_event();
    wiring.countdown.leave();
}

void Cpu::raise_smi() {
    smi_latched = true;
    update_step_event();
    wiring.countdown.leave();
}

void Cpu::raise_init() {
    init_latched = true;
    update_step_event();
    wiring.countdown.leave();
}

void Cpu::start_up(uint8_t vector) {
    if (activity != Activity::kWaitForSipi) return;
    seg[kCs].selector = static_cast<uint16_t>(vector << 8);
    seg[kCs].base = uint32_t{vector} << 12;
    eip = 0;
    activity = Activity::kActive;
    update_step_event();
    wiring.countdown.leave();
}

// ---- for people ------------------------------------------------------------------------------------------

namespace {

std::string describe_segment(std::string_view name, const Segment& s, bool protected_mode) {
    const uint32_t raw_limit = bit(s.attr, 15) ? s.limit >> 12 : s.limit;
    const uint32_t high = uint32_t{s.attr} << 8 | (raw_limit & 0xf0000);
    std::string text = fmt::format("{:<3}={:04x} {:08x} {:08x} {:08x}", name, s.selector,
                                   static_cast<uint32_t>(s.base), s.limit, high & 0xffff00);
    if (protected_mode && s.present()) {
        static constexpr const char* kSystemTypes[] = {
            "Reserved",  "TSS16-avl", "LDT",       "TSS16-busy", "CallGate16", "TaskGate",
            "IntGate16", "TrapGate16", "Reserved", "TSS32-avl",  "Reserved",   "TSS32-busy",
            "CallGate32", "Reserved", "IntGate32", "TrapGate32"};
        text += fmt::format(" DPL={} ", s.dpl());
        const unsigned type = s.type();
        if (!s.s()) {
            text += kSystemTypes[type];
        } else if (s.code()) {
            text += fmt::format("CS{} [{}{}{}]", s.db() ? "32" : "16", type & 4 ? 'C' : '-',
                                type & 2 ? 'R' : '-', type & 1 ? 'A' : '-');
        } else {
            text += fmt::format("DS{} [{}{}{}]", s.db() ? "  " : "16", type & 4 ? 'E' : '-',
                                type & 2 ? 'W' : '-', type & 1 ? 'A' : '-');
        }
    }
    return text + '\n';
}

}  // namespace

std::string Cpu::describe() const {
    const uint32_t f = get_eflags();
    const auto flag = [f](uint32_t mask, char c) { return f & mask ? c : '-'; };
    std::string t = fmt::format(
        "EAX={:08x} EBX={:08x} ECX={:08x} EDX={:08x}\nESI={:08x} EDI={:08x} EBP={:08x} ESP={:08x}\n",
        reg<uint32_t>(kEax), reg<uint32_t>(kEbx), reg<uint32_t>(kEcx), reg<uint32_t>(kEdx),
        reg<uint32_t>(kEsi), reg<uint32_t>(kEdi), reg<uint32_t>(kEbp), reg<uint32_t>(kEsp));
    t += fmt::format("EIP={:08x} EFL={:08x} [{}{}{}{}{}{}{}] CPL={} II={} A20={} SMM={} HLT={}\n", eip, f,
                     flag(kDFlag, 'D'), flag(kOFlag, 'O'), flag(kSF, 'S'), flag(kZF, 'Z'), flag(kAF, 'A'),
                     flag(kPF_, 'P'), flag(kCF, 'C'), cpl,
                     events & (kEventShadow | kEventStiShadow) ? 1 : 0, wiring.memory.a20() ? 1 : 0,
                     smm ? 1 : 0, activity == Activity::kHalted ? 1 : 0);
    static constexpr std::string_view kNames[] = {"ES", "CS", "SS", "DS", "FS", "GS"};
    for (unsigned n = 0; n < kSegCount; ++n) t += describe_segment(kNames[n], seg[n], protected_mode());
    t += describe_segment("LDT", ldtr, protected_mode());
    t += describe_segment("TR", tr, protected_mode());
    t += fmt::format("GDT=     {:08x} {:08x}\nIDT=     {:08x} {:08x}\n", gdtr.base, gdtr.limit, idtr.base,
                     idtr.limit);
    t += fmt::format("CR0={:08x} CR2={:08x} CR3={:08x} CR4={:08x}\n", cr0, cr2, cr3, cr4);
    t += fmt::format("DR0={:08x} DR1={:08x} DR2={:08x} DR3={:08x}\nDR6={:08x} DR7={:08x}\n", dr[0], dr[1],
                     dr[2], dr[3], dr[6], dr[7]);
    t += fmt::format("EFER={:016x}\n", efer);
    unsigned valid = 0;
    for (unsigned n = 0; n < 8; ++n) valid |= bit(fpu.empty, n) ? 0u : 1u << n;
    t += fmt::format("FCW={:04x} FSW={:04x} [ST={}] FTW={:02x} MXCSR={:08x}\n", fpu.control, fpu.status,
                     fpu.top(), valid, fpu.mxcsr);
    for (unsigned n = 0; n < 8; ++n)
        t += fmt::format("FPR{}={:016x} {:04x}{}", n, fpu.regs[n].mantissa, fpu.regs[n].sign_exponent,
                         n & 1 ? '\n' : ' ');
    for (unsigned n = 0; n < 8; ++n)
        t += fmt::format("XMM{:02}={:016x}{:016x}{}", n, fpu.xmm[n].get<uint64_t>(1),
                         fpu.xmm[n].get<uint64_t>(0), n & 1 ? '\n' : ' ');
    return t;
}

}  // namespace qr::i386
