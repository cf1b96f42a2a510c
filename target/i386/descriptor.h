// SPDX-License-Identifier: GPL-2.0-or-later
//
// Segment and gate descriptors as they lie in the GDT and LDT, and what loading one into a segment
// register means. Shared by segment loads, far transfers, interrupt delivery and task switches.
//
// Faults carry the plain selector as their error code. Interrupt delivery (exception.cc) catches what is
// thrown while it works, and sets the EXT bit in it where the event was an external one.
//
// Source: Intel SDM 3A, 3.4 (segments), 5 (protection), 7.2 (TSS descriptors).
#pragma once

#include <cstdint>
#include <span>

#include "target/i386/cpu.h"

namespace qr::i386 {

enum SystemType : uint8_t {
    kTss16 = 1, kLdt = 2, kTss16Busy = 3, kCallGate16 = 4, kTaskGate = 5, kInterruptGate16 = 6,
    kTrapGate16 = 7, kTss32 = 9, kTss32Busy = 11, kCallGate32 = 12, kInterruptGate32 = 14,
    kTrapGate32 = 15,
};

constexpr bool null_selector(uint16_t selector) { return (selector & 0xfffc) == 0; }
constexpr uint32_t selector_error(uint16_t selector) { return selector & 0xfffc; }
constexpr unsigned selector_rpl(uint16_t selector) { return selector & 3; }
constexpr bool selector_in_ldt(uint16_t selector) { return selector & 4; }

struct Descriptor {
    uint32_t low = 0;
    uint32_t high = 0;
    uint16_t selector = 0;
    uint32_t address = 0;  // linear

    unsigned type() const { return (high >> 8) & 0xf; }
    bool s() const { return bit(high, 12); }
    unsigned dpl() const { return (high >> 13) & 3; }
    bool present() const { return bit(high, 15); }
    bool system_type(SystemType t) const { return !s() && type() == t; }

    // Code and data
    bool code() const { return s() && (type() & 8); }
    bool data() const { return s() && !(type() & 8); }
    bool conforming() const { return code() && (type() & 4); }
    bool readable() const { return data() || (type() & 2); }
    bool writable() const { return data() && (type() & 2); }
    uint32_t base() const { return (low >> 16) | ((high & 0xff) << 16) | (high & 0xff000000); }
    uint32_t limit() const {  // in bytes
        const uint32_t raw = (low & 0xffff) | (high & 0xf0000);
        return bit(high, 23) ? (raw << 12) | 0xfff : raw;
    }
    uint16_t attr() const { return (high >> 8) & 0xf0ff; }

    // Gates
    bool gate32() const { return bit(high, 11); }
    uint16_t target() const { return low >> 16; }
    uint32_t offset() const { return gate32() ? (low & 0xffff) | (high & 0xffff0000) : low & 0xffff; }
    unsigned parameters() const { return high & 31; }

    uint32_t error() const { return selector_error(selector); }
    // The register's image. The selector's RPL is replaced by `rpl`.
    Segment segment(unsigned rpl) const;
};

// Segment::read_end and write_end.
inline void derive_ends(Segment& s) {
    const uint64_t end = uint64_t{s.limit} + 1;
    const bool there = (s.attr & 0x90) == 0x90;
    const bool code = s.attr & 8, bit1 = s.attr & 2, expand_down = s.attr & 4;
    s.read_end = there && (code ? bit1 : !expand_down) ? end : 0;
    s.write_end = there && !code && bit1 && !expand_down ? end : 0;
}
inline Segment Descriptor::segment(unsigned rpl) const {
    Segment out;
    out.selector = static_cast<uint16_t>((selector & 0xfffc) | rpl);
    out.attr = attr();
    out.limit = limit();
    out.base = base();
    derive_ends(out);
    return out;
}

// Fetches the descriptor that a (non-null) selector names. False if it is outside its table, or in an LDT
// that there isn't. Page faults are thrown.
inline bool find_descriptor(Cpu& cpu, uint16_t selector, Descriptor& out) {
    uint32_t base = cpu.gdtr.base;
    uint32_t limit = cpu.gdtr.limit;
    if (selector_in_ldt(selector)) {
        if (!cpu.ldtr.present()) return false;
        base = static_cast<uint32_t>(cpu.ldtr.base);
        limit = cpu.ldtr.limit;
    }
    const uint32_t index = selector & 0xfff8;
    if (index + 7 > limit) return false;
    out.selector = selector;
    out.address = base + index;
    const auto raw = cpu.read_system<uint64_t>(out.address);
    out.low = static_cast<uint32_t>(raw);
    out.high = static_cast<uint32_t>(raw >> 32);
    return true;
}
// The same, throwing `vector` (selector) if there is none.
inline Descriptor get_descriptor(Cpu& cpu, uint16_t selector, Vector vector = kGP) {
    Descriptor d;
    if (!find_descriptor(cpu, selector, d)) fault(vector, selector_error(selector));
    return d;
}
// Sets the accessed bit of a code or data descriptor in memory, and in `d`.
inline void mark_accessed(Cpu& cpu, Descriptor& d) {
    if (d.high & 0x100) return;
    d.high |= 0x100;
    cpu.write_system<uint32_t>(d.address + 4, d.high);
}
// Writes the busy bit of a TSS descriptor in memory, and in `d`.
void mark_busy(Cpu& cpu, Descriptor& d, bool busy);

// Whether [offset, offset + size) is inside the segment's limit, in 32-bit arithmetic without wrap.
bool inside_limit(const Segment& segment, uint32_t offset, unsigned size);

// Host address of `bytes` (less than a page) of a 32-bit stack from SP on, which one TLB entry serves; else null.
inline uint8_t* direct_stack(const Cpu& cpu, const Segment& ss, unsigned level, uint32_t sp, uint32_t bytes, bool write) {
    if (!ss.db() || uint64_t{sp} + bytes > (write ? ss.write_end : ss.read_end)) return nullptr;
    const uint32_t linear = static_cast<uint32_t>(ss.base) + sp;
    const Tlb::Entry& e = cpu.tlb.entry(level, linear);
    if ((write ? e.write_tag : e.read_tag) != Tlb::last_page(linear, bytes)) return nullptr;
    return reinterpret_cast<uint8_t*>(e.addend + linear);
}

// A null selector: nothing can be accessed through it. The limit stays (it shows up again in real mode).
void load_null(Segment& segment, uint16_t selector = 0);
// Real mode: the base follows, limit and D/B stay as they were.
void load_real(Segment& segment, uint16_t selector);
// Virtual-8086 mode: 64 KB, writable, DPL 3.
void load_v86(Segment& segment, uint16_t selector);
// A return to an outer level hides data segments that it may not use (SDM 2B, RET).
void hide_inner_segments(Cpu& cpu);
inline void set_cpl(Cpu& cpu, unsigned cpl) { cpu.cpl = static_cast<uint8_t>(cpl); }

// Pushes the values in turn, at once where memory takes them so. level: whose TLB entries.
template <class Stack>
void push_values(Cpu& cpu, Stack& stack, const Segment& ss, unsigned level, std::span<const uint32_t> values,
                 unsigned op_size) {
    const auto bytes = static_cast<uint32_t>(values.size() * 4);
    if (op_size == 4 && stack.sp >= bytes) {
        if (uint8_t* p = direct_stack(cpu, ss, level, stack.sp - bytes, bytes, true)) {
            for (size_t n = 0; n < values.size(); ++n) store_le<uint32_t>(p + bytes - 4 * (n + 1), values[n]);
            stack.sp -= bytes;
            return;
        }
    }
    for (const uint32_t value : values) stack.push_sized(cpu, value, op_size);
}

// A stack that isn't the CPU's yet: calls and interrupts to an inner level fill it before anything is
// committed. Accesses are the supervisor's, as inner levels are 0 to 2.
struct InnerStack {
    Segment ss;
    uint32_t sp = 0;

    uint32_t mask() const { return ss.db() ? 0xffffffffu : 0xffffu; }
    // #SS(selector) if it doesn't fit.
    template <class T>
    void push(Cpu& cpu, T value) {
        const uint32_t at = (sp - static_cast<uint32_t>(sizeof(T))) & mask();
        if (!inside_limit(ss, at, sizeof(T)))
            fault(kSS, selector_error(ss.selector));
        cpu.write_system<T>(static_cast<uint32_t>(ss.base) + at, value);
        sp = (sp & ~mask()) | at;
    }
    // op_size 2 or 4
    void push_sized(Cpu& cpu, uint32_t value, unsigned op_size) {
        op_size == 4 ? push<uint32_t>(cpu, value) : push<uint16_t>(cpu, static_cast<uint16_t>(value));
    }
    void push_all(Cpu& cpu, std::span<const uint32_t> values, unsigned op_size) {
        push_values(cpu, *this, ss, 0, values, op_size);
    }
    // Makes it the CPU's stack. The new CPL is set by the caller.
    void commit(Cpu& cpu) const;
};

// SS:ESP for level `dpl` from the present TSS, checked: #TS(TSS) if the TSS is too short, #TS(SS) if
// the selector isn't a writable data segment of that level, #SS(SS) if it isn't present. The accessed
// bit is set.
InnerStack inner_stack(Cpu& cpu, unsigned dpl);

// Task gates, for far transfers and interrupts: the TSS selector must name a present, available TSS in
// the GDT (#GP, #NP). Permission to use the gate itself was checked by the caller. With
// TaskSwitch::kInterrupt the caller first sets EFLAGS.RF if the event is a fault.
//
// A fault that comes after the switch belongs to the new task: EIP is that task's, and must not be
// rewound. For JMP, CALL and IRET switch_task() delivers it itself and returns. For kInterrupt it
// throws a Fault with `in_new_task` set: deliver_fault() treats it as any other nested fault (without
// touching EIP); software_interrupt() must call deliver_fault() for it and return.
void switch_through_gate(Cpu& cpu, const Descriptor& gate, Cpu::TaskSwitch why, bool has_error = false,
                         uint32_t error = 0);

}  // namespace qr::i386
