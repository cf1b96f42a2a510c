// SPDX-License-Identifier: GPL-2.0-or-later
//
// Fetching descriptors, and the hidden part of segment registers.
// Source: Intel SDM 3A, 3.4.3 (segment registers), 3.4.5 (descriptors), 5.3 (limit checks), 5.8.5 (stack
// switching).
#include "target/i386/descriptor.h"

namespace qr::i386 {

void Segment::derive() { derive_ends(*this); }

void Segment::state(StateVisitor& v) {
    v("selector", selector);
    v("attr", attr);
    v("limit", limit);
    v("base", base);
    if (v.loading())
        derive();
}

void DescriptorTable::state(StateVisitor& v) {
    v("base", base);
    v("limit", limit);
}

void mark_busy(Cpu& cpu, Descriptor& d, bool busy) {
    d.high = busy ? d.high | 0x200 : d.high & ~0x200u;
    cpu.write_system<uint32_t>(d.address + 4, d.high);
}

bool inside_limit(const Segment& segment, uint32_t offset, unsigned size) {
    const uint64_t last = uint64_t{offset} + size - 1;
    const bool expand_down = (segment.attr & 0x1c) == 0x14;
    if (expand_down)
        return offset > segment.limit && last <= (segment.db() ? 0xffffffffu : 0xffffu);
    // A segment of 4 GB wraps around.
    return last <= segment.limit || segment.limit == 0xffffffff;
}

void load_null(Segment& segment, uint16_t selector) {
    segment.selector = selector;
    segment.attr = 0;
    segment.base = 0;
    segment.derive();
}

void load_real(Segment& segment, uint16_t selector) {
    segment.selector = selector;
    segment.base = uint32_t{selector} << 4;
    segment.attr = static_cast<uint16_t>((segment.attr & 0xf000) | 0x93);
    segment.derive();
}

void load_v86(Segment& segment, uint16_t selector) {
    segment.selector = selector;
    segment.base = uint32_t{selector} << 4;
    segment.limit = 0xffff;
    segment.attr = 0xf3;
    segment.derive();
}

void hide_inner_segments(Cpu& cpu) {
    for (const Seg s : {kEs, kDs, kFs, kGs}) {
        Segment& segment = cpu.seg[s];
        const bool conforming = (segment.attr & 0x1c) == 0x1c;
        if (!segment.present() || (!conforming && segment.dpl() < cpu.cpl))
            load_null(segment);
    }
}

void InnerStack::commit(Cpu& cpu) const {
    cpu.seg[kSs] = ss;
    cpu.set_sp(sp, mask());
}

InnerStack inner_stack(Cpu& cpu, unsigned dpl) {
    const bool tss32 = cpu.tr.type() & 8;
    const uint32_t at = tss32 ? dpl * 8 + 4 : dpl * 4 + 2;
    if (at + (tss32 ? 5 : 3) > cpu.tr.limit)
        fault(kTS, selector_error(cpu.tr.selector));
    const auto base = static_cast<uint32_t>(cpu.tr.base) + at;
    const uint32_t sp = tss32 ? cpu.read_system<uint32_t>(base) : cpu.read_system<uint16_t>(base);
    const auto selector = cpu.read_system<uint16_t>(base + (tss32 ? 4 : 2));
    const uint32_t error = selector_error(selector);

    if (null_selector(selector))
        fault(kTS, error);
    Descriptor d = get_descriptor(cpu, selector, kTS);
    if (selector_rpl(selector) != dpl || d.dpl() != dpl || !d.writable())
        fault(kTS, error);
    if (!d.present())
        fault(kSS, error);
    mark_accessed(cpu, d);
    InnerStack stack;
    stack.ss = d.segment(dpl);
    // A 16-bit stack takes SP only: the rest of ESP stays what it is.
    const auto esp = cpu.reg<uint32_t>(kEsp);
    stack.sp = (esp & ~stack.mask()) | (sp & stack.mask());
    return stack;
}

}  // namespace qr::i386
