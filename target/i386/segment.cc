// SPDX-License-Identifier: GPL-2.0-or-later
//
// Loading segment registers, LDTR and TR, and the instructions that look at descriptors.
// Source: Intel SDM 2A/2B under MOV, POP, LDS, LAR, LSL, VERR, ARPL, LLDT, LTR, SGDT, LGDT; 3A 5.
#include "target/i386/descriptor.h"
#include "target/i386/insn.h"
#include "target/i386/operands.h"

namespace qr::i386 {

namespace {

Segment stack_segment(Cpu& cpu, uint16_t selector) {
    if (null_selector(selector))
        fault(kGP, 0);
    Descriptor d = get_descriptor(cpu, selector);
    if (selector_rpl(selector) != cpu.cpl || d.dpl() != cpu.cpl || !d.writable())
        fault(kGP, d.error());
    if (!d.present())
        fault(kSS, d.error());
    mark_accessed(cpu, d);
    return d.segment(selector_rpl(selector));
}

Segment data_segment(Cpu& cpu, uint16_t selector) {
    Descriptor d = get_descriptor(cpu, selector);
    if (!d.s() || !d.readable())
        fault(kGP, d.error());
    if (!d.conforming() && (selector_rpl(selector) > d.dpl() || cpu.cpl > d.dpl()))
        fault(kGP, d.error());
    if (!d.present())
        fault(kNP, d.error());
    mark_accessed(cpu, d);
    return d.segment(selector_rpl(selector));
}

}  // namespace

void Cpu::load_segment(Seg s, uint16_t selector) {
    if (!protected_mode())
        load_real(seg[s], selector);
    else if (v86())
        load_v86(seg[s], selector);
    else if (s == kSs)
        seg[s] = stack_segment(*this, selector);
    else if (null_selector(selector))
        load_null(seg[s], selector);
    else
        seg[s] = data_segment(*this, selector);
}

void Cpu::load_ldtr(uint16_t selector) {
    if (null_selector(selector)) {
        ldtr = Segment{};
        ldtr.selector = selector;
        return;
    }
    if (selector_in_ldt(selector))
        fault(kGP, selector_error(selector));
    const Descriptor d = get_descriptor(*this, selector);
    if (!d.system_type(kLdt))
        fault(kGP, d.error());
    if (!d.present())
        fault(kNP, d.error());
    ldtr = d.segment(selector_rpl(selector));
}

void Cpu::load_tr(uint16_t selector) {
    if (null_selector(selector))
        fault(kGP, 0);
    if (selector_in_ldt(selector))
        fault(kGP, selector_error(selector));
    Descriptor d = get_descriptor(*this, selector);
    if (!d.system_type(kTss16) && !d.system_type(kTss32))
        fault(kGP, d.error());
    if (!d.present())
        fault(kNP, d.error());
    mark_busy(*this, d, true);
    tr = d.segment(selector_rpl(selector));
}

namespace {

// Interrupts and single-step traps wait until the instruction after a load of SS is done, so that ESP can
// be loaded with it (SDM 3A, 6.8.3).
void shadow_after_ss(Cpu& cpu, unsigned s) {
    if (s == kSs)
        cpu.events |= kEventShadow;
}

Seg sreg(const Insn& insn) {
    if (insn.reg >= kSegCount)
        fault(kUD);
    return static_cast<Seg>(insn.reg);
}

uint16_t read_ew(Cpu& cpu, const Insn& insn) {
    return insn.has_mem ? cpu.read<uint16_t>(insn.seg, ea(cpu, insn)) : cpu.reg<uint16_t>(insn.rm);
}

// Selectors and the like: a register gets them zero-extended to the operand size, memory 16 bits.
void write_ew(Cpu& cpu, const Insn& insn, uint16_t value) {
    if (insn.has_mem)
        cpu.write<uint16_t>(insn.seg, ea(cpu, insn), value);
    else if (insn.op_size == 4)
        cpu.set_reg<uint32_t>(insn.rm, value);
    else
        cpu.set_reg<uint16_t>(insn.rm, value);
}

void set_zf(Cpu& cpu, bool value) {
    cpu.settle_flags();
    cpu.eflags = value ? cpu.eflags | kZF : cpu.eflags & ~uint32_t{kZF};
}

void mov_from_sreg(Cpu& cpu, const Insn& insn) {
    const Seg s = sreg(insn);
    write_ew(cpu, insn, cpu.seg[s].selector);
}

void mov_to_sreg(Cpu& cpu, const Insn& insn) {
    const Seg s = sreg(insn);
    if (s == kCs)
        fault(kUD);
    cpu.load_segment(s, read_ew(cpu, insn));
    shadow_after_ss(cpu, s);
}

template <class T, Seg S>
void push_sreg(Cpu& cpu, const Insn&) {
    cpu.push<T>(cpu.seg[S].selector);
}

template <class T, Seg S>
void pop_sreg(Cpu& cpu, const Insn&) {
    const uint32_t mask = cpu.stack_mask();
    const uint32_t sp = cpu.reg<uint32_t>(kEsp) & mask;
    const T value = cpu.read<T>(kSs, sp);
    cpu.load_segment(S, static_cast<uint16_t>(value));
    cpu.set_sp(sp + sizeof(T), mask);
    shadow_after_ss(cpu, S);
}

template <Seg S>
constexpr Exec push_forms() {
    return by_size(push_sreg<uint16_t, S>, push_sreg<uint32_t, S>);
}
template <Seg S>
constexpr Exec pop_forms() {
    return by_size(pop_sreg<uint16_t, S>, pop_sreg<uint32_t, S>);
}

template <class T, Seg S>
void load_far_pointer(Cpu& cpu, const Insn& insn) {
    const uint32_t at = ea(cpu, insn);
    const T offset = cpu.read<T>(insn.seg, at);
    const auto selector = cpu.read<uint16_t>(insn.seg, (at + sizeof(T)) & insn.ea_mask);
    cpu.load_segment(S, selector);
    cpu.set_reg<T>(insn.reg, offset);
}
template <Seg S>
constexpr Exec far_pointer_forms() {
    return by_size(load_far_pointer<uint16_t, S>, load_far_pointer<uint32_t, S>);
}

// The descriptor that LAR, LSL, VERR and VERW may show: inside its table, and its level within reach.
bool visible_descriptor(Cpu& cpu, uint16_t selector, Descriptor& d) {
    if (null_selector(selector) || !find_descriptor(cpu, selector, d))
        return false;
    return d.conforming() || (cpu.cpl <= d.dpl() && selector_rpl(selector) <= d.dpl());
}

template <class T>
void lar(Cpu& cpu, const Insn& insn) {
    // System types that LAR knows: TSSs, LDT, call gates and the task gate.
    constexpr uint32_t kTypes = 0b0001'1010'0011'1110;
    Descriptor d;
    const bool valid = visible_descriptor(cpu, read_ew(cpu, insn), d) && (d.s() || bit(kTypes, d.type()));
    if (valid)
        cpu.set_reg<T>(insn.reg, static_cast<T>(d.high & 0x00ffff00));  // 16-19 too, as processors do
    set_zf(cpu, valid);
}

template <class T>
void lsl(Cpu& cpu, const Insn& insn) {
    constexpr uint32_t kTypes = 0b0000'1010'0000'1110;  // TSSs and LDT
    Descriptor d;
    const bool valid = visible_descriptor(cpu, read_ew(cpu, insn), d) && (d.s() || bit(kTypes, d.type()));
    if (valid)
        cpu.set_reg<T>(insn.reg, static_cast<T>(d.limit()));
    set_zf(cpu, valid);
}

void verr(Cpu& cpu, const Insn& insn) {
    Descriptor d;
    const bool visible = visible_descriptor(cpu, read_ew(cpu, insn), d);
    set_zf(cpu, visible && d.s() && d.readable());
}

void verw(Cpu& cpu, const Insn& insn) {
    Descriptor d;
    const bool visible = visible_descriptor(cpu, read_ew(cpu, insn), d);
    set_zf(cpu, visible && d.writable());
}

void arpl_reg(Cpu& cpu, const Insn& insn) {
    const auto selector = cpu.reg<uint16_t>(insn.rm);
    const unsigned rpl = selector_rpl(cpu.reg<uint16_t>(insn.reg));
    const bool raise = selector_rpl(selector) < rpl;
    if (raise)
        cpu.set_reg<uint16_t>(insn.rm, static_cast<uint16_t>((selector & ~3) | rpl));
    set_zf(cpu, raise);
}

void arpl_mem(Cpu& cpu, const Insn& insn) {
    // Memory that needn't be changed needn't be writable.
    const auto selector = read_mem<uint16_t>(cpu, insn);
    const unsigned rpl = selector_rpl(cpu.reg<uint16_t>(insn.reg));
    const bool raise = selector_rpl(selector) < rpl;
    if (raise)
        write_mem<uint16_t>(cpu, insn, static_cast<uint16_t>((selector & ~3) | rpl));
    set_zf(cpu, raise);
}

void sldt(Cpu& cpu, const Insn& insn) { write_ew(cpu, insn, cpu.ldtr.selector); }
void str(Cpu& cpu, const Insn& insn) { write_ew(cpu, insn, cpu.tr.selector); }

void lldt(Cpu& cpu, const Insn& insn) {
    cpu.require_cpl0();
    cpu.load_ldtr(read_ew(cpu, insn));
}

void ltr(Cpu& cpu, const Insn& insn) {
    cpu.require_cpl0();
    cpu.load_tr(read_ew(cpu, insn));
}

void store_table(Cpu& cpu, const Insn& insn, const DescriptorTable& table) {
    // Both operand sizes store the whole base, as every 32-bit processor does it.
    const uint32_t at = ea(cpu, insn);
    const uint32_t base_at = (at + 2) & insn.ea_mask;
    cpu.probe(insn.seg, base_at, 4, true);
    cpu.write<uint16_t>(insn.seg, at, table.limit);
    cpu.write<uint32_t>(insn.seg, base_at, table.base);
}

void load_table(Cpu& cpu, const Insn& insn, DescriptorTable& table) {
    cpu.require_cpl0();
    const uint32_t at = ea(cpu, insn);
    const auto limit = cpu.read<uint16_t>(insn.seg, at);
    const auto base = cpu.read<uint32_t>(insn.seg, (at + 2) & insn.ea_mask);
    table.limit = limit;
    table.base = insn.op_size == 4 ? base : base & 0xffffff;
}

void sgdt(Cpu& cpu, const Insn& insn) { store_table(cpu, insn, cpu.gdtr); }
void sidt(Cpu& cpu, const Insn& insn) { store_table(cpu, insn, cpu.idtr); }
void lgdt(Cpu& cpu, const Insn& insn) { load_table(cpu, insn, cpu.gdtr); }
void lidt(Cpu& cpu, const Insn& insn) { load_table(cpu, insn, cpu.idtr); }

constexpr uint32_t kLoads = kEndsBlock | kNotInUserTest;
constexpr uint32_t kLooks = kNoRealMode | kNotInUserTest;
constexpr uint32_t kSystem = kNoRealMode | kPrivileged | kEndsBlock | kNotInUserTest;

const Row kRows[] = {
    {"mov", "8C /r reg", "Ev:w Sw:r", "", kNotInUserTest, Feature::kBase, same(mov_from_sreg)},
    {"mov", "8C /r mem", "Ew:w Sw:r", "", kNotInUserTest, Feature::kBase, same(mov_from_sreg)},
    {"mov", "8E /r", "Sw:w Ew:r", "", kLoads, Feature::kBase, same(mov_to_sreg)},

    {"push", "06", "ES:r", "", kNotInUserTest, Feature::kBase, push_forms<kEs>()},
    {"push", "0E", "CS:r", "", kNotInUserTest, Feature::kBase, push_forms<kCs>()},
    {"push", "16", "SS:r", "", kNotInUserTest, Feature::kBase, push_forms<kSs>()},
    {"push", "1E", "DS:r", "", kNotInUserTest, Feature::kBase, push_forms<kDs>()},
    {"push", "0F A0", "FS:r", "", kNotInUserTest, Feature::kBase, push_forms<kFs>()},
    {"push", "0F A8", "GS:r", "", kNotInUserTest, Feature::kBase, push_forms<kGs>()},
    {"pop", "07", "ES:w", "", kLoads, Feature::kBase, pop_forms<kEs>()},
    {"pop", "17", "SS:w", "", kLoads, Feature::kBase, pop_forms<kSs>()},
    {"pop", "1F", "DS:w", "", kLoads, Feature::kBase, pop_forms<kDs>()},
    {"pop", "0F A1", "FS:w", "", kLoads, Feature::kBase, pop_forms<kFs>()},
    {"pop", "0F A9", "GS:w", "", kLoads, Feature::kBase, pop_forms<kGs>()},

    {"les", "C4 /r mem", "Gv:w Mp:r", "", kLoads, Feature::kBase, far_pointer_forms<kEs>()},
    {"lds", "C5 /r mem", "Gv:w Mp:r", "", kLoads, Feature::kBase, far_pointer_forms<kDs>()},
    {"lss", "0F B2 /r mem", "Gv:w Mp:r", "", kLoads, Feature::kBase, far_pointer_forms<kSs>()},
    {"lfs", "0F B4 /r mem", "Gv:w Mp:r", "", kLoads, Feature::kBase, far_pointer_forms<kFs>()},
    {"lgs", "0F B5 /r mem", "Gv:w Mp:r", "", kLoads, Feature::kBase, far_pointer_forms<kGs>()},

    {"lar", "0F 02 /r", "Gv:w Ew:r", "w:z", kLooks, Feature::kBase,
     by_size(lar<uint16_t>, lar<uint32_t>)},
    {"lsl", "0F 03 /r", "Gv:w Ew:r", "w:z", kLooks, Feature::kBase,
     by_size(lsl<uint16_t>, lsl<uint32_t>)},
    {"verr", "0F 00 /4", "Ew:r", "w:z", kLooks, Feature::kBase, same(verr)},
    {"verw", "0F 00 /5", "Ew:r", "w:z", kLooks, Feature::kBase, same(verw)},
    {"arpl", "63 /r", "Ew:rw Gw:r", "w:z", kLooks, Feature::kBase, by_form(arpl_reg, arpl_mem)},

    {"sldt", "0F 00 /0 reg", "Ev:w", "", kLooks, Feature::kBase, same(sldt)},
    {"sldt", "0F 00 /0 mem", "Ew:w", "", kLooks, Feature::kBase, same(sldt)},
    {"str", "0F 00 /1 reg", "Ev:w", "", kLooks, Feature::kBase, same(str)},
    {"str", "0F 00 /1 mem", "Ew:w", "", kLooks, Feature::kBase, same(str)},
    {"lldt", "0F 00 /2", "Ew:r", "", kSystem, Feature::kBase, same(lldt)},
    {"ltr", "0F 00 /3", "Ew:r", "", kSystem, Feature::kBase, same(ltr)},
    {"sgdt", "0F 01 /0 mem", "M:w", "", kNotInUserTest, Feature::kBase, same(sgdt)},
    {"sidt", "0F 01 /1 mem", "M:w", "", kNotInUserTest, Feature::kBase, same(sidt)},
    {"lgdt", "0F 01 /2 mem", "M:r", "", kPrivileged | kLoads, Feature::kBase, same(lgdt)},
    {"lidt", "0F 01 /3 mem", "M:r", "", kPrivileged | kLoads, Feature::kBase, same(lidt)},
};

}  // namespace

std::span<const Row> segment_rows() { return kRows; }

}  // namespace qr::i386
