// SPDX-License-Identifier: GPL-2.0-or-later
//
// A CPU with memory and nothing else, for tests of instructions and engines.
// Source: none.
#pragma once

#include <cstring>
#include <initializer_list>
#include <memory>
#include <span>
#include <vector>

#include "accel/interp/interp.h"
#include "exec/ioport.h"
#include "exec/memory.h"
#include "target/i386/cpu.h"

namespace qr::test {

class CpuFixture {
  public:
    explicit CpuFixture(const char* model_name = "max", uint64_t ram_size = 32 << 20,
                        std::unique_ptr<i386::Engine> with = make_i386_interpreter())
        : ram(std::move(*RamBlock::create("ram", ram_size, false))),
          model(*i386::parse_cpu_model(model_name)),
          engine(std::move(with)),
          cpu({memory, memory, ports, clock, countdown, nullptr, nullptr, [this] { ++shutdowns; }}, model) {
        memory.map_ram(0, ram_size, *ram, 0, 0);
        cpu.set_engine(*engine);
        cpu.reset();
    }

    void put(uint32_t address, std::span<const uint8_t> bytes) {
        memory.dma_write(address, bytes);
    }
    void put(uint32_t address, std::initializer_list<uint8_t> bytes) {
        put(address, std::span(bytes.begin(), bytes.size()));
    }
    template <class T>
    void poke(uint32_t address, T v) {
        put(address, std::span(reinterpret_cast<const uint8_t*>(&v), sizeof v));
    }
    template <class T>
    T peek(uint32_t address) {
        return load_le<T>(ram->data() + address);
    }

    // Real mode, flat from 0; code at `eip`, stack below 0x8000.
    void real_mode(uint16_t ip) {
        for (i386::Segment& s : cpu.seg) {
            s.selector = 0;
            s.base = 0;
        }
        cpu.eip = ip;
        cpu.gpr[i386::kEsp] = 0x8000;
    }
    // 32-bit protected mode at CPL 0 with flat segments, GDT at 0x800; no paging.
    void flat32(uint32_t eip) {
        poke<uint64_t>(0x808, 0x00cf9b000000ffff);
        poke<uint64_t>(0x810, 0x00cf93000000ffff);
        cpu.gdtr = {0x800, 0x17};
        cpu.cr0 |= i386::kCr0PE;
        for (i386::Segment& s : cpu.seg) {
            s = {.selector = 0x10, .attr = 0xc093, .limit = 0xffffffff, .base = 0};
            s.derive();
        }
        i386::Segment& cs = cpu.seg[i386::kCs];
        cs = {.selector = 8, .attr = 0xc09b, .limit = 0xffffffff, .base = 0};
        cs.derive();
        cpu.flush_tlb();
        cpu.eip = eip;
        cpu.gpr[i386::kEsp] = 0x9000;
    }
    // Runs n instructions; returns how many were really counted.
    uint64_t run(uint64_t n) {
        const uint64_t before = countdown.icount();
        const uint64_t until = before + n;
        while (countdown.icount() < until) {
            countdown.grant(until - countdown.icount());
            cpu.run();
            const bool stuck = cpu.halted();
            if (countdown.remaining > 0) countdown.leave();
            if (stuck) break;
        }
        return countdown.icount() - before;
    }

    std::unique_ptr<RamBlock> ram;
    AddressSpace memory;
    IoPortSpace ports;
    Countdown countdown;
    VirtualClock clock{countdown};
    i386::CpuModel model;
    std::unique_ptr<i386::Engine> engine;
    int shutdowns = 0;
    i386::Cpu cpu;
};

}  // namespace qr::test
