// SPDX-License-Identifier: GPL-2.0-or-later
//
// Hardware task switches, for 16- and 32-bit task state segments, and the I/O permission map.
//
// A switch has two halves. Up to the load of TR nothing has changed if a fault is thrown; after that the
// registers are the new task's, and a fault is raised there (see switch_through_gate() in descriptor.h).
//
// Source: Intel SDM 3A, 7.2 and 7.3 (order of checks: 7.3 and table 7-1), 17.3.1.5 (T bit); volume 1, 18.5.2
// (I/O permission map).
#include <optional>

#include "target/i386/descriptor.h"

namespace qr::i386 {

namespace {

constexpr uint32_t kFlags32 = kArithFlags | kTF | kIF | kDFlag | kIoplMask | kNT | kRF | kVM | kACFlag |
                              kVIF | kVIP | kID;
constexpr uint32_t kDr6TaskSwitch = 1 << 15;
constexpr uint32_t kDr7LocalEnables = 0x155;

constexpr Seg kTssOrder[] = {kEs, kCs, kSs, kDs, kFs, kGs};

// Where things are in a TSS (SDM figures 7-2 and 7-10).
struct Layout {
    bool wide;
    uint32_t minimum_limit;
    uint32_t eip, eflags, gprs, segments, ldt;
    uint32_t saved_end;  // end of the part that is written when the task is left
    unsigned segment_count;
    uint32_t segment_step;
};
constexpr Layout kLayout16 = {false, 0x2b, 0x0e, 0x10, 0x12, 0x22, 0x2a, 0x2a, 4, 2};
constexpr Layout kLayout32 = {true, 0x67, 0x20, 0x24, 0x28, 0x48, 0x60, 0x60, 6, 4};
constexpr uint32_t kTssCr3 = 0x1c;
constexpr uint32_t kTssTrap = 0x64;
constexpr uint32_t kTssIoMap = 0x66;

const Layout& layout_of(unsigned type) { return type & 8 ? kLayout32 : kLayout16; }

// What a TSS says.
struct TaskState {
    uint32_t cr3 = 0, eip = 0, eflags = 0;
    uint32_t gpr[8] = {};
    uint16_t segment[kSegCount] = {};
    uint16_t ldt = 0;
    bool trap = false;
};

uint32_t read_word(Cpu& cpu, uint32_t at, bool wide) {
    return wide ? cpu.read_system<uint32_t>(at) : cpu.read_system<uint16_t>(at);
}

void write_word(Cpu& cpu, uint32_t at, bool wide, uint32_t value) {
    wide ? cpu.write_system<uint32_t>(at, value)
         : cpu.write_system<uint16_t>(at, static_cast<uint16_t>(value));
}

// Page faults come before anything changes. The range is less than a page long.
void touch(Cpu& cpu, uint32_t first, uint32_t size, bool write) {
    for (const uint32_t at : {first, first + size - 1}) {
        const auto byte = cpu.read_system<uint8_t>(at);
        if (write)
            cpu.write_system<uint8_t>(at, byte);
    }
}

void save_task(Cpu& cpu, const Layout& l, uint32_t eflags) {
    const auto base = static_cast<uint32_t>(cpu.tr.base);
    const uint32_t step = l.wide ? 4 : 2;
    write_word(cpu, base + l.eip, l.wide, cpu.eip);
    write_word(cpu, base + l.eflags, l.wide, eflags);
    for (unsigned i = 0; i < 8; ++i)
        write_word(cpu, base + l.gprs + i * step, l.wide, cpu.reg<uint32_t>(i));
    for (unsigned i = 0; i < l.segment_count; ++i)
        cpu.write_system<uint16_t>(base + l.segments + i * l.segment_step, cpu.seg[kTssOrder[i]].selector);
}

TaskState read_task(Cpu& cpu, uint32_t base, const Layout& l) {
    TaskState t;
    const uint32_t step = l.wide ? 4 : 2;
    t.eip = read_word(cpu, base + l.eip, l.wide);
    t.eflags = read_word(cpu, base + l.eflags, l.wide);
    // A 16-bit TSS says nothing of the upper halves; they become zero.
    for (unsigned i = 0; i < 8; ++i)
        t.gpr[i] = read_word(cpu, base + l.gprs + i * step, l.wide);
    for (unsigned i = 0; i < l.segment_count; ++i)
        t.segment[kTssOrder[i]] = cpu.read_system<uint16_t>(base + l.segments + i * l.segment_step);
    t.ldt = cpu.read_system<uint16_t>(base + l.ldt);
    if (l.wide) {
        t.cr3 = cpu.read_system<uint32_t>(base + kTssCr3);
        t.trap = cpu.read_system<uint16_t>(base + kTssTrap) & 1;
    }
    return t;
}

void load_task_ldt(Cpu& cpu, uint16_t selector) {
    cpu.ldtr = Segment{};
    cpu.ldtr.selector = selector;
    if (null_selector(selector))
        return;
    const uint32_t error = selector_error(selector);
    if (selector_in_ldt(selector))
        fault(kTS, error);
    const Descriptor d = get_descriptor(cpu, selector, kTS);
    if (!d.system_type(kLdt) || !d.present())
        fault(kTS, error);
    cpu.ldtr = d.segment(selector_rpl(selector));
}

void load_task_cs(Cpu& cpu, uint16_t selector) {
    const uint32_t error = selector_error(selector);
    if (null_selector(selector))
        fault(kTS, error);
    Descriptor d = get_descriptor(cpu, selector, kTS);
    const unsigned rpl = selector_rpl(selector);
    if (!d.code() || (d.conforming() ? d.dpl() > rpl : d.dpl() != rpl))
        fault(kTS, error);
    if (!d.present())
        fault(kNP, error);
    mark_accessed(cpu, d);
    cpu.seg[kCs] = d.segment(rpl);
}

void load_task_ss(Cpu& cpu, uint16_t selector) {
    const uint32_t error = selector_error(selector);
    if (null_selector(selector))
        fault(kTS, error);
    Descriptor d = get_descriptor(cpu, selector, kTS);
    if (!d.writable() || d.dpl() != cpu.cpl || selector_rpl(selector) != cpu.cpl)
        fault(kTS, error);
    if (!d.present())
        fault(kSS, error);
    mark_accessed(cpu, d);
    cpu.seg[kSs] = d.segment(cpu.cpl);
}

void load_task_data(Cpu& cpu, Seg s, uint16_t selector) {
    if (null_selector(selector))
        return;
    const uint32_t error = selector_error(selector);
    Descriptor d = get_descriptor(cpu, selector, kTS);
    if (!d.s() || !d.readable())
        fault(kTS, error);
    if (!d.conforming() && (selector_rpl(selector) > d.dpl() || cpu.cpl > d.dpl()))
        fault(kTS, error);
    if (!d.present())
        fault(kNP, error);
    mark_accessed(cpu, d);
    cpu.seg[s] = d.segment(selector_rpl(selector));
}

// The second half: registers, then what the segment selectors name.
void load_task(Cpu& cpu, const TaskState& t, const Layout& l, uint32_t eflags) {
    const bool v86 = eflags & kVM;
    for (unsigned i = 0; i < 8; ++i)
        cpu.set_reg<uint32_t>(i, t.gpr[i]);
    cpu.eip = t.eip;
    cpu.flags.lazy = false;
    cpu.write_eflags(eflags, kFlags32);
    set_cpl(cpu, v86 ? 3 : selector_rpl(t.segment[kCs]));
    for (unsigned s = 0; s < kSegCount; ++s) {
        if (v86)
            load_v86(cpu.seg[s], t.segment[s]);
        else
            load_null(cpu.seg[s], t.segment[s]);
    }
    cpu.cr0 |= kCr0TS;
    cpu.write_dr(7, cpu.dr[7] & ~kDr7LocalEnables);
    if (l.wide && cpu.paging())
        cpu.write_cr3(t.cr3);
    // After the first fault the switch is completed as far as it goes (7.3), so that a handler may still
    // find a stack.
    std::optional<Fault> first;
    const auto attempt = [&first](auto load) {
        try {
            load();
        } catch (const Fault& f) {
            if (!first)
                first = f;
        }
    };
    attempt([&] { load_task_ldt(cpu, t.ldt); });
    if (!v86) {
        attempt([&] { load_task_cs(cpu, t.segment[kCs]); });
        attempt([&] { load_task_ss(cpu, t.segment[kSs]); });
        for (const Seg s : {kEs, kDs, kFs, kGs})
            attempt([&] { load_task_data(cpu, s, t.segment[s]); });
    }
    if (first)
        throw *first;
    if (cpu.eip > cpu.seg[kCs].limit)
        fault(kGP, 0);
}

}  // namespace

void Cpu::switch_task(uint16_t selector, TaskSwitch why, bool has_error, uint32_t error) {
    const bool iret = why == TaskSwitch::kIret;
    const bool nests = why == TaskSwitch::kCall || why == TaskSwitch::kInterrupt;
    const Vector vector = iret ? kTS : kGP;
    const uint32_t tss_error = selector_error(selector);

    if (null_selector(selector) || selector_in_ldt(selector))
        fault(vector, tss_error);
    Descriptor next = get_descriptor(*this, selector, vector);
    const bool right_type = iret ? next.system_type(kTss16Busy) || next.system_type(kTss32Busy)
                                 : next.system_type(kTss16) || next.system_type(kTss32);
    if (!right_type)
        fault(vector, tss_error);
    if (!next.present())
        fault(kNP, tss_error);
    const Layout& to = layout_of(next.type());
    if (next.limit() < to.minimum_limit)
        fault(kTS, tss_error);
    const Layout& from = layout_of(tr.type());
    if (tr.limit < from.saved_end - 1)
        fault(kTS, selector_error(tr.selector));

    Descriptor previous;
    const bool have_previous = find_descriptor(*this, tr.selector, previous);
    const auto from_base = static_cast<uint32_t>(tr.base);
    const uint32_t to_base = next.base();
    touch(*this, from_base + from.eip, from.saved_end - from.eip, true);
    touch(*this, to_base, to.minimum_limit + 1, false);
    if (nests)
        touch(*this, to_base, 2, true);
    touch(*this, next.address, 8, true);
    if (have_previous)
        touch(*this, previous.address, 8, true);

    if (!nests && have_previous)
        mark_busy(*this, previous, false);
    settle_flags();
    save_task(*this, from, iret ? eflags & ~uint32_t{kNT} : eflags);
    if (nests)
        write_system<uint16_t>(to_base, tr.selector);
    const TaskState state = read_task(*this, to_base, to);
    if (!iret)
        mark_busy(*this, next, true);
    tr = next.segment(selector_rpl(selector));

    uint32_t new_eflags = (state.eflags & (to.wide ? kFlags32 : kFlags32 & 0xffff)) | kFixed1;
    if (nests)
        new_eflags |= kNT;
    try {
        load_task(*this, state, to, new_eflags);
        if (has_error)
            to.wide ? push<uint32_t>(error) : push<uint16_t>(static_cast<uint16_t>(error));
        if (state.trap) {
            pending_dr6 |= kDr6TaskSwitch;
            events |= kEventTrap;
        }
    } catch (Fault& f) {
        f.in_new_task = true;
        if (why == TaskSwitch::kInterrupt)
            throw;
        deliver_fault(f);
    }
}

void switch_through_gate(Cpu& cpu, const Descriptor& gate, Cpu::TaskSwitch why, bool has_error,
                         uint32_t error) {
    if (!gate.present())
        fault(kNP, gate.error());
    cpu.switch_task(gate.target(), why, has_error, error);
}

void Cpu::check_io_map(uint16_t port, unsigned size) {
    if (!(tr.type() & 8) || !tr.present() || tr.limit < kTssIoMap + 1)
        fault(kGP, 0);
    // Two bytes are read, whatever the size: so the map ends with a byte of ones.
    const auto base = static_cast<uint32_t>(tr.base);
    const uint32_t map = read_system<uint16_t>(base + kTssIoMap);
    const uint32_t at = map + port / 8;
    if (at + 1 > tr.limit)
        fault(kGP, 0);
    const auto denied = read_system<uint16_t>(base + at);
    if (bits(denied, port % 8, size))
        fault(kGP, 0);
}

}  // namespace qr::i386
