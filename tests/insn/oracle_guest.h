// SPDX-License-Identifier: GPL-2.0-or-later
//
// Runs test cases on our CPU: protected mode, PAE paging with NX, privilege level 3, segments as
// Linux has them. Source: none (docs/testing.rst).
#pragma once

#include <memory>
#include <span>

#include "exec/ioport.h"
#include "exec/memory.h"
#include "sysemu/clock.h"
#include "target/i386/cpu.h"
#include "tests/insn/oracle.h"

namespace qr::oracle {

class Guest {
  public:
    Guest(const i386::CpuModel& model, std::unique_ptr<i386::Engine> engine,
          const uint64_t* pristine, const uint8_t* read_only);

    // slice: how many instructions to grant at a time. What is left of it at the end goes into a
    // jump to itself that is put at the pads.
    void run(const Case& c, unsigned slice, Result& r);
    // The same, and once more from the start: with all that the engine has translated, linked and cached the first time.
    // move: in between the data get other physical pages.
    void run_twice(const Case& c, unsigned slice, bool move, Result& r, Result& again);
    const i386::Cpu& cpu() const { return *cpu_; }
    const i386::Engine& engine() const { return *engine_; }

  private:
    void build_tables();
    void map_data();
    void put_descriptor(uint32_t at, uint32_t base, uint32_t limit, uint16_t attr);
    void map_page(uint32_t linear, uint32_t physical, uint64_t bits);
    i386::Segment load(uint16_t selector) const;
    void enter(const Case& c);
    void execute(const Case& c, unsigned slice, Result& r);
    void put_code(const Case& c, bool fill);
    void leave(Result& r);
    template <class T>
    void poke(uint32_t physical, T value) {
        std::memcpy(ram_->data() + physical, &value, sizeof value);
    }
    template <class T>
    T peek(uint32_t physical) const {
        T value;
        std::memcpy(&value, ram_->data() + physical, sizeof value);
        return value;
    }

    i386::CpuModel model_;
    Countdown countdown_;
    VirtualClock clock_;
    AddressSpace memory_;
    IoPortSpace ports_;
    std::unique_ptr<RamBlock> ram_;
    std::unique_ptr<i386::Cpu> cpu_;
    std::unique_ptr<i386::Engine> engine_;
    const uint64_t* pristine_;
    bool shut_down_ = false;
    unsigned place_ = 0;  // of the data
    i386::Segment gdt_segments_[8];
    i386::Segment ldt_segments_[kLdtEntries];
};

}  // namespace qr::oracle
