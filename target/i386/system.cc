// SPDX-License-Identifier: GPL-2.0-or-later
//
// Control and debug registers, fast system calls, and the other instructions of operating systems that
// don't deal with segments. Source: Intel SDM 3A, 2.5 (control registers), 4.4.1 (loading PDPTEs), 5.8.7
// (SYSENTER), 9.9 (mode switching); 2A-2B, the instructions.
#include "target/i386/mmu.h"
#include "target/i386/operands.h"

namespace qr::i386 {

namespace {

constexpr uint32_t kCr0Writable = kCr0PE | kCr0MP | kCr0EM | kCr0TS | kCr0NE | kCr0WP | kCr0AM | kCr0NW |
                                  kCr0CD | kCr0PG;
constexpr uint32_t kDr7GeneralDetect = 1 << 13;
constexpr uint32_t kDr6DebugAccess = 1 << 13;

uint32_t cr4_writable(const CpuModel& m) {
    struct Pair {
        Feature feature;
        uint32_t allowed;
    };
    constexpr Pair kPairs[] = {
        {Feature::kVme, kCr4VME | kCr4PVI}, {Feature::kTsc, kCr4TSD},
        {Feature::kDe, kCr4DE},             {Feature::kPse, kCr4PSE},
        {Feature::kPae, kCr4PAE},           {Feature::kMce, kCr4MCE},
        {Feature::kPge, kCr4PGE},           {Feature::kMmx, kCr4PCE},
        {Feature::kFxsr, kCr4OSFXSR},       {Feature::kSse, kCr4OSXMMEXCPT},
    };
    uint32_t all = 0;
    for (const Pair& p : kPairs)
        if (m.has(p.feature)) all |= p.allowed;
    return all;
}

// A flat segment, as SYSENTER and SYSEXIT make them.
void load_flat(Segment& s, uint32_t selector, uint16_t type_and_dpl) {
    s.selector = static_cast<uint16_t>(selector);
    s.base = 0;
    s.limit = 0xffffffff;
    s.attr = 0xc000 | type_and_dpl;
    s.derive();
}

// ---- MOV CR, MOV DR ----

void mov_from_cr(Cpu& cpu, const Insn& insn) {
    if (insn.reg != 0 && insn.reg != 2 && insn.reg != 3 && insn.reg != 4) fault(kUD);
    cpu.require_cpl0();
    const uint32_t values[] = {cpu.cr0, 0, cpu.cr2, cpu.cr3, cpu.cr4};
    cpu.set_reg<uint32_t>(insn.rm, values[insn.reg]);
}

void mov_to_cr(Cpu& cpu, const Insn& insn) {
    if (insn.reg != 0 && insn.reg != 2 && insn.reg != 3 && insn.reg != 4) fault(kUD);
    cpu.require_cpl0();
    const auto value = cpu.reg<uint32_t>(insn.rm);
    switch (insn.reg) {
        case 0: cpu.write_cr0(value); break;
        case 2: cpu.cr2 = value; break;
        case 3: cpu.write_cr3(value); break;
        default: cpu.write_cr4(value); break;
    }
}

void check_dr_access(Cpu& cpu, unsigned n) {
    if ((n == 4 || n == 5) && (cpu.cr4 & kCr4DE)) fault(kUD);
    cpu.require_cpl0();
    if (cpu.dr[7] & kDr7GeneralDetect) throw Fault{kDB, false, 0, kDr6DebugAccess};
}

void mov_from_dr(Cpu& cpu, const Insn& insn) {
    check_dr_access(cpu, insn.reg);
    cpu.set_reg<uint32_t>(insn.rm, cpu.read_dr(insn.reg));
}

void mov_to_dr(Cpu& cpu, const Insn& insn) {
    check_dr_access(cpu, insn.reg);
    cpu.write_dr(insn.reg, cpu.reg<uint32_t>(insn.rm));
}

template <class T, bool kMem>
void smsw(Cpu& cpu, const Insn& insn) {
    if constexpr (kMem)
        write_mem<uint16_t>(cpu, insn, static_cast<uint16_t>(cpu.cr0));
    else
        cpu.set_reg<T>(insn.rm, static_cast<T>(cpu.cr0));
}

// Changes PE, MP, EM and TS, but can't clear PE.
template <bool kMem>
void lmsw(Cpu& cpu, const Insn& insn) {
    cpu.require_cpl0();
    const uint32_t value = read_e<uint16_t, kMem>(cpu, insn);
    const uint32_t keep = ~uint32_t{kCr0MP | kCr0EM | kCr0TS};
    cpu.write_cr0((cpu.cr0 & keep) | (value & (kCr0PE | kCr0MP | kCr0EM | kCr0TS)));
}

void clts(Cpu& cpu, const Insn&) {
    cpu.require_cpl0();
    cpu.cr0 &= ~uint32_t{kCr0TS};
}

// ---- caches and halting ----

// Nothing is cached that memory doesn't show, so these only check that they are allowed.
void cache_control(Cpu& cpu, const Insn&) { cpu.require_cpl0(); }

void hlt(Cpu& cpu, const Insn&) {
    cpu.require_cpl0();
    cpu.halt();
}

void rsm(Cpu& cpu, const Insn&) { cpu.leave_smm(); }

// ---- MSRs and counters ----

void set_edx_eax(Cpu& cpu, uint64_t value) {
    cpu.set_reg<uint32_t>(kEax, static_cast<uint32_t>(value));
    cpu.set_reg<uint32_t>(kEdx, static_cast<uint32_t>(value >> 32));
}

void rdmsr(Cpu& cpu, const Insn&) {
    cpu.require_cpl0();
    set_edx_eax(cpu, cpu.read_msr(cpu.reg<uint32_t>(kEcx)));
}

void wrmsr(Cpu& cpu, const Insn&) {
    cpu.require_cpl0();
    cpu.write_msr(cpu.reg<uint32_t>(kEcx),
                  uint64_t{cpu.reg<uint32_t>(kEdx)} << 32 | cpu.reg<uint32_t>(kEax));
}

void rdtsc(Cpu& cpu, const Insn&) {
    if ((cpu.cr4 & kCr4TSD) && cpu.cpl != 0) fault(kGP, 0);
    set_edx_eax(cpu, cpu.tsc());
}

// No model has performance counters: every index is out of range.
void rdpmc(Cpu&, const Insn&) { fault(kGP, 0); }

void cpuid(Cpu& cpu, const Insn&) { cpu.cpuid(); }

// ---- fast system calls ----

void sysenter(Cpu& cpu, const Insn&) {
    if (!cpu.protected_mode() || !(cpu.sysenter_cs & 0xfffc)) fault(kGP, 0);
    const uint32_t selector = cpu.sysenter_cs & 0xfffc;
    cpu.write_eflags(0, kVM | kIF | kRF);
    load_flat(cpu.seg[kCs], selector, 0x9b);
    load_flat(cpu.seg[kSs], selector + 8, 0x93);
    cpu.cpl = 0;
    cpu.set_reg<uint32_t>(kEsp, cpu.sysenter_esp);
    cpu.eip = cpu.sysenter_eip;
}

void sysexit(Cpu& cpu, const Insn&) {
    if (!cpu.protected_mode() || !(cpu.sysenter_cs & 0xfffc)) fault(kGP, 0);
    cpu.require_cpl0();
    const uint32_t selector = (cpu.sysenter_cs & 0xfffc) | 3;
    load_flat(cpu.seg[kCs], selector + 16, 0xfb);
    load_flat(cpu.seg[kSs], selector + 24, 0xf3);
    cpu.cpl = 3;
    cpu.set_reg<uint32_t>(kEsp, cpu.reg<uint32_t>(kEcx));
    cpu.eip = cpu.reg<uint32_t>(kEdx);
}

}  // namespace

// ---- control registers -------------------------------------------------------------------------------

void Cpu::write_cr0(uint32_t value) {
    if ((value & kCr0PG) && !(value & kCr0PE)) fault(kGP, 0);
    if ((value & kCr0NW) && !(value & kCr0CD)) fault(kGP, 0);
    value = (value & kCr0Writable) | kCr0ET;
    const uint32_t changed = cr0 ^ value;
    const bool pae = (value & kCr0PG) && (cr4 & kCr4PAE);
    if (pae && (changed & (kCr0PG | kCr0CD | kCr0NW)) && !load_pdptes(*this, cr3)) fault(kGP, 0);
    cr0 = value;
    // Without paging linear addresses are physical ones, in protected mode or not.
    if ((changed & kCr0PG) || (paging() && (changed & kCr0WP))) flush_tlb();
    update_step_event();
}

void Cpu::write_cr3(uint32_t value) {
    const auto old_pdpte = pdpte;
    if (paging() && (cr4 & kCr4PAE) && !load_pdptes(*this, value)) fault(kGP, 0);
    const uint32_t old = std::exchange(cr3, value);
    const bool same = cr4 & kCr4PAE ? pdpte == old_pdpte : !((old ^ value) & Tlb::kPageBits);
    if (paging() && !same) tables_switched(*this, old);
}

void Cpu::write_cr4(uint32_t value) {
    if (value & ~cr4_writable(model)) fault(kGP, 0);
    const uint32_t changed = cr4 ^ value;
    const bool tables = changed & (kCr4PSE | kCr4PAE | kCr4PGE);
    if (tables && paging() && (value & kCr4PAE) && !load_pdptes(*this, cr3)) fault(kGP, 0);
    cr4 = value;
    if (tables) flush_tlb();
    if (changed & kCr4DE) derive_debug();
}

// ---- the table -------------------------------------------------------------------------------------------

std::span<const Row> system_rows() {
    constexpr uint32_t kSystem = kPrivileged | kEndsBlock | kNotInUserTest;
    using F = Feature;
    static const Row kRows[] = {
        {"mov", "0F 20 /r", "Rd:w Cd:r", "u:oszapc", kSystem, F::kBase, same(mov_from_cr)},
        {"mov", "0F 22 /r", "Cd:w Rd:r", "u:oszapc", kSystem, F::kBase, same(mov_to_cr)},
        {"mov", "0F 21 /r", "Rd:w Dd:r", "u:oszapc", kSystem, F::kBase, same(mov_from_dr)},
        {"mov", "0F 23 /r", "Dd:w Rd:r", "u:oszapc", kSystem, F::kBase, same(mov_to_dr)},
        {"smsw", "0F 01 /4 reg", "Ev:w", "", kNotInUserTest, F::kBase,
         by_size(smsw<uint16_t, false>, smsw<uint32_t, false>)},
        {"smsw", "0F 01 /4 mem", "Mw:w", "", kNotInUserTest, F::kBase, same(smsw<uint16_t, true>)},
        {"lmsw", "0F 01 /6", "Ew:r", "", kSystem, F::kBase, by_form(lmsw<false>, lmsw<true>)},
        {"clts", "0F 06", "", "", kSystem, F::kBase, same(clts)},
        {"invd", "0F 08", "", "", kPrivileged | kNotInUserTest, F::k486, same(cache_control)},
        {"wbinvd", "0F 09", "", "", kPrivileged | kNotInUserTest, F::k486, same(cache_control)},
        {"invlpg", "0F 01 /7 mem", "M:n", "", kPrivileged | kNotInUserTest, F::k486, same(cache_control)},
        {"hlt", "F4", "", "", kSystem, F::kBase, same(hlt)},
        {"rsm", "0F AA", "", "w:oszapc", kEndsBlock | kNotInUserTest, F::kBase, same(rsm)},
        {"rdmsr", "0F 32", "", "", kSystem, F::kMsr, same(rdmsr)},
        {"wrmsr", "0F 30", "", "", kSystem, F::kMsr, same(wrmsr)},
        {"rdtsc", "0F 31", "", "", kNotInUserTest, F::kTsc, same(rdtsc)},
        {"rdpmc", "0F 33", "", "", kNotInUserTest, F::kMmx, same(rdpmc)},
        {"cpuid", "0F A2", "", "", kNotInUserTest, F::k486, same(cpuid)},
        {"sysenter", "0F 34", "", "", kEndsBlock | kNotInUserTest, F::kSep, same(sysenter)},
        {"sysexit", "0F 35", "", "", kSystem, F::kSep, same(sysexit)},
    };
    return kRows;
}

}  // namespace qr::i386
