// SPDX-License-Identifier: GPL-2.0-or-later
//
// String instructions on memory: MOVS, CMPS, STOS, LODS, SCAS, with REP, REPE and REPNE.
//
// A repeated instruction runs either one iteration, by the ordinary accesses, or several at once, where
// both operands are plain memory that nothing watches. It never waits for the end: if iterations are left
// it goes back to its own address, so that the engine may stop, deliver an interrupt or decode again there.
// Each iteration counts one; the engine has counted the first.
// Source: Intel SDM volume 1, 7.3.9; volume 2, REP and the instructions' own pages.

#include <algorithm>

#include "target/i386/alu.h"
#include "target/i386/bulk.h"
#include "target/i386/operands.h"

namespace qr::i386 {
namespace {

template <class T>
uint32_t step(const Cpu& cpu) {
    return cpu.eflags & kDFlag ? 0u - static_cast<uint32_t>(sizeof(T)) : static_cast<uint32_t>(sizeof(T));
}
uint32_t source(const Cpu& cpu, const Insn& insn) { return cpu.reg<uint32_t>(kEsi) & insn.ea_mask; }
uint32_t destination(const Cpu& cpu, const Insn& insn) {
    return cpu.reg<uint32_t>(kEdi) & insn.ea_mask;
}

// A stretch of directly accessible elements from an offset on, in the direction of DF.
struct Stretch {
    uint8_t* host = nullptr;  // the first element
    uint32_t count = 0;
};
template <class T>
Stretch stretch(const Cpu& cpu, unsigned s, uint32_t offset, uint32_t ea_mask, bool write) {
    const uint64_t end = std::min(write ? cpu.seg[s].write_end : cpu.seg[s].read_end, uint64_t{ea_mask} + 1);
    if (uint64_t{offset} + sizeof(T) > end) return {};
    const uint32_t linear = static_cast<uint32_t>(cpu.seg[s].base) + offset;
    const Tlb::Entry& e = cpu.tlb.entry(cpu.cpl, linear);
    if ((write ? e.write_tag : e.read_tag) != Tlb::last_page(linear, sizeof(T))) return {};
    const uint32_t in_page = linear & kPageMask;
    uint64_t count;
    if (cpu.eflags & kDFlag)
        count = std::min(in_page, offset) / sizeof(T) + 1;
    else
        count = std::min<uint64_t>(kPageSize - in_page, end - offset) / sizeof(T);
    return {reinterpret_cast<uint8_t*>(e.addend + linear), static_cast<uint32_t>(count)};
}

// How many iterations may run at once: pending events want to be seen after each, and a debugger each.
uint32_t allowed(const Cpu& cpu, const Insn& insn) {
    if (cpu.events || (cpu.stops.breaking() && cpu.stops.breakpoint_at(cpu.program_counter32() - insn.length))) return 1;
    const uint64_t count = cpu.reg<uint32_t>(kEcx) & insn.ea_mask;
    return static_cast<uint32_t>(
        std::min<uint64_t>(count, static_cast<uint64_t>(cpu.wiring.countdown.remaining) + 1));
}

// Accounts for n iterations; goes back to the instruction if there are more.
void finish(Cpu& cpu, const Insn& insn, uint32_t n, bool stop = false) {
    add_masked(cpu, kEcx, 0u - n, insn.ea_mask);
    cpu.wiring.countdown.remaining -= n - 1;
    if (!stop && (cpu.reg<uint32_t>(kEcx) & insn.ea_mask)) cpu.repeat(insn.length);
}
bool nothing_to_do(const Cpu& cpu, const Insn& insn) {
    return insn.rep && (cpu.reg<uint32_t>(kEcx) & insn.ea_mask) == 0;
}
// REPE, REPNE: does the comparison end it?
bool ends(const Cpu& cpu, const Insn& insn) { return cpu.zf() != (insn.rep == 0xf3); }

struct Movs {
    template <class T>
    static void run(Cpu& cpu, const Insn& insn) {
        if (nothing_to_do(cpu, insn)) return;
        const uint32_t by = step<T>(cpu);
        const uint32_t from = source(cpu, insn);
        const uint32_t to = destination(cpu, insn);
        uint32_t n = 0;
        if (insn.rep) {
            const Stretch s = stretch<T>(cpu, insn.seg, from, insn.ea_mask, false);
            const Stretch d = stretch<T>(cpu, kEs, to, insn.ea_mask, true);
            n = std::min({s.count, d.count, allowed(cpu, insn)});
            if (n) copy<T>(s.host, d.host, n, cpu.eflags & kDFlag);
        }
        if (!n) {
            n = 1;
            cpu.write<T>(kEs, to, cpu.read<T>(insn.seg, from));
        }
        add_masked(cpu, kEsi, by * n, insn.ea_mask);
        add_masked(cpu, kEdi, by * n, insn.ea_mask);
        if (insn.rep) finish(cpu, insn, n);
    }

    // One element after the other, as far as anyone can tell.
    template <class T>
    static void copy(const uint8_t* s, uint8_t* d, uint32_t n, bool down) {
        const size_t bytes = size_t{n} * sizeof(T);
        if (down) {
            // d runs into elements that are still to be read only if it starts within `bytes` below s.
            if (d < s && s < d + bytes) {
                for (uint32_t i = 0; i < n; ++i, s -= sizeof(T), d -= sizeof(T))
                    store_le<T>(d, load_le<T>(s));
            } else {
                const size_t back = bytes - sizeof(T);
                std::memmove(d - back, s - back, bytes);
            }
        } else if (s < d && d < s + bytes) {
            for (uint32_t i = 0; i < n; ++i, s += sizeof(T), d += sizeof(T))
                store_le<T>(d, load_le<T>(s));
        } else {
            std::memmove(d, s, bytes);
        }
    }
};

struct Stos {
    template <class T>
    static void run(Cpu& cpu, const Insn& insn) {
        if (nothing_to_do(cpu, insn)) return;
        const uint32_t by = step<T>(cpu);
        const uint32_t to = destination(cpu, insn);
        const T value = cpu.reg<T>(kEax);
        uint32_t n = 0;
        if (insn.rep) {
            const Stretch d = stretch<T>(cpu, kEs, to, insn.ea_mask, true);
            n = std::min(d.count, allowed(cpu, insn));
            if (n) fill_elements<T>(cpu.eflags & kDFlag ? d.host - (n - 1) * sizeof(T) : d.host, n, value);
        }
        if (!n) {
            n = 1;
            cpu.write<T>(kEs, to, value);
        }
        add_masked(cpu, kEdi, by * n, insn.ea_mask);
        if (insn.rep) finish(cpu, insn, n);
    }
};

struct Lods {
    template <class T>
    static void run(Cpu& cpu, const Insn& insn) {
        if (nothing_to_do(cpu, insn)) return;
        const uint32_t by = step<T>(cpu);
        const uint32_t from = source(cpu, insn);
        uint32_t n = 0;
        if (insn.rep) {
            const Stretch s = stretch<T>(cpu, insn.seg, from, insn.ea_mask, false);
            n = std::min(s.count, allowed(cpu, insn));
            if (n) {
                const ptrdiff_t last = static_cast<int32_t>(by) * ptrdiff_t{n - 1};
                cpu.set_reg<T>(kEax, load_le<T>(s.host + last));
            }
        }
        if (!n) {
            n = 1;
            cpu.set_reg<T>(kEax, cpu.read<T>(insn.seg, from));
        }
        add_masked(cpu, kEsi, by * n, insn.ea_mask);
        if (insn.rep) finish(cpu, insn, n);
    }
};

struct Cmps {
    template <class T>
    static void run(Cpu& cpu, const Insn& insn) {
        if (nothing_to_do(cpu, insn)) return;
        const uint32_t by = step<T>(cpu);
        const uint32_t from = source(cpu, insn);
        const uint32_t to = destination(cpu, insn);
        uint32_t n = 0;
        T a{}, b{};
        if (insn.rep) {
            const Stretch s = stretch<T>(cpu, insn.seg, from, insn.ea_mask, false);
            const Stretch d = stretch<T>(cpu, kEs, to, insn.ea_mask, false);
            const uint32_t limit = std::min({s.count, d.count, allowed(cpu, insn)});
            const bool while_equal = insn.rep == 0xf3;
            const ptrdiff_t stride = static_cast<int32_t>(by);
            // The last one is looked at in any case: the flags are its comparison's.
            if (stride > 0 && limit) n = elements_before_end<T>(s.host, limit - 1, while_equal, OtherMemory<T>{d.host});
            while (n < limit) {
                a = load_le<T>(s.host + stride * ptrdiff_t{n});
                b = load_le<T>(d.host + stride * ptrdiff_t{n});
                ++n;
                if ((a == b) != while_equal) break;
            }
        }
        if (!n) {
            n = 1;
            a = cpu.read<T>(insn.seg, from);
            b = cpu.read<T>(kEs, to);
        }
        alu_sub<T>(cpu, a, b);
        add_masked(cpu, kEsi, by * n, insn.ea_mask);
        add_masked(cpu, kEdi, by * n, insn.ea_mask);
        if (insn.rep) finish(cpu, insn, n, ends(cpu, insn));
    }
};

struct Scas {
    template <class T>
    static void run(Cpu& cpu, const Insn& insn) {
        if (nothing_to_do(cpu, insn)) return;
        const uint32_t by = step<T>(cpu);
        const uint32_t to = destination(cpu, insn);
        const T a = cpu.reg<T>(kEax);
        uint32_t n = 0;
        T b{};
        if (insn.rep) {
            const Stretch d = stretch<T>(cpu, kEs, to, insn.ea_mask, false);
            const uint32_t limit = std::min(d.count, allowed(cpu, insn));
            const bool while_equal = insn.rep == 0xf3;
            const ptrdiff_t stride = static_cast<int32_t>(by);
            if (stride > 0 && limit) n = elements_before_end<T>(d.host, limit - 1, while_equal, SameValue<T>(a));
            while (n < limit) {
                b = load_le<T>(d.host + stride * ptrdiff_t{n});
                ++n;
                if ((a == b) != while_equal) break;
            }
        }
        if (!n) {
            n = 1;
            b = cpu.read<T>(kEs, to);
        }
        alu_sub<T>(cpu, a, b);
        add_masked(cpu, kEdi, by * n, insn.ea_mask);
        if (insn.rep) finish(cpu, insn, n, ends(cpu, insn));
    }
};

constexpr Row kRows[] = {
    {"movsb", "A4", "Yb:w Xb:r", "r:d", kString, Feature::kBase, same(Movs::run<uint8_t>)},
    {"movs", "A5", "Yv:w Xv:r", "r:d", kString, Feature::kBase, sized<Movs>()},
    {"cmpsb", "A6", "Xb:r Yb:r", "r:d w:oszapc", kString, Feature::kBase, same(Cmps::run<uint8_t>)},
    {"cmps", "A7", "Xv:r Yv:r", "r:d w:oszapc", kString, Feature::kBase, sized<Cmps>()},
    {"stosb", "AA", "Yb:w AL:r", "r:d", kString, Feature::kBase, same(Stos::run<uint8_t>)},
    {"stos", "AB", "Yv:w eAX:r", "r:d", kString, Feature::kBase, sized<Stos>()},
    {"lodsb", "AC", "AL:w Xb:r", "r:d", kString, Feature::kBase, same(Lods::run<uint8_t>)},
    {"lods", "AD", "eAX:w Xv:r", "r:d", kString, Feature::kBase, sized<Lods>()},
    {"scasb", "AE", "AL:r Yb:r", "r:d w:oszapc", kString, Feature::kBase, same(Scas::run<uint8_t>)},
    {"scas", "AF", "eAX:r Yv:r", "r:d w:oszapc", kString, Feature::kBase, sized<Scas>()},
};

}  // namespace

std::span<const Row> string_rows() { return kRows; }

}  // namespace qr::i386
