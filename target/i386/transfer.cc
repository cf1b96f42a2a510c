// SPDX-License-Identifier: GPL-2.0-or-later
//
// Control transfers between segments: far JMP, CALL, RET and IRET in every mode, call gates, and changes of
// privilege level. A transfer does everything that may fault before it changes a register.
//
// Source: Intel SDM 2A/2B under JMP, CALL, RET, IRET; 3A 5.8 (privilege checks), 20.2 (virtual-8086 mode).
#include "target/i386/descriptor.h"

namespace qr::i386 {

namespace {

// Flags that IRET may change, before privilege is looked at.
constexpr uint32_t kIretFlags16 = kArithFlags | kTF | kDFlag | kNT;
constexpr uint32_t kIretFlags32 = kIretFlags16 | kRF | kACFlag | kID;

// The items that a RET or IRET finds on the stack: item 0 is at SS:ESP.
class StackItems {
  public:
    StackItems(Cpu& cpu, unsigned op_size) : cpu_(cpu), size_(op_size) {
        if (op_size == 4) direct_ = direct_stack(cpu, cpu.seg[kSs], cpu.cpl, cpu.reg<uint32_t>(kEsp), kDirect * 4, false);
    }

    uint32_t at(uint32_t delta) const {
        return (cpu_.reg<uint32_t>(kEsp) + delta) & cpu_.stack_mask();
    }
    uint32_t read(unsigned item, uint32_t skip = 0) const {
        if (direct_ && item < kDirect && !skip) return load_le<uint32_t>(direct_ + item * 4);
        const uint32_t where = at(item * size_ + skip);
        return size_ == 4 ? cpu_.read<uint32_t>(kSs, where) : cpu_.read<uint16_t>(kSs, where);
    }
    uint16_t selector(unsigned item, uint32_t skip = 0) const {
        return static_cast<uint16_t>(read(item, skip));
    }
    void drop(unsigned items, uint32_t more = 0) const {
        const uint32_t mask = cpu_.stack_mask();
        cpu_.set_sp(at(items * size_ + more), mask);
    }

  private:
    static constexpr unsigned kDirect = 5;  // what an IRET to an outer level takes
    Cpu& cpu_;
    unsigned size_;
    const uint8_t* direct_ = nullptr;  // the first ones, if they can be read at once
};

// Writes CS and EIP below the top of the present stack, without moving ESP: returns the new SP.
uint32_t write_return_address(Cpu& cpu, unsigned op_size) {
    const uint32_t mask = cpu.stack_mask();
    const auto esp = cpu.reg<uint32_t>(kEsp);
    const uint32_t first = (esp - op_size) & mask;
    const uint32_t second = (esp - 2 * op_size) & mask;
    if (op_size == 4) {
        cpu.write<uint32_t>(kSs, first, cpu.seg[kCs].selector);
        cpu.write<uint32_t>(kSs, second, cpu.eip);
    } else {
        cpu.write<uint16_t>(kSs, first, cpu.seg[kCs].selector);
        cpu.write<uint16_t>(kSs, second, static_cast<uint16_t>(cpu.eip));
    }
    return second;
}

void check_offset(uint32_t offset, uint32_t limit) {
    if (offset > limit)
        fault(kGP, 0);
}

uint32_t real_mode_limit(const Cpu& cpu) { return cpu.v86() ? 0xffff : cpu.seg[kCs].limit; }

void load_cs_real(Cpu& cpu, uint16_t selector, uint32_t offset) {
    cpu.load_segment(kCs, selector);
    cpu.eip = offset;
}

void load_cs(Cpu& cpu, const Descriptor& d, unsigned rpl, uint32_t offset) {
    cpu.seg[kCs] = d.segment(rpl);
    cpu.eip = offset;
}

// A code segment that JMP or CALL names directly: the level stays.
void check_direct_target(Cpu& cpu, const Descriptor& d) {
    const bool allowed = d.conforming() ? d.dpl() <= cpu.cpl
                                        : selector_rpl(d.selector) <= cpu.cpl && d.dpl() == cpu.cpl;
    if (!allowed)
        fault(kGP, d.error());
    if (!d.present())
        fault(kNP, d.error());
}

void check_gate_access(Cpu& cpu, const Descriptor& gate) {
    if (gate.dpl() < cpu.cpl || gate.dpl() < selector_rpl(gate.selector))
        fault(kGP, gate.error());
}

// The code segment behind a call gate.
Descriptor gate_target(Cpu& cpu, const Descriptor& gate, bool call) {
    check_gate_access(cpu, gate);
    if (!gate.present())
        fault(kNP, gate.error());
    const uint16_t selector = gate.target();
    if (null_selector(selector))
        fault(kGP, 0);
    const Descriptor d = get_descriptor(cpu, selector);
    if (!d.code() || d.dpl() > cpu.cpl || (!call && !d.conforming() && d.dpl() != cpu.cpl))
        fault(kGP, d.error());
    if (!d.present())
        fault(kNP, d.error());
    return d;
}

void call_inner(Cpu& cpu, const Descriptor& gate, Descriptor& target) {
    const unsigned size = gate.gate32() ? 4 : 2;
    const unsigned level = target.dpl();
    InnerStack stack = inner_stack(cpu, level);
    const StackItems old(cpu, size);
    stack.push_sized(cpu, cpu.seg[kSs].selector, size);
    stack.push_sized(cpu, cpu.reg<uint32_t>(kEsp), size);
    for (unsigned i = gate.parameters(); i-- > 0;)
        stack.push_sized(cpu, old.read(i), size);
    stack.push_sized(cpu, cpu.seg[kCs].selector, size);
    stack.push_sized(cpu, cpu.eip, size);
    check_offset(gate.offset(), target.limit());
    mark_accessed(cpu, target);

    stack.commit(cpu);
    set_cpl(cpu, level);
    load_cs(cpu, target, level, gate.offset());
}

void call_same_level(Cpu& cpu, Descriptor& target, uint32_t offset, unsigned size) {
    const uint32_t sp = write_return_address(cpu, size);
    check_offset(offset, target.limit());
    mark_accessed(cpu, target);
    cpu.set_sp(sp, cpu.stack_mask());
    load_cs(cpu, target, cpu.cpl, offset);
}

void call_gate(Cpu& cpu, const Descriptor& gate) {
    Descriptor target = gate_target(cpu, gate, true);
    if (!target.conforming() && target.dpl() < cpu.cpl)
        call_inner(cpu, gate, target);
    else
        call_same_level(cpu, target, gate.offset(), gate.gate32() ? 4 : 2);
}

void jump_gate(Cpu& cpu, const Descriptor& gate) {
    Descriptor target = gate_target(cpu, gate, false);
    check_offset(gate.offset(), target.limit());
    mark_accessed(cpu, target);
    load_cs(cpu, target, cpu.cpl, gate.offset());
}

// JMP or CALL to a system descriptor.
void transfer_through(Cpu& cpu, const Descriptor& d, bool call) {
    const auto why = call ? Cpu::TaskSwitch::kCall : Cpu::TaskSwitch::kJump;
    switch (d.type()) {
    case kCallGate16:
    case kCallGate32:
        call ? call_gate(cpu, d) : jump_gate(cpu, d);
        return;
    case kTaskGate:
        check_gate_access(cpu, d);
        switch_through_gate(cpu, d, why);
        return;
    case kTss16:
    case kTss32:
        check_gate_access(cpu, d);
        cpu.switch_task(d.selector, why);
        return;
    default:
        fault(kGP, d.error());
    }
}

// The code segment that a RET or IRET goes back to.
Descriptor return_target(Cpu& cpu, uint16_t selector) {
    if (null_selector(selector))
        fault(kGP, 0);
    const Descriptor d = get_descriptor(cpu, selector);
    const unsigned rpl = selector_rpl(selector);
    if (!d.code() || rpl < cpu.cpl || (d.conforming() ? d.dpl() > rpl : d.dpl() != rpl))
        fault(kGP, d.error());
    if (!d.present())
        fault(kNP, d.error());
    return d;
}

// The stack that a return to level `rpl` goes back to.
Descriptor return_stack(Cpu& cpu, uint16_t selector, unsigned rpl) {
    if (null_selector(selector))
        fault(kGP, 0);
    Descriptor d = get_descriptor(cpu, selector);
    if (selector_rpl(selector) != rpl || d.dpl() != rpl || !d.writable())
        fault(kGP, d.error());
    if (!d.present())
        fault(kSS, d.error());
    return d;
}

// Goes to an outer level. Nothing faults after the checks in here. Releases `pop_bytes` of the outer stack.
void return_outer(Cpu& cpu, Descriptor& cs, uint32_t offset, uint16_t ss_selector, uint32_t sp,
                  uint32_t pop_bytes) {
    const unsigned rpl = selector_rpl(cs.selector);
    Descriptor ss = return_stack(cpu, ss_selector, rpl);
    check_offset(offset, cs.limit());
    mark_accessed(cpu, cs);
    mark_accessed(cpu, ss);
    load_cs(cpu, cs, rpl, offset);
    cpu.seg[kSs] = ss.segment(rpl);
    cpu.set_sp(sp + pop_bytes, cpu.stack_mask());
    set_cpl(cpu, rpl);
    hide_inner_segments(cpu);
}

void iret_real(Cpu& cpu, unsigned op_size) {
    const StackItems stack(cpu, op_size);
    const uint32_t offset = stack.read(0);
    const uint16_t selector = stack.selector(1);
    const uint32_t image = stack.read(2);
    check_offset(offset, real_mode_limit(cpu));
    stack.drop(3);
    load_cs_real(cpu, selector, offset);
    cpu.write_eflags(image, (op_size == 4 ? kIretFlags32 : kIretFlags16) | kIF | kIoplMask);
}

void iret_v86(Cpu& cpu, unsigned op_size) {
    const StackItems stack(cpu, op_size);
    const bool vme = cpu.iopl() < 3;
    if (vme && !((cpu.cr4 & kCr4VME) && op_size == 2))
        fault(kGP, 0);
    const uint32_t offset = stack.read(0);
    const uint16_t selector = stack.selector(1);
    uint32_t image = stack.read(2);
    check_offset(offset, real_mode_limit(cpu));
    uint32_t mask = op_size == 4 ? kIretFlags32 : kIretFlags16;
    if (vme) {
        // With VME the virtual interrupt flag stands in for IF.
        const uint32_t now = cpu.eflags;
        if ((image & kTF) || ((image & kIF) && (now & kVIP)))
            fault(kGP, 0);
        image = (image & ~uint32_t{kVIF}) | ((image & kIF) ? uint32_t{kVIF} : 0);
        mask |= kVIF;
    } else {
        mask |= kIF;
    }
    stack.drop(3);
    load_cs_real(cpu, selector, offset);
    cpu.write_eflags(image, mask);
}

// IRETD at level 0 with VM in the image.
void iret_to_v86(Cpu& cpu, const StackItems& stack, uint32_t image) {
    const uint32_t offset = stack.read(0);
    const uint16_t cs = stack.selector(1);
    const uint32_t esp = stack.read(3);
    const uint16_t ss = stack.selector(4);
    const uint16_t es = stack.selector(5);
    const uint16_t ds = stack.selector(6);
    const uint16_t fs = stack.selector(7);
    const uint16_t gs = stack.selector(8);
    check_offset(offset, 0xffff);
    cpu.write_eflags(image, kIretFlags32 | kIF | kIoplMask | kVM | kVIF | kVIP);
    load_v86(cpu.seg[kCs], cs);
    load_v86(cpu.seg[kSs], ss);
    load_v86(cpu.seg[kEs], es);
    load_v86(cpu.seg[kDs], ds);
    load_v86(cpu.seg[kFs], fs);
    load_v86(cpu.seg[kGs], gs);
    cpu.set_reg<uint32_t>(kEsp, esp);
    cpu.eip = offset;
    set_cpl(cpu, 3);
}

// NT is set: goes back to the task that the present one was called from.
void iret_to_task(Cpu& cpu) {
    const auto link = cpu.read_system<uint16_t>(static_cast<uint32_t>(cpu.tr.base));
    cpu.switch_task(link, Cpu::TaskSwitch::kIret);
}

void iret_protected(Cpu& cpu, unsigned op_size) {
    const StackItems stack(cpu, op_size);
    const uint32_t offset = stack.read(0);
    const uint16_t selector = stack.selector(1);
    const uint32_t image = stack.read(2);
    if (op_size == 4 && (image & kVM) && cpu.cpl == 0)
        return iret_to_v86(cpu, stack, image);

    uint32_t mask = op_size == 4 ? kIretFlags32 : kIretFlags16;
    if (cpu.cpl <= cpu.iopl())
        mask |= kIF;
    if (cpu.cpl == 0)
        mask |= kIoplMask | (op_size == 4 ? kVIF | kVIP : 0);

    Descriptor cs = return_target(cpu, selector);
    const unsigned rpl = selector_rpl(selector);
    if (rpl > cpu.cpl) {
        const uint32_t sp = stack.read(3);
        const uint16_t ss = stack.selector(4);
        return_outer(cpu, cs, offset, ss, sp, 0);
    } else {
        check_offset(offset, cs.limit());
        mark_accessed(cpu, cs);
        stack.drop(3);
        load_cs(cpu, cs, rpl, offset);
    }
    cpu.write_eflags(image, mask);
}

}  // namespace

void Cpu::jump_far(uint16_t selector, uint32_t offset, unsigned) {
    if (real_or_v86()) {
        check_offset(offset, real_mode_limit(*this));
        load_cs_real(*this, selector, offset);
        return;
    }
    if (null_selector(selector))
        fault(kGP, 0);
    Descriptor d = get_descriptor(*this, selector);
    if (!d.s())
        return transfer_through(*this, d, false);
    if (!d.code())
        fault(kGP, d.error());
    check_direct_target(*this, d);
    check_offset(offset, d.limit());
    mark_accessed(*this, d);
    load_cs(*this, d, cpl, offset);
}

void Cpu::call_far(uint16_t selector, uint32_t offset, unsigned op_size) {
    if (real_or_v86()) {
        const uint32_t sp = write_return_address(*this, op_size);
        check_offset(offset, real_mode_limit(*this));
        set_sp(sp, stack_mask());
        load_cs_real(*this, selector, offset);
        return;
    }
    if (null_selector(selector))
        fault(kGP, 0);
    Descriptor d = get_descriptor(*this, selector);
    if (!d.s())
        return transfer_through(*this, d, true);
    if (!d.code())
        fault(kGP, d.error());
    check_direct_target(*this, d);
    call_same_level(*this, d, offset, op_size);
}

void Cpu::return_far(unsigned op_size, uint16_t pop_bytes) {
    const StackItems stack(*this, op_size);
    const uint32_t offset = stack.read(0);
    const uint16_t selector = stack.selector(1);
    if (real_or_v86()) {
        check_offset(offset, real_mode_limit(*this));
        stack.drop(2, pop_bytes);
        load_cs_real(*this, selector, offset);
        return;
    }
    Descriptor cs = return_target(*this, selector);
    const unsigned rpl = selector_rpl(selector);
    if (rpl > cpl) {
        const uint32_t sp = stack.read(2, pop_bytes);
        const uint16_t ss = stack.selector(3, pop_bytes);
        return_outer(*this, cs, offset, ss, sp, pop_bytes);
        return;
    }
    check_offset(offset, cs.limit());
    mark_accessed(*this, cs);
    stack.drop(2, pop_bytes);
    load_cs(*this, cs, rpl, offset);
}

void Cpu::return_interrupt(unsigned op_size) {
    // Any IRET unblocks NMIs, even one that faults (SDM 3A, 6.7.1).
    nmi_blocked = false;
    if (nmi_latched)
        events |= kEventNmi;
    if (!protected_mode())
        iret_real(*this, op_size);
    else if (v86())
        iret_v86(*this, op_size);
    else if (eflags & kNT)
        iret_to_task(*this);
    else
        iret_protected(*this, op_size);
}

}  // namespace qr::i386
