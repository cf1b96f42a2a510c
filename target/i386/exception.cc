// SPDX-License-Identifier: GPL-2.0-or-later
//
// Entering exception and interrupt handlers, and what is looked at between two instructions.
//
// Source: Intel SDM 3A, 6.8 (masking), 6.9 (priorities), 6.12 (protected mode), 6.13 (error codes), 6.15
// (double faults, table 6-5), 20.1.4 and 20.2 (real and virtual-8086 mode), 17.3.1.1 (RF); 2A, INT n.
#include <utility>

#include "target/i386/descriptor.h"

namespace qr::i386 {

namespace {

constexpr uint32_t kDr6SingleStep = 1 << 14;
constexpr uint32_t kDr7GeneralDetect = 1 << 13;

struct Event {
    uint8_t vector;
    bool has_error = false;
    uint32_t error = 0;
    uint32_t address = 0;    // as in Fault
    bool exception = false;  // counts in table 6-5
    bool external = false;   // faults on the way have EXT set in their error code
    bool software = false;   // INT n, INT3, INTO: the gate's DPL is checked
    bool set_rf = false;     // the pushed image has RF set
};

enum class Kind : uint8_t { kBenign, kContributory, kPageFault, kDoubleFault };

Kind kind_of(const Event& e) {
    if (!e.exception) return Kind::kBenign;
    switch (e.vector) {
        case kDE: case kTS: case kNP: case kSS: case kGP: return Kind::kContributory;
        case kPF: return Kind::kPageFault;
        case kDF: return Kind::kDoubleFault;
        default: return Kind::kBenign;
    }
}

Event from_fault(const Fault& f) {
    Event e{.vector = f.vector, .has_error = f.has_error, .error = f.error, .address = f.address};
    e.exception = e.external = true;
    e.set_rf = f.vector != kDF && f.vector != kMC;
    return e;
}

// Real-address mode: no error codes, no privilege.
void enter_real(Cpu& cpu, const Event& e) {
    const uint32_t at = e.vector * 4u;
    if (at + 3 > cpu.idtr.limit) fault(kGP, 0);
    const auto target = cpu.read_system<uint32_t>(cpu.idtr.base + at);
    const uint32_t mask = cpu.stack_mask();
    const auto sp = cpu.reg<uint32_t>(kEsp);
    cpu.write<uint16_t>(kSs, (sp - 2) & mask, static_cast<uint16_t>(cpu.get_eflags()));
    cpu.write<uint16_t>(kSs, (sp - 4) & mask, cpu.seg[kCs].selector);
    cpu.write<uint16_t>(kSs, (sp - 6) & mask, static_cast<uint16_t>(cpu.eip));
    if ((target & 0xffff) > cpu.seg[kCs].limit) fault(kGP, 0);
    cpu.set_sp(sp - 6, mask);
    load_real(cpu.seg[kCs], static_cast<uint16_t>(target >> 16));
    cpu.eip = target & 0xffff;
    cpu.write_eflags(0, kIF | kTF | kACFlag | kRF);
}

// The present stack, as InnerStack is for another one.
struct SameStack {
    uint32_t sp, mask;
    void push_sized(Cpu& cpu, uint32_t value, unsigned size) {
        const uint32_t at = (sp - size) & mask;
        if (size == 4)
            cpu.write<uint32_t>(kSs, at, value);
        else
            cpu.write<uint16_t>(kSs, at, static_cast<uint16_t>(value));
        sp = at;
    }
    void push_all(Cpu& cpu, std::span<const uint32_t> values, unsigned size) {
        push_values(cpu, *this, cpu.seg[kSs], cpu.cpl, values, size);
    }
};

// What a handler finds on its stack, in the order in which it is pushed.
class Frame {
  public:
    void add(uint32_t value) { values_[count_++] = value; }
    void add_return(const Cpu& cpu, const Event& e) {
        add(cpu.get_eflags() | (e.set_rf ? uint32_t{kRF} : 0));
        add(cpu.seg[kCs].selector);
        add(cpu.eip);
        if (e.has_error) add(e.error);
    }
    std::span<const uint32_t> values() const { return {values_, count_}; }

  private:
    uint32_t values_[10];
    unsigned count_ = 0;
};

void enter_gate(Cpu& cpu, const Event& e, const Descriptor& gate) {
    if (null_selector(gate.target())) fault(kGP, 0);
    Descriptor code = get_descriptor(cpu, gate.target());
    if (!code.code() || code.dpl() > cpu.cpl) fault(kGP, code.error());
    if (!code.present()) fault(kNP, code.error());
    const unsigned size = gate.gate32() ? 4 : 2;
    const bool inner = !code.conforming() && code.dpl() < cpu.cpl;
    const bool from_v86 = cpu.v86();
    if (from_v86 && (!inner || code.dpl() != 0)) fault(kGP, code.error());
    const auto check_target = [&]() {
        if (gate.offset() > code.limit()) fault(kGP, 0);
        mark_accessed(cpu, code);
    };
    unsigned level = cpu.cpl;
    Frame frame;
    if (inner) {
        level = code.dpl();
        InnerStack stack = inner_stack(cpu, level);
        if (from_v86)
            for (const Seg s : {kGs, kFs, kDs, kEs}) frame.add(cpu.seg[s].selector);
        frame.add(cpu.seg[kSs].selector);
        frame.add(cpu.reg<uint32_t>(kEsp));
        frame.add_return(cpu, e);
        stack.push_all(cpu, frame.values(), size);
        check_target();
        stack.commit(cpu);
        if (from_v86)
            for (const Seg s : {kGs, kFs, kDs, kEs}) load_null(cpu.seg[s]);
    } else {
        SameStack stack{cpu.reg<uint32_t>(kEsp), cpu.stack_mask()};
        frame.add_return(cpu, e);
        stack.push_all(cpu, frame.values(), size);
        check_target();
        cpu.set_sp(stack.sp, stack.mask);
    }
    set_cpl(cpu, level);
    cpu.seg[kCs] = code.segment(level);
    cpu.eip = gate.offset();
    const bool interrupt_gate = !(gate.type() & 1);
    cpu.write_eflags(0, kTF | kVM | kRF | kNT | (interrupt_gate ? uint32_t{kIF} : 0));
}

void enter_task(Cpu& cpu, const Event& e, const Descriptor& gate) {
    const uint32_t before = cpu.eflags;
    if (e.set_rf) cpu.eflags |= kRF;
    try {
        switch_through_gate(cpu, gate, Cpu::TaskSwitch::kInterrupt, e.has_error, e.error);
    } catch (const Fault& f) {
        if (!f.in_new_task) cpu.eflags = (cpu.eflags & ~uint32_t{kRF}) | (before & kRF);
        throw;
    }
}

// Throws what goes wrong; nothing of the CPU has changed then (but for a task switch that was made).
void enter(Cpu& cpu, const Event& e) {
    try {
        if (!cpu.protected_mode()) return enter_real(cpu, e);
        const uint32_t error = e.vector * 8u | 2;
        if (e.vector * 8u + 7 > cpu.idtr.limit) fault(kGP, error);
        const auto raw = cpu.read_system<uint64_t>(cpu.idtr.base + e.vector * 8u);
        Descriptor gate;
        gate.low = static_cast<uint32_t>(raw);
        gate.high = static_cast<uint32_t>(raw >> 32);
        const unsigned type = gate.type();
        const bool known = type == kTaskGate || (type & 6) == 6;
        if (gate.s() || !known || type == 4) fault(kGP, error);
        if (e.software && gate.dpl() < cpu.cpl) fault(kGP, error);
        if (!gate.present()) fault(kNP, error);
        if (type == kTaskGate)
            enter_task(cpu, e, gate);
        else
            enter_gate(cpu, e, gate);
    } catch (Fault& f) {
        if (e.external && f.has_error && f.vector != kPF) f.error |= 1;
        throw;
    }
}

void triple_fault(Cpu& cpu) {
    cpu.activity = Activity::kShutdown;
    cpu.update_step_event();
    if (cpu.wiring.shutdown) cpu.wiring.shutdown();
    cpu.wiring.countdown.leave();
}

void deliver(Cpu& cpu, Event e) {
    for (;;) {
        if (e.exception && e.vector == kPF) cpu.cr2 = e.address;
        if (e.exception && e.vector == kDB) {
            cpu.dr[6] |= e.address;
            cpu.dr[7] &= ~kDr7GeneralDetect;
        }
        try {
            return enter(cpu, e);
        } catch (const Fault& f) {
            const Kind first = kind_of(e);
            const Event next = from_fault(f);
            const Kind second = kind_of(next);
            if (first == Kind::kDoubleFault) return triple_fault(cpu);
            const bool both = (first == Kind::kContributory && second == Kind::kContributory) ||
                              (first == Kind::kPageFault && second != Kind::kBenign);
            if (!both) {
                e = next;
                continue;
            }
            if (f.vector == kPF) cpu.cr2 = f.address;
            e = from_fault(Fault{kDF, true, 0});
        }
    }
}

}  // namespace

void Cpu::deliver_fault(const Fault& f) {
    // What the instruction did so far will be done again: its traps too.
    events &= ~uint32_t{kEventTrap};
    pending_dr6 = 0;
    deliver(*this, from_fault(f));
}

void Cpu::software_interrupt(uint8_t vector, SoftwareInterrupt kind) {
    if (kind == SoftwareInterrupt::kIntN && protected_mode() && v86() && iopl() < 3) fault(kGP, 0);
    Event e{.vector = vector};
    e.software = kind != SoftwareInterrupt::kInt1;
    e.external = kind == SoftwareInterrupt::kInt1;
    try {
        enter(*this, e);
    } catch (const Fault& f) {
        if (!f.in_new_task) throw;
        deliver_fault(f);
    }
    // The handler isn't stepped into.
    pending_dr6 &= ~kDr6SingleStep;
    if (!pending_dr6) events &= ~uint32_t{kEventTrap};
}

void Cpu::halt() {
    activity = Activity::kHalted;
    update_step_event();
}

bool Cpu::service_events() {
    int64_t& remaining = wiring.countdown.remaining;
    while (events && remaining > 0) {
        if (events & kEventInit) {
            --remaining;
            init_reset();
            continue;
        }
        if ((events & kEventSmi) && activity != Activity::kWaitForSipi) {
            --remaining;
            enter_smm();
            continue;
        }
        const bool stopped = activity > Activity::kHalted;
        if (!(events & kEventShadow) && activity != Activity::kWaitForSipi) {
            if ((events & kEventTrap) && !stopped) {
                --remaining;
                activity = Activity::kActive;
                events &= ~uint32_t{kEventTrap};
                update_step_event();
                Event e{.vector = kDB, .address = std::exchange(pending_dr6, 0)};
                e.exception = e.external = true;
                deliver(*this, e);
                continue;
            }
            if (events & kEventNmi) {
                --remaining;
                activity = Activity::kActive;
                nmi_latched = false;
                nmi_blocked = true;
                update_step_event();
                Event e{.vector = kNMI};
                e.external = true;
                deliver(*this, e);
                continue;
            }
            if ((events & kEventIntr) && !(events & kEventStiShadow) && !stopped &&
                wiring.interrupts) {
                --remaining;
                activity = Activity::kActive;
                update_step_event();
                Event e{.vector = wiring.interrupts->acknowledge()};
                e.external = true;
                deliver(*this, e);
                continue;
            }
        }
        if (activity != Activity::kActive) return false;
        // An instruction will be executed now.
        if (events & kEventStep) {
            if (const uint32_t hit = code_breakpoints(); hit && !(events & kEventShadow)) {
                --remaining;
                Event e{.vector = kDB, .address = hit};
                e.exception = e.external = true;
                deliver(*this, e);
                continue;
            }
        }
        // Before anything of the next instruction's has begun, so that a snapshot may be taken here.
        if (stops.breaking() && stops.stops_at(program_counter32(), wiring.countdown)) return true;
        if (events & kEventStep) {
            if (eflags & kTF) {
                pending_dr6 |= kDr6SingleStep;
                events |= kEventTrap;
            }
            eflags &= ~uint32_t{kRF};
            update_step_event();
        }
        events &= ~uint32_t{kEventShadow | kEventStiShadow};
        return true;
    }
    return activity == Activity::kActive;
}

}  // namespace qr::i386
