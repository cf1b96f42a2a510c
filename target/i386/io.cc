// SPDX-License-Identifier: GPL-2.0-or-later
//
// Port I/O: IN, OUT, INS, OUTS. A repeated INS or OUTS does one transfer each time it is executed.
// Source: Intel SDM volume 1, chapter 19; volume 2, the instructions' own pages.

#include "target/i386/operands.h"

namespace qr::i386 {
namespace {

template <class T>
T port_in(Cpu& cpu, uint16_t port) {
    return static_cast<T>(cpu.wiring.ports.port_read(port, sizeof(T)));
}
template <class T>
void port_out(Cpu& cpu, uint16_t port, T value) {
    cpu.wiring.ports.port_write(port, sizeof(T), value);
}

template <bool kDx>
uint16_t port_number(const Cpu& cpu, const Insn& insn) {
    return kDx ? cpu.reg<uint16_t>(kEdx) : static_cast<uint16_t>(insn.imm & 0xff);
}

template <bool kDx>
struct In {
    template <class T>
    static void run(Cpu& cpu, const Insn& insn) {
        const uint16_t port = port_number<kDx>(cpu, insn);
        cpu.check_io(port, sizeof(T));
        cpu.set_reg<T>(kEax, port_in<T>(cpu, port));
    }
};
template <bool kDx>
struct Out {
    template <class T>
    static void run(Cpu& cpu, const Insn& insn) {
        const uint16_t port = port_number<kDx>(cpu, insn);
        cpu.check_io(port, sizeof(T));
        port_out<T>(cpu, port, cpu.reg<T>(kEax));
    }
};

// Runs one transfer, and goes back to the instruction if REP wants more.
template <class T, class F>
void transfer(Cpu& cpu, const Insn& insn, unsigned pointer, F f) {
    if (insn.rep && (cpu.reg<uint32_t>(kEcx) & insn.ea_mask) == 0) return;
    const uint16_t port = cpu.reg<uint16_t>(kEdx);
    cpu.check_io(port, sizeof(T));
    f(port, cpu.reg<uint32_t>(pointer) & insn.ea_mask);
    const uint32_t size = sizeof(T);
    add_masked(cpu, pointer, cpu.eflags & kDFlag ? 0u - size : size, insn.ea_mask);
    if (!insn.rep) return;
    add_masked(cpu, kEcx, ~0u, insn.ea_mask);
    if (cpu.reg<uint32_t>(kEcx) & insn.ea_mask) cpu.repeat(insn.length);
}
struct Ins {
    template <class T>
    static void run(Cpu& cpu, const Insn& insn) {
        transfer<T>(cpu, insn, kEdi, [&](uint16_t port, uint32_t offset) {
            cpu.probe(kEs, offset, sizeof(T), true);  // before the port is read: that can't be undone
            cpu.write<T>(kEs, offset, port_in<T>(cpu, port));
        });
    }
};
struct Outs {
    template <class T>
    static void run(Cpu& cpu, const Insn& insn) {
        transfer<T>(cpu, insn, kEsi, [&](uint16_t port, uint32_t offset) {
            port_out<T>(cpu, port, cpu.read<T>(insn.seg, offset));
        });
    }
};

// They don't end a block: what a device does to the CPU (interrupts, A20, memory maps, resets) shows as an event, a used
// up countdown or a flushed TLB, and every engine looks at these after a handler.
constexpr uint32_t kPort = kIo | kNotInUserTest;
constexpr Row kRows[] = {
    {"in", "E4", "AL:w Ib:r", "", kPort, Feature::kBase, same(In<false>::run<uint8_t>)},
    {"in", "E5", "eAX:w Ib:r", "", kPort, Feature::kBase, sized<In<false>>()},
    {"in", "EC", "AL:w DX:r", "", kPort, Feature::kBase, same(In<true>::run<uint8_t>)},
    {"in", "ED", "eAX:w DX:r", "", kPort, Feature::kBase, sized<In<true>>()},
    {"out", "E6", "Ib:r AL:r", "", kPort, Feature::kBase, same(Out<false>::run<uint8_t>)},
    {"out", "E7", "Ib:r eAX:r", "", kPort, Feature::kBase, sized<Out<false>>()},
    {"out", "EE", "DX:r AL:r", "", kPort, Feature::kBase, same(Out<true>::run<uint8_t>)},
    {"out", "EF", "DX:r eAX:r", "", kPort, Feature::kBase, sized<Out<true>>()},
    {"insb", "6C", "Yb:w DX:r", "r:d", kPort | kString, Feature::kBase, same(Ins::run<uint8_t>)},
    {"ins", "6D", "Yv:w DX:r", "r:d", kPort | kString, Feature::kBase, sized<Ins>()},
    {"outsb", "6E", "DX:r Xb:r", "r:d", kPort | kString, Feature::kBase, same(Outs::run<uint8_t>)},
    {"outs", "6F", "DX:r Xv:r", "r:d", kPort | kString, Feature::kBase, sized<Outs>()},
};

}  // namespace

std::span<const Row> io_rows() { return kRows; }

}  // namespace qr::i386
