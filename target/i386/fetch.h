// SPDX-License-Identifier: GPL-2.0-or-later
//
// The x86 guest as the interpreter's loop sees it (accel/interp/interpreter.h names what each member is
// for), and exact instruction fetch. Source: Intel SDM 3A 5.3, 6.9.
#pragma once

#include <cstdint>
#include <span>

#include "target/i386/chain.h"
#include "target/i386/cpu.h"
#include "target/i386/insn.h"
#include "target/i386/mmu.h"

namespace qr::i386 {

struct InterpreterGuest {
    using Cpu = i386::Cpu;
    using Insn = i386::Insn;
    using Fault = i386::Fault;
    using Engine = i386::Engine;
    using Chaining = i386::Chaining;

    struct Where {
        const uint8_t* host;
        RamBlock* block;
        uint64_t page;
    };

    static Countdown& countdown(Cpu& cpu) { return cpu.wiring.countdown; }
    static uint64_t generation(const Cpu& cpu) { return cpu.tlb.generation(); }
    static unsigned world(uint32_t mode) { return mode & kUserMode ? 1 : 0; }
    static uint64_t generation(const Cpu& cpu, unsigned world) { return cpu.tlb.generation(world != 0); }
    static uint32_t pc(const Cpu& cpu) { return static_cast<uint32_t>(cpu.seg[kCs].base) + cpu.eip; }
    static uint32_t mode(const Cpu& cpu) {
        return (cpu.seg[kCs].db() ? 1u : 0u) | (cpu.cpl == 3 ? kUserMode : 0u) | (cpu.real_or_v86() ? 4u : 0u) |
               (is_flat(cpu) ? kFlatMode : 0u) | (fpu_ready(cpu) ? kFpuMode : 0u) |
               (es_is_flat(cpu) ? kFlatEsMode : 0u);
    }
    static uint64_t room(const Cpu& cpu) {
        const uint64_t end = uint64_t{cpu.seg[kCs].limit} + 1;
        return end > cpu.eip ? end - cpu.eip : 0;
    }
    static bool pending(const Cpu& cpu) { return cpu.events != 0; }
    static bool service(Cpu& cpu) { return cpu.service_events(); }
    static bool stops_at(Cpu& cpu, uint32_t linear) { return cpu.stops.stops_at(linear, cpu.wiring.countdown); }
    static Where locate(Cpu& cpu, uint32_t linear) {
        const FetchPage& page = fetch_page(cpu, linear);
        return {page.host, page.block, page.block_page};
    }
    static bool locate(Cpu& cpu, uint32_t linear, Where& where, Fault& fault) {
        const FetchPage* page = find_fetch_page(cpu, linear, fault);
        if (page) where = {page->host, page->block, page->block_page};
        return page != nullptr;
    }
    static bool decode(const Cpu& cpu, std::span<const uint8_t> bytes, Insn& insn);
    static bool ends_block(const Insn& insn);
    static bool keeps_mode(const Insn& insn) { return row_attr(insn.row) & kNearBranch; }
    static bool chain(uint32_t mode, std::span<Insn> insns, Insn& end) {
        if (!(mode & kFlatMode)) return false;
        chain_block(insns, end);
        return true;
    }
    static void watch(Cpu& cpu, RamBlock& block, uint64_t page, uint64_t granules) {
        if ((block.page(page).code_granules & granules) != granules)
            cpu.memory().watch_code(block, page, granules);
    }
    static void fetch(Cpu& cpu, Insn& insn);
    static void advance(Cpu& cpu, const Insn& insn) { cpu.eip += insn.length; }
    static void rewind(Cpu& cpu, const Insn& insn) { cpu.eip -= insn.end; }
    static void deliver(Cpu& cpu, const Fault& fault, unsigned length) {
        if (!fault.in_new_task) cpu.eip -= length;
        cpu.deliver_fault(fault);
    }
};

}  // namespace qr::i386
